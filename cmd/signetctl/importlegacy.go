package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"signet/api/account"
	"signet/api/ra"
	"signet/api/store"
	"signet/ca/pki"
)

var importLegacyCommand = command{
	name: "import legacy", args: "FILE.xlsx|FILE.csv",
	brief: "Takes over holders whose certificates were issued offline; a repeat changes nothing",
	prepare: func(f *flag.FlagSet) action {
		var b legacyBatch
		b.find = siteFlags(f)
		f.StringVar(&b.project, "project", "", "`SLUG` of the project, for rows that name none")
		f.StringVar(&b.id, "batch", "", "`NAME` of the batch (default: the name of FILE)")
		f.StringVar(&b.certs, "certs", "", "`DIR` with the holders' certificates, DER or PEM, at any depth (default: the folder of FILE)")
		f.Func("roots", "`PEM` file of CAs that issued them, roots and intermediates; may be repeated (at least one root)", func(file string) error {
			b.roots = append(b.roots, file)
			return nil
		})
		f.StringVar(&b.passwordFile, "password-file", "", "`FILE` with the initial password that the holders were given (required)")
		f.BoolVar(&b.noStatus, "no-status", false, "these CAs publish no revocation status any more")
		f.BoolVar(&b.dry, "dry-run", false, "show what would happen, on a copy of the database")
		return b.run
	},
}

// legacyBatch is one call of import legacy.
type legacyBatch struct {
	find                             func() (*site, error)
	project, id, certs, passwordFile string
	roots                            []string
	noStatus, dry                    bool
}

func (b *legacyBatch) run(ctx context.Context, t terminal, args []string) error {
	file, err := oneFile(args)
	if err != nil {
		return err
	}
	switch {
	case b.passwordFile == "":
		return badUsage("-password-file is missing")
	case len(b.roots) == 0:
		return badUsage("-roots is missing")
	}
	s, err := b.find()
	if err != nil {
		return err
	}
	request, err := b.request(file)
	if err != nil {
		return err
	}
	return s.withDB(ctx, t, func(db *store.DB) error {
		if !b.dry {
			return b.importTo(ctx, t, s, db, request)
		}
		return s.withScratch(ctx, t, db, func(scratch *store.DB) error { return b.importTo(ctx, t, s, scratch, request) })
	})
}

// request reads everything the files say.
func (b *legacyBatch) request(file string) (ra.ImportRequest, error) {
	q := ra.ImportRequest{BatchID: b.id, ProjectSlug: b.project, NoStatus: b.noStatus}
	if q.BatchID == "" {
		q.BatchID = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	var err error
	if q.Rows, err = readSheet(file); err != nil {
		return q, fmt.Errorf("%s: %w", file, err)
	}
	password, err := readSecret(b.passwordFile)
	if err != nil {
		return q, err
	}
	if len(password) == 0 {
		return q, fmt.Errorf("%s is empty", b.passwordFile)
	}
	q.InitialPassword = account.Password(password)
	folder := b.certs
	if folder == "" {
		folder = filepath.Dir(file)
	}
	if info, err := os.Stat(folder); err != nil {
		return q, err
	} else if !info.IsDir() {
		return q, fmt.Errorf("%s is not a folder", folder)
	}
	q.Certificates = os.DirFS(folder)
	q.Roots, q.Intermediates, err = readAnchors(b.roots)
	return q, err
}

func readSheet(file string) (rows []ra.ImportRow, err error) {
	readers := map[string]func(io.Reader) ([]ra.ImportRow, error){".xlsx": ra.ReadXLSX, ".csv": ra.ReadCSV}
	read := readers[strings.ToLower(filepath.Ext(file))]
	if read == nil {
		return nil, errors.New("want a file whose name ends in .xlsx or .csv")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f)
}

// readAnchors sorts the certificates of the files into roots and intermediates.
func readAnchors(files []string) (roots, intermediates []*pki.Certificate, err error) {
	for _, file := range files {
		certs, err := readCertificates(file)
		if err != nil {
			return nil, nil, err
		}
		for _, c := range certs {
			switch {
			case !c.IsCA:
				return nil, nil, fmt.Errorf("%s: %s is not a CA", file, c.Subject)
			case c.IsSelfIssued():
				roots = append(roots, c)
			default:
				intermediates = append(intermediates, c)
			}
		}
	}
	if len(roots) == 0 {
		return nil, nil, errors.New("there is no root among the certificates of -roots")
	}
	return roots, intermediates, nil
}

func (b *legacyBatch) importTo(ctx context.Context, t terminal, s *site, db *store.DB, q ra.ImportRequest) error {
	service, err := s.openService(ctx, t, db)
	if err != nil {
		return err
	}
	if q.ProjectSlug != "" {
		if _, err := service.ra.Project(ctx, q.ProjectSlug); err != nil {
			return fmt.Errorf("project %s (signetctl project list shows them): %w", q.ProjectSlug, err)
		}
	}
	report, err := service.ra.ImportLegacy(ctx, operator, q)
	b.tell(t, len(q.Rows), report)
	if err == nil && len(report.Failed) > 0 {
		err = errReported
	}
	return err
}

// tell prints what an operator has to look at, in the order of the sheet, then the totals.
func (b *legacyBatch) tell(t terminal, rows int, report ra.ImportReport) {
	for i := range report.Warnings {
		report.Warnings[i].Code = "warning " + report.Warnings[i].Code
	}
	list := append(report.Warnings, report.Failed...)
	slices.SortStableFunc(list, func(a, b ra.RowError) int { return cmp.Compare(a.Row, b.Row) })
	for _, one := range list {
		fmt.Fprintf(t.out, "row %d: %s: %s [%s]\n", one.Row, one.Code, one.Detail, one.Field)
	}
	if b.dry {
		fmt.Fprintf(t.out, "dry run, nothing was written: ")
	}
	fmt.Fprintf(t.out, "%d rows: %d imported, %d unchanged, %d refused\n", rows, report.Imported, report.Unchanged, len(report.Failed))
}
