package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

// Names of the desktop's bus.
//
// Source: freedesktop.org StatusNotifierItem; com.canonical.dbusmenu.
const (
	itemInterface = "org.kde.StatusNotifierItem"
	menuInterface = "com.canonical.dbusmenu"
	watcherName   = "org.kde.StatusNotifierWatcher"
	watcherPath   = dbus.ObjectPath("/StatusNotifierWatcher")
	itemPath      = dbus.ObjectPath("/StatusNotifierItem")
	menuPath      = dbus.ObjectPath("/MenuBar")
)

// tooltip is the (sa(iiay)ss) of StatusNotifierItem.ToolTip.
type tooltip struct {
	Icon        string
	Pixmaps     []pixmap
	Title, Text string
}

type pixmap struct {
	Width, Height int32
	Data          []byte
}

// serve puts the entry into the tray of the session's desktop and keeps it there until the context ends, also when the desktop's
// shell starts again.
//
// Errors: those of the bus; a desktop without a watcher is waited for.
func (t *tray) serve(ctx context.Context) error {
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("reaching the session bus: %w", err)
	}
	defer conn.Close()
	name := fmt.Sprintf("org.kde.StatusNotifierItem-%d-1", os.Getpid())
	properties, err := t.export(conn)
	if err != nil {
		return err
	}
	if _, err := conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
		return fmt.Errorf("naming the entry: %w", err)
	}
	t.mu.Lock()
	t.changed = func() { t.announce(conn, properties) }
	t.mu.Unlock()
	if err := conn.AddMatchSignal(dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, watcherName)); err != nil {
		return fmt.Errorf("watching for a tray: %w", err)
	}
	signals := make(chan *dbus.Signal, 8)
	conn.Signal(signals)
	for ctx.Err() == nil {
		// No tray yet is no fault: NameOwnerChanged tells when there is one.
		conn.Object(watcherName, watcherPath).CallWithContext(ctx, watcherName+".RegisterStatusNotifierItem", 0, name)
		select {
		case <-ctx.Done():
			return nil
		case _, open := <-signals:
			if !open && ctx.Err() == nil {
				return fmt.Errorf("the session bus went away")
			}
		}
	}
	return nil
}

func (t *tray) export(conn *dbus.Conn) (*prop.Properties, error) {
	properties, err := prop.Export(conn, itemPath, prop.Map{itemInterface: {
		"Category": {Value: "Hardware"}, "Id": {Value: "signet-ukeyd"}, "Title": {Value: trayTitle}, "Status": {Value: "Active"},
		"IconName": {Value: "security-high"}, "ItemIsMenu": {Value: true}, "Menu": {Value: menuPath},
		"ToolTip": {Value: t.tooltip(), Emit: prop.EmitTrue},
	}})
	if err != nil {
		return nil, fmt.Errorf("showing the entry: %w", err)
	}
	if err := conn.Export(item{}, itemPath, itemInterface); err != nil {
		return nil, fmt.Errorf("showing the entry: %w", err)
	}
	if _, err := prop.Export(conn, menuPath, prop.Map{menuInterface: {"Version": {Value: uint32(3)}, "Status": {Value: "normal"}}}); err != nil {
		return nil, fmt.Errorf("showing the menu: %w", err)
	}
	return properties, conn.Export(menu{t}, menuPath, menuInterface)
}

func (t *tray) tooltip() tooltip {
	return tooltip{Pixmaps: []pixmap{}, Title: trayTitle, Text: strings.Join(t.lines(), "\n")}
}

// announce tells the desktop that a key came or went.
func (t *tray) announce(conn *dbus.Conn, properties *prop.Properties) {
	properties.SetMust(itemInterface, "ToolTip", t.tooltip())
	conn.Emit(itemPath, itemInterface+".NewToolTip")
	t.mu.Lock()
	revision := t.revision
	t.mu.Unlock()
	conn.Emit(menuPath, menuInterface+".LayoutUpdated", revision, int32(0))
}

// item answers clicks on the entry: everything is in the menu.
type item struct{}

// Activate does nothing; the desktop opens the menu.
func (item) Activate(int32, int32) *dbus.Error { return nil }

// menu is com.canonical.dbusmenu.
type menu struct{ *tray }

// node is the (ia{sv}av) of a layout.
type node struct {
	ID         int32
	Properties map[string]dbus.Variant
	Children   []dbus.Variant
}

// Ids of the menu's lines; keys begin at firstKey, portals at firstPortal.
const (
	idQuit      = 1
	firstPortal = 100
	firstKey    = 1000
)

func (m menu) items() []node {
	line := func(id int32, label string, enabled bool) node {
		return node{ID: id, Properties: map[string]dbus.Variant{
			"label": dbus.MakeVariant(strings.ReplaceAll(label, "_", "__")), "enabled": dbus.MakeVariant(enabled)}}
	}
	var all []node
	for i, key := range m.lines() {
		all = append(all, line(firstKey+int32(i), key, false))
	}
	all = append(all, node{ID: 2, Properties: map[string]dbus.Variant{"type": dbus.MakeVariant("separator")}})
	for i, portal := range m.portals {
		all = append(all, line(firstPortal+int32(i), "打开 Open "+portal, true))
	}
	return append(all, line(idQuit, "退出 Quit", true))
}

// GetLayout gives the whole menu, which has one level.
func (m menu) GetLayout(parent, _ int32, _ []string) (uint32, node, *dbus.Error) {
	m.mu.Lock()
	revision := m.revision
	m.mu.Unlock()
	root := node{ID: parent, Properties: map[string]dbus.Variant{}, Children: []dbus.Variant{}}
	if parent == 0 {
		for _, n := range m.items() {
			n.Children = []dbus.Variant{}
			root.Children = append(root.Children, dbus.MakeVariant(n))
		}
	}
	return revision, root, nil
}

// properties is the (ia{sv}) of GetGroupProperties.
type properties struct {
	ID         int32
	Properties map[string]dbus.Variant
}

// GetGroupProperties gives the lines asked for; none means all.
func (m menu) GetGroupProperties(ids []int32, _ []string) ([]properties, *dbus.Error) {
	all := []properties{}
	for _, n := range m.items() {
		if len(ids) == 0 || slices.Contains(ids, n.ID) {
			all = append(all, properties{n.ID, n.Properties})
		}
	}
	return all, nil
}

// AboutToShow says that the layout is up to date.
func (menu) AboutToShow(int32) (bool, *dbus.Error) { return false, nil }

// Event is a click.
func (m menu) Event(id int32, event string, _ dbus.Variant, _ uint32) *dbus.Error {
	if event != "clicked" {
		return nil
	}
	if i := int(id) - firstPortal; i >= 0 && i < len(m.portals) {
		cmd := exec.Command("xdg-open", m.portals[i]) // an origin that was checked when it was paired
		if cmd.Start() == nil {
			go cmd.Wait()
		}
	}
	if id == idQuit {
		m.quit()
	}
	return nil
}
