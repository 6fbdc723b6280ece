package ra

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/kmc"
	"signet/ca/pki"
)

// RecoveryState: 待审核 · 待复审 · 待批准 · 可取回 · 未批准 · 已撤回.
type RecoveryState string

// The states of a recovery.
const (
	RecoveryPending   RecoveryState = "pending"   // a reviewer is to look at it
	RecoverySecond    RecoveryState = "second"    // then an approver, who is another person
	RecoveryRequested RecoveryState = "requested" // the centre's officers are to decide
	RecoveryReady     RecoveryState = "ready"     // the envelope can be fetched, again and again
	RecoveryRefused   RecoveryState = "refused"
	RecoveryWithdrawn RecoveryState = "withdrawn"
)

// RecoveryRequest asks for the escrowed encryption key of a certificate (密钥恢复).
//
// Shape: Reason 1 to 80 characters of one line; Files at most 20 names of at most 100, of what is sealed and not opened yet. One of the two
// says which key alone will open what is recovered: ToCertificateID, the signing key of another valid SM2 certificate of the organisation, or CSR, a
// PKCS#10 of a key made for this on a new token, certified by nobody.
type RecoveryRequest struct {
	CertificateID   string
	Reason          string
	Files           []string
	ToCertificateID string
	CSR             []byte
}

// Recovery is one request.
type Recovery struct {
	ID, Number                 string
	State                      RecoveryState
	CertificateID, Name        string
	SerialHex, EncSerialHex    string
	ToCertificateID, ToKeyHash string
	Reason                     string
	Files                      []string
	CreatedAt, UpdatedAt       time.Time
	FetchedAt                  time.Time // zero = never
	WrittenAt                  time.Time // when it was last written to a key and used there; zero = never
	Note                       string    // why it was refused
	ActiveJobID                string
}

// RecoveredKey is what the holder fetches.
//
// Shape: Envelope an SM2EnvelopedKey (GM/T 0009 §7.4) that only the key named by the request opens; EncCertificate DER.
type RecoveredKey struct {
	Envelope, EncCertificate []byte
	SPKIHash                 string
}

// recoveryRow is a row of ra_recoveries.
type recoveryRow struct {
	ID               string
	Number           string
	State            RecoveryState
	OrganisationID   string
	AccountID        string
	CertificateID    string
	OpenCertificate  *string
	EncSPKIHash      string `gorm:"column:enc_spki_hash"`
	ToSPKI           []byte `gorm:"column:to_spki"`
	ToCertificateID  string
	Reason           string
	Files            string // JSON
	Envelope         []byte
	FetchedAt        int64
	OrganisationName string
	OrganisationCode string
	Applicant        string // login, as are Reviewer and Approver
	Reviewer         string
	Approver         string
	ReviewedBy       string // account
	ReviewedAt       int64
	ApprovedBy       string
	ApprovedAt       int64
	Note             string
	ActiveJobID      string
	WrittenAt        int64
	CreatedAt        int64 `gorm:"autoCreateTime:false"`
	ChangedAt        int64
}

// TableName names the table for gorm.
func (recoveryRow) TableName() string { return "ra_recoveries" }

func (row *recoveryRow) files() (list []string) {
	_ = json.Unmarshal([]byte(row.Files), &list) // written by us
	return list
}

