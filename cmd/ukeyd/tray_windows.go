package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"unicode/utf16"
	"unsafe"
)

var (
	user32              = syscall.NewLazyDLL("user32.dll")
	shell32             = syscall.NewLazyDLL("shell32.dll")
	kernel32            = syscall.NewLazyDLL("kernel32.dll")
	registerClass       = user32.NewProc("RegisterClassExW")
	unregisterClass     = user32.NewProc("UnregisterClassW")
	createWindow        = user32.NewProc("CreateWindowExW")
	destroyWindow       = user32.NewProc("DestroyWindow")
	defaultProc         = user32.NewProc("DefWindowProcW")
	getMessage          = user32.NewProc("GetMessageW")
	dispatchMessage     = user32.NewProc("DispatchMessageW")
	postMessage         = user32.NewProc("PostMessageW")
	postQuit            = user32.NewProc("PostQuitMessage")
	namedMessage        = user32.NewProc("RegisterWindowMessageW")
	loadIcon            = user32.NewProc("LoadIconW")
	createMenu          = user32.NewProc("CreatePopupMenu")
	appendMenu          = user32.NewProc("AppendMenuW")
	destroyMenu         = user32.NewProc("DestroyMenu")
	trackMenu           = user32.NewProc("TrackPopupMenu")
	cursorPosition      = user32.NewProc("GetCursorPos")
	toFront             = user32.NewProc("SetForegroundWindow")
	notifyIcon          = shell32.NewProc("Shell_NotifyIconW")
	shellExecute        = shell32.NewProc("ShellExecuteW")
	moduleHandle        = kernel32.NewProc("GetModuleHandleW")
	consoleProcessList  = kernel32.NewProc("GetConsoleProcessList")
	freeConsole         = kernel32.NewProc("FreeConsole")
	errWindowNotCreated = "making the window of the tray: %w"
)

// Of winuser.h and shellapi.h.
const (
	wmDestroy, wmClose, wmCommand = 0x0002, 0x0010, 0x0111
	wmLeftUp, wmRightUp, wmApp    = 0x0202, 0x0205, 0x8000
	wmIcon, wmChanged             = wmApp + 1, wmApp + 2 // ours: a click on the icon; what is shown changed

	nimAdd, nimModify, nimDelete         = 0, 1, 2
	nifMessage, nifIcon, nifTip, nifInfo = 0x1, 0x2, 0x4, 0x10

	mfString, mfGrayed, mfSeparator = 0x0, 0x1, 0x800
	idiShield                       = 32518
	swShowNormal                    = 1
)

const trayClass = "SignetUkeydTray"

// Ids of the menu's lines that can be clicked; portals begin at firstPortal.
const (
	idQuit      = 1
	firstPortal = 100
)

// notifyIconData is NOTIFYICONDATAW.
type notifyIconData struct {
	Size             uint32
	Window           uintptr
	ID               uint32
	Flags            uint32
	Callback         uint32
	Icon             uintptr
	Tip              [128]uint16
	State, StateMask uint32
	Info             [256]uint16
	Version          uint32
	InfoTitle        [64]uint16
	InfoFlags        uint32
	GUID             [16]byte
	BalloonIcon      uintptr
}

// windowClass is WNDCLASSEXW.
type windowClass struct {
	Size, Style                        uint32
	Proc                               uintptr
	ClassExtra, WindowExtra            int32
	Instance, Icon, Cursor, Background uintptr
	Menu, Name                         *uint16
	SmallIcon                          uintptr
}

// message is MSG.
type message struct {
	Window  uintptr
	Message uint32
	W, L    uintptr
	Time    uint32
	X, Y    int32
	Private uint32
}

// entry is the icon with its window, which belongs to one thread.
type entry struct {
	*tray
	window, icon uintptr
	restarted    uintptr // the message that says that the taskbar was made anew
	news         string  // told in a balloon last
}

// serve puts the icon into the notification area and keeps it there until the context ends, also when the taskbar starts again.
//
// Errors: those of making a window; a desktop without a taskbar is waited for.
func (t *tray) serve(ctx context.Context) error {
	leaveConsole()
	runtime.LockOSThread() // a window belongs to its thread
	defer runtime.UnlockOSThread()
	e := &entry{tray: t}
	remove, err := e.open()
	if err != nil {
		return err
	}
	defer remove()
	window := e.window
	t.mu.Lock()
	t.changed = func() { postMessage.Call(window, wmChanged, 0, 0) }
	t.mu.Unlock()
	defer context.AfterFunc(ctx, func() { postMessage.Call(window, wmClose, 0, 0) })()
	e.notify(nimAdd)
	var m message
	for {
		got, _, err := getMessage.Call(uintptr(unsafe.Pointer(&m)), 0, 0, 0)
		switch int32(got) {
		case 0:
			return nil
		case -1:
			return fmt.Errorf("reading the tray's messages: %w", err)
		}
		dispatchMessage.Call(uintptr(unsafe.Pointer(&m)))
	}
}

