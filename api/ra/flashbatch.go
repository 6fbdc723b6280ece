package ra

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/ticket"
)

// BatchState is where a batch is in its life.
type BatchState string

// The states. A batch is started when its operator has signed that with their own key.
const (
	BatchOpen    BatchState = "open"
	BatchStarted BatchState = "started"
	BatchDone    BatchState = "done"
)

// maxBatch bounds the keys of one batch.
const maxBatch = 2000

// leaseFor is how long a station holds a key without a word.
// Source: token-agent.md §7.7.
const leaseFor = 10 * time.Minute

// batchRow is a row of ra_flash_batches.
type batchRow struct {
	ID              string
	Number          string
	State           BatchState
	Title           string
	ProjectSlug     string
	CA              string `gorm:"column:ca"`
	NotAfterAt      int64
	SOFirst         []byte `gorm:"column:so_first"`
	Size            int
	OperatorKey     string // SPKI hash; "" until started
	StartText       string
	StartSignature  []byte
	ReportText      string
	ReportSignature []byte
	CreatedBy       string
	CreatedAt       int64 `gorm:"autoCreateTime:false"`
	ChangedAt       int64
}

// TableName names the table for gorm.
func (batchRow) TableName() string { return "ra_flash_batches" }

// flashRow is a row of ra_flash_jobs: one key.
type flashRow struct {
	ID             string
	BatchID        string
	Place          int
	State          ticket.FlashState
	OrganisationID string // "" = without certificates
	Name           string
	TokenSerial    *string
	SOKey          string `gorm:"column:so_key"` // the secret of the transport PIN
	AgentID        string
	TicketID       string
	LeaseUntil     int64
	SignKeyID      string
	EncKeyID       string
	SPKIHash       string `gorm:"column:spki_hash"`
	CertificateID  string
	Reply          []byte
	Expected       []byte
	Problem        string
	Outcome        []byte
	Signature      []byte
	LetterAt       int64
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	ChangedAt      int64
}

// TableName names the table for gorm.
func (flashRow) TableName() string { return "ra_flash_jobs" }

func (f flashRow) serial() string {
	if f.TokenSerial == nil {
		return ""
	}
	return *f.TokenSerial
}

// FlashRequest asks for a batch: one key for each organisation, or keys without certificates.
//
// Nil/zero: TermMonths 0 = the project's; SOPIN nil = the keys are blank and have no officer's PIN yet.
type FlashRequest struct {
	Title         string
	ProjectSlug   string
	Organisations []string // ids
	Codes         []string // USCCs or organisation codes, in place of ids
	Blanks        int
	TermMonths    int
	SOPIN         ukey.PIN // of the maker, the same for the whole batch
}

// FlashBatch is a batch as staff see it.
type FlashBatch struct {
	ID, Number, Title, ProjectSlug string
	State                          BatchState
	Size, Done                     int
	NotAfter, CreatedAt            time.Time
	ReportText                     string
	ReportSigned                   bool
	ReportSignature                []byte // CMS
	Keys                           []FlashKey
	GivenUp                        []FlashGivenUp // places that were begun with another key
}

// FlashKey is one key of a batch.
type FlashKey struct {
	ID, OrganisationID, Name, Serial string
	Place                            int
	State                            ticket.FlashState
	Problem                          string
	LetterPrinted                    bool
	ChangedAt                        time.Time
}

// CreateFlashBatch makes a batch.
//
// Errors: those of account.Can; CodeInvalidField, CodeNotFound (project, organisation); CodeIssuanceRefused for an organisation that
// cannot be certified.
func (r *RA) CreateFlashBatch(ctx context.Context, by account.Actor, q FlashRequest) (FlashBatch, error) {
	if err := account.Can(by, account.TokenAct); err != nil {
		return FlashBatch{}, err
	}
	named := len(q.Organisations) + len(q.Codes)
	size := named + q.Blanks
	if size < 1 || size > maxBatch || q.Blanks < 0 || named > 0 && q.Blanks > 0 {
		return FlashBatch{}, problem.New(problem.Invalid, problem.CodeInvalidField, "A batch is for 1 to 2000 organisations, or for that many keys without certificates.").WithField("organisations")
	}
	row := batchRow{ID: store.NewID("fbt"), State: BatchOpen, Title: clip(q.Title, 200), ProjectSlug: q.ProjectSlug, Size: size,
		StartSignature: []byte{}, ReportSignature: []byte{}, CreatedBy: by.AccountID}
	var err error
	if row.SOFirst, err = r.sealFirst(ctx, row.ID, q.SOPIN); err != nil {
		return FlashBatch{}, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error { return r.createBatch(tx, by, &row, q) })
	if err != nil {
		return FlashBatch{}, fmt.Errorf("creating batch: %w", err)
	}
	return r.flashBatch(ctx, row.ID)
}

