package apitest

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver under the store, to lock its file from outside

	"signet/api/demo"
)

// TestWalk is the demonstration's walk with a real ukeyd process, against the system in this process, on both databases.
func TestWalk(t *testing.T) {
	ukeyd := filepath.Join(t.TempDir(), "ukeyd")
	build := exec.Command("go", "build", "-o", ukeyd, "signet/cmd/ukeyd")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building ukeyd: %v\n%s", err, out)
	}
	walk := func(t *testing.T, s *System) {
		d := demo.DevFile{URL: s.URL, Roots: []string{"root.pem"}}
		d.Fill(s.Made)
		must(t, demo.WriteDevFile(s.Dir, d))
		s.writeRoot(t)
		out := &strings.Builder{}
		if err := demo.Walk(t.Context(), demo.WalkConfig{BaseURL: s.URL, DataDir: s.Dir, UkeydPath: ukeyd, Out: out}); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		must(t, s.DB.VerifyAudit(t.Context()))
	}
	t.Run("sqlite", func(t *testing.T) { walk(t, Start(t)) })
	t.Run("mariadb", func(t *testing.T) { walk(t, Start(t, OnMariaDB(t))) })
}

func TestLoginLocksAfterSixWrongPasswords(t *testing.T) {
	s := Start(t)
	_, phone := s.Holder(t, Qingzhou)
	c := s.Anybody()
	attempt := func(password string) error {
		_, err := c.Login(t.Context(), phone, password)
		return err
	}
	for i := 1; i <= 5; i++ {
		if p := refusal(t, attempt("Wrong-Pass-1")); p.Code != "login_failed" || p.Status != http.StatusUnauthorized {
			t.Fatalf("attempt %d: %v", i, p)
		}
	}
	if p := refusal(t, attempt("Wrong-Pass-1")); p.Code != "login_locked" || p.Status != http.StatusTooManyRequests || p.Params["retryAfter"] == nil {
		t.Fatalf("sixth attempt: %v", p)
	}
	if p := refusal(t, attempt(Password)); p.Code != "login_locked" {
		t.Fatalf("the right password while locked: %v", p)
	}
	s.Clock.Advance(15*time.Minute + time.Second)
	if err := attempt(Password); err != nil {
		t.Fatalf("after the lock: %v", err)
	}
}

func TestUnknownLoginLooksLikeAWrongPassword(t *testing.T) {
	s := Start(t)
	c := s.Anybody()
	_, err := c.Login(t.Context(), "91330700MA2NOBODY9", "Some-Pass-1")
	unknown := refusal(t, err)
	_, err = c.Login(t.Context(), s.Made.Legacy[Qingzhou].Login, "Some-Pass-1")
	known := refusal(t, err)
	unknown.RequestID, known.RequestID = "", ""
	if unknown.Error() != known.Error() || unknown.Params["triesLeft"] != known.Params["triesLeft"] {
		t.Errorf("they differ: %v / %v", unknown, known)
	}
}

func TestCaptchaAnswersOnce(t *testing.T) {
	s := Start(t)
	c := s.Anybody()
	who := s.Made.Legacy[Qingzhou]
	body := func(id, answer string) map[string]any {
		return map[string]any{"login": who.Login, "password": who.Password, "captchaId": id, "captcha": answer}
	}
	Refused(t, c, http.MethodPost, "/session", body("", ""), http.StatusBadRequest, "captcha_required")
	Refused(t, c, http.MethodPost, "/session", body("cap_00000000000000000000", "1234"), http.StatusBadRequest, "captcha_expired")
	id, answer, err := c.SolveCaptcha(t.Context())
	must(t, err)
	Call(t, c, http.MethodPost, "/session", body(id, answer), nil)
	Refused(t, c, http.MethodPost, "/session", body(id, answer), http.StatusBadRequest, "captcha_expired")
	id, answer, err = c.SolveCaptcha(t.Context())
	must(t, err)
	s.Clock.Advance(5*time.Minute + time.Second)
	Refused(t, c, http.MethodPost, "/session", body(id, answer), http.StatusBadRequest, "captcha_expired")
}

