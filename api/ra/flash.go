package ra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// stationTicket makes what a station gets to do.
func (r *RA) stationTicket(agentID string, by account.Actor, id string, c ticket.Claims, params any) (*ticket.Job, error) {
	raw, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	c.Agent, c.Session, c.ParamsHash, c.Actor, c.Account = agentID, "station", ticket.ParamsHash(raw), by.AccountID, by.Login
	jws, _, err := r.c.Relay.Ticket(c)
	return &ticket.Job{ID: id, Ticket: jws, Params: raw}, err
}

// StationClaim gives a station the job of a plugged key: the one that it began, or the next of the batch. A key that was issued, or is
// anything but blank otherwise, is refused.
//
// Nil/zero: nil when the batch has no more.
// Errors: those of account.Can; CodeNotFound; CodeBatchState before the start was signed; CodeTokenState, CodeTokenParked; CodeLeaseHeld.
// Source: token-agent.md §7.7, attack 23.
func (r *RA) StationClaim(ctx context.Context, agentID, batchID string, in ticket.FlashClaim) (*ticket.Job, error) {
	by, err := r.station(ctx, agentID)
	if err != nil {
		return nil, err
	}
	b, err := take[batchRow](r.db.Read(ctx), "batch", "id = ?", batchID)
	if err == nil {
		err = ofBatches.check(r.db.Read(ctx), by, account.TokenFlash, batchID)
	}
	if err != nil {
		return nil, err
	}
	if b.State != BatchStarted {
		return nil, errBatchState
	}
	if err := r.enterBlank(ctx, by, b, in); err != nil {
		return nil, err
	}
	job, err := r.claim(ctx, by, agentID, b, in.Serial)
	if err != nil || job == nil {
		return nil, err
	}
	return r.giveFlash(ctx, agentID, by, b, job)
}

// enterBlank puts a key nobody has seen into the register, with the maker's officer PIN of the batch.
func (r *RA) enterBlank(ctx context.Context, by account.Actor, b *batchRow, in ticket.FlashClaim) error {
	_, err := take[tokenRow](r.db.Read(ctx), "token", "id = ?", in.Serial)
	if !problem.Has(err, problem.CodeNotFound) {
		return err
	}
	entry := TokenEntry{Serial: in.Serial, Model: in.Model}
	if len(b.SOFirst) > 0 {
		so, err := r.c.SOKeys.Open(ctx, "first of "+b.ID, b.SOFirst)
		if err != nil {
			return fmt.Errorf("opening the maker's officer PIN: %w", err)
		}
		defer clear(so)
		entry.SOPIN = so
	}
	_, err = r.registerTokens(ctx, by.AccountID, []TokenEntry{entry}, nil)
	if store.IsDuplicate(err) {
		return nil // another claim was faster
	}
	return err
}

// claim finds the job of a key, or takes the next one for it.
func (r *RA) claim(ctx context.Context, by account.Actor, agentID string, b *batchRow, serial string) (*flashRow, error) {
	var job *flashRow
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		job = nil
		token, err := lock[tokenRow](tx, "token", serial)
		if err != nil {
			return err
		}
		if token.Parked {
			return errParked
		}
		old, err := take[flashRow](tx.DB(), "key of a batch", "token_serial = ?", serial)
		switch {
		case err == nil:
			job, err = resumable(old, b.ID, agentID, store.Millis(tx.Now()))
		case problem.Has(err, problem.CodeNotFound) && token.State == TokenBlank:
			job, err = nextFlash(tx, b.ID, serial)
		case problem.Has(err, problem.CodeNotFound):
			err = problem.New(problem.Conflict, problem.CodeTokenState, "The token is not blank.").WithParam("state", string(token.State))
		}
		if err != nil || job == nil {
			return err
		}
		return lease(tx, by, job, agentID)
	})
	if err != nil {
		return nil, fmt.Errorf("claiming a key: %w", err)
	}
	return job, nil
}

func resumable(old *flashRow, batchID, agentID string, now int64) (*flashRow, error) {
	switch {
	case old.BatchID != batchID || old.State == ticket.FlashLabelled:
		return nil, problem.New(problem.Conflict, problem.CodeTokenState, "The token was made already.")
	case old.AgentID != agentID && old.LeaseUntil > now:
		return nil, problem.New(problem.Conflict, problem.CodeLeaseHeld, "Another station has the key.")
	}
	return old, nil
}

