// Command signet is the server: portal, API, certification authority, registration authority and status service in one
// program. It reads a configuration, wires the parts and runs them; it decides nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"signet/hsm/cryptoki"
)

const usage = `usage: signet dev [flags]                    everything in one process on made-up data
       signet serve -config FILE             the server
       signet kmc -config FILE               a key management centre of its own
       signet check-config -config FILE      reads the file and opens what it names, then stops
       signet version
Run "signet COMMAND -h" for the flags.
`

// Exit codes.
const (
	exitFine  = 0
	exitFault = 1
	exitUsage = 2
)

// gcPercent has the garbage collector run when the heap is five times what lives in it, some tens of megabytes here. At Go's default of 100 a
// fifth of the time of issuing goes into it. The environment's GOGC goes first.
const gcPercent = 400

func main() {
	cryptoki.RunWorkerIfAsked() // a vendor's library runs in a process of its own, which is this program again
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	p := program{out: os.Stdout, err: os.Stderr}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is signet with what it writes to.
type program struct {
	out, err io.Writer
}

// errUsage says that the command line was wrong; what was wrong is printed already.
var errUsage = errors.New("usage")

func (p program) run(ctx context.Context, args []string) int {
	commands := map[string]func(context.Context, []string) error{
		"dev": p.dev, "serve": p.serve, "kmc": p.kmc, "check-config": p.checkConfig, "version": p.version,
	}
	if len(args) == 0 || commands[args[0]] == nil {
		fmt.Fprint(p.err, usage)
		if len(args) > 0 && (args[0] == "-h" || args[0] == "help" || args[0] == "-help" || args[0] == "--help") {
			return exitFine
		}
		return exitUsage
	}
	switch err := commands[args[0]](ctx, args[1:]); {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitFine
	case errors.Is(err, errUsage):
		return exitUsage
	default:
		fmt.Fprintln(p.err, "signet:", err)
		return exitFault
	}
}

// parse reads flags and refuses anything after them.
func (p program) parse(f *flag.FlagSet, args []string) error {
	f.SetOutput(p.err)
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if f.NArg() > 0 {
		fmt.Fprintf(p.err, "signet %s: unexpected %q\n", f.Name(), f.Arg(0))
		return errUsage
	}
	return nil
}

func (p program) version(_ context.Context, args []string) error {
	if err := p.parse(flag.NewFlagSet("version", flag.ContinueOnError), args); err != nil {
		return err
	}
	fmt.Fprintln(p.out, "signet", version())
	return nil
}

// readFlagged reads the configuration that -config names.
func (p program) readFlagged(name string, args []string) (*config, error) {
	return p.readFlaggedFor(name, args, (*config).check)
}

func (p program) readFlaggedFor(name string, args []string, check func(*config) error) (*config, error) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	file := f.String("config", "", "the configuration `FILE`; cmd/signet/config.go explains every key")
	if err := p.parse(f, args); err != nil {
		return nil, err
	}
	if *file == "" {
		fmt.Fprintf(p.err, "signet %s: -config is needed\n", name)
		return nil, errUsage
	}
	return readConfigFor(*file, check)
}
