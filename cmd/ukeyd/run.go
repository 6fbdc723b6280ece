package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	"signet/hsm/cryptoki"
	"signet/ukey"
	"signet/ukey/agent"
	"signet/ukey/pkcs11"
	"signet/ukey/ticket"
)

// program is ukeyd with what it touches.
type program struct {
	in      *os.File
	out     io.Writer
	err     io.Writer
	softkey func(path string) ukey.Driver
}

// options are the flags.
type options struct {
	portal   string
	softkeys []string
	modules  []string // of PKCS#11
	own      bool
	tty      bool
	pinentry string
	state    string
	pair     string
	name     string
	loopback bool
	batch    string // flash
	operator string // flash
	logLevel slog.Level
}

const usage = `用法 usage: ukeyd [选项 flags]            连接网站并等待任务 serve the paired portal
           ukeyd list    [选项 flags]    列出插入的 UKey  list plugged keys
           ukeyd doctor  [选项 flags]    检查运行环境  check everything, for support
           ukeyd flash   [选项 flags]    批量制证工作站  operator's station: make a batch of keys
           ukeyd update  [选项 flags]    下载并安装新版本  download and install a newer version
           ukeyd version

选项 flags:
`

// Exit codes.
const (
	exitFine  = 0
	exitFault = 1
	exitUsage = 2
)

func (p program) run(ctx context.Context, args []string) int {
	command := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	o, err := p.parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return exitFine
	}
	if err != nil {
		return exitUsage
	}
	commands := map[string]func(context.Context, options) error{"serve": p.serve, "list": p.list, "doctor": p.doctor, "flash": p.flash, "update": p.update, "version": p.version}
	do := commands[command]
	if do == nil {
		fmt.Fprintf(p.err, "ukeyd: 没有这个命令 no such command: %q\n%s", command, usage)
		return exitUsage
	}
	if err := do(ctx, o); err != nil {
		fmt.Fprintln(p.err, "ukeyd:", explain(err))
		return exitFault
	}
	return exitFine
}

func (p program) parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("ukeyd", flag.ContinueOnError)
	f.SetOutput(p.err)
	f.StringVar(&o.portal, "portal", "", "网站地址 portal address, such as https://portal.example")
	f.Func("softkey", "软件 UKey 所在文件夹,可多次给出 folder of a software key, or of several; may be repeated", func(dir string) error {
		o.softkeys = append(o.softkeys, dir)
		return nil
	})
	f.Func("pkcs11", "UKey 厂商的 PKCS#11 库,可多次给出 PKCS#11 library of the key's maker; may be repeated", func(path string) error {
		o.modules = append(o.modules, path)
		return nil
	})
	f.BoolVar(&o.own, "pkcs11-own", false, "允许加载属于本用户的 PKCS#11 库(仅限开发) also load libraries that are not an administrator's, for development")
	f.BoolVar(&o.tty, "tty", false, "在终端询问 PIN ask on this terminal")
	f.StringVar(&o.pinentry, "pinentry", "", "pinentry 程序 program that asks for the PIN; default: the one installed")
	f.StringVar(&o.state, "state", "", "状态文件夹 state folder; default: in the user's configuration folder")
	f.StringVar(&o.pair, "pair", "", "用此配对码重新配对 pair anew with this code")
	f.BoolVar(&o.loopback, "loopback", true, "回应本机浏览器中本网站及备案应用的页面 answer pages of the portal and its applications on this computer")
	f.StringVar(&o.name, "name", "", "网站上显示的名称 name shown in the portal; default: the host name")
	f.StringVar(&o.batch, "batch", "", "flash: 批次编号 number of the batch; default: the only open one")
	f.StringVar(&o.operator, "operator", "", "flash: 操作员自己的 UKey 序列号 serial number of the operator's own key")
	f.Usage = func() {
		fmt.Fprint(p.err, usage)
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		fmt.Fprintf(p.err, "ukeyd: 多余的参数 unexpected: %q\n", f.Arg(0))
		return o, errors.New("unexpected argument")
	}
	return o, nil
}

