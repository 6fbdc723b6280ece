package apitest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/api/jobs"
	"signet/api/store"
	"signet/api/watch"
	"signet/cmd/signet/wiring"
)

// withLog keeps a transparency log.
func withLog(t *testing.T) Option {
	return func(c *wiring.Config) {
		label, err := wiring.EnsureLogKey(t.Context(), c.Keys)
		must(t, err)
		_, private, err := ed25519.GenerateKey(rand.Reader)
		must(t, err)
		c.Transparency = &wiring.Transparency{Name: "ca.test/log", Key: label, Ed25519: private}
	}
}

// awaitJobs waits until these entries of the calendar were done once, so that none of them runs beside the test.
func (s *System) awaitJobs(t *testing.T, names ...string) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		all, err := jobs.Calendar(t.Context(), s.DB, s.DB.Now())
		must(t, err)
		done := 0
		for _, j := range all {
			if slices.Contains(names, j.Name) && !j.LastOK.IsZero() {
				done++
			}
		}
		if done == len(names) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not all of %v were done: %+v", names, all)
		}
	}
}

// TestAuditCheckpointPage: the auditor has the chain's head signed; what is exported carries it; a chain that was written anew as a whole, by
// somebody who has the audit key too, is found by it and raises an alarm, and is not signed for.
func TestAuditCheckpointPage(t *testing.T) {
	s := Start(t, withLog(t))
	s.awaitJobs(t, "watch.alarms", "watch.checkpoint", "store.audit", "tlog.append")
	auditor := s.Staff(t, "auditor")
	var list struct {
		Kept  bool
		Items []struct {
			ID, Seq     int64
			Logged      bool
			Note, Proof string
		}
	}
	Call(t, auditor, http.MethodPost, "/admin/audit/checkpoints", nil, &list)
	if !list.Kept || len(list.Items) == 0 || !list.Items[0].Logged || !strings.HasPrefix(list.Items[0].Note, "audit of ca.test/log\n") || list.Items[0].Proof == "" {
		t.Fatalf("got %+v", list)
	}
	seq := list.Items[0].Seq
	var v struct {
		Holds       bool
		Checkpoints int
		BrokenAt    int64
		Reason      string
	}
	Call(t, auditor, http.MethodGet, "/admin/audit/verification", nil, &v)
	if !v.Holds || v.Checkpoints == 0 {
		t.Fatalf("got %+v", v)
	}
	_, chain := exchange(t, auditor, http.MethodGet, "/admin/audit/export?format=jsonl", nil)
	if proof, err := s.DB.VerifyAuditFile(bytes.NewReader(chain), s.Log.Verifiers()...); err != nil || proof.Checkpoints == 0 {
		t.Errorf("the exported chain: %+v, %v", proof, err)
	}
	// Among the certificates of the log a note is an entry like another, and the store of certificates knows nothing of it.
	entries, err := s.DB.TLog().Entries(t.Context(), 0, 1000)
	must(t, err)
	notes := 0
	for _, e := range entries {
		if e.CertificateID < 0 && bytes.HasPrefix(e.DER, []byte("audit of ")) {
			notes++
		}
	}
	if notes == 0 {
		t.Errorf("no note among %d entries", len(entries))
	}
	if report, err := s.Log.Audit(t.Context()); err != nil {
		t.Errorf("the log with notes in it: %+v, %v", report, err)
	}
	stored, _, err := s.DB.CA().Page(t.Context(), 0, 1000)
	must(t, err)
	for _, c := range stored {
		if found := s.Authority.CheckStored(&c.Certificate); len(found) > 0 || c.Audited != "" {
			t.Errorf("a stored certificate beside notes: %v %s", found, c.Audited)
		}
	}

	must(t, s.DB.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.DB().Exec("UPDATE store_audit_checkpoints SET hash = ? WHERE seq = ?", make([]byte, 32), seq).Error
	}))
	Call(t, auditor, http.MethodGet, "/admin/audit/verification", nil, &v)
	if v.Holds || v.BrokenAt != seq || v.Reason != "checkpoint" {
		t.Errorf("a checkpoint changed: %+v", v)
	}
	Refused(t, auditor, http.MethodPost, "/admin/audit/checkpoints", nil, http.StatusConflict, "audit_broken")
	must(t, s.Watch.VerifyAudit(t.Context()))
	var alarms struct {
		Open []struct{ Rule, Detail string }
	}
	Call(t, auditor, http.MethodGet, "/admin/alarms", nil, &alarms)
	found := false
	for _, a := range alarms.Open {
		found = found || a.Rule == "audit_broken"
	}
	if !found {
		t.Errorf("no alarm: %+v", alarms)
	}
}

