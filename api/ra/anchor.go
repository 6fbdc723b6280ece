package ra

import (
	"context"
	"fmt"
	"time"

	"signet/api/store"
	"signet/ca/pki"
)

// anchorRow is a row of ra_anchors.
type anchorRow struct {
	ID        string
	Hash      string
	Name      string
	DER       []byte `gorm:"column:der"`
	Root      int
	NoStatus  int
	BatchID   string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

// TableName names the table for gorm.
func (anchorRow) TableName() string { return "ra_anchors" }

// Anchor is a CA whose certificates were taken over.
type Anchor struct {
	ID, Name, BatchID string
	Certificate       *pki.Certificate
	Root              bool // an anchor; else an intermediate CA
	NoStatus          bool // recorded at import: this CA publishes no revocation status any more
}

// Anchors lists them, roots first; for verification.
func (r *RA) Anchors(ctx context.Context) ([]Anchor, error) {
	var rows []anchorRow
	if err := r.db.Read(ctx).Order("root DESC, created_at, id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading anchors: %w", err)
	}
	list := make([]Anchor, 0, len(rows))
	for _, row := range rows {
		cert, err := pki.ParseCertificate(row.DER)
		if err != nil {
			return nil, fmt.Errorf("reading anchor %s: %w", row.ID, err)
		}
		list = append(list, Anchor{ID: row.ID, Name: row.Name, BatchID: row.BatchID, Certificate: cert, Root: row.Root != 0, NoStatus: row.NoStatus != 0})
	}
	return list, nil
}

// keepAnchor notes a CA of an import batch, once.
func keepAnchor(tx *store.Tx, cert *pki.Certificate, root bool, q ImportRequest) error {
	row := anchorRow{ID: store.NewID("anc"), Hash: hashHex(cert.Raw), Name: clip(nameOf(cert.Subject), 200), DER: cert.Raw, BatchID: q.BatchID, CreatedAt: store.Millis(tx.Now())}
	if root {
		row.Root = 1
	}
	if q.NoStatus {
		row.NoStatus = 1
	}
	var known int64
	if err := tx.DB().Model(&anchorRow{}).Where("hash = ?", row.Hash).Count(&known).Error; err != nil || known > 0 {
		return err
	}
	if err := tx.DB().Create(&row).Error; err != nil {
		return err
	}
	return tx.Audit("operator", "anchor.add", row.ID, map[string]any{"name": row.Name, "hash": row.Hash, "root": root, "noStatus": q.NoStatus, "batch": q.BatchID})
}

// trust is what the signatures of holders are measured by: our CAs and those of
// the imported batches.
type trust struct{ roots, intermediates *pki.Pool }

func (r *RA) trust(ctx context.Context) (trust, error) {
	t := trust{pki.NewPool(), pki.NewPool()}
	for _, id := range r.c.Authority.IDs() {
		for _, c := range append([]*pki.Certificate{r.c.Authority.Certificate(id)}, r.c.Authority.Chain(id)...) {
			if c.IsSelfIssued() {
				t.roots.Add(c)
			} else {
				t.intermediates.Add(c)
			}
		}
	}
	anchors, err := r.Anchors(ctx)
	for _, a := range anchors {
		if a.Root {
			t.roots.Add(a.Certificate)
		} else {
			t.intermediates.Add(a.Certificate)
		}
	}
	return t, err
}

// path builds the path of a certificate to an anchor.
func (t trust) path(cert *pki.Certificate, at time.Time) ([]*pki.Certificate, error) {
	return pki.BuildPath(cert, pki.PathOptions{Roots: t.roots, Intermediates: t.intermediates, At: at})
}
