package softkey

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"signet/ca/pki"
	"signet/ukey"
)

// fill puts a pair and an object on a key.
func fill(t *testing.T, token *Token) {
	t.Helper()
	s := openToken(t, token)
	defer s.Close()
	if _, err := s.Generate(t.Context(), idA, pki.SM2); err != nil {
		t.Fatal(err)
	}
	if err := s.PutObject(t.Context(), idB, []byte(`{"1":"AQ=="}`), []byte("geheim")); err != nil {
		t.Fatal(err)
	}
}

// TestFormatCutAnywhere cuts the power at each point of formatting: the SO can always finish it, and nothing that was there opens
// afterwards.
func TestFormatCutAnywhere(t *testing.T) {
	cut := errors.New("power")
	for n := 1; ; n++ {
		token := newToken(t)
		fill(t, token)
		left := n
		token.fault = func(string) error {
			if left--; left <= 0 {
				return cut
			}
			return nil
		}
		err := token.format(t.Context(), "neu", ukey.PIN(testSO))
		token.fault = nil
		if err != nil && !errors.Is(err, cut) {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if err := Format(t.Context(), token.dir, "neu", ukey.PIN(testSO)); err != nil {
			t.Fatalf("after a cut at %d: %v", n, err)
		}
		checkBlank(t, token, fmt.Sprintf("cut at %d", n))
		if err == nil {
			if n < 10 {
				t.Fatalf("only %d points", n-1)
			}
			return
		}
	}
}

func checkBlank(t *testing.T, token *Token, when string) {
	t.Helper()
	info, err := token.Info(t.Context())
	pairs, err1 := token.Pairs()
	objects, err2 := token.Objects()
	if err := errors.Join(err, err1, err2); err != nil || info.Initialised || info.Serial != "SK-0001" || len(pairs)+len(objects) != 0 {
		t.Fatalf("%s: %+v, %d pairs, %d objects, %v", when, info, len(pairs), len(objects), err)
	}
	if _, err := token.Open(t.Context(), ukey.PIN(testPIN)); !errors.Is(err, ukey.ErrNoPIN) {
		t.Fatalf("%s: the old PIN: %v", when, err)
	}
	so, err := token.OpenSO(t.Context(), ukey.PIN(testSO))
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	defer so.Close()
	if err := so.InitPIN(t.Context(), ukey.PIN("Next-PIN-3")); err != nil {
		t.Fatalf("%s: %v", when, err)
	}
}

func TestFormatNeedsTheSO(t *testing.T) {
	token := newToken(t)
	fill(t, token)
	var wrong *ukey.PINError
	for range 5 {
		if err := Format(t.Context(), token.dir, "x", ukey.PIN("wrong-SO1")); !errors.As(err, &wrong) {
			t.Fatal(err)
		}
	}
	for _, pin := range []string{"wrong-SO1", testSO} {
		if err := Format(t.Context(), token.dir, "x", ukey.PIN(pin)); !errors.Is(err, ukey.ErrLocked) {
			t.Errorf("after the last try: %v", err)
		}
	}
	if pairs, err := token.Pairs(); err != nil || len(pairs) != 1 {
		t.Errorf("something was lost: %v, %v", pairs, err)
	}
	blank := filepath.Join(t.TempDir(), "empty")
	if err := Format(t.Context(), blank, "x", ukey.PIN("short")); !errors.Is(err, ukey.ErrWeakPIN) {
		t.Error(err)
	}
}

func TestObjects(t *testing.T) {
	token := newToken(t)
	fill(t, token)
	s := openToken(t, token)
	ctx := t.Context()
	if secret, err := s.Secret(ctx, idB); err != nil || string(secret) != "geheim" {
		t.Errorf("%q, %v", secret, err)
	}
	if err := s.PutObject(ctx, idA, []byte(`{}`), nil); err != nil {
		t.Error(err) // the id of a pair is free among objects
	}
	if secret, err := s.Secret(ctx, idA); err != nil || secret != nil {
		t.Errorf("%q, %v", secret, err)
	}
	objects, err := token.Objects()
	if err != nil || len(objects) != 2 || objects[0].HasSecret || !objects[1].HasSecret {
		t.Errorf("%+v, %v", objects, err)
	}
	for len(objects) < maxObjects {
		if err := s.PutObject(ctx, NewID(), []byte(`{}`), nil); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, Object{})
	}
	if err := s.PutObject(ctx, NewID(), []byte(`{}`), nil); !errors.Is(err, ukey.ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	if err := s.RemoveObject(ctx, idB); err != nil {
		t.Error(err)
	}
	if err := s.RemoveObject(ctx, idB); !errors.Is(err, ukey.ErrNotFound) {
		t.Error(err)
	}
	if err := s.Amend(ctx, idA, []byte("cert"), []byte(`{"x":1}`)); err != nil {
		t.Error(err)
	}
	if p, err := token.Pair(idA); err != nil || !bytes.Equal(p.Certificate, []byte("cert")) || len(p.Overlay) == 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := s.Signer(idA); err != nil {
		t.Errorf("an overlay broke the seal: %v", err)
	}
	key, err := pki.GenerateKey(pki.SM2, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(ctx, Pair{ID: idA, Usage: ukey.Sign}, key); !errors.Is(err, ukey.ErrExists) {
		t.Errorf("over another pair: %v", err)
	}
}
