package gm

import "errors"

// What can be wrong; test with errors.Is.
var (
	ErrPoint      = errors.New("sm2: not a point of the curve")
	ErrScalar     = errors.New("sm2: private key out of range")
	ErrDigest     = errors.New("sm2: digest is not the 32 bytes SM3(ZA‖M)")
	ErrSignature  = errors.New("sm2: malformed signature")
	ErrCiphertext = errors.New("sm2: malformed ciphertext")
	ErrMessage    = errors.New("sm2: message empty or too long to encrypt")
	ErrDecrypt    = errors.New("sm2: decryption failed") // whatever the reason: the sender learns nothing from it
	ErrRandom     = errors.New("sm2: random source gives no usable numbers")
)
