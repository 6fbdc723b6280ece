package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"signet/api/account"
	"signet/api/parcel"
	"signet/api/ra"
	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/cmd/signet/keystore"
	"signet/cmd/signet/wiring"
)

// config is the file of `signet serve`. Its comments are the manual.
//
// Paths are relative to the folder of the file. Secrets stand in files of their own (mode 0600), never in this one.
// An unknown key is an error.
type config struct {
	// Listen is where the portal answers, such as 0.0.0.0:8443. Required.
	Listen string `yaml:"listen"`
	// TLS makes the portal answer by HTTPS; leave it out behind a proxy that does.
	TLS struct {
		Certificate string `yaml:"certificate"` // PEM file, with the chain
		Key         string `yaml:"key"`         // PEM file
	} `yaml:"tls"`
	// Origins are the addresses that browsers use, such as https://portal.example, without a path. The first one is the
	// portal's name towards desktop agents and inside signed tickets: changing it ends all pairings. Required.
	Origins []string `yaml:"origins"`
	// TrustedProxies are addresses or networks whose X-Forwarded-For is believed. Without them limits count the proxy.
	TrustedProxies []string `yaml:"trustedProxies"`
	// AgentUpdates is a folder with a release of ukeyd as scripts/release makes it (packages and manifest.jws), which agents and people
	// download from /agent/updates/. Empty: none is offered.
	AgentUpdates string `yaml:"agentUpdates"`
	// Operations is where /healthz, /readyz and /metrics answer, such as 127.0.0.1:9090. Empty: nowhere.
	Operations string `yaml:"operations"`

	// Status is where certificates say that revocation lists, OCSP and CA certificates are found.
	Status struct {
		URL    string `yaml:"url"`    // such as http://ca.example; plain HTTP on purpose (RFC 5280 §8). Required
		Listen string `yaml:"listen"` // a listener for just these, such as 0.0.0.0:80. Empty: only the portal's own serves them
	} `yaml:"status"`

	// Database holds everything but keys.
	Database struct {
		Driver  string `yaml:"driver"`  // sqlite or mysql (also MariaDB, Galera). Required
		File    string `yaml:"file"`    // sqlite: the file; it must exist (signetctl init makes it)
		DSNFile string `yaml:"dsnFile"` // mysql: a file holding user:password@tcp(host:3306)/signet
	} `yaml:"database"`

	// Keys is the keystore of CA, OCSP, ticket and wrapping keys.
	Keys struct {
		keystore.Config `yaml:",inline"` // files or a hardware module: cmd/signet/keystore/config.go explains every key

		Ticket string `yaml:"ticket"` // label of the P-256 key that signs tickets for desktop agents. Default ticket
		Escrow string `yaml:"escrow"` // label of the key that seals escrowed encryption keys. Default escrow
	} `yaml:"keys"`

	// Secrets are random keys of at least 32 bytes, in hex.
	Secrets struct {
		CodeKeyFile  string `yaml:"codeKeyFile"`  // authenticates SMS codes and captchas; the same on every instance. Required
		AuditKeyFile string `yaml:"auditKeyFile"` // makes the audit chain unforgeable for who can write the database only. Fixed for the life of a database. Default: none
	} `yaml:"secrets"`

	// Authorities are the CAs, roots before what they signed.
	Authorities []authorityConfig `yaml:"authorities"`
	// Register is an imported register of organisations (CSV with the columns code, name, legalName) that registering is compared with.
	// Default: none; staff then see that nothing was compared.
	Register struct {
		File string `yaml:"file"`
		Name string `yaml:"name"` // whose data it is. Default 导入的登记数据
	} `yaml:"register"`
	// RenewBy is the id of the authority that issues holders' certificates; it must be SM2. Required.
	RenewBy string `yaml:"renewBy"`

	// TimeStamps makes the server a time stamping authority at /tsa (RFC 3161). Leave it out to make none.
	TimeStamps struct {
		// Clock is the source that must vouch for the clock, or nothing is stamped: kernel (what chrony or ntpd tells the Linux kernel), ntp
		// (ask the servers below), or unchecked, which is for demonstrations.
		Clock string `yaml:"clock"`
		// NTP lists time servers, host or host:port; more than half must agree. NTP is not authenticated.
		NTP []string `yaml:"ntp"`
		// Within bounds the error of the clock, and is the accuracy that stamps promise, such as 500ms. Default 1s
		Within string `yaml:"within"`
		// Units are the keys that stamp. Of several that could answer the first does; SM3 imprints go to an SM2 key, others to another kind.
		Units []stampConfig `yaml:"units"`
	} `yaml:"timeStamps"`

	// Transparency keeps a public log of every certificate issued, at /log/ (C2SP tlog-tiles). Leave it out to keep none.
	Transparency struct {
		Name        string `yaml:"name"`        // the log's name for ever, such as ca.example/log. Empty: no log
		Key         string `yaml:"key"`         // label of the SM2 key that signs its heads. Default log
		Ed25519File string `yaml:"ed25519File"` // file with the seed of the Ed25519 key that signs them too: 32 random bytes in hex. Required
	} `yaml:"transparency"`

	// KMC is the key management centre that keeps holders' encryption keys (kmc.go). Leave it out for one inside that recovers nothing.
	KMC kmcConfig `yaml:"kmc"`

	// ACME makes the server give certificates to servers and devices by ACME and SCEP. Leave it out to speak neither.
	ACME acmeConfig `yaml:"acme"`

	// Blobs is where uploaded and printed files are kept (blobs.go). Leave it out to take and make none.
	Blobs blobsConfig `yaml:"blobs,omitempty"`

	// Staff says how much the people who work here must prove.
	Staff struct {
		SecondFactor string `yaml:"secondFactor"` // required: nobody of staff logs in without; optional: only who has set one. Default required
		Keys         string `yaml:"keys"`         // required: decisions and batches are signed with the USB key bound to the person; optional. Default required
	} `yaml:"staff"`

	// SMS and Mail carry messages (messages.go). What is left out stays in the outbox, and every page that sends says so.
	SMS  smsConfig  `yaml:"sms"`
	Mail mailConfig `yaml:"mail"`
	// Kuaidi100 tells where parcels with USB keys are (快递100, 实时快递查询). Leave it out to have staff note it by hand.
	Kuaidi100 struct {
		Customer string `yaml:"customer"` // the customer number. Empty: not asked
		KeyFile  string `yaml:"keyFile"`  // file with the key of the signature
		URL      string `yaml:"url"`      // default https://poll.kuaidi100.com/poll/query.do
	} `yaml:"kuaidi100"`
	// Bank is where holders send money; required where a project has a price.
	Bank struct {
		Payee   string `yaml:"payee"`
		Account string `yaml:"account"`
		Bank    string `yaml:"bank"`
	} `yaml:"bank"`
	// Pay connects payment platforms (pay.go). Leave it out for bank transfers alone.
	Pay payConfig `yaml:"pay"`

	// Log goes to standard error.
	Log struct {
		Level  string `yaml:"level"`  // debug, info, warn or error. Default info
		Format string `yaml:"format"` // text or json. Default text
	} `yaml:"log"`

	dir string // of the file
}

