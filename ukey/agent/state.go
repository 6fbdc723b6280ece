package agent

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"signet/ca/pki"
	"signet/ukey/ticket"
)

// ErrRunning says that another agent of this person uses the state folder.
var ErrRunning = errors.New("agent: another one is running")

// State is the agent's folder: one pairing per portal with its identity key, the tickets used, the journal of
// enrolments. It holds no PIN and no key of a token.
//
// Concurrency: safe; one process at a time (Lock).
type State struct {
	dir string
	now func() time.Time

	mu      sync.Mutex // guards what follows and the files
	tickets map[string]int64
	log     *os.File // tickets.log, open for appending
	release func()
}

const (
	pairingDir  = "pairings"
	ticketsLog  = "tickets.log"
	journalLog  = "journal.log"
	journalKeep = 1 << 20 // bytes; a longer journal is shortened when opened
)

// OpenState opens the folder, making it if it is not there, with access for its owner only.
func OpenState(dir string, now func() time.Time) (*State, error) {
	if now == nil {
		now = time.Now
	}
	if err := os.MkdirAll(filepath.Join(dir, pairingDir), 0o700); err != nil {
		return nil, fmt.Errorf("opening state: %w", err)
	}
	for _, d := range []string{dir, filepath.Join(dir, pairingDir)} {
		if err := os.Chmod(d, 0o700); err != nil {
			return nil, fmt.Errorf("opening state: %w", err)
		}
	}
	return &State{dir: dir, now: now}, nil
}

// Lock makes this process the one agent and reads the tickets used before.
//
// Errors: ErrRunning.
func (s *State) Lock() error {
	release, taken, err := tryLock(filepath.Join(s.dir, "lock"))
	if err != nil {
		return fmt.Errorf("locking state: %w", err)
	}
	if !taken {
		return ErrRunning
	}
	if err := s.shortenJournal(); err != nil {
		release()
		return fmt.Errorf("locking state: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release = release
	if err := s.loadTickets(); err != nil {
		release()
		return fmt.Errorf("locking state: %w", err)
	}
	return nil
}

// Unlock lets another agent run.
func (s *State) Unlock() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.release != nil {
		s.log.Close()
		s.release()
		s.release = nil
	}
}

// usedTicket is a line of tickets.log.
type usedTicket struct {
	ID      string `json:"jti"`
	Expires int64  `json:"exp"`
}

// loadTickets reads the log, drops what has expired and opens it for appending. The caller holds mu.
func (s *State) loadTickets() error {
	path := filepath.Join(s.dir, ticketsLog)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.tickets = map[string]int64{}
	var kept bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(old))
	for lines.Scan() {
		var u usedTicket
		if json.Unmarshal(lines.Bytes(), &u) == nil && u.Expires > s.now().Unix() { // a torn last line was never answered
			s.tickets[u.ID] = u.Expires
			kept.Write(append(lines.Bytes(), '\n'))
		}
	}
	if err := replaceFile(path, kept.Bytes()); err != nil {
		return err
	}
	s.log, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600)
	return err
}

// useTicket records a ticket durably before it does anything, so that a restart does not make it good again.
func (s *State) useTicket(id string, expires time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log == nil {
		return false, errors.New("agent: state is not locked")
	}
	if _, used := s.tickets[id]; used {
		return true, nil
	}
	for old, end := range s.tickets {
		if end <= s.now().Unix() {
			delete(s.tickets, old)
		}
	}
	line, err := json.Marshal(usedTicket{id, expires.Unix()})
	if err != nil {
		return false, err
	}
	if _, err := s.log.Write(append(line, '\n')); err != nil {
		return false, err
	}
	if err := s.log.Sync(); err != nil {
		return false, err
	}
	s.tickets[id] = expires.Unix()
	return false, nil
}

// probe tells whether the folder can be written: a job that cannot be recorded is not begun.
func (s *State) probe() error {
	path := filepath.Join(s.dir, "probe")
	defer os.Remove(path)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4<<10))
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// Pairing binds this agent to an account at a portal.
type Pairing struct {
	Portal       string             `json:"portal"` // origin
	AgentID      string             `json:"agentId"`
	Account      string             `json:"account"`
	Organisation string             `json:"organisation"`
	PairedAt     time.Time          `json:"pairedAt"`
	Key          []byte             `json:"key"` // PKCS#8; one key per portal, so that no portal can use signatures made for another
	TicketKeys   []ticket.TicketKey `json:"ticketKeys"`
}

func pairingFile(origin string) string { return perPortal(origin, ".json") }

func originsFile(origin string) string { return perPortal(origin, ".origins") }

func perPortal(origin, ending string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(pairingDir, hex.EncodeToString(sum[:8])+ending)
}

// SavePairing keeps a pairing in place of an earlier one with that portal.
func (s *State) SavePairing(p Pairing) error {
	b, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := replaceFile(filepath.Join(s.dir, pairingFile(p.Portal)), b); err != nil {
		return fmt.Errorf("saving pairing: %w", err)
	}
	return nil
}

// Pairings lists the pairings; those it cannot read come back as an error beside the others.
func (s *State) Pairings() ([]Pairing, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, pairingDir))
	if err != nil {
		return nil, fmt.Errorf("reading pairings: %w", err)
	}
	var all []Pairing
	var bad error
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(s.dir, pairingDir, e.Name()))
		var p Pairing
		if err == nil {
			err = json.Unmarshal(b, &p)
		}
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("reading pairing %s: %w", e.Name(), err))
			continue
		}
		all = append(all, p)
	}
	return all, bad
}

// saveOrigins keeps a portal's signed list of applications.
func (s *State) saveOrigins(portal, jws string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := replaceFile(filepath.Join(s.dir, originsFile(portal)), []byte(jws)); err != nil {
		return fmt.Errorf("saving origins: %w", err)
	}
	return nil
}

// origins gives the list back, "" if there is none.
func (s *State) origins(portal string) (string, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, originsFile(portal)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}

// signer is the pairing's identity key.
func (p Pairing) signer() (*ecdsa.PrivateKey, error) {
	key, err := pki.ParsePrivateKey(p.Key)
	if err != nil {
		return nil, fmt.Errorf("reading identity key: %w", err)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("agent: identity key is not ECDSA")
	}
	return ec, nil
}

// verifier is the gate that the portal's tickets go through.
func (p Pairing) verifier(s *State) (*ticket.Verifier, error) {
	v := &ticket.Verifier{Agent: p.AgentID, Issuer: p.Portal, Now: s.now, Used: s.useTicket}
	if err := v.Trust(p.TicketKeys); err != nil {
		return nil, fmt.Errorf("reading ticket keys: %w", err)
	}
	return v, nil
}

// replaceFile writes a file so that after a power cut the old or the new content is there, whole.
func replaceFile(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
