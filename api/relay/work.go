package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"signet/api/problem"
	"signet/api/store"
	"signet/ukey/ticket"
)

// Next hands the agent its oldest waiting job under a fresh ticket, waiting up to
// wait for one. An agent does one thing at a time: when it asks while a job is in
// its hands, it has lost that job (it was killed, or the answer was), and the job
// goes back first. Jobs that a page handed it stay where they are.
//
// Nil/zero: nil without error when there is none.
func (r *Relay) Next(ctx context.Context, agentID string, wait time.Duration) (*ticket.Job, error) {
	if err := r.giveBack(ctx, "agent_id = ? AND state = ? AND via = ''", agentID, Taken); err != nil {
		return nil, err
	}
	var job *ticket.Job
	err := r.poll(ctx, "agent "+agentID, wait, func() (bool, error) {
		var err error
		job, err = r.take(ctx, agentID)
		return job != nil, err
	})
	return job, err
}

// giveBack lets taken jobs wait again; an outcome under their last ticket still
// counts until the next one is handed out.
func (r *Relay) giveBack(ctx context.Context, where string, args ...any) error {
	var rows []jobRow
	if err := r.db.Read(ctx).Select("id", "revision").Where(where, args...).Find(&rows).Error; err != nil {
		return fmt.Errorf("finding lost jobs: %w", err)
	}
	for _, row := range rows {
		err := r.db.Tx(ctx, func(tx *store.Tx) error {
			_, err := tx.Move("relay_jobs", row.ID, []string{string(Taken)}, string(Waiting), map[string]any{"revision": nextRevision})
			return err
		})
		if err != nil {
			return fmt.Errorf("giving job back: %w", err)
		}
		r.hub.wake("job " + row.ID)
	}
	return nil
}

// take moves the oldest waiting job to the agent. The ticket is signed before the
// transaction, since a key must not be used in one; it reaches the agent only if
// the move succeeds.
func (r *Relay) take(ctx context.Context, agentID string) (*ticket.Job, error) {
	now := r.now()
	var row jobRow
	err := r.db.Read(ctx).Where("agent_id = ? AND state = ? AND expires_at > ? AND held_until <= ?", agentID, Waiting, store.Millis(now), store.Millis(now)).
		Order("created_at, id").Take(&row).Error
	if store.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("finding job: %w", err)
	}
	return r.hand(ctx, row, "")
}

// hand gives a waiting job out under a fresh ticket.
//
// Nil/zero: nil without error when it was ended or taken meanwhile.
func (r *Relay) hand(ctx context.Context, row jobRow, via string) (*ticket.Job, error) {
	now := r.now()
	jws, id, err := r.sign(row, now)
	if err != nil {
		return nil, err
	}
	moved := false
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		res := tx.DB().Model(&jobRow{}).Where("id = ? AND state = ? AND revision = ?", row.ID, Waiting, row.Revision).Updates(map[string]any{
			"state": Taken, "revision": nextRevision, "ticket_id": id, "touched_at": store.Millis(now), "via": via})
		moved = res.RowsAffected == 1
		if res.Error != nil || !moved {
			return res.Error
		}
		return tx.Audit(row.AgentID, "job.take", row.ID, map[string]any{"ticket": id, "via": via})
	})
	if err != nil {
		return nil, fmt.Errorf("taking job: %w", err)
	}
	if !moved {
		return nil, nil
	}
	r.hub.wake("job " + row.ID)
	return &ticket.Job{ID: row.ID, Ticket: jws, Params: row.Params}, nil
}

// sign makes the ticket of one taking.
func (r *Relay) sign(row jobRow, now time.Time) (jws, id string, err error) {
	c := ticket.Claims{
		Issuer: r.c.Issuer, Agent: row.AgentID, Session: row.SessionID, ID: ticket.NewID(),
		IssuedAt: now.Unix(), Expires: now.Add(ticket.MaxLife).Unix(), Op: row.Op, Serial: row.TokenSerial,
		ParamsHash: ticket.ParamsHash(row.Params), Actor: row.AccountID, Account: row.Login, Organisation: row.Organisation,
	}
	if err := json.Unmarshal(row.Display, &c.Display); err != nil {
		return "", "", fmt.Errorf("reading job %s: %w", row.ID, err)
	}
	jws, err = ticket.Sign(r.c.TicketKey, r.c.KID, c)
	return jws, c.ID, err
}

