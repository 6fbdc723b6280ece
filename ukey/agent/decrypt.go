package agent

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/ticket"
)

// decrypt opens one envelope and seals what was inside to the page that asked: the portal only relays.
func (w *work) decrypt(ctx context.Context) (ticket.DecryptResult, error) {
	var none ticket.DecryptResult
	var in ticket.DecryptParams
	if err := w.params(&in); err != nil {
		return none, err
	}
	if in.Name == "" || len(in.Envelope) == 0 || len(in.Envelope) > ticket.MaxEnvelope {
		return none, refuse("envelope size or name")
	}
	if _, err := ticket.SealToPage(in.PageKey, nil); err != nil { // before the person is asked for nothing
		return none, refuse("page key")
	}
	envelope, err := cms.ParseEnveloped(in.Envelope)
	if err != nil {
		return none, refuse("not an enveloped message")
	}
	var key ukey.Key
	p, err := w.find(ctx, func(p plugged) bool {
		k, ok := recipient(p.keys, envelope)
		key = k
		return ok
	})
	if err != nil {
		return none, err
	}
	sum := sha256.Sum256(in.Envelope)
	var t texts
	t.say("操作:用加密密钥解密一份文件,内容只交给当前网页", "Operation: decrypt a document for the page that asked")
	t.fact("文件", "Document", in.Name)
	t.fact("大小", "Size", size(len(in.Envelope)))
	t.fact("摘要", "SHA-256", hex.EncodeToString(sum[:8])+"…")
	session, done, err := w.open(ctx, p, t)
	if err != nil {
		return none, err
	}
	defer done()
	plain, err := openEnvelope(session, key, envelope)
	if err != nil {
		return none, err
	}
	defer clear(plain)
	return ticket.SealToPage(in.PageKey, plain)
}

// recipient finds the encryption pair whose certificate the envelope names.
func recipient(keys []ukey.Key, e *cms.Enveloped) (ukey.Key, bool) {
	for _, k := range keys {
		if k.Usage != ukey.Encrypt || len(k.Certificate) == 0 {
			continue
		}
		cert, err := pki.ParseCertificate(k.Certificate)
		if err != nil {
			continue
		}
		for _, r := range e.Recipients {
			if bytes.Equal(r.IssuerRaw, cert.Issuer.DER()) && bytes.Equal(r.Serial, cert.Serial) ||
				len(r.SKI) > 0 && (bytes.Equal(r.SKI, cert.SKI) || bytes.Equal(r.SKI, pki.KeyID(cert.PublicKey))) {
				return k, true
			}
		}
	}
	return ukey.Key{}, false
}

// openEnvelope decrypts with one pair of the token.
//
// Errors: those of the token as they are: a pulled key is not a damaged file.
func openEnvelope(s ukey.Session, key ukey.Key, e *cms.Enveloped) ([]byte, error) {
	d, err := s.Decrypter(key.ID)
	if err != nil {
		return nil, err
	}
	seen := &watched{Decrypter: d}
	plain, err := unwrap(seen, key, e)
	if tokenErr := seen.err; tokenErr != nil {
		clear(plain)
		return nil, tokenErr
	}
	if err != nil {
		return nil, problem(ticket.OperationRefused, "the envelope does not open with this key")
	}
	return plain, nil
}

// unwrap opens for the certificate of the pair, or, where none is written, for whichever recipient fits.
func unwrap(d crypto.Decrypter, key ukey.Key, e *cms.Enveloped) ([]byte, error) {
	if len(key.Certificate) > 0 {
		cert, err := pki.ParseCertificate(key.Certificate)
		if err != nil {
			return nil, fmt.Errorf("reading the key's certificate: %w", err)
		}
		if plain, err := e.Open(cert, d); err == nil || !errors.Is(err, cms.ErrNotRecipient) {
			return plain, err
		}
	}
	for _, r := range e.Recipients {
		contentKey, err := r.Unwrap(d)
		if err != nil {
			continue
		}
		plain, err := e.OpenWithKey(contentKey)
		clear(contentKey)
		if err == nil {
			return plain, nil
		}
	}
	return nil, cms.ErrDecrypt
}

// watched remembers what the token said, which a message parser must hide from its caller.
type watched struct {
	crypto.Decrypter
	err error
}

func (w *watched) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	plain, err := w.Decrypter.Decrypt(rand, msg, opts)
	if err != nil && isTokenError(err) {
		w.err = err
	}
	return plain, err
}

func isTokenError(err error) bool {
	return errors.Is(err, ukey.ErrRemoved) || errors.Is(err, ukey.ErrClosed) || errors.Is(err, ukey.ErrUsage)
}
