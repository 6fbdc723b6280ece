package ca

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"signet/ca/lint"
	"signet/ca/pki"
)

//go:embed profiles/*.yaml
var shipped embed.FS

// Profile is one kind of certificate: all that its holder does not decide. Make it with ParseProfile.
//
// Concurrency: immutable.
type Profile struct {
	ID   string
	Kind lint.Kind
	// Title is what people call it, by language tag; zh-CN is always there.
	Title map[string]string

	keys       []pki.KeyAlg
	validFor   time.Duration
	longestFor time.Duration
	backdate   time.Duration
	subject    []subjectRule
	hosts      int // host names and addresses at most
	wildcards  bool
	usage      map[pki.KeyAlg]pki.Extension
	eku        *pki.Extension
	policies   *pki.Extension
	names      *pki.Extension // nameConstraints
	isCA       bool
	pathLen    int
	noCheck    bool
	nullParams bool
	identity   []identityRule
	file       *profileFile // for Rules
}

// subjectRule admits one attribute type to the subject.
type subjectRule struct {
	oid, fallback string
	required      bool
	most          int
	values        []string // the only ones admitted; nil = any
}

// identityRule makes one identity extension out of the first field that has a value.
type identityRule struct {
	oid, flag string
	fields    []string
	printable bool
	required  bool
}

// profileFile is the YAML form.
type profileFile struct {
	ID    string            `yaml:"id"`    // what Request.Profile names: a-z 0-9 -
	Kind  lint.Kind         `yaml:"kind"`  // one of lint.Kinds: what the lints hold it to
	Title map[string]string `yaml:"title"` // by language tag; zh-CN required
	Keys  []pki.KeyAlg      `yaml:"keys"`  // key algorithms it certifies

	Validity struct {
		Default  string `yaml:"default"`  // when the request names no end: 365d, 12h
		Longest  string `yaml:"longest"`  // more is refused
		Backdate string `yaml:"backdate"` // begin so much earlier when the request names no beginning: clocks differ
	} `yaml:"validity"`

	Subject []struct { // attributes in the order they are written; others are refused
		Attr     string   `yaml:"attr"`     // C, ST, L, O, OU, CN, title, street, postalCode, serialNumber, emailAddress or a dotted OID
		Default  string   `yaml:"default"`  // when the request has none
		Required bool     `yaml:"required"` //
		Most     int      `yaml:"most"`     // how many times; default 1
		Values   []string `yaml:"values"`   // the only ones admitted; default: any
	} `yaml:"subject"`

	Hosts struct { // Request.Hosts in subjectAltName; for servers and required there
		Most      int  `yaml:"most"`      // how many
		Wildcards bool `yaml:"wildcards"` // admit *.example.cn
	} `yaml:"hosts"`

	KeyUsage struct {
		Bits     []string `yaml:"bits"`
		ECDSA    []string `yaml:"ecdsa"` // instead of bits for P-256 and P-384 keys (RFC 5480 §3)
		RSA      []string `yaml:"rsa"`   // instead of bits for RSA keys (RFC 3279 §2.3.1)
		Critical bool     `yaml:"critical"`
	} `yaml:"keyUsage"`
	ExtendedKeyUsage []string `yaml:"extendedKeyUsage"` // clientAuth, emailProtection, ocspSigning, timeStamping, codeSigning, serverAuth or a dotted OID
	UsageCritical    bool     `yaml:"extendedKeyUsageCritical"`
	Policies         []string `yaml:"policies"` // certificate policy OIDs

	NameConstraints struct { // CA only: where the names below it may lie
		Permitted subtrees `yaml:"permitted"`
		Excluded  subtrees `yaml:"excluded"`
	} `yaml:"nameConstraints"`

	CA          bool `yaml:"ca"`
	PathLength  *int `yaml:"pathLength"`  // CA only; absent = no limit
	OCSPNoCheck bool `yaml:"ocspNoCheck"` // RFC 6960 §4.2.2.2.1

	NullParams bool `yaml:"nullParams"` // write NULL parameters with SM2-SM3, as some platforms expect

	Identity []struct {
		OID      string   `yaml:"oid"`
		Fields   []string `yaml:"fields"`   // names in Request.Fields; the first that has a value is used
		Type     string   `yaml:"type"`     // printable or utf8
		Required bool     `yaml:"required"` //
		Flag     string   `yaml:"flag"`     // only when Request.Flags or CAConfig.Flags names it
	} `yaml:"identity"`
}

