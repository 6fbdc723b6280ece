package ca

import (
	"slices"
	"time"

	"signet/ca/pki"
)

// Rules are all that a profile says, for people to read; names are those of its file.
//
// Nil/zero: PathLength nil = no limit; Hosts 0 = names no hosts.
type Rules struct {
	Keys                           []pki.KeyAlg
	ValidFor, LongestFor, Backdate time.Duration
	Subject                        []SubjectRule
	Usage                          []UsageRule
	UsageCritical                  bool
	ExtendedUsage                  []string // names, or dotted object identifiers
	ExtendedUsageCritical          bool
	Policies                       []string
	Hosts                          int
	Wildcards                      bool
	CA                             bool
	PathLength                     *int
	NoCheck, NullParams            bool
	Identity                       []FieldRule
	Permitted, Excluded            []string // subtrees of names, such as DNS:example.cn
}

// SubjectRule admits an attribute to the subject. Nil/zero: Values nil = any.
type SubjectRule struct {
	Attr, OID, Default string
	Required           bool
	Most               int
	Values             []string
}

// UsageRule says for which keys which usage is written.
type UsageRule struct {
	Keys []pki.KeyAlg
	Bits []string
}

// FieldRule makes an identity extension out of the first of its fields that has a value. Nil/zero: Flag "" = always.
type FieldRule struct {
	OID, Type, Flag string
	Fields          []string
	Required        bool
}

// Rules says what the profile says.
func (p *Profile) Rules() Rules {
	f := p.file
	r := Rules{
		Keys: p.Keys(), ValidFor: p.validFor, LongestFor: p.longestFor, Backdate: p.backdate,
		UsageCritical: f.KeyUsage.Critical, ExtendedUsage: slices.Clone(f.ExtendedKeyUsage), ExtendedUsageCritical: f.UsageCritical, Policies: slices.Clone(f.Policies),
		Hosts: p.hosts, Wildcards: p.wildcards, CA: p.isCA, NoCheck: p.noCheck, NullParams: p.nullParams,
		Permitted: f.NameConstraints.Permitted.words(), Excluded: f.NameConstraints.Excluded.words(),
	}
	if p.isCA && p.pathLen >= 0 {
		length := p.pathLen
		r.PathLength = &length
	}
	for i, s := range p.subject {
		r.Subject = append(r.Subject, SubjectRule{Attr: f.Subject[i].Attr, OID: s.oid, Default: s.fallback, Required: s.required, Most: s.most, Values: slices.Clone(s.values)})
	}
	for _, alg := range p.keys {
		bits := f.usageNamesFor(alg)
		same := slices.IndexFunc(r.Usage, func(u UsageRule) bool { return slices.Equal(u.Bits, bits) })
		if same < 0 {
			same, r.Usage = len(r.Usage), append(r.Usage, UsageRule{Bits: slices.Clone(bits)})
		}
		r.Usage[same].Keys = append(r.Usage[same].Keys, alg)
	}
	for _, x := range f.Identity {
		r.Identity = append(r.Identity, FieldRule{OID: x.OID, Type: x.Type, Flag: x.Flag, Fields: slices.Clone(x.Fields), Required: x.Required})
	}
	return r
}

func (s subtrees) words() []string {
	var out []string
	for _, of := range []struct {
		kind   string
		values []string
	}{{"DNS", s.DNS}, {"email", s.Email}, {"IP", s.IP}} {
		for _, v := range of.values {
			out = append(out, of.kind+":"+v)
		}
	}
	for _, d := range s.Directory {
		out = append(out, d.Attr+"="+d.Value)
	}
	return out
}
