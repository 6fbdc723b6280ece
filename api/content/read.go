package content

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// Item is one thing with a document of its own.
//
// Nil/zero: Live "" = nothing is in effect; Version 0 = no version was kept yet; Draft nil = nobody drafts.
type Item struct {
	Kind, Key, Title string
	Live             string
	Version          int
	PublishedAt      time.Time
	PublishedBy      string
	Draft            *DraftOf
	MayDraft         bool
	MayPublish       bool
}

// DraftOf is the draft of an item.
type DraftOf struct {
	Revision               int
	State                  State
	Document               string
	Author, Note, Reason   string
	Mine                   bool // the author is who asks
	ChangedAt, SubmittedAt time.Time
	Stale                  bool     // what is in effect changed since it was saved
	Changes                []Change // from what is in effect
}

// Version is what was in effect from PublishedAt on.
//
// Nil/zero: Author "" = it came into effect some other way; Document and Changes only where one version is asked for.
type Version struct {
	Version                 int
	Author, Publisher, Note string
	PublishedAt             time.Time
	Document                string
	Changes                 []Change // from the version before
}

// Items lists what there is of a kind that somebody reaches, by title; with search, those whose key or title holds it.
//
// Errors: those of account.Can; CodeNotFound for the kind.
func (c *Contents) Items(ctx context.Context, by account.Actor, kind, search string) ([]Item, error) {
	if err := account.Can(by, account.ContentRead); err != nil {
		return nil, err
	}
	k, err := c.kind(kind)
	if err != nil {
		return nil, err
	}
	db := c.db.Read(ctx)
	titles, err := k.titles(db)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", kind, err)
	}
	var drafts []draftRow
	if err := db.Where("kind = ? AND state <> ?", kind, gone).Find(&drafts).Error; err != nil {
		return nil, fmt.Errorf("listing drafts: %w", err)
	}
	waiting := map[string]draftRow{}
	for _, d := range drafts {
		waiting[d.ItemKey] = d
		if _, known := titles[d.ItemKey]; !known {
			titles[d.ItemKey] = d.ItemKey
		}
	}
	newest, err := c.newest(ctx, kind)
	if err != nil {
		return nil, err
	}
	items := []Item{}
	for key, title := range titles {
		if mayRead(by, kind, key) != nil || !strings.Contains(key, search) && !strings.Contains(title, search) {
			continue
		}
		v := newest[key]
		one := Item{Kind: kind, Key: key, Title: title, Version: v.Version, PublishedAt: store.Time(v.PublishedAt), PublishedBy: v.PublisherName}
		if d, there := waiting[key]; there {
			d.Document = "" // a list has no documents
			one.Draft = d.show(by)
		}
		items = append(items, one)
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Or(strings.Compare(a.Title, b.Title), strings.Compare(a.Key, b.Key)) })
	return items, nil
}

func (c *Contents) newest(ctx context.Context, kind string) (map[string]versionRow, error) {
	var rows []versionRow
	err := c.db.Read(ctx).Select("kind, item_key, version, publisher_name, published_at").
		Where("kind = ? AND version = (SELECT MAX(v.version) FROM content_versions v WHERE v.kind = content_versions.kind AND v.item_key = content_versions.item_key)", kind).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("listing versions: %w", err)
	}
	newest := map[string]versionRow{}
	for _, row := range rows {
		newest[row.ItemKey] = row
	}
	return newest, nil
}

func (d draftRow) show(by account.Actor) *DraftOf {
	return &DraftOf{
		Revision: d.Revision, State: d.State, Document: d.Document, Author: d.AuthorName, Note: d.Note, Reason: d.Reason,
		Mine: d.AuthorID == by.AccountID, ChangedAt: store.Time(d.ChangedAt), SubmittedAt: store.Time(d.SubmittedAt),
	}
}

