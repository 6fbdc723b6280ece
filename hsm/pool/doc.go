// Package pool is hsm.Keystore over a PKCS#11 module: a pool of sessions that heals itself whatever the module does.
//
// One goroutine owns each session, and an anchor session that is never lent keeps the login. What a session, a login and object handles have
// in common is an era; an error of the module ends its era, and the next request that needs one sets everything up again: session,
// login, library or process, as the error's class asks. Requests meanwhile wait or fail, but none gets a signature that does not verify.
//
// It refuses to try a PIN twice: after a PIN error it answers hsm.ErrLocked without touching the module until Unlock. It refuses to take
// another key for the one it was asked for: label, identifier and public key must all agree.
package pool
