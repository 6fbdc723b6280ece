package agent

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/softkey"
	"signet/ukey/ticket"
)

func TestList(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	var got ticket.ListResult
	r.result(r.portal.Dispatch(ticket.OpList, "", ticket.ListParams{}), &got)
	if len(got.Keys) != 1 || got.Keys[0].Serial != testSerial || !got.Keys[0].Simulated || got.Keys[0].PINTriesLeft != 6 || len(got.Keys[0].Objects) != 3 {
		t.Fatalf("%+v", got)
	}
	if o := got.Keys[0].Objects[0]; string(o.Certificate) != string(old.sign.Raw) || o.Usage != "sign" {
		t.Errorf("%+v", o)
	}
	if len(r.person.prompts()) != 0 {
		t.Error("a list asked the person")
	}
	r.pull()
	r.result(r.portal.Dispatch(ticket.OpList, "", ticket.ListParams{}), &got)
	if len(got.Keys) != 0 {
		t.Errorf("pulled: %+v", got)
	}
}

func TestProve(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	nonce := make([]byte, 32)
	var got ticket.ProveResult
	r.result(r.portal.Dispatch(ticket.OpProve, testSerial, ticket.ProveParams{Origin: r.portal.URL, Nonce: nonce}), &got)
	cert, err := pki.ParseCertificate(got.Certificate)
	if err != nil || cert.SerialHex != old.sign.SerialHex || got.Serial != testSerial {
		t.Fatal(got, err)
	}
	if err := pki.Verify(cert.PublicKey, pki.SM2WithSM3, ticket.ProveMessage(r.portal.URL, nonce), got.Signature); err != nil {
		t.Error(err)
	}
	r.result(r.portal.Dispatch(ticket.OpProve, "", ticket.ProveParams{Origin: r.portal.URL, Nonce: nonce, SPKIHash: old.signHash}), &got)
}

func TestSignStyles(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	content := []byte("数字证书延期风险告知函")
	for _, style := range []ticket.Style{ticket.GMT0010, ticket.RFC5652, ticket.Raw} {
		for _, detached := range []bool{false, true} {
			in := ticket.SignParams{Name: "告知函.txt", Content: content, Detached: detached, Style: style, SPKIHash: old.signHash}
			var got ticket.SignResult
			r.result(r.portal.Dispatch(ticket.OpSign, testSerial, in), &got)
			if style == ticket.Raw {
				if err := pki.Verify(old.sign.PublicKey, pki.SM2WithSM3, content, got.Signature); err != nil {
					t.Error(err)
				}
				continue
			}
			signed, err := cms.ParseSigned(got.Signature)
			if err != nil || signed.Detached != detached {
				t.Fatal(signed, err)
			}
			var outside []byte
			if detached {
				outside = content
			}
			signers, err := signed.Verify(outside, nil)
			if err != nil || len(signers) != 1 || signers[0].SerialHex != old.sign.SerialHex {
				t.Errorf("%s: %v", style, err)
			}
		}
	}
}

func decryptParams(t *testing.T, to *pki.Certificate, page *ecdh.PrivateKey) ticket.DecryptParams {
	t.Helper()
	msg, err := cms.Encrypt(rand.Reader, []byte("报价 42 元"), []*pki.Certificate{to}, cms.GMT0010)
	if err != nil {
		t.Fatal(err)
	}
	return ticket.DecryptParams{Name: "投标文件.enc", Envelope: msg, PageKey: page.PublicKey().Bytes()}
}

