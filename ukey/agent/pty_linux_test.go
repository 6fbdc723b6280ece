package agent

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// terminal is a pseudo terminal: what a person sees and types on.
type terminal struct {
	screen *os.File
	line   *os.File // the end programs open

	mu    sync.Mutex // guards shown
	shown strings.Builder
}

func newTerminal(t *testing.T) (*terminal, string) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo terminals here:", err)
	}
	var number, unlock uint32
	for request, arg := range map[uintptr]*uint32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, screen.Fd(), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
			t.Fatal(errno)
		}
	}
	size := [4]uint16{40, 160}
	syscall.Syscall(syscall.SYS_IOCTL, screen.Fd(), syscall.TIOCSWINSZ, uintptr(unsafe.Pointer(&size)))
	name := fmt.Sprintf("/dev/pts/%d", number)
	line, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{screen: screen, line: line}
	go term.watch()
	t.Cleanup(func() { line.Close(); screen.Close() })
	return term, name
}

func (t *terminal) watch() {
	b := make([]byte, 4096)
	for {
		n, err := t.screen.Read(b)
		t.mu.Lock()
		t.shown.Write(b[:n])
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.shown.String()
}

// types writes once the screen shows something.
func (t *terminal) types(after, keys string) {
	for range 500 {
		if strings.Contains(t.text(), after) {
			time.Sleep(50 * time.Millisecond) // until the program reads
			t.screen.WriteString(keys)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestTTYDoesNotEcho(t *testing.T) {
	term, _ := newTerminal(t)
	tty := &TTY{In: term.line, Out: term.line}
	go term.types("PIN", "Secret-PIN-5\r")
	typed, err := tty.Ask(t.Context(), Prompt{Title: "T", Text: "要做的事", Label: "PIN", Refuse: "取消"})
	if err != nil || string(typed) != "Secret-PIN-5" {
		t.Fatalf("%q, %v", typed, err)
	}
	if text := term.text(); strings.Contains(text, "Secret") || !strings.Contains(text, "要做的事") {
		t.Errorf("on the screen: %q", text)
	}
}

// TestRealPinentry speaks with a pinentry that is not ours.
func TestRealPinentry(t *testing.T) {
	path, err := exec.LookPath("pinentry-curses")
	if err != nil {
		t.Skip("pinentry-curses is not installed")
	}
	for name, c := range map[string]struct {
		keys  string
		typed string
		err   error
	}{
		"PIN":    {"Secret%PIN-5\r", "Secret%PIN-5", nil},
		"cancel": {"\t\t\r", "", ErrCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			term, ttyName := newTerminal(t)
			t.Setenv("GPG_TTY", ttyName)
			t.Setenv("TERM", "xterm")
			go term.types("Portal", c.keys)
			typed, err := (Pinentry{Path: path}).Ask(t.Context(), Prompt{Title: "Signet", Text: "Portal: https://portal.example\nUKey: SK-0001",
				Label: "PIN", Warning: "Wrong PIN, 5 tries left.", Accept: "OK", Refuse: "Cancel"})
			if string(typed) != c.typed || !errors.Is(err, c.err) {
				t.Errorf("%q, %v\n%q", typed, err, term.text())
			}
			for _, want := range []string{"https://portal.example", "SK-0001", "5 tries left", "Cancel"} {
				if !strings.Contains(term.text(), want) {
					t.Errorf("%q is not on the screen: %q", want, term.text())
				}
			}
			if strings.Contains(term.text(), "Secret") {
				t.Error("the PIN is on the screen")
			}
		})
	}
}