// authorityConfig is one CA.
type authorityConfig struct {
	ID          string   `yaml:"id"`          // 1 to 40 of a-z 0-9 -, part of addresses inside certificates, never changed. Required
	Certificate string   `yaml:"certificate"` // PEM file. Required
	Chain       []string `yaml:"chain"`       // PEM files of what stands above it, nearest first, root last. None for a root
	Key         string   `yaml:"key"`         // label in the keystore. Empty: signs nothing here, such as an offline root
	Responder   struct {
		Certificate string `yaml:"certificate"` // PEM file of the delegated OCSP responder. Empty: no OCSP for this CA
		Key         string `yaml:"key"`         // label in the keystore
	} `yaml:"responder"`
	CRLShards int  `yaml:"crlShards"` // spreads new certificates over so many revocation lists; never make it smaller. Default: one list for all
	DeltaCRLs bool `yaml:"deltaCRLs"` // after a revocation publish only what changed; the whole list follows on schedule

	Profiles    []string `yaml:"profiles"`    // what it issues by: shipped profiles by name, others as YAML files. Default: the shipped ones that fit
	Flags       []string `yaml:"flags"`       // of profiles, always switched on, such as regNumber where a platform looks for the code there
	LongestDays int      `yaml:"longestDays"` // holders' and servers' certificates live no longer, whatever the profile allows. Default: the profile decides
}

// stampConfig is one key that makes time stamps.
type stampConfig struct {
	ID          string   `yaml:"id"`          // a-z 0-9 -, part of the address /tsa/ID. Required
	Certificate string   `yaml:"certificate"` // PEM file. Required
	Chain       []string `yaml:"chain"`       // PEM files of what stands above it, nearest first
	Key         string   `yaml:"key"`         // label in the keystore. Required
	Policies    []string `yaml:"policies"`    // object identifiers of the policies it stamps under; the first when none is asked for. Required
	Ordering    bool     `yaml:"ordering"`    // promise that later stamps have later times; for a single server only
	GM          bool     `yaml:"gm"`          // write tokens with the content types of GM/T 0010 instead of PKCS#7's
}

// readConfig reads the file of the server strictly. It touches nothing the file points to.
func readConfig(path string) (*config, error) { return readConfigFor(path, (*config).check) }

