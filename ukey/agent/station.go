package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"sync"
	"time"

	"signet/ukey"
	"signet/ukey/ticket"
)

// StationConfig is one run of an operator's station.
type StationConfig struct {
	Batch    string           // id or number; "" = the only open one
	Operator string           // required: serial number of the operator's own key
	Changed  func([]KeyStand) // told whenever a key gets further, one call at a time; it must not block for long. Default: nobody
	LookFor  time.Duration    // how often the hub is looked at; default 1 s
	RetryFor time.Duration    // pause before a key is tried again that failed for something passing; default 3 s
	// Stay keeps the station running when the batch has no more keys to make, until the context ends.
	Stay bool
}

// KeyStand is where a plugged key is.
type KeyStand struct {
	Serial, Model string
	State         string // seen, working, done, failed, none left, gone
	Code          ticket.Code
	At            time.Time
}

// The states of a key on the station's screen.
const (
	KeySeen    = "seen"
	KeyWorking = "working"
	KeyDone    = "done"
	KeyFailed  = "failed"
	KeyNone    = "none left" // the batch needs no more
	KeyGone    = "gone"
)

// station flashes every blank key at the hub.
type station struct {
	*relay
	set   StationConfig
	batch ticket.FlashBatch

	mu   sync.Mutex // guards what follows
	keys map[string]*KeyStand
	busy map[string]bool
	next map[string]time.Time // not before
	left bool                 // the batch has keys to make
	wake chan struct{}
}

// Flash runs a station with the pairing's portal until its batch is done, or the context ends. The operator signs the start and, at the
// end, the report with their own key.
//
// Errors: what keeps the station from starting or the report from being signed; a key that fails is only shown.
func (a *Agent) Flash(ctx context.Context, p Pairing, c StationConfig) (ticket.FlashBatch, error) {
	if c.LookFor == 0 {
		c.LookFor = time.Second
	}
	if c.RetryFor == 0 {
		c.RetryFor = 3 * time.Second
	}
	if c.Changed == nil {
		c.Changed = func([]KeyStand) {}
	}
	r, err := a.newRelay(p)
	if err != nil {
		return ticket.FlashBatch{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	var learning sync.WaitGroup
	defer learning.Wait()
	defer stop()
	learning.Go(func() { r.keepKeys(ctx) }) // a batch may take longer than a switch of keys
	s := &station{relay: r, set: c, keys: map[string]*KeyStand{}, busy: map[string]bool{}, next: map[string]time.Time{}, left: true, wake: make(chan struct{}, 1)}
	if err := s.choose(ctx); err != nil {
		return s.batch, err
	}
	if err := s.operatorSigns(ctx, ticket.FlashStart); err != nil {
		return s.batch, fmt.Errorf("signing the start of the batch: %w", err)
	}
	s.gate.Batch = s.batch.ID
	if err := s.watch(ctx); err != nil {
		return s.batch, err
	}
	if err := s.operatorSigns(ctx, ticket.FlashReport); err != nil {
		return s.batch, fmt.Errorf("signing the report of the batch: %w", err)
	}
	return s.batch, s.choose(ctx)
}

// choose finds the batch.
func (s *station) choose(ctx context.Context) error {
	var all ticket.FlashBatches
	if _, err := s.portal.call(ctx, "GET", "/flash/batches", nil, &all); err != nil {
		return fmt.Errorf("asking for batches: %w", err)
	}
	for _, b := range all.Items {
		if b.ID == s.set.Batch || b.Number == s.set.Batch || s.set.Batch == "" && len(all.Items) == 1 {
			s.batch, s.set.Batch = b, b.ID
			return nil
		}
	}
	if s.batch.ID != "" { // it is done: the portal lists it no more
		s.batch.State = "done"
		return nil
	}
	if s.set.Batch == "" {
		return fmt.Errorf("there are %d open batches; name one", len(all.Items))
	}
	return fmt.Errorf("there is no open batch %s", clean(s.set.Batch))
}

func (s *station) path(rest string) string {
	return "/flash/batches/" + url.PathEscape(s.batch.ID) + rest
}

// operatorSigns has the operator sign a text of the portal's with their own key, in the dialogue, as any document.
func (s *station) operatorSigns(ctx context.Context, what string) error {
	cert, err := s.operatorCertificate(ctx)
	if err != nil {
		return err
	}
	var job ticket.Job
	if _, err := s.portal.call(ctx, "POST", s.path("/sign"), ticket.FlashSign{What: what, Certificate: cert}, &job); err != nil {
		return err
	}
	o := s.Do(ctx, s.gate, job, &remoteSteps{s.relay, job.ID})
	if o.Problem != nil {
		return o.Problem
	}
	signature, err := signatureOf(o)
	if err != nil {
		return err
	}
	_, err = s.portal.call(ctx, "POST", s.path("/sign"), ticket.FlashSign{What: what, Signature: signature}, nil)
	return err
}

// operatorCertificate finds the signing certificate on the operator's own key.
func (s *station) operatorCertificate(ctx context.Context) ([]byte, error) {
	all, err := s.plugged(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		for _, k := range p.keys {
			if p.info.Serial == s.set.Operator && k.Usage == ukey.Sign && len(k.Certificate) > 0 {
				return k.Certificate, nil
			}
		}
	}
	return nil, problem(ticket.KeyAbsent, "the operator's own key is not plugged in, or has no certificate")
}

// watch looks at the hub and starts on every key that comes, all at once.
func (s *station) watch(ctx context.Context) error {
	var working sync.WaitGroup
	defer working.Wait()
	for {
		serials, err := s.hub(ctx)
		if err != nil && ctx.Err() == nil {
			s.c.Log.Warn("hub not read", "error", err)
		}
		for serial, model := range serials {
			if s.take(serial, model) {
				working.Go(func() { s.make(ctx, serial, model) })
			}
		}
		s.missing(serials)
		if s.idle() { // other stations may have made the rest
			if err := s.choose(ctx); err != nil {
				s.c.Log.Warn("batch not read", "error", err)
			}
		}
		if s.finished() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
		case <-time.After(s.set.LookFor):
		}
	}
}

// hub lists what could be flashed: every blank and every token but the operator's.
func (s *station) hub(ctx context.Context) (map[string]string, error) {
	serials := map[string]string{}
	all, err := s.plugged(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		serials[p.info.Serial] = p.info.Model
	}
	for _, d := range s.c.Drivers {
		blanks, err := d.Blanks(ctx)
		if err != nil {
			s.c.Log.Warn("driver cannot list blank keys", "driver", d.Name(), "error", err)
			continue
		}
		for _, b := range blanks {
			if b.Serial != "" {
				serials[b.Serial] = b.Model
			}
		}
	}
	delete(serials, s.set.Operator)
	return serials, nil
}

// take tells whether to start on a key now.
func (s *station) take(serial, model string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[serial]
	if k == nil || k.State == KeyGone {
		k = &KeyStand{Serial: serial, Model: model, State: KeySeen, At: s.c.Now()}
		s.keys[serial] = k
		delete(s.next, serial)
	}
	if s.busy[serial] || k.State == KeyDone || k.State == KeyNone && !s.left || k.State == KeyFailed && s.next[serial].IsZero() || s.c.Now().Before(s.next[serial]) {
		return false
	}
	s.busy[serial] = true
	return true
}

// missing notes which keys were pulled: a failed one is tried again when it comes back.
func (s *station) missing(there map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for serial, k := range s.keys {
		if _, plugged := there[serial]; !plugged && !s.busy[serial] && k.State != KeyGone && k.State != KeyDone {
			k.State, k.At, changed = KeyGone, s.c.Now(), true
		}
	}
	if changed {
		s.show()
	}
}

// idle tells whether nothing is made here and the batch has no key to begin.
func (s *station) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.busy) == 0 && !s.left
}

