package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet/ca/pki"
	"signet/ca/status"
)

const (
	maxOutsideCRL = 64 << 20
	outsidePiece  = 2 << 20
)

// The reasons why SaveOutsideCRL refuses a list.
var (
	ErrOutsideCRL = errors.New("this revocation list cannot be taken as evidence")
	ErrOlderCRL   = errors.New("a later revocation list of this CA is kept already")
)

// SaveOutsideCRL keeps the revocation list of a CA that is not ours, in place of the one before, as evidence for verifying. by is who vouches that
// issuer is that CA. The same list again changes nothing.
//
// Shape: DER, complete, at most 64 MiB. It is numbered by its thisUpdate, since not every list says a number.
// Errors: ErrOutsideCRL with the reason, pki's among them; ErrOlderCRL.
func (s *CAStore) SaveOutsideCRL(ctx context.Context, issuer *pki.Certificate, der []byte, by string) (status.CRL, error) {
	l, err := outsideCRL(issuer, der, s.d.Now())
	if err != nil {
		return l, fmt.Errorf("%w: %w", ErrOutsideCRL, err)
	}
	last, err := s.LatestCRL(ctx, l.List)
	switch {
	case errors.Is(err, status.ErrNoCRL):
	case err != nil:
		return l, err
	case last.Hash == l.Hash:
		return last, nil
	case last.Number >= l.Number:
		return l, ErrOlderCRL
	}
	pieces := slices.Collect(slices.Chunk(der, outsidePiece))
	for i, piece := range pieces[1:] {
		if err := s.KeepCRL(ctx, l.List, l.Number, i+1, piece); err != nil {
			return l, err
		}
	}
	l.Pieces = len(pieces) - 1
	return l, s.saveCRL(ctx, l, pieces[0], nil, by, "import_crl")
}

func outsideCRL(issuer *pki.Certificate, der []byte, now time.Time) (status.CRL, error) {
	if len(der) > maxOutsideCRL {
		return status.CRL{}, fmt.Errorf("it has %d bytes, more than %d", len(der), maxOutsideCRL)
	}
	crl, err := pki.ParseCRL(der)
	if err != nil {
		return status.CRL{}, err
	}
	if err := crl.CheckSignatureFrom(issuer); err != nil {
		return status.CRL{}, err
	}
	switch {
	case !bytes.Equal(crl.Raw, der):
		return status.CRL{}, errors.New("there are bytes after it")
	case crl.DeltaBase != nil:
		return status.CRL{}, errors.New("it is a delta; the complete list is wanted")
	case crl.NextUpdate.IsZero():
		return status.CRL{}, errors.New("it does not say until when it holds")
	case crl.ThisUpdate.After(now.Add(5 * time.Minute)):
		return status.CRL{}, errors.New("it is of a time to come")
	}
	return status.CRL{
		List: status.OutsideList(issuer), Number: crl.ThisUpdate.Unix(), ThisUpdate: crl.ThisUpdate, NextUpdate: crl.NextUpdate,
		Size: int64(len(der)), Hash: sha256.Sum256(der),
	}, nil
}
