package agent

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/ticket"
)

// Bounds of one job.
const (
	maxPairs   = 16
	maxDeleted = 16
)

// label names a pair for people.
func (w *work) label(ctx context.Context) (ticket.LabelResult, error) {
	var none ticket.LabelResult
	var in ticket.LabelParams
	if err := w.params(&in); err != nil {
		return none, err
	}
	if w.claims.Serial == "" || ukey.CheckLabel(in.Label, ukey.MaxKeyLabel) != nil {
		return none, refuse("token or label")
	}
	var key ukey.Key
	p, err := w.find(ctx, func(p plugged) bool {
		sign, signs := byHash(p.keys, ukey.Sign, in.SPKIHash)
		enc, encrypts := byHash(p.keys, ukey.Encrypt, in.SPKIHash)
		if key = sign; encrypts {
			key = enc
		}
		return signs || encrypts
	})
	if err != nil {
		return none, err
	}
	var t texts
	t.say("操作:为一个密钥设置名称", "Operation: name a key pair")
	t.fact("名称", "Name", in.Label)
	session, done, err := w.open(ctx, p, t)
	if err != nil {
		return none, err
	}
	defer done()
	return ticket.LabelResult{Label: in.Label}, session.SetLabel(ctx, key.ID, in.Label)
}

// delete removes pairs that the dialogue lists. An encryption pair needs a second consent, since files may need it.
func (w *work) delete(ctx context.Context) (ticket.DeleteResult, error) {
	var none ticket.DeleteResult
	var in ticket.DeleteParams
	if err := w.params(&in); err != nil {
		return none, err
	}
	if w.claims.Serial == "" || len(in.Keys) == 0 || len(in.Keys) > maxDeleted {
		return none, refuse("token or number of keys")
	}
	p, err := w.find(ctx, func(plugged) bool { return true })
	if err != nil {
		return none, err
	}
	doomed, t, err := deletions(p, in)
	if err != nil {
		return none, err
	}
	if slices.ContainsFunc(in.Keys, func(k ticket.DeleteKey) bool { return k.Encryption }) {
		ask := w.pinPrompt(p, t)
		ask.Label, ask.Warning = "", "其中有加密密钥:用它加密的文件以后将无法解密!\nAn encryption key is among them: files encrypted to it can never be opened again!"
		if err := w.confirm(ctx, ask); err != nil {
			return none, err
		}
	}
	session, done, err := w.open(ctx, p, t)
	if err != nil {
		return none, err
	}
	defer done()
	for _, id := range doomed {
		if err := session.Delete(ctx, id); err != nil && !errors.Is(err, ukey.ErrNotFound) {
			return none, err
		}
	}
	var gone ticket.DeleteResult
	for _, k := range in.Keys {
		gone.Removed = append(gone.Removed, k.SPKIHash)
	}
	return gone, nil
}

// deletions finds what is there of the list and says it in words. A key whose use is not as the list says is refused.
func deletions(p plugged, in ticket.DeleteParams) ([]ukey.KeyID, texts, error) {
	var t texts
	t.say("操作:删除下列密钥和证书", "Operation: delete these key pairs and certificates")
	var doomed []ukey.KeyID
	for _, d := range in.Keys {
		usage := ukey.Sign
		if d.Encryption {
			usage = ukey.Encrypt
		}
		t.fact("删除", "Delete", d.Name+" "+shortHash(d.SPKIHash))
		if key, there := byHash(p.keys, usage, d.SPKIHash); there {
			doomed = append(doomed, key.ID)
			continue
		}
		for _, k := range p.keys {
			if sum, err := hashOf(k); err == nil && bytes.Equal(sum, d.SPKIHash) {
				return nil, t, refuse("a key of another use than the list says")
			}
		}
	}
	return doomed, t, nil
}

