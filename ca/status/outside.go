package status

import (
	"crypto/sha256"
	"encoding/hex"

	"signet/ca/pki"
)

// OutsideList names the list, among Lists, that another CA published and an operator imported: evidence for whoever verifies, never served.
//
// Shape: at most 60 characters, and no name that ListName gives. CA certificates of one name and key have one list.
func OutsideList(issuer *pki.Certificate) string {
	h := sha256.New()
	h.Write(issuer.Subject.DER())
	h.Write(issuer.SPKI)
	return "outside/" + hex.EncodeToString(h.Sum(nil)[:20])
}
