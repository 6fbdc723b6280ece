package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"signet/ca/pki"
	"signet/ca/status"
)

// maxOutside lists are kept in memory; more are read anew.
const maxOutside = 32

// outsideLists keeps the lists of other CAs as they were read last.
type outsideLists struct {
	mu   sync.Mutex // guards kept; held while a list is read, so that it is read once
	kept map[string]*outsideList
}

// outsideList is one list, its signature verified with the CA of its name.
type outsideList struct {
	status.CRL
	crl      *pki.CRL
	bySerial map[string]*pki.CRLEntry
}

// find gives the latest list of a CA. Nil/zero: nil when none was imported.
func (o *outsideLists) find(ctx context.Context, lists status.Lists, issuer *pki.Certificate) (*outsideList, error) {
	name := status.OutsideList(issuer)
	latest, err := lists.LatestCRL(ctx, name)
	if errors.Is(err, status.ErrNoCRL) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a revocation list: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if l := o.kept[name]; l != nil && l.Hash == latest.Hash {
		return l, nil
	}
	l, err := readOutside(ctx, lists, name, issuer)
	if err != nil {
		return nil, fmt.Errorf("reading a revocation list: %w", err)
	}
	if len(o.kept) >= maxOutside {
		clear(o.kept)
	}
	o.kept[name] = l
	return l, nil
}

func readOutside(ctx context.Context, lists status.Lists, name string, issuer *pki.Certificate) (*outsideList, error) {
	kept, der, err := status.LoadCRL(ctx, lists, name)
	if err != nil {
		return nil, err
	}
	crl, err := pki.ParseCRL(der)
	if err == nil {
		err = crl.CheckSignatureFrom(issuer)
	}
	if err != nil {
		return nil, err
	}
	l := &outsideList{CRL: kept, crl: crl, bySerial: make(map[string]*pki.CRLEntry, len(crl.Entries))}
	for i := range crl.Entries {
		e := &crl.Entries[i]
		l.bySerial[string(e.Serial)] = e
	}
	return l, nil
}

// listed is what the imported list of a foreign CA says about one of its certificates as of a time. Nil/zero: no code when there is no list.
func (j *judge) listed(ctx context.Context, cert, parent *pki.Certificate, at time.Time) (e Revocation, code, detail string, err error) {
	l, err := j.v.outside.find(ctx, j.v.c.Status, parent)
	if l == nil || err != nil {
		return Revocation{}, "", "", err
	}
	e = Revocation{Status: "unknown", Source: "crl", At: l.ThisUpdate}
	if l.crl.Number != nil {
		e.CRLNumber = l.crl.Number.String()
	}
	if !l.crl.Covers(cert) {
		return e, ReasonRevocationUnknown, fmt.Sprintf("The revocation list of %s does not speak of this certificate.", parent.Subject), nil
	}
	entry := l.bySerial[string(bytes.TrimLeft(cert.Serial, "\x00"))]
	if entry != nil && entry.Reason != pki.ReasonRemoveFromCRL {
		e.Status = string(status.Revoked)
		return revoked(e, status.Status{State: status.Revoked, At: entry.At, InvalidAt: entry.InvalidityDate, Reason: entry.Reason}, at)
	}
	switch {
	case at.After(l.NextUpdate):
		return e, ReasonRevocationUnknown, fmt.Sprintf("The revocation list of %s that was imported ended at %s.", parent.Subject, l.NextUpdate.UTC().Format(time.RFC3339)), nil
	case cert.NotAfter.Before(l.ThisUpdate): // entries may leave the list after that
		return e, ReasonRevocationUnknown, fmt.Sprintf("The certificate expired before the revocation list of %s that was imported.", parent.Subject), nil
	}
	e.Status = string(status.Good)
	return e, ReasonRevocationOK, fmt.Sprintf("Not on the revocation list of %s, as of %s.", parent.Subject, l.ThisUpdate.UTC().Format(time.RFC3339)), nil
}
