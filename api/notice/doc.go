// Package notice sends what people must be told: it renders a template and
// writes the message in the transaction of the act that caused it, so that
// neither exists without the other.
//
// What an account is told it also finds in the portal. Text messages and mail go
// to a gateway (Aliyun, Tencent, SMTP), at least once each; where none is connected
// they stay in the outbox, reach nobody, and every answer of this package says so.
// Text messages keep quiet hours and caps per number. The package refuses receivers that are no
// mainland mobile number, values that could forge a line or a signature, and
// keeping a secret: the text of a message that carries one is replaced by its
// masked form 15 minutes after the secret has expired.
package notice