// RequestRecovery asks for a key, in the name of its holder. A reviewer and an approver look at it, then two officers of the key management centre must
// approve it. Everyone of the organisation is told. Only a verified account may ask.
//
// Errors: those of account.Can; CodeRecoveryUnavailable; CodeNotFound; CodeMissingField, CodeInvalidField, CodeTooLong; CodeKeyNotEscrowed for one that never was; CodeRecoveryOpen;
// those of a CSR, CodeKeyCertified; CodeCertificateRevoked, CodeCertificateExpired for the certificate named by ToCertificateID.
func (r *RA) RequestRecovery(ctx context.Context, by account.Actor, q RecoveryRequest) (Recovery, error) {
	if err := account.Can(by, account.HolderSwift); err != nil {
		return Recovery{}, err
	}
	if r.c.Recovery == nil {
		return Recovery{}, errNoRecovery
	}
	v, err := r.viewCertificate(ctx, by, q.CertificateID)
	if err != nil {
		return Recovery{}, err
	}
	row, err := r.newRecovery(ctx, by, v.Row, q)
	if err != nil {
		return Recovery{}, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error { return r.openRecovery(tx, by, row, v.Row) })
	if store.IsDuplicate(err) {
		return Recovery{}, problem.New(problem.Conflict, problem.CodeRecoveryOpen, "A recovery of this certificate's key is open already.")
	}
	if err != nil {
		return Recovery{}, fmt.Errorf("asking for a recovery: %w", err)
	}
	return r.Recovery(ctx, by, row.ID)
}

func (r *RA) newRecovery(ctx context.Context, by account.Actor, c certificateRow, q RecoveryRequest) (*recoveryRow, error) {
	if c.EncSPKIHash == "" || c.Origin != originSignet {
		return nil, problem.New(problem.Conflict, problem.CodeKeyNotEscrowed, "This certificate's encryption key is not in escrow.")
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	to, err := r.recoveryTarget(ctx, by, q)
	if err != nil {
		return nil, err
	}
	files, err := json.Marshal(q.Files)
	if err != nil {
		return nil, err
	}
	return &recoveryRow{
		ID: store.NewID("rec"), State: RecoveryPending, OrganisationID: by.OrganisationID, AccountID: by.AccountID, CertificateID: c.ID,
		OpenCertificate: &c.ID, EncSPKIHash: c.EncSPKIHash, ToSPKI: to, ToCertificateID: q.ToCertificateID, Reason: q.Reason, Files: string(files), Envelope: []byte{},
	}, nil
}

const (
	reasonMost = 80 // characters
	filesMost  = 20
	fileMost   = 100 // characters
)

func (q *RecoveryRequest) check() error {
	q.Reason = strings.TrimSpace(q.Reason)
	if q.Reason == "" {
		return problem.New(problem.Invalid, problem.CodeMissingField, "Why the key is needed must be said.").WithField("reason")
	}
	if q.Files == nil {
		q.Files = []string{}
	}
	if len(q.Files) > filesMost {
		return problem.New(problem.Invalid, problem.CodeTooLong, "Too many files.").WithField("files").WithParam("max", filesMost)
	}
	for i, text := range append([]string{q.Reason}, q.Files...) {
		field, most := "files", fileMost
		if i == 0 {
			field, most = "reason", reasonMost
		}
		if utf8.RuneCountInString(text) > most {
			return problem.New(problem.Invalid, problem.CodeTooLong, "The text is too long.").WithField(field).WithParam("max", most)
		}
		if text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f || c == utf8.RuneError }) {
			return problem.New(problem.Invalid, problem.CodeInvalidField, "The text is empty or not one line.").WithField(field)
		}
	}
	if (q.ToCertificateID == "") == (len(q.CSR) == 0) {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "One of toCertificateId and csr says which key opens what is recovered.").WithField("toCertificateId")
	}
	return nil
}

// recoveryTarget is the public key that alone will open what is recovered: the holder's, by a certificate or by a request it signed itself.
func (r *RA) recoveryTarget(ctx context.Context, by account.Actor, q RecoveryRequest) ([]byte, error) {
	if q.ToCertificateID != "" {
		return r.targetCertificate(ctx, by, q.ToCertificateID)
	}
	csr, err := readCSR(q.CSR)
	if err != nil {
		return nil, err
	}
	certs, err := r.c.CertStore.Find(ctx, nil, [][32]byte{pki.SPKIHash(csr.SPKI)})
	if err != nil {
		return nil, fmt.Errorf("asking about the key: %w", err)
	}
	if len(certs) > 0 {
		return nil, problem.New(problem.Conflict, problem.CodeKeyCertified, "The key is certified already; name its certificate, or make a new key.").WithField("csr")
	}
	return csr.SPKI, r.checkNotImported(ctx, csr.SPKI)
}

