package pay

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	alipay "github.com/smartwalle/alipay/v3"
)

// AlipayConfig is an application at Alipay, in public key mode.
type AlipayConfig struct {
	AppID       string          // required
	Key         *rsa.PrivateKey // required: the application's
	PlatformKey *rsa.PublicKey  // required: Alipay's for this application
	Gateway     string          // default: Alipay's own address
	NoticeURL   string          // required
	HTTP        *http.Client    // default: one with a time limit
}

// Alipay is 支付宝.
type Alipay struct {
	c      AlipayConfig
	client *alipay.Client
}

var _ Gateway = (*Alipay)(nil)

// NewAlipay connects to Alipay; it asks nothing yet.
//
// Errors: a missing field.
func NewAlipay(c AlipayConfig) (*Alipay, error) {
	if c.AppID == "" || c.Key == nil || c.PlatformKey == nil || c.NoticeURL == "" {
		return nil, errors.New("pay: Alipay needs appId, key, the platform's key and a notice address")
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: askFor} // the client takes no context
	}
	options := []alipay.OptionFunc{alipay.WithHTTPClient(c.HTTP), alipay.WithTimeLocation(china), alipay.WithProductionGateway(c.Gateway)}
	client, err := alipay.New(c.AppID, base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(c.Key)), true, options...)
	if err != nil {
		return nil, fmt.Errorf("pay: Alipay: %w", err)
	}
	spkiDER, err := x509.MarshalPKIXPublicKey(c.PlatformKey)
	if err != nil {
		return nil, fmt.Errorf("pay: Alipay: %w", err)
	}
	if err := client.LoadAliPayPublicKey(base64.StdEncoding.EncodeToString(spkiDER)); err != nil {
		return nil, fmt.Errorf("pay: Alipay: %w", err)
	}
	return &Alipay{c: c, client: client}, nil
}

var china = time.FixedZone("UTC+8", 8*60*60)

// Open implements Gateway.
func (g *Alipay) Open(_ context.Context, c Charge) (string, error) {
	answer, err := g.client.TradePreCreate(alipay.TradePreCreate{Trade: alipay.Trade{
		NotifyURL: g.c.NoticeURL, Subject: clipBytes(c.Title, 127), OutTradeNo: c.Number, TotalAmount: yuan(c.AmountCents), ProductCode: "FACE_TO_FACE_PAYMENT",
		TimeExpire: c.ExpiresAt.In(china).Format(time.DateTime),
	}})
	if err == nil && !answer.IsSuccess() {
		err = answer.Error
	}
	if err != nil {
		return "", fmt.Errorf("opening a charge at Alipay: %w", brief(err))
	}
	if answer.QRCode == "" {
		return "", errors.New("opening a charge at Alipay: no code in the answer")
	}
	return answer.QRCode, nil
}

// Query implements Gateway.
func (g *Alipay) Query(_ context.Context, number string) (Payment, error) {
	answer, err := g.client.TradeQuery(alipay.TradeQuery{OutTradeNo: number})
	if err != nil {
		return Payment{}, fmt.Errorf("asking Alipay: %w", brief(err))
	}
	if answer.SubCode == "ACQ.TRADE_NOT_EXIST" { // also of one whose code nobody has scanned
		return Payment{Number: number, State: Waiting}, nil
	}
	if !answer.IsSuccess() {
		return Payment{}, fmt.Errorf("asking Alipay: %w", brief(answer.Error))
	}
	if answer.OutTradeNo != number {
		return Payment{}, errors.New("Alipay speaks of another charge")
	}
	return payment(number, answer.TradeNo, answer.TradeStatus, answer.TotalAmount)
}

// payment reads what Alipay says of a trade.
// Source: alipay.trade.query, trade_status.
func payment(number, trade string, state alipay.TradeStatus, amount string) (Payment, error) {
	p := Payment{Number: number, State: Waiting}
	switch state {
	case alipay.TradeStatusSuccess, alipay.TradeStatusFinished:
		cents, ok := cents(amount)
		if !ok {
			return Payment{}, errors.New("Alipay's payment has no amount")
		}
		p.State, p.Transaction, p.AmountCents = Paid, trade, cents
	case alipay.TradeStatusClosed:
		p.State = Gone
	}
	return p, nil
}

// Close implements Gateway. A trade that Alipay does not know was never scanned; its code ends with TimeExpire.
func (g *Alipay) Close(_ context.Context, number string) error {
	answer, err := g.client.TradeClose(alipay.TradeClose{OutTradeNo: number})
	if err == nil && !answer.IsSuccess() && answer.SubCode != "ACQ.TRADE_NOT_EXIST" {
		err = answer.Error
	}
	if err != nil {
		return fmt.Errorf("closing a charge at Alipay: %w", brief(err))
	}
	return nil
}

// Refund implements Gateway.
func (g *Alipay) Refund(_ context.Context, r Refund) (string, error) {
	answer, err := g.client.TradeRefund(alipay.TradeRefund{OutTradeNo: r.Charge, OutRequestNo: r.Number, RefundAmount: yuan(r.AmountCents), RefundReason: clipBytes(r.Reason, 200)})
	if err == nil && !answer.IsSuccess() {
		err = answer.Error
	}
	if err != nil {
		return "", fmt.Errorf("refunding at Alipay: %w", brief(err))
	}
	return answer.TradeNo, nil
}

// Notice implements Gateway.
func (g *Alipay) Notice(r *http.Request) (Payment, error) {
	if err := r.ParseForm(); err != nil {
		return Payment{}, errors.New("the notice is no form")
	}
	n, err := g.client.DecodeNotification(r.PostForm)
	if err != nil {
		return Payment{}, brief(err)
	}
	if n.AppId != g.c.AppID {
		return Payment{}, errors.New("the notice is for another application")
	}
	return payment(n.OutTradeNo, n.TradeNo, n.TradeStatus, n.TotalAmount)
}

// Answer implements Gateway.
func (g *Alipay) Answer(w http.ResponseWriter, taken bool) {
	text := "success"
	if !taken {
		text = "fail"
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Write([]byte(text))
}

// yuan writes 分 as 200.00.
func yuan(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

var yuanText = regexp.MustCompile(`^(\d{1,12})(?:\.(\d{1,2}))?$`)

// cents reads 200.00 as 分, digit by digit.
func cents(text string) (int64, bool) {
	m := yuanText.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1]+(m[2] + "00")[:2], 10, 64)
	return n, err == nil
}
