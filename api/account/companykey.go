package account

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// companyPrefix begins the keys of organisations' own software, and kindCompany is what they are in the table.
const (
	companyPrefix = "signet_org_"
	kindCompany   = "org"
)

// Scope is what an organisation's own software may do with a key; Can decides besides, as for the person who made the key.
type Scope string

// The scopes, as in the API.
const (
	ScopeRead         Scope = "read"         // look at what the organisation has
	ScopeApplications Scope = "applications" // open, fill in and withdraw applications, their materials, parcels and sealed bids
	ScopeOrders       Scope = "orders"       // make, pay and close orders, invoices and refunds
	ScopeTokens       Scope = "tokens"       // steps on USB keys, through the agent of the person who made the key
	ScopeMembers      Scope = "members"      // invite, admit and remove members
	ScopeWebhooks     Scope = "webhooks"     // where the organisation's software is told
)

var scopes = []Scope{ScopeRead, ScopeApplications, ScopeOrders, ScopeTokens, ScopeMembers, ScopeWebhooks}

// Bounds of an organisation's keys.
const (
	companyKeysMost  = 20 // open at once
	companyPerMinute = 120
	companyKeyMost   = 366 * day
)

// CompanyKey is a key as its organisation sees it.
type CompanyKey struct {
	ID        string
	Name      string
	Scopes    []Scope
	PerMinute int
	CreatedAt time.Time
	ExpiresAt time.Time
	EndedAt   time.Time // zero while it may be used
}

func (k *apiKeyRow) company() (CompanyKey, error) {
	c := CompanyKey{ID: k.ID, Name: k.Name, PerMinute: int(k.PerMinute), CreatedAt: store.Time(k.CreatedAt), ExpiresAt: store.Time(k.ExpiresAt), EndedAt: store.Time(k.EndedAt)}
	if err := json.Unmarshal([]byte(k.Scopes), &c.Scopes); err != nil {
		return c, fmt.Errorf("reading API key %s: %w", k.ID, err)
	}
	return c, nil
}

// CreateCompanyKey makes a key for the organisation's own software; the key itself is in this answer and nowhere else.
//
// Shape: at least one scope; an end within 366 days.
// Errors: those of Can; CodeInvalidField; CodeConflict when there are 20 already.
func (a *Accounts) CreateCompanyKey(ctx context.Context, by Actor, name string, scope []Scope, expires time.Time) (made CompanyKey, key APIKey, err error) {
	if err := Can(by, KeysAct); err != nil {
		return made, "", err
	}
	wrong := func(field, detail string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
	}
	name = strings.TrimSpace(name)
	now := a.db.Now()
	slices.Sort(scope)
	scope = slices.Compact(scope)
	switch {
	case name == "" || line(name, 60) != name:
		return made, "", wrong("name", "A name of 1 to 60 characters on one line is needed.")
	case len(scope) == 0 || slices.ContainsFunc(scope, func(s Scope) bool { return !slices.Contains(scopes, s) }):
		return made, "", wrong("scopes", "At least one scope is needed.")
	case !expires.After(now) || expires.After(now.Add(companyKeyMost)):
		return made, "", wrong("expiresAt", "The end lies within the next 366 days.")
	}
	key = newAPIKey(companyPrefix)
	row := apiKeyRow{
		ID: store.NewID("rak"), KeyHash: key.hash(), Name: name, Kind: kindCompany, Profiles: "[]", Organisations: "[]", PerMinute: companyPerMinute,
		CreatedAt: store.Millis(now), ExpiresAt: store.Millis(expires), OrganisationID: by.OrganisationID, AccountID: by.AccountID, Scopes: jsonText(scope),
	}
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := lockAccount(tx, by.AccountID); err != nil { // one after the other, so that counting holds
			return err
		}
		var open int64
		err := tx.DB().Model(&apiKeyRow{}).Where("organisation_id = ? AND ended_at = 0 AND expires_at > ?", by.OrganisationID, store.Millis(now)).Count(&open).Error
		if err != nil {
			return fmt.Errorf("counting API keys: %w", err)
		}
		if open >= companyKeysMost {
			return problem.New(problem.Conflict, problem.CodeConflict, "There are 20 keys already; revoke one first.")
		}
		if err := tx.DB().Create(&row).Error; err != nil {
			return fmt.Errorf("keeping an API key: %w", err)
		}
		if err := a.tellKey(tx, by.OrganisationID, notice.APIKeyMade, name); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "apikey.add", row.ID, map[string]any{"name": name, "kind": kindCompany, "organisation": by.OrganisationID, "scopes": scope, "until": expires.UTC().Format(time.RFC3339)})
	})
	if err != nil {
		return CompanyKey{}, "", err
	}
	made, err = row.company()
	return made, key, err
}

