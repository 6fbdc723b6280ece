// Package store is the memory of the service: one transaction holds the rows of
// an act, the messages that must follow it and its entry in the audit chain.
// It speaks SQLite and MySQL/MariaDB with the same meaning, and implements the
// stores that the certificate authority, the revocation service and the key
// management centre declare.
//
// It refuses to start on a database it cannot trust (missing file, wrong
// durability settings, unknown schema), to create anything unasked, and to let
// an act through whose audit entry cannot be written.
//
// Conventions of every table: times are BIGINT Unix milliseconds UTC in columns
// ending in _at (0 = none), booleans SMALLINT 0/1, identifiers as made by NewID,
// texts compare byte by byte (but MySQL ignores trailing spaces: trim before storing
// what must be unique). Row types are plain structs whose columns
// (*DB).CheckRows compares with the migrated schema in tests.
package store
