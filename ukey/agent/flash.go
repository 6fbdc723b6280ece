package agent

import (
	"context"
	"fmt"
	"slices"

	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/ticket"
)

// flashing is one key of a batch, from blank to certified. No person is asked for it: the operator signed the start of the batch, and
// only a station works on one.
type flashing struct {
	*office
	in ticket.FlashParams
}

// flash makes one key of the batch that the operator here started. Cut off anywhere, it is begun anew under the same key ids and goes
// on from what is there.
func (w *work) flash(ctx context.Context) (ticket.FlashResult, error) {
	var none ticket.FlashResult
	f, err := w.flashing(ctx)
	if err != nil {
		return none, err
	}
	release, err := w.holdToken(ctx, w.claims.Serial)
	if err != nil {
		return none, err
	}
	defer release()
	if err := f.open(ctx); err != nil {
		return none, err
	}
	defer f.Wipe()
	f.pin = f.Transport
	if f.pin == nil {
		return none, problem(ticket.JobState, "the portal gave no first PIN")
	}
	if err := f.setPINs(ctx); err != nil {
		return none, err
	}
	if f.in.Certify {
		if err := f.certify(ctx); err != nil {
			return none, err
		}
	}
	return ticket.FlashResult{Serial: f.token.info.Serial, State: ticket.FlashLabelled}, nil
}

func (w *work) flashing(ctx context.Context) (*flashing, error) {
	f := &flashing{}
	if err := w.params(&f.in); err != nil {
		return nil, err
	}
	sign, enc := ukey.KeyID(f.in.SignKeyID), ukey.KeyID(f.in.EncKeyID)
	switch {
	case w.gate.Batch == "" || f.in.Batch != w.gate.Batch:
		return nil, refuse("no operator here is flashing this batch")
	case w.claims.Serial == "":
		return nil, refuse("no token named")
	case sign.Check() != nil || enc.Check() != nil || sign == enc || !slices.Contains(algorithms, pki.KeyAlg(f.in.KeyAlg)):
		return nil, refuse("key ids or algorithm")
	}
	var err error
	if f.office, err = w.blankOrToken(ctx, w.job.ID); err != nil {
		return nil, err
	}
	for _, k := range f.token.keys {
		if k.ID != sign && k.ID != enc {
			return nil, refuse("the key holds key pairs that are not of this batch")
		}
	}
	return f, nil
}

// setPINs brings the key to its first PIN and the next officer's PIN, unless the portal knows that to be done.
func (f *flashing) setPINs(ctx context.Context) error {
	if f.Next == nil {
		return nil
	}
	got, err := f.run(ctx)
	if err != nil {
		return err
	}
	if got.Version < 0 || got.Exposed {
		return soUncertain("the officer's PIN could not be changed")
	}
	return f.tell(ctx, ticket.ReachedStep{State: ticket.FlashPINsSet, Officer: &got})
}

func (f *flashing) tell(ctx context.Context, s ticket.ReachedStep) error {
	var reply ticket.ReachedReply
	if err := f.steps.Step(ctx, ticket.StepReached, s, &reply); err != nil {
		return fmt.Errorf("telling the portal %s: %w", s.State, err)
	}
	return nil
}

// certify makes, certifies, writes, proves and names the pair. The transport PIN is tried once.
func (f *flashing) certify(ctx context.Context) error {
	session, err := f.token.token.Login(ctx, f.pin)
	if err != nil {
		return err
	}
	defer session.Close()
	e := &enrolment{work: f.work, token: f.token, session: session, sign: ukey.KeyID(f.in.SignKeyID), enc: ukey.KeyID(f.in.EncKeyID),
		in: ticket.EnrolParams{Enrolment: f.job.ID, SignKeyID: f.in.SignKeyID, EncKeyID: f.in.EncKeyID, KeyAlg: f.in.KeyAlg, CommonName: f.in.CommonName}}
	e.reached = func(ctx context.Context, s ticket.FlashState) error { return f.tell(ctx, ticket.ReachedStep{State: s}) }
	if _, err := e.run(ctx); err != nil {
		return err
	}
	label := f.in.CommonName
	for len(label) > ukey.MaxKeyLabel { // in bytes, and never in the middle of a character
		runes := []rune(label)
		label = string(runes[:len(runes)-1])
	}
	for _, id := range []ukey.KeyID{e.sign, e.enc} {
		if err := session.SetLabel(ctx, id, label); err != nil {
			return err
		}
	}
	return nil
}
