package pki

import (
	"bytes"
	"encoding/pem"
)

const pemCertificate = "CERTIFICATE"

// ParseCertificatesPEM reads all certificates of a PEM text. Text between the blocks is ignored, a block of another
// type is refused: it may be a private key that should not be here.
//
// Errors: ErrMalformed, also when there is none; as ParseCertificate.
func ParseCertificatesPEM(text []byte) ([]*Certificate, error) {
	var certs []*Certificate
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != pemCertificate {
			return nil, malformed("PEM block of type %q", block.Type)
		}
		c, err := ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs, text = append(certs, c), rest
	}
	if len(certs) == 0 {
		return nil, malformed("no certificate in PEM text")
	}
	if bytes.Contains(text, []byte("-----BEGIN")) {
		return nil, malformed("broken PEM block")
	}
	return certs, nil
}

// EncodePEM writes certificates one after the other.
func EncodePEM(certs ...*Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: c.Raw})...)
	}
	return out
}

// ReadRequest reads a certificate request given as DER or as PEM, as people upload either.
//
// Errors: as ParseCertificateRequest.
func ReadRequest(in []byte) (*CertificateRequest, error) {
	block, rest := pem.Decode(in)
	if block == nil {
		return ParseCertificateRequest(in)
	}
	if block.Type != "CERTIFICATE REQUEST" && block.Type != "NEW CERTIFICATE REQUEST" {
		return nil, malformed("PEM block of type %q", block.Type)
	}
	if len(bytes.TrimSpace(rest)) != 0 {
		return nil, malformed("text after the request")
	}
	return ParseCertificateRequest(block.Bytes)
}
