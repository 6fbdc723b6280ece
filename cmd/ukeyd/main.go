// Command ukeyd is the UKey agent of a person's computer: it connects the USB keys plugged in here with the
// portal the person paired it with. It answers pages of that portal and of its applications on 127.0.0.1, and nobody
// else; it does nothing that no ticket of the portal names and no person agreed to.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"signet/hsm/cryptoki"
	"signet/ukey"
	"signet/ukey/softkey"
)

func main() {
	cryptoki.RunWorkerIfAsked() // a makers' library runs in a process of its own, which is this program again
	ctx, stop := signalContext()
	defer stop()
	p := program{in: os.Stdin, out: os.Stdout, err: os.Stderr,
		softkey: func(path string) ukey.Driver { return softkey.Open(path) }}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// signalContext ends with the first signal to stop; a second one ends the process at once.
func signalContext() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
