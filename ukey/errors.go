package ukey

import (
	"errors"
	"fmt"
)

// What a caller can act on; test with errors.Is. A driver wraps them with the act in progress.
var (
	ErrLocked       = errors.New("ukey: PIN locked")
	ErrRemoved      = errors.New("ukey: key pulled out")
	ErrFull         = errors.New("ukey: no room for another key")
	ErrNotFound     = errors.New("ukey: no such key")
	ErrExists       = errors.New("ukey: another key has this id")
	ErrUsage        = errors.New("ukey: key is not for this use")
	ErrCertMismatch = errors.New("ukey: certificate is of another key")
	ErrBusy         = errors.New("ukey: key in use by another program")
	ErrWeakPIN      = errors.New("ukey: PIN too weak")
	ErrClosed       = errors.New("ukey: logged out")
)

// PINError says that a PIN was wrong.
type PINError struct {
	TriesLeft int // −1: the token does not tell
}

func (e *PINError) Error() string {
	if e.TriesLeft < 0 {
		return "ukey: wrong PIN"
	}
	return fmt.Sprintf("ukey: wrong PIN, %d tries left", e.TriesLeft)
}
