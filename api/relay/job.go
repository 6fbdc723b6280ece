package relay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ukey/ticket"
)

// State is where a job is in its life.
type State string

// The states of a job, as in the API.
const (
	Waiting   State = "waiting"
	Taken     State = "taken"
	Done      State = "done"
	Failed    State = "failed"
	Expired   State = "expired"
	Cancelled State = "cancelled"
)

var openStates = []string{string(Waiting), string(Taken)}

// Limits of a job.
const (
	jobFor     = 10 * time.Minute  // to its end; every step starts the span anew
	vanishedIn = 130 * time.Second // a taken job that is not heard of goes back
	resultFor  = time.Hour         // how long an ended job's result can be read
	keepFor    = 30 * 24 * time.Hour
	maxParams  = 1600 << 10
	maxDisplay = 20
	maxResult  = 3 << 20
)

// Job is what a page wants an agent to do.
//
// Nil/zero: AgentID "" = the account's only, or only online, agent; Subject "" = one job per
// operation, token and parameters; Purpose "" = nobody but the page cares about the result.
type Job struct {
	Op            ticket.Op
	AgentID       string
	TokenSerial   string
	Params        any // one of ticket's …Params
	Display       []ticket.Line
	Purpose       string // which Handler; see Relay.Handle
	Subject       string // what it is about: one open job per agent, purpose and subject
	ApplicationID string // shown with the job
}

// JobView is a job as its page sees it.
//
// Shape: Result is the JSON of the operation's ticket.…Result; nil until done, and an hour later.
type JobView struct {
	ID                   string
	Op                   ticket.Op
	State                State
	Revision             int64
	Step                 string
	AgentID, TokenSerial string
	Purpose, Subject     string
	ApplicationID        string
	CreatedAt, ExpiresAt time.Time
	Result               json.RawMessage
	Problem              *ticket.Problem
}

// JobInfo is a job as its Handler sees it.
//
// Shape: By is the person who started it, without role and state: what they might do was checked then.
type JobInfo struct {
	ID, AgentID      string
	TicketID         string // the last ticket handed out; "" before the first
	Op               ticket.Op
	Purpose, Subject string
	TokenSerial      string
	ApplicationID    string
	Params           json.RawMessage
	By               account.Actor
}

// jobRow is a row of relay_jobs.
type jobRow struct {
	ID             string
	Op             ticket.Op
	Purpose        string
	Subject        string
	OpenKey        *string
	AgentID        string
	AccountID      string
	OrganisationID string
	SessionID      string
	Login          string
	Organisation   string
	TokenSerial    string
	ApplicationID  string
	Params         []byte
	Display        []byte
	State          State
	Revision       int64
	Step           string
	TicketID       string
	Result         []byte
	Problem        string
	Signature      []byte
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	ExpiresAt      int64
	TouchedAt      int64
	EndedAt        int64
	HeldUntil      int64  // for the page that started it; see loopback.go
	Via            string // who handed it out last: "" the relay
}

// TableName names the table for gorm.
func (jobRow) TableName() string { return "relay_jobs" }

func (j *jobRow) open() bool { return j.State == Waiting || j.State == Taken }

func (j *jobRow) over(now time.Time) bool { return j.open() && j.ExpiresAt <= store.Millis(now) }

func (j *jobRow) view() JobView {
	v := JobView{
		ID: j.ID, Op: j.Op, State: j.State, Revision: j.Revision, Step: j.Step, AgentID: j.AgentID, TokenSerial: j.TokenSerial,
		Purpose: j.Purpose, Subject: j.Subject, ApplicationID: j.ApplicationID,
		CreatedAt: store.Time(j.CreatedAt), ExpiresAt: store.Time(j.ExpiresAt),
	}
	if j.State == Done && len(j.Result) > 0 {
		v.Result = j.Result
	}
	if j.Problem != "" {
		v.Problem = &ticket.Problem{}
		if json.Unmarshal([]byte(j.Problem), v.Problem) != nil {
			v.Problem.Code = ticket.Internal
		}
	}
	return v
}

