package agent

import (
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"

	"signet/ukey"
	"signet/ukey/ticket"
)

// office is work on one token with the PIN of its security officer. The portal gives that PIN and the next
// one sealed to a key of this run; it is used, and changed at once. In one run at most one try is wrong, and
// none is made when it could be the last.
type office struct {
	*work
	id    string // of the work, across repeats
	token plugged
	blank *ukey.Blank // instead of token.token
	// pin is the holder's new PIN; nil = it stays.
	pin ukey.PIN
	ticket.SOSecrets
}

// soUncertain ends work that cannot go on without risking the officer's PIN.
func soUncertain(detail string) error { return problem(ticket.SORefused, detail) }

// unlock sets a new PIN that the holder chooses here; keys and certificates stay.
func (w *work) unlock(ctx context.Context) (ticket.OfficerResult, error) {
	o, err := w.office(ctx)
	if err != nil {
		return ticket.OfficerResult{}, err
	}
	var t texts
	t.say("操作:解锁。为这把 UKey 设置新 PIN,其中的密钥和证书保留", "Operation: unlock. Set a new PIN; keys and certificates stay")
	return o.withNewPIN(ctx, t)
}

// initialise gives a blank token its first PINs. It never touches one that holds a key pair.
func (w *work) initialise(ctx context.Context) (ticket.OfficerResult, error) {
	id, err := w.workID()
	if err != nil {
		return ticket.OfficerResult{}, err
	}
	o, err := w.blankOrToken(ctx, id)
	if err != nil {
		return ticket.OfficerResult{}, err
	}
	if len(o.token.keys) > 0 {
		return ticket.OfficerResult{}, refuse("the key holds key pairs")
	}
	var t texts
	t.say("操作:初始化这把空白 UKey,并设置 PIN", "Operation: initialise this blank key and set its PIN")
	return o.withNewPIN(ctx, t)
}

// takeOver brings the officer's PIN of an old token into the portal's custody. The holder's PIN stays.
func (w *work) takeOver(ctx context.Context) (ticket.OfficerResult, error) {
	var none ticket.OfficerResult
	o, err := w.office(ctx)
	if err != nil {
		return none, err
	}
	release, err := w.holdToken(ctx, o.token.info.Serial)
	if err != nil {
		return none, err
	}
	defer release()
	var t texts
	t.say("操作:由网站接管这把 UKey 的管理员 PIN,以后忘记 PIN 时可以在线解锁", "Operation: the portal takes over the administrator PIN of this key, so that a forgotten PIN can be reset online")
	t.say("您的 PIN、密钥和证书不变。", "Your PIN, keys and certificates stay.")
	ask := w.pinPrompt(o.token, t)
	ask.Label = ""
	if err := w.confirm(ctx, ask); err != nil {
		return none, err
	}
	if err := o.open(ctx); err != nil {
		return none, err
	}
	defer o.Wipe()
	if o.Current == nil {
		if o.Current, err = w.askOfficerPIN(ctx, ask); err != nil {
			return none, err
		}
	}
	return o.run(ctx)
}

// office finds the token of officer work.
func (w *work) office(ctx context.Context) (*office, error) {
	id, err := w.workID()
	if err != nil {
		return nil, err
	}
	return w.officeOf(ctx, id)
}

func (w *work) workID() (string, error) {
	var in ticket.OfficerParams
	if err := w.params(&in); err != nil {
		return "", err
	}
	if in.Work == "" || w.claims.Serial == "" {
		return "", refuse("work or token not named")
	}
	return in.Work, nil
}

func (w *work) officeOf(ctx context.Context, id string) (*office, error) {
	p, err := w.find(ctx, func(plugged) bool { return true })
	if err != nil {
		return nil, err
	}
	o := &office{work: w, id: id, token: p}
	return o, o.safe(ctx)
}

// blankOrToken is officeOf that also takes a key that was never initialised.
func (w *work) blankOrToken(ctx context.Context, id string) (*office, error) {
	o, err := w.officeOf(ctx, id)
	var p *ticket.Problem
	if !errors.As(err, &p) || p.Code != ticket.KeyAbsent && p.Code != ticket.KeyWrongSerial {
		return o, err
	}
	found, driver, err := w.findBlank(ctx, w.claims.Serial)
	if err != nil || found == nil {
		return nil, errors.Join(err, p)
	}
	info := ukey.Info{Serial: found.Serial, Model: found.Model, Manufacturer: found.Manufacturer, PINTriesLeft: -1, SOTriesLeft: -1}
	return &office{work: w, id: id, blank: found, token: plugged{token: unformatted{driver: driver}, info: info}}, nil
}

