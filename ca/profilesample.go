package ca

import (
	"context"
	"crypto"
	"fmt"
	"time"

	"signet/ca/lint"
	"signet/ca/pki"
)

// sampleUSCC and sampleID have right check digits and belong to nobody: there is no division 990000, and no 000000.
const (
	sampleUSCC = "91990000MA0000015Q"
	sampleID   = "000000200001010005"
)

var sampleFields = map[string]string{"uscc": sampleUSCC, "regNumber": sampleUSCC, "taxNumber": sampleUSCC, "orgCode": "MA0000015", "personId": sampleID}

var sampleValues = map[string]string{
	pki.OIDCountry: "CN", pki.OIDProvince: "示例省", pki.OIDLocality: "示例市", pki.OIDOrganization: "示例有限公司", pki.OIDOrgUnit: "示例部门",
	pki.OIDStreet: "示例路1号", pki.OIDPostalCode: "100000", pki.OIDSerialNumber: "1", pki.OIDEmail: "person@example.cn",
}

const sampleHost = "server.example.cn"

// Sample makes the certificate that a profile would make: for nobody, with keys that are thrown away, but through the same drafting, lints,
// signing and second implementation as a real one. Nothing is stored.
//
// Shape: flags as in Request; alg is the key's and decides the issuer's, SM2 or P-256.
// Errors: as Issue: a profile which can never pass the lints is found here.
func (p *Profile) Sample(alg pki.KeyAlg, now time.Time, flags ...string) (*pki.Certificate, error) {
	key, err := pki.GenerateKey(alg, nil)
	if err != nil {
		return nil, err
	}
	if p.Kind == lint.Root {
		return p.sample(nil, key, key, now, flags)
	}
	parentAlg := pki.P256
	if alg == pki.SM2 {
		parentAlg = pki.SM2
	}
	parentKey, err := pki.GenerateKey(parentAlg, nil)
	if err != nil {
		return nil, err
	}
	parent, err := shippedProfile("root-ca").sample(nil, parentKey, parentKey, now.Add(-48*time.Hour), nil)
	if err != nil {
		return nil, err
	}
	return p.sample(parent, parentKey, key, now, flags)
}

// sample signs one certificate with by's key, like attempt but for the store.
func (p *Profile) sample(parent *pki.Certificate, by, key crypto.Signer, now time.Time, flags []string) (*pki.Certificate, error) {
	c := Config{Now: func() time.Time { return now }, CheckEvery: 1}
	if err := c.fill(); err != nil {
		return nil, err
	}
	alg, err := pki.SigAlgFor(by.Public())
	if err != nil {
		return nil, err
	}
	a := &Authority{c: c, second: lint.SecondOpinion, issuers: map[string]*issuer{"sample": {
		CAConfig: CAConfig{
			ID: "sample", Certificate: parent, Signer: by,
			CRLURL: "http://ca.example.cn/crl/sample.crl", OCSPURL: "http://ca.example.cn/ocsp", IssuerURL: "http://ca.example.cn/ca/sample.cer",
		}, alg: alg, profiles: map[string]*Profile{p.ID: p},
	}}}
	req, err := p.sampleRequest(parent, key)
	if err != nil {
		return nil, err
	}
	req.Flags = flags
	d, err := a.draft(req)
	if err != nil {
		return nil, err
	}
	pass, err := c.Lint.Check(d.lintDraft(parent))
	if err != nil {
		return nil, refuse(RefusedLint, fmt.Sprintf("profile %s: %v", p.ID, err))
	}
	made, err := a.sign(context.Background(), d, pass, by, parent)
	if err != nil {
		return nil, err
	}
	return pki.ParseCertificate(made.DER)
}

func (p *Profile) sampleRequest(parent *pki.Certificate, key crypto.Signer) (Request, error) {
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		return Request{}, err
	}
	req := Request{ID: "sample", CA: "sample", Profile: p.ID, SPKI: spki, Fields: sampleFields, By: "sample"}
	if p.hosts > 0 {
		req.Hosts = []string{sampleHost}
	}
	if p.Kind == lint.Link {
		req.Subject = parent.Subject
		return req, nil
	}
	var attrs []pki.Attr
	for _, r := range p.subject {
		attrs = append(attrs, pki.Attr{Type: r.oid, Value: p.sampleValue(r)})
	}
	req.Subject, err = pki.NewName(attrs...)
	return req, err
}

func (p *Profile) sampleValue(r subjectRule) string {
	switch {
	case r.fallback != "":
		return r.fallback
	case r.values != nil:
		return r.values[0]
	case r.oid == pki.OIDCommonName && p.hosts > 0:
		return sampleHost
	case r.oid == pki.OIDCommonName:
		return "示例 " + p.ID
	}
	if v := sampleValues[r.oid]; v != "" {
		return v
	}
	return "示例"
}

// Flags lists the flags that the profile knows, in its order.
func (p *Profile) Flags() []string {
	var out []string
	for _, r := range p.identity {
		if r.flag != "" {
			out = append(out, r.flag)
		}
	}
	return out
}

// Keys lists the key algorithms that the profile certifies.
func (p *Profile) Keys() []pki.KeyAlg { return append([]pki.KeyAlg(nil), p.keys...) }
