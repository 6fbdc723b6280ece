package ra

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"signet/api/account"
	"signet/api/notice"
	"signet/api/problem"
	"signet/api/ra/legacytest"
	"signet/api/relay"
	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/hsm/keyfile"
	"signet/ukey"
	"signet/ukey/agent"
	"signet/ukey/softkey"
	"signet/ukey/ticket"
)

const (
	origin   = "https://portal.example"
	pin      = "Right-PIN-7"
	tokenNo  = "SK-0001"
	batchPIN = "timevale123"
)

var start = time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) set(t time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.now = t }

var formerDir string

func TestMain(m *testing.M) {
	var err error
	if formerDir, err = os.MkdirTemp("", "signet-former-ca-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := storetest.Main(m)
	os.RemoveAll(formerDir)
	os.Exit(code)
}

// former gives the CA that issued what is taken over, made once by OpenSSL.
var former = sync.OnceValues(func() (*legacytest.CA, error) {
	return legacytest.Make(formerDir, pki.SM2, "演示 CA", start.AddDate(-9, 0, 0), start.AddDate(20, 0, 0))
})

var formerMu sync.Mutex // openssl ca keeps a database in the folder

func issueLegacy(t *testing.T, r legacytest.Request, encSerial string) (sign, enc *legacytest.Issued) {
	t.Helper()
	c := formerCA(t)
	formerMu.Lock()
	defer formerMu.Unlock()
	var err error
	if r.Usage == "" {
		sign, enc, err = c.Pair(r, encSerial)
	} else {
		sign, err = c.Issue(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sign, enc
}

func formerCA(t *testing.T) *legacytest.CA {
	t.Helper()
	c, err := former()
	if err != nil {
		t.Skip("the former CA needs OpenSSL: ", err)
	}
	return c
}

// hookStore lets a test act around the CA's durable steps.
type hookStore struct {
	*catest.FaultStore
	afterRecord func()
}

func (h *hookStore) Record(ctx context.Context, c []ca.Certificate) error {
	err := h.FaultStore.Record(ctx, c)
	if f := h.afterRecord; f != nil && err == nil {
		f()
	}
	return err
}

// office is the whole registration authority with a holder, their key and their agent.
type office struct {
	t       *testing.T
	ctx     context.Context
	clock   *clock
	db      *store.DB
	faults  *hookStore
	tree    *catest.Tree
	relay   *relay.Relay
	ra      *RA
	custody Sealer // of officers' PINs
	ticket  *ecdsa.PrivateKey
}

func newOffice(t *testing.T) *office {
	t.Helper()
	c := &clock{now: start}
	return officeOn(t, storetest.Open(t, func(s *store.Config) { s.Now = c.Now }), c)
}

// each runs f on both databases with the test's clock.
func each(t *testing.T, c *clock, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	storetest.Each(t, f, func(s *store.Config) { s.Now = c.Now })
}

func officeOn(t *testing.T, db *store.DB, c *clock) *office {
	t.Helper()
	o := &office{t: t, ctx: t.Context(), clock: c, db: db}
	o.faults = &hookStore{FaultStore: &catest.FaultStore{Store: db.CA()}}
	o.tree = catest.HierarchyWith(t, pki.SM2, catest.Options{Store: o.faults, Now: c.Now})
	keys, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(t.TempDir(), "keys"), Passphrase: []byte("passphrase"), Cost: keyfile.Cost{Passes: 1, Memory: 8 << 10, Lanes: 1}})
	check(t, err)
	wrapper, err := keys.Wrapper(o.ctx, "escrow")
	check(t, err)
	centre, err := kmc.New(kmc.Config{Store: db.KMC(), Wrapper: wrapper, Now: c.Now, Log: slog.New(slog.DiscardHandler)})
	check(t, err)
	custody, err := keys.Wrapper(o.ctx, "so-pins")
	check(t, err)
	o.custody = custody
	o.ticket, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	o.relay, err = relay.New(relay.Config{DB: db, TicketKey: o.ticket, KID: "k1", Issuer: origin})
	check(t, err)
	notices, err := notice.New(notice.Config{DB: db, Templates: NoticeTemplates()})
	check(t, err)
	o.ra, err = New(Config{
		DB: db, Relay: o.relay, Notice: notices, Authority: o.tree.Authority, KMC: centre, CertStore: o.faults, CA: "issuing", Origin: origin, SOKeys: NewSOKeys(db, custody),
		Bank: Bank{Payee: "演示收款单位", Account: "0000 0000", Bank: "演示银行", Simulated: true},
	})
	check(t, err)
	check(t, o.ra.EnsureProject(o.ctx, demoProject()))
	return o
}

func demoProject() Project {
	return Project{
		Slug: "jhggzy", Name: "金华市公共资源交易中心", Product: "金华市招投标专用数字证书", PriceCents: 20000, TermMonths: 12, Demo: true,
		Contact: Contact{Phone: "400-0878-198", Hours: "周一至周五 9:00-18:00"}, Process: []string{"登录", "续期", "延期"},
	}
}

// publish changes the project as a published draft does; that it takes two persons is shown by package content.
func (o *office) publish(change func(d *ProjectDocument)) {
	o.t.Helper()
	c := o.ra.ProjectContent()
	d, err := c.Live(o.db.Read(o.ctx), "jhggzy")
	check(o.t, err)
	change(&d)
	check(o.t, c.Check(o.db.Read(o.ctx), "jhggzy", &d))
	check(o.t, o.db.Tx(o.ctx, func(tx *store.Tx) error { return c.Put(tx, "jhggzy", d) }))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err error, code problem.Code) {
	t.Helper()
	if !problem.Has(err, code) {
		t.Errorf("got %v, want %s", err, code)
	}
}

// row is a complete row of an import sheet.
func row(n int, name, code string, sign, enc *legacytest.Issued) ImportRow {
	r := ImportRow{
		Number: n, OrgName: name, USCC: code, HandlerName: "张三", HandlerPhone: "13800000000", ServiceNumber: serviceNumber(code),
		ServiceFrom: "2025-08-31 11:39:36", ServiceTo: "2026-08-31 11:39:36.0",
		SignCertificate: sign.Certificate.SerialHex,
	}
	if len(strings.ReplaceAll(code, "-", "")) == 9 {
		r.USCC, r.OrgCode = "", code
	}
	if enc != nil {
		r.EncCertificate = enc.Certificate.SerialHex
	}
	return r
}

func folderOf(certs ...*legacytest.Issued) fs.FS {
	m := fstest.MapFS{}
	for i, c := range certs {
		if c == nil {
			continue
		}
		name := fmt.Sprintf("证书/%s.cer", c.Certificate.SerialHex)
		if i%2 == 1 {
			m[strings.TrimSuffix(name, "cer")+"pem"] = &fstest.MapFile{Data: pki.EncodePEM(c.Certificate)}
			continue
		}
		m[name] = &fstest.MapFile{Data: c.Certificate.Raw}
	}
	return m
}

func (o *office) batch(rows []ImportRow, certs fs.FS) ImportRequest {
	c := formerCA(o.t)
	return ImportRequest{
		Rows: rows, Certificates: certs, BatchID: "batch-1", ProjectSlug: "jhggzy", InitialPassword: batchPIN,
		Roots: []*pki.Certificate{c.Root}, Intermediates: []*pki.Certificate{c.Issuer}, NoStatus: true,
	}
}

// party is a holder with a key in the slot and a paired agent.
type party struct {
	*office
	me        account.Actor
	sign, enc *legacytest.Issued
	home      string
	agent     *agent.Agent
	agentID   string
	gate      agent.Gate
	state     *agent.State
	around    func(step string, when int) error // 0 before a step, 1 after it
	dialogue  agent.Dialogue                    // default: typist
	fault     softkey.Fault                     // of the key in the slot, from the next start on
}

// subject of a holder in the plain style.
func subject(name string) []legacytest.Attr {
	return []legacytest.Attr{{Type: "C", Value: "CN"}, {Type: "O", Value: name}, {Type: "CN", Value: name}}
}

func legacyRequest(name, code string, alg pki.KeyAlg) legacytest.Request {
	return legacytest.Request{
		Subject: subject(name), From: start.AddDate(-3, 0, 20), To: start.AddDate(0, 0, 20), KeyAlg: alg,
		Extensions: map[string]string{pki.OIDOrgCode: "PRINTABLESTRING:" + code},
	}
}

// newParty imports a holder of the given key kind, puts the old pair on a key and
// pairs an agent.
func (o *office) newParty(name, code string, req legacytest.Request) *party {
	o.t.Helper()
	p := &party{office: o, home: o.t.TempDir()}
	p.sign, p.enc = issueLegacy(o.t, req, "")
	report, err := o.ra.ImportLegacy(o.ctx, "operator", o.batch([]ImportRow{row(len(code), name, code, p.sign, p.enc)}, folderOf(p.sign, p.enc)))
	check(o.t, err)
	if report.Imported != 1 || len(report.Failed) > 0 {
		o.t.Fatalf("import: %+v", report)
	}
	p.me = o.actor(code)
	p.plug()
	p.pair()
	return p
}

// actor takes a legacy holder to where the supplement page leaves them.
func (o *office) actor(code string) account.Actor {
	o.t.Helper()
	var r struct{ ID, OrganisationID string }
	code = account.NormaliseLogin(code)
	check(o.t, o.db.Read(o.ctx).Raw(`SELECT a.id, a.organisation_id FROM acct_accounts a JOIN acct_legacy_logins l ON l.account_id = a.id WHERE l.login = ?`, code).Scan(&r).Error)
	err := o.db.Tx(o.ctx, func(tx *store.Tx) error {
		return tx.DB().Exec("UPDATE acct_accounts SET state = 'unverified', phone = ?, login = ? WHERE id = ?", "139000"+serviceNumber(code), code, r.ID).Error
	})
	check(o.t, err)
	return account.Actor{AccountID: r.ID, OrganisationID: r.OrganisationID, Role: account.RoleHolder, State: account.Unverified, SessionID: "ses_1", Login: "13900000000"}
}

func (o *office) finance() account.Actor {
	return account.Actor{AccountID: "acc_finance", Role: account.RoleFinance, State: account.Verified, Login: "caiwu"}
}

func (p *party) slot() string { return filepath.Join(p.home, "slot") }

// plug makes the software key with the legacy pair on it.
func (p *party) plug() {
	p.t.Helper()
	token, err := softkey.Create(filepath.Join(p.slot(), "key"), softkey.Config{Serial: tokenNo, PIN: ukey.PIN(pin), SOPIN: ukey.PIN("SO-secret-42"),
		KDF: softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}})
	check(p.t, err)
	s, err := token.Open(p.ctx, ukey.PIN(pin))
	check(p.t, err)
	defer s.Close()
	for i, old := range []*legacytest.Issued{p.sign, p.enc} {
		if old == nil {
			continue
		}
		usage := []ukey.Usage{ukey.Sign, ukey.Encrypt}[i]
		id := ukey.KeyIDOf([16]byte{byte(i + 1)})
		check(p.t, s.ImportKey(p.ctx, id, usage, old.Key.Signer))
		check(p.t, s.PutCertificate(p.ctx, id, old.Certificate.Raw))
	}
}

