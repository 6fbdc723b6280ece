// Package demo is made-up data that behaves like the real: a cooperation project, a certification authority of the
// past (run by the openssl command, not by us), holders imported from its spreadsheet, software keys with their old
// certificates, a bid sealed to one of them, and staff. And it is the walk through the whole renewal that shows that
// all of it works.
//
// It refuses to run on a folder it did not make, and nothing in it is a default of the product: the shared initial
// password of a batch is data of that batch.
package demo
