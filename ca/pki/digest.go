package pki

import (
	"crypto"
	"fmt"
	"hash"
	"io"

	"signet/ca/gm"
)

// NewDigest is Digest for a message that comes in pieces: what is written is hashed, Sum gives what the signer receives. For SM2 the hash has
// ZA in it already; for ML-DSA, which signs the message itself, all of it is kept.
//
// Errors: as Digest.
func NewDigest(pub crypto.PublicKey, alg SigAlg) (hash.Hash, crypto.SignerOpts, error) {
	facts, ok := sigAlgs[alg]
	if !ok || facts.hash == crypto.SHA1 {
		return nil, nil, unsupported("signature algorithm %s", alg)
	}
	if familyOf(pub) != facts.family {
		return nil, nil, fmt.Errorf("%w: %s does not fit the key", ErrSignature, alg)
	}
	if sm2, ok := pub.(*gm.PublicKey); ok {
		return sm2.NewDigest(nil), SM2Opts, nil
	}
	if _, ok := pub.(*MLDSAPublicKey); ok {
		return new(wholeMessage), crypto.Hash(0), nil
	}
	return facts.hash.New(), facts.hash, nil
}

// SignDigest signs what NewDigest or Digest computed and verifies the result before it leaves, as Sign does.
//
// Errors: those of the key; ErrSignature when the key's answer does not verify.
func SignDigest(rand io.Reader, key crypto.Signer, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	sig, err := key.Sign(rand, digest, opts)
	if err != nil {
		return nil, err
	}
	if err := verifyDigest(key.Public(), digest, opts.HashFunc(), sig); err != nil {
		return nil, fmt.Errorf("checking a fresh signature: %w", err)
	}
	return sig, nil
}
