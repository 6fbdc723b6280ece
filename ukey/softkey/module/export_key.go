//go:build cgo

package main

// #include "cryptoki.h"
import "C"

import (
	"bytes"
	"unsafe"
)

//export skGenerateKey
func skGenerateKey(h C.CK_ULONG, m *C.CK_MECHANISM, t *C.CK_ATTRIBUTE, n C.CK_ULONG, out C.CK_ULONG_PTR) C.CK_RV {
	return guarded("C_GenerateKey", h, func(bool) error {
		if out == nil {
			return rvArgumentsBad
		}
		o, err := lib.generateSecret(uint64(h), parameter(m), template(t, n))
		return hand(o, err, out)
	})
}

//export skGenerateKeyPair
func skGenerateKeyPair(h C.CK_ULONG, m *C.CK_MECHANISM, pub *C.CK_ATTRIBUTE, nPub C.CK_ULONG, priv *C.CK_ATTRIBUTE, nPriv C.CK_ULONG,
	outPub, outPriv C.CK_ULONG_PTR) C.CK_RV {
	return guarded("C_GenerateKeyPair", h, func(bool) error {
		if outPub == nil || outPriv == nil {
			return rvArgumentsBad
		}
		a, b, err := lib.generatePair(uint64(h), parameter(m), template(pub, nPub), template(priv, nPriv))
		if err == nil {
			*outPub, *outPriv = C.CK_ULONG(a), C.CK_ULONG(b)
		}
		return err
	})
}

//export skWrapKey
func skWrapKey(h C.CK_ULONG, m *C.CK_MECHANISM, with, key C.CK_ULONG, out C.CK_BYTE_PTR, outLen C.CK_ULONG_PTR) C.CK_RV {
	return guarded("C_WrapKey", h, func(bool) error {
		if outLen == nil {
			return rvArgumentsBad
		}
		wrapped, err := lib.wrap(uint64(h), parameter(m), uint64(with), uint64(key))
		if err != nil {
			return err
		}
		room := *outLen
		*outLen = C.CK_ULONG(len(wrapped))
		if out == nil {
			return nil
		}
		if room < *outLen {
			return rvBufferTooSmall
		}
		copy(unsafe.Slice((*byte)(unsafe.Pointer(out)), len(wrapped)), wrapped)
		return nil
	})
}

//export skCopyObject
func skCopyObject(h, o C.CK_ULONG, t *C.CK_ATTRIBUTE, n C.CK_ULONG, out C.CK_ULONG_PTR) C.CK_RV {
	return guarded("C_CopyObject", h, func(bool) error {
		if out == nil {
			return rvArgumentsBad
		}
		copied, err := lib.copyObject(uint64(h), uint64(o), template(t, n))
		return hand(copied, err, out)
	})
}

//export skUnwrapKey
func skUnwrapKey(h C.CK_ULONG, m *C.CK_MECHANISM, key C.CK_ULONG, p C.CK_BYTE_PTR, n C.CK_ULONG, t *C.CK_ATTRIBUTE, nT C.CK_ULONG,
	out C.CK_ULONG_PTR) C.CK_RV {
	return guarded("C_UnwrapKey", h, func(bool) error {
		if out == nil {
			return rvArgumentsBad
		}
		o, err := lib.unwrap(uint64(h), parameter(m), uint64(key), bytes.Clone(in(p, n)), template(t, nT))
		return hand(o, err, out)
	})
}

//export skDeriveKey
func skDeriveKey(h C.CK_ULONG, m *C.CK_MECHANISM, key C.CK_ULONG, t *C.CK_ATTRIBUTE, n C.CK_ULONG, out C.CK_ULONG_PTR) C.CK_RV {
	return guarded("C_DeriveKey", h, func(bool) error {
		if out == nil {
			return rvArgumentsBad
		}
		o, err := lib.derive(uint64(h), parameter(m), uint64(key), template(t, n))
		return hand(o, err, out)
	})
}
