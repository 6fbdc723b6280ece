package agent

import (
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"signet/ca/pki"
	"signet/ukey/agent/agenttest"
	"signet/ukey/ticket"
)

// TestTwoPortals: one agent paired with two portals serves both, one window after the other, each with its own identity; a ticket of one is
// nothing at the other's gate.
func TestTwoPortals(t *testing.T) {
	r := newRig(t)
	r.seed()
	second := agenttest.NewPortal(t)
	key, err := pki.GenerateKey(pki.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	paired := second.Enlist(key.Public().(*ecdsa.PublicKey))
	pkcs8, err := pki.MarshalPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.state.SavePairing(Pairing{Portal: second.URL, AgentID: paired.AgentID, Key: pkcs8, TicketKeys: paired.TicketKeys, Account: "13900000000"}); err != nil {
		t.Fatal(err)
	}
	crossed := second.Ticket(second.Dispatch(ticket.OpList, "", ticket.ListParams{}), paired.AgentID)
	if o := r.agent.Do(t.Context(), r.gate, crossed, nil); o.Problem == nil || o.Problem.Code != ticket.TicketInvalid {
		t.Errorf("a ticket of the other portal: %+v", o)
	}
	r.serve()
	var jobs []*agenttest.Job
	for range 2 {
		jobs = append(jobs, r.portal.Dispatch(ticket.OpProve, testSerial, ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)}))
	}
	theirs := second.Dispatch(ticket.OpProve, testSerial, ticket.ProveParams{Origin: second.URL, Nonce: make([]byte, 32)})
	for _, j := range jobs {
		if o := r.portal.Wait(j, 20*time.Second); o.Problem != nil {
			t.Error(o.Problem)
		}
	}
	if o := second.Wait(theirs, 20*time.Second); o.Problem != nil {
		t.Error(o.Problem)
	}
	shown := map[string]int{}
	for _, p := range r.person.prompts() {
		for _, url := range []string{r.portal.URL, second.URL} {
			if strings.Contains(p.Text, "网站 Portal: "+url+"\n") {
				shown[url]++
			}
		}
	}
	if shown[r.portal.URL] != 2 || shown[second.URL] != 1 {
		t.Errorf("windows by portal: %v", shown)
	}
}

// TestPortalAwayForAnHour: the agent asks on, ever more slowly, and is back within a minute of the portal.
func TestPortalAwayForAnHour(t *testing.T) {
	r := newRig(t)
	pairings, err := r.state.Pairings()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		start, tries := time.Now(), 0
		back := make(chan time.Duration, 1)
		r.agent.c.HTTP = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			away := time.Since(start)
			if away < time.Hour {
				tries++
				return nil, errors.New("connection refused")
			}
			select {
			case back <- away - time.Hour:
			default:
			}
			<-req.Context().Done() // a poll with nothing to do
			return nil, req.Context().Err()
		})}
		relay, err := r.agent.newRelay(pairings[0])
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { defer close(ended); relay.run(t.Context()) }()
		if late := <-back; late > backoffMax {
			t.Errorf("%s late", late)
		}
		if tries < 60 || tries > 150 {
			t.Errorf("%d tries in an hour", tries)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestPortalGoneWhileWriting: the portal goes away in the middle of an enrolment for longer than the agent waits. The old keys work on, the
// doctor names what is unfinished, and the job given out again ends with one pair.
func TestPortalGoneWhileWriting(t *testing.T) {
	var gone atomic.Bool
	r := newRig(t, func(c *Config) {
		c.StepFor = 2 * time.Second
		c.HTTP = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			if gone.Load() {
				return nil, errors.New("connection refused")
			}
			return http.DefaultTransport.RoundTrip(req)
		})}
	})
	old := r.seed()
	pairings, err := r.state.Pairings()
	if err != nil {
		t.Fatal(err)
	}
	relay, err := r.agent.newRelay(pairings[0])
	if err != nil {
		t.Fatal(err)
	}
	e := r.portal.NewEnrolment(old.signHash, old.enc, old.rsa)
	j := r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params)
	e.Break = func(*ticket.CSRReply) { gone.Store(true) } // issued; the proof does not get there
	if o := r.agent.Do(t.Context(), r.gate, r.portal.Ticket(j, r.id), &remoteSteps{relay, j.ID}); o.Problem == nil {
		t.Fatal("done without the portal")
	}
	if !r.opens(old.enc) || !r.opens(old.rsa) {
		t.Error("an old key is gone")
	}
	text := ""
	for _, f := range r.agent.Examine(t.Context(), nil) {
		text += f.Text + "\n"
	}
	if !strings.Contains(text, "未完成的写证") {
		t.Errorf("the doctor does not say what is unfinished:\n%s", text)
	}
	e.Break = nil
	gone.Store(false)
	r.result(j, &ticket.EnrolResult{})
	r.enrolled(e, old)
}

// TestClockWrongByADay: the doctor says by how much, and the refusal says that it is the clock, whichever way it is wrong.
func TestClockWrongByADay(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 24 * time.Hour, "behind": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			now := func() time.Time { return time.Now().Add(off) }
			r.agent.c.Now, r.gate.Tickets.Now = now, now
			p := r.refused(r.portal.Dispatch(ticket.OpList, "", ticket.ListParams{}), ticket.TicketExpired)
			if !strings.Contains(p.Detail, "clock") {
				t.Error(p.Detail)
			}
			text := ""
			for _, f := range r.agent.Examine(t.Context(), nil) {
				if !f.Fine {
					text += f.Text + "\n"
				}
			}
			if !strings.Contains(text, "本机时钟相差") || !strings.Contains(text, "24h0m") && !strings.Contains(text, "23h59m") {
				t.Errorf("the doctor says\n%s", text)
			}
		})
	}
}

// TestTwoUsers: two people on one computer have an agent each: own folder, own port of the list, and neither takes the other's tickets.
func TestTwoUsers(t *testing.T) {
	mine, theirs := newRig(t), newRig(t)
	first, err := listenLoopback([]int{0})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	taken := first.Addr().(*net.TCPAddr).Port
	second, err := listenLoopback([]int{taken, 0})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if second.Addr().(*net.TCPAddr).Port == taken {
		t.Error("one port for two")
	}
	job := mine.portal.Ticket(mine.portal.Dispatch(ticket.OpList, "", ticket.ListParams{}), mine.id)
	if o := theirs.agent.Do(t.Context(), theirs.gate, job, nil); o.Problem == nil || o.Problem.Code != ticket.TicketInvalid {
		t.Errorf("the other's ticket: %+v", o)
	}
	if filepath.Dir(mine.state.dir) == filepath.Dir(theirs.state.dir) {
		t.Error("one folder for two")
	}
	for _, r := range []*rig{mine, theirs} {
		r.result(r.portal.Dispatch(ticket.OpList, "", ticket.ListParams{}), &ticket.ListResult{})
	}
}
