package apitest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/demo"
)

// What an organisation's own software may call, told again, by scope.
var companyMay = map[string][]string{
	"read": strings.Fields("GetProfile ListMembers ListServices GetService ListOrders GetOrder GetSlip GetInvoiceFile GetOrderLetter ListCertificates GetCertificate ListSeals " +
		"ListApplications GetApplication ListMaterials GetMaterial GetLetter GetAddress ListMyShipments GetMyShipment ListRecoveries GetRecovery GetRecoveryLetter GetUnlock ListMyTokens ListNotices ListRenewalBatches GetRenewalBatch"),
	"orders": strings.Fields("RenewService CloseOrder UploadSlip StartCharge RequestRefund WithdrawRefund RequestInvoice CancelInvoice"),
	"applications": strings.Fields("StartRenewal CreateApplication UpdateApplication SendApplicationCode SubmitApplication WithdrawApplication AddMaterial RemoveMaterial SetAddress " +
		"SendReceiptCode ConfirmReceipt AddSeal RemindSeals RemoveSeal RequestRecovery WithdrawRecovery SendUnlockCode RequestUnlock WithdrawUnlock CreateRenewalBatch"),
	"tokens":   strings.Fields("ListAgents CreateJob GetJob CancelJob ProvePossession SignConsent StartEnrolment FetchRecovered WriteRecovered StartUnlock ChangeTokenPIN TakeOverToken InitToken LabelTokenKey DeleteTokenKeys"),
	"webhooks": strings.Fields("ListWebhooks AddWebhook SetWebhook RemoveWebhook TestWebhook ListWebhookDeliveries RedeliverWebhook"),
	"members":  strings.Fields("ListJoins InviteMember DecideJoin SetMember RemoveMember"),
}

// companyKey makes a key of the holder's organisation.
func (s *System) companyKey(t *testing.T, owner *demo.Client, scopes ...string) (id, secret string) {
	t.Helper()
	var made struct {
		Key    struct{ ID string }
		Secret string
	}
	Call(t, owner, http.MethodPost, "/company-keys", map[string]any{"name": "ERP", "scopes": scopes, "expiresAt": s.Clock.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)}, &made)
	return made.Key.ID, made.Secret
}

