package notice

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// mailServer speaks SMTP with STARTTLS to one connection after the other; it answers RCPT with rcpt and keeps the mails.
func mailServer(t *testing.T, rcpt string) (port int, roots *x509.CertPool, mails chan string) {
	t.Helper()
	certified := httptest.NewTLSServer(nil) // its certificate is for 127.0.0.1 and example.com
	config := &tls.Config{Certificates: certified.TLS.Certificates}
	roots = x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	certified.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	mails = make(chan string, 4)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			converse(conn, config, rcpt, mails)
			conn.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, roots, mails
}

func converse(conn net.Conn, config *tls.Config, rcpt string, mails chan<- string) {
	r := bufio.NewReader(conn)
	secure := false
	fmt.Fprint(conn, "220 mail.example\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		switch {
		case verb == "EHLO" && !secure:
			fmt.Fprint(conn, "250-mail.example\r\n250 STARTTLS\r\n")
		case verb == "EHLO":
			fmt.Fprint(conn, "250-mail.example\r\n250 AUTH PLAIN\r\n")
		case verb == "STARTTLS":
			fmt.Fprint(conn, "220 go\r\n")
			upgraded := tls.Server(conn, config)
			conn, r, secure = upgraded, bufio.NewReader(upgraded), true
		case verb == "AUTH" && secure && strings.TrimSpace(line[len("AUTH PLAIN "):]) == "AHUAcA==": // \0u\0p
			fmt.Fprint(conn, "235 welcome\r\n")
		case verb == "RCPT":
			fmt.Fprint(conn, rcpt+"\r\n")
		case verb == "DATA":
			fmt.Fprint(conn, "354 go\r\n")
			var text strings.Builder
			for line := ""; line != ".\r\n"; text.WriteString(line) {
				if line, err = r.ReadString('\n'); err != nil {
					return
				}
			}
			mails <- text.String()
			fmt.Fprint(conn, "250 taken\r\n")
		case verb == "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		case verb == "MAIL" && secure, verb == "NOOP", verb == "RSET":
			fmt.Fprint(conn, "250 fine\r\n")
		default:
			fmt.Fprint(conn, "530 no\r\n")
		}
	}
}

func TestMailGoesByATLSServer(t *testing.T) {
	for rcpt, want := range map[string]string{"250 fine": "sent", "550 nobody": "refused", "450 later": "again"} {
		port, roots, mails := mailServer(t, rcpt)
		s, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: port, User: "u", Password: "p", From: "ca@ca.example", TLS: &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}})
		if err != nil {
			t.Fatal(err)
		}
		e := sampleEnvelope
		e.To = "a@b.example"
		err = s.Deliver(t.Context(), e)
		switch {
		case want == "sent" && err != nil, want != "sent" && (err == nil || errors.Is(err, ErrRefused) != (want == "refused")):
			t.Errorf("%s: %v, want %s", rcpt, err, want)
		case want == "sent":
			if text := <-mails; !strings.Contains(text, "ntc_1@ca.example") || !strings.Contains(text, "To: <a@b.example>") {
				t.Error(text)
			}
		}
	}
}
