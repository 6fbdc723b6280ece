package demo

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"signet/ca/pki"
)

// detail is a certificate with its pair, as the API gives it.
type detail struct {
	Certificate struct {
		ID, SerialHex, EncSerialHex, State, KeyAlg, Origin string
		NotAfter                                           time.Time
	}
	SignPem, EncPem, ChainPem, PredecessorID string
}

func (w *walker) checkCertificates(ctx context.Context) (string, error) {
	var old detail
	if err := w.holder.Call(ctx, http.MethodGet, "/certificates/"+w.certificateID, nil, &old); err != nil {
		return "", err
	}
	if old.Certificate.State != "superseded" || w.newDetail.PredecessorID != w.certificateID {
		return "", fmt.Errorf("the old certificate is %s", old.Certificate.State)
	}
	if !w.newDetail.Certificate.NotAfter.After(old.Certificate.NotAfter.Add(360 * 24 * time.Hour)) {
		return "", fmt.Errorf("the new certificate ends %s", w.newDetail.Certificate.NotAfter)
	}
	chain, err := pki.ParseCertificatesPEM([]byte(w.newDetail.ChainPem))
	if err != nil {
		return "", fmt.Errorf("chain: %w", err)
	}
	for _, half := range []struct {
		text  string
		usage pki.KeyUsage
	}{{w.newDetail.SignPem, pki.DigitalSignature | pki.ContentCommitment}, {w.newDetail.EncPem, pki.KeyEncipherment | pki.DataEncipherment | pki.KeyAgreement}} {
		certs, err := pki.ParseCertificatesPEM([]byte(half.text))
		if err != nil {
			return "", err
		}
		if certs[0].KeyUsage != half.usage {
			return "", fmt.Errorf("key usage is %s, want %s", certs[0].KeyUsage, half.usage)
		}
		if err := w.checkStatus(ctx, certs[0], chain[0]); err != nil {
			return "", err
		}
	}
	by, err := w.opensslVerify(ctx)
	if err != nil {
		return "", err
	}
	ocsp := "OCSP good"
	if w.openssl == "" {
		ocsp = "OCSP 未查 not asked"
	}
	return fmt.Sprintf("签名 %s · 加密 %s,有效期至 %s;CRL 未列出,%s;%s", w.newDetail.Certificate.SerialHex,
		w.newDetail.Certificate.EncSerialHex, w.newDetail.Certificate.NotAfter.Format("2006-01-02"), ocsp, by), nil
}

// checkStatus asks the addresses inside the certificate whether it holds.
func (w *walker) checkStatus(ctx context.Context, cert, issuer *pki.Certificate) error {
	if len(cert.CRLURLs) != 1 || len(cert.OCSPURLs) != 1 {
		return fmt.Errorf("the certificate names CRL %v and OCSP %v", cert.CRLURLs, cert.OCSPURLs)
	}
	der, err := fetch(ctx, cert.CRLURLs[0])
	if err != nil {
		return err
	}
	list, err := pki.ParseCRL(der)
	if err != nil {
		return fmt.Errorf("CRL: %w", err)
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		return fmt.Errorf("CRL: %w", err)
	}
	if list.Find(cert.Serial) != nil || !list.NextUpdate.After(time.Now()) {
		return errors.New("the CRL lists the new certificate, or is old")
	}
	if w.openssl == "" {
		return nil
	}
	return w.files(map[string][]byte{"cert.pem": pki.EncodePEM(cert), "issuer.pem": pki.EncodePEM(issuer)}, func(dir string) error {
		text, err := w.run(ctx, dir, "ocsp", "-issuer", "issuer.pem", "-cert", "cert.pem", "-url", cert.OCSPURLs[0], "-noverify")
		if err != nil {
			return err
		}
		if !strings.Contains(text, "cert.pem: good") {
			return fmt.Errorf("OCSP says %q", text)
		}
		return nil
	})
}

// opensslVerify has another program build the path of both halves.
func (w *walker) opensslVerify(ctx context.Context) (string, error) {
	if w.openssl == "" {
		return "未安装 openssl,跳过 · openssl is not installed: skipped", nil
	}
	var roots []byte
	for _, name := range w.dev.Roots {
		text, err := os.ReadFile(filepath.Join(w.c.DataDir, name))
		if err != nil {
			return "", err
		}
		roots = append(roots, text...)
	}
	chain, err := pki.ParseCertificatesPEM([]byte(w.newDetail.ChainPem))
	if err != nil {
		return "", err
	}
	content := map[string][]byte{
		"roots.pem": roots, "issuing.pem": pki.EncodePEM(chain[0]), "sign.pem": []byte(w.newDetail.SignPem), "enc.pem": []byte(w.newDetail.EncPem),
	}
	// OpenSSL 3.0 gives the SM2 user ID to the certificate it is asked about only, so each link is asked about.
	err = w.files(content, func(dir string) error {
		if _, err := w.run(ctx, dir, "verify", "-vfyopt", "distid:"+sm2ID, "-CAfile", "roots.pem", "issuing.pem"); err != nil {
			return err
		}
		_, err := w.run(ctx, dir, "verify", "-vfyopt", "distid:"+sm2ID, "-partial_chain", "-CAfile", "issuing.pem", "sign.pem", "enc.pem")
		return err
	})
	return "openssl verify: OK", err
}