// nextFlash takes the first waiting job for a key; nil when there is none.
func nextFlash(tx *store.Tx, batchID, serial string) (*flashRow, error) {
	for range 64 { // stations that take the same one at once: one wins, the others look again
		var rows []flashRow
		err := tx.DB().Where("batch_id = ? AND state = ?", batchID, ticket.FlashWaiting).Order("place").Limit(1).Find(&rows).Error
		if err != nil || len(rows) == 0 {
			return nil, err
		}
		key, err := newestSOKey(tx.DB())
		if err != nil {
			return nil, err
		}
		moved, err := tx.Move("ra_flash_jobs", rows[0].ID, []string{string(ticket.FlashWaiting)}, string(ticket.FlashClaimed), map[string]any{"token_serial": serial, "so_key": key})
		if err != nil {
			return nil, err
		}
		if moved {
			rows[0].State, rows[0].TokenSerial, rows[0].SOKey = ticket.FlashClaimed, &serial, key
			return &rows[0], nil
		}
	}
	return nil, problem.New(problem.Busy, problem.CodeConflict, "Many stations claim at once; try again.")
}

func lease(tx *store.Tx, by account.Actor, job *flashRow, agentID string) error {
	now := tx.Now()
	job.AgentID = agentID
	err := tx.DB().Model(&flashRow{}).Where("id = ?", job.ID).Updates(map[string]any{
		"agent_id": agentID, "lease_until": store.Millis(now.Add(leaseFor)), "problem": "", "changed_at": store.Millis(now)}).Error
	if err != nil {
		return err
	}
	if err := tx.DB().Model(&tokenRow{}).Where("id = ?", job.serial()).Update("flash_job", job.ID).Error; err != nil {
		return err
	}
	return tx.Audit(by.AccountID, "flash.claim", job.ID, map[string]any{"token": job.serial(), "agent": agentID, "state": string(job.State)})
}

// giveFlash signs the ticket of a claimed key.
func (r *RA) giveFlash(ctx context.Context, agentID string, by account.Actor, b *batchRow, f *flashRow) (*ticket.Job, error) {
	params, err := json.Marshal(ticket.FlashParams{Batch: b.ID, SignKeyID: ticket.KeyID(f.SignKeyID), EncKeyID: ticket.KeyID(f.EncKeyID),
		KeyAlg: string(pki.SM2), CommonName: clip(f.Name, 64), Certify: f.OrganisationID != ""})
	if err != nil {
		return nil, err
	}
	jws, id, err := r.c.Relay.Ticket(ticket.Claims{Agent: agentID, Session: "station", Op: ticket.OpFlash, Serial: f.serial(), ParamsHash: ticket.ParamsHash(params),
		Actor: by.AccountID, Account: by.Login, Display: []ticket.Line{{Label: "批次 Batch", Value: b.Number}, {Label: "单位 Organisation", Value: f.Name}}})
	if err != nil {
		return nil, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		res := tx.DB().Model(&flashRow{}).Where("id = ? AND agent_id = ?", f.ID, agentID).Update("ticket_id", id)
		if res.Error == nil && res.RowsAffected != 1 {
			return problem.New(problem.Conflict, problem.CodeLeaseHeld, "Another station has the key.")
		}
		return res.Error
	})
	return &ticket.Job{ID: f.ID, Ticket: jws, Params: params}, err
}

// flashInHand reads a job that this agent works on.
//
// Errors: CodeNotFound; CodeLeaseHeld once another station took it over.
func (r *RA) flashInHand(ctx context.Context, agentID, id string) (*flashRow, account.Actor, error) {
	by, err := r.station(ctx, agentID)
	if err != nil {
		return nil, by, err
	}
	f, err := take[flashRow](r.db.Read(ctx), "job", "id = ?", id)
	if err != nil {
		return nil, by, err
	}
	if f.AgentID != agentID || f.TicketID == "" {
		return nil, by, problem.New(problem.Conflict, problem.CodeLeaseHeld, "Another station has the key.")
	}
	return f, by, nil
}

// FlashStep answers a step of a station. Repeats get the same answer.
//
// Errors: those of account.Can; CodeNotFound, CodeLeaseHeld, CodeJobState; those of issuing.
func (r *RA) FlashStep(ctx context.Context, agentID, id, step string, body []byte) (any, error) {
	f, by, err := r.flashInHand(ctx, agentID, id)
	if err != nil {
		return nil, err
	}
	switch step {
	case ticket.StepSO:
		return r.flashSecrets(ctx, by, f, body)
	case ticket.StepReached:
		var in ticket.ReachedStep
		if err := strictJSON(body, &in); err != nil {
			return nil, err
		}
		return ticket.ReachedReply{}, r.flashReached(ctx, by, f, in)
	case ticket.StepCSR:
		var in ticket.CSRStep
		if err := strictJSON(body, &in); err != nil {
			return nil, err
		}
		return r.flashCertify(ctx, by, f, in)
	case ticket.StepProof:
		var in ticket.ProofStep
		if err := strictJSON(body, &in); err != nil {
			return nil, err
		}
		return r.flashProve(ctx, by, f, in)
	}
	return nil, problem.New(problem.Conflict, problem.CodeJobState, "Flashing has no such step.")
}

