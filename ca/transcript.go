package ca

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"signet/ca/gm"
)

// Transcript is the record of a key ceremony in a file of JSON lines. Each line holds the SHA-256 of the one before, so that nothing in it can be
// changed, left out or put in without changing the last, which the officers sign. An entry is on the disk before Append returns: what a
// transcript does not say was started has touched nothing.
//
// Concurrency: for one goroutine of one process.
type Transcript struct {
	f       *os.File
	entries []TranscriptEntry
	head    [32]byte
	size    int64
}

// TranscriptEntry is one line.
//
// Shape: Seq from 1; Prev hex, of the first line all zeros; Act one of the Act constants; Step from 1, 0 = of the whole ceremony.
// Units: At is UTC, to the millisecond.
type TranscriptEntry struct {
	Seq     int               `json:"seq"`
	Prev    string            `json:"prev"`
	At      time.Time         `json:"at"`
	Act     string            `json:"act"`
	Step    int               `json:"step,omitempty"`
	What    string            `json:"what,omitempty"`
	Facts   map[string]string `json:"facts,omitempty"`
	Outputs []Fingerprint     `json:"outputs,omitempty"`
}

// What a line says happened.
const (
	ActBegin = "begin" // the approved plan is going to be carried out
	ActStart = "start" // a step is going to be carried out: written before anything is touched
	ActDone  = "done"  // a step has been carried out
	ActEnd   = "end"   // all steps have
)

// Fingerprint names an output by its hashes.
//
// Shape: hex, lower case.
type Fingerprint struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	SM3    string `json:"sm3"`
}

// FingerprintOf hashes an output both ways.
func FingerprintOf(name string, content []byte) Fingerprint {
	sum, sm3 := sha256.Sum256(content), gm.SumSM3(content)
	return Fingerprint{name, hex.EncodeToString(sum[:]), hex.EncodeToString(sm3[:])}
}

// ErrTranscript means a transcript is not what was written.
var ErrTranscript = errors.New("ca: the transcript was changed")

// OpenTranscript opens a transcript to go on with it, or makes an empty one. A last line that a crash cut off is taken away: what it was going to say
// had not begun, or is done again without effect.
//
// Errors: ErrTranscript; those of the file system.
func OpenTranscript(path string) (*Transcript, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	t := &Transcript{f: f}
	if err := t.load(filepath.Dir(path)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

func (t *Transcript) load(dir string) error {
	text, err := io.ReadAll(t.f)
	if err != nil {
		return err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	if t.entries, t.head, err = ReadTranscript(whole); err != nil {
		return err
	}
	t.size = int64(len(whole))
	if len(whole) < len(text) {
		if err := t.f.Truncate(t.size); err != nil {
			return err
		}
	}
	return errors.Join(t.f.Sync(), syncFolder(dir))
}

// syncFolder makes a new file's name durable. Windows cannot, and need not.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// ReadTranscript checks the chain of a whole transcript and gives its entries and the hash of its last line.
//
// Errors: ErrTranscript, which names the line.
func ReadTranscript(text []byte) ([]TranscriptEntry, [32]byte, error) {
	var entries []TranscriptEntry
	var head [32]byte
	for line := range bytes.Lines(text) {
		n := len(entries) + 1
		var e TranscriptEntry
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil || line[len(line)-1] != '\n' {
			return nil, head, fmt.Errorf("%w: line %d cannot be read", ErrTranscript, n)
		}
		again, err := e.line()
		if err != nil || !bytes.Equal(again, line) || e.Seq != n || e.Prev != hex.EncodeToString(head[:]) {
			return nil, head, fmt.Errorf("%w: line %d does not follow the one before", ErrTranscript, n)
		}
		entries, head = append(entries, e), sha256.Sum256(line)
	}
	return entries, head, nil
}

func (e *TranscriptEntry) line() ([]byte, error) {
	text, err := json.Marshal(e)
	return append(text, '\n'), err
}

// Entries are those written so far.
func (t *Transcript) Entries() []TranscriptEntry { return t.entries }

// Append writes one line and gives it; Seq and Prev are filled in. It is durable on return.
//
// Errors: also when somebody else wrote to the file; after one that may have been written, the transcript has to be opened again.
func (t *Transcript) Append(e TranscriptEntry) (TranscriptEntry, error) {
	if info, err := t.f.Stat(); err != nil || info.Size() != t.size {
		return e, errors.Join(errors.New("ca: somebody else writes this transcript"), err)
	}
	e.Seq, e.Prev, e.At = len(t.entries)+1, hex.EncodeToString(t.head[:]), e.At.UTC().Truncate(time.Millisecond)
	line, err := e.line()
	if err != nil {
		return e, err
	}
	if _, err := t.f.WriteAt(line, t.size); err != nil {
		return e, fmt.Errorf("ca: writing the transcript: %w", err)
	}
	if err := t.f.Sync(); err != nil {
		return e, fmt.Errorf("ca: writing the transcript: %w", err)
	}
	t.entries, t.head, t.size = append(t.entries, e), sha256.Sum256(line), t.size+int64(len(line))
	return e, nil
}

// Close closes the file.
func (t *Transcript) Close() error { return t.f.Close() }
