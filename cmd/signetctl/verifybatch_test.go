package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"signet/ca/path"
	"signet/ca/pki"
)

// batchWorld is a root with a leaf and a CRL, base64 as lines have them.
func batchWorld(t testing.TB) (root, leaf, list string) {
	t.Helper()
	key, err := pki.GenerateKey(pki.SM2, nil)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	issue := func(cn string, exts ...pki.Extension) string {
		issuer, err1 := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: "Root"})
		subject, err2 := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: cn})
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		tbs, err := pki.Template{Serial: []byte{1, byte(len(cn))}, Issuer: issuer, Subject: subject, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
			SPKI: spki, Extensions: exts, SigAlg: pki.SM2WithSM3}.TBS()
		if err != nil {
			t.Fatal(err)
		}
		sig, err := pki.Sign(nil, key, pki.SM2WithSM3, tbs)
		if err != nil {
			t.Fatal(err)
		}
		der, err := pki.Assemble(tbs, pki.SM2WithSM3, sig)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(der)
	}
	issuer, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: "Root"})
	if err != nil {
		t.Fatal(err)
	}
	tbs, err := pki.CRLTemplate{Issuer: issuer, ThisUpdate: now.Add(-time.Minute), NextUpdate: now.Add(time.Hour), Number: big.NewInt(1), SigAlg: pki.SM2WithSM3}.TBS()
	if err != nil {
		t.Fatal(err)
	}
	sig, err := pki.Sign(nil, key, pki.SM2WithSM3, tbs)
	if err != nil {
		t.Fatal(err)
	}
	crl, err := pki.AssembleCRL(tbs, pki.SM2WithSM3, sig)
	if err != nil {
		t.Fatal(err)
	}
	return issue("Root", pki.ExtBasicConstraints(true, -1)), issue("Leaf"), base64.StdEncoding.EncodeToString(crl)
}

// TestBatchLines: every line has its answer, with a reason wherever it is not yes.
func TestBatchLines(t *testing.T) {
	root, leaf, list := batchWorld(t)
	for line, want := range map[string]path.Code{
		fmt.Sprintf(`{"cert":%q,"roots":[%q]}`, leaf, root):                                    "",
		fmt.Sprintf(`{"cert":%q,"roots":[%q],"crls":[%q]}`, leaf, root, list):                  "",
		fmt.Sprintf(`{"cert":%q,"roots":[%q],"crls":null,"chain":null}`, leaf, root):           "",
		fmt.Sprintf(`{"cert":%q,"roots":[%q],"policies":["2.5.29.32.0"]}`, leaf, root):         "",
		fmt.Sprintf(`{"cert":%q,"roots":[%q],"crls":["AAAA"]}`, leaf, root):                    path.RevocationUnknown,
		fmt.Sprintf(`{"cert":%q,"roots":[%q],"crls":[""]}`, leaf, root):                        path.RevocationUnknown,
		fmt.Sprintf(`{"cert":%q,"roots":[]}`, leaf):                                            path.NoPath,
		fmt.Sprintf(`{"cert":%q,"roots":["AAAA"]}`, leaf):                                      path.NoPath,
		fmt.Sprintf(`{"cert":%q}`, leaf):                                                       path.NoPath,
		fmt.Sprintf(`{"cert":%q,"roots":[%q],"time":"2001-01-01T00:00:00+08:00"}`, leaf, root): path.NotYetValid,
		fmt.Sprintf(`{"cert":%q,"roots":[%q],"name":"b.test"}`, leaf, root):                    path.NameMismatch,
		fmt.Sprintf(`{"cert":%q,"roots":[%q],"explicit_policy":true}`, leaf, root):             path.Policy,
		fmt.Sprintf(`{"cert":%q,"roots":[%q],"time":1}`, leaf, root):                           badRequest,
		fmt.Sprintf(`{"cert":%q,"roots":[%q],"purpose":"x"}`, leaf, root):                      badRequest,
		fmt.Sprintf(`{"cert":%q,"roots":[%q],"policies":["x"]}`, leaf, root):                   badRequest,
		fmt.Sprintf(`{"cert":%q,"roots":[%q],"name":"*"}`, leaf, root):                         badRequest,
		fmt.Sprintf(`{"cert":%q,"roots":["?"]}`, leaf):                                         badRequest,
		fmt.Sprintf(`{"cert":%q,"roots":[%q]} trailing`, leaf, root):                           badRequest,
		`{}`: path.Malformed, `[]`: badRequest, `null`: path.Malformed, `"x"`: badRequest, `{"cert":"AAAA"}`: path.Malformed, `{"cert":"?"}`: badRequest,
		strings.Repeat("[", 100_000): badRequest, "\x00\xff": badRequest,
	} {
		a := answerLine([]byte(line), false)
		if got := code(a); got != want || a.Valid != (want == "") {
			t.Errorf("%.60q: %q, wanted %q (%v)", line, got, want, a.Reasons)
		}
	}
}

