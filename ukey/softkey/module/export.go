//go:build cgo

package main

// #cgo CFLAGS: -std=c11
// #include <stdlib.h>
// #include "cryptoki.h"
import "C"

import (
	"bytes"
	"unsafe"
)

// The functions of the C interface. Each turns C's view of its arguments into Go's, lets the module work under the faults
// that tests ask for, and never lets a panic out: it would end the program that loaded us.

// lib is the one module of the process.
var lib module

// maxInput bounds every length an application names.
const maxInput = maxData

// guarded runs one call of the interface.
func guarded(function string, session C.CK_ULONG, work func(spoil bool) error) (code C.CK_RV) {
	defer func() {
		if recover() != nil {
			code = C.CK_RV(rvGeneralError)
		}
	}()
	faults := lib.faults.at(function)
	if r := lib.before(faults, uint64(session)); r != ok {
		return C.CK_RV(r)
	}
	return C.CK_RV(codeOf(work(flips(faults))))
}

// in views memory of the application. It is not kept.
func in(p C.CK_BYTE_PTR, n C.CK_ULONG) []byte {
	if p == nil || n == 0 {
		return nil
	}
	if n > maxInput {
		panic("softkey module: length")
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), int(n))
}

// copied is in for what is kept.
func copied(p unsafe.Pointer, n C.CK_ULONG) []byte { return bytes.Clone(in(C.CK_BYTE_PTR(p), n)) }

// text fills a blank-padded field, cut between characters.
func text(field []C.CK_BYTE, s string) {
	for i := range field {
		field[i] = ' '
	}
	at := 0
	for _, r := range s {
		c := string(r)
		if at+len(c) > len(field) {
			return
		}
		for i := range len(c) {
			field[at] = C.CK_BYTE(c[i])
			at++
		}
	}
}

// ulongSize is the size of a CK_ULONG here.
const ulongSize = C.sizeof_CK_ULONG

// template reads an attribute array.
func template(p *C.CK_ATTRIBUTE, n C.CK_ULONG) attrs {
	a := attrs{}
	if p == nil {
		return a
	}
	if n > 1024 {
		panic("softkey module: template")
	}
	for _, e := range unsafe.Slice(p, int(n)) {
		v := append([]byte{}, in(C.CK_BYTE_PTR(e.pValue), e.ulValueLen)...)
		if numbers[uint64(e._type)] && len(v) == ulongSize {
			v = number(uint64(*(*C.CK_ULONG)(unsafe.Pointer(&v[0]))))
		}
		a[uint64(e._type)] = v
	}
	return a
}

// native turns an attribute's value into the platform's form.
func native(t uint64, v []byte) []byte {
	n, isNumber := attrs{t: v}.number(t)
	if !numbers[t] || !isNumber {
		return v
	}
	u := C.CK_ULONG(n)
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&u)), ulongSize))
}

// parameter takes a mechanism apart.
func parameter(p *C.CK_MECHANISM) mechanism {
	if p == nil {
		return mechanism{bad: true}
	}
	m := mechanism{number: uint64(p.mechanism)}
	if p.pParameter == nil || p.ulParameterLen == 0 {
		m.bad = m.number == mechECDH
		return m
	}
	switch m.number {
	case mechPSS, mechSHA256PSS:
		if m.bad = p.ulParameterLen != C.sizeof_CK_RSA_PKCS_PSS_PARAMS; !m.bad {
			q := (*C.CK_RSA_PKCS_PSS_PARAMS)(p.pParameter)
			m.hash, m.mgf, m.salt = uint64(q.hashAlg), uint64(q.mgf), int(min(q.sLen, 1024))
		}
	case mechOAEP:
		if m.bad = p.ulParameterLen != C.sizeof_CK_RSA_PKCS_OAEP_PARAMS; !m.bad {
			q := (*C.CK_RSA_PKCS_OAEP_PARAMS)(p.pParameter)
			m.hash, m.mgf, m.label = uint64(q.hashAlg), uint64(q.mgf), copied(unsafe.Pointer(q.pSourceData), q.ulSourceDataLen)
		}
	case mechAESGCM:
		if m.bad = p.ulParameterLen != C.sizeof_CK_GCM_PARAMS; !m.bad {
			q := (*C.CK_GCM_PARAMS)(p.pParameter)
			m.iv, m.aad, m.tag = copied(unsafe.Pointer(q.pIv), q.ulIvLen), copied(unsafe.Pointer(q.pAAD), q.ulAADLen), int(q.ulTagBits)
		}
	case mechECDH:
		if m.bad = p.ulParameterLen != C.sizeof_CK_ECDH1_DERIVE_PARAMS; !m.bad {
			q := (*C.CK_ECDH1_DERIVE_PARAMS)(p.pParameter)
			m.kdf, m.peer = uint64(q.kdf), copied(unsafe.Pointer(q.pPublicData), q.ulPublicDataLen)
		}
	default:
		m.raw = copied(unsafe.Pointer(p.pParameter), p.ulParameterLen)
	}
	return m
}

