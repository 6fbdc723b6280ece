package apitest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"signet/api/demo"
	"signet/api/rest"
)

// operation is one entry of the contract, as an outsider reads it.
type operation struct {
	id, method, path string
	parameters       []*openapi3.Parameter
	body             *openapi3.Schema
	file             bool // the body is a file
}

func operations(t *testing.T) []operation {
	t.Helper()
	spec, err := rest.GetSpec()
	must(t, err)
	var list []operation
	for path, item := range spec.Paths.Map() {
		for method, o := range item.Operations() {
			op := operation{id: o.OperationID, method: method, path: path}
			for _, p := range o.Parameters {
				op.parameters = append(op.parameters, p.Value)
			}
			if o.RequestBody != nil {
				if media := o.RequestBody.Value.Content["application/json"]; media != nil {
					op.body = media.Schema.Value
				} else {
					op.file = true
				}
			}
			list = append(list, op)
		}
	}
	slices.SortFunc(list, func(a, b operation) int { return strings.Compare(a.id, b.id) })
	return list
}

// at fills the path's parameters, and those of the query that must be there.
func (o operation) at(id string) string {
	query := ""
	for _, p := range o.parameters {
		if p.In == "query" && p.Required {
			query = "?" + p.Name + "=" + fmt.Sprint(sample(p.Schema.Value))
		}
	}
	return strings.NewReplacer("{id}", id, "{slug}", "nowhere", "{step}", "csr", "{serial}", "00", "{materialId}", "mat_00000000000000000000", "{type}", "registration_form", "{kind}", "project", "{key}", "nowhere", "{version}", "1", "{number}", "x").Replace(o.path) + query
}

// send is a call with a body that the contract admits.
func (o operation) send(t *testing.T, c *demo.Client, id string, header map[string]string) (int, *demo.Refusal) {
	t.Helper()
	var body []byte
	if o.body != nil {
		var err error
		body, err = json.Marshal(sample(o.body))
		must(t, err)
	}
	if o.file {
		body = []byte("a file")
		with := map[string]string{"Content-Type": "application/octet-stream"}
		maps.Copy(with, header)
		header = with
	}
	return raw(t, c, o.method, o.at(id), header, body)
}

// sample makes a body that the schema admits.
func sample(s *openapi3.Schema) any {
	switch {
	case s.Type.Is("object"):
		object := map[string]any{}
		for name, p := range s.Properties {
			object[name] = sample(p.Value)
		}
		return object
	case s.Type.Is("array"):
		return []any{sample(s.Items.Value)}
	case s.Type.Is("integer"):
		return 1
	case s.Type.Is("boolean"):
		return true
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Format == "byte":
		return base64.StdEncoding.EncodeToString([]byte("abc"))
	case s.Format == "date-time":
		return "2026-01-02T03:04:05Z"
	}
	return strings.Repeat("x", max(1, int(s.MinLength)))
}

// raw sends bytes as they are and gives the problem, or nil where the call went through.
func raw(t *testing.T, c *demo.Client, method, path string, header map[string]string, body []byte) (int, *demo.Refusal) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, c.Base+"/api/v1"+path, bytes.NewReader(body))
	must(t, err)
	req.Header.Set("Origin", c.Base)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		req.Header.Del(k)
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	resp, err := c.HTTP.Do(req)
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s: an answer of the API may be cached", method, path)
	}
	if resp.StatusCode < http.StatusBadRequest {
		return resp.StatusCode, nil
	}
	p := &demo.Refusal{}
	if resp.Header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(text, p) != nil || p.Status != resp.StatusCode || p.RequestID == "" || !rest.ErrorCode(p.Code).Valid() {
		t.Errorf("%s %s: %d is no problem document: %.200s", method, path, resp.StatusCode, text)
	}
	return resp.StatusCode, p
}

