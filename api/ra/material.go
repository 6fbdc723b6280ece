package ra

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/api/upload"
)

// Files keeps files under the hash of their content; blob.Store is one.
type Files interface {
	Put(ctx context.Context, content []byte) (sum string, err error)
	Get(ctx context.Context, sum string) ([]byte, error)
}

// noFiles keeps nothing.
type noFiles struct{}

var errNoFiles = errors.New("this installation keeps no files")

func (noFiles) Put(context.Context, []byte) (string, error) { return "", errNoFiles }

func (noFiles) Get(context.Context, string) ([]byte, error) { return nil, errNoFiles }

// UploadLimits are what files of materials are held to.
func (r *RA) UploadLimits() upload.Limits { return r.c.Uploads.Filled() }

// MaterialState is where a file is: 待审 · 通过 · 不通过, and after that a record only.
type MaterialState string

// The states of a file.
const (
	MaterialNew      MaterialState = "new"
	MaterialAccepted MaterialState = "accepted"
	MaterialRejected MaterialState = "rejected"
	MaterialReplaced MaterialState = "replaced" // by a later one
	MaterialRemoved  MaterialState = "removed"
)

// Material is one file of an application.
//
// Nil/zero: Pages 0 is an image; Reason and Note are empty unless rejected.
type Material struct {
	ID, ApplicationID string
	Type              MaterialType
	State             MaterialState
	Name, MediaType   string
	Size              int64
	Pages             int
	SHA256            string // of what is kept: images are written anew
	Reason, Note      string
	Redone            bool // it came after the application was returned
	CreatedAt         time.Time
}

// MaterialMark is what a reviewer says about one file.
type MaterialMark struct {
	MaterialID   string
	OK           bool
	Reason, Note string // when not OK
}

// MaterialItem is one line of an application's list of materials.
type MaterialItem struct {
	Rule     MaterialRule
	Wanted   bool // the application cannot be submitted without it
	Letter   bool // it can be printed, filled in
	Editable bool // a file may be added, or the rejected ones replaced
	Most     int  // files
	Files    []Material
}

// materialRow is a row of ra_materials.
type materialRow struct {
	ID             string
	ApplicationID  string
	OrganisationID string
	AccountID      string
	Type           MaterialType
	State          MaterialState
	Name           string
	MediaType      string
	SizeBytes      int64
	Pages          int
	SHA256         string `gorm:"column:sha256"`
	Reason         string
	Note           string
	Redone         int   // 1: it came after the application was returned, and nobody has looked at it since
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	ChangedAt      int64
}

// TableName names the table for gorm.
func (materialRow) TableName() string { return "ra_materials" }

func (m materialRow) view() Material {
	return Material{
		ID: m.ID, ApplicationID: m.ApplicationID, Type: m.Type, State: m.State, Name: m.Name, MediaType: m.MediaType, Size: m.SizeBytes,
		Pages: m.Pages, SHA256: m.SHA256, Reason: m.Reason, Note: m.Note, Redone: m.Redone == 1, CreatedAt: store.Time(m.CreatedAt),
	}
}

// present are the states of files that count.
var present = []MaterialState{MaterialNew, MaterialAccepted, MaterialRejected}

// materialsOf lists the files of an application that count, oldest first.
func (r *RA) materialsOf(db *gorm.DB, applicationID string) ([]Material, error) {
	var rows []materialRow
	err := db.Where("application_id = ? AND state IN ?", applicationID, present).Order("created_at, id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading materials: %w", err)
	}
	list := make([]Material, len(rows))
	for i, row := range rows {
		list[i] = row.view()
	}
	return list, nil
}

// checkMaterials makes sure that an application has what its kind takes, and nothing that a reviewer sent back.
//
// Errors: CodeMaterialsMissing naming the types.
func (r *RA) checkMaterials(tx *store.Tx, a *applicationRow) error {
	items, err := r.materialItems(tx.DB(), a)
	if err != nil {
		return err
	}
	var missing []string
	for _, item := range items {
		bad := item.Wanted && len(item.Files) == 0
		for _, f := range item.Files {
			bad = bad || f.State == MaterialRejected
		}
		if bad {
			missing = append(missing, string(item.Rule.Type))
		}
	}
	if len(missing) > 0 {
		return problem.New(problem.Conflict, problem.CodeMaterialsMissing, "Materials are missing, or were sent back and not replaced.").
			WithParam("types", strings.Join(missing, ","))
	}
	return nil
}

