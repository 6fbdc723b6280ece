// Package legacytest makes the certificates of a former CA with the openssl command:
// a root, an operational CA below it ("… OCA2"), and the certificates of holders
// with SM2, P-256 and RSA keys, in the subject and identity forms that Chinese CAs
// used. Nothing of ours takes part in making them, so that reading them is a test.
//
// It refuses to run without openssl, and makes no certificate anybody should trust.
package legacytest

import (
	"bytes"
	"context"
	"crypto"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"signet/ca/pki"
)

// smUser is the SM2 user ID, which OpenSSL wants to be told.
// Source: GM/T 0009 §10.
const smUser = "distid:1234567812345678"

// CA is a former root and its operational CA.
//
// Concurrency: none; one goroutine at a time.
type CA struct {
	Root, Issuer       *pki.Certificate
	RootKey, IssuerKey crypto.Signer

	dir string
	alg pki.KeyAlg
	n   int // names files apart
}

// Usage is what a certificate is for.
type Usage string

// The usages seen in the field. Dual is the single certificate of older CAs.
const (
	Sign    Usage = "critical,digitalSignature,nonRepudiation"
	Encrypt Usage = "critical,keyEncipherment,dataEncipherment,keyAgreement"
	Dual    Usage = "digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment"
)

// Attr is one attribute of a subject, by OpenSSL's short name or a dotted identifier.
type Attr struct{ Type, Value string }

// Request asks for one certificate.
//
// Shape: Serial in hex, its first digit below 8; Extensions map a dotted identifier to what openssl writes
// after ASN1:, such as PRINTABLESTRING:911100… .
// Nil/zero: Key nil = a new one; KeyAlg "" = the CA's; Serial "" = a random one.
type Request struct {
	Subject    []Attr
	Serial     string
	From, To   time.Time
	Usage      Usage
	KeyAlg     pki.KeyAlg
	Key        *Key
	Extensions map[string]string
}

// Key is a private key.
type Key struct {
	PKCS8  []byte
	Signer crypto.Signer
	file   string
}

// Issued is a certificate with its key.
type Issued struct {
	Certificate *pki.Certificate
	Key         *Key
}

// Available reports why nothing can be made here.
func Available() error {
	out, err := exec.Command("openssl", "version").Output()
	if err != nil {
		return fmt.Errorf("the openssl command is needed (apt-get install openssl): %w", err)
	}
	if !bytes.HasPrefix(out, []byte("OpenSSL 3")) {
		return fmt.Errorf("OpenSSL 3 is needed, this is %s", bytes.TrimSpace(out))
	}
	return nil
}

// Make makes a root and an operational CA in an empty folder. The root's name is
// name + " ROOT", the CA's name + " OCA2".
func Make(dir string, alg pki.KeyAlg, name string, from, to time.Time) (*CA, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	c := &CA{dir: dir, alg: alg}
	caExtensions := "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
	subject := func(cn string) []Attr { return []Attr{{"C", "CN"}, {"O", name}, {"CN", cn}} }
	root, err := c.issue(Request{Subject: subject(name + " ROOT"), From: from, To: to}, caExtensions, "")
	if err != nil {
		return nil, err
	}
	c.Root, c.RootKey = root.Certificate, root.Key.Signer
	if err := c.keep("root", root); err != nil {
		return nil, err
	}
	issuer, err := c.issue(Request{Subject: subject(name + " OCA2"), From: from, To: to}, caExtensions+"authorityKeyIdentifier=keyid\n", "root")
	if err != nil {
		return nil, err
	}
	c.Issuer, c.IssuerKey = issuer.Certificate, issuer.Key.Signer
	return c, c.keep("oca2", issuer)
}

// keep names the files of a CA for openssl ca.
func (c *CA) keep(name string, i *Issued) error {
	if err := os.WriteFile(c.path(name+".pem"), pki.EncodePEM(i.Certificate), 0o600); err != nil {
		return err
	}
	return os.Rename(i.Key.file, c.path(name+".key"))
}

// Issue makes a holder's certificate.
func (c *CA) Issue(r Request) (*Issued, error) {
	extensions := "basicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
	if r.Usage != "" {
		extensions += "keyUsage=" + string(r.Usage) + "\n"
	}
	for oid, value := range r.Extensions {
		extensions += oid + "=ASN1:" + value + "\n"
	}
	return c.issue(r, extensions, "oca2")
}

// Pair makes the signing and the encryption certificate of one holder. encSerial ""
// = a random one.
func (c *CA) Pair(r Request, encSerial string) (sign, enc *Issued, err error) {
	r.Usage = Sign
	if sign, err = c.Issue(r); err != nil {
		return nil, nil, err
	}
	r.Usage, r.Serial, r.Key = Encrypt, encSerial, nil
	enc, err = c.Issue(r)
	return sign, enc, err
}

