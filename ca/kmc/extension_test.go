package kmc

import (
	"errors"
	"testing"
)

func FuzzReadExtension(f *testing.F) {
	hash := [32]byte{1, 2, 3}
	for _, e := range []extension{{}, {reuse: &hash}, {key: &hash, reason: "介质损坏"}} {
		f.Add(e.text())
	}
	for _, text := range []string{"", "signet1;", "signet1;reuse=", "signet1;key=00;reason=", "signet2;x"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, info []byte) {
		e, err := readExtension(info)
		if err != nil {
			if !errors.Is(err, errExtension) || e.used {
				t.Fatalf("%v with %+v", err, e)
			}
			return
		}
		if !e.used {
			return
		}
		again, err := readExtension(e.text())
		if err != nil || string(again.text()) != string(e.text()) || again.reason != e.reason {
			t.Fatalf("%q reads back as %+v, %v", e.text(), again, err)
		}
	})
}
