// Package acme gives certificates to servers and devices by ACME (RFC 8555, with renewal information by RFC 9773) and SCEP (RFC 8894). The
// protocols are smallstep's; under them are our rows, and behind them is our Authority: a certificate goes the way of every other, through
// lint, intent, signature, record and audit.
//
// It refuses accounts that no organisation stands behind, names that the organisation was not given, SM2 keys (the protocols cannot carry
// them) and looking into networks that nobody named. It holds no CA key.
//
// This is the only package that imports smallstep/certificates (docs/decisions/0015).
package acme
