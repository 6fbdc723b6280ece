package account

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"signet/api/notice"
	"signet/api/problem"
)

func TestPasswordRule(t *testing.T) {
	for _, c := range []struct {
		p      Password
		reason string
	}{
		{"Abcdef1", "length"}, {"Abcdefg1", ""}, {"Abcdefghijklmnopqr12", ""}, {"Abcdefghijklmnopqr123", "length"}, // 7, 8, 20, 21
		{"abcdefgh", "classes"}, {"abcdefg1", "classes"}, {"ABCDEFG1", "classes"}, {"abcdef!?", "classes"}, {"12345678", "classes"},
		{"abcdef1!", ""}, {"ABCDEF1!", ""}, {"Abcdef!!", ""}, {"Abcde1!?", ""},
		{"Abcdef 1!", "charset"}, {"Abcdef1密码", "charset"}, {"Ａbcdefg1", "charset"}, {"Abcdefg1\n", "charset"}, {"", "length"},
	} {
		err := CheckPassword(c.p)
		reason := ""
		if p, ok := err.(*problem.Error); ok && p.Code == problem.CodePasswordWeak {
			reason = p.Params["reason"].(string)
		}
		if reason != c.reason {
			t.Errorf("%q: %v, want %q", string(c.p), err, c.reason)
		}
	}
	seen := map[Password]bool{}
	for range 200 {
		p, err := NewPassword()
		if err != nil || CheckPassword(p) != nil || seen[p] {
			t.Fatalf("drawn %q: %v", string(p), err)
		}
		seen[p] = true
	}
}

