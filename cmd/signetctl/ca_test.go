package main

import (
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

func init() { scriptCommands["configure"] = configure }

// configure FILE SNIPPET adds an authority to a configuration, as its operator does with an editor.
func configure(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: configure FILE SNIPPET")
	}
	text := ts.ReadFile(args[0])
	with := strings.Replace(text, "\nrenewBy:", "\n"+strings.TrimRight(ts.ReadFile(args[1]), "\n")+"\nrenewBy:", 1)
	if with == text {
		ts.Fatalf("%s has no renewBy to put authorities before", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(with), 0o600))
}
