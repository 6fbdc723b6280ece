package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// OrganisationQuery asks for one page of organisations.
//
// Nil/zero: Page 0 = 1, Size 0 = 20; Status and Search "" = all.
type OrganisationQuery struct {
	Status, Search string
	Page, Size     int
}

func bounds(page, size, most int) (int, int) {
	if size <= 0 {
		size = 20
	}
	return max(page, 1), min(size, most)
}

// countMost is how many organisations a list counts and shows: among more, one searches.
const countMost = 10_000

// Organisations lists organisations for staff, newest first, and how many there are; one more than 10,000 = more than those that are shown. Search
// is part of a name, or the beginning of a number.
//
// Errors: those of Can.
func (a *Accounts) Organisations(ctx context.Context, by Actor, q OrganisationQuery) (list []Organisation, total int64, err error) {
	if err := Can(by, WindowAct); err != nil {
		return nil, 0, err
	}
	page, size := bounds(q.Page, q.Size, 100)
	search, condition, found := strings.TrimSpace(q.Search), "", []any(nil)
	if search != "" {
		if condition, found, err = searched(a.db.Read(ctx), search); err != nil {
			return nil, 0, err
		}
	}
	where := func() *gorm.DB {
		db := withinWindow(a.db.Read(ctx), by)
		if q.Status != "" {
			db = db.Where("status = ?", q.Status)
		}
		if condition != "" {
			db = db.Where(condition, found...)
		}
		return db
	}
	counted := where().Select("id").Limit(countMost + 1)
	if err := a.db.Read(ctx).Table("(?) counted", counted).Count(&total).Error; err != nil {
		return nil, 0, fmt.Errorf("counting organisations: %w", err)
	}
	skip := (page - 1) * size
	if size = min(size, int(min(total, countMost))-skip); size <= 0 {
		return []Organisation{}, total, nil
	}
	var rows []organisationRow
	if err := where().Order("created_at DESC, id DESC").Offset(skip).Limit(size).Find(&rows).Error; err != nil {
		return nil, 0, fmt.Errorf("listing organisations: %w", err)
	}
	list = make([]Organisation, len(rows))
	for i := range rows {
		list[i] = rows[i].organisation()
	}
	return list, total, nil
}

// searched is the condition on organisations that a search makes. Numbers and names are found by their indexes; only a part of very many names is
// looked for by walking.
func searched(db *gorm.DB, text string) (condition string, args []any, err error) {
	ids, many, err := Named(db, text, namedMost)
	if err != nil {
		return "", nil, err
	}
	if many {
		return "name LIKE ? ESCAPE '!'", []any{"%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"}, nil
	}
	condition, args = "id IN ?", []any{ids}
	if word := strings.ToUpper(text); strings.Trim(word, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == "" {
		for _, column := range []string{"uscc", "org_code"} {
			condition += " OR id IN (SELECT id FROM acct_organisations WHERE " + column + " >= ? AND " + column + " < ?)"
			args = append(args, word, word+"\x7f")
		}
	}
	return "(" + condition + ")", args, nil
}

// namedMost is how many organisations of a name are looked up one by one.
const namedMost = 500

// withinWindow gives the organisations that a person may verify: a project's are those whose accounts came with it.
func withinWindow(db *gorm.DB, by Actor) *gorm.DB {
	db = db.Model(&organisationRow{})
	if condition, args := by.Bounds(WindowAct, "p.project_slug", "x.id"); condition != "" {
		db = db.Where("id IN (SELECT x.id FROM acct_organisations x LEFT JOIN acct_memberships p ON p.organisation_id = x.id WHERE "+condition+")", args...)
	}
	return db
}

// atWindow makes sure that a person may verify an organisation.
//
// Errors: CodeNotFound.
func atWindow(db *gorm.DB, by Actor, id string) error {
	var n int64
	if err := withinWindow(db, by).Where("id = ?", id).Count(&n).Error; err != nil {
		return fmt.Errorf("reading organisation: %w", err)
	}
	if n == 0 {
		return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such organisation.")
	}
	return nil
}

// OrganisationFile is what staff see of one organisation.
type OrganisationFile struct {
	Organisation
	RegisterName string // of the register that was asked; empty = none is connected
	Members      []Colleague
}

// OrganisationFile shows one organisation to staff. ID numbers of persons stay masked.
//
// Errors: those of Can; CodeNotFound.
func (a *Accounts) OrganisationFile(ctx context.Context, by Actor, id string) (f OrganisationFile, err error) {
	if err := Can(by, WindowAct); err != nil {
		return f, err
	}
	if err := atWindow(a.db.Read(ctx), by, id); err != nil {
		return f, err
	}
	if f.Organisation, err = a.Organisation(ctx, id); err != nil {
		return f, err
	}
	if a.c.Register != nil {
		f.RegisterName = a.c.Register.Name()
	}
	rows, err := membersOf(a.db.Read(ctx), id, true)
	if err != nil {
		return f, err
	}
	for _, r := range rows {
		f.Members = append(f.Members, r.colleague())
	}
	return f, nil
}

// Verification is what a member of staff decides about who an organisation is (实名核验).
//
// Shape: How is window or material; Note says what was looked at, 4 to 200 characters.
type Verification struct {
	Accept    bool
	How, Note string
}

// VerifyOrganisation decides it. Accepting verifies the organisation and its members that wait; it may follow a rejection. Possession of a key
// verifies too, without staff.
//
// Errors: those of Can; CodeInvalidField; CodeNotFound; CodeConflict for one that is verified or closed.
func (a *Accounts) VerifyOrganisation(ctx context.Context, by Actor, id string, v Verification) error {
	if err := Can(by, WindowAct); err != nil {
		return err
	}
	v.Note = strings.TrimSpace(v.Note)
	if n := len([]rune(v.Note)); n < 4 || n > 200 || line(v.Note, 200) != v.Note {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "Say in 4 to 200 characters what was looked at.").WithField("note")
	}
	if !slices.Contains([]string{"window", "material"}, v.How) {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "It is verified at the window or by material.").WithField("how")
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		if err := atWindow(tx.DB(), by, id); err != nil {
			return err
		}
		var row organisationRow
		err := tx.DB().Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", id).Take(&row).Error
		if store.IsNotFound(err) {
			return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such organisation.")
		}
		if err != nil {
			return fmt.Errorf("reading organisation: %w", err)
		}
		if row.Status != OrganisationUnverified && row.Status != OrganisationRejected {
			return problem.New(problem.Conflict, problem.CodeConflict, "The organisation is verified or closed.")
		}
		if v.Accept {
			return a.acceptOrganisation(tx, by, &row, v)
		}
		return a.rejectOrganisation(tx, by, &row, v)
	})
}