// Step answers a step inside a job with the JSON to send.
//
// Errors: CodeNotFound, CodeJobState, CodeJobExpired; those of the job's handler.
func (r *Relay) Step(ctx context.Context, agentID, jobID, step string, body []byte) (json.RawMessage, error) {
	row, err := r.inHand(ctx, agentID, jobID)
	if err != nil {
		return nil, err
	}
	h := r.handlers[row.Purpose]
	if h == nil || step == "" || len(step) > 40 {
		return nil, problem.New(problem.Conflict, problem.CodeJobState, "This job has no such step.")
	}
	answer, err := h.Step(ctx, row.info(), step, body)
	if err != nil {
		return nil, err
	}
	reply, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("answering step %s: %w", step, err)
	}
	now := r.now()
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := tx.Move("relay_jobs", jobID, openStates, string(Taken), map[string]any{
			"step": step, "revision": nextRevision, "touched_at": store.Millis(now), "expires_at": store.Millis(now.Add(jobFor))})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("noting step %s: %w", step, err)
	}
	r.hub.wake("job " + jobID)
	return reply, nil
}

// inHand reads a job that this agent has under a ticket.
func (r *Relay) inHand(ctx context.Context, agentID, jobID string) (*jobRow, error) {
	var row jobRow
	if err := r.db.Read(ctx).Where("id = ? AND agent_id = ?", jobID, agentID).Take(&row).Error; err != nil {
		return nil, notFound(err, "job")
	}
	switch {
	case row.State == Expired:
		return nil, errJobExpired
	case row.over(r.now()):
		return nil, errors.Join(errJobExpired, r.expire(ctx, row))
	case !row.open() || row.TicketID == "":
		return nil, errJobEnded
	}
	return &row, nil
}

// Result takes how a job ended, once the agent's signature over it and the last
// ticket is checked. The same outcome again is no error.
//
// Shape: o.Ticket need not be set.
// Errors: CodeNotFound, CodeTicketInvalid (signature), CodeJobState (an outcome of an earlier ticket, a job that
// ended otherwise), CodeJobExpired, CodeMalformedBody; others mean that it may be sent again.
func (r *Relay) Result(ctx context.Context, agentID, jobID string, o ticket.Outcome) error {
	var row jobRow
	if err := r.db.Read(ctx).Where("id = ? AND agent_id = ?", jobID, agentID).Take(&row).Error; err != nil {
		return notFound(err, "job")
	}
	if len(o.Result) > maxResult {
		return problem.New(problem.Invalid, problem.CodePayloadTooLarge, "The result is too large.")
	}
	if row.TicketID == "" {
		return errJobEnded
	}
	if err := r.checkOutcome(ctx, &row, o); err != nil {
		return err
	}
	switch {
	case row.State == Expired:
		return errJobExpired
	case !row.open() && bytes.Equal(row.Signature, o.Signature):
		return nil // heard before
	case !row.open():
		return errJobEnded
	}
	if o.Problem != nil {
		return r.failed(ctx, row, *o.Problem, o.Signature)
	}
	return r.finish(ctx, row, o)
}

func (r *Relay) checkOutcome(ctx context.Context, row *jobRow, o ticket.Outcome) error {
	key, err := r.AgentKey(ctx, row.AgentID)
	if err != nil {
		return err
	}
	o.Ticket = row.TicketID
	if key == nil || o.Verify(key) != nil {
		return problem.New(problem.Denied, problem.CodeTicketInvalid, "The outcome is not signed by the agent over the last ticket.")
	}
	if o.Result != nil && readResult(row.Op, o.Result) != nil {
		return problem.New(problem.Invalid, problem.CodeMalformedBody, "The result does not fit the operation.").WithField("result")
	}
	return nil
}

// readResult checks that a result is what its operation gives.
func readResult(op ticket.Op, result []byte) error {
	into := map[ticket.Op]any{
		ticket.OpList: &ticket.ListResult{}, ticket.OpProve: &ticket.ProveResult{}, ticket.OpSign: &ticket.SignResult{},
		ticket.OpEnrol: &ticket.EnrolResult{}, ticket.OpDecrypt: &ticket.DecryptResult{},
		ticket.OpInit: &ticket.OfficerResult{}, ticket.OpUnlock: &ticket.OfficerResult{}, ticket.OpTakeOver: &ticket.OfficerResult{},
		ticket.OpChangePIN: &ticket.ChangePINResult{}, ticket.OpLabel: &ticket.LabelResult{}, ticket.OpDelete: &ticket.DeleteResult{},
		ticket.OpImport: &ticket.ImportResult{},
	}[op]
	if into == nil {
		return errors.New("no such operation over the relay")
	}
	d := json.NewDecoder(bytes.NewReader(result))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}

