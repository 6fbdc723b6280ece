package kmc

import (
	"bytes"
	"errors"
	"testing"
)

// TestMoves: the whole table; every pair that is not in it is refused.
func TestMoves(t *testing.T) {
	want := map[CaseState]map[CaseAct]CaseState{
		CaseOpen:     {ActApprove: CaseApproved, ActReject: CaseRejected, ActWithdraw: CaseWithdrawn, ActExpire: CaseExpired},
		CaseApproved: {ActRecover: CaseRecovered, ActWithdraw: CaseWithdrawn, ActExpire: CaseExpired},
	}
	for _, s := range []CaseState{CaseOpen, CaseApproved, CaseRecovered, CaseRejected, CaseWithdrawn, CaseExpired, ""} {
		for _, a := range []CaseAct{ActOpen, ActApprove, ActReject, ActWithdraw, ActRecover, ActExpire, ""} {
			to, err := s.Move(a)
			if to != want[s][a] || (err == nil) != (want[s][a] != "") || err != nil && !errors.Is(err, ErrCaseState) {
				t.Errorf("%s of %s gives %q, %v", a, s, to, err)
			}
		}
	}
}

func TestOutcome(t *testing.T) {
	for _, x := range []struct {
		m, n, yes, no int
		want          CaseAct
	}{
		{2, 2, 0, 0, ""}, {2, 2, 1, 0, ""}, {2, 2, 2, 0, ActApprove}, {2, 2, 0, 1, ActReject}, {2, 2, 1, 1, ActReject},
		{3, 5, 2, 2, ""}, {3, 5, 3, 2, ActApprove}, {3, 5, 2, 3, ActReject}, {3, 5, 0, 3, ActReject},
	} {
		var list []Decision
		for range x.yes {
			list = append(list, Decision{Act: ActApprove})
		}
		for range x.no {
			list = append(list, Decision{Act: ActReject})
		}
		if got := (Case{Required: x.m, Eligible: x.n}).Outcome(list); got != x.want {
			t.Errorf("%+v gives %q", x, got)
		}
	}
}

// TestStatementsDiffer: texts that flow into one another never make the same statement.
func TestStatementsDiffer(t *testing.T) {
	a := Case{Kind: UserRecovery, Holder: "org1", Reason: "x\nscope 1:y"}
	b := Case{Kind: UserRecovery, Holder: "org1", Reason: "x", Scope: "y"}
	if bytes.Equal(a.Statement(ActApprove, "o"), b.Statement(ActApprove, "o")) {
		t.Error("two cases have the same statement")
	}
	if bytes.Equal(a.Statement(ActApprove, "o"), a.Statement(ActReject, "o")) || bytes.Equal(a.Statement(ActApprove, "o"), a.Statement(ActApprove, "p")) {
		t.Error("act or officer is not in the statement")
	}
}
