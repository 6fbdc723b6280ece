package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha512" // SHA-384 and SHA-512 behind crypto.Hash
	"io"

	"signet/ca/gm"
)

// SM2Opts is what an SM2 signer gets as options: no hash, as e = SM3(ZA‖message) is computed already.
const SM2Opts = crypto.Hash(0)

// Digest computes what a signer of that algorithm receives for msg, and the options that go with it. For ML-DSA that is msg itself.
//
// Errors: ErrSignature when the algorithm does not fit the key, ErrUnsupported when it is unknown or SHA-1.
func Digest(pub crypto.PublicKey, alg SigAlg, msg []byte) ([]byte, crypto.SignerOpts, error) {
	h, opts, err := NewDigest(pub, alg)
	if err != nil {
		return nil, nil, err
	}
	h.Write(msg)
	return h.Sum(nil), opts, nil
}

func familyOf(pub crypto.PublicKey) family {
	switch k := pub.(type) {
	case *gm.PublicKey:
		return familySM2
	case *ecdsa.PublicKey:
		return familyECDSA
	case *rsa.PublicKey:
		return familyRSA
	case *MLDSAPublicKey:
		return k.set.family
	}
	return 0
}

// Sign signs msg and verifies the result before it leaves, since a faulty device's wrong signature can give the key away.
//
// Errors: those of the key; ErrSignature when the algorithm does not fit or the key's answer does not verify.
func Sign(rand io.Reader, key crypto.Signer, alg SigAlg, msg []byte) ([]byte, error) {
	digest, opts, err := Digest(key.Public(), alg, msg)
	if err != nil {
		return nil, err
	}
	return SignDigest(rand, key, digest, opts)
}

// Verify checks a signature over msg.
//
// Errors: ErrSignature, also when the algorithm does not fit the key; ErrUnsupported for unknown algorithms and SHA-1.
func Verify(pub crypto.PublicKey, alg SigAlg, msg, sig []byte) error {
	digest, opts, err := Digest(pub, alg, msg)
	if err != nil {
		return err
	}
	return verifyDigest(pub, digest, opts.HashFunc(), sig)
}

func verifyDigest(pub crypto.PublicKey, digest []byte, hash crypto.Hash, sig []byte) error {
	ok := false
	switch k := pub.(type) {
	case *gm.PublicKey:
		ok = k.Verify(digest, sig)
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(k, digest, sig)
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(k, hash, digest, sig) == nil
	case *MLDSAPublicKey:
		ok = k.verify(digest, sig)
	}
	if !ok {
		return ErrSignature
	}
	return nil
}