// finish has the handler take the result before the job shows as done, so that the
// page sees the effect with it.
func (r *Relay) finish(ctx context.Context, row jobRow, o ticket.Outcome) error {
	if h := r.handlers[row.Purpose]; h != nil {
		if err := h.Done(ctx, row.info(), o.Result); err != nil {
			p, ok := errors.AsType[*problem.Error](err)
			if !ok || p.Kind == problem.Busy {
				return err
			}
			r.c.Log.Info("result refused", "job", row.ID, "op", row.Op, "error", err)
			return r.failed(ctx, row, ticket.Problem{Code: ticket.Code(p.Code), Detail: p.Detail}, o.Signature)
		}
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := r.close(tx, &row, Done, outcome{result: o.Result, signature: o.Signature})
		return err
	})
	if err != nil {
		return fmt.Errorf("ending job: %w", err)
	}
	r.hub.wake("job " + row.ID)
	if r.seen != nil && row.TokenSerial != "" {
		r.seen(ctx, row.info())
	}
	return nil
}

// failed ends a job that the agent, or the handler of its result, gave up. The
// handler is told first: should that fail, the agent sends its outcome again.
func (r *Relay) failed(ctx context.Context, row jobRow, p ticket.Problem, signature []byte) error {
	p = clean(p)
	if h := r.handlers[row.Purpose]; h != nil {
		if err := h.Failed(ctx, row.info(), p); err != nil {
			return err
		}
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := r.close(tx, &row, Failed, outcome{problem: &p, signature: signature})
		return err
	})
	if err != nil {
		return fmt.Errorf("ending job: %w", err)
	}
	r.hub.wake("job " + row.ID)
	return nil
}

// clean keeps of an agent's words what the API can say.
func clean(p ticket.Problem) ticket.Problem {
	if !slices.Contains(problem.All(), problem.Code(p.Code)) {
		p.Code = ticket.OperationRefused
	}
	p.Detail = plainLine(p.Detail, 300)
	return p
}

// Sweep ends what is over, gives back jobs whose agent vanished, and forgets what
// is old. Run it every minute or so.
func (r *Relay) Sweep(ctx context.Context) error {
	now := r.now()
	var over []jobRow
	if err := r.db.Read(ctx).Where("state IN ? AND expires_at <= ?", openStates, store.Millis(now)).Limit(500).Find(&over).Error; err != nil {
		return fmt.Errorf("finding expired jobs: %w", err)
	}
	for _, row := range over {
		if err := r.expire(ctx, row); err != nil {
			return err
		}
	}
	if err := r.giveBack(ctx, "state = ? AND (via = '' AND touched_at <= ? OR touched_at <= ?)", Taken,
		store.Millis(now.Add(-vanishedIn)), store.Millis(now.Add(-pageVanishedIn))); err != nil {
		return err
	}
	return r.forget(ctx, now)
}

func (r *Relay) forget(ctx context.Context, now time.Time) error {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		for _, f := range []struct {
			sql  string
			args []any
		}{
			{"DELETE FROM relay_nonces WHERE expires_at <= ?", []any{store.Millis(now)}},
			{"DELETE FROM relay_hellos WHERE expires_at <= ?", []any{store.Millis(now)}},
			{"DELETE FROM relay_grants WHERE expires_at <= ?", []any{store.Millis(now)}},
			{"DELETE FROM relay_throttles WHERE expires_at <= ?", []any{store.Millis(now)}},
			{"DELETE FROM relay_pairings WHERE expires_at <= ?", []any{store.Millis(now.Add(-24 * time.Hour))}},
			{"UPDATE relay_jobs SET result = ? WHERE ended_at > 0 AND ended_at <= ? AND LENGTH(result) > 0", []any{[]byte{}, store.Millis(now.Add(-resultFor))}},
			{"DELETE FROM relay_jobs WHERE ended_at > 0 AND ended_at <= ?", []any{store.Millis(now.Add(-keepFor))}},
		} {
			if err := tx.DB().Exec(f.sql, f.args...).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forgetting old jobs: %w", err)
	}
	return nil
}
