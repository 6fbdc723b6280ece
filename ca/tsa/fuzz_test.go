package tsa_test

import (
	"bytes"
	"testing"

	"signet/ca/pki"
	"signet/ca/tsa"
)

// FuzzParse feeds all readers: none may panic, and a request that is read is written again as it was, but for what DER would leave out.
func FuzzParse(f *testing.F) {
	s := newSite(f, pki.P256)
	st := s.stamper(f)
	for _, digest := range []string{"SM3", "SHA-256", "SHA-512"} {
		r := request(f, digest, "x")
		der, err := r.DER()
		must(f, err)
		f.Add(der)
		f.Add(st.Respond(ctx, der))
		r.Policy, r.Nonce, r.CertReq = policy, nil, false
		der, err = r.DER()
		must(f, err)
		f.Add(der)
	}
	f.Add(st.Respond(ctx, nil))
	f.Fuzz(func(t *testing.T, der []byte) {
		if token, err := tsa.ParseResponse(der); err == nil {
			_, _ = token.Verify(nil)
		}
		r, err := tsa.ParseRequest(der)
		if err != nil {
			return
		}
		again, err := r.DER()
		if err == nil && len(again) == len(der) && !bytes.Equal(again, der) {
			t.Fatalf("%x became %x", der, again)
		}
	})
}