// explain says in Chinese what the person can do, with the error behind it.
func explain(err error) string {
	for _, e := range []struct {
		is   error
		says string
	}{
		{agent.ErrRunning, "已有一个 ukeyd 在运行"},
		{agent.ErrCancelled, "已取消"},
		{cryptoki.ErrPath, "PKCS#11 库及其文件夹必须归管理员所有,且他人不可写"},
		{cryptoki.ErrLoad, "无法加载 PKCS#11 库"},
		{cryptoki.ErrNoCgo, "此版本的 ukeyd 不支持 PKCS#11 库"},
		{agent.ErrUpdatesOff, "更新功能已关闭"},
		{agent.ErrNoUpdate, "已是最新版本"},
		{agent.ErrNoFile, "没有适用于本系统的新版本"},
		{agent.ErrFileDiffers, "下载的文件与发布的不一致,已删除;请稍后再试或联系客服"},
		{ticket.ErrOldRelease, "网站提供的版本比已知的旧,已拒绝;请联系客服"},
		{agent.ErrNoDialogue, "无法弹出窗口;请安装 pinentry,或加 -tty 在终端输入"},
	} {
		if errors.Is(err, e.is) {
			return e.says + " (" + err.Error() + ")"
		}
	}
	var portal *agent.PortalError
	if errors.As(err, &portal) {
		switch portal.Code {
		case "pairing_code_wrong":
			return "配对码不对 (" + err.Error() + ")"
		case "pairing_expired":
			return "配对码已过期,请在网页上重新取得 (" + err.Error() + ")"
		}
	}
	return err.Error()
}

// agent wires the agent together.
func (p program) agent(ctx context.Context, o options) (*agent.Agent, *agent.State, error) {
	dir, err := stateDir(o.state)
	if err != nil {
		return nil, nil, err
	}
	state, err := agent.OpenState(dir, nil)
	if err != nil {
		return nil, nil, err
	}
	drivers, err := p.drivers(ctx, o, dir)
	if err != nil {
		return nil, nil, err
	}
	var ports []int
	if o.loopback {
		ports = ticket.LoopbackPorts
	}
	a, err := agent.New(agent.Config{State: state, Loopback: ports, Drivers: drivers, Dialogue: p.dialogue(o), Name: o.name,
		Version: buildVersion(), Updates: builtUpdates(), Log: slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: o.logLevel}))})
	return a, state, err
}

// drivers are the kinds of key to look for.
func (p program) drivers(ctx context.Context, o options, stateDir string) ([]ukey.Driver, error) {
	var all []ukey.Driver
	for _, path := range o.softkeys {
		all = append(all, p.softkey(path))
	}
	for _, path := range o.modules {
		d, err := openModule(ctx, path, o.own)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, d)
	}
	if len(all) == 0 {
		all = append(all, p.softkey(filepath.Join(stateDir, "softkeys"))) // where a person may drop one
	}
	return all, nil
}

// moduleEnv are the settings that go on to a library: where the software ones keep their tokens.
var moduleEnv = []string{"SOFTKEY_DIR", "SOFTKEY_FAULT", "SOFTKEY_FAULT_FILE", "SOFTHSM2_CONF"}

// openModule loads a maker's library. Its folder must be an administrator's, as a library can do all that the person can.
func openModule(ctx context.Context, path string, own bool) (*pkcs11.Driver, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	var env []string
	for _, name := range moduleEnv {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return pkcs11.Open(ctx, pkcs11.Config{Cryptoki: cryptoki.Config{Path: path, Dirs: []string{filepath.Dir(real)}, OwnDirs: own, Env: env}})
}

func stateDir(given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	base, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding the configuration folder: %w", err)
	}
	return filepath.Join(base, "signet-ukeyd"), nil
}

// dialogue picks how the person is asked: as told, else by a window of this system, else not at all.
func (p program) dialogue(o options) agent.Dialogue {
	if o.tty {
		return &agent.TTY{In: p.in, Out: p.err}
	}
	if o.pinentry != "" {
		return agent.Pinentry{Path: o.pinentry}
	}
	return agent.NativeDialogue()
}

