package pay

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"
)

// WeChatConfig is a merchant's account at WeChat Pay, with its public key (公钥模式).
type WeChatConfig struct {
	AppID, MerchantID string          // required
	Serial            string          // required: of the merchant's API certificate
	Key               *rsa.PrivateKey // required: of that certificate
	APIKey            string          // required: APIv3 key, 32 bytes; opens notices
	PlatformKeyID     string          // required: PUB_KEY_ID_…
	PlatformKey       *rsa.PublicKey  // required: signs answers and notices
	NoticeURL         string          // required: https, without a query
	HTTP              *http.Client    // default: one with a time limit
}

// WeChat is WeChat Pay.
type WeChat struct {
	c       WeChatConfig
	native  native.NativeApiService
	refunds refunddomestic.RefundsApiService
	notices *notify.Handler
}

var _ Gateway = (*WeChat)(nil)

// NewWeChat connects to WeChat Pay; it asks nothing yet.
//
// Errors: a missing field.
func NewWeChat(c WeChatConfig) (*WeChat, error) {
	if c.AppID == "" || c.MerchantID == "" || c.Serial == "" || c.Key == nil || len(c.APIKey) != 32 || c.PlatformKeyID == "" || c.PlatformKey == nil || c.NoticeURL == "" {
		return nil, errors.New("pay: WeChat Pay needs appId, merchantId, serial, key, an API key of 32 bytes, the platform's key with its id, and a notice address")
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: askFor}
	}
	client, err := core.NewClient(context.Background(),
		option.WithWechatPayPublicKeyAuthCipher(c.MerchantID, c.Serial, c.Key, c.PlatformKeyID, c.PlatformKey), option.WithHTTPClient(c.HTTP))
	if err != nil {
		return nil, fmt.Errorf("pay: WeChat Pay: %w", err)
	}
	verifier := verifiers.NewSHA256WithRSAPubkeyVerifier(c.PlatformKeyID, *c.PlatformKey)
	notices, err := notify.NewRSANotifyHandler(c.APIKey, verifier)
	if err != nil {
		return nil, fmt.Errorf("pay: WeChat Pay: %w", err)
	}
	return &WeChat{c: c, native: native.NativeApiService{Client: client}, refunds: refunddomestic.RefundsApiService{Client: client}, notices: notices}, nil
}

// Open implements Gateway.
func (g *WeChat) Open(ctx context.Context, c Charge) (string, error) {
	answer, _, err := g.native.Prepay(ctx, native.PrepayRequest{
		Appid: &g.c.AppID, Mchid: &g.c.MerchantID, Description: core.String(clipBytes(c.Title, 127)), OutTradeNo: &c.Number, TimeExpire: &c.ExpiresAt,
		NotifyUrl: &g.c.NoticeURL, Amount: &native.Amount{Total: &c.AmountCents, Currency: core.String("CNY")},
	})
	if err != nil {
		return "", fmt.Errorf("opening a charge at WeChat Pay: %w", brief(err))
	}
	if answer.CodeUrl == nil || *answer.CodeUrl == "" {
		return "", errors.New("opening a charge at WeChat Pay: no code in the answer")
	}
	return *answer.CodeUrl, nil
}

// Query implements Gateway.
func (g *WeChat) Query(ctx context.Context, number string) (Payment, error) {
	t, _, err := g.native.QueryOrderByOutTradeNo(ctx, native.QueryOrderByOutTradeNoRequest{OutTradeNo: &number, Mchid: &g.c.MerchantID})
	if core.IsAPIError(err, "ORDER_NOT_EXIST") || core.IsAPIError(err, "ORDERNOTEXIST") {
		return Payment{Number: number, State: Gone}, nil
	}
	if err != nil {
		return Payment{}, fmt.Errorf("asking WeChat Pay: %w", brief(err))
	}
	return g.payment(t, number)
}

// payment reads a transaction; what is not ours is refused.
// Source: WeChat Pay API v3, Native 支付, trade_state.
func (g *WeChat) payment(t *payments.Transaction, number string) (Payment, error) {
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	if text(t.Mchid) != g.c.MerchantID || number != "" && text(t.OutTradeNo) != number {
		return Payment{}, errors.New("WeChat Pay speaks of another merchant or charge")
	}
	p := Payment{Number: text(t.OutTradeNo), State: Waiting}
	switch text(t.TradeState) {
	case "SUCCESS", "REFUND": // refunded was paid before
		if text(t.Appid) != g.c.AppID || t.Amount == nil || t.Amount.Total == nil || t.Amount.Currency != nil && *t.Amount.Currency != "CNY" {
			return Payment{}, errors.New("WeChat Pay's payment has no amount in yuan, or is another application's")
		}
		p.State, p.Transaction, p.AmountCents = Paid, text(t.TransactionId), *t.Amount.Total
	case "CLOSED", "REVOKED", "PAYERROR":
		p.State = Gone
	}
	return p, nil
}

// Close implements Gateway.
func (g *WeChat) Close(ctx context.Context, number string) error {
	if _, err := g.native.CloseOrder(ctx, native.CloseOrderRequest{OutTradeNo: &number, Mchid: &g.c.MerchantID}); err != nil {
		return fmt.Errorf("closing a charge at WeChat Pay: %w", brief(err))
	}
	return nil
}

// Refund implements Gateway.
func (g *WeChat) Refund(ctx context.Context, r Refund) (string, error) {
	answer, _, err := g.refunds.Create(ctx, refunddomestic.CreateRequest{
		OutTradeNo: &r.Charge, OutRefundNo: &r.Number, Reason: core.String(clipBytes(r.Reason, 80)),
		Amount: &refunddomestic.AmountReq{Refund: &r.AmountCents, Total: &r.TotalCents, Currency: core.String("CNY")},
	})
	if err != nil {
		return "", fmt.Errorf("refunding at WeChat Pay: %w", brief(err))
	}
	switch {
	case answer.Status == nil || answer.RefundId == nil:
		return "", errors.New("refunding at WeChat Pay: no state in the answer")
	case *answer.Status == refunddomestic.STATUS_SUCCESS:
		return *answer.RefundId, nil
	case *answer.Status == refunddomestic.STATUS_PROCESSING:
		return "", ErrPending
	}
	return "", fmt.Errorf("refunding at WeChat Pay: it is %s", *answer.Status)
}

// Notice implements Gateway.
func (g *WeChat) Notice(r *http.Request) (Payment, error) {
	var t payments.Transaction
	got, err := g.notices.ParseNotifyRequest(r.Context(), r, &t)
	if err != nil {
		return Payment{}, brief(err)
	}
	if got.EventType != "TRANSACTION.SUCCESS" {
		return Payment{State: Waiting}, nil // of refunds; those are asked for
	}
	return g.payment(&t, "")
}

// Answer implements Gateway.
func (g *WeChat) Answer(w http.ResponseWriter, taken bool) {
	if taken {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	w.Write([]byte(`{"code":"FAIL","message":"not taken"}`))
}

// clipBytes shortens text to at most n bytes of whole characters.
func clipBytes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}

// brief keeps what an SDK's error says first: some print whole requests.
func brief(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	text, _, _ = strings.Cut(text, ", request:")
	return errors.New(clipBytes(text, 300))
}