func TestDecrypt(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	page, _ := ecdh.P256().GenerateKey(rand.Reader)
	for _, cert := range []*pki.Certificate{old.enc, old.rsa} {
		var got ticket.DecryptResult
		r.result(r.portal.Dispatch(ticket.OpDecrypt, "", decryptParams(t, cert, page)), &got)
		if plain, err := ticket.OpenFromPage(page, got); err != nil || string(plain) != "报价 42 元" {
			t.Errorf("%q, %v", plain, err)
		}
	}
	foreign, _ := pki.GenerateKey(pki.SM2, rand.Reader)
	cert := r.portal.CA.Certify(t, foreign.Public(), "别人", pki.EncryptionUsage)
	r.refused(r.portal.Dispatch(ticket.OpDecrypt, "", decryptParams(t, cert, page)), ticket.KeyWrongSerial)
	in := decryptParams(t, old.enc, page)
	in.Envelope[len(in.Envelope)-1] ^= 1
	r.refused(r.portal.Dispatch(ticket.OpDecrypt, "", in), ticket.OperationRefused)
	in = decryptParams(t, old.enc, page)
	in.PageKey = in.PageKey[:10]
	asked := len(r.person.prompts())
	r.refused(r.portal.Dispatch(ticket.OpDecrypt, "", in), ticket.OperationRefused)
	if len(r.person.prompts()) != asked {
		t.Error("the person was asked for a job that cannot be done")
	}
}

// TestPulledWhileDecrypting: with RSA a parser must hide a bad key, but a key that is gone is not a bad key.
func TestPulledWhileDecrypting(t *testing.T) {
	for _, alg := range []string{"sm2", "rsa"} {
		t.Run(alg, func(t *testing.T) {
			r := newRig(t)
			old := r.seed()
			cert := old.enc
			if alg == "rsa" {
				cert = old.rsa
			}
			page, _ := ecdh.P256().GenerateKey(rand.Reader)
			logins := 0
			r.fault = func(point string) error {
				if point == "after write tries.json" {
					if logins++; logins == 2 { // logged in: now it goes
						r.pull()
					}
				}
				return nil
			}
			r.refused(r.portal.Dispatch(ticket.OpDecrypt, testSerial, decryptParams(t, cert, page)), ticket.KeyPulled)
		})
	}
}

// TestGate is attacks 4 and 5: nothing happens, and nobody is asked, without a good ticket. Every operation
// goes through the same gate.
func TestGate(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	spoils := map[string]struct {
		spoil func(*ticket.Claims)
		code  ticket.Code
	}{
		"another agent":  {func(c *ticket.Claims) { c.Agent = "agt_9" }, ticket.TicketInvalid},
		"another portal": {func(c *ticket.Claims) { c.Issuer = "https://evil.example" }, ticket.TicketInvalid},
		"expired":        {func(c *ticket.Claims) { c.IssuedAt -= 200; c.Expires -= 200 }, ticket.TicketExpired},
		"other params":   {func(c *ticket.Claims) { c.ParamsHash = ticket.ParamsHash([]byte("{}x")) }, ticket.TicketInvalid},
	}
	jobs := map[ticket.Op]any{
		ticket.OpList: ticket.ListParams{}, ticket.OpProve: ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)},
		ticket.OpSign:    ticket.SignParams{Name: "x", Content: []byte("x"), Style: ticket.Raw, SPKIHash: old.signHash},
		ticket.OpDecrypt: ticket.DecryptParams{Name: "x"}, ticket.OpEnrol: ticket.EnrolParams{Enrolment: "e"},
	}
	for op, params := range jobs {
		for name, s := range spoils {
			j := r.portal.Dispatch(op, testSerial, params)
			j.Spoil = s.spoil
			t.Run(string(op)+" "+name, func(t *testing.T) { r.refused(j, s.code) })
		}
		j := r.portal.Dispatch(op, testSerial, params)
		given := r.portal.Ticket(j, r.id)
		given.Ticket = "" // a local process without the portal's key
		if o := r.agent.Do(t.Context(), r.gate, given, nil); o.Problem == nil || o.Problem.Code != ticket.TicketInvalid {
			t.Errorf("%s without a ticket: %+v", op, o)
		}
	}
	if n := len(r.person.prompts()); n != 0 {
		t.Errorf("the person was asked %d times", n)
	}
}

