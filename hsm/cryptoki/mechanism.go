package cryptoki

// Mechanism is a mechanism number with its parameter.
//
// Nil/zero: at most one of the parameters is set; none means no parameter.
type Mechanism struct {
	Type uint
	Raw  []byte // the parameter as it is in memory
	ECDH *ECDHParams
	OAEP *OAEPParams
	PSS  *PSSParams
	GCM  *GCMParams
}

// ECDHParams are CK_ECDH1_DERIVE_PARAMS with CKD_NULL. Shape: Point as the profile's tokens want it (see Profile.DeriveDER).
type ECDHParams struct{ Point []byte }

// OAEPParams are CK_RSA_PKCS_OAEP_PARAMS without a label.
type OAEPParams struct{ Hash, MGF uint }

// PSSParams are CK_RSA_PKCS_PSS_PARAMS.
type PSSParams struct{ Hash, MGF, Salt uint }

// GCMParams are CK_GCM_PARAMS with a tag of 128 bits.
type GCMParams struct{ IV, AAD []byte }

// Mech is a mechanism without a parameter.
func Mech(typ uint) Mechanism { return Mechanism{Type: typ} }

// ECDH derives with the other side's public point.
func ECDH(point []byte) Mechanism {
	return Mechanism{Type: CKM_ECDH1_DERIVE, ECDH: &ECDHParams{Point: point}}
}

// OAEPSHA1 is the one form of OAEP that every token has.
func OAEPSHA1() Mechanism {
	return Mechanism{Type: CKM_RSA_PKCS_OAEP, OAEP: &OAEPParams{Hash: CKM_SHA_1, MGF: CKG_MGF1_SHA1}}
}

// AESGCM is AES-GCM with a tag of 16 bytes.
func AESGCM(iv, aad []byte) Mechanism {
	return Mechanism{Type: CKM_AES_GCM, GCM: &GCMParams{IV: iv, AAD: aad}}
}