func (r *RA) createBatch(tx *store.Tx, by account.Actor, row *batchRow, q FlashRequest) error {
	project, err := findProject(tx.DB(), q.ProjectSlug)
	if err == nil && !by.Covers(account.TokenAct, q.ProjectSlug) {
		err = noSuch("project")
	}
	if err != nil {
		return err
	}
	n, err := number(tx, "flash")
	if err != nil {
		return err
	}
	now := tx.Now()
	row.Number, row.CA = fmt.Sprintf("ZK%s%06d", now.In(china).Format("20060102"), n), firstOf(project.CA, r.c.CA)
	months := q.TermMonths
	if months == 0 {
		months = project.TermMonths
	}
	if months < 1 || months > 60 {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "The term is 1 to 60 months.").WithField("termMonths")
	}
	end := addMonths(now, months).Truncate(time.Second)
	if issuer := r.c.Authority.Certificate(row.CA); end.After(issuer.NotAfter) {
		end = issuer.NotAfter
	}
	row.NotAfterAt, row.CreatedAt, row.ChangedAt = store.Millis(end), store.Millis(now), store.Millis(now)
	if err := tx.DB().Create(row).Error; err != nil {
		return err
	}
	for place := range row.Size {
		if err := r.createFlashJob(tx, row, place, q); err != nil {
			return err
		}
	}
	return tx.Audit(by.AccountID, "flash.batch", row.ID, map[string]any{"number": row.Number, "size": row.Size, "project": row.ProjectSlug})
}

func (r *RA) createFlashJob(tx *store.Tx, batch *batchRow, place int, q FlashRequest) error {
	row := waitingKey(batch.ID, place+1, store.Millis(tx.Now()))
	if q.Blanks == 0 {
		o, err := q.organisation(tx, place)
		if err != nil {
			return err
		}
		if len(certifiable(o.USCC, o.OrgCode)) == 0 {
			return refusedIssuance("The ID number of "+o.Name+" fails its check.", nil)
		}
		row.OrganisationID, row.Name = o.ID, clip(o.Name, 200)
	}
	return tx.DB().Create(&row).Error
}

// organisation is whom the key at a place is for.
func (q FlashRequest) organisation(tx *store.Tx, place int) (account.Organisation, error) {
	if place < len(q.Organisations) {
		return account.FindOrganisation(tx, q.Organisations[place])
	}
	return account.FindOrganisationByCode(tx, q.Codes[place-len(q.Organisations)])
}

// waitingKey is a place of a batch with no key yet.
func waitingKey(batchID string, place int, now int64) flashRow {
	return flashRow{ID: store.NewID("flj"), BatchID: batchID, Place: place, State: ticket.FlashWaiting, SOKey: soKeyID, SignKeyID: string(ticket.NewKeyID()),
		EncKeyID: string(ticket.NewKeyID()), Reply: []byte{}, Expected: []byte{}, Outcome: []byte{}, Signature: []byte{}, CreatedAt: now, ChangedAt: now}
}

// ListFlashBatches shows batches to staff, newest first, without their keys.
//
// Errors: those of account.Can.
func (r *RA) ListFlashBatches(ctx context.Context, by account.Actor, p Paging) (List[FlashBatch], error) {
	if err := account.Can(by, account.TokenRead); err != nil {
		return List[FlashBatch]{}, err
	}
	q := query{columns: "b.*", from: "ra_flash_batches b", where: "1 = 1", order: "b.created_at DESC, b.id"}
	ofBatches.narrow(&q, "b.id", by, account.TokenRead)
	return list(r.db.Read(ctx), q, p, func(b batchRow) (FlashBatch, error) { return r.showBatch(ctx, b) })
}

// FlashBatch shows one batch with its keys.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) FlashBatch(ctx context.Context, by account.Actor, id string) (FlashBatch, error) {
	if err := account.Can(by, account.TokenRead); err != nil {
		return FlashBatch{}, err
	}
	if err := ofBatches.check(r.db.Read(ctx), by, account.TokenRead, id); err != nil {
		return FlashBatch{}, err
	}
	return r.flashBatch(ctx, id)
}

