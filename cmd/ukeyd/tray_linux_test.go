package main

import (
	"bufio"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// desktop is a session bus with a tray on it that takes entries, as a desktop's shell does.
type desktop struct {
	t          *testing.T
	conn       *dbus.Conn
	registered chan string
}

// RegisterStatusNotifierItem is the watcher's one method that counts.
func (d *desktop) RegisterStatusNotifierItem(name string) *dbus.Error {
	d.registered <- name
	return nil
}

func newDesktop(t *testing.T) *desktop {
	bus := exec.CommandContext(t.Context(), "dbus-daemon", "--session", "--nofork", "--print-address=1")
	out, err := bus.StdoutPipe()
	if err == nil {
		err = bus.Start()
	}
	if err != nil {
		t.Fatalf("a real session bus is needed (Debian: dbus-daemon): %v", err)
	}
	t.Cleanup(func() { bus.Process.Kill(); bus.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", strings.TrimSpace(address))
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &desktop{t: t, conn: conn, registered: make(chan string, 4)}
}

// open starts the tray.
func (d *desktop) open() {
	d.t.Helper()
	if err := d.conn.Export(d, watcherPath, watcherName); err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.conn.RequestName(watcherName, dbus.NameFlagDoNotQueue); err != nil {
		d.t.Fatal(err)
	}
}

// entry waits for ukeyd's.
func (d *desktop) entry() string {
	d.t.Helper()
	select {
	case name := <-d.registered:
		return name
	case <-time.After(20 * time.Second):
		d.t.Fatal("no entry in the tray")
		return ""
	}
}

func (d *desktop) labels(name string) map[int32]string {
	d.t.Helper()
	var revision uint32
	var root node
	err := d.conn.Object(name, menuPath).Call(menuInterface+".GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root)
	if err != nil {
		d.t.Fatal(err)
	}
	labels := map[int32]string{}
	for _, child := range root.Children {
		var n node
		if err := dbus.Store([]any{child.Value()}, &n); err != nil {
			d.t.Fatal(err)
		}
		if label, ok := n.Properties["label"]; ok {
			labels[n.ID] = label.Value().(string)
		}
	}
	return labels
}

// The entry comes with the tray, comes back with a new one, shows the keys, and its 退出 ends the agent.
func TestTray(t *testing.T) {
	d := newDesktop(t)
	ctx, quit := context.WithCancel(t.Context())
	entry := &tray{portals: []string{"https://portal.example"}, quit: quit}
	ended := make(chan error, 1)
	go func() { ended <- entry.serve(ctx) }()
	d.open() // later than the agent, as at the start of a session
	name := d.entry()
	if labels := d.labels(name); !strings.Contains(labels[firstKey], "没有插入") || !strings.Contains(labels[firstPortal], "https://portal.example") {
		t.Errorf("menu: %v", labels)
	}

	updates := make(chan *dbus.Signal, 8)
	d.conn.Signal(updates)
	if err := d.conn.AddMatchSignal(dbus.WithMatchInterface(menuInterface), dbus.WithMatchMember("LayoutUpdated")); err != nil {
		t.Fatal(err)
	}
	entry.show([]string{"UKey SK_0001 · PIN 剩余 6 次"})
	select {
	case <-updates:
	case <-time.After(20 * time.Second):
		t.Fatal("the desktop was not told that a key came")
	}
	if labels := d.labels(name); labels[firstKey] != "UKey SK__0001 · PIN 剩余 6 次" { // one _ would be an accelerator
		t.Errorf("menu: %v", labels)
	}
	shown, err := d.conn.Object(name, itemPath).GetProperty(itemInterface + ".ToolTip")
	if err != nil || !strings.Contains(shown.String(), "SK_0001") {
		t.Errorf("tooltip: %v %v", shown, err)
	}

	if _, err := d.conn.ReleaseName(watcherName); err != nil { // the shell crashes and starts again
		t.Fatal(err)
	}
	d.open()
	if again := d.entry(); again != name {
		t.Errorf("after a restart of the tray: %s", again)
	}

	// Whether the click is answered before the agent is gone does not matter.
	d.conn.Object(name, menuPath).Call(menuInterface+".Event", 0, int32(idQuit), "clicked", dbus.MakeVariant(""), uint32(0))
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("退出 does not end it")
	}
}

func TestNoTray(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	if err := (&tray{}).serve(t.Context()); err == nil {
		t.Error("served without a bus")
	}
}
