package apitest

import (
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/demo"
	"signet/api/relay"
	"signet/api/store"
	"signet/ca"
	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/cmd/signet/wiring"
	"signet/hsm"
	"signet/hsm/keyfile"
	"signet/ukey"
	"signet/ukey/softkey"
	"signet/ukey/ticket"
)

// officers are the people of a key management centre with their keys.
type officers map[string]*gm.PrivateKey

func newOfficers(t testing.TB, names ...string) officers {
	t.Helper()
	o := officers{}
	for _, n := range names {
		o[n] = newKey(t, pki.SM2).(*gm.PrivateKey)
	}
	return o
}

func (o officers) spki(t testing.TB, who string) []byte {
	t.Helper()
	der, err := pki.MarshalPublicKey(o[who].Public())
	must(t, err)
	return der
}

func (o officers) sign(t testing.TB, who string, statement []byte) []byte {
	t.Helper()
	sig, err := pki.Sign(rand.Reader, o[who], pki.SM2WithSM3, statement)
	must(t, err)
	return sig
}

func (o officers) founders(t testing.TB) [][32]byte {
	return [][32]byte{pki.SPKIHash(o.spki(t, "security")), pki.SPKIHash(o.spki(t, "audit"))}
}

// appoint founds an office and gives it its operators.
func (o officers) appoint(t testing.TB, office *kmc.Office, now func() time.Time) {
	t.Helper()
	must(t, office.Found(t.Context(), []kmc.Officer{
		{ID: "security", Person: "甲", Role: kmc.SecurityAdmin, SPKI: o.spki(t, "security")}, {ID: "audit", Person: "乙", Role: kmc.AuditAdmin, SPKI: o.spki(t, "audit")},
	}))
	for _, p := range [][3]string{{"business", "security", string(kmc.BusinessAdmin)}, {"op1", "business", string(kmc.Operator)}, {"op2", "business", string(kmc.Operator)}} {
		must(t, office.Appoint(t.Context(), o.officer(t, p[0], "person "+p[0], kmc.Role(p[2]), p[1], now())))
	}
}

func (o officers) officer(t testing.TB, id, person string, role kmc.Role, by string, at time.Time) kmc.Officer {
	t.Helper()
	officer := kmc.Officer{ID: id, Person: person, Role: role, SPKI: o.spki(t, id), By: by, At: at.UTC().Truncate(time.Second)}
	officer.Proof = o.sign(t, by, officer.Statement())
	return officer
}

const renewedToken = "SIM-14100AE9"

// approveAll has both operators approve whatever is open.
func (s *System) approveAll(t testing.TB, o officers) {
	t.Helper()
	cases, err := s.DB.KMC().OpenCases(t.Context(), s.Clock.Now(), 10)
	must(t, err)
	for _, c := range cases {
		for _, who := range []string{"op1", "op2"} {
			_, err := s.Centre.Office.Decide(t.Context(), c.ID, who, kmc.ActApprove, o.sign(t, who, c.Statement(kmc.ActApprove, who)))
			must(t, err)
		}
	}
	must(t, s.RA.AskCentre(t.Context()))
}

func (s *System) token(t testing.TB) ukey.Token {
	t.Helper()
	tokens, err := softkey.Open(s.KeysDir()).Tokens(t.Context())
	must(t, err)
	for _, k := range tokens {
		if info, err := k.Info(t.Context()); err == nil && info.Serial == renewedToken {
			return k
		}
	}
	t.Fatal("the token is not plugged in")
	return nil
}

// loseEncryptionKey deletes the pair of a certificate from the token and gives the certificate.
func (s *System) loseEncryptionKey(t testing.TB, owner *demo.Client, certificateID string) *pki.Certificate {
	t.Helper()
	var detail struct{ EncPem string }
	Call(t, owner, http.MethodGet, "/certificates/"+certificateID, nil, &detail)
	certs, err := pki.ParseCertificatesPEM([]byte(detail.EncPem))
	must(t, err)
	key, err := ukey.FindSPKI(t.Context(), s.token(t), certs[0].SPKI)
	must(t, err)
	session, err := s.token(t).Login(t.Context(), ukey.PIN(s.PIN(t, renewedToken)))
	must(t, err)
	must(t, session.Delete(t.Context(), key.ID))
	must(t, session.Close())
	return certs[0]
}

