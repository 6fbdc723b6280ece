package ca

import (
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"signet/ca/lint"
	"signet/ca/pki"
)

// attempts bounds how often one call starts again after another process abandoned its intent or a serial was taken.
const attempts = 3

// Issue makes one certificate. Together with IssuePair and the hierarchy's first steps, all through attempt, it is the only
// road to a CA key. The same request id asked again, after whatever crash, gives the same certificate.
//
// Errors: *RefusedError, ErrUnknownCA, ErrUnknownProfile, ErrKeyCertified are final; ErrStopped, ErrAbandoned and those of store and key are
// not: an intent may stay open, which a repeat of the request or Reconcile ends.
func (a *Authority) Issue(ctx context.Context, req Request) (*Certificate, error) {
	certs, err := a.issue(ctx, req)
	if err != nil {
		return nil, err
	}
	return certs[0], nil
}

// Check says whether the requests would be refused as they stand, a pair's halves together. Nothing is signed or written.
//
// Errors: the final ones of Issue; those of the store.
func (a *Authority) Check(ctx context.Context, reqs ...Request) error {
	known, err := a.lookUp(ctx, reqs)
	if err != nil {
		return err
	}
	_, _, err = a.prepare(known)
	return err
}

// issue makes the certificates of one unit: all or, in this call, none.
func (a *Authority) issue(ctx context.Context, reqs ...Request) ([]*Certificate, error) {
	defer a.locks.lock(lockNames(reqs)...)()
	for n := 1; ; n++ {
		certs, err := a.attempt(ctx, reqs)
		again := errors.Is(err, ErrAbandoned) || errors.Is(err, ErrSerialTaken) || errors.Is(err, ErrAlreadyIssued)
		if err == nil || !again || n == attempts {
			return certs, err
		}
		a.c.Log.Warn("issuing starts again", slog.String("request", string(reqs[0].ID)), slog.Any("error", err))
	}
}

func lockNames(reqs []Request) []string {
	var names []string
	for _, r := range reqs {
		hash := pki.SPKIHash(r.SPKI)
		names = append(names, "request "+string(r.ID), "key "+hex.EncodeToString(hash[:]))
	}
	return names
}

func (a *Authority) attempt(ctx context.Context, reqs []Request) ([]*Certificate, error) {
	known, err := a.lookUp(ctx, reqs)
	if err != nil {
		return nil, err
	}
	certs, missing, err := issued(known)
	if err != nil || len(missing) == 0 {
		return certs, err // asked before: the same answer
	}
	if a.c.Stop() {
		return nil, ErrStopped
	}
	drafts, passes, err := a.prepare(missing)
	if err != nil {
		return nil, err
	}
	intents := make([]Intent, len(drafts))
	for i, d := range drafts {
		intents[i] = d.intent(a.c.Now())
	}
	if err := a.intents.do(ctx, intents); err != nil { // durable before any key is touched
		return nil, fmt.Errorf("recording the intent of %s: %w", reqs[0].ID, err)
	}
	made := make([]Certificate, len(drafts))
	for i, d := range drafts {
		c, err := a.sign(ctx, d, passes[i], d.issuer.Signer, d.issuer.Certificate)
		if err != nil {
			return nil, fmt.Errorf("signing %s: %w", d.req.ID, err)
		}
		made[i] = *c
	}
	if err := a.records.do(ctx, made); err != nil {
		return nil, fmt.Errorf("recording %s: %w", reqs[0].ID, err)
	}
	return merge(certs, made), nil
}

// issued sorts out what was asked before; certs has nil where missing has an entry, in the same order.
func issued(known []*lookup) (certs []*Certificate, missing []*lookup, err error) {
	certs = make([]*Certificate, len(known))
	for i, l := range known {
		switch c := l.issued; {
		case c == nil:
			missing = append(missing, l)
		case c.CA != l.req.CA || c.Profile != l.req.Profile || c.SPKIHash != l.key:
			return nil, nil, refuse(RefusedRequest, fmt.Sprintf("id %s belongs to another CA, profile or key", l.req.ID))
		default:
			certs[i] = c
		}
	}
	return certs, missing, nil
}

func merge(certs []*Certificate, made []Certificate) []*Certificate {
	for i := range certs {
		if certs[i] == nil {
			certs[i], made = &made[0], made[1:]
		}
	}
	return certs
}

