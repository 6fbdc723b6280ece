// Package ca is the certification authority: it turns a request into exactly one certificate, a decision into a
// revocation, and can say at any moment what it has signed.
//
// It refuses to sign anything that was not drafted from one of its profiles, linted, and written down durably
// before; it copies nothing out of a certificate request but the public key; it never signs one serial number
// twice, never forgets what it signed and never deletes. It knows no SQL, no HTTP and no keystore: rows go through
// Store, keys arrive as crypto.Signer.
package ca
