package letter

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"signet/api/upload"
)

// full has everything a letter can have, with names that only GB 18030 has.
func full() Letter {
	return Letter{
		Title: "机构电子签名认证证书业务登记表", Subtitle: "Registration form for certificate services", Number: "XZ20261121-7K3M9QTA", Verify: "https://portal.example/verify/XZ20261121-7K3M9QTA",
		At: time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC), Zone: time.FixedZone("UTC+8", 8*3600),
		Rows: []Row{
			{"企业名称", "金华𠮷祥䶮盛㛃建设工程有限公司"}, {"统一社会信用代码", "91330000MA27XF6X2E"},
			{"经办人", "𠮷田㛃"}, {"空的一项", ""}, {"很长的一项", strings.Repeat("浙江省金华市婺城区双龙南街858号,", 6)},
			{"Latin words", strings.Repeat("registration authority ", 8)}, {"一个字", strings.Repeat("x", 200)},
		},
		Choices:  []Choice{{"证书新领", false}, {"证书延期", true}, {"变更企业名称或统一社会信用代码号", false}, {"变更法人", false}, {"证书补办", false}, {"证书吊销", false}},
		Text:     []string{"本单位承诺所填信息真实、准确、完整,并已阅读《电子认证服务协议》。", strings.Repeat("因证书的延期、变更会导致原加密的文件不可用,请确认知悉相关风险。", 3)},
		StampBox: "请在框内加盖清晰的公章:",
		Signs:    []string{"经办人(签字):", "单位(盖章):", "日期:"},
		Foot:     []string{"This form has been filled in from the application; print, sign, stamp and upload it."},
	}
}

func TestRender(t *testing.T) {
	pdf, err := Render(full())
	if err != nil {
		t.Fatal(err)
	}
	if len(pdf) > 300<<10 {
		t.Errorf("a letter has %d octets", len(pdf))
	}
	again, err := Render(full())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pdf, again) {
		t.Error("the same letter has other octets")
	}
	checked, err := upload.Check(t.Context(), pdf, upload.Limits{}) // a reader that is not the writer
	if err != nil {
		t.Fatal(err)
	}
	if checked.Pages < 1 || checked.Pages > 3 {
		t.Errorf("it has %d pages", checked.Pages)
	}
	if to := os.Getenv("SIGNET_LETTER"); to != "" { // to look at it
		if err := os.WriteFile(to, pdf, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := extracted(t, pdf)
	for _, want := range []string{"机构电子签名认证证书业务登记表", "XZ20261121-7K3M9QTA", "祥䶮盛㛃建", "91330000MA27XF6X2E", "变更企业名称或统一社会信用代码号"} {
		if text != "" && !strings.Contains(text, want) {
			t.Errorf("%q is not in the text:\n%s", want, text)
		}
	}
}

// extracted is the text as poppler reads it; empty where that is not installed.
func extracted(t *testing.T, pdf []byte) string {
	t.Helper()
	program, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Log("pdftotext is not here: the text is not compared")
		return ""
	}
	file := filepath.Join(t.TempDir(), "letter.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-raw", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(out), "\n", "")
}

// TestAnythingIsPrinted: whatever stands in a form, a letter comes out.
func TestAnythingIsPrinted(t *testing.T) {
	for _, text := range []string{"", "\x00\x01\u202e\u200b", "\xff\xfe", "😀👨‍👩‍👧", "ﷺ عربى", strings.Repeat("𠮷", 3000), strings.Repeat("a ", 5000), "\n\n\n", "𪚥𰻝\U0010ffff"} {
		l := full()
		l.Rows = append(l.Rows, Row{text, text})
		l.Text, l.Title, l.Foot = append(l.Text, text), "测试"+clip(text, 100), []string{text}
		pdf, err := Render(l)
		if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	if _, err := Render(Letter{Title: "x"}); err == nil {
		t.Error("a letter without number was printed")
	}
}

func clip(text string, n int) string {
	if !utf8.ValidString(text) || len([]rune(text)) < n {
		return text
	}
	return string([]rune(text)[:n])
}

func TestLinesBreakWhereTheyMay(t *testing.T) {
	if got := strings.Join(words("甲乙，丙abc def。《告》"), "|"); got != "甲|乙，|丙|abc| |def。|《告》" {
		t.Error(got)
	}
}
