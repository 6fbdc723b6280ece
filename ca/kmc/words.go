package kmc

import (
	"encoding/binary"
	"errors"
	"strings"
)

// Bytes as words that can be printed, read aloud and typed: two bytes are one word of five letters, consonants and vowels in turn.
//
// Source: D. S. Wilkerson, A Proposal for Proquints: Identifiers that are Readable, Spellable, and Pronounceable, arXiv:0901.4016.

const (
	consonants = "bdfghjklmnprstvz"
	vowels     = "aiou"
)

var errWords = errors.New("kmc: not the words of a share")

// wordsOf writes an even number of bytes.
func wordsOf(b []byte) string {
	var out strings.Builder
	for i := 0; i+1 < len(b); i += 2 {
		if i > 0 {
			out.WriteByte('-')
		}
		v := binary.BigEndian.Uint16(b[i:])
		for _, letter := range []byte{consonants[v>>12], vowels[v>>10&3], consonants[v>>6&15], vowels[v>>4&3], consonants[v&15]} {
			out.WriteByte(letter)
		}
	}
	return out.String()
}

// fromWords reads what wordsOf wrote, however it was spaced and capitalised.
func fromWords(text string) ([]byte, error) {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == '-' || r == ' ' || r == '\n' || r == '\r' || r == '\t' || r == ',' })
	out := make([]byte, 0, 2*len(words))
	for _, w := range words {
		if len(w) != 5 {
			return nil, errWords
		}
		var v uint16
		for i := range 5 {
			alphabet, bits := consonants, 4
			if i%2 == 1 {
				alphabet, bits = vowels, 2
			}
			at := strings.IndexByte(alphabet, w[i])
			if at < 0 {
				return nil, errWords
			}
			v = v<<bits | uint16(at)
		}
		out = binary.BigEndian.AppendUint16(out, v)
	}
	return out, nil
}
