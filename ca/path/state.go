package path

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/ca/pki"
)

type stateKey struct{ cert, issuer, anchor [32]byte }

type signerKey struct {
	list   *crl
	signer [32]byte
}

// readEvidence reads what it can; the rest is remembered for the reasons.
func (v *verifier) readEvidence() {
	for i, der := range v.o.CRLs {
		l, err := parseCRL(der)
		if err != nil {
			v.spoilt("CRL", i, err)
			continue
		}
		v.crls = append(v.crls, l)
	}
	slices.SortStableFunc(v.crls, func(a, b *crl) int { // the newest first
		if by := b.thisUpdate.Compare(a.thisUpdate); by != 0 || a.number == nil || b.number == nil {
			return by
		}
		return b.number.Cmp(a.number)
	})
	for i, der := range v.o.OCSP {
		r, err := parseOCSP(der)
		if err != nil {
			v.spoilt("OCSP answer", i, err)
			continue
		}
		v.ocsp = append(v.ocsp, r)
	}
}

func (v *verifier) spoilt(what string, i int, err error) {
	if len(v.unusable) < 5 {
		v.unusable = append(v.unusable, fmt.Sprintf("%s %d: %v", what, i+1, err))
	}
}

// checkStates settles the revocation state of every certificate below the anchor, the uppermost first.
func (v *verifier) checkStates(path []*facts) *Reason {
	for i := len(path) - 2; i >= 0; i-- {
		if why := v.state(path[i], path[i+1:]); why != nil {
			return why
		}
	}
	return nil
}

// state settles the state of one certificate, whose issuers up to the anchor are good already.
func (v *verifier) state(f *facts, above []*facts) *Reason {
	key := stateKey{f.id, above[0].id, above[len(above)-1].id}
	if why, known := v.states[key]; known {
		return why
	}
	q := &question{v: v, f: f, above: above}
	why := q.settle()
	if why == nil || why.Code != RevocationUnknown || len(v.pending) == 0 { // inside a detour, a circle may hide an answer
		v.states[key] = why
	}
	return why
}

// question is the search for the state of one certificate.
type question struct {
	v       *verifier
	f       *facts
	above   []*facts  // its issuer first, the anchor last
	covered reasonSet // the reasons settled so far
	notes   []string  // why evidence was of no use
}

func (q *question) settle() *Reason {
	if why, settled := q.askOCSP(); settled && why != nil {
		return why
	} else if why := q.askCRLs(); why != nil {
		return why
	} else if settled || q.covered == allReasons {
		return nil
	}
	if why := q.v.exhausted(q.f); why != nil {
		return why
	}
	notes := slices.Concat(q.notes, q.v.unusable)
	if len(notes) == 0 {
		notes = []string{"no CRL or OCSP answer for it"}
	}
	return fault(RevocationUnknown, q.f, "%s", strings.Join(slices.Compact(notes), "; "))
}

func (q *question) note(format string, args ...any) {
	if len(q.notes) < 5 {
		q.notes = append(q.notes, fmt.Sprintf(format, args...))
	}
}

// askCRLs is RFC 5280 §6.3.3 over all distribution points of the certificate, then over the one that a certificate without
// any is taken to have. Further CRLs than needed are read too: what any of them revokes is revoked.
func (q *question) askCRLs() *Reason {
	points := append(slices.Clone(q.f.points), q.ownPoint())
	done := map[string]bool{} // issuer and scope: the newest usable CRL of each counts
	for _, l := range q.v.crls {
		which := l.issuerKey + "\x00" + l.scopeDER
		if l.base != nil || done[which] {
			continue
		}
		reasons := q.speaksOf(l, points)
		if reasons == 0 {
			continue
		}
		delta, usable := q.usable(l)
		if !usable {
			continue
		}
		done[which] = true
		if r := q.lookUp(l, delta); r != nil {
			return fault(Revoked, q.f, "since %s, reason %d", r.at.Format(time.RFC3339), r.reason)
		}
		q.covered |= reasons
	}
	return nil
}

// ownPoint is the point for CRLs that the issuer puts out without the certificate naming them: §6.3.3, last paragraph.
func (q *question) ownPoint() point {
	names := append([]generalName{directoryName(q.f.cert.Issuer)}, q.f.issuerAlt...)
	return point{name: pointName{full: names}, reasons: allReasons}
}

// speaksOf gives the reasons for which a CRL answers for the certificate: §6.3.3 (b) and (d).
func (q *question) speaksOf(l *crl, points []point) (reasons reasonSet) {
	s := l.scope
	if s.onlyAttr || s.onlyUser && q.f.cert.IsCA || s.onlyCA && !q.f.cert.IsCA {
		return 0
	}
	for _, p := range points {
		q.v.budget.steps++
		if q.v.budget.spent() {
			return 0
		}
		if q.issuerFits(l, p) && (!s.name.present() || q.nameFits(l, p)) {
			reasons |= s.reasons & p.reasons
		}
	}
	return reasons
}

// issuerFits is §6.3.3 (b)(1): the certificate's own issuer, or the CRL issuer that the point names, by an indirect CRL.
func (q *question) issuerFits(l *crl, p point) bool {
	if len(p.crlIssuer) == 0 {
		return l.issuerKey == q.f.issuer
	}
	return l.scope.indirect && anyEqual(p.crlIssuer, []generalName{directoryName(l.issuer)})
}

// nameFits is §6.3.3 (b)(2)(i).
func (q *question) nameFits(l *crl, p point) bool {
	names := l.scope.name.under(l.issuer)
	if !p.name.present() {
		return anyEqual(names, p.crlIssuer)
	}
	issuer := q.f.cert.Issuer
	for _, g := range p.crlIssuer {
		if g.kind == nameDirectory {
			if n, err := pki.ParseName([]byte(g.data)); err == nil {
				issuer = n
			}
			break
		}
	}
	return anyEqual(names, p.name.under(issuer))
}

