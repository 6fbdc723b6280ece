package account

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"sync"
	"testing"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
	"signet/api/store/storetest"
)

// Made-up data in the shape of seed 002: the organisation code fails its check
// digit and the phone has 10 digits, as printed there.
const (
	initialPassword = "timevale123"
	sampleOrgCode   = "35353550-9"
	sampleUSCC      = "91990000MA0000015Q"
	oldPhone        = "13900001111"
	newPhone        = "13858011084"
	newPassword     = "Ukey-2026-ok"
	contactPhone    = "4000878198"
	home            = "198.51.100.7"
)

var batchHash = sync.OnceValue(func() string {
	h, err := HashPassword(initialPassword)
	if err != nil {
		panic(err)
	}
	return h
})

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fixture is the package on a real database, with a clock and the captchas' answers.
type fixture struct {
	*testing.T
	*Accounts
	clock   *clock
	mu      sync.Mutex
	answers map[string]string
	imports int
	open    Obligations // of every organisation
}

// gcmSealer seals with a key of the test's.
type gcmSealer struct{ cipher.AEAD }

func newSealer(t *testing.T) gcmSealer {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return gcmSealer{aead}
}

func (s gcmSealer) Wrap(plain, aad []byte) ([]byte, error)    { return s.Seal(nil, nil, plain, aad), nil }
func (s gcmSealer) Unwrap(sealed, aad []byte) ([]byte, error) { return s.Open(nil, nil, sealed, aad) }

// each runs f on both dialects.
func each(t *testing.T, f func(f *fixture)) {
	t.Helper()
	t.Parallel() // they wait for disks most of the time
	c := &clock{}
	reset := func(sc *store.Config) {
		c.now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
		sc.Now = c.Now
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) { f(newFixture(t, db, c)) }, reset)
}

func newFixture(t *testing.T, db *store.DB, c *clock) *fixture {
	t.Helper()
	fx := &fixture{T: t, clock: c, answers: map[string]string{}}
	n, err := notice.New(notice.Config{DB: db, Signature: "e签宝", Seal: newSealer(t)})
	if err != nil {
		t.Fatal(err)
	}
	fx.Accounts, err = New(Config{
		DB: db, Notice: n, CodeKey: make(Key, 32), Seal: newSealer(t), Origin: "https://portal.example",
		Obligations: func(*store.Tx, string) (Obligations, error) { return fx.open, nil }, ContactPhone: func(string) string { return contactPhone },
		CaptchaReveal: func(id, answer string) {
			fx.mu.Lock()
			defer fx.mu.Unlock()
			fx.answers[id] = answer
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return fx
}

// ok fails the test on an error.
func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// wants fails the test unless err is a problem with this code.
func (f *fixture) wants(code problem.Code, err error) *problem.Error {
	f.Helper()
	p, is := err.(*problem.Error)
	if !is || p.Code != code {
		f.Fatalf("got %v, want %s", err, code)
	}
	return p
}

func (f *fixture) captcha(from string) (id, answer string) {
	f.Helper()
	c, err := f.NewCaptcha(f.Context(), from)
	f.ok(err)
	f.mu.Lock()
	defer f.mu.Unlock()
	return c.ID, f.answers[c.ID]
}

// login answers the captcha rightly and tries a password from an address.
func (f *fixture) login(login string, p Password, from string) (*Session, Token, error) {
	f.Helper()
	id, answer := f.captcha(from)
	return f.Login(f.Context(), LoginRequest{Login: login, Password: p, CaptchaID: id, Captcha: answer, Address: from, UserAgent: "test", Project: "jhggzy"})
}

// enters logs in and must succeed.
func (f *fixture) enters(login string, p Password) (Actor, Token) {
	f.Helper()
	s, token, err := f.login(login, p, home)
	f.ok(err)
	return s.Actor(), token
}

func (f *fixture) tx(act func(tx *store.Tx) error) {
	f.Helper()
	f.ok(f.db.Tx(f.Context(), act))
}

// holder imports one legacy holder; each call another, the first with sample data.
func (f *fixture) holder() (h Holder, accountID string) {
	f.Helper()
	h = Holder{
		OrgName: "擎洲测试投标人6", OrgCode: sampleOrgCode, USCC: sampleUSCC, HandlerName: "张三", HandlerPhone: oldPhone,
		ProjectSlug: "jhggzy", BatchID: "2016-jinhua", BatchPasswordHash: batchHash(),
	}
	if f.imports > 0 {
		h.OrgCode, h.USCC = fmt.Sprintf("%08d-X", f.imports), fmt.Sprintf("%018d", f.imports)
	}
	f.imports++
	f.tx(func(tx *store.Tx) error {
		id, _, created, err := ImportHolder(tx, h)
		if err == nil && !created {
			err = fmt.Errorf("%s was there already", h.OrgCode)
		}
		accountID = id
		return err
	})
	return h, accountID
}

// lastCode reads the newest code out of the outbox.
func (f *fixture) lastCode(phone string) string {
	f.Helper()
	sent, err := f.c.Notice.List(f.Context(), phone)
	f.ok(err)
	for _, m := range sent {
		var code string
		if n, _ := fmt.Sscanf(m.Text, "【e签宝】验证码 %6s", &code); n == 1 {
			return code
		}
	}
	f.Fatalf("no code was sent to %s", phone)
	return ""
}

// coded sends a code and reads it.
func (f *fixture) coded(actor Actor, phone string) string {
	f.Helper()
	_, err := f.SendSupplementCode(f.Context(), actor, phone, home)
	f.ok(err)
	return f.lastCode(phone)
}

// supplemented takes the first holder through the page.
func (f *fixture) supplemented() (accountID string) {
	f.Helper()
	_, id := f.holder()
	actor, _ := f.enters(sampleUSCC, initialPassword)
	_, err := f.CompleteSupplement(f.Context(), actor, SupplementRequest{
		Phone: newPhone, Code: f.coded(actor, newPhone), Password: newPassword, Confirm: newPassword,
	})
	f.ok(err)
	return id
}

func (f *fixture) row(accountID string) accountRow {
	f.Helper()
	row, err := findAccount(f.db.Read(context.Background()), accountID)
	f.ok(err)
	return *row
}

// together runs f n times at once and gives the errors.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// tally counts outcomes by code; success is "".
func tally(errs []error) map[problem.Code]int {
	counts := map[problem.Code]int{}
	for _, err := range errs {
		counts[problem.CodeOf(err)]++
	}
	return counts
}

func wrong(code string) string {
	return string(append([]byte(code[:len(code)-1]), '0'+(code[len(code)-1]-'0'+1)%10))
}