func (a *Accounts) acceptOrganisation(tx *store.Tx, by Actor, row *organisationRow, v Verification) error {
	if err := markOrganisation(tx, row.ID, "L2", v.How, by.AccountID, v.Note); err != nil {
		return err
	}
	members, err := membersOf(tx.DB(), row.ID, false)
	if err != nil {
		return err
	}
	members = slices.DeleteFunc(members, func(m accountRow) bool { return m.State != Unverified })
	slices.SortFunc(members, func(a, b accountRow) int { return strings.Compare(a.ID, b.ID) }) // one order of locks
	for _, m := range members {
		if err := MarkVerified(tx, row.ID, m.ID, v.How, "organisation "+row.ID); err != nil {
			return err
		}
		if m.Phone == nil {
			continue
		}
		if err := a.c.Notice.Send(tx, notice.Message{To: *m.Phone, Template: notice.AccountVerified, Purpose: "verification", Params: map[string]string{"organisation": row.Name}}); err != nil {
			return err
		}
	}
	if err := a.event(tx, row.ID, "", notice.AccountVerified, nil); err != nil {
		return err
	}
	return tx.Audit(by.AccountID, "organisation.verify", row.ID, map[string]any{"how": v.How, "note": v.Note, "members": len(members)})
}

// markOrganisation notes that it was proved who an organisation is. What was verified before stays as it was.
func markOrganisation(tx *store.Tx, id, assurance, how, by, note string) error {
	if id == "" || assurance == "" {
		return nil
	}
	err := tx.DB().Model(&organisationRow{}).Where("id = ? AND status IN ?", id, []string{OrganisationUnverified, OrganisationRejected}).
		Updates(map[string]any{"status": OrganisationVerified, "assurance": assurance, "verified_how": how, "verified_by": by, "verified_note": note, "verified_at": store.Millis(tx.Now())}).Error
	if err != nil {
		return fmt.Errorf("verifying organisation: %w", err)
	}
	return nil
}

func (a *Accounts) rejectOrganisation(tx *store.Tx, by Actor, row *organisationRow, v Verification) error {
	err := tx.DB().Model(&organisationRow{}).Where("id = ?", row.ID).
		Updates(map[string]any{"status": OrganisationRejected, "verified_how": v.How, "verified_by": by.AccountID, "verified_note": v.Note}).Error
	if err != nil {
		return fmt.Errorf("rejecting organisation: %w", err)
	}
	owners, err := ownerPhones(tx, row.ID)
	if err != nil {
		return err
	}
	for _, number := range owners {
		err := a.c.Notice.Send(tx, notice.Message{To: number, Template: notice.VerificationRejected, Purpose: "verification",
			Params: map[string]string{"organisation": row.Name, "reason": v.Note, "contact": a.c.ContactPhone("")}})
		if err != nil {
			return err
		}
	}
	// The reason is the window's own words, and may be about a person.
	if err := a.event(tx, row.ID, "", notice.VerificationRejected, nil); err != nil {
		return err
	}
	return tx.Audit(by.AccountID, "organisation.reject", row.ID, map[string]any{"how": v.How, "note": v.Note})
}
