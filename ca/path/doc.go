// Package path decides whether a certificate is valid: it builds the paths from it to a trust anchor, runs the whole of
// RFC 5280 §6 on each (policies and mappings, name constraints of every kind, path lengths, usages, revocation by
// complete, delta, partitioned and indirect CRLs and by OCSP answers given as evidence) and says why not when none
// holds. SM2, ECDSA and RSA go through the same steps.
//
// It refuses rather than guesses: an extension that is critical and not understood, a kind of name that is constrained
// and not understood, a certificate whose revocation state cannot be settled once evidence was given, and input that
// would take more than a fixed amount of work. It fetches nothing and knows no list of trusted roots.
//
// Source: RFC 5280 §6; RFC 9618 (policies without the exponential tree); RFC 4158 (path building); RFC 5937 (what
// an anchor's own certificate demands holds); RFC 6960 (OCSP).
package path