func readConfigFor(path string, check func(*config) error) (*config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &config{dir: filepath.Dir(path)}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := d.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one document", path)
	}
	c.fill()
	if err := check(c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c *config) fill() {
	for _, d := range []struct {
		field *string
		value string
	}{{&c.Keys.Ticket, "ticket"}, {&c.Keys.Escrow, "escrow"}, {&c.Transparency.Key, "log"}, {&c.TimeStamps.Within, "1s"}, {&c.Log.Level, "info"}, {&c.Log.Format, "text"}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
}

// check finds what can be seen to be wrong without looking further.
// optional is the word of policy that asks less than the default.
const optional = "optional"

func (c *config) check() error {
	for _, f := range []struct{ name, value string }{
		{"listen", c.Listen}, {"status.url", c.Status.URL}, {"database.driver", c.Database.Driver}, {"secrets.codeKeyFile", c.Secrets.CodeKeyFile}, {"renewBy", c.RenewBy},
	} {
		if f.value == "" {
			return fmt.Errorf("%s is missing", f.name)
		}
	}
	if err := c.checkDatabase(); err != nil {
		return err
	}
	for name, word := range map[string]string{"staff.secondFactor": c.Staff.SecondFactor, "staff.keys": c.Staff.Keys} {
		if word != "" && word != "required" && word != optional {
			return fmt.Errorf("%s is required or optional, not %q", name, word)
		}
	}
	switch {
	case len(c.Origins) == 0:
		return errors.New("origins is missing")
	case (c.TLS.Certificate == "") != (c.TLS.Key == ""):
		return errors.New("tls needs both certificate and key")
	case len(c.Authorities) == 0:
		return errors.New("authorities is missing")
	}
	if u, err := url.Parse(c.Status.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("status.url %q is not an address", c.Status.URL)
	}
	for i, a := range c.Authorities {
		if a.ID == "" || a.Certificate == "" || (a.Responder.Certificate == "") != (a.Responder.Key == "") {
			return fmt.Errorf("authorities[%d] needs id and certificate, and both or none of responder's", i)
		}
		if a.LongestDays < 0 {
			return fmt.Errorf("authorities[%d].longestDays is negative", i)
		}
	}
	if err := c.Keys.Check(); err != nil {
		return err
	}
	if err := c.checkStamps(); err != nil {
		return err
	}
	if err := c.checkPay(); err != nil {
		return err
	}
	if err := c.checkMessages(); err != nil {
		return err
	}
	if err := c.checkACME(); err != nil {
		return err
	}
	if err := c.KMC.checkServed(); err != nil {
		return err
	}
	if err := c.Blobs.check(); err != nil {
		return err
	}
	_, err := c.level()
	return err
}

func (c *config) checkDatabase() error {
	switch {
	case c.Database.Driver == store.SQLite && c.Database.File == "":
		return errors.New("database.file is missing")
	case c.Database.Driver == store.MySQL && c.Database.DSNFile == "":
		return errors.New("database.dsnFile is missing")
	case c.Database.Driver != store.SQLite && c.Database.Driver != store.MySQL:
		return fmt.Errorf("database.driver is %q, not sqlite or mysql", c.Database.Driver)
	}
	return nil
}

func (c *config) level() (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		return 0, fmt.Errorf("log.level is %q", c.Log.Level)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return 0, fmt.Errorf("log.format is %q, not text or json", c.Log.Format)
	}
	return level, nil
}

func (c *config) logger(out io.Writer) *slog.Logger {
	level, _ := c.level() // check has looked
	options := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

// path resolves a path of the file.
func (c *config) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.dir, p)
}

// wiring opens everything the file points to. It creates nothing.
func (c *config) wiring(log *slog.Logger) (wiring.Config, error) {
	w := wiring.Config{
		Origins: c.Origins, TrustedProxies: c.TrustedProxies, StatusURL: strings.TrimSuffix(c.Status.URL, "/"),
		StaffFactor: c.Staff.SecondFactor != optional, StaffKeys: c.Staff.Keys != optional,
		RenewBy: c.RenewBy, TicketKey: c.Keys.Ticket, EscrowKey: c.Keys.Escrow, SMSSignature: c.SMS.Signature, Log: log, Version: version(),
		Bank: ra.Bank{Payee: c.Bank.Payee, Account: c.Bank.Account, Bank: c.Bank.Bank},
	}
	if c.AgentUpdates != "" {
		w.AgentUpdates = c.path(c.AgentUpdates)
	}
	for _, step := range []func(*wiring.Config) error{c.openDatabase, c.openKeys, c.openSecrets, c.openAuthorities, c.openStamps, c.openLog, c.openEscrow, c.openACME, c.openPay, c.openBlobs, c.openTracker, c.openMessages} {
		if err := step(&w); err != nil {
			return w, err // what is open already is the caller's to close
		}
	}
	return w, nil
}

