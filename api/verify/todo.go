package verify

import (
	"context"
	"errors"
)

// Verify judges one signature.
//
// Errors: CodeVerifyMalformed, CodeVerifyUnsupported, CodeVerifyTooLarge, CodeMissingField, CodeInvalidField for a request that cannot be judged; Busy.
func (v *Verifier) Verify(ctx context.Context, q Request) (Report, error) {
	return Report{}, errors.New("verify: not written yet")
}
