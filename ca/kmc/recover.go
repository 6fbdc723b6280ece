package kmc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"signet/ca/gm"
)

// OfficeConfig says what an Office stands on.
type OfficeConfig struct {
	Centre   *Centre    // required
	Roster   Roster     // required
	Cases    Cases      // required
	Docket   Docket     // required by Waiting only
	Founders [][32]byte // required: SHA-256 of the SPKIs of the first officers; who signs without a chain of appointments to them is nobody
	// Outside refuses people who work for the CA, with an error that says so: the centre's roles share no person with the CA's. Required.
	Outside func(ctx context.Context, person string) error
	// JudicialOf is how many forensic officers must approve a judicial case; at least 2, default 2. User cases need 2 operators.
	JudicialOf  int
	PerDay      int           // how many recoveries a day, of all kinds; default 5
	UserFor     time.Duration // how long a user case may take; default 7 days
	JudicialFor time.Duration // likewise; default 30 days
	Log         *slog.Logger  // default slog.Default
}

const userApprovals = 2

// ErrNoQuorum: the office has too few officers to decide a case; it comes with ErrNotAllowed, and may pass.
var ErrNoQuorum = errors.New("kmc: too few officers in office")

// Office is where escrowed keys are recovered: by two operators for the holder, by m of n forensic officers by law. It never gives a
// key in the clear, and trusts no row: before it opens a key it checks again every signature that allows it.
//
// Concurrency: all methods may be called from many goroutines.
type Office struct{ c OfficeConfig }

