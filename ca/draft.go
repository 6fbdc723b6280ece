package ca

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/ca/lint"
	"signet/ca/pki"
)

// draft is a certificate before it is signed. No key and no database take part in making it.
type draft struct {
	req     Request
	issuer  *issuer // of a root: the CA it will be
	profile *Profile
	alg     pki.SigAlg
	keyHash [32]byte

	serialHex string
	shard     int
	tbs       []byte
	notBefore time.Time
	notAfter  time.Time
}

// draft turns a request into the exact bytes to be signed, under a fresh serial.
//
// Errors: ErrUnknownCA, ErrUnknownProfile, *RefusedError; those of Config.Rand.
func (a *Authority) draft(req Request) (*draft, error) {
	is, ok := a.issuers[req.CA]
	if !ok || is.Signer == nil {
		return nil, fmt.Errorf("%w: %q", ErrUnknownCA, req.CA)
	}
	p, ok := is.profiles[req.Profile]
	if !ok {
		return nil, fmt.Errorf("%w: %q at %s", ErrUnknownProfile, req.Profile, req.CA)
	}
	d := &draft{req: req, issuer: is, profile: p, alg: is.alg, keyHash: pki.SPKIHash(req.SPKI)}
	if err := d.write(a.c.Now(), is.Certificate, a.serial); err != nil {
		return nil, err
	}
	return d, nil
}

// serial draws a serial number that begins with the time, so that serials made one after the other lie side by side in the indexes of the
// store: with random ones every index page would be written anew for every certificate.
//
// Shape: 16 bytes, the first in 0x01–0x7f: 5 bytes of time, 11 random (BR §7.1 wants 64 random bits, these are 88).
func (a *Authority) serial() ([]byte, error) {
	serial, err := pki.NewSerial(a.c.Rand)
	if err != nil {
		return nil, err
	}
	const first, last = 1 << 32, 1<<39 - 1 // 0x0100000000 to 0x7fffffffff, 170 years of hundredths of a second
	ticks := first + uint64(a.c.Now().UnixMilli()/10)%(last-first+1)
	binary.BigEndian.PutUint32(serial[1:], uint32(ticks))
	serial[0] = byte(ticks >> 32)
	return serial, nil
}

// write fills in serial and bytes. parent is nil for a root.
func (d *draft) write(now time.Time, parent *pki.Certificate, serial func() ([]byte, error)) error {
	if err := checkRequest(d.req); err != nil {
		return err
	}
	keyAlg, keyID, err := d.key()
	if err != nil {
		return err
	}
	subject, err := d.profile.subjectOf(d.req.Subject)
	if err != nil {
		return err
	}
	if err := d.period(now, parent); err != nil {
		return err
	}
	number, err := serial()
	if err != nil {
		return fmt.Errorf("drawing a serial: %w", err)
	}
	d.shard = d.issuer.shardOf(number)
	exts, err := d.extensions(keyAlg, keyID, parent)
	if err != nil {
		return err
	}
	if d.alg.IsSM2() && d.profile.nullParams {
		d.alg = pki.SM2WithNull
	}
	issuerName := subject
	if parent != nil {
		issuerName = parent.Subject
	}
	d.serialHex = strings.ToUpper(hex.EncodeToString(number))
	d.tbs, err = pki.Template{
		Serial: number, Issuer: issuerName, Subject: subject, NotBefore: d.notBefore, NotAfter: d.notAfter,
		SPKI: d.req.SPKI, Extensions: exts, SigAlg: d.alg,
	}.TBS()
	if err != nil {
		return refuse(RefusedRequest, err.Error())
	}
	return nil
}

func checkRequest(r Request) error {
	if n := len(r.ID); n == 0 || n > 128 || strings.ContainsFunc(string(r.ID), func(c rune) bool { return c < 0x21 || c > 0x7e }) {
		return refuse(RefusedRequest, "id is not 1 to 128 printable ASCII characters")
	}
	if len(r.PairID) > 128 || len(r.By) > 128 {
		return refuse(RefusedRequest, "pair id or name of the person asking is too long")
	}
	return nil
}