func TestSupplementCodes(t *testing.T) {
	s := Start(t)
	c := s.Legacy(t, Qingzhou)
	const phone = "13911112222"
	Refused(t, c, http.MethodPost, "/supplement/codes", map[string]any{"phone": "1300000000"}, http.StatusBadRequest, "phone_invalid")
	code := SendCode(t, c, phone)
	wrong := "000000"
	if code == wrong {
		wrong = "111111"
	}
	set := func(phone, code string) map[string]any {
		return map[string]any{"phone": phone, "code": code, "password": Password, "confirm": Password}
	}
	Refused(t, c, http.MethodPost, "/supplement/codes/check", map[string]any{"phone": phone, "code": wrong}, http.StatusBadRequest, "code_wrong")
	Call(t, c, http.MethodPost, "/supplement/codes/check", map[string]any{"phone": phone, "code": code}, nil)
	Refused(t, c, http.MethodPost, "/supplement", set("13911113333", code), http.StatusBadRequest, "code_expired") // a code is good for its phone only
	mismatch := set(phone, code)
	mismatch["confirm"] = Password + "x"
	Refused(t, c, http.MethodPost, "/supplement", mismatch, http.StatusBadRequest, "password_mismatch")

	s.Clock.Advance(10*time.Minute + time.Second)
	Refused(t, c, http.MethodPost, "/supplement", set(phone, code), http.StatusBadRequest, "code_expired")

	// Nothing but phone and password can be set: a posted name is refused and changes nothing.
	code = SendCode(t, c, phone)
	more := set(phone, code)
	more["organisationName"] = "别的单位"
	if p := Refused(t, c, http.MethodPost, "/supplement", more, http.StatusBadRequest, "invalid_field"); p.Field != "organisationName" {
		t.Errorf("field %q", p.Field)
	}
	Call(t, c, http.MethodPost, "/supplement", set(phone, code), nil)

	// The old session ended with the old login.
	Refused(t, c, http.MethodGet, "/session", nil, http.StatusUnauthorized, "unauthenticated")
	_, err := s.Anybody().Login(t.Context(), s.Made.Legacy[Qingzhou].Login, s.Made.Legacy[Qingzhou].Password)
	if p := refusal(t, err); p.Code != "login_dead" {
		t.Errorf("the old login: %v", p)
	}

	// Another holder cannot take the same phone, and no message goes out.
	other := s.Legacy(t, Jianshe)
	if p := Refused(t, other, http.MethodPost, "/supplement/codes", map[string]any{"phone": phone}, http.StatusConflict, "phone_used"); p.Params["contactPhone"] != "400-0878-198" {
		t.Errorf("params %v", p.Params)
	}
}

func TestDatabaseGoneForAWhile(t *testing.T) {
	s := Start(t, RetryFor(time.Second))
	c := s.Legacy(t, Qingzhou)
	locked := s.lockDatabase(t)
	p := Refused(t, c, http.MethodPost, "/supplement/codes", map[string]any{"phone": "13922223333"}, http.StatusServiceUnavailable, "database_unavailable")
	if p.RequestID == "" {
		t.Error("no request id")
	}
	locked()
	SendCode(t, c, "13922223333") // works again without a restart
}

// lockDatabase takes SQLite's write lock from outside, as a stuck program would.
func (s *System) lockDatabase(t *testing.T) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.DBFile+"?_pragma=busy_timeout(10000)")
	must(t, err)
	conn, err := db.Conn(context.Background())
	must(t, err)
	_, err = conn.ExecContext(context.Background(), "BEGIN EXCLUSIVE")
	must(t, err)
	return func() {
		_, err := conn.ExecContext(context.Background(), "ROLLBACK")
		must(t, err)
		must(t, conn.Close())
		must(t, db.Close())
	}
}

func TestSessionsEnd(t *testing.T) {
	s := Start(t)
	c, _ := s.Holder(t, Qingzhou)
	s.Clock.Advance(31 * time.Minute)
	Refused(t, c, http.MethodGet, "/session", nil, http.StatusUnauthorized, "session_expired")
	c, _ = s.Holder(t, Jianshe)
	Call(t, c, http.MethodDelete, "/session", nil, nil)
	Refused(t, c, http.MethodGet, "/session", nil, http.StatusUnauthorized, "unauthenticated")
}

