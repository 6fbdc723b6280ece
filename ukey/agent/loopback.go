package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"signet/ukey"
	"signet/ukey/ticket"
)

// pageServer is the transport in which a page on this computer calls the agent: HTTP on 127.0.0.1, fetch only. A page of
// the portal, or of an application the portal vouches for, says hello, gets its portal to sign a grant over the
// agent's answer, opens a session with it and hands in jobs. Nobody else is answered anything at all.
type pageServer struct {
	*Agent
	doors    []*door
	listener net.Listener
	port     string
	alive    context.Context                   // ends when the agent stops; a job outlives the page that handed it in
	peer     func(local, remote net.Addr) bool // is the other end this person's? nil = cannot be told here
	hello    *rate

	mu       sync.Mutex          // guards what follows
	nonces   map[string]issued   // by origin: of the last hello
	sessions map[string]*session // by origin: one each
	revision int                 // of what is plugged in
	changed  chan struct{}       // closed when revision grows
}

// door is a paired portal with the origins it vouches for.
type door struct {
	relay *relay
	mu    sync.Mutex        // guards sites
	sites map[string]string // names by origin
}

// issued is a nonce of the agent's that waits for its grant.
type issued struct {
	nonce string
	until time.Time
}

// session is what a page of one origin may do: hand in tickets of one session of its portal.
type session struct {
	token   [32]byte // SHA-256
	door    *door
	origin  string
	id      string // of the portal's session; every ticket must name it
	lastUse time.Time
}

const (
	sessionIdle  = 10 * time.Minute
	eventsFor    = 25 * time.Second
	originsEvery = time.Hour
	hellosPerMin = 60
)

// runLoopback serves pages until the context ends. That no port is free is logged; the relay goes on without.
func (a *Agent) runLoopback(ctx context.Context, relays []*relay) {
	listener, err := listenLoopback(a.c.Loopback)
	if err != nil {
		a.c.Log.Warn("no loopback port is free; pages use the relay", "error", err)
		return
	}
	l, err := a.newLoopback(relays, listener)
	if err != nil {
		listener.Close()
		a.c.Log.Error("no loopback transport", "error", err)
		return
	}
	l.serve(ctx)
}

func (a *Agent) newLoopback(relays []*relay, listener net.Listener) (*pageServer, error) {
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	l := &pageServer{Agent: a, listener: listener, port: port, peer: samePerson, hello: &rate{per: time.Minute, most: hellosPerMin, now: a.c.Now},
		nonces: map[string]issued{}, sessions: map[string]*session{}, changed: make(chan struct{})}
	for _, r := range relays {
		d := &door{relay: r, sites: map[string]string{}}
		if err := d.load(a.c.State); err != nil && !errors.Is(err, ticket.ErrExpired) {
			return nil, fmt.Errorf("reading the origins of %s: %w", r.portal.origin, err)
		}
		l.doors = append(l.doors, d)
	}
	return l, nil
}

// listenLoopback takes the first free port, on 127.0.0.1 and nowhere else.
func listenLoopback(ports []int) (net.Listener, error) {
	var all error
	for _, port := range ports {
		listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return listener, nil
		}
		all = errors.Join(all, err)
	}
	return nil, all
}

func (l *pageServer) serve(ctx context.Context) {
	l.alive = ctx
	server := &http.Server{Handler: l, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog: slog.NewLogLogger(l.c.Log.Handler(), slog.LevelDebug)}
	stop := context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellFor)
		defer cancel()
		server.Shutdown(last)
	})
	defer stop()
	var all sync.WaitGroup
	for _, d := range l.doors {
		all.Go(func() { d.keepOrigins(ctx, l.Agent) })
	}
	for _, driver := range l.c.Drivers {
		all.Go(func() { l.watch(ctx, driver) })
	}
	l.c.Log.Info("pages on this computer are answered", "address", l.listener.Addr().String())
	if err := server.Serve(l.listener); !errors.Is(err, http.ErrServerClosed) {
		l.c.Log.Error("loopback ended", "error", err)
	}
	all.Wait()
}

// watch counts what comes and goes.
func (l *pageServer) watch(ctx context.Context, driver ukey.Driver) {
	for range ukey.Watch(ctx, driver, 0) {
		l.mu.Lock()
		l.revision++
		close(l.changed)
		l.changed = make(chan struct{})
		l.mu.Unlock()
	}
}

// doorOf finds the portal that knows an origin, and the name it goes by.
func (l *pageServer) doorOf(origin string) (*door, bool) {
	for _, d := range l.doors {
		if d.knows(origin) {
			return d, true
		}
	}
	return nil, false
}

func (d *door) knows(origin string) bool {
	if origin == d.relay.portal.origin {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.sites[origin]
	return ok
}

func (d *door) name(origin string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sites[origin]
}

// keepOrigins asks the portal for its applications now and every hour.
func (d *door) keepOrigins(ctx context.Context, a *Agent) {
	for ctx.Err() == nil {
		span := originsEvery
		if err := d.fetchOrigins(ctx, a.c.State); err != nil && ctx.Err() == nil {
			a.c.Log.Warn("the portal's applications are not known anew", "portal", d.relay.portal.origin, "error", err)
			span = time.Minute
		}
		pause(ctx, span)
	}
}

func (d *door) fetchOrigins(ctx context.Context, s *State) error {
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	var answer struct {
		Origins string `json:"origins"`
	}
	if _, err := d.relay.portal.call(ctx, "GET", "/origins", nil, &answer); err != nil {
		return err
	}
	if err := d.take(answer.Origins); err != nil {
		return err
	}
	return s.saveOrigins(d.relay.portal.origin, answer.Origins)
}

// take believes a list that the portal signed for this agent.
func (d *door) take(jws string) error {
	list, err := d.relay.gate.Tickets.Origins(jws)
	if err != nil {
		return err
	}
	sites := make(map[string]string, len(list.Sites))
	for _, s := range list.Sites {
		sites[s.Origin] = s.Name
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sites = sites
	return nil
}

// load takes the list of an earlier run, unless it is too old.
func (d *door) load(s *State) error {
	jws, err := s.origins(d.relay.portal.origin)
	if err != nil || jws == "" {
		return err
	}
	if err := d.take(jws); err != nil && !errors.Is(err, ticket.ErrInvalid) {
		return err
	}
	return nil
}