// CompanyKeys lists the organisation's keys, newest first.
//
// Errors: those of Can.
func (a *Accounts) CompanyKeys(ctx context.Context, by Actor) ([]CompanyKey, error) {
	if err := Can(by, KeysAct); err != nil {
		return nil, err
	}
	var rows []apiKeyRow
	err := a.db.Read(ctx).Where("organisation_id = ? AND kind = ?", by.OrganisationID, kindCompany).Order("created_at DESC, id DESC").Limit(100).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("listing API keys: %w", err)
	}
	list := make([]CompanyKey, len(rows))
	for i := range rows {
		if list[i], err = rows[i].company(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// RevokeCompanyKey ends one of the organisation's keys at once.
//
// Errors: those of Can; CodeNotFound, also for another organisation's and for one that has ended.
func (a *Accounts) RevokeCompanyKey(ctx context.Context, by Actor, id string) error {
	if err := Can(by, KeysAct); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		r := tx.DB().Model(&apiKeyRow{}).Where("id = ? AND organisation_id = ? AND kind = ? AND ended_at = 0", id, by.OrganisationID, kindCompany).Update("ended_at", store.Millis(tx.Now()))
		if r.Error != nil {
			return fmt.Errorf("ending an API key: %w", r.Error)
		}
		if r.RowsAffected == 0 {
			return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such API key, or it has ended.")
		}
		var row apiKeyRow
		if err := tx.DB().Where("id = ?", id).Take(&row).Error; err != nil {
			return fmt.Errorf("reading an API key: %w", err)
		}
		if err := a.tellKey(tx, by.OrganisationID, notice.APIKeyRevoked, row.Name); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "apikey.end", id, nil)
	})
}

// IsCompanyKey tells by its look whether a key is of an organisation's own software.
func IsCompanyKey(key APIKey) bool { return strings.HasPrefix(string(key), companyPrefix) }

var errScope = problem.New(problem.Denied, problem.CodeScopeDenied, "The API key has not the scope for this.")

// AuthenticateCompany tells for whom a key of an organisation's own software acts: for the person who made it, as that person may act now.
// It counts the call against the key's rate.
//
// Errors: CodeAPIKeyInvalid, CodeAPIKeyExpired (also when the person has left); CodeScopeDenied; Busy with CodeRateLimited.
func (a *Accounts) AuthenticateCompany(ctx context.Context, key APIKey, scope Scope) (Actor, string, error) {
	if !IsCompanyKey(key) || len(key) != len(companyPrefix)+43 {
		return Actor{}, "", errAPIKey
	}
	var rows []apiKeyRow
	if err := a.db.Read(ctx).Where("key_hash = ? AND kind = ?", key.hash(), kindCompany).Limit(1).Find(&rows).Error; err != nil {
		return Actor{}, "", fmt.Errorf("looking for an API key: %w", err)
	}
	if len(rows) == 0 {
		return Actor{}, "", errAPIKey
	}
	k, err := rows[0].company()
	if err != nil {
		return Actor{}, "", err
	}
	if !k.EndedAt.IsZero() || !a.db.Now().Before(k.ExpiresAt) {
		return Actor{}, "", errAPIKeyExpired
	}
	actor, err := ActorOf(ctx, a.db, rows[0].OrganisationID, rows[0].AccountID)
	if err != nil {
		return Actor{}, "", err
	}
	if actor.OrganisationID != rows[0].OrganisationID || actor.State == Closed {
		return Actor{}, "", errAPIKeyExpired
	}
	if err := a.rates.take(ctx, a.db, ConnectedRA{KeyID: k.ID, PerMinute: k.PerMinute}); err != nil {
		return Actor{}, k.ID, err
	}
	if !slices.Contains(k.Scopes, scope) {
		return Actor{}, k.ID, errScope
	}
	actor.SessionID = k.ID // what the tickets of its jobs name
	return actor, k.ID, nil
}
