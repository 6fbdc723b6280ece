// Package status says whether a certificate still holds, in two ways: revocation lists (CRL) and single answers (OCSP), and serves
// both together with the CA certificates over plain HTTP.
//
// It refuses to call a serial good that the authority did not record, to publish a list with a number that does not grow, and
// to answer with a responder that its CA did not certify for this.
package status
