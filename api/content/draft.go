package content

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// The acts on a draft.
const (
	Submit  = "submit"  // its author wants it published
	Publish = "publish" // another person puts it into effect
	Return  = "return"  // another person sends it back with a reason
	Discard = "discard"
)

var (
	errChanged = problem.New(problem.Conflict, problem.CodeContentChanged, "It was changed meanwhile; look at it again.")
	errTaken   = problem.New(problem.Conflict, problem.CodeContentTaken, "Another person drafts this already.")
	errSecond  = problem.New(problem.Denied, problem.CodeSecondPerson, "Another person than the author must do this.")
)

// maxDocument bounds a document; the API checks it too.
const maxDocument = 60_000

// SaveDraft keeps a document as the draft of an item, and begins the draft with revision 0. A draft belongs to its author; saving
// takes a submitted one back.
//
// Errors: those of account.Can; CodeNotFound for the kind; CodeInvalidField; CodeContentTaken; CodeContentChanged where revision is not the
// one kept; CodeConflict where nothing differs from what is in effect.
func (c *Contents) SaveDraft(ctx context.Context, by account.Actor, kind, key, document, note string, revision int) (Item, error) {
	k, err := c.kind(kind)
	if err != nil {
		return Item{}, err
	}
	if err := may(by, account.ContentAct, kind, key); err != nil {
		return Item{}, err
	}
	note, err = plain("note", note)
	if err != nil {
		return Item{}, err
	}
	if len(document) > maxDocument {
		return Item{}, problem.New(problem.Invalid, problem.CodeTooLong, "The document is too long.").WithField("document")
	}
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		text, err := k.check(tx.DB(), key, []byte(document))
		if err != nil {
			return err
		}
		base, err := k.inEffect(tx.DB(), key)
		if err != nil {
			return err
		}
		if string(base) == string(text) {
			return problem.New(problem.Conflict, problem.CodeConflict, "Nothing differs from what is in effect.")
		}
		if err := noteOutside(tx, kind, key, base); err != nil {
			return err
		}
		row := draftRow{
			Kind: kind, ItemKey: key, State: Draft, Document: string(text), BaseDigest: digest(base),
			AuthorID: by.AccountID, AuthorName: store.Clip(by.Login, 200), Note: note, ChangedAt: store.Millis(tx.Now()),
		}
		if err := keep(tx, &row, revision); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "content.draft", kind+"/"+key, map[string]any{"revision": row.Revision, "digest": digest(text), "note": note})
	})
	if store.IsDuplicate(err) { // somebody else began one at the same moment
		err = errTaken
	}
	if err != nil {
		return Item{}, fmt.Errorf("saving draft: %w", err)
	}
	return c.Item(ctx, by, kind, key)
}

// keep puts a draft in place of the revision that its author saw.
func keep(tx *store.Tx, row *draftRow, seen int) error {
	old, err := rowOf(tx.DB(), row.Kind, row.ItemKey)
	if err != nil {
		return err
	}
	if old == nil && seen == 0 {
		row.Revision = 1
		return tx.DB().Create(row).Error
	}
	switch {
	case old == nil, old.State == gone && seen != 0:
		return errChanged
	case old.State != gone && old.AuthorID != row.AuthorID:
		return errTaken
	case old.State != gone && old.Revision != seen:
		return errChanged
	}
	row.Revision = old.Revision + 1
	done := tx.DB().Model(&draftRow{}).Where("kind = ? AND item_key = ? AND revision = ? AND state = ?", row.Kind, row.ItemKey, old.Revision, old.State).Updates(map[string]any{
		"revision": row.Revision, "state": row.State, "document": row.Document, "base_digest": row.BaseDigest, "author_id": row.AuthorID, "author_name": row.AuthorName,
		"note": row.Note, "reason": "", "changed_at": row.ChangedAt, "submitted_at": 0,
	})
	if done.Error == nil && done.RowsAffected != 1 {
		return errChanged
	}
	return done.Error
}

// noteOutside keeps what is in effect as a version if no version says so: the first one of an item, and what signetctl or an upgrade changed.
func noteOutside(tx *store.Tx, kind, key string, live []byte) error {
	newest, err := last(tx.DB(), kind, key)
	if err != nil || live == nil || newest.Digest == digest(live) {
		return err
	}
	row := versionRow{Kind: kind, ItemKey: key, Version: newest.Version + 1, Document: string(live), Digest: digest(live), PublishedAt: store.Millis(tx.Now())}
	return tx.DB().Create(&row).Error
}

