package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// person is who sits in front of the desktop: a real ukeyd whose dialogue is a pinentry program that answers from
// files, and notes down what it was asked to show.
type person struct {
	dir  string
	path string // of ukeyd
	cmd  *exec.Cmd
	done chan struct{}
}

// pinentry speaks the Assuan protocol: the field named PIN gets the PIN (a wrong one first, where a file says so), the
// other field the pairing code, every question a yes.
const pinentry = `#!/bin/sh
dir='%s'
field=
echo "OK ready"
while IFS= read -r request; do
	printf '%%s\n' "$request" >>"$dir/shown"
	case $request in
	SETPROMPT*) field=${request#SETPROMPT }; echo OK ;;
	GETPIN*)
		case $field in
		*PIN*)
			if [ -e "$dir/wrong-first" ]; then rm "$dir/wrong-first"; printf 'D 000999\nOK\n'
			else printf 'D %%s\nOK\n' "$(cat "$dir/pin")"; fi ;;
		*) printf 'D %%s\nOK\n' "$(cat "$dir/code")" ;;
		esac ;;
	BYE*) echo "OK bye"; exit 0 ;;
	*) echo OK ;;
	esac
done
`

func newPerson(ukeyd string) (*person, error) {
	path, err := filepath.Abs(ukeyd)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "signet-walk-*")
	if err != nil {
		return nil, err
	}
	p := &person{dir: dir, path: path}
	return p, os.WriteFile(filepath.Join(dir, "pinentry"), fmt.Appendf(nil, pinentry, dir), 0o700)
}

// knows puts what the person will type where the pinentry finds it.
func (p *person) knows(what, text string) error {
	return os.WriteFile(filepath.Join(p.dir, what), []byte(text), 0o600)
}

// start plugs the keys in and starts ukeyd.
func (p *person) start(portal, keys string) error {
	log, err := os.Create(filepath.Join(p.dir, "ukeyd.log"))
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	p.cmd = exec.Command(p.path, "-portal", portal, "-softkey", keys, "-state", filepath.Join(p.dir, "state"),
		"-pinentry", filepath.Join(p.dir, "pinentry"), "-name", "演示电脑")
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("starting ukeyd: %w", err)
	}
	p.done = make(chan struct{})
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return nil
}

// stop ends ukeyd and forgets the person.
func (p *person) stop() {
	if p.done != nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	}
	_ = os.RemoveAll(p.dir)
}

// stopped reports whether ukeyd ended by itself.
func (p *person) stopped() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// saw reports whether the dialogues showed all of these texts.
func (p *person) saw(texts ...string) error {
	shown, err := os.ReadFile(filepath.Join(p.dir, "shown"))
	if err != nil {
		return fmt.Errorf("no dialogue was shown: %w", err)
	}
	for _, t := range texts {
		if !strings.Contains(string(shown), t) {
			return fmt.Errorf("no dialogue showed %q", t)
		}
	}
	return nil
}

// answeredWrong reports whether the wrong PIN was typed.
func (p *person) answeredWrong() bool {
	_, err := os.Stat(filepath.Join(p.dir, "wrong-first"))
	return errors.Is(err, fs.ErrNotExist)
}

// log is what ukeyd said last, for who looks for a mistake.
func (p *person) log() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "ukeyd.log"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// poll repeats f until it is satisfied.
func poll(ctx context.Context, every time.Duration, f func() (bool, error)) error {
	for {
		ok, err := f()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}
