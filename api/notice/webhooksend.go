package notice

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"syscall"
	"time"

	"signet/api/problem"
	"signet/api/store"
)

// TopicWebhook is the topic of deliveries to webhooks. DeliverWebhook handles it.
const TopicWebhook = "notice.webhook"

const (
	webhookTakes  = 10 * time.Second
	webhookAnswer = 1 << 14 // bytes of an answer that are read, and thrown away
)

// personal are the values that never leave by webhook.
var personal = []string{"phone", "contact", "mail", "address", "device"}

func isPersonal(name string) bool { return slices.Contains(personal, name) }

// plainName keeps a template's own "kind" apart from the kind of the notice.
func plainName(name string) string {
	if name == "kind" {
		return "business"
	}
	return name
}

// checkAddress takes what a delivery could be sent to; where its name leads is looked at each time one is sent.
func (n *Notices) checkAddress(address string) error {
	u, err := url.Parse(address)
	wrong := problem.New(problem.Invalid, problem.CodeInvalidField, "An address such as https://erp.example.com/signet is needed, without user, password or #.").WithField("url")
	if err != nil || len(address) > 500 || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" || !printable(address) {
		return wrong
	}
	if u.Scheme != "https" && !(n.loopback && u.Scheme == "http") {
		return wrong
	}
	if port := u.Port(); port != "" {
		if number, err := strconv.Atoi(port); err != nil || number != 443 && (number < 1024 || number > 65535) {
			return wrong
		}
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !n.reachable(ip) {
		return wrong
	}
	return nil
}

func printable(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// inner are networks that look public to net/netip and lead inside, or somewhere else than they say: shared and reserved ones, documentation,
// benchmarks, translations from IPv6 to IPv4, and Azure's metadata.
// Source: RFC 6890 and the IANA registries of special-purpose addresses; RFC 6052, RFC 3056, RFC 4380.
var inner = func() []netip.Prefix {
	var list []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}()

// reachable reports whether something may be sent to an address: a public one, or in `signet dev` one of this machine.
func (n *Notices) reachable(ip netip.Addr) bool {
	ip = ip.Unmap()
	if n.loopback && ip.IsLoopback() {
		return true
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Zone() != "" {
		return false
	}
	return !slices.ContainsFunc(inner, func(p netip.Prefix) bool { return p.Contains(ip) })
}

var errInner = errors.New("the name leads to an address that nothing is sent to")

// webhookClient makes calls that go to public addresses only. The address is looked at after its name was resolved, when the
// connection is about to be made, so that a name cannot lead elsewhere afterwards; redirects are not followed and no proxy is asked.
func (n *Notices) webhookClient() *http.Client {
	dialer := &net.Dialer{Timeout: webhookTakes, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !n.reachable(to.Addr()) {
			return errInner
		}
		return nil
	}}
	return &http.Client{
		Timeout:       webhookTakes,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: webhookTakes, ResponseHeaderTimeout: webhookTakes,
			MaxResponseHeaderBytes: webhookAnswer, DisableKeepAlives: true, TLSClientConfig: n.webhookTLS,
		},
	}
}

// SignWebhook signs a delivery.
//
// Shape: v1, and base64 of HMAC-SHA256 over "id.timestamp.body".
// Source: Standard Webhooks 1.0.
func SignWebhook(key []byte, id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// DeliverWebhook sends a delivery, at least once. It handles TopicWebhook.
func (n *Notices) DeliverWebhook(ctx context.Context, m store.Message) error {
	var row deliveryRow
	if err := n.db.Read(ctx).Where("id = ?", m.Object).Take(&row).Error; store.IsNotFound(err) {
		return nil // pruned
	} else if err != nil {
		return fmt.Errorf("reading delivery %s: %w", m.Object, err)
	}
	var to webhookRow
	if err := n.db.Read(ctx).Where("id = ?", row.WebhookID).Take(&to).Error; err != nil {
		return fmt.Errorf("reading webhook %s: %w", row.WebhookID, err)
	}
	switch {
	case row.State != DeliveryWaiting:
		return nil
	case to.State != WebhookActive:
		return n.settle(ctx, row, 0, "the webhook is "+to.State, true, false)
	}
	status, err := n.post1(ctx, to, row)
	if err == nil {
		return n.settle(ctx, row, status, "", true, true)
	}
	last := m.Attempts >= store.MaxAttempts
	if err := n.settle(ctx, row, status, err.Error(), last, false); err != nil {
		return err
	}
	if last {
		return nil
	}
	return fmt.Errorf("delivering %s to a webhook: %w", row.ID, err)
}

// post1 makes one call.
func (n *Notices) post1(ctx context.Context, to webhookRow, row deliveryRow) (status int, err error) {
	key, err := n.seal.Unwrap(to.Sealed, []byte("webhook:"+to.ID))
	if err != nil {
		return 0, fmt.Errorf("opening the secret: %w", err)
	}
	defer clear(key)
	now := n.db.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader([]byte(row.Body)))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "signet-webhook/1")
	req.Header.Set("Webhook-Id", row.ID)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("Webhook-Signature", SignWebhook(key, row.ID, now, []byte(row.Body)))
	resp, err := n.client.Do(req)
	if err != nil {
		return 0, plainError(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, webhookAnswer))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp.StatusCode, fmt.Errorf("answered %d", resp.StatusCode)
	}
	return resp.StatusCode, nil
}