// flashWork names who is given officers' PINs: another station of the same job is another.
func (f *flashRow) flashWork() string { return f.ID + "/" + f.AgentID }

func (f *flashRow) transport() transportOf { return transportOf{job: f.ID, secretID: f.SOKey} }

// flashSecrets hands out the officer's PINs until they are known to be set, and the transport PIN always.
func (r *RA) flashSecrets(ctx context.Context, by account.Actor, f *flashRow, body []byte) (*ticket.SOReply, error) {
	var in ticket.SOStep
	if err := strictJSON(body, &in); err != nil {
		return nil, err
	}
	if in.Serial != f.serial() {
		return nil, problem.New(problem.Conflict, problem.CodeKeyWrongSerial, "The request is about another token.")
	}
	h := handing{job: f.ID, ticketID: f.TicketID, work: f.flashWork(), transport: f.transport(), by: by.AccountID, in: in}
	if !f.State.Beyond(ticket.FlashInitialised) {
		return r.handOut(ctx, h)
	}
	token, err := take[tokenRow](r.db.Read(ctx), "token", "id = ?", f.serial())
	if err != nil {
		return nil, err
	}
	pin, err := r.transportPIN(ctx, token, f.transport())
	if err != nil {
		return nil, err
	}
	defer pin.Wipe()
	return sealFor(h, ticket.SOSecrets{From: token.SOVersion, To: token.SOVersion, Transport: pin})
}

// flashReached moves a job on; what it has passed already is no news. States that the portal makes itself are not taken on a word.
func (r *RA) flashReached(ctx context.Context, by account.Actor, f *flashRow, in ticket.ReachedStep) error {
	switch in.State {
	case ticket.FlashInitialised, ticket.FlashSignKey, ticket.FlashCertWritten, ticket.FlashEncKeyImported, ticket.FlashEncCertWritten:
	case ticket.FlashPINsSet:
		if in.Officer == nil || in.Officer.Serial != f.serial() || !in.Officer.PINSet {
			return problem.New(problem.Conflict, problem.CodeJobState, "The PINs are not said to be set.")
		}
	default:
		return problem.New(problem.Conflict, problem.CodeJobState, "That state is not reached on a word.")
	}
	if f.OrganisationID == "" && in.State.Beyond(ticket.FlashPINsSet) || in.State.Beyond(ticket.FlashCSR) && f.CertificateID == "" {
		return problem.New(problem.Conflict, problem.CodeJobState, "There is no certificate yet.")
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		if in.Officer != nil {
			if err := commitSO(tx, f.flashWork(), *in.Officer); err != nil {
				return err
			}
			if _, err := moveToken(tx, f.serial(), []TokenState{TokenBlank}, TokenInitialised, map[string]any{"must_change": true}); err != nil {
				return err
			}
		}
		return forward(tx, by, f, in.State, nil)
	})
}

// forward takes a job to a later state and prolongs its lease.
func forward(tx *store.Tx, by account.Actor, f *flashRow, to ticket.FlashState, extra map[string]any) error {
	now := tx.Now()
	set := map[string]any{"lease_until": store.Millis(now.Add(leaseFor)), "changed_at": store.Millis(now)}
	for k, v := range extra {
		set[k] = v
	}
	var from []string
	for _, s := range ticket.FlashStates {
		if to.Beyond(s) {
			from = append(from, string(s))
		}
	}
	moved, err := tx.Move("ra_flash_jobs", f.ID, from, string(to), set)
	if err != nil {
		return err
	}
	if !moved {
		return tx.DB().Model(&flashRow{}).Where("id = ?", f.ID).Update("lease_until", set["lease_until"]).Error
	}
	return tx.Audit(by.AccountID, "flash.reached", f.ID, map[string]any{"state": string(to), "token": f.serial()})
}