func TestReplayAcrossRestart(t *testing.T) {
	r := newRig(t)
	j := r.portal.Dispatch(ticket.OpList, "", ticket.ListParams{})
	given := r.portal.Ticket(j, r.id)
	if o := r.agent.Do(t.Context(), r.gate, given, nil); o.Problem != nil {
		t.Fatal(o.Problem)
	}
	for range 2 {
		if o := r.agent.Do(t.Context(), r.gate, given, nil); o.Problem == nil || o.Problem.Code != ticket.TicketReplayed {
			t.Fatalf("%+v", o)
		}
		r.restart()
	}
}

// TestRefusedOperations is attacks 13 and 23: what the ticket allows is still only what the agent ever does.
func TestRefusedOperations(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	encHash := pki.SPKIHash(old.enc.SPKI)
	nonce := make([]byte, 32)
	sign := func(f func(*ticket.SignParams)) ticket.SignParams {
		in := ticket.SignParams{Name: "x", Content: []byte("x"), Style: ticket.GMT0010, SPKIHash: old.signHash}
		f(&in)
		return in
	}
	for name, c := range map[string]struct {
		op     ticket.Op
		serial string
		params any
		code   ticket.Code
	}{
		"proof for another origin": {ticket.OpProve, testSerial, ticket.ProveParams{Origin: "https://bank.example", Nonce: nonce}, ticket.OperationRefused},
		"short nonce":              {ticket.OpProve, testSerial, ticket.ProveParams{Origin: r.portal.URL, Nonce: nonce[:8]}, ticket.OperationRefused},
		"a text as nonce":          {ticket.OpProve, testSerial, ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 65)}, ticket.OperationRefused},
		"no key named":             {ticket.OpProve, "", ticket.ProveParams{Origin: r.portal.URL, Nonce: nonce}, ticket.OperationRefused},
		"another token":            {ticket.OpProve, "SK-0002", ticket.ProveParams{Origin: r.portal.URL, Nonce: nonce}, ticket.KeyWrongSerial},
		"unknown parameter":        {ticket.OpProve, testSerial, json.RawMessage(`{"origin":"` + r.portal.URL + `","nonce":"AAAAAAAAAAAAAAAAAAAAAA==","digest":"AA=="}`), ticket.OperationRefused},
		"two documents":            {ticket.OpList, testSerial, json.RawMessage(`{} {}`), ticket.OperationRefused},
		"sign without key":         {ticket.OpSign, testSerial, sign(func(in *ticket.SignParams) { in.SPKIHash = nil }), ticket.OperationRefused},
		"sign with encryption key": {ticket.OpSign, testSerial, sign(func(in *ticket.SignParams) { in.SPKIHash = encHash[:] }), ticket.KeyWrongSerial},
		"sign a proof message": {ticket.OpSign, testSerial, sign(func(in *ticket.SignParams) {
			in.Style, in.Content = ticket.Raw, ticket.ProveMessage("https://bank.example", nonce)
		}), ticket.OperationRefused},
		"unknown form":        {ticket.OpSign, testSerial, sign(func(in *ticket.SignParams) { in.Style = "digest" }), ticket.OperationRefused},
		"too long":            {ticket.OpSign, testSerial, sign(func(in *ticket.SignParams) { in.Content = make([]byte, ticket.MaxContent+1) }), ticket.OperationRefused},
		"empty":               {ticket.OpSign, testSerial, sign(func(in *ticket.SignParams) { in.Content = nil }), ticket.OperationRefused},
		"nameless":            {ticket.OpSign, testSerial, sign(func(in *ticket.SignParams) { in.Name = "" }), ticket.OperationRefused},
		"enrol any token":     {ticket.OpEnrol, "", ticket.EnrolParams{Enrolment: "e", CommonName: "x", KeyAlg: "SM2", SignKeyID: ticket.NewKeyID(), EncKeyID: ticket.NewKeyID()}, ticket.OperationRefused},
		"enrol wrong token":   {ticket.OpEnrol, "SK-0002", ticket.EnrolParams{Enrolment: "e", CommonName: "x", KeyAlg: "SM2", SignKeyID: ticket.NewKeyID(), EncKeyID: ticket.NewKeyID()}, ticket.KeyWrongSerial},
		"enrol odd algorithm": {ticket.OpEnrol, testSerial, ticket.EnrolParams{Enrolment: "e", CommonName: "x", KeyAlg: "RSA-512", SignKeyID: ticket.NewKeyID(), EncKeyID: ticket.NewKeyID()}, ticket.OperationRefused},
		"enrol odd ids":       {ticket.OpEnrol, testSerial, ticket.EnrolParams{Enrolment: "e", CommonName: "x", KeyAlg: "SM2", SignKeyID: "../x", EncKeyID: ticket.NewKeyID()}, ticket.OperationRefused},
	} {
		t.Run(name, func(t *testing.T) { r.refused(r.portal.Dispatch(c.op, c.serial, c.params), c.code) })
	}
	if n := len(r.person.prompts()); n != 0 {
		t.Errorf("the person was asked %d times for what is never done", n)
	}
	r.pull()
	r.refused(r.portal.Dispatch(ticket.OpProve, testSerial, ticket.ProveParams{Origin: r.portal.URL, Nonce: nonce}), ticket.KeyAbsent)
}