// renewed takes a holder through a renewal on the key, so that there is a pair whose encryption key is in escrow.
func (s *System) renewed(t *testing.T) (owner *demo.Client, certificateID string) {
	t.Helper()
	const token = renewedToken
	owner, _ = s.Holder(t, Qingzhou)
	person := &Person{}
	person.Types(s.PIN(t, token))
	s.Agent(t, owner, person)
	var certificates, services struct{ Items []struct{ ID string } }
	Call(t, owner, http.MethodGet, "/services", nil, &services)
	var made struct{ ID, NewCertificateID, State string }
	Call(t, owner, http.MethodPost, "/services/"+services.Items[0].ID+"/orders", map[string]any{}, &made)
	s.pay(t, made.ID)
	Call(t, owner, http.MethodGet, "/certificates", nil, &certificates)
	Call(t, owner, http.MethodPost, "/certificates/"+certificates.Items[0].ID+"/renewals", nil, &made)
	for _, step := range []string{"/consent", "/enrolment"} {
		_, err := owner.RunJob(t.Context(), "/applications/"+made.ID+step, map[string]any{"tokenSerial": token})
		must(t, err)
	}
	Call(t, owner, http.MethodGet, "/applications/"+made.ID, nil, &made)
	if made.State != "completed" {
		t.Fatalf("the renewal is %s", made.State)
	}
	return owner, made.NewCertificateID
}

type recovery struct {
	ID, State, Number, ToKeyHash string
	Files                        []string
	FetchedAt                    *time.Time
}

// newToken is a key made on a new token, and its request.
func newToken(t testing.TB) (*gm.PrivateKey, []byte) {
	t.Helper()
	key := newKey(t, pki.SM2)
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: "新介质"})
	must(t, err)
	csr, err := pki.CreateCertificateRequest(rand.Reader, key, name)
	must(t, err)
	return key.(*gm.PrivateKey), csr
}

// opensBids has the recovered key open what was sealed to the certificate before the token was lost, and shows that no other key opens the envelope.
func opensBids(t *testing.T, owner *demo.Client, id string, token *gm.PrivateKey) {
	t.Helper()
	var got struct{ EnvelopedKey, EncCertificate []byte }
	Call(t, owner, http.MethodPost, "/recoveries/"+id+"/key", nil, &got)
	cert := certificate(t, got.EncCertificate)
	bid, err := cms.Encrypt(rand.Reader, []byte("投标文件"), []*pki.Certificate{cert}, cms.GMT0010)
	must(t, err)
	envelope, err := cms.ParseEnvelopedKey(got.EnvelopedKey)
	must(t, err)
	if _, err := envelope.Unwrap(newKey(t, pki.SM2).(*gm.PrivateKey)); err == nil {
		t.Error("a key that is not the new token's opens the envelope")
	}
	key, err := envelope.Unwrap(token)
	must(t, err)
	sealed, err := cms.ParseEnveloped(bid)
	must(t, err)
	text, err := sealed.Open(cert, key)
	must(t, err)
	if string(text) != "投标文件" {
		t.Errorf("the bid reads %q", text)
	}
}

func (s *System) messages(t testing.TB, template string) (n int) {
	t.Helper()
	list, err := s.Notices.List(t.Context(), "")
	must(t, err)
	for _, m := range list {
		if m.Template == template {
			n++
		}
	}
	return n
}

func withOfficers(o officers, t testing.TB) Option {
	return func(c *wiring.Config) { c.Escrow.Founders = o.founders(t) }
}

