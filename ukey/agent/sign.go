package agent

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/ticket"
)

// Bounds of a proof's nonce: enough to be fresh, too little to carry a document.
const (
	minNonce = 16
	maxNonce = 64
)

// prove signs origin and nonce, in a message that is worth nothing anywhere else. The bytes are made here.
func (w *work) prove(ctx context.Context) (ticket.ProveResult, error) {
	var none ticket.ProveResult
	var in ticket.ProveParams
	if err := w.params(&in); err != nil {
		return none, err
	}
	if in.Origin != w.origin() {
		return none, refuse("proof for another origin")
	}
	if len(in.Nonce) < minNonce || len(in.Nonce) > maxNonce {
		return none, refuse("nonce length")
	}
	if w.claims.Serial == "" && len(in.SPKIHash) == 0 {
		return none, refuse("no key named")
	}
	p, key, err := w.signingKey(ctx, in.SPKIHash)
	if err != nil {
		return none, err
	}
	var t texts
	t.say("操作:向上述网站证明您持有这把 UKey", "Operation: prove to this portal that you hold the key")
	out := ticket.ProveResult{Certificate: key.Certificate, Serial: p.info.Serial}
	err = w.signWith(ctx, p, key, t, func(s crypto.Signer, alg pki.SigAlg) (err error) {
		out.Signature, err = pki.Sign(rand.Reader, s, alg, ticket.ProveMessage(in.Origin, in.Nonce))
		return err
	})
	if err != nil {
		return none, err
	}
	return out, nil
}

// sign signs one document that travels with the job, or a list, so that each name and digest can be shown before the one PIN.
// A list is signed whole or not at all: nothing of it leaves this process before its last signature is made.
func (w *work) sign(ctx context.Context) (ticket.SignResult, error) {
	var none ticket.SignResult
	var in ticket.SignParams
	if err := w.params(&in); err != nil {
		return none, err
	}
	if err := checkSign(in); err != nil {
		return none, err
	}
	p, key, err := w.signingKey(ctx, in.SPKIHash)
	if err != nil {
		return none, err
	}
	out := ticket.SignResult{Certificate: key.Certificate, Serial: p.info.Serial}
	err = w.signWith(ctx, p, key, describeSign(in), func(s crypto.Signer, alg pki.SigAlg) error {
		for _, f := range in.Documents() {
			if err := ctx.Err(); err != nil {
				return err
			}
			sig, err := w.signDocument(s, alg, key.Certificate, in, f.Content)
			if err != nil {
				return err
			}
			out.Signatures = append(out.Signatures, sig)
		}
		return nil
	})
	if err != nil {
		return none, err
	}
	if len(in.Files) == 0 {
		out.Signature, out.Signatures = out.Signatures[0], nil
	}
	return out, nil
}

// describeSign names everything that will be signed; a dialogue shows all of it, on pages where it is long.
func describeSign(in ticket.SignParams) texts {
	var t texts
	if len(in.Files) == 0 {
		t.say("操作:用签名密钥签署一份文件", "Operation: sign a document")
		t.fact("文件", "Document", in.Name)
		t.fact("大小", "Size", size(len(in.Content)))
		t.fact("摘要", "SHA-256", shortDigest(in.Content))
		return t
	}
	n := len(in.Files)
	t.say(fmt.Sprintf("操作:用签名密钥签署下列 %d 份文件,只输入一次 PIN", n), fmt.Sprintf("Operation: sign these %d documents with one PIN", n))
	for i, f := range in.Files {
		t.lines = append(t.lines, fmt.Sprintf("%d. %s · %s · %s", i+1, clean(f.Name), size(len(f.Content)), shortDigest(f.Content)))
	}
	return t
}

// shortDigest begins the SHA-256 of a document.
func shortDigest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8]) + "…"
}

func checkSign(in ticket.SignParams) error {
	switch {
	case len(in.SPKIHash) != sha256.Size:
		return refuse("no key named")
	case in.CheckList() != nil:
		return refuse("list of documents")
	case in.Style != ticket.GMT0010 && in.Style != ticket.RFC5652 && in.Style != ticket.Raw:
		return refuse("unknown signature form")
	}
	for _, f := range in.Documents() {
		switch {
		case f.Name == "":
			return refuse("document without a name")
		case len(f.Content) == 0 || len(f.Content) > ticket.MaxContent:
			return refuse("document size")
		case in.Style == ticket.Raw && bytes.HasPrefix(f.Content, []byte(ticket.ReservedPrefix)):
			return refuse("the document reads as a message that keys sign for the portal itself")
		}
	}
	return nil
}

func (w *work) signDocument(s crypto.Signer, alg pki.SigAlg, certDER []byte, in ticket.SignParams, content []byte) ([]byte, error) {
	if in.Style == ticket.Raw {
		return pki.Sign(rand.Reader, s, alg, content)
	}
	cert, err := pki.ParseCertificate(certDER)
	if err != nil {
		return nil, fmt.Errorf("reading the key's certificate: %w", err)
	}
	style := cms.GMT0010
	if in.Style == ticket.RFC5652 {
		style = cms.RFC5652
	}
	return cms.Sign(rand.Reader, s, cert, content, cms.SignOptions{Style: style, Detached: in.Detached, SigningTime: w.c.Now()})
}

// signingKey finds the signing pair named by its hash, or any certified one where none is named.
func (w *work) signingKey(ctx context.Context, hash []byte) (plugged, ukey.Key, error) {
	var key ukey.Key
	p, err := w.find(ctx, func(p plugged) bool {
		for _, k := range p.keys {
			if k.Usage != ukey.Sign || len(k.Certificate) == 0 {
				continue
			}
			if sum, err := hashOf(k); len(hash) == 0 || err == nil && bytes.Equal(sum, hash) {
				key = k
				return true
			}
		}
		return false
	})
	return p, key, err
}

// signWith logs in, signs with the one key, logs out.
func (w *work) signWith(ctx context.Context, p plugged, key ukey.Key, t texts, f func(crypto.Signer, pki.SigAlg) error) error {
	session, done, err := w.open(ctx, p, t)
	if err != nil {
		return err
	}
	defer done()
	signer, err := session.Signer(key.ID)
	if err != nil {
		return err
	}
	alg, err := pki.SigAlgFor(key.Public)
	if err != nil {
		return err
	}
	return f(signer, alg)
}