func (r *RA) targetCertificate(ctx context.Context, by account.Actor, id string) ([]byte, error) {
	v, err := r.viewCertificate(ctx, by, id)
	if err != nil {
		return nil, err
	}
	if err := r.refreshState(ctx, &v.Row); err != nil {
		return nil, err
	}
	cert, err := pki.ParseCertificate(v.Row.SignDER)
	if err != nil {
		return nil, fmt.Errorf("reading certificate %s: %w", id, err)
	}
	switch {
	case v.Row.State == certRevoked:
		return nil, problem.New(problem.Conflict, problem.CodeCertificateRevoked, "The certificate is revoked.").WithField("toCertificateId")
	case v.Row.State != certActive, r.now().After(cert.NotAfter):
		return nil, problem.New(problem.Conflict, problem.CodeCertificateExpired, "The certificate is no longer in force.").WithField("toCertificateId")
	case v.Row.KeyAlg != string(pki.SM2):
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "Only an SM2 key can open what is recovered.").WithField("toCertificateId")
	}
	return cert.SPKI, nil
}

func (r *RA) openRecovery(tx *store.Tx, by account.Actor, row *recoveryRow, c certificateRow) error {
	n, err := number(tx, "recovery")
	if err != nil {
		return err
	}
	row.Number = fmt.Sprintf("HF%s%06d", tx.Now().In(china).Format("20060102"), n)
	row.CreatedAt, row.ChangedAt = store.Millis(tx.Now()), store.Millis(tx.Now())
	organisation, err := account.FindOrganisation(tx, by.OrganisationID)
	if err != nil {
		return err
	}
	row.OrganisationName, row.OrganisationCode, row.Applicant = clip(organisation.Name, 200), organisation.USCC, clip(by.Login, 100)
	if row.OrganisationCode == "" {
		row.OrganisationCode = organisation.OrgCode
	}
	if err := tx.DB().Create(row).Error; err != nil {
		return err
	}
	_, err = r.tellOrganisation(tx, row.OrganisationID, NoticeRecoveryAsked, map[string]string{"number": row.Number, "certificate": c.Name, "serial": c.SerialHex})
	if err != nil {
		return err
	}
	return tx.Audit(by.AccountID, "recovery.request", row.ID, map[string]any{
		"number": row.Number, "certificate": c.ID, "key": row.EncSPKIHash, "to": hashHex(row.ToSPKI), "toCertificate": row.ToCertificateID, "reason": row.Reason, "files": row.files()})
}

// askCentre asks how a request stands and keeps the answer. A centre that cannot answer now is asked again later.
//
// Errors: kmc.ErrNotEscrowed after the request was ended by it; what says that nothing is known.
func (r *RA) askCentre(ctx context.Context, row *recoveryRow) error {
	q := kmc.RestoreRequest{ID: row.ID, ToSPKI: row.ToSPKI, Reason: officerReason(row)}
	if _, err := hex.Decode(q.SPKIHash[:], []byte(row.EncSPKIHash)); err != nil {
		return fmt.Errorf("reading recovery %s: %w", row.ID, err)
	}
	key, err := r.restore(ctx, q, row.OrganisationID)
	if err == nil {
		return r.endRecovery(ctx, row, RecoveryReady, NoticeRecoveryReady, map[string]any{"envelope": key.Envelope})
	}
	for _, later := range []error{kmc.ErrPending, kmc.ErrNoQuorum, kmc.ErrTooMany, kmc.ErrLocked, kmc.ErrNoNotice} {
		if errors.Is(err, later) {
			if later != kmc.ErrPending {
				r.c.Log.Warn("a recovery has to wait", "recovery", row.ID, "error", err)
			}
			return nil
		}
	}
	for _, over := range []error{kmc.ErrNotEscrowed, kmc.ErrRefused, kmc.ErrNotAllowed, kmc.ErrConflict} {
		if errors.Is(err, over) {
			ended := r.endRecovery(ctx, row, RecoveryRefused, NoticeRecoveryRefused, nil)
			if over == kmc.ErrNotEscrowed && ended == nil {
				return err
			}
			return ended
		}
	}
	return err
}