func code(a batchAnswer) path.Code {
	if len(a.Reasons) == 0 {
		return ""
	}
	return a.Reasons[0].Code
}

// TestBatchConversation: whoever waits for an answer before asking the next question gets it, and a line too long does not end the talk.
func TestBatchConversation(t *testing.T) {
	in, ask := io.Pipe()
	listen, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- verifyBatch(in, out); out.Close() }()
	answers := bufio.NewScanner(listen)
	for i := range 3 {
		fmt.Fprintf(ask, "{\"id\":%d}\n", i)
		if !answers.Scan() || !strings.HasPrefix(answers.Text(), fmt.Sprintf(`{"id":%d,"valid":false,"reasons":[{`, i)) {
			t.Fatalf("answer %d: %q", i, answers.Text())
		}
	}
	go func() {
		long := bytes.Repeat([]byte("x"), 1<<20)
		for range maxBatchLine>>20 + 1 {
			ask.Write(long)
		}
		fmt.Fprint(ask, "\n{\"id\":\"last\"}")
		ask.Close()
	}()
	if !answers.Scan() || !strings.Contains(answers.Text(), "line of more than") {
		t.Errorf("a line too long: %q", answers.Text())
	}
	if !answers.Scan() || !strings.HasPrefix(answers.Text(), `{"id":"last","valid":false`) {
		t.Errorf("the line after: %q", answers.Text())
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestBatchMutations: lines gone wrong at random are answered with a verdict, quickly, and a refusal has a reason.
func TestBatchMutations(t *testing.T) {
	root, leaf, list := batchWorld(t)
	seed := fmt.Sprintf(`{"id":1,"cert":%q,"roots":[%q],"chain":[%q],"crls":[%q],"ocsp":[%q],"time":%q}`, leaf, root, leaf, list, list, time.Now().Format(time.RFC3339))
	d := rand.New(rand.NewPCG(1, 2))
	for range 8000 {
		line := []byte(seed)
		for range 1 + d.IntN(4) {
			i := d.IntN(len(line))
			switch d.IntN(3) {
			case 0:
				line[i] = "ABCDEFGHabcdefgh0123456789+/"[d.IntN(28)]
			case 1:
				line = append(line[:i], line[min(len(line), i+d.IntN(8)):]...)
			case 2:
				line[i] ^= 1 << d.IntN(8)
			}
		}
		begun := time.Now()
		a := answerLine(line, false)
		if a.Valid == (len(a.Reasons) > 0) || code(a) == internalFault || time.Since(begun) > 5*time.Second {
			t.Fatalf("%s: %+v after %v", line, a, time.Since(begun))
		}
	}
}

// FuzzBatch: any line is answered by one line of JSON with a verdict, and a refusal has a reason.
func FuzzBatch(f *testing.F) {
	root, leaf, list := batchWorld(f)
	f.Add([]byte(fmt.Sprintf(`{"id":1,"cert":%q,"roots":[%q],"chain":[%q],"crls":[%q],"ocsp":[%q],"time":%q}`, leaf, root, leaf, list, list, time.Now().Format(time.RFC3339))))
	f.Add([]byte(fmt.Sprintf(`{"id":{"a":[]},"cert":%q,"roots":[%q],"policies":["1.2.3"],"explicit_policy":true,"inhibit_any":true,"inhibit_mapping":true,"purpose":"any","name":"b.test"}`, leaf, root)))
	f.Add([]byte(`{"id":"x","cert":"MAA="}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.ContainsRune(line, '\n') {
			return
		}
		var out bytes.Buffer
		if err := verifyBatch(bytes.NewReader(append(line, '\n')), &out); err != nil {
			t.Fatal(err)
		}
		var a batchAnswer
		if err := json.Unmarshal(out.Bytes(), &a); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
			t.Fatalf("answer %q: %v", out.Bytes(), err)
		}
		if a.Valid == (len(a.Reasons) > 0) || code(a) == internalFault {
			t.Errorf("%v with reasons %v", a.Valid, a.Reasons)
		}
	})
}
