package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// emailLinkFor is how long a link in a mail works.
const emailLinkFor = 24 * time.Hour

var emailsPerAccount = []rule{{1, codeEvery}, {10, day}}

// emailLinkRow is a row of acct_email_links.
type emailLinkRow struct {
	ID        string // hash of the token
	AccountID string
	Email     string
	SentAt    int64
	ExpiresAt int64
	UsedAt    int64
}

// TableName names the table for gorm.
func (emailLinkRow) TableName() string { return "acct_email_links" }

// SendEmailLink sends a link to a mail address; it becomes the account's once the link is opened.
//
// Errors: those of Can; CodeEmailInvalid; CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) SendEmailLink(ctx context.Context, by Actor, email string) (CodeSent, error) {
	if err := Can(by, ProfileAct); err != nil {
		return CodeSent{}, err
	}
	address, ok := notice.Email(email)
	if !ok {
		return CodeSent{}, problem.New(problem.Invalid, problem.CodeEmailInvalid, "This is no mail address.").WithField("email")
	}
	secret := make([]byte, 16)
	rand.Read(secret) // never fails since Go 1.24
	token := base64.RawURLEncoding.EncodeToString(secret)
	var sent CodeSent
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockAccount(tx, by.AccountID)
		if err != nil {
			return err
		}
		if err := countMail(tx, row.ID); err != nil {
			return err
		}
		now := tx.Now()
		sent = CodeSent{SentAt: now, ExpiresAt: now.Add(emailLinkFor), ResendAt: now.Add(codeEvery), Simulated: a.c.Notice.SimulatedMail()}
		err = tx.DB().Model(&emailLinkRow{}).Where("account_id = ? AND used_at = 0", row.ID).Update("expires_at", store.Millis(now)).Error
		if err != nil {
			return fmt.Errorf("voiding links: %w", err)
		}
		link := emailLinkRow{ID: tokenHash(Token(token)), AccountID: row.ID, Email: address, SentAt: store.Millis(now), ExpiresAt: store.Millis(sent.ExpiresAt)}
		if err := tx.DB().Create(&link).Error; err != nil {
			return fmt.Errorf("keeping a link: %w", err)
		}
		err = a.c.Notice.Send(tx, notice.Message{To: address, Template: notice.EmailConfirm, Purpose: "email", SecretUntil: sent.ExpiresAt,
			Params: map[string]string{"link": a.c.Origin + "/email#" + token}})
		if err != nil {
			return err
		}
		return tx.Audit(row.ID, "account.send_email_link", row.ID, nil)
	})
	if err != nil {
		return CodeSent{}, err
	}
	return sent, nil
}

func countMail(tx *store.Tx, accountID string) error {
	t, err := holdThrottle(tx, "mail:account:"+accountID)
	if err != nil {
		return err
	}
	for _, r := range emailsPerAccount {
		if wait := t.wait(tx.Now(), r); wait > 0 {
			code := problem.CodeSMSLimit
			if r.most == 1 {
				code = problem.CodeSMSTooSoon
			}
			return retryLater(code, "No further mail may be sent yet.", wait).WithField("email")
		}
	}
	t.note(tx.Now(), day, "")
	return t.save(tx)
}

// ConfirmEmail makes a mail address the account's, by the link that went to it.
//
// Errors: CodeLinkExpired.
func (a *Accounts) ConfirmEmail(ctx context.Context, token string) error {
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		now := store.Millis(tx.Now())
		id := tokenHash(Token(token))
		r := tx.DB().Model(&emailLinkRow{}).Where("id = ? AND used_at = 0 AND expires_at > ?", id, now).Update("used_at", now)
		if r.Error != nil {
			return fmt.Errorf("using a link: %w", r.Error)
		}
		if r.RowsAffected != 1 {
			return errLink
		}
		var link emailLinkRow
		if err := tx.DB().Where("id = ?", id).Take(&link).Error; err != nil {
			return fmt.Errorf("reading a link: %w", err)
		}
		row, err := lockAccount(tx, link.AccountID)
		if err != nil {
			return err
		}
		if row.State == Closed {
			return errLink
		}
		err = tx.DB().Model(&accountRow{}).Where("id = ?", row.ID).Updates(map[string]any{"email": link.Email, "email_at": now, "changed_at": now}).Error
		if err != nil {
			return fmt.Errorf("confirming mail: %w", err)
		}
		if row.Email != link.Email {
			if err := a.tellEmail(tx, row, link.Email); err != nil {
				return err
			}
		}
		return tx.Audit(row.ID, "account.confirm_email", row.ID, nil)
	})
}

// tellEmail tells the account, and the address that was before.
func (a *Accounts) tellEmail(tx *store.Tx, row *accountRow, now string) error {
	local, domain, _ := strings.Cut(now, "@")
	params := map[string]string{"mail": local[:1] + "***@" + domain}
	if err := a.tellAccount(tx, row.ID, notice.EmailChanged, "email", params, nil); err != nil || row.Email == "" {
		return err
	}
	return a.c.Notice.Send(tx, notice.Message{To: row.Email, Template: notice.EmailChanged, Purpose: "email", Params: params})
}

// SetDisplayName changes what the person is called in the portal; names in certificates and of organisations stay.
//
// Errors: those of Can; CodeNameInvalid.
func (a *Accounts) SetDisplayName(ctx context.Context, by Actor, name string) error {
	if err := Can(by, ProfileAct); err != nil {
		return err
	}
	name = strings.TrimSpace(name)
	if name == "" || line(name, 40) != name {
		return problem.New(problem.Invalid, problem.CodeNameInvalid, "A name of 1 to 40 characters on one line is needed.").WithField("displayName").WithParam("reason", "length")
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		err := tx.DB().Model(&accountRow{}).Where("id = ?", by.AccountID).Updates(map[string]any{"display_name": name, "changed_at": store.Millis(tx.Now())}).Error
		if err != nil {
			return fmt.Errorf("naming: %w", err)
		}
		return tx.Audit(by.AccountID, "account.name", by.AccountID, nil)
	})
}