// markMaterials writes down what a reviewer found, in the transaction of the decision.
//
// Errors: CodeNotFound for a file that is not of this application or does not count any more.
func (r *RA) markMaterials(tx *store.Tx, applicationID string, marks []MaterialMark) error {
	for _, m := range marks {
		state := MaterialAccepted
		if !m.OK {
			state = MaterialRejected
		} else {
			m.Reason, m.Note = "", ""
		}
		set := tx.DB().Model(&materialRow{}).Where("id = ? AND application_id = ? AND state IN ?", m.MaterialID, applicationID, present).
			Updates(map[string]any{"state": state, "reason": clip(m.Reason, 40), "note": clip(m.Note, 200), "redone": 0, "changed_at": store.Millis(tx.Now())})
		if set.Error != nil {
			return fmt.Errorf("marking materials: %w", set.Error)
		}
		if set.RowsAffected == 0 && !r.markedAlready(tx, applicationID, m.MaterialID) {
			return noSuch("material")
		}
	}
	return nil
}

// markedAlready tells a row that an UPDATE left as it was, which MariaDB does not count, from one that is not there.
func (r *RA) markedAlready(tx *store.Tx, applicationID, id string) bool {
	_, err := take[materialRow](tx.DB(), "material", "id = ? AND application_id = ? AND state IN ?", id, applicationID, present)
	return err == nil
}

// materialItems puts rules and files together. Files of a type that no rule names any more come last.
func (r *RA) materialItems(db *gorm.DB, a *applicationRow) ([]MaterialItem, error) {
	rules, err := materialRules(db, a.ProjectSlug, string(a.Kind))
	if err != nil {
		return nil, err
	}
	files, err := r.materialsOf(db, a.ID)
	if err != nil {
		return nil, err
	}
	items := make([]MaterialItem, 0, len(rules))
	at := map[MaterialType]int{}
	add := func(rule MaterialRule) error {
		wanted, err := rule.wanted(a)
		at[rule.Type] = len(items)
		items = append(items, MaterialItem{Rule: rule, Wanted: wanted, Letter: letterOf[rule.Type] != nil, Most: rule.most(), Files: []Material{}})
		return err
	}
	for _, rule := range rules {
		if err := add(rule); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		if _, known := at[f.Type]; !known {
			if err := add(MaterialRule{Type: f.Type}); err != nil {
				return nil, err
			}
		}
		item := &items[at[f.Type]]
		item.Files = append(item.Files, f)
	}
	for i := range items {
		items[i].Editable = items[i].editable(a)
	}
	return items, nil
}

// editable: everything in a draft; in what was returned only what was sent back, or is wanted and was never there.
func (m MaterialItem) editable(a *applicationRow) bool {
	switch a.State {
	case AppDraft:
		return true
	case AppReturned:
		for _, f := range m.Files {
			if f.open() {
				return true
			}
		}
		return len(m.Files) == 0
	}
	return false
}

// open: in what was returned it may be replaced.
func (m Material) open() bool { return m.State == MaterialRejected || m.Redone }

// Materials shows the list of materials of an application of one's own.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) Materials(ctx context.Context, by account.Actor, applicationID string) ([]MaterialItem, error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return nil, err
	}
	db := r.db.Read(ctx)
	a, err := ownApplication(db, by, applicationID)
	if err != nil {
		return nil, err
	}
	return r.materialItems(db, a)
}

// ReviewMaterials shows the list of materials of any application to staff.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) ReviewMaterials(ctx context.Context, by account.Actor, applicationID string) ([]MaterialItem, error) {
	if err := account.Can(by, account.ReviewerRead); err != nil {
		return nil, err
	}
	db := r.db.Read(ctx)
	a, err := take[applicationRow](db, "application", "id = ? AND state <> ?", applicationID, AppDraft)
	if err == nil {
		err = ofApplications.check(db, by, account.ReviewerRead, applicationID)
	}
	if err != nil {
		return nil, err
	}
	return r.materialItems(db, a)
}

