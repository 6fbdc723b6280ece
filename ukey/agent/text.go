package agent

import (
	"fmt"
	"strconv"

	"signet/ukey"
)

const lastTry = "只剩最后 1 次机会,再输错 PIN 将锁定这把 UKey!\nONE try is left: another wrong PIN locks the key!"

func wrongPIN(left int) string {
	if left < 0 {
		return "PIN 错误。Wrong PIN."
	}
	return fmt.Sprintf("PIN 错误,还可以输入 %d 次。Wrong PIN, %d tries left.", left, left)
}

// weakPIN says what a new PIN must be.
func weakPIN(rules ukey.PINRules) string {
	least, most := max(rules.Min, ukey.MinPIN), ukey.MaxPIN
	if rules.Max > 0 {
		most = min(most, rules.Max)
	}
	kindZH, kindEN := "字符", "characters"
	if rules.Digits {
		kindZH, kindEN = "数字", "digits"
	}
	return fmt.Sprintf("PIN 须为 %d 至 %d 位%s,不能全部相同或连续。%d to %d %s, not all the same, no run.", least, most, kindZH, least, most, kindEN)
}

// pinPrompt is the one window of a job: who asks, for whom, which key, what for, and what the portal signed
// to be shown.
func (w *work) pinPrompt(p plugged, operation texts) Prompt {
	t := texts{}
	if site := w.gate.Site; site != nil {
		t.fact("网站", "Site", site.Name+" "+site.Origin)
		t.fact("备案于", "Filed with", w.claims.Issuer)
	} else {
		t.fact("网站", "Portal", w.claims.Issuer)
	}
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