// TestRecovery is the story of a holder whose key broke with sealed bids outside, the centre being inside: every act over HTTP.
func TestRecovery(t *testing.T) {
	o := newOfficers(t, "security", "audit", "business", "op1", "op2", "law1")
	t.Run("sqlite", func(t *testing.T) { recover1(t, o, Start(t, withOfficers(o, t))) })
	t.Run("mariadb", func(t *testing.T) { recover1(t, o, Start(t, withOfficers(o, t), OnMariaDB(t))) })
}

func recover1(t *testing.T, o officers, s *System) {
	o.appoint(t, s.Centre.Office, s.Clock.Now)
	owner, certificateID := s.renewed(t)
	stranger, strangersPhone := s.Holder(t, Jianshe)
	token, csr := newToken(t)
	ask := map[string]any{"reason": "UKey 损坏", "files": []string{"标段一.bid"}, "csr": csr}

	Refused(t, stranger, http.MethodPost, "/certificates/"+certificateID+"/recoveries", ask, http.StatusForbidden, "forbidden") // not verified
	for field, bad := range map[string]map[string]any{
		"toCertificateId": {"reason": "x"}, "reason": {"reason": " ", "csr": csr}, "csr": {"reason": "x", "csr": []byte("no request")},
	} {
		err := owner.Call(t.Context(), http.MethodPost, "/certificates/"+certificateID+"/recoveries", bad, nil)
		if p := refusal(t, err); p.Status != http.StatusBadRequest || p.Field != field {
			t.Errorf("%s: %v", field, p)
		}
	}
	var r recovery
	Call(t, owner, http.MethodPost, "/certificates/"+certificateID+"/recoveries", ask, &r)
	theStaffDecides(t, s, r.ID)
	if r.State != "pending" || !strings.HasPrefix(r.Number, "HF") || len(r.Files) != 1 {
		t.Fatalf("%+v", r)
	}
	Refused(t, owner, http.MethodPost, "/certificates/"+certificateID+"/recoveries", ask, http.StatusConflict, "recovery_open")
	Refused(t, owner, http.MethodPost, "/recoveries/"+r.ID+"/key", nil, http.StatusConflict, "recovery_state")
	Refused(t, stranger, http.MethodGet, "/recoveries/"+r.ID, nil, http.StatusNotFound, "not_found")
	Refused(t, stranger, http.MethodPost, "/recoveries/"+r.ID+"/withdraw", nil, http.StatusNotFound, "not_found")
	if s.messages(t, "recovery_asked") == 0 {
		t.Error("nobody was told of the request")
	}

	officerDecides(t, o, s, r)
	must(t, s.RA.AskCentre(t.Context()))
	Call(t, owner, http.MethodGet, "/recoveries/"+r.ID, nil, &r)
	if r.State != "ready" || s.messages(t, "key_recovered") != 1 || s.messages(t, "recovery_ready") != 1 {
		t.Fatalf("%+v after both approved", r)
	}
	opensBids(t, owner, r.ID, token)
	Call(t, owner, http.MethodGet, "/recoveries/"+r.ID, nil, &r)
	if r.FetchedAt == nil {
		t.Error("fetching was not noted")
	}
	s.verify(t, strangersPhone)
	Refused(t, stranger, http.MethodPost, "/recoveries/"+r.ID+"/key", nil, http.StatusNotFound, "not_found")
	Refused(t, stranger, http.MethodPost, "/certificates/"+certificateID+"/recoveries", ask, http.StatusNotFound, "not_found")

	// A token that lost its encryption key gets it back by the agent, with the signing key it still has.
	var back recovery
	cert := s.loseEncryptionKey(t, owner, certificateID)
	Call(t, owner, http.MethodPost, "/certificates/"+certificateID+"/recoveries", map[string]any{"reason": "误删", "toCertificateId": certificateID}, &back)
	s.reviewRecovery(t, back.ID)
	Refused(t, owner, http.MethodPost, "/recoveries/"+back.ID+"/write", map[string]any{"tokenSerial": renewedToken}, http.StatusConflict, "recovery_state")
	s.approveAll(t, o)
	for range 2 { // again changes nothing
		_, err := owner.RunJob(t.Context(), "/recoveries/"+back.ID+"/write", map[string]any{"tokenSerial": renewedToken})
		must(t, err)
	}
	_, err := ukey.FindSPKI(t.Context(), s.token(t), cert.SPKI)
	must(t, err)

	// The next one is taken back, and cannot be carried out by officers who approve all the same.
	var second recovery
	Call(t, owner, http.MethodPost, "/certificates/"+certificateID+"/recoveries", map[string]any{"reason": "again", "toCertificateId": certificateID}, &second)
	Call(t, owner, http.MethodPost, "/recoveries/"+second.ID+"/withdraw", nil, &second)
	Refused(t, owner, http.MethodPost, "/recoveries/"+second.ID+"/withdraw", nil, http.StatusConflict, "recovery_state")
	if second.State != "withdrawn" {
		t.Errorf("%+v", second)
	}
	theCentreHears(t, s, certificateID)
	must(t, s.DB.VerifyAudit(t.Context()))
}

