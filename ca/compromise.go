package ca

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"signet/ca/pki"
)

// Compromise reports that somebody else has a private key. Whoever can sign with it has shown that, and need not say who they are.
//
// Shape: Nonce is 16 to 64 bytes, drawn by whoever took the report; Proof is a signature over CompromiseText(SPKI, Nonce) by the key's default
// algorithm (pki.SigAlgFor), DER for SM2 and ECDSA.
// Nil/zero: InvalidAt zero = not known.
type Compromise struct {
	SPKI      []byte
	Nonce     []byte
	Proof     []byte
	InvalidAt time.Time
	By, Note  string
}

// CompromiseText is what the key must sign: a text that no holder signs for any other purpose.
func CompromiseText(spki, nonce []byte) []byte {
	hash := pki.SPKIHash(spki)
	return fmt.Appendf(nil, "signet: this private key is compromised and all its certificates are to be revoked\nkey %x\nnonce %x\n", hash, nonce)
}

// RevokeKey revokes every certificate over a compromised key, of every CA here, held and expired ones too, all in one transaction; those that
// were revoked for another reason are compromised from now on. The other halves of their pairs end with them (CessationOfOperation), as
// nothing is known against their keys. It returns the serials, as CA and serial separated by a slash.
//
// Errors: *RefusedError with RefusedKey for a key that cannot be read, RefusedProof for a proof that does not hold; ErrUnknownKey; as Revoke.
func (a *Authority) RevokeKey(ctx context.Context, c Compromise) ([]string, error) {
	pub, err := pki.ParsePublicKey(c.SPKI)
	if err != nil {
		return nil, refuse(RefusedKey, err.Error())
	}
	alg, err := pki.SigAlgFor(pub)
	if err != nil {
		return nil, refuse(RefusedKey, err.Error())
	}
	if n := len(c.Nonce); n < 16 || n > 64 {
		return nil, refuse(RefusedProof, "the nonce is not 16 to 64 bytes")
	}
	if err := pki.Verify(pub, alg, CompromiseText(c.SPKI, c.Nonce), c.Proof); err != nil {
		return nil, refuse(RefusedProof, "the signature is not by this key over this text")
	}
	hash := pki.SPKIHash(c.SPKI)
	certs, err := a.c.Store.Find(ctx, nil, [][32]byte{hash})
	if err != nil {
		return nil, fmt.Errorf("looking for certificates of key %s: %w", hex.EncodeToString(hash[:]), err)
	}
	var serials []string
	var rs []Revocation
	now := a.c.Now().UTC().Truncate(time.Second)
	for _, cert := range certs {
		serials = append(serials, cert.CA+"/"+cert.SerialHex)
		rs = append(rs, Revocation{
			CA: cert.CA, SerialHex: cert.SerialHex, Reason: KeyCompromise, PairReason: CessationOfOperation,
			At: now, InvalidAt: c.InvalidAt.UTC().Truncate(time.Second), By: c.By, Note: c.Note,
		})
	}
	switch {
	case len(rs) == 0:
		return nil, ErrUnknownKey
	case c.InvalidAt.After(now):
		return nil, refuse(RefusedReason, "invalid from a time later than the revocation")
	}
	if err := a.c.Store.Revoke(ctx, rs...); err != nil {
		return nil, fmt.Errorf("revoking certificates of key %s: %w", hex.EncodeToString(hash[:]), err)
	}
	return serials, nil
}

// ErrUnknownKey: no certificate here is over that key.
var ErrUnknownKey = errors.New("ca: no certificate over this key")
