package main

import (
	"bufio"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"signet/hsm/keyfile"
)

// An archive is a line of text, the length of a head in two octets, the head as JSON, and chunks of ChaCha20-Poly1305 whose nonces count them and
// mark the last, so that none can be left out, moved or cut off. Its key is made of the passphrase by Argon2id with a salt of its own; the head
// is authenticated with every chunk.
//
// Source: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015), as age has it.
const (
	archiveMagic = "signet backup 1\n"
	chunkSize    = 64 << 10
	lastChunk    = 1
)

// archiveCost is that of keyfile's default.
var archiveCost = keyfile.Cost{Passes: 3, Memory: 64 << 10, Lanes: 4}

type archiveHead struct {
	Cost keyfile.Cost `json:"argon2id"`
	Salt []byte       `json:"salt"`
}

var errArchive = errors.New("the passphrase is wrong, or the archive is damaged or cut off")

// sealer encrypts what is written to it. Close ends the archive; without it, it is not whole.
type sealer struct {
	to    io.Writer
	aead  cipher.AEAD
	head  []byte
	nonce [chacha20poly1305.NonceSize]byte
	chunk []byte
}

func newSealer(to io.Writer, passphrase []byte) (*sealer, error) {
	h := archiveHead{Cost: archiveCost, Salt: make([]byte, 16)}
	if _, err := rand.Read(h.Salt); err != nil {
		return nil, err
	}
	head, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	aead, err := h.open(passphrase)
	if err != nil {
		return nil, err
	}
	start := binary.BigEndian.AppendUint16([]byte(archiveMagic), uint16(len(head)))
	if _, err := to.Write(append(start, head...)); err != nil {
		return nil, err
	}
	return &sealer{to: to, aead: aead, head: head, chunk: make([]byte, 0, chunkSize)}, nil
}

func (h archiveHead) open(passphrase []byte) (cipher.AEAD, error) {
	key := argon2.IDKey(passphrase, h.Salt, h.Cost.Passes, h.Cost.Memory, h.Cost.Lanes, chacha20poly1305.KeySize)
	defer clear(key)
	return chacha20poly1305.New(key)
}

// Write implements io.Writer.
func (s *sealer) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		if len(s.chunk) == chunkSize { // only now is it known that it is not the last
			if err := s.seal(0); err != nil {
				return 0, err
			}
		}
		n := min(chunkSize-len(s.chunk), len(p))
		s.chunk, p = append(s.chunk, p[:n]...), p[n:]
	}
	return written, nil
}

// Close writes the last chunk.
func (s *sealer) Close() error { return s.seal(lastChunk) }

func (s *sealer) seal(last byte) error {
	s.nonce[len(s.nonce)-1] = last
	sealed := s.aead.Seal(nil, s.nonce[:], s.chunk, s.head)
	s.chunk = s.chunk[:0]
	count(&s.nonce)
	_, err := s.to.Write(sealed)
	return err
}

// count adds one to the number before the mark.
func count(nonce *[chacha20poly1305.NonceSize]byte) {
	for i := len(nonce) - 2; i >= 0; i-- {
		if nonce[i]++; nonce[i] != 0 {
			return
		}
	}
}

// unsealer decrypts an archive. It gives no octet that was not authenticated, and io.EOF only at its true end.
type unsealer struct {
	from  *bufio.Reader
	aead  cipher.AEAD
	head  []byte
	nonce [chacha20poly1305.NonceSize]byte
	rest  []byte
	ended bool
}

func newUnsealer(from io.Reader, passphrase []byte) (*unsealer, error) {
	in := bufio.NewReaderSize(from, 2*chunkSize)
	start := make([]byte, len(archiveMagic)+2)
	if _, err := io.ReadFull(in, start); err != nil || string(start[:len(archiveMagic)]) != archiveMagic {
		return nil, errors.New("this is no archive of signetctl backup")
	}
	head := make([]byte, binary.BigEndian.Uint16(start[len(archiveMagic):]))
	var h archiveHead
	if _, err := io.ReadFull(in, head); err != nil || json.Unmarshal(head, &h) != nil || len(h.Salt) != 16 {
		return nil, errArchive
	}
	if c := h.Cost; c.Passes < 1 || c.Passes > 16 || c.Memory < 8<<10 || c.Memory > 1<<20 || c.Lanes < 1 || c.Lanes > 64 { // or a forged one eats all memory
		return nil, fmt.Errorf("%w: Argon2id cost out of bounds", errArchive)
	}
	aead, err := h.open(passphrase)
	return &unsealer{from: in, aead: aead, head: head}, err
}

// Read implements io.Reader.
func (u *unsealer) Read(p []byte) (int, error) {
	for len(u.rest) == 0 {
		if u.ended {
			return 0, io.EOF
		}
		if err := u.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

func (u *unsealer) next() error {
	sealed := make([]byte, chunkSize+chacha20poly1305.Overhead)
	n, err := io.ReadFull(u.from, sealed)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return errArchive // also where it just ends: the last chunk says that it is the last
	}
	if _, err := u.from.Peek(1); errors.Is(err, io.EOF) {
		u.nonce[len(u.nonce)-1], u.ended = lastChunk, true
	}
	if u.rest, err = u.aead.Open(sealed[:0], u.nonce[:], sealed[:n], u.head); err != nil {
		return errArchive
	}
	count(&u.nonce)
	return nil
}
