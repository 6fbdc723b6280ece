package agent

import (
	"context"
	"errors"
	"strings"
	"unicode"
)

// Prompt is one question to the person in front of the machine.
//
// Shape: Text has one fact per line; every part was cleaned by clean, so that no portal can forge a line.
type Prompt struct {
	Title   string
	Text    string
	Label   string // beside the field, for Ask
	Warning string // stands out: a wrong PIN, a last try
	Accept  string // the button that goes on
	Refuse  string // the button that does not
}

// Dialogue asks the person. PIN and consent come through it and through nothing else.
//
// Errors: ErrCancelled when the person says no, ErrNoDialogue when nobody can be asked, the context's error
// when time is up.
type Dialogue interface {
	// Ask returns what was typed. The caller wipes it.
	Ask(ctx context.Context, p Prompt) ([]byte, error)
	// Confirm returns nil if the person agreed.
	Confirm(ctx context.Context, p Prompt) error
}

// Why a dialogue gave no answer.
var (
	ErrCancelled  = errors.New("agent: cancelled by the person")
	ErrNoDialogue = errors.New("agent: no way to ask the person; install pinentry or start with -tty")
)

// NoDialogue refuses every question. It stands in where there is neither pinentry nor terminal.
type NoDialogue struct{}

var _ Dialogue = NoDialogue{}

// Ask refuses.
func (NoDialogue) Ask(context.Context, Prompt) ([]byte, error) { return nil, ErrNoDialogue }

// Confirm refuses.
func (NoDialogue) Confirm(context.Context, Prompt) error { return ErrNoDialogue }

// maxFact bounds one value in a dialogue, in characters.
const maxFact = 160

// clean makes a text from outside fit for one line of a dialogue: line breaks, control characters and
// direction marks become visible, and what is too long is cut where one can see it.
func clean(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == maxFact {
			b.WriteRune('…')
			break
		}
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			r = '�'
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// Clean is how a text from outside is shown on a terminal.
func Clean(s string) string { return clean(s) }

// texts makes dialogue texts, Chinese first and English behind it.
type texts struct{ lines []string }

func (t *texts) fact(zh, en, value string) {
	if value != "" {
		t.lines = append(t.lines, zh+" "+en+": "+clean(value))
	}
}

func (t *texts) say(zh, en string) { t.lines = append(t.lines, zh, en) }

func (t *texts) String() string { return strings.Join(t.lines, "\n") }

const title = "Signet UKey 助手 · UKey agent"
