package notice

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"signet/api/problem"
	"signet/api/store"
)

// How messages travel. What no gateway is connected for stays in the outbox, and is sent to nobody.
const (
	Channel       = "outbox"
	ChannelSMS    = "sms"
	ChannelMail   = "mail"
	ChannelPortal = "portal" // seen under 我的消息 only: its person wants no text message
)

// keepFor is how long the readable text of a message with a secret outlives the secret.
const keepFor = 15 * time.Minute

// Config configures a Notices.
type Config struct {
	DB        *store.DB  // required
	Signature string     // sender named in 【…】; default 印信 (S002-14: configurable)
	Templates []Template // further texts, of other packages; an ID must be new
	SMS       Gateway    // default: none, text messages stay in the outbox
	Mail      Gateway    // default: none, mail stays in the outbox
	// Owner finds the account that a number or mail address belongs to now, and its confirmed mail address; both may be
	// empty. Default: nobody sees messages in the portal.
	Owner func(tx *store.Tx, recipient string) (accountID, mail string, err error)
	// Contacts gives the numbers of an organisation's people. Default: nobody is told of a webhook that was stopped.
	Contacts func(tx *store.Tx, organisationID string) ([]string, error)
	Seal     Sealer      // keeps the secrets of webhooks; required for them
	Loopback bool        // webhooks may go to this machine, without TLS too: for development
	TLS      *tls.Config // of calls to webhooks; default the system's
}

// Notices writes and shows messages.
//
// Concurrency: safe for concurrent use.
type Notices struct {
	db        *store.DB
	signature string
	templates map[string]Template
	sms, mail Gateway
	owner     func(tx *store.Tx, recipient string) (accountID, mail string, err error)

	contacts   func(tx *store.Tx, organisationID string) ([]string, error)
	seal       Sealer
	loopback   bool
	webhookTLS *tls.Config
	client     *http.Client // to webhooks
}

// New makes a Notices.
//
// Errors: a template that is named twice, has not both texts, or whose texts have different places; a signature that breaks its brackets.
func New(c Config) (*Notices, error) {
	if c.Signature == "" {
		c.Signature = "印信"
	}
	signature, err := clean(c.Signature)
	if err != nil || signature != c.Signature || utf8.RuneCountInString(signature) > 20 {
		return nil, fmt.Errorf("notice signature %q: want at most 20 plain characters", c.Signature)
	}
	n := &Notices{db: c.DB, signature: signature, templates: map[string]Template{}, sms: c.SMS, mail: c.Mail, owner: c.Owner,
		contacts: c.Contacts, seal: c.Seal, loopback: c.Loopback, webhookTLS: c.TLS}
	n.client = n.webhookClient()
	for _, t := range append(append([]Template{}, builtin...), c.Templates...) {
		if _, twice := n.templates[t.ID]; twice || t.ID == "" || t.Text == "" || t.English == "" {
			return nil, fmt.Errorf("notice template %q: named twice or empty", t.ID)
		}
		if !slices.Equal(places(t.Text), places(t.English)) {
			return nil, fmt.Errorf("notice template %q: %v in Chinese, %v in English", t.ID, places(t.Text), places(t.English))
		}
		n.templates[t.ID] = t
	}
	return n, nil
}

// Simulated reports whether text messages stay in the outbox instead of reaching
// phones: no gateway is connected.
func (n *Notices) Simulated() bool { return n.sms == nil }

// SimulatedMail is Simulated for mail.
func (n *Notices) SimulatedMail() bool { return n.mail == nil }

// Message is one thing to tell one person.
//
// Nil/zero: SecretUntil is required when the template has secrets, and only then.
type Message struct {
	To          string // mainland mobile number, or a mail address
	Template    string
	Params      map[string]string
	English     map[string]string // values that are other words in English; default: those of Params
	Purpose     string            // what it is for, for the record: supplement, …
	SecretUntil time.Time
}

