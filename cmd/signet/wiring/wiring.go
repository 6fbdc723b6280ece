package wiring

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"signet/api/account"
	"signet/api/acme"
	"signet/api/blob"
	"signet/api/content"
	"signet/api/notice"
	"signet/api/pay"
	"signet/api/ra"
	"signet/api/relay"
	"signet/api/rest"
	"signet/api/store"
	"signet/api/verify"
	"signet/api/watch"
	"signet/ca"
	"signet/ca/lint"
	"signet/ca/pki"
	"signet/ca/status"
	"signet/ca/tlog"
	"signet/ca/tsa"
	"signet/cmd/signet/keystore"
	"signet/hsm"
	"signet/ukey/ticket"
)

// Config says what to connect.
type Config struct {
	Database    store.Config // required
	Keys        hsm.Keystore // required
	Authorities []Authority  // required, roots first
	RenewBy     string       // required: id of the SM2 authority that issues holders' certificates
	TicketKey   string       // label of the ticket key; default ticket
	EscrowKey   string       // label of the wrapping key; default escrow
	CodeKey     account.Key  // required
	Escrow      Escrow       // default: a centre inside that recovers nothing

	StaffFactor bool // every member of staff logs in with a second factor
	StaffKeys   bool // staff sign decisions and batches with USB keys bound to them

	Origins        []string // required; the first is the portal's name
	TrustedProxies []string
	AgentUpdates   string // folder with releases of ukeyd; default none
	StatusURL      string // required: base of the addresses inside certificates
	Site           fs.FS  // the built pages
	SMSSignature   string
	SMS, Mail      notice.Gateway // default: none, messages stay in the outbox
	Tracker        ra.Tracker     // where parcels are; nil: staff note it by hand
	TimeStamps     *TimeStamps    // default: none are made
	Transparency   *Transparency  // default: no log is kept
	ACME           *ACME          // default: neither ACME nor SCEP
	Bank           ra.Bank
	Gateways       map[string]pay.Gateway // payment platforms; default none
	Blobs          blob.Place             // where files are kept; default: nothing is uploaded or printed
	BlobFolder     string                 // of Blobs, if it is one of this computer: an alarm tells when it fills up

	// Register is what registering organisations are compared with; default: nothing, and staff are told so.
	Register account.Register

	// Captchas, if set, makes it a development server (rest.Config.Captchas).
	Captchas *rest.Answers
	// Limits on messages and captchas; default account's own.
	Limits account.Limits

	Now     func() time.Time // default time.Now
	Version string
	Log     *slog.Logger // required
}

// Authority is one CA with the labels of its keys.
//
// Nil/zero: Key "" = signs nothing here; Responder nil = no OCSP.
type Authority struct {
	ID           string
	Certificate  *pki.Certificate
	Chain        []*pki.Certificate
	Key          string
	Responder    *pki.Certificate
	ResponderKey string
	CRLShards    int  // as in ca.CAConfig
	DeltaCRLs    bool // as Deltas in status.CA

	Profiles   []*ca.Profile // these and the next as in ca.CAConfig
	Flags      []string
	LongestFor time.Duration
}

// System is the connected server.
type System struct {
	c         Config
	DB        *store.DB
	Authority *ca.Authority
	Status    *status.Service
	Centre    *Centre // nil when the key management centre is elsewhere
	Notices   *notice.Notices
	Relay     *relay.Relay
	RA        *ra.RA
	Accounts  *account.Accounts
	Verifier  *verify.Verifier
	Content   *content.Contents
	Stamps    *tsa.Service // nil if none are made
	Clock     *tsa.Monitor // what Stamps go by
	Log       *tlog.Log    // nil if none is kept
	Watch     *watch.Watch // alarms, failed work, checkpoints
	ACME      *acme.Server // nil if it is not spoken
	REST      *rest.Server
	Files     *blob.Store // nil if none are kept

	escrow  escrow                  // Centre, or the one elsewhere
	revoked map[string]*atomic.Bool // units of Stamps whose certificates are out of use
}

