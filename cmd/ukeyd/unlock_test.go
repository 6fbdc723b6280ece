//go:build cgo

package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"signet/ukey"
	"signet/ukey/agent/agenttest"
	"signet/ukey/ticket"
	"signet/ukey/ukeytest"
)

// TestUnlockThroughModule unlocks a key that only its maker's library can reach; the library dies in the middle of the change of the
// officer's PIN, and the same work goes on.
func TestUnlockThroughModule(t *testing.T) {
	module := ukeytest.Module(t)
	for _, fault := range []string{"", "crash:C_InitPIN", "crash:C_SetPIN"} {
		t.Run("fault "+fault, func(t *testing.T) {
			b := newBench(t)
			b.pair()
			custody := &agenttest.Custody{First: ukey.PIN("SO-secret-42")}
			b.portal.Custody[testSerial] = custody
			const fresh = "Fresh-PIN-9"
			typed := strings.Repeat(fresh+"\n", 2)
			if fault != "" {
				j := b.portal.Dispatch(ticket.OpUnlock, testSerial, ticket.OfficerParams{Work: "wrk_1"})
				p := b.startModule(module, fault, typed)
				if o := b.portal.Wait(j, 20*time.Second); o.Problem == nil && fault == "crash:C_InitPIN" {
					t.Fatalf("the library died and nobody noticed: %s", o.Result)
				}
				b.stop(p)
			}
			j := b.portal.Dispatch(ticket.OpUnlock, testSerial, ticket.OfficerParams{Work: "wrk_1"})
			p := b.startModule(module, "", typed)
			o := b.portal.Wait(j, 20*time.Second)
			b.stop(p)
			var got ticket.OfficerResult
			if o.Problem != nil || json.Unmarshal(o.Result, &got) != nil || got.Version != 1 || !got.PINSet {
				t.Fatalf("%v %s\n%s", o.Problem, o.Result, p.out)
			}
			s, err := b.token.Login(t.Context(), ukey.PIN(fresh))
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			officer, err := b.token.OpenSO(t.Context(), custody.PIN(testSerial, 1))
			if err != nil {
				t.Fatal(err)
			}
			officer.Close()
			if out := p.out.String(); strings.Contains(out, fresh) || strings.Contains(out, "So1-of-") || strings.Contains(out, "SO-secret-42") {
				t.Error("a PIN in the log")
			}
		})
	}
}
