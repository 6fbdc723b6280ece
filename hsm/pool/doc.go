// Package pool is hsm.Keystore over a PKCS#11 module: a pool of sessions that heals itself whatever the module does.
package pool
