package gm

import (
	"bytes"
	"crypto/cipher"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"slices"
	"testing"

	"github.com/c2sp/wycheproof"
)

// hexBytes is bytes as the vectors write them.
type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	b, err := hex.DecodeString(s)
	*h = b
	return err
}

type wycheproofTest struct {
	TcID                       int
	Comment, Result            string
	Key, Iv, Aad, Msg, Ct, Tag hexBytes
	tagSize                    int
}

// eachCase runs a file's cases, all of them: what is valid must be accepted and what is not must not.
func eachCase(t *testing.T, file string, accepted func(c wycheproofTest) bool) {
	t.Helper()
	text, err := fs.ReadFile(wycheproof.TestVectors, file)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		NumberOfTests int
		TestGroups    []struct {
			TagSize int
			Tests   []wycheproofTest
		}
	}
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	run := 0
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			run++
			c.tagSize = g.TagSize / 8
			if got := accepted(c); got != (c.Result == "valid") {
				t.Errorf("%s case %d (%s): accepted %v, the case is %s", file, c.TcID, c.Comment, got, c.Result)
			}
		}
	}
	if run == 0 || run != f.NumberOfTests {
		t.Errorf("%s: %d of %d cases ran", file, run, f.NumberOfTests)
	}
}

func TestWycheproofSM4GCM(t *testing.T) {
	eachCase(t, "sm4_gcm_test.json", func(c wycheproofTest) bool {
		if len(c.Iv) == 0 {
			return false // crypto/cipher panics for a size of 0; the case is invalid
		}
		b, err := NewSM4(c.Key)
		if err != nil {
			return false
		}
		gcm, err := cipher.NewGCMWithNonceSize(b, len(c.Iv))
		if err != nil || c.tagSize != gcm.Overhead() {
			t.Fatalf("case %d: tag of %d bytes, %v", c.TcID, c.tagSize, err)
		}
		msg, err := gcm.Open(nil, c.Iv, slices.Concat(c.Ct, c.Tag), c.Aad)
		return err == nil && bytes.Equal(msg, c.Msg) &&
			bytes.Equal(gcm.Seal(nil, c.Iv, c.Msg, c.Aad), slices.Concat(c.Ct, c.Tag))
	})
}

func TestWycheproofHMACSM3(t *testing.T) {
	eachCase(t, "hmac_sm3_test.json", func(c wycheproofTest) bool {
		h := hmac.New(NewSM3, c.Key)
		h.Write(c.Msg)
		return hmac.Equal(h.Sum(nil)[:c.tagSize], c.Tag)
	})
}
