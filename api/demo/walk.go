package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// WalkConfig says where to walk.
type WalkConfig struct {
	BaseURL   string    // required: origin of the portal
	DataDir   string    // required: the folder of `signet dev`, with dev.json
	UkeydPath string    // required: the agent program
	Out       io.Writer // gets one line a step; default: nowhere
}

// walker goes through the renewal as holder, finance and bidding platform.
type walker struct {
	c       WalkConfig
	dev     DevFile
	holder  *Client
	finance *Client
	person  *person
	openssl string // path; "" = not installed

	remark        string
	amount        int
	orderID       string
	certificateID string
	application   string
	oldSerial     string
	key           Key
	newDetail     detail
}

// What the walk expects of the made-up data.
const (
	walkPhone    = "13858011084" // seed 002
	walkPassword = "Renew-2026"
	walkLogin    = 1 // index of the holder whose certificate is about to expire
	walkToken    = "SIM-14100AE9"
	walkName     = "擎洲测试投标人6"
	walkSerial   = "74C2008800000AE9"
	walkFor      = 5 * time.Minute
)

// StepError names the step that failed.
type StepError struct {
	Number int
	Name   string
	Err    error
}

// Error tells step and reason.
func (e *StepError) Error() string { return fmt.Sprintf("step %d (%s): %v", e.Number, e.Name, e.Err) }

// Unwrap gives the reason.
func (e *StepError) Unwrap() error { return e.Err }

// Walk drives one whole renewal against a running `signet dev` on fresh data, with a real agent process, and checks
// what each step promises.
//
// Errors: *StepError.
func Walk(ctx context.Context, c WalkConfig) error {
	if c.Out == nil {
		c.Out = io.Discard
	}
	ctx, cancel := context.WithTimeout(ctx, walkFor)
	defer cancel()
	w := &walker{c: c, holder: NewClient(c.BaseURL), finance: NewClient(c.BaseURL)}
	var err error
	if w.dev, err = ReadDevFile(c.DataDir); err != nil {
		return err
	}
	if w.person, err = newPerson(c.UkeydPath); err != nil {
		return err
	}
	defer w.person.stop()
	w.openssl, _ = exec.LookPath("openssl")
	steps := []struct {
		zh, en string
		do     func(context.Context) (string, error)
	}{
		{"在首页查找合作项目", "finding the project", w.findProject},
		{"用证件号码和初始密码登录", "logging in with the organisation's number", w.legacyLogin},
		{"补录手机号并重置密码", "setting phone and password", w.supplement},
		{"旧登录方式失效,用手机号登录", "the old login is dead, the phone works", w.login},
		{"续期:下单并按备注码付款", "renewing the service: order, transfer, confirmation", w.renewService},
		{"发起延期并阅读风险告知", "starting the renewal of the certificate", w.startRenewal},
		{"配对 UKey 助手", "pairing the desktop agent", w.pair},
		{"识别插入的 UKey", "finding the key", w.listKeys},
		{"用现有证书签署风险告知函", "signing the risk notice with the present key", w.consent},
		{"把新的证书对写入 UKey", "writing the new pair to the key", w.enrol},
		{"核对新证书、CRL 与 OCSP", "checking the new certificates, CRL and OCSP", w.checkCertificates},
		{"旧加密密钥仍在 UKey 上", "the old encryption key is still there", w.checkKey},
		{"用新证书签署标书,平台验证", "signing a bid; the platform verifies", w.signBid},
		{"延期前加密的标书仍可解密", "the bid sealed before the renewal still opens", w.openBid},
	}
	for i, s := range steps {
		started := time.Now()
		checked, err := s.do(ctx)
		if err != nil {
			fmt.Fprintf(c.Out, "✗ %2d  %s  %s\n", i+1, s.zh, s.en)
			if log := w.person.log(); log != "" {
				fmt.Fprintf(c.Out, "    ukeyd:\n%s\n", log)
			}
			return &StepError{i + 1, s.en, err}
		}
		fmt.Fprintf(c.Out, "✓ %2d  %s  %s (%s)\n       %s\n", i+1, s.zh, s.en, time.Since(started).Round(time.Millisecond), checked)
	}
	return nil
}

