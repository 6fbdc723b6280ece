package agent

import (
	"crypto/ecdsa"
	"crypto/rand"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/ukey/ticket"
)

// The attacks an agent must withstand, numbered as in the design's list. Where the wall is another package's, its test is named
// in elsewhere and must exist.

const stranger = "https://stranger.example"

// turnedAway expects the bare 403: no body, no word about what answers, nothing for a script to read.
func (s *street) turnedAway(what, method, path string, header http.Header) {
	s.t.Helper()
	status, got, body := s.send(method, path, header, map[string]any{})
	if status != http.StatusForbidden || len(body) > 0 {
		s.t.Errorf("%s: %d %s", what, status, body)
	}
	for name := range got {
		if name != "Connection" && name != "Content-Length" {
			s.t.Errorf("%s: header %s: %s", what, name, got.Get(name))
		}
	}
}

func from(origin string, more ...string) http.Header {
	h := http.Header{"Origin": {origin}, "Content-Type": {jsonType}}
	for i := 0; i < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return h
}

// Every route, whatever comes to be one, goes through the gate.
func TestAttack01AnySiteCalls(t *testing.T) {
	s := newStreet(t)
	for _, path := range append(routes(), "/", "/v1/none") {
		for _, method := range []string{"POST", "GET", "OPTIONS", "PUT", "HEAD"} {
			s.turnedAway(method+" "+path, method, path, from(stranger))
			s.turnedAway(method+" "+path+" without Origin", method, path, http.Header{"Content-Type": {jsonType}})
		}
		s.turnedAway(path+" as WebSocket", "GET", path, from(stranger, "Connection", "Upgrade", "Upgrade", "websocket", "Sec-Websocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-Websocket-Version", "13"))
	}
	for _, path := range routes() { // what a form or no-cors fetch can send is refused even from a page that is known
		for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
			if status, _, body := s.send("POST", path, http.Header{"Origin": {s.portal.URL}, "Content-Type": {media}}, map[string]any{}); status != http.StatusUnsupportedMediaType {
				t.Errorf("%s as %q: %d %s", path, media, status, body)
			}
		}
		if status, _, _ := s.send("GET", path, from(s.portal.URL), nil); status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, status)
		}
	}
}

func TestAttack02Rebinding(t *testing.T) {
	s := newStreet(t)
	port := s.pages.port
	for _, host := range []string{"rebind.example:" + port, "127.0.0.1", "127.0.0.1:1", "0.0.0.0:" + port, "[::1]:" + port, "127.0.0.1.example:" + port, "LOCALHOST.:" + port} {
		s.turnedAway(host, "POST", "/v1/hello", from(s.portal.URL, "Host", host))
	}
	if status, _, _ := s.send("POST", "/v1/hello", from(s.portal.URL, "Host", "localhost:"+port), ticket.Hello{Nonce: pageNonce}); status != 200 {
		t.Errorf("localhost: %d", status)
	}
	for name, request := range map[string]string{
		"two Hosts":     "POST /v1/hello HTTP/1.1\nHost: 127.0.0.1:" + port + "\nHost: x\nOrigin: " + s.portal.URL + "\n\n",
		"absolute form": "POST http://127.0.0.1:" + port + "/v1/hello HTTP/1.1\nHost: 127.0.0.1:" + port + "\nOrigin: " + s.portal.URL + "\nContent-Length: 0\n\n",
	} {
		if line := s.raw(request); !strings.Contains(line, " 400 ") && !strings.Contains(line, " 403 ") {
			t.Errorf("%s: %s", name, line)
		}
	}
}

