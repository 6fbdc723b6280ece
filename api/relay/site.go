package relay

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"signet/api/problem"
	"signet/api/store"
	"signet/ukey/ticket"
)

// Site is a filed application: pages of its origin may call agents on their own computers.
//
// Nil/zero: EndedAt zero while it is filed.
type Site struct {
	Origin, Name, KeyID string
	CreatedAt, EndedAt  time.Time
}

// siteRow is a row of relay_sites.
type siteRow struct {
	Origin    string `gorm:"primaryKey"`
	Name      string
	KeyID     string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	EndedAt   int64
}

// TableName names the table for gorm.
func (siteRow) TableName() string { return "relay_sites" }

const (
	maxOrigin   = 200
	maxSiteName = 100
)

// CheckOrigin refuses what no browser would send in the Origin header of a page that may be trusted with a key.
//
// Shape: scheme, host in lower case and port unless it is the scheme's own; https, or http on this computer.
// Source: RFC 6454 §6.2.
func CheckOrigin(origin string) error {
	wrong := problem.New(problem.Invalid, problem.CodeInvalidField, "An origin is written like https://bids.example, in lower case and without path; http only on 127.0.0.1.").WithField("origin")
	u, err := url.Parse(origin)
	if err != nil || len(origin) > maxOrigin || u.Host == "" || u.Hostname() == "" || u.User != nil || u.Scheme+"://"+u.Host != origin ||
		strings.ToLower(origin) != origin || !isASCII(origin) {
		return wrong
	}
	local := u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost"
	switch {
	case u.Scheme == "https" && u.Port() != "443", u.Scheme == "http" && local && u.Port() != "80":
		return nil
	}
	return wrong
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}

// FileSite binds an origin to an application's API key. One that was struck off may be filed anew.
//
// Errors: CodeInvalidField; CodeConflict for an origin that is filed already, or with the thousandth.
func FileSite(tx *store.Tx, s Site, by string) error {
	if err := CheckOrigin(s.Origin); err != nil {
		return err
	}
	if s.Name == "" || plainLine(s.Name, maxSiteName) != s.Name {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "A name of at most 100 characters on one line is needed.").WithField("name")
	}
	var open int64
	if err := tx.DB().Model(&siteRow{}).Where("ended_at = 0").Count(&open).Error; err != nil {
		return fmt.Errorf("counting applications: %w", err)
	}
	if open >= ticket.MaxOrigins {
		return problem.New(problem.Conflict, problem.CodeConflict, "No more applications can be filed.")
	}
	if err := tx.DB().Where("origin = ? AND ended_at > 0", s.Origin).Delete(&siteRow{}).Error; err != nil {
		return fmt.Errorf("filing an application: %w", err)
	}
	err := tx.DB().Create(&siteRow{Origin: s.Origin, Name: s.Name, KeyID: s.KeyID, CreatedAt: store.Millis(tx.Now())}).Error
	if store.IsDuplicate(err) {
		return problem.New(problem.Conflict, problem.CodeConflict, "This origin is filed already.").WithField("origin")
	}
	if err != nil {
		return fmt.Errorf("filing an application: %w", err)
	}
	return tx.Audit(by, "app.add", s.Origin, map[string]any{"name": s.Name, "key": s.KeyID})
}

// EndSites strikes off all origins of an API key. Agents hear of it within the hour; tickets end at once.
//
// Errors: CodeNotFound for a key without filed origins.
func EndSites(tx *store.Tx, keyID, by string) error {
	res := tx.DB().Model(&siteRow{}).Where("key_id = ? AND ended_at = 0", keyID).Update("ended_at", store.Millis(tx.Now()))
	if res.Error != nil {
		return fmt.Errorf("ending an application: %w", res.Error)
	}
	if res.RowsAffected == 0 {
		return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such application, or it has ended.")
	}
	return tx.Audit(by, "app.end", keyID, nil)
}

// ListSites lists all applications, oldest first.
func ListSites(ctx context.Context, db *store.DB) ([]Site, error) {
	var rows []siteRow
	if err := db.Read(ctx).Order("created_at, origin").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing applications: %w", err)
	}
	list := make([]Site, 0, len(rows))
	for _, s := range rows {
		list = append(list, Site{Origin: s.Origin, Name: s.Name, KeyID: s.KeyID, CreatedAt: store.Time(s.CreatedAt), EndedAt: store.Time(s.EndedAt)})
	}
	return list, nil
}

func (r *Relay) filed(ctx context.Context) ([]siteRow, error) {
	var rows []siteRow
	if err := r.db.Read(ctx).Where("ended_at = 0").Order("origin").Limit(ticket.MaxOrigins).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading applications: %w", err)
	}
	return rows, nil
}

// siteOf finds the filed application with this origin and key.
func (r *Relay) siteOf(ctx context.Context, keyID, origin string) error {
	var row siteRow
	err := r.db.Read(ctx).Where("origin = ? AND key_id = ? AND ended_at = 0", origin, keyID).Take(&row).Error
	if store.IsNotFound(err) {
		return problem.New(problem.Denied, problem.CodeForbidden, "This API key is not filed for that origin.").WithField("origin")
	}
	if err != nil {
		return fmt.Errorf("reading application: %w", err)
	}
	return nil
}