// list hands out numbers by the convention that a nil buffer asks for their count.
func list(all []uint64, out C.CK_ULONG_PTR, count C.CK_ULONG_PTR) error {
	if count == nil {
		return rvArgumentsBad
	}
	room := *count
	*count = C.CK_ULONG(len(all))
	if out == nil {
		return nil
	}
	if int(room) < len(all) {
		return rvBufferTooSmall
	}
	into := unsafe.Slice(out, len(all))
	for i, n := range all {
		into[i] = C.CK_ULONG(n)
	}
	return nil
}

// hand gives an object handle back.
func hand(h uint64, err error, out C.CK_ULONG_PTR) error {
	if err == nil {
		*out = C.CK_ULONG(h)
	}
	return err
}

//export skInitialize
func skInitialize(args C.CK_VOID_PTR) C.CK_RV {
	return guarded("C_Initialize", 0, func(bool) error {
		env := func(name string) string { // what the process says now, not what it said when our runtime started
			c := C.CString(name)
			defer C.free(unsafe.Pointer(c))
			return C.GoString(C.getenv(c))
		}
		if r := lib.initialize(env("SOFTKEY_DIR"), env("SOFTKEY_FAULT"), env("SOFTKEY_FAULT_FILE")); r != ok {
			return r
		}
		return nil
	})
}

//export skFinalize
func skFinalize(reserved C.CK_VOID_PTR) C.CK_RV {
	return guarded("C_Finalize", 0, func(bool) error {
		if r := lib.finalize(); r != ok {
			return r
		}
		return nil
	})
}

//export skGetInfo
func skGetInfo(out *C.CK_INFO) C.CK_RV {
	return guarded("C_GetInfo", 0, func(bool) error {
		if out == nil {
			return rvArgumentsBad
		}
		*out = C.CK_INFO{}
		out.cryptokiVersion = C.CK_VERSION{2, 40}
		out.libraryVersion = C.CK_VERSION{1, 0}
		text(out.manufacturerID[:], "Signet")
		text(out.libraryDescription[:], "Signet software key, simulated")
		return nil
	})
}

//export skGetSlotList
func skGetSlotList(present C.CK_BBOOL, out C.CK_ULONG_PTR, count C.CK_ULONG_PTR) C.CK_RV {
	return guarded("C_GetSlotList", 0, func(bool) error {
		ids, r := lib.slotList(present != 0)
		if r != ok {
			return r
		}
		return list(ids, out, count)
	})
}

//export skGetSlotInfo
func skGetSlotInfo(slot C.CK_ULONG, out *C.CK_SLOT_INFO) C.CK_RV {
	return guarded("C_GetSlotInfo", 0, func(bool) error {
		i, err := lib.slotInfo(uint64(slot))
		if err != nil || out == nil {
			return orBad(err)
		}
		*out = C.CK_SLOT_INFO{flags: C.CK_ULONG(i.flags)}
		text(out.slotDescription[:], i.description)
		text(out.manufacturerID[:], "Signet")
		return nil
	})
}

// orBad is err, or that an argument was missing.
func orBad(err error) error {
	if err == nil {
		return rvArgumentsBad
	}
	return err
}

//export skGetTokenInfo
func skGetTokenInfo(slot C.CK_ULONG, out *C.CK_TOKEN_INFO) C.CK_RV {
	return guarded("C_GetTokenInfo", 0, func(bool) error {
		i, err := lib.tokenInfo(uint64(slot))
		if err != nil || out == nil {
			return orBad(err)
		}
		unknown := ^C.CK_ULONG(0)
		*out = C.CK_TOKEN_INFO{flags: C.CK_ULONG(i.flags), ulSessionCount: C.CK_ULONG(i.sessions), ulRwSessionCount: unknown,
			ulMinPinLen: 6, ulMaxPinLen: 32, ulTotalPublicMemory: unknown, ulFreePublicMemory: unknown,
			ulTotalPrivateMemory: unknown, ulFreePrivateMemory: unknown}
		text(out.label[:], i.label)
		text(out.manufacturerID[:], "Signet")
		text(out.model[:], "软件模拟UKey")
		text(out.serialNumber[:], i.serial)
		text(out.utcTime[:], "")
		return nil
	})
}

