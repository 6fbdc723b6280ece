package main

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"
	"unicode/utf16"
	"unsafe"
)

// TestTray drives the window behind the icon as the taskbar does. Run under Wine or Windows.
func TestTray(t *testing.T) {
	if n := unsafe.Sizeof(notifyIconData{}); n != 976 {
		t.Errorf("NOTIFYICONDATAW has %d bytes", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := make(chan struct{})
	entry := &tray{portals: []string{"https://portal.example"}, quit: sync.OnceFunc(func() { close(asked) })}
	ended := make(chan error, 1)
	go func() { ended <- entry.serve(ctx) }()
	find := user32.NewProc("FindWindowW")
	var window uintptr
	for turn := 0; window == 0 && turn < 100; turn++ {
		window, _, _ = find.Call(uintptr(unsafe.Pointer(wide(trayClass))), 0)
		time.Sleep(50 * time.Millisecond) // a window has no other way to say that it is there
	}
	if window == 0 {
		t.Fatal("no window")
	}
	entry.show([]string{"SK-0001 可用 ready"})
	if got := entry.menuLines(); !slices.Equal(got, []line{{0, "SK-0001 可用 ready"}, {firstPortal, "打开 Open https://portal.example"}, {idQuit, "退出 Quit"}}) {
		t.Errorf("%v", got)
	}
	postMessage.Call(window, wmCommand, idQuit, 0)
	select {
	case <-asked:
	case <-time.After(10 * time.Second):
		t.Error("Quit does nothing")
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the entry stays")
	}
}

func TestFill(t *testing.T) {
	var field [4]uint16
	fill(field[:], "钥😀匙匙")
	if got := string(utf16.Decode(field[:3])); got != "钥😀" || field[3] != 0 {
		t.Errorf("%q", got)
	}
	fill(field[:], "ab😀")
	if got := string(utf16.Decode(field[:2])); got != "ab" || field[2] != 0 {
		t.Errorf("%q %v", got, field)
	}
}
