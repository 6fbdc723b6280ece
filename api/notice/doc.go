// Package notice sends what people must be told: it renders a template and
// writes the message in the transaction of the act that caused it, so that
// neither exists without the other.
//
// One channel exists: "outbox", which delivers nothing. Its messages are
// simulated SMS, kept in the database for development and demonstration, and
// every answer of this package says so. The package refuses receivers that are no
// mainland mobile number, values that could forge a line or a signature, and
// keeping a secret: the text of a message that carries one is replaced by its
// masked form 15 minutes after the secret has expired.
package notice