//export skGetMechanismList
func skGetMechanismList(slot C.CK_ULONG, out C.CK_ULONG_PTR, count C.CK_ULONG_PTR) C.CK_RV {
	return guarded("C_GetMechanismList", 0, func(bool) error {
		if _, err := lib.slot(uint64(slot)); err != nil {
			return err
		}
		var all []uint64
		for _, c := range capabilities {
			all = append(all, c.mech)
		}
		return list(all, out, count)
	})
}

//export skGetMechanismInfo
func skGetMechanismInfo(slot, mech C.CK_ULONG, out *C.CK_MECHANISM_INFO) C.CK_RV {
	return guarded("C_GetMechanismInfo", 0, func(bool) error {
		if _, err := lib.slot(uint64(slot)); err != nil || out == nil {
			return orBad(err)
		}
		for _, c := range capabilities {
			if c.mech == uint64(mech) {
				*out = C.CK_MECHANISM_INFO{C.CK_ULONG(c.min), C.CK_ULONG(c.max), C.CK_ULONG(c.flags)}
				return nil
			}
		}
		return rvMechanismInvalid
	})
}

//export skInitToken
func skInitToken(slot C.CK_ULONG, pin C.CK_BYTE_PTR, n C.CK_ULONG, label C.CK_BYTE_PTR) C.CK_RV {
	return guarded("C_InitToken", 0, func(bool) error {
		if pin == nil || label == nil {
			return rvArgumentsBad
		}
		return lib.initToken(uint64(slot), in(pin, n), string(bytes.TrimRight(in(label, 32), " \x00")))
	})
}

//export skInitPIN
func skInitPIN(h C.CK_ULONG, pin C.CK_BYTE_PTR, n C.CK_ULONG) C.CK_RV {
	return guarded("C_InitPIN", h, func(bool) error { return lib.initPIN(uint64(h), in(pin, n)) })
}

//export skSetPIN
func skSetPIN(h C.CK_ULONG, old C.CK_BYTE_PTR, oldLen C.CK_ULONG, new C.CK_BYTE_PTR, newLen C.CK_ULONG) C.CK_RV {
	return guarded("C_SetPIN", h, func(bool) error { return lib.setPIN(uint64(h), in(old, oldLen), in(new, newLen)) })
}

//export skOpenSession
func skOpenSession(slot, flags C.CK_ULONG, app, notify C.CK_VOID_PTR, out C.CK_ULONG_PTR) C.CK_RV {
	return guarded("C_OpenSession", 0, func(bool) error {
		if out == nil {
			return rvArgumentsBad
		}
		if flags&4 == 0 {
			return rvParallelNotSupported
		}
		h, err := lib.openSession(uint64(slot), flags&2 != 0)
		return hand(h, err, out)
	})
}

//export skCloseSession
func skCloseSession(h C.CK_ULONG) C.CK_RV {
	return guarded("C_CloseSession", 0, func(bool) error {
		if r := lib.closeSession(uint64(h)); r != ok {
			return r
		}
		return nil
	})
}

//export skCloseAllSessions
func skCloseAllSessions(slot C.CK_ULONG) C.CK_RV {
	return guarded("C_CloseAllSessions", 0, func(bool) error { return lib.closeAll(uint64(slot)) })
}

//export skGetSessionInfo
func skGetSessionInfo(h C.CK_ULONG, out *C.CK_SESSION_INFO) C.CK_RV {
	return guarded("C_GetSessionInfo", h, func(bool) error {
		i, err := lib.sessionInfo(uint64(h))
		if err != nil || out == nil {
			return orBad(err)
		}
		*out = C.CK_SESSION_INFO{slotID: C.CK_ULONG(i.slot), state: C.CK_ULONG(i.state), flags: C.CK_ULONG(i.flags)}
		return nil
	})
}

//export skLogin
func skLogin(h, who C.CK_ULONG, pin C.CK_BYTE_PTR, n C.CK_ULONG) C.CK_RV {
	return guarded("C_Login", h, func(bool) error { return lib.logIn(uint64(h), role(who), in(pin, n)) })
}

