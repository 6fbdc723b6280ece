// Package agenttest is a portal for tests of the agent: real tickets, real signatures on requests, a real CA
// and real key escrow, over HTTP or called directly. It keeps jobs in memory and has no accounts.
package agenttest

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/ukey/ticket"
	"signet/ukey/ukeytest"
)

// Code is the pairing code that the portal knows.
const Code = "K7QX-29FM"

// Refusal is how the portal says no.
type Refusal struct {
	Status int
	Code   string
}

func (r *Refusal) Error() string { return r.Code }

// Portal is the other end of an agent.
type Portal struct {
	URL string
	CA  *ukeytest.CA

	t      testing.TB
	server *httptest.Server

	mu      sync.Mutex // guards what follows
	signs   SigningKey
	trusted []ticket.TicketKey // all keys that agents are told of
	agents  map[string]*ecdsa.PublicKey
	nonces  map[string]bool
	jobs    []*Job
	enrols  map[string]*Enrolment
	Custody map[string]*Custody // by serial
	Sites   []ticket.Site       // filed applications
	fail    int                 // so many requests get 503 first
	wake    chan struct{}
}

// Job is a piece of work for an agent.
type Job struct {
	ID     string
	Op     ticket.Op
	Serial string
	Params json.RawMessage
	// Spoil changes the ticket's claims before they are signed.
	Spoil   func(*ticket.Claims)
	Display []ticket.Line

	jti     string
	taken   bool
	Outcome *ticket.Outcome
	Done    chan struct{}
}

// NewPortal starts a portal on loopback.
func NewPortal(t testing.TB) *Portal {
	t.Helper()
	key := NewTicketKey(t, "test-1")
	p := &Portal{t: t, signs: key, trusted: []ticket.TicketKey{key.TicketKey}, CA: ukeytest.NewCA(t, pki.SM2), agents: map[string]*ecdsa.PublicKey{},
		nonces: map[string]bool{}, enrols: map[string]*Enrolment{}, Custody: map[string]*Custody{}, wake: make(chan struct{})}
	p.server = httptest.NewServer(p.handler())
	p.URL = p.server.URL
	t.Cleanup(p.server.Close)
	return p
}

// Hurt makes the next n requests fail as a restarting portal would.
func (p *Portal) Hurt(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = n
}

func (p *Portal) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/agent/pairings/preview", p.servePreview)
	mux.HandleFunc("POST /api/v1/agent/pairings/confirm", p.serveConfirm)
	mux.HandleFunc("GET /api/v1/agent/jobs/next", p.signed(p.serveNext))
	mux.HandleFunc("POST /api/v1/agent/jobs/{id}/steps/{step}", p.signed(p.serveStep))
	mux.HandleFunc("POST /api/v1/agent/jobs/{id}/result", p.signed(p.serveResult))
	mux.HandleFunc("GET /api/v1/agent/origins", p.signed(p.serveOrigins))
	mux.HandleFunc("GET /api/v1/agent/keys", p.signed(p.serveKeys))
	mux.HandleFunc("HEAD /api/openapi.yaml", func(http.ResponseWriter, *http.Request) {})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		hurt := p.fail > 0
		if hurt {
			p.fail--
		}
		p.mu.Unlock()
		if hurt {
			http.Error(w, "restarting", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, body any, err error) {
	var r *Refusal
	switch {
	case errors.As(err, &r):
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(r.Status)
		json.NewEncoder(w).Encode(map[string]any{"code": r.Code, "status": r.Status})
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case body == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(body)
	}
}

func (p *Portal) servePreview(w http.ResponseWriter, r *http.Request) {
	var in ticket.PairingCode
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Code != Code {
		answer(w, nil, &Refusal{http.StatusNotFound, "pairing_code_wrong"})
		return
	}
	answer(w, ticket.PairingPreview{Portal: p.URL, Account: "13800000000", Organisation: "擎洲测试投标人6", ExpiresAt: time.Now().Add(time.Minute)}, nil)
}

func (p *Portal) serveConfirm(w http.ResponseWriter, r *http.Request) {
	var in ticket.PairingConfirm
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Code != Code {
		answer(w, nil, &Refusal{http.StatusNotFound, "pairing_code_wrong"})
		return
	}
	pub, err := pki.ParsePublicKey(in.PublicKey)
	key, ok := pub.(*ecdsa.PublicKey)
	if err != nil || !ok || !ticket.VerifyPairing(key, in.Code, in.Signature) {
		answer(w, nil, &Refusal{http.StatusBadRequest, "invalid_field"})
		return
	}
	answer(w, p.Enlist(key), nil)
}

// Enlist pairs an agent by its key.
func (p *Portal) Enlist(key *ecdsa.PublicKey) ticket.Paired {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := fmt.Sprintf("agt_%d", len(p.agents)+1)
	p.agents[id] = key
	return ticket.Paired{AgentID: id, Portal: p.URL, TicketKeys: p.trusted}
}

// signed lets requests of paired agents through.
func (p *Portal) signed(next func(w http.ResponseWriter, r *http.Request, agent string, body []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			answer(w, nil, err)
			return
		}
		agent, err := ticket.VerifyRequest(r, body, time.Now(), p.agentKey, p.seen)
		if err != nil {
			answer(w, nil, &Refusal{http.StatusUnauthorized, "agent_unknown"})
			return
		}
		next(w, r, agent, body)
	}
}