func ownApplication(db *gorm.DB, by account.Actor, id string) (*applicationRow, error) {
	return take[applicationRow](db, "application", "id = ? AND organisation_id = ?", id, by.OrganisationID)
}

// materialsADay bounds what one organisation can have us keep.
const materialsADay = 300

// AddMaterial takes a file for an application: checked, written anew where it is an image, and kept.
//
// Nil/zero: replaces "" adds a file; otherwise it takes the place of that one.
// Errors: those of account.Can and upload.Check; CodeNotFound; CodeMaterialLocked; CodeMaterialsFull; CodeRateLimited.
func (r *RA) AddMaterial(ctx context.Context, by account.Actor, applicationID string, kind MaterialType, replaces, name string, content []byte) (Material, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Material{}, err
	}
	a, err := ownApplication(r.db.Read(ctx), by, applicationID)
	if err != nil {
		return Material{}, err
	}
	if err := r.admitMaterial(r.db.Read(ctx), a, kind, replaces); err != nil { // before the work; again with the row
		return Material{}, err
	}
	checked, err := upload.Check(ctx, content, r.c.Uploads)
	if err != nil {
		return Material{}, err
	}
	sum, err := r.c.Files.Put(ctx, checked.Content)
	if err != nil {
		return Material{}, fmt.Errorf("keeping a material: %w", err)
	}
	row := materialRow{
		ID: store.NewID("mat"), ApplicationID: a.ID, OrganisationID: a.OrganisationID, AccountID: by.AccountID, Type: kind, State: MaterialNew,
		Name: FileName(name, checked.MediaType), MediaType: checked.MediaType, SizeBytes: int64(len(checked.Content)), Pages: checked.Pages, SHA256: sum,
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := lock[applicationRow](tx, "application", applicationID) // counts and states hold until the end
		if err != nil {
			return err
		}
		if err := r.admitMaterial(tx.DB(), a, kind, replaces); err != nil {
			return err
		}
		if a.State == AppReturned {
			row.Redone = 1
		}
		if replaces != "" {
			if _, err := tx.Move("ra_materials", replaces, states(present), string(MaterialReplaced), map[string]any{"changed_at": store.Millis(tx.Now())}); err != nil {
				return err
			}
		}
		row.CreatedAt, row.ChangedAt = store.Millis(tx.Now()), store.Millis(tx.Now())
		if err := tx.DB().Create(&row).Error; err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "material.add", row.ID, map[string]any{"application": a.ID, "type": string(kind), "sha256": sum, "replaces": replaces})
	})
	if err != nil {
		return Material{}, fmt.Errorf("adding a material: %w", err)
	}
	return row.view(), nil
}

func states(list []MaterialState) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

// admitMaterial says whether a file may be added, or take another's place.
func (r *RA) admitMaterial(db *gorm.DB, a *applicationRow, kind MaterialType, replaces string) error {
	items, err := r.materialItems(db, a)
	if err != nil {
		return err
	}
	for _, item := range items {
		if item.Rule.Type != kind {
			continue
		}
		if err := item.admit(a, replaces); err != nil {
			return err
		}
		return r.withinDay(db, a.OrganisationID)
	}
	return problem.New(problem.Invalid, problem.CodeInvalidField, "This kind of application takes no such material.").WithField("type")
}

func (m MaterialItem) admit(a *applicationRow, replaces string) error {
	locked := problem.New(problem.Conflict, problem.CodeMaterialLocked, "Only a draft's files, or those that were sent back, can be changed.")
	if !m.Editable {
		return locked
	}
	if replaces == "" {
		if a.State == AppReturned && len(m.Files) > 0 {
			return locked // the rejected file is replaced; none is added beside it
		}
		if len(m.Files) >= m.Rule.most() {
			return problem.New(problem.Conflict, problem.CodeMaterialsFull, "There are as many files of this type as there may be.").WithParam("most", m.Rule.most())
		}
		return nil
	}
	for _, f := range m.Files {
		if f.ID != replaces {
			continue
		}
		if a.State == AppReturned && !f.open() {
			return locked
		}
		return nil
	}
	return noSuch("material")
}

