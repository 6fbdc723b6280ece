package pki

import (
	"bytes"
	"testing"
)

// TestOwnOIDs: those encoded beforehand are what the encoder makes, and nobody can change them.
func TestOwnOIDs(t *testing.T) {
	for dotted := range ownOIDs {
		want, err := encodeOID(dotted)
		if err != nil {
			t.Fatalf("%s: %v", dotted, err)
		}
		got, err := EncodeOID(dotted)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v, want %x", dotted, got, err, want)
		}
		got[len(got)-1]++
		if again, _ := EncodeOID(dotted); !bytes.Equal(again, want) {
			t.Errorf("%s was changed from outside", dotted)
		}
	}
}