// want expects a refusal with this code.
func want(err error, code string) error {
	refused, ok := errors.AsType[*Refusal](err)
	switch {
	case err == nil:
		return fmt.Errorf("the portal did not refuse; wanted %s", code)
	case !ok:
		return err
	case refused.Code != code:
		return fmt.Errorf("the portal refused with %s, wanted %s", refused.Code, code)
	}
	return nil
}

func (w *walker) findProject(ctx context.Context) (string, error) {
	var list struct {
		Items []struct {
			Slug, Name, Product string
			Demo                bool
		}
	}
	err := w.holder.Call(ctx, http.MethodGet, "/projects?search="+url.QueryEscape("金华市公共资源"), nil, &list)
	if err != nil {
		return "", err
	}
	if len(list.Items) != 1 || list.Items[0].Slug != ProjectSlug || !list.Items[0].Demo {
		return "", fmt.Errorf("the search found %+v", list.Items)
	}
	return list.Items[0].Name + " · " + list.Items[0].Product, nil
}

func (w *walker) legacyLogin(ctx context.Context) (string, error) {
	who := w.dev.Legacy[walkLogin]
	id, answer, err := w.holder.SolveCaptcha(ctx)
	if err != nil {
		return "", err
	}
	wrong := map[string]any{"login": who.Login, "password": who.Password, "captchaId": id, "captcha": answer + "1"}
	if err := want(w.holder.Call(ctx, http.MethodPost, "/session", wrong, nil), "captcha_wrong"); err != nil {
		return "", err
	}
	wrong["captcha"] = answer
	if err := want(w.holder.Call(ctx, http.MethodPost, "/session", wrong, nil), "captcha_expired"); err != nil {
		return "", err
	}
	s, err := w.holder.Login(ctx, who.Login, who.Password)
	if err != nil {
		return "", err
	}
	if !s.SupplementRequired || s.OrganisationName != walkName {
		return "", fmt.Errorf("the session is %+v", s)
	}
	if err := want(w.holder.Call(ctx, http.MethodGet, "/certificates", nil, nil), "supplement_required"); err != nil {
		return "", err
	}
	return "验证码只能用一次;登录后只能进入补录页面 · a captcha works once; nothing but the supplement page opens", nil
}

func (w *walker) supplement(ctx context.Context) (string, error) {
	var shown struct{ Phone, OrganisationName, OrganisationCode, HandlerName string }
	if err := w.holder.Call(ctx, http.MethodGet, "/supplement", nil, &shown); err != nil {
		return "", err
	}
	if shown.OrganisationName != walkName || shown.OrganisationCode != w.dev.Legacy[walkLogin].Login {
		return "", fmt.Errorf("the page shows %+v", shown)
	}
	if err := w.holder.Call(ctx, http.MethodPost, "/supplement/codes", map[string]any{"phone": walkPhone}, nil); err != nil {
		return "", err
	}
	if err := want(w.holder.Call(ctx, http.MethodPost, "/supplement/codes", map[string]any{"phone": walkPhone}, nil), "sms_too_soon"); err != nil {
		return "", err
	}
	sms, err := w.holder.Outbox(ctx, walkPhone)
	if err != nil {
		return "", err
	}
	code := SMSCode(sms)
	if code == "" {
		return "", fmt.Errorf("no code in the message %q", sms)
	}
	complete := map[string]any{"phone": walkPhone, "code": code, "password": "weak", "confirm": "weak"}
	if err := want(w.holder.Call(ctx, http.MethodPost, "/supplement", complete, nil), "password_weak"); err != nil {
		return "", err
	}
	complete["password"], complete["confirm"] = walkPassword, walkPassword
	var done struct{ Login, ProjectSlug string }
	if err := w.holder.Call(ctx, http.MethodPost, "/supplement", complete, &done); err != nil {
		return "", err
	}
	if done.Login != walkPhone || done.ProjectSlug != ProjectSlug {
		return "", fmt.Errorf("the answer is %+v", done)
	}
	return "原信息只读;60 秒内不能重发;弱密码被拒 · old data read-only, no second code within 60 s, weak password refused", nil
}

