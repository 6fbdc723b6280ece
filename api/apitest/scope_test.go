package apitest

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"signet/api/demo"
	"signet/api/store"
)

// staffObjects are the operations of staff on one thing, with what it is. One that takes only things of no project and no region stands in
// wholeOnly.
var staffObjects = map[string]string{
	"GetReview": "application", "ClaimApplication": "application", "ReleaseApplication": "application", "PrepareDecision": "application", "DecideApplication": "application",
	"ListReviewMaterials": "application", "GetReviewMaterial": "application",
	"DecideUnlock": "unlock", "PrepareUnlockDecision": "unlock",
	"GetStaffRecovery": "recovery", "DecideRecovery": "recovery", "PrepareRecoveryDecision": "recovery",
	"LiftSeal":    "seal",
	"GetShipment": "shipment", "PackShipment": "shipment", "ShipShipment": "shipment", "DeliverShipment": "shipment", "ReturnShipment": "shipment",
	"GetAnyOrder": "order", "GetAnySlip": "order", "AskRefund": "order", "ConfirmOrder": "order",
	"DecideRefund": "refund", "FinishRefund": "refund",
	"GetAnyInvoiceFile": "invoice", "UploadInvoice": "invoice",
	"GetFlashBatch": "batch", "PrintFlashLetter": "flashkey", "GiveUpFlashKey": "flashkey",
	"MoveToken": "token", "ReleaseToken": "token",
	"GetOrganisation": "organisation", "VerifyOrganisation": "organisation",
	"ListPrices": "project",
}

// wholeOnly are the operations of staff on one thing that take a role without bounds.
var wholeOnly = strings.Fields("AcknowledgeAlarm RetryBackgroundJob ResendNotice GetInventoryCertificate ChangeCertificateStatus DecideStatusBatch AnswerTicket GetTicketLicence GetStatement CommitStatement " +
	"GetContent CheckContent SaveContentDraft MoveContentDraft ListContentVersions GetContentVersion") // content of a project: its own is tried in api/content

// bodies are what the operations take whose sample would be refused before anybody asks whose the thing is.
var bodies = map[string]string{
	"DecideApplication": `{"decision":"approve"}`, "PrepareDecision": `{"decision":"approve"}`, "ShipShipment": `{"carrier":"ems","tracking":"EA12345678"}`,
	"VerifyOrganisation": `{"accept":true,"how":"window","note":"看过执照原件"}`, "UploadInvoice": "%PDF-1.4\n%%EOF",
}

