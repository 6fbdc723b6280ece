package ra

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/ticket"
)

// ListKeys has the agent list what is plugged in. Show the result through Annotate.
//
// Errors: those of account.Can and relay.Dispatch.
func (r *RA) ListKeys(ctx context.Context, by account.Actor, agentID string) (relay.JobView, error) {
	return r.c.Relay.Dispatch(ctx, by, relay.Job{Op: ticket.OpList, AgentID: agentID, Params: ticket.ListParams{}, Subject: "list"})
}

// SignFile has the agent sign a document, or each of a list, with a key of the organisation's own.
//
// Nil/zero: p.Style "" follows the key; p.SPKIHash nil is the organisation's only signing key.
// Errors: those of account.Can and relay.Dispatch; CodeCertificateForeign, CodeCertificateExpired, CodeMissingField, CodePayloadTooLarge, CodeInvalidField.
func (r *RA) SignFile(ctx context.Context, by account.Actor, t Target, p ticket.SignParams) (relay.JobView, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return relay.JobView{}, err
	}
	if err := checkFiles(t, p); err != nil {
		return relay.JobView{}, err
	}
	c, err := r.signingKey(ctx, by, p.SPKIHash)
	if err != nil {
		return relay.JobView{}, err
	}
	if p.SPKIHash, err = hex.DecodeString(c.SignSPKIHash); err != nil {
		return relay.JobView{}, fmt.Errorf("reading certificate %s: %w", c.ID, err)
	}
	switch p.Style {
	case "":
		p.Style = styleFor(c.KeyAlg)
	case ticket.GMT0010, ticket.RFC5652, ticket.Raw:
	default:
		return relay.JobView{}, problem.New(problem.Invalid, problem.CodeInvalidField, "There is no such style.").WithField("style")
	}
	for _, f := range p.Documents() {
		if p.Style == ticket.Raw && bytes.HasPrefix(f.Content, []byte(ticket.ReservedPrefix)) {
			return relay.JobView{}, problem.New(problem.Invalid, problem.CodeInvalidField, "A raw signature over this content could be mistaken for a proof.").WithField("content")
		}
	}
	var display []ticket.Line
	if len(p.Files) == 0 { // the agent shows a list itself
		display = fileLines(p.Name, p.Content)
	}
	return r.c.Relay.Dispatch(ctx, by, relay.Job{Op: ticket.OpSign, AgentID: t.AgentID, TokenSerial: t.TokenSerial, Params: p, Display: display})
}

// checkFiles holds one document, or each of a list, to its bounds.
func checkFiles(t Target, p ticket.SignParams) error {
	if p.CheckList() != nil {
		return problem.New(problem.Invalid, problem.CodePayloadTooLarge, "A list has at most 50 documents, 1 MiB together, and no document beside it.").
			WithField("files").WithParam("most", ticket.MaxContents)
	}
	for _, f := range p.Documents() {
		if err := checkFile(t, f.Name, len(f.Content), ticket.MaxContent); err != nil {
			return err
		}
	}
	return nil
}

// signingKey finds the organisation's own signing certificate for a key.
func (r *RA) signingKey(ctx context.Context, by account.Actor, spkiHash []byte) (*certificateRow, error) {
	q := r.db.Read(ctx).Where("organisation_id = ? AND state = ?", by.OrganisationID, certActive)
	if len(spkiHash) > 0 {
		q = q.Where("sign_spki_hash = ?", hex.EncodeToString(spkiHash))
	}
	var rows []certificateRow
	if err := q.Order("created_at DESC").Limit(2).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("finding certificates: %w", err)
	}
	switch {
	case len(rows) == 0:
		return nil, errForeign
	case len(rows) > 1 && len(spkiHash) == 0:
		return nil, problem.New(problem.Invalid, problem.CodeMissingField, "There are several certificates; name the key.").WithField("spkiHash")
	case r.now().After(store.Time(rows[0].NotAfterAt)):
		return nil, problem.New(problem.Conflict, problem.CodeCertificateExpired, "The certificate has expired.")
	}
	return &rows[0], nil
}

// OpenEnvelope has the agent open a CMS envelope that is addressed to a certificate
// of the organisation's own, old ones included. Only the page can read the result.
//
// Errors: those of account.Can and relay.Dispatch; CodeCertificateForeign, CodeVerifyMalformed (no envelope), CodePayloadTooLarge,
// CodeInvalidField.
func (r *RA) OpenEnvelope(ctx context.Context, by account.Actor, t Target, p ticket.DecryptParams) (relay.JobView, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return relay.JobView{}, err
	}
	if err := checkFile(t, p.Name, len(p.Envelope), ticket.MaxEnvelope); err != nil {
		return relay.JobView{}, err
	}
	if len(p.PageKey) != 65 || p.PageKey[0] != 4 {
		return relay.JobView{}, problem.New(problem.Invalid, problem.CodeInvalidField, "The page's key is an uncompressed P-256 point.").WithField("pageKey")
	}
	envelope, err := cms.ParseEnveloped(p.Envelope)
	if err != nil {
		return relay.JobView{}, problem.New(problem.Invalid, problem.CodeVerifyMalformed, "The file is not a CMS envelope.").WithField("content").WithCause(err)
	}
	mine, err := r.addressed(ctx, by, envelope)
	if err != nil {
		return relay.JobView{}, err
	}
	if !mine {
		return relay.JobView{}, problem.New(problem.Denied, problem.CodeCertificateForeign, "The file is not encrypted to a certificate of this organisation.").WithField("content")
	}
	return r.c.Relay.Dispatch(ctx, by, relay.Job{Op: ticket.OpDecrypt, AgentID: t.AgentID, TokenSerial: t.TokenSerial, Params: p, Display: fileLines(p.Name, p.Envelope)})
}

