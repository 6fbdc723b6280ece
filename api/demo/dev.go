package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// DevFile is DIR/dev.json: written when the server is ready, for scripts, tests and people.
//
// Nil/zero: addresses of what is not served yet are empty.
type DevFile struct {
	URL      string    `json:"url"`
	API      string    `json:"api"`
	OCSP     string    `json:"ocsp"`
	TSA      string    `json:"tsa"`
	ACME     string    `json:"acme"`
	EAB      DevEAB    `json:"eab"`
	Log      string    `json:"log"`
	Roots    []string  `json:"roots"`
	Chain    string    `json:"chain"`
	Accounts []Account `json:"accounts"`
	Legacy   []Account `json:"legacy"`
	Tokens   []Token   `json:"tokens"`
	// Officers of the key management centre who decide recoveries, and with -staff-keys the members of staff who sign.
	Officers  []PersonKey `json:"officers"`
	StaffKeys []PersonKey `json:"staffKeys,omitempty"`
	RA        DevRA       `json:"ra"`
	Outbox    string      `json:"outbox"`
	Bid       string      `json:"bid"`
}

// DevRA is the API key of a connected registration authority.
type DevRA struct {
	Key      string   `json:"key"`
	Profiles []string `json:"profiles"`
}

// DevEAB binds one ACME account, for the names given; the next start makes another once it was used.
type DevEAB struct {
	KID   string   `json:"kid"`
	HMAC  string   `json:"hmac"` // base64url
	Names []string `json:"names"`
}

const devName = "dev.json"

// WriteDevFile tells that the server is ready. It holds passwords and PINs of the demonstration, so only its owner reads it.
func WriteDevFile(dir string, d DevFile) error {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return replace(filepath.Join(dir, devName), append(text, '\n'), 0o600)
}

// ReadDevFile reads it again.
func ReadDevFile(dir string) (DevFile, error) {
	var d DevFile
	text, err := os.ReadFile(filepath.Join(dir, devName))
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(text, &d)
}

// Fill takes over what Seed made.
func (d *DevFile) Fill(s *Seeded) {
	d.Accounts, d.Legacy, d.Tokens, d.RA, d.Bid = s.Staff, s.Legacy, s.Tokens, s.RA, s.Bid
	d.Officers, d.StaffKeys = s.Officers, s.StaffKeys
}

// Show prints what a person needs to try the demonstration.
func (d DevFile) Show(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	line := func(cells ...any) {
		for _, c := range cells {
			fmt.Fprintf(w, "%v\t", c)
		}
		fmt.Fprintln(w)
	}
	title := func(zh, en string) { fmt.Fprintf(w, "\n%s  %s\n", zh, en) }

	fmt.Fprintf(w, "\nSignet 印信 — 演示环境,数据均为虚构  demonstration, all data made up\n")
	title("网址", "addresses")
	line("  门户 portal", d.URL+"/")
	line("  项目页 project page", d.URL+"/p/"+ProjectSlug)
	line("  后台 back office", d.URL+"/admin")
	line("  接口 API", d.URL+"/api/openapi.yaml")
	line("  短信外发箱 SMS outbox (simulated)", d.URL+d.Outbox)
	title("老用户首次登录(证件号码 + 初始密码)", "legacy holders, first login")
	for _, a := range d.Legacy {
		line("  "+a.Login, a.Password, a.Name)
	}
	title("工作人员", "staff")
	for _, a := range d.Accounts {
		line("  "+a.Login, a.Password, a.Role)
	}
	title("软件 UKey(移走文件夹 = 拔出)", "software keys: moving the folder away is pulling the key out")
	for _, t := range d.Tokens {
		line("  "+t.Serial, "PIN "+t.PIN, t.Note)
		line("", t.Dir)
	}
	title("密钥管理员的软件 UKey(在 "+d.URL+"/kmc 批准恢复;配对码: signetctl kmc officer pair)", "officers of the key management centre: ukeyd -softkey DIR -state DIR/ukeyd")
	for _, k := range d.Officers {
		line("  "+k.ID, "PIN "+k.PIN, k.Dir)
	}
	if len(d.StaffKeys) > 0 {
		title("工作人员的软件 UKey(登录后台,在「我的账号」绑定)", "keys of staff, to be bound: ukeyd -softkey DIR -state DIR/ukeyd")
	}
	for _, k := range d.StaffKeys {
		line("  "+k.ID, "PIN "+k.PIN, k.Dir)
	}
	title("接入注册机构的接口密钥", "API key of a connected registration authority")
	line("  "+d.RA.Key, strings.Join(d.RA.Profiles, " "))
	title("ACME(外部账户绑定)", "ACME directory with a key that binds one account")
	line("  " + d.ACME)
	line("  kid "+d.EAB.KID, "hmac "+d.EAB.HMAC, strings.Join(d.EAB.Names, " "))
	title("用旧证书加密的标书", "a bid sealed to the old certificate")
	line("  " + d.Bid)
	return w.Flush()
}
