package main

import (
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"signet/ca/pki"
	"signet/ukey/agent"
)

// What a release is built with, by -ldflags -X; see scripts/release. All are empty in other builds.
var (
	releaseVersion  string
	releaseSequence string
	releaseKey      string // SubjectPublicKeyInfo of the release key, P-256, base64
)

// builtUpdates is what this build is a release of.
func builtUpdates() agent.Updates {
	u := agent.Updates{System: runtime.GOOS + "/" + runtime.GOARCH, Form: packageForm(), Policy: policyFile()}
	u.Sequence, _ = strconv.ParseInt(releaseSequence, 10, 64)
	if spki, err := base64.StdEncoding.DecodeString(releaseKey); err == nil && len(spki) > 0 {
		if pub, err := pki.ParsePublicKey(spki); err == nil {
			u.Key, _ = pub.(*ecdsa.PublicKey)
		}
	}
	_, err := os.Stat(u.Policy)
	u.Off = !errors.Is(err, os.ErrNotExist) // also where it cannot be told
	return u
}

// policyFile turns updates off by being there; its folder is an administrator's.
func policyFile() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "ukeyd", "updates-off")
	}
	return "/etc/ukeyd/updates-off"
}

// packageForm is the kind of file that installs here.
func packageForm() string {
	if runtime.GOOS == "windows" {
		return "exe"
	}
	if _, err := os.Stat("/etc/debian_version"); err == nil {
		return "deb"
	}
	return "rpm"
}

// update downloads a newer release once the person agreed, and installs it or says how.
func (p program) update(ctx context.Context, o options) error {
	a, state, err := p.agent(ctx, o)
	if err != nil {
		return err
	}
	origin, err := updatePortal(state, o)
	if err != nil {
		return err
	}
	news, err := a.CheckUpdate(ctx, origin)
	if errors.Is(err, agent.ErrNoUpdate) {
		fmt.Fprintln(p.out, "已是最新版本 newest version:", buildVersion())
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(p.out, news.Text())
	if err := a.ConsentUpdate(ctx, news); err != nil {
		return err
	}
	dir, err := stateDir(o.state)
	if err != nil {
		return err
	}
	path, err := a.Download(ctx, news, filepath.Join(dir, "updates"))
	if err != nil {
		return err
	}
	fmt.Fprintln(p.out, "已下载并核对 downloaded and checked:", path)
	return p.install(path)
}

func updatePortal(state *agent.State, o options) (string, error) {
	if o.portal != "" {
		return agent.ParseOrigin(o.portal)
	}
	all, err := state.Pairings()
	if len(all) == 0 {
		return "", errors.Join(err, errors.New("尚未配对,请用 -portal 给出网站地址 (not paired yet: -portal is needed)"))
	}
	return all[0].Portal, nil
}

// install runs the installer where it needs no administrator, or names the command that does.
func (p program) install(path string) error {
	switch packageForm() {
	case "exe":
		fmt.Fprintln(p.out, "安装程序已启动,它会替换正在运行的助手。The installer has started; it replaces the running agent.")
		return exec.Command(path).Start()
	case "deb":
		fmt.Fprintf(p.out, "请以管理员身份运行 run as administrator:\n  sudo apt install %s\n然后 then:\n  systemctl --user restart ukeyd\n", path)
	default:
		fmt.Fprintf(p.out, "请以管理员身份运行 run as administrator:\n  sudo rpm -U %s\n然后 then:\n  systemctl --user restart ukeyd\n", path)
	}
	return nil
}
