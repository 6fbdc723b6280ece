package pay

import (
	"fmt"

	"rsc.io/qr"
)

// QR draws what a payer scans.
//
// Shape: PNG with its quiet zone.
func QR(codeURL string) ([]byte, error) {
	code, err := qr.Encode(codeURL, qr.M)
	if err != nil {
		return nil, fmt.Errorf("drawing a code: %w", err)
	}
	return code.PNG(), nil
}
