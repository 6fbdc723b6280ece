package ra

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/ca"
	"signet/ca/lint"
	"signet/ca/pki"
)

// ConnectedRequest asks for a certificate, or a pair, on behalf of a connected registration authority, which answers for the identity.
//
// Shape: Idempotency is 1 to 128 printable ASCII characters, the caller's own; Profile as the API key names it; CSR a PKCS#10 in DER,
// whose subject is ignored.
// Nil/zero: NotAfter zero = what the profile says.
type ConnectedRequest struct {
	Idempotency string `json:"-"`
	Profile     string
	CSR         []byte
	Subject     ConnectedSubject
	Identity    ConnectedIdentity
	NotAfter    time.Time
}

// ConnectedSubject is whom the certificate is for.
//
// Nil/zero: an empty field is no attribute.
type ConnectedSubject struct {
	Country, Province, Locality, Organisation, Unit, Title, CommonName string
}

// ConnectedIdentity holds the numbers of the profile's identity extensions.
type ConnectedIdentity struct {
	USCC, OrgCode, RegNumber, TaxNumber, PersonID string
}

// ConnectedCertificate is what was issued.
//
// Nil/zero: Enc… and Envelope are empty unless it is a pair.
type ConnectedCertificate struct {
	Profile, CA             string
	SerialHex, EncSerialHex string
	DER, EncDER, Envelope   []byte
	Chain                   [][]byte
	NotBefore, NotAfter     time.Time
}

// pairSuffix makes a pair's name out of what its two profiles have in common: org-pair is org-sign with org-enc.
const pairSuffix = "-pair"

// plan is a checked request on its way to the CA.
type plan struct {
	id        ca.RequestID // of all that comes of it
	by        string       // who asks, and the digest of what: so that a repeat with other content is seen, here and in the audit
	profile   string       // as asked for
	sign, enc ca.Request   // enc.Profile is empty unless it is a pair
	holder    string       // at the key management centre
}

// plan holds a request to what its key may have certified.
//
// Errors: CodeProfileDenied, CodeOrganisationDenied, CodeInvalidField, CodeMissingField, those of readRequest.
func (r *RA) plan(by account.ConnectedRA, q ConnectedRequest) (*plan, error) {
	if q.Idempotency == "" || len(q.Idempotency) > 128 || strings.ContainsFunc(q.Idempotency, func(c rune) bool { return c < 0x21 || c > 0x7e }) {
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "The key is 1 to 128 printable ASCII characters.").WithField("Idempotency-Key")
	}
	p, err := r.planProfile(by, q.Profile)
	if err != nil {
		return nil, err
	}
	q.trim()
	fields, err := checkIdentity(by, q)
	if err != nil {
		return nil, err
	}
	csr, err := readRequest(q.CSR, p.enc.Profile != "")
	if err != nil {
		return nil, err
	}
	subject, err := q.Subject.name()
	if err != nil {
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "The subject cannot stand in a certificate.").WithField("subject").WithCause(err)
	}
	content, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("digesting a request: %w", err)
	}
	named := sha256.Sum256([]byte(q.Idempotency))
	p.id = ca.RequestID(requestsOf(by.KeyID) + hex.EncodeToString(named[:16]))
	p.by = fmt.Sprintf("connected %s %s", by.KeyID, hashHex(content)[:32])
	p.holder = "connected/" + by.KeyID + "/" + firstOf(fields["uscc"], fields["orgCode"], hashHex(subject.DER())[:32])
	whole := ca.Request{CA: p.sign.CA, Subject: subject, Fields: fields, NotAfter: q.NotAfter, By: p.by}
	sign, enc := whole, whole
	sign.ID, sign.Profile, sign.SPKI = p.id+"/sign", p.sign.Profile, csr.SPKI
	enc.ID, enc.Profile = p.id+"/enc", p.enc.Profile
	p.sign, p.enc = sign, enc
	return p, nil
}

// requestsOf begins the ids of all requests of an API key.
func requestsOf(keyID string) string { return "connected/" + keyID + "/" }