func TestAttack03OriginTricks(t *testing.T) {
	s := newStreet(t)
	for _, origin := range []string{"null", "", appOrigin + ".evil.example", appOrigin + "/", appOrigin + ":443", "http://bids.example", "https://BIDS.example",
		"https://evil-bids.example", "https://bids.exampl", s.portal.URL + "@evil.example", "*", appOrigin + ", " + s.portal.URL} {
		s.turnedAway(fmt.Sprintf("%q", origin), "POST", "/v1/hello", from(origin))
	}
	if line := s.raw("POST /v1/hello HTTP/1.1\nHost: 127.0.0.1:" + s.pages.port + "\nOrigin: " + appOrigin + "\nOrigin: " + appOrigin + "\nContent-Length: 0\n\n"); !strings.Contains(line, " 403 ") {
		t.Errorf("two Origins: %s", line)
	}
}

// A program on the same computer can write any Origin. Without the portal's signature it gets no session and no operation.
func TestAttack04RogueProgram(t *testing.T) {
	s := newStreet(t)
	open := []string{"/v1/hello", "/v1/session"}
	for path, r := range loopbackRoutes {
		if r.session == slices.Contains(open, path) {
			t.Errorf("%s: needs a session: %v", path, r.session)
		}
		for _, authorization := range []string{"", "Bearer ", "Bearer " + strings.Repeat("A", 43), "Basic x"} {
			header := from(s.portal.URL)
			if authorization != "" {
				header.Set("Authorization", authorization)
			}
			if status, _, body := s.send("POST", path, header, map[string]any{}); r.session && status != http.StatusUnauthorized {
				t.Errorf("%s with %q: %d %s", path, authorization, status, body)
			}
		}
	}
	p := &page{street: s, origin: s.portal.URL}
	nonce := p.hello().Nonce
	other := newRig(t).portal
	for name, grant := range map[string]string{
		"none":                 "",
		"rubbish":              "a.b.c",
		"a ticket":             s.portal.Ticket(s.proveJob(s.portal.URL), s.id).Ticket,
		"of another portal":    other.Grant(s.id, s.portal.URL, nonce, nil),
		"for another agent":    s.portal.Grant("agt_99", s.portal.URL, nonce, nil),
		"for another page":     s.portal.Grant(s.id, appOrigin, nonce, nil),
		"for an earlier hello": s.portal.Grant(s.id, s.portal.URL, pageNonce, nil),
		"over":                 s.portal.Grant(s.id, s.portal.URL, nonce, func(g *ticket.Grant) { g.IssuedAt -= 60; g.Expires -= 60 }),
		"of tomorrow":          s.portal.Grant(s.id, s.portal.URL, nonce, func(g *ticket.Grant) { g.IssuedAt += 1e5; g.Expires += 1e5 }),
		"in another's name":    s.portal.Grant(s.id, s.portal.URL, nonce, func(g *ticket.Grant) { g.Issuer = other.URL }),
	} {
		if status, body := p.ask("/v1/session", map[string]string{"grant": grant}); status != http.StatusForbidden {
			t.Errorf("grant %s: %d %s", name, status, body)
		}
	}
	good := s.portal.Grant(s.id, s.portal.URL, nonce, nil)
	if status, body := p.ask("/v1/session", map[string]string{"grant": good}); status != 200 {
		t.Fatalf("the grant itself: %d %s", status, body)
	}
	if status, _ := p.ask("/v1/session", map[string]string{"grant": good}); status != http.StatusForbidden {
		t.Error("a grant is good twice")
	}
}