// prepare drafts and lints every request before anything is done about one, so that a unit is refused whole.
func (a *Authority) prepare(asked []*lookup) ([]*draft, []*lint.Pass, error) {
	drafts, passes := make([]*draft, len(asked)), make([]*lint.Pass, len(asked))
	for i, l := range asked {
		d, err := a.draft(l.req)
		if err != nil {
			return nil, nil, err
		}
		if err := d.checkKeyFree(l.others); err != nil {
			return nil, nil, err
		}
		if passes[i], err = a.c.Lint.Check(d.lintDraft(d.issuer.Certificate)); err != nil {
			return nil, nil, refuse(RefusedLint, fmt.Sprintf("%s by profile %s: %v", l.req.ID, l.req.Profile, err))
		}
		drafts[i] = d
	}
	return drafts, passes, nil
}

// checkKeyFree refuses a key that other requests had certified. An encryption key may be certified again for its holder, and a CA's by another
// CA, unless it was revoked as compromised.
func (d *draft) checkKeyFree(others []Certificate) error {
	for _, o := range others {
		if !d.req.Recertify || !d.renewsKeys() || o.Revoked != nil && o.Revoked.Reason == KeyCompromise || !d.sameHolder(o) {
			return fmt.Errorf("%w: %s", ErrKeyCertified, o.RequestID)
		}
	}
	return nil
}

// renewsKeys reports whether keys of this kind may be certified more than once: those that decrypt what is old, and those of CAs, whose
// certificates by several CAs are cross-certificates.
func (d *draft) renewsKeys() bool { return d.profile.Kind.Encrypts() || d.profile.Kind.IsCA() }

// sameHolder compares by identity code where there is one, since an organisation may change its name, and else by subject.
func (d *draft) sameHolder(o Certificate) bool {
	old, err := pki.ParseCertificate(o.DER)
	if err != nil || old.KeyUsage&pki.SigningUsage != 0 || old.IsCA != d.profile.isCA {
		return false // a signing key never becomes an encryption key, nor a holder's a CA's
	}
	was := pki.ReadIdentity(old)
	for _, pair := range [][2]string{{was.USCC, d.req.Fields["uscc"]}, {was.OrgCode, d.req.Fields["orgCode"]}} {
		if pair[0] != "" && pair[1] != "" {
			return pki.NormaliseCode(pair[0]) == pki.NormaliseCode(pair[1])
		}
	}
	subject, err := d.profile.subjectOf(d.req.Subject)
	return err == nil && subject.Equal(old.Subject)
}

// sign has the key sign exactly the bytes that were linted, once, and believes the result only after reading and verifying it with the public
// key of the issuing certificate.
func (a *Authority) sign(ctx context.Context, d *draft, pass *lint.Pass, key crypto.Signer, parent *pki.Certificate) (*Certificate, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if a.c.Stop() {
		return nil, ErrStopped
	}
	if err := pass.Use(d.tbs); err != nil {
		return nil, err
	}
	sig, err := pki.Sign(a.c.Rand, key, d.alg, d.tbs) // verified with key.Public(), which newIssuer found equal to the certificate's
	if err != nil {
		return nil, err
	}
	der, err := pki.Assemble(d.tbs, d.alg, sig)
	if err != nil {
		return nil, err
	}
	cert, err := pki.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if string(cert.RawTBS) != string(d.tbs) || cert.SerialHex != d.serialHex {
		return nil, errors.New("signed bytes differ from the draft")
	}
	if parent == nil {
		parent = cert
	}
	if err := a.secondOpinion(d, cert, parent); err != nil {
		a.c.Log.Error("second implementation disagrees", slog.String("request", string(d.req.ID)), slog.String("serial", d.serialHex), slog.Any("error", err))
		return nil, err
	}
	return d.certificate(der, a.c.Now()), nil
}

func (a *Authority) secondOpinion(d *draft, cert, parent *pki.Certificate) error {
	last := cert.Serial[len(cert.Serial)-2:]
	if d.profile.Kind.IsLeaf() && (int(last[0])<<8|int(last[1]))%a.c.CheckEvery != 0 {
		return nil
	}
	return a.second(cert, parent)
}

func (d *draft) certificate(der []byte, now time.Time) *Certificate {
	return &Certificate{
		RequestID: d.req.ID, CA: d.req.CA, Profile: d.req.Profile, SerialHex: d.serialHex, DER: der,
		NotBefore: d.notBefore, NotAfter: d.notAfter, SPKIHash: d.keyHash, PairID: d.req.PairID, Shard: d.shard,
		IssuedAt: now.UTC().Truncate(time.Second), By: d.req.By,
	}
}
