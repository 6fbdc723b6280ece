// Command module is a software USB key as a PKCS#11 2.40 library, for demonstrations, development and tests:
//
//	go build -buildmode=c-shared -o bin/libsoftkey.so ./ukey/softkey/module
//
// Each folder below SOFTKEY_DIR is a slot, and a folder that holds a key of package softkey is that slot with its token
// in it; moving the folder away pulls the token out. An empty folder is a blank token that C_InitToken formats. It speaks
// RSA, P-256, P-384 and SM2, the latter by mechanisms of its own (code.go). PINs are counted and lock.
//
// It refuses to pose as hardware: library, slot and token model say that it is software. SOFTKEY_FAULT makes it
// misbehave on purpose (fault.go). Two Go runtimes in one process work but are not supported by Go, so it must not be
// used where a key matters.
package main

func main() {}
