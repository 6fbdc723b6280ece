package relay

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ukey/ticket"
)

// answer is what an agent says to a nonce of a page of that origin.
func (h *helper) answer(at string, nonce []byte) ticket.HelloReply {
	h.t.Helper()
	reply := ticket.HelloReply{AgentID: h.id, Nonce: bytes.Repeat([]byte{9}, 32), Version: "test"}
	if err := reply.Sign(h.key, at, nonce); err != nil {
		h.t.Fatal(err)
	}
	return reply
}

func (h *helper) nonce(by account.Actor) []byte {
	h.t.Helper()
	nonce, err := h.relay.LoopbackNonce(h.ctx, by)
	if err != nil {
		h.t.Fatal(err)
	}
	return nonce
}

// open is the whole handshake of a portal's page.
func (h *helper) open() ticket.Grant {
	h.t.Helper()
	nonce := h.nonce(h.me)
	jws, err := h.relay.OpenLoopback(h.ctx, h.me, nonce, h.answer(origin, nonce))
	if err != nil {
		h.t.Fatal(err)
	}
	g, err := h.verifier().Grant(jws)
	if err != nil {
		h.t.Fatal(err)
	}
	return g
}

func refused(t *testing.T, what string, err error, code problem.Code) {
	t.Helper()
	if problem.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestLoopbackGrant(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		h := d.pair(d.me)
		g := h.open()
		if g.Origin != origin || g.Session != d.me.SessionID || g.Nonce != ticket.NonceText(bytes.Repeat([]byte{9}, 32)) {
			t.Errorf("%+v", g)
		}
		nonce := h.nonce(d.me)
		reply := h.answer(origin, nonce)
		if _, err := d.relay.OpenLoopback(d.ctx, d.me, nonce, reply); err != nil {
			t.Fatal(err)
		}
		_, err := d.relay.OpenLoopback(d.ctx, d.me, nonce, reply)
		refused(t, "a nonce used twice", err, problem.CodeTicketInvalid)
		_, err = d.relay.OpenLoopback(d.ctx, d.other, h.nonce(d.me), reply)
		refused(t, "another session's nonce", err, problem.CodeTicketInvalid)
		nonce = bytes.Repeat([]byte{1}, 32)
		_, err = d.relay.OpenLoopback(d.ctx, d.me, nonce, h.answer(origin, nonce))
		refused(t, "a nonce of the page's own", err, problem.CodeTicketInvalid)
		nonce = h.nonce(d.other)
		_, err = d.relay.OpenLoopback(d.ctx, d.other, nonce, h.answer(origin, nonce))
		refused(t, "another account's agent", err, problem.CodeNotFound)
		nonce = h.nonce(d.me)
		_, err = d.relay.OpenLoopback(d.ctx, d.me, nonce, h.answer("https://elsewhere.example", nonce))
		refused(t, "said to another page", err, problem.CodeTicketInvalid)
		nonce = h.nonce(d.me)
		squatter := &helper{d, h.id, d.pair(d.other).key}
		_, err = d.relay.OpenLoopback(d.ctx, d.me, nonce, squatter.answer(origin, nonce))
		refused(t, "another program on the port", err, problem.CodeTicketInvalid)
		nonce = h.nonce(d.me)
		d.clock.add(61 * time.Second)
		_, err = d.relay.OpenLoopback(d.ctx, d.me, nonce, h.answer(origin, nonce))
		refused(t, "too late", err, problem.CodeTicketInvalid)
		for range openNonces {
			h.nonce(d.me)
		}
		_, err = d.relay.LoopbackNonce(d.ctx, d.me)
		refused(t, "too many", err, problem.CodeRateLimited)
	})
}

// A job of a session with a grant is the page's for three seconds, then the relay's.
func TestLoopbackTakesItsJob(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		h := d.pair(d.me)
		if job := h.next(); job != nil { // shows that it is online
			t.Fatal(job)
		}
		g := h.open()
		v := h.list()
		if job := h.next(); job != nil {
			t.Fatal("the relay was faster than a page can be")
		}
		stranger := d.me
		stranger.SessionID = "ses_other"
		_, err := d.relay.TakeHere(d.ctx, stranger, v.ID)
		refused(t, "another session's page", err, problem.CodeJobState)
		_, err = d.relay.TakeHere(d.ctx, d.other, v.ID)
		refused(t, "another account", err, problem.CodeNotFound)
		job, err := d.relay.TakeHere(d.ctx, d.me, v.ID)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := h.verifier().Verify(job.Ticket, job.Params)
		if err != nil || claims.Session != g.Session {
			t.Fatalf("%+v %v", claims, err)
		}
		d.clock.add(5 * time.Minute) // the dialogue is open; the agent's relay goes on polling
		if err := d.relay.Sweep(d.ctx); err != nil {
			t.Fatal(err)
		}
		if again := h.next(); again != nil {
			t.Fatal("a job that the page has was handed out again")
		}
		o := ticket.Outcome{Ticket: claims.ID, Result: json.RawMessage(`{"keys":[]}`)}
		if err := o.Sign(h.key); err != nil {
			t.Fatal(err)
		}
		if err := d.relay.Result(d.ctx, h.id, v.ID, o); err != nil {
			t.Fatal(err)
		}
		h.seen()
		late := h.list()
		d.clock.add(holdFor + time.Second)
		if job := h.next(); job == nil || job.ID != late.ID {
			t.Errorf("the page went away, and the job with it: %v", job)
		}
		_, err = d.relay.TakeHere(d.ctx, d.me, late.ID)
		refused(t, "the relay has it", err, problem.CodeJobState)
		h.open()
		h.seen()
		lost, err := d.relay.Dispatch(d.ctx, d.me, Job{Op: ticket.OpList, Params: ticket.ListParams{}, Subject: "lost"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.relay.TakeHere(d.ctx, d.me, lost.ID); err != nil {
			t.Fatal(err)
		}
		_, err = d.relay.TakeHere(d.ctx, d.me, lost.ID)
		refused(t, "the page lost its agent", err, problem.CodeJobState)
		d.clock.add(holdFor + time.Second)
		if job := h.next(); job == nil {
			t.Error("a job whose agent was killed goes nowhere")
		}
	})
}

