package verify

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/api/problem"
	"signet/ca/gm"
	"signet/ca/pki"
)

// maxUID bounds an SM2 user ID; its length in bits has 16 bits in ZA.
const maxUID = 1024

// Forms of a raw signature.
const (
	FormDER = "der"
	FormRS  = "rs"
)

// raw judges a bare signature by the certificate that came with it.
func (j *judge) raw(ctx context.Context) error {
	if len(j.q.Certificate) == 0 {
		return missing("certificate", "A raw signature needs the signer's certificate.")
	}
	if !j.q.HasContent && len(j.q.Content) == 0 && len(j.q.Digest) == 0 {
		return missing("content", "A raw signature needs the signed content, or its digest.")
	}
	if (j.q.HasContent || len(j.q.Content) > 0) && len(j.q.Digest) > 0 {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "Give the content or the digest, not both.").WithField("digest")
	}
	cert, err := readCertificate(j.q.Certificate)
	if err != nil {
		return err
	}
	if j.q.UID != "" && j.q.UID != gm.DefaultUID && !isSM2(cert) {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "Only SM2 signatures have a user ID.").WithField("uid")
	}
	sig, err := signatureDER(j.q, cert)
	if err != nil {
		return err
	}
	ok, alg, err := check(j.q, cert, sig)
	if err != nil {
		return err
	}
	n, err := j.signer(ctx, cert, alg, time.Time{}, nil)
	if err != nil {
		return err
	}
	if ok {
		j.find(n, ReasonSignatureOK, true, "The signature is by the key of this certificate (%s).", alg)
	} else {
		j.find(n, ReasonSignatureBad, false, "The signature is not by the key of this certificate over this content (%s).", alg)
	}
	return nil
}

func isSM2(cert *pki.Certificate) bool {
	_, ok := cert.PublicKey.(*gm.PublicKey)
	return ok
}

// readCertificate reads DER or PEM; of several the first is the signer's.
func readCertificate(in []byte) (*pki.Certificate, error) {
	if in[0] == 0x30 {
		cert, err := pki.ParseCertificate(in)
		if errors.Is(err, pki.ErrUnsupported) {
			return nil, unsupported("The certificate's key or signature algorithm is not supported.", err)
		}
		if err != nil {
			return nil, malformed("certificate", "The certificate cannot be read.", err)
		}
		return cert, nil
	}
	certs, err := pki.ParseCertificatesPEM(in)
	if err != nil {
		return nil, malformed("certificate", "The certificate cannot be read.", err)
	}
	return certs[0], nil
}

// signatureDER brings r‖s to DER. RSA signatures have one form only.
func signatureDER(q Request, cert *pki.Certificate) ([]byte, error) {
	switch q.SignatureFormat {
	case "", FormDER:
		return q.Signature, nil
	case FormRS:
	default:
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "The format is der or rs.").WithField("signatureFormat")
	}
	size := 32
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return q.Signature, nil
	case *ecdsa.PublicKey:
		size = (key.Curve.Params().BitSize + 7) / 8
	}
	if len(q.Signature) != 2*size {
		return nil, malformed("signature", "The signature is not r‖s of this key's size.", nil)
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(q.Signature[:size]))
		b.AddASN1BigInt(new(big.Int).SetBytes(q.Signature[size:]))
	})
	return b.Bytes()
}

// check verifies the bare signature; alg names what was tried.
func check(q Request, cert *pki.Certificate, sig []byte) (ok bool, alg string, err error) {
	switch key := cert.PublicKey.(type) {
	case *gm.PublicKey:
		ok, err = checkSM2(q, key, sig)
		return ok, "SM2-SM3", err
	case *ecdsa.PublicKey:
		return checkECDSA(q, key, sig)
	case *rsa.PublicKey:
		return checkRSA(q, key, sig)
	}
	return false, "", unsupported("The key's algorithm is not supported.", nil)
}

func checkSM2(q Request, key *gm.PublicKey, sig []byte) (bool, error) {
	uid := q.UID
	if uid == "" {
		uid = gm.DefaultUID
	}
	switch {
	case len(uid) > maxUID:
		return false, problem.New(problem.Invalid, problem.CodeInvalidField, "The user ID is too long.").WithField("uid")
	case len(q.Digest) == 0:
		return key.Verify(key.Digest([]byte(uid), q.Content), sig), nil
	case len(q.Digest) != 32:
		return false, problem.New(problem.Invalid, problem.CodeInvalidField, "For SM2 the digest is the 32-byte e = SM3(ZA‖M).").WithField("digest")
	case q.UID != "":
		return false, problem.New(problem.Invalid, problem.CodeInvalidField, "The user ID is inside e already.").WithField("uid")
	}
	return key.Verify(q.Digest, sig), nil
}

// hashes are tried by the length of a digest, or all of them on content: a raw
// signature does not say which one it is over.
var hashes = []struct {
	hash crypto.Hash
	name string
}{{crypto.SHA256, "SHA256"}, {crypto.SHA384, "SHA384"}, {crypto.SHA512, "SHA512"}}

func checkECDSA(q Request, key *ecdsa.PublicKey, sig []byte) (bool, string, error) {
	return tryHashes(q, "ECDSA-", func(_ crypto.Hash, digest []byte) bool { return ecdsa.VerifyASN1(key, digest, sig) })
}

func checkRSA(q Request, key *rsa.PublicKey, sig []byte) (bool, string, error) {
	return tryHashes(q, "RSA-", func(h crypto.Hash, digest []byte) bool {
		return rsa.VerifyPKCS1v15(key, h, digest, sig) == nil || rsa.VerifyPSS(key, h, digest, sig, nil) == nil
	})
}

func tryHashes(q Request, family string, verify func(crypto.Hash, []byte) bool) (bool, string, error) {
	tried := ""
	for _, h := range hashes {
		digest := q.Digest
		if len(digest) == 0 {
			f := h.hash.New()
			f.Write(q.Content)
			digest = f.Sum(nil)
		} else if len(digest) != h.hash.Size() {
			continue
		}
		if tried == "" {
			tried = family + h.name
		}
		if verify(h.hash, digest) {
			return true, family + h.name, nil
		}
	}
	if tried == "" {
		return false, "", problem.New(problem.Invalid, problem.CodeInvalidField, "The digest has no length of SHA-256, SHA-384 or SHA-512.").WithField("digest")
	}
	return false, tried, nil
}
