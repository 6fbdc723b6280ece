package cryptoki

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"signet/ca/gm"
	"signet/ca/pki"
)

// SelfTest holds the profile against the module: with keys that live in the session only, it signs and verifies in software, and decrypts
// what software encrypted, for each kind of key the token says it has. The session must be logged in.
//
// Errors: ErrProfile, with what did not hold; errors other than ClassOther as they are, since they say nothing of the profile.
func (p *Profile) SelfTest(ctx context.Context, s *Session, mechs []uint) error {
	tested := false
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256, pki.RSA2048} {
		if !p.CanSign(mechs, alg) || alg == pki.RSA2048 && tested {
			continue // RSA keys take long to make: tested only where there is nothing else
		}
		tested = true
		if err := p.testSigning(ctx, s, alg); err != nil {
			return p.refuse(string(alg)+" signing", err)
		}
	}
	byMech := p.SM2.Encrypt != 0 && slices.Contains(mechs, p.SM2.Encrypt)
	byECDH := (p.SM2.Curve || p.SM2.Key != 0) && p.SM2.Encrypt == 0 && slices.Contains(mechs, CKM_ECDH1_DERIVE)
	if byMech || byECDH {
		if err := p.testSM2Decryption(ctx, s); err != nil {
			return p.refuse("SM2 decryption", err)
		}
	}
	if p.SM2.Key == 0 && slices.Contains(mechs, CKM_ECDH1_DERIVE) && slices.Contains(mechs, CKM_EC_KEY_PAIR_GEN) {
		if err := p.testECDH(ctx, s); err != nil {
			return p.refuse("ECDH", err)
		}
	}
	return nil
}

func (p *Profile) refuse(what string, err error) error {
	if c := ClassOf(err); c == ClassFatal || c == ClassSession || c == ClassPIN {
		return err
	}
	return fmt.Errorf("%w: %s does not hold for this module: %s: %w", ErrProfile, p.Name, what, err)
}

func (p *Profile) testSigning(ctx context.Context, s *Session, alg pki.KeyAlg) (err error) {
	pubO, priv, err := p.GenerateKeyPair(ctx, s, KeySpec{Alg: alg, Sign: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Destroy(ctx, priv), s.Destroy(ctx, pubO)) }()
	pub, err := p.PublicKey(ctx, s, pubO)
	if err != nil {
		return err
	}
	message := []byte("self-test")
	sum, hash := sha256.Sum256(message), crypto.SHA256
	if k, ok := pub.(*gm.PublicKey); ok {
		sum, hash = [32]byte(k.Digest(nil, message)), 0
	}
	_, err = p.Sign(ctx, s, priv, pub, sum[:], hash)
	return err
}

func (p *Profile) testSM2Decryption(ctx context.Context, s *Session) (err error) {
	pubO, priv, err := p.GenerateKeyPair(ctx, s, KeySpec{Alg: pki.SM2, Decrypt: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Destroy(ctx, priv), s.Destroy(ctx, pubO)) }()
	pub, err := p.PublicKey(ctx, s, pubO)
	if err != nil {
		return err
	}
	k, ok := pub.(*gm.PublicKey)
	if !ok {
		return ErrKey
	}
	message := []byte("self-test")
	der, err := k.Encrypt(rand.Reader, message)
	if err != nil {
		return err
	}
	c, err := gm.ParseCiphertext(der)
	if err != nil {
		return err
	}
	got, err := p.DecryptSM2(ctx, s, priv, c)
	if err == nil && !bytes.Equal(got, message) {
		err = errors.New("another plaintext came back")
	}
	return err
}

func (p *Profile) testECDH(ctx context.Context, s *Session) (err error) {
	pubO, priv, err := p.GenerateKeyPair(ctx, s, KeySpec{Alg: pki.P256, Decrypt: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Destroy(ctx, priv), s.Destroy(ctx, pubO)) }()
	pub, err := p.PublicKey(ctx, s, pubO)
	if err != nil {
		return err
	}
	theirs, ok := pub.(interface {
		ECDH() (*ecdh.PublicKey, error)
	})
	if !ok {
		return ErrKey
	}
	there, err := theirs.ECDH()
	if err != nil {
		return err
	}
	mine, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	want, err := mine.ECDH(there)
	if err != nil {
		return err
	}
	got, err := p.SharedX(ctx, s, priv, mine.PublicKey().Bytes(), 32)
	if err == nil && !bytes.Equal(got, want) {
		err = errors.New("another secret came back")
	}
	return err
}