// TestConsentShown is attack 9: the window says who asks, for whom, which key and what, and no portal can
// forge a line of it.
func TestConsentShown(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	j := r.portal.Dispatch(ticket.OpSign, testSerial, ticket.SignParams{Name: "告知函.txt\nPortal: https://bank.example", Content: []byte("正文"), Style: ticket.GMT0010, SPKIHash: old.signHash})
	j.Display = []ticket.Line{{Label: "申请单", Value: "SQ20261121001"}, {Label: "x\n网站 Portal", Value: "https://bank.example"}}
	r.result(j, &ticket.SignResult{})
	shown := r.person.prompts()
	if len(shown) != 1 {
		t.Fatalf("%d questions for one job", len(shown))
	}
	for _, want := range []string{"Portal: " + r.portal.URL, "13800000000", "擎洲测试投标人6", "测试 UKey · SK-0001", "软件模拟", "签署一份文件", "sign a document", "告知函.txt�", "SHA-256", "申请单: SQ20261121001"} {
		if !strings.Contains(shown[0].Text, want) {
			t.Errorf("%q is not shown in\n%s", want, shown[0].Text)
		}
	}
	for line := range strings.SplitSeq(shown[0].Text, "\n") {
		if strings.Contains(line, "bank.example") && !strings.Contains(line, "�") {
			t.Errorf("forged line: %s", line)
		}
	}
}

// TestDialogueFlood is the other half of attack 9: a portal cannot wear a person down with windows.
func TestDialogueFlood(t *testing.T) {
	r := newRig(t, func(c *Config) { c.DialoguesPerMinute = 3 })
	r.seed()
	r.person.answers = []string{"cancel", "cancel", "cancel"}
	params := ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)}
	for range 3 {
		r.refused(r.portal.Dispatch(ticket.OpProve, testSerial, params), ticket.PINCancelled)
	}
	r.refused(r.portal.Dispatch(ticket.OpProve, testSerial, params), ticket.OperationRefused)
	if n := len(r.person.prompts()); n != 3 {
		t.Errorf("%d windows", n)
	}
}

// TestLoggedOutAfterwards is attack 10: no login outlives its job, whether it succeeds or fails.
func TestLoggedOutAfterwards(t *testing.T) {
	r := newRig(t)
	r.seed()
	params := ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)}
	r.result(r.portal.Dispatch(ticket.OpProve, testSerial, params), &ticket.ProveResult{})
	r.session().Close() // would be busy
	r.person.answers = []string{"cancel"}
	r.refused(r.portal.Dispatch(ticket.OpProve, testSerial, params), ticket.PINCancelled) // and the PIN is asked again
	if n := len(r.person.prompts()); n != 2 {
		t.Errorf("asked %d times for two jobs", n)
	}
	s := r.session()
	r.refused(r.portal.Dispatch(ticket.OpProve, testSerial, params), ticket.Conflict)
	s.Close()
}

