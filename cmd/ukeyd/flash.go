package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"signet/ukey/agent"
)

// flash runs an operator's station until its batch is done.
func (p program) flash(ctx context.Context, o options) error {
	if o.operator == "" {
		return errors.New("请用 -operator 给出操作员自己的 UKey 序列号 (-operator SERIAL is needed)")
	}
	o.logLevel = slog.LevelWarn // the screen is for the keys
	a, state, err := p.agent(ctx, o)
	if err != nil {
		return err
	}
	if err := state.Lock(); err != nil {
		return err
	}
	defer state.Unlock()
	pairings, err := p.pairings(ctx, a, state, o)
	if err != nil {
		return err
	}
	if len(pairings) != 1 {
		return errors.New("已与多个网站配对,请用 -portal 选择一个 (several portals are paired: name one)")
	}
	board := newBoard(p.out)
	fmt.Fprintf(p.out, "制证工作站 station · %s\n", pairings[0].Portal)
	batch, err := a.Flash(ctx, pairings[0], agent.StationConfig{Batch: o.batch, Operator: o.operator, Changed: board.show})
	board.finish()
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(p.out, "已停止;批次 %s 可继续 stopped; the batch can be resumed (%d/%d)\n", batch.Number, batch.Done, batch.Size)
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "批次 %s 已完成,报告已签名 batch done, report signed (%d/%d)\n", batch.Number, batch.Done, batch.Size)
	return nil
}

// stands says each state of a key in few characters, for narrow terminals.
var stands = map[string]string{
	agent.KeySeen: "发现 seen", agent.KeyWorking: "制作中 working", agent.KeyDone: "完成 DONE", agent.KeyFailed: "失败 FAILED",
	agent.KeyNone: "无任务 not needed", agent.KeyGone: "已拔出 gone",
}

// board shows one line for each key. On a terminal it is drawn over itself; elsewhere each change is a line.
//
// Concurrency: safe.
type board struct {
	out   io.Writer
	drawn bool // over itself

	mu    sync.Mutex // guards what follows and out
	lines int        // drawn last
	last  map[string]string
}

func newBoard(out io.Writer) *board {
	f, ok := out.(*os.File)
	return &board{out: out, drawn: ok && term.IsTerminal(int(f.Fd())), last: map[string]string{}}
}

func (b *board) show(keys []agent.KeyStand) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drawn {
		b.draw(keys)
		return
	}
	for _, k := range keys {
		line := keyLine(k)
		if b.last[k.Serial] != line {
			b.last[k.Serial] = line
			fmt.Fprintln(b.out, line)
		}
	}
}

// draw goes back to the first line and writes all anew; a beep says that a key is ready to be taken out.
func (b *board) draw(keys []agent.KeyStand) {
	var screen strings.Builder
	if b.lines > 0 {
		fmt.Fprintf(&screen, "\x1b[%dA", b.lines)
	}
	done := 0
	for _, k := range keys {
		line := keyLine(k)
		fmt.Fprintf(&screen, "\x1b[2K%s\n", line)
		if k.State == agent.KeyDone {
			done++
		}
		if ended := k.State == agent.KeyDone || k.State == agent.KeyFailed; ended && b.last[k.Serial] != line {
			screen.WriteString("\a")
		}
		b.last[k.Serial] = line
	}
	fmt.Fprintf(&screen, "\x1b[2K完成 done %d / 插入 plugged %d\n", done, len(keys))
	b.lines = len(keys) + 1
	io.WriteString(b.out, screen.String())
}

func (b *board) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = 0
}

// keyLine is at most 50 columns wide for a serial of 16 characters.
func keyLine(k agent.KeyStand) string {
	line := fmt.Sprintf("%-16.24s %s", agent.Clean(k.Serial), stands[k.State])
	if k.Code != "" {
		line += " " + agent.Clean(string(k.Code))
	}
	return line
}
