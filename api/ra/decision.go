package ra

import (
	"strings"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// Word is what a member of staff says to what is approved or refused as a whole: a recovery, an unlocking.
//
// Nil/zero: Signature nil is good where the installation does not ask for keys.
type Word struct {
	Approve   bool
	Note      string // why it is refused
	Signature []byte // CMS over the text of the decision
}

// check holds a word to its form.
//
// Errors: CodeMissingField.
func (w *Word) check() error {
	if w.Note = strings.TrimSpace(w.Note); !w.Approve && w.Note == "" {
		return problem.New(problem.Invalid, problem.CodeMissingField, "A refusal has a reason.").WithField("note")
	}
	return nil
}

func (w Word) decision() string {
	if w.Approve {
		return Approve
	}
	return Reject
}

// decisionRow is a row of ra_decisions: what was decided about something that is no application, in the words that were signed.
type decisionRow struct {
	ID        string
	ObjectID  string
	Step      int
	Decision  string
	ByAccount string
	ByName    string
	Text      string
	Signature []byte
	At        int64
}

// TableName names the table for gorm.
func (decisionRow) TableName() string { return "ra_decisions" }

// keepDecision writes a decision down, once a step.
func keepDecision(tx *store.Tx, by account.Actor, row decisionRow, approve bool) error {
	row.ID, row.Decision, row.ByAccount, row.ByName, row.At = store.NewID("dec"), Word{Approve: approve}.decision(), by.AccountID, clip(by.Login, 100), store.Millis(tx.Now())
	row.Signature = append([]byte{}, row.Signature...)
	if err := tx.DB().Create(&row).Error; err != nil {
		return err
	}
	return tx.Audit(by.AccountID, "decision."+row.Decision, row.ObjectID, map[string]any{"step": row.Step, "text": hashHex([]byte(row.Text)), "signature": hashHex(row.Signature)})
}
