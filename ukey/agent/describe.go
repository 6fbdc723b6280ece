package agent

import (
	"context"
	"fmt"
	"sync"

	"signet/ukey"
)

// Describe is one line about a token, for lists and reports.
func Describe(i ukey.Info, pairs int) string {
	pin := fmt.Sprintf("PIN 剩余 %d 次", i.PINTriesLeft)
	switch {
	case i.PINLocked:
		pin = "PIN 已锁定 locked"
	case i.PINTriesLeft < 0:
		pin = "PIN 次数未知"
	}
	line := fmt.Sprintf("UKey %s · %s · %s · %d 个密钥 key pairs · %s", clean(i.Serial), clean(i.Label), clean(i.Model), pairs, pin)
	if i.Simulated {
		line += " · 软件模拟 simulated"
	}
	return line
}

// Plugged lists what the drivers find, one line each.
func (a *Agent) Plugged(ctx context.Context) ([]string, error) {
	all, err := a.plugged(ctx)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, p := range all {
		lines = append(lines, Describe(p.info, len(p.keys)))
	}
	return lines, nil
}

// Watch shows the lines of Plugged at the start and whenever a key comes or goes, until the context ends.
func (a *Agent) Watch(ctx context.Context, show func(lines []string)) {
	var all sync.WaitGroup
	for _, d := range a.c.Drivers {
		all.Go(func() {
			for range ukey.Watch(ctx, d, 0) {
				if lines, err := a.Plugged(ctx); err == nil {
					show(lines)
				}
			}
		})
	}
	all.Wait()
}