// restore asks in the name of the organisation, then of those it followed: escrow knows a key under whoever it was made for, for ever. The centre opens
// one case, under the right one; asked under another it says that there is no such key, or no such case.
func (r *RA) restore(ctx context.Context, q kmc.RestoreRequest, organisationID string) (*kmc.Assigned, error) {
	before, err := account.Predecessors(r.db.Read(ctx), organisationID)
	if err != nil {
		return nil, err
	}
	var first error
	for _, holder := range append([]string{organisationID}, before...) {
		q.Holder = holder
		key, err := r.c.Recovery.Restore(ctx, q)
		if err == nil || !errors.Is(err, kmc.ErrNotEscrowed) && !errors.Is(err, kmc.ErrConflict) {
			return key, err
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// endRecovery moves an open request to its end, once, and tells the organisation.
func (r *RA) endRecovery(ctx context.Context, row *recoveryRow, to RecoveryState, template string, set map[string]any) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		values := map[string]any{"open_certificate": nil, "changed_at": store.Millis(tx.Now())}
		for k, v := range set {
			values[k] = v
		}
		moved, err := tx.Move("ra_recoveries", row.ID, []string{string(RecoveryRequested)}, string(to), values)
		if err != nil || !moved {
			return err
		}
		c, err := take[certificateRow](tx.DB(), "certificate", "id = ?", row.CertificateID)
		if err != nil {
			return err
		}
		if _, err := r.tellOrganisation(tx, row.OrganisationID, template, map[string]string{"number": row.Number, "certificate": c.Name}); err != nil {
			return err
		}
		return tx.Audit("registration", "recovery."+string(to), row.ID, map[string]any{"number": row.Number, "key": row.EncSPKIHash})
	})
}

// AskCentre asks the centre about all open requests; a job calls it.
//
// Errors: joined; one request that fails does not hold up the others.
func (r *RA) AskCentre(ctx context.Context) error {
	if r.c.Recovery == nil {
		return nil
	}
	var rows []recoveryRow
	if err := r.db.Read(ctx).Where("state = ?", RecoveryRequested).Order("changed_at, id").Limit(1000).Find(&rows).Error; err != nil {
		return fmt.Errorf("finding recoveries: %w", err)
	}
	var errs []error
	for _, row := range rows {
		if err := r.askCentre(ctx, &row); err != nil && !errors.Is(err, kmc.ErrNotEscrowed) {
			errs = append(errs, fmt.Errorf("recovery %s: %w", row.ID, err))
		}
	}
	return errors.Join(errs...)
}

type recoveryView struct {
	Row             recoveryRow `gorm:"embedded"`
	CertificateName string
	SerialHex       string
	EncSerialHex    string
}

func viewRecoveries(by account.Actor) query {
	return query{
		columns: "x.*, c.name AS certificate_name, c.serial_hex, c.enc_serial_hex",
		from:    "ra_recoveries x JOIN ra_certificates c ON c.id = x.certificate_id",
		where:   "x.organisation_id = ?", args: []any{by.OrganisationID}, order: "x.created_at DESC, x.id DESC",
	}
}

func (v recoveryView) show() (Recovery, error) {
	return Recovery{
		ID: v.Row.ID, Number: v.Row.Number, State: v.Row.State, CertificateID: v.Row.CertificateID, Name: v.CertificateName,
		SerialHex: v.SerialHex, EncSerialHex: v.EncSerialHex, ToCertificateID: v.Row.ToCertificateID, ToKeyHash: hashHex(v.Row.ToSPKI), Reason: v.Row.Reason,
		Files: v.Row.files(), CreatedAt: store.Time(v.Row.CreatedAt), UpdatedAt: store.Time(v.Row.ChangedAt), FetchedAt: store.Time(v.Row.FetchedAt),
		WrittenAt: store.Time(v.Row.WrittenAt), Note: v.Row.Note, ActiveJobID: v.Row.ActiveJobID,
	}, nil
}

