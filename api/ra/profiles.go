package ra

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/ca"
	"signet/ca/pki"
)

// IssuingProfile is a certificate profile and which CAs with a key here issue by it. Nil/zero: no CAs = it comes with Signet and is not used.
type IssuingProfile struct {
	ID, Kind string
	Title    map[string]string
	CAs      []string
	Rules    ca.Rules

	of *ca.Profile
}

// Profiles lists what this installation issues by, then the shipped profiles that it does not use.
//
// Errors: those of account.CanAll.
func (r *RA) Profiles(by account.Actor) ([]IssuingProfile, error) {
	if err := mayBrowse(by, account.AuthorityRead); err != nil {
		return nil, err
	}
	var list []IssuingProfile
	add := func(p *ca.Profile, caID string) {
		rules := p.Rules()
		i := slices.IndexFunc(list, func(x IssuingProfile) bool { return x.ID == p.ID && reflect.DeepEqual(x.Rules, rules) }) // CAs may differ in what they call by one name
		if i < 0 {
			i, list = len(list), append(list, IssuingProfile{ID: p.ID, Kind: string(p.Kind), Title: p.Title, Rules: rules, of: p})
		}
		if caID != "" {
			list[i].CAs = append(list[i].CAs, caID)
		}
	}
	for _, id := range r.c.Authority.IDs() {
		if r.c.Authority.Issues(id) {
			for _, p := range r.c.Authority.Profiles(id) {
				add(p, id)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b IssuingProfile) int { return strings.Compare(a.ID, b.ID) })
	for _, p := range ca.ShippedProfiles() {
		if !slices.ContainsFunc(list, func(x IssuingProfile) bool { return x.ID == p.ID }) {
			add(p, "")
		}
	}
	return list, nil
}

// NamedValue is an attribute of a subject, or an identity field.
type NamedValue struct{ Name, Value string }

// ProfileTrial asks what certificate would be issued.
//
// Shape: CSR is PEM; with one, the key is its own, and so are subject and hosts unless they are given. Without, a key of algorithm Alg is made and
// thrown away; "" = the profile's first.
type ProfileTrial struct {
	CA, Profile, Alg string
	CSR              string
	Subject, Fields  []NamedValue
	Hosts, Flags     []string
}

// TrialOutcome is what would come of it. Nil/zero: Refused nil and no Findings = it would be signed; Certificate nil = it was refused before it was drafted.
type TrialOutcome struct {
	Refused     *ca.RefusedError
	Findings    []ca.Finding
	Certificate *DraftCertificate
}

// DraftCertificate is a certificate that nobody signed, in words.
type DraftCertificate struct {
	Subject, Issuer, SerialHex string
	KeyAlg, SigAlg             string
	NotBefore, NotAfter        time.Time
	Extensions                 []CertificateExtension
}

// refusedCertified is a code beside those of ca.RefusedError.
const refusedCertified = "key_certified"

// TryProfile drafts and lints a certificate. Nothing is signed and nothing kept.
//
// Errors: those of account.CanAll; CodeInvalidField with the field for a CA, profile, algorithm, attribute or flag that there is not, and for a CSR that
// cannot be read or whose signature is wrong.
func (r *RA) TryProfile(ctx context.Context, by account.Actor, q ProfileTrial) (TrialOutcome, error) {
	list, err := r.Profiles(by)
	if err != nil {
		return TrialOutcome{}, err
	}
	i := slices.IndexFunc(list, func(p IssuingProfile) bool { return p.ID == q.Profile && slices.Contains(p.CAs, q.CA) })
	if i < 0 {
		return TrialOutcome{}, badTrial("profile", "There is no such CA, or it does not issue by that profile.")
	}
	req, err := q.request(list[i].of, by)
	if err != nil {
		return TrialOutcome{}, err
	}
	t, err := r.c.Authority.Try(ctx, req)
	var refused *ca.RefusedError
	switch {
	case errors.As(err, &refused):
		return TrialOutcome{Refused: refused}, nil
	case errors.Is(err, ca.ErrKeyCertified):
		return TrialOutcome{Refused: &ca.RefusedError{Code: refusedCertified, Detail: "the key is certified already"}}, nil
	case err != nil:
		return TrialOutcome{}, err
	}
	c := t.Certificate
	v := InventoryReport{}
	v.describe(c)
	return TrialOutcome{Findings: t.Findings, Certificate: &DraftCertificate{
		Subject: v.Subject, Issuer: v.Issuer, SerialHex: c.SerialHex, KeyAlg: v.KeyAlg, SigAlg: v.SigAlg, Extensions: v.Extensions,
		NotBefore: c.NotBefore, NotAfter: c.NotAfter,
	}}, nil
}

func badTrial(field, detail string) *problem.Error {
	return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
}

func (q ProfileTrial) request(p *ca.Profile, by account.Actor) (ca.Request, error) {
	req := ca.Request{ID: "trial", CA: q.CA, Profile: q.Profile, Fields: map[string]string{}, Flags: q.Flags, Hosts: q.Hosts, By: by.AccountID}
	for _, f := range q.Flags {
		if !slices.Contains(p.Flags(), f) {
			return req, badTrial("flags", "The profile has no such flag.")
		}
	}
	for _, f := range q.Fields {
		req.Fields[f.Name] = f.Value
	}
	subject, err := q.subject(p)
	if err != nil {
		return req, err
	}
	req.Subject = subject
	if q.CSR != "" {
		return q.fromCSR(req)
	}
	alg := pki.KeyAlg(q.Alg)
	if alg == "" {
		alg = p.Keys()[0]
	}
	if !slices.Contains(p.Keys(), alg) {
		return req, badTrial("alg", "The profile does not certify such keys.")
	}
	key, err := pki.GenerateKey(alg, nil)
	if err != nil {
		return req, err
	}
	req.SPKI, err = pki.MarshalPublicKey(key.Public())
	return req, err
}

// subject reads attributes by the names of the profile.
func (q ProfileTrial) subject(p *ca.Profile) (pki.Name, error) {
	rules := p.Rules().Subject
	var attrs []pki.Attr
	for _, a := range q.Subject {
		i := slices.IndexFunc(rules, func(s ca.SubjectRule) bool { return s.Attr == a.Name || s.OID == a.Name })
		if i < 0 {
			return pki.Name{}, badTrial("subject", "The profile has no attribute "+a.Name+".")
		}
		attrs = append(attrs, pki.Attr{Type: rules[i].OID, Value: a.Value})
	}
	name, err := pki.NewName(attrs...)
	if err != nil {
		return name, badTrial("subject", "No name can be made of these values.").WithCause(err)
	}
	return name, nil
}

func (q ProfileTrial) fromCSR(req ca.Request) (ca.Request, error) {
	csr, err := pki.ReadRequest([]byte(q.CSR))
	if err == nil {
		err = csr.CheckSignature()
	}
	if err != nil {
		return req, badTrial("csr", "The certificate request cannot be read, or was not signed by its key.").WithCause(err)
	}
	req.SPKI = csr.SPKI
	if len(q.Subject) == 0 {
		req.Subject = csr.Subject
	}
	if len(q.Hosts) == 0 {
		req.Hosts = csr.DNSNames
	}
	return req, nil
}
