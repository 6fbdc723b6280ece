package apitest

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/notice"
	"signet/api/store"
	"signet/api/watch"
	"signet/cmd/signet/wiring"
)

// moodyGateway refuses messages until it is told not to.
type moodyGateway struct {
	mu      sync.Mutex
	willing bool
	carried []notice.Envelope
}

func (g *moodyGateway) Deliver(_ context.Context, e notice.Envelope) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.willing {
		return notice.ErrRefused
	}
	g.carried = append(g.carried, e)
	return nil
}

// TestFailedNoticeIsSentAgain: what the gateway refused stands as failed in the back office, without the whole number; staff have it sent again, once,
// and it arrives.
func TestFailedNoticeIsSentAgain(t *testing.T) {
	gateway := &moodyGateway{}
	s := Start(t, func(c *wiring.Config) { c.SMS = gateway })
	admin, auditor := s.Staff(t, "admin"), s.Staff(t, "auditor")
	for _, a := range s.Made.Staff {
		if a.Role == "admin" {
			must(t, s.DB.Tx(t.Context(), func(tx *store.Tx) error {
				return tx.DB().Exec("UPDATE acct_accounts SET phone = '13966660001' WHERE login = ?", a.Login).Error
			}))
		}
	}
	Call(t, admin, http.MethodPost, "/admin/alarms/test", nil, nil)
	type item struct{ ID, To, Template, State, Text string }
	await := func(state string) (found item) {
		t.Helper()
		for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			var list struct{ Items []item }
			Call(t, auditor, http.MethodGet, "/admin/notices?search=0001&size=100", nil, &list)
			for _, i := range list.Items {
				if i.Template == watch.AlarmRaised && strings.Contains(i.Text, "测试告警") {
					found = i
				}
			}
			if found.State == state {
				return found
			}
			if time.Now().After(end) {
				t.Fatalf("not %s: %+v", state, found)
			}
		}
	}
	failed := await("failed")
	if failed.To != "139****0001" {
		t.Errorf("got %+v", failed)
	}
	again := "/admin/notices/" + failed.ID + "/retry"
	Refused(t, auditor, http.MethodPost, again, nil, http.StatusForbidden, "forbidden")
	gateway.mu.Lock()
	gateway.willing = true
	gateway.mu.Unlock()
	Call(t, admin, http.MethodPost, again, nil, nil)
	if sent := await("sent"); sent.ID != failed.ID {
		t.Errorf("another message was sent: %+v", sent)
	}
	gateway.mu.Lock()
	defer gateway.mu.Unlock()
	if len(gateway.carried) != 1 || gateway.carried[0].ID != failed.ID || gateway.carried[0].To != "13966660001" {
		t.Errorf("carried: %+v", gateway.carried)
	}
	Refused(t, admin, http.MethodPost, again, nil, http.StatusConflict, "conflict")
	var entries struct{ Items []struct{ Object string } }
	Call(t, auditor, http.MethodGet, "/admin/audit?act=notice.resend", nil, &entries)
	if len(entries.Items) != 1 || entries.Items[0].Object != failed.ID {
		t.Errorf("in the audit: %+v", entries)
	}
}