func (j *jobRow) info() JobInfo {
	return JobInfo{
		ID: j.ID, AgentID: j.AgentID, TicketID: j.TicketID, Op: j.Op, Purpose: j.Purpose, Subject: j.Subject, TokenSerial: j.TokenSerial,
		ApplicationID: j.ApplicationID, Params: j.Params,
		By: account.Actor{AccountID: j.AccountID, OrganisationID: j.OrganisationID, SessionID: j.SessionID, Login: j.Login},
	}
}

// Dispatch starts a job, or answers the open one of the same agent, purpose and subject.
//
// Errors: those of account.Can; CodeAgentNone, CodeAgentOffline, CodeNotFound (agent), CodeInvalidField
// (several agents, none named), CodePayloadTooLarge.
func (r *Relay) Dispatch(ctx context.Context, by account.Actor, j Job) (JobView, error) {
	if err := account.Can(by, account.AgentAct); err != nil {
		return JobView{}, err
	}
	if r.guard != nil && j.TokenSerial != "" {
		if err := r.guard(ctx, j.Op, j.TokenSerial); err != nil {
			return JobView{}, err
		}
	}
	row, err := r.draft(ctx, by, j)
	if err != nil {
		return JobView{}, err
	}
	running, err := r.openJob(ctx, *row.OpenKey)
	if err != nil {
		return JobView{}, err
	}
	if running != nil {
		if !running.over(r.now()) && (running.State == Taken || running.TokenSerial == row.TokenSerial) {
			return running.view(), nil
		}
		if err := r.makeWay(ctx, *running); err != nil {
			return JobView{}, err
		}
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		row.Organisation, err = organisationName(tx, by.OrganisationID)
		if err != nil {
			return err
		}
		if err := tx.DB().Create(row).Error; err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "job.start", row.ID, map[string]any{
			"op": string(row.Op), "purpose": row.Purpose, "subject": row.Subject, "agent": row.AgentID, "token": row.TokenSerial, "params": ticket.ParamsHash(row.Params)})
	})
	if store.IsDuplicate(err) { // another click was faster
		if other, err := r.openJob(ctx, *row.OpenKey); err == nil && other != nil {
			return other.view(), nil
		}
		return JobView{}, problem.New(problem.Conflict, problem.CodeJobState, "Another job on this key just ended; try again.")
	}
	if err != nil {
		return JobView{}, fmt.Errorf("starting job: %w", err)
	}
	r.hub.wake("agent " + row.AgentID)
	return row.view(), nil
}

// makeWay ends an open job for the next one: its time is over, or it still waits and
// the person chose another key meanwhile.
func (r *Relay) makeWay(ctx context.Context, row jobRow) error {
	if row.over(r.now()) {
		return r.expire(ctx, row)
	}
	return r.end(ctx, row, Cancelled, ticket.Problem{Code: ticket.PINCancelled, Detail: "Another key was chosen."})
}

// draft makes the row of a job.
func (r *Relay) draft(ctx context.Context, by account.Actor, j Job) (*jobRow, error) {
	if r.handlers[j.Purpose] == nil && j.Purpose != "" {
		return nil, fmt.Errorf("starting job: nobody handles %q", j.Purpose)
	}
	params, err := json.Marshal(j.Params)
	if err != nil {
		return nil, fmt.Errorf("starting job: %w", err)
	}
	if len(params) > maxParams {
		return nil, problem.New(problem.Invalid, problem.CodePayloadTooLarge, "The parameters are too large for one job.")
	}
	if len(j.Display) > maxDisplay {
		return nil, fmt.Errorf("starting job: %d lines to display", len(j.Display))
	}
	display, err := json.Marshal(j.Display)
	if err != nil {
		return nil, fmt.Errorf("starting job: %w", err)
	}
	agent, err := r.chooseAgent(ctx, by, j.AgentID)
	if err != nil {
		return nil, err
	}
	if j.Subject == "" {
		j.Subject = string(j.Op) + "/" + j.TokenSerial + "/" + ticket.ParamsHash(params)
	}
	held, err := r.heldUntil(ctx, by.SessionID, agent.ID)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(agent.ID + "\x00" + j.Purpose + "\x00" + j.Subject))
	key := hex.EncodeToString(sum[:])
	now := r.now()
	return &jobRow{
		ID: store.NewID("job"), Op: j.Op, Purpose: j.Purpose, Subject: j.Subject, OpenKey: &key, AgentID: agent.ID,
		AccountID: by.AccountID, OrganisationID: by.OrganisationID, SessionID: by.SessionID, Login: by.Login,
		TokenSerial: j.TokenSerial, ApplicationID: j.ApplicationID, Params: params, Display: display,
		State: Waiting, Revision: 1, Result: []byte{}, Signature: []byte{},
		CreatedAt: store.Millis(now), ExpiresAt: store.Millis(now.Add(jobFor)), HeldUntil: held,
	}, nil
}