// serve works for the portal until it is told to stop.
func (p program) serve(ctx context.Context, o options) error {
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
	for _, paired := range pairings {
		fmt.Fprintf(p.out, "已连接 serving %s (%s %s)\n", paired.Portal, paired.Account, paired.Organisation)
	}
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	if !o.tty {
		var portals []string
		for _, paired := range pairings {
			portals = append(portals, paired.Portal)
		}
		var shown sync.WaitGroup
		defer shown.Wait()
		defer quit()
		shown.Go(func() { runTray(ctx, slog.New(slog.NewTextHandler(p.err, nil)), a, portals, quit) })
	}
	if err := a.Run(ctx, pairings); err != nil {
		return err
	}
	fmt.Fprintln(p.out, "已停止 stopped")
	return nil
}

// pairings picks the pairings to serve and makes one where that is asked for or none is there.
func (p program) pairings(ctx context.Context, a *agent.Agent, state *agent.State, o options) ([]agent.Pairing, error) {
	all, err := state.Pairings()
	if err != nil && len(all) == 0 {
		return nil, err
	}
	origin := ""
	if o.portal != "" {
		if origin, err = agent.ParseOrigin(o.portal); err != nil {
			return nil, err
		}
	}
	var wanted []agent.Pairing
	for _, paired := range all {
		if origin == "" || paired.Portal == origin {
			wanted = append(wanted, paired)
		}
	}
	if len(wanted) > 0 && o.pair == "" {
		return wanted, nil
	}
	if origin == "" {
		if origin, err = installedPortal(o); err != nil {
			return nil, err
		}
	}
	paired, err := p.pair(ctx, a, origin, o.pair)
	return []agent.Pairing{paired}, err
}

// portalFile in the state folder is where the Windows installer puts the portal's address.
const portalFile = "portal.txt"

// installedPortal is the portal that the installer was told.
func installedPortal(o options) (string, error) {
	dir, err := stateDir(o.state)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(dir, portalFile))
	if err != nil {
		return "", errors.New("尚未配对,请用 -portal 给出网站地址 (not paired yet: -portal is needed)")
	}
	return agent.ParseOrigin(strings.TrimSpace(strings.TrimPrefix(string(text), "\ufeff")))
}

// codeTries is how often a mistyped code may be typed again.
const codeTries = 3

func (p program) pair(ctx context.Context, a *agent.Agent, origin, code string) (agent.Pairing, error) {
	for try := 1; ; try++ {
		paired, err := a.Pair(ctx, origin, code)
		var refused *agent.PortalError
		if code != "" || try == codeTries || !errors.As(err, &refused) || refused.Code != "pairing_code_wrong" {
			return paired, err
		}
		fmt.Fprintln(p.err, "ukeyd:", explain(err))
	}
}

func (p program) list(ctx context.Context, o options) error {
	a, _, err := p.agent(ctx, o)
	if err != nil {
		return err
	}
	lines, err := a.Plugged(ctx)
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		fmt.Fprintln(p.out, "没有插入 UKey。No key is plugged in.")
	}
	for _, line := range lines {
		fmt.Fprintln(p.out, line)
	}
	return nil
}

func (p program) doctor(ctx context.Context, o options) error {
	a, _, err := p.agent(ctx, o)
	if err != nil {
		return err
	}
	var portals []string
	if o.portal != "" {
		origin, err := agent.ParseOrigin(o.portal)
		if err != nil {
			return err
		}
		portals = append(portals, origin)
	}
	fmt.Fprintf(p.out, "ukeyd %s\n", buildVersion())
	bad := 0
	for _, f := range a.Examine(ctx, portals) {
		mark := "[ok]"
		if !f.Fine {
			mark = "[!!]"
			bad++
		}
		fmt.Fprintln(p.out, mark, f.Text)
	}
	if bad > 0 {
		return fmt.Errorf("%d 项需要处理 findings", bad)
	}
	return nil
}

func (p program) version(context.Context, options) error {
	fmt.Fprintln(p.out, "ukeyd", buildVersion())
	return nil
}

// buildVersion is the release, or for a build that is none the version control revision the program was built from.
func buildVersion() string {
	if releaseVersion != "" {
		return releaseVersion
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "dev"
}
