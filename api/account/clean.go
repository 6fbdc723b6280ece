package account

import (
	"context"
	"fmt"
	"time"

	"signet/api/store"
)

// How long what has expired is kept: codes for questions about messages, sessions
// for questions about logins (the audit chain keeps both for good).
const (
	keepCodes    = 48 * time.Hour
	keepSessions = 30 * 24 * time.Hour
	keepJoins    = 30 * 24 * time.Hour
)

// Clean deletes captchas, counters, codes and sessions that nothing needs any
// more. Run it every few minutes.
func (a *Accounts) Clean(ctx context.Context) error {
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		now := tx.Now()
		for _, c := range []struct {
			row  any
			keep time.Duration
		}{{&captchaRow{}, 0}, {&throttle{}, 0}, {&codeRow{}, keepCodes}, {&emailLinkRow{}, keepCodes}, {&joinRow{}, keepJoins}, {&sessionRow{}, keepSessions}, {&pendingRow{}, 0}, {&scanRow{}, 0}} {
			if err := tx.DB().Where("expires_at <= ?", store.Millis(now.Add(-c.keep))).Delete(c.row).Error; err != nil {
				return fmt.Errorf("cleaning: %w", err)
			}
		}
		if err := tx.DB().Where("seen_at <= ?", store.Millis(now.Add(-keepDevices))).Delete(&deviceRow{}).Error; err != nil {
			return fmt.Errorf("cleaning: %w", err)
		}
		return nil
	})
}
