package ukeytest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"signet/ca/gm"
	"signet/ca/pki"
	"signet/ukey"
)

// wrongSO tries a wrong SO PIN and wants to hear so.
func wrongSO(t *testing.T, f Fixture, left int) {
	t.Helper()
	var wrong *ukey.PINError
	err := f.Token.Unblock(t.Context(), ukey.PIN("wrong-SO-5"), ukey.PIN("new-Pin-82"))
	if !errors.As(err, &wrong) || !wrong.SO || wrong.TriesLeft != -1 && wrong.TriesLeft != left {
		t.Errorf("wrong SO PIN: %v", err)
	}
}

func testUnblock(t *testing.T, f Fixture) {
	s := login(t, f)
	before := f.generate(t, s, signID)
	wantErr(t, "while a session is open", f.Token.Unblock(t.Context(), bytes.Clone(f.SO), ukey.PIN("new-Pin-82")), ukey.ErrBusy)
	s.Close()
	for range f.Tries {
		f.Token.Login(t.Context(), ukey.PIN("wrong-PIN"))
	}
	wantErr(t, "weak", f.Token.Unblock(t.Context(), bytes.Clone(f.SO), ukey.PIN("111111")), ukey.ErrWeakPIN)
	wrongSO(t, f, f.Tries-1)
	if err := f.Token.Unblock(t.Context(), bytes.Clone(f.SO), ukey.PIN("new-Pin-82")); err != nil {
		t.Fatal(err)
	}
	info, err := f.Reopen().Info(t.Context())
	if err != nil || info.PINLocked || info.PINTriesLeft != -1 && info.PINTriesLeft != f.Tries {
		t.Errorf("%+v, %v", info, err)
	}
	if info.SOLocked || info.SOTriesLeft != -1 && info.SOTriesLeft != f.Tries {
		t.Errorf("the SO's tries do not come back: %+v", info)
	}
	f.PIN = ukey.PIN("new-Pin-82")
	if after := f.generate(t, login(t, f), signID); !samePublic(t, before, after) {
		t.Error("unblocking cost a key")
	}
}

func testSOPIN(t *testing.T, f Fixture) {
	next := ukey.PIN("next-SO-91")
	wantErr(t, "weak", f.Token.ChangeSOPIN(t.Context(), bytes.Clone(f.SO), ukey.PIN("111111")), ukey.ErrWeakPIN)
	var wrong *ukey.PINError
	if err := f.Token.ChangeSOPIN(t.Context(), ukey.PIN("wrong-SO-5"), bytes.Clone(next)); !errors.As(err, &wrong) || !wrong.SO {
		t.Errorf("wrong old SO PIN: %v", err)
	}
	if err := f.Token.ChangeSOPIN(t.Context(), bytes.Clone(f.SO), bytes.Clone(next)); err != nil {
		t.Fatal(err)
	}
	if err := f.Token.Unblock(t.Context(), bytes.Clone(f.SO), ukey.PIN("new-Pin-82")); !errors.As(err, &wrong) {
		t.Errorf("the old SO PIN still opens: %v", err)
	}
	if err := f.Reopen().Unblock(t.Context(), bytes.Clone(next), ukey.PIN("new-Pin-82")); err != nil {
		t.Errorf("the new SO PIN: %v", err)
	}
	f.PIN = ukey.PIN("new-Pin-82")
	login(t, f).Close()
	if f.Tries == 0 {
		return
	}
	for left := f.Tries - 1; left > 0; left-- {
		wrongSO(t, f, left)
	}
	if info, err := f.Token.Info(t.Context()); err != nil || info.SOTriesLeft != 1 || info.SOLocked {
		t.Errorf("before the last try: %+v, %v", info, err)
	}
	wantErr(t, "the last wrong try", f.Token.Unblock(t.Context(), ukey.PIN("wrong-SO-5"), ukey.PIN("new-Pin-83")), ukey.ErrSOLocked)
	wantErr(t, "the right one on a locked token", f.Reopen().ChangeSOPIN(t.Context(), next, ukey.PIN("third-SO-1")), ukey.ErrSOLocked)
	login(t, f).Close() // the holder's PIN does not suffer
}

func testLabel(t *testing.T, f Fixture) {
	s, ca := login(t, f), NewCA(t, f.alg())
	pub := f.generate(t, s, signID)
	wantErr(t, "no key", s.SetLabel(t.Context(), otherID, "x"), ukey.ErrNotFound)
	for _, bad := range []string{strings.Repeat("长", 22), "a\nb", "\xff", " x", "x "} {
		wantErr(t, bad, s.SetLabel(t.Context(), signID, bad), ukey.ErrLabel)
	}
	cert := ca.Certify(t, pub, "签名", pki.SigningUsage)
	for _, label := range []string{"flash:7f3a", "李雷的签名密钥", "", "last"} {
		if err := s.SetLabel(t.Context(), signID, label); err != nil {
			t.Fatal(err)
		}
		if err := s.PutCertificate(t.Context(), signID, cert.Raw); err != nil {
			t.Fatal(err)
		}
		f.generate(t, s, signID) // what is there is not touched
		keys, err := f.Reopen().Keys(t.Context())
		if err != nil || len(keys) != 1 || keys[0].Label != label || keys[0].Usage != ukey.Sign || keys[0].Certificate == nil {
			t.Errorf("%q: %+v, %v", label, keys, err)
		}
	}
}