func (w *walker) files(content map[string][]byte, use func(dir string) error) error {
	dir, err := os.MkdirTemp(w.person.dir, "openssl-*")
	if err != nil {
		return err
	}
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return use(dir)
}

func (w *walker) run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, w.openssl, args...)
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("openssl %s: %w: %s", args[0], err, bytes.TrimSpace(text))
	}
	return string(text), nil
}

func fetch(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", address, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

func (w *walker) checkKey(ctx context.Context) (string, error) {
	keys, err := w.keys(ctx)
	if err != nil {
		return "", err
	}
	w.key = keys[walkToken]
	c := w.newDetail.Certificate
	if w.object("sign", c.SerialHex) == nil || w.object("encrypt", c.EncSerialHex) == nil {
		return "", fmt.Errorf("the new pair is not on the key: %+v", w.key)
	}
	if w.object("encrypt", "74C2008800000AEA") == nil || w.object("sign", walkSerial) != nil {
		return "", fmt.Errorf("the old encryption key is gone or the old signing key is not: %+v", w.key)
	}
	return fmt.Sprintf("UKey 上共 %d 个密钥对:新签名、新加密、旧加密 · new signing, new and old encryption", len(w.key.Objects)), nil
}

type report struct {
	Verdict string
	Reasons []struct {
		Code, Detail string
		OK           bool
	}
	Signers []struct {
		Organisation, USCC, SerialHex string
		Revocation                    struct{ Status string }
	}
}

func (w *walker) signBid(ctx context.Context) (string, error) {
	bid := []byte("投标文件(演示)\n投标人:" + walkName + "\n")
	job, err := w.holder.RunJob(ctx, "/agent/jobs", map[string]any{
		"op": "sign", "tokenSerial": walkToken, "name": "投标文件.txt", "content": bid, "style": "gmt0010",
		"spkiHash": w.object("sign", w.newDetail.Certificate.SerialHex),
	})
	if err != nil {
		return "", err
	}
	ask := func(content []byte) (r report, err error) {
		body := map[string]any{"type": "cms", "signature": job.Result.Signature, "requireOrganisation": w.dev.Legacy[walkLogin].Login}
		if content != nil {
			body["content"] = content
		}
		return r, NewClient(w.c.BaseURL).Call(ctx, http.MethodPost, "/verify", body, &r)
	}
	good, err := ask(nil)
	if err != nil {
		return "", err
	}
	if good.Verdict != "valid" || len(good.Signers) != 1 || good.Signers[0].Organisation != walkName || good.Signers[0].Revocation.Status != "good" {
		return "", fmt.Errorf("the platform says %+v", good)
	}
	return w.tampered(ctx, job.Result.Signature, bid)
}

// tampered changes one character of the signed bid inside the message.
func (w *walker) tampered(ctx context.Context, signature, bid []byte) (string, error) {
	at := bytes.Index(signature, bid)
	if at < 0 {
		return "", errors.New("the bid is not inside the signature")
	}
	forged := bytes.Clone(signature)
	forged[at+len(bid)-2] ^= 1
	var r report
	err := NewClient(w.c.BaseURL).Call(ctx, http.MethodPost, "/verify", map[string]any{"type": "cms", "signature": forged}, &r)
	if err != nil {
		return "", err
	}
	if r.Verdict != "invalid" {
		return "", fmt.Errorf("the platform calls a tampered bid %s", r.Verdict)
	}
	return "平台验证:有效(" + walkName + ",证书未撤销);改动一个字节后:无效 · valid, and invalid after one changed byte", nil
}

// openBid opens the old bid as the page does: the plaintext comes sealed to a key that only the page has.
func (w *walker) openBid(ctx context.Context) (string, error) {
	sealed, err := os.ReadFile(w.dev.Bid)
	if err != nil {
		return "", err
	}
	page, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	job, err := w.holder.RunJob(ctx, "/agent/jobs", map[string]any{
		"op": "decrypt", "tokenSerial": walkToken, "name": filepath.Base(w.dev.Bid), "content": sealed, "pageKey": page.PublicKey().Bytes(),
	})
	if err != nil {
		return "", err
	}
	plain, err := openForPage(page, job.Result.Ephemeral, job.Result.Nonce, job.Result.Ciphertext)
	if err != nil {
		return "", err
	}
	if string(plain) != bidText {
		return "", fmt.Errorf("the bid opened to something else (%d bytes)", len(plain))
	}
	if err := w.person.saw(filepath.Base(w.dev.Bid)); err != nil {
		return "", err
	}
	return fmt.Sprintf("用旧加密密钥解密 %d 字节,与原文一致;门户只转发密文 · equal to the original; the portal relayed ciphertext only", len(plain)), nil
}

// openForPage is what WebCrypto does in the browser: ECDH on P-256, HKDF-SHA256 (info "signet-page"), AES-256-GCM.
func openForPage(page *ecdh.PrivateKey, ephemeral, nonce, ciphertext []byte) ([]byte, error) {
	other, err := ecdh.P256().NewPublicKey(ephemeral)
	if err != nil {
		return nil, err
	}
	shared, err := page.ECDH(other)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, shared, nil, "signet-page", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, nonce, ciphertext, nil)
}
