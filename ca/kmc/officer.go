package kmc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/ca/pki"
)

// Role is what an officer of the centre may do. An officer has one; a person and a key are one officer.
//
// Source: gm-standards.md §5.4 (三员分立; GM/T 0038 §7.3): managers appoint, operators act, auditors read.
type Role string

// The roles.
const (
	SecurityAdmin Role = "security_admin" // 安全管理员: policy; appoints business administrators
	AuditAdmin    Role = "audit_admin"    // 审计管理员: appoints auditors
	BusinessAdmin Role = "business_admin" // 业务管理员: appoints operators and forensic officers
	Operator      Role = "operator"       // 业务操作员: opens cases and approves user recovery
	Auditor       Role = "auditor"        // 审计员: reads the audit, does nothing else
	Forensic      Role = "forensic"       // 司法取证员: approves judicial recovery, does nothing else
)

// appoints says whom each role appoints and dismisses. The first two are there from the founding.
var appoints = map[Role][]Role{
	SecurityAdmin: {BusinessAdmin},
	AuditAdmin:    {Auditor},
	BusinessAdmin: {Operator, Forensic},
}

// founding are the roles of the first officers.
var founding = []Role{SecurityAdmin, AuditAdmin}

// Officer is one officer of the centre.
//
// Shape: ID and Person 1 to 60 and 160 bytes of one line, ID neither "kmc" nor beginning with "ca:", which are actors of their own; SPKI an
// SM2 key in DER.
// Nil/zero: By "" = founder; DismissedAt zero = in office.
type Officer struct {
	ID, Person  string
	Role        Role
	SPKI        []byte
	By          string // the officer who appointed this one
	Proof       []byte // By's signature over Statement
	At          time.Time
	DismissedAt time.Time
}

// KeyHash is SHA-256 of the officer's SPKI.
func (o Officer) KeyHash() [32]byte { return pki.SPKIHash(o.SPKI) }

// InOffice says whether the officer was not dismissed.
func (o Officer) InOffice() bool { return o.DismissedAt.IsZero() }

// Statement is what the appointing officer signs.
func (o Officer) Statement() []byte {
	s := newStatement("appointment")
	s.add("officer", o.ID)
	s.add("person", o.Person)
	s.add("role", string(o.Role))
	s.add("key", string(o.SPKI))
	s.add("by", o.By)
	s.add("at", stamp(o.At))
	return s.bytes()
}

// DismissalStatement is what the dismissing officer signs.
func DismissalStatement(officer, by string, at time.Time) []byte {
	s := newStatement("dismissal")
	s.add("officer", officer)
	s.add("by", by)
	s.add("at", stamp(at))
	return s.bytes()
}

// statement is text to be signed: every value with its length, so that no two different lists have the same text.
type statement struct{ b bytes.Buffer }

func newStatement(what string) *statement {
	s := &statement{}
	fmt.Fprintf(&s.b, "signet kmc %s 1\n", what)
	return s
}

func (s *statement) add(name, value string) { fmt.Fprintf(&s.b, "%s %d:%s\n", name, len(value), value) }
func (s *statement) bytes() []byte          { return s.b.Bytes() }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Errors of the office.
var (
	ErrNotAllowed = errors.New("kmc: this officer may not do this")
	ErrProof      = errors.New("kmc: the officer's signature does not fit")
	ErrTaken      = errors.New("kmc: this person or key is an officer already")
	ErrNoOfficer  = errors.New("kmc: no such officer")
	ErrFounded    = errors.New("kmc: the office has its first officers already")
)

func isLine(s string, most int) bool {
	return s != "" && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd })
}

func (o Officer) check() error {
	if o.ID == keyCentre || strings.HasPrefix(o.ID, caActor) || !isLine(o.ID, 60) || !isLine(o.Person, 160) || o.At.IsZero() {
		return errors.New("kmc: an officer needs an id, a person and a time")
	}
	if _, err := signingKey(o.SPKI); err != nil {
		return err
	}
	return nil
}

// proves says whether sig is the officer's over the statement.
func (o Officer) proves(statement, sig []byte) bool {
	key, err := signingKey(o.SPKI)
	return err == nil && pki.Verify(key, pki.SM2WithSM3, statement, sig) == nil
}

