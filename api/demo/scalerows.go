package demo

import (
	"fmt"
	"time"

	"signet/api/store"
)

// tables are the rows of the made-up past. That of the USB keys is the last: by it one knows that all is there.
func (c *Crowd) tables() []crowdTable {
	millis, id := store.Millis, func(prefix string, i int) string { return fmt.Sprintf("%s_%020d", prefix, i) }
	hours := func(i int) time.Time { // within the last year
		return c.Now.AddDate(-1, 0, 0).Add(time.Duration(i*7919%(364*24*60)) * time.Minute)
	}
	open := []string{"pending", "reviewing", "returned", "rejected", "withdrawn"}
	return []crowdTable{
		{"acct_organisations", "id, name, nature, uscc, org_code, code_warning, status, batch_id, created_at", c.N / 4, func(i int) []any {
			org, name, code := c.Organisation(i)
			return []any{org, name, "enterprise", code, "", "", "unverified", "made-up", millis(c.Now.Add(-time.Duration(i) * time.Second))}
		}},
		{"ca_certificates", "ca, serial_hex, request_id, profile, subject, der, not_before_at, not_after_at, spki_hash, pair_id, issued_at, asked_by, shard", c.N, func(k int) []any {
			_, name, _ := c.Organisation(k / 4)
			made, ends := c.times(k)
			return []any{
				c.CA, c.Serial(k), fmt.Appendf(nil, "made-up-%09d", k), []string{"org-sign", "org-enc"}[k%2], "CN=" + name, c.certificate(k), millis(made), millis(ends),
				c.KeyHash(k), fmt.Sprintf("made-up-%09d", k/2), millis(made), "made-up", 0,
			}
		}},
		{"ra_certificates", `id, organisation_id, project_slug, origin, state, name, issuer_name, ca, key_alg, serial_hex, sign_der, sign_hash, sign_spki_hash, enc_serial_hex, enc_der,
			enc_hash, enc_spki_hash, not_before_at, not_after_at, token_serial, region, predecessor_id, successor_id, warning, batch_id, created_at, changed_at`, c.N / 2, func(i int) []any {
			k := 2 * i
			org, name, _ := c.Organisation(k / 4)
			made, ends := c.times(k)
			state, before, after := "superseded", "", id("crt", i+1)
			if i%2 == 1 {
				state, before, after = "active", id("crt", i-1), ""
			}
			return []any{
				id("crt", i), org, ProjectSlug, "signet", state, name, "made-up", c.CA, "sm2", c.Serial(k), []byte{}, fmt.Sprintf("%064x", k), fmt.Sprintf("%x", c.KeyHash(k)),
				c.Serial(k + 1), []byte{}, fmt.Sprintf("%064x", k+1), fmt.Sprintf("%x", c.KeyHash(k+1)), millis(made), millis(ends), c.Token(i / 2), crowdRegion(k / 4), before, after, "",
				"made-up", millis(made), millis(made),
			}
		}},
		{"ca_revocations", "ca, serial_hex, reason, revoked_at, invalid_at, not_after_at, asked_by, note, shard, revision", c.N / 40, func(i int) []any {
			made, ends := c.times(40 * i)
			return []any{c.CA, c.Serial(40 * i), 4, millis(made.AddDate(0, 6, 0)), 0, millis(ends), "made-up", "", 0, 0}
		}},
		{"ra_applications", `id, number, kind, state, organisation_id, account_id, project_slug, certificate_id, notice_title, notice_text, notice_version, consent, consent_at, token_serial,
			new_certificate_id, active_job_id, created_at, changed_at, organisation_name, organisation_code, steps, submitted_at, due_at`, c.N / 4, func(i int) []any {
			org, name, code := c.Organisation(i)
			state, at := "completed", hours(i)
			if i%250 == 0 { // those that wait: a thousand of a million certificates
				state, at = open[i/250%len(open)], c.Now.Add(-time.Duration(i%97)*time.Hour)
			}
			return []any{
				id("app", i), fmt.Sprintf("YQ%010d", i), []string{"renew", "change_name", "replace", "new"}[i%4], state, org, c.who, ProjectSlug, id("crt", 2*i), "", "", "", []byte{}, 0, "",
				id("crt", 2*i+1), "", millis(at), millis(at), name, code, 1, millis(at), millis(at.Add(48 * time.Hour)),
			}
		}},
		{"ra_reviews", "id, application_id, step, decision, reasons, note, by_account, by_name, text, signature, at", c.N / 4, func(i int) []any {
			return []any{id("rev", i), id("app", i), 1, "approve", "[]", "", fmt.Sprintf("acc_%d", i%12), fmt.Sprintf("审核员%d", i%12), "", []byte{}, millis(hours(i))}
		}},
		{"ra_orders", `id, number, organisation_id, account_id, organisation_name, service_id, title, amount_cents, term_months, state, remark, pay_method, reference, confirmed_by,
			confirmed_name, created_at, paid_at, closed_at, new_to_at`, c.N / 4, func(i int) []any {
			org, name, _ := c.Organisation(i)
			at := millis(c.Now.Add(-time.Duration(i) * time.Minute))
			return []any{
				id("ord", i), fmt.Sprintf("DD%010d", i), org, c.who, name, "", "证书服务", 20000, 12, []string{"paid", "paid", "paid", "closed"}[i%4], fmt.Sprintf("R%09d", i), "transfer", "", "",
				"", at, at, 0, 0,
			}
		}},
		{"ra_shipments", `id, number, state, application_id, organisation_id, organisation_name, recipient, phone, region, address, postcode, token_serial, carrier, tracking, track, note,
			packed_by, received_by, shipped_at, delivered_at, received_at, polled_at, created_at, changed_at`, c.N / 20, func(i int) []any {
			org, name, _ := c.Organisation(i)
			at := millis(c.Now.Add(-time.Duration(i) * time.Minute))
			return []any{
				id("shp", i), fmt.Sprintf("JS%010d", i), []string{"received", "received", "received", "waiting"}[i%4], id("app", i), org, name, "张三", "13900000000", "浙江省 金华市", "某路 1 号",
				"", c.Token(i), "", "", "[]", "", "", "", 0, 0, 0, at, at, at,
			}
		}},
		{"ra_tokens", `id, model, label, state, organisation_id, so_first, so_version, so_pending, so_work, so_doubt, so_exposed, pin_rule, parked, parked_note, must_change, flash_job,
			created_at, changed_at`, c.N / 4, func(i int) []any {
			org, _, _ := c.Organisation(i)
			return []any{c.Token(i), "made-up", "", "active", org, []byte{}, 0, 0, "", 0, 0, "", 0, "", 0, "", millis(c.Now), millis(c.Now)}
		}},
	}
}