// importPairs brings recovered encryption pairs to the token and opens a test with each.
func (w *work) importPairs(ctx context.Context) (ticket.ImportResult, error) {
	var none ticket.ImportResult
	var in ticket.ImportParams
	if err := w.params(&in); err != nil {
		return none, err
	}
	if err := checkPairs(w.claims.Serial, in); err != nil {
		return none, err
	}
	p, signing, err := w.signingKey(ctx, in.SignSPKIHash)
	if err != nil {
		return none, err
	}
	var t texts
	t.say("操作:把恢复的加密密钥写入这把 UKey", "Operation: write recovered encryption keys to this key")
	t.fact("个数", "Keys", fmt.Sprint(len(in.Pairs)))
	session, done, err := w.open(ctx, p, t)
	if err != nil {
		return none, err
	}
	defer done()
	if err := writePairs(ctx, session, signing.ID, in.Pairs); err != nil {
		return none, err
	}
	return proveImported(ctx, p, session, in.Pairs)
}

func checkPairs(serial string, in ticket.ImportParams) error {
	if serial == "" || len(in.Pairs) == 0 || len(in.Pairs) > maxPairs {
		return refuse("token or number of pairs")
	}
	for _, pair := range in.Pairs {
		if ukey.KeyID(pair.KeyID).Check() != nil || len(pair.EnvelopedKey) == 0 {
			return refuse("key id or envelope")
		}
		if _, err := pki.ParseCertificate(pair.Certificate); err != nil {
			return refuse("certificate cannot be read")
		}
	}
	return nil
}

// writePairs puts encryption pairs beside what is on the token. Done again it changes nothing.
func writePairs(ctx context.Context, s ukey.Session, signing ukey.KeyID, pairs []ticket.EncryptionPair) error {
	for _, p := range pairs {
		id := ukey.KeyID(p.KeyID)
		if id.Check() != nil {
			return problem(ticket.JobState, "key id of an older encryption key")
		}
		if err := s.ImportEnveloped(ctx, id, signing, p.EnvelopedKey); err != nil {
			return envelopeError(err)
		}
		if err := s.PutCertificate(ctx, id, p.Certificate); err != nil {
			return err
		}
	}
	return nil
}

// proveImported reads the pairs back and has each open what its certificate encrypts.
func proveImported(ctx context.Context, p plugged, s ukey.Session, pairs []ticket.EncryptionPair) (ticket.ImportResult, error) {
	var out ticket.ImportResult
	keys, err := p.token.Keys(ctx)
	if err != nil {
		return out, err
	}
	for _, pair := range pairs {
		key, there := byID(keys, ukey.KeyID(pair.KeyID))
		if !there || !bytes.Equal(key.Certificate, pair.Certificate) {
			return out, problem(ticket.ProofFailed, "an imported certificate does not read back as written")
		}
		if err := opensItsOwn(s, key); err != nil {
			return out, err
		}
		sum, err := hashOf(key)
		if err != nil {
			return out, err
		}
		out.Imported = append(out.Imported, sum)
	}
	return out, nil
}

// opensItsOwn encrypts to the certificate read back and opens it with the pair on the token.
func opensItsOwn(s ukey.Session, enc ukey.Key) error {
	cert, err := pki.ParseCertificate(enc.Certificate)
	if err != nil {
		return problem(ticket.ProofFailed, "the encryption certificate cannot be read")
	}
	want := make([]byte, 32)
	rand.Read(want)
	msg, err := cms.Encrypt(rand.Reader, want, []*pki.Certificate{cert}, cms.GMT0010)
	if err != nil {
		return fmt.Errorf("encrypting a test: %w", err)
	}
	envelope, err := cms.ParseEnveloped(msg)
	if err != nil {
		return fmt.Errorf("encrypting a test: %w", err)
	}
	got, err := openEnvelope(s, enc, envelope)
	if err != nil && isTokenError(err) {
		return err
	}
	if err != nil || !bytes.Equal(got, want) {
		return problem(ticket.ProofFailed, "the encryption key does not open what its certificate encrypts")
	}
	return nil
}
