package ra

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/store"
	"signet/ca/pki"
)

// InventoryReport is all there is to say of one certificate.
//
// Nil/zero: Log nil = no log is kept, or the certificate is not of ours; List nil = its CA has published none here.
type InventoryReport struct {
	Certificate     InventoryCertificate
	Subject, Issuer string
	KeyAlg, SigAlg  string
	Extensions      []CertificateExtension
	Chain           []ChainLink
	PEM, ChainPEM   string
	EncPEM          string // of an imported pair
	Pair            []InventoryCertificate
	Log             *LogProof
	List            *RevocationList
	History         []store.AuditEntry
	MayChange       bool
}

// CertificateExtension is an extension in words.
//
// Shape: Words are values as they are read; of what nothing here reads, its bytes in hexadecimal.
type CertificateExtension struct {
	OID      string
	Critical bool
	Words    []string
}

// ChainLink is a CA above a certificate, the nearest first.
type ChainLink struct {
	Subject, SerialHex string
	NotAfter           time.Time
}

// LogProof says where in the transparency log a certificate is. Nil/zero: Text "" = it waits for the next checkpoint.
type LogProof struct {
	Index int64
	Text  string // c2sp.org/tlog-proof
}

// RevocationList is the newest list of a CA.
type RevocationList struct {
	Number                 int64
	ThisUpdate, NextUpdate time.Time
	Listed                 bool // the certificate was revoked when it was made
}

// InventoryCertificate shows one certificate.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) InventoryCertificate(ctx context.Context, by account.Actor, id string) (InventoryReport, error) {
	if err := mayBrowse(by, account.InventoryRead); err != nil {
		return InventoryReport{}, err
	}
	v, der, err := r.readInventory(ctx, id)
	if err != nil {
		return v, err
	}
	cert, err := pki.ParseCertificate(der)
	if err != nil {
		return v, fmt.Errorf("reading certificate %s: %w", id, err)
	}
	v.describe(cert)
	trust, err := r.trust(ctx)
	if err != nil {
		return v, err
	}
	if path, err := trust.path(cert, cert.NotBefore); err == nil {
		for _, c := range path[1:] {
			v.Chain = append(v.Chain, ChainLink{Subject: c.Subject.String(), SerialHex: c.SerialHex, NotAfter: c.NotAfter})
		}
		v.ChainPEM = string(pki.EncodePEM(path...))
	}
	if v.Certificate.Origin == OriginIssued {
		if err := r.whereabouts(ctx, &v); err != nil {
			return v, err
		}
	}
	v.MayChange = mayBrowse(by, account.RevocationAct) == nil
	return v, r.history(ctx, &v)
}

// readInventory finds a certificate with the other half of its pair.
//
// Errors: CodeNotFound.
func (r *RA) readInventory(ctx context.Context, id string) (v InventoryReport, der []byte, err error) {
	caID, serial, ours := strings.Cut(id, ".")
	if !ours {
		row, err := take[certificateRow](r.db.Read(ctx), "certificate", "id = ? AND origin = ?", id, originLegacy)
		if err != nil {
			return v, nil, err
		}
		v.Certificate = ofImported(*row)
		if len(row.EncDER) > 0 {
			enc, err := pki.ParseCertificate(row.EncDER)
			if err != nil {
				return v, nil, fmt.Errorf("reading certificate %s: %w", id, err)
			}
			v.EncPEM = string(pki.EncodePEM(enc))
		}
		return v, row.SignDER, nil
	}
	page, err := r.db.CA().Search(ctx, store.Inventory{CA: caID, SerialHex: serial})
	if err != nil {
		return v, nil, err
	}
	if len(page.Entries) == 0 {
		return v, nil, noSuch("certificate")
	}
	list := []InventoryCertificate{ofEntry(page.Entries[0])}
	cert, err := r.db.CA().BySerial(ctx, caID, serial)
	if errors.Is(err, store.ErrNoCertificate) {
		return v, nil, noSuch("certificate")
	}
	if err != nil {
		return v, nil, err
	}
	pair, err := r.db.CA().ByPair(ctx, cert.PairID)
	if err != nil {
		return v, nil, err
	}
	for _, half := range pair {
		if half.SerialHex == serial && half.CA == caID {
			continue
		}
		page, err := r.db.CA().Search(ctx, store.Inventory{CA: half.CA, SerialHex: half.SerialHex})
		if err != nil {
			return v, nil, err
		}
		for _, e := range page.Entries {
			list = append(list, ofEntry(e))
		}
	}
	err = r.registered(ctx, list)
	v.Certificate, v.Pair = list[0], list[1:]
	return v, cert.DER, err
}

