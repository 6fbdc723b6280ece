package agent

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

var (
	findWindow  = user32.NewProc("FindWindowW")
	postMessage = user32.NewProc("PostMessageW")
	itemOf      = user32.NewProc("GetDlgItem")
	windowStyle = user32.NewProc("GetWindowLongW")
)

func wide(t *testing.T, s string) uintptr {
	w, err := syscall.UTF16PtrFromString(s)
	if err != nil {
		t.Fatal(err)
	}
	return uintptr(unsafe.Pointer(w))
}

// press finds the box by its title, types and presses a button, as a person would.
func press(t *testing.T, title, typed string, button uintptr) {
	for range 100 {
		window, _, _ := findWindow.Call(0, wide(t, title))
		last, _, _ := itemOf.Call(window, idCancel) // the one made last
		if window == 0 || last == 0 {
			time.Sleep(100 * time.Millisecond) // a window has no other way to say that it is there
			continue
		}
		if typed != "" {
			field, _, _ := itemOf.Call(window, idField)
			style, _, _ := windowStyle.Call(field, ^uintptr(15)) // GWL_STYLE
			if style&esPassword == 0 {
				t.Error("what is typed can be read on the screen")
			}
			setItemText.Call(window, idField, wide(t, typed))
		}
		postMessage.Call(window, wmCommand, button, 0)
		return
	}
	t.Error("no window")
}

var ask = Prompt{Title: "Signet 测试", Text: "网站 Portal: https://portal.example\nUKey: SK-0001", Label: "PIN", Warning: "只剩最后 1 次机会", Accept: "同意 OK", Refuse: "取消 Cancel"}

func TestWindowsDialogue(t *testing.T) {
	d := NativeDialogue()
	go press(t, ask.Title, "PIN-中文-7", idOK)
	if typed, err := d.Ask(t.Context(), ask); err != nil || string(typed) != "PIN-中文-7" {
		t.Errorf("typed: %q %v", typed, err)
	}
	go press(t, ask.Title, "", idCancel)
	if typed, err := d.Ask(t.Context(), ask); !errors.Is(err, ErrCancelled) || typed != nil {
		t.Errorf("cancelled: %q %v", typed, err)
	}
	go press(t, ask.Title, "", idOK)
	if err := d.Confirm(t.Context(), ask); err != nil {
		t.Errorf("agreed: %v", err)
	}
	go press(t, ask.Title, "", idCancel)
	if err := d.Confirm(t.Context(), ask); !errors.Is(err, ErrCancelled) {
		t.Errorf("refused: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := d.Confirm(ctx, ask); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody answers: %v", err)
	}
}
