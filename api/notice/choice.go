package notice

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/api/problem"
	"signet/api/store"
)

// Kind is what a person chooses channels for, and an organisation's webhook is told of.
type Kind string

// The kinds, as in the API.
const (
	KindExpiry       Kind = "expiry"
	KindApplication  Kind = "application"
	KindOrder        Kind = "order"
	KindShipment     Kind = "shipment"
	KindRecovery     Kind = "recovery"
	KindOrganisation Kind = "organisation"
	KindSecurity     Kind = "security" // of every template that is marked so
)

// Kinds lists all kinds in the order of the page.
var Kinds = []Kind{KindExpiry, KindApplication, KindOrder, KindShipment, KindRecovery, KindOrganisation, KindSecurity}

// kind is what the template counts as; empty: nobody chooses.
func (t Template) kind() Kind {
	if t.Security {
		return KindSecurity
	}
	return t.Kind
}

// Language is what a person is written to in.
type Language string

// The languages, as in the API. Text messages are in Chinese always: vendors file each text.
const (
	Chinese Language = "zh-CN"
	English Language = "en-US"
)

// Choice says where a person wants to be told of one kind.
type Choice struct {
	Kind              Kind
	Portal, SMS, Mail bool
}

// Preferences are a person's choices: one of each kind.
type Preferences struct {
	Language Language
	Choices  []Choice
}

// choiceRow is a row of notice_choices.
type choiceRow struct {
	AccountID string `gorm:"primaryKey"`
	Kind      Kind   `gorm:"primaryKey"`
	Portal    bool
	SMS       bool `gorm:"column:sms"`
	Mail      bool
}

// TableName names the table for gorm.
func (choiceRow) TableName() string { return "notice_choices" }

// languageRow is a row of notice_languages.
type languageRow struct {
	AccountID string `gorm:"primaryKey"`
	Language  Language
}

// TableName names the table for gorm.
func (languageRow) TableName() string { return "notice_languages" }

// Preferences reads what a person chose; what was never chosen is told everywhere, in Chinese.
func (n *Notices) Preferences(ctx context.Context, accountID string) (Preferences, error) {
	return preferences(n.db.Read(ctx), accountID)
}

func preferences(db *gorm.DB, accountID string) (Preferences, error) {
	p := Preferences{Language: Chinese}
	var languages []languageRow
	if err := db.Where("account_id = ?", accountID).Limit(1).Find(&languages).Error; err != nil {
		return p, fmt.Errorf("reading the language of notices: %w", err)
	}
	if len(languages) > 0 {
		p.Language = languages[0].Language
	}
	var rows []choiceRow
	if err := db.Where("account_id = ?", accountID).Find(&rows).Error; err != nil {
		return p, fmt.Errorf("reading choices of notices: %w", err)
	}
	for _, kind := range Kinds {
		choice := Choice{kind, true, true, true}
		for _, r := range rows {
			if r.Kind == kind {
				choice = Choice{kind, r.Portal, r.SMS, r.Mail}
			}
		}
		p.Choices = append(p.Choices, choice)
	}
	return p, nil
}

// of gives the choice of one kind; what has no kind is told everywhere.
func (p Preferences) of(kind Kind) Choice {
	for _, c := range p.Choices {
		if c.Kind == kind {
			return c
		}
	}
	return Choice{kind, true, true, true}
}

// SetPreferences keeps a person's choices; a kind that is not named stays as it was.
//
// Errors: CodeInvalidField for a kind or language that does not exist, and where security notices would not be shown in
// the portal or be neither sent by SMS nor by mail: who steals a session must not be able to silence them.
func (n *Notices) SetPreferences(ctx context.Context, accountID string, p Preferences) error {
	wrong := func(field, detail string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
	}
	if p.Language != Chinese && p.Language != English {
		return wrong("language", "The language is zh-CN or en-US.")
	}
	rows, seen := []choiceRow{}, map[Kind]bool{}
	for _, c := range p.Choices {
		if seen[c.Kind] || !isKind(c.Kind) {
			return wrong("choices", "Each kind of notice is named once at most.")
		}
		if c.Kind == KindSecurity && (!c.Portal || !c.SMS && !c.Mail) {
			return wrong("choices", "Security notices are always shown in the portal, and sent by SMS or mail.")
		}
		seen[c.Kind] = true
		rows = append(rows, choiceRow{accountID, c.Kind, c.Portal, c.SMS, c.Mail})
	}
	again := clause.OnConflict{UpdateAll: true}
	return n.db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.DB().Clauses(again).Create(&languageRow{accountID, p.Language}).Error; err != nil {
			return fmt.Errorf("keeping the language of notices: %w", err)
		}
		for _, r := range rows {
			if err := tx.DB().Clauses(again).Create(&r).Error; err != nil {
				return fmt.Errorf("keeping choices of notices: %w", err)
			}
		}
		return tx.Audit(accountID, "notice.preferences", accountID, map[string]any{"language": p.Language, "choices": p.Choices})
	})
}

func isKind(kind Kind) bool {
	for _, k := range Kinds {
		if k == kind {
			return true
		}
	}
	return false
}