func TestOneJobAtATime(t *testing.T) {
	r := newRig(t)
	r.seed()
	outcomes := make(chan ticket.Outcome)
	for range 4 {
		j := r.portal.Dispatch(ticket.OpProve, testSerial, ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)})
		given := r.portal.Ticket(j, r.id)
		go func() { outcomes <- r.agent.Do(context.Background(), r.gate, given, nil) }()
	}
	for range 4 {
		if o := <-outcomes; o.Problem != nil { // a second login at the same time would be ErrBusy after a while
			t.Error(o.Problem)
		}
	}
}

// TestWrongPIN is attack 11: only the person's typing reaches the key, and the last try only after a warning.
func TestWrongPIN(t *testing.T) {
	r := newRig(t)
	r.seed()
	prove := func() *ticketJob {
		return &ticketJob{r, ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)}}
	}
	left := func(want int) {
		t.Helper()
		if info, err := r.token.Info(t.Context()); err != nil || info.PINTriesLeft != want {
			t.Fatalf("%d tries left (%v), want %d", info.PINTriesLeft, err, want)
		}
	}
	r.person.answers = []string{"pin wrong-one", "pin " + testPIN}
	prove().succeeds()
	if p := r.person.prompts(); len(p) != 2 || !strings.Contains(p[1].Warning, "5 次") || !strings.Contains(p[1].Warning, "5 tries left") {
		t.Errorf("%+v", p)
	}
	left(6)
	r.person.answers = []string{"pin "} // an empty field is no try
	prove().fails(ticket.PINCancelled)
	left(6)
	r.person.answers = []string{"pin wrong-one", "cancel"}
	prove().fails(ticket.PINCancelled)
	left(5)
	r.person.answers = []string{"pin wrong-2", "pin wrong-3", "pin wrong-4", "pin wrong-5", "cancel"}
	if p := prove().fails(ticket.PINWrong); p.TriesLeft != 1 {
		t.Errorf("%+v", p)
	}
	left(1)
	last := r.person.prompts()
	if w := last[len(last)-1].Warning; w != lastTry {
		t.Errorf("no warning before the last try: %q", w)
	}
	r.person.answers = []string{"cancel"} // a new job begins with the warning
	prove().fails(ticket.PINWrong)
	left(1)
	r.person.answers = []string{"ok", "pin wrong-6"}
	prove().fails(ticket.PINLocked)
	left(0)
	asked := len(r.person.prompts())
	prove().fails(ticket.PINLocked)
	if len(r.person.prompts()) != asked {
		t.Error("asked for the PIN of a locked key")
	}
	if err := r.token.Unblock(t.Context(), ukey.PIN(testSO), ukey.PIN(testPIN)); err != nil {
		t.Fatal(err)
	}
	prove().succeeds()
}

type ticketJob struct {
	r      *rig
	params ticket.ProveParams
}

func (j *ticketJob) succeeds() {
	j.r.t.Helper()
	j.r.result(j.r.portal.Dispatch(ticket.OpProve, testSerial, j.params), &ticket.ProveResult{})
}

func (j *ticketJob) fails(code ticket.Code) *ticket.Problem {
	j.r.t.Helper()
	return j.r.refused(j.r.portal.Dispatch(ticket.OpProve, testSerial, j.params), code)
}

func TestNobodyAnswers(t *testing.T) {
	r := newRig(t, func(c *Config) { c.AnswerFor = 50 * time.Millisecond })
	r.seed()
	r.person.answers = []string{"wait"}
	(&ticketJob{r, ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)}}).fails(ticket.JobExpired)
	r = newRig(t, func(c *Config) { c.Dialogue = nil })
	r.seed()
	(&ticketJob{r, ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)}}).fails(ticket.OperationRefused)
}

