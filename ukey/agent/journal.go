package agent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Stage is how far an enrolment has come on this machine.
type Stage string

// The stages, in order. Each is written before the step after it begins.
const (
	StageBegun    Stage = "begun"
	StageKey      Stage = "key_generated"
	StageIssued   Stage = "issued"
	StageWritten  Stage = "written"
	StageVerified Stage = "verified"
	StageProved   Stage = "proved"
	StageDone     Stage = "done"
)

// Entry is a line of the journal. The portal is the truth; the journal tells the person and the doctor what
// was going on here when the power went.
type Entry struct {
	At        time.Time `json:"at"`
	Portal    string    `json:"portal"`
	Job       string    `json:"job"`
	Enrolment string    `json:"enrolment"`
	Serial    string    `json:"serial"`
	SignKeyID string    `json:"signKeyId"`
	EncKeyID  string    `json:"encKeyId"`
	Stage     Stage     `json:"stage"`
}

// note appends an entry durably.
func (s *State) note(e Entry) error {
	e.At = s.now().UTC().Truncate(time.Second)
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := os.OpenFile(filepath.Join(s.dir, journalLog), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("writing journal: %w", err)
	}
	// The line break comes first too, so that an entry behind a torn one can still be read.
	_, err = f.Write(append(append([]byte{'\n'}, line...), '\n'))
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("writing journal: %w", err)
	}
	return nil
}

// Unfinished lists the last entry of each enrolment that has not come to its end here.
func (s *State) Unfinished() ([]Entry, error) {
	s.mu.Lock()
	b, err := os.ReadFile(filepath.Join(s.dir, journalLog))
	s.mu.Unlock()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading journal: %w", err)
	}
	last, order := map[string]Entry{}, []string(nil)
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		var e Entry
		if len(lines.Bytes()) == 0 || json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		if _, known := last[e.Enrolment]; !known {
			order = append(order, e.Enrolment)
		}
		last[e.Enrolment] = e
	}
	var open []Entry
	for _, id := range order {
		if last[id].Stage != StageDone {
			open = append(open, last[id])
		}
	}
	return open, nil
}

// shortenJournal keeps only what is unfinished once the journal is long. Under the state's lock.
func (s *State) shortenJournal() error {
	path := filepath.Join(s.dir, journalLog)
	if info, err := os.Stat(path); err != nil || info.Size() <= journalKeep {
		return nil
	}
	open, err := s.Unfinished()
	if err != nil {
		return err
	}
	var kept bytes.Buffer
	for _, e := range open {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		kept.Write(append(line, '\n'))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return replaceFile(path, kept.Bytes())
}