// theCentreHears of a certificate once it is settled, and of its end.
func theCentreHears(t *testing.T, s *System, certificateID string) {
	t.Helper()
	ctx := t.Context()
	must(t, s.WatchEscrow(ctx)) // not yet: the row is too new
	s.Clock.Advance(2 * time.Minute)
	for range 2 {
		must(t, s.WatchEscrow(ctx))
	}
	if n := count(t, s.DB, "kmc_certificates"); n != 1 {
		t.Errorf("the centre knows of %d certificates", n)
	}
	var serial string
	must(t, s.DB.Read(ctx).Raw("SELECT enc_serial_hex FROM ra_certificates WHERE id = ?", certificateID).Scan(&serial).Error)
	must(t, s.Authority.Revoke(ctx, ca.Revocation{CA: "sm2", SerialHex: serial, Reason: ca.CessationOfOperation, By: "test"}))
	must(t, s.WatchEscrow(ctx))
	var ends int64
	must(t, s.DB.Read(ctx).Raw("SELECT ends_at FROM kmc_certificates WHERE serial = ?", serial).Scan(&ends).Error)
	if store.Time(ends).After(s.Clock.Now()) {
		t.Error("the centre does not know that the certificate was revoked")
	}
}

// officerDecides has the two operators approve over HTTP, and others fail to.
func officerDecides(t *testing.T, o officers, s *System, r recovery) {
	t.Helper()
	anybody := s.Anybody()
	waiting := func(who string, signer string) (list struct {
		Items []struct {
			ID, Reason, Holder, ToKeyHash     string
			ApproveStatement, RejectStatement []byte
		}
	}, err error) {
		at := s.Clock.Now().UTC().Truncate(time.Second)
		err = anybody.Call(t.Context(), http.MethodPost, "/kmc/cases", map[string]any{"officer": who, "at": at, "signature": o.sign(t, signer, kmc.DocketStatement(who, at))}, &list)
		return list, err
	}
	if _, err := waiting("op1", "op2"); refusal(t, err).Code != "officer_refused" {
		t.Error("another officer's signature shows cases")
	}
	if _, err := waiting("law1", "law1"); refusal(t, err).Code != "officer_refused" {
		t.Error("somebody who is no officer sees cases")
	}
	for _, who := range []string{"op1", "op2"} {
		list, err := waiting(who, who)
		must(t, err)
		if len(list.Items) != 1 || !strings.Contains(list.Items[0].Reason, r.Number) || list.Items[0].ToKeyHash != r.ToKeyHash {
			t.Fatalf("%s sees %+v", who, list)
		}
		c := list.Items[0]
		path := "/kmc/cases/" + c.ID + "/decisions"
		say := func(act string, signature []byte) map[string]any {
			return map[string]any{"officer": who, "act": act, "signature": signature}
		}
		Refused(t, anybody, http.MethodPost, path, say("approve", o.sign(t, who, c.RejectStatement)), http.StatusForbidden, "officer_refused")
		Refused(t, anybody, http.MethodPost, path, say("approve", o.sign(t, "business", c.ApproveStatement)), http.StatusForbidden, "officer_refused")
		Call(t, anybody, http.MethodPost, path, say("approve", o.sign(t, who, c.ApproveStatement)), nil)
		if who == "op1" {
			Refused(t, anybody, http.MethodPost, path, say("approve", o.sign(t, who, c.ApproveStatement)), http.StatusConflict, "recovery_state")
			must(t, s.RA.AskCentre(t.Context())) // one approval gives nothing
			if s.messages(t, "key_recovered") != 0 {
				t.Fatal("one officer alone recovered a key")
			}
		}
	}
	Refused(t, anybody, http.MethodPost, "/kmc/cases/00000000000000000000000000000000/decisions", map[string]any{"officer": "op1", "act": "approve", "signature": []byte("x")}, http.StatusNotFound, "not_found")
}

