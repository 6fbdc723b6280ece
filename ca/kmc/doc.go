// Package kmc is the key management centre (密钥管理中心): it makes encryption key pairs, keeps the private keys in escrow
// under a wrapping key, and hands one out only enveloped to its holder's signing key.
//
// It refuses signing keys altogether (those never leave the holder's token), never stores or returns a private key in the
// clear, and never deletes one.
package kmc
