package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"signet/api/demo"
	"signet/api/ra"
	"signet/api/rest"
	"signet/cmd/signet/wiring"
	"signet/web"
)

// devOptions are the flags of `signet dev`.
type devOptions struct {
	listen, operations, data, mysql, ukeyd string
	scale                                  int
	once, show, verbose, staffKeys         bool
}

func (p program) devFlags(args []string) (devOptions, error) {
	var o devOptions
	f := flag.NewFlagSet("dev", flag.ContinueOnError)
	f.StringVar(&o.listen, "listen", "127.0.0.1:8443", "`ADDR` where the portal answers, by plain HTTP; port 0 takes a free one")
	f.StringVar(&o.operations, "operations", "", "`ADDR` of /healthz, /readyz and /metrics (default: none)")
	f.StringVar(&o.data, "data", ".signet-dev", "`DIR` of all data; made if it is not there or empty")
	f.StringVar(&o.mysql, "mysql", "", "`DSN` of a MySQL or MariaDB database, instead of SQLite in the data folder")
	f.BoolVar(&o.staffKeys, "staff-keys", false, "staff sign what they decide with USB keys, as in production; software keys for them are made, to be bound in the back office")
	f.IntVar(&o.scale, "scale", 0, "also seed a made-up past of `N` certificates, a quarter as many organisations, applications, orders and USB keys; they are rows to list and search: their signatures do not verify")
	f.BoolVar(&o.once, "once", false, "drive one whole renewal, print each step, then stop")
	f.StringVar(&o.ukeyd, "ukeyd", "", "`PATH` of the ukeyd program, for -once")
	f.BoolVar(&o.show, "show", false, "print addresses, logins and keys of a running or earlier `signet dev` on this folder, then stop")
	f.BoolVar(&o.verbose, "v", false, "log requests also with -once")
	if err := p.parse(f, args); err != nil {
		return o, err
	}
	if o.once && o.ukeyd == "" {
		fmt.Fprintln(p.err, "signet dev: -once needs -ukeyd PATH")
		return o, errUsage
	}
	if o.scale < 0 {
		fmt.Fprintln(p.err, "signet dev: -scale is negative")
		return o, errUsage
	}
	return o, nil
}

// dev runs everything in one process on made-up data.
func (p program) dev(ctx context.Context, args []string) error {
	o, err := p.devFlags(args)
	if err != nil {
		return err
	}
	if o.data, err = filepath.Abs(o.data); err != nil {
		return err
	}
	if o.show {
		return p.show(o)
	}
	log := slog.New(slog.NewTextHandler(p.err, nil))
	if o.once && !o.verbose {
		log = slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	slog.SetDefault(log)
	at, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listening: %w (another signet dev? choose another address with -listen)", err)
	}
	acme, err := listenACME(at)
	if err != nil {
		return errors.Join(err, at.Close())
	}
	a := &devACME{at: acme}
	system, made, err := openDev(ctx, o, at, a, log)
	if err != nil {
		return errors.Join(err, at.Close(), acme.Close())
	}
	defer system.Close()
	return p.runDev(ctx, o, at, a, system, made, log)
}

func (p program) show(o devOptions) error {
	d, err := demo.ReadDevFile(o.data)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no signet dev has been ready on %s", o.data)
	}
	if err != nil {
		return err
	}
	return d.Show(p.out)
}

// openDev makes what is missing in the folder, connects it and fills in the demonstration.
func openDev(ctx context.Context, o devOptions, at net.Listener, a *devACME, log *slog.Logger) (*wiring.System, *demo.Seeded, error) {
	dir, err := openFolder(o.data)
	if err != nil {
		return nil, nil, err
	}
	if err := dir.prepare(ctx, o, origins(at)[0], a, log); err != nil {
		return nil, nil, fmt.Errorf("preparing %s: %w", o.data, err)
	}
	c, err := readConfig(dir.path(configName))
	if err != nil {
		return nil, nil, err
	}
	w, err := c.wiring(log)
	if err != nil {
		return nil, nil, err
	}
	w.Site, w.Origins, w.Captchas = web.Files(), origins(at), &rest.Answers{}
	w.Bank = ra.Bank{Payee: "演示收款单位(虚构)", Account: "6200 0000 0000 0000", Bank: "演示银行 金华支行", Simulated: true}
	if w.Register, err = demo.Register(); err != nil {
		return nil, nil, err
	}
	system, err := wiring.Open(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	made, err := demo.Seed(ctx, demo.Config{Dir: o.data, DB: system.DB, RA: system.RA, Log: log})
	if err == nil {
		made.Officers, err = demo.People{Dir: o.data}.Appoint(ctx, system.Centre.Office, system.DB.Now())
	}
	if err == nil && o.staffKeys {
		made.StaffKeys, err = demo.People{Dir: o.data}.Staff(ctx, system.Authority, w.RenewBy)
	}
	if err == nil && o.scale > 0 {
		crowd := &demo.Crowd{DB: system.DB, Authority: system.Authority, CA: w.RenewBy, RA: system.RA, Accounts: system.Accounts, Log: log, N: o.scale, Now: time.Now().UTC().Truncate(time.Second)}
		err = crowd.Fill(ctx)
	}
	if err == nil {
		a.eab, err = demoACMEKey(ctx, system.DB, w.CodeKey)
	}
	if err != nil {
		return nil, nil, errors.Join(err, system.Close())
	}
	return system, made, nil
}

// origins are the names under which browsers reach a listener on this computer, and where Vite serves the pages while
// they are being worked on.
func origins(at net.Listener) []string {
	host, port, err := net.SplitHostPort(at.Addr().String())
	if err != nil {
		return nil
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	list := []string{"http://" + net.JoinHostPort(host, port)}
	if host == "127.0.0.1" {
		list = append(list, "http://localhost:"+port)
	}
	return append(list, "http://127.0.0.1:5173", "http://localhost:5173")
}

func (p program) runDev(ctx context.Context, o devOptions, at net.Listener, a *devACME, s *wiring.System, made *demo.Seeded, log *slog.Logger) error {
	url := origins(at)[0]
	acme, err := a.listener(ctx, s)
	if err != nil {
		return errors.Join(err, at.Close(), a.at.Close())
	}
	listeners := []listener{{"portal", at, s.REST.Handler()}, acme}
	if o.operations != "" {
		ops, err := net.Listen("tcp", o.operations)
		if err != nil {
			return errors.Join(fmt.Errorf("listening for operations: %w", err), closeAll(listeners))
		}
		listeners = append(listeners, listener{"operations", ops, s.REST.Ops()})
	}
	d := demo.DevFile{
		URL: url, API: url + "/api/v1", OCSP: url + "/ocsp", TSA: url + "/tsa", ACME: a.url() + "/acme/directory", EAB: a.eab, Log: url + "/log/", Roots: rootFiles(), Chain: "chain.pem", Outbox: "/api/v1/dev/outbox",
	}
	d.Fill(made)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	walked := make(chan error, 1)
	ready := func() error {
		if err := demo.WriteDevFile(o.data, d); err != nil {
			return err
		}
		if !o.once {
			return d.Show(p.out)
		}
		go func() {
			walked <- demo.Walk(ctx, demo.WalkConfig{BaseURL: url, DataDir: o.data, UkeydPath: o.ukeyd, Out: p.out})
			stop()
		}()
		return nil
	}
	err = run(ctx, s, listeners, log, ready)
	if !o.once || err != nil {
		return err
	}
	return <-walked
}