// chooseAgent finds the agent that is named, or the only one that can be meant.
func (r *Relay) chooseAgent(ctx context.Context, by account.Actor, id string) (*agentRow, error) {
	rows, err := r.agents(ctx, by.AccountID)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, problem.New(problem.Conflict, problem.CodeAgentNone, "No agent is paired with this account.")
	}
	now := r.now()
	var fit []agentRow
	for _, a := range rows {
		if a.ID == id || id == "" && (len(rows) == 1 || a.online(now)) {
			fit = append(fit, a)
		}
	}
	switch {
	case len(fit) == 0 && id != "":
		return nil, problem.New(problem.NotFound, problem.CodeNotFound, "There is no such agent.").WithField("agentId")
	case len(fit) > 1:
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "Several agents are online; name one.").WithField("agentId")
	case len(fit) == 0 || !fit[0].online(now) && !r.busy(ctx, fit[0].ID):
		return nil, problem.New(problem.Conflict, problem.CodeAgentOffline, "The agent is not running.")
	}
	return &fit[0], nil
}

// busy reports whether an agent has a job in hand: it does not ask for another meanwhile.
func (r *Relay) busy(ctx context.Context, agentID string) bool {
	var n int64
	err := r.db.Read(ctx).Model(&jobRow{}).Where("agent_id = ? AND state = ? AND expires_at > ?", agentID, Taken, store.Millis(r.now())).Count(&n).Error
	return err == nil && n > 0
}

func (r *Relay) openJob(ctx context.Context, key string) (*jobRow, error) {
	var row jobRow
	err := r.db.Read(ctx).Where("open_key = ?", key).Take(&row).Error
	if store.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading job: %w", err)
	}
	return &row, nil
}

// Job shows one of the actor's jobs.
//
// Errors: those of account.Can; CodeNotFound.
func (r *Relay) Job(ctx context.Context, by account.Actor, id string) (JobView, error) {
	if err := account.Can(by, account.AgentAct); err != nil {
		return JobView{}, err
	}
	row, err := r.jobOf(ctx, by, id)
	if err != nil {
		return JobView{}, err
	}
	return row.view(), nil
}

// jobOf reads a job of the actor's account, and ends it first when its time is over.
func (r *Relay) jobOf(ctx context.Context, by account.Actor, id string) (*jobRow, error) {
	read := func() (*jobRow, error) {
		var row jobRow
		if err := r.db.Read(ctx).Where("id = ? AND account_id = ?", id, by.AccountID).Take(&row).Error; err != nil {
			return nil, notFound(err, "job")
		}
		return &row, nil
	}
	row, err := read()
	if err != nil || !row.over(r.now()) {
		return row, err
	}
	if err := r.expire(ctx, *row); err != nil {
		return nil, err
	}
	return read()
}

// Wait shows a job as soon as its revision is beyond seen, or when wait is over.
//
// Errors: as Job.
func (r *Relay) Wait(ctx context.Context, by account.Actor, id string, seen int64, wait time.Duration) (JobView, error) {
	if err := account.Can(by, account.AgentAct); err != nil {
		return JobView{}, err
	}
	var view JobView
	err := r.poll(ctx, "job "+id, wait, func() (bool, error) {
		row, err := r.jobOf(ctx, by, id)
		if err != nil {
			return false, err
		}
		view = row.view()
		return view.Revision > seen || !row.open(), nil
	})
	return view, err
}