func (r *RA) flashBatch(ctx context.Context, id string) (FlashBatch, error) {
	row, err := take[batchRow](r.db.Read(ctx), "batch", "id = ?", id)
	if err != nil {
		return FlashBatch{}, err
	}
	b, err := r.showBatch(ctx, *row)
	if err != nil {
		return b, err
	}
	var rows []flashRow
	if err := r.db.Read(ctx).Where("batch_id = ?", id).Order("place").Find(&rows).Error; err != nil {
		return b, fmt.Errorf("reading batch: %w", err)
	}
	b.Keys = make([]FlashKey, 0, len(rows))
	for _, f := range rows {
		b.Keys = append(b.Keys, FlashKey{ID: f.ID, OrganisationID: f.OrganisationID, Name: f.Name, Serial: f.serial(), Place: f.Place, State: f.State,
			Problem: f.Problem, LetterPrinted: f.LetterAt > 0, ChangedAt: store.Time(f.ChangedAt)})
	}
	b.GivenUp, err = r.givenUp(ctx, id)
	return b, err
}

func (r *RA) showBatch(ctx context.Context, b batchRow) (FlashBatch, error) {
	var done int64
	err := r.db.Read(ctx).Model(&flashRow{}).Where("batch_id = ? AND state = ?", b.ID, ticket.FlashLabelled).Count(&done).Error
	if err != nil {
		return FlashBatch{}, fmt.Errorf("counting a batch: %w", err)
	}
	return FlashBatch{ID: b.ID, Number: b.Number, Title: b.Title, ProjectSlug: b.ProjectSlug, State: b.State, Size: b.Size, Done: int(done),
		NotAfter: store.Time(b.NotAfterAt), CreatedAt: store.Time(b.CreatedAt), ReportText: b.ReportText, ReportSigned: len(b.ReportSignature) > 0, ReportSignature: b.ReportSignature}, nil
}

// Letter is what the PIN letter of a key says. It goes to the holder by another way than the key.
type Letter struct {
	Number, Serial, Name string
	PIN                  ukey.PIN
}

// FlashLetter gives the letter of a finished key, once.
//
// Errors: those of account.Can; CodeNotFound; CodeBatchState while the key is not finished; CodeLetterPrinted; CodeTokenState once the holder
// has changed the PIN.
func (r *RA) FlashLetter(ctx context.Context, by account.Actor, id string) (Letter, error) {
	if err := account.Can(by, account.TokenAct); err != nil {
		return Letter{}, err
	}
	var job *flashRow
	var token *tokenRow
	err := r.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if job, err = lock[flashRow](tx, "key of a batch", id); err != nil {
			return err
		}
		if err := ofFlashKeys.check(tx.DB(), by, account.TokenAct, id); err != nil {
			return err
		}
		switch {
		case job.State != ticket.FlashLabelled:
			return problem.New(problem.Conflict, problem.CodeBatchState, "The key is not finished.")
		case job.LetterAt > 0:
			return problem.New(problem.Conflict, problem.CodeLetterPrinted, "The letter was printed already.")
		}
		if token, err = take[tokenRow](tx.DB(), "token", "id = ?", job.serial()); err != nil {
			return err
		}
		if !token.MustChange {
			return problem.New(problem.Conflict, problem.CodeTokenState, "The holder has changed the PIN; there is nothing to tell.")
		}
		if err := tx.DB().Model(&flashRow{}).Where("id = ?", id).Update("letter_at", store.Millis(tx.Now())).Error; err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "flash.letter", id, map[string]any{"token": token.ID})
	})
	if err != nil {
		return Letter{}, fmt.Errorf("printing a letter: %w", err)
	}
	pin, err := r.transportPIN(ctx, token, job.transport())
	return Letter{Number: job.ID, Serial: token.ID, Name: job.Name, PIN: pin}, err
}

// station gives the operator that an agent works for.
//
// Errors: CodeAgentUnknown; those of account.Can: the right is looked up now, not when the agent was paired.
func (r *RA) station(ctx context.Context, agentID string) (account.Actor, error) {
	id, err := r.c.Relay.AgentAccount(ctx, agentID)
	if err != nil {
		return account.Actor{}, err
	}
	if id == "" {
		return account.Actor{}, problem.New(problem.Unauthenticated, problem.CodeAgentUnknown, "The agent is not paired.")
	}
	by, err := account.ActorOf(ctx, r.db, "", id)
	if err != nil {
		return account.Actor{}, err
	}
	return by, account.Can(by, account.TokenFlash)
}