// FlashResult takes how a key ended. A problem keeps what was reached and lets the key be claimed again at once.
//
// Errors: as FlashStep; CodeTicketInvalid for an outcome that the agent did not sign over the last ticket; CodeJobState before the proof.
func (r *RA) FlashResult(ctx context.Context, agentID, id string, o ticket.Outcome) error {
	f, by, err := r.flashInHand(ctx, agentID, id)
	if err != nil {
		return err
	}
	key, err := r.c.Relay.AgentKey(ctx, agentID)
	if err != nil {
		return err
	}
	o.Ticket = f.TicketID
	if key == nil || o.Verify(key) != nil {
		return problem.New(problem.Denied, problem.CodeTicketInvalid, "The outcome is not signed by the agent over the last ticket.")
	}
	if o.Problem != nil {
		return r.flashFailed(ctx, by, f, *o.Problem)
	}
	var got ticket.FlashResult
	if json.Unmarshal(o.Result, &got) != nil || got.Serial != f.serial() {
		return problem.New(problem.Conflict, problem.CodeJobState, "The result is about another token.")
	}
	least := ticket.FlashVerified
	if f.OrganisationID == "" {
		least = ticket.FlashPINsSet
	}
	if least.Beyond(f.State) {
		return problem.New(problem.Conflict, problem.CodeProofFailed, "The key did not prove what was written.")
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		return forward(tx, by, f, ticket.FlashLabelled, map[string]any{"outcome": []byte(o.Result), "signature": o.Signature, "problem": ""})
	})
}

func (r *RA) flashFailed(ctx context.Context, by account.Actor, f *flashRow, p ticket.Problem) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		err := tx.DB().Model(&flashRow{}).Where("id = ? AND state <> ?", f.ID, ticket.FlashLabelled).
			Updates(map[string]any{"problem": clip(string(p.Code), 500), "lease_until": store.Millis(tx.Now()), "changed_at": store.Millis(tx.Now())}).Error
		if err != nil {
			return err
		}
		if p.Code == ticket.SORefused {
			if err := park(tx, f.serial(), p.Detail); err != nil {
				return err
			}
		}
		return tx.Audit(by.AccountID, "flash.stopped", f.ID, map[string]any{"code": string(p.Code), "token": f.serial()})
	})
}

// enrolment is the job as the parts that issue for enrolments see it.
func (f *flashRow) enrolment(b *batchRow) *enrolmentRow {
	return &enrolmentRow{ID: f.ID, OrganisationID: f.OrganisationID, State: EnrolCreated, TokenSerial: f.serial(), CA: b.CA, KeyAlg: string(pki.SM2),
		SPKIHash: f.SPKIHash, NotAfterAt: b.NotAfterAt, CertificateID: f.CertificateID, Reply: f.Reply, Expected: f.Expected}
}

// flashCertify answers a certificate request. The same key gets the same certificates however often it asks; a key made anew, because the
// first was lost half-way, gets new ones and those of the first are revoked.
func (r *RA) flashCertify(ctx context.Context, by account.Actor, f *flashRow, in ticket.CSRStep) (*ticket.CSRReply, error) {
	if f.OrganisationID == "" || in.Serial != f.serial() || !f.State.Beyond(ticket.FlashInitialised) {
		return nil, problem.New(problem.Conflict, problem.CodeJobState, "This key is not to be certified now.")
	}
	csr, err := readCSR(in.CSR)
	if err != nil {
		return nil, err
	}
	b, err := take[batchRow](r.db.Read(ctx), "batch", "id = ?", f.BatchID)
	if err != nil {
		return nil, err
	}
	key := hashHex(csr.SPKI)
	if f.SPKIHash == key && len(f.Reply) > 0 {
		e := f.enrolment(b)
		e.State = EnrolIssued
		return issuedReply(e, key)
	}
	if f.State.Beyond(ticket.FlashEncCertWritten) {
		return nil, problem.New(problem.Conflict, problem.CodeCSRKeyMismatch, "A certificate was issued and proved for another key already.").WithField("csr")
	}
	if err := r.checkKeyFree(ctx, f.enrolment(b), csr.SPKI); err != nil {
		return nil, err
	}
	if err := r.bindFlash(ctx, f, b, key); err != nil {
		return nil, err
	}
	return r.flashIssue(ctx, by, f, b, csr)
}

