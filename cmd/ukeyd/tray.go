package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"signet/ukey/agent"
)

// trayTitle names the entry.
const trayTitle = "Signet UKey 助手 UKey agent"

// tray is what the entry in the desktop's tray shows: a line for each key, and which portals are served.
//
// Concurrency: safe.
type tray struct {
	portals []string
	quit    func()

	mu       sync.Mutex // guards what follows
	keys     []string
	news     string // of a newer release
	revision uint32
	changed  func() // tells the desktop; nil while there is none
}

// lines are the keys, or that there is none.
func (t *tray) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := slices.Clone(t.keys)
	if len(lines) == 0 {
		lines = []string{"没有插入 UKey No key is plugged in"}
	}
	if t.news != "" {
		lines = append(lines, t.news)
	}
	return lines
}

func (t *tray) show(keys []string) {
	t.change(func() bool {
		same := slices.Equal(keys, t.keys)
		t.keys = keys
		return !same
	})
}

// follow shows what the agent hears of newer releases.
func (t *tray) follow(ctx context.Context, a *agent.Agent) {
	for ctx.Err() == nil {
		news, again := a.News()
		t.change(func() bool {
			same := news == t.news
			t.news = news
			return !same
		})
		select {
		case <-ctx.Done():
		case <-again:
		}
	}
}

// change does something to what is shown and tells the desktop if that made a difference.
func (t *tray) change(do func() bool) {
	t.mu.Lock()
	changed := t.changed
	same := !do()
	if !same {
		t.revision++
	}
	t.mu.Unlock()
	if !same && changed != nil {
		changed()
	}
}

// runTray shows the entry while the agent serves. A computer without a tray goes without: the agent works the same.
func runTray(ctx context.Context, log *slog.Logger, a *agent.Agent, portals []string, quit func()) {
	t := &tray{portals: portals, quit: quit}
	var all sync.WaitGroup
	all.Go(func() {
		if err := t.serve(ctx); err != nil && ctx.Err() == nil {
			log.Info("no entry in the tray", "error", err)
		}
	})
	all.Go(func() { a.Watch(ctx, t.show) })
	all.Go(func() { t.follow(ctx, a) })
	all.Wait()
}
