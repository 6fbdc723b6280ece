// Package ra is the registration authority: cooperation projects, services and
// their orders, certificates as their holders see them, and the applications that
// renew them and write the new pair to a USB key. It also takes over legacy holders
// with the certificates that were issued offline.
//
// Everything a holder asks for is loaded through the holder's organisation; what
// belongs to another does not exist for them. A subject is made from the
// organisation's record, never from a request. The old signing key is given up only
// after the key proved that it holds the new pair and still opens what the old
// encryption keys could open.
//
// It refuses to know HTTP. States are moved by conditional updates, so of many
// clicks one counts; between two moves any crash leaves something that a repeat or
// [RA.Reconcile] finishes.
package ra
