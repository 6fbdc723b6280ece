// Package wiring connects the parts of the server: database, keystore, authorities, services and the HTTP face. Command
// signet and the end-to-end tests use the same, so that what is tested is what runs.
//
// It refuses to create anything but what [EnsureHierarchy] and [EnsureTicketKey] are asked for, and makes no decision
// about certificates, money or people.
package wiring
