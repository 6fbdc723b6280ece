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
	ErrNoPIN        = errors.New("ukey: no PIN set yet")
	ErrNotBlank     = errors.New("ukey: not the blank key that was chosen")
	ErrNotOurs      = errors.New("ukey: made for another key")
	ErrUnsupported  = errors.New("ukey: this kind of key cannot do that")
	ErrSilent       = errors.New("ukey: the library of the key's maker does not answer")
	ErrLabel        = errors.New("ukey: label too long or not plain text")
)

// ErrSOLocked says that the SO PIN is locked: nothing but its maker or a new key helps. It is an ErrLocked too.
var ErrSOLocked = fmt.Errorf("%w: that of the SO", ErrLocked)

// PINError says that a PIN was wrong.
type PINError struct {
	TriesLeft int  // −1: the token does not tell
	SO        bool // it was the SO PIN
}

func (e *PINError) Error() string {
	text := "ukey: wrong PIN"
	if e.SO {
		text = "ukey: wrong SO PIN"
	}
	if e.TriesLeft < 0 {
		return text
	}
	return fmt.Sprintf("%s, %d tries left", text, e.TriesLeft)
}