func TestAttack05Replay(t *testing.T) {
	s := newStreet(t)
	p := s.connect(s.portal.URL)
	job := s.proveJob(s.portal.URL)
	handed := s.portal.Ticket(job, s.id)
	if o := p.run(handed); o.Problem != nil {
		t.Fatal(o.Problem)
	}
	if o := p.run(handed); o.Problem == nil || o.Problem.Code != ticket.TicketReplayed {
		t.Errorf("the same ticket again: %+v", o.Problem)
	}
	for name, spoil := range map[string]func(*ticket.Claims){
		"another session": func(c *ticket.Claims) { c.Session = "stolen" },
		"another agent":   func(c *ticket.Claims) { c.Agent = "agt_99" },
		"another portal":  func(c *ticket.Claims) { c.Issuer = "https://elsewhere.example" },
		"expired":         func(c *ticket.Claims) { c.IssuedAt -= 200; c.Expires -= 200 },
		"other params":    func(c *ticket.Claims) { c.ParamsHash = ticket.ParamsHash([]byte("{}")) },
	} {
		job.Spoil = spoil
		if o := p.run(s.portal.Ticket(job, s.id)); o.Problem == nil {
			t.Errorf("a ticket of %s was taken", name)
		}
	}
	if asked := len(s.person.prompts()); asked != 1 {
		t.Errorf("the person was asked %d times", asked)
	}
}

// A page gets to talk about its answers only to whom it named: the client uses what fetch returns and listens to no message.
func TestAttack08ForgedAnswers(t *testing.T) {
	listens := regexp.MustCompile(`postMessage|['"]message['"]|onmessage`)
	files := 0
	err := filepath.WalkDir("../../web/src/agent", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".ts") && !strings.HasSuffix(path, ".tsx") {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if found := listens.Find(text); found != nil {
			t.Errorf("%s: %s", path, found)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatal(files, err)
	}
}

func TestAttack09PageIsTakenOver(t *testing.T) {
	s := newStreet(t, func(c *Config) { c.DialoguesPerMinute = 2 })
	p := s.connect(s.portal.URL)
	s.person.answers = []string{"cancel", "cancel", "cancel"}
	job := s.proveJob(s.portal.URL)
	for range 4 {
		if o := p.run(s.portal.Ticket(job, s.id)); o.Problem == nil {
			t.Fatal("done without the person")
		}
	}
	asked := s.person.prompts()
	if len(asked) != 2 {
		t.Errorf("%d windows in a minute", len(asked))
	}
	for _, want := range []string{s.portal.URL, testSerial, "证明"} {
		if !strings.Contains(asked[0].Text, want) {
			t.Errorf("the window does not say %q:\n%s", want, asked[0].Text)
		}
	}
}

// Two pages never share a login: each job asks for itself.
func TestAttack10SharedLogin(t *testing.T) {
	s := newStreet(t)
	portal, app := s.connect(s.portal.URL), s.connect(appOrigin)
	hash := s.seed().signHash
	for _, p := range []*page{portal, app, portal} {
		job := s.portal.Dispatch(ticket.OpProve, testSerial, ticket.ProveParams{Origin: p.origin, Nonce: pageNonce, SPKIHash: hash})
		if o := p.run(s.portal.Ticket(job, s.id)); o.Problem != nil {
			t.Fatal(o.Problem)
		}
	}
	if asked := len(s.person.prompts()); asked != 3 {
		t.Errorf("three jobs, %d PINs", asked)
	}
}

// A site cannot use up the tries of a key: only what the person types counts as one, and one job is one try at most before asking again.
func TestAttack11LockedFromAfar(t *testing.T) {
	s := newStreet(t)
	p := s.connect(appOrigin)
	job := s.proveJob(appOrigin)
	left := func() int {
		info, err := s.token.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return info.PINTriesLeft
	}
	before := left()
	s.person.answers = slices.Repeat([]string{"cancel"}, 20)
	for range 20 {
		p.run(s.portal.Ticket(job, s.id))
	}
	if left() != before {
		t.Errorf("%d tries before, %d after", before, left())
	}
}

// No field of any operation can carry a PIN from a page, and none brings one back.
func TestAttack12PINInAPage(t *testing.T) {
	word := regexp.MustCompile(`(?i)pin$|passw|secret`)
	for _, kind := range []any{ticket.ListParams{}, ticket.ProveParams{}, ticket.SignParams{}, ticket.DecryptParams{}, ticket.EnrolParams{},
		ticket.ListResult{}, ticket.ProveResult{}, ticket.SignResult{}, ticket.DecryptResult{}, ticket.EnrolResult{}, ticket.ChangePINResult{}} {
		for f := range reflect.TypeOf(kind).NumField() {
			if name := reflect.TypeOf(kind).Field(f).Name; word.MatchString(name) {
				t.Errorf("%T.%s", kind, name)
			}
		}
	}
	s := newStreet(t)
	p := s.connect(s.portal.URL)
	job := s.portal.Dispatch(ticket.OpProve, testSerial, map[string]any{"origin": s.portal.URL, "nonce": pageNonce, "spkiHash": s.seed().signHash, "pin": testPIN})
	if o := p.run(s.portal.Ticket(job, s.id)); o.Problem == nil || o.Problem.Code != ticket.OperationRefused {
		t.Errorf("a PIN in the parameters: %+v", o.Problem)
	}
}

// What the portal's own protocols sign cannot be had as a "document".
func TestAttack13ChosenBytes(t *testing.T) {
	s := newStreet(t)
	p := s.connect(appOrigin)
	hash := s.seed().signHash
	for _, content := range [][]byte{ticket.ProveMessage(s.portal.URL, pageNonce), ticket.EnrolProofMessage("enr_1", pageNonce), []byte("signet-")} {
		job := s.portal.Dispatch(ticket.OpSign, testSerial, ticket.SignParams{Name: "x", Content: content, Style: ticket.Raw, SPKIHash: hash})
		if o := p.run(s.portal.Ticket(job, s.id)); o.Problem == nil || o.Problem.Code != ticket.OperationRefused {
			t.Errorf("%q: %+v", content[:7], o.Problem)
		}
	}
}

// To who is not known every path looks the same, whether anything is there or not.
func TestAttack14Probing(t *testing.T) {
	s := newStreet(t)
	for _, path := range append(routes(), "/", "/.well-known/", "/version", "/favicon.ico", "/v1/hello?x=1") {
		s.turnedAway(path, "GET", path, nil)
		s.turnedAway(path, "OPTIONS", path, from(stranger, "Access-Control-Request-Method", "POST", "Access-Control-Request-Private-Network", "true"))
	}
}

// There is no TLS on loopback, so no key of a local CA to steal.
func TestAttack15LocalCA(t *testing.T) {
	for _, dir := range []string{".", "../../cmd/ukeyd"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") && regexp.MustCompile(`"crypto/tls"|ListenAndServeTLS|ServeTLS|CreateRoot`).Match(text) {
				t.Errorf("%s serves TLS", file)
			}
		}
	}
}

