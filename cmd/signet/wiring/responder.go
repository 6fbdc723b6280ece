package wiring

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"signet/ca"
	"signet/ca/pki"
)

// lookForEnds is how often a server looks whether its responders end soon.
const lookForEnds = 10 * time.Minute

// RenewResponders gives every CA whose OCSP responder ends soon its next one, with a new key. Servers with the same keystore find the same, those
// with one of their own make one each; a restart finds again what was made.
//
// Errors: what went wrong at one CA does not keep the others waiting. The present responder stays until the next is there.
func (s *System) RenewResponders(ctx context.Context) error {
	var errs []error
	for _, a := range s.c.Authorities {
		now := s.Status.ResponderOf(a.ID)
		if a.Key == "" || now == nil || !s.endsSoon(now) {
			continue
		}
		if err := s.renewResponder(ctx, a.ID, now); err != nil {
			errs = append(errs, fmt.Errorf("renewing the responder of %s: %w", a.ID, err))
		}
	}
	return errors.Join(errs...)
}

// endsSoon: less than a third of its life is left, or less than renewEarlyFor.
func (s *System) endsSoon(cert *pki.Certificate) bool {
	return cert.NotAfter.Sub(s.c.Now()) < min(renewEarlyFor, cert.NotAfter.Sub(cert.NotBefore)/3)
}

func (s *System) renewResponder(ctx context.Context, id string, old *pki.Certificate) error {
	alg, err := pki.AlgOf(old.PublicKey)
	if err != nil {
		return err
	}
	const most = 1000 // one in two months: 160 years
	for n := 1; n <= most; n++ {
		cert, key, err := s.responder(ctx, id, old.Subject, alg, n)
		var refused *ca.RefusedError
		if errors.As(err, &refused) && refused.Code == ca.RefusedRequest {
			continue // that one is of a server with other keys
		}
		if err != nil {
			return err
		}
		if s.endsSoon(cert) {
			continue
		}
		if err := s.Status.SetResponder(id, cert, key); err != nil {
			return err
		}
		s.c.Log.Info("the next OCSP responder answers", slog.String("authority", id), slog.String("serial", cert.SerialHex), slog.Time("until", cert.NotAfter))
		return nil
	}
	return errors.New("there are too many responders")
}

// responder finds or makes the n-th renewed responder of a CA.
func (s *System) responder(ctx context.Context, id string, name pki.Name, alg pki.KeyAlg, n int) (*pki.Certificate, crypto.Signer, error) {
	label := fmt.Sprintf("%s-responder-%d", id, n)
	key, err := ensureKey(ctx, s.c.Keys, label, alg)
	if err != nil {
		return nil, nil, err
	}
	cert, err := ca.CreateResponder(ctx, s.Authority, ca.KeyRequest{ID: ca.RequestID("responder/" + label), CA: id, Subject: name, Key: key, By: "operator"})
	return cert, key, err
}

// keepResponders renews for as long as ctx lasts. Each server does, since each answers with its own.
func (s *System) keepResponders(ctx context.Context) {
	tick := time.NewTicker(lookForEnds)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.RenewResponders(ctx); err != nil && ctx.Err() == nil {
				s.c.Log.Error("renewing OCSP responders", slog.Any("error", err))
			}
		}
	}
}