// Move submits, publishes, returns or discards a draft. Only its author submits it; who publishes or returns it is another person.
//
// Errors: those of account.Can; CodeNotFound; CodeSecondPerson; CodeContentChanged where revision is not the one kept, or where what is in
// effect changed under the draft; CodeConflict for an act that its state does not admit; what the owner of the kind refuses.
func (c *Contents) Move(ctx context.Context, by account.Actor, kind, key, act, note string, revision int) (Item, error) {
	k, err := c.kind(kind)
	if err != nil {
		return Item{}, err
	}
	verb := account.ContentAct
	if act == Publish || act == Return {
		verb = account.ContentPublish
	}
	if err := may(by, verb, kind, key); err != nil {
		return Item{}, err
	}
	if note, err = plain("note", note); err != nil {
		return Item{}, err
	}
	if act == Return && note == "" {
		return Item{}, problem.New(problem.Invalid, problem.CodeMissingField, "Say why.").WithField("note")
	}
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		draft, err := draftOf(tx.DB(), kind, key)
		if err != nil {
			return err
		}
		if draft == nil {
			return problem.New(problem.NotFound, problem.CodeNotFound, "There is no draft.")
		}
		if draft.Revision != revision {
			return errChanged
		}
		facts := map[string]any{"revision": revision, "digest": digest([]byte(draft.Document)), "author": draft.AuthorID}
		if err := k.move(tx, by, *draft, act, note, facts); err != nil {
			return err
		}
		if note != "" {
			facts["note"] = note
		}
		return tx.Audit(by.AccountID, "content."+act, kind+"/"+key, facts)
	})
	if err != nil {
		return Item{}, fmt.Errorf("content, %s: %w", act, err)
	}
	return c.Item(ctx, by, kind, key)
}

func (k Kind) move(tx *store.Tx, by account.Actor, d draftRow, act, note string, facts map[string]any) error {
	mine := d.AuthorID == by.AccountID
	switch {
	case act == Discard:
		return d.remove(tx)
	case act == Submit && d.State == Draft && !mine:
		return errTaken
	case act == Submit && d.State == Draft:
		return d.turn(tx, Submitted, map[string]any{"submitted_at": store.Millis(tx.Now()), "reason": ""})
	case (act == Publish || act == Return) && mine:
		return errSecond
	case act == Return && d.State == Submitted:
		return d.turn(tx, Draft, map[string]any{"submitted_at": 0, "reason": note})
	case act == Publish && d.State == Submitted:
		return k.publish(tx, by, d, facts)
	}
	return problem.New(problem.Conflict, problem.CodeConflict, "The state of the draft does not admit this.")
}

// publish puts a draft into effect. It is checked again: what it refers to may have gone.
func (k Kind) publish(tx *store.Tx, by account.Actor, d draftRow, facts map[string]any) error {
	base, err := k.inEffect(tx.DB(), d.ItemKey)
	if err != nil {
		return err
	}
	if digest(base) != d.BaseDigest {
		return errChanged
	}
	if err := d.remove(tx); err != nil { // first, so that of two publishers one waits here and finds it gone
		return err
	}
	text, err := k.check(tx.DB(), d.ItemKey, []byte(d.Document))
	if err != nil {
		return err
	}
	if err := k.put(tx, d.ItemKey, text); err != nil {
		return err
	}
	newest, err := last(tx.DB(), d.Kind, d.ItemKey)
	if err != nil {
		return err
	}
	facts["version"] = newest.Version + 1
	return tx.DB().Create(&versionRow{
		Kind: d.Kind, ItemKey: d.ItemKey, Version: newest.Version + 1, Document: string(text), Digest: digest(text), AuthorID: d.AuthorID, AuthorName: d.AuthorName,
		PublisherID: by.AccountID, PublisherName: store.Clip(by.Login, 200), Note: d.Note, PublishedAt: store.Millis(tx.Now()),
	}).Error
}

func (d draftRow) turn(tx *store.Tx, to State, set map[string]any) error {
	set["state"] = to
	done := tx.DB().Model(&draftRow{}).Where("kind = ? AND item_key = ? AND revision = ? AND state = ?", d.Kind, d.ItemKey, d.Revision, d.State).Updates(set)
	if done.Error == nil && done.RowsAffected != 1 {
		return errChanged
	}
	return done.Error
}

func (d draftRow) remove(tx *store.Tx) error {
	return d.turn(tx, gone, map[string]any{"document": ""})
}

// plain is a note of staff: one text of at most 500 characters.
func plain(field, text string) (string, error) {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) > 500 {
		return "", problem.New(problem.Invalid, problem.CodeTooLong, "A note has at most 500 characters.").WithField(field)
	}
	return text, nil
}