func (w *walker) login(ctx context.Context) (string, error) {
	who := w.dev.Legacy[walkLogin]
	_, err := NewClient(w.c.BaseURL).Login(ctx, who.Login, who.Password)
	if err := want(err, "login_dead"); err != nil {
		return "", err
	}
	s, err := w.holder.Login(ctx, walkPhone, walkPassword)
	if err != nil {
		return "", err
	}
	if s.State != "unverified" || s.SupplementRequired {
		return "", fmt.Errorf("the session is %+v", s)
	}
	return "账户状态:未核验 · the account is not verified yet", nil
}

type service struct {
	ID, SerialHex, State string
	Number               int
	Renewable            bool
	To                   time.Time
}

func (w *walker) theService(ctx context.Context) (service, error) {
	var list struct{ Items []service }
	err := w.holder.Call(ctx, http.MethodGet, "/services?certificateName="+url.QueryEscape(walkName), nil, &list)
	if err != nil {
		return service{}, err
	}
	if len(list.Items) != 1 || list.Items[0].SerialHex != walkSerial {
		return service{}, fmt.Errorf("the services are %+v", list.Items)
	}
	return list.Items[0], nil
}

func (w *walker) renewService(ctx context.Context) (string, error) {
	s, err := w.theService(ctx)
	if err != nil {
		return "", err
	}
	if s.Number != 20353 || s.State != "expired" || !s.Renewable {
		return "", fmt.Errorf("the service is %+v", s)
	}
	var order struct {
		ID, State   string
		AmountCents int
		Transfer    struct {
			Remark    string
			Simulated bool
		}
	}
	if err := w.holder.Call(ctx, http.MethodPost, "/services/"+s.ID+"/orders", map[string]any{}, &order); err != nil {
		return "", err
	}
	w.orderID, w.remark, w.amount = order.ID, order.Transfer.Remark, order.AmountCents
	if order.State != "pending" || len(w.remark) != 8 || !order.Transfer.Simulated {
		return "", fmt.Errorf("the order is %+v", order)
	}
	if err := w.confirmOrder(ctx); err != nil {
		return "", err
	}
	if s, err = w.theService(ctx); err != nil {
		return "", err
	}
	if s.State != "valid" || time.Until(s.To) < 360*24*time.Hour {
		return "", fmt.Errorf("the paid service is %+v", s)
	}
	return fmt.Sprintf("备注码 %s,%.2f 元;金额不符被拒;服务有效期至 %s · wrong amount refused", w.remark, float64(w.amount)/100, s.To.Format("2006-01-02")), nil
}

// confirmOrder is finance finding the transfer by its remark code.
func (w *walker) confirmOrder(ctx context.Context) error {
	for _, a := range w.dev.Accounts {
		if a.Role != "finance" {
			continue
		}
		if _, err := w.finance.Login(ctx, a.Login, a.Password); err != nil {
			return fmt.Errorf("finance: %w", err)
		}
	}
	var list struct {
		Items []struct{ ID, OrganisationName string }
	}
	if err := w.finance.Call(ctx, http.MethodGet, "/admin/orders?search="+w.remark, nil, &list); err != nil {
		return fmt.Errorf("finance: %w", err)
	}
	if len(list.Items) != 1 || list.Items[0].ID != w.orderID || list.Items[0].OrganisationName != walkName {
		return fmt.Errorf("finance finds %+v", list.Items)
	}
	path := "/admin/orders/" + w.orderID + "/confirm"
	if err := want(w.holder.Call(ctx, http.MethodPost, path, map[string]any{"amountCents": w.amount, "reference": "x"}, nil), "finance_only"); err != nil {
		return err
	}
	if err := want(w.finance.Call(ctx, http.MethodPost, path, map[string]any{"amountCents": w.amount - 1, "reference": "demo"}, nil), "order_amount"); err != nil {
		return err
	}
	return w.finance.Call(ctx, http.MethodPost, path, map[string]any{"amountCents": w.amount, "reference": "演示回单 0001"}, nil)
}