// seen lets the agent be online.
func (h *helper) seen() {
	h.t.Helper()
	err := h.db.Tx(h.ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&agentRow{}).Where("id = ?", h.id).Update("seen_at", store.Millis(h.clock.Now())).Error
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *helper) list() JobView {
	h.t.Helper()
	v, err := h.relay.Dispatch(h.ctx, h.me, Job{Op: ticket.OpList, Params: ticket.ListParams{}})
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

const bids = "https://bids.example"

// file makes an application with an origin.
func (d *desk) file(at string) account.ConnectedRA {
	d.t.Helper()
	app := account.ConnectedRA{Application: true}
	err := d.db.Tx(d.ctx, func(tx *store.Tx) (err error) {
		app.KeyID, err = account.AddAPIKey(tx, account.NewApplicationKey(), account.APIKeyRequest{
			Name: "某招投标平台", Application: true, ExpiresAt: d.clock.Now().Add(time.Hour), By: "test"})
		if err != nil {
			return err
		}
		return FileSite(tx, Site{Origin: at, Name: "某招投标平台", KeyID: app.KeyID}, "test")
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return app
}

func TestLoopbackOrigins(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		h := d.pair(d.me)
		app := d.file(bids)
		sites := func() []ticket.Site {
			jws, err := d.relay.Origins(d.ctx, h.id)
			if err != nil {
				t.Fatal(err)
			}
			list, err := h.verifier().Origins(jws)
			if err != nil {
				t.Fatal(err)
			}
			return list.Sites
		}
		if got := sites(); len(got) != 1 || got[0] != (ticket.Site{Origin: bids, Name: "某招投标平台"}) {
			t.Errorf("%+v", got)
		}
		if err := d.db.Tx(d.ctx, func(tx *store.Tx) error { return EndSites(tx, app.KeyID, "test") }); err != nil {
			t.Fatal(err)
		}
		if got := sites(); len(got) != 0 {
			t.Errorf("struck off, yet listed: %+v", got)
		}
		d.file(bids) // may come back
		err := d.db.Tx(d.ctx, func(tx *store.Tx) error { return FileSite(tx, Site{Origin: bids, Name: "x", KeyID: "rak_x"}, "test") })
		refused(t, "filed twice", err, problem.CodeConflict)
	})
}

func TestCheckOrigin(t *testing.T) {
	for _, good := range []string{"https://a.example", "https://a.example:8443", "http://127.0.0.1:3000", "http://localhost:3000"} {
		if err := CheckOrigin(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "null", "*", "https://", "https://A.example", "https://a.example/", "https://a.example:443", "http://a.example", "http://127.0.0.1:80",
		"https://u@a.example", "https://a.example?x", "ftp://a.example", "https://例.example", "https://" + strings.Repeat("a", 200)} {
		refused(t, bad, CheckOrigin(bad), problem.CodeInvalidField)
	}
}

func TestPlatformTickets(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		h := d.pair(d.me)
		app, rival := d.file(bids), d.file("https://rival.example")
		nonce := bytes.Repeat([]byte{3}, 32)
		reply := h.answer(bids, nonce)
		_, _, err := d.relay.PlatformGrant(d.ctx, rival, bids, nonce, reply)
		refused(t, "an origin of another application", err, problem.CodeForbidden)
		_, _, err = d.relay.PlatformGrant(d.ctx, account.ConnectedRA{KeyID: app.KeyID}, bids, nonce, reply)
		refused(t, "a registration authority's key", err, problem.CodeForbidden)
		_, _, err = d.relay.PlatformGrant(d.ctx, app, bids, bytes.Repeat([]byte{4}, 32), reply)
		refused(t, "an answer to another nonce", err, problem.CodeTicketInvalid)
		jws, session, err := d.relay.PlatformGrant(d.ctx, app, bids, nonce, reply)
		if err != nil {
			t.Fatal(err)
		}
		if g, err := h.verifier().Grant(jws); err != nil || g.Origin != bids || g.Session != session {
			t.Fatalf("%+v %v", g, err)
		}
		h.platformOperations(app, session)
		_, err = d.relay.PlatformTicket(d.ctx, rival, PlatformRequest{AgentID: h.id, Session: session, Params: ticket.ListParams{}})
		refused(t, "another application's grant", err, problem.CodeTicketExpired)
		if err := d.db.Tx(d.ctx, func(tx *store.Tx) error { return EndSites(tx, app.KeyID, "test") }); err != nil {
			t.Fatal(err)
		}
		_, err = d.relay.PlatformTicket(d.ctx, app, PlatformRequest{AgentID: h.id, Session: session, Params: ticket.ListParams{}})
		refused(t, "struck off", err, problem.CodeForbidden)
		d.clock.add(grantOpenFor + time.Second)
		_, err = d.relay.PlatformTicket(d.ctx, app, PlatformRequest{AgentID: h.id, Session: session, Params: ticket.ListParams{}})
		refused(t, "too late", err, problem.CodeTicketExpired)
	})
}

