package content

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// Projects is the kind whose keys are slugs of projects, so that a manager of one project reaches that one only.
const Projects = "project"

// Config configures a Contents.
type Config struct {
	DB    *store.DB       // required
	Kinds map[string]Kind // required, by name
}

// Contents is the content of a site.
//
// Concurrency: safe for concurrent use; several instances may share a database.
type Contents struct {
	db    *store.DB
	kinds map[string]Kind
}

// New makes a Contents.
//
// Errors: a missing field.
func New(c Config) (*Contents, error) {
	if c.DB == nil || len(c.Kinds) == 0 {
		return nil, errors.New("content needs DB and Kinds")
	}
	return &Contents{db: c.DB, kinds: c.Kinds}, nil
}

// State is where a draft is: 起草中 · 待发布.
type State string

// The states of a draft.
const (
	Draft     State = "draft"
	Submitted State = "submitted"
	gone      State = "gone" // published or discarded; the row stays, so that no revision is ever used twice
)

// draftRow is a row of content_drafts: an item has one draft at most.
type draftRow struct {
	Kind        string `gorm:"primaryKey"`
	ItemKey     string `gorm:"primaryKey"`
	Revision    int
	State       State
	Document    string
	BaseDigest  string // of what was in effect when it was saved; empty: nothing was
	AuthorID    string
	AuthorName  string
	Note        string // of the author
	Reason      string // of who returned it
	ChangedAt   int64
	SubmittedAt int64
}

// TableName names the table for gorm.
func (draftRow) TableName() string { return "content_drafts" }

// versionRow is a row of content_versions: what was in effect from PublishedAt on.
type versionRow struct {
	Kind          string `gorm:"primaryKey"`
	ItemKey       string `gorm:"primaryKey"`
	Version       int    `gorm:"primaryKey;autoIncrement:false"`
	Document      string
	Digest        string
	AuthorID      string
	AuthorName    string // empty: it came into effect some other way, such as by signetctl
	PublisherID   string
	PublisherName string
	Note          string
	PublishedAt   int64
}

// TableName names the table for gorm.
func (versionRow) TableName() string { return "content_versions" }

func digest(document []byte) string {
	if document == nil {
		return ""
	}
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}

// may says whether somebody may do verb with an item. A manager bounded to a project reaches that project; what holds for the whole site,
// and a project that is not there yet, take somebody without bounds. System administrators reach all.
//
// Errors: those of account.Can; CodeForbidden out of reach.
func may(by account.Actor, verb account.Verb, kind, key string) error {
	if account.Can(by, account.AdminSettings) == nil {
		return nil
	}
	if err := account.Can(by, verb); err != nil {
		return err
	}
	reaches, all := by.Within(verb)
	if all || kind == Projects && slices.ContainsFunc(reaches, func(r account.Reach) bool { return r.Project == key && r.Region == "" }) {
		return nil
	}
	return problem.New(problem.Denied, problem.CodeForbidden, "This is out of the reach of this account.")
}

// mayRead is may for reading: what holds for the whole site is no secret among those who work on content.
func mayRead(by account.Actor, kind, key string) error {
	if err := account.Can(by, account.ContentRead); err != nil || kind != Projects {
		return err
	}
	return may(by, account.ContentRead, kind, key)
}

func (c *Contents) kind(name string) (Kind, error) {
	k, known := c.kinds[name]
	if !known {
		return k, problem.New(problem.NotFound, problem.CodeNotFound, "There is no such kind of content.")
	}
	return k, nil
}

// inEffect reads what is in effect, nil where nothing is.
func (k Kind) inEffect(db *gorm.DB, key string) ([]byte, error) {
	document, err := k.live(db, key)
	if problem.Has(err, problem.CodeNotFound) {
		return nil, nil
	}
	return document, err
}

// last is the newest version of an item; a zero row where there is none.
func last(db *gorm.DB, kind, key string) (versionRow, error) {
	var rows []versionRow
	err := db.Where("kind = ? AND item_key = ?", kind, key).Order("version DESC").Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return versionRow{}, err
	}
	return rows[0], nil
}

// draftOf is the draft of an item, nil where there is none.
func draftOf(db *gorm.DB, kind, key string) (*draftRow, error) {
	row, err := rowOf(db, kind, key)
	if err != nil || row == nil || row.State == gone {
		return nil, err
	}
	return row, nil
}

// rowOf is draftOf with drafts that are gone.
func rowOf(db *gorm.DB, kind, key string) (*draftRow, error) {
	var rows []draftRow
	err := db.Where("kind = ? AND item_key = ?", kind, key).Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}
