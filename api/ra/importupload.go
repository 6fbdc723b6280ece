package ra

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/pki"
)

// ImportUpload is a batch of legacy holders as the back office sends it.
//
// Shape: Sheet is CSV or XLSX; Archive a ZIP of certificates, those of their CAs among them; at most 5,000 rows.
type ImportUpload struct {
	Sheet, Archive       []byte
	BatchID, ProjectSlug string
	InitialPassword      account.Password
	NoStatus             bool
}

// ImportAnchor is a CA that an upload brings.
type ImportAnchor struct {
	Name, Hash string
	Root       bool
}

// Bounds of an upload.
const (
	uploadRows      = 5_000
	uploadFiles     = 20_000
	uploadInflated  = 128 << 20
	importSavepoint = "import_row"
)

// errDryRun ends the transaction of a dry run.
var errDryRun = errors.New("ra: dry run")

// ImportHolders takes a batch over as ImportLegacy does; dry, it does everything in one transaction that is rolled back, so that rows which contradict
// each other are found too.
//
// Errors: those of account.Can; CodeImportBadRow with field file or archive; those of ImportLegacy.
func (r *RA) ImportHolders(ctx context.Context, by account.Actor, u ImportUpload, dry bool) (ImportReport, []ImportAnchor, int, error) {
	if err := mayBrowse(by, account.ImportAct); err != nil {
		return ImportReport{}, nil, 0, err
	}
	q, err := u.request()
	if err != nil {
		return ImportReport{}, nil, 0, err
	}
	if q.ProjectSlug != "" {
		if _, err := r.Project(ctx, q.ProjectSlug); err != nil {
			return ImportReport{}, nil, 0, err
		}
	}
	var anchors []ImportAnchor
	for _, c := range slices.Concat(q.Roots, q.Intermediates) {
		anchors = append(anchors, ImportAnchor{Name: nameOf(c.Subject), Hash: hashHex(c.Raw), Root: c.IsSelfIssued()})
	}
	var report ImportReport
	if dry {
		report, err = r.rehearse(ctx, by.AccountID, q)
	} else {
		report, err = r.ImportLegacy(ctx, by.AccountID, q)
	}
	return report, anchors, len(q.Rows), err
}

// rehearse imports and takes it back.
func (r *RA) rehearse(ctx context.Context, by string, q ImportRequest) (report ImportReport, err error) {
	b, err := r.newBatch(by, q, nil)
	if err != nil {
		return report, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		b.tx = func(_ context.Context, f func(tx *store.Tx) error) error {
			if err := tx.DB().Exec("SAVEPOINT " + importSavepoint).Error; err != nil {
				return err
			}
			end := "RELEASE SAVEPOINT " + importSavepoint
			err := f(tx)
			if err != nil {
				end = "ROLLBACK TO SAVEPOINT " + importSavepoint
			}
			return errors.Join(err, tx.DB().Exec(end).Error)
		}
		var err error
		if report, err = b.run(ctx); err != nil {
			return err
		}
		return errDryRun
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return report, err
}

// request reads sheet and archive.
func (u ImportUpload) request() (ImportRequest, error) {
	q := ImportRequest{BatchID: strings.TrimSpace(u.BatchID), ProjectSlug: u.ProjectSlug, InitialPassword: u.InitialPassword, NoStatus: u.NoStatus}
	read := ReadCSV
	if bytes.HasPrefix(u.Sheet, []byte("PK\x03\x04")) {
		read = ReadXLSX
	}
	var err error
	if q.Rows, err = read(bytes.NewReader(u.Sheet)); err != nil {
		return q, err
	}
	if len(q.Rows) > uploadRows {
		return q, badSheet("A batch has at most 5,000 rows here; signetctl import legacy takes more.", nil)
	}
	archive, err := openArchive(u.Archive)
	if err != nil {
		return q, err
	}
	q.Certificates = archive
	if q.Roots, q.Intermediates, err = anchorsIn(archive); err != nil {
		return q, err
	}
	if len(q.Roots) == 0 {
		return q, badArchive("There is no root certificate in the archive.", nil)
	}
	return q, nil
}

func badArchive(detail string, cause error) error {
	return problem.New(problem.Invalid, problem.CodeImportBadRow, detail).WithField("archive").WithCause(cause)
}

// openArchive bounds what a ZIP may hold before anything is unpacked; a reader that gets more than was announced fails by itself.
func openArchive(content []byte) (fs.FS, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, badArchive("The archive is no ZIP file.", err)
	}
	var sum uint64
	for _, f := range archive.File {
		sum += f.UncompressedSize64
	}
	if len(archive.File) > uploadFiles || sum > uploadInflated {
		return nil, badArchive("The archive is too large.", nil)
	}
	return archive, nil
}

// anchorsIn sorts the CA certificates of an archive into roots and intermediates.
func anchorsIn(files fs.FS) (roots, intermediates []*pki.Certificate, err error) {
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := files.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxCertificateFile+1))
		if err != nil || len(text) > maxCertificateFile {
			return err
		}
		c, err := readCertificate(text)
		switch {
		case err != nil || !c.IsCA: // of no matter here; a row that needs it will say so
		case c.IsSelfIssued():
			roots = append(roots, c)
		default:
			intermediates = append(intermediates, c)
		}
		return nil
	})
	if err != nil {
		return nil, nil, badArchive("The archive cannot be read.", fmt.Errorf("reading archive: %w", err))
	}
	return roots, intermediates, nil
}