// StationBatches lists the batches that a station may work on.
//
// Errors: those of account.Can; CodeAgentUnknown.
func (r *RA) StationBatches(ctx context.Context, agentID string) (ticket.FlashBatches, error) {
	out := ticket.FlashBatches{Items: []ticket.FlashBatch{}}
	by, err := r.station(ctx, agentID)
	if err != nil {
		return out, err
	}
	q := query{where: "state <> ?", args: []any{BatchDone}}
	ofBatches.narrow(&q, "id", by, account.TokenFlash)
	var rows []batchRow
	if err := r.db.Read(ctx).Where(q.where, q.args...).Order("created_at DESC, id").Limit(50).Find(&rows).Error; err != nil {
		return out, fmt.Errorf("finding batches: %w", err)
	}
	for _, row := range rows {
		b, err := r.showBatch(ctx, row)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, ticket.FlashBatch{ID: b.ID, Number: b.Number, Title: b.Title, State: string(b.State), Size: b.Size, Done: b.Done})
	}
	return out, nil
}

// StationSign has the operator sign the start or the report of a batch with their own key: first it gives the ticket and text, then
// it takes the signature.
//
// Nil/zero: a nil job once the signature was taken.
// Errors: those of account.Can; CodeNotFound; CodeBatchState; CodeConsentInvalid for a signature that does not hold, CodeConsentWrongKey for
// another key than the one that started the batch.
func (r *RA) StationSign(ctx context.Context, agentID, batchID string, in ticket.FlashSign) (*ticket.Job, error) {
	by, err := r.station(ctx, agentID)
	if err != nil {
		return nil, err
	}
	b, err := take[batchRow](r.db.Read(ctx), "batch", "id = ?", batchID)
	if err == nil {
		err = ofBatches.check(r.db.Read(ctx), by, account.TokenFlash, batchID)
	}
	if err != nil {
		return nil, err
	}
	text, err := r.operatorText(ctx, by, b, in.What)
	if err != nil {
		return nil, err
	}
	if len(in.Signature) > 0 {
		return nil, r.keepOperatorSignature(ctx, by, b, in)
	}
	cert, err := pki.ParseCertificate(in.Certificate)
	if err != nil {
		return nil, invalidConsent(err)
	}
	hash := pki.SPKIHash(cert.SPKI)
	if b.OperatorKey != "" && b.OperatorKey != hashHex(cert.SPKI) {
		return nil, errOtherOperator
	}
	if err := r.operatorKey(ctx, by, cert); err != nil {
		return nil, err
	}
	alg, err := pki.AlgOf(cert.PublicKey)
	if err != nil {
		return nil, invalidConsent(err)
	}
	return r.stationTicket(agentID, by, batchID, ticket.Claims{Op: ticket.OpSign, Display: []ticket.Line{{Label: "批次 Batch", Value: b.Number}}},
		ticket.SignParams{Name: b.Number + "-" + in.What + ".txt", Content: []byte(text), Style: styleFor(string(alg)), SPKIHash: hash[:]})
}

var errOtherOperator = problem.New(problem.Conflict, problem.CodeConsentWrongKey, "The batch was started with another operator's key.")

// operatorText is what the operator signs; written down when it is first asked for, so that signature and text fit.
func (r *RA) operatorText(ctx context.Context, by account.Actor, b *batchRow, what string) (string, error) {
	column, text := "start_text", b.StartText
	switch {
	case what == ticket.FlashStart && (b.State == BatchOpen || b.State == BatchStarted):
		if text == "" {
			text = strings.Join([]string{"UKey 制证批次开始 Start of a batch", "批次 Batch: " + b.Number, "数量 Keys: " + fmt.Sprint(b.Size),
				"操作员 Operator: " + by.Login, "时间 Time: " + r.now().In(china).Format(time.RFC3339), ""}, "\n")
		}
	case what == ticket.FlashReport && b.State == BatchStarted:
		column = "report_text"
		var err error
		if text, err = r.reportText(ctx, by, b); err != nil {
			return "", err
		}
	case what == ticket.FlashReport && b.State == BatchDone:
		return b.ReportText, nil
	default:
		return "", errBatchState
	}
	return text, r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&batchRow{}).Where("id = ? AND state = ?", b.ID, b.State).Update(column, text).Error
	})
}

