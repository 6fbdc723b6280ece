package account

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// The states of a ticket.
const (
	TicketOpen     = "open"
	TicketAnswered = "answered"
)

// ticketRow is a row of acct_tickets.
type ticketRow struct {
	ID               string
	Number           string
	State            string
	OrganisationName string
	Phone            string
	Note             string
	Answer           string
	AnsweredBy       string
	CreatedAt        int64 `gorm:"autoCreateTime:false"`
	AnsweredAt       int64
	LicenceSum       string // "" = none was handed in
	LicenceType      string
	LicencePages     int
}

// TableName names the table for gorm.
func (ticketRow) TableName() string { return "acct_tickets" }

// Ticket is a question of somebody who does not know the number an organisation is registered under (找回登记证件号).
type Ticket struct {
	ID, Number, State     string
	OrganisationName      string
	Phone                 string // in full: staff call back
	Note, Answer          string
	CreatedAt, AnsweredAt time.Time
	AnsweredBy            string
	Licence               *TicketFile
	Candidates            []Organisation // of that name, for who answers
}

// SendNumberCode sends a code to the phone of somebody who asks. It is the same whether the phone has an account.
//
// Errors: CodeCaptcha…, CodePhoneInvalid, CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) SendNumberCode(ctx context.Context, req CodeRequest) (CodeSent, error) {
	return a.askCode(ctx, req, forNumber, func(_ *store.Tx, number string) (string, bool, string, error) {
		return registrant(number), true, "", nil
	})
}

// TicketFile is the licence (营业执照) that came with a ticket.
//
// Nil/zero: Pages 0 is an image.
type TicketFile struct {
	Sum, MediaType string
	Pages          int
}

// NumberQuestion is the form.
//
// Nil/zero: Keep nil = no licence comes with it. It checks and keeps the file; it is called once the code was found right.
type NumberQuestion struct {
	Name, Note, Phone, Code, From string
	Keep                          func(ctx context.Context) (TicketFile, error)
}

var (
	ticketsPerPhone   = rule{3, day}
	ticketsPerAddress = rule{20, day}
)

// AskNumber opens a ticket. The answer says nothing about whether such an organisation is registered.
//
// Errors: CodeNameInvalid, CodePhoneInvalid; CodeRateLimited, CodeCode…; those of Keep, after which the code can be used again.
func (a *Accounts) AskNumber(ctx context.Context, q NumberQuestion) (ticketNumber string, err error) {
	q.Name, q.Note = strings.TrimSpace(q.Name), strings.TrimSpace(q.Note)
	if err := checkName("", q.Name, "organisationName"); err != nil {
		return "", err
	}
	if line(q.Note, 500) != q.Note {
		return "", problem.New(problem.Invalid, problem.CodeInvalidField, "At most 500 characters on one line.").WithField("note")
	}
	phone, ok := notice.Phone(q.Phone)
	if !ok {
		return "", errPhoneInvalid
	}
	random, err := rand.Int(rand.Reader, big.NewInt(1e6))
	if err != nil {
		return "", err
	}
	licence, err := a.keepLicence(ctx, q, phone)
	if err != nil {
		return "", err
	}
	var refused error
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		if refused, err = a.useAsked(tx, forNumber, registrant(phone), true, phone, q.Code, q.From, true); err != nil || refused != nil {
			return err
		}
		if refused, err = countTicket(tx, phone, q.From, true); err != nil || refused != nil {
			return err
		}
		row := ticketRow{ID: store.NewID("tkt"), State: TicketOpen, OrganisationName: q.Name, Phone: phone, Note: q.Note, CreatedAt: store.Millis(tx.Now()),
			LicenceSum: licence.Sum, LicenceType: licence.MediaType, LicencePages: licence.Pages,
			Number: fmt.Sprintf("GD%s%06d", tx.Now().UTC().Format("060102"), random)}
		if err := tx.DB().Create(&row).Error; err != nil {
			return fmt.Errorf("opening a ticket: %w", err)
		}
		ticketNumber = row.Number
		return tx.Audit("system", "ticket.open", row.ID, map[string]any{"phone": notice.MaskPhone(phone), "licence": licence.Sum})
	})
	return ticketNumber, firstError(err, refused)
}

// keepLicence keeps what comes with a question: not before the code is right and a ticket may be opened, so that nobody fills the
// store without a phone.
func (a *Accounts) keepLicence(ctx context.Context, q NumberQuestion, phone string) (TicketFile, error) {
	if q.Keep == nil {
		return TicketFile{}, nil
	}
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if refused, err = a.useAsked(tx, forNumber, registrant(phone), true, phone, q.Code, q.From, false); err != nil || refused != nil {
			return err
		}
		refused, err = countTicket(tx, phone, q.From, false)
		return err
	})
	if err = firstError(err, refused); err != nil {
		return TicketFile{}, err
	}
	return q.Keep(ctx)
}

