package agent

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxClockOff is how wrong this machine's clock may be before tickets and requests fail.
const maxClockOff = 30 * time.Second

// Finding is one line of the doctor's report.
type Finding struct {
	Fine bool
	Text string
}

// Examine looks at everything a job needs, without touching a PIN or taking a job. The report can be copied
// to the support desk: it holds no secret.
func (a *Agent) Examine(ctx context.Context, portals []string) []Finding {
	var all []Finding
	say := func(fine bool, format string, args ...any) {
		all = append(all, Finding{fine, fmt.Sprintf(format, args...)})
	}
	pairings, err := a.c.State.Pairings()
	if err != nil {
		say(false, "配对 pairings: %v", err)
	}
	if len(pairings) == 0 {
		say(false, "尚未配对:在网页上取得配对码后运行 ukeyd -portal 网址。Not paired.")
	}
	for _, p := range pairings {
		say(true, "已配对 paired: %s · %s %s · %s", p.Portal, p.Account, p.Organisation, p.PairedAt.Format(time.RFC3339))
		portals = append(portals, p.Portal)
	}
	reached := map[string]bool{}
	for _, origin := range portals {
		if _, seen := reached[origin]; !seen {
			found := a.examinePortal(ctx, origin)
			reached[origin] = !slices.ContainsFunc(found, func(f Finding) bool { return !f.Fine })
			all = append(all, found...)
		}
	}
	for _, p := range pairings {
		if reached[p.Portal] { // else its answer, or the wrong clock, is another matter
			all = append(all, a.examineKeys(ctx, p)...)
		}
	}
	if len(portals) > 0 && reached[portals[0]] {
		all = append(all, a.examineUpdates(ctx, portals[0]))
	}
	if err := a.c.State.probe(); err != nil {
		say(false, "状态文件夹无法写入,磁盘可能已满 the state folder cannot be written, is the disk full? %v", err)
	}
	if _, none := a.c.Dialogue.(NoDialogue); none {
		say(false, "没有输入 PIN 的窗口:请安装 pinentry 或用 -tty。No PIN dialogue.")
	} else {
		say(true, "PIN 窗口 dialogue: %s", strings.TrimPrefix(fmt.Sprintf("%T", a.c.Dialogue), "*agent."))
	}
	all = append(all, a.examineTokens(ctx)...)
	open, err := a.c.State.Unfinished()
	if err != nil {
		say(false, "日志 journal: %v", err)
	}
	for _, e := range open {
		say(false, "未完成的写证 unfinished: UKey %s · %s · %s。请插入该 UKey,在网页上点击继续。Plug it in and continue in the portal.", clean(e.Serial), e.Stage, e.At.Format(time.RFC3339))
	}
	return all
}

func (a *Agent) examinePortal(ctx context.Context, origin string) []Finding {
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "HEAD", origin+"/api/openapi.yaml", nil)
	if err != nil {
		return []Finding{{false, fmt.Sprintf("网站 portal %s: %v", origin, err)}}
	}
	res, err := a.c.HTTP.Do(req)
	if err != nil {
		return []Finding{{false, fmt.Sprintf("网站无法连接 portal not reached: %s: %v", origin, withoutURL(err))}}
	}
	res.Body.Close()
	all := []Finding{{true, fmt.Sprintf("网站可连接 portal reached: %s", origin)}}
	theirs, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return append(all, Finding{false, "网站没有给出时间 portal tells no time"})
	}
	off := a.c.Now().Sub(theirs).Round(time.Second)
	return append(all, Finding{off.Abs() <= maxClockOff, fmt.Sprintf("本机时钟相差 clock off by: %s", off)})
}

func (a *Agent) examineTokens(ctx context.Context) []Finding {
	var all []Finding
	for _, d := range a.c.Drivers {
		tokens, err := d.Tokens(ctx)
		if err != nil {
			all = append(all, Finding{false, fmt.Sprintf("驱动 driver %s: %v", d.Name(), err)})
			continue
		}
		all = append(all, Finding{true, fmt.Sprintf("驱动 driver %s: %d 把 UKey", d.Name(), len(tokens))})
		for _, t := range tokens {
			p, err := look(ctx, t)
			if err != nil {
				all = append(all, Finding{false, fmt.Sprintf("UKey: %v", err)})
				continue
			}
			all = append(all, Finding{!p.info.PINLocked, Describe(p.info, len(p.keys))})
		}
	}
	return all
}
