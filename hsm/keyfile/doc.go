// Package keyfile is hsm.Keystore over encrypted files: for development and small sites. One directory is one store; each key is one
// file, sealed with XChaCha20-Poly1305 under a master key, which is itself sealed under a key that Argon2id makes of the passphrase.
//
// It refuses a directory or file that others can read, parameters that are too weak or absurd, and any file that was moved under another
// name. Every write is complete and synced before it has a name. What it cannot do: keep keys out of this process's memory; for that
// there are hardware modules.
package keyfile
