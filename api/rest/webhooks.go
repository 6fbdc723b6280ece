package rest

import (
	"context"

	"signet/api/account"
	"signet/api/notice"
)

func showPreferences(p notice.Preferences) NoticePreferences {
	return NoticePreferences{Language: NoticePreferencesLanguage(p.Language), Choices: each(p.Choices, func(c notice.Choice) NoticeChoice {
		return NoticeChoice{Kind: NoticeKind(c.Kind), Portal: c.Portal, Sms: c.SMS, Mail: c.Mail}
	})}
}

// GetNoticePreferences shows where one is told of what.
func (s *Server) GetNoticePreferences(c context.Context, _ GetNoticePreferencesRequestObject) (GetNoticePreferencesResponseObject, error) {
	ctx, in := enter(c)
	p, err := s.c.Notices.Preferences(ctx, in.actor.AccountID)
	if err != nil {
		return nil, err
	}
	return GetNoticePreferences200JSONResponse(showPreferences(p)), nil
}

// SetNoticePreferences chooses.
func (s *Server) SetNoticePreferences(c context.Context, r SetNoticePreferencesRequestObject) (SetNoticePreferencesResponseObject, error) {
	ctx, in := enter(c)
	p := notice.Preferences{Language: notice.Language(r.Body.Language), Choices: each(r.Body.Choices, func(c NoticeChoice) notice.Choice {
		return notice.Choice{Kind: notice.Kind(c.Kind), Portal: c.Portal, SMS: c.Sms, Mail: c.Mail}
	})}
	if err := s.c.Notices.SetPreferences(ctx, in.actor.AccountID, p); err != nil {
		return nil, err
	}
	p, err := s.c.Notices.Preferences(ctx, in.actor.AccountID)
	if err != nil {
		return nil, err
	}
	return SetNoticePreferences200JSONResponse(showPreferences(p)), nil
}

func byOf(a account.Actor) notice.By {
	return notice.By{AccountID: a.AccountID, OrganisationID: a.OrganisationID}
}

func showWebhook(w notice.Webhook) Webhook {
	return Webhook{Id: w.ID, Url: w.URL, Kinds: each(w.Kinds, func(k notice.Kind) NoticeKind { return NoticeKind(k) }), State: WebhookState(w.State), CreatedAt: w.CreatedAt}
}

func kindsOf(list []NoticeKind) []notice.Kind {
	return each(list, func(k NoticeKind) notice.Kind { return notice.Kind(k) })
}

func showDelivery(d notice.Delivery) WebhookDelivery {
	return WebhookDelivery{
		Id: d.ID, Event: d.Event, Body: d.Body, State: WebhookDeliveryState(d.State), Attempts: d.Attempts, Status: some(d.Status), Error: some(d.Error),
		CreatedAt: d.CreatedAt, TriedAt: someTime(d.TriedAt),
	}
}

// ListWebhooks lists the organisation's webhooks.
func (s *Server) ListWebhooks(c context.Context, _ ListWebhooksRequestObject) (ListWebhooksResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Notices.Webhooks(ctx, byOf(in.actor))
	return ListWebhooks200JSONResponse{Items: each(list, showWebhook)}, err
}

// AddWebhook registers an address.
func (s *Server) AddWebhook(c context.Context, r AddWebhookRequestObject) (AddWebhookResponseObject, error) {
	ctx, in := enter(c)
	made, secret, err := s.c.Notices.AddWebhook(ctx, byOf(in.actor), r.Body.Url, kindsOf(r.Body.Kinds))
	if err != nil {
		return nil, err
	}
	return AddWebhook201JSONResponse{Webhook: showWebhook(made), Secret: secret}, nil
}

// SetWebhook changes one.
func (s *Server) SetWebhook(c context.Context, r SetWebhookRequestObject) (SetWebhookResponseObject, error) {
	ctx, in := enter(c)
	w, err := s.c.Notices.SetWebhook(ctx, byOf(in.actor), r.Id, r.Body.Url, kindsOf(r.Body.Kinds), r.Body.Active)
	if err != nil {
		return nil, err
	}
	return SetWebhook200JSONResponse(showWebhook(w)), nil
}

// RemoveWebhook ends one.
func (s *Server) RemoveWebhook(c context.Context, r RemoveWebhookRequestObject) (RemoveWebhookResponseObject, error) {
	ctx, in := enter(c)
	return RemoveWebhook204Response{}, s.c.Notices.RemoveWebhook(ctx, byOf(in.actor), r.Id)
}

// TestWebhook sends a message that says nothing.
func (s *Server) TestWebhook(c context.Context, r TestWebhookRequestObject) (TestWebhookResponseObject, error) {
	ctx, in := enter(c)
	d, err := s.c.Notices.TestWebhook(ctx, byOf(in.actor), r.Id)
	if err != nil {
		return nil, err
	}
	return TestWebhook201JSONResponse(showDelivery(d)), nil
}

// ListWebhookDeliveries shows what went to one.
func (s *Server) ListWebhookDeliveries(c context.Context, r ListWebhookDeliveriesRequestObject) (ListWebhookDeliveriesResponseObject, error) {
	ctx, in := enter(c)
	page, size := max(value(r.Params.Page), 1), value(r.Params.Size)
	if size < 1 {
		size = 5
	}
	list, total, err := s.c.Notices.Deliveries(ctx, byOf(in.actor), r.Id, page, size)
	if err != nil {
		return nil, err
	}
	return ListWebhookDeliveries200JSONResponse{Items: each(list, showDelivery), Page: Page{Page: page, Size: size, Total: total, Pages: max(1, (total+size-1)/size)}}, nil
}

// RedeliverWebhook sends a delivery once more.
func (s *Server) RedeliverWebhook(c context.Context, r RedeliverWebhookRequestObject) (RedeliverWebhookResponseObject, error) {
	ctx, in := enter(c)
	return RedeliverWebhook204Response{}, s.c.Notices.Redeliver(ctx, byOf(in.actor), r.Id)
}
