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
	"strings"
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

// The stages of work that uses the officer's PIN; Entry.Version says which.
const (
	StageSOTrying   Stage = "so_trying"   // about to be used; nothing of the officer has changed
	StageSOOpened   Stage = "so_opened"   // it was right, and the holder's PIN is set
	StageSORotating Stage = "so_rotating" // about to be changed to the next version
	StageSORotated  Stage = "so_rotated"  // changed to the next version
	StageSOUnclear  Stage = "so_unclear"  // a try was wrong: for an officer to look at
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
	Version   int       `json:"version,omitempty"` // of the officer's PIN in force before the work
	Known     bool      `json:"known,omitempty"`   // with so_rotating: that version was right before
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

// lastSO finds what was last done here to the officer's PIN of a token that was at that version.
//
// Nil/zero: an Entry without a stage when nothing was.
func (s *State) lastSO(serial string, version int) (Entry, error) {
	var last Entry
	err := s.readJournal(func(e Entry) {
		if e.Serial == serial && e.Version == version && strings.HasPrefix(string(e.Stage), "so_") {
			last = e
		}
	})
	return last, err
}

// readJournal hands over every entry that can be read, oldest first.
func (s *State) readJournal(each func(Entry)) error {
	s.mu.Lock()
	b, err := os.ReadFile(filepath.Join(s.dir, journalLog))
	s.mu.Unlock()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading journal: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		var e Entry
		if len(lines.Bytes()) > 0 && json.Unmarshal(lines.Bytes(), &e) == nil {
			each(e)
		}
	}
	return nil
}

// Unfinished lists the last entry of each enrolment that has not come to its end here.
func (s *State) Unfinished() ([]Entry, error) {
	last, order := map[string]Entry{}, []string(nil)
	err := s.readJournal(func(e Entry) {
		if _, known := last[e.Enrolment]; !known {
			order = append(order, e.Enrolment)
		}
		last[e.Enrolment] = e
	})
	if err != nil {
		return nil, err
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