// alarmList is what the page of alarms gets.
type alarmList struct {
	Open, Over []struct {
		ID, Rule, Object, AcknowledgedBy, Note string
		Test                                   bool
		Told                                   int
	}
	MayAct bool
}

func (l alarmList) has(over bool, rule, object string) string {
	list := l.Open
	if over {
		list = l.Over
	}
	for _, a := range list {
		if a.Rule == rule && a.Object == object {
			return a.ID
		}
	}
	return ""
}

// TestAlarmsAndJobs: each person has one test alarm, which reaches who get alarms; an alarm is acknowledged once, stays while its cause does and ends
// with it; failed work stands on top and is tried again; nobody's number is shown.
func TestAlarmsAndJobs(t *testing.T) {
	s := Start(t)
	s.awaitJobs(t, "watch.alarms", "store.audit")
	change := func(statement string, values ...any) {
		t.Helper()
		must(t, s.DB.Tx(t.Context(), func(tx *store.Tx) error { return tx.DB().Exec(statement, values...).Error }))
	}
	admin, security, auditor := s.Staff(t, "admin"), s.Staff(t, "security"), s.Staff(t, "auditor")
	login := map[string]string{}
	for _, a := range s.Made.Staff {
		login[a.Role] = a.Login
	}
	change("UPDATE acct_accounts SET phone = '13966660001' WHERE login = ?", login["admin"])

	var list alarmList
	Call(t, admin, http.MethodPost, "/admin/alarms/test", nil, &list)
	mine := list.has(false, "test", login["admin"])
	if mine == "" || !list.MayAct {
		t.Fatalf("got %+v", list)
	}
	Refused(t, admin, http.MethodPost, "/admin/alarms/test", nil, http.StatusConflict, "conflict")
	Call(t, security, http.MethodPost, "/admin/alarms/test", nil, &list)
	Call(t, auditor, http.MethodGet, "/admin/alarms", nil, &list)
	if list.has(false, "test", login["admin"]) != mine || list.has(false, "test", login["security"]) == "" || list.MayAct {
		t.Errorf("got %+v", list)
	}
	acknowledge := func(id string) string { return "/admin/alarms/" + id + "/acknowledgement" }
	note := map[string]any{"note": "已联系机房"}
	Refused(t, admin, http.MethodPost, acknowledge(mine), map[string]any{"note": "  "}, http.StatusBadRequest, "invalid_field")
	Refused(t, admin, http.MethodPost, acknowledge("alm_nothing"), note, http.StatusNotFound, "not_found")
	Call(t, admin, http.MethodPost, acknowledge(mine), note, &list)
	if list.has(true, "test", login["admin"]) != mine {
		t.Errorf("a test alarm that was acknowledged: %+v", list)
	}
	Refused(t, admin, http.MethodPost, acknowledge(mine), note, http.StatusConflict, "conflict")
	change("UPDATE watch_alarms SET opened_at = 1 WHERE rule = 'test' AND closed_at = 0")
	must(t, s.Watch.Evaluate(t.Context()))
	Call(t, admin, http.MethodGet, "/admin/alarms", nil, &list)
	if list.has(true, "test", login["security"]) == "" || list.has(false, "test", login["security"]) != "" {
		t.Errorf("an old test alarm: %+v", list)
	}

	type sentNotice struct{ ID, To, Template, Text, State string }
	var sent struct{ Items []sentNotice }
	Call(t, auditor, http.MethodGet, "/admin/notices?search=0001&size=100", nil, &sent)
	tests := slices.DeleteFunc(slices.Clone(sent.Items), func(n sentNotice) bool {
		return n.Template != watch.AlarmRaised || n.To != "139****0001" || !strings.Contains(n.Text, "测试告警")
	})
	if len(tests) != 2 {
		t.Fatalf("what an administrator was sent: %+v", sent)
	}
	if _, text := s.read(t, auditor, "/admin/notices?size=100"); strings.Contains(text, "13966660001") {
		t.Error("a whole number is shown")
	}
	Refused(t, admin, http.MethodPost, "/admin/notices/nothing/retry", nil, http.StatusNotFound, "not_found")
	Refused(t, admin, http.MethodPost, "/admin/notices/"+tests[0].ID+"/retry", nil, http.StatusConflict, "conflict") // it did not fail

	// Acknowledged, it stays: who keeps it open is the rule. No job looks at this one, since no log is kept here.
	must(t, s.Watch.Report(t.Context(), watch.LogBroken, watch.Cause{Detail: "#3"}))
	Call(t, admin, http.MethodGet, "/admin/alarms", nil, &list)
	broken := list.has(false, watch.LogBroken, "")
	Call(t, admin, http.MethodPost, acknowledge(broken), note, &list)
	if broken == "" || list.has(false, watch.LogBroken, "") != broken {
		t.Errorf("got %+v", list)
	}
	must(t, s.Watch.Report(t.Context(), watch.LogBroken))
	Call(t, admin, http.MethodGet, "/admin/alarms", nil, &list)
	if list.has(true, watch.LogBroken, "") != broken || list.has(false, watch.LogBroken, "") != "" {
		t.Errorf("got %+v", list)
	}

	// Work that nobody here does, so that nothing touches it but this test.
	change(`INSERT INTO store_outbox (id, topic, object, payload, state, due_at, attempts, owner, lease, error, created_at, ended_at)
		VALUES ('msg_failed', 'test.topic', 'thing_1', '', 'dead', 0, 12, '', '', 'gateway: 13966660001 of a@b.example is away', 0, 1)`)
	change(`INSERT INTO jobs_calendar (name, owner, lease, until_at, next_at, ok_at, failures, error) VALUES ('test.work', '', '', 0, 9000000000000, 0, 3, 'deadline exceeded')`)
	must(t, s.Watch.Evaluate(t.Context()))
	Call(t, admin, http.MethodGet, "/admin/alarms", nil, &list)
	if list.has(false, "job_failing", "test.work")+list.has(true, "job_failing", "test.work") == "" { // a run of the job that began before may have closed it
		t.Errorf("got %+v", list)
	}
	type job struct {
		ID, Kind, State, Code, Error string
		Tries                        int
	}
	var work struct {
		Items    []job
		MayRetry bool
	}
	at := func(id string) job {
		t.Helper()
		Call(t, auditor, http.MethodGet, "/admin/jobs", nil, &work)
		for _, j := range work.Items {
			if j.ID == id {
				return j
			}
		}
		return job{}
	}
	if failed := at("msg_failed"); failed.State != "dead" || failed.Code != "gateway" || strings.ContainsAny(failed.Error, "0123456789") || strings.Contains(failed.Error, "b.example") || work.MayRetry {
		t.Errorf("got %+v", work)
	}
	if work.Items[0].State != "dead" || at("test.work").State != "failing" || at("test.work").Code != "timeout" {
		t.Errorf("got %+v", work)
	}
	for _, id := range []string{"msg_failed", "test.work"} {
		Call(t, admin, http.MethodPost, "/admin/jobs/"+id+"/retry", nil, &work)
	}
	if !work.MayRetry || at("msg_failed").State != "failing" || at("msg_failed").Tries != 0 {
		t.Errorf("got %+v", work)
	}
	all, err := jobs.Calendar(t.Context(), s.DB, s.DB.Now())
	must(t, err)
	for _, j := range all {
		if j.Name == "test.work" && j.Next.UnixMilli() > 0 {
			t.Errorf("got %+v", j)
		}
	}
	Refused(t, admin, http.MethodPost, "/admin/jobs/msg_failed/retry", nil, http.StatusNotFound, "not_found")
	Refused(t, admin, http.MethodPost, "/admin/jobs/test.nothing/retry", nil, http.StatusNotFound, "not_found")
	change("UPDATE jobs_calendar SET failures = 0, error = '' WHERE name = 'test.work'")
	must(t, s.Watch.Evaluate(t.Context()))
	Call(t, admin, http.MethodGet, "/admin/alarms", nil, &list)
	if list.has(true, "job_failing", "test.work") == "" {
		t.Errorf("got %+v", list)
	}
	var entries struct{ Items []struct{ Seq int64 } }
	for _, action := range []string{"alarm.test", "alarm.acknowledge", "job.hasten", "retry_message"} {
		Call(t, auditor, http.MethodGet, "/admin/audit?act="+action, nil, &entries)
		if len(entries.Items) == 0 {
			t.Errorf("%s is not in the audit", action)
		}
	}
}