// NewOffice makes an Office. It touches neither store nor keys.
func NewOffice(c OfficeConfig) (*Office, error) {
	if c.Centre == nil || c.Roster == nil || c.Cases == nil || len(c.Founders) == 0 || c.Outside == nil {
		return nil, errors.New("kmc: OfficeConfig needs Centre, Roster, Cases, Founders and Outside")
	}
	if c.JudicialOf == 0 {
		c.JudicialOf = 2
	}
	if c.JudicialOf < 2 {
		return nil, errors.New("kmc: a judicial recovery needs at least two officers")
	}
	if c.PerDay <= 0 {
		c.PerDay = 5
	}
	if c.UserFor <= 0 {
		c.UserFor = 7 * 24 * time.Hour
	}
	if c.JudicialFor <= 0 {
		c.JudicialFor = 30 * 24 * time.Hour
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Office{c}, nil
}

func (f *Office) now() time.Time { return f.c.Centre.now() }

func (f *Office) outside(ctx context.Context, person string) error {
	if err := f.c.Outside(ctx, person); err != nil {
		return fmt.Errorf("%w: %w", ErrNotAllowed, err)
	}
	return nil
}

// freshFor bounds how old what an officer signed may be, and how far ahead a clock.
const freshFor = 10 * time.Minute

func (f *Office) fresh(at time.Time) error {
	if d := f.now().Sub(at); d > freshFor || d < -freshFor || !at.Equal(at.Truncate(time.Second)) {
		return fmt.Errorf("%w: it was signed at another time", ErrProof)
	}
	return nil
}

// Draft completes a case that somebody wants to open: id, times, how many must approve. Nothing is written; the officer signs its
// Statement(ActOpen, OpenedBy) and gives it to Open.
//
// Nil/zero: ExpiresAt zero = as late as allowed; ID "" = drawn.
// Errors: ErrNotAllowed when there are too few officers to approve it.
func (f *Office) Draft(ctx context.Context, c Case) (Case, error) {
	if c.ID == "" {
		id := make([]byte, 16)
		if _, err := io.ReadFull(f.c.Centre.c.Rand, id); err != nil {
			return Case{}, fmt.Errorf("naming a case: %w", err)
		}
		c.ID = hex.EncodeToString(id)
	}
	c.OpenedAt, c.State, c.MovedAt = f.now(), CaseOpen, f.now()
	if c.ExpiresAt.IsZero() {
		c.ExpiresAt = c.OpenedAt.Add(f.lasts(c.Kind))
	}
	c.Required = f.required(c.Kind)
	n, err := f.eligible(ctx, c)
	c.Eligible = n
	return c, err
}

func (f *Office) lasts(k CaseKind) time.Duration {
	if k == JudicialRecovery {
		return f.c.JudicialFor
	}
	return f.c.UserFor
}

func (f *Office) required(k CaseKind) int {
	if k == JudicialRecovery {
		return f.c.JudicialOf
	}
	return userApprovals
}

// eligible counts the officers who may decide the case.
func (f *Office) eligible(ctx context.Context, c Case) (int, error) {
	all, err := f.c.Roster.Officers(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the officers: %w", err)
	}
	n := 0
	for _, o := range all {
		if o.InOffice() && o.Role == approvers[c.Kind] && o.ID != c.OpenedBy {
			n++
		}
	}
	if n < c.Required {
		return n, fmt.Errorf("%w: %w: %d may decide, %d must approve", ErrNotAllowed, ErrNoQuorum, n, c.Required)
	}
	return n, nil
}

// Open opens a case that an operator signed.
//
// Errors: ErrNotAllowed, ErrProof, ErrNotEscrowed (no such key, or not the holder's), ErrSigningKey (ToSPKI), ErrConflict.
func (f *Office) Open(ctx context.Context, c Case) error {
	opener, err := f.officer(ctx, c.OpenedBy)
	if err != nil {
		return err
	}
	if opener.Role != Operator {
		return fmt.Errorf("%w: %s opens no case", ErrNotAllowed, opener.Role)
	}
	if !opener.proves(c.Statement(ActOpen, opener.ID), c.OpenProof) {
		return ErrProof
	}
	if err := f.fresh(c.OpenedAt); err != nil {
		return err
	}
	return f.open(ctx, c)
}

// open checks the case itself; who may open it is the caller's business.
func (f *Office) open(ctx context.Context, c Case) error {
	if err := c.check(); err != nil {
		return err
	}
	n, err := f.eligible(ctx, c)
	if err != nil {
		return err
	}
	if c.Required != f.required(c.Kind) || c.Eligible != n || !c.ExpiresAt.After(c.OpenedAt) || c.ExpiresAt.Sub(c.OpenedAt) > f.lasts(c.Kind) {
		return fmt.Errorf("%w: the case asks for other approvals or another time than the office allows", ErrNotAllowed)
	}
	if _, err := f.target(ctx, c); err != nil {
		return err
	}
	c.State, c.MovedAt = CaseOpen, c.OpenedAt
	note := Note{By: c.OpenedBy, Act: "kmc_case_open", Object: c.ID, Facts: map[string]any{
		"kind": string(c.Kind), "holder": c.Holder, "key": hex.EncodeToString(c.SPKIHash[:]), "to": hashText(c.ToSPKI), "reason": c.Reason,
		"case_no": c.CaseNo, "applicant": c.Applicant, "scope": c.Scope, "material": c.Material, "expires_at": stamp(c.ExpiresAt),
	}}
	if err := f.c.Cases.OpenCase(ctx, c, note); err != nil {
		return fmt.Errorf("opening case %s: %w", c.ID, err)
	}
	return nil
}

// target finds the key of a case and makes sure that it is this holder's and goes to nobody else: for the holder not to an officer,
// by law to a forensic officer only.
func (f *Office) target(ctx context.Context, c Case) (Escrowed, error) {
	key, err := f.c.Centre.c.Store.BySPKI(ctx, c.SPKIHash)
	if err != nil {
		return Escrowed{}, fmt.Errorf("reading the key of case %s: %w", c.ID, err)
	}
	if key.Holder != c.Holder || key.State == Spare {
		return Escrowed{}, ErrNotEscrowed
	}
	all, err := f.c.Roster.Officers(ctx)
	if err != nil {
		return Escrowed{}, fmt.Errorf("reading the officers: %w", err)
	}
	to := Officer{SPKI: c.ToSPKI}.KeyHash()
	forensic := false
	for _, o := range all {
		if o.KeyHash() != to {
			continue
		}
		if c.Kind == UserRecovery {
			return Escrowed{}, fmt.Errorf("%w: a holder's key goes to no officer", ErrNotAllowed)
		}
		forensic = o.Role == Forensic && o.InOffice() && f.appointed(ctx, o, len(appoints)+1) == nil
	}
	if c.Kind == JudicialRecovery && !forensic {
		return Escrowed{}, fmt.Errorf("%w: a judicial recovery goes to a forensic officer", ErrNotAllowed)
	}
	if _, err := f.c.Centre.c.Store.BySPKI(ctx, to); !errors.Is(err, ErrNotEscrowed) {
		return Escrowed{}, fmt.Errorf("%w: the receiving key is itself in escrow", ErrNotAllowed)
	}
	return key, nil
}

func hashText(spki []byte) string {
	h := Officer{SPKI: spki}.KeyHash()
	return hex.EncodeToString(h[:])
}

// Decide takes an officer's word on a case: act is ActApprove or ActReject, proof the signature over the case's Statement(act, officer).
//
// Errors: ErrNotAllowed (role, or the one who opened it), ErrProof, ErrNoCase, ErrCaseState, ErrExpired, ErrDecided.
func (f *Office) Decide(ctx context.Context, id, officer string, act CaseAct, proof []byte) (Case, error) {
	c, _, err := f.c.Cases.Case(ctx, id)
	if err != nil {
		return Case{}, fmt.Errorf("reading case %s: %w", id, err)
	}
	o, err := f.decider(ctx, c, officer)
	if err != nil {
		return Case{}, err
	}
	if act != ActApprove && act != ActReject || !o.proves(c.Statement(act, o.ID), proof) {
		return Case{}, ErrProof
	}
	d := Decision{Case: id, Officer: o.ID, Person: o.Person, Act: act, Proof: proof, At: f.now()}
	note := Note{By: o.ID, Act: "kmc_case_" + string(act), Object: id, Facts: map[string]any{"person": o.Person}}
	c, err = f.c.Cases.Decide(ctx, d, note)
	if err != nil {
		return Case{}, fmt.Errorf("deciding case %s: %w", id, err)
	}
	return c, nil
}

// decider is an officer who may decide a case: of the right role, and not the one who opened it.
func (f *Office) decider(ctx context.Context, c Case, id string) (Officer, error) {
	o, err := f.officer(ctx, id)
	if err != nil {
		return Officer{}, err
	}
	if o.Role != approvers[c.Kind] {
		return Officer{}, fmt.Errorf("%w: %s decides no %s case", ErrNotAllowed, o.Role, c.Kind)
	}
	if o.ID == c.OpenedBy {
		return Officer{}, fmt.Errorf("%w: %s opened the case", ErrNotAllowed, o.ID)
	}
	opener, err := f.c.Roster.Officer(ctx, c.OpenedBy)
	if err == nil && opener.Person == o.Person {
		return Officer{}, fmt.Errorf("%w: %s opened the case under another id", ErrNotAllowed, o.Person)
	}
	if err != nil && !errors.Is(err, ErrNoOfficer) { // a CA opened it
		return Officer{}, fmt.Errorf("reading officer %s: %w", c.OpenedBy, err)
	}
	return o, nil
}

// Withdraw ends a case before anything was recovered; proof is an operator's signature over Statement(ActWithdraw, officer).
//
// Errors: ErrNotAllowed, ErrProof, ErrNoCase, ErrCaseState.
func (f *Office) Withdraw(ctx context.Context, id, officer string, proof []byte) (Case, error) {
	c, _, err := f.c.Cases.Case(ctx, id)
	if err != nil {
		return Case{}, fmt.Errorf("reading case %s: %w", id, err)
	}
	o, err := f.officer(ctx, officer)
	if err != nil {
		return Case{}, err
	}
	if o.Role != Operator {
		return Case{}, fmt.Errorf("%w: %s withdraws no case", ErrNotAllowed, o.Role)
	}
	if !o.proves(c.Statement(ActWithdraw, o.ID), proof) {
		return Case{}, ErrProof
	}
	c, err = f.c.Cases.CloseCase(ctx, id, ActWithdraw, f.now(), Note{By: o.ID, Act: "kmc_case_withdraw", Object: id})
	if err != nil {
		return Case{}, fmt.Errorf("withdrawing case %s: %w", id, err)
	}
	return c, nil
}

// Expire ends the cases whose time is over; a job calls it.
func (f *Office) Expire(ctx context.Context) error {
	for {
		ids, err := f.c.Cases.Overdue(ctx, f.now(), 100)
		if err != nil {
			return fmt.Errorf("looking for expired cases: %w", err)
		}
		for _, id := range ids {
			_, err := f.c.Cases.CloseCase(ctx, id, ActExpire, f.now(), Note{By: keyCentre, Act: "kmc_case_expire", Object: id})
			if err != nil && !errors.Is(err, ErrCaseState) {
				return fmt.Errorf("expiring case %s: %w", id, err)
			}
		}
		if len(ids) < 100 {
			return nil
		}
	}
}

// Actors that are no officers.
const (
	keyCentre = "kmc" // of what nobody asked for
	caActor   = "ca:" // and the partner's ID: what a CA asked for
)

// Recover carries an approved case out and gives the key, enveloped to the case's public key. It is recorded, counted and the holder
// told before the key is touched. Asked again until the case expires, it gives a fresh envelope to the same public key: an answer
// that was lost costs nothing, and nobody else can use it.
//
// Errors: ErrNoCase, ErrCaseState, ErrExpired, ErrTooFew, ErrTooMany, ErrNoNotice, ErrNotAllowed, ErrNotEscrowed, ErrDamaged, ErrLocked.
func (f *Office) Recover(ctx context.Context, id, by string) (*Assigned, error) {
	to, key, err := f.recover(ctx, id, by)
	if err != nil {
		return nil, fmt.Errorf("recovering case %s: %w", id, err)
	}
	return f.c.Centre.envelope(to, key)
}

// recover records the recovery and gives the key, still sealed, and whom alone it may go to.
func (f *Office) recover(ctx context.Context, id, by string) (*gm.PublicKey, Escrowed, error) {
	c, to, err := f.mayRecover(ctx, id)
	if err != nil {
		return nil, Escrowed{}, err
	}
	note := Note{By: by, Act: "kmc_case_recover", Object: id, Facts: map[string]any{
		"kind": string(c.Kind), "holder": c.Holder, "key": hex.EncodeToString(c.SPKIHash[:]), "to": hashText(c.ToSPKI), "again": c.State == CaseRecovered,
	}}
	recorded, err := f.c.Cases.RecoverCase(ctx, id, f.now(), f.c.PerDay, note)
	if err != nil {
		return nil, Escrowed{}, err
	}
	if !recorded.SameAs(c) {
		return nil, Escrowed{}, ErrProof // the row changed between the check and the record
	}
	key, err := f.target(ctx, c)
	if err != nil {
		return nil, Escrowed{}, err
	}
	f.c.Log.Warn("escrowed key recovered", slog.String("case", id), slog.String("kind", string(c.Kind)), slog.String("key", key.KeyID))
	return to, key, nil
}

// mayRecover reads the case and checks everything that allows it, from the rows' signatures and not from their say-so.
func (f *Office) mayRecover(ctx context.Context, id string) (Case, *gm.PublicKey, error) {
	c, decisions, err := f.c.Cases.Case(ctx, id)
	if err != nil {
		return Case{}, nil, err
	}
	if err := c.check(); err != nil {
		return Case{}, nil, err
	}
	if c.State != CaseApproved && c.State != CaseRecovered {
		return Case{}, nil, ErrCaseState
	}
	if !f.now().Before(c.ExpiresAt) {
		return Case{}, nil, ErrExpired
	}
	if c.Required < f.required(c.Kind) {
		return Case{}, nil, ErrTooFew
	}
	people, keys := map[string]bool{}, map[[32]byte]bool{}
	for _, d := range decisions {
		o, err := f.decider(ctx, c, d.Officer)
		if err != nil && !errors.Is(err, ErrNotAllowed) && !errors.Is(err, ErrProof) && !errors.Is(err, ErrNoOfficer) {
			return Case{}, nil, err
		}
		if err == nil && d.Act == ActApprove && o.proves(c.Statement(ActApprove, o.ID), d.Proof) {
			people[o.Person], keys[o.KeyHash()] = true, true
		}
	}
	if len(people) < c.Required || len(keys) < c.Required {
		return Case{}, nil, ErrTooFew
	}
	if _, err := f.target(ctx, c); err != nil {
		return Case{}, nil, err
	}
	to, err := signingKey(c.ToSPKI)
	return c, to, err
}