// unformatted stands for the token that a blank will become.
type unformatted struct {
	ukey.Token
	driver ukey.Driver
}

// findBlank looks for a key that was never initialised. One without a serial number cannot be meant.
func (a *Agent) findBlank(ctx context.Context, serial string) (*ukey.Blank, ukey.Driver, error) {
	for _, d := range a.c.Drivers {
		blanks, err := d.Blanks(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			a.c.Log.Warn("driver cannot list blank keys", "driver", d.Name(), "error", err)
			continue
		}
		for _, b := range blanks {
			if b.Serial == serial && serial != "" {
				return &b, d, nil
			}
		}
	}
	return nil, nil, nil
}

// withNewPIN has the person choose a PIN before anything secret is fetched.
func (o *office) withNewPIN(ctx context.Context, t texts) (ticket.OfficerResult, error) {
	var none ticket.OfficerResult
	release, err := o.holdToken(ctx, o.token.info.Serial)
	if err != nil {
		return none, err
	}
	defer release()
	if o.pin, err = o.chooseNewPIN(ctx, o.token, t); err != nil {
		return none, err
	}
	defer o.pin.Wipe()
	if err := o.open(ctx); err != nil {
		return none, err
	}
	defer o.Wipe()
	return o.run(ctx)
}

// open fetches the officer's PINs.
func (o *office) open(ctx context.Context) error {
	session, err := ticket.NewSessionKey()
	if err != nil {
		return err
	}
	o.SOSecrets, err = o.fetch(ctx, session)
	return err
}

func (o *office) fetch(ctx context.Context, session *ecdh.PrivateKey) (ticket.SOSecrets, error) {
	var reply ticket.SOReply
	i := o.token.info
	ask := ticket.SOStep{SessionKey: session.PublicKey().Bytes(), Serial: i.Serial, Model: i.Model, PINRule: string(ticket.PINRuleOf(i.PINRules))}
	if err := o.steps.Step(ctx, ticket.StepSO, ask, &reply); err != nil {
		return ticket.SOSecrets{}, fmt.Errorf("asking for the officer's PIN: %w", err)
	}
	s, err := ticket.OpenSecrets(session, o.job.ID, o.claims.ID, i.Serial, reply.Sealed)
	if err != nil {
		return s, problem(ticket.JobState, "the portal's answer does not open")
	}
	return s, nil
}

func (o *office) note(s Stage, known bool) error {
	return o.c.State.note(Entry{Portal: o.claims.Issuer, Job: o.job.ID, Enrolment: o.id, Serial: o.token.info.Serial,
		Version: o.From, Known: known, Stage: s})
}

// safe refuses to go near the officer's last try.
func (o *office) safe(ctx context.Context) error {
	info, err := o.token.token.Info(ctx)
	if err != nil {
		return err
	}
	if info.SOLocked || info.SOTriesLeft == 0 {
		return ukey.ErrSOLocked
	}
	if info.SOTriesLeft == 1 {
		return soUncertain("only the last try of the officer's PIN is left")
	}
	return nil
}

// run sets the holder's PIN, if there is a new one, and changes the officer's: the person is served first.
func (o *office) run(ctx context.Context) (ticket.OfficerResult, error) {
	if o.blank != nil {
		return o.format(ctx)
	}
	last, err := o.c.State.lastSO(o.token.info.Serial, o.From)
	if err != nil {
		return ticket.OfficerResult{}, err
	}
	versions := o.candidates(last)
	for i, version := range versions {
		if err := o.safe(ctx); err != nil {
			return ticket.OfficerResult{}, err
		}
		result, err := o.with(ctx, version)
		var wrong *ukey.PINError
		if !errors.As(err, &wrong) && !errors.Is(err, ukey.ErrSOLocked) {
			return result, err
		}
		if i == len(versions)-1 || errors.Is(err, ukey.ErrSOLocked) {
			return result, errors.Join(err, o.note(StageSOUnclear, false))
		}
	}
	return ticket.OfficerResult{}, soUncertain("it is not clear which officer's PIN is in force; a person must look at the key")
}