// lookEvery is how often a waiting call looks at the database, where another
// instance may have changed what it waits for.
const lookEvery = time.Second

// poll calls look until it is satisfied, the time is over or the caller is gone.
func (r *Relay) poll(ctx context.Context, key string, wait time.Duration, look func() (enough bool, err error)) error {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		woken, leave := r.hub.wait(key)
		enough, err := look()
		if err != nil || enough || wait <= 0 {
			leave()
			return err
		}
		select {
		case <-woken:
		case <-tick.C:
		case <-deadline.C:
			leave()
			_, err := look()
			return err
		case <-ctx.Done():
			leave()
			return ctx.Err()
		}
		leave()
	}
}

// Cancel ends a job that the agent has not finished. What the agent did already is
// not undone.
//
// Errors: as Job; CodeJobState when it ended before.
func (r *Relay) Cancel(ctx context.Context, by account.Actor, id string) (JobView, error) {
	if err := account.Can(by, account.AgentAct); err != nil {
		return JobView{}, err
	}
	row, err := r.jobOf(ctx, by, id)
	if err != nil {
		return JobView{}, err
	}
	if row.State == Cancelled {
		return row.view(), nil
	}
	if !row.open() {
		return JobView{}, errJobEnded
	}
	if err := r.end(ctx, *row, Cancelled, ticket.Problem{Code: ticket.PINCancelled, Detail: "Cancelled on the page."}); err != nil {
		return JobView{}, err
	}
	return r.Job(ctx, by, id)
}

var (
	errJobEnded   = problem.New(problem.Conflict, problem.CodeJobState, "The job has ended.")
	errJobExpired = problem.New(problem.Conflict, problem.CodeJobExpired, "The job's time is over.")
)

func (r *Relay) expire(ctx context.Context, row jobRow) error {
	return r.end(ctx, row, Expired, ticket.Problem{Code: ticket.JobExpired, Detail: "The job was not finished in time."})
}

// end closes an open job without a result and tells its handler. It does nothing to
// a job that ended meanwhile.
func (r *Relay) end(ctx context.Context, row jobRow, to State, p ticket.Problem) error {
	ended := false
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		var err error
		ended, err = r.close(tx, &row, to, outcome{problem: &p})
		return err
	})
	if err != nil {
		return fmt.Errorf("ending job: %w", err)
	}
	if !ended {
		return nil
	}
	r.hub.wake("job " + row.ID)
	if h := r.handlers[row.Purpose]; h != nil {
		if err := h.Failed(ctx, row.info(), p); err != nil {
			r.c.Log.Warn("handler of an ended job failed", "job", row.ID, "error", err)
		}
	}
	return nil
}

// outcome is how a job ended.
type outcome struct {
	result    []byte
	problem   *ticket.Problem
	signature []byte // the agent's; nil when it was not asked
}

// close moves an open job to its last state.
func (r *Relay) close(tx *store.Tx, row *jobRow, to State, o outcome) (bool, error) {
	set := map[string]any{
		"open_key": nil, "revision": nextRevision, "ended_at": store.Millis(r.now()),
		"params": []byte{}, "result": nonNil(o.result), "signature": nonNil(o.signature),
	}
	facts := map[string]any{"state": string(to), "op": string(row.Op), "ticket": row.TicketID}
	if o.problem != nil {
		text, err := json.Marshal(o.problem)
		if err != nil {
			return false, err
		}
		set["problem"] = string(text)
		facts["problem"] = string(o.problem.Code)
	}
	if o.result != nil {
		sum := sha256.Sum256(o.result)
		facts["result"] = hex.EncodeToString(sum[:])
	}
	if o.signature != nil {
		facts["signature"] = hex.EncodeToString(o.signature)
	}
	moved, err := tx.Move("relay_jobs", row.ID, openStates, string(to), set)
	if err != nil || !moved {
		return false, err
	}
	by := row.AccountID
	if o.signature != nil {
		by = row.AgentID
	}
	return true, tx.Audit(by, "job.end", row.ID, facts)
}

func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// nextRevision counts in the database, so that no change goes unseen.
var nextRevision = gorm.Expr("revision + 1")