// verify marks the account of a phone as proved.
func (s *System) verify(t testing.TB, phone string) {
	t.Helper()
	var id, organisation string
	must(t, s.DB.Read(t.Context()).Raw("SELECT id, organisation_id FROM acct_accounts WHERE phone = ?", phone).Row().Scan(&id, &organisation))
	must(t, s.DB.Tx(t.Context(), func(tx *store.Tx) error { return account.MarkVerified(tx, organisation, id, "test", "test") }))
}

// recoveryOf puts a request where one would be, for tests that only ask whose it is.
func (s *System) recoveryOf(t testing.TB, certificateID string) string {
	t.Helper()
	const id = "rec_of_the_owner"
	must(t, s.DB.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.DB().Exec(`INSERT INTO ra_recoveries (id, number, state, organisation_id, account_id, certificate_id, enc_spki_hash, to_spki, to_certificate_id, reason, files, envelope, fetched_at, created_at, changed_at)
 SELECT ?, 'HF0', 'requested', organisation_id, 'acc_0', id, '', ?, '', 'x', '[]', ?, 0, 0, 0 FROM ra_certificates WHERE id = ?`, id, []byte{}, []byte{}, certificateID).Error
	}))
	return id
}

// TestOfficersAreNotStaff holds the two offices apart, in both directions.
func TestOfficersAreNotStaff(t *testing.T) {
	o := newOfficers(t, "security", "audit", "business", "op1", "op2", "op3")
	s := Start(t, withOfficers(o, t), func(c *wiring.Config) { c.Escrow.Staff = []string{"张三"} })
	o.appoint(t, s.Centre.Office, s.Clock.Now)
	login := s.Made.Staff[0].Login
	for _, person := range []string{login, strings.ToUpper(login), " 张三 "} {
		err := s.Centre.Office.Appoint(t.Context(), o.officer(t, "op3", person, kmc.Operator, "business", s.Clock.Now()))
		if err == nil || !strings.Contains(err.Error(), "CA") {
			t.Errorf("%q became an officer: %v", person, err)
		}
	}
	must(t, s.Centre.Office.Appoint(t.Context(), o.officer(t, "op3", "lisi", kmc.Operator, "business", s.Clock.Now())))
	staff := func() error {
		hash, err := account.HashPassword(Password)
		must(t, err)
		return s.DB.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := account.CreateStaff(tx, "lisi", account.RoleReviewer, hash)
			return err
		})
	}
	if err := staff(); err == nil || !strings.Contains(err.Error(), "officer") {
		t.Errorf("an officer became staff: %v", err)
	}
	at := s.Clock.Now().UTC().Truncate(time.Second)
	must(t, s.Centre.Office.Dismiss(t.Context(), "op3", "business", at, o.sign(t, "business", kmc.DismissalStatement("op3", "business", at))))
	must(t, staff())
}