// Found appoints the first officers: one of each founding role, on different people. It works once, on an empty roster; their keys
// must be those of OfficeConfig.Founders.
//
// Errors: ErrFounded, ErrNotAllowed, ErrTaken.
func (f *Office) Found(ctx context.Context, first []Officer) error {
	var roles []Role
	for i := range first {
		o := &first[i]
		o.By, o.Proof, o.At, o.DismissedAt = "", nil, f.now(), time.Time{}
		if err := o.check(); err != nil {
			return err
		}
		if err := f.outside(ctx, o.Person); err != nil {
			return err
		}
		if !slices.Contains(f.c.Founders, o.KeyHash()) || !slices.Contains(founding, o.Role) || slices.Contains(roles, o.Role) {
			return fmt.Errorf("%w: %s as a first officer", ErrNotAllowed, o.ID)
		}
		roles = append(roles, o.Role)
	}
	if len(roles) != len(founding) {
		return fmt.Errorf("%w: the first officers are one of each of %v", ErrNotAllowed, founding)
	}
	note := Note{By: first[0].ID, Act: "kmc_found", Object: "office", Facts: map[string]any{"officers": officerIDs(first)}}
	if err := f.c.Roster.Found(ctx, first, note); err != nil {
		return fmt.Errorf("founding the office: %w", err)
	}
	return nil
}

func officerIDs(list []Officer) []string {
	ids := make([]string, len(list))
	for i, o := range list {
		ids[i] = o.ID
	}
	return ids
}

// Appoint makes somebody an officer; o.Proof is the signature of o.By over o.Statement().
//
// Errors: ErrNotAllowed (By's role appoints no such role, or the person works for the CA), ErrProof, ErrTaken, ErrNoOfficer.
func (f *Office) Appoint(ctx context.Context, o Officer) error {
	o.DismissedAt = time.Time{}
	if err := o.check(); err != nil {
		return err
	}
	if err := f.fresh(o.At); err != nil {
		return err
	}
	if err := f.outside(ctx, o.Person); err != nil {
		return err
	}
	if err := f.manages(ctx, o.By, o.Role, o.Statement(), o.Proof); err != nil {
		return err
	}
	note := Note{By: o.By, Act: "kmc_appoint", Object: o.ID, Facts: map[string]any{"person": o.Person, "role": string(o.Role)}}
	if err := f.c.Roster.Appoint(ctx, o, note); err != nil {
		return fmt.Errorf("appointing %s: %w", o.ID, err)
	}
	return nil
}

// Dismiss ends an office; proof is by's signature over DismissalStatement. What the officer approved and was not yet carried out
// counts no more.
//
// Errors: as Appoint's.
func (f *Office) Dismiss(ctx context.Context, id, by string, at time.Time, proof []byte) error {
	o, err := f.c.Roster.Officer(ctx, id)
	if err != nil {
		return fmt.Errorf("dismissing %s: %w", id, err)
	}
	if err := f.fresh(at); err != nil {
		return err
	}
	if err := f.manages(ctx, by, o.Role, DismissalStatement(id, by, at), proof); err != nil {
		return err
	}
	note := Note{By: by, Act: "kmc_dismiss", Object: id, Facts: map[string]any{"person": o.Person, "role": string(o.Role)}}
	if err := f.c.Roster.Dismiss(ctx, id, f.now(), note); err != nil {
		return fmt.Errorf("dismissing %s: %w", id, err)
	}
	return nil
}

// manages checks that an officer in office appoints this role and signed this.
func (f *Office) manages(ctx context.Context, by string, role Role, statement, proof []byte) error {
	manager, err := f.officer(ctx, by)
	if err != nil {
		return err
	}
	if !slices.Contains(appoints[manager.Role], role) {
		return fmt.Errorf("%w: %s appoints no %s", ErrNotAllowed, manager.Role, role)
	}
	if !manager.proves(statement, proof) {
		return ErrProof
	}
	return nil
}

// officer reads an officer in office whose appointment goes back, signature by signature, to a founder: a row put into the
// database by hand is nobody.
func (f *Office) officer(ctx context.Context, id string) (Officer, error) {
	o, err := f.c.Roster.Officer(ctx, id)
	if err != nil {
		return Officer{}, fmt.Errorf("reading officer %s: %w", id, err)
	}
	if !o.InOffice() {
		return Officer{}, fmt.Errorf("%w: %s was dismissed", ErrNotAllowed, id)
	}
	return o, f.appointed(ctx, o, len(appoints)+1)
}

func (f *Office) appointed(ctx context.Context, o Officer, depth int) error {
	if o.By == "" {
		if slices.Contains(founding, o.Role) && slices.Contains(f.c.Founders, o.KeyHash()) {
			return nil
		}
		return fmt.Errorf("%w: %s is no founder", ErrNotAllowed, o.ID)
	}
	if depth == 0 {
		return fmt.Errorf("%w: nobody appointed %s", ErrNotAllowed, o.ID)
	}
	by, err := f.c.Roster.Officer(ctx, o.By)
	if err != nil {
		return fmt.Errorf("reading officer %s: %w", o.By, err)
	}
	if !slices.Contains(appoints[by.Role], o.Role) || !by.proves(o.Statement(), o.Proof) {
		return fmt.Errorf("%w: the appointment of %s", ErrProof, o.ID)
	}
	return f.appointed(ctx, by, depth-1)
}
