//go:build cgo

package main

// #include "cryptoki.h"
import "C"

import (
	"bytes"
	"unsafe"
)

func begin(function string, h C.CK_ULONG, v verb, m *C.CK_MECHANISM, key C.CK_ULONG) C.CK_RV {
	return guarded(function, h, func(bool) error {
		if m == nil {
			return rvArgumentsBad
		}
		return lib.begin(uint64(h), v, parameter(m), uint64(key))
	})
}

func update(function string, h C.CK_ULONG, v verb, p C.CK_BYTE_PTR, n C.CK_ULONG) C.CK_RV {
	return guarded(function, h, func(bool) error { return lib.update(uint64(h), v, in(p, n)) })
}

// later is update for encryption, whose output all comes at the end.
func later(function string, h C.CK_ULONG, v verb, p C.CK_BYTE_PTR, n C.CK_ULONG, outLen C.CK_ULONG_PTR) C.CK_RV {
	r := update(function, h, v, p, n)
	if r == 0 && outLen != nil {
		*outLen = 0
	}
	return r
}

// finish hands a result out by the convention that a nil buffer asks for its length.
func finish(function string, h C.CK_ULONG, v verb, p C.CK_BYTE_PTR, n C.CK_ULONG, final bool, out C.CK_BYTE_PTR, outLen C.CK_ULONG_PTR) C.CK_RV {
	return guarded(function, h, func(spoil bool) error {
		if outLen == nil {
			return rvArgumentsBad
		}
		room := -1
		if out != nil {
			room = int(min(*outLen, maxInput))
		}
		result, length, err := lib.finish(uint64(h), v, in(p, n), final, room)
		if err == nil || err == rvBufferTooSmall {
			*outLen = C.CK_ULONG(length)
		}
		if err != nil || result == nil {
			return err
		}
		if spoil && len(result) > 0 {
			result = bytes.Clone(result)
			result[len(result)/2] ^= 1
		}
		copy(unsafe.Slice((*byte)(unsafe.Pointer(out)), len(result)), result)
		if v == decrypting {
			clear(result)
		}
		return nil
	})
}

//export skSignInit
func skSignInit(h C.CK_ULONG, m *C.CK_MECHANISM, key C.CK_ULONG) C.CK_RV {
	return begin("C_SignInit", h, signing, m, key)
}

//export skSign
func skSign(h C.CK_ULONG, p C.CK_BYTE_PTR, n C.CK_ULONG, out C.CK_BYTE_PTR, outLen C.CK_ULONG_PTR) C.CK_RV {
	return finish("C_Sign", h, signing, p, n, false, out, outLen)
}

//export skSignUpdate
func skSignUpdate(h C.CK_ULONG, p C.CK_BYTE_PTR, n C.CK_ULONG) C.CK_RV {
	return update("C_SignUpdate", h, signing, p, n)
}

//export skSignFinal
func skSignFinal(h C.CK_ULONG, out C.CK_BYTE_PTR, outLen C.CK_ULONG_PTR) C.CK_RV {
	return finish("C_SignFinal", h, signing, nil, 0, true, out, outLen)
}

//export skEncryptInit
func skEncryptInit(h C.CK_ULONG, m *C.CK_MECHANISM, key C.CK_ULONG) C.CK_RV {
	return begin("C_EncryptInit", h, encrypting, m, key)
}

//export skEncrypt
func skEncrypt(h C.CK_ULONG, p C.CK_BYTE_PTR, n C.CK_ULONG, out C.CK_BYTE_PTR, outLen C.CK_ULONG_PTR) C.CK_RV {
	return finish("C_Encrypt", h, encrypting, p, n, false, out, outLen)
}

//export skEncryptUpdate
func skEncryptUpdate(h C.CK_ULONG, p C.CK_BYTE_PTR, n C.CK_ULONG, out C.CK_BYTE_PTR, outLen C.CK_ULONG_PTR) C.CK_RV {
	return later("C_EncryptUpdate", h, encrypting, p, n, outLen)
}

//export skEncryptFinal
func skEncryptFinal(h C.CK_ULONG, out C.CK_BYTE_PTR, outLen C.CK_ULONG_PTR) C.CK_RV {
	return finish("C_EncryptFinal", h, encrypting, nil, 0, true, out, outLen)
}

//export skDecryptInit
func skDecryptInit(h C.CK_ULONG, m *C.CK_MECHANISM, key C.CK_ULONG) C.CK_RV {
	return begin("C_DecryptInit", h, decrypting, m, key)
}

//export skDecrypt
func skDecrypt(h C.CK_ULONG, p C.CK_BYTE_PTR, n C.CK_ULONG, out C.CK_BYTE_PTR, outLen C.CK_ULONG_PTR) C.CK_RV {
	return finish("C_Decrypt", h, decrypting, p, n, false, out, outLen)
}

//export skDecryptUpdate
func skDecryptUpdate(h C.CK_ULONG, p C.CK_BYTE_PTR, n C.CK_ULONG, out C.CK_BYTE_PTR, outLen C.CK_ULONG_PTR) C.CK_RV {
	return later("C_DecryptUpdate", h, decrypting, p, n, outLen)
}

//export skDecryptFinal
func skDecryptFinal(h C.CK_ULONG, out C.CK_BYTE_PTR, outLen C.CK_ULONG_PTR) C.CK_RV {
	return finish("C_DecryptFinal", h, decrypting, nil, 0, true, out, outLen)
}

//export skDigestInit
func skDigestInit(h C.CK_ULONG, m *C.CK_MECHANISM) C.CK_RV {
	return begin("C_DigestInit", h, digesting, m, 0)
}

//export skDigest
func skDigest(h C.CK_ULONG, p C.CK_BYTE_PTR, n C.CK_ULONG, out C.CK_BYTE_PTR, outLen C.CK_ULONG_PTR) C.CK_RV {
	return finish("C_Digest", h, digesting, p, n, false, out, outLen)
}

//export skDigestUpdate
func skDigestUpdate(h C.CK_ULONG, p C.CK_BYTE_PTR, n C.CK_ULONG) C.CK_RV {
	return update("C_DigestUpdate", h, digesting, p, n)
}

//export skDigestFinal
func skDigestFinal(h C.CK_ULONG, out C.CK_BYTE_PTR, outLen C.CK_ULONG_PTR) C.CK_RV {
	return finish("C_DigestFinal", h, digesting, nil, 0, true, out, outLen)
}

//export skVerifyInit
func skVerifyInit(h C.CK_ULONG, m *C.CK_MECHANISM, key C.CK_ULONG) C.CK_RV {
	return begin("C_VerifyInit", h, verifying, m, key)
}

//export skVerify
func skVerify(h C.CK_ULONG, p C.CK_BYTE_PTR, n C.CK_ULONG, sig C.CK_BYTE_PTR, sigLen C.CK_ULONG) C.CK_RV {
	return guarded("C_Verify", h, func(bool) error { return lib.check(uint64(h), in(p, n), in(sig, sigLen), false) })
}

//export skVerifyUpdate
func skVerifyUpdate(h C.CK_ULONG, p C.CK_BYTE_PTR, n C.CK_ULONG) C.CK_RV {
	return update("C_VerifyUpdate", h, verifying, p, n)
}

//export skVerifyFinal
func skVerifyFinal(h C.CK_ULONG, sig C.CK_BYTE_PTR, sigLen C.CK_ULONG) C.CK_RV {
	return guarded("C_VerifyFinal", h, func(bool) error { return lib.check(uint64(h), nil, in(sig, sigLen), true) })
}
