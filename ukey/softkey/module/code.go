package main

import (
	"errors"
	"fmt"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ukey"
)

// rv is a CK_RV. It is an error inside the module; ok is never passed as one.
type rv uint64

func (r rv) Error() string { return fmt.Sprintf("softkey module: CKR 0x%x", uint64(r)) }

// Return values. Source: PKCS#11 2.40, pkcs11t.h.
const (
	ok                        rv = 0x00
	rvCancel                  rv = 0x01
	rvSlotIDInvalid           rv = 0x03
	rvGeneralError            rv = 0x05
	rvFunctionFailed          rv = 0x06
	rvArgumentsBad            rv = 0x07
	rvCantLock                rv = 0x0a
	rvAttributeReadOnly       rv = 0x10
	rvAttributeSensitive      rv = 0x11
	rvAttributeTypeInvalid    rv = 0x12
	rvAttributeValueInvalid   rv = 0x13
	rvDataInvalid             rv = 0x20
	rvDataLenRange            rv = 0x21
	rvDeviceError             rv = 0x30
	rvDeviceMemory            rv = 0x31
	rvDeviceRemoved           rv = 0x32
	rvEncryptedDataInvalid    rv = 0x40
	rvFunctionNotSupported    rv = 0x54
	rvKeyHandleInvalid        rv = 0x60
	rvKeyTypeInconsistent     rv = 0x63
	rvKeyNotPermitted         rv = 0x68
	rvKeyUnextractable        rv = 0x6a
	rvActionProhibited        rv = 0x1b
	rvMechanismInvalid        rv = 0x70
	rvMechanismParamInvalid   rv = 0x71
	rvObjectHandleInvalid     rv = 0x82
	rvOperationActive         rv = 0x90
	rvOperationNotInitialized rv = 0x91
	rvPINIncorrect            rv = 0xa0
	rvPINInvalid              rv = 0xa1
	rvPINLenRange             rv = 0xa2
	rvPINLocked               rv = 0xa4
	rvSessionHandleInvalid    rv = 0xb3
	rvParallelNotSupported    rv = 0xb4
	rvSessionReadOnly         rv = 0xb5
	rvSessionExists           rv = 0xb6
	rvSessionReadOnlyExists   rv = 0xb7
	rvSessionReadWriteSO      rv = 0xb8
	rvSignatureInvalid        rv = 0xc0
	rvSignatureLenRange       rv = 0xc1
	rvTemplateIncomplete      rv = 0xd0
	rvTemplateInconsistent    rv = 0xd1
	rvTokenNotPresent         rv = 0xe0
	rvTokenNotRecognized      rv = 0xe1
	rvUnwrappingInconsistent  rv = 0xf2
	rvWrappingHandleInvalid   rv = 0x113
	rvWrappingInconsistent    rv = 0x115
	rvUserAlreadyLoggedIn     rv = 0x100
	rvUserNotLoggedIn         rv = 0x101
	rvUserPINNotInitialized   rv = 0x102
	rvUserTypeInvalid         rv = 0x103
	rvUserAnotherLoggedIn     rv = 0x104
	rvWrappedKeyInvalid       rv = 0x110
	rvBufferTooSmall          rv = 0x150
	rvNotInitialized          rv = 0x190
	rvAlreadyInitialized      rv = 0x191
)

