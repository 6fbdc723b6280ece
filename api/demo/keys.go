package demo

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"

	"signet/api/account"
	"signet/api/ra"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/softkey"
)

// tokenKind describes one software key to be made.
type tokenKind struct {
	dir, serial, label, note string
	holder                   string // file name of the holder whose pair is on it; "" = blank
	locked                   bool
}

var tokenKinds = []tokenKind{
	{dir: "qingzhou", serial: "SIM-14100AE9", label: "演示 UKey · 擎洲测试投标人6", holder: "qingzhou", note: "带旧证书 74C2008800000AE9 · holds the old certificate"},
	{dir: "blank", serial: "SIM-BLANK001", label: "演示 UKey · 空白", note: "空白 · blank"},
	{dir: "tiangu-locked", serial: "SIM-LOCK0A11", label: "演示 UKey · 杭州田谷", holder: "tiangu", locked: true, note: "PIN 已锁定 · PIN locked"},
}

func (s *seeder) keysDir() string { return filepath.Join(s.Dir, "keys") }

// keys makes the software keys: one with the old certificates, one blank, one whose PIN is locked.
func (s *seeder) keys(ctx context.Context) error {
	list, err := remembered(s.secret("pins.json"), func() ([]Token, error) {
		var list []Token
		for _, k := range tokenKinds {
			pin, err := newPIN()
			if err != nil {
				return nil, err
			}
			list = append(list, Token{Serial: k.serial, PIN: pin, Dir: filepath.Join("keys", k.dir), Label: k.label, Note: k.note})
		}
		return list, nil
	})
	if err != nil {
		return err
	}
	err = folder(s.keysDir(), func(dir string) error {
		for i, k := range tokenKinds {
			if err := s.token(ctx, filepath.Join(dir, k.dir), k, list[i].PIN); err != nil {
				return fmt.Errorf("%s: %w", k.serial, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range list {
		t.Dir = filepath.Join(s.Dir, t.Dir)
		s.made.Tokens = append(s.made.Tokens, t)
	}
	return nil
}

// newPIN draws a six-digit PIN that a key accepts as new.
func newPIN() (string, error) {
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
		if err != nil {
			return "", err
		}
		if pin := fmt.Sprintf("%06d", n); ukey.CheckPIN(ukey.PIN(pin)) == nil {
			return pin, nil
		}
	}
}

func (s *seeder) token(ctx context.Context, dir string, k tokenKind, pin string) error {
	so, err := newPIN()
	if err != nil {
		return err
	}
	token, err := softkey.Create(dir, softkey.Config{Serial: k.serial, Label: k.label, PIN: ukey.PIN(pin), SOPIN: ukey.PIN(so + so)})
	if err != nil {
		return err
	}
	if err := s.register(ctx, k, so+so); err != nil {
		return err
	}
	if k.holder != "" {
		if err := s.fill(ctx, token, k.holder, pin); err != nil {
			return err
		}
	}
	if k.locked {
		return lock(ctx, token)
	}
	return nil
}

// register enters a key with its officer's PIN, as a maker's delivery list would.
func (s *seeder) register(ctx context.Context, k tokenKind, so string) error {
	if s.RA == nil {
		return nil // only the files are wanted
	}
	entry := ra.TokenEntry{Serial: k.serial, Model: softkey.Model, Label: k.label, SOPIN: ukey.PIN(so)}
	for _, h := range holders {
		if h.file == k.holder {
			entry.SignSerial = h.signSerial
		}
	}
	maker := account.Actor{AccountID: "demo", Role: account.RoleOperator, State: account.Verified}
	_, err := s.RA.RegisterTokens(ctx, maker, []ra.TokenEntry{entry})
	return err
}

// fill puts a holder's old pair on a key.
func (s *seeder) fill(ctx context.Context, token *softkey.Token, holderFile, pin string) (err error) {
	session, err := token.Open(ctx, ukey.PIN(pin))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	for _, h := range holders {
		if h.file != holderFile {
			continue
		}
		if err := s.put(ctx, session, ukey.Sign, h.file+"-sign", h.signSerial); err != nil {
			return err
		}
		return s.put(ctx, session, ukey.Encrypt, h.file+"-enc", h.encSerial)
	}
	return fmt.Errorf("no holder %s", holderFile)
}

func (s *seeder) put(ctx context.Context, session *softkey.Session, usage ukey.Usage, keyFile, serial string) error {
	key, err := readKey(filepath.Join(s.legacyDir(), "private", keyFile+".key"))
	if err != nil {
		return err
	}
	cert, err := readCertificate(filepath.Join(s.legacyDir(), "certs", serial+".cer"))
	if err != nil {
		return err
	}
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	id := ukey.KeyIDOf(random)
	if err := session.ImportKey(ctx, id, usage, key); err != nil {
		return err
	}
	return session.PutCertificate(ctx, id, cert.Raw)
}

// lock types wrong PINs until the key locks.
func lock(ctx context.Context, token *softkey.Token) error {
	const most = 20
	for range most {
		_, err := token.Login(ctx, ukey.PIN("not-the-pin"))
		if errors.Is(err, ukey.ErrLocked) {
			return nil
		}
		if _, wrong := errors.AsType[*ukey.PINError](err); !wrong {
			return err
		}
	}
	return errors.New("it does not lock")
}

func readKey(path string) (crypto.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New(filepath.Base(path) + " holds no key")
	}
	return pki.ParsePrivateKey(block.Bytes)
}
