package verify

import (
	"crypto/sha256"
	"encoding/pem"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ca/tsa"
)

// moment is a clock that stands still.
type moment time.Time

func (m moment) Time() (time.Time, error) { return time.Time(m), nil }
func (m moment) Within() time.Duration    { return time.Second }

// stamper is a time stamper that a hierarchy has certified.
func (b *bench) stamper(tree *catest.Tree) holder {
	b.t.Helper()
	requests++
	h := holder{key: catest.Key(b.t, tree.Alg)}
	var err error
	h.cert, err = ca.CreateTSA(b.t.Context(), tree.Authority, ca.KeyRequest{ID: ca.RequestID("tsa" + time.Duration(requests).String()), CA: "issuing", Subject: catest.Name(b.t, "时间戳"), Key: h.key, By: "test"})
	if err != nil {
		b.t.Fatal(err)
	}
	return h
}

// token has a stamper state when something was there.
func (b *bench) token(by holder, above *pki.Certificate, of []byte, at time.Time, bare bool) []byte {
	b.t.Helper()
	s, err := tsa.New(tsa.Config{Certificate: by.cert, Chain: []*pki.Certificate{above}, Key: by.key, Policies: []string{"1.2.3.4"}, Clock: moment(at), Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := tsa.NewRequest(nil, "SHA-256", of)
	if err != nil {
		b.t.Fatal(err)
	}
	r.CertReq = !bare
	request, err := r.DER()
	if err != nil {
		b.t.Fatal(err)
	}
	return tokenIn(b.t, s.Respond(b.t.Context(), request))
}

// tokenIn takes the token out of a TimeStampResp.
func tokenIn(t testing.TB, response []byte) []byte {
	t.Helper()
	in := cryptobyte.String(response)
	var body, status, token cryptobyte.String
	if !in.ReadASN1(&body, asn1.SEQUENCE) || !body.ReadASN1(&status, asn1.SEQUENCE) || !body.ReadASN1Element(&token, asn1.SEQUENCE) {
		t.Fatalf("no time stamp in %x", response)
	}
	return token
}

func with(t *testing.T, message []byte, tokens ...[]byte) []byte {
	t.Helper()
	for _, token := range tokens {
		var err error
		if message, err = cms.AddUnsigned(message, 0, cms.Attribute{Type: cms.AttrTimeStamp, Values: [][]byte{token}}); err != nil {
			t.Fatal(err)
		}
	}
	return message
}

func signatureOf(t *testing.T, message []byte) []byte {
	t.Helper()
	s, err := cms.ParseSigned(message)
	if err != nil {
		t.Fatal(err)
	}
	return s.Signers[0].Signature
}

// TestStampOutlives: a signature with a time stamp is judged as of then, when its certificate has ended or was revoked since.
func TestStampOutlives(t *testing.T) {
	for name, c := range map[string]struct {
		stamped time.Duration // after issuing
		revoke  *ca.Revocation
		when    time.Duration // of the revocation
		asked   time.Duration
		want    Verdict
		says    string
	}{
		"expired since":                       {time.Hour, nil, 0, 3 * 8766 * time.Hour, Valid, "+time_stamp_ok"},
		"revoked since":                       {time.Hour, &ca.Revocation{Reason: ca.Superseded}, 10 * time.Hour, 20 * time.Hour, Valid, "+revocation_ok"},
		"revoked since, and expired":          {time.Hour, &ca.Revocation{Reason: ca.Superseded}, 10 * time.Hour, 3 * 8766 * time.Hour, Valid, "+revocation_ok"},
		"revoked before":                      {11 * time.Hour, &ca.Revocation{Reason: ca.Superseded}, 10 * time.Hour, 20 * time.Hour, Invalid, "-revoked"},
		"revoked within the clock's accuracy": {10*time.Hour - time.Second, &ca.Revocation{Reason: ca.Superseded}, 10 * time.Hour, 20 * time.Hour, Invalid, "-revoked"},
		"compromised, nobody knows since":     {time.Hour, &ca.Revocation{Reason: ca.KeyCompromise}, 10 * time.Hour, 20 * time.Hour, Invalid, "-revoked"},
		"compromised after the stamp":         {time.Hour, &ca.Revocation{Reason: ca.KeyCompromise, InvalidAt: now.Add(2 * time.Hour)}, 10 * time.Hour, 20 * time.Hour, Valid, "+revocation_ok"},
		"compromised before the stamp":        {3 * time.Hour, &ca.Revocation{Reason: ca.KeyCompromise, InvalidAt: now.Add(2 * time.Hour)}, 10 * time.Hour, 20 * time.Hour, Invalid, "-revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, pki.SM2)
			h, by := b.issue(b.own, "org-sign", pki.SM2), b.stamper(b.own)
			message := b.sign(h, content, cms.SignOptions{})
			stamped := with(t, message, b.token(by, b.own.Issuing, signatureOf(t, message), now.Add(c.stamped), false))
			if c.revoke != nil {
				b.now = now.Add(c.when)
				c.revoke.CA, c.revoke.SerialHex, c.revoke.By = "issuing", h.cert.SerialHex, "test"
				if err := b.own.Authority.Revoke(t.Context(), *c.revoke); err != nil {
					t.Fatal(err)
				}
			}
			b.now = now.Add(c.asked)
			b.expect("without", b.verify(Request{Type: TypeCMS, Signature: message}), Invalid)
			r := b.verify(Request{Type: TypeCMS, Signature: stamped})
			b.expect("with", r, c.want, c.says, "+time_stamp_ok", "+signature_ok")
			s := r.Signers[0]
			if s.Stamp == nil || !s.Stamp.At.Equal(now.Add(c.stamped)) || !s.JudgedAt.Equal(s.Stamp.At.Add(time.Second)) || s.Stamp.Policy != "1.2.3.4" || s.Stamp.Revocation.Status != "good" {
				t.Errorf("evidence: %+v judged at %s", s.Stamp, s.JudgedAt)
			}
		})
	}
}

// TestStampRefused: what a time stamp must not prove. The signer has ended since, so that a stamp that counted would show.
func TestStampRefused(t *testing.T) {
	b := newBench(t, pki.SM2)
	b.noStatus = true
	h, by := b.issue(b.own, "org-sign", pki.SM2), b.stamper(b.own)
	message := b.sign(h, content, cms.SignOptions{})
	sig := signatureOf(t, message)
	at := now.Add(time.Hour)
	good := b.token(by, b.own.Issuing, sig, at, false)
	spoiled := append([]byte(nil), good...)
	spoiled[len(spoiled)-1] ^= 1
	compromised := b.stamper(b.own)
	late := now.AddDate(4, 0, 0)
	tokens := map[string][]byte{
		"of something else":     b.token(by, b.own.Issuing, []byte("another signature"), at, false),
		"of the content":        b.token(by, b.own.Issuing, content, at, false),
		"by an unknown TSA":     b.token(b.stamper(b.other), b.other.Issuing, sig, at, false),
		"with a bad signature":  spoiled,
		"by a holder's key":     b.forged(h, good),
		"by a compromised TSA":  b.token(compromised, b.own.Issuing, sig, at, false),
		"that is no time stamp": message,
		"of a time to come":     nil,
	}
	b.now = now.Add(10 * time.Hour)
	if err := b.own.Authority.Revoke(t.Context(), ca.Revocation{CA: "issuing", SerialHex: compromised.cert.SerialHex, Reason: ca.KeyCompromise, By: "test"}); err != nil {
		t.Fatal(err)
	}
	b.now = late
	next := b.stamper(b.own)
	tokens["of a time to come"] = b.token(next, b.own.Issuing, sig, late.Add(time.Hour), false)
	for name, token := range tokens {
		r := b.verify(Request{Type: TypeCMS, Signature: with(t, message, token)})
		b.expect(name, r, Invalid, "-time_stamp_refused", "-expired", "+signature_ok")
		if r.Signers[0].Stamp != nil || !r.Signers[0].JudgedAt.Equal(late) {
			t.Errorf("%s: %+v", name, r.Signers[0].Stamp)
		}
		b.expect(name+" beside a good one", b.verify(Request{Type: TypeCMS, Signature: with(t, message, token, good)}), Valid, "-time_stamp_refused", "+time_stamp_ok")
	}
	// What proves nothing does no harm to a signature that holds without it.
	b.now = now.Add(2 * time.Hour)
	b.expect("harmless", b.verify(Request{Type: TypeCMS, Signature: with(t, message, tokens["by an unknown TSA"])}), Valid, "-time_stamp_refused")
	five := with(t, message, good)
	for range 5 {
		five = with(t, five, b.token(by, b.own.Issuing, sig, at, false))
	}
	b.expect("six stamps", b.verify(Request{Type: TypeCMS, Signature: five}), Valid, "-time_stamp_refused", "+time_stamp_ok")
}

// forged signs the statement of a good token anew with a holder's key, naming the holder's certificate as a TSA would.
func (b *bench) forged(h holder, good []byte) []byte {
	b.t.Helper()
	token, err := cms.ParseSigned(good)
	if err != nil {
		b.t.Fatal(err)
	}
	var name cryptobyte.Builder
	sum := sha256.Sum256(h.cert.Raw)
	name.AddASN1(asn1.SEQUENCE, func(n *cryptobyte.Builder) { // SigningCertificateV2, RFC 5816
		n.AddASN1(asn1.SEQUENCE, func(n *cryptobyte.Builder) {
			n.AddASN1(asn1.SEQUENCE, func(n *cryptobyte.Builder) { n.AddASN1OctetString(sum[:]) })
		})
	})
	o := cms.SignOptions{Style: cms.RFC5652, ContentType: cms.ContentTypeTSTInfo, Attributes: []cms.Attribute{{Type: "1.2.840.113549.1.9.16.2.47", Values: [][]byte{name.BytesOrPanic()}}}}
	return b.sign(h, token.Content, o)
}

// TestStampTimes: which of several times counts, and a stamp that brings no certificate.
func TestStampTimes(t *testing.T) {
	b := newBench(t, pki.P256)
	b.noStatus = true
	h, by := b.issue(b.own, "org-sign", pki.P256), b.stamper(b.foreign)
	message := b.sign(h, content, cms.SignOptions{Style: cms.RFC5652, Chain: []*pki.Certificate{by.cert}})
	sig := signatureOf(t, message)
	first, second := b.token(by, b.foreign.Issuing, sig, now.Add(time.Hour), true), b.token(by, b.foreign.Issuing, sig, now.Add(5*time.Hour), true)
	b.now = now.AddDate(3, 0, 0)
	r := b.verify(Request{Type: TypeCMS, Signature: with(t, message, second, first)})
	b.expect("two", r, Valid, "+time_stamp_ok")
	if s := r.Signers[0].Stamp; s == nil || !s.At.Equal(now.Add(time.Hour)) || s.Anchor != "旧 CA" {
		t.Errorf("%+v", s)
	}
	before := now.Add(30 * time.Minute)
	r = b.verify(Request{Type: TypeCMS, Signature: with(t, message, first), At: before})
	if !r.Signers[0].JudgedAt.Equal(before) {
		t.Errorf("asked about an earlier time, judged at %s", r.Signers[0].JudgedAt)
	}
	b.noStatus = false
	b.expect("revocation of the TSA unknown", b.verify(Request{Type: TypeCMS, Signature: with(t, message, first)}), Invalid, "-time_stamp_refused", "-expired")
}

// TestStampPeer: OpenSSL signs and OpenSSL stamps; what we put together OpenSSL still reads.
func TestStampPeer(t *testing.T) {
	b := newBench(t, pki.P256)
	b.noStatus = true
	h, by := b.issue(b.foreign, "org-sign", pki.P256), b.stamper(b.foreign)
	message := openssl(t, h)
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, err := pki.MarshalPrivateKey(by.key)
	if err != nil {
		t.Fatal(err)
	}
	write("tsa.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	write("tsa.pem", pki.EncodePEM(by.cert))
	write("chain.pem", pki.EncodePEM(b.foreign.Issuing))
	write("root.pem", pki.EncodePEM(b.foreign.Root))
	write("signature", signatureOf(t, message))
	write("ts.cnf", []byte("[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_digest=sha256\ndefault_policy=1.2.3.4.5\ndigests=sha256\naccuracy=secs:1\ness_cert_id_alg=sha256\n"))
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
	}
	run("ts", "-query", "-data", "signature", "-sha256", "-cert", "-out", "query")
	run("ts", "-reply", "-config", "ts.cnf", "-queryfile", "query", "-signer", "tsa.pem", "-inkey", "tsa.key", "-chain", "chain.pem", "-token_out", "-out", "token")
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	stamped := with(t, message, token)
	b.now = time.Now().Add(time.Minute) // OpenSSL's stamp is of the machine's time
	r := b.verify(Request{Type: TypeCMS, Signature: stamped})
	b.expect("by OpenSSL", r, Valid, "+time_stamp_ok", "+signature_ok")
	if s := r.Signers[0].Stamp; s == nil || s.Policy != "1.2.3.4.5" {
		t.Errorf("%+v", r.Reasons)
	}
	write("stamped", stamped)
	run("cms", "-verify", "-noverify", "-inform", "DER", "-in", "stamped", "-out", "content")
	if got, err := os.ReadFile(filepath.Join(dir, "content")); err != nil || string(got) != string(content) {
		t.Errorf("openssl reads %q, %v", got, err)
	}
}
