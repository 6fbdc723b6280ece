package cryptoki

import (
	"errors"
	"fmt"
)

// Class says what heals an error.
type Class int

const (
	ClassOther   Class = iota // the request itself: repeating it changes nothing
	ClassSession              // the session, login or token is gone: open, log in and find again, once
	ClassLibrary              // the module's context is dead: Reset, then as Session
	ClassPIN                  // a person must act: never repeated by a program
	ClassFatal                // the module hung, crashed or cannot be loaded; the worker starts anew by itself
)

var (
	// ErrHung: no answer within the deadline. The call may still have taken effect.
	ErrHung = errors.New("cryptoki: the module does not answer")
	// ErrCrashed: the worker process died during the call or before it. The call may have taken effect.
	ErrCrashed = errors.New("cryptoki: the module's process died")
	// ErrNoCgo: this program was built without cgo and cannot load modules itself.
	ErrNoCgo = errors.New("cryptoki: built without cgo")
	// ErrLoad: the library is no PKCS#11 module or cannot be loaded.
	ErrLoad = errors.New("cryptoki: module cannot be loaded")
	// ErrPath: the module's path is not allowed.
	ErrPath = errors.New("cryptoki: module path is not allowed")
	// ErrNoToken: no token present has that serial and label.
	ErrNoToken = errors.New("cryptoki: no such token is present")
	// ErrAmbiguousToken: more than one token matches.
	ErrAmbiguousToken = errors.New("cryptoki: more than one token matches")
	// ErrStale: the session is of an earlier generation of the module.
	ErrStale = errors.New("cryptoki: session ended with the module's restart")
	// ErrClosed: the Module was closed.
	ErrClosed = errors.New("cryptoki: module is closed")
	// ErrFrame: what came from the other process is not one of our frames, or is too large.
	ErrFrame = errors.New("cryptoki: malformed frame")
)

// Error is what a C_ function answered. It never holds what was passed in.
type Error struct {
	Call string // C_Login …
	Code Code
}

func (e *Error) Error() string {
	if n, ok := names[e.Code]; ok {
		return fmt.Sprintf("cryptoki: %s: %s", e.Call, n)
	}
	return fmt.Sprintf("cryptoki: %s: CKR 0x%08x", e.Call, uint(e.Code))
}

// Is matches another *Error by its code alone, so that errors.Is(err, &Error{Code: CKR_PIN_LOCKED}) asks what one means.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Call == "" || t.Call == e.Call)
}

// CodeOf is the CKR value in an error's chain. Nil/zero: CKR_OK when there is none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CKR_OK
}

// ClassOf says what heals err. Nil/zero: ClassOther for nil.
//
// Source: measurements §4, reliability §3 (codes seen from SoftHSM, p11-kit, YubiHSM and in their trackers).
func ClassOf(err error) Class {
	switch {
	case errors.Is(err, ErrHung), errors.Is(err, ErrCrashed), errors.Is(err, ErrLoad), errors.Is(err, ErrFrame):
		return ClassFatal
	case errors.Is(err, ErrStale), errors.Is(err, ErrNoToken):
		return ClassSession
	}
	switch CodeOf(err) {
	case CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE, CKR_PIN_EXPIRED, CKR_PIN_LOCKED, CKR_USER_PIN_NOT_INITIALIZED:
		return ClassPIN
	case CKR_SESSION_CLOSED, CKR_SESSION_HANDLE_INVALID, CKR_SESSION_COUNT, CKR_OBJECT_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID,
		CKR_USER_NOT_LOGGED_IN, CKR_OPERATION_ACTIVE, CKR_OPERATION_NOT_INITIALIZED, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT,
		CKR_TOKEN_NOT_RECOGNIZED, CKR_SLOT_ID_INVALID:
		return ClassSession
	case CKR_CRYPTOKI_NOT_INITIALIZED, CKR_DEVICE_ERROR, CKR_DEVICE_MEMORY, CKR_GENERAL_ERROR, CKR_HOST_MEMORY, CKR_FUNCTION_FAILED:
		return ClassLibrary
	}
	return ClassOther
}
