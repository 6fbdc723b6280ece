package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/softkey"
)

func TestThePastIsWhatRealAuthoritiesLeft(t *testing.T) {
	now := time.Now()
	s := &seeder{Config: Config{Dir: t.TempDir(), Now: func() time.Time { return now }}}
	if err := s.past(t.Context()); err != nil {
		t.Fatal(err)
	}
	roots, err := readCertificates(s.legacyDir(), sm2Root.id, rsaRoot.id)
	if err != nil {
		t.Fatal(err)
	}
	above, err := readCertificates(s.legacyDir(), sm2CA.id, rsaCA.id)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range holders {
		t.Run(h.file, func(t *testing.T) {
			cert, err := readCertificate(filepath.Join(s.legacyDir(), "certs", h.signSerial+".cer"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = pki.BuildPath(cert, pki.PathOptions{Roots: pki.NewPool(roots...), Intermediates: pki.NewPool(above...), At: now, Usage: pki.DigitalSignature})
			if err != nil {
				t.Error(err)
			}
			if cert.SerialHex != h.signSerial || cert.Subject.CommonName() != h.name || !cert.NotAfter.Equal(at(now, h.ends, 12, 25, 4)) {
				t.Errorf("got %s %s until %s", cert.SerialHex, cert.Subject, cert.NotAfter)
			}
			if alg, err := pki.AlgOf(cert.PublicKey); err != nil || alg != h.alg {
				t.Errorf("key is %s, want %s (%v)", alg, h.alg, err)
			}
			id := pki.ReadIdentity(cert)
			if h.uscc != "" && id.USCC != h.uscc {
				t.Errorf("USCC is %q, want %q", id.USCC, h.uscc)
			}
			if raw := id.Raw["1.2.156.10260.4.1.4"]; h.uscc == "" && raw != h.orgCode { // no code by its check digit, but there
				t.Errorf("organisation code is %q, want %q", raw, h.orgCode)
			}
			if h.uscc != "" && pki.CheckUSCC(h.uscc) != nil {
				t.Errorf("made-up code %s fails its check digits", h.uscc)
			}
		})
	}
	if pki.CheckOrgCode("353535509") == nil {
		t.Error("35353550-9 must keep the wrong check digit that seed 002 prints")
	}
}

func TestSoftwareKeysAndSealedBid(t *testing.T) {
	s := &seeder{Config: Config{Dir: t.TempDir(), Now: time.Now}}
	for _, step := range []func() error{
		func() error { return s.past(t.Context()) }, func() error { return s.keys(t.Context()) }, func() error { return s.bid(t.Context()) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	tokens := map[string]ukey.Token{}
	list, err := softkey.Open(s.keysDir()).Tokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range list {
		info, err := token.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tokens[info.Serial] = token
	}
	if len(tokens) != 3 {
		t.Fatalf("found %d keys, want 3", len(tokens))
	}
	if info, err := tokens["SIM-LOCK0A11"].Info(t.Context()); err != nil || !info.PINLocked {
		t.Errorf("the third key is not locked: %+v %v", info, err)
	}
	if keys, err := tokens["SIM-BLANK001"].Keys(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("the blank key holds %d pairs (%v)", len(keys), err)
	}

	// The sealed bid opens with the old encryption key on the first key, and with nothing else to it.
	session, err := tokens["SIM-14100AE9"].Login(t.Context(), ukey.PIN(s.made.Tokens[0].PIN))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	keys, err := tokens["SIM-14100AE9"].Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := os.ReadFile(s.made.Bid)
	if err != nil {
		t.Fatal(err)
	}
	env, err := cms.ParseEnveloped(sealed)
	if err != nil {
		t.Fatal(err)
	}
	opened := false
	for _, k := range keys {
		if k.Usage != ukey.Encrypt {
			continue
		}
		decrypter, err := session.Decrypter(k.ID)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := pki.ParseCertificate(k.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := env.Open(cert, decrypter)
		opened = err == nil && bytes.Equal(plain, []byte(bidText))
	}
	if !opened {
		t.Error("the bid does not open with the old encryption key")
	}

	// A second start finds everything and changes nothing.
	before := s.made.Tokens[0].PIN
	again := &seeder{Config: s.Config}
	if err := again.keys(t.Context()); err != nil || again.made.Tokens[0].PIN != before {
		t.Errorf("a second start changed the keys: %v", err)
	}
}
