package ra

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/api/problem"
	"signet/api/store"
)

// MaterialType is what a file shows, such as licence; an i18n key.
type MaterialType string

// The types of material.
const (
	MaterialRegistration  MaterialType = "registration_form" // 机构电子签名认证证书业务登记表
	MaterialHandlerID     MaterialType = "handler_id"        // 经办人身份证复印件
	MaterialLicence       MaterialType = "licence"           // 营业执照复印件
	MaterialChangeProof   MaterialType = "change_proof"      // 工商变更证明复印件
	MaterialLegalProof    MaterialType = "legal_proof"       // 营业执照或工商变更证明复印件
	MaterialRiskLetter    MaterialType = "risk_letter"       // 证书业务风险告知函
	MaterialHandlerLetter MaterialType = "handler_letter"    // 经办人变更函
	MaterialLossStatement MaterialType = "loss_statement"    // 遗失声明
	MaterialRevokeRequest MaterialType = "revoke_request"    // 证书吊销申请书
	MaterialSealSheet     MaterialType = "seal_sheet"        // 印模采集表
)

// materialTypes are all types, in the order of a list.
var materialTypes = []MaterialType{
	MaterialRegistration, MaterialHandlerID, MaterialLicence, MaterialChangeProof, MaterialLegalProof, MaterialRiskLetter,
	MaterialHandlerLetter, MaterialLossStatement, MaterialRevokeRequest, MaterialSealSheet,
}

// MaterialWhen says in which case a required material is wanted.
type MaterialWhen string

// The cases.
const (
	WhenAlways    MaterialWhen = ""
	WhenUnsigned  MaterialWhen = "unsigned"   // unless the risk notice was signed with the present key
	WhenPhoneLost MaterialWhen = "phone_lost" // the handler's present phone gets no codes any more
)

// MaterialRule is one material that a kind of application takes.
//
// Nil/zero: Most 0 = 3 files.
type MaterialRule struct {
	Type     MaterialType `json:"type"`
	Required bool         `json:"required"`
	When     MaterialWhen `json:"when,omitempty"`
	Most     int          `json:"most,omitempty"`
}

// defaultMaterials are the rules where a project has none of its own.
// Source: S002-45 to S002-47; product.md §2.4, decision 3.
var defaultMaterials = map[string][]MaterialRule{
	"new":            {{Type: MaterialRegistration, Required: true}, {Type: MaterialHandlerID, Required: true}, {Type: MaterialLicence, Required: true}, {Type: MaterialSealSheet}},
	"renew":          {{Type: MaterialRegistration, Required: true}, {Type: MaterialLicence, Required: true}, {Type: MaterialRiskLetter, Required: true, When: WhenUnsigned}},
	"change_name":    {{Type: MaterialRegistration, Required: true}, {Type: MaterialHandlerID, Required: true}, {Type: MaterialLicence, Required: true}, {Type: MaterialChangeProof, Required: true}, {Type: MaterialRiskLetter, Required: true, When: WhenUnsigned}},
	"change_legal":   {{Type: MaterialLegalProof, Required: true}},
	"change_handler": {{Type: MaterialHandlerLetter, Required: true, When: WhenPhoneLost}},
	"replace":        {{Type: MaterialRegistration, Required: true}, {Type: MaterialHandlerID, Required: true}, {Type: MaterialLicence, Required: true}, {Type: MaterialLossStatement, Required: true}},
	"revoke":         {{Type: MaterialRevokeRequest, Required: true, When: WhenUnsigned}},
}

// materialRuleRow is a row of ra_material_rules.
type materialRuleRow struct {
	ProjectSlug string `gorm:"primaryKey"`
	Kind        string `gorm:"primaryKey"`
	Rules       string // JSON
	ChangedAt   int64
}

// TableName names the table for gorm.
func (materialRuleRow) TableName() string { return "ra_material_rules" }

// materialRules are what a project wants for a kind of application.
func materialRules(db *gorm.DB, slug, kind string) ([]MaterialRule, error) {
	row, err := take[materialRuleRow](db, "rules of materials", "project_slug = ? AND kind = ?", slug, kind)
	if problem.Has(err, problem.CodeNotFound) {
		return defaultMaterials[kind], nil
	}
	if err != nil {
		return nil, err
	}
	var rules []MaterialRule
	if err := json.Unmarshal([]byte(row.Rules), &rules); err != nil {
		return nil, fmt.Errorf("reading the rules of materials of %s: %w", slug, err)
	}
	return rules, nil
}

// most is how many files of a type an application takes.
func (m MaterialRule) most() int {
	if m.Most == 0 {
		return 3
	}
	return m.Most
}

// wanted says whether an application cannot do without it.
func (m MaterialRule) wanted(a *applicationRow) (bool, error) {
	switch {
	case !m.Required:
		return false, nil
	case m.When == WhenUnsigned:
		return a.ConsentAt == 0, nil
	case m.When == WhenPhoneLost:
		form, err := a.form()
		return form.OldPhoneLost, err
	}
	return true, nil
}

// SetMaterialRules has a project want other materials for a kind of application than the default. Applications that are open go by the new
// rules from then on. Operators do it by signetctl; who is for the audit.
//
// Errors: CodeNotFound for the project; CodeInvalidField.
func (r *RA) SetMaterialRules(ctx context.Context, who, slug, kind string, rules []MaterialRule) error {
	if kindNames[kind] == "" {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "There is no such kind of application.").WithField("kind")
	}
	if err := checkRules(rules); err != nil {
		return err
	}
	text, err := json.Marshal(rules)
	if err != nil {
		return err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := findProject(tx.DB(), slug); err != nil {
			return err
		}
		old, err := take[materialRuleRow](tx.DB(), "rules of materials", "project_slug = ? AND kind = ?", slug, kind)
		if err == nil && old.Rules == string(text) {
			return nil
		}
		if err != nil && !problem.Has(err, problem.CodeNotFound) {
			return err
		}
		row := materialRuleRow{ProjectSlug: slug, Kind: kind, Rules: string(text), ChangedAt: store.Millis(tx.Now())}
		if err := tx.DB().Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "project_slug"}, {Name: "kind"}}, DoUpdates: clause.AssignmentColumns([]string{"rules", "changed_at"})}).Create(&row).Error; err != nil {
			return err
		}
		return tx.Audit(who, "project.materials", slug, map[string]any{"kind": kind, "rules": string(text)})
	})
	if err != nil {
		return fmt.Errorf("setting materials: %w", err)
	}
	return nil
}

// checkRules holds rules that staff wrote to what the program knows.
//
// Errors: CodeInvalidField.
func checkRules(rules []MaterialRule) error {
	seen := map[MaterialType]bool{}
	for _, m := range rules {
		if !slices.Contains(materialTypes, m.Type) || seen[m.Type] || m.Most < 0 || m.Most > 10 || !slices.Contains([]MaterialWhen{WhenAlways, WhenUnsigned, WhenPhoneLost}, m.When) {
			return problem.New(problem.Invalid, problem.CodeInvalidField, "A rule names each known type once, with at most 10 files.").WithField("rules")
		}
		seen[m.Type] = true
	}
	return nil
}