// Source: GB 32100 and GB 11714 values computed in the reference, section 9.
func TestCheckDigits(t *testing.T) {
	for code, want := range map[string]CodeWarning{
		"91990000MA0000015Q": CodeFine, "52990000D2143569XY": CodeFine, "919900000000000860": CodeFine, "Y1990000123456788N": CodeFine,
		"91990000MA0000015R": CodeCheckDigit, "91990000MA0000016N": CodeCheckDigit, "91990000MA000001SQ": CodeCharset,
		"91330000000000": CodeLength, "91990000ma0000015q": CodeCharset,
	} {
		if got := CheckUSCC(code); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
	for code, want := range map[string]CodeWarning{
		"353535502": CodeFine, "353535509": CodeCheckDigit, "MA0000015": CodeFine, "D2143569X": CodeFine,
		"35353550": CodeLength, "3535355-9": CodeCharset,
	} {
		if got := CheckOrgCode(code); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}

func TestStoredHashes(t *testing.T) {
	good := batchHash()
	if h, err := parseHash(good); err != nil || h.String() != good || !h.matches(initialPassword) || h.matches("timevale124") {
		t.Fatalf("%v %v", h, err)
	}
	for _, bad := range []string{
		"", "timevale123", good + " ", good + "$", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=47104", "m=4194304", 1), strings.Replace(good, "t=1,", "t=1000,", 1), strings.Replace(good, "t=1,", "t=0,", 1),
		strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "m=47104", "m=047104", 1), good[:len(good)-30], "$argon2id$v=19$m=47104,t=1,p=1$$",
	} {
		if _, err := parseHash(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	again, err := HashPassword(initialPassword)
	if err != nil || again == good {
		t.Error("two hashes of one password are equal")
	}
}

func TestHashQueueIsBounded(t *testing.T) {
	h, err := newHasher(1)
	if err != nil {
		t.Fatal(err)
	}
	h.slots <- struct{}{} // one runs
	h.waiting.Store(mostWaiting)
	if _, err := h.make(t.Context(), "x"); !problem.Has(err, problem.CodeRateLimited) {
		t.Fatal(err)
	}
	if h.waiting.Load() != mostWaiting {
		t.Fatal("the refused one still counts")
	}
}

// Every verb that nobody granted is denied, to everybody.
func TestCanDeniesByDefault(t *testing.T) {
	staff := []Role{RoleReviewer, RoleApprover, RoleOperator, RoleFinance, RoleShipper, RoleWindow, RoleManager, RoleSupervisor, RoleAdmin, RoleSecurity, RoleAuditor, RoleStaff}
	roles := append([]Role{RoleHolder, "", "root"}, staff...)
	states := []State{Legacy, Unverified, Verified, Frozen, "", "other"}
	verbs := []Verb{SessionRead, SupplementRead, SupplementAct, ProfileAct, HolderRead, HolderAct, HolderSwift, AgentPair, AgentAct, MembersAct, KeysAct,
		FinanceOrders, FinanceRead, ReviewerRead, ReviewerAct, ApproverAct, ShipmentRead, ShipmentAct, SealRead, SealAct, WindowAct,
		ContentRead, ContentAct, ContentPublish, StaffRead, StaffInvite, StaffGrant, StaffSign, AdminAccounts, AdminSettings, AuditRead, NoticeRead,
		IssuanceStop, IssuanceRead, AuthorityRead, RevocationAct, InventoryRead, ImportAct, TokenRead, TokenAct, TokenFlash, "", "holder.everything"}
	granted := map[string]bool{}
	for _, role := range roles {
		for _, state := range states {
			for _, verb := range verbs {
				if Can(Actor{Role: role, State: state}, verb) == nil {
					t.Errorf("nobody may %s", verb)
				}
				if Can(Actor{AccountID: "acc_1", Role: role, State: state}, verb) == nil {
					granted[fmt.Sprintf("%s %s %s", role, state, verb)] = true
				}
			}
		}
	}
	var want []string
	add := func(who string, verbs ...Verb) {
		for _, v := range verbs {
			want = append(want, who+" "+string(v))
		}
	}
	add("holder legacy", SessionRead, SupplementRead, SupplementAct)
	add("holder unverified", SessionRead, ProfileAct, HolderRead, HolderAct, AgentPair, AgentAct)
	add("holder verified", SessionRead, ProfileAct, HolderRead, HolderAct, AgentPair, AgentAct, HolderSwift)
	for _, r := range staff {
		add(string(r)+" verified", SessionRead, ProfileAct, AgentPair, AgentAct, StaffSign, IssuanceRead)
	}
	add("reviewer verified", InventoryRead, ReviewerRead, ReviewerAct, WindowAct, RevocationAct, SealRead)
	add("approver verified", InventoryRead, ReviewerRead, ApproverAct, RevocationAct, SealRead, SealAct)
	add("operator verified", InventoryRead, TokenRead, TokenAct, TokenFlash)
	add("finance verified", FinanceRead, FinanceOrders)
	add("shipper verified", ShipmentRead, ShipmentAct, TokenRead)
	add("window verified", WindowAct)
	add("manager verified", ReviewerRead, FinanceRead, ShipmentRead, SealRead, ContentRead, ContentAct, ContentPublish)
	add("supervisor verified", ReviewerRead, SealRead)
	add("admin verified", ContentRead, InventoryRead, ImportAct, AdminSettings, NoticeRead, IssuanceStop, AuthorityRead)
	add("security verified", IssuanceStop, AuthorityRead, AdminAccounts, StaffRead, StaffInvite, StaffGrant)
	add("auditor verified", ContentRead, InventoryRead, AuditRead, AuthorityRead, ReviewerRead, FinanceRead, ShipmentRead, SealRead, TokenRead, StaffRead, NoticeRead)
	for _, w := range want {
		if !granted[w] {
			t.Errorf("denied: %s", w)
		}
		delete(granted, w)
	}
	for g := range granted {
		t.Errorf("granted: %s", g)
	}
	for _, m := range []Member{Owner, Handler, Reader, ""} { // an organisation's reader acts in nothing, and only its owner decides on members and keys
		for verb, want := range map[Verb]bool{HolderRead: true, ProfileAct: true, HolderAct: m != Reader, HolderSwift: m != Reader, AgentAct: m != Reader, MembersAct: m == Owner, KeysAct: m == Owner} {
			if got := Can(Actor{AccountID: "acc_1", Role: RoleHolder, State: Verified, Member: m}, verb) == nil; got != want {
				t.Errorf("a member who is %q: %s %v", m, verb, got)
			}
		}
	}
	both := Actor{AccountID: "acc_1", Role: RoleReviewer, Roles: []Role{RoleReviewer, RoleShipper}, State: Verified}
	if Can(both, ReviewerAct) != nil || Can(both, ShipmentAct) != nil || Can(both, FinanceRead) == nil {
		t.Error("several roles may what each of them may, and nothing else")
	}
	for code, err := range map[problem.Code]error{
		problem.CodeUnauthenticated:    Can(Actor{}, HolderRead),
		problem.CodeAccountFrozen:      Can(Actor{AccountID: "a", Role: RoleHolder, State: Frozen}, HolderRead),
		problem.CodeSupplementRequired: Can(Actor{AccountID: "a", Role: RoleHolder, State: Legacy}, HolderRead),
		problem.CodeFinanceOnly:        Can(Actor{AccountID: "a", Role: RoleAdmin, State: Verified}, FinanceOrders),
		problem.CodeForbidden:          Can(Actor{AccountID: "a", Role: RoleFinance, State: Verified}, ReviewerAct),
	} {
		if problem.CodeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	secrets := []any{Password("canary-7351"), Token("canary-7351"), Key("canary-7351"),
		LoginRequest{Password: "canary-7351"}, SupplementRequest{Password: "canary-7351", Confirm: "canary-7351"},
		Config{CodeKey: Key("canary-7351")}, &LoginRequest{Password: "canary-7351"}}
	for _, s := range secrets {
		logger.Info("x", "s", s)
		body := []byte{}
		if _, isConfig := s.(Config); !isConfig {
			var err error
			if body, err = json.Marshal(s); err != nil {
				t.Fatal(err)
			}
		}
		all := fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s, s, s, s) + string(body) + log.String()
		if strings.Contains(all, "canary") || strings.Contains(all, fmt.Sprintf("%x", "canary")) || strings.Contains(all, "99 97 110 97") {
			t.Errorf("%T prints: %s", s, all)
		}
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"198.51.100.7": "198.51.100.7", "::ffff:198.51.100.7": "198.51.100.7", "2001:db8::1": "2001:db8::/64",
		"2001:db8:0:0:ffff::9": "2001:db8::/64", "fe80::1%eth0": "fe80::/64", "": "unknown", "198.51.100.7, 10.0.0.1": "unknown", "x": "unknown",
	} {
		if got := address(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestCaptchaImages(t *testing.T) {
	entropy := rand.NewChaCha8([32]byte{7})
	first, err := drawDigits("8228", entropy)
	if err != nil {
		t.Fatal(err)
	}
	second, err := drawDigits("8228", entropy)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first, second) {
		t.Error("two images of one number are equal")
	}
	if len(first)*4/3+30 > 40000 { // openapi.yaml, Captcha.image
		t.Errorf("%d bytes", len(first))
	}
	image, err := png.Decode(bytes.NewReader(first))
	if err != nil || image.Bounds().Dx() != digitsWidth || image.Bounds().Dy() != digitsHeight {
		t.Fatal(image.Bounds(), err)
	}
}

func TestPhones(t *testing.T) {
	var accepted []string
	for _, typed := range []string{"13858011084", "1385801108", "138580110844", "12858011084", "23858011084", "+8613858011084", "+85213858011", "1385801108x", "", "138+58011084", "++13858011084"} {
		if number, ok := notice.Phone(typed); ok {
			accepted = append(accepted, number)
		}
	}
	if !slices.Equal(accepted, []string{"13858011084", "13858011084"}) {
		t.Fatal(accepted)
	}
}
