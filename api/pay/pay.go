// Package pay speaks with payment platforms behind one port: WeChat Pay (API v3, Native) and Alipay (precreate). A payer scans a
// code; that money came is said by the platform, signed, or by its answer to a question.
//
// It keeps nothing and knows no orders. It refuses every notice and answer whose signature is not the platform's, and what is
// meant for another merchant.
package pay

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Charge asks a payer for money.
//
// Shape: Number is 6 to 32 of A-Z a-z 0-9 _ -, never used twice. Units: AmountCents is 分, above 0.
type Charge struct {
	Number, Title string
	AmountCents   int64
	ExpiresAt     time.Time
}

// State is where a charge is.
type State string

// The states of a charge at its platform.
const (
	Waiting State = "waiting"
	Paid    State = "paid"
	Gone    State = "gone" // closed, or never known there: it cannot be paid any more
)

// Payment is what a platform says about a charge.
//
// Units: AmountCents is 分: what the payer was asked for. Nil/zero: but Number and State only where Paid.
type Payment struct {
	Number, Transaction string
	State               State
	AmountCents         int64
}

// Refund gives money of a charge back.
//
// Shape: Number as in Charge; a repeat with the same gives back nothing twice.
type Refund struct {
	Number, Charge          string
	AmountCents, TotalCents int64
	Reason                  string
}

// ErrPending means that the platform accepted a refund and is not done with it: ask again later with the same number.
var ErrPending = errors.New("pay: the refund is under way")

// Gateway is one payment platform.
//
// Concurrency: safe for concurrent use.
type Gateway interface {
	// Open makes a charge and gives what its QR code says.
	Open(ctx context.Context, c Charge) (codeURL string, err error)
	// Query asks what became of a charge.
	Query(ctx context.Context, number string) (Payment, error)
	// Close makes sure that a charge cannot be paid any more. Errors: also where it was paid.
	Close(ctx context.Context, number string) error
	// Refund gives money back and tells the platform's reference. Errors: ErrPending.
	Refund(ctx context.Context, r Refund) (reference string, err error)
	// Notice reads a notice that claims to come from the platform. Errors: also for what is not proved to.
	Notice(r *http.Request) (Payment, error)
	// Answer tells the platform whether its notice was taken; what was not it repeats.
	Answer(w http.ResponseWriter, taken bool)
}

// The names of the platforms, as in configuration, addresses and orders.
const (
	NameWeChat = "wechat"
	NameAlipay = "alipay"
)

// askFor bounds one question to a platform.
const askFor = 10 * time.Second

// maxNotice bounds the body of a notice.
const maxNotice = 64 << 10

// Notices serves POST …/pay/NAME/notice for each gateway: a notice that holds is handed to paid, which is called again for a
// repeated one.
//
// Nil/zero: log nil discards.
func Notices(gateways map[string]Gateway, paid func(ctx context.Context, gateway string, p Payment) error, log *slog.Logger) http.Handler {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/pay/"), "/notice")
		gateway := gateways[name]
		if !ok || gateway == nil {
			http.NotFound(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxNotice)
		p, err := gateway.Notice(r)
		if err != nil {
			log.Warn("payment notice refused", "gateway", name, "error", err)
			gateway.Answer(w, false)
			return
		}
		if p.State == Paid {
			if err := paid(r.Context(), name, p); err != nil {
				log.Error("payment notice not taken", "gateway", name, "number", p.Number, "error", err)
				gateway.Answer(w, false)
				return
			}
		}
		gateway.Answer(w, true)
	})
}
