// Package verify judges signatures for platforms: who signed, whether the
// certificate leads to a trust anchor, was in time, in its usage and not revoked at
// the moment asked about, and on what evidence.
//
// A trusted time stamp over a signature moves that moment back to when the signature
// is known to have been there, so that it outlives its certificate.
//
// "valid" needs evidence for every part of it. What cannot be known makes the
// verdict indeterminate, never valid. A certificate the caller sends is looked at,
// never trusted. Nothing is fetched from anywhere: addresses inside certificates are
// ignored, the work per request is bounded.
package verify