// open makes the window that is never shown: clicks on the icon go to it.
func (e *entry) open() (remove func(), err error) {
	instance, _, _ := moduleHandle.Call(0)
	class := windowClass{Proc: syscall.NewCallback(e.proc), Instance: instance, Name: wide(trayClass)}
	class.Size = uint32(unsafe.Sizeof(class))
	if ok, _, err := registerClass.Call(uintptr(unsafe.Pointer(&class))); ok == 0 {
		return nil, fmt.Errorf(errWindowNotCreated, err)
	}
	e.icon, _, _ = loadIcon.Call(0, idiShield)
	e.restarted, _, _ = namedMessage.Call(uintptr(unsafe.Pointer(wide("TaskbarCreated"))))
	name := uintptr(unsafe.Pointer(wide(trayClass)))
	e.window, _, err = createWindow.Call(0, name, uintptr(unsafe.Pointer(wide(trayTitle))), 0, 0, 0, 0, 0, 0, 0, instance, 0)
	if e.window == 0 {
		unregisterClass.Call(name, instance)
		return nil, fmt.Errorf(errWindowNotCreated, err)
	}
	return func() { unregisterClass.Call(name, instance) }, nil
}

// proc is the window's WNDPROC.
func (e *entry) proc(window, kind, w, l uintptr) uintptr {
	switch {
	case kind == wmIcon && (l&0xffff == wmLeftUp || l&0xffff == wmRightUp):
		e.menu()
	case kind == wmCommand:
		e.clicked(int(w & 0xffff))
	case kind == wmChanged:
		e.notify(nimModify)
	case kind == e.restarted && kind != 0:
		e.notify(nimAdd)
	case kind == wmClose:
		e.notify(nimDelete)
		destroyWindow.Call(window)
	case kind == wmDestroy:
		postQuit.Call(0)
	default:
		answer, _, _ := defaultProc.Call(window, kind, w, l)
		return answer
	}
	return 0
}

// notify tells the taskbar what to show. Without a taskbar it does nothing; TaskbarCreated tells when there is one.
func (e *entry) notify(what uintptr) {
	d := notifyIconData{Window: e.window, ID: 1, Flags: nifMessage | nifIcon | nifTip, Callback: wmIcon, Icon: e.icon}
	d.Size = uint32(unsafe.Sizeof(d))
	fill(d.Tip[:], strings.Join(e.lines(), "\n"))
	e.mu.Lock()
	news := e.tray.news
	e.mu.Unlock()
	if news != e.news && news != "" {
		d.Flags |= nifInfo
		fill(d.InfoTitle[:], trayTitle)
		fill(d.Info[:], news)
	}
	e.news = news
	notifyIcon.Call(what, uintptr(unsafe.Pointer(&d)))
}

// line is one of the menu: id 0 = only read.
type line struct {
	id   int
	text string
}

func (t *tray) menuLines() (all []line) {
	for _, key := range t.lines() {
		all = append(all, line{0, key})
	}
	for i, portal := range t.portals {
		all = append(all, line{firstPortal + i, "打开 Open " + portal})
	}
	return append(all, line{idQuit, "退出 Quit"})
}

// menu opens where the pointer is; the click comes as WM_COMMAND.
func (e *entry) menu() {
	menu, _, _ := createMenu.Call()
	defer destroyMenu.Call(menu)
	separated := false
	for _, l := range e.menuLines() {
		flags := uintptr(mfString)
		if l.id == 0 {
			flags |= mfGrayed
		} else if !separated {
			appendMenu.Call(menu, mfSeparator, 0, 0)
			separated = true
		}
		appendMenu.Call(menu, flags, uintptr(l.id), uintptr(unsafe.Pointer(wide(strings.ReplaceAll(l.text, "&", "&&")))))
	}
	var at struct{ X, Y int32 }
	cursorPosition.Call(uintptr(unsafe.Pointer(&at)))
	toFront.Call(e.window) // else the menu stays when one clicks elsewhere (Microsoft, TrackPopupMenu, remarks)
	trackMenu.Call(menu, 0, uintptr(at.X), uintptr(at.Y), 0, e.window, 0)
	postMessage.Call(e.window, 0, 0, 0)
}

func (e *entry) clicked(id int) {
	if id == idQuit {
		e.quit()
	}
	if i := id - firstPortal; i >= 0 && i < len(e.portals) { // an origin that was checked when it was paired
		shellExecute.Call(0, uintptr(unsafe.Pointer(wide("open"))), uintptr(unsafe.Pointer(wide(e.portals[i]))), 0, 0, swShowNormal)
	}
}

// leaveConsole closes the console window that Windows opens for a program started with the session; one that is somebody else's stays.
func leaveConsole() {
	var pids [2]uint32
	if n, _, _ := consoleProcessList.Call(uintptr(unsafe.Pointer(&pids[0])), uintptr(len(pids))); n == 1 {
		freeConsole.Call()
	}
}

// wide is a string as Windows reads it; it ends at a NUL.
func wide(s string) *uint16 {
	s, _, _ = strings.Cut(s, "\x00")
	return &append(utf16.Encode([]rune(s)), 0)[0]
}

// fill writes as much of a string as fits, with its NUL, and no half character.
func fill(field []uint16, s string) {
	n := copy(field[:len(field)-1], utf16.Encode([]rune(s)))
	if n > 0 && utf16.IsSurrogate(rune(field[n-1])) && field[n-1] < 0xdc00 {
		field[n-1] = 0
	}
}
