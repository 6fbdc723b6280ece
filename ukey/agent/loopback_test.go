package agent

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/ukey/agent/agenttest"
	"signet/ukey/ticket"
)

const appOrigin = "https://bids.example"

// street is an agent that pages on this computer can call.
type street struct {
	*rig
	pages *pageServer
	base  string
}

func newStreet(t *testing.T, change ...func(*Config)) *street {
	r := newRig(t, change...)
	r.portal.File(ticket.Site{Origin: appOrigin, Name: "某招投标平台"})
	all, err := r.state.Pairings()
	if err != nil {
		t.Fatal(err)
	}
	portal, err := r.agent.newRelay(all[0])
	if err != nil {
		t.Fatal(err)
	}
	listener, err := listenLoopback([]int{0})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := r.agent.newLoopback([]*relay{portal}, listener)
	if err != nil {
		t.Fatal(err)
	}
	if err := pages.doors[0].fetchOrigins(t.Context(), r.state); err != nil {
		t.Fatal(err)
	}
	s := &street{r, pages, "http://" + listener.Addr().String()}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); pages.serve(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return s
}

// page is a browser's page of one origin.
type page struct {
	*street
	origin string
	token  string
}

// ask posts as fetch does.
func (p *page) ask(path string, body any) (int, []byte) {
	p.t.Helper()
	header := http.Header{"Origin": {p.origin}, "Content-Type": {jsonType}}
	if p.token != "" {
		header.Set("Authorization", "Bearer "+p.token)
	}
	status, _, answer := p.send("POST", path, header, body)
	return status, answer
}

// send sends anything.
func (s *street) send(method, path string, header http.Header, body any) (int, http.Header, []byte) {
	s.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, bytes.NewReader(raw))
	if err != nil {
		s.t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	if host := header.Get("Host"); host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header, answer
}

var pageNonce = bytes.Repeat([]byte{7}, 32)

func (p *page) hello() ticket.HelloReply {
	p.t.Helper()
	status, answer := p.ask("/v1/hello", ticket.Hello{Nonce: pageNonce})
	var reply ticket.HelloReply
	if status != 200 || json.Unmarshal(answer, &reply) != nil {
		p.t.Fatalf("hello: %d %s", status, answer)
	}
	return reply
}

// connect does what a page does to get a session.
func (s *street) connect(origin string) *page {
	s.t.Helper()
	p := &page{street: s, origin: origin}
	status, answer := p.ask("/v1/session", map[string]string{"grant": s.portal.Grant(s.id, origin, p.hello().Nonce, nil)})
	var opened sessionOpened
	if status != 200 || json.Unmarshal(answer, &opened) != nil || len(opened.Token) != 43 {
		s.t.Fatalf("session: %d %s", status, answer)
	}
	p.token = opened.Token
	return p
}

// run hands a job in.
func (p *page) run(job ticket.Job) pageOutcome {
	p.t.Helper()
	status, answer := p.ask("/v1/rpc", job)
	var o pageOutcome
	if status != 200 || json.Unmarshal(answer, &o) != nil {
		p.t.Fatalf("rpc: %d %s", status, answer)
	}
	full := o.Outcome
	full.Ticket = o.Ticket
	if err := full.Verify(p.gate.Key.Public().(*ecdsa.PublicKey)); err != nil {
		p.t.Errorf("outcome: %v", err)
	}
	return o
}

// proveJob is a proof of possession for an origin.
func (s *street) proveJob(origin string) *agenttest.Job {
	return s.portal.Dispatch(ticket.OpProve, testSerial, ticket.ProveParams{Origin: origin, Nonce: pageNonce, SPKIHash: s.seed().signHash})
}

// A page of the portal does what the relay does, and the portal hears how it ended.
func TestLoopbackPortalPage(t *testing.T) {
	s := newStreet(t)
	p := s.connect(s.portal.URL)
	job := s.proveJob(s.portal.URL)
	if o := p.run(s.portal.Ticket(job, s.id)); o.Problem != nil {
		t.Fatalf("%v\n%s", o.Problem, s.log)
	}
	if o := s.portal.Wait(job, 10*time.Second); o.Problem != nil {
		t.Errorf("what the portal heard: %v", o.Problem)
	}
}