// addressed reports whether an envelope names a certificate of the organisation.
func (r *RA) addressed(ctx context.Context, by account.Actor, e *cms.Enveloped) (bool, error) {
	rows, err := r.own(ctx, by)
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		for _, der := range [][]byte{row.EncDER, row.SignDER} {
			if len(der) == 0 {
				continue
			}
			cert, err := pki.ParseCertificate(der)
			if err != nil {
				return false, fmt.Errorf("reading certificate %s: %w", row.ID, err)
			}
			for _, to := range e.Recipients {
				if len(to.SKI) > 0 && bytes.Equal(to.SKI, cert.SKI) || len(to.IssuerRaw) > 0 && bytes.Equal(to.IssuerRaw, cert.Issuer.DER()) && bytes.Equal(to.Serial, cert.Serial) {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

// mostOwn bounds how many certificates of one organisation are looked through.
const mostOwn = 1000

// own lists an organisation's certificates, the ones about to be written included.
func (r *RA) own(ctx context.Context, by account.Actor) ([]certificateRow, error) {
	var rows []certificateRow
	err := r.db.Read(ctx).Where("organisation_id = ? AND state <> ?", by.OrganisationID, certVoid).Order("created_at DESC, id").Limit(mostOwn).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("finding certificates: %w", err)
	}
	return rows, nil
}

func checkFile(t Target, name string, size, most int) error {
	switch {
	case t.TokenSerial == "":
		return errNoToken
	case name == "":
		return problem.New(problem.Invalid, problem.CodeMissingField, "The file has no name.").WithField("name")
	case size == 0:
		return problem.New(problem.Invalid, problem.CodeMissingField, "The file is empty.").WithField("content")
	case size > most:
		return problem.New(problem.Invalid, problem.CodePayloadTooLarge, "The file is too large.").WithField("content").WithParam("most", most)
	}
	return nil
}

// fileLines is what the agent's dialogue says about a file.
func fileLines(name string, content []byte) []ticket.Line {
	sum := sha256.Sum256(content)
	return []ticket.Line{{Label: "文件 File", Value: name}, {Label: "SHA-256", Value: hex.EncodeToString(sum[:])}}
}

// Annotate tells what a list job found, in the words of the portal. Keys and
// certificates that are not the organisation's are not named: a pairing must not
// tell its owner about others (decision 7).
//
// Errors: those of account.Can.
func (r *RA) Annotate(ctx context.Context, by account.Actor, found ticket.ListResult) ([]TokenKey, error) {
	if err := account.Can(by, account.AgentAct); err != nil {
		return nil, err
	}
	var rows []certificateRow
	if by.OrganisationID != "" { // staff own none
		var err error
		if rows, err = r.own(ctx, by); err != nil {
			return nil, err
		}
	}
	mine, now := map[string]ownKey{}, r.now()
	for i := range rows {
		for _, hash := range []string{rows[i].SignSPKIHash, rows[i].EncSPKIHash} {
			if hash == "" {
				continue
			}
			k := mine[hash]
			if k.newest == nil { // newest first
				k.newest = &rows[i]
			}
			k.needed = k.needed || rows[i].inUse(now)
			mine[hash] = k
		}
	}
	keys := make([]TokenKey, 0, len(found.Keys))
	for _, t := range found.Keys {
		k := TokenKey{
			Serial: t.Serial, Label: t.Label, Model: t.Model, Simulated: t.Simulated, PINLocked: t.PINLocked, Initialised: t.Initialised,
			PINTriesLeft: t.PINTriesLeft, Blank: len(t.Objects) == 0, Objects: make([]TokenObject, 0, len(t.Objects)),
		}
		for _, o := range t.Objects {
			object, own := annotate(o, mine)
			k.Mine = k.Mine || own
			k.Objects = append(k.Objects, object)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// ownKey is what is known of a key of the organisation's.
type ownKey struct {
	newest *certificateRow
	needed bool // by one of its certificates
}

func annotate(o ticket.Object, mine map[string]ownKey) (TokenObject, bool) {
	hash := pki.SPKIHash(o.SPKI)
	out := TokenObject{ID: string(o.ID), Usage: o.Usage, SPKIHash: hash[:]}
	if pub, err := pki.ParsePublicKey(o.SPKI); err == nil {
		if alg, err := pki.AlgOf(pub); err == nil {
			out.KeyAlg = string(alg)
		}
	}
	key := mine[hex.EncodeToString(hash[:])]
	row := key.newest
	if row == nil {
		return out, false
	}
	out.CertificateID, out.History = row.ID, !key.needed
	if ukey.CheckLabel(o.Label, ukey.MaxKeyLabel) == nil {
		out.Label = o.Label
	}
	if row.State == certPending {
		out.CertificateID = ""
	}
	cert, err := pki.ParseCertificate(o.Certificate)
	if err != nil || pki.SPKIHash(cert.SPKI) != hash {
		return out, true // a key without its certificate yet
	}
	out.CertificateName, out.SerialHex, out.IssuerName = nameOf(cert.Subject), cert.SerialHex, nameOf(cert.Issuer)
	out.NotAfter = cert.NotAfter.UTC().Truncate(time.Second)
	return out, true
}
