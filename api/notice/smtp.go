package notice

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// SMTPConfig configures an SMTP.
type SMTPConfig struct {
	Host     string      // required
	Port     int         // default 587, or 465 with Implicit
	Implicit bool        // TLS from the first byte; otherwise STARTTLS, which must succeed
	User     string      // default: no login
	Password string      // with User
	From     string      // required: the sender's address
	TLS      *tls.Config // default: the system's roots
}

// SMTP sends mail through a server, never without TLS.
//
// Concurrency: safe for concurrent use; each message is a connection of its own.
type SMTP struct{ c SMTPConfig }

var _ Gateway = (*SMTP)(nil)

// NewSMTP makes an SMTP.
//
// Errors: a missing or malformed field.
func NewSMTP(c SMTPConfig) (*SMTP, error) {
	if _, ok := Email(c.From); c.Host == "" || !ok || (c.User == "") != (c.Password == "") {
		return nil, errors.New("smtp needs host and from, and both or none of user and password")
	}
	return &SMTP{c}, nil
}

// Deliver sends one message. Its Message-ID is made of ours, so that a repeated one can be told.
func (s *SMTP) Deliver(ctx context.Context, e Envelope) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	m := mail.NewMsg()
	if err := m.FromFormat(e.Signature, s.c.From); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err := m.To(e.To); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	_, domain, _ := strings.Cut(s.c.From, "@")
	m.SetMessageIDWithValue(e.ID + "@" + domain)
	m.SetDateWithValue(e.At)
	m.Subject("【" + e.Signature + "】数字证书服务通知")
	m.SetBodyString(mail.TypeTextPlain, e.Text+"\r\n")
	err = client.DialAndSendWithContext(ctx, m)
	var refused *mail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() >= 500 {
		return fmt.Errorf("%w: the mail server answers %d", ErrRefused, refused.ErrorCode())
	}
	return err
}

func (s *SMTP) client() (*mail.Client, error) {
	options := []mail.Option{mail.WithTimeout(30 * time.Second), mail.WithTLSPolicy(mail.TLSMandatory)}
	if s.c.Implicit {
		options = append(options, mail.WithSSLPort(false))
	}
	if s.c.Port != 0 {
		options = append(options, mail.WithPort(s.c.Port))
	}
	if s.c.TLS != nil {
		options = append(options, mail.WithTLSConfig(s.c.TLS))
	}
	if s.c.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.c.User), mail.WithPassword(s.c.Password))
	}
	client, err := mail.NewClient(s.c.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("preparing mail: %w", err)
	}
	return client, nil
}
