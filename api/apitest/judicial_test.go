package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/ca/cms"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/cmd/signet/wiring"
)

// TestJudicialOverTheSocket carries a judicial recovery out in the running server, which tells the holder.
func TestJudicialOverTheSocket(t *testing.T) {
	o := newOfficers(t, "security", "audit", "business", "op1", "op2", "law1", "law2")
	dir := filepath.Join(t.TempDir(), "run")
	must(t, os.Mkdir(dir, 0o700))
	socket := filepath.Join(dir, "kmc.sock")
	s := Start(t, withOfficers(o, t), func(c *wiring.Config) { c.Escrow.Socket = socket })
	office, ctx := s.Centre.Office, t.Context()
	o.appoint(t, office, s.Clock.Now)
	for _, law := range []string{"law1", "law2"} {
		must(t, office.Appoint(ctx, o.officer(t, law, "person "+law, kmc.Forensic, "business", s.Clock.Now())))
	}
	s.Holder(t, Qingzhou) // so that there is somebody to tell
	var organisation string
	must(t, s.DB.Read(ctx).Raw("SELECT organisation_id FROM acct_accounts WHERE phone IS NOT NULL AND organisation_id IS NOT NULL").Scan(&organisation).Error)
	spki, err := pki.MarshalPublicKey(newKey(t, pki.SM2).Public())
	must(t, err)
	a, err := s.Centre.Keys.Assign(ctx, kmc.AssignRequest{ID: "a", Holder: organisation, SignSPKI: spki})
	must(t, err)
	c, err := office.Draft(ctx, kmc.Case{
		Kind: kmc.JudicialRecovery, Holder: organisation, SPKIHash: a.SPKIHash, ToSPKI: o.spki(t, "law1"), Reason: "调证", OpenedBy: "op1",
		CaseNo: "1", Applicant: "示例法院", Scope: "投标文件", Material: strings.Repeat("ab", 32),
	})
	must(t, err)
	c.OpenProof = o.sign(t, "op1", c.Statement(kmc.ActOpen, "op1"))
	must(t, office.Open(ctx, c))

	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	recover := func() (status int, got struct{ SPKI, Envelope []byte }) {
		t.Helper()
		body, err := json.Marshal(map[string]string{"case": c.ID})
		must(t, err)
		resp, err := client.Post("http://kmc/recover", "application/json", bytes.NewReader(body))
		must(t, err)
		defer resp.Body.Close()
		must(t, json.NewDecoder(resp.Body).Decode(&got))
		return resp.StatusCode, got
	}
	for _, law := range []string{"law1", "law2"} {
		if status, got := recover(); status != http.StatusConflict || got.Envelope != nil {
			t.Fatalf("before %s approved: %d", law, status)
		}
		_, err := office.Decide(ctx, c.ID, law, kmc.ActApprove, o.sign(t, law, c.Statement(kmc.ActApprove, law)))
		must(t, err)
	}
	status, got := recover()
	if status != http.StatusOK || !bytes.Equal(got.SPKI, a.SPKI) {
		t.Fatalf("%d %+v", status, got)
	}
	envelope, err := cms.ParseEnvelopedKey(got.Envelope)
	must(t, err)
	if _, err := envelope.Unwrap(o["law2"]); err == nil {
		t.Error("another forensic officer opens the envelope")
	}
	_, err = envelope.Unwrap(o["law1"])
	must(t, err)
	_, told, err := s.DB.KMC().KMCNotices(ctx, 10)
	must(t, err)
	if n := s.messages(t, "key_recovered"); n != 2 || len(told) != 1 || told[0] != n { // the account's number, and the old one as the account is not verified
		t.Errorf("the holder was told %d times, noted as %v", n, told)
	}
	must(t, s.DB.VerifyAudit(ctx))
}
