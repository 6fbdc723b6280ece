package agent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"signet/ukey/ticket"
)

// serveHello proves which agent answers, to a nonce of the portal's.
func (l *pageServer) serveHello(w http.ResponseWriter, _ *http.Request, c call) {
	var in ticket.Hello
	if strictJSON(c.body, &in) != nil || len(in.Nonce) < minNonce || len(in.Nonce) > maxNonce {
		refuseCall(w, http.StatusBadRequest, "malformed_body")
		return
	}
	if !l.hello.allow() {
		refuseCall(w, http.StatusTooManyRequests, "too_many_requests")
		return
	}
	gate := c.door.relay.gate
	reply := ticket.HelloReply{AgentID: gate.Tickets.Agent, Nonce: make([]byte, 32), Version: l.c.Version}
	rand.Read(reply.Nonce)
	if err := reply.Sign(gate.Key, c.origin, in.Nonce); err != nil {
		l.c.Log.Error("hello cannot be signed", "error", err)
		refuseCall(w, http.StatusInternalServerError, "internal")
		return
	}
	l.mu.Lock()
	l.nonces[c.origin] = issued{ticket.NonceText(reply.Nonce), l.c.Now().Add(ticket.GrantLife)}
	l.mu.Unlock()
	answerCall(w, http.StatusOK, reply)
}

// sessionOpened answers /v1/session.
//
// Shape: Token is 32 random bytes in base64url, for "Authorization: Bearer".
type sessionOpened struct {
	Token string `json:"token"`
	Idle  int    `json:"idleSeconds"`
}

// serveSession opens the one session of an origin, in place of the one before.
func (l *pageServer) serveSession(w http.ResponseWriter, _ *http.Request, c call) {
	var in struct {
		Grant string `json:"grant"`
	}
	if strictJSON(c.body, &in) != nil {
		refuseCall(w, http.StatusBadRequest, "malformed_body")
		return
	}
	grant, err := c.door.relay.gate.Tickets.Grant(in.Grant)
	if err != nil || grant.Origin != c.origin || !l.useNonce(c.origin, grant.Nonce) {
		l.c.Log.Warn("grant refused", "origin", c.origin, "error", err)
		refuseCall(w, http.StatusForbidden, "grant_invalid")
		return
	}
	var token [32]byte
	rand.Read(token[:])
	text := base64.RawURLEncoding.EncodeToString(token[:])
	l.mu.Lock()
	l.sessions[c.origin] = &session{token: sha256.Sum256([]byte(text)), door: c.door, origin: c.origin, id: grant.Session, lastUse: l.c.Now()}
	l.mu.Unlock()
	l.c.Log.Info("a page is connected", "origin", c.origin)
	answerCall(w, http.StatusOK, sessionOpened{text, int(sessionIdle / time.Second)})
}

// useNonce takes the nonce of the last hello, once and in time.
func (l *pageServer) useNonce(origin, nonce string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was, ok := l.nonces[origin]
	if !ok || subtle.ConstantTimeCompare([]byte(was.nonce), []byte(nonce)) != 1 {
		return false
	}
	delete(l.nonces, origin)
	return l.c.Now().Before(was.until)
}

// sessionOf finds the session of a page by its token.
func (l *pageServer) sessionOf(origin string, authorization []string) *session {
	if len(authorization) != 1 {
		return nil
	}
	token, ok := strings.CutPrefix(authorization[0], "Bearer ")
	if !ok {
		return nil
	}
	sum := sha256.Sum256([]byte(token))
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sessions[origin]
	if s == nil || subtle.ConstantTimeCompare(s.token[:], sum[:]) != 1 {
		return nil
	}
	now := l.c.Now()
	if now.Sub(s.lastUse) > sessionIdle || !s.door.knows(origin) { // an application may have been struck off meanwhile
		delete(l.sessions, origin)
		return nil
	}
	s.lastUse = now
	copied := *s
	return &copied
}

// serveJob runs a job like one from the relay, through the same dispatcher. The portal's own jobs are answered to the portal too;
// an application gets its outcome here only.
func (l *pageServer) serveJob(w http.ResponseWriter, r *http.Request, c call) {
	var job ticket.Job
	if strictJSON(c.body, &job) != nil || job.Ticket == "" {
		refuseCall(w, http.StatusBadRequest, "malformed_body")
		return
	}
	relay := c.door.relay
	gate := relay.gate
	gate.Session = c.in.id
	if c.origin == relay.portal.origin {
		answerCall(w, http.StatusOK, outcomeFor(relay.work(l.alive, gate, job))) // to its end, even if the page goes away
		return
	}
	gate.Site = &ticket.Site{Origin: c.origin, Name: c.door.name(c.origin)}
	ctx, cancel := context.WithCancel(r.Context())
	defer context.AfterFunc(l.alive, cancel)()
	answerCall(w, http.StatusOK, outcomeFor(l.Do(ctx, gate, job, noSteps{})))
}

// pageOutcome is an outcome with the ticket it answers, which a page's server needs to check the signature.
type pageOutcome struct {
	Ticket string `json:"ticket"`
	ticket.Outcome
}

func outcomeFor(o ticket.Outcome) pageOutcome { return pageOutcome{o.Ticket, o} }

// serveEvents answers once something was plugged in or pulled out, or after 25 s.
func (l *pageServer) serveEvents(w http.ResponseWriter, r *http.Request, c call) {
	var in struct {
		Revision int `json:"revision"`
	}
	if strictJSON(c.body, &in) != nil {
		refuseCall(w, http.StatusBadRequest, "malformed_body")
		return
	}
	l.mu.Lock()
	revision, changed := l.revision, l.changed
	l.mu.Unlock()
	if revision == in.Revision {
		wait := time.NewTimer(eventsFor)
		defer wait.Stop()
		select {
		case <-changed:
		case <-wait.C:
		case <-r.Context().Done():
		}
		l.mu.Lock()
		revision = l.revision
		l.mu.Unlock()
	}
	answerCall(w, http.StatusOK, map[string]int{"revision": revision})
}