// usable reports whether a complete CRL is current, alone or with the delta CRL it gives, and rightly signed.
//
// Source: RFC 5280 §6.3.3 (a), (c), (f) to (h), §5.2.4.
func (q *question) usable(l *crl) (delta *crl, ok bool) {
	at := q.v.o.At
	if at.Before(l.thisUpdate) {
		q.note("CRL of %s is from %s, later than asked", l.issuer, l.thisUpdate.Format(time.RFC3339))
		return nil, false
	}
	signer := q.signer(l)
	if signer == nil {
		return nil, false
	}
	for _, d := range q.v.crls {
		if d.updates(l) && d.current(at) && q.v.signed(d, signer) {
			delta = d
			break // they are sorted, the newest first
		}
	}
	if delta == nil && !l.current(at) {
		q.note("CRL of %s is out of date since %s", l.issuer, dateOr(l.nextUpdate, "the beginning"))
		return nil, false
	}
	return delta, true
}

func dateOr(t time.Time, otherwise string) string {
	if t.IsZero() {
		return otherwise
	}
	return t.Format(time.RFC3339)
}

// current reports whether the CRL is the one for that time; without a next update none is (RFC 5280 §5.1.2.5).
func (l *crl) current(at time.Time) bool {
	return !at.Before(l.thisUpdate) && !l.nextUpdate.IsZero() && !at.After(l.nextUpdate)
}

// updates reports whether d is a delta CRL for l: same issuer and scope, begun no later than l and newer than it.
//
// Source: RFC 5280 §5.2.4, §6.3.3 (c).
func (d *crl) updates(l *crl) bool {
	return d.base != nil && d.number != nil && l.number != nil && d.issuerKey == l.issuerKey && d.scopeDER == l.scopeDER &&
		string(d.aki) == string(l.aki) && l.number.Cmp(d.base) >= 0 && l.number.Cmp(d.number) < 0
}

// lookUp is §6.3.3 (i) to (k).
func (q *question) lookUp(l, delta *crl) *revocation {
	if delta != nil {
		if r := delta.find(q.f, &q.v.budget); r != nil {
			if r.reason == pki.ReasonRemoveFromCRL {
				return nil
			}
			return r
		}
	}
	return l.find(q.f, &q.v.budget)
}

// signer finds the certificate whose key signed the CRL and which may do so under the same anchor: §6.3.3 (f).
func (q *question) signer(l *crl) *facts {
	candidates := slices.DeleteFunc(slices.Clone(q.above), func(f *facts) bool { return f.subject != l.issuerKey })
	for _, f := range q.v.pool[l.issuerKey] {
		if !slices.Contains(candidates, f) {
			candidates = append(candidates, f)
		}
	}
	slices.SortStableFunc(candidates, func(a, b *facts) int { return cmp.Compare(otherKey(l, a), otherKey(l, b)) })
	found := false
	for _, f := range candidates {
		q.v.budget.steps++
		if q.v.budget.spent() {
			return nil
		}
		if !maySignCRLs(f) || !q.v.signed(l, f) {
			continue
		}
		found = true
		if slices.Contains(q.above, f) || q.answersForItself(l, f) || q.v.trusted(f, q.above[len(q.above)-1]) {
			return f
		}
	}
	if found {
		q.note("the signer of the CRL of %s has no valid path to the same anchor", l.issuer)
	} else {
		q.note("the CRL of %s is not signed by a known key that may", l.issuer)
	}
	return nil
}

// answersForItself allows a signer's own state to come from its own CRL only where the CA above it said so, by naming it as
// CRL issuer in a distribution point of its certificate (PKITS 4.14.30).
func (q *question) answersForItself(l *crl, signer *facts) bool {
	return signer == q.f && slices.ContainsFunc(q.f.points, func(p point) bool { return len(p.crlIssuer) > 0 && q.issuerFits(l, p) })
}

func otherKey(l *crl, f *facts) int {
	if len(l.aki) > 0 && len(f.cert.SKI) > 0 && string(l.aki) != string(f.cert.SKI) {
		return 1
	}
	return 0
}

// maySignCRLs: a CA unless its key usage forbids, anyone else only if its key usage says so; else whoever bears a CA's name could.
func maySignCRLs(f *facts) bool {
	if f.cert.HasKeyUsage {
		return f.cert.KeyUsage&pki.CRLSign != 0
	}
	return f.cert.IsCA
}

// signed reports whether the key of f signed the CRL.
func (v *verifier) signed(l *crl, f *facts) bool {
	key := signerKey{l, f.id}
	if ok, known := v.signers[key]; known {
		return ok
	}
	v.budget.signatures++
	if v.budget.spent() {
		return false
	}
	ok := pki.Verify(f.cert.PublicKey, l.alg, l.tbs, l.sig) == nil
	v.signers[key] = ok
	return ok
}

// trusted reports whether a signer of CRLs that is not in the path itself has a valid path to the same anchor, its own state
// included. A signer whose state hangs on its own CRL is not.
func (v *verifier) trusted(f, anchor *facts) bool {
	if v.anchors[f.id] {
		return f == anchor && v.checkAlone(f) == nil
	}
	if v.pending[f.id] || v.checkAlone(f) != nil {
		return false
	}
	v.pending[f.id] = true
	defer delete(v.pending, f.id)
	return v.search(f, search{quiet: true, accept: func(path []*facts) *Reason {
		if path[len(path)-1] != anchor {
			return fault(NoPath, f, "another anchor")
		}
		if why := v.walk(path, demands{}); why != nil {
			return why
		}
		return v.checkStates(path)
	}}) != nil
}
