package rest

import (
	"context"

	"signet/api/account"
	"signet/api/ra"
	"signet/api/relay"
)

// SendUnlockCode sends a code by which the handler confirms an unlock.
func (s *Server) SendUnlockCode(c context.Context, r SendUnlockCodeRequestObject) (SendUnlockCodeResponseObject, error) {
	ctx, in := enter(c)
	if _, err := s.c.RA.Certificate(ctx, in.actor, r.Id); err != nil {
		return nil, err
	}
	sent, err := s.c.Accounts.SendUnlockCode(ctx, in.actor, in.address)
	if err != nil {
		return nil, err
	}
	return SendUnlockCode201JSONResponse{SentAt: sent.SentAt, ExpiresAt: sent.ExpiresAt, ResendAt: sent.ResendAt, ServerTime: s.now(), Simulated: sent.Simulated}, nil
}

// RequestUnlock opens an unlock application. A code is used up only for a certificate of the caller's own.
func (s *Server) RequestUnlock(c context.Context, r RequestUnlockRequestObject) (RequestUnlockResponseObject, error) {
	ctx, in := enter(c)
	if _, err := s.c.RA.Certificate(ctx, in.actor, r.Id); err != nil {
		return nil, err
	}
	code := value(r.Body.Code)
	if code != "" {
		if err := s.c.Accounts.UseUnlockCode(ctx, in.actor, code); err != nil {
			return nil, err
		}
	}
	v, err := s.c.RA.RequestUnlock(ctx, in.actor, r.Id, code != "")
	if err != nil {
		return nil, err
	}
	return RequestUnlock201JSONResponse(showWork(v)), nil
}