// Who may call what, told again: a change of the access table must be made here too.
var (
	public = strings.Fields("GetHealth GetPublicLetter ListProjects GetProject ListPolicies CreateCaptcha CreateSession SendResetCode ResetPassword Verify PreviewPairing ConfirmPairing ListOutbox ListOfficerCases CreateOfficerTicket DecideCase " +
		"CreateAudioCaptcha GetAgreement SendRegistrationCode Register SendLoginCode CreateSessionByCode CreateKeyLogin " +
		"ListTerms SendNumberCode AskNumber SendProgressCode ShowProgress SendSuspensionCode ListSuspendable SuspendCertificates ShowInvitation AcceptInvitation ConfirmEmail")
	agentOnly  = strings.Fields("NextJob PostJobStep PostJobResult ListOrigins ListTicketKeys StationBatches StationSign StationClaim")
	connected  = strings.Fields("IssueConnected RevokeConnected SuspendConnected ResumeConnected OpenPlatformLoopback CreatePlatformTicket ListPlatformSeals RegisterSeal ReleaseSeal")
	everybody  = strings.Fields("GetSession DeleteSession AcceptAgreement")
	supplement = strings.Fields("GetSupplement CompleteSupplement SendSupplementCode CheckSupplementCode")
	own        = strings.Fields("ChangePassword ListSessions EndSession SetDisplayName SendPhoneCodes ChangePhone SendEmailLink RequestClosure WithdrawClosure ListNotices ReadNotice ReadNotices GetNoticePreferences SetNoticePreferences GetIssuance") // of everyone who is past the supplement page, staff too
	opening    = strings.Fields("CreateSession CreateSessionByCode CreateSessionByKey")                                                                                                                                                                   // set the cookie
	window     = strings.Fields("ListOrganisations GetOrganisation VerifyOrganisation ListTickets GetTicketLicence AnswerTicket")
	finance    = strings.Fields("ListAllOrders ConfirmOrder GetAnyOrder GetAnySlip AskRefund ExportOrders ListRefunds DecideRefund FinishRefund ListInvoices GetAnyInvoiceFile UploadInvoice ListStatements UploadStatement GetStatement CommitStatement ListPrices")
	pairing    = strings.Fields("CreatePairing GetPairing ListAgents DeleteAgent CreateJob GetJob CancelJob TakeJob CreateLoopbackNonce OpenLoopback") // of holders, and of staff who sign with a key of their own
	reviewing  = strings.Fields("ListReviewMaterials GetReviewMaterial ListUnlocks DecideUnlock PrepareUnlockDecision ListReviewQueue GetReviewStatistics GetReview ClaimApplication ReleaseApplication PrepareDecision DecideApplication")
	settings   = strings.Fields("ListHolidays")
	contents   = strings.Fields("ListContent GetContent CheckContent SaveContentDraft MoveContentDraft ListContentVersions GetContentVersion")
	stock      = strings.Fields("ListTokens CountTokens RegisterTokens MoveToken ReleaseToken ListFlashBatches CreateFlashBatch GetFlashBatch PrintFlashLetter GiveUpFlashKey")
	inventory  = strings.Fields("SearchInventory GetInventoryCertificate ListStatusBatches ChangeCertificateStatus RequestStatusBatch DecideStatusBatch ImportHolders ExportHolders")
	operating  = strings.Fields("ListAuditCheckpoints SignAuditCheckpoint ListAlarms TestAlarm AcknowledgeAlarm ListBackgroundJobs RetryBackgroundJob SearchNotices ResendNotice ListProfiles TryProfile") // of administrators and the auditor
	guarding   = strings.Fields("ListAllSeals LiftSeal ListAllRecoveries GetStaffRecovery DecideRecovery PrepareRecoveryDecision")
	counting   = strings.Fields("GetStatistics ExportStatistics")
	sending    = strings.Fields("ListShipments GetShipment PackShipment ShipShipment DeliverShipment ReturnShipment")
	swift      = strings.Fields("RequestRecovery FetchRecovered WriteRecovered") // of verified holders; whose id is whose, TestRecovery tries
)

