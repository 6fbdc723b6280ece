package demo

import (
	"context"
	"time"

	"signet/api/account"
	"signet/api/store"
)

// demoProfiles are what the connected registration authority of the demonstration issues by: a pair, an SM2 certificate alone, one of the
// ECDSA hierarchy.
var demoProfiles = []string{"org-pair", "org-sign", "ecdsa/org-sign"}

// apiKey makes the key of a connected registration authority, for any organisation.
func (s *seeder) apiKey(ctx context.Context) error {
	key, err := remembered(s.secret("ra-key.json"), func() (string, error) { return string(account.NewAPIKey()), nil })
	if err != nil {
		return err
	}
	s.made.RA = DevRA{Key: key, Profiles: demoProfiles}
	return s.DB.Tx(ctx, func(tx *store.Tx) error {
		_, err := account.AddAPIKey(tx, account.APIKey(key), account.APIKeyRequest{
			Name: "演示注册机构", Profiles: demoProfiles, Any: true, PerMinute: 1_000_000, ExpiresAt: tx.Now().Add(10 * 365 * 24 * time.Hour), By: "operator",
		})
		return err
	})
}