// TestOfficerTickets: an officer's computer is paired without an account, and gets tickets for an officer's key and the portal's own words only.
func TestOfficerTickets(t *testing.T) {
	o := newOfficers(t, "security", "audit", "business", "op1", "op2", "law1")
	s := Start(t, withOfficers(o, t))
	o.appoint(t, s.Centre.Office, s.Clock.Now)
	code, err := relay.PairOfficer(t.Context(), s.DB, "op1", "丁", "test")
	must(t, err)
	w := s.wireBy(t, code)
	if status, _, answer := w.send(t, w.request(t, http.MethodGet, "/agent/jobs/next?wait=0", nil, s.Clock.Now())); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, answer) // it may ask, and gets nothing
	}
	c := s.Anybody()
	var begun struct {
		Login string
		Nonce []byte
	}
	Call(t, c, http.MethodPost, "/session/key/nonce", nil, &begun)
	ask := func(who string) map[string]any {
		hash := pki.SPKIHash(o.spki(t, who))
		return map[string]any{"login": begun.Login, "agentId": w.id, "spkiHash": hash[:]}
	}
	Refused(t, c, http.MethodPost, "/kmc/tickets", ask("op1"), http.StatusForbidden, "ticket_expired") // no grant yet
	Call(t, c, http.MethodPost, "/session/key/grants", map[string]any{"login": begun.Login, "nonce": begun.Nonce, "hello": w.hello(t, s.URL, begun.Nonce)}, nil)
	var given struct {
		Officer string
		At      time.Time
		Job     struct{ Params string }
	}
	Call(t, c, http.MethodPost, "/kmc/tickets", ask("op1"), &given)
	var params ticket.SignParams
	must(t, json.Unmarshal([]byte(given.Job.Params), &params))
	if given.Officer != "op1" || string(params.Content) != string(kmc.DocketStatement("op1", given.At)) || params.Style != ticket.Raw {
		t.Errorf("%+v %q", given, params.Content)
	}
	Refused(t, c, http.MethodPost, "/kmc/tickets", ask("law1"), http.StatusForbidden, "officer_refused") // nobody appointed this key
	missing := ask("op1")
	missing["caseId"], missing["act"] = "00000000000000000000000000000000", "approve"
	Refused(t, c, http.MethodPost, "/kmc/tickets", missing, http.StatusNotFound, "not_found")
	at := s.Clock.Now().UTC().Truncate(time.Second)
	must(t, s.Centre.Office.Dismiss(t.Context(), "op1", "business", at, o.sign(t, "business", kmc.DismissalStatement("op1", "business", at))))
	Refused(t, c, http.MethodPost, "/kmc/tickets", ask("op1"), http.StatusForbidden, "officer_refused")
}

// TestNoOfficersNoRecovery: a server whose configuration names no founders recovers nothing and says so.
func TestNoOfficersNoRecovery(t *testing.T) {
	s := Start(t)
	owner, phone := s.Holder(t, Qingzhou)
	s.verify(t, phone)
	Refused(t, owner, http.MethodPost, "/certificates/cer_0/recoveries", map[string]any{"reason": "x", "toCertificateId": "y"}, http.StatusConflict, "recovery_unavailable")
	at := s.Clock.Now().UTC().Truncate(time.Second)
	Refused(t, s.Anybody(), http.MethodPost, "/kmc/cases", map[string]any{"officer": "op1", "at": at, "signature": []byte("x")}, http.StatusConflict, "recovery_unavailable")
}

// centre is a key management centre of its own, in this process, behind its own listener.
func centre(t *testing.T, o officers, clock *Clock) (*wiring.CentreSystem, *wiring.Remote, func(hsm.Keystore)) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	keys, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(dir, "hsm"), Passphrase: []byte("the centre's own")})
	must(t, err)
	own := messageKey(t, keys, "kmc")
	database := store.Config{Driver: store.SQLite, DSN: filepath.Join(dir, "kmc.db"), Create: true, Now: clock.Now}
	db, err := store.Open(ctx, database)
	must(t, err)
	must(t, db.Migrate(ctx))
	must(t, db.Close())
	remote := &wiring.Remote{Centre: own, Key: "ca-kmc"}
	var system *wiring.CentreSystem
	open := func(caKeys hsm.Keystore) {
		remote.Certificate = messageKey(t, caKeys, "ca-kmc")
		opened, err := wiring.OpenCentre(ctx, wiring.CentreConfig{
			Database: database, Keys: keys, Escrow: wiring.Escrow{Founders: o.founders(t)}, Key: "kmc", Certificate: own,
			Partners: []kmc.Partner{{ID: "ca1", Certificate: remote.Certificate}}, Log: slog.New(slog.DiscardHandler),
		})
		must(t, err)
		*system = *opened
		server := httptest.NewServer(opened.Handler)
		remote.URL = server.URL
		t.Cleanup(func() {
			server.Close()
			must(t, opened.Close())
		})
	}
	system = &wiring.CentreSystem{}
	return system, remote, open
}

