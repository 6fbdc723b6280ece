package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"signet/api/problem"
	"signet/api/store"
	"signet/ca/pki"
)

// apiKeyPrefix lets people and scanners see what a leaked string is.
const (
	apiKeyPrefix      = "signet_ra_"
	applicationPrefix = "signet_app_"
)

// What a key is for, as in the table.
const (
	kindRA          = "ra"
	kindApplication = "app"
)

// Bounds of an API key.
const (
	maxAPIKeyName = 100
	maxProfiles   = 50
	maxNamed      = 10_000
	maxPerMinute  = 10_000_000
)

// NewAPIKey draws a key of 32 random bytes.
//
// Shape: apiKeyPrefix and 43 characters of unpadded base64url.
func NewAPIKey() APIKey { return newAPIKey(apiKeyPrefix) }

// NewApplicationKey draws a key for a filed application: applicationPrefix, then as NewAPIKey.
func NewApplicationKey() APIKey { return newAPIKey(applicationPrefix) }

func newAPIKey(prefix string) APIKey {
	var secret [32]byte
	rand.Read(secret[:]) // never fails since Go 1.24
	return APIKey(prefix + base64.RawURLEncoding.EncodeToString(secret[:]))
}

// NamedOrganisation is an organisation that an API key may issue for: an ID number and the name that goes with it.
//
// Shape: Code is a USCC or organisation code whose check digit holds.
type NamedOrganisation struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// APIKeyRequest says what an API key may do.
//
// Shape: Profiles are names such as org-sign, org-pair or ecdsa/org-sign (an authority other than the default one).
// Nil/zero: Organisations nil = none, so Any must be set or some be named; PerMinute 0 = 600; of an application, neither profiles nor
// organisations. Seals only of an application.
type APIKeyRequest struct {
	Name          string
	Application   bool // a filed application, which issues nothing
	Profiles      []string
	Any           bool // any organisation
	Organisations []NamedOrganisation
	Seals         bool // may register sealed bids (未开标文件)
	PerMinute     int
	ExpiresAt     time.Time // required
	By            string    // for the audit; required
}

// ConnectedRA is a registration authority outside that calls with an API key.
//
// Nil/zero: the zero ConnectedRA is nobody, and may do nothing.
type ConnectedRA struct {
	KeyID         string
	Name          string
	Application   bool // a filed application, no registration authority: it may issue nothing
	Profiles      []string
	Any           bool
	Organisations []NamedOrganisation
	Seals         bool // may register sealed bids
	PerMinute     int
	CreatedAt     time.Time
	ExpiresAt     time.Time
	EndedAt       time.Time // zero while the key may be used
}

// apiKeyRow is a row of acct_apikeys.
type apiKeyRow struct {
	ID            string
	KeyHash       string
	Name          string
	Kind          string
	Profiles      string // JSON
	Organisations string // JSON; empty = any
	Seals         bool
	PerMinute     int64
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
	ExpiresAt     int64
	EndedAt       int64

	OrganisationID string // these of an organisation's own software only
	AccountID      string
	Scopes         string // JSON
}

// TableName names the table for gorm.
func (apiKeyRow) TableName() string { return "acct_apikeys" }

func (k *apiKeyRow) connected() (ConnectedRA, error) {
	c := ConnectedRA{
		KeyID: k.ID, Name: k.Name, Application: k.Kind == kindApplication, Any: k.Organisations == "", Seals: k.Seals, PerMinute: int(k.PerMinute),
		CreatedAt: store.Time(k.CreatedAt), ExpiresAt: store.Time(k.ExpiresAt), EndedAt: store.Time(k.EndedAt),
	}
	if err := json.Unmarshal([]byte(k.Profiles), &c.Profiles); err != nil {
		return c, fmt.Errorf("reading API key %s: %w", k.ID, err)
	}
	if !c.Any {
		if err := json.Unmarshal([]byte(k.Organisations), &c.Organisations); err != nil {
			return c, fmt.Errorf("reading API key %s: %w", k.ID, err)
		}
	}
	return c, nil
}

var (
	profileName = regexp.MustCompile(`^([a-z0-9-]{1,40}/)?[a-z0-9-]{1,60}$`)
	apiKeyShape = regexp.MustCompile(`^(` + apiKeyPrefix + `|` + applicationPrefix + `)[A-Za-z0-9_-]{43}$`)
)

// AddAPIKey keeps the hash of a key and what it may do. The same key again changes nothing and gives its id.
//
// Errors: CodeInvalidField, CodeMissingField.
func AddAPIKey(tx *store.Tx, key APIKey, q APIKeyRequest) (id string, err error) {
	if !apiKeyShape.MatchString(string(key)) || strings.HasPrefix(string(key), applicationPrefix) != q.Application {
		return "", fmt.Errorf("adding an API key: it was not made by NewAPIKey")
	}
	if q.PerMinute == 0 {
		q.PerMinute = 600
	}
	if err := q.check(tx.Now()); err != nil {
		return "", err
	}
	var known []apiKeyRow
	if err := tx.DB().Where("key_hash = ?", key.hash()).Find(&known).Error; err != nil {
		return "", fmt.Errorf("looking for an API key: %w", err)
	}
	if len(known) > 0 {
		return known[0].ID, nil
	}
	row := apiKeyRow{
		ID: store.NewID("rak"), KeyHash: key.hash(), Name: q.Name, Kind: kindRA, Seals: q.Seals, PerMinute: int64(q.PerMinute),
		CreatedAt: store.Millis(tx.Now()), ExpiresAt: store.Millis(q.ExpiresAt),
	}
	if q.Application {
		row.Kind = kindApplication
	}
	row.Profiles = jsonText(q.Profiles)
	if !q.Any {
		row.Organisations = jsonText(q.Organisations)
	}
	if err := tx.DB().Create(&row).Error; err != nil {
		return "", fmt.Errorf("keeping an API key: %w", err)
	}
	return row.ID, tx.Audit(q.By, "apikey.add", row.ID, map[string]any{
		"name": q.Name, "kind": row.Kind, "profiles": q.Profiles, "any": q.Any, "organisations": len(q.Organisations), "organisationsHash": digest(row.Organisations),
		"seals": q.Seals, "perMinute": q.PerMinute, "until": q.ExpiresAt.UTC().Format(time.RFC3339),
	})
}

