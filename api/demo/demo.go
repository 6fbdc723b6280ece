package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/ra"
	"signet/api/store"
)

// Config says where the data goes.
type Config struct {
	Dir string    // required: the data folder; legacy, keys and bid are made in it
	DB  *store.DB // required
	RA  *ra.RA    // required
	Now func() time.Time
	Log *slog.Logger
}

// Account is a login of the demonstration, for who runs it.
type Account struct {
	Role     string `json:"role,omitempty"`
	Login    string `json:"login"`
	Password string `json:"password"`
	Name     string `json:"name,omitempty"`
}

// Token is a software key of the demonstration.
type Token struct {
	Serial string `json:"serial"`
	PIN    string `json:"pin"`
	Dir    string `json:"dir"`
	Label  string `json:"label"`
	Note   string `json:"note"`
}

// Seeded is what was made, or found made.
type Seeded struct {
	Project   string
	Staff     []Account
	Legacy    []Account
	Tokens    []Token
	Officers  []PersonKey // these two by People
	StaffKeys []PersonKey
	RA        DevRA  // a connected registration authority
	Bid       string // the sealed bid
	BidText   string // what is in it, to compare with
}

// Seed makes what is not there yet. A repeat, also after a crash half way, changes nothing that is there.
//
// Errors: *MissingToolError when openssl is needed and absent.
func Seed(ctx context.Context, c Config) (*Seeded, error) {
	if c.Dir == "" || c.DB == nil || c.RA == nil {
		return nil, errors.New("demo needs Dir, DB and RA")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &seeder{Config: c}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"project", s.project}, {"staff", s.staff}, {"API key", s.apiKey}, {"certificates of the past", s.past}, {"import", s.importBatch},
		{"software keys", s.keys}, {"sealed bid", s.bid},
	} {
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("demo: %s: %w", step.name, err)
		}
	}
	return &s.made, nil
}

type seeder struct {
	Config
	made Seeded
}

// secrets is where what must not be readable by others is kept.
func (s *seeder) secret(name string) string { return filepath.Join(s.Dir, "secrets", name) }

// remembered reads a file of secrets, or makes its content once and writes it.
func remembered[T any](path string, make func() (T, error)) (T, error) {
	var v T
	text, err := os.ReadFile(path)
	if err == nil {
		return v, json.Unmarshal(text, &v)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return v, err
	}
	if v, err = make(); err != nil {
		return v, err
	}
	text, err = json.MarshalIndent(v, "", "  ")
	if err != nil {
		return v, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return v, err
	}
	return v, replace(path, text, 0o600)
}

// replace writes a file whole or not at all.
func replace(path string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// folder makes a folder with all that belongs in it, or leaves the one that is there.
func folder(path string, fill func(dir string) error) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	unfinished := filepath.Join(filepath.Dir(path), ".new-"+filepath.Base(path)+"-*")
	left, err := filepath.Glob(unfinished) // by starts that were cut off
	if err != nil {
		return err
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), filepath.Base(unfinished))
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := fill(dir); err != nil {
		return err
	}
	return os.Rename(dir, path)
}

// staffRoles has one account for each.
var staffRoles = []account.Role{account.RoleFinance, account.RoleReviewer, account.RoleAdmin, account.RoleOperator, account.RoleApprover, account.RoleShipper,
	account.RoleWindow, account.RoleManager, account.RoleSupervisor, account.RoleSecurity, account.RoleAuditor}

func (s *seeder) staff(ctx context.Context) error {
	list, err := remembered(s.secret("staff.json"), func() ([]Account, error) {
		var list []Account
		for _, role := range staffRoles {
			password, err := account.NewPassword()
			if err != nil {
				return nil, err
			}
			list = append(list, Account{Role: string(role), Login: "demo-" + string(role), Password: string(password)})
		}
		return list, nil
	})
	if err != nil {
		return err
	}
	s.made.Staff = list
	for _, a := range list {
		if err := s.createStaff(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (s *seeder) createStaff(ctx context.Context, a Account) error {
	hash, err := account.HashPassword(account.Password(a.Password))
	if err != nil {
		return err
	}
	err = s.DB.Tx(ctx, func(tx *store.Tx) error {
		_, err := account.CreateStaff(tx, a.Login, account.Role(a.Role), hash)
		return err
	})
	if problem.Has(err, problem.CodeConflict) { // made at an earlier start
		return nil
	}
	return err
}