func (r *RA) withinDay(db *gorm.DB, organisationID string) error {
	var n int64
	since := store.Millis(r.now().Add(-24 * time.Hour))
	if err := db.Model(&materialRow{}).Where("organisation_id = ? AND created_at > ?", organisationID, since).Count(&n).Error; err != nil {
		return fmt.Errorf("counting materials: %w", err)
	}
	if n >= materialsADay {
		return problem.New(problem.Busy, problem.CodeRateLimited, "Too many files within a day.").WithRetryAfter(time.Hour)
	}
	return nil
}

// RemoveMaterial takes a file out of a draft.
//
// Errors: those of account.Can; CodeNotFound; CodeMaterialLocked.
func (r *RA) RemoveMaterial(ctx context.Context, by account.Actor, applicationID, id string) error {
	if err := account.Can(by, account.HolderAct); err != nil {
		return err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := ownApplication(tx.DB(), by, applicationID); err != nil {
			return err
		}
		a, err := lock[applicationRow](tx, "application", applicationID)
		if err != nil {
			return err
		}
		if a.State != AppDraft {
			return problem.New(problem.Conflict, problem.CodeMaterialLocked, "Only a draft's files can be removed.")
		}
		if _, err := take[materialRow](tx.DB(), "material", "id = ? AND application_id = ? AND state IN ?", id, applicationID, present); err != nil {
			return err
		}
		if _, err := tx.Move("ra_materials", id, states(present), string(MaterialRemoved), map[string]any{"changed_at": store.Millis(tx.Now())}); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "material.remove", id, map[string]any{"application": applicationID})
	})
	if err != nil {
		return fmt.Errorf("removing a material: %w", err)
	}
	return nil
}

// MaterialContent gives a file of an application of one's own.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) MaterialContent(ctx context.Context, by account.Actor, applicationID, id string) (Material, []byte, error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return Material{}, nil, err
	}
	return r.materialContent(ctx, "id = ? AND application_id = ? AND organisation_id = ? AND state <> ?", id, applicationID, by.OrganisationID, MaterialRemoved)
}

// ReviewMaterial gives a file of any application to staff, also one that was replaced.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) ReviewMaterial(ctx context.Context, by account.Actor, applicationID, id string) (Material, []byte, error) {
	if err := account.Can(by, account.ReviewerRead); err != nil {
		return Material{}, nil, err
	}
	if _, err := take[applicationRow](r.db.Read(ctx), "application", "id = ? AND state <> ?", applicationID, AppDraft); err != nil {
		return Material{}, nil, err
	}
	if err := ofApplications.check(r.db.Read(ctx), by, account.ReviewerRead, applicationID); err != nil {
		return Material{}, nil, err
	}
	return r.materialContent(ctx, "id = ? AND application_id = ? AND state <> ?", id, applicationID, MaterialRemoved)
}

func (r *RA) materialContent(ctx context.Context, where string, args ...any) (Material, []byte, error) {
	row, err := take[materialRow](r.db.Read(ctx), "material", where, args...)
	if err != nil {
		return Material{}, nil, err
	}
	content, err := r.c.Files.Get(ctx, row.SHA256)
	if err != nil {
		return Material{}, nil, fmt.Errorf("reading material %s: %w", row.ID, err)
	}
	return row.view(), content, nil
}

// extensions of the types that upload.Check lets through.
var extensions = map[string]string{upload.JPEG: ".jpg", upload.PNG: ".png", upload.PDF: ".pdf"}

// FileName makes a name that can be shown, stored, put into a header and into a cell of a sheet: its last part, without what is
// not printed or turns text around, with nothing in front that a sheet takes for a formula, and with the ending of its real type.
//
// Shape: at most 100 characters.
func FileName(name, mediaType string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.TrimSuffix(name, path.Ext(name))
	name = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) || unicode.Is(unicode.Cf, c) || strings.ContainsRune(`<>:"/\|?*;%`, c) {
			return -1
		}
		return c
	}, name)
	name = strings.TrimLeft(strings.TrimSpace(name), "=+-@.'")
	if runes := []rune(name); len(runes) > 90 {
		name = string(runes[:90])
	}
	if name = strings.TrimSpace(name); name == "" {
		name = "file"
	}
	return name + extensions[mediaType]
}