// GetUnlock shows an unlock application.
func (s *Server) GetUnlock(c context.Context, r GetUnlockRequestObject) (GetUnlockResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Unlock(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetUnlock200JSONResponse(showWork(v)), nil
}

// StartUnlock has the agent reset the PIN.
func (s *Server) StartUnlock(c context.Context, r StartUnlockRequestObject) (StartUnlockResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.StartUnlock(ctx, in.actor, r.Id, ra.Target{AgentID: value(r.Body.AgentId)})
	if err != nil {
		return nil, err
	}
	shown, err := s.showJob(ctx, in.actor, v)
	return StartUnlock202JSONResponse(shown), err
}

// WithdrawUnlock takes an unlock application back.
func (s *Server) WithdrawUnlock(c context.Context, r WithdrawUnlockRequestObject) (WithdrawUnlockResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.WithdrawUnlock(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return WithdrawUnlock200JSONResponse(showWork(v)), nil
}

// ListMyTokens lists the organisation's USB keys.
func (s *Server) ListMyTokens(c context.Context, r ListMyTokensRequestObject) (ListMyTokensResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.MyTokens(ctx, in.actor, paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListMyTokens200JSONResponse{Items: each(list.Items, showToken), Page: showPage(list.Page)}, nil
}

// ChangeTokenPIN has the holder change a PIN in the agent.
func (s *Server) ChangeTokenPIN(c context.Context, r ChangeTokenPINRequestObject) (ChangeTokenPINResponseObject, error) {
	shown, err := s.tokenJob(c, s.c.RA.ChangePIN, r.Serial, r.Body)
	return ChangeTokenPIN202JSONResponse(shown), err
}

// LabelTokenKey names a pair on a USB key.
func (s *Server) LabelTokenKey(c context.Context, r LabelTokenKeyRequestObject) (LabelTokenKeyResponseObject, error) {
	start := func(ctx context.Context, by account.Actor, t ra.Target) (relay.JobView, error) {
		return s.c.RA.LabelKey(ctx, by, t, r.Body.SpkiHash, r.Body.Label)
	}
	shown, err := s.tokenJob(c, start, r.Serial, &AgentChoice{AgentId: r.Body.AgentId})
	return LabelTokenKey202JSONResponse(shown), err
}

// DeleteTokenKeys removes pairs from a USB key.
func (s *Server) DeleteTokenKeys(c context.Context, r DeleteTokenKeysRequestObject) (DeleteTokenKeysResponseObject, error) {
	start := func(ctx context.Context, by account.Actor, t ra.Target) (relay.JobView, error) {
		return s.c.RA.DeleteKeys(ctx, by, t, r.Body.Keys, value(r.Body.LoseKey))
	}
	shown, err := s.tokenJob(c, start, r.Serial, &AgentChoice{AgentId: r.Body.AgentId})
	return DeleteTokenKeys202JSONResponse(shown), err
}

// TakeOverToken brings an officer's PIN into custody.
func (s *Server) TakeOverToken(c context.Context, r TakeOverTokenRequestObject) (TakeOverTokenResponseObject, error) {
	shown, err := s.tokenJob(c, s.c.RA.TakeOverToken, r.Serial, r.Body)
	return TakeOverToken202JSONResponse(shown), err
}

// InitToken initialises a blank key.
func (s *Server) InitToken(c context.Context, r InitTokenRequestObject) (InitTokenResponseObject, error) {
	start := func(ctx context.Context, by account.Actor, t ra.Target) (relay.JobView, error) {
		return s.c.RA.InitToken(ctx, by, t, string(value(r.Params.SealConsent)))
	}
	shown, err := s.tokenJob(c, start, r.Serial, r.Body)
	return InitToken202JSONResponse(shown), err
}

func (s *Server) tokenJob(c context.Context, start func(context.Context, account.Actor, ra.Target) (relay.JobView, error), serial string, choice *AgentChoice) (Job, error) {
	ctx, in := enter(c)
	v, err := start(ctx, in.actor, ra.Target{AgentID: value(choice.AgentId), TokenSerial: serial})
	if err != nil {
		return Job{}, err
	}
	return s.showJob(ctx, in.actor, v)
}

// ListUnlocks lists unlock applications for review.
func (s *Server) ListUnlocks(c context.Context, r ListUnlocksRequestObject) (ListUnlocksResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListUnlocks(ctx, in.actor, ra.WorkState(value(r.Params.State)), paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListUnlocks200JSONResponse{Items: each(list.Items, showWork), Page: showPage(list.Page)}, nil
}

// PrepareUnlockDecision gives the text of a decision that is to be signed.
func (s *Server) PrepareUnlockDecision(c context.Context, r PrepareUnlockDecisionRequestObject) (PrepareUnlockDecisionResponseObject, error) {
	ctx, in := enter(c)
	text, err := s.c.RA.UnlockDecisionText(ctx, in.actor, r.Id, ra.Word{Approve: r.Body.Approve, Note: value(r.Body.Note)})
	if err != nil {
		return nil, err
	}
	return PrepareUnlockDecision200JSONResponse{Text: text}, nil
}

// DecideUnlock approves or rejects an unlock application.
func (s *Server) DecideUnlock(c context.Context, r DecideUnlockRequestObject) (DecideUnlockResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.DecideUnlock(ctx, in.actor, r.Id, ra.Word{Approve: r.Body.Approve, Note: value(r.Body.Note), Signature: value(r.Body.Signature)})
	if err != nil {
		return nil, err
	}
	return DecideUnlock200JSONResponse(showWork(v)), nil
}

// ListTokens lists the register.
func (s *Server) ListTokens(c context.Context, r ListTokensRequestObject) (ListTokensResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListTokens(ctx, in.actor, ra.TokenFilter{State: ra.TokenState(value(r.Params.State)), Model: r.Params.Model, Serial: value(r.Params.Serial)}, paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListTokens200JSONResponse{Items: each(list.Items, showToken), Page: showPage(list.Page)}, nil
}

// CountTokens counts the stock.
func (s *Server) CountTokens(c context.Context, _ CountTokensRequestObject) (CountTokensResponseObject, error) {
	ctx, in := enter(c)
	counts, err := s.c.RA.CountTokens(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return CountTokens200JSONResponse{Items: each(counts, func(n ra.TokenCount) TokenCount {
		return TokenCount{Model: n.Model, State: TokenCountState(n.State), Count: n.Count}
	})}, nil
}

// RegisterTokens enters USB keys.
func (s *Server) RegisterTokens(c context.Context, r RegisterTokensRequestObject) (RegisterTokensResponseObject, error) {
	ctx, in := enter(c)
	entries := each(r.Body.Tokens, func(t TokenEntry) ra.TokenEntry {
		return ra.TokenEntry{Serial: t.Serial, Model: value(t.Model), Label: value(t.Label), State: ra.TokenState(value(t.State)),
			OrganisationID: value(t.OrganisationId), SignSerial: value(t.SignSerial), SOPIN: []byte(value(t.SoPin))}
	})
	added, err := s.c.RA.RegisterTokens(ctx, in.actor, entries)
	if err != nil {
		return nil, err
	}
	return RegisterTokens201JSONResponse{Added: added}, nil
}

// MoveToken moves a USB key to another state.
func (s *Server) MoveToken(c context.Context, r MoveTokenRequestObject) (MoveTokenResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.MoveToken(ctx, in.actor, r.Serial, ra.TokenState(r.Body.State), value(r.Body.Note))
	if err != nil {
		return nil, err
	}
	return MoveToken200JSONResponse(showToken(v)), nil
}

// ReleaseToken lets work go on with a parked USB key.
func (s *Server) ReleaseToken(c context.Context, r ReleaseTokenRequestObject) (ReleaseTokenResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.ReleaseToken(ctx, in.actor, r.Serial, r.Body.Version, r.Body.Note)
	if err != nil {
		return nil, err
	}
	return ReleaseToken200JSONResponse(showToken(v)), nil
}

func showWork(v ra.TokenWork) TokenWork {
	return TokenWork{Id: v.ID, Number: v.Number, Kind: TokenWorkKind(v.Kind), State: TokenWorkState(v.State), TokenSerial: v.TokenSerial,
		CertificateId: some(v.CertificateID), OrganisationId: some(v.OrganisationID), ActiveJobId: some(v.ActiveJobID), Note: some(v.Note),
		CreatedAt: v.CreatedAt, UpdatedAt: v.ChangedAt, ExpiresAt: someTime(v.ExpiresAt)}
}

func showToken(v ra.Token) Token {
	return Token{Serial: v.Serial, Model: v.Model, Label: some(v.Label), State: TokenState(v.State), OrganisationId: some(v.OrganisationID), OrganisationName: some(v.OrganisationName),
		SoVersion: v.SOVersion, SoKnown: v.SOKnown, SoPending: &v.SOPending, SoExposed: &v.SOExposed, Parked: v.Parked, ParkedNote: some(v.ParkedNote),
		MustChangePin: v.MustChangePIN, UpdatedAt: v.ChangedAt}
}
