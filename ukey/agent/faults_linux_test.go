package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/ukey/ticket"
)

// TestFullDisk: no space for the journal, at the start and at every point on the way. Nothing is begun that is not written down; the old keys
// work on, the sentence says what is wrong, and with space again the same job ends with one pair.
func TestFullDisk(t *testing.T) {
	whole := points(t)
	for at := 0; at <= whole; at += 7 {
		r := newRig(t)
		old := r.seed()
		journal := filepath.Join(r.home, "state", journalLog)
		fill := func() error {
			if err := os.Rename(journal, journal+".kept"); err != nil && !os.IsNotExist(err) {
				return err
			}
			return os.Symlink("/dev/full", journal) // every write to it fails with ENOSPC
		}
		free := func() {
			t.Helper()
			if err := os.Remove(journal); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(journal+".kept", journal); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		e := r.portal.NewEnrolment(old.signHash, old.enc, old.rsa)
		j := r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params)
		c := &cutter{at: at, cut: fill}
		if at == 0 {
			if err := fill(); err != nil {
				t.Fatal(err)
			}
		}
		o := r.runCut(j, c)
		if at == 0 {
			if keys, err := r.token.Keys(t.Context()); err != nil || len(keys) != 3 {
				t.Errorf("%d keys on a key that nothing was to be done to (%v)", len(keys), err)
			}
		}
		if o.Problem != nil && !strings.Contains(o.Problem.Detail, "disk") {
			t.Errorf("cut at %d: %v", at, o.Problem)
		}
		if o.Problem == nil && at == 0 {
			t.Error("done without a journal")
		}
		if !r.opens(old.enc) || !r.opens(old.rsa) {
			t.Errorf("cut at %d: an old key is gone", at)
		}
		free()
		if o.Problem != nil {
			r.restart()
			r.result(j, &ticket.EnrolResult{})
		}
		r.enrolled(e, old)
	}
}

func TestDoctorSeesAFullDisk(t *testing.T) {
	r := newRig(t)
	if err := os.Symlink("/dev/full", filepath.Join(r.home, "state", "probe")); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.agent.Examine(t.Context(), nil) {
		if !f.Fine && strings.Contains(f.Text, "磁盘可能已满") {
			return
		}
	}
	t.Error("the doctor says nothing")
}