//export skLogout
func skLogout(h C.CK_ULONG) C.CK_RV {
	return guarded("C_Logout", h, func(bool) error { return lib.logOut(uint64(h)) })
}

//export skCreateObject
func skCreateObject(h C.CK_ULONG, t *C.CK_ATTRIBUTE, n C.CK_ULONG, out C.CK_ULONG_PTR) C.CK_RV {
	return guarded("C_CreateObject", h, func(bool) error {
		if out == nil {
			return rvArgumentsBad
		}
		o, err := lib.create(uint64(h), template(t, n))
		return hand(o, err, out)
	})
}

//export skDestroyObject
func skDestroyObject(h, o C.CK_ULONG) C.CK_RV {
	return guarded("C_DestroyObject", h, func(bool) error { return lib.destroy(uint64(h), uint64(o)) })
}

//export skGetObjectSize
func skGetObjectSize(h, o C.CK_ULONG, out C.CK_ULONG_PTR) C.CK_RV {
	return guarded("C_GetObjectSize", h, func(bool) error {
		s, err := lib.session(uint64(h))
		if err == nil {
			_, err = lib.object(s, uint64(o))
		}
		if err == nil && out != nil {
			*out = C.CK_UNAVAILABLE_INFORMATION
		}
		return err
	})
}

//export skGetAttributeValue
func skGetAttributeValue(h, o C.CK_ULONG, t *C.CK_ATTRIBUTE, n C.CK_ULONG) C.CK_RV {
	return guarded("C_GetAttributeValue", h, func(bool) error {
		if t == nil || n > 1024 {
			return rvArgumentsBad
		}
		s, err := lib.session(uint64(h))
		if err != nil {
			return err
		}
		target, err := lib.object(s, uint64(o))
		if err != nil {
			return err
		}
		var worst error
		entries := unsafe.Slice(t, int(n))
		for i := range entries {
			if r := fill(s, target, &entries[i]); r != ok {
				worst = r
			}
		}
		return worst
	})
}

// fill answers one attribute.
func fill(s *session, o object, e *C.CK_ATTRIBUTE) rv {
	v, r := lib.read(s, o, uint64(e._type))
	if r != ok {
		e.ulValueLen = C.CK_UNAVAILABLE_INFORMATION
		return r
	}
	v = native(uint64(e._type), v)
	if e.pValue != nil {
		if int(e.ulValueLen) < len(v) {
			e.ulValueLen = C.CK_UNAVAILABLE_INFORMATION
			return rvBufferTooSmall
		}
		copy(unsafe.Slice((*byte)(e.pValue), len(v)), v)
	}
	e.ulValueLen = C.CK_ULONG(len(v))
	return ok
}

//export skSetAttributeValue
func skSetAttributeValue(h, o C.CK_ULONG, t *C.CK_ATTRIBUTE, n C.CK_ULONG) C.CK_RV {
	return guarded("C_SetAttributeValue", h, func(bool) error { return lib.set(uint64(h), uint64(o), template(t, n)) })
}

//export skFindObjectsInit
func skFindObjectsInit(h C.CK_ULONG, t *C.CK_ATTRIBUTE, n C.CK_ULONG) C.CK_RV {
	return guarded("C_FindObjectsInit", h, func(bool) error { return lib.find(uint64(h), template(t, n)) })
}

//export skFindObjects
func skFindObjects(h C.CK_ULONG, out C.CK_ULONG_PTR, most C.CK_ULONG, count C.CK_ULONG_PTR) C.CK_RV {
	return guarded("C_FindObjects", h, func(bool) error {
		if out == nil || count == nil {
			return rvArgumentsBad
		}
		found, err := lib.findNext(uint64(h), int(min(most, 1<<16)))
		if err != nil {
			return err
		}
		*count = most
		return list(found, out, count)
	})
}

//export skFindObjectsFinal
func skFindObjectsFinal(h C.CK_ULONG) C.CK_RV {
	return guarded("C_FindObjectsFinal", h, func(bool) error { return lib.findDone(uint64(h)) })
}

//export skGenerateRandom
func skGenerateRandom(h C.CK_ULONG, out C.CK_BYTE_PTR, n C.CK_ULONG) C.CK_RV {
	return guarded("C_GenerateRandom", h, func(bool) error { return lib.random(uint64(h), in(out, n)) })
}