type application struct {
	ID, Number, State, ActiveJobID, NewCertificateID string
	RiskNotice                                       struct{ Title, Text, Version string }
	ConsentAt                                        *time.Time
	Enrolment                                        *struct {
		State, SignSerialHex, EncSerialHex string
		Proof                              *struct {
			SignatureVerified, NewKeyOpened bool
			OldKeysOpened                   int
		}
	}
}

func (w *walker) startRenewal(ctx context.Context) (string, error) {
	var list struct {
		Items []struct {
			ID, SerialHex, IssuerName, State string
			Renewable                        bool
		}
	}
	if err := w.holder.Call(ctx, http.MethodGet, "/certificates", nil, &list); err != nil {
		return "", err
	}
	if len(list.Items) != 1 || list.Items[0].SerialHex != walkSerial || list.Items[0].State != "expiring" || !list.Items[0].Renewable {
		return "", fmt.Errorf("the certificates are %+v", list.Items)
	}
	w.certificateID, w.oldSerial = list.Items[0].ID, list.Items[0].SerialHex
	var a application
	if err := w.holder.Call(ctx, http.MethodPost, "/certificates/"+w.certificateID+"/renewals", nil, &a); err != nil {
		return "", err
	}
	w.application = a.ID
	const sentence = "因证书的延期、变更会导致原加密的文件不可用"
	if !regexp.MustCompile(regexp.QuoteMeta(sentence)).MatchString(a.RiskNotice.Text) {
		return "", fmt.Errorf("the risk notice reads %q", a.RiskNotice.Text)
	}
	target := map[string]any{"tokenSerial": walkToken}
	if err := want(w.holder.Call(ctx, http.MethodPost, "/applications/"+a.ID+"/enrolment", target, nil), "consent_required"); err != nil {
		return "", err
	}
	return "申请 " + a.Number + ":" + list.Items[0].IssuerName + " 签发的 " + walkSerial + ";未签署告知不能写入 · nothing is written before consent", nil
}

func (w *walker) pair(ctx context.Context) (string, error) {
	var p struct{ ID, Code, State string }
	if err := w.holder.Call(ctx, http.MethodPost, "/agent/pairings", nil, &p); err != nil {
		return "", err
	}
	if err := w.person.knows("code", p.Code); err != nil {
		return "", err
	}
	if err := w.person.start(w.c.BaseURL, filepath.Join(w.c.DataDir, "keys")); err != nil {
		return "", err
	}
	var agents struct {
		Items []struct {
			Name   string
			Online bool
		}
	}
	err := poll(ctx, 200*time.Millisecond, func() (bool, error) {
		if w.person.stopped() {
			return false, errors.New("ukeyd ended")
		}
		err := w.holder.Call(ctx, http.MethodGet, "/agents", nil, &agents)
		return len(agents.Items) == 1 && agents.Items[0].Online, err
	})
	if err != nil {
		return "", err
	}
	if err := w.holder.Call(ctx, http.MethodGet, "/agent/pairings/"+p.ID, nil, &p); err != nil {
		return "", err
	}
	if p.State != "used" {
		return "", fmt.Errorf("the pairing is %s", p.State)
	}
	if err := w.person.saw(w.c.BaseURL, walkName); err != nil {
		return "", err
	}
	return "助手「" + agents.Items[0].Name + "」在线;对话框显示了网站与单位 · the dialogue named portal and organisation", nil
}