// countTicket says whether another ticket may be opened, and with count notes that it was.
func countTicket(tx *store.Tx, phone, from string, count bool) (refused, err error) {
	for _, c := range []struct {
		id string
		rule
	}{{"ticket:address:" + address(from), ticketsPerAddress}, {"ticket:phone:" + phone, ticketsPerPhone}} {
		t, err := holdThrottle(tx, c.id)
		if err != nil {
			return nil, err
		}
		if wait := t.wait(tx.Now(), c.rule); wait > 0 {
			return retryLater(problem.CodeRateLimited, "Too many questions.", wait), nil
		}
		if !count {
			continue
		}
		t.note(tx.Now(), day, "")
		if err := t.save(tx); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// TicketQuery asks for one page of tickets.
//
// Nil/zero: Page 0 = 1, Size 0 = 20; State "" = all.
type TicketQuery struct {
	State      string
	Page, Size int
}

// Tickets lists tickets for staff, oldest first, each with the organisations that its name may mean, and how many there are.
//
// Errors: those of Can.
func (a *Accounts) Tickets(ctx context.Context, by Actor, q TicketQuery) (list []Ticket, total int64, err error) {
	if err := CanAll(by, WindowAct); err != nil {
		return nil, 0, err
	}
	page, size := bounds(q.Page, q.Size, 100)
	where := func() *gorm.DB {
		db := a.db.Read(ctx).Model(&ticketRow{})
		if q.State != "" {
			db = db.Where("state = ?", q.State)
		}
		return db
	}
	if err := where().Count(&total).Error; err != nil {
		return nil, 0, fmt.Errorf("counting tickets: %w", err)
	}
	var rows []ticketRow
	if err := where().Order("CASE state WHEN 'open' THEN 0 ELSE 1 END, created_at, id").Offset((page - 1) * size).Limit(size).Find(&rows).Error; err != nil {
		return nil, 0, fmt.Errorf("listing tickets: %w", err)
	}
	for _, r := range rows {
		t := r.ticket()
		if r.State == TicketOpen {
			if t.Candidates, err = a.named(ctx, r.OrganisationName); err != nil {
				return nil, 0, err
			}
		}
		list = append(list, t)
	}
	return list, total, nil
}

// named finds organisations by their whole name.
func (a *Accounts) named(ctx context.Context, name string) ([]Organisation, error) {
	var rows []organisationRow
	if err := a.db.Read(ctx).Where("name = ? AND closed_at = 0", name).Order("id").Limit(5).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("looking for organisations: %w", err)
	}
	list := make([]Organisation, len(rows))
	for i := range rows {
		list[i] = rows[i].organisation()
	}
	return list, nil
}

func (r *ticketRow) ticket() Ticket {
	var licence *TicketFile
	if r.LicenceSum != "" {
		licence = &TicketFile{Sum: r.LicenceSum, MediaType: r.LicenceType, Pages: r.LicencePages}
	}
	return Ticket{Licence: licence, ID: r.ID, Number: r.Number, State: r.State, OrganisationName: r.OrganisationName, Phone: r.Phone, Note: r.Note, Answer: r.Answer,
		CreatedAt: store.Time(r.CreatedAt), AnsweredAt: store.Time(r.AnsweredAt), AnsweredBy: r.AnsweredBy}
}

// TicketLicence names the licence that came with a ticket, for who answers it; that it was looked at is on record.
//
// Errors: those of Can; CodeNotFound, also where none came.
func (a *Accounts) TicketLicence(ctx context.Context, by Actor, id string) (number string, file TicketFile, err error) {
	if err := CanAll(by, WindowAct); err != nil {
		return "", TicketFile{}, err
	}
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		var row ticketRow
		err := tx.DB().Where("id = ? AND licence_sum <> ''", id).Take(&row).Error
		if store.IsNotFound(err) {
			return problem.New(problem.NotFound, problem.CodeNotFound, "No licence came with this ticket.")
		}
		if err != nil {
			return fmt.Errorf("reading ticket: %w", err)
		}
		number, file = row.Number, *row.ticket().Licence
		return tx.Audit(by.AccountID, "ticket.licence", id, nil)
	})
	return number, file, err
}

// AnswerTicket sends the answer to the phone by SMS and closes the ticket; of several at once one answers.
//
// Errors: those of Can; CodeInvalidField; CodeNotFound; CodeConflict when it was answered.
func (a *Accounts) AnswerTicket(ctx context.Context, by Actor, id, answer string) error {
	if err := CanAll(by, WindowAct); err != nil {
		return err
	}
	answer = strings.TrimSpace(answer)
	if answer == "" || line(answer, 100) != answer {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "An answer of at most 100 characters on one line.").WithField("answer")
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		var row ticketRow
		err := tx.DB().Where("id = ?", id).Take(&row).Error
		if store.IsNotFound(err) {
			return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such ticket.")
		}
		if err != nil {
			return fmt.Errorf("reading ticket: %w", err)
		}
		moved, err := tx.Move("acct_tickets", id, []string{TicketOpen}, TicketAnswered,
			map[string]any{"answer": answer, "answered_by": by.AccountID, "answered_at": store.Millis(tx.Now())})
		if err != nil {
			return err
		}
		if !moved {
			return problem.New(problem.Conflict, problem.CodeConflict, "The ticket was answered already.")
		}
		err = a.c.Notice.Send(tx, notice.Message{To: row.Phone, Template: notice.TicketAnswered, Purpose: "ticket", Params: map[string]string{"number": row.Number, "answer": answer}})
		if err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "ticket.answer", id, nil)
	})
}
