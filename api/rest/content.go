package rest

import (
	"context"

	"signet/api/content"
	"signet/api/notice"
	"signet/api/ra"
)

// ListContent lists what there is of a kind.
func (s *Server) ListContent(c context.Context, r ListContentRequestObject) (ListContentResponseObject, error) {
	ctx, in := enter(c)
	items, err := s.c.Content.Items(ctx, in.actor, string(r.Params.Kind), value(r.Params.Search))
	if err != nil {
		return nil, err
	}
	size, total := or(r.Params.Size, 20), len(items)
	pages := max(1, (total+size-1)/size)
	page := min(or(r.Params.Page, 1), pages)
	shown := items[(page-1)*size : min(page*size, total)]
	return ListContent200JSONResponse{Items: each(shown, s.showContent), Page: showPage(ra.Page{Page: page, Size: size, Total: total, Pages: pages})}, nil
}

// GetContent shows one item.
func (s *Server) GetContent(c context.Context, r GetContentRequestObject) (GetContentResponseObject, error) {
	ctx, in := enter(c)
	one, err := s.c.Content.Item(ctx, in.actor, string(r.Kind), r.Key)
	if err != nil {
		return nil, err
	}
	return GetContent200JSONResponse(s.showContent(one)), nil
}

// CheckContent says what a document would change.
func (s *Server) CheckContent(c context.Context, r CheckContentRequestObject) (CheckContentResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Content.Check(ctx, in.actor, string(r.Kind), r.Key, r.Body.Document)
	if err != nil {
		return nil, err
	}
	return CheckContent200JSONResponse{Changes: each(list, showChange)}, nil
}

// SaveContentDraft keeps a document as the draft of an item.
func (s *Server) SaveContentDraft(c context.Context, r SaveContentDraftRequestObject) (SaveContentDraftResponseObject, error) {
	ctx, in := enter(c)
	one, err := s.c.Content.SaveDraft(ctx, in.actor, string(r.Kind), r.Key, r.Body.Document, value(r.Body.Note), r.Body.Revision)
	if err != nil {
		return nil, err
	}
	return SaveContentDraft200JSONResponse(s.showContent(one)), nil
}

// MoveContentDraft submits, publishes, returns or discards a draft.
func (s *Server) MoveContentDraft(c context.Context, r MoveContentDraftRequestObject) (MoveContentDraftResponseObject, error) {
	ctx, in := enter(c)
	one, err := s.c.Content.Move(ctx, in.actor, string(r.Kind), r.Key, string(r.Body.Act), value(r.Body.Note), r.Body.Revision)
	if err != nil {
		return nil, err
	}
	return MoveContentDraft200JSONResponse(s.showContent(one)), nil
}

// ListContentVersions lists versions, newest first.
func (s *Server) ListContentVersions(c context.Context, r ListContentVersionsRequestObject) (ListContentVersionsResponseObject, error) {
	ctx, in := enter(c)
	size := or(r.Params.Size, 20)
	list, err := s.c.Content.Versions(ctx, in.actor, string(r.Kind), r.Key, value(r.Params.Before), size+1)
	if err != nil {
		return nil, err
	}
	return ListContentVersions200JSONResponse{Items: each(list[:min(size, len(list))], showVersion), More: len(list) > size}, nil
}

// GetContentVersion shows one version.
func (s *Server) GetContentVersion(c context.Context, r GetContentVersionRequestObject) (GetContentVersionResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.Content.Version(ctx, in.actor, string(r.Kind), r.Key, r.Version)
	if err != nil {
		return nil, err
	}
	return GetContentVersion200JSONResponse(showVersion(v)), nil
}

func (s *Server) showContent(v content.Item) ContentItem {
	shown := ContentItem{
		Kind: ContentKind(v.Kind), Key: v.Key, Title: v.Title, Live: some(v.Live), Version: v.Version, PublishedAt: someTime(v.PublishedAt), PublishedBy: some(v.PublishedBy),
		MayDraft: v.MayDraft, MayPublish: v.MayPublish,
	}
	if d := v.Draft; d != nil {
		shown.Draft = &ContentDraft{
			Revision: d.Revision, State: ContentDraftState(d.State), Document: d.Document, Author: d.Author, Note: d.Note, Reason: d.Reason, Mine: d.Mine,
			ChangedAt: d.ChangedAt, SubmittedAt: someTime(d.SubmittedAt), Stale: d.Stale, Changes: showChanges(d.Changes),
		}
	}
	if v.Kind == string(ContentKindNotice) && v.Live != "" {
		shown.Places = new(each(s.c.Notices.Places(v.Key), func(p notice.Place) ContentPlace { return ContentPlace{Name: p.Name, Secret: p.Secret} }))
	}
	return shown
}

func showVersion(v content.Version) ContentVersion {
	return ContentVersion{
		Version: v.Version, Author: some(v.Author), Publisher: some(v.Publisher), Note: some(v.Note), PublishedAt: v.PublishedAt.UTC(), Document: some(v.Document), Changes: showChanges(v.Changes),
	}
}

// showChanges leaves out what was not asked for.
func showChanges(list []content.Change) *[]ContentChange {
	if list == nil {
		return nil
	}
	return new(each(list, showChange))
}

func showChange(c content.Change) ContentChange {
	return ContentChange{Path: c.Path, Was: c.Was, Became: c.Became}
}