// plainError leaves out what the organisation need not be told of our network.
func plainError(err error) error {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(err, errInner):
		return errInner
	case errors.As(err, &dns):
		return errors.New("the name was not found")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("no answer in time")
	}
	return errors.New("no connection, or no trusted certificate")
}

// settle notes how an attempt fared; done means that no more follow by themselves.
func (n *Notices) settle(ctx context.Context, row deliveryRow, status int, why string, done, took bool) error {
	return n.db.Tx(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		set := map[string]any{"attempts": row.Attempts + 1, "status": status, "error": store.Clip(why, 300), "tried_at": store.Millis(tx.Now())}
		if done {
			set["state"] = map[bool]string{true: DeliveryDelivered, false: DeliveryFailed}[took]
		}
		moved := tx.DB().Model(&deliveryRow{}).Where("id = ? AND state = ?", row.ID, DeliveryWaiting).Updates(set)
		if moved.Error != nil {
			return fmt.Errorf("noting a delivery: %w", moved.Error)
		}
		if moved.RowsAffected == 0 || !done {
			return nil
		}
		return n.count(tx, row.WebhookID, took)
	})
}

// count stops a webhook that took nothing for too long, and tells its organisation.
func (n *Notices) count(tx *store.Tx, id string, took bool) error {
	var w webhookRow
	if err := tx.DB().Where("id = ?", id).Take(&w).Error; err != nil {
		return fmt.Errorf("reading webhook: %w", err)
	}
	if w.State != WebhookActive {
		return nil
	}
	failures := w.Failures + 1
	if took {
		failures = 0
	}
	set := map[string]any{"failures": failures}
	if failures >= webhookFailures {
		set["state"] = WebhookHalted
	}
	if err := tx.DB().Model(&webhookRow{}).Where("id = ?", id).Updates(set).Error; err != nil {
		return fmt.Errorf("counting a webhook's failures: %w", err)
	}
	if failures < webhookFailures {
		return nil
	}
	if err := tx.Audit("system", "webhook.stop", id, map[string]any{"failures": failures}); err != nil || n.contacts == nil {
		return err
	}
	to, err := n.contacts(tx, w.OrganisationID)
	if err != nil {
		return err
	}
	host := ""
	if u, err := url.Parse(w.URL); err == nil {
		host = u.Host
	}
	for _, number := range to {
		if err := n.Send(tx, Message{To: number, Template: WebhookStopped, Purpose: "webhook", Params: map[string]string{"host": host}}); err != nil && !problem.Has(err, problem.CodePhoneInvalid) {
			return err
		}
	}
	return nil
}

// PruneDeliveries forgets what was sent more than 30 days ago, some at a time.
func (n *Notices) PruneDeliveries(ctx context.Context) error {
	var ids []string
	err := n.db.Read(ctx).Model(&deliveryRow{}).Where("created_at < ? AND state <> ?", store.Millis(n.db.Now().Add(-keepDeliveries)), DeliveryWaiting).Limit(1000).Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return err
	}
	return n.db.Tx(ctx, func(tx *store.Tx) error { return tx.DB().Where("id IN ?", ids).Delete(&deliveryRow{}).Error })
}