func jsonText(v any) string {
	text, _ := json.Marshal(v) // lists of plain texts always have a form
	return string(text)
}

func (q *APIKeyRequest) check(now time.Time) error {
	wrong := func(field, detail string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
	}
	switch {
	case q.Name == "" || len(q.Name) > maxAPIKeyName || line(q.Name, maxAPIKeyName) != q.Name:
		return wrong("name", "A name of at most 100 bytes on one line is needed.")
	case q.Application && (len(q.Profiles) > 0 || q.Any || len(q.Organisations) > 0):
		return wrong("profiles", "An application issues nothing.")
	case q.Seals && !q.Application:
		return wrong("seals", "Sealed bids are registered by applications.")
	case q.Application:
		return q.checkUse(now)
	case len(q.Profiles) == 0 || len(q.Profiles) > maxProfiles:
		return wrong("profiles", "Between 1 and 50 profiles are needed.")
	case slices.ContainsFunc(q.Profiles, func(p string) bool { return !profileName.MatchString(p) }):
		return wrong("profiles", "A profile is named like org-sign or ecdsa/org-sign.")
	case q.Any == (len(q.Organisations) > 0):
		return wrong("organisations", "Either any organisation, or some with code and name.")
	case len(q.Organisations) > maxNamed:
		return wrong("organisations", "At most 10000 organisations can be named.")
	}
	if err := q.checkUse(now); err != nil {
		return err
	}
	for i, o := range q.Organisations {
		o.Code, o.Name = pki.NormaliseCode(o.Code), strings.TrimSpace(o.Name)
		if pki.CheckUSCC(o.Code) != nil && pki.CheckOrgCode(o.Code) != nil || o.Name == "" || len(o.Name) > 200 {
			return wrong("organisations", "Each organisation needs a name, and a code whose check digit holds.")
		}
		q.Organisations[i] = o
	}
	return nil
}

// checkUse looks at how much and how long.
func (q *APIKeyRequest) checkUse(now time.Time) error {
	switch {
	case q.PerMinute < 1 || q.PerMinute > maxPerMinute:
		return problem.New(problem.Invalid, problem.CodeInvalidField, "The rate is between 1 and 10000000 a minute.").WithField("perMinute")
	case !q.ExpiresAt.After(now):
		return problem.New(problem.Invalid, problem.CodeInvalidField, "The end must lie ahead.").WithField("expiresAt")
	}
	return nil
}

// EndAPIKey ends a key at once; what it issued stays valid.
//
// Errors: CodeNotFound for a key that is not there or has ended.
func EndAPIKey(tx *store.Tx, id, by string) error {
	r := tx.DB().Model(&apiKeyRow{}).Where("id = ? AND ended_at = 0", id).Update("ended_at", store.Millis(tx.Now()))
	if r.Error != nil {
		return fmt.Errorf("ending an API key: %w", r.Error)
	}
	if r.RowsAffected == 0 {
		return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such API key, or it has ended.")
	}
	return tx.Audit(by, "apikey.end", id, nil)
}

// ListAPIKeys lists all keys but those of organisations' own software, oldest first. None can be used from what it shows.
func ListAPIKeys(ctx context.Context, db *store.DB) ([]ConnectedRA, error) {
	var rows []apiKeyRow
	if err := db.Read(ctx).Where("kind <> ?", kindCompany).Order("created_at, id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing API keys: %w", err)
	}
	list := make([]ConnectedRA, len(rows))
	for i := range rows {
		var err error
		if list[i], err = rows[i].connected(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

var (
	errAPIKey        = problem.New(problem.Unauthenticated, problem.CodeAPIKeyInvalid, "There is no such API key.")
	errAPIKeyExpired = problem.New(problem.Unauthenticated, problem.CodeAPIKeyExpired, "The API key has expired or was ended.")
)

// AuthenticateKey tells who calls with an API key, and counts the call against the key's rate.
//
// Errors: CodeAPIKeyInvalid, CodeAPIKeyExpired; Busy with CodeRateLimited.
func (a *Accounts) AuthenticateKey(ctx context.Context, key APIKey) (ConnectedRA, error) {
	if !apiKeyShape.MatchString(string(key)) {
		return ConnectedRA{}, errAPIKey
	}
	var rows []apiKeyRow
	if err := a.db.Read(ctx).Where("key_hash = ?", key.hash()).Limit(1).Find(&rows).Error; err != nil {
		return ConnectedRA{}, fmt.Errorf("looking for an API key: %w", err)
	}
	if len(rows) == 0 {
		return ConnectedRA{}, errAPIKey
	}
	c, err := rows[0].connected()
	if err != nil {
		return ConnectedRA{}, err
	}
	if rows[0].EndedAt != 0 || !a.db.Now().Before(c.ExpiresAt) {
		return ConnectedRA{}, errAPIKeyExpired
	}
	if err := a.rates.take(ctx, a.db, c); err != nil {
		return ConnectedRA{}, err
	}
	return c, nil
}
