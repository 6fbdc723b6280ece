package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"signet/ukey/ticket"
)

// relay is the transport in which the agent calls the portal: it polls for jobs, runs one, answers, polls on.
// Whatever is lost on the way, the portal gives the job out again with a new ticket.
type relay struct {
	*Agent
	gate    Gate
	portal  *portal
	pairing Pairing // as on disk; only keepKeys changes it
}

const (
	pollFor     = 25 * time.Second // how long the portal may hold a poll
	pollSlack   = 15 * time.Second
	backoffMin  = time.Second
	backoffMax  = time.Minute
	deliverFor  = 2 * time.Minute
	farewellFor = 5 * time.Second // to tell the portal that the agent stops
	idleGap     = 500 * time.Millisecond
)

func (a *Agent) newRelay(p Pairing) (*relay, error) {
	key, err := p.signer()
	if err != nil {
		return nil, err
	}
	tickets, err := p.verifier(a.c.State)
	if err != nil {
		return nil, err
	}
	sign := func(req *http.Request, body []byte) error {
		return ticket.SignRequest(req, body, p.AgentID, key, a.c.Now())
	}
	return &relay{Agent: a,
		gate:    Gate{Tickets: tickets, Key: key, Account: p.Account, Organisation: p.Organisation},
		portal:  &portal{origin: p.Portal, sign: sign, http: a.c.HTTP},
		pairing: p}, nil
}

func (r *relay) run(ctx context.Context) {
	log := r.c.Log.With("portal", r.portal.origin)
	log.Info("polling for jobs")
	var b backoff
	for ctx.Err() == nil {
		job, err := r.next(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			span := b.next()
			if passing(err) {
				log.Warn("portal not reached", "error", err, "retry_in", span.Round(time.Millisecond).String())
			} else {
				log.Error("portal refuses this agent; pair again if that stays", "error", err)
			}
			pause(ctx, span)
		case job == nil:
			b.reset()
			pause(ctx, idleGap) // a portal that answers at once is not asked without a breath
		default:
			b.reset()
			r.handle(ctx, *job)
		}
	}
}

// next polls once; nil means that there is nothing to do.
func (r *relay) next(ctx context.Context) (*ticket.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, pollFor+pollSlack)
	defer cancel()
	var job ticket.Job
	status, err := r.portal.call(ctx, "GET", "/jobs/next?wait=25", nil, &job)
	if err != nil || status == http.StatusNoContent {
		return nil, err
	}
	if job.ID == "" {
		return nil, errors.New("portal gave a job without an id")
	}
	return &job, nil
}

func (r *relay) handle(ctx context.Context, job ticket.Job) { r.work(ctx, r.gate, job) }

// work runs a job of this portal and tells the portal how it ended.
func (r *relay) work(ctx context.Context, gate Gate, job ticket.Job) ticket.Outcome {
	outcome := r.Do(ctx, gate, job, &remoteSteps{r, job.ID})
	deliverCtx, cancel := context.WithTimeout(ctx, deliverFor)
	if ctx.Err() != nil { // stopping: say so, but do not hang on it
		deliverCtx, cancel = context.WithTimeout(context.WithoutCancel(ctx), farewellFor)
	}
	defer cancel()
	if err := r.post(deliverCtx, job.ID, "/result", outcome, nil); err != nil {
		r.c.Log.Warn("outcome not delivered; the portal will give the job out again", "job", job.ID, "error", err)
		return outcome
	}
	r.c.Log.Info("job answered", "job", job.ID, "ok", outcome.Problem == nil)
	return outcome
}

// post sends something about a job until it arrives, is refused for good, or time is up.
func (r *relay) post(ctx context.Context, job, path string, body, answer any) error {
	var b backoff
	for {
		once, cancel := context.WithTimeout(ctx, answerFor)
		_, err := r.portal.call(once, "POST", "/jobs/"+url.PathEscape(job)+path, body, answer)
		cancel()
		if err == nil || !passing(err) {
			return err
		}
		span := b.next()
		r.c.Log.Warn("portal not reached", "job", job, "error", err, "retry_in", span.Round(time.Millisecond).String())
		if !pause(ctx, span) {
			return err
		}
	}
}

// remoteSteps are the steps of a job over HTTP.
type remoteSteps struct {
	*relay
	job string
}

// Step posts until the portal answers; repeats are harmless there.
func (s *remoteSteps) Step(ctx context.Context, step string, body, reply any) error {
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, s.c.StepFor)
	defer cancel()
	err := s.post(ctx, s.job, "/steps/"+url.PathEscape(step), body, reply)
	if err != nil && outer.Err() != nil {
		return outer.Err()
	}
	return err
}

// backoff doubles from backoffMin to backoffMax and takes a random part of it, so that a thousand agents do
// not come back at the same instant after a restart of the portal.
type backoff struct{ span time.Duration }

func (b *backoff) next() time.Duration {
	b.span = min(max(2*b.span, backoffMin), backoffMax)
	return b.span/2 + rand.N(b.span/2)
}

func (b *backoff) reset() { b.span = 0 }

// pause waits; false if the context ended first.
func pause(ctx context.Context, span time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(span):
		return true
	}
}