var errBatchState = problem.New(problem.Conflict, problem.CodeBatchState, "The batch is not in a state for this.")

// reportText lists what became of each key. It is the same for the same states, so that it can be asked for again.
func (r *RA) reportText(ctx context.Context, by account.Actor, b *batchRow) (string, error) {
	keys, err := r.flashBatch(ctx, b.ID)
	if err != nil {
		return "", err
	}
	lines := []string{"UKey 制证批次报告 Report of a batch", "批次 Batch: " + b.Number, fmt.Sprintf("完成 Done: %d / %d", keys.Done, keys.Size), "操作员 Operator: " + by.Login}
	for _, k := range keys.Keys {
		if k.State == ticket.FlashWaiting {
			continue
		}
		lines = append(lines, fmt.Sprintf("%d\t%s\t%s\t%s\t%s", k.Place, k.Serial, k.Name, k.State, k.ChangedAt.In(china).Format(time.RFC3339)))
	}
	for _, g := range keys.GivenUp {
		lines = append(lines, fmt.Sprintf("%d\t%s\t%s\t报废 given up: %s\t%s", g.Place, g.Serial, g.Name, g.Reason, g.GivenUpAt.In(china).Format(time.RFC3339)))
	}
	return strings.Join(append(lines, ""), "\n"), nil
}

// oneLine keeps a text from starting a line of its own.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// keepOperatorSignature takes a signed text and moves the batch on.
func (r *RA) keepOperatorSignature(ctx context.Context, by account.Actor, b *batchRow, in ticket.FlashSign) error {
	key, content, err := r.operatorSigned(ctx, by, in.Signature)
	if err != nil {
		return err
	}
	if b.OperatorKey != "" && b.OperatorKey != key {
		return errOtherOperator
	}
	column, from, to, want := "start_signature", BatchOpen, BatchStarted, b.StartText
	if in.What == ticket.FlashReport {
		column, from, to, want = "report_signature", BatchStarted, BatchDone, b.ReportText
		if again, err := r.reportText(ctx, by, b); err == nil && b.State == BatchStarted && again != content {
			return problem.New(problem.Conflict, problem.CodeBatchState, "The batch went on while its report was signed; sign again.")
		}
	}
	if content != want && !(in.What == ticket.FlashReport && b.State == BatchStarted) {
		return invalidConsent(errors.New("another text was signed"))
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		moved, err := tx.Move("ra_flash_batches", b.ID, []string{string(from)}, string(to), map[string]any{
			column: in.Signature, "operator_key": key, "changed_at": store.Millis(tx.Now())})
		if err != nil || !moved {
			return err // heard before
		}
		return tx.Audit(by.AccountID, "flash."+in.What, b.ID, map[string]any{"operatorKey": key, "text": hashHex([]byte(content)), "signature": hashHex(in.Signature)})
	})
	if err != nil {
		return fmt.Errorf("keeping the operator's signature: %w", err)
	}
	return nil
}

// operatorSigned reads a signature with its text inside, by a certificate that may sign now.
func (r *RA) operatorSigned(ctx context.Context, by account.Actor, der []byte) (keyHash, content string, err error) {
	signed, err := cms.ParseSigned(der)
	if err != nil {
		return "", "", invalidConsent(err)
	}
	signers, err := signed.Verify(nil, func(issuer, serial []byte) *pki.Certificate { return nil })
	if err != nil || signed.Detached || len(signers) != 1 {
		return "", "", invalidConsent(err)
	}
	return hashHex(signers[0].SPKI), string(signed.Content), r.operatorKey(ctx, by, signers[0])
}

// operatorKey makes sure that a certificate may sign for an operator now: where staff need keys, only one bound to them.
//
// Errors: CodeConsentInvalid; CodeStaffSignature.
func (r *RA) operatorKey(ctx context.Context, by account.Actor, cert *pki.Certificate) error {
	if !r.c.StaffKeys {
		return r.checkSigner(ctx, cert)
	}
	if err := r.staffCertificate(ctx, cert); err != nil {
		return err
	}
	return r.boundTo(ctx, by, hashHex(cert.SPKI))
}
