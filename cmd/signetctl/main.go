// Command signetctl is the operator's tool beside the server: it makes a new installation, brings the database up to
// date, takes over legacy holders, makes staff accounts and looks into files and the audit chain.
//
// It works on the installation that -config or -data names, and refuses to guess one. Only init creates keys, databases
// and files. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"signet/cmd/signet/keystore"
)

const (
	exitDone    = 0
	exitRefused = 1
	exitUsage   = 2
)

func main() {
	keystore.RunWorkerIfAsked() // a vendor's library runs in a process of its own, which is this program again
	os.Exit(start())
}

func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr})
}

// terminal is where a command reads and writes: results on out, all else on err.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

// command is one sub-command.
type command struct {
	name  string // as typed, with the words of its group: "audit verify"
	args  string // what follows the options, for the usage
	brief string // one line, beginning with a verb
	// prepare declares the options and gives what to do once they are read.
	prepare func(*flag.FlagSet) action
}

// action does the work of a command with what is left of the command line.
type action func(ctx context.Context, t terminal, args []string) error

// commands lists them in the order of the usage.
func commands() []command {
	return append([]command{
		initCommand, migrateCommand, projectSetCommand, projectListCommand, importLegacyCommand, apiKeyAddCommand, apiKeyListCommand, apiKeyEndCommand,
		tsaCommand, logInitCommand, logProveCommand, logCheckCommand, logAuditCommand,
		revokeCommand, certSearchCommand, crlImportCommand, backupCommand, restoreCommand, responderCommand, reconcileCommand, auditVerifyCommand, auditExportCommand, inspectCommand, encryptCommand, pkcs12Command, verifyCommand, profileShowCommand, profileCheckCommand, releaseCommand,
	}, slices.Concat(userCommands, keysCommands, appCommands, acmeCommands, caCommands, ceremonyCommands, kmcCommands, ticketKeyCommands)...)
}

// usageError is a command line that cannot be understood.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func badUsage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// errReported ends a command with exit code 1 after it has said itself what was refused.
var errReported = errors.New("refused")

// run does one command line and gives the exit code.
func run(ctx context.Context, line []string, t terminal) int {
	if len(line) == 0 || line[0] == "help" || line[0] == "-h" || line[0] == "-help" || line[0] == "--help" {
		return overview(line, t)
	}
	c, rest := find(line)
	if c == nil {
		fmt.Fprintf(t.err, "signetctl: there is no command %q; signetctl help lists them\n", strings.Join(line[:min(2, len(line))], " "))
		return exitUsage
	}
	err := c.do(ctx, rest, t)
	switch usage := (*usageError)(nil); {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.As(err, &usage):
		fmt.Fprintf(t.err, "signetctl %s: %s\nsignetctl %s -h shows how it is used\n", c.name, usage.text, c.name)
		return exitUsage
	case !errors.Is(err, errReported):
		fmt.Fprintf(t.err, "signetctl %s: %s\n", c.name, oneLine(err))
	}
	return exitRefused
}

// find takes the longest command name that the line begins with.
func find(line []string) (*command, []string) {
	for words := min(3, len(line)); words > 0; words-- {
		name := strings.Join(line[:words], " ")
		for _, c := range commands() {
			if c.name == name {
				return &c, line[words:]
			}
		}
	}
	return nil, nil
}

// do reads the options, wherever they stand, and runs the action.
func (c *command) do(ctx context.Context, line []string, t terminal) error {
	f := flag.NewFlagSet(c.name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	act := c.prepare(f)
	var args []string
	for {
		if err := f.Parse(line); errors.Is(err, flag.ErrHelp) {
			c.usage(f, t.out)
			return err
		} else if err != nil {
			return badUsage("%v", err)
		}
		if f.NArg() == 0 {
			return act(ctx, t, args)
		}
		args, line = append(args, f.Arg(0)), f.Args()[1:]
	}
}

func (c *command) usage(f *flag.FlagSet, to io.Writer) {
	fmt.Fprintf(to, "usage: signetctl %s [options]%s\n\n%s.\n\n", c.name, prefixed(" ", c.args), c.brief)
	f.SetOutput(to)
	f.PrintDefaults()
}

func overview(line []string, t terminal) int {
	to, code := t.out, exitDone
	if len(line) == 0 {
		to, code = t.err, exitUsage
	}
	fmt.Fprint(to, "usage: signetctl COMMAND [options] [arguments]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(to, "  %-15s %s\n", c.name, c.brief)
	}
	fmt.Fprint(to, "\nsignetctl COMMAND -h shows the options of one. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.\n")
	return code
}

// oneLine words an error on the line it belongs to; those of YAML have several.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// oneFile wants exactly one argument.
func oneFile(args []string) (string, error) {
	if len(args) != 1 {
		return "", badUsage("want one file, got %d arguments", len(args))
	}
	return args[0], nil
}

func noArguments(args []string) error {
	if len(args) != 0 {
		return badUsage("want no arguments, got %q", args)
	}
	return nil
}
