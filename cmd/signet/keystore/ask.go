package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Asker asks a person, or a program in front of standard input, for one line. The caller wipes it.
type Asker func(question string) ([]byte, error)

// ErrNoAnswer: nobody answered.
var ErrNoAnswer = errors.New("keystore: no answer")

func (o Options) ask(question string) ([]byte, error) {
	if o.Ask == nil {
		return nil, fmt.Errorf("%w: there is nobody to ask for the %s", ErrNoAnswer, question)
	}
	return o.Ask(question)
}

// Terminal asks on a terminal, without showing what is typed. If in is none its lines are the answers, one for each question.
func Terminal(in *os.File, out io.Writer) Asker {
	return func(question string) ([]byte, error) {
		if !term.IsTerminal(int(in.Fd())) {
			return readLine(in)
		}
		fmt.Fprintf(out, "%s: ", question)
		line, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(out)
		if err == nil && len(line) == 0 {
			err = ErrNoAnswer
		}
		return line, err
	}
}

const maxAnswer = 4096

// readLine reads byte by byte, so that what follows the line is left to the next question and its reader.
func readLine(in io.Reader) ([]byte, error) {
	line := make([]byte, 0, maxAnswer) // never grown: no copy of a secret is left behind
	for one := make([]byte, 1); len(line) < maxAnswer; {
		n, err := in.Read(one)
		if n == 1 && one[0] != '\n' {
			line = append(line, one[0])
			continue
		}
		if n == 1 || errors.Is(err, io.EOF) && len(line) > 0 {
			return bytes.TrimRight(line, "\r"), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
	}
	return nil, fmt.Errorf("%w: a line longer than %d bytes", ErrNoAnswer, maxAnswer)
}
