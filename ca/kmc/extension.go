package kmc

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// extension is what our own CA says to our own centre beyond GM/T 0014, in extendInfo, which the standard leaves open: that an earlier key
// goes on being used, which key is to be restored and why, and that retPriKey shall be an SM2EnvelopedKey (GM/T 0009 §7.4), the form that
// tokens import, whose sender the signature over the whole answer proves.
//
// Shape: "signet1" and then ";name=value" for reuse and key (SHA-256 of the SPKI in hex) and reason (base64).
// Source: ours; a centre of somebody else's ignores it, and Client then refuses its answer.
type extension struct {
	used       bool
	reuse, key *[32]byte
	reason     string
}

const extensionMark = "signet1"

// errExtension: an extension that begins like ours and says what is not known here.
var errExtension = errors.New("kmc: extendInfo asks for what is not done here")

func (e extension) text() []byte {
	out := extensionMark
	for _, part := range []struct {
		name string
		hash *[32]byte
	}{{"reuse", e.reuse}, {"key", e.key}} {
		if part.hash != nil {
			out += ";" + part.name + "=" + hex.EncodeToString(part.hash[:])
		}
	}
	if e.reason != "" {
		out += ";reason=" + base64.StdEncoding.EncodeToString([]byte(e.reason))
	}
	return []byte(out)
}

// readExtension reads extendInfo; what does not begin with our mark is somebody else's and means nothing here.
//
// Errors: errExtension.
func readExtension(info []byte) (extension, error) {
	parts := strings.Split(string(info), ";")
	if parts[0] != extensionMark {
		return extension{}, nil
	}
	e := extension{used: true}
	for _, part := range parts[1:] {
		if err := e.take(part); err != nil {
			return extension{}, err
		}
	}
	if e.key != nil && e.reason == "" {
		return extension{}, fmt.Errorf("%w: no reason", errExtension)
	}
	return e, nil
}

func (e *extension) take(part string) error {
	name, value, _ := strings.Cut(part, "=")
	switch {
	case name == "reuse" && e.reuse == nil:
		e.reuse = new([32]byte)
		return readHash(e.reuse, value)
	case name == "key" && e.key == nil:
		e.key = new([32]byte)
		return readHash(e.key, value)
	case name == "reason" && e.reason == "":
		text, err := base64.StdEncoding.DecodeString(value)
		if err != nil || !utf8.Valid(text) || !isLine(string(text), 400) {
			return fmt.Errorf("%w: reason", errExtension)
		}
		e.reason = string(text)
		return nil
	}
	return fmt.Errorf("%w: %.20q", errExtension, name)
}

func readHash(into *[32]byte, value string) error {
	if n, err := hex.Decode(into[:], []byte(value[:min(len(value), 64)])); err != nil || n != 32 || len(value) != 64 {
		return fmt.Errorf("%w: a hash", errExtension)
	}
	return nil
}