func messageKey(t testing.TB, keys hsm.Keystore, label string) *pki.Certificate {
	t.Helper()
	ref, err := keys.Generate(t.Context(), label, pki.SM2)
	must(t, err)
	key, err := keys.Signer(t.Context(), ref)
	must(t, err)
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: label})
	must(t, err)
	serial, err := pki.NewSerial(rand.Reader)
	must(t, err)
	tbs, err := pki.Template{
		Serial: serial, Issuer: name, Subject: name, SPKI: ref.SPKI, SigAlg: pki.SM2WithSM3, NotBefore: time.Now().Add(-time.Hour).UTC().Truncate(time.Second),
		NotAfter: time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Second), Extensions: []pki.Extension{pki.ExtSKI(pki.KeyID(key.Public()))},
	}.TBS()
	must(t, err)
	sig, err := pki.Sign(rand.Reader, key, pki.SM2WithSM3, tbs)
	must(t, err)
	der, err := pki.Assemble(tbs, pki.SM2WithSM3, sig)
	must(t, err)
	return certificate(t, der)
}

// TestRecoveryAtAnotherCentre is the same story with the centre in a system of its own: renewal, recovery, revocation and archiving go by GM/T 0014.
func TestRecoveryAtAnotherCentre(t *testing.T) {
	o := newOfficers(t, "security", "audit", "business", "op1", "op2")
	clock := &Clock{}
	far, remote, open := centre(t, o, clock)
	s := Start(t, func(c *wiring.Config) {
		open(c.Keys)
		c.Escrow.Remote = remote
	})
	ctx := t.Context()
	o.appoint(t, far.Centre.Office, clock.Now)
	owner, certificateID := s.renewed(t)
	if n := count(t, s.DB, "kmc_keys"); n != 0 {
		t.Errorf("%d keys are in escrow at the CA", n)
	}
	if n := count(t, far.DB, "kmc_certificates"); n != 1 {
		t.Errorf("%d certificates at the centre", n)
	}
	token, csr := newToken(t)
	var r recovery
	Call(t, owner, http.MethodPost, "/certificates/"+certificateID+"/recoveries", map[string]any{"reason": "UKey 丢失", "csr": csr}, &r)
	s.reviewRecovery(t, r.ID)
	cases, err := far.DB.KMC().OpenCases(ctx, clock.Now(), 10)
	must(t, err)
	if len(cases) != 1 || cases[0].OpenedBy != "ca:ca1" || !strings.Contains(cases[0].Reason, "丢失") {
		t.Fatalf("cases %+v", cases)
	}
	for _, who := range []string{"op1", "op2"} {
		_, err := far.Centre.Office.Decide(ctx, cases[0].ID, who, kmc.ActApprove, o.sign(t, who, cases[0].Statement(kmc.ActApprove, who)))
		must(t, err)
	}
	must(t, s.RA.AskCentre(ctx))
	opensBids(t, owner, r.ID, token)
	if n := count(t, far.DB, "kmc_notices"); n != 1 {
		t.Errorf("the centre noted %d recoveries to tell of", n)
	}
	Refused(t, s.Anybody(), http.MethodPost, "/kmc/cases", map[string]any{"officer": "op1", "at": clock.Now().UTC().Truncate(time.Second), "signature": []byte("x")}, http.StatusConflict, "recovery_unavailable")

	// The centre hears of the end of the certificate.
	s.Clock.Advance(2 * time.Minute)
	must(t, s.WatchEscrow(ctx))
	ends := func() (at int64) {
		must(t, far.DB.Read(ctx).Raw("SELECT ends_at FROM kmc_certificates").Scan(&at).Error)
		return at
	}
	if store.Time(ends()).Before(clock.Now().AddDate(20, 0, 0)) {
		t.Error("the certificate has ended at the centre before it was revoked")
	}
	var serial string
	must(t, s.DB.Read(ctx).Raw("SELECT enc_serial_hex FROM ra_certificates WHERE id = ?", certificateID).Scan(&serial).Error)
	clock.Advance(2 * time.Minute)
	must(t, s.Authority.Revoke(ctx, ca.Revocation{CA: "sm2", SerialHex: serial, Reason: ca.KeyCompromise, By: "test"}))
	must(t, s.WatchEscrow(ctx))
	if store.Time(ends()).After(clock.Now().Add(5 * time.Minute)) {
		t.Error("the centre does not know that the certificate was revoked")
	}
	must(t, s.DB.VerifyAudit(ctx))
	must(t, far.DB.VerifyAudit(ctx))
}

