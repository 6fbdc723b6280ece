package agent

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// TTY asks on a terminal. What is typed is not shown. If In is no terminal its lines are the answers.
//
// Concurrency: one question at a time; it waits for its turn.
type TTY struct {
	In  *os.File
	Out io.Writer

	mu      sync.Mutex // guards what follows
	lines   *bufio.Reader
	pending chan answer // a read that outlived its question
}

type answer struct {
	line []byte
	err  error
}

var _ Dialogue = (*TTY)(nil)

// Ask prints the text and returns the line typed.
func (t *TTY) Ask(ctx context.Context, p Prompt) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.show(p)
	fmt.Fprintf(t.Out, "%s (空行 = %s): ", p.Label, p.Refuse)
	line, err := t.read(ctx)
	fmt.Fprintln(t.Out)
	if err != nil {
		return nil, err
	}
	if len(line) == 0 {
		return nil, ErrCancelled
	}
	return line, nil
}

// Confirm prints the text and takes a line starting with y or 是 for yes.
func (t *TTY) Confirm(ctx context.Context, p Prompt) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.show(p)
	fmt.Fprintf(t.Out, "%s? [y/N]: ", p.Accept)
	line, err := t.read(ctx)
	fmt.Fprintln(t.Out)
	if err != nil {
		return err
	}
	if len(line) > 0 && (line[0] == 'y' || line[0] == 'Y') || bytes.HasPrefix(line, []byte("是")) {
		return nil
	}
	return ErrCancelled
}

func (t *TTY) show(p Prompt) {
	fmt.Fprintf(t.Out, "\n== %s ==\n%s\n", p.Title, p.Text)
	if p.Warning != "" {
		fmt.Fprintf(t.Out, "!! %s\n", p.Warning)
	}
}

// read waits for a line or for the context. A read cannot be taken back, so one that is still open serves the
// next question.
func (t *TTY) read(ctx context.Context) ([]byte, error) {
	if t.pending == nil {
		t.pending = make(chan answer, 1)
		go t.readLine(t.pending)
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-t.pending:
		t.pending = nil
		if a.err == io.EOF {
			a.err = ErrCancelled
		}
		return a.line, a.err
	}
}

func (t *TTY) readLine(to chan<- answer) {
	if fd := int(t.In.Fd()); term.IsTerminal(fd) {
		line, err := term.ReadPassword(fd)
		to <- answer{line, err}
		return
	}
	if t.lines == nil {
		t.lines = bufio.NewReader(t.In)
	}
	line, err := t.lines.ReadBytes('\n')
	if len(line) > 0 {
		err = nil
	}
	to <- answer{bytes.TrimRight(line, "\r\n"), err}
}
