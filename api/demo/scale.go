package demo

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/ra"
	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
)

// Crowd is a made-up past, for the sizes of inventory and lists: organisations with four certificates each, a pair and its renewal, applications,
// reviews, orders, shipments and USB keys, written as rows around the packages that own them. No certificate of it was ever issued: each is one
// certificate with other names and numbers put in, under a signature that does not fit. They are no certificates to verify, only to be found.
type Crowd struct {
	DB        *store.DB         // required
	Authority *ca.Authority     // required: it issues the one certificate
	CA        string            // required: who issues
	RA        *ra.RA            // required: it counts the figures of the past
	Accounts  *account.Accounts // required: it notes the names of organisations
	Log       *slog.Logger      // required
	N         int               // certificates; four make an organisation
	Now       time.Time         // required: the past ends here

	model *pki.Certificate
	who   string // the account of all applications
}

const (
	crowdName = "演示单位00000000"
	crowdCode = "91330700MA2QRTER0C"
	crowdRows = 500 // in one statement
)

var crowdRegions = []string{"330702", "330783", "330106", "330203", "330302", "110105", "310115", "320505", "440305", "510107", "370203", "420106"}

// Organisation is the i-th of N/4.
func (c *Crowd) Organisation(i int) (id, name, code string) {
	return fmt.Sprintf("org_%020d", i), fmt.Sprintf("演示单位%08d", i), withCheckDigits(fmt.Sprintf("91%s%08d", crowdRegion(i), i))
}

func crowdRegion(i int) string { return crowdRegions[i%len(crowdRegions)] }

// Serial is the number of the k-th certificate.
func (c *Crowd) Serial(k int) string { return fmt.Sprintf("%X", crowdSerial(k)) }

func crowdSerial(k int) []byte {
	serial := make([]byte, 16)
	binary.BigEndian.PutUint64(serial, 0x1000_0000_0000_0000+uint64(k))
	return serial
}

// KeyHash is what the k-th certificate's key is found by.
func (c *Crowd) KeyHash(k int) []byte {
	sum := make([]byte, 32)
	binary.BigEndian.PutUint64(sum, uint64(k)*0x9E3779B97F4A7C15) // spread as hashes are
	return sum
}

// Token is the serial number of the i-th organisation's USB key.
func (c *Crowd) Token(i int) string { return fmt.Sprintf("MADEUP%08d", i) }

// certificate is the model with the k-th one's names and number.
func (c *Crowd) certificate(k int) []byte {
	_, name, code := c.Organisation(k / 4)
	der := bytes.ReplaceAll(c.model.Raw, []byte(crowdName), []byte(name))
	der = bytes.ReplaceAll(der, []byte(crowdCode), []byte(code))
	return bytes.Replace(der, c.model.Serial, crowdSerial(k), 1)
}

// times are when the k-th certificate was made and ends: the renewal of each two follows after a year.
func (c *Crowd) times(k int) (made, ends time.Time) {
	made = c.Now.AddDate(-2, 0, 0).Add(time.Duration(k/4*7919%(365*24*60)) * time.Minute)
	if k%4 >= 2 {
		made = made.AddDate(1, 0, 0)
	}
	return made, made.AddDate(1, 1, 0)
}

// Fill writes it all, and notes what it is found by. What an earlier call wrote is not written again.
func (c *Crowd) Fill(ctx context.Context) error {
	done, err := c.filled(ctx)
	if err != nil || done {
		return err
	}
	if err := c.begin(ctx); err != nil {
		return fmt.Errorf("making the model of made-up certificates: %w", err)
	}
	for _, t := range c.tables() {
		if err := c.insert(ctx, t); err != nil {
			return fmt.Errorf("making up rows of %s: %w", t.name, err)
		}
	}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"names of organisations", c.Accounts.FillNames}, {"names of certificates", c.fillInventory}, {"figures", c.count},
	} {
		began := time.Now()
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("noting the %s made up: %w", step.what, err)
		}
		c.Log.Info("made-up past is noted", slog.String("what", step.what), slog.Duration("took", time.Since(began).Round(time.Millisecond)))
	}
	return nil
}

// begin issues the one real certificate.
func (c *Crowd) begin(ctx context.Context) error {
	key, err := pki.GenerateKey(pki.SM2, nil)
	if err != nil {
		return err
	}
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		return err
	}
	subject, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: crowdName}, pki.Attr{Type: pki.OIDCommonName, Value: crowdName})
	if err != nil {
		return err
	}
	made, err := c.Authority.Issue(ctx, ca.Request{
		ID: ca.RequestID(store.NewID("model")), CA: c.CA, Profile: "org-sign", Subject: subject, SPKI: spki, Fields: map[string]string{"uscc": crowdCode}, By: "demo",
	})
	if err != nil {
		return err
	}
	if c.model, err = pki.ParseCertificate(made.DER); err != nil {
		return err
	}
	hash, err := account.HashPassword(account.Password(batchPassword))
	if err != nil {
		return err
	}
	return c.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		c.who, _, _, err = account.ImportHolder(tx, account.Holder{
			OrgName: "演示单位(虚构)", USCC: crowdCode, HandlerName: "演示", ProjectSlug: ProjectSlug, BatchID: "made-up", BatchPasswordHash: hash,
		})
		return err
	})
}

// filled reports whether the rows that are written last are there.
func (c *Crowd) filled(ctx context.Context) (bool, error) {
	var n int64
	err := c.DB.Read(ctx).Raw("SELECT COUNT(*) FROM ra_tokens WHERE id = ?", c.Token(max(c.N/4-1, 0))).Scan(&n).Error
	return n > 0, err
}

func (c *Crowd) fillInventory(ctx context.Context) error {
	for done := false; !done; {
		var err error
		if done, err = c.DB.CA().FillInventory(ctx, 10_000); err != nil {
			return err
		}
	}
	return nil
}

// count has the figures counted from the beginning: the past is new.
func (c *Crowd) count(ctx context.Context) error {
	err := c.DB.Tx(ctx, func(tx *store.Tx) error {
		return tx.DB().Exec("UPDATE ra_counters SET value = 0 WHERE name = 'figures'").Error
	})
	if err != nil {
		return err
	}
	return c.RA.CountFigures(ctx)
}

// crowdTable makes n rows of a table.
type crowdTable struct {
	name, columns string
	n             int
	row           func(i int) []any
}

// insert adds rows in few statements, and leaves those that are there.
func (c *Crowd) insert(ctx context.Context, t crowdTable) error {
	began := time.Now()
	for from := 0; from < t.n; from += crowdRows {
		count := min(crowdRows, t.n-from)
		var args []any
		for i := range count {
			args = append(args, t.row(from+i)...)
		}
		one := "(?" + strings.Repeat(", ?", len(args)/count-1) + ")"
		err := c.DB.Tx(ctx, func(tx *store.Tx) error {
			verb := "INSERT OR IGNORE INTO "
			if tx.DB().Name() == "mysql" {
				verb = "INSERT IGNORE INTO "
			}
			return tx.DB().Exec(verb+t.name+" ("+t.columns+") VALUES "+strings.Join(slices.Repeat([]string{one}, count), ", "), args...).Error
		})
		if err != nil {
			return err
		}
	}
	c.Log.Info("made-up past is written", slog.String("table", t.name), slog.Int("rows", t.n), slog.Duration("took", time.Since(began).Round(time.Millisecond)))
	return nil
}
