package account

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/api/notice"
)

// TestWebhooksHearOfAccounts: what becomes of an organisation's people and of itself goes to its webhooks, with the member's id and
// nothing else about the person; another organisation's hear nothing.
func TestWebhooksHearOfAccounts(t *testing.T) {
	each(t, func(f *fixture) {
		owner := f.owner()
		boss := notice.By{AccountID: owner.AccountID, OrganisationID: owner.OrganisationID}
		hook, _, err := f.c.Notice.AddWebhook(f.Context(), boss, "https://erp.example.com/signet", []notice.Kind{notice.KindSecurity, notice.KindOrganisation})
		f.ok(err)
		few, _, err := f.c.Notice.AddWebhook(f.Context(), boss, "https://erp.example.com/few", []notice.Kind{notice.KindOrder})
		f.ok(err)
		_, _, err = f.c.Notice.AddWebhook(f.Context(), notice.By{AccountID: "acc_other", OrganisationID: "org_other"}, "https://other.example.com/", []notice.Kind{notice.KindSecurity})
		f.ok(err)

		member := f.member(owner, secondPhone, Handler)
		f.clock.add(codeEvery)
		_, err = f.SendTransferCode(f.Context(), owner, home)
		f.ok(err)
		f.ok(f.TransferOwner(f.Context(), owner, member.AccountID, f.lastCode(handlerPhone)))
		owner, _ = f.enters(secondPhone, goodPassword)
		f.ok(f.RemoveMember(f.Context(), owner, boss.AccountID))
		_, _, err = f.CreateCompanyKey(f.Context(), owner, "ERP", []Scope{ScopeRead}, f.clock.Now().Add(time.Hour))
		f.ok(err)

		list, total, err := f.c.Notice.Deliveries(f.Context(), boss, hook.ID, 1, 50)
		f.ok(err)
		got := map[string]string{}
		for _, d := range list {
			var body struct {
				Type string            `json:"type"`
				Data map[string]string `json:"data"`
			}
			f.ok(json.Unmarshal([]byte(d.Body), &body))
			if body.Type != d.Event || body.Data["organisationId"] != boss.OrganisationID {
				f.Errorf("%s: %s", d.Event, d.Body)
			}
			got[d.Event] = body.Data["member"]
			for _, personal := range []string{secondPhone, handlerPhone, secondPhone[7:], handlerPhone[7:], "example.com", contactPhone} {
				if strings.Contains(d.Body, personal) {
					f.Errorf("%s says %s: %s", d.Event, personal, d.Body)
				}
			}
		}
		want := map[string]string{notice.MemberWelcome: member.AccountID, notice.OwnerChanged: member.AccountID, notice.MemberRemoved: boss.AccountID, notice.APIKeyMade: ""}
		if total != len(want) || !maps.Equal(got, want) {
			f.Errorf("%d: %v, want %v", total, slices.Sorted(maps.Keys(got)), want)
		}
		if _, total, err = f.c.Notice.Deliveries(f.Context(), boss, few.ID, 1, 50); err != nil || total != 0 {
			f.Error(total, err)
		}
	})
}