// bind makes a member of staff hold every role whose work lies in projects and regions, all of them bounded.
func (s *System) bind(t *testing.T, login, project, region string) {
	t.Helper()
	must(t, s.DB.Tx(t.Context(), func(tx *store.Tx) error {
		var id string
		if err := tx.DB().Raw("SELECT id FROM acct_accounts WHERE login = ?", login).Scan(&id).Error; err != nil {
			return err
		}
		if err := tx.DB().Exec("DELETE FROM acct_grants WHERE account_id = ?", id).Error; err != nil {
			return err
		}
		for _, role := range strings.Fields("reviewer approver operator finance shipper window manager supervisor") {
			err := tx.DB().Exec(`INSERT INTO acct_grants (id, account_id, role, project_slug, region, state, reason, requested_by, requested_at, decided_by, decided_at, reviewed_by, reviewed_at, expires_at, ended_by, ended_at)
				VALUES (?, ?, ?, ?, ?, 'active', '', 'test', 0, 'test', 0, '', 0, ?, '', 0)`, "grt_"+role, id, role, project, region, store.Millis(tx.Now().AddDate(0, 1, 0))).Error
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// TestBoundedStaff tries every operation under /admin as a person bounded to another project, then to another region, then to the right one:
// what is elsewhere stands in no list and is as good as not there; what is theirs is found.
func TestBoundedStaff(t *testing.T) {
	s := Start(t)
	owner, _ := s.Holder(t, Qingzhou)
	s.Agent(t, owner, &Person{})
	ids := objectsOf(t, s, owner)
	var at struct{ Project, Code, Name, Number string }
	must(t, s.DB.Tx(t.Context(), func(tx *store.Tx) error {
		err := tx.DB().Raw(`SELECT a.project_slug AS project, o.uscc AS code, o.name, a.number FROM ra_applications a JOIN acct_organisations o ON o.id = a.organisation_id WHERE a.id = ?`,
			ids["application"]).Scan(&at).Error
		if err != nil {
			return err
		}
		for _, statement := range []string{
			"UPDATE ra_applications SET state = 'pending', submitted_at = 1",
			`INSERT INTO ra_flash_batches (id, number, state, title, project_slug, ca, not_after_at, so_first, size, operator_key, start_text, start_signature, report_text, report_signature, created_by, created_at, changed_at)
				SELECT 'fbt_owned', 'ZK-OWNED', 'open', 't', project_slug, '', 0, to_spki, 1, '', '', to_spki, '', to_spki, '', 0, 0 FROM ra_recoveries x JOIN ra_certificates c ON c.id = x.certificate_id`,
			`INSERT INTO ra_flash_jobs (id, batch_id, place, state, organisation_id, name, agent_id, ticket_id, lease_until, sign_key_id, enc_key_id, spki_hash, certificate_id, reply, expected, problem, outcome, signature, letter_at, created_at, changed_at)
				SELECT 'flj_owned', 'fbt_owned', 1, 'waiting', '', '', '', '', 0, '', '', '', '', to_spki, to_spki, '', to_spki, to_spki, 0, 0, 0 FROM ra_recoveries`,
			"UPDATE ra_certificates SET token_serial = 'SK-OWNED' WHERE id IN (SELECT certificate_id FROM ra_recoveries)",
		} {
			if err := tx.DB().Exec(statement).Error; err != nil {
				return err
			}
		}
		return nil
	}))
	ids["batch"], ids["flashkey"], ids["token"], ids["project"] = "fbt_owned", "flj_owned", "SK-OWNED", at.Project
	Call(t, s.Staff(t, "operator"), http.MethodPost, "/admin/tokens", map[string]any{"tokens": []any{map[string]any{"serial": "SK-OWNED", "state": "active", "organisationId": ids["organisation"]}}}, nil)
	login := ""
	for _, a := range s.Made.Staff {
		if a.Role == "supervisor" || login == "" && a.Role == "reviewer" {
			login = a.Login
		}
	}
	person := s.Anybody()
	for _, a := range s.Made.Staff {
		if a.Login == login {
			_, err := person.Login(t.Context(), a.Login, a.Password)
			must(t, err)
		}
	}

	s.bind(t, login, "elsewhere", "")
	s.checkElsewhere(t, person, ids, at.Name)
	if len(at.Code) == 18 {
		other := map[bool]string{true: "45", false: "33"}[at.Code[2:4] == "33"]
		s.bind(t, login, "", other)
		s.checkElsewhere(t, person, ids, at.Name)
	}
	s.bind(t, login, at.Project, "")
	if _, text := s.read(t, person, "/admin/applications?size=100"); !strings.Contains(text, ids["application"]) {
		t.Errorf("the queue of the person's own project: %s", text)
	}
	for _, op := range operations(t) {
		kind := staffObjects[op.id]
		if kind == "" || slices.Contains([]string{"GetAnySlip", "GetAnyInvoiceFile", "GetReviewMaterial"}, op.id) { // there are none
			continue
		}
		if status, p := s.staffCall(t, op, person, ids[kind]); status == http.StatusNotFound || status == http.StatusForbidden && p.Code == "forbidden" || status == http.StatusBadRequest && bodies[op.id] != "" {
			t.Errorf("%s within the person's own project: %d %+v", op.id, status, p)
		}
	}
}

// checkElsewhere makes sure that a person sees nothing of these objects.
func (s *System) checkElsewhere(t *testing.T, person *demo.Client, ids map[string]string, name string) {
	t.Helper()
	for _, op := range operations(t) {
		if !strings.HasPrefix(op.path, "/admin/") {
			continue
		}
		kind, known := staffObjects[op.id]
		switch {
		case strings.Contains(op.path, "{"):
			whole := slices.Contains(wholeOnly, op.id)
			if !known && !whole {
				t.Errorf("whose thing does %s take? Add it to staffObjects or wholeOnly", op.id)
				continue
			}
			id := ids[kind]
			if whole {
				id = "nothing"
			}
			status, p := s.staffCall(t, op, person, id)
			if whole && status != http.StatusForbidden || known && status != http.StatusNotFound {
				t.Errorf("%s elsewhere: %d %+v", op.id, status, p)
			}
		case op.method == http.MethodGet:
			status, text := s.read(t, person, op.at(""))
			for _, id := range ids {
				if status == http.StatusOK && len(id) > 6 && strings.Contains(text, id) {
					t.Errorf("%s elsewhere tells of %s", op.id, id)
				}
			}
			if status != http.StatusOK && status != http.StatusForbidden && status != http.StatusBadRequest || status == http.StatusOK && strings.Contains(text, name) {
				t.Errorf("%s elsewhere: %d %s", op.id, status, text)
			}
		}
	}
}

// staffCall makes a call about one thing, with a body that gets as far as asking whose it is.
func (s *System) staffCall(t *testing.T, op operation, c *demo.Client, id string) (int, *demo.Refusal) {
	t.Helper()
	op.path = strings.NewReplacer("{slug}", id, "{serial}", id).Replace(op.path)
	body, own := bodies[op.id]
	if !own {
		return op.send(t, c, id, nil)
	}
	header := map[string]string{}
	if op.file {
		header["Content-Type"] = "application/octet-stream"
		return raw(t, c, op.method, strings.Split(op.at(id), "?")[0]+"?number=12345678", header, []byte(body))
	}
	return raw(t, c, op.method, op.at(id), header, []byte(body))
}

// read gives what a page would get.
func (s *System) read(t *testing.T, c *demo.Client, path string) (int, string) {
	t.Helper()
	resp, err := c.HTTP.Get(c.Base + "/api/v1" + path)
	must(t, err)
	defer resp.Body.Close()
	text := new(strings.Builder)
	_, err = io.Copy(text, resp.Body)
	must(t, err)
	return resp.StatusCode, text.String()
}