// NewKey makes a private key.
func (c *CA) NewKey(alg pki.KeyAlg) (*Key, error) {
	c.n++
	k := &Key{file: c.path(fmt.Sprintf("key%d.pem", c.n))}
	options := map[pki.KeyAlg][]string{
		pki.SM2:     {"-algorithm", "SM2"},
		pki.P256:    {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
		pki.P384:    {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"},
		pki.RSA2048: {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"},
	}[alg]
	if options == nil {
		return nil, fmt.Errorf("no legacy keys of kind %s", alg)
	}
	if err := c.openssl(append([]string{"genpkey", "-out", k.file}, options...)...); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(k.file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("openssl did not write PKCS#8")
	}
	k.PKCS8 = block.Bytes
	k.Signer, err = pki.ParsePrivateKey(k.PKCS8)
	return k, err
}

// issue makes a certificate by the named CA's key; by "" signs itself.
func (c *CA) issue(r Request, extensions, by string) (*Issued, error) {
	if r.KeyAlg == "" {
		r.KeyAlg = c.alg
	}
	if r.Key == nil {
		key, err := c.NewKey(r.KeyAlg)
		if err != nil {
			return nil, err
		}
		r.Key = key
	}
	c.n++
	base := fmt.Sprintf("cert%d", c.n)
	if err := c.config(base, r, extensions); err != nil {
		return nil, err
	}
	csr := []string{"req", "-new", "-config", c.path(base + ".cnf"), "-key", r.Key.file, "-utf8", "-out", c.path(base + ".csr")}
	if r.KeyAlg == pki.SM2 {
		csr = append(csr, "-sm3", "-sigopt", smUser)
	}
	if err := c.openssl(csr...); err != nil {
		return nil, err
	}
	if err := c.openssl(c.signing(base, r, by)...); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(c.path(base + ".pem"))
	if err != nil {
		return nil, err
	}
	certs, err := pki.ParseCertificatesPEM(text)
	if err != nil {
		return nil, fmt.Errorf("reading what openssl made: %w", err)
	}
	return &Issued{Certificate: certs[0], Key: r.Key}, nil
}

// signing is the command line of openssl ca.
func (c *CA) signing(base string, r Request, by string) []string {
	form := func(t time.Time) string { return t.UTC().Format("20060102150405Z") }
	args := []string{"ca", "-batch", "-notext", "-utf8", "-config", c.path(base + ".cnf"), "-in", c.path(base + ".csr"), "-out", c.path(base + ".pem"),
		"-extensions", "v3", "-startdate", form(r.From), "-enddate", form(r.To), "-preserveDN"}
	if r.Serial == "" {
		args = append(args, "-rand_serial")
	}
	alg := c.alg
	if by == "" {
		alg = r.KeyAlg
		args = append(args, "-selfsign", "-keyfile", r.Key.file)
	} else {
		args = append(args, "-keyfile", c.path(by+".key"), "-cert", c.path(by+".pem"))
	}
	if alg == pki.SM2 {
		args = append(args, "-md", "sm3", "-sigopt", smUser)
	} else {
		args = append(args, "-md", "sha256")
	}
	if r.KeyAlg == pki.SM2 {
		args = append(args, "-vfyopt", smUser)
	}
	return args
}

// config writes what openssl cannot be told on its command line.
func (c *CA) config(base string, r Request, extensions string) error {
	var dn strings.Builder
	for i, a := range r.Subject {
		if strings.ContainsAny(a.Value, "$\\\"'#\n") {
			return errors.New("a subject's value has a character that openssl's configuration does not take")
		}
		fmt.Fprintf(&dn, "%d.%s = %s\n", i, a.Type, a.Value)
	}
	if err := c.write(base+".index", ""); err != nil { // one each, so that a test may use a serial number again
		return err
	}
	if r.Serial != "" {
		if err := c.write(base+".serial", r.Serial+"\n"); err != nil {
			return err
		}
	}
	text := fmt.Sprintf(`oid_section = oids
[oids]
[ca]
default_ca = legacy
[legacy]
database = %s
new_certs_dir = %s
serial = %s
policy = any
string_mask = utf8only
copy_extensions = none
[any]
[req]
prompt = no
string_mask = utf8only
distinguished_name = dn
[dn]
%s[v3]
%s`, c.path(base+".index"), c.dir, c.path(base+".serial"), dn.String(), extensions)
	return c.write(base+".cnf", text)
}

func (c *CA) path(name string) string { return filepath.Join(c.dir, name) }

func (c *CA) write(name, text string) error {
	return os.WriteFile(c.path(name), []byte(text), 0o600)
}

// openssl runs the command; what it says on failure is the error.
func (c *CA) openssl(args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "openssl", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("openssl %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}
