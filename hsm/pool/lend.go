package pool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/hsm"
	"signet/hsm/cryptoki"
)

// errMissing: a key is gone that was there when its Signer or Wrapper was made.
var errMissing = errors.New("pool: the key is gone")

// job is one request. do may be called several times, each in a new session: it must be harmless to repeat.
type job struct {
	do    func(ctx context.Context, e *era, s *cryptoki.Session) error
	limit time.Duration
	done  chan error
}

// with carries out do in a session of the pool.
//
// Errors: ErrBusy (nothing was done), ErrUnavailable, hsm.ErrLocked; ctx's (do may go on); those of do.
func (p *Pool) with(ctx context.Context, limit time.Duration, do func(context.Context, *era, *cryptoki.Session) error) error {
	j := &job{do: do, limit: limit, done: make(chan error, 1)}
	began := time.Now()
	timer := time.NewTimer(p.c.WaitFor)
	defer timer.Stop()
	p.stats.waiting.Add(1)
	select {
	case p.jobs <- j:
		p.stats.waited(time.Since(began))
	case <-timer.C:
		p.stats.waiting.Add(-1)
		p.stats.refused.Add(1)
		return ErrBusy
	case <-ctx.Done():
		p.stats.waiting.Add(-1)
		return ctx.Err()
	case <-p.quit:
		p.stats.waiting.Add(-1)
		return ErrClosed
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lent is one goroutine's session.
type lent struct {
	era *era
	s   *cryptoki.Session
}

func (l *lent) drop() {
	if l.s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.s.Close(ctx) // it is given up because it is broken, most often
	l.s, l.era = nil, nil
}

func (p *Pool) session(ctx context.Context, l *lent, e *era) (*cryptoki.Session, error) {
	if l.s != nil && l.era == e {
		return l.s, nil
	}
	l.drop()
	s, err := p.c.Module.OpenSession(ctx, e.slot, true)
	if err != nil {
		return nil, err
	}
	if s.Generation() != e.gen {
		_ = s.Close(ctx)
		return nil, cryptoki.ErrStale
	}
	l.s, l.era = s, e
	return s, nil
}

// lend is the life of one session's goroutine.
func (p *Pool) lend() {
	var l lent
	defer l.drop()
	for {
		select {
		case j := <-p.jobs:
			p.stats.busy.Add(1)
			// The caller may have gone; the session is ours until the module has answered.
			ctx, cancel := context.WithTimeout(context.Background(), j.limit)
			err := p.try(ctx, &l, j)
			cancel()
			p.stats.busy.Add(-1)
			if err != nil {
				p.stats.failed.Add(1)
			}
			j.done <- err
		case <-p.quit:
			return
		}
	}
}

// How often one request may meet errors of each kind before it fails: a request that itself breaks the module must not do so for ever.
const (
	mostSession = 8
	mostLibrary = 3
	mostFatal   = 3
	mostWrong   = 2
)

// try carries out a job, heals what its errors say is broken, and tries again.
func (p *Pool) try(ctx context.Context, l *lent, j *job) error {
	var n struct{ session, library, fatal, wrong, missing int }
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		e, err := p.current(ctx)
		absent := err != nil // then the token or module is away: only time ends the waiting
		if err == nil {
			var s *cryptoki.Session
			if s, err = p.session(ctx, l, e); err == nil {
				err = j.do(ctx, e, s)
			}
		}
		if err == nil {
			return nil
		}
		most := false
		switch class := cryptoki.ClassOf(err); {
		case errors.Is(err, cryptoki.ErrWrongSignature):
			p.stats.wrong.Add(1)
			p.c.Log.Error("hardware module gave a wrong signature; it was not used", "error", err)
			n.wrong++
			most = n.wrong >= mostWrong
			l.drop()
			p.spoil(e)
		case class == cryptoki.ClassSession && !absent:
			n.session++
			most = n.session >= mostSession
			p.healSession(ctx, l, e, n.session)
		case class == cryptoki.ClassLibrary:
			n.library++
			most = n.library >= mostLibrary && !absent
			p.healLibrary(ctx, l, e, n.library)
		case class == cryptoki.ClassFatal:
			n.fatal++
			most = n.fatal >= mostFatal && !absent
			l.drop()
			if e != nil {
				p.spoil(e)
			}
		case class == cryptoki.ClassSession: // no such token
			p.reread(ctx)
		case errors.Is(err, errMissing):
			if n.missing++; n.missing > 2 || n.missing == 2 && !p.reread(ctx) {
				return hsm.ErrNotFound
			}
			l.drop()
			p.spoil(e)
		default:
			return p.outward(err)
		}
		if most || ctx.Err() != nil {
			return p.outward(err)
		}
		p.stats.retried.Add(1)
		if absent || n.library+n.fatal > 0 || n.session > 1 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return p.outward(err)
			case <-p.quit:
				return fmt.Errorf("%w: %w", ErrClosed, err)
			}
		}
	}
}

// healSession gives the broken session up, and the era with it when its anchor is dead or logged out, or when a new session did not help.
func (p *Pool) healSession(ctx context.Context, l *lent, e *era, times int) {
	l.drop()
	e.forget()
	in, err := e.anchor.Alive(ctx)
	if err != nil || !in || times > 1 {
		p.spoil(e)
	}
}

// healLibrary takes a first error for one of the session, since modules answer CKR_FUNCTION_FAILED to much; then the module starts anew.
func (p *Pool) healLibrary(ctx context.Context, l *lent, e *era, times int) {
	if e != nil && times == 1 {
		p.healSession(ctx, l, e, times)
		return
	}
	gen := p.c.Module.Generation()
	if e != nil {
		gen = e.gen
		l.drop()
		p.spoil(e)
	}
	if err := p.c.Module.Reset(ctx, gen); err != nil {
		p.c.Log.Error("hardware module does not start again", "error", err)
	}
}

// rereadEvery bounds how often the module is started again only to see whether token or key have come back.
const rereadEvery = 2 * time.Second

// reread starts the module again, unless that was done a moment ago: many see tokens only then.
func (p *Pool) reread(ctx context.Context) bool {
	now, last := time.Now().UnixNano(), p.rereadAt.Load()
	if now-last < int64(rereadEvery) || !p.rereadAt.CompareAndSwap(last, now) {
		return false
	}
	if err := p.c.Module.Reset(ctx, p.c.Module.Generation()); err != nil {
		p.c.Log.Error("hardware module does not start again", "error", err)
	}
	return true
}

// visible makes sure that what was not found is not there: to a session that is or was logged out meanwhile, private objects do not show.
func (p *Pool) visible(ctx context.Context, e *era, s *cryptoki.Session) error {
	in, err := s.Alive(ctx)
	if err == nil && !in {
		err = &cryptoki.Error{Call: "C_FindObjects", Code: cryptoki.CKR_USER_NOT_LOGGED_IN}
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.era != e {
		return cryptoki.ErrStale
	}
	return nil
}

// forget drops the handles, which are found again when needed.
func (e *era) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.handles)
}