func TestKeyTroubleReachesThePageInWords(t *testing.T) {
	s := Start(t)
	c, _ := s.Holder(t, Qingzhou)
	Refused(t, c, http.MethodPost, "/agent/jobs", map[string]any{"op": "list"}, http.StatusConflict, "agent_none")
	person := &Person{}
	s.Agent(t, c, person)
	run := func(body map[string]any) demo.Job {
		t.Helper()
		job, err := c.RunJob(t.Context(), "/agent/jobs", body)
		if err == nil || job.Problem == nil {
			t.Fatalf("the job ended %s: %v", job.State, err)
		}
		return job
	}
	keys, err := c.RunJob(t.Context(), "/agent/jobs", map[string]any{"op": "list"})
	must(t, err)
	var mine demo.Key
	for _, k := range keys.Result.Keys {
		if k.Mine {
			mine = k
		}
	}
	var spki []byte
	for _, o := range mine.Objects {
		if o.Usage == "sign" {
			spki = o.SPKIHash
		}
	}
	sign := map[string]any{"op": "sign", "tokenSerial": mine.Serial, "name": "a.txt", "content": []byte("a"), "spkiHash": spki}

	person.Types("") // the person says no
	if job := run(sign); job.Problem.Code != "pin_cancelled" {
		t.Errorf("cancelled: %+v", job.Problem)
	}
	person.Types("000999", "") // wrong, then no
	if job := run(sign); job.Problem.Code != "pin_wrong" && job.Problem.Code != "pin_cancelled" {
		t.Errorf("wrong PIN: %+v", job.Problem)
	}
	// Pulled out: the folder is gone.
	dir, drawer := filepath.Join(s.KeysDir(), "qingzhou"), filepath.Join(s.Dir, "drawer")
	must(t, os.Rename(dir, drawer))
	if job := run(sign); job.Problem.Code != "key_wrong_serial" { // others are still plugged in
		t.Errorf("pulled: %+v", job.Problem)
	}
	must(t, os.Rename(drawer, dir))
	person.Types(s.PIN(t, mine.Serial))
	if _, err := c.RunJob(t.Context(), "/agent/jobs", sign); err != nil {
		t.Errorf("back again: %v", err)
	}
	shown := strings.Join(person.Saw(), "\n")
	if !strings.Contains(shown, "擎洲测试投标人6") || !strings.Contains(shown, s.URL) || strings.Contains(shown, "000999") {
		t.Errorf("the dialogues showed %q", shown)
	}
}

// TestManyClicksCountOnce has a person click sixteen times at once, everywhere.
func TestManyClicksCountOnce(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { manyClicks(t, Start(t)) })
	t.Run("mariadb", func(t *testing.T) { manyClicks(t, Start(t, OnMariaDB(t))) })
}

func manyClicks(t *testing.T, s *System) {
	owner, _ := s.Holder(t, Qingzhou)
	var services, certificates struct{ Items []struct{ ID string } }
	Call(t, owner, http.MethodGet, "/services", nil, &services)
	Call(t, owner, http.MethodGet, "/certificates", nil, &certificates)
	orders := atOnce(t, owner, "/services/"+services.Items[0].ID+"/orders", map[string]any{})
	if len(orders) != 1 {
		t.Fatalf("%d orders", len(orders))
	}
	cashier := s.Staff(t, "finance")
	var order struct {
		ID          string
		AmountCents int
	}
	for id := range orders {
		Call(t, owner, http.MethodGet, "/orders/"+id, nil, &order)
	}
	atOnce(t, cashier, "/admin/orders/"+order.ID+"/confirm", map[string]any{"amountCents": order.AmountCents, "reference": "test"})
	var service struct{ To time.Time }
	Call(t, owner, http.MethodGet, "/services/"+services.Items[0].ID, nil, &service)
	if left := service.To.Sub(s.Clock.Now()); left > 370*24*time.Hour || left < 360*24*time.Hour {
		t.Errorf("one payment bought %s", left)
	}
	if applications := atOnce(t, owner, "/certificates/"+certificates.Items[0].ID+"/renewals", nil); len(applications) != 1 {
		t.Errorf("%d applications", len(applications))
	}
}

// atOnce makes the same call sixteen times at once and counts the answers' ids. Refusals may only be conflicts.
func atOnce(t *testing.T, c *demo.Client, path string, body any) map[string]int {
	t.Helper()
	var mu sync.Mutex // guards ids
	ids := map[string]int{}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			var v struct{ ID string }
			err := c.Call(t.Context(), http.MethodPost, path, body, &v)
			mu.Lock()
			defer mu.Unlock()
			if p, refused := errors.AsType[*demo.Refusal](err); err != nil && (!refused || p.Status != http.StatusConflict) {
				t.Errorf("%s: %v", path, err)
			} else if err == nil {
				ids[v.ID]++
			}
		})
	}
	wg.Wait()
	return ids
}
