package ticket

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
)

// ProveMessage is what a key signs to prove that it is here. The origin is inside, so that a proof for one
// portal is worth nothing at another.
//
// Shape: "signet-prove\x00" ‖ SHA-256(origin) ‖ SHA-256(nonce); signed by pki.Sign with the key's algorithm.
func ProveMessage(origin string, nonce []byte) []byte {
	return twoHashes("signet-prove\x00", []byte(origin), nonce)
}

// EnrolProofMessage is what a new signing key signs once everything is written and read back.
//
// Shape: "signet-enrol\x00" ‖ SHA-256(enrolment) ‖ SHA-256(nonce).
func EnrolProofMessage(enrolment string, nonce []byte) []byte {
	return twoHashes("signet-enrol\x00", []byte(enrolment), nonce)
}

func twoHashes(prefix string, a, b []byte) []byte {
	ha, hb := sha256.Sum256(a), sha256.Sum256(b)
	return append(append([]byte(prefix), ha[:]...), hb[:]...)
}

// ReservedPrefix starts every message that keys sign for the portal itself. The agent refuses to sign a raw
// document that starts with it.
const ReservedPrefix = "signet-"

func pairMessage(code string) []byte { return []byte("signet-pair\x00" + code) }

// SignPairing signs a pairing code with the agent's new key.
//
// Shape: ES256 as r‖s over "signet-pair\x00" ‖ code.
func SignPairing(key crypto.Signer, code string) ([]byte, error) {
	return signES256(key, pairMessage(code))
}

// VerifyPairing checks SignPairing.
func VerifyPairing(key *ecdsa.PublicKey, code string, sig []byte) bool {
	return verifyES256(key, pairMessage(code), sig)
}
