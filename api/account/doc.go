// Package account knows the people who log in, the organisations they act for,
// their sessions, and what each of them may do ([Can] is the only place that
// decides it).
//
// It refuses to keep a secret readable: passwords are Argon2id hashes, session
// tokens SHA-256, SMS codes and captchas keyed hashes bound to what they are for.
// It refuses to say whether a login exists: a wrong password, an unknown login and
// a lock-out look and take the same. Every limit is counted in the database before
// the secret is looked at, so that parallel guesses count like serial ones.
//
// A legacy holder (imported with the ID number of a USB key issued offline) may
// only supplement: set a phone and a password. That makes the account unverified,
// because the ID number is public and the initial password shared; possession of
// the key or stamped material makes it verified.
//
// Functions that take ctx open their own transaction; those that take a
// *store.Tx join the caller's.
package account