// bindFlash writes down which key is certified, and gives up what was made for an earlier one.
func (r *RA) bindFlash(ctx context.Context, f *flashRow, b *batchRow, key string) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lock[flashRow](tx, "job", f.ID)
		if err != nil {
			return err
		}
		if row.SPKIHash != "" && row.SPKIHash != key {
			if err := emitVoid(tx, requestID(f.ID, row.SPKIHash), b.CA, tx.Now()); err != nil {
				return err
			}
			if row.CertificateID != "" {
				if _, err := tx.Move("ra_certificates", row.CertificateID, []string{string(certPending)}, string(certVoid), nil); err != nil {
					return err
				}
			}
		}
		f.SPKIHash, f.CertificateID, f.Reply = key, "", []byte{}
		return tx.DB().Model(&flashRow{}).Where("id = ?", f.ID).Updates(map[string]any{"spki_hash": key, "certificate_id": "", "reply": []byte{}, "expected": []byte{}}).Error
	})
}

func (r *RA) flashIssue(ctx context.Context, by account.Actor, f *flashRow, b *batchRow, csr *pki.CertificateRequest) (*ticket.CSRReply, error) {
	e, none := f.enrolment(b), &certificateRow{}
	enc, _, err := r.encryptionKey(ctx, e, none, csr.SPKI)
	if err != nil {
		return nil, err
	}
	a := &applicationRow{ProjectSlug: b.ProjectSlug} // a batch has none
	pair, err := r.issuePair(ctx, by, a, e, csr.SPKI, enc.SPKI, false)
	if err != nil {
		return nil, err
	}
	made, err := r.newCertificate(e, a, none, pair)
	if err != nil {
		return nil, err
	}
	reply, expected, _, err := r.reply(ctx, a, e, none, made, enc.Envelope)
	if err != nil {
		return nil, err
	}
	return r.keepFlashed(ctx, by, f, made, reply, expected)
}

// keepFlashed records the pair, once for a key.
func (r *RA) keepFlashed(ctx context.Context, by account.Actor, f *flashRow, made *certificateRow, reply *ticket.CSRReply, expected []ticket.Opened) (*ticket.CSRReply, error) {
	replyJSON, err1 := json.Marshal(reply)
	expectedJSON, err2 := json.Marshal(expected)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("keeping the pair: %w", err)
	}
	var kept *flashRow
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lock[flashRow](tx, "job", f.ID)
		if err != nil {
			return err
		}
		if kept = row; row.SPKIHash != f.SPKIHash || len(row.Reply) > 0 {
			return nil // another call was faster
		}
		kept = nil
		made.CreatedAt, made.ChangedAt = store.Millis(tx.Now()), store.Millis(tx.Now())
		if err := tx.DB().Create(made).Error; err != nil {
			return err
		}
		err = tx.DB().Model(&flashRow{}).Where("id = ?", f.ID).Updates(map[string]any{"certificate_id": made.ID, "reply": replyJSON, "expected": expectedJSON}).Error
		if err != nil {
			return err
		}
		return forward(tx, by, f, ticket.FlashCSR, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("keeping the pair: %w", err)
	}
	if kept != nil {
		return issuedReply(&enrolmentRow{ID: kept.ID, SPKIHash: kept.SPKIHash, Reply: kept.Reply}, f.SPKIHash)
	}
	return reply, nil
}

// flashProve takes the new pair into use once the key has shown all of it.
func (r *RA) flashProve(ctx context.Context, by account.Actor, f *flashRow, in ticket.ProofStep) (*ticket.ProofReply, error) {
	reply := &ticket.ProofReply{Remove: [][]byte{}}
	if f.CertificateID == "" {
		return nil, problem.New(problem.Conflict, problem.CodeJobState, "Nothing was issued yet.")
	}
	made, err := take[certificateRow](r.db.Read(ctx), "certificate", "id = ?", f.CertificateID)
	if err != nil {
		return nil, err
	}
	if _, err := checkProof(&enrolmentRow{ID: f.ID, Reply: f.Reply, Expected: f.Expected}, made, in); err != nil {
		return nil, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		moved, err := tx.Move("ra_certificates", made.ID, []string{string(certPending)}, string(certActive), map[string]any{"changed_at": store.Millis(tx.Now())})
		if err != nil || !moved {
			return err // proved before
		}
		_, err = moveToken(tx, f.serial(), []TokenState{TokenBlank, TokenInitialised}, TokenIssued, map[string]any{"organisation_id": f.OrganisationID, "must_change": true})
		if err != nil {
			return err
		}
		if err := tx.Audit(by.AccountID, "flash.proved", f.ID, map[string]any{"certificate": made.ID, "serial": made.SerialHex, "signature": hashHex(in.Signature)}); err != nil {
			return err
		}
		return forward(tx, by, f, ticket.FlashVerified, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("keeping proof: %w", err)
	}
	return reply, nil
}
