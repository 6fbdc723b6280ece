// Package kmc is the key management centre (密钥管理中心): it makes encryption key pairs, keeps the private keys in escrow
// under a wrapping key, and hands one out only enveloped to its holder's signing key.
//
// A Centre holds the keys, from spare to in use to archived. A Vault is its wrapping key in the hands of m of n officers. An Office
// recovers keys: for a holder whose token is lost with two operators, by law with m of n forensic officers, each signing the exact case
// with a key of their own. An Exchange answers a CA that is another system, by GM/T 0014.
//
// It refuses signing keys altogether (those never leave the holder's token), never stores or returns a private key in the
// clear, and never deletes one. It refuses to recover what was not approved by signatures that it has checked itself: rows of the
// database are not believed. It refuses officers with two roles, and people who work for the CA.
package kmc