// TestPINFlowsThroughPinentry runs the flows through a real program and protocol.
func TestPINFlowsThroughPinentry(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		code  ticket.Code
	}{
		"right":              {[]string{"pin " + testPIN}, ""},
		"wrong, then right":  {[]string{"pin nope-nope", "pin " + testPIN}, ""},
		"cancelled":          {[]string{"cancel"}, ticket.PINCancelled},
		"wrong, cancelled":   {[]string{"pin nope-nope", "cancel"}, ticket.PINCancelled},
		"timed out":          {[]string{"timeout"}, ticket.JobExpired},
		"crashed":            {[]string{"die"}, ticket.OperationRefused},
		"last try refused":   {[]string{"pin n1-nope", "pin n2-nope", "pin n3-nope", "pin n4-nope", "pin n5-nope", "refuse"}, ticket.PINWrong},
		"last try and wrong": {[]string{"pin n1-nope", "pin n2-nope", "pin n3-nope", "pin n4-nope", "pin n5-nope", "ok", "pin n6-nope"}, ticket.PINLocked},
	} {
		t.Run(name, func(t *testing.T) {
			p, seen := script(t, c.lines...)
			r := newRig(t, func(c *Config) { c.Dialogue = p })
			r.seed()
			job := r.portal.Dispatch(ticket.OpProve, testSerial, ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)})
			if c.code == "" {
				r.result(job, &ticket.ProveResult{})
			} else {
				r.refused(job, c.code)
			}
			if !strings.Contains(seen(), r.portal.URL) || !strings.Contains(seen(), testSerial) {
				t.Errorf("shown:\n%s", seen())
			}
		})
	}
}

// TestSecretsStayInside is attack 21: no PIN in logs, state, or anything the agent writes or sends.
func TestSecretsStayInside(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	const wrong = "Wrong-PIN-secret"
	r.person.answers = []string{"pin " + wrong, "pin " + testPIN, "pin " + wrong, "cancel"}
	prove := ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)}
	var wire strings.Builder
	for range 2 {
		o := r.do(r.portal.Dispatch(ticket.OpProve, testSerial, prove))
		b, _ := json.Marshal(o)
		wire.Write(b)
	}
	e := r.portal.NewEnrolment(old.signHash, old.enc, old.rsa)
	b, _ := json.Marshal(r.do(r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params)))
	wire.Write(b)
	all := map[string]string{"log": r.log.String(), "wire": wire.String()}
	err := filepath.WalkDir(r.home, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		if info, _ := d.Info(); info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range all {
		for _, secret := range []string{testPIN, wrong, testSO} {
			if strings.Contains(text, secret) {
				t.Errorf("a PIN in %s", where)
			}
		}
	}
}

func TestTwoTokens(t *testing.T) {
	r := newRig(t)
	r.seed()
	if _, err := softkey.Create(filepath.Join(r.home, "slot", "other"), softkey.Config{Serial: "SK-0002", PIN: ukey.PIN("Other-PIN-9"),
		SOPIN: ukey.PIN(testSO), KDF: cheap}); err != nil {
		t.Fatal(err)
	}
	r.result(r.portal.Dispatch(ticket.OpProve, testSerial, ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)}), &ticket.ProveResult{})
	r.refused(r.portal.Dispatch(ticket.OpProve, "SK-0002", ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)}), ticket.KeyWrongSerial)
	r.pull() // the right one is out, another one is in
	r.refused(r.portal.Dispatch(ticket.OpProve, testSerial, ticket.ProveParams{Origin: r.portal.URL, Nonce: make([]byte, 32)}), ticket.KeyWrongSerial)
}

func TestProblemOf(t *testing.T) {
	if p := problemOf(errors.New("open /home/person/.config: denied")); p.Code != ticket.Internal || strings.Contains(p.Detail, "person") {
		t.Errorf("%+v", p)
	}
	if p := problemOf(&PortalError{Status: 422, Code: "csr_key_mismatch"}); p.Code != "csr_key_mismatch" {
		t.Errorf("%+v", p)
	}
}