func (v *InventoryReport) describe(c *pki.Certificate) {
	v.Subject, v.Issuer, v.SigAlg, v.PEM = c.Subject.String(), c.Issuer.String(), c.SigAlg.String(), string(pki.EncodePEM(c))
	if alg, err := pki.AlgOf(c.PublicKey); err == nil {
		v.KeyAlg = string(alg)
	}
	if v.Certificate.Origin == OriginIssued {
		v.Certificate.IssuerName = nameOf(c.Issuer)
	}
	for _, e := range c.Extensions {
		v.Extensions = append(v.Extensions, CertificateExtension{OID: e.OID, Critical: e.Critical, Words: wordsOf(c, e)})
	}
}

// wordsOf reads an extension.
//
// Source: RFC 5280 §4.2; GM/T 0015 for identities.
func wordsOf(c *pki.Certificate, e pki.Extension) []string {
	switch e.OID {
	case "2.5.29.14":
		return []string{strings.ToUpper(hex.EncodeToString(c.SKI))}
	case "2.5.29.15":
		return strings.Split(c.KeyUsage.String(), ", ")
	case "2.5.29.17":
		words := slices.Concat(c.DNSNames, c.Emails)
		for _, ip := range c.IPs {
			words = append(words, ip.String())
		}
		return words
	case "2.5.29.19":
		if !c.IsCA {
			return []string{"CA: false"}
		}
		if c.PathLen < 0 {
			return []string{"CA: true"}
		}
		return []string{fmt.Sprintf("CA: true, path length %d", c.PathLen)}
	case "2.5.29.31":
		return c.CRLURLs
	case "2.5.29.32":
		return c.Policies
	case "2.5.29.35":
		return []string{strings.ToUpper(hex.EncodeToString(c.AKI))}
	case "2.5.29.37":
		return c.EKU
	case "1.3.6.1.5.5.7.1.1":
		return slices.Concat(c.OCSPURLs, c.CAIssuers)
	}
	if text := pki.ReadIdentity(c).Raw[e.OID]; text != "" {
		return []string{text}
	}
	return []string{clip(strings.ToUpper(hex.EncodeToString(e.Value)), 400)}
}

// whereabouts says what log and revocation list say of a certificate of ours.
func (r *RA) whereabouts(ctx context.Context, v *InventoryReport) error {
	c := v.Certificate
	if r.c.LogProof != nil {
		index, text, err := r.c.LogProof(ctx, c.CA, c.SerialHex)
		if err != nil {
			return fmt.Errorf("proving %s: %w", c.ID, err)
		}
		v.Log = &LogProof{Index: index, Text: string(text)}
	}
	list, published, err := r.db.CA().Published(ctx, c.CA)
	if err != nil || !published {
		return err
	}
	v.List = &RevocationList{Number: list.Number, ThisUpdate: list.ThisUpdate, NextUpdate: list.NextUpdate, Listed: c.State != StatusGood && !c.RevokedAt.After(list.ThisUpdate)}
	return nil
}

// history joins what the audit says under both names of a certificate, newest first.
func (r *RA) history(ctx context.Context, v *InventoryReport) error {
	objects := []string{v.Certificate.RegisteredID}
	if v.Certificate.Origin == OriginIssued {
		objects = append(objects, v.Certificate.CA+"/"+v.Certificate.SerialHex)
	}
	for _, object := range objects {
		if object == "" {
			continue
		}
		list, err := r.db.AuditEntries(ctx, store.AuditFilter{Object: object, Limit: 100})
		if err != nil {
			return err
		}
		v.History = append(v.History, list...)
	}
	slices.SortFunc(v.History, func(a, b store.AuditEntry) int { return int(b.Seq - a.Seq) })
	return nil
}
