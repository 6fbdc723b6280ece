package main

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// faults are the ways to misbehave that tests ask for, each at one function and from there on, or at its n-th call only:
//
//	kind:Function[:argument][@n],…
//	hang:C_Sign        never comes back         slow:C_Sign:200ms    comes back late
//	flip:C_Sign        turns one bit            drop:C_Sign          the session is gone
//	crash:C_Sign@3     ends the process         error:C_Sign:0x30    answers that value
//	other:C_Sign       the first two slots swap their tokens
//
// The function * is every one.
//
// SOFTKEY_FAULT sets them for the life of the process; the content of the file SOFTKEY_FAULT_FILE, if there is one, counts
// from the next call on.
type faults struct {
	mu    sync.Mutex
	fixed string
	file  string
	calls map[string]int // of each function since the faults last changed
	last  string
}

// fault is what to do to one call.
type fault struct{ kind, argument string }

func (f *faults) at(function string) (all []fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	spec := f.fixed
	if f.file != "" {
		b, _ := os.ReadFile(f.file)
		spec += "," + strings.TrimSpace(string(b))
	}
	if spec != f.last || f.calls == nil {
		f.last, f.calls = spec, map[string]int{}
	}
	f.calls[function]++
	f.calls["*"]++
	for part := range strings.SplitSeq(spec, ",") {
		part, nth, once := strings.Cut(strings.TrimSpace(part), "@")
		words := strings.SplitN(part, ":", 3)
		if len(words) < 2 || words[1] != function && words[1] != "*" || once && nth != strconv.Itoa(f.calls[words[1]]) {
			continue
		}
		words = append(words, "")
		all = append(all, fault{words[0], words[2]})
	}
	return all
}

// before applies the faults that come before the work. A value other than ok is the answer.
func (m *module) before(all []fault, session uint64) rv {
	for _, f := range all {
		switch f.kind {
		case "hang":
			for {
				time.Sleep(time.Hour)
			}
		case "slow":
			d, _ := time.ParseDuration(f.argument)
			time.Sleep(d)
		case "crash":
			os.Exit(139)
		case "error":
			n, _ := strconv.ParseUint(strings.TrimPrefix(f.argument, "0x"), 16, 32)
			return rv(n)
		case "drop":
			m.closeSession(session)
		case "other":
			m.swap()
		}
	}
	return ok
}

// flips tells whether an output shall be spoilt.
func flips(all []fault) bool {
	for _, f := range all {
		if f.kind == "flip" {
			return true
		}
	}
	return false
}
