package agent

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// NativeDialogue asks with windows of this system.
func NativeDialogue() Dialogue { return windowsDialogue{} }

// windowsDialogue asks with a modal dialogue box of user32, on top of other windows but without taking the keyboard from them.
type windowsDialogue struct{}

var _ Dialogue = windowsDialogue{}

// Ask shows everything and a field whose characters are hidden.
func (windowsDialogue) Ask(ctx context.Context, p Prompt) ([]byte, error) {
	return runBox(ctx, p, true)
}

// Confirm shows everything and two buttons.
func (windowsDialogue) Confirm(ctx context.Context, p Prompt) error {
	_, err := runBox(ctx, p, false)
	return err
}

var (
	user32          = syscall.NewLazyDLL("user32.dll")
	dialogBox       = user32.NewProc("DialogBoxIndirectParamW")
	endDialog       = user32.NewProc("EndDialog")
	dialogItemText  = user32.NewProc("GetDlgItemTextW")
	setItemText     = user32.NewProc("SetDlgItemTextW")
	setTimer        = user32.NewProc("SetTimer")
	flashWindow     = user32.NewProc("FlashWindow")
	boxCallback     = sync.OnceValue(func() uintptr { return syscall.NewCallback(boxProc) })
	boxMu           sync.Mutex // one box at a time in the process: guards box
	box             *openBox
	errBoxNotOpened = fmt.Errorf("%w: no window can be opened", ErrNoDialogue)
)

// openBox is the dialogue that is on the screen.
type openBox struct {
	ctx    context.Context
	secret bool
	typed  []byte
	err    error
}

// Of winuser.h.
const (
	wmInitDialog = 0x0110
	wmCommand    = 0x0111
	wmTimer      = 0x0113
	idOK         = 1
	idCancel     = 2
	idText       = 100
	idField      = 101
	idPlain      = 0xffff

	wsChild, wsVisible, wsTabStop, wsBorder = 0x40000000, 0x10000000, 0x00010000, 0x00800000
	wsPopup, wsCaption, wsSysMenu, wsScroll = 0x80000000, 0x00C00000, 0x00080000, 0x00200000
	wsTopmost                               = 0x00000008
	dsSetFont, dsModalFrame, dsCenter       = 0x40, 0x80, 0x0800
	esMultiline, esReadOnly                 = 0x0004, 0x0800
	esPassword, esAutoScroll                = 0x0020, 0x0080
	ssNoPrefix, bsDefault                   = 0x0080, 0x0001

	classButton, classEdit, classStatic = 0x0080, 0x0081, 0x0082
)

const (
	maxTyped   = 128 // characters
	pollMillis = 200
)

// runBox shows one box until the person answers or the context ends.
func runBox(ctx context.Context, p Prompt, secret bool) ([]byte, error) {
	boxMu.Lock()
	defer boxMu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	runtime.LockOSThread() // a window belongs to its thread
	defer runtime.UnlockOSThread()
	box = &openBox{ctx: ctx, secret: secret, err: ErrCancelled}
	defer func() { box = nil }()
	template := boxTemplate(p, secret)
	answer, _, _ := dialogBox.Call(0, uintptr(unsafe.Pointer(&template[0])), 0, boxCallback(), 0)
	runtime.KeepAlive(template)
	if int(answer) <= 0 {
		return nil, errBoxNotOpened
	}
	return box.typed, box.err
}

// boxProc is the DLGPROC of the box.
func boxProc(window, message, w, _ uintptr) uintptr {
	switch message {
	case wmInitDialog:
		setTimer.Call(window, 1, pollMillis, 0)
		flashWindow.Call(window, 1)
		return 1
	case wmTimer:
		if err := box.ctx.Err(); err != nil {
			box.err = err
			endDialog.Call(window, idCancel)
		}
		return 1
	case wmCommand:
		switch w & 0xffff {
		case idOK:
			box.err = nil
			if box.secret {
				box.typed = readField(window)
			}
			endDialog.Call(window, idOK)
			return 1
		case idCancel:
			endDialog.Call(window, idCancel)
			return 1
		}
	}
	return 0
}

// readField takes what was typed and wipes the copies on the way.
func readField(window uintptr) []byte {
	var wide [maxTyped + 1]uint16
	n, _, _ := dialogItemText.Call(window, idField, uintptr(unsafe.Pointer(&wide[0])), uintptr(len(wide)))
	runes := utf16.Decode(wide[:n])
	typed := make([]byte, 0, utf8.UTFMax*len(runes))
	for _, r := range runes {
		typed = utf8.AppendRune(typed, r)
	}
	clear(runes)
	clear(wide[:])
	empty := [1]uint16{}
	setItemText.Call(window, idField, uintptr(unsafe.Pointer(&empty[0])))
	return typed
}

// boxTemplate is a DLGTEMPLATE with its items, in dialogue units.
//
// Source: Microsoft, "Dialog Box Templates in Memory".
func boxTemplate(p Prompt, secret bool) []byte {
	const width, line = 300, 9
	text := strings.ReplaceAll(p.Text, "\n", "\r\n")
	lines := min(16, 1+strings.Count(text, "\n"))
	t := &template{}
	y := 7 + lines*line + 4
	t.item(classEdit, idText, wsChild|wsVisible|wsBorder|wsScroll|esMultiline|esReadOnly, 7, 7, width-14, lines*line, text)
	if p.Warning != "" {
		t.item(classStatic, idPlain, wsChild|wsVisible|ssNoPrefix, 7, y, width-14, 2*line, p.Warning)
		y += 2*line + 4
	}
	if secret {
		t.item(classStatic, idPlain, wsChild|wsVisible|ssNoPrefix, 7, y+2, 60, line, p.Label)
		t.item(classEdit, idField, wsChild|wsVisible|wsBorder|wsTabStop|esPassword|esAutoScroll, 70, y, width-77, 13, "")
		y += 20
	}
	t.item(classButton, idOK, wsChild|wsVisible|wsTabStop|bsDefault, width-171, y, 80, 15, p.Accept)
	t.item(classButton, idCancel, wsChild|wsVisible|wsTabStop, width-87, y, 80, 15, p.Refuse)
	head := &template{}
	head.numbers32(wsPopup|wsCaption|wsSysMenu|dsSetFont|dsModalFrame|dsCenter, wsTopmost)
	head.numbers16(uint16(t.items), 0, 0, width, uint16(y+22), 0, 0)
	head.text(p.Title)
	head.numbers16(9)
	head.text("MS Shell Dlg 2")
	head.align()
	return append(head.b, t.b...)
}

// template writes the parts of a DLGTEMPLATE.
type template struct {
	b     []byte
	items int
}

func (t *template) numbers16(v ...uint16) {
	for _, n := range v {
		t.b = binary.LittleEndian.AppendUint16(t.b, n)
	}
}

func (t *template) numbers32(v ...uint32) {
	for _, n := range v {
		t.b = binary.LittleEndian.AppendUint32(t.b, n)
	}
}

func (t *template) text(s string) {
	t.numbers16(utf16.Encode([]rune(strings.ReplaceAll(s, "\x00", "")))...)
	t.numbers16(0)
}

func (t *template) align() {
	for len(t.b)%4 != 0 {
		t.b = append(t.b, 0)
	}
}

func (t *template) item(class, id uint16, style uint32, x, y, w, h int, text string) {
	t.align()
	t.numbers32(style, 0)
	t.numbers16(uint16(x), uint16(y), uint16(w), uint16(h), id, 0xffff, class)
	t.text(text)
	t.numbers16(0)
	t.items++
}