// Object classes, key types and attributes. Source: the same.
const (
	classData        = 0
	classCertificate = 1
	classPublic      = 2
	classPrivate     = 3
	classSecret      = 4

	typeRSA     = 0x00
	typeEC      = 0x03
	typeGeneric = 0x10
	typeAES     = 0x1f
	typeSM2     = 0x80000016 // vendor-defined: the number of Luna and Trustonic

	attrClass            = 0x000
	attrToken            = 0x001
	attrPrivate          = 0x002
	attrLabel            = 0x003
	attrApplication      = 0x010
	attrValue            = 0x011
	attrObjectID         = 0x012
	attrCertificateType  = 0x080
	attrIssuer           = 0x081
	attrSerial           = 0x082
	attrTrusted          = 0x086
	attrCategory         = 0x087
	attrKeyType          = 0x100
	attrSubject          = 0x101
	attrID               = 0x102
	attrSensitive        = 0x103
	attrEncrypt          = 0x104
	attrDecrypt          = 0x105
	attrWrap             = 0x106
	attrUnwrap           = 0x107
	attrSign             = 0x108
	attrSignRecover      = 0x109
	attrVerify           = 0x10a
	attrVerifyRecover    = 0x10b
	attrDerive           = 0x10c
	attrModulus          = 0x120
	attrModulusBits      = 0x121
	attrPublicExponent   = 0x122
	attrPrivateExponent  = 0x123
	attrPrime1           = 0x124
	attrPrime2           = 0x125
	attrExponent1        = 0x126
	attrExponent2        = 0x127
	attrCoefficient      = 0x128
	attrValueLen         = 0x161
	attrExtractable      = 0x162
	attrLocal            = 0x163
	attrNeverExtractable = 0x164
	attrAlwaysSensitive  = 0x165
	attrKeyGenMechanism  = 0x166
	attrModifiable       = 0x170
	attrCopyable         = 0x171
	attrDestroyable      = 0x172
	attrECParams         = 0x180
	attrECPoint          = 0x181
	attrAlwaysAuth       = 0x202
)

// Mechanisms. Source: the same, but for those named SM2 and SM3: SM3 has the number of Luna and Trustonic; for the rest
// no number of theirs is public, so 0x80535xxx ("SK") is our own, also written in ukey/pkcs11/profiles/softkey.yaml.
const (
	mechRSAGen       = 0x0000
	mechRSA          = 0x0001
	mechOAEP         = 0x0009
	mechPSS          = 0x000d
	mechSHA256RSA    = 0x0040
	mechSHA384RSA    = 0x0041
	mechSHA512RSA    = 0x0042
	mechSHA256PSS    = 0x0043
	mechSHA1         = 0x0220
	mechSHA256       = 0x0250
	mechSHA384       = 0x0260
	mechSHA512       = 0x0270
	mechGenericGen   = 0x0350
	mechECGen        = 0x1040
	mechECDSA        = 0x1041
	mechECDSASHA256  = 0x1044
	mechECDSASHA384  = 0x1045
	mechECDH         = 0x1050
	mechAESGen       = 0x1080
	mechAESCBCPad    = 0x1085
	mechAESGCM       = 0x1087
	mechAESWrapPad   = 0x210a // with padding: RFC 5649
	mechSM3          = 0x80000b01
	mechSM2Gen       = 0x80535301
	mechSM2          = 0x80535302 // signs e = SM3(ZA‖M); r‖s
	mechSM2SM3       = 0x80535303 // signs a message under the default user ID; r‖s
	mechSM2Encrypt   = 0x80535304 // C1C3C2 with the leading 04
	mechSM2Enveloped = 0x80535305 // unwraps a DER SM2EnvelopedKey
)

// codeOf says an error in the words of PKCS#11.
func codeOf(err error) rv {
	var code rv
	var pin *ukey.PINError
	if err == nil {
		return ok
	}
	if errors.As(err, &code) {
		return code
	}
	if errors.As(err, &pin) {
		return rvPINIncorrect
	}
	for _, w := range words {
		if errors.Is(err, w.err) {
			return w.code
		}
	}
	return rvFunctionFailed
}

var words = []struct {
	err  error
	code rv
}{
	{ukey.ErrRemoved, rvDeviceRemoved}, {ukey.ErrLocked, rvPINLocked}, {ukey.ErrFull, rvDeviceMemory},
	{ukey.ErrBusy, rvUserAnotherLoggedIn}, {ukey.ErrWeakPIN, rvPINInvalid}, {ukey.ErrNotFound, rvObjectHandleInvalid},
	{ukey.ErrExists, rvAttributeValueInvalid}, {ukey.ErrClosed, rvUserNotLoggedIn},
	{ukey.ErrNoPIN, rvUserPINNotInitialized}, {gm.ErrDecrypt, rvEncryptedDataInvalid},
	{gm.ErrDigest, rvDataLenRange}, {cms.ErrDecrypt, rvWrappedKeyInvalid},
	{cms.ErrMalformed, rvWrappedKeyInvalid}, {cms.ErrKeyMismatch, rvWrappedKeyInvalid},
}
