package ra

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"testing"

	"signet/api/problem"
	"signet/api/relay"
	"signet/ca/catest"
	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

func accountState(p *party) string {
	var state string
	check(p.t, p.db.Read(p.ctx).Raw("SELECT state FROM acct_accounts WHERE id = ?", p.me.AccountID).Scan(&state).Error)
	return state
}

func TestPossession(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	q := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.P256))
	_, err := o.ra.ProvePossession(o.ctx, p.me, Target{})
	want(t, err, problem.CodeMissingField)
	prove := func(result func(ticket.ProveParams) ticket.ProveResult) relay.JobView {
		_, err := o.ra.ProvePossession(o.ctx, p.me, target)
		check(t, err)
		job, err := o.relay.Next(o.ctx, p.agentID, 0)
		check(t, err)
		var asked ticket.ProveParams
		check(t, json.Unmarshal(job.Params, &asked))
		out := ticket.Outcome{Ticket: ticket.PeekID(job.Ticket), Result: stepOf(t, result(asked))}
		check(t, out.Sign(p.gate.Key))
		check(t, o.relay.Result(o.ctx, p.agentID, job.ID, out))
		v, err := o.relay.Job(o.ctx, p.me, job.ID)
		check(t, err)
		return v
	}
	answer := func(by *party, origin string, nonce []byte) ticket.ProveResult {
		alg, err := pki.SigAlgFor(by.sign.Certificate.PublicKey)
		check(t, err)
		sig, err := pki.Sign(rand.Reader, by.sign.Key.Signer, alg, ticket.ProveMessage(origin, nonce))
		check(t, err)
		return ticket.ProveResult{Certificate: by.sign.Certificate.Raw, Signature: sig, Serial: tokenNo}
	}
	for name, c := range map[string]struct {
		result func(ticket.ProveParams) ticket.ProveResult
		want   problem.Code
	}{
		"another's key":  {func(a ticket.ProveParams) ticket.ProveResult { return answer(q, a.Origin, a.Nonce) }, problem.CodeCertificateForeign},
		"another origin": {func(a ticket.ProveParams) ticket.ProveResult { return answer(p, "https://evil.example", a.Nonce) }, problem.CodeProofFailed},
		"another nonce":  {func(a ticket.ProveParams) ticket.ProveResult { return answer(p, a.Origin, make([]byte, 32)) }, problem.CodeProofFailed},
		"borrowed cert": {func(a ticket.ProveParams) ticket.ProveResult {
			r := answer(q, a.Origin, a.Nonce)
			r.Certificate = p.sign.Certificate.Raw
			return r
		}, problem.CodeProofFailed},
		"encryption cert": {func(a ticket.ProveParams) ticket.ProveResult {
			r := answer(p, a.Origin, a.Nonce)
			r.Certificate = p.enc.Certificate.Raw
			return r
		}, problem.CodeCertificateForeign},
		"not a certificate": {func(ticket.ProveParams) ticket.ProveResult { return ticket.ProveResult{Certificate: []byte("x")} }, problem.CodeProofFailed},
	} {
		if v := prove(c.result); v.Problem == nil || string(v.Problem.Code) != string(c.want) {
			t.Errorf("%s: %+v, want %s", name, v.Problem, c.want)
		}
		if s := accountState(p); s != "unverified" {
			t.Fatalf("%s: the account is %s", name, s)
		}
	}
	_, err = o.ra.ProvePossession(o.ctx, p.me, target)
	check(t, err)
	p.done() // the true agent
	if s := accountState(p); s != "verified" {
		t.Errorf("the account is %s", s)
	}
	_, err = o.ra.ProvePossession(o.ctx, q.me, target)
	check(t, err)
	q.done()
	if s := accountState(q); s != "verified" {
		t.Errorf("with a P-256 key: %s", s)
	}
}

func TestListAndAnnotate(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	q := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
	_, err := o.ra.ListKeys(o.ctx, p.me, "")
	check(t, err)
	v := p.done()
	var found ticket.ListResult
	check(t, json.Unmarshal(v.Result, &found))
	keys, err := o.ra.Annotate(o.ctx, p.me, found)
	check(t, err)
	if len(keys) != 1 || !keys[0].Mine || keys[0].Blank || !keys[0].Simulated || len(keys[0].Objects) != 2 {
		t.Fatalf("keys: %+v", keys)
	}
	for _, ob := range keys[0].Objects {
		if ob.CertificateName != tianguName || ob.CertificateID != p.certificate().ID || ob.KeyAlg != "SM2" || ob.NotAfter.IsZero() {
			t.Errorf("object: %+v", ob)
		}
	}
	theirs, err := o.ra.Annotate(o.ctx, q.me, found)
	check(t, err)
	for _, ob := range theirs[0].Objects {
		if theirs[0].Mine || ob.CertificateName != "" || ob.SerialHex != "" || ob.CertificateID != "" {
			t.Errorf("another organisation learns %+v", ob)
		}
	}
	blank, err := o.ra.Annotate(o.ctx, p.me, ticket.ListResult{Keys: []ticket.TokenInfo{{Serial: "SK-2"}}})
	if err != nil || !blank[0].Blank || blank[0].Mine || blank[0].Objects == nil {
		t.Error(blank, err)
	}
}