// ownObjects are the operations that name an object of someone, with whose id to try.
var ownObjects = map[string]string{
	"SetMember": "member", "RemoveMember": "member", "TransferOwner": "member", "DecideJoin": "join", "RevokeCompanyKey": "companykey",
	"SetWebhook": "webhook", "RemoveWebhook": "webhook", "TestWebhook": "webhook", "ListWebhookDeliveries": "webhook", "RedeliverWebhook": "delivery",
	"GetService": "service", "RenewService": "service", "GetOrder": "order", "CloseOrder": "order",
	"GetSlip": "order", "UploadSlip": "order", "StartCharge": "order", "RequestRefund": "order", "WithdrawRefund": "refund", "RequestInvoice": "order", "CancelInvoice": "invoice", "GetInvoiceFile": "invoice",
	"GetCertificate": "certificate",
	"ListSeals":      "certificate", "AddSeal": "certificate", "RemindSeals": "certificate", "RemoveSeal": "seal",
	"ListMaterials": "application", "GetLetter": "application", "GetOrderLetter": "order", "GetRecoveryLetter": "recovery", "AddMaterial": "application", "GetMaterial": "application", "RemoveMaterial": "application",
	"GetAddress": "application", "SetAddress": "application", "GetMyShipment": "shipment", "SendReceiptCode": "shipment", "ConfirmReceipt": "shipment",
	"GetRenewalBatch": "renewals", "StartRenewal": "certificate", "GetApplication": "application", "SignConsent": "application", "StartEnrolment": "application",
	"WithdrawApplication": "application", "UpdateApplication": "application", "SubmitApplication": "application", "SendApplicationCode": "application", "GetRecovery": "recovery", "WithdrawRecovery": "recovery", "SendUnlockCode": "certificate", "RequestUnlock": "certificate",
	"GetUnlock": "unlock", "StartUnlock": "unlock", "WithdrawUnlock": "unlock", "GetPairing": "pairing", "DeleteAgent": "agent", "GetJob": "job", "CancelJob": "job", "TakeJob": "job",
}

// Of staff: what a login that waits for its second factor may call, and who may call what of staff themselves.
var (
	secondStep = strings.Fields("GetPendingLogin AbandonLogin FinishLogin EnrolLoginTOTP ConfirmLoginTOTP StartLoginScan GetLoginScan FinishLoginScan")
	byLink     = strings.Fields("EnrolPhone ScanLogin DecideScan PreviewStaffInvitation JoinStaff GrantKeyLogin CreateKeyLoginTicket CreateSessionByKey") // what is in the QR code, the link or the agent's grant is the credential
	ownFactors = strings.Fields("ListFactors EnrolTOTP ConfirmTOTP StartPhone GetPhoneScan ConfirmPhone RenewRecoveryCodes RemoveFactor")
	people     = strings.Fields("SetStaffFrozen ResetStaffFactors InviteStaff WithdrawStaffInvitation RequestGrant DecideGrant ReviewGrant EndGrant DecideStaffKey")
	ownKeys    = strings.Fields("ListStaffKeys BindStaffKey EndStaffKey SignStaffText") // of every member of staff, each for themselves
	peopleRead = strings.Fields("ListStaff ListStaffInvitations ListGrants")            // the auditor too
)

