// Package rest is the HTTP face of the service: it turns requests into calls of the packages below and their answers
// into what api/openapi.yaml promises. It also serves the built pages and mounts the public CA addresses.
//
// It refuses every request that the contract does not describe (unknown fields, wrong types, too long texts), every
// unsafe request from another origin, and every operation that its access table does not grant. It decides nothing
// about certificates, money or people, and holds no SQL.
package rest
