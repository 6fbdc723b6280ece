package agent

import (
	"context"

	"signet/ukey/ticket"
)

// list tells what is plugged in. It needs no PIN; the pairing is the consent to be seen.
func (w *work) list(ctx context.Context) (ticket.ListResult, error) {
	if err := w.params(&ticket.ListParams{}); err != nil {
		return ticket.ListResult{}, err
	}
	all, err := w.plugged(ctx)
	if err != nil {
		return ticket.ListResult{}, err
	}
	result := ticket.ListResult{Keys: []ticket.TokenInfo{}}
	for _, p := range all {
		if w.claims.Serial == "" || w.claims.Serial == p.info.Serial {
			result.Keys = append(result.Keys, describe(p))
		}
	}
	return result, nil
}

func describe(p plugged) ticket.TokenInfo {
	i := p.info
	t := ticket.TokenInfo{Serial: i.Serial, Label: i.Label, Model: i.Model, Manufacturer: i.Manufacturer,
		PINTriesLeft: i.PINTriesLeft, PINLocked: i.PINLocked, Initialised: i.Initialised, Simulated: i.Simulated,
		Free: i.Free, Objects: []ticket.Object{}}
	for _, k := range p.keys {
		spki, err := k.SPKI()
		if err != nil {
			continue // a key no certificate can be about
		}
		t.Objects = append(t.Objects, ticket.Object{ID: ticket.KeyID(k.ID), Usage: string(k.Usage), SPKI: spki, Certificate: k.Certificate, Label: k.Label})
	}
	return t
}
