package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"signet/api/store"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/cmd/signet/wiring"
)

// kmcConfig is the key management centre (密钥管理中心): the one inside the server, one elsewhere that the server uses (url), or this
// process itself where the file is for `signet kmc` (listen).
type kmcConfig struct {
	// Founders are the certificates of the first two officers, PEM files. Nothing is recovered without them.
	Founders []string `yaml:"founders"`
	// JudicialOf is how many forensic officers must approve a judicial recovery. Default 2
	JudicialOf int `yaml:"judicialOf"`
	// PerDay bounds how many keys are recovered a day. Default 5
	PerDay int `yaml:"perDay"`
	// Spare is how many keys are made ahead. Default 64
	Spare int `yaml:"spare"`
	// Staff names people who work for the CA and must not become officers, beside the staff accounts of this database.
	Staff []string `yaml:"staff"`
	// Custody: split seals escrowed keys under a master key in the custody of officers too (signetctl kmc split). Default: the keystore's key alone
	Custody string `yaml:"custody"`
	// Socket is where officers on this computer hand in their shares, a unix socket in a folder of mode 0700. Required with custody: split
	Socket string `yaml:"socket"`

	// URL is the listener of a centre elsewhere, such as http://kmc.example:8450/. With it the keys above are the other's affair.
	URL string `yaml:"url"`
	// Centre is the certificate of that centre's message key, a PEM file. Required with url
	Centre string `yaml:"centre"`
	// Certificate and Key, a PEM file and a label in the keystore, sign this side's messages: of the CA with url, of the centre with listen.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`

	// Listen is where `signet kmc` takes requests for keys (GM/T 0014), such as 0.0.0.0:8450. Messages are signed and keys enveloped; who is
	// asked about can be seen on the way, so use a private network, or a proxy with TLS.
	Listen string `yaml:"listen"`
	// Partners are the CAs that may ask.
	Partners []partnerConfig `yaml:"partners"`
}

// partnerConfig is one CA.
type partnerConfig struct {
	ID          string `yaml:"id"`          // 1 to 40 characters, begins its holders' names, never changed. Required
	Certificate string `yaml:"certificate"` // PEM file, of the CA's message key. Required
}

// check finds what can be seen to be wrong for the server.
func (k *kmcConfig) check() error {
	switch {
	case k.Custody != "" && k.Custody != "split":
		return fmt.Errorf("kmc.custody is %q, not split", k.Custody)
	case k.Custody == "split" && k.Socket == "":
		return errors.New("kmc.socket is missing: officers hand in their shares there")
	case k.JudicialOf == 1 || k.JudicialOf < 0 || k.PerDay < 0 || k.Spare < 0:
		return errors.New("kmc.judicialOf is at least 2, perDay and spare are not negative")
	case k.URL != "" && (k.Centre == "" || k.Certificate == "" || k.Key == ""):
		return errors.New("kmc.url goes with centre, certificate and key")
	case k.URL != "" && (len(k.Founders) > 0 || k.Custody != "" || k.Listen != ""):
		return errors.New("kmc.url names another centre: founders, custody and listen belong into its configuration")
	}
	return nil
}

// checkServed is check for `signet serve`.
func (k *kmcConfig) checkServed() error {
	if k.Listen != "" || len(k.Partners) > 0 {
		return errors.New("kmc.listen and kmc.partners are for signet kmc, a process of its own")
	}
	return k.check()
}

// openEscrow reads what the file says of the key management centre.
func (c *config) openEscrow(w *wiring.Config) (err error) {
	if w.Escrow, err = c.escrow(); err != nil || c.KMC.URL == "" {
		return err
	}
	remote := wiring.Remote{URL: c.KMC.URL, Key: c.KMC.Key}
	for _, file := range []struct {
		name string
		into **pki.Certificate
	}{{c.KMC.Centre, &remote.Centre}, {c.KMC.Certificate, &remote.Certificate}} {
		certs, err := c.readCertificates(file.name)
		if err != nil {
			return err
		}
		*file.into = certs[0]
	}
	w.Escrow.Remote = &remote
	return nil
}