func (d *draft) key() (pki.KeyAlg, []byte, error) {
	pub, err := pki.ParsePublicKey(d.req.SPKI)
	if err != nil {
		return "", nil, refuse(RefusedKey, err.Error())
	}
	if err := pki.CheckKey(pub); err != nil {
		return "", nil, refuse(RefusedWeakKey, err.Error())
	}
	alg, err := pki.AlgOf(pub)
	if err != nil || !slices.Contains(d.profile.keys, alg) {
		return "", nil, refuse(RefusedKey, fmt.Sprintf("profile %s does not certify %s keys", d.profile.ID, alg))
	}
	return alg, pki.KeyID(pub), nil
}

// subjectOf puts the attributes into the profile's order.
func (p *Profile) subjectOf(name pki.Name) (pki.Name, error) {
	given := map[string][]pki.Attr{}
	for _, a := range name.Attrs() {
		given[a.Type] = append(given[a.Type], a)
	}
	var attrs []pki.Attr
	for _, r := range p.subject {
		have := given[r.oid]
		delete(given, r.oid)
		switch {
		case len(have) > r.most:
			return pki.Name{}, refuse(RefusedSubject, fmt.Sprintf("attribute %s occurs %d times, at most %d are admitted", r.oid, len(have), r.most))
		case !r.admits(have):
			return pki.Name{}, refuse(RefusedSubject, fmt.Sprintf("attribute %s is none of %s", r.oid, strings.Join(r.values, ", ")))
		case len(have) > 0:
			attrs = append(attrs, have...)
		case r.fallback != "":
			attrs = append(attrs, pki.Attr{Type: r.oid, Value: r.fallback})
		case r.required:
			return pki.Name{}, refuse(RefusedSubject, "attribute "+r.oid+" is missing")
		}
	}
	for oid := range given {
		return pki.Name{}, refuse(RefusedSubject, "attribute "+oid+" is not in profile "+p.ID)
	}
	out, err := pki.NewName(attrs...)
	if err != nil {
		return pki.Name{}, refuse(RefusedSubject, err.Error())
	}
	return out, nil
}

func (r subjectRule) admits(attrs []pki.Attr) bool {
	return r.values == nil || !slices.ContainsFunc(attrs, func(a pki.Attr) bool { return !slices.Contains(r.values, a.Value) })
}

// period decides the validity. What the profile decides is cut to the issuer's life; what the request names is not, but refused.
func (d *draft) period(now time.Time, parent *pki.Certificate) error {
	p := d.profile
	validFor, longestFor := p.validFor, p.longestFor
	if ceiling := d.issuer.LongestFor; ceiling > 0 && p.Kind.IsLeaf() {
		validFor, longestFor = min(validFor, ceiling), min(longestFor, ceiling)
	}
	from, to := d.req.NotBefore, d.req.NotAfter
	if from.IsZero() {
		from = now.Add(-p.backdate)
		if parent != nil && from.Before(parent.NotBefore) {
			from = parent.NotBefore
		}
	}
	from = from.UTC().Truncate(time.Second)
	if to.IsZero() {
		to = from.Add(validFor)
		if parent != nil && to.After(parent.NotAfter) {
			to = parent.NotAfter
		}
	}
	to = to.UTC().Truncate(time.Second)
	switch {
	case !from.Before(to), !now.Before(to):
		return refuse(RefusedValidity, "validity is empty or over already")
	case to.Sub(from) > longestFor+p.backdate:
		return refuse(RefusedValidity, fmt.Sprintf("profile %s is for at most %s here", p.ID, longestFor))
	case parent != nil && (from.Before(parent.NotBefore) || to.After(parent.NotAfter)):
		return refuse(RefusedValidity, "validity is not within the issuer's")
	}
	d.notBefore, d.notAfter = from, to
	return nil
}

