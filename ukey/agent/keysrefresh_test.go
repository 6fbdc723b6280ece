package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/ukey/agent/agenttest"
	"signet/ukey/ticket"
)

// learn is what the running agent does every hour.
func (r *rig) learn() (*relay, error) {
	r.t.Helper()
	all, err := r.state.Pairings()
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := r.agent.newRelay(all[0])
	if err != nil {
		r.t.Fatal(err)
	}
	_, err = p.renewKeys(r.t.Context())
	return p, err
}

func (r *rig) kids() string {
	r.t.Helper()
	all, err := r.state.Pairings()
	if err != nil || len(all) != 1 {
		r.t.Fatal(all, err)
	}
	var ids []string
	for _, k := range all[0].TicketKeys {
		ids = append(ids, k.ID)
	}
	return strings.Join(ids, " ")
}

// TestSwitchOfTicketKeys: an agent that learnt the next key takes tickets of both, before and after the switch and after a restart;
// once the old key is dropped, its tickets are refused.
func TestSwitchOfTicketKeys(t *testing.T) {
	r := newRig(t)
	one, two := r.portal.Key(), agenttest.NewTicketKey(t, "test-2")
	r.portal.SignWith(one, one.TicketKey, two.TicketKey)
	list := func() *agenttest.Job { return r.portal.Dispatch(ticket.OpList, "", ticket.ListParams{}) }
	r.portal.SignWith(two, one.TicketKey, two.TicketKey)
	r.refused(list(), ticket.TicketInvalid) // not learnt yet
	r.portal.SignWith(one, one.TicketKey, two.TicketKey)

	p, err := r.learn()
	if err != nil || r.kids() != "test-1 test-2" {
		t.Fatal(r.kids(), err)
	}
	r.gate.Tickets = p.gate.Tickets // the gate of the agent that goes on running
	var result ticket.ListResult
	r.result(list(), &result)
	r.portal.SignWith(two, two.TicketKey, one.TicketKey)
	r.result(list(), &result)
	r.restart()
	r.result(list(), &result)
	r.portal.SignWith(one, one.TicketKey, two.TicketKey) // another instance, not restarted yet
	r.result(list(), &result)

	r.portal.SignWith(two, two.TicketKey)
	if p, err = r.learn(); err != nil || r.kids() != "test-2" {
		t.Fatal(r.kids(), err)
	}
	r.gate.Tickets = p.gate.Tickets
	r.portal.SignWith(one, one.TicketKey)
	r.refused(list(), ticket.TicketInvalid)
	r.restart()
	r.refused(list(), ticket.TicketInvalid)
}

// TestSwitchWhileRunning: the agent learns the next key by itself and takes its tickets without a restart.
func TestSwitchWhileRunning(t *testing.T) {
	r := newRig(t)
	one, two := r.portal.Key(), agenttest.NewTicketKey(t, "test-2")
	r.portal.SignWith(one, one.TicketKey, two.TicketKey)
	r.serve()
	job := func() ticket.Outcome {
		return r.portal.Wait(r.portal.Dispatch(ticket.OpList, "", ticket.ListParams{}), 10*time.Second)
	}
	for tries := 0; r.kids() != "test-1 test-2"; tries++ {
		if o := job(); o.Problem != nil || tries == 1000 {
			t.Fatal(r.kids(), o.Problem)
		}
	}
	job()
	r.portal.SignWith(two, two.TicketKey)
	if o := job(); o.Problem != nil {
		t.Error(o.Problem)
	}
}

// TestMissedSwitch: an agent that was away for all of a switch says what to do, and keeps what it has.
func TestMissedSwitch(t *testing.T) {
	said := make(lines, 100)
	r := newRig(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(said, nil)) })
	report := func() (text string) {
		for _, f := range r.agent.Examine(t.Context(), nil) {
			text += fmt.Sprintf("%v %s\n", f.Fine, f.Text)
		}
		return text
	}
	if text := report(); !strings.Contains(text, "true 票据密钥 ticket keys: 1") {
		t.Error(text)
	}
	two := agenttest.NewTicketKey(t, "test-2")
	r.portal.SignWith(two, two.TicketKey)
	if _, err := r.learn(); !errors.Is(err, ticket.ErrUnknownKey) || r.kids() != "test-1" {
		t.Error(r.kids(), err)
	}
	if text := report(); !strings.Contains(text, "false 网站已更换票据密钥") || !strings.Contains(text, "-pair") {
		t.Error(text)
	}
	r.serve()
	late := time.After(10 * time.Second)
	for heard := false; !heard; {
		select {
		case line := <-said:
			heard = strings.Contains(line, "level=ERROR") && strings.Contains(line, "pair again") && strings.Contains(line, "ticket keys")
		case <-late:
			t.Fatal("the agent does not say that it has to be paired again")
		}
	}
}

// lines are what is logged.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	select {
	case l <- string(b):
	default: // enough was read
	}
	return len(b), nil
}

// TestKeysThatCannotBeKept: what cannot be kept is not believed either.
func TestKeysThatCannotBeKept(t *testing.T) {
	r := newRig(t)
	one, two := r.portal.Key(), agenttest.NewTicketKey(t, "test-2")
	r.portal.SignWith(one, one.TicketKey, two.TicketKey)
	path := filepath.Join(r.home, "state", pairingFile(r.portal.URL)+".new")
	if err := os.Mkdir(path, 0o700); err != nil { // so that the file cannot be written
		t.Fatal(err)
	}
	p, err := r.learn()
	if err == nil || r.kids() != "test-1" || p.gate.Tickets.Keys["test-2"] != nil {
		t.Error(r.kids(), err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := p.renewKeys(t.Context()); err != nil || r.kids() != "test-1 test-2" || p.gate.Tickets.Keys["test-2"] == nil {
		t.Error(r.kids(), err)
	}
}