func TestAttack16OtherInterfaces(t *testing.T) {
	s := newStreet(t)
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		ip := a.(*net.IPNet).IP
		if ip.Equal(net.IPv4(127, 0, 0, 1)) {
			continue
		}
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), s.pages.port), time.Second)
		if err == nil {
			conn.Close()
			t.Errorf("answers on %s", ip)
		}
	}
}

// The transport offers four things and no way to install, update, restart or configure anything.
func TestAttack19UndeadServer(t *testing.T) {
	if got := strings.Join(routes(), " "); got != "/v1/events /v1/hello /v1/rpc /v1/session" {
		t.Errorf("routes: %s; a new one belongs in this test with its reason", got)
	}
}

// The installer never asks for an administrator's rights, and nothing of it runs with more than the person's.
func TestAttack20InstallerRights(t *testing.T) {
	nsi, err := os.ReadFile("../../scripts/package/ukeyd.nsi")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^RequestExecutionLevel user$`).Match(nsi) || regexp.MustCompile(`(?i)HKLM|HKEY_LOCAL_MACHINE|SetShellVarContext all|PROGRAMFILES`).Match(nsi) {
		t.Error("the Windows installer is not the person's own")
	}
	unit, err := os.ReadFile("../../scripts/package/ukeyd.service")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(unit), "User=") || !strings.Contains(string(unit), "WantedBy=graphical-session.target") && !strings.Contains(string(unit), "WantedBy=default.target") {
		t.Errorf("the unit is not a user's:\n%s", unit)
	}
}

// A program that took the port cannot say hello, and another user of the computer is not answered.
func TestAttack25PortAndOtherUsers(t *testing.T) {
	s := newStreet(t)
	p := &page{street: s, origin: appOrigin}
	reply := p.hello()
	mine := s.gate.Key.Public().(*ecdsa.PublicKey)
	if !reply.Verify(mine, appOrigin, pageNonce) {
		t.Error("the agent's own hello")
	}
	squatter, err := pki.GenerateKey(pki.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forged := reply
	if err := forged.Sign(squatter, appOrigin, pageNonce); err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{
		"by another key":   forged.Verify(mine, appOrigin, pageNonce),
		"to another page":  reply.Verify(mine, stranger, pageNonce),
		"to another nonce": reply.Verify(mine, appOrigin, pageNonce[1:]),
		"of another agent": ticket.HelloReply{AgentID: "agt_99", Nonce: reply.Nonce, Version: reply.Version, Signature: reply.Signature}.Verify(mine, appOrigin, pageNonce),
	} {
		if ok {
			t.Errorf("a hello %s passes", name)
		}
	}
	s.pages.peer = func(net.Addr, net.Addr) bool { return false }
	s.turnedAway("another user", "POST", "/v1/hello", from(s.portal.URL))
}

// Nothing that a browser would show or run is served.
func TestAttack26OwnPage(t *testing.T) {
	s := newStreet(t)
	for _, path := range append(routes(), "/", "/index.html") {
		for _, origin := range []string{s.portal.URL, appOrigin} {
			status, header, body := s.send("GET", path, from(origin), nil)
			if media := header.Get("Content-Type"); status < 400 || media != jsonType || strings.Contains(string(body), "<") {
				t.Errorf("GET %s: %d %s %s", path, status, media, body)
			}
		}
	}
}

// elsewhere names the tests of attacks whose wall stands in another place.
var elsewhere = map[int][]string{
	6:  {"../../api/relay TestPairingExpiresAndGuessesAreLimited", "../../api/relay TestParallelGuesses", "../../api/relay TestPairingCodeStoredHashed"},
	7:  {". TestPair", ". TestPairRefused"},
	17: {"../../hsm/cryptoki TestWorkerDiesAndHangs", "../../hsm/cryptoki TestFrameReader", "../../cmd/ukeyd TestEnrolThroughModule"},
	18: {"../../cmd/ukeyd TestModuleRefused", "../../hsm/cryptoki TestPaths"},
	21: {"../../hsm/cryptoki TestNoPINStays", "../pkcs11 TestNoPINStays", ". TestSecretsStayInside"},
	22: {". TestOfficerPINNowhere", ". TestSecretsForAnotherRun", ". TestUnlockCutAnywhere"},
	23: {". TestInitialiseBlank", ". TestTwoTokens", "../pkcs11 TestOtherTokenInTheSlot"},
	24: {". TestEnrolRefusesBadAnswers", "../pkcs11 TestForeignPair"},
}

// Every attack has a test, here or where its wall is.
func TestEveryAttackHasItsTest(t *testing.T) {
	exists := func(dir, name string) bool {
		files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && regexp.MustCompile(`(?m)^func `+name+`[A-Za-z]*\(t `).Match(text) {
				return true
			}
		}
		return false
	}
	for n := 1; n <= 26; n++ {
		named, other := elsewhere[n]
		if !other && !exists(".", fmt.Sprintf("TestAttack%02d", n)) {
			t.Errorf("attack %d has no test", n)
		}
		for _, place := range named {
			dir, name, _ := strings.Cut(place, " ")
			if !exists(dir, name) {
				t.Errorf("attack %d: %s is gone", n, place)
			}
		}
	}
}