// testHistory keeps several encryption pairs beside each other, found by their public keys and each good for its own messages.
func testHistory(t *testing.T, f Fixture) {
	without(t, f.alg() != pki.SM2, "SM2")
	s := login(t, f)
	signing := f.generate(t, s, signID)
	pairs := map[ukey.KeyID]*gm.PrivateKey{encID: newSM2(t), otherID: newSM2(t)}
	for id, key := range pairs {
		if err := s.ImportEnveloped(t.Context(), id, signID, envelope(t, signing, key)); err != nil {
			t.Fatal(err)
		}
	}
	for id, key := range pairs {
		spki, err := ukey.Key{Public: key.Public()}.SPKI()
		if err != nil {
			t.Fatal(err)
		}
		found, err := ukey.FindSPKI(t.Context(), f.Token, spki)
		if err != nil || found.ID != id || found.Usage != ukey.Encrypt {
			t.Errorf("%+v, %v", found, err)
		}
		openAll(t, s, found.ID, key)
	}
	_, err := ukey.FindSPKI(t.Context(), f.Token, []byte("0"))
	wantErr(t, "another's", err, ukey.ErrNotFound)
	if err := s.Delete(t.Context(), otherID); err != nil {
		t.Fatal(err)
	}
	openAll(t, s, encID, pairs[encID])
}

// openAll decrypts every encoding that software in the field writes.
func openAll(t *testing.T, s ukey.Session, id ukey.KeyID, key *gm.PrivateKey) {
	t.Helper()
	d, err := s.Decrypter(id)
	if err != nil {
		t.Fatal(err)
	}
	der, err := key.PublicKey().Encrypt(rand.Reader, []byte("旧标书"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := gm.ParseCiphertext(der)
	if err != nil {
		t.Fatal(err)
	}
	for form, sealed := range map[string][]byte{"DER": der, "C1C3C2": c.C1C3C2(), "C1C2C3": c.C1C2C3()} {
		if plain, err := d.Decrypt(rand.Reader, sealed, nil); err != nil || string(plain) != "旧标书" {
			t.Errorf("%s: %q, %v", form, plain, err)
		}
	}
}

// DriverFixture is a driver with blanks plugged in.
type DriverFixture struct {
	Driver ukey.Driver
	Serial string // of a blank that has one; "": none has
}

// TestBlanks is the contract of blank keys; open gives a driver with at least one, and no token.
func TestBlanks(t *testing.T, open func(t *testing.T) DriverFixture) {
	f := open(t)
	so, pin := ukey.PIN("SO-secret-42"), ukey.PIN("Right-PIN-7")
	blanks, err := f.Driver.Blanks(t.Context())
	if err != nil || len(blanks) == 0 {
		t.Fatal(blanks, err)
	}
	b := blanks[0]
	for _, o := range blanks {
		if f.Serial != "" && o.Serial == f.Serial {
			b = o
		}
	}
	if b.Serial != f.Serial || b.Place == "" {
		t.Fatalf("%+v", blanks)
	}
	refused := func(what string, b ukey.Blank, label string, so, pin ukey.PIN, want error) {
		t.Helper()
		_, err := f.Driver.Initialise(t.Context(), b, label, bytes.Clone(so), bytes.Clone(pin))
		wantErr(t, what, err, want)
		if now, err := f.Driver.Blanks(t.Context()); err != nil || len(now) != len(blanks) {
			t.Errorf("%s did something: %v, %v", what, now, err)
		}
	}
	refused("weak PIN", b, "x", so, ukey.PIN("123456"), ukey.ErrWeakPIN)
	refused("weak SO PIN", b, "x", ukey.PIN("111111"), pin, ukey.ErrWeakPIN)
	refused("no label", b, "", so, pin, ukey.ErrLabel)
	refused("long label", b, strings.Repeat("x", ukey.MaxLabel+1), so, pin, ukey.ErrLabel)
	refused("another place", ukey.Blank{Model: b.Model, Place: "elsewhere"}, "x", so, pin, ukey.ErrNotBlank)
	token, err := f.Driver.Initialise(t.Context(), b, "新的 UKey", bytes.Clone(so), bytes.Clone(pin))
	if err != nil {
		t.Fatal(err)
	}
	info, err := token.Info(t.Context())
	if err != nil || info.Label != "新的 UKey" || !info.Initialised || info.Serial == "" || f.Serial != "" && info.Serial != f.Serial {
		t.Errorf("%+v, %v", info, err)
	}
	if r := info.PINRules; r.Max != 0 && (r.Min < ukey.MinPIN || r.Max > ukey.MaxPIN || r.Min > r.Max) {
		t.Errorf("%+v", r)
	}
	s, err := token.Login(t.Context(), bytes.Clone(pin))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	_, err = f.Driver.Initialise(t.Context(), b, "again", bytes.Clone(so), bytes.Clone(pin))
	wantErr(t, "a token that holds something", err, ukey.ErrNotBlank)
	if tokens, err := f.Driver.Tokens(t.Context()); err != nil || len(tokens) != 1 {
		t.Errorf("%v, %v", tokens, err)
	}
}