// ParseProfile reads a profile from YAML, strictly: unknown keys, second documents and contradictions are errors.
// The keys are those of the shipped files in ca/profiles.
func ParseProfile(text []byte) (*Profile, error) {
	var f profileFile
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("ca: reading profile: %w", err)
	}
	if err := dec.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("ca: profile %s: more than one document", f.ID)
	}
	p, err := f.profile()
	if err != nil {
		return nil, fmt.Errorf("ca: profile %s: %w", f.ID, err)
	}
	return p, nil
}

// ShippedProfiles returns the profiles that come with Signet, ordered by id.
func ShippedProfiles() []*Profile {
	entries, err := shipped.ReadDir("profiles")
	if err != nil {
		panic(err) // embedded
	}
	var out []*Profile
	for _, e := range entries {
		text, err := shipped.ReadFile("profiles/" + e.Name())
		if err != nil {
			panic(err) // embedded
		}
		p, err := ParseProfile(text)
		if err != nil {
			panic(err) // a test reads every embedded file
		}
		out = append(out, p)
	}
	slices.SortFunc(out, byID)
	return out
}

// OpenProfiles reads what a configuration names: shipped profiles by id, and whatever else by read, as a file. The shipped profiles of OCSP responders
// and time stamper are added where none of their kind is named, since their certificates are made by the operator's commands and the server itself.
//
// Nil/zero: no names = nil, which means a CA's default.
// Errors: those of read and ParseProfile; a profile that is named twice.
func OpenProfiles(names []string, read func(file string) ([]byte, error)) ([]*Profile, error) {
	if len(names) == 0 {
		return nil, nil
	}
	known := map[string]*Profile{}
	for _, p := range ShippedProfiles() {
		known[p.ID] = p
	}
	var out []*Profile
	seen, kinds := map[string]bool{}, map[lint.Kind]bool{}
	for _, name := range names {
		p := known[name]
		if p == nil {
			text, err := read(name)
			if err != nil {
				return nil, fmt.Errorf("ca: %q is no shipped profile: %w", name, err)
			}
			if p, err = ParseProfile(text); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		if seen[p.ID] {
			return nil, fmt.Errorf("ca: profile %s is named twice", p.ID)
		}
		seen[p.ID], kinds[p.Kind] = true, true
		out = append(out, p)
	}
	for _, id := range []string{"ocsp-responder", "tsa"} {
		if p := known[id]; !kinds[p.Kind] && !seen[id] {
			out = append(out, p)
		}
	}
	return out, nil
}

func byID(a, b *Profile) int { return strings.Compare(a.ID, b.ID) }

// shippedProfile returns one of the shipped profiles, which the caller knows to exist.
func shippedProfile(id string) *Profile {
	for _, p := range ShippedProfiles() {
		if p.ID == id {
			return p
		}
	}
	panic("ca: no shipped profile " + id)
}

func (f *profileFile) profile() (*Profile, error) {
	p := &Profile{ID: f.ID, Kind: f.Kind, Title: f.Title, keys: f.Keys, isCA: f.CA, pathLen: -1, noCheck: f.OCSPNoCheck, nullParams: f.NullParams, file: f}
	for _, step := range []func(*Profile) error{f.readIdent, f.readValidity, f.readSubject, f.readKeyUsage, f.readUsage, f.readHosts, f.readNameConstraints, f.readIdentity} {
		if err := step(p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (f *profileFile) readIdent(p *Profile) error {
	if f.ID == "" || strings.Trim(f.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("id %q is not of a-z, 0-9 and -", f.ID)
	}
	if !slices.Contains(lint.Kinds, f.Kind) {
		return fmt.Errorf("kind %q is none of %v", f.Kind, lint.Kinds)
	}
	if f.Title["zh-CN"] == "" {
		return errors.New("no zh-CN title")
	}
	if len(f.Keys) == 0 {
		return errors.New("no key algorithms")
	}
	for _, k := range f.Keys {
		if !slices.Contains([]pki.KeyAlg{pki.SM2, pki.P256, pki.P384, pki.RSA2048, pki.RSA3072, pki.RSA4096, pki.MLDSA44, pki.MLDSA65, pki.MLDSA87}, k) {
			return fmt.Errorf("unknown key algorithm %q", k)
		}
	}
	if f.CA != f.Kind.IsCA() {
		return fmt.Errorf("ca: %v does not go with kind %s", f.CA, f.Kind)
	}
	if f.PathLength != nil {
		if !f.CA || *f.PathLength < 0 {
			return errors.New("pathLength is for a CA, and not negative")
		}
		p.pathLen = *f.PathLength
	}
	return nil
}

func (f *profileFile) readValidity(p *Profile) (err error) {
	if p.validFor, err = parseSpan(f.Validity.Default); err != nil {
		return fmt.Errorf("validity default: %w", err)
	}
	if p.longestFor, err = parseSpan(f.Validity.Longest); err != nil {
		return fmt.Errorf("validity longest: %w", err)
	}
	if p.backdate, err = parseSpan(f.Validity.Backdate); err != nil {
		return fmt.Errorf("validity backdate: %w", err)
	}
	if p.validFor <= 0 || p.validFor > p.longestFor || p.backdate < 0 || p.backdate > 48*time.Hour {
		return errors.New("validity: want 0 < default ≤ longest and 0 ≤ backdate ≤ 48h")
	}
	return nil
}

// parseSpan reads 90d, 12h, 5m, 0s.
func parseSpan(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 40000 {
			return 0, fmt.Errorf("span %q", s)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return time.ParseDuration(s)
}

var attrNames = map[string]string{
	"C": pki.OIDCountry, "ST": pki.OIDProvince, "L": pki.OIDLocality, "O": pki.OIDOrganization, "OU": pki.OIDOrgUnit, "CN": pki.OIDCommonName, "title": pki.OIDTitle,
	"street": pki.OIDStreet, "postalCode": pki.OIDPostalCode, "serialNumber": pki.OIDSerialNumber, "emailAddress": pki.OIDEmail,
}

func (f *profileFile) readSubject(p *Profile) error {
	seen := map[string]bool{}
	for _, a := range f.Subject {
		oid := attrNames[a.Attr]
		if oid == "" {
			oid = a.Attr
		}
		if _, err := pki.EncodeOID(oid); err != nil {
			return fmt.Errorf("subject attribute %q", a.Attr)
		}
		if seen[oid] || a.Most < 0 || a.Most > 20 {
			return fmt.Errorf("subject attribute %s: named twice, or most out of range", a.Attr)
		}
		seen[oid] = true
		if a.Default != "" && a.Values != nil && !slices.Contains(a.Values, a.Default) {
			return fmt.Errorf("subject attribute %s: the default is not one of its values", a.Attr)
		}
		for _, v := range append(slices.Clone(a.Values), a.Default) {
			if v == "" {
				continue
			}
			if _, err := pki.NewName(pki.Attr{Type: oid, Value: v}); err != nil {
				return err
			}
		}
		p.subject = append(p.subject, subjectRule{oid: oid, fallback: a.Default, required: a.Required, most: max(a.Most, 1), values: a.Values})
	}
	if len(p.subject) == 0 {
		return errors.New("no subject attributes")
	}
	return nil
}

var usageBits = map[string]pki.KeyUsage{
	"digitalSignature": pki.DigitalSignature, "contentCommitment": pki.ContentCommitment, "keyEncipherment": pki.KeyEncipherment,
	"dataEncipherment": pki.DataEncipherment, "keyAgreement": pki.KeyAgreement, "keyCertSign": pki.KeyCertSign, "cRLSign": pki.CRLSign,
}

var ekuNames = map[string]string{
	"serverAuth": pki.EKUServerAuth, "clientAuth": pki.EKUClientAuth, "codeSigning": pki.EKUCodeSigning,
	"emailProtection": pki.EKUEmailProtection, "timeStamping": pki.EKUTimeStamping, "ocspSigning": pki.EKUOCSPSigning,
}

// usageNamesFor picks the list that a key algorithm goes by.
func (f *profileFile) usageNamesFor(alg pki.KeyAlg) []string {
	switch {
	case (alg == pki.P256 || alg == pki.P384) && f.KeyUsage.ECDSA != nil:
		return f.KeyUsage.ECDSA
	case strings.HasPrefix(string(alg), "RSA") && f.KeyUsage.RSA != nil:
		return f.KeyUsage.RSA
	}
	return f.KeyUsage.Bits
}

func (f *profileFile) readKeyUsage(p *Profile) error {
	p.usage = map[pki.KeyAlg]pki.Extension{}
	for _, alg := range p.keys {
		var usage pki.KeyUsage
		for _, name := range f.usageNamesFor(alg) {
			bit, ok := usageBits[name]
			if !ok {
				return fmt.Errorf("unknown key usage %q", name)
			}
			usage |= bit
		}
		if usage == 0 {
			return errors.New("no key usage")
		}
		p.usage[alg] = pki.ExtKeyUsage(usage, f.KeyUsage.Critical)
	}
	return nil
}

func (f *profileFile) readUsage(p *Profile) error {
	if len(f.ExtendedKeyUsage) > 0 {
		var oids []string
		for _, name := range f.ExtendedKeyUsage {
			oid := ekuNames[name]
			if oid == "" {
				oid = name
			}
			oids = append(oids, oid)
		}
		eku, err := pki.ExtEKU(oids...)
		if err != nil {
			return fmt.Errorf("extended key usage: %w", err)
		}
		eku.Critical = f.UsageCritical
		p.eku = &eku
	}
	if len(f.Policies) > 0 {
		policies, err := pki.ExtPolicies(f.Policies...)
		if err != nil {
			return fmt.Errorf("policies: %w", err)
		}
		p.policies = &policies
	}
	return nil
}

func (f *profileFile) readIdentity(p *Profile) error {
	seen := map[string]bool{}
	for _, x := range f.Identity {
		if _, err := pki.EncodeOID(x.OID); err != nil {
			return fmt.Errorf("identity extension %q", x.OID)
		}
		switch {
		case lint.IsReserved(x.OID):
			return fmt.Errorf("identity extension %s has a meaning of its own", x.OID)
		case seen[x.OID]:
			return fmt.Errorf("identity extension %s named twice", x.OID)
		case len(x.Fields) == 0:
			return fmt.Errorf("identity extension %s has no field", x.OID)
		case x.Type != "printable" && x.Type != "utf8":
			return fmt.Errorf("identity extension %s: type %q is not printable or utf8", x.OID, x.Type)
		}
		seen[x.OID] = true
		p.identity = append(p.identity, identityRule{oid: x.OID, flag: x.Flag, fields: x.Fields, printable: x.Type == "printable", required: x.Required})
	}
	return nil
}

// identityOIDs lists the identity extensions a certificate of this profile may have.
func (p *Profile) identityOIDs() []string {
	var out []string
	for _, x := range p.identity {
		out = append(out, x.oid)
	}
	return out
}