func (p *Portal) agentKey(id string) (*ecdsa.PublicKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.agents[id], nil
}

func (p *Portal) seen(nonce string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.nonces[nonce]
	p.nonces[nonce] = true
	return was
}

// Dispatch queues a job; params are marshalled unless they are bytes already.
func (p *Portal) Dispatch(op ticket.Op, serial string, params any) *Job {
	p.t.Helper()
	raw, ok := params.(json.RawMessage)
	if !ok {
		var err error
		if raw, err = json.Marshal(params); err != nil {
			p.t.Fatal(err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	j := &Job{ID: fmt.Sprintf("job_%d", len(p.jobs)+1), Op: op, Serial: serial, Params: raw, Done: make(chan struct{})}
	p.jobs = append(p.jobs, j)
	close(p.wake)
	p.wake = make(chan struct{})
	return j
}

// Ticket hands the job out, with a new ticket each time.
func (p *Portal) Ticket(j *Job, agent string) ticket.Job {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ticketLocked(j, agent)
}

func (p *Portal) ticketLocked(j *Job, agent string) ticket.Job {
	now := time.Now()
	c := ticket.Claims{Issuer: p.URL, Agent: agent, Session: "test", ID: ticket.NewID(), IssuedAt: now.Unix(),
		Expires: now.Unix() + 100, Op: j.Op, Serial: j.Serial, ParamsHash: ticket.ParamsHash(j.Params),
		Actor: "act_1", Account: "13800000000", Organisation: "擎洲测试投标人6", Display: j.Display}
	if j.Spoil != nil {
		j.Spoil(&c)
	}
	jws, err := ticket.Sign(p.signs.key, p.signs.ID, c)
	if err != nil {
		p.t.Error(err)
	}
	j.jti, j.taken = c.ID, true
	return ticket.Job{ID: j.ID, Ticket: jws, Params: j.Params}
}

func (p *Portal) serveOrigins(w http.ResponseWriter, _ *http.Request, agent string, _ []byte) {
	p.mu.Lock()
	sites, signs := p.Sites, p.signs
	p.mu.Unlock()
	now := time.Now()
	jws, err := ticket.SignOrigins(signs.key, signs.ID, ticket.Origins{Issuer: p.URL, Agent: agent, IssuedAt: now.Unix(), Expires: now.Add(time.Hour).Unix(), Sites: sites})
	answer(w, map[string]string{"origins": jws}, err)
}

// File makes applications known to agents that ask from now on.
func (p *Portal) File(sites ...ticket.Site) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Sites = sites
}

// Grant lets a page in, in the session that the tickets name; spoil changes what it says before it is signed.
func (p *Portal) Grant(agent, origin string, nonce []byte, spoil func(*ticket.Grant)) string {
	now := time.Now()
	g := ticket.Grant{Issuer: p.URL, Agent: agent, Origin: origin, Session: "test", Nonce: ticket.NonceText(nonce),
		IssuedAt: now.Unix(), Expires: now.Unix() + 50}
	if spoil != nil {
		spoil(&g)
	}
	p.mu.Lock()
	signs := p.signs
	p.mu.Unlock()
	jws, err := ticket.SignGrant(signs.key, signs.ID, g)
	if err != nil {
		p.t.Error(err)
	}
	return jws
}

// serveNext gives out the oldest open job; one that the same agent took before and did not answer is given
// out again, because the agent would not ask if it still worked on it.
func (p *Portal) serveNext(w http.ResponseWriter, r *http.Request, agent string, _ []byte) {
	end := time.After(5 * time.Second)
	for {
		p.mu.Lock()
		wake := p.wake
		for _, j := range p.jobs {
			if j.Outcome == nil {
				job := p.ticketLocked(j, agent)
				p.mu.Unlock()
				answer(w, job, nil)
				return
			}
		}
		p.mu.Unlock()
		select {
		case <-wake:
		case <-end:
			answer(w, nil, nil)
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (p *Portal) job(id string) *Job {
	for _, j := range p.jobs {
		if j.ID == id {
			return j
		}
	}
	return nil
}

func (p *Portal) serveStep(w http.ResponseWriter, r *http.Request, _ string, body []byte) {
	reply, err := p.Step(r.PathValue("id"), r.PathValue("step"), body)
	answer(w, reply, err)
}

// Step is what an enrolment asks for on its way.
func (p *Portal) Step(jobID, step string, body []byte) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	j := p.job(jobID)
	if j == nil || !j.taken {
		return nil, &Refusal{http.StatusConflict, "job_state"}
	}
	if step == ticket.StepSO {
		return p.secrets(j, body)
	}
	if j.Op != ticket.OpEnrol {
		return nil, &Refusal{http.StatusConflict, "job_state"}
	}
	var params ticket.EnrolParams
	if err := json.Unmarshal(j.Params, &params); err != nil {
		return nil, err
	}
	e := p.enrols[params.Enrolment]
	if e == nil {
		return nil, &Refusal{http.StatusNotFound, "not_found"}
	}
	switch step {
	case ticket.StepCSR:
		return e.csr(body)
	case ticket.StepProof:
		return e.proof(body)
	}
	return nil, &Refusal{http.StatusNotFound, "not_found"}
}

func (p *Portal) serveResult(w http.ResponseWriter, r *http.Request, agent string, body []byte) {
	var o ticket.Outcome
	if err := json.Unmarshal(body, &o); err != nil {
		answer(w, nil, &Refusal{http.StatusBadRequest, "malformed_body"})
		return
	}
	answer(w, nil, p.Result(agent, r.PathValue("id"), o))
}

// Result takes the answer of a job.
func (p *Portal) Result(agent, jobID string, o ticket.Outcome) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	j := p.job(jobID)
	if j == nil {
		return &Refusal{http.StatusNotFound, "not_found"}
	}
	o.Ticket = j.jti
	if err := o.Verify(p.agents[agent]); err != nil {
		return &Refusal{http.StatusBadRequest, "invalid_field"}
	}
	if j.Outcome == nil {
		j.Outcome = &o
		close(j.Done)
	}
	return nil
}

// Wait gives the outcome of a job.
func (p *Portal) Wait(j *Job, within time.Duration) ticket.Outcome {
	p.t.Helper()
	select {
	case <-j.Done:
		p.mu.Lock()
		defer p.mu.Unlock()
		return *j.Outcome
	case <-time.After(within):
		p.t.Fatalf("job %s not answered within %s", j.ID, within)
		panic("unreachable")
	}
}