// A bidding platform logs a holder in: the proof is for its own origin, and the person reads its name.
func TestLoopbackApplicationPage(t *testing.T) {
	s := newStreet(t)
	p := s.connect(appOrigin)
	job := s.proveJob(appOrigin)
	if o := p.run(s.portal.Ticket(job, s.id)); o.Problem != nil {
		t.Fatalf("%v\n%s", o.Problem, s.log)
	}
	shown := s.person.prompts()[0].Text
	if !strings.Contains(shown, "某招投标平台 "+appOrigin) || !strings.Contains(shown, s.portal.URL) {
		t.Errorf("shown:\n%s", shown)
	}
	for _, op := range []ticket.Op{ticket.OpEnrol, ticket.OpUnlock, ticket.OpInit, ticket.OpDelete, ticket.OpChangePIN, ticket.OpFlash} {
		job := s.portal.Dispatch(op, testSerial, map[string]any{})
		if o := p.run(s.portal.Ticket(job, s.id)); o.Problem == nil || o.Problem.Code != ticket.OperationRefused {
			t.Errorf("%s from an application: %+v", op, o.Problem)
		}
	}
	wrong := s.portal.Dispatch(ticket.OpProve, testSerial, ticket.ProveParams{Origin: s.portal.URL, Nonce: pageNonce, SPKIHash: []byte{1}})
	if o := p.run(s.portal.Ticket(wrong, s.id)); o.Problem == nil || o.Problem.Code != ticket.OperationRefused {
		t.Errorf("a proof for the portal, asked by an application: %+v", o.Problem)
	}
}

func TestLoopbackSessionEnds(t *testing.T) {
	var later time.Duration
	s := newStreet(t, func(c *Config) { c.Now = func() time.Time { return time.Now().Add(later) } })
	first := s.connect(appOrigin)
	second := s.connect(appOrigin)
	if status, _ := first.ask("/v1/events", map[string]int{"revision": -1}); status != http.StatusUnauthorized {
		t.Errorf("an origin has two sessions: %d", status)
	}
	later = sessionIdle + time.Second
	if status, _ := second.ask("/v1/events", map[string]int{"revision": -1}); status != http.StatusUnauthorized {
		t.Errorf("a session after ten idle minutes: %d", status)
	}
	later = 0
	third := s.connect(appOrigin)
	s.portal.File()
	if err := s.pages.doors[0].fetchOrigins(t.Context(), s.state); err != nil {
		t.Fatal(err)
	}
	if status, _ := third.ask("/v1/events", map[string]int{"revision": -1}); status != http.StatusForbidden {
		t.Errorf("an application that was struck off: %d", status)
	}
}

func TestLoopbackEvents(t *testing.T) {
	s := newStreet(t)
	p := s.connect(s.portal.URL)
	seen := func(since int) int {
		var answer struct{ Revision int }
		if status, raw := p.ask("/v1/events", map[string]int{"revision": since}); status != 200 || json.Unmarshal(raw, &answer) != nil {
			t.Fatal(status, string(raw))
		}
		return answer.Revision
	}
	one := seen(0) // the key that is there
	s.pull()
	two := seen(one)
	s.plug()
	if three := seen(two); one >= two || two >= three {
		t.Errorf("revisions %d, %d, %d", one, two, three)
	}
}

// What an earlier run learned of applications is good for a day, and only if the portal signed it for this agent.
func TestLoopbackOriginsKept(t *testing.T) {
	s := newStreet(t)
	portal := s.pages.doors[0].relay
	again, err := s.agent.newLoopback([]*relay{portal}, s.pages.listener)
	if err != nil || !again.doors[0].knows(appOrigin) {
		t.Fatalf("after a restart: %v", err)
	}
	for name, jws := range map[string]string{"rubbish": "x.y.z", "a ticket": s.portal.Ticket(s.proveJob(appOrigin), s.id).Ticket, "empty": ""} {
		if err := s.state.saveOrigins(s.portal.URL, jws); err != nil {
			t.Fatal(err)
		}
		if again, err := s.agent.newLoopback([]*relay{portal}, s.pages.listener); err != nil || again.doors[0].knows(appOrigin) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoopbackPortsTaken(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	if l, err := listenLoopback([]int{port}); err == nil {
		l.Close()
		t.Error("a port that is taken")
	}
	l, err := listenLoopback([]int{port, 0})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// raw sends bytes that no client library would.
func (s *street) raw(request string) string {
	s.t.Helper()
	conn, err := net.Dial("tcp4", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, strings.ReplaceAll(request, "\n", "\r\n"))
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line)
}

func routes() []string { return slices.Sorted(maps.Keys(loopbackRoutes)) }