// planProfile finds CA and profiles. An API key never reaches a profile that makes CAs, responders or time stampers.
func (r *RA) planProfile(by account.ConnectedRA, asked string) (*plan, error) {
	denied := problem.New(problem.Denied, problem.CodeProfileDenied, "This API key may not issue by this profile.").WithField("profile")
	if !slices.Contains(by.Profiles, asked) {
		return nil, denied
	}
	caID, name, found := strings.Cut(asked, "/")
	if !found {
		caID, name = r.c.CA, asked
	}
	kinds := map[string]lint.Kind{}
	for _, p := range r.c.Authority.Profiles(caID) {
		kinds[p.ID] = p.Kind
	}
	p := &plan{profile: asked, sign: ca.Request{CA: caID, Profile: name}}
	if base, isPair := strings.CutSuffix(name, pairSuffix); isPair {
		p.sign.Profile, p.enc.Profile = base+"-sign", base+"-enc"
		if kinds[p.enc.Profile] != lint.Encryption {
			return nil, denied
		}
	}
	if kinds[p.sign.Profile] != lint.Signing {
		return nil, denied
	}
	return p, nil
}

// trim leaves out what is around the texts, so that it cannot make two organisations of one.
func (q *ConnectedRequest) trim() {
	s, id := &q.Subject, &q.Identity
	for _, text := range []*string{&s.Country, &s.Province, &s.Locality, &s.Organisation, &s.Unit, &s.Title, &s.CommonName, &id.USCC, &id.OrgCode, &id.RegNumber, &id.TaxNumber, &id.PersonID} {
		*text = strings.TrimSpace(*text)
	}
	id.USCC, id.OrgCode = pki.NormaliseCode(id.USCC), pki.NormaliseCode(id.OrgCode)
	q.NotAfter = q.NotAfter.UTC()
}

func (s ConnectedSubject) name() (pki.Name, error) {
	var attrs []pki.Attr
	for _, a := range []pki.Attr{
		{Type: pki.OIDCountry, Value: s.Country}, {Type: pki.OIDProvince, Value: s.Province}, {Type: pki.OIDLocality, Value: s.Locality},
		{Type: pki.OIDOrganization, Value: s.Organisation}, {Type: pki.OIDOrgUnit, Value: s.Unit}, {Type: pki.OIDTitle, Value: s.Title},
		{Type: pki.OIDCommonName, Value: s.CommonName},
	} {
		if a.Value != "" {
			attrs = append(attrs, a)
		}
	}
	return pki.NewName(attrs...)
}

// checkIdentity gives the fields for the CA. A code whose check digit does not hold is certified for nobody. A key for named organisations
// certifies one of them by its code and name, or a person within it, whose title says so in the certificate: profiles that
// know no persons refuse one.
func checkIdentity(by account.ConnectedRA, q ConnectedRequest) (map[string]string, error) {
	id := q.Identity
	for _, c := range []struct {
		field, code string
		check       func(string) error
	}{{"identity.uscc", id.USCC, pki.CheckUSCC}, {"identity.orgCode", id.OrgCode, pki.CheckOrgCode}} {
		if c.code == "" {
			continue
		}
		if err := c.check(c.code); err != nil {
			return nil, problem.New(problem.Invalid, problem.CodeIdentityCodeInvalid, "The ID number fails its check.").WithField(c.field).WithCause(err)
		}
	}
	if id.USCC != "" && id.OrgCode != "" && id.USCC[8:17] != strings.ReplaceAll(id.OrgCode, "-", "") { // GB 32100: digits 9 to 17 are the organisation code
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "The two ID numbers are of different organisations.").WithField("identity.orgCode")
	}
	if err := mayCertify(by, q); err != nil {
		return nil, err
	}
	fields := map[string]string{"uscc": id.USCC, "orgCode": id.OrgCode, "regNumber": id.RegNumber, "taxNumber": id.TaxNumber, "personId": id.PersonID}
	maps.DeleteFunc(fields, func(_, value string) bool { return value == "" })
	return fields, nil
}

func mayCertify(by account.ConnectedRA, q ConnectedRequest) error {
	if by.Any {
		return nil
	}
	id := q.Identity
	// A registration or tax number that is not the organisation's own code could be anyone's.
	strange := func(number string) bool { return number != "" && number != id.USCC && number != id.OrgCode }
	named := func(o account.NamedOrganisation) bool {
		return (o.Code == id.USCC || o.Code == id.OrgCode) && o.Name == q.Subject.Organisation && (q.Subject.CommonName == o.Name || q.Subject.Title != "")
	}
	if strange(id.RegNumber) || strange(id.TaxNumber) || !slices.ContainsFunc(by.Organisations, named) {
		return problem.New(problem.Denied, problem.CodeOrganisationDenied, "This API key may not issue for this organisation: code and name must be those it names.").WithField("identity")
	}
	return nil
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