func (p *party) token() ukey.Token {
	p.t.Helper()
	tokens, err := softkey.Open(p.slot()).Tokens(p.ctx)
	check(p.t, err)
	if len(tokens) != 1 {
		p.t.Fatalf("%d keys in the slot", len(tokens))
	}
	return tokens[0]
}

func (p *party) keys() []ukey.Key {
	p.t.Helper()
	keys, err := p.token().Keys(p.ctx)
	check(p.t, err)
	return keys
}

// typist types the PIN and agrees.
type typist struct{}

func (typist) Ask(context.Context, agent.Prompt) ([]byte, error) { return []byte(pin), nil }
func (typist) Confirm(context.Context, agent.Prompt) error       { return nil }

func (p *party) pair() {
	p.t.Helper()
	pairing, err := p.relay.CreatePairing(p.ctx, p.me)
	check(p.t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(p.t, err)
	spki, err := pki.MarshalPublicKey(&key.PublicKey)
	check(p.t, err)
	sig, err := ticket.SignPairing(key, pairing.Code)
	check(p.t, err)
	paired, err := p.relay.Confirm(p.ctx, ticket.PairingConfirm{Code: pairing.Code, PublicKey: spki, Name: "test", Signature: sig}, "192.0.2.1")
	check(p.t, err)
	p.agentID = paired.AgentID
	p.gate = agent.Gate{Key: key, Tickets: &ticket.Verifier{Keys: map[string]*ecdsa.PublicKey{"k1": &p.ticket.PublicKey}, Agent: p.agentID, Issuer: origin, Now: p.clock.Now}}
	p.start()
}

func (p *party) person() agent.Dialogue {
	if p.dialogue == nil {
		return typist{}
	}
	return p.dialogue
}

// start makes the agent as a new process would.
func (p *party) start() {
	p.t.Helper()
	var err error
	if p.state != nil {
		p.state.Unlock()
	}
	p.state, err = agent.OpenState(filepath.Join(p.home, "state"), p.clock.Now)
	check(p.t, err)
	check(p.t, p.state.Lock())
	p.t.Cleanup(p.state.Unlock)
	p.agent, err = agent.New(agent.Config{State: p.state, Drivers: []ukey.Driver{softkey.OpenWith(p.slot(), p.fault)}, Dialogue: p.person(), Now: p.clock.Now, DialoguesPerMinute: 1000})
	check(p.t, err)
}

// wire carries an agent's steps to the relay as HTTP would.
type wire struct {
	*party
	job string
}

var errCut = errors.New("the agent was killed")

func (w wire) Step(ctx context.Context, step string, body, reply any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if w.around != nil {
		if err := w.around(step, 0); err != nil {
			return err
		}
	}
	answer, err := w.relay.Step(ctx, w.agentID, w.job, step, raw)
	if err != nil {
		return &agent.PortalError{Status: 409, Code: string(problem.CodeOf(err))}
	}
	if w.around != nil {
		if err := w.around(step, 1); err != nil {
			return err
		}
	}
	return json.Unmarshal(answer, reply)
}

// touch lets the agent be seen, as a poll with a signed request does.
func (p *party) touch() {
	p.t.Helper()
	err := p.db.Tx(p.ctx, func(tx *store.Tx) error {
		return tx.DB().Exec("UPDATE relay_agents SET seen_at = ? WHERE id = ?", store.Millis(p.clock.Now()), p.agentID).Error
	})
	check(p.t, err)
}

// work has the agent take its next job and carry it out, without sending how it ended.
func (p *party) work() (*ticket.Job, ticket.Outcome) {
	p.t.Helper()
	job, err := p.relay.Next(p.ctx, p.agentID, 0)
	check(p.t, err)
	if job == nil {
		p.t.Fatal("there is no job")
	}
	return job, p.agent.Do(p.ctx, p.gate, *job, wire{p, job.ID})
}

// run has the agent do its next job to the end.
func (p *party) run() relay.JobView {
	p.t.Helper()
	job, o := p.work()
	check(p.t, p.relay.Result(p.ctx, p.agentID, job.ID, o))
	v, err := p.relay.Job(p.ctx, p.me, job.ID)
	check(p.t, err)
	return v
}

// done expects the next job to succeed.
func (p *party) done() relay.JobView {
	p.t.Helper()
	v := p.run()
	if v.State != relay.Done {
		p.t.Fatalf("%s job is %s: %+v", v.Op, v.State, v.Problem)
	}
	return v
}

// failed expects the next job to fail with a code.
func (p *party) failed(code problem.Code) {
	p.t.Helper()
	v := p.run()
	if v.State != relay.Failed || v.Problem == nil || string(v.Problem.Code) != string(code) {
		p.t.Errorf("%s job is %s: %+v, want %s", v.Op, v.State, v.Problem, code)
	}
}

var target = Target{TokenSerial: tokenNo}

// pay renews the holder's service.
func (p *party) pay() Order {
	p.t.Helper()
	services, err := p.ra.ListServices(p.ctx, p.me, "", Paging{})
	check(p.t, err)
	order, err := p.ra.RenewService(p.ctx, p.me, services.Items[0].ID, 0)
	check(p.t, err)
	order, err = p.ra.ConfirmOrder(p.ctx, p.finance(), order.ID, order.AmountCents, "流水 "+order.Number)
	check(p.t, err)
	return order
}

// certificate is the holder's newest.
func (p *party) certificate() Certificate {
	p.t.Helper()
	certs, err := p.ra.ListCertificates(p.ctx, p.me, "", Paging{})
	check(p.t, err)
	return certs.Items[0]
}

// consent brings a new renewal to where the notice is signed.
func (p *party) consent() Application {
	p.t.Helper()
	a, err := p.ra.StartRenewal(p.ctx, p.me, p.certificate().ID, "")
	check(p.t, err)
	_, err = p.ra.SignConsent(p.ctx, p.me, a.ID, target)
	check(p.t, err)
	p.done()
	return p.application(a.ID)
}

func (p *party) application(id string) Application {
	p.t.Helper()
	a, err := p.ra.Application(p.ctx, p.me, id)
	check(p.t, err)
	return a
}

// enrol starts the writing.
func (p *party) enrol(id string) relay.JobView {
	p.t.Helper()
	v, err := p.ra.StartEnrolment(p.ctx, p.me, id, target)
	check(p.t, err)
	return v
}

// renewed does a whole renewal.
func (p *party) renewed() Application {
	p.t.Helper()
	a := p.consent()
	p.enrol(a.ID)
	p.done()
	return p.application(a.ID)
}

// deliver runs the outbox as jobs would, once, for what is due.
func (o *office) deliver() {
	o.t.Helper()
	topics := o.ra.Topics()
	var names []string
	for name := range topics {
		names = append(names, name)
	}
	messages, err := o.db.Lease(o.ctx, names, "test", 100, time.Minute)
	check(o.t, err)
	for _, m := range messages {
		check(o.t, topics[m.Topic](o.ctx, m))
		check(o.t, o.db.Done(o.ctx, m))
	}
}

// issued counts the certificates at the issuing CA: all, and those not revoked.
func (o *office) issued() (all, good int) {
	o.t.Helper()
	var n struct{ All, Good int }
	check(o.t, o.db.Read(o.ctx).Raw(`SELECT COUNT(*) AS "all", COALESCE(SUM(CASE WHEN r.serial_hex IS NULL THEN 1 ELSE 0 END), 0) AS good
		FROM ca_certificates c LEFT JOIN ca_revocations r ON r.ca = c.ca AND r.serial_hex = c.serial_hex WHERE c.ca = 'issuing' AND c.profile LIKE 'org-%'`).Scan(&n).Error)
	return n.All, n.Good
}

func (o *office) audited() {
	o.t.Helper()
	check(o.t, o.db.VerifyAudit(o.ctx))
}

// serviceNumber makes one of a code, different for each.
func serviceNumber(code string) string {
	n := 0
	for _, c := range code {
		n = (n*31 + int(c)) % 90_000
	}
	return fmt.Sprint(10_000 + n)
}