// platformOperations tries what an application may ask for, and what not.
func (h *helper) platformOperations(app account.ConnectedRA, session string) {
	h.t.Helper()
	ask := func(params any) (*ticket.Job, error) {
		return h.relay.PlatformTicket(h.ctx, app, PlatformRequest{AgentID: h.id, Session: session, Params: params})
	}
	hash, nonce := bytes.Repeat([]byte{5}, 32), bytes.Repeat([]byte{6}, 32)
	point := append([]byte{4}, bytes.Repeat([]byte{7}, 64)...)
	files := []ticket.File{{Name: "投标函.pdf", Content: []byte("x")}, {Name: "报价.pdf", Content: []byte("y")}}
	list, err := ask(ticket.SignParams{Files: files, Style: ticket.GMT0010, SPKIHash: hash})
	if err != nil {
		h.t.Fatal(err)
	}
	if claims, err := h.verifier().Verify(list.Ticket, list.Params); err != nil || claims.Op != ticket.OpSign || len(claims.Display) != 0 {
		h.t.Errorf("a list: %+v %v", claims, err)
	}
	for op, params := range map[ticket.Op]any{
		ticket.OpList:    ticket.ListParams{},
		ticket.OpProve:   ticket.ProveParams{Nonce: nonce, SPKIHash: hash, Origin: origin}, // the portal's, which must not survive
		ticket.OpSign:    ticket.SignParams{Name: "投标函 <1>.pdf", Content: []byte("x"), Style: ticket.GMT0010, SPKIHash: hash},
		ticket.OpDecrypt: ticket.DecryptParams{Name: "a", Envelope: []byte("x"), PageKey: point},
	} {
		job, err := ask(params)
		if err != nil {
			h.t.Errorf("%s: %v", op, err)
			continue
		}
		claims, err := h.verifier().Verify(job.Ticket, job.Params)
		if err != nil || claims.Op != op || claims.Session != session || claims.Actor != app.KeyID {
			h.t.Errorf("%s: %+v %v", op, claims, err)
		}
		if bytes.Contains(job.Params, []byte(origin)) {
			h.t.Errorf("%s: for the portal's own origin: %s", op, job.Params)
		}
	}
	for what, params := range map[string]any{
		"unlocking":          ticket.OfficerParams{},
		"nothing":            nil,
		"a short nonce":      ticket.ProveParams{Nonce: nonce[:8], SPKIHash: hash},
		"no key":             ticket.ProveParams{Nonce: nonce},
		"a portal's message": ticket.SignParams{Name: "a", Content: []byte("signet-prove\x00"), Style: ticket.Raw, SPKIHash: hash},
		"no name":            ticket.SignParams{Content: []byte("x"), Style: ticket.Raw, SPKIHash: hash},
		"two lines":          ticket.SignParams{Name: "a\nb", Content: []byte("x"), Style: ticket.Raw, SPKIHash: hash},
		"nothing to sign":    ticket.SignParams{Name: "a", Style: ticket.Raw, SPKIHash: hash},
		"too much":           ticket.SignParams{Name: "a", Content: make([]byte, ticket.MaxContent+1), Style: ticket.Raw, SPKIHash: hash},
		"a file beside them": ticket.SignParams{Name: "a", Content: []byte("x"), Files: files, Style: ticket.GMT0010, SPKIHash: hash},
		"too many":           ticket.SignParams{Files: make([]ticket.File, ticket.MaxFiles+1), Style: ticket.GMT0010, SPKIHash: hash},
		"one without a name": ticket.SignParams{Files: append(files[:1:1], ticket.File{Content: []byte("x")}), Style: ticket.GMT0010, SPKIHash: hash},
		"one of the portal":  ticket.SignParams{Files: append(files[:1:1], ticket.File{Name: "a", Content: []byte("signet-prove\x00")}), Style: ticket.Raw, SPKIHash: hash},
		"no page":            ticket.DecryptParams{Name: "a", Envelope: []byte("x"), PageKey: point[1:]},
	} {
		if job, err := ask(params); err == nil {
			h.t.Errorf("%s: %s", what, job.Params)
		}
	}
}