// Open connects everything. Close it again, also after Run.
//
// Errors: whatever a part refuses; a database whose schema is not the newest.
func Open(ctx context.Context, c Config) (*System, error) {
	if c.Keys == nil || c.Log == nil || len(c.Authorities) == 0 || len(c.Origins) == 0 {
		return nil, errors.New("wiring needs Keys, Log, Authorities and Origins")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Database.Now = c.Now
	db, err := store.Open(ctx, c.Database)
	if err != nil {
		return nil, err
	}
	s := &System{c: c, DB: db}
	for _, step := range []func(context.Context) error{
		s.checkSchema, s.openAuthority, s.openStatus, s.openEscrow, s.openFiles, s.openRelay, s.openService, s.openStamps, s.openLog, s.openWatch, s.openACME, s.openFace,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return s, nil
}

// Close lets go of the database and then of the keys. Nothing of s may be used afterwards.
func (s *System) Close() error { return errors.Join(s.DB.Close(), s.c.CloseKeys()) }

func (s *System) checkSchema(ctx context.Context) error {
	pending, err := s.DB.Pending(ctx)
	if err != nil {
		return err
	}
	if pending {
		return errors.New("the database schema is older than this program: run signetctl migrate")
	}
	return nil
}

func (s *System) signer(ctx context.Context, label string) (crypto.Signer, error) {
	if label == "" {
		return nil, nil
	}
	key, err := s.c.Keys.Signer(ctx, hsm.Ref{Label: label})
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", label, err)
	}
	return key, nil
}

func (s *System) openAuthority(ctx context.Context) error {
	linter, err := lint.New(lint.Config{})
	if err != nil {
		return fmt.Errorf("preparing lints: %w", err)
	}
	changed := func(caID string) { s.Status.Changed(caID) } // it is there before anything is revoked
	c := ca.Config{Store: revocations{s.DB.CA(), s.DB, changed}, Lint: linter, Now: s.c.Now, Log: s.c.Log}
	c.Stop = func() bool { return s.RA == nil || s.RA.IssuanceStopped() } // nothing is issued before the RA is there
	for _, a := range s.c.Authorities {
		one := s.c.addresses(ca.CAConfig{ID: a.ID, Certificate: a.Certificate, Chain: a.Chain, CRLShards: a.CRLShards, Profiles: a.Profiles, Flags: a.Flags, LongestFor: a.LongestFor}, a.Responder != nil)
		if one.Signer, err = s.signer(ctx, a.Key); err != nil {
			return fmt.Errorf("authority %s: %w", a.ID, err)
		}
		c.CAs = append(c.CAs, one)
	}
	s.Authority, err = ca.New(c)
	return err
}

// addresses fills in where certificates of a CA say that its status is found.
func (c Config) addresses(a ca.CAConfig, ocsp bool) ca.CAConfig {
	a.CRLURL = c.StatusURL + "/crl/" + a.ID + ".crl"
	a.IssuerURL = c.StatusURL + "/ca/" + a.ID + ".cer"
	if ocsp {
		a.OCSPURL = c.StatusURL + "/ocsp"
	}
	return a
}

func (s *System) openStatus(ctx context.Context) error {
	c := status.Config{Store: s.DB.CA(), CAs: map[string]status.CA{}, RevisionFor: time.Second, Now: s.c.Now, Log: s.c.Log}
	for _, a := range s.c.Authorities {
		one := status.CA{
			Certificate: a.Certificate, Chain: a.Chain, Responder: a.Responder,
			CRLURL: s.c.addresses(ca.CAConfig{ID: a.ID}, false).CRLURL, Shards: a.CRLShards, Deltas: a.DeltaCRLs,
		}
		var err error
		if one.Signer, err = s.signer(ctx, a.Key); err != nil {
			return fmt.Errorf("authority %s: %w", a.ID, err)
		}
		if one.ResponderSigner, err = s.signer(ctx, a.ResponderKey); err != nil {
			return fmt.Errorf("responder of %s: %w", a.ID, err)
		}
		c.CAs[a.ID] = one
	}
	var err error
	s.Status, err = status.New(c)
	return err
}

func (s *System) openRelay(ctx context.Context) error {
	label := orDefault(s.c.TicketKey, ticketLabel)
	key, err := s.signer(ctx, label)
	if err != nil {
		return fmt.Errorf("ticket %w", err)
	}
	named, err := relay.NameKey(key.Public())
	if err != nil {
		return err
	}
	s.Relay, err = relay.New(relay.Config{
		DB: s.DB, TicketKey: key, KID: named.ID, Issuer: s.c.Origins[0], Log: s.c.Log,
		TicketKeys: func(ctx context.Context) ([]ticket.TicketKey, error) { return ticketKeys(ctx, s.c.Keys, label) },
	})
	return err
}

// ticketKeys are those that agents shall trust: all that the keystore has, so that one made by signetctl while the server runs is
// told of before it signs, and one that another instance still signs with is not forgotten.
func ticketKeys(ctx context.Context, keys hsm.Keystore, label string) ([]ticket.TicketKey, error) {
	refs, err := keystore.TicketKeys(ctx, keys, label)
	if err != nil {
		return nil, err
	}
	var all []ticket.TicketKey
	for _, ref := range refs {
		pub, err := pki.ParsePublicKey(ref.SPKI)
		if err != nil {
			return nil, fmt.Errorf("ticket key %s: %w", ref.Label, err)
		}
		k, err := relay.NameKey(pub)
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	return all, nil
}

func (s *System) openService(ctx context.Context) (err error) {
	persons, err := s.c.Keys.Wrapper(ctx, "persons")
	if err != nil {
		return fmt.Errorf("key of persons' numbers: %w", err)
	}
	s.Notices, err = notice.New(notice.Config{
		DB: s.DB, Signature: s.c.SMSSignature, Templates: append(ra.NoticeTemplates(), watch.NoticeTemplates()...), SMS: s.c.SMS, Mail: s.c.Mail, Owner: account.OwnerOf,
		Contacts: account.OrganisationContacts, Seal: persons, Loopback: s.c.Captchas != nil,
	})
	if err != nil {
		return err
	}
	custody, err := s.c.Keys.Wrapper(ctx, "so-pins")
	if err != nil {
		return fmt.Errorf("key of officers' PINs: %w", err)
	}
	c := ra.Config{
		SOKeys: ra.NewSOKeys(s.DB, custody), Tracker: s.c.Tracker,
		DB: s.DB, Relay: s.Relay, Notice: s.Notices, Authority: s.Authority, CertStore: s.DB.CA(), CA: s.c.RenewBy,
		Origin: s.c.Origins[0], Bank: s.c.Bank, Gateways: s.c.Gateways, StaffKeys: s.c.StaffKeys, Log: s.c.Log,
	}
	if s.Files != nil {
		c.Files = s.Files
	}
	if s.c.Transparency != nil { // opened after this
		c.LogProof = s.proveLogged
	}
	s.recoveries(&c)
	s.RA, err = ra.New(c)
	if err != nil {
		return err
	}
	people := account.Config{
		DB: s.DB, Notice: s.Notices, CodeKey: s.c.CodeKey, ContactPhone: s.RA.ContactPhone, Limits: s.c.Limits, Log: s.c.Log,
		Seal: persons, Origin: s.c.Origins[0], Register: s.c.Register, Obligations: s.RA.Obligations,
	}
	if s.c.Captchas != nil {
		people.CaptchaReveal = s.c.Captchas.Reveal
	}
	people.StaffFactor = s.c.StaffFactor
	if s.Accounts, err = account.New(people); err != nil {
		return err
	}
	s.Content, err = content.New(content.Config{DB: s.DB, Kinds: map[string]content.Kind{
		content.Projects: content.Of(s.RA.ProjectContent()), "holidays": content.Of(s.RA.HolidayContent()),
		"notice": content.Of(s.Notices.Content()), "agreement": content.Of(account.AgreementContent{}),
	}})
	if err != nil {
		return err
	}
	s.Verifier, err = verify.New(verify.Config{Authority: s.Authority, Status: s.DB.CA(), Anchors: s.anchors, Now: s.c.Now, Log: s.c.Log})
	return err
}

// anchors gives the verifier the CAs that imports brought.
func (s *System) anchors(ctx context.Context) ([]verify.Anchor, error) {
	list, err := s.RA.Anchors(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]verify.Anchor, len(list))
	for i, a := range list {
		out[i] = verify.Anchor{Name: a.Name, Certificate: a.Certificate, Root: a.Root, NoStatus: a.NoStatus}
	}
	return out, nil
}

func (s *System) openFace(context.Context) (err error) {
	s.REST, err = rest.New(rest.Config{
		Accounts: s.Accounts, Notices: s.Notices, RA: s.RA, Relay: s.Relay, Verifier: s.Verifier, Content: s.Content, Status: s.Public(),
		Site: s.c.Site, Origins: s.c.Origins, TrustedProxies: s.c.TrustedProxies, Captchas: s.c.Captchas,
		Health: s.DB.Ping, Keys: s.keysReady, Metrics: s.figures, Operations: s.operations, Watch: s.Watch, AgentUpdates: s.c.AgentUpdates, Version: s.c.Version, Now: s.c.Now, Log: s.c.Log,
	})
	return err
}

// Public serves the protocols that anyone may speak, without a session: revocation lists, OCSP, CA certificates, time stamps, the log, ACME and SCEP.
func (s *System) Public() http.Handler {
	handlers := map[string]http.Handler{}
	if len(s.c.Gateways) > 0 {
		handlers["pay"] = pay.Notices(s.c.Gateways, s.RA.ChargePaid, s.c.Log)
	}
	if s.Stamps != nil {
		handlers["tsa"] = s.Stamps.Handler()
	}
	if s.Log != nil {
		handlers["log"] = s.Log.Handler()
	}
	if s.ACME != nil {
		handlers["acme"], handlers["scep"] = s.ACME.Handler(), s.ACME.SCEPHandler()
	}
	others := s.Status.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if h := handlers[first]; h != nil {
			h.ServeHTTP(w, r)
			return
		}
		others.ServeHTTP(w, r) // 404 for what is not served here
	})
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
