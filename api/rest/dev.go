package rest

import (
	"context"
	"strings"
	"sync"
	"time"

	"signet/api/notice"
)

// CaptchaRecipient begins the receiver of an outbox message that holds a captcha's answer; the captcha's id follows.
const CaptchaRecipient = "captcha:"

// Answers remembers the answers of the newest captchas, so that a program can log in on a development server. Its
// Reveal is account.Config.CaptchaReveal.
//
// Concurrency: safe for concurrent use.
type Answers struct {
	mu   sync.Mutex // guards list
	list []captchaAnswer
}

type captchaAnswer struct {
	id, answer string
	at         time.Time
}

// keepAnswers is how many answers are remembered.
const keepAnswers = 500

// Reveal remembers an answer.
func (a *Answers) Reveal(id, answer string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, captchaAnswer{id, answer, time.Now()})
	if len(a.list) > keepAnswers {
		a.list = append([]captchaAnswer(nil), a.list[len(a.list)-keepAnswers:]...)
	}
}

func (a *Answers) find(id string) (captchaAnswer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, known := range a.list {
		if known.id == id {
			return known, true
		}
	}
	return captchaAnswer{}, false
}

// ListOutbox shows what would have been sent. The access table lets it be called in `signet dev` only.
func (s *Server) ListOutbox(c context.Context, r ListOutboxRequestObject) (ListOutboxResponseObject, error) {
	ctx, _ := enter(c)
	to := value(r.Params.To)
	if id, ok := strings.CutPrefix(to, CaptchaRecipient); ok {
		list := []OutboxMessage{}
		if known, ok := s.c.Captchas.find(id); ok {
			list = append(list, OutboxMessage{Id: id, To: to, Text: "图形验证码 " + known.answer + "(仅演示环境可见)", At: known.at.UTC(), Template: some("captcha")})
		}
		return ListOutbox200JSONResponse{Items: list, Simulated: true}, nil
	}
	sent, err := s.c.Notices.List(ctx, to)
	if err != nil {
		return nil, err
	}
	return ListOutbox200JSONResponse{Simulated: true, Items: each(sent, func(m notice.Sent) OutboxMessage {
		return OutboxMessage{Id: m.ID, To: m.To, Text: m.Text, At: m.At, Template: some(m.Template), Signature: some(m.Signature)}
	})}, nil
}