// messageRow is a row of notice_messages.
type messageRow struct {
	ID         string
	Channel    string
	Recipient  string
	Template   string
	Purpose    string
	Signature  string
	Text       string
	TextEn     string // for the portal; without the signature
	MaskedText string
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
	PurgeAt    int64
	PurgedAt   int64
	AccountID  string // whose it is in the portal; empty: nobody's
	ReadAt     int64
	State      string
	Params     string // JSON of []Param while a gateway needs it
	SentAt     int64  // first given to the gateway
	Error      string
}

// TableName names the table for gorm.
func (messageRow) TableName() string { return "notice_messages" }

// Send writes a message in tx: it exists exactly if tx commits.
//
// Errors: CodePhoneInvalid for a receiver that is no mobile number nor mail address; plain errors for
// what only a defect can cause (unknown template, missing value).
func (n *Notices) Send(tx *store.Tx, m Message) error {
	to, ok := Phone(m.To)
	if strings.Contains(m.To, "@") {
		to, ok = Email(m.To)
	}
	if !ok {
		return problem.New(problem.Invalid, problem.CodePhoneInvalid, "The receiver is not a mainland mobile number.")
	}
	t, known := n.templates[m.Template]
	if !known {
		return fmt.Errorf("sending notice: no template %q", m.Template)
	}
	if (len(t.Secret) > 0) == m.SecretUntil.IsZero() {
		return fmt.Errorf("sending notice %s: SecretUntil does not match the template's secrets", t.ID)
	}
	row := messageRow{
		ID: store.NewID("ntc"), Channel: Channel, Recipient: to, Template: t.ID, Purpose: m.Purpose, State: stateKept,
		Signature: n.signature, CreatedAt: store.Millis(tx.Now()),
	}
	packed, err := n.write(tx, &row, t, m)
	if err != nil {
		return fmt.Errorf("sending notice %s: %w", t.ID, err)
	}
	if len(t.Secret) > 0 {
		row.PurgeAt = store.Millis(m.SecretUntil.Add(keepFor))
		return n.post(tx, row, packed)
	}
	if n.owner == nil {
		return n.post(tx, row, packed)
	}
	accountID, mail, err := n.owner(tx, to)
	if err != nil {
		return fmt.Errorf("sending notice %s: %w", t.ID, err)
	}
	return n.distribute(tx, row, packed, accountID, mail)
}

// write fills in what the message says, and gives the values as a gateway wants them.
func (n *Notices) write(tx *store.Tx, row *messageRow, t Template, m Message) (packed string, err error) {
	sign := "【" + n.signature + "】"
	if row.Text, row.MaskedText, err = n.text(tx, t.ID, Chinese, m.Params); err != nil {
		return "", err
	}
	row.Text, row.MaskedText = sign+row.Text, sign+row.MaskedText
	if len(t.Secret) == 0 { // what has secrets is in nobody's portal
		params := maps.Clone(m.Params)
		maps.Copy(params, m.English)
		if row.TextEn, _, err = n.text(tx, t.ID, English, params); err != nil {
			return "", err
		}
	}
	if utf8.RuneCountInString(row.Text) > maxText || utf8.RuneCountInString(row.TextEn) > maxText {
		return "", fmt.Errorf("longer than %d characters", maxText)
	}
	return t.packed(m.Params)
}

// text says what a notice says in one language, with its secrets and with them masked. It is the only place that looks texts up.
func (n *Notices) text(tx *store.Tx, id string, l Language, params map[string]string) (text, masked string, err error) {
	t := n.templates[id]
	instead, err := published(tx.DB(), id, l)
	if err != nil {
		return "", "", err
	}
	if text, masked, ok := t.override(instead, params); ok {
		return text, masked, nil
	}
	return t.render(t.in(l), params)
}

