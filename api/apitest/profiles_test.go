package apitest

import (
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"signet/ca/pki"
)

// TestProfiles: an auditor reads what a profile says and sees the certificate that would come of a request, or why none would; none is made.
func TestProfiles(t *testing.T) {
	s := Start(t)
	auditor := s.Staff(t, "auditor")
	var list struct {
		Items []struct {
			ID, Kind, TitleZh string
			Cas, Keys         []string
			ValidFor          int64
			Usage             []struct{ Bits []string }
		}
	}
	Call(t, auditor, http.MethodGet, "/admin/profiles", nil, &list)
	caID := ""
	for _, p := range list.Items {
		if p.ID == "org-sign" {
			if len(p.Cas) == 0 || p.ValidFor != 365*24*3600 || p.TitleZh != "机构签名证书" || strings.Join(p.Usage[0].Bits, " ") != "digitalSignature contentCommitment" {
				t.Fatalf("got %+v", p)
			}
			caID = p.Cas[0]
		}
	}
	stored, _, err := s.DB.CA().Page(t.Context(), 0, 1000)
	must(t, err)

	type named struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	type outcome struct {
		Refused     *struct{ Code, Detail string }
		Findings    []struct{ Rule, Detail string }
		Certificate *struct {
			Subject, KeyAlg string
			Extensions      []struct {
				Oid   string
				Words []string
			}
		}
	}
	try := func(change func(body map[string]any)) (v outcome) {
		t.Helper()
		body := map[string]any{
			"ca": caID, "profile": "org-sign", "alg": "SM2", "subject": []named{{"O", "示例有限公司"}, {"CN", "示例有限公司"}}, "fields": []named{{"uscc", "91990000MA0000015Q"}},
		}
		change(body)
		Call(t, auditor, http.MethodPost, "/admin/profiles/trial", body, &v)
		return v
	}
	v := try(func(map[string]any) {})
	if v.Refused != nil || len(v.Findings) > 0 || v.Certificate == nil || !strings.Contains(v.Certificate.Subject, "O=示例有限公司") || v.Certificate.KeyAlg != "SM2" {
		t.Fatalf("got %+v", v)
	}
	written := false
	for _, e := range v.Certificate.Extensions {
		written = written || e.Oid == pki.OIDOrgCode && e.Words[0] == "91990000MA0000015Q"
	}
	if !written {
		t.Errorf("no identity: %+v", v.Certificate)
	}
	if v := try(func(b map[string]any) { b["fields"] = []named{{"uscc", "91990000MA0000015P"}} }); len(v.Findings) == 0 || v.Findings[0].Rule != "identity" || v.Certificate == nil {
		t.Errorf("a wrong check digit: %+v", v)
	}
	if v := try(func(b map[string]any) { b["fields"] = []named{} }); v.Refused == nil || v.Refused.Code != "field" || v.Certificate != nil {
		t.Errorf("no identity: %+v", v)
	}

	// A request that a holder made: its key and subject.
	key, err := pki.GenerateKey(pki.P256, nil)
	must(t, err)
	subject, err := pki.NewName(pki.Attr{Type: pki.OIDOrganization, Value: "来自请求"}, pki.Attr{Type: pki.OIDCommonName, Value: "来自请求"})
	must(t, err)
	csr, err := pki.CreateCertificateRequest(nil, key, subject)
	must(t, err)
	asked := func(der []byte) func(map[string]any) {
		return func(b map[string]any) {
			delete(b, "subject")
			b["csr"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
		}
	}
	if v := try(asked(csr)); len(v.Findings) > 0 || v.Certificate == nil || v.Certificate.KeyAlg != "P-256" || !strings.Contains(v.Certificate.Subject, "来自请求") {
		t.Errorf("by a request: %+v", v)
	}
	csr[len(csr)-1] ^= 1
	for field, change := range map[string]func(map[string]any){
		"csr":     asked(csr),
		"profile": func(b map[string]any) { b["profile"] = "root-ca" },
		"alg":     func(b map[string]any) { b["alg"] = "RSA-1024" },
		"subject": func(b map[string]any) { b["subject"] = []named{{"title", "x"}} },
		"flags":   func(b map[string]any) { b["flags"] = []string{"nothing"} },
	} {
		body := map[string]any{"ca": caID, "profile": "org-sign"}
		change(body)
		if p := Refused(t, auditor, http.MethodPost, "/admin/profiles/trial", body, http.StatusBadRequest, "invalid_field"); p.Field != field {
			t.Errorf("%s: %+v", field, p)
		}
	}
	if after, _, err := s.DB.CA().Page(t.Context(), 0, 1000); err != nil || len(after) != len(stored) {
		t.Errorf("%d certificates were made", len(after)-len(stored))
	}
}