func TestSignFile(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	q := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
	doc := ticket.SignParams{Name: "投标文件.pdf", Content: []byte("内容"), Detached: true}
	for name, c := range map[string]struct {
		change func(*ticket.SignParams, *Target)
		want   problem.Code
	}{
		"no token":  {func(_ *ticket.SignParams, t *Target) { t.TokenSerial = "" }, problem.CodeMissingField},
		"no name":   {func(p *ticket.SignParams, _ *Target) { p.Name = "" }, problem.CodeMissingField},
		"empty":     {func(p *ticket.SignParams, _ *Target) { p.Content = nil }, problem.CodeMissingField},
		"too large": {func(p *ticket.SignParams, _ *Target) { p.Content = make([]byte, ticket.MaxContent+1) }, problem.CodePayloadTooLarge},
		"list too long": {func(p *ticket.SignParams, _ *Target) {
			p.Name, p.Content, p.Files = "", nil, make([]ticket.File, ticket.MaxFiles+1)
		}, problem.CodePayloadTooLarge},
		"list and file": {func(p *ticket.SignParams, _ *Target) { p.Files = []ticket.File{{Name: "a", Content: []byte("a")}} }, problem.CodePayloadTooLarge},
		"list with nothing in it": {func(p *ticket.SignParams, _ *Target) {
			p.Name, p.Content, p.Files = "", nil, []ticket.File{{Name: "a"}}
		}, problem.CodeMissingField},
		"style":    {func(p *ticket.SignParams, _ *Target) { p.Style = "pades" }, problem.CodeInvalidField},
		"reserved": {func(p *ticket.SignParams, _ *Target) { p.Style, p.Content = ticket.Raw, []byte("signet-prove\x00…") }, problem.CodeInvalidField},
		"foreign":  {func(p *ticket.SignParams, _ *Target) { p.SPKIHash = spkiHash(q.sign.Certificate) }, problem.CodeCertificateForeign},
		"enc key":  {func(s *ticket.SignParams, _ *Target) { s.SPKIHash = spkiHash(p.enc.Certificate) }, problem.CodeCertificateForeign},
	} {
		d, at := doc, target
		c.change(&d, &at)
		if _, err := o.ra.SignFile(o.ctx, p.me, at, d); !problem.Has(err, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	_, err := o.ra.SignFile(o.ctx, p.me, target, doc)
	check(t, err)
	v := p.done()
	var res ticket.SignResult
	check(t, json.Unmarshal(v.Result, &res))
	signed, err := cms.ParseSigned(res.Signature)
	check(t, err)
	if certs, err := signed.Verify(doc.Content, nil); err != nil || certs[0].SerialHex != p.sign.Certificate.SerialHex || signed.Style != cms.GMT0010 {
		t.Error(certs, err)
	}
	files := []ticket.File{{Name: "投标函.pdf", Content: []byte("一")}, {Name: "报价.pdf", Content: []byte("二")}}
	_, err = o.ra.SignFile(o.ctx, p.me, target, ticket.SignParams{Files: files, Detached: true})
	check(t, err)
	res = ticket.SignResult{}
	check(t, json.Unmarshal(p.done().Result, &res))
	if len(res.Signatures) != len(files) {
		t.Fatalf("%+v", res)
	}
	for i, sig := range res.Signatures {
		signed, err := cms.ParseSigned(sig)
		check(t, err)
		if _, err := signed.Verify(files[i].Content, nil); err != nil {
			t.Errorf("%s: %v", files[i].Name, err)
		}
	}
}

func TestOpenEnvelope(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	q := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
	page, err := ecdh.P256().GenerateKey(rand.Reader)
	check(t, err)
	bid := []byte("投标报价 100 万元")
	seal := func(to *pki.Certificate) ticket.DecryptParams {
		env, err := cms.Encrypt(rand.Reader, bid, []*pki.Certificate{to}, cms.GMT0010)
		check(t, err)
		return ticket.DecryptParams{Name: "投标文件.p7m", Envelope: env, PageKey: page.PublicKey().Bytes()}
	}
	_, err = o.ra.OpenEnvelope(o.ctx, p.me, target, seal(q.enc.Certificate))
	want(t, err, problem.CodeCertificateForeign)
	broken := seal(p.enc.Certificate)
	broken.Envelope = []byte("x")
	_, err = o.ra.OpenEnvelope(o.ctx, p.me, target, broken)
	want(t, err, problem.CodeVerifyMalformed)
	noKey := seal(p.enc.Certificate)
	noKey.PageKey = nil
	_, err = o.ra.OpenEnvelope(o.ctx, p.me, target, noKey)
	want(t, err, problem.CodeInvalidField)
	p.pay()
	p.renewed() // the old certificate is superseded by then
	_, err = o.ra.OpenEnvelope(o.ctx, p.me, target, seal(p.enc.Certificate))
	check(t, err)
	v := p.done()
	var res ticket.DecryptResult
	check(t, json.Unmarshal(v.Result, &res))
	if plain, err := ticket.OpenFromPage(page, res); err != nil || string(plain) != string(bid) {
		t.Errorf("%q, %v", plain, err)
	}
}