// candidates are the versions to try, in order. A second one is there only where this machine's journal shows that it was right
// before a change whose end nobody saw: it cannot be a second wrong try.
// Source: token-agent.md §7.6.
func (o *office) candidates(last Entry) []int {
	if last.Stage == StageSOUnclear && last.Enrolment == o.id {
		return nil
	}
	switch last.Stage {
	case StageSOTrying, StageSOOpened:
		return []int{o.From}
	case StageSORotated:
		return []int{o.To}
	case StageSORotating:
		if last.Known {
			return []int{o.To, o.From}
		}
		return []int{o.To}
	}
	if o.InDoubt || o.Current == nil {
		return []int{o.To}
	}
	return []int{o.From}
}

// with does the work with one version of the officer's PIN.
//
// Errors: *ukey.PINError and ukey.ErrSOLocked, when that version is not in force.
func (o *office) with(ctx context.Context, version int) (ticket.OfficerResult, error) {
	result := ticket.OfficerResult{Serial: o.token.info.Serial, Version: version}
	if version == o.To {
		return o.confirmed(ctx, result)
	}
	if o.Current == nil {
		return result, soUncertain("the portal does not have the officer's PIN of this key")
	}
	if o.pin != nil {
		if err := o.note(StageSOTrying, false); err != nil {
			return result, err
		}
		if err := o.token.token.Unblock(ctx, o.Current, o.pin); err != nil {
			return result, err
		}
		result.PINSet = true
		if err := o.note(StageSOOpened, true); err != nil {
			return result, err
		}
	}
	return o.rotate(ctx, result)
}

// confirmed is with for the version that was to be: it is shown to be in force, and there is nothing left to change.
func (o *office) confirmed(ctx context.Context, result ticket.OfficerResult) (ticket.OfficerResult, error) {
	var err error
	if o.pin != nil {
		err = o.token.token.Unblock(ctx, o.Next, o.pin)
	} else {
		err = o.token.token.ChangeSOPIN(ctx, o.Next, o.Next)
	}
	if err != nil {
		return result, err
	}
	result.PINSet = o.pin != nil
	return result, o.note(StageSORotated, true)
}

// rotate changes the officer's PIN. If it cannot be changed the person has been served all the same, and the portal is told.
func (o *office) rotate(ctx context.Context, result ticket.OfficerResult) (ticket.OfficerResult, error) {
	if err := o.note(StageSORotating, result.PINSet); err != nil {
		return result, err
	}
	err := o.token.token.ChangeSOPIN(ctx, o.Current, o.Next)
	switch {
	case err == nil:
		result.Version = o.To
		return result, o.note(StageSORotated, true)
	case !result.PINSet || errors.Is(err, ukey.ErrRemoved) || errors.Is(err, ukey.ErrClosed) || ctx.Err() != nil:
		return result, err
	}
	o.c.Log.Warn("officer's PIN not changed", "serial", o.token.info.Serial, "error", err)
	return o.settle(ctx, result)
}

// settle finds out after a failed change which version is in force: the old one, which was right a moment ago, is used once more.
func (o *office) settle(ctx context.Context, result ticket.OfficerResult) (ticket.OfficerResult, error) {
	result.Exposed = true
	err := o.token.token.Unblock(ctx, o.Current, o.pin)
	var wrong *ukey.PINError
	switch {
	case err == nil:
		return result, o.note(StageSOOpened, true)
	case errors.As(err, &wrong), errors.Is(err, ukey.ErrSOLocked):
		result.Version = -1
		return result, o.note(StageSOUnclear, false)
	}
	return result, err
}

// format initialises a key that holds nothing. It is a token from then on, and what was cut off in between is found as one.
func (o *office) format(ctx context.Context) (ticket.OfficerResult, error) {
	var none ticket.OfficerResult
	if err := o.note(StageSORotating, false); err != nil {
		return none, err
	}
	driver := o.token.token.(unformatted).driver
	t, err := driver.Initialise(ctx, *o.blank, labelFor(o.blank.Serial), o.Next, o.pin)
	if err != nil {
		return none, err
	}
	if o.token, err = look(ctx, t); err != nil {
		return none, err
	}
	return ticket.OfficerResult{Serial: o.token.info.Serial, Version: o.To, PINSet: true}, o.note(StageSORotated, true)
}

// labelFor names a new token.
func labelFor(serial string) string {
	const most = ukey.MaxLabel - len("UKey ")
	if len(serial) > most {
		serial = serial[len(serial)-most:]
	}
	return "UKey " + serial
}
