//go:build cgo

// The function list of PKCS#11 2.40 in its order, and nothing else: each entry is a Go function (export.go) or says that it is
// not supported.
#include <stddef.h>
#include "cryptoki.h"
#include "_cgo_export.h"

#define NOT_SUPPORTED 0x54UL
#define NOT_PARALLEL 0x51UL

#define ANY(...) static CK_RV __VA_ARGS__ { return NOT_SUPPORTED; }
ANY(unsupported2u(CK_ULONG a, CK_ULONG b))
ANY(unsupported3(CK_ULONG a, CK_BYTE_PTR b, CK_ULONG_PTR c))
ANY(unsupported5(CK_ULONG a, CK_BYTE_PTR b, CK_ULONG c, CK_BYTE_PTR d, CK_ULONG_PTR e))
ANY(unsupportedSet(CK_ULONG a, CK_BYTE_PTR b, CK_ULONG c, CK_ULONG d, CK_ULONG e))
ANY(unsupportedInit(CK_ULONG a, CK_MECHANISM *b, CK_ULONG c))
ANY(unsupportedSeed(CK_ULONG a, CK_BYTE_PTR b, CK_ULONG c))
ANY(unsupportedWait(CK_ULONG a, CK_ULONG_PTR b, CK_VOID_PTR c))
static CK_RV notParallel(CK_ULONG a) { return NOT_PARALLEL; }

typedef CK_RV (*any_function)(void);
#define F(f) ((any_function)(f))

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

#ifdef _WIN32
#pragma pack(push, 1)
#endif
typedef struct { CK_VERSION version; any_function functions[68]; } function_list;
#ifdef _WIN32
#pragma pack(pop)
#endif

EXPORTED CK_RV C_GetFunctionList(function_list **out);

static function_list list = {{2, 40}, {
	F(skInitialize), F(skFinalize), F(skGetInfo), F(C_GetFunctionList),
	F(skGetSlotList), F(skGetSlotInfo), F(skGetTokenInfo), F(skGetMechanismList), F(skGetMechanismInfo),
	F(skInitToken), F(skInitPIN), F(skSetPIN),
	F(skOpenSession), F(skCloseSession), F(skCloseAllSessions), F(skGetSessionInfo),
	F(unsupported3), F(unsupportedSet), // C_GetOperationState, C_SetOperationState
	F(skLogin), F(skLogout),
	F(skCreateObject), F(skCopyObject), F(skDestroyObject), F(skGetObjectSize), F(skGetAttributeValue), F(skSetAttributeValue),
	F(skFindObjectsInit), F(skFindObjects), F(skFindObjectsFinal),
	F(skEncryptInit), F(skEncrypt), F(skEncryptUpdate), F(skEncryptFinal),
	F(skDecryptInit), F(skDecrypt), F(skDecryptUpdate), F(skDecryptFinal),
	F(skDigestInit), F(skDigest), F(skDigestUpdate), F(unsupported2u), F(skDigestFinal), // C_DigestKey
	F(skSignInit), F(skSign), F(skSignUpdate), F(skSignFinal), F(unsupportedInit), F(unsupported5), // C_SignRecover…
	F(skVerifyInit), F(skVerify), F(skVerifyUpdate), F(skVerifyFinal), F(unsupportedInit), F(unsupported5), // C_VerifyRecover…
	F(unsupported5), F(unsupported5), F(unsupported5), F(unsupported5), // two operations in one call
	F(skGenerateKey), F(skGenerateKeyPair), F(skWrapKey), F(skUnwrapKey), F(skDeriveKey),
	F(unsupportedSeed), F(skGenerateRandom), F(notParallel), F(notParallel), F(unsupportedWait),
}};

CK_RV C_GetFunctionList(function_list **out) {
	if (out == NULL) return 7; // CKR_ARGUMENTS_BAD
	*out = &list;
	return 0;
}