func TestAccessMatrix(t *testing.T) {
	s := Start(t)
	owner, _ := s.Holder(t, Qingzhou)
	s.Agent(t, owner, &Person{})
	ids := objectsOf(t, s, owner)
	stranger, _ := s.Holder(t, Jianshe)
	legacy := s.Legacy(t, Yuanlin)
	cashier, reviewer := s.Staff(t, "finance"), s.Staff(t, "reviewer")
	admin, operator := s.Staff(t, "admin"), s.Staff(t, "operator")

	for _, op := range operations(t) {
		if op.id == "DeleteSession" { // would end the session the others are tried with
			continue
		}
		t.Run(op.id, func(t *testing.T) {
			expect := func(who string, c *demo.Client, id string, status int, code string) {
				t.Helper()
				got, p := op.send(t, c, id, nil)
				if got != status || p == nil || code != "" && p.Code != code {
					t.Errorf("%s: got %d %v, want %d %s", who, got, p, status, code)
				}
			}
			switch {
			case slices.Contains(secondStep, op.id):
				expect("anybody", s.Anybody(), "nothing", http.StatusUnauthorized, "login_step_over")
				expect("a holder", owner, "nothing", http.StatusUnauthorized, "login_step_over")
				return
			case slices.Contains(byLink, op.id):
				expect("anybody", s.Anybody(), "nothing", map[string]int{
					"EnrolPhone": 400, "PreviewStaffInvitation": 409, "JoinStaff": 409, "ScanLogin": 409, "DecideScan": 409,
					"GrantKeyLogin": 403, "CreateKeyLoginTicket": 403, "CreateSessionByKey": 403,
				}[op.id], "")
				return
			case slices.Contains(public, op.id):
				if status, p := op.send(t, s.Anybody(), "nothing", nil); status == http.StatusForbidden && !slices.Contains([]string{"bad_origin", "ticket_invalid", "ticket_expired"}, p.Code) { // a login by key has tickets of its own
					t.Errorf("anybody: %d %v", status, p)
				}
				return
			case slices.Contains(agentOnly, op.id):
				expect("anybody", s.Anybody(), "nothing", http.StatusUnauthorized, "")
				expect("a holder", owner, "nothing", http.StatusUnauthorized, "")
				return
			case slices.Contains(connected, op.id): // no session opens these, and the API key opens nothing else
				for who, c := range map[string]*demo.Client{"anybody": s.Anybody(), "a holder": owner, "finance": cashier, "a reviewer": reviewer, "an admin": admin} {
					expect(who, c, "nothing", http.StatusUnauthorized, "unauthenticated")
				}
				return
			}
			expect("anybody", s.Anybody(), "nothing", http.StatusUnauthorized, "unauthenticated")
			if status, p := op.send(t, s.Anybody(), "nothing", map[string]string{"Authorization": "Bearer " + s.Made.RA.Key}); status != http.StatusUnauthorized || p.Code != "unauthenticated" {
				t.Errorf("an API key: %d %v", status, p)
			}
			switch {
			case slices.Contains(ownFactors, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
			case slices.Contains(people, op.id), slices.Contains(peopleRead, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				others := map[string]*demo.Client{"a holder": owner, "finance": cashier, "a reviewer": reviewer, "an admin": admin, "an operator": operator}
				if slices.Contains(people, op.id) {
					others["an auditor"] = s.Staff(t, "auditor")
				}
				for who, c := range others {
					expect(who, c, "nothing", http.StatusForbidden, "forbidden")
				}
			case slices.Contains(ownKeys, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				expect("a holder", owner, "nothing", http.StatusForbidden, "forbidden")
				if op.id == "EndStaffKey" {
					expect("for nothing", reviewer, "stk_00000000000000000000", http.StatusNotFound, "not_found")
				}
			case slices.Contains(everybody, op.id):
			case slices.Contains(supplement, op.id):
				expect("a holder", owner, "", http.StatusForbidden, "forbidden")
				expect("finance", cashier, "", http.StatusForbidden, "forbidden")
			case slices.Contains(own, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				if op.id == "EndSession" {
					for who, c := range map[string]*demo.Client{"another organisation": stranger, "finance": cashier, "an admin": admin} {
						expect(who, c, ids["session"], http.StatusNotFound, "not_found")
					}
					expect("for nothing", owner, "ses_00000000000000000000", http.StatusNotFound, "not_found")
				}
			case slices.Contains(pairing, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				if kind := ownObjects[op.id]; kind != "" {
					for who, c := range map[string]*demo.Client{"another organisation": stranger, "a reviewer": reviewer, "an operator": operator} {
						expect(who, c, ids[kind], http.StatusNotFound, "not_found")
					}
					expect("for nothing", owner, kind[:3]+"_00000000000000000000", http.StatusNotFound, "not_found")
				}
			case slices.Contains(finance, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				expect("a holder", owner, ids["order"], http.StatusForbidden, "finance_only")
				expect("a reviewer", reviewer, ids["order"], http.StatusForbidden, "finance_only")
			case slices.Contains(reviewing, op.id), slices.Contains(stock, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				others := map[string]*demo.Client{"a holder": owner, "finance": cashier, "an admin": admin, "an operator": operator}
				if slices.Contains(stock, op.id) {
					delete(others, "an operator")
					others["a reviewer"] = reviewer
				}
				for who, c := range others {
					expect(who, c, ids["unlock"], http.StatusForbidden, "forbidden")
				}
			case slices.Contains(settings, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				for who, c := range map[string]*demo.Client{"a holder": owner, "finance": cashier, "a reviewer": reviewer, "an operator": operator} {
					expect(who, c, "nothing", http.StatusForbidden, "forbidden")
				}
			case slices.Contains(contents, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				for who, c := range map[string]*demo.Client{"a holder": owner, "finance": cashier, "a reviewer": reviewer, "an operator": operator} {
					expect(who, c, "nothing", http.StatusForbidden, "forbidden")
				}
				if op.method != http.MethodGet {
					expect("an auditor", s.Staff(t, "auditor"), "nothing", http.StatusForbidden, "forbidden")
				}
			case slices.Contains(counting, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				for who, c := range map[string]*demo.Client{"a holder": owner, "finance": cashier, "a reviewer": reviewer, "an operator": operator} {
					expect(who, c, "nothing", http.StatusForbidden, "forbidden")
				}
			case slices.Contains(operating, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				others := map[string]*demo.Client{"a holder": owner, "finance": cashier, "a reviewer": reviewer, "an operator": operator}
				switch op.id {
				case "ListAuditCheckpoints", "SignAuditCheckpoint":
					others["an admin"] = admin
				case "TestAlarm", "AcknowledgeAlarm", "RetryBackgroundJob", "ResendNotice":
					others["an auditor"] = s.Staff(t, "auditor")
				}
				for who, c := range others {
					expect(who, c, "nothing", http.StatusForbidden, "forbidden")
				}
			case slices.Contains(guarding, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				others := map[string]*demo.Client{"a holder": owner, "finance": cashier, "an admin": admin, "an operator": operator}
				if op.id == "LiftSeal" {
					others["a reviewer"] = reviewer
				}
				for who, c := range others {
					expect(who, c, ids["seal"], http.StatusForbidden, "forbidden")
				}
			case slices.Contains(inventory, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				others := map[string]*demo.Client{"a holder": owner, "finance": cashier}
				switch op.id {
				case "ChangeCertificateStatus", "RequestStatusBatch", "DecideStatusBatch":
					others["an admin"], others["an operator"], others["an auditor"] = admin, operator, s.Staff(t, "auditor")
				case "ImportHolders", "ExportHolders":
					others["a reviewer"], others["an operator"] = reviewer, operator
				}
				for who, c := range others {
					expect(who, c, "nothing", http.StatusForbidden, "forbidden")
				}
			case slices.Contains(window, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				for who, c := range map[string]*demo.Client{"a holder": owner, "finance": cashier, "an admin": admin, "an operator": operator} {
					expect(who, c, ids["organisation"], http.StatusForbidden, "forbidden")
				}
			case slices.Contains(sending, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				for who, c := range map[string]*demo.Client{"a holder": owner, "finance": cashier, "an admin": admin, "an operator": operator, "a reviewer": reviewer} {
					expect(who, c, ids["shipment"], http.StatusForbidden, "forbidden")
				}
			case slices.Contains(swift, op.id):
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				expect("a holder who is not verified", owner, ids["certificate"], http.StatusForbidden, "forbidden")
				expect("a reviewer", reviewer, "nothing", http.StatusForbidden, "forbidden")
			default:
				expect("a legacy holder", legacy, "nothing", http.StatusForbidden, "supplement_required")
				expect("finance", cashier, "nothing", http.StatusForbidden, "forbidden")
				expect("a reviewer", reviewer, "nothing", http.StatusForbidden, "forbidden")
				if strings.Contains(op.path, "{id}") {
					kind, known := ownObjects[op.id]
					if !known {
						t.Fatalf("whose id does %s take? Add it to ownObjects", op.id)
					}
					expect("another organisation", stranger, ids[kind], http.StatusNotFound, "not_found")
					expect("for nothing", owner, kind[:3]+"_00000000000000000000", http.StatusNotFound, "not_found")
				}
			}
		})
	}
	// Whoever asked, the owner's things are as they were.
	for kind, path := range map[string]string{"order": "/orders/", "application": "/applications/", "job": "/agent/jobs/"} {
		var v struct{ State string }
		Call(t, owner, http.MethodGet, path+ids[kind], nil, &v)
		if v.State != map[string]string{"order": "paid", "application": "draft", "job": "done"}[kind] {
			t.Errorf("the %s became %s", kind, v.State)
		}
	}
}

// objectsOf makes one thing of each kind that belongs to the holder, and finds their ids.
func objectsOf(t *testing.T, s *System, c *demo.Client) map[string]string {
	t.Helper()
	ids := map[string]string{}
	first := func(kind, path string) {
		t.Helper()
		var list struct{ Items []struct{ ID string } }
		Call(t, c, http.MethodGet, path, nil, &list)
		if len(list.Items) == 0 {
			t.Fatalf("no %s", kind)
		}
		ids[kind] = list.Items[0].ID
	}
	made := func(kind, path string, body any) {
		t.Helper()
		var v struct{ ID string }
		Call(t, c, http.MethodPost, path, body, &v)
		ids[kind] = v.ID
	}
	first("service", "/services")
	first("certificate", "/certificates")
	first("agent", "/agents")
	first("session", "/profile/sessions")
	first("member", "/members")
	made("join", "/members/joins", map[string]any{"phone": "13799990001", "name": "邀请甲", "member": "handler"})
	var key struct{ Key struct{ ID string } }
	Call(t, c, http.MethodPost, "/company-keys", map[string]any{"name": "test", "scopes": []string{"read"}, "expiresAt": s.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, &key)
	ids["companykey"] = key.Key.ID
	var hook struct{ Webhook struct{ ID string } }
	Call(t, c, http.MethodPost, "/webhooks", map[string]any{"url": "https://hooks.example.invalid/signet", "kinds": []string{"expiry"}}, &hook)
	ids["webhook"] = hook.Webhook.ID
	made("delivery", "/webhooks/"+ids["webhook"]+"/test", nil)
	var who struct{ OrganisationID string }
	Call(t, c, http.MethodGet, "/session", nil, &who)
	ids["organisation"] = who.OrganisationID
	made("order", "/services/"+ids["service"]+"/orders", map[string]any{})
	s.pay(t, ids["order"])
	var order struct{ Invoice, Refund struct{ ID string } }
	Call(t, c, http.MethodPost, "/orders/"+ids["order"]+"/invoices", map[string]any{"title": "张三", "personal": true, "email": "z@example.com"}, nil)
	Call(t, c, http.MethodPost, "/orders/"+ids["order"]+"/refunds", map[string]any{"reason": "不再投标"}, &order)
	ids["invoice"], ids["refund"] = order.Invoice.ID, order.Refund.ID
	made("application", "/certificates/"+ids["certificate"]+"/renewals", nil)
	made("renewals", "/renewal-batches", map[string]any{"certificateIds": []string{ids["certificate"]}})
	made("seal", "/certificates/"+ids["certificate"]+"/seals", map[string]any{"name": "测试标段", "opensAt": s.Clock.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)})
	Call(t, c, http.MethodPut, "/applications/"+ids["application"]+"/address", home, nil)
	ids["shipment"] = s.shipmentOf(t, ids["application"])
	made("unlock", "/certificates/"+ids["certificate"]+"/unlocks", map[string]any{})
	made("pairing", "/agent/pairings", nil)
	ids["recovery"] = s.recoveryOf(t, ids["certificate"])
	job, err := c.RunJob(t.Context(), "/agent/jobs", map[string]any{"op": "list"})
	must(t, err)
	ids["job"] = job.ID
	return ids
}

// pay confirms an order as finance does.
func (s *System) pay(t *testing.T, order string) {
	t.Helper()
	cashier := s.Staff(t, "finance")
	var list struct {
		Items []struct {
			ID          string
			AmountCents int
		}
	}
	Call(t, cashier, http.MethodGet, "/admin/orders?state=pending&size=100", nil, &list)
	for _, o := range list.Items {
		if o.ID == order {
			Call(t, cashier, http.MethodPost, "/admin/orders/"+order+"/confirm", map[string]any{"amountCents": o.AmountCents, "reference": "test"}, nil)
			return
		}
	}
	t.Fatalf("finance does not see order %s", order)
}

func TestOriginIsChecked(t *testing.T) {
	s := Start(t)
	owner, _ := s.Holder(t, Qingzhou)
	for _, op := range operations(t) {
		if slices.Contains(agentOnly, op.id) || op.method == http.MethodGet {
			continue
		}
		for _, origin := range []string{"http://evil.example", "null", s.URL + ".evil.example", "https" + strings.TrimPrefix(s.URL, "http")} {
			if status, p := op.send(t, owner, "x", map[string]string{"Origin": origin}); status != http.StatusForbidden || p.Code != "bad_origin" {
				t.Errorf("%s from %s: %d %v", op.id, origin, status, p)
			}
		}
		if slices.Contains(public, op.id) && !slices.Contains(opening, op.id) || slices.Contains(connected, op.id) || strings.Contains(op.id, "KeyLogin") { // programs send none
			continue
		}
		if status, p := op.send(t, owner, "x", map[string]string{"Origin": ""}); status != http.StatusForbidden || p.Code != "bad_origin" {
			t.Errorf("%s without an origin: %d %v", op.id, status, p)
		}
	}
	Call(t, owner, http.MethodGet, "/session", nil, nil) // nobody ended it
	if status, p := raw(t, s.Anybody(), http.MethodGet, "/dev/outbox", map[string]string{"Host": "x"}, nil); status != http.StatusOK {
		t.Errorf("outbox: %d %v", status, p)
	}
	req, err := http.NewRequest(http.MethodGet, s.URL+"/api/v1/dev/outbox", nil)
	must(t, err)
	req.Host = "rebound.example" // a name of someone else's that resolves to this computer
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("the outbox answers to another host name: %s", resp.Status)
	}
}

// TestEveryFieldIsHeldToTheContract breaks each field of each body in every way the schema forbids.
func TestEveryFieldIsHeldToTheContract(t *testing.T) {
	s := Start(t)
	owner, phone := s.Holder(t, Qingzhou)
	s.verify(t, phone) // so that all of a holder's operations look at their bodies
	legacy, cashier, reviewer, operator := s.Legacy(t, Yuanlin), s.Staff(t, "finance"), s.Staff(t, "reviewer"), s.Staff(t, "operator")
	admin := s.Staff(t, "admin")
	shipper, approver, security, clerk, manager := s.Staff(t, "shipper"), s.Staff(t, "approver"), s.Staff(t, "security"), s.Staff(t, "window"), s.Staff(t, "manager")
	platform := s.application(t, "https://bids.example")
	client := func(op operation) *demo.Client {
		switch {
		case slices.Contains(supplement, op.id):
			return legacy
		case slices.Contains(finance, op.id):
			return cashier
		case slices.Contains(people, op.id):
			return security
		case slices.Contains([]string{"AskStop", "DecideStop", "ImportHolders", "AcknowledgeAlarm", "TryProfile"}, op.id):
			return admin
		case slices.Contains([]string{"BindStaffKey", "SignStaffText", "ChangeCertificateStatus", "RequestStatusBatch", "DecideStatusBatch"}, op.id):
			return reviewer
		case slices.Contains(window, op.id):
			return clerk
		case slices.Contains(reviewing, op.id):
			return reviewer
		case slices.Contains(settings, op.id):
			return admin
		case slices.Contains(contents, op.id):
			return manager
		case slices.Contains(stock, op.id):
			return operator
		case slices.Contains(window, op.id):
			return reviewer
		case slices.Contains(sending, op.id):
			return shipper
		case op.id == "LiftSeal":
			return approver
		case slices.Contains(guarding, op.id):
			return reviewer
		}
		return owner
	}
	tried := 0
	for _, op := range operations(t) {
		if op.body == nil || slices.Contains(agentOnly, op.id) { // the agent's bodies are signed: rest's own tests break those
			continue
		}
		t.Run(op.id, func(t *testing.T) {
			with := func(header map[string]string) map[string]string {
				if !slices.Contains(connected, op.id) {
					return header
				}
				key := s.Made.RA.Key
				if strings.HasPrefix(op.path, "/platform/") {
					key = platform
				}
				all := map[string]string{"Authorization": "Bearer " + key, "Idempotency-Key": "x"}
				maps.Copy(all, header)
				return all
			}
			for _, b := range breakages(op.body, "") {
				tried++
				body := sample(op.body).(map[string]any)
				b.apply(body)
				text, err := json.Marshal(body)
				must(t, err)
				status, p := raw(t, client(op), op.method, op.at("x"), with(nil), text)
				if status != http.StatusBadRequest || p.Code != b.code || p.Field != b.field {
					t.Errorf("%s: got %d %v, want 400 %s of %s", b.what, status, p, b.code, b.field)
				}
			}
			whole, err := json.Marshal(sample(op.body))
			must(t, err)
			most := 7 << 20
			if op.id == "ImportHolders" || op.id == "AskNumber" { // take files
				most = 40 << 20
			}
			for name, broken := range map[string]struct {
				body   []byte
				header map[string]string
				status int
				code   string
			}{
				"empty":        {[]byte{}, nil, http.StatusBadRequest, "malformed_body"},
				"list":         {[]byte("[]"), nil, http.StatusBadRequest, "malformed_body"},
				"cut off":      {whole[:len(whole)-1], nil, http.StatusBadRequest, "malformed_body"},
				"trailing":     {append(slices.Clone(whole), "{}"...), nil, http.StatusBadRequest, "malformed_body"},
				"form":         {whole, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType, "unsupported_media"},
				"plain text":   {whole, map[string]string{"Content-Type": "text/plain"}, http.StatusUnsupportedMediaType, "unsupported_media"},
				"no type":      {whole, map[string]string{"Content-Type": ""}, http.StatusUnsupportedMediaType, "unsupported_media"},
				"too large":    {bytes.Repeat([]byte(" "), most), nil, http.StatusRequestEntityTooLarge, "payload_too_large"},
				"unknown name": {append([]byte(`{"zzz":1,`), whole[1:]...), nil, http.StatusBadRequest, "invalid_field"},
			} {
				if name == "unknown name" && len(whole) == len("{}") {
					continue
				}
				if status, p := raw(t, client(op), op.method, op.at("x"), with(broken.header), broken.body); status != broken.status || p.Code != broken.code {
					t.Errorf("%s: got %d %v, want %d %s", name, status, p, broken.status, broken.code)
				}
			}
		})
	}
	if tried < 60 {
		t.Errorf("only %d fields were broken", tried)
	}
}

// breakage is one way to break one field.
type breakage struct {
	what, field, code string
	apply             func(body map[string]any)
}

func breakages(s *openapi3.Schema, within string) []breakage {
	var list []breakage
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p, field := s.Properties[name].Value, within+name
		set := func(what string, v any, code string) {
			list = append(list, breakage{what, field, code, func(b map[string]any) { b[name] = v }})
		}
		if slices.Contains(s.Required, name) {
			list = append(list, breakage{"without " + field, field, "missing_field", func(b map[string]any) { delete(b, name) }})
			set("null "+field, nil, "missing_field")
		}
		if p.Type.Is("object") {
			set("text for "+field, "x", "invalid_field")
			for _, inner := range breakages(p, field+".") {
				apply := inner.apply
				inner.apply = func(b map[string]any) { apply(b[name].(map[string]any)) }
				list = append(list, inner)
			}
			continue
		}
		set("object for "+field, map[string]any{"a": 1}, "invalid_field")
		switch {
		case p.Type.Is("string"):
			set("number for "+field, 7, "invalid_field")
			set("list for "+field, []any{"x"}, "invalid_field")
			if p.MaxLength != nil {
				most, code := int(*p.MaxLength), "too_long"
				if p.Format == "byte" && most > 50_000 { // longer than this test cares to send: it is at least no base64
					most, code = 50_000, "invalid_field"
				}
				set("too long "+field, strings.Repeat("x", most+1), code)
			}
			if p.MinLength > 0 {
				set("empty "+field, "", "missing_field")
			}
			if len(p.Enum) > 0 || p.Format != "" {
				set("nonsense for "+field, "no such thing", "invalid_field")
			}
			set("NUL in "+field, strings.Repeat("x", int(p.MinLength))+"x\x00", "invalid_field")
		case p.Type.Is("integer"):
			set("text for "+field, "1", "invalid_field")
			set("fraction for "+field, 1.5, "invalid_field")
			if p.Min != nil {
				set("too small "+field, *p.Min-1, "invalid_field")
			}
			if p.Max != nil {
				set("too large "+field, *p.Max+1, "invalid_field")
			}
		case p.Type.Is("boolean"):
			set("text for "+field, "true", "invalid_field")
		}
	}
	if within == "" {
		more := "role"
		if s.Properties[more] != nil {
			more = "admin"
		}
		list = append(list, breakage{"an unknown field", more, "invalid_field", func(b map[string]any) { b[more] = "admin" }})
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			list = append(list, breakage{"another spelling of " + name, strings.ToUpper(name), "invalid_field", func(b map[string]any) {
				v := b[name]
				if !slices.Contains(s.Required, name) {
					delete(b, name)
				}
				b[strings.ToUpper(name)] = v
			}})
		}
	}
	return list
}

func TestUnknownAddresses(t *testing.T) {
	s := Start(t)
	c := s.Anybody()
	for _, path := range []string{"/nothing", "/orders/x/y/z", "/", "//session", "/session/"} {
		if status, p := raw(t, c, http.MethodGet, path, nil, nil); status != http.StatusNotFound || p.Code != "not_found" {
			t.Errorf("GET %s: %d %v", path, status, p)
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodOptions, "FROB"} {
		if status, p := raw(t, c, method, "/session", nil, nil); status != http.StatusMethodNotAllowed || p.Code != "not_found" {
			t.Errorf("%s: %d %v", method, status, p)
		}
	}
	for _, query := range []string{"page=0", "page=x", "page=1&page=2", "size=101", "sort=name", fmt.Sprintf("search=%s", strings.Repeat("x", 61))} {
		if status, _ := raw(t, c, http.MethodGet, "/projects?"+query, nil, nil); status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, status)
		}
	}
}
