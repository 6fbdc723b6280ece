package ra

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"signet/ca/pki"
)

// folder is the certificates of an import, found by file name or serial number.
type folder struct {
	byName   map[string][]*pki.Certificate
	bySerial map[string][]*pki.Certificate
	broken   map[string]error // files that look like certificates and are none
}

const maxCertificateFile = 64 << 10

var certificateFiles = map[string]bool{".cer": true, ".crt": true, ".der": true, ".pem": true}

func readFolder(files fs.FS) (*folder, error) {
	f := &folder{byName: map[string][]*pki.Certificate{}, bySerial: map[string][]*pki.Certificate{}, broken: map[string]error{}}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !certificateFiles[strings.ToLower(path.Ext(name))] {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Size() > maxCertificateFile {
			f.broken[fileKey(name)] = fmt.Errorf("%d bytes", info.Size())
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		cert, err := readCertificate(text)
		if err != nil {
			f.broken[fileKey(name)] = err
			return nil
		}
		f.add(name, cert)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading certificates: %w", err)
	}
	return f, nil
}

// readCertificate reads the one certificate of a DER or PEM file.
func readCertificate(text []byte) (*pki.Certificate, error) {
	if !bytes.Contains(text, []byte("-----BEGIN")) {
		return pki.ParseCertificate(text)
	}
	certs, err := pki.ParseCertificatesPEM(text)
	if err != nil {
		return nil, err
	}
	return certs[0], nil // what follows are its issuers
}

func (f *folder) add(name string, cert *pki.Certificate) {
	put := func(m map[string][]*pki.Certificate, key string) {
		for _, c := range m[key] {
			if bytes.Equal(c.Raw, cert.Raw) {
				return
			}
		}
		m[key] = append(m[key], cert)
	}
	base := fileKey(name)
	put(f.byName, base)
	put(f.byName, strings.TrimSuffix(base, path.Ext(base)))
	put(f.bySerial, serialKey(cert.SerialHex))
}

func fileKey(name string) string { return strings.ToLower(path.Base(strings.TrimSpace(name))) }

// serialKey makes serial numbers comparable however they are written.
func serialKey(text string) string {
	text = strings.ToUpper(strings.NewReplacer(" ", "", ":", "", "-", "").Replace(strings.TrimSpace(text)))
	return strings.TrimLeft(strings.TrimPrefix(text, "0X"), "0")
}

// find looks a certificate up by file name first, then by serial number.
//
// Errors: CodeImportBadRow.
func (f *folder) find(field, want string) (*pki.Certificate, error) {
	found := f.byName[fileKey(want)]
	if len(found) == 0 {
		if err := f.broken[fileKey(want)]; err != nil {
			return nil, badRow(field, "The file is not a certificate.").WithCause(err)
		}
		found = f.bySerial[serialKey(want)]
	}
	switch len(found) {
	case 0:
		return nil, badRow(field, "There is no certificate file of that name or serial number.")
	case 1:
		return found[0], nil
	}
	return nil, badRow(field, "Several certificates have that name or serial number.")
}
