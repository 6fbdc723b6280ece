package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script makes a pinentry that answers with these lines and returns what it has seen so far.
func script(t *testing.T, lines ...string) (Pinentry, func() string) {
	t.Helper()
	dir := t.TempDir()
	path, seen := filepath.Join(dir, "script"), filepath.Join(dir, "seen")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PINENTRY_SCRIPT", path)
	t.Setenv("PINENTRY_SEEN", seen)
	program, err := filepath.Abs("testdata/pinentry.sh")
	if err != nil {
		t.Fatal(err)
	}
	return Pinentry{Path: program}, func() string {
		b, _ := os.ReadFile(seen)
		return string(b)
	}
}

func TestPinentryAnswers(t *testing.T) {
	for line, want := range map[string]struct {
		typed string
		err   error
	}{
		"pin 135790":       {"135790", nil},
		"pin a%25b%0Ac%zz": {"a%b\nc%zz", nil},
		"pin 密码":           {"密码", nil},
		"ok":               {"", nil}, // OK without data: an empty field
		"cancel":           {"", ErrCancelled},
		"refuse":           {"", ErrCancelled},
		"timeout":          {"", context.DeadlineExceeded},
		"fault":            {"", ErrNoDialogue},
		"die":              {"", ErrNoDialogue},
	} {
		t.Run(line, func(t *testing.T) {
			p, _ := script(t, line)
			typed, err := p.Ask(t.Context(), Prompt{Title: "T", Text: "text", Label: "PIN", Accept: "OK", Refuse: "No"})
			if string(typed) != want.typed || !errors.Is(err, want.err) {
				t.Errorf("%q, %v", typed, err)
			}
		})
	}
}

func TestPinentryShowsEverything(t *testing.T) {
	p, seen := script(t, "ok", "ok", "ok")
	var text []string
	for i := range 30 {
		text = append(text, strings.Repeat("甲", 20)+string(rune('A'+i))+"%")
	}
	if err := p.Confirm(t.Context(), Prompt{Title: "标题", Text: strings.Join(text, "\n"), Warning: "最后一次\nlast", Accept: "同意", Refuse: "取消"}); err != nil {
		t.Fatal(err)
	}
	shown := seen()
	for _, line := range text {
		if !strings.Contains(shown, escape(line)) {
			t.Errorf("not shown: %s", line)
		}
	}
	if n := strings.Count(shown, "CONFIRM"); n != 3 || !strings.Contains(shown, "(3/3)") || !strings.Contains(shown, "SETERROR 最后一次%0Alast") {
		t.Errorf("%d pages:\n%s", n, shown)
	}
	for line := range strings.SplitSeq(shown, "\n") {
		if len(line) > assuanLine {
			t.Errorf("line of %d bytes", len(line))
		}
	}
}

func TestPinentryPageRefused(t *testing.T) {
	p, seen := script(t, "cancel", "pin 123")
	_, err := p.Ask(t.Context(), Prompt{Text: strings.Repeat(strings.Repeat("x", 90)+"\n", 20)})
	if !errors.Is(err, ErrCancelled) || strings.Contains(seen(), "GETPIN") {
		t.Errorf("%v\n%s", err, seen())
	}
}

func TestPinentryStops(t *testing.T) {
	p, _ := script(t, "hang")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := p.Ask(ctx, Prompt{Text: "x"})
	if !errors.Is(err, context.DeadlineExceeded) { // and it comes back at all, though the program hangs
		t.Error(err)
	}
	if err := (Pinentry{Path: "/nowhere/pinentry"}).Confirm(t.Context(), Prompt{}); !errors.Is(err, ErrNoDialogue) {
		t.Errorf("no program: %v", err)
	}
}

func TestPages(t *testing.T) {
	long := strings.Repeat("字", 1000)
	joined := ""
	for _, page := range pages("a\n\n"+long+"\nb", 100) {
		if len(escape(page)) > 100 || strings.ContainsRune(page, '�') {
			t.Errorf("page %q", page)
		}
		joined += page
	}
	if strings.ReplaceAll(joined, "\n", "") != "a"+long+"b" {
		t.Error("something was lost")
	}
}

func TestTTY(t *testing.T) {
	in, typist, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out strings.Builder
	tty := &TTY{In: in, Out: &out}
	q := Prompt{Title: "T", Text: "要做的事", Label: "PIN", Warning: "小心", Accept: "同意", Refuse: "取消"}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := tty.Ask(ctx, q); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("nobody typed: %v", err)
	}
	typist.WriteString("135790\n\ny\nn\n")
	if typed, err := tty.Ask(t.Context(), q); err != nil || string(typed) != "135790" {
		t.Errorf("%q, %v", typed, err)
	}
	if _, err := tty.Ask(t.Context(), q); !errors.Is(err, ErrCancelled) {
		t.Errorf("empty line: %v", err)
	}
	if err := tty.Confirm(t.Context(), q); err != nil {
		t.Errorf("y: %v", err)
	}
	if err := tty.Confirm(t.Context(), q); !errors.Is(err, ErrCancelled) {
		t.Errorf("n: %v", err)
	}
	typist.Close()
	if err := tty.Confirm(t.Context(), q); !errors.Is(err, ErrCancelled) {
		t.Errorf("end of input: %v", err)
	}
	if !strings.Contains(out.String(), "要做的事") || !strings.Contains(out.String(), "小心") || strings.Contains(out.String(), "135790") {
		t.Errorf("shown:\n%s", out.String())
	}
}

func TestClean(t *testing.T) {
	if got := clean("a\nPortal: https://bank\u202eexe\x1b[2J\x00"); strings.ContainsAny(got, "\n\u202e\x1b\x00") || !strings.HasPrefix(got, "a�Portal") {
		t.Errorf("%q", got)
	}
	if got := []rune(clean(strings.Repeat("字", 1000))); len(got) != maxFact+1 || got[maxFact] != '…' {
		t.Errorf("%d characters", len(got))
	}
}