// distribute sends a message where the person wants it. Who has no account is told by SMS.
func (n *Notices) distribute(tx *store.Tx, row messageRow, packed, accountID, mail string) error {
	want, language := Choice{SMS: true}, Chinese
	if accountID != "" {
		p, err := preferences(tx.DB(), accountID)
		if err != nil {
			return err
		}
		want, language = p.of(n.templates[row.Template].kind()), p.Language
	}
	mailed := want.Mail && n.mail != nil && mail != "" && mail != row.Recipient
	if want.Kind == KindSecurity && !mailed {
		want.SMS = true // it must reach somebody outside of the portal
	}
	if want.Portal {
		row.AccountID = accountID
	}
	switch {
	case want.SMS:
		if err := n.post(tx, row, packed); err != nil {
			return err
		}
	case want.Portal:
		row.Channel = ChannelPortal
		if err := tx.DB().Create(&row).Error; err != nil {
			return fmt.Errorf("keeping a notice for the portal: %w", err)
		}
	}
	if !mailed {
		return nil
	}
	row.ID, row.Recipient, row.AccountID, row.Channel = store.NewID("ntc"), mail, "", Channel
	if language == English {
		row.Text = "【" + n.signature + "】" + row.TextEn
		row.MaskedText = row.Text
	}
	return n.post(tx, row, packed)
}

// post keeps a message, and leaves it for the gateway if there is one.
func (n *Notices) post(tx *store.Tx, row messageRow, packed string) error {
	channel := ChannelSMS
	if strings.Contains(row.Recipient, "@") {
		channel = ChannelMail
	}
	due := tx.Now()
	if n.gateway(channel) != nil {
		row.Channel, row.State, row.Params = channel, stateQueued, packed
		if channel == ChannelSMS && !n.templates[row.Template].urgent() {
			due = morning(due)
		}
	}
	if err := tx.DB().Create(&row).Error; err != nil {
		return fmt.Errorf("sending notice: %w", err)
	}
	if row.State != stateQueued {
		return nil
	}
	return queue(tx, row.ID, due)
}

// Sent is a message as the outbox shows it.
type Sent struct {
	ID, To, Text, Template, Purpose, Signature string
	At                                         time.Time
	State                                      string
	Simulated                                  bool // it stays in the outbox
}

// listMost bounds one answer of List.
const listMost = 200

// List shows the newest messages, newest first; with to, only those to that
// number. It is for `signet dev` and administrators: texts hold codes that still work.
func (n *Notices) List(ctx context.Context, to string) ([]Sent, error) {
	q := n.db.Read(ctx).Where("channel <> ?", ChannelPortal).Order("created_at DESC, id DESC").Limit(listMost)
	if to != "" {
		number, ok := Phone(to)
		if strings.Contains(to, "@") {
			number, ok = Email(to)
		}
		if !ok {
			return []Sent{}, nil
		}
		q = q.Where("recipient = ?", number)
	}
	var rows []messageRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing notices: %w", err)
	}
	now := store.Millis(n.db.Now())
	sent := make([]Sent, 0, len(rows))
	for _, r := range rows {
		sent = append(sent, r.sent(now))
	}
	return sent, nil
}

// sent shows a row; a text due for purging is masked even if Purge has not run.
func (r messageRow) sent(now int64) Sent {
	text := r.Text
	if r.PurgeAt != 0 && r.PurgeAt <= now {
		text = r.MaskedText
	}
	return Sent{
		ID: r.ID, To: r.Recipient, Text: text, Template: r.Template, Purpose: r.Purpose,
		Signature: r.Signature, At: store.Time(r.CreatedAt), State: r.State, Simulated: r.Channel == Channel,
	}
}

// Purge masks every text whose secret expired more than 15 minutes ago. Run it
// every few minutes.
func (n *Notices) Purge(ctx context.Context) (purged int64, err error) {
	err = n.db.Tx(ctx, func(tx *store.Tx) error {
		now := store.Millis(tx.Now())
		r := tx.DB().Exec("UPDATE notice_messages SET text = masked_text, params = '', purged_at = ? WHERE purged_at = 0 AND purge_at > 0 AND purge_at <= ?", now, now)
		purged = r.RowsAffected
		return r.Error
	})
	if err != nil {
		return 0, fmt.Errorf("purging notices: %w", err)
	}
	return purged, nil
}