// finished tells whether every key of the batch is made.
func (s *station) finished() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.set.Stay && len(s.busy) == 0 && s.batch.Done >= s.batch.Size
}

// make brings one key as far as it goes.
func (s *station) make(ctx context.Context, serial, model string) {
	s.stand(serial, KeyWorking, "")
	state, code, again := s.flashOne(ctx, serial, model)
	s.mu.Lock()
	delete(s.busy, serial)
	delete(s.next, serial)
	if again {
		s.next[serial] = s.c.Now().Add(s.set.RetryFor)
	}
	if state == KeyDone {
		s.batch.Done++
	}
	s.left = s.left && state != KeyNone
	s.mu.Unlock()
	s.stand(serial, state, code)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// flashOne claims and makes one key; again tells whether another try may help without a hand on the key.
func (s *station) flashOne(ctx context.Context, serial, model string) (state string, code ticket.Code, again bool) {
	var job ticket.Job
	status, err := s.portal.call(ctx, "POST", s.path("/claim"), ticket.FlashClaim{Serial: serial, Model: model}, &job)
	if err == nil && status == http.StatusNoContent {
		return KeyNone, "", false
	}
	if err != nil {
		return KeyFailed, problemOf(err).Code, passingCode(problemOf(err).Code)
	}
	o := s.Do(ctx, s.gate, job, &remoteSteps{s.relay, job.ID})
	deliverCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellFor)
	defer cancel()
	err = s.post(deliverCtx, job.ID, "/result", o, nil)
	switch {
	case o.Problem != nil:
		return KeyFailed, o.Problem.Code, passingCode(o.Problem.Code)
	case err != nil:
		return KeyFailed, problemOf(err).Code, true
	}
	return KeyDone, "", false
}

// passingCode tells whether the same key may go through a moment later, without a hand on it.
func passingCode(c ticket.Code) bool {
	switch c {
	case ticket.OperationRefused, ticket.SORefused, ticket.PINWrong, ticket.PINLocked, ticket.PINWeak, ticket.Unsupported, ticket.KeyFull, ticket.TicketInvalid,
		"token_state", "token_parked", "so_unknown", "batch_state", "issuance_refused", "forbidden", "account_frozen", "agent_unknown", "csr_key_mismatch":
		return false
	}
	return true
}

// stand notes and shows where a key is.
func (s *station) stand(serial, state string, code ticket.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[serial]
	k.State, k.Code, k.At = state, code, s.c.Now()
	s.show()
}

// show hands over all keys, while nothing can change. The caller holds mu.
func (s *station) show() {
	all := make([]KeyStand, 0, len(s.keys))
	for _, k := range s.keys {
		all = append(all, *k)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Serial < all[j].Serial })
	s.set.Changed(all)
}

// signatureOf reads the signature out of a signing job's outcome.
func signatureOf(o ticket.Outcome) ([]byte, error) {
	var r ticket.SignResult
	if err := json.Unmarshal(o.Result, &r); err != nil || len(r.Signature) == 0 {
		return nil, errors.New("agent: the outcome holds no signature")
	}
	return r.Signature, nil
}