func (c *config) escrow() (wiring.Escrow, error) {
	k := &c.KMC
	e := wiring.Escrow{JudicialOf: k.JudicialOf, PerDay: k.PerDay, Spare: k.Spare, Staff: k.Staff, Split: k.Custody == "split", Socket: c.path(k.Socket)}
	for _, file := range k.Founders {
		certs, err := c.readCertificates(file)
		if err != nil {
			return e, err
		}
		e.Founders = append(e.Founders, pki.SPKIHash(certs[0].SPKI))
	}
	return e, nil
}

// kmc runs a key management centre of its own.
func (p program) kmc(ctx context.Context, args []string) error {
	c, err := p.readFlaggedFor("kmc", args, (*config).checkCentre)
	if err != nil {
		return err
	}
	log := c.logger(p.err)
	slog.SetDefault(log)
	centre, err := c.openCentre(ctx, log)
	if err != nil {
		return err
	}
	defer centre.Close()
	at, err := net.Listen("tcp", c.KMC.Listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	return runCentre(ctx, centre, at, log)
}

// runCentre answers and does the jobs until ctx ends.
func runCentre(ctx context.Context, centre *wiring.CentreSystem, at net.Listener, log *slog.Logger) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	server := newServer(centre.Handler, log)
	go func() {
		log.Info("listening", slog.String("for", "GM/T 0014"), slog.String("address", at.Addr().String()))
		if err := server.Serve(at); !errors.Is(err, http.ErrServerClosed) {
			stop(fmt.Errorf("serving: %w", err))
		}
	}()
	err := centre.Run(ctx)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	log.Info("stopping")
	return errors.Join(err, drain([]*http.Server{server}))
}

// checkCentre finds what can be seen to be wrong for `signet kmc`. What makes a CA must not be there: the two share no key and no database.
func (c *config) checkCentre() error {
	k := &c.KMC
	switch {
	case len(c.Authorities) > 0 || c.RenewBy != "" || c.Listen != "" || len(c.Origins) > 0:
		return errors.New("authorities, renewBy, listen and origins make a CA; a key management centre of its own has a configuration, a database and keys of its own")
	case k.URL != "":
		return errors.New("kmc.url is for signet serve")
	case k.Listen == "" || k.Certificate == "" || k.Key == "":
		return errors.New("kmc.listen, kmc.certificate or kmc.key is missing")
	case len(k.Partners) == 0:
		return errors.New("kmc.partners is missing")
	}
	for i, p := range k.Partners {
		if p.ID == "" || p.Certificate == "" {
			return fmt.Errorf("kmc.partners[%d] needs id and certificate", i)
		}
	}
	if err := c.checkDatabase(); err != nil {
		return err
	}
	if err := c.Keys.Check(); err != nil {
		return err
	}
	if _, err := c.level(); err != nil {
		return err
	}
	return k.check()
}

func (c *config) openCentre(ctx context.Context, log *slog.Logger) (*wiring.CentreSystem, error) {
	w := wiring.Config{Log: log}
	for _, step := range []func(*wiring.Config) error{c.openDatabase, c.openKeys, c.openAuditKey} {
		if err := step(&w); err != nil {
			return nil, err
		}
	}
	made := wiring.CentreConfig{Database: w.Database, Keys: w.Keys, EscrowKey: c.Keys.Escrow, Key: c.KMC.Key, Log: log}
	var err error
	if made.Escrow, err = c.escrow(); err != nil {
		return nil, err
	}
	own, err := c.readCertificates(c.KMC.Certificate)
	if err != nil {
		return nil, err
	}
	made.Certificate = own[0]
	for _, p := range c.KMC.Partners {
		certs, err := c.readCertificates(p.Certificate)
		if err != nil {
			return nil, err
		}
		made.Partners = append(made.Partners, kmc.Partner{ID: p.ID, Certificate: certs[0]})
	}
	ctx, cancel := context.WithTimeout(ctx, startFor)
	defer cancel()
	return wiring.OpenCentre(ctx, made)
}

// openAuditKey reads the one secret that a centre of its own has beside its keys.
func (c *config) openAuditKey(w *wiring.Config) error {
	if c.Secrets.AuditKeyFile == "" {
		return nil
	}
	key, err := readKey(c.path(c.Secrets.AuditKeyFile))
	w.Database.AuditKey = store.AuditKey(key)
	return err
}