// openTracker connects the service that says where parcels are.
func (c *config) openTracker(w *wiring.Config) error {
	if c.Kuaidi100.Customer == "" {
		return nil
	}
	key, err := keystore.ReadSecret(c.path(c.Kuaidi100.KeyFile))
	if err != nil {
		return fmt.Errorf("kuaidi100: %w", err)
	}
	w.Tracker, err = parcel.New(parcel.Config{URL: c.Kuaidi100.URL, Customer: c.Kuaidi100.Customer, Key: string(key)})
	return err
}

func (c *config) openDatabase(w *wiring.Config) error {
	w.Database = store.Config{Driver: c.Database.Driver, DSN: c.path(c.Database.File), Log: w.Log}
	if c.Database.Driver != store.MySQL {
		return nil
	}
	dsn, err := keystore.ReadSecret(c.path(c.Database.DSNFile))
	w.Database.DSN = string(dsn)
	return err
}

func (c *config) openKeys(w *wiring.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), startFor)
	defer cancel()
	var err error
	w.Keys, err = keystore.Open(ctx, c.Keys.Config, keystore.Options{Dir: c.dir, Ask: keystore.Terminal(os.Stdin, os.Stderr), Log: w.Log})
	return err
}

func (c *config) openRegister(w *wiring.Config) error {
	if c.Register.File == "" {
		return nil
	}
	f, err := os.Open(c.path(c.Register.File))
	if err != nil {
		return err
	}
	defer f.Close()
	w.Register, err = account.ReadRegister(cmp.Or(c.Register.Name, "导入的登记数据"), f)
	return err
}

func (c *config) openSecrets(w *wiring.Config) error {
	key, err := readKey(c.path(c.Secrets.CodeKeyFile))
	if err != nil {
		return err
	}
	w.CodeKey = account.Key(key)
	if err := c.openRegister(w); err != nil {
		return err
	}
	if c.Secrets.AuditKeyFile == "" {
		return nil
	}
	if key, err = readKey(c.path(c.Secrets.AuditKeyFile)); err != nil {
		return err
	}
	w.Database.AuditKey = store.AuditKey(key)
	return nil
}

func (c *config) openAuthorities(w *wiring.Config) error {
	for _, a := range c.Authorities {
		opened := wiring.Authority{ID: a.ID, Key: a.Key, ResponderKey: a.Responder.Key, CRLShards: a.CRLShards, DeltaCRLs: a.DeltaCRLs, Flags: a.Flags, LongestFor: time.Duration(a.LongestDays) * 24 * time.Hour}
		certs, err := c.readCertificates(a.Certificate)
		if err != nil {
			return err
		}
		opened.Certificate = certs[0]
		if opened.Profiles, err = ca.OpenProfiles(a.Profiles, func(file string) ([]byte, error) { return os.ReadFile(c.path(file)) }); err != nil {
			return fmt.Errorf("profiles of %s: %w", a.ID, err)
		}
		if opened.Chain, err = c.readChain(a.Chain); err != nil {
			return err
		}
		if a.Responder.Certificate != "" {
			responder, err := c.readCertificates(a.Responder.Certificate)
			if err != nil {
				return err
			}
			opened.Responder = responder[0]
		}
		w.Authorities = append(w.Authorities, opened)
	}
	return nil
}

func (c *config) readChain(files []string) (chain []*pki.Certificate, err error) {
	for _, file := range files {
		above, err := c.readCertificates(file)
		if err != nil {
			return nil, err
		}
		chain = append(chain, above...)
	}
	return chain, nil
}

func (c *config) readCertificates(file string) ([]*pki.Certificate, error) {
	text, err := os.ReadFile(c.path(file))
	if err != nil {
		return nil, err
	}
	certs, err := pki.ParseCertificatesPEM(text)
	if err == nil && len(certs) == 0 {
		err = errors.New("holds no certificate")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return certs, nil
}

// tlsConfig loads the portal's certificate; nil where it speaks plain HTTP.
func (c *config) tlsConfig() (*tls.Config, error) {
	if c.TLS.Certificate == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(c.path(c.TLS.Certificate), c.path(c.TLS.Key))
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}

func readKey(path string) ([]byte, error) {
	text, err := keystore.ReadSecret(path)
	if err != nil {
		return nil, err
	}
	key := make([]byte, hex.DecodedLen(len(text)))
	if _, err := hex.Decode(key, text); err != nil || len(key) < 32 {
		return nil, fmt.Errorf("%s: want at least 32 bytes in hex", path)
	}
	return key, nil
}