// ListRecoveries shows the organisation's requests, newest first.
//
// Errors: those of account.Can.
func (r *RA) ListRecoveries(ctx context.Context, by account.Actor, p Paging) (List[Recovery], error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return List[Recovery]{}, err
	}
	return list(r.db.Read(ctx), viewRecoveries(by), p, recoveryView.show)
}

// Recovery shows one request.
//
// Errors: those of account.Can; CodeNotFound, also for another organisation's.
func (r *RA) Recovery(ctx context.Context, by account.Actor, id string) (Recovery, error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return Recovery{}, err
	}
	q := viewRecoveries(by)
	q.and("x.id = ?", id)
	v, err := one[recoveryView](r.db.Read(ctx), q, "recovery")
	if err != nil {
		return Recovery{}, err
	}
	return v.show()
}

// WithdrawRecovery ends a request that is not decided. Officers may still find its case; nobody asks for its key any more.
//
// Errors: those of account.Can; CodeNotFound; CodeRecoveryState.
func (r *RA) WithdrawRecovery(ctx context.Context, by account.Actor, id string) (Recovery, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Recovery{}, err
	}
	if _, err := r.Recovery(ctx, by, id); err != nil {
		return Recovery{}, err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		moved, err := tx.Move("ra_recoveries", id, []string{string(RecoveryPending), string(RecoverySecond), string(RecoveryRequested)}, string(RecoveryWithdrawn), map[string]any{"open_certificate": nil, "changed_at": store.Millis(tx.Now())})
		if err != nil {
			return err
		}
		if !moved {
			return problem.New(problem.Conflict, problem.CodeRecoveryState, "The recovery is decided already.")
		}
		return tx.Audit(by.AccountID, "recovery.withdraw", id, nil)
	})
	if err != nil {
		return Recovery{}, fmt.Errorf("withdrawing recovery: %w", err)
	}
	return r.Recovery(ctx, by, id)
}

// FetchRecovered gives the recovered key in its envelope; each time is audited.
//
// Errors: those of account.Can; CodeNotFound; CodeRecoveryState before it is ready.
func (r *RA) FetchRecovered(ctx context.Context, by account.Actor, id string) (RecoveredKey, error) {
	key, _, err := r.recovered(ctx, by, id)
	return key, err
}

// recovered reads a recovered key for the holder, and notes it.
func (r *RA) recovered(ctx context.Context, by account.Actor, id string) (key RecoveredKey, row *recoveryRow, err error) {
	if err := account.Can(by, account.HolderSwift); err != nil {
		return RecoveredKey{}, nil, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if row, err = take[recoveryRow](tx.DB(), "recovery", "id = ? AND organisation_id = ?", id, by.OrganisationID); err != nil {
			return err
		}
		if row.State != RecoveryReady {
			return problem.New(problem.Conflict, problem.CodeRecoveryState, "The key is not recovered yet.").WithParam("state", string(row.State))
		}
		c, err := take[certificateRow](tx.DB(), "certificate", "id = ?", row.CertificateID)
		if err != nil {
			return err
		}
		key = RecoveredKey{Envelope: row.Envelope, EncCertificate: c.EncDER, SPKIHash: row.EncSPKIHash}
		if err := tx.DB().Model(&recoveryRow{}).Where("id = ?", id).Update("fetched_at", store.Millis(tx.Now())).Error; err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "recovery.fetch", id, map[string]any{"number": row.Number, "key": row.EncSPKIHash, "to": hashHex(row.ToSPKI)})
	})
	if err != nil {
		return RecoveredKey{}, nil, fmt.Errorf("fetching a recovered key: %w", err)
	}
	return key, row, nil
}
