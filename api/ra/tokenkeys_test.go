package ra

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ukey/agent"
	"signet/ukey/ticket"
)

// objects lists what the portal shows of the party's USB key, by hash.
func (p *party) objects() map[string]TokenObject {
	p.t.Helper()
	_, err := p.ra.ListKeys(p.ctx, p.me, "")
	check(p.t, err)
	var found ticket.ListResult
	check(p.t, json.Unmarshal(p.done().Result, &found))
	keys, err := p.ra.Annotate(p.ctx, p.me, found)
	check(p.t, err)
	all := map[string]TokenObject{}
	for _, ob := range keys[0].Objects {
		all[hex.EncodeToString(ob.SPKIHash)] = ob
	}
	return all
}

// refuser types the PINs, and does not agree to what is only to be confirmed.
type refuser struct{ chooser }

func (refuser) Confirm(context.Context, agent.Prompt) error { return agent.ErrCancelled }

// TestDueOfficerPINIsRotated: after a renewal of the secret the holder is asked at the next work with the key, once a day, and a refusal is in nobody's way.
func TestDueOfficerPINIsRotated(t *testing.T) {
	c := &clock{}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		p := o.locked()
		p.dialogue = chooser{}
		p.start()
		_, err := p.ra.StartUnlock(p.ctx, p.me, p.unlock(true).ID, target)
		check(t, err)
		p.done()
		signHash, err := hex.DecodeString(p.kept(p.certificate().ID).SignSPKIHash)
		check(t, err)
		works := func() { // the holder does something with the key
			t.Helper()
			p.touch()
			_, err := p.ra.LabelKey(p.ctx, p.me, target, signHash, "投标")
			check(t, err)
			p.done()
		}
		idle := func() {
			t.Helper()
			if job, err := p.relay.Next(p.ctx, p.agentID, 0); err != nil || job != nil {
				t.Fatalf("a job nobody asked for: %+v %v", job, err)
			}
		}
		renew := func() {
			t.Helper()
			_, _, err := RenewSOKey(o.ctx, db, o.custody, "acc_admin")
			check(t, err)
		}
		works()
		idle() // nothing is due

		renew()
		works()
		if v := p.done(); v.Op != ticket.OpTakeOver {
			t.Fatalf("the job is %s", v.Op)
		}
		if got := p.tokenNow(); got.SOExposed || got.SOVersion != 2 || !p.opensWith(freshPIN) {
			t.Errorf("%+v", got)
		}
		renew()
		works()
		idle() // asked today

		c.set(c.Now().Add(rotateEvery + time.Minute))
		p.dialogue = refuser{}
		p.start()
		works()
		p.failed(problem.Code(ticket.PINCancelled))
		if got := p.tokenNow(); !got.SOExposed || got.SOVersion != 2 {
			t.Errorf("%+v", got)
		}
		if w := p.unlock(true); w.State != WorkApproved { // not held up by what was refused
			t.Errorf("%+v", w)
		}
		o.audited()
	})
}

// TestKeysOnToken names pairs and deletes those that are not needed: never one that is in use or that a bid is sealed to, and the only copy of a key that
// decrypts only when the holder says so.
func TestKeysOnToken(t *testing.T) {
	each(t, &clock{now: start}, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, &clock{now: start})
		p := o.party()
		legacy := p.certificate()
		p.pay()
		p.renewed()
		old, now := p.kept(legacy.ID), p.kept(p.certificate().ID)
		hash := func(text string) []byte {
			t.Helper()
			raw, err := hex.DecodeString(text)
			check(t, err)
			return raw
		}
		oldEnc, sign, enc := hash(old.EncSPKIHash), hash(now.SignSPKIHash), hash(now.EncSPKIHash)
		on := p.objects()
		if !on[old.EncSPKIHash].History || on[now.SignSPKIHash].History || on[now.EncSPKIHash].History || len(on) != 3 {
			t.Fatalf("on the key: %+v", on)
		}

		// Names.
		_, err := p.ra.LabelKey(p.ctx, p.me, target, oldEnc, "旧的加密密钥")
		check(t, err)
		p.done()
		if got := p.objects()[old.EncSPKIHash].Label; got != "旧的加密密钥" {
			t.Errorf("the name is %q", got)
		}
		_, err = p.ra.LabelKey(p.ctx, p.me, target, oldEnc, strings.Repeat("长", 22))
		want(t, err, problem.CodeInvalidField)
		_, err = p.ra.LabelKey(p.ctx, p.me, target, make([]byte, 32), "x")
		want(t, err, problem.CodeCertificateForeign)
		_, err = p.ra.LabelKey(p.ctx, o.stranger(), target, oldEnc, "x")
		want(t, err, problem.CodeCertificateForeign)

		// What has to stay.
		for _, needed := range [][]byte{sign, enc} {
			_, err = p.ra.DeleteKeys(p.ctx, p.me, target, [][]byte{needed}, true)
			want(t, err, problem.CodeKeyNeeded)
		}
		_, err = p.ra.DeleteKeys(p.ctx, p.me, target, [][]byte{oldEnc, sign}, true) // nothing of a list that holds one
		want(t, err, problem.CodeKeyNeeded)
		_, err = p.ra.DeleteKeys(p.ctx, p.me, target, nil, true)
		want(t, err, problem.CodeInvalidField)
		_, err = p.ra.DeleteKeys(p.ctx, o.stranger(), target, [][]byte{oldEnc}, true)
		want(t, err, problem.CodeCertificateForeign)
		_, err = p.ra.DeleteKeys(p.ctx, p.me, target, [][]byte{oldEnc}, false)
		want(t, err, problem.CodeKeyOnlyCopy)
		seal, err := p.ra.AddSeal(p.ctx, p.me, legacy.ID, SealRequest{Name: "未开标文件", OpensAt: p.clock.Now().Add(time.Hour)})
		check(t, err)
		_, err = p.ra.DeleteKeys(p.ctx, p.me, target, [][]byte{oldEnc}, true)
		want(t, err, problem.CodeSealedBids)
		check(t, p.ra.RemoveSeal(p.ctx, p.me, seal.ID))
		if len(p.objects()) != 3 {
			t.Fatal("a refused deletion deleted")
		}

		// With the holder's word it goes; the agent asked once more.
		_, err = p.ra.DeleteKeys(p.ctx, p.me, target, [][]byte{oldEnc}, true)
		check(t, err)
		if v := p.run(); v.State != relay.Done {
			t.Fatalf("%+v", v.Problem)
		}
		if on := p.objects(); len(on) != 2 || on[old.EncSPKIHash].ID != "" {
			t.Errorf("still on the key: %+v", on)
		}

		// A key in escrow is not lost with the USB key: no word is needed, once its certificate is out of force.
		check(t, db.Tx(p.ctx, func(tx *store.Tx) error {
			return tx.DB().Model(&certificateRow{}).Where("id = ?", now.ID).Update("state", certRevoked).Error
		}))
		_, err = p.ra.DeleteKeys(p.ctx, p.me, target, [][]byte{sign, enc}, false)
		check(t, err)
		p.done()
		if keys, err := p.token().Keys(p.ctx); err != nil || len(keys) != 0 {
			t.Errorf("still on the key: %v %v", keys, err)
		}
		o.audited()
	})
}
