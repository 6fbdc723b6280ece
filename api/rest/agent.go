package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"signet/api/account"
	"signet/api/ra"
	"signet/api/relay"
	"signet/ukey/ticket"
)

// CreatePairing makes a pairing code.
func (s *Server) CreatePairing(c context.Context, _ CreatePairingRequestObject) (CreatePairingResponseObject, error) {
	ctx, in := enter(c)
	p, err := s.c.Relay.CreatePairing(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return CreatePairing201JSONResponse(showPairing(p)), nil
}

// GetPairing says whether a code was used.
func (s *Server) GetPairing(c context.Context, r GetPairingRequestObject) (GetPairingResponseObject, error) {
	ctx, in := enter(c)
	p, err := s.c.Relay.Pairing(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetPairing200JSONResponse(showPairing(p)), nil
}

func showPairing(p relay.Pairing) Pairing {
	return Pairing{Id: p.ID, Code: some(p.Code), ExpiresAt: p.ExpiresAt, State: PairingState(p.State), AgentId: some(p.AgentID)}
}

// ListAgents lists the account's agents.
func (s *Server) ListAgents(c context.Context, _ ListAgentsRequestObject) (ListAgentsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Relay.ListAgents(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return ListAgents200JSONResponse{Items: each(list, func(a relay.Agent) Agent {
		return Agent{Id: a.ID, Name: a.Name, Version: some(a.Version), PairedAt: a.PairedAt, LastSeenAt: someTime(a.LastSeenAt), Online: a.Online}
	})}, nil
}

// DeleteAgent unpairs an agent.
func (s *Server) DeleteAgent(c context.Context, r DeleteAgentRequestObject) (DeleteAgentResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Relay.DeleteAgent(ctx, in.actor, r.Id); err != nil {
		return nil, err
	}
	return DeleteAgent204Response{}, nil
}

// CreateJob starts one of the jobs that serve the page alone.
func (s *Server) CreateJob(c context.Context, r CreateJobRequestObject) (CreateJobResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.startJob(ctx, in.actor, r.Body)
	if err != nil {
		return nil, err
	}
	shown, err := s.showJob(ctx, in.actor, v)
	return CreateJob202JSONResponse(shown), err
}

func (s *Server) startJob(ctx context.Context, by account.Actor, b *CreateJobJSONRequestBody) (relay.JobView, error) {
	t := ra.Target{AgentID: value(b.AgentId), TokenSerial: value(b.TokenSerial)}
	switch b.Op {
	case JobOpList:
		return s.c.RA.ListKeys(ctx, by, t.AgentID)
	case JobOpSign:
		return s.c.RA.SignFile(ctx, by, t, ticket.SignParams{
			Name: value(b.Name), Content: value(b.Content), Detached: value(b.Detached),
			Style: ticket.Style(or(b.Style, CreateJobRequestStyleGmt0010)), SPKIHash: value(b.SpkiHash), Files: signFiles(b.Files),
		})
	case JobOpDecrypt:
		return s.c.RA.OpenEnvelope(ctx, by, t, ticket.DecryptParams{Name: value(b.Name), Envelope: value(b.Content), PageKey: value(b.PageKey)})
	}
	return relay.JobView{}, invalid("op", "This operation belongs to an application or to the profile; it is not started here.")
}

// signFiles reads a list of documents.
func signFiles(list *SignFiles) []ticket.File {
	var files []ticket.File
	for _, f := range value(list) {
		files = append(files, ticket.File{Name: f.Name, Content: f.Content})
	}
	return files
}

// GetJob shows a job, at once or when it changed.
func (s *Server) GetJob(c context.Context, r GetJobRequestObject) (GetJobResponseObject, error) {
	ctx, in := enter(c)
	patient, cancel := s.waiting(ctx)
	defer cancel()
	v, err := s.c.Relay.Wait(patient, in.actor, r.Id, int64(value(r.Params.Seen)), seconds(value(r.Params.Wait)))
	if err != nil && s.draining.Err() != nil {
		v, err = s.c.Relay.Job(ctx, in.actor, r.Id)
	}
	if err != nil {
		return nil, err
	}
	shown, err := s.showJob(ctx, in.actor, v)
	return GetJob200JSONResponse(shown), err
}

// CancelJob cancels a job.
func (s *Server) CancelJob(c context.Context, r CancelJobRequestObject) (CancelJobResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.Relay.Cancel(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	shown, err := s.showJob(ctx, in.actor, v)
	return CancelJob200JSONResponse(shown), err
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func (s *Server) showJob(ctx context.Context, by account.Actor, v relay.JobView) (Job, error) {
	shown := Job{
		Id: v.ID, Op: JobOp(v.Op), State: JobState(v.State), Revision: int(v.Revision), Step: some(v.Step),
		CreatedAt: v.CreatedAt, ExpiresAt: v.ExpiresAt, ApplicationId: some(v.ApplicationID), Problem: showJobProblem(v.Problem),
	}
	if v.State != relay.Done {
		return shown, nil
	}
	out, err := s.outcome(ctx, by, v)
	if err != nil {
		return Job{}, fmt.Errorf("showing job %s: %w", v.ID, err)
	}
	shown.Result = out
	return shown, nil
}

func showJobProblem(p *ticket.Problem) *JobProblem {
	if p == nil {
		return nil
	}
	shown := &JobProblem{Code: ErrorCode(p.Code), Detail: some(p.Detail)}
	if p.Code == ticket.PINWrong && p.TriesLeft >= 0 {
		shown.TriesLeft = &p.TriesLeft
	}
	return shown
}

// outcome shows a result in the portal's words. That a job is done means that its handler accepted the result.
func (s *Server) outcome(ctx context.Context, by account.Actor, v relay.JobView) (*JobOutcome, error) {
	out, verified := &JobOutcome{}, true
	switch v.Op {
	case ticket.OpList:
		var r ticket.ListResult
		if err := json.Unmarshal(v.Result, &r); err != nil {
			return nil, err
		}
		keys, err := s.c.RA.Annotate(ctx, by, r)
		if err != nil {
			return nil, err
		}
		list := each(keys, showTokenKey)
		out.Keys = &list
	case ticket.OpSign:
		var r ticket.SignResult
		if err := json.Unmarshal(v.Result, &r); err != nil {
			return nil, err
		}
		out.Signature, out.Certificate = someBytes(r.Signature), someBytes(r.Certificate)
		if len(r.Signatures) > 0 {
			out.Signatures = &r.Signatures
		}
	case ticket.OpDecrypt:
		var r ticket.DecryptResult
		if err := json.Unmarshal(v.Result, &r); err != nil {
			return nil, err
		}
		out.Ephemeral, out.Nonce, out.Ciphertext = someBytes(r.Ephemeral), someBytes(r.Nonce), someBytes(r.Ciphertext)
	case ticket.OpProve, ticket.OpInit, ticket.OpUnlock, ticket.OpTakeOver, ticket.OpChangePIN, ticket.OpLabel, ticket.OpDelete, ticket.OpImport:
		out.Verified = &verified
	case ticket.OpEnrol:
		var r ticket.EnrolResult
		if err := json.Unmarshal(v.Result, &r); err != nil {
			return nil, err
		}
		removed := len(r.Removed)
		out.Removed, out.Verified = &removed, &verified
	}
	return out, nil
}

func showTokenKey(k ra.TokenKey) TokenKey {
	return TokenKey{
		Serial: k.Serial, Label: k.Label, Model: some(k.Model), Simulated: k.Simulated, PinLocked: k.PINLocked, Initialised: &k.Initialised,
		PinTriesLeft: &k.PINTriesLeft, Mine: &k.Mine, Blank: &k.Blank,
		Objects: each(k.Objects, func(o ra.TokenObject) TokenObject {
			return TokenObject{
				Id: o.ID, Usage: TokenObjectUsage(o.Usage), SpkiHash: o.SPKIHash, KeyAlg: some(o.KeyAlg), CertificateName: some(o.CertificateName),
				SerialHex: some(o.SerialHex), IssuerName: some(o.IssuerName), NotAfter: someTime(o.NotAfter), CertificateId: some(o.CertificateID),
				Label: some(o.Label), History: some(o.History),
			}
		}),
	}
}
