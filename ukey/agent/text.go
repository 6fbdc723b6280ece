package agent

import (
	"fmt"
	"strconv"
)

const lastTry = "只剩最后 1 次机会,再输错 PIN 将锁定这把 UKey!\nONE try is left: another wrong PIN locks the key!"

func wrongPIN(left int) string {
	if left < 0 {
		return "PIN 错误。Wrong PIN."
	}
	return fmt.Sprintf("PIN 错误,还可以输入 %d 次。Wrong PIN, %d tries left.", left, left)
}

// pinPrompt is the one window of a job: who asks, for whom, which key, what for, and what the portal signed
// to be shown.
func (w *work) pinPrompt(p plugged, operation texts) Prompt {
	t := texts{}
	t.fact("网站", "Portal", w.claims.Issuer)
	t.fact("账户", "Account", first(w.claims.Account, w.gate.Account))
	t.fact("单位", "Organisation", first(w.claims.Organisation, w.gate.Organisation))
	label := p.info.Label + " · " + p.info.Serial
	if p.info.Simulated {
		label += " (软件模拟 simulated)"
	}
	t.fact("UKey", "key", label)
	t.lines = append(t.lines, "")
	t.lines = append(t.lines, operation.lines...)
	for _, l := range w.claims.Display {
		t.lines = append(t.lines, clean(l.Label)+": "+clean(l.Value))
	}
	if p.info.PINTriesLeft > 0 {
		t.fact("PIN 剩余次数", "tries left", strconv.Itoa(p.info.PINTriesLeft))
	}
	return Prompt{Title: title, Text: t.String(), Label: "PIN", Accept: "同意 OK", Refuse: "取消 Cancel"}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func size(n int) string { return fmt.Sprintf("%d 字节 bytes", n) }
