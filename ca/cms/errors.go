package cms

import "errors"

// What a reader can be told. Every error of this package wraps one of these or comes from rand, a key or pki.
var (
	ErrMalformed     = errors.New("malformed message")
	ErrBER           = errors.New("message is BER (indefinite length or constructed string), only DER is read")
	ErrUnsupported   = errors.New("unsupported algorithm")
	ErrNoSigner      = errors.New("message has no signer")
	ErrNoContent     = errors.New("signature is detached and no content was given")
	ErrContentType   = errors.New("content type of the message and of the signed attributes differ")
	ErrDigest        = errors.New("content does not match the signed digest")
	ErrSignature     = errors.New("signature does not verify")
	ErrNoCertificate = errors.New("certificate of the signer not found")
	ErrNotRecipient  = errors.New("message is not addressed to this certificate")
	ErrDecrypt       = errors.New("decryption failed")
	ErrKeyMismatch   = errors.New("private key does not belong to the public key")
)
