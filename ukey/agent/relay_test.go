package agent

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"signet/ukey/agent/agenttest"
	"signet/ukey/ticket"
)

// serve runs the agent over HTTP until the test ends or stop is called.
func (r *rig) serve() (stop func()) {
	r.t.Helper()
	pairings, err := r.state.Pairings()
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.agent.Run(ctx, pairings); err != nil {
			r.t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	r.t.Cleanup(stop)
	return stop
}

func TestRelay(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	r.serve()
	if o := r.portal.Wait(r.portal.Dispatch(ticket.OpList, "", ticket.ListParams{}), 10*time.Second); o.Problem != nil {
		t.Fatal(o.Problem)
	}
	e := r.portal.NewEnrolment(old.signHash, old.enc, old.rsa)
	if o := r.portal.Wait(r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params), 10*time.Second); o.Problem != nil {
		t.Fatal(o.Problem)
	}
	r.enrolled(e, old)
}

// TestRelaySurvivesPortalRestart: polls, steps and results that meet a restarting portal are tried again.
func TestRelaySurvivesPortalRestart(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	e := r.portal.NewEnrolment(old.signHash, old.enc, old.rsa)
	broken := 0
	e.Break = func(*ticket.CSRReply) { // from the first step on: this step's answer, the proof, the result
		if broken++; broken == 1 {
			go r.portal.Hurt(2)
		}
	}
	r.portal.Hurt(2)
	r.serve()
	if o := r.portal.Wait(r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params), 30*time.Second); o.Problem != nil {
		t.Fatal(o.Problem)
	}
	r.enrolled(e, old)
	if n := len(r.person.prompts()); n != 1 {
		t.Errorf("the person was asked %d times", n)
	}
}

// TestRelayStops: a stop in the middle of a dialogue ends it and tells the portal, and the next agent goes on.
func TestRelayStops(t *testing.T) {
	r := newRig(t)
	r.seed()
	r.person.answers = []string{"wait"}
	stop := r.serve()
	j := r.portal.Dispatch(ticket.OpProve, testSerial, ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)})
	for len(r.person.prompts()) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	stop() // returns, though the dialogue never answers
	if o := r.portal.Wait(j, time.Second); o.Problem == nil || o.Problem.Code != ticket.AgentStopped {
		t.Errorf("%+v", o)
	}
	r.session().Close()
}

// TestRelayForeignAgent: a portal that does not know the agent gets nothing out of it, and it keeps quiet.
func TestRelayForeignAgent(t *testing.T) {
	r := newRig(t)
	pairings, _ := r.state.Pairings()
	pairings[0].AgentID = "agt_99"
	ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
	defer cancel()
	if err := r.agent.Run(ctx, pairings); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(r.log.String(), "refuses this agent"); n < 1 || n > 3 {
		t.Errorf("asked %d times in a second", n)
	}
}

func TestPair(t *testing.T) {
	r := newRig(t)
	r.person.answers = []string{"pin " + strings.ToLower(agenttest.Code), "ok"}
	p, err := r.agent.Pair(t.Context(), r.portal.URL+"/", "")
	if err != nil {
		t.Fatal(err)
	}
	shown := r.person.prompts()[1].Text
	for _, want := range []string{r.portal.URL, "13800000000", "擎洲测试投标人6", "别人给您的配对码不要用"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q not shown in\n%s", want, shown)
		}
	}
	all, err := r.state.Pairings()
	if err != nil || len(all) != 1 || all[0].AgentID != p.AgentID || all[0].AgentID == r.id {
		t.Errorf("one pairing per portal: %+v, %v", all, err)
	}
	info, err := os.Stat(filepath.Join(r.home, "state", pairingFile(r.portal.URL)))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	r.openGate()
	r.id = p.AgentID
	r.result(r.portal.Dispatch(ticket.OpList, "", ticket.ListParams{}), &ticket.ListResult{})
}

