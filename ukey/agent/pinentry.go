package agent

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// Pinentry asks through a pinentry program, one process per question, in the Assuan protocol.
//
// Nil/zero: Path "" is refused.
// Source: the Pinentry manual, §4 (protocol); the Assuan manual, §2 (lines, escapes).
type Pinentry struct {
	Path string
}

var _ Dialogue = Pinentry{}

// FindPinentry looks for a pinentry program that can open a window here; "" if there is none.
func FindPinentry() string {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return ""
	}
	for _, name := range []string{"pinentry-gnome3", "pinentry-qt", "pinentry-gtk-2", "pinentry-x11", "pinentry"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

const (
	assuanLine = 1000 // bytes, the protocol's bound on a line without its end
	descBytes  = 900  // of them for the text of one page, before escapes
)

// libgpg-error codes, the low 16 bits of an ERR line's number.
const (
	gpgTimeout       = 62
	gpgCanceled      = 99
	gpgNotConfirmed  = 114
	gpgFullyCanceled = 198
)

// Ask shows the text and returns what was typed into its hidden field.
func (p Pinentry) Ask(ctx context.Context, q Prompt) ([]byte, error) {
	return p.run(ctx, q, "GETPIN")
}

// Confirm shows the text with two buttons.
func (p Pinentry) Confirm(ctx context.Context, q Prompt) error {
	typed, err := p.run(ctx, q, "CONFIRM")
	clear(typed)
	return err
}

func (p Pinentry) run(outer context.Context, q Prompt, command string) ([]byte, error) {
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Path)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: starting %s: %v", ErrNoDialogue, p.Path, err)
	}
	a := &assuan{in: in, out: bufio.NewReaderSize(out, 2*assuanLine)}
	typed, err := a.converse(q, command)
	in.Close()
	cancel() // whatever it still does, the answer is in
	cmd.Wait()
	if err != nil && outer.Err() != nil { // killed because time was up, or because the agent stops
		return nil, outer.Err()
	}
	return typed, err
}

// assuan is one conversation.
type assuan struct {
	in  io.Writer
	out *bufio.Reader
}

func (a *assuan) converse(q Prompt, command string) ([]byte, error) {
	if _, err := a.reply(); err != nil { // the greeting
		return nil, err
	}
	a.send("OPTION lc-ctype=C.UTF-8") // pinentries without it ignore it
	if tty := os.Getenv("GPG_TTY"); tty != "" {
		a.send("OPTION ttyname=" + escape(tty))
		a.send("OPTION ttytype=" + escape(os.Getenv("TERM")))
	}
	pages := pages(q.Text, descBytes)
	for i, page := range pages {
		last := i == len(pages)-1
		if err := a.page(q, page, i, len(pages)); err != nil {
			return nil, err
		}
		if !last {
			if _, err := a.send("CONFIRM"); err != nil { // nothing of a long text goes unseen
				return nil, err
			}
			continue
		}
		if q.Warning != "" {
			a.send("SETERROR " + escape(q.Warning))
		}
	}
	return a.send(command)
}

func (a *assuan) page(q Prompt, text string, i, of int) error {
	head := q.Title
	if of > 1 {
		head += fmt.Sprintf(" (%d/%d)", i+1, of)
	}
	a.send("SETTITLE " + escape(head))
	if q.Label != "" {
		a.send("SETPROMPT " + escape(q.Label))
	}
	a.send("SETOK " + escape(q.Accept))
	a.send("SETCANCEL " + escape(q.Refuse))
	_, err := a.send("SETDESC " + escape(text)) // consent without the text is none, so only this one must succeed
	return err
}

// send sends one command and returns the data of its answer.
func (a *assuan) send(line string) ([]byte, error) {
	if len(line) > assuanLine {
		return nil, fmt.Errorf("%w: line too long for pinentry", ErrNoDialogue)
	}
	if _, err := io.WriteString(a.in, line+"\n"); err != nil {
		return nil, fmt.Errorf("%w: pinentry went away", ErrNoDialogue)
	}
	return a.reply()
}

// reply reads to the OK or ERR line.
func (a *assuan) reply() ([]byte, error) {
	var data []byte
	for {
		line, err := a.out.ReadSlice('\n')
		if err != nil {
			clear(data)
			return nil, fmt.Errorf("%w: pinentry went away", ErrNoDialogue)
		}
		body := bytes.TrimRight(line, "\r\n")
		switch {
		case bytes.HasPrefix(body, []byte("D ")):
			data = unescape(data, body[2:])
			clear(line)
		case bytes.Equal(body, []byte("OK")) || bytes.HasPrefix(body, []byte("OK ")):
			return data, nil
		case bytes.HasPrefix(body, []byte("ERR ")):
			clear(data)
			return nil, assuanError(string(body[4:]))
		}
	}
}

func assuanError(s string) error {
	number, text, _ := strings.Cut(s, " ")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return fmt.Errorf("%w: pinentry answered nonsense", ErrNoDialogue)
	}
	switch n & 0xffff {
	case gpgCanceled, gpgNotConfirmed, gpgFullyCanceled:
		return ErrCancelled
	case gpgTimeout:
		return context.DeadlineExceeded
	}
	return fmt.Errorf("%w: pinentry: %s", ErrNoDialogue, clean(text))
}

// escape makes a text one Assuan argument.
func escape(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// unescape appends the bytes of an Assuan data line. It grows dst by copying and wipes what it leaves behind.
func unescape(dst, line []byte) []byte {
	grown := make([]byte, len(dst), len(dst)+len(line))
	copy(grown, dst)
	clear(dst)
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == '%' && i+2 < len(line) {
			if n, err := strconv.ParseUint(string(line[i+1:i+3]), 16, 8); err == nil {
				c = byte(n)
				i += 2
			}
		}
		grown = append(grown, c)
	}
	return grown
}

// pages splits a text between lines so that each page has at most limit bytes once escaped.
func pages(text string, limit int) []string {
	var out []string
	page := ""
	for line := range strings.SplitSeq(text, "\n") {
		for len(escape(line)) > limit { // one fact is bounded far below; a last guard all the same
			cut := limit / 3 // an escape has three bytes
			for cut > 0 && line[cut]&0xc0 == 0x80 {
				cut--
			}
			if page != "" {
				out, page = append(out, page), ""
			}
			out, line = append(out, line[:cut]), line[cut:]
		}
		switch {
		case page == "":
			page = line
		case len(escape(page+"\n"+line)) > limit:
			out, page = append(out, page), line
		default:
			page += "\n" + line
		}
	}
	return append(out, page)
}