func (w *walker) keys(ctx context.Context) (map[string]Key, error) {
	job, err := w.holder.RunJob(ctx, "/agent/jobs", map[string]any{"op": "list"})
	keys := map[string]Key{}
	for _, k := range job.Result.Keys {
		keys[k.Serial] = k
	}
	return keys, err
}

func (w *walker) listKeys(ctx context.Context) (string, error) {
	keys, err := w.keys(ctx)
	if err != nil {
		return "", err
	}
	w.key = keys[walkToken]
	switch {
	case len(keys) != len(w.dev.Tokens):
		return "", fmt.Errorf("the agent shows %d keys", len(keys))
	case !w.key.Mine || !w.key.Simulated || w.object("sign", walkSerial) == nil:
		return "", fmt.Errorf("the key is shown as %+v", w.key)
	case !keys["SIM-BLANK001"].Blank || !keys["SIM-LOCK0A11"].PINLocked || keys["SIM-LOCK0A11"].Mine:
		return "", fmt.Errorf("the other keys are shown as %+v", keys)
	}
	return fmt.Sprintf("%d 把:本单位 1 把,空白 1 把,PIN 锁定 1 把(属其他单位) · mine, blank, locked and another's", len(keys)), nil
}

// object finds a pair on the key by usage and certificate serial.
func (w *walker) object(usage, serial string) []byte {
	for _, o := range w.key.Objects {
		if o.Usage == usage && (serial == "" || o.SerialHex == serial) {
			return o.SPKIHash
		}
	}
	return nil
}

func (w *walker) consent(ctx context.Context) (string, error) {
	for _, t := range w.dev.Tokens {
		if t.Serial == walkToken {
			if err := w.person.knows("pin", t.PIN); err != nil {
				return "", err
			}
		}
	}
	if err := w.person.knows("wrong-first", ""); err != nil {
		return "", err
	}
	path := "/applications/" + w.application
	if _, err := w.holder.RunJob(ctx, path+"/consent", map[string]any{"tokenSerial": walkToken}); err != nil {
		return "", err
	}
	var a application
	if err := w.holder.Call(ctx, http.MethodGet, path, nil, &a); err != nil {
		return "", err
	}
	if a.ConsentAt == nil || !w.person.answeredWrong() {
		return "", fmt.Errorf("the application is %s without consent, or the wrong PIN was never asked for", a.State)
	}
	var profile struct{ State string }
	if err := w.holder.Call(ctx, http.MethodGet, "/profile", nil, &profile); err != nil {
		return "", err
	}
	if profile.State != "verified" {
		return "", fmt.Errorf("the account is %s", profile.State)
	}
	return "先输错一次 PIN,再输对;签名验证通过,账户变为已实名 · one wrong PIN first; signature verified, account verified", nil
}

func (w *walker) enrol(ctx context.Context) (string, error) {
	path := "/applications/" + w.application
	job, err := w.holder.RunJob(ctx, path+"/enrolment", map[string]any{"tokenSerial": walkToken})
	if err != nil {
		return "", err
	}
	var a application
	if err := w.holder.Call(ctx, http.MethodGet, path, nil, &a); err != nil {
		return "", err
	}
	e := a.Enrolment
	if a.State != "completed" || e == nil || e.Proof == nil || a.NewCertificateID == "" {
		return "", fmt.Errorf("the application is %s with enrolment %+v", a.State, e)
	}
	if !e.Proof.SignatureVerified || !e.Proof.NewKeyOpened || e.Proof.OldKeysOpened != 1 || job.Result.Removed != 1 {
		return "", fmt.Errorf("the proof is %+v, %d keys removed", *e.Proof, job.Result.Removed)
	}
	if err := w.holder.Call(ctx, http.MethodGet, "/certificates/"+a.NewCertificateID, nil, &w.newDetail); err != nil {
		return "", err
	}
	return "签名密钥在 UKey 内生成;新加密密钥可解密;旧加密密钥仍可解密 1 个;旧签名密钥已移除 · proved before the old key was removed", nil
}