// extensions lists them in one fixed order: the golden files show it.
func (d *draft) extensions(alg pki.KeyAlg, keyID []byte, parent *pki.Certificate) ([]pki.Extension, error) {
	p := d.profile
	var exts []pki.Extension
	if p.isCA {
		exts = append(exts, pki.ExtBasicConstraints(true, p.pathLenUnder(parent)))
	}
	exts = append(exts, p.usage[alg])
	if p.eku != nil {
		exts = append(exts, *p.eku)
	}
	exts = append(exts, pki.ExtSKI(keyID))
	if parent != nil {
		exts = append(exts, pki.ExtAKI(parent.SKI))
	}
	if p.policies != nil {
		exts = append(exts, *p.policies)
	}
	if p.names != nil {
		exts = append(exts, *p.names)
	}
	if p.hosts > 0 || len(d.req.Hosts) > 0 {
		hosts, err := p.hostNames(d.req.Hosts)
		if err != nil {
			return nil, err
		}
		exts = append(exts, hosts)
	}
	if p.noCheck {
		exts = append(exts, pki.ExtOCSPNoCheck())
	}
	if parent != nil {
		addresses, err := d.issuer.addresses(d.shard, !p.noCheck)
		if err != nil {
			return nil, err
		}
		exts = append(exts, addresses...)
	}
	identity, err := d.identity()
	return append(exts, identity...), err
}

// pathLenUnder is the profile's path length. A link between generations never allows more than the generation that signs it has.
func (p *Profile) pathLenUnder(parent *pki.Certificate) int {
	if p.Kind == lint.Link && parent != nil && parent.PathLen >= 0 && (p.pathLen < 0 || p.pathLen > parent.PathLen) {
		return parent.PathLen
	}
	return p.pathLen
}

// shardOf spreads serial numbers, which are random, over the shards.
func (is *issuer) shardOf(serial []byte) int {
	if is.CRLShards == 0 {
		return 0
	}
	return 1 + int(binary.BigEndian.Uint32(serial[len(serial)-4:]))%is.CRLShards
}

// addresses are where to ask about a certificate of this CA.
func (is *issuer) addresses(shard int, withOCSP bool) ([]pki.Extension, error) {
	var exts []pki.Extension
	if is.CRLURL != "" {
		e, err := pki.ExtCRLURLs(ShardURL(is.CRLURL, shard))
		if err != nil {
			return nil, refuse(RefusedRequest, err.Error())
		}
		exts = append(exts, e)
	}
	var ocsp, issuers []string
	if is.OCSPURL != "" && withOCSP {
		ocsp = []string{is.OCSPURL}
	}
	if is.IssuerURL != "" {
		issuers = []string{is.IssuerURL}
	}
	if ocsp == nil && issuers == nil {
		return exts, nil
	}
	e, err := pki.ExtAIA(ocsp, issuers)
	if err != nil {
		return nil, refuse(RefusedRequest, err.Error())
	}
	return append(exts, e), nil
}

func (d *draft) identity() ([]pki.Extension, error) {
	var exts []pki.Extension
	for _, r := range d.profile.identity {
		if r.flag != "" && !slices.Contains(d.req.Flags, r.flag) && !slices.Contains(d.issuer.Flags, r.flag) {
			continue
		}
		value := ""
		for _, f := range r.fields {
			if value = d.req.Fields[f]; value != "" {
				break
			}
		}
		if value == "" {
			if r.required {
				return nil, refuse(RefusedField, "one of "+strings.Join(r.fields, ", ")+" is required")
			}
			continue
		}
		e, err := r.extension(value)
		if err != nil {
			return nil, refuse(RefusedField, err.Error())
		}
		exts = append(exts, e)
	}
	return exts, nil
}

func (r identityRule) extension(value string) (pki.Extension, error) {
	if r.printable {
		return pki.ExtPrintable(r.oid, value)
	}
	return pki.ExtUTF8(r.oid, value)
}

// lintDraft is the draft as the lints see it.
func (d *draft) lintDraft(parent *pki.Certificate) lint.Draft {
	return lint.Draft{TBS: d.tbs, Kind: d.profile.Kind, Issuer: parent, Above: d.issuer.Chain, Identity: d.profile.identityOIDs()}
}

func (d *draft) intent(now time.Time) Intent {
	return Intent{Request: d.req, SerialHex: d.serialHex, TBS: d.tbs, NotAfter: d.notAfter, SPKIHash: d.keyHash, Shard: d.shard, At: now.UTC().Truncate(time.Second)}
}