// Item shows one item with its draft. One that is not there yet is shown empty to who may draft it.
//
// Errors: those of account.Can; CodeNotFound.
func (c *Contents) Item(ctx context.Context, by account.Actor, kind, key string) (Item, error) {
	k, err := c.kind(kind)
	if err != nil {
		return Item{}, err
	}
	if err := mayRead(by, kind, key); err != nil {
		return Item{}, err
	}
	db := c.db.Read(ctx)
	live, err := k.inEffect(db, key)
	if err != nil {
		return Item{}, err
	}
	newest, err := last(db, kind, key)
	if err != nil {
		return Item{}, fmt.Errorf("reading versions: %w", err)
	}
	draft, err := draftOf(db, kind, key)
	if err != nil {
		return Item{}, fmt.Errorf("reading draft: %w", err)
	}
	one := Item{
		Kind: kind, Key: key, Title: key, Live: string(live), Version: newest.Version, PublishedAt: store.Time(newest.PublishedAt), PublishedBy: newest.PublisherName,
		MayDraft: may(by, account.ContentAct, kind, key) == nil, MayPublish: may(by, account.ContentPublish, kind, key) == nil,
	}
	if live == nil && draft == nil && !one.MayDraft {
		return Item{}, problem.New(problem.NotFound, problem.CodeNotFound, "There is no such content.")
	}
	titles, err := k.titles(db)
	if err != nil {
		return Item{}, err
	}
	if title := titles[key]; title != "" {
		one.Title = title
	}
	if draft != nil {
		one.Draft = draft.show(by)
		one.Draft.Stale = draft.BaseDigest != digest(live)
		one.Draft.Changes, err = changes(live, []byte(draft.Document))
	}
	return one, err
}

// Check says what a document would change, without keeping it.
//
// Errors: those of account.Can; CodeNotFound for the kind; what the owner of the kind refuses.
func (c *Contents) Check(ctx context.Context, by account.Actor, kind, key, document string) ([]Change, error) {
	k, err := c.kind(kind)
	if err != nil {
		return nil, err
	}
	if err := may(by, account.ContentAct, kind, key); err != nil {
		return nil, err
	}
	db := c.db.Read(ctx)
	text, err := k.check(db, key, []byte(document))
	if err != nil {
		return nil, err
	}
	live, err := k.inEffect(db, key)
	if err != nil {
		return nil, err
	}
	return changes(live, text)
}

// Versions lists the versions of an item from the newest on, without their documents.
//
// Shape: those below before, where it is not 0; one more than limit is never given.
// Errors: those of account.Can; CodeNotFound for the kind.
func (c *Contents) Versions(ctx context.Context, by account.Actor, kind, key string, before, limit int) ([]Version, error) {
	if _, err := c.kind(kind); err != nil {
		return nil, err
	}
	if err := mayRead(by, kind, key); err != nil {
		return nil, err
	}
	q := c.db.Read(ctx).Select("kind, item_key, version, author_name, publisher_name, note, published_at").Where("kind = ? AND item_key = ?", kind, key)
	if before > 0 {
		q = q.Where("version < ?", before)
	}
	var rows []versionRow
	if err := q.Order("version DESC").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing versions: %w", err)
	}
	list := make([]Version, len(rows))
	for i, row := range rows {
		list[i] = row.show()
	}
	return list, nil
}

func (v versionRow) show() Version {
	return Version{Version: v.Version, Author: v.AuthorName, Publisher: v.PublisherName, Note: v.Note, PublishedAt: store.Time(v.PublishedAt), Document: v.Document}
}

// Version shows one version, and what it changed.
//
// Errors: those of account.Can; CodeNotFound.
func (c *Contents) Version(ctx context.Context, by account.Actor, kind, key string, version int) (Version, error) {
	if _, err := c.kind(kind); err != nil {
		return Version{}, err
	}
	if err := mayRead(by, kind, key); err != nil {
		return Version{}, err
	}
	var rows []versionRow
	err := c.db.Read(ctx).Where("kind = ? AND item_key = ? AND version IN (?, ?)", kind, key, version, version-1).Order("version DESC").Find(&rows).Error
	if err != nil {
		return Version{}, fmt.Errorf("reading version: %w", err)
	}
	if len(rows) == 0 || rows[0].Version != version {
		return Version{}, problem.New(problem.NotFound, problem.CodeNotFound, "There is no such version.")
	}
	var before []byte
	if len(rows) == 2 {
		before = []byte(rows[1].Document)
	}
	v := rows[0].show()
	v.Changes, err = changes(before, []byte(rows[0].Document))
	return v, err
}