// TestCompanyKeys tries a key of each scope with every operation.
func TestCompanyKeys(t *testing.T) {
	s := Start(t)
	owner, phone := s.Holder(t, Qingzhou)
	for scope, may := range companyMay {
		id, secret := s.companyKey(t, owner, scope)
		header := map[string]string{"Authorization": "Bearer " + secret, "Origin": ""}
		called := 0
		for _, op := range operations(t) {
			if slices.Contains(public, op.id) || slices.Contains(byLink, op.id) || slices.Contains(agentOnly, op.id) {
				continue
			}
			if called++; called%100 == 0 {
				s.Clock.Advance(time.Minute) // the key's rate
			}
			status, p := op.send(t, s.Anybody(), "x", header)
			code := ""
			if p != nil {
				code = p.Code
			}
			scoped := false
			for _, list := range companyMay {
				scoped = scoped || slices.Contains(list, op.id)
			}
			switch {
			case slices.Contains(may, op.id) && slices.Contains(swift, op.id): // the key acts for a person who was not verified
				if status != http.StatusForbidden || code != "forbidden" {
					t.Errorf("%s with %s: %d %s", op.id, scope, status, code)
				}
			case slices.Contains(may, op.id):
				if status == http.StatusUnauthorized || status == http.StatusForbidden && code != "certificate_foreign" { // there is no such USB key
					t.Errorf("%s with %s: %d %s", op.id, scope, status, code)
				}
			case scoped:
				if code != "scope_denied" {
					t.Errorf("%s with %s: %d %s, want scope_denied", op.id, scope, status, code)
				}
			case status != http.StatusUnauthorized && !(status == http.StatusForbidden && code == "bad_origin"):
				t.Errorf("%s with %s: %d %s", op.id, scope, status, code)
			}
		}
		Call(t, owner, http.MethodDelete, "/company-keys/"+id, nil, nil)
		if status, p := raw(t, s.Anybody(), http.MethodGet, "/services", header, nil); status != http.StatusUnauthorized || p.Code != "api_key_expired" {
			t.Errorf("a revoked key: %d %v", status, p)
		}
	}
	for _, scopes := range [][]string{{}, {"everything"}} {
		if err := owner.Call(t.Context(), http.MethodPost, "/company-keys", map[string]any{"name": "x", "scopes": scopes, "expiresAt": s.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, nil); err == nil {
			t.Errorf("a key with scopes %v", scopes)
		}
	}
	// A key is not a cookie: what it opens, it opens for its organisation, and another site's page cannot send it.
	_, secret := s.companyKey(t, owner, "read")
	var list struct {
		Items []struct{ CertificateName string }
	}
	status, p := raw(t, s.Anybody(), http.MethodGet, "/services", map[string]string{"Authorization": "Bearer " + secret}, nil)
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, p)
	}
	Call(t, owner, http.MethodGet, "/services", nil, &list)
	if len(list.Items) == 0 {
		t.Fatal("the holder has no service")
	}
	limited := false
	for range 130 { // 120 a minute
		status, p := raw(t, s.Anybody(), http.MethodGet, "/profile", map[string]string{"Authorization": "Bearer " + secret}, nil)
		limited = limited || status != http.StatusOK && p.Code == "rate_limited"
	}
	if !limited {
		t.Error("a key has no rate")
	}
	s.Clock.Advance(time.Minute)
	// Whoever made the key and is frozen takes it along.
	must(t, s.freeze(t, phone))
	if status, p := raw(t, s.Anybody(), http.MethodGet, "/profile", map[string]string{"Authorization": "Bearer " + secret}, nil); status != http.StatusForbidden || p.Code != "account_frozen" {
		t.Errorf("the key of a frozen account: %d %v", status, p)
	}
}

// freeze freezes the account with a phone.
func (s *System) freeze(t *testing.T, phone string) error {
	t.Helper()
	var id string
	must(t, s.DB.Read(t.Context()).Table("acct_accounts").Where("phone = ?", phone).Pluck("id", &id).Error)
	return s.Accounts.Freeze(t.Context(), account.Actor{AccountID: "acc_security", Role: account.RoleSecurity, State: account.Verified}, id, "test")
}

// TestKeyLogin logs in with the USB key through an agent on this computer: grant, list, challenge, session.
func TestKeyLogin(t *testing.T) {
	s := Start(t)
	owner, _ := s.Holder(t, Qingzhou)
	person := &Person{}
	s.Agent(t, owner, person)
	var begun struct {
		Login string
		Nonce string
	}
	c := s.Anybody()
	Call(t, c, http.MethodPost, "/session/key/nonce", nil, &begun)
	// A stranger's answer to the hello, a nonce twice, a challenge that was never given.
	hello := map[string]any{"agentId": "agt_x", "nonce": begun.Nonce, "version": "x", "signature": begun.Nonce}
	Refused(t, c, http.MethodPost, "/session/key/grants", map[string]any{"login": begun.Login, "nonce": begun.Nonce, "hello": hello}, http.StatusForbidden, "agent_unknown")
	Refused(t, c, http.MethodPost, "/session/key/grants", map[string]any{"login": begun.Login, "nonce": begun.Nonce, "hello": hello}, http.StatusForbidden, "ticket_invalid")
	Refused(t, c, http.MethodPost, "/session/key/tickets", map[string]any{"login": begun.Login, "agentId": "agt_x", "tokenSerial": "1"}, http.StatusForbidden, "ticket_expired")
	Refused(t, c, http.MethodPost, "/session/key", map[string]any{"login": begun.Login, "nonce": begun.Nonce, "certificate": begun.Nonce, "signature": begun.Nonce}, http.StatusForbidden, "ticket_expired")
}
