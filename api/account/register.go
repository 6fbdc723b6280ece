package account

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Register tells what a public register knows about an organisation (登记机关的法人基础库).
//
// Source: S003-18 (registry connector, local register as the default of development).
type Register interface {
	// Name says whose data it is, for those who judge by it.
	Name() string
	// Find looks a USCC or organisation code up; ok is false when the register has none such.
	Find(ctx context.Context, code string) (entry RegisterEntry, ok bool, err error)
}

// RegisterEntry is one line of a register.
type RegisterEntry struct {
	Name      string
	LegalName string
}

// What a register said at registration, kept with the organisation.
const (
	RegisterNone     = ""         // no register is connected
	RegisterUnknown  = "unknown"  // it has no such number
	RegisterMatch    = "match"    // number, name and legal representative agree
	RegisterMismatch = "mismatch" // the number has another name or legal representative
)

// localRegister is an imported file.
type localRegister struct {
	name    string
	entries map[string]RegisterEntry
}

// ReadRegister reads an imported register.
//
// Shape: CSV in UTF-8 with a head line naming at least code, name and legalName; the first of a code counts.
func ReadRegister(name string, r io.Reader) (Register, error) {
	rows := csv.NewReader(r)
	head, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("reading register %s: %w", name, err)
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	code, title, legal := slices.Index(head, "code"), slices.Index(head, "name"), slices.Index(head, "legalName")
	if min(code, title, legal) < 0 {
		return nil, fmt.Errorf("reading register %s: the head line needs code, name and legalName", name)
	}
	l := &localRegister{name: name, entries: map[string]RegisterEntry{}}
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return l, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading register %s: %w", name, err)
		}
		key := NormaliseLogin(row[code])
		if _, twice := l.entries[key]; !twice && key != "" {
			l.entries[key] = RegisterEntry{Name: strings.TrimSpace(row[title]), LegalName: strings.TrimSpace(row[legal])}
		}
	}
}

func (l *localRegister) Name() string { return l.name }

func (l *localRegister) Find(_ context.Context, code string) (RegisterEntry, bool, error) {
	e, ok := l.entries[code]
	return e, ok, nil
}

// matchRegister compares what was typed with the register. Persons are in no register of ours.
func (a *Accounts) matchRegister(ctx context.Context, n number, name, legalName string) (match string, err error) {
	if a.c.Register == nil || n.resident != "" {
		return RegisterNone, nil
	}
	entry, ok, err := a.c.Register.Find(ctx, n.uscc+n.orgCode)
	if err != nil { // the register is away: staff see that nothing was compared
		a.c.Log.Warn("register not asked", "register", a.c.Register.Name(), "error", err)
		return RegisterNone, nil
	}
	switch {
	case !ok:
		return RegisterUnknown, nil
	case sameName(entry.Name, name) && sameName(entry.LegalName, legalName):
		return RegisterMatch, nil
	}
	return RegisterMismatch, nil
}

// sameName compares names regardless of spaces and of full-width brackets.
func sameName(a, b string) bool {
	fold := strings.NewReplacer("（", "(", "）", ")", " ", "", "\u3000", "")
	return fold.Replace(a) == fold.Replace(b)
}
