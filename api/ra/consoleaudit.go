package ra

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// FormatJSONL is the form of an export that signetctl audit verify -file reads again.
const FormatJSONL = "jsonl"

// Audit lists entries of the audit chain, newest first.
//
// Errors: those of account.Can.
func (r *RA) Audit(ctx context.Context, by account.Actor, f store.AuditFilter) ([]store.AuditEntry, error) {
	if err := account.Can(by, account.AuditRead); err != nil {
		return nil, err
	}
	return r.db.AuditEntries(ctx, f)
}

// AuditFinding says how a verification ended.
//
// Nil/zero: Broken nil = the chain holds; Entry nil = the entry named is not there.
type AuditFinding struct {
	Proof  store.AuditProof
	Head   int64
	Broken *store.AuditBroken
	Entry  *store.AuditEntry // the first that does not hold, as it stands now
}

// VerifyAudit recomputes the entries first to last of the chain; last 0 = up to its head. A chain that does not hold is a finding, no error.
//
// Errors: those of account.Can.
func (r *RA) VerifyAudit(ctx context.Context, by account.Actor, first, last int64) (AuditFinding, error) {
	if err := account.Can(by, account.AuditRead); err != nil {
		return AuditFinding{}, err
	}
	proof, err := r.db.VerifyAuditRange(ctx, first, last)
	f := AuditFinding{Proof: proof}
	if err != nil && !errors.As(err, &f.Broken) {
		return f, err
	}
	if f.Head, _, err = r.db.AuditHead(ctx); err != nil && f.Broken == nil {
		return f, err
	}
	if f.Broken == nil || f.Broken.Seq == 0 {
		return f, nil
	}
	entries, err := r.db.AuditEntries(ctx, store.AuditFilter{Seq: f.Broken.Seq, Limit: 1})
	if err == nil && len(entries) == 1 {
		f.Entry = &entries[0]
	}
	return f, err
}

var auditHeadings = []string{"序号", "时间", "操作人", "操作", "对象", "内容", "校验值"}

// ExportAudit gives entries as a file: JSON lines hold the whole range first to last, whatever else f says, for the hashes cover all of it;
// a sheet holds what f selects, newest first, at most 20,000. The export itself is audited.
//
// Shape: as ExportOrders.
// Errors: those of account.Can; CodeInvalidField for another format.
func (r *RA) ExportAudit(ctx context.Context, by account.Actor, f store.AuditFilter, first, last int64, format string) (func(io.Writer) error, error) {
	if err := account.Can(by, account.AuditRead); err != nil {
		return nil, err
	}
	if format != FormatCSV && format != FormatXLSX && format != FormatJSONL {
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "A sheet is csv or xlsx, a chain jsonl.").WithField("format")
	}
	facts := map[string]any{"by": f.By, "act": f.Act, "object": f.Object, "first": first, "last": last}
	err := r.db.Tx(ctx, func(tx *store.Tx) error { return tx.Audit(by.AccountID, "audit.export", format, facts) })
	if err != nil {
		return nil, err
	}
	if format == FormatJSONL {
		return func(to io.Writer) error { return r.db.ExportAudit(ctx, to, first, last) }, nil
	}
	content, err := r.auditSheet(ctx, f, format)
	return func(to io.Writer) error {
		_, err := io.Copy(to, bytes.NewReader(content))
		return err
	}, err
}

func (r *RA) auditSheet(ctx context.Context, f store.AuditFilter, format string) ([]byte, error) {
	rows := [][]string{auditHeadings}
	for f.Limit = 200; len(rows) <= maxExport; {
		entries, err := r.db.AuditEntries(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			rows = append(rows, []string{strconv.FormatInt(e.Seq, 10), stamp(store.Millis(e.At)), e.By, e.Act, e.Object, clip(string(e.Facts), 30_000), fmt.Sprintf("%x", e.Hash)})
			f.Before = e.Seq
		}
		if len(entries) < f.Limit {
			break
		}
	}
	return sheet(rows, format)
}

// sheet writes rows in one of the two forms of a sheet.
func sheet(rows [][]string, format string) ([]byte, error) {
	if format == FormatCSV {
		return exportCSV(rows)
	}
	return exportXLSX(rows)
}