// TestPairRefused is attack 7: a code from somebody else binds nothing once the person sees whose it is.
func TestPairRefused(t *testing.T) {
	r := newRig(t)
	before, _ := r.state.Pairings()
	r.person.answers = []string{"cancel"}
	if _, err := r.agent.Pair(t.Context(), r.portal.URL, agenttest.Code); !errors.Is(err, ErrCancelled) {
		t.Errorf("refused: %v", err)
	}
	var refused *PortalError
	if _, err := r.agent.Pair(t.Context(), r.portal.URL, "WRONG-CODE"); !errors.As(err, &refused) || refused.Code != "pairing_code_wrong" {
		t.Errorf("wrong code: %v", err)
	}
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"portal":"https://bank.example","account":"x","organisation":"y"}`))
	}))
	defer liar.Close()
	if _, err := r.agent.Pair(t.Context(), liar.URL, agenttest.Code); err == nil {
		t.Error("a portal under another name was paired")
	}
	after, _ := r.state.Pairings()
	if len(after) != 1 || after[0].AgentID != before[0].AgentID {
		t.Errorf("something was bound: %+v", after)
	}
}

func TestParseOrigin(t *testing.T) {
	for in, want := range map[string]string{
		"https://Portal.Example/": "https://portal.example", "http://127.0.0.1:8443": "http://127.0.0.1:8443",
		"http://localhost:1": "http://localhost:1", "http://[::1]:1": "http://[::1]:1",
		"http://portal.example": "", "https://u:p@portal.example": "", "https://portal.example/x": "",
		"https://portal.example?x": "", "portal.example": "", "file:///etc": "", "http://127.0.0.1.evil.example": "",
	} {
		if got, err := ParseOrigin(in); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
}

// TestAnswersOfOthers: a captive portal, a proxy or a redirect is not taken for the portal.
func TestAnswersOfOthers(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"html": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>login to the hotel</html>")) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		},
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for range maxAnswer/4096 + 2 {
				w.Write(make([]byte, 4096))
			}
		},
		"odd code": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(418)
			w.Write([]byte(`{"code":"<script>"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(h)
			defer s.Close()
			r := newRig(t)
			p := &portal{origin: s.URL, http: r.agent.c.HTTP}
			var into ticket.Job
			_, err := p.call(t.Context(), "GET", "/jobs/next", nil, &into)
			var refused *PortalError
			if !errors.As(err, &refused) || strings.Contains(err.Error(), "script") || into.ID != "" {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	last := time.Duration(0)
	for i := range 10 {
		span := b.next()
		if span < backoffMin/2 || span > backoffMax || i == 9 && span < backoffMax/2 {
			t.Errorf("wait %d is %s", i, span)
		}
		last = span
	}
	b.reset()
	if b.next() >= last {
		t.Error("no new start after success")
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if pause(ctx, time.Minute) {
			t.Error("waited past the end of the context")
		}
	})
}

func TestStateAlone(t *testing.T) {
	r := newRig(t)
	other, err := OpenState(filepath.Join(r.home, "state"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Lock(); !errors.Is(err, ErrRunning) {
		t.Errorf("second agent: %v", err)
	}
	if info, err := os.Stat(filepath.Join(r.home, "state")); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
	r.state.Unlock()
	if err := other.Lock(); err != nil {
		t.Errorf("after the first ended: %v", err)
	}
	other.Unlock()
}

func TestJournalTorn(t *testing.T) {
	r := newRig(t)
	path := filepath.Join(r.home, "state", journalLog)
	if err := r.state.note(Entry{Enrolment: "e1", Stage: StageBegun}); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"enrolment":"e2","sta`) // the power went here
	f.Close()
	if err := r.state.note(Entry{Enrolment: "e3", Stage: StageBegun}); err != nil {
		t.Fatal(err)
	}
	if err := r.state.note(Entry{Enrolment: "e1", Stage: StageDone}); err != nil {
		t.Fatal(err)
	}
	open, err := r.state.Unfinished()
	if err != nil || len(open) != 1 || open[0].Enrolment != "e3" {
		t.Errorf("%+v, %v", open, err)
	}
	long := strings.Repeat(`{"enrolment":"e1","stage":"done"}`+"\n", journalKeep/30)
	if err := os.WriteFile(path, []byte(long+`{"enrolment":"e4","stage":"issued"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.restart()
	info, err := os.Stat(path)
	if open, _ := r.state.Unfinished(); err != nil || info.Size() > 1000 || len(open) != 1 || open[0].Enrolment != "e4" {
		t.Errorf("%d bytes, %+v, %v", info.Size(), open, err)
	}
}

func TestExamine(t *testing.T) {
	r := newRig(t)
	r.seed()
	report := func() (text string, bad int) {
		for _, f := range r.agent.Examine(t.Context(), nil) {
			text += f.Text + "\n"
			if !f.Fine {
				bad++
			}
		}
		return text, bad
	}
	text, bad := report()
	for _, want := range []string{"已配对", r.portal.URL, "网站可连接", "时钟", testSerial, "3 个密钥", "softkey: 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if bad != 0 {
		t.Errorf("%d findings in\n%s", bad, text)
	}
	if err := r.state.note(Entry{Enrolment: "e", Serial: testSerial, Stage: StageIssued}); err != nil {
		t.Fatal(err)
	}
	r.agent.c.Now = func() time.Time { return time.Now().Add(10 * time.Minute) }
	if text, bad := report(); bad != 2 || !strings.Contains(text, "10m") || !strings.Contains(text, "未完成的写证") {
		t.Errorf("%d findings in\n%s", bad, text)
	}
}
