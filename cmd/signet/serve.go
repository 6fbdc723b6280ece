package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"signet/cmd/signet/wiring"
	"signet/web"
)

const (
	drainFor  = 20 * time.Second // how long running requests may go on after a signal
	startFor  = 60 * time.Second
	headerFor = 10 * time.Second
	readFor   = 60 * time.Second
	writeFor  = 90 * time.Second // longer than the longest poll
	idleFor   = 120 * time.Second
)

// serve runs the server of a configuration. It creates nothing.
func (p program) serve(ctx context.Context, args []string) error {
	c, err := p.readFlagged("serve", args)
	if err != nil {
		return err
	}
	log := c.logger(p.err)
	slog.SetDefault(log)
	system, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer system.Close()
	listeners, err := c.listen(system)
	if err != nil {
		return err
	}
	return run(ctx, system, listeners, log, nil)
}

// checkConfig opens all that a configuration names and closes it again.
func (p program) checkConfig(ctx context.Context, args []string) error {
	c, err := p.readFlagged("check-config", args)
	if err != nil {
		return err
	}
	system, err := c.open(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer system.Close()
	if _, err := c.tlsConfig(); err != nil {
		return err
	}
	if err := system.DB.Ping(ctx); err != nil {
		return err
	}
	fmt.Fprintln(p.out, "the configuration is fine")
	return nil
}

func (c *config) open(ctx context.Context, log *slog.Logger) (*wiring.System, error) {
	w, err := c.wiring(log)
	if err != nil {
		return nil, errors.Join(err, w.CloseKeys())
	}
	w.Site = web.Files()
	ctx, cancel := context.WithTimeout(ctx, startFor)
	defer cancel()
	system, err := wiring.Open(ctx, w)
	if err != nil {
		return nil, errors.Join(err, w.CloseKeys())
	}
	return system, nil
}

// listener is one address with what answers there.
type listener struct {
	name    string
	at      net.Listener
	handler http.Handler
}

// listen takes all addresses before any of them answers.
func (c *config) listen(s *wiring.System) (list []listener, err error) {
	secured, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	for _, l := range []struct {
		name, address string
		handler       http.Handler
		tls           *tls.Config
	}{
		{"portal", c.Listen, s.REST.Handler(), secured},
		{"status", c.Status.Listen, s.Public(), nil},
		{"operations", c.Operations, s.REST.Ops(), nil},
	} {
		if l.address == "" {
			continue
		}
		at, err := net.Listen("tcp", l.address)
		if err != nil {
			for _, taken := range list {
				_ = taken.at.Close()
			}
			return nil, fmt.Errorf("listening for %s: %w", l.name, err)
		}
		if l.tls != nil {
			at = tls.NewListener(at, l.tls)
		}
		list = append(list, listener{l.name, at, l.handler})
	}
	return list, nil
}

// run answers requests and does the jobs until ctx ends, then finishes what runs. ready, if given, is called once
// requests are answered.
func run(ctx context.Context, s *wiring.System, listeners []listener, log *slog.Logger, ready func() error) error {
	start, cancel := context.WithTimeout(ctx, startFor)
	err := s.Start(start)
	cancel()
	if err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		if err := s.Run(ctx); err != nil {
			stop(fmt.Errorf("running jobs: %w", err))
		}
	}()
	servers := make([]*http.Server, len(listeners))
	for i, l := range listeners {
		servers[i] = newServer(l.handler, log)
		servers[i].RegisterOnShutdown(s.REST.Drain)
		go func() {
			log.Info("listening", slog.String("for", l.name), slog.String("address", l.at.Addr().String()))
			if err := servers[i].Serve(l.at); !errors.Is(err, http.ErrServerClosed) {
				stop(fmt.Errorf("serving %s: %w", l.name, err))
			}
		}()
	}
	if ready != nil {
		if err := ready(); err != nil {
			stop(err)
		}
	}
	<-ctx.Done()
	log.Info("stopping")
	err = drain(servers)
	<-finished
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerFor, ReadTimeout: readFor, WriteTimeout: writeFor, IdleTimeout: idleFor,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// drain takes no more requests and lets running ones finish.
func drain(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainFor)
	defer cancel()
	var errs []error
	for _, s := range servers {
		if err := s.Shutdown(ctx); err != nil {
			errs = append(errs, err, s.Close())
		}
	}
	return errors.Join(errs...)
}

func closeAll(listeners []listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.at.Close())
	}
	return errors.Join(errs...)
}
