package apitest

import (
	"testing"
	"time"
)

// TestResponderRenewsItself: long before a responder ends, the next one answers, with another key; it lasts, and is found again.
func TestResponderRenewsItself(t *testing.T) {
	s := Start(t)
	first := s.Status.ResponderOf("sm2")
	must(t, s.RenewResponders(t.Context()))
	if s.Status.ResponderOf("sm2") != first {
		t.Fatal("a responder was renewed long before its end")
	}
	s.Clock.Advance(first.NotAfter.Sub(s.Clock.Now()) - 20*24*time.Hour)
	must(t, s.RenewResponders(t.Context()))
	second := s.Status.ResponderOf("sm2")
	if second.SerialHex == first.SerialHex || !second.NotAfter.After(first.NotAfter) || string(second.SPKI) == string(first.SPKI) {
		t.Fatalf("the responder is still %s, until %s", second.SerialHex, second.NotAfter)
	}
	must(t, s.RenewResponders(t.Context()))
	if s.Status.ResponderOf("sm2").SerialHex != second.SerialHex {
		t.Fatal("renewed twice")
	}
	s.Clock.Advance(second.NotAfter.Sub(s.Clock.Now()) - 20*24*time.Hour)
	must(t, s.RenewResponders(t.Context()))
	if third := s.Status.ResponderOf("sm2"); !third.NotAfter.After(second.NotAfter) {
		t.Fatalf("not renewed again: until %s", third.NotAfter)
	}
}
