package rest

import (
	"context"

	"signet/api/notice"
)

// ListNotices lists what the account was told.
func (s *Server) ListNotices(c context.Context, r ListNoticesRequestObject) (ListNoticesResponseObject, error) {
	ctx, in := enter(c)
	page, size := max(value(r.Params.Page), 1), value(r.Params.Size)
	if size < 1 {
		size = 5
	}
	notes, total, unread, err := s.c.Notices.Inbox(ctx, in.actor.AccountID, value(r.Params.Unread), page, size)
	if err != nil {
		return nil, err
	}
	return ListNotices200JSONResponse{
		Items: each(notes, func(n notice.Note) Notice {
			return Notice{Id: n.ID, Kind: n.Template, Text: n.Text, TextEn: some(n.English), At: n.At, Read: n.Read}
		}),
		Page: Page{Page: page, Size: size, Total: total, Pages: max(1, (total+size-1)/size)}, Unread: unread,
	}, nil
}

// ReadNotice notes that a message was read.
func (s *Server) ReadNotice(c context.Context, r ReadNoticeRequestObject) (ReadNoticeResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Notices.Read(ctx, in.actor.AccountID, r.Id); err != nil {
		return nil, err
	}
	return ReadNotice204Response{}, nil
}

// ReadNotices notes that all messages were read.
func (s *Server) ReadNotices(c context.Context, _ ReadNoticesRequestObject) (ReadNoticesResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Notices.ReadAll(ctx, in.actor.AccountID); err != nil {
		return nil, err
	}
	return ReadNotices204Response{}, nil
}