func count(t testing.TB, db *store.DB, table string) (n int64) {
	t.Helper()
	must(t, db.Read(t.Context()).Table(table).Count(&n).Error)
	return n
}

// reviewRecovery has a reviewer and an approver let a recovery go to the officers.
func (s *System) reviewRecovery(t testing.TB, id string) {
	t.Helper()
	for _, role := range []string{"reviewer", "approver"} {
		Call(t, s.Staff(t, role), http.MethodPost, "/admin/recoveries/"+id+"/decision", map[string]any{"approve": true}, nil)
	}
}

// theStaffDecides takes a recovery through its review: each step is of one role, and nothing reaches the officers before both.
func theStaffDecides(t *testing.T, s *System, id string) {
	t.Helper()
	reviewer, approver, yes := s.Staff(t, "reviewer"), s.Staff(t, "approver"), map[string]any{"approve": true}
	at := "/admin/recoveries/" + id
	must(t, s.RA.AskCentre(t.Context()))
	if open, err := s.DB.KMC().OpenCases(t.Context(), s.Clock.Now(), 10); err != nil || len(open) != 0 {
		t.Errorf("before the review the officers have %d cases, %v", len(open), err)
	}
	Refused(t, approver, http.MethodPost, at+"/decision", yes, http.StatusForbidden, "forbidden") // the first step is a reviewer's
	Refused(t, reviewer, http.MethodPost, at+"/decision", map[string]any{"approve": false}, http.StatusBadRequest, "missing_field")
	Refused(t, reviewer, http.MethodGet, "/admin/recoveries/rec_0", nil, http.StatusNotFound, "not_found")
	var v struct {
		Recovery         struct{ State string }
		OrganisationName string
		ReviewedBy       string
	}
	Call(t, reviewer, http.MethodGet, at, nil, &v)
	if v.Recovery.State != "pending" || v.OrganisationName == "" {
		t.Errorf("for review %+v", v)
	}
	Call(t, reviewer, http.MethodPost, at+"/decision", yes, &v)
	if v.Recovery.State != "second" || v.ReviewedBy == "" {
		t.Errorf("after the first review %+v", v)
	}
	Refused(t, reviewer, http.MethodPost, at+"/decision", yes, http.StatusForbidden, "forbidden") // the second is an approver's
	if open, err := s.DB.KMC().OpenCases(t.Context(), s.Clock.Now(), 10); err != nil || len(open) != 0 {
		t.Errorf("after one review the officers have %d cases, %v", len(open), err)
	}
	Call(t, approver, http.MethodPost, at+"/decision", yes, &v)
	if v.Recovery.State != "requested" {
		t.Errorf("after the second review %+v", v)
	}
	Refused(t, approver, http.MethodPost, at+"/decision", yes, http.StatusConflict, "recovery_state")
}
