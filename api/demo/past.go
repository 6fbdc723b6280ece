package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"signet/ca/pki"
)

// MissingToolError says that a program is not installed.
type MissingToolError struct{ Tool string }

// Error tells how to get it.
func (e *MissingToolError) Error() string {
	return e.Tool + " is not installed; the demonstration needs it to issue the certificates of the past (Debian, Ubuntu: apt-get install " +
		e.Tool + "; macOS: brew install " + e.Tool + "@3; Windows: it comes with Git)"
}

// holder is one legacy holder of the batch.
type holder struct {
	name, orgCode, uscc      string
	handler, phone           string
	file                     string // names its files
	alg                      pki.KeyAlg
	signSerial, encSerial    string        // encSerial "": one certificate for everything
	issued, ends             time.Duration // from now
	serviceFrom, serviceTo   time.Duration
	service                  string
	province, locality, unit string
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// The holders. Names and numbers 1 and 2 are those of seed 002, its dates moved so that the second certificate is about
// to expire and its service has; all are made up.
var holders = []holder{
	{name: "杭州田谷", orgCode: "35353550-9", handler: "张三", phone: "1300000000", file: "tiangu", alg: pki.SM2,
		signSerial: "74C2008800000A11", encSerial: "74C2008800000A12", issued: -400 * day, ends: 330 * day,
		service: "20117", serviceFrom: -35 * day, serviceTo: 330 * day},
	{name: "擎洲测试投标人6", uscc: "91330700MA2DEM06", handler: "李四", phone: "13858011083", file: "qingzhou", alg: pki.SM2,
		signSerial: "74C2008800000AE9", encSerial: "74C2008800000AEA", issued: 20*day - 3*year, ends: 20 * day,
		service: "20353", serviceFrom: -50*day - year, serviceTo: -50 * day},
	{name: "演示建设集团有限公司", uscc: "91330100MA2DEM31", handler: "王五", phone: "13900000003", file: "jianshe", alg: pki.RSA2048,
		signSerial: "1F00A50000000031", issued: 60*day - 2*year, ends: 60 * day,
		service: "20401", serviceFrom: -200 * day, serviceTo: 165 * day},
	{name: "演示园林工程有限公司", uscc: "91330200MA2DEM25", handler: "赵六", phone: "13900000004", file: "yuanlin", alg: pki.P256,
		signSerial: "1F00A50000000032", encSerial: "", issued: 10*day - year, ends: 10 * day,
		service: "20402", serviceFrom: -200 * day, serviceTo: 165 * day},
}

func init() {
	for i := range holders {
		if u := holders[i].uscc; u != "" {
			holders[i].uscc = withCheckDigits(u)
		}
	}
}

// withCheckDigits completes a made-up code with the two check digits that the standards want (GB 11714, GB 32100).
func withCheckDigits(code string) string {
	const digits = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	for _, organisation := range digits {
		if pki.CheckOrgCode(code[8:]+string(organisation)) != nil {
			continue
		}
		for _, last := range digits {
			if whole := code + string(organisation) + string(last); pki.CheckUSCC(whole) == nil {
				return whole
			}
		}
	}
	return code
}

func (s *seeder) legacyDir() string { return filepath.Join(s.Dir, "legacy") }

// past has openssl play the authority that issued the old certificates: roots, issuing CAs, holders' keys and
// certificates, and the spreadsheet of the offline registration.
func (s *seeder) past(ctx context.Context) error {
	return folder(s.legacyDir(), func(dir string) error {
		tool, err := exec.LookPath("openssl")
		if err != nil {
			return &MissingToolError{"openssl"}
		}
		p := &pastCA{ctx: ctx, tool: tool, dir: dir, now: s.Now()}
		for _, sub := range []string{"certs", "private", "ca"} {
			if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
				return err
			}
		}
		if err := p.authorities(); err != nil {
			return err
		}
		for _, h := range holders {
			if err := p.holder(h); err != nil {
				return fmt.Errorf("%s: %w", h.name, err)
			}
		}
		if err := writeSheet(filepath.Join(dir, "holders.xlsx"), p.now); err != nil {
			return err
		}
		return os.RemoveAll(filepath.Join(dir, "ca"))
	})
}

// pastCA runs openssl.
type pastCA struct {
	ctx  context.Context
	tool string
	dir  string
	now  time.Time
}

// The names of the two hierarchies. The seed's issuer, ZJCA OCA2, is a real authority; ours says what it is.
const (
	pastOrganisation = "演示数字证书中心(虚构)"
	sm2Issuer        = "演示 OCA2"
	rsaIssuer        = "演示 OCA1"
)

func (p *pastCA) run(args ...string) error {
	cmd := exec.CommandContext(p.ctx, p.tool, args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "OPENSSL_CONF=/dev/null")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("openssl %s: %w: %s", args[0], err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

// key makes a PKCS#8 key.
func (p *pastCA) key(file string, alg pki.KeyAlg) error {
	args := []string{"genpkey", "-out", file, "-outform", "PEM"}
	switch alg {
	case pki.SM2:
		args = append(args, "-algorithm", "SM2")
	case pki.P256:
		args = append(args, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve")
	case pki.RSA2048:
		args = append(args, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
	default:
		return fmt.Errorf("no openssl key for %s", alg)
	}
	return p.run(args...)
}

// issuer is one CA of the past.
type issuer struct {
	id  string // of its files
	alg pki.KeyAlg
}

var (
	sm2Root = issuer{"sm2-root", pki.SM2}
	sm2CA   = issuer{"sm2-oca2", pki.SM2}
	rsaRoot = issuer{"rsa-root", pki.RSA2048}
	rsaCA   = issuer{"rsa-oca1", pki.RSA2048}
)

func (p *pastCA) authorities() error {
	for _, a := range []struct {
		it, by issuer
		cn     string
	}{{sm2Root, sm2Root, "演示国密根 (SM2)"}, {sm2CA, sm2Root, sm2Issuer}, {rsaRoot, rsaRoot, "演示根 (RSA)"}, {rsaCA, rsaRoot, rsaIssuer}} {
		if err := p.key("private/"+a.it.id+".key", a.it.alg); err != nil {
			return err
		}
		extensions := "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
		if a.it.id != a.by.id {
			extensions = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
		}
		c := order{
			subject: "/C=CN/O=" + pastOrganisation + "/CN=" + a.cn, key: a.it.id, alg: a.it.alg, extensions: extensions,
			from: p.now.Add(-10 * year), to: p.now.Add(10 * year), out: a.it.id + ".pem", selfSigned: a.it.id == a.by.id,
		}
		if err := p.issue(a.by, c); err != nil {
			return err
		}
	}
	return nil
}

// order is one certificate to be made.
type order struct {
	subject    string // as openssl req -subj takes it
	key        string // name of the key file
	alg        pki.KeyAlg
	serial     string // hex; "" = random
	extensions string
	from, to   time.Time
	out        string
	selfSigned bool
}

const caConfig = `[ca]
default_ca=this
[this]
database=ca/index
serial=ca/serial
new_certs_dir=ca
default_md=%s
policy=any
unique_subject=no
email_in_dn=no
[any]
countryName=optional
stateOrProvinceName=optional
localityName=optional
organizationName=optional
organizationalUnitName=optional
commonName=supplied
[extensions]
%s`

// issue has openssl ca sign: unlike openssl x509 it takes dates in the past.
func (p *pastCA) issue(by issuer, o order) error {
	csr := []string{"req", "-new", "-utf8", "-config", "/dev/null", "-key", "private/" + o.key + ".key", "-subj", o.subject, "-out", "ca/request"}
	if o.alg == pki.SM2 {
		csr = append(csr, "-sm3", "-sigopt", "distid:"+sm2ID)
	}
	if err := p.run(csr...); err != nil {
		return err
	}
	md := "sha256"
	if by.alg == pki.SM2 {
		md = "sm3"
	}
	if o.serial == "" {
		n, err := pki.NewSerial(rand.Reader)
		if err != nil {
			return err
		}
		o.serial = strings.ToUpper(hex.EncodeToString(n))
	}
	for file, text := range map[string]string{"ca/config": fmt.Sprintf(caConfig, md, o.extensions), "ca/serial": o.serial + "\n", "ca/index": "", "ca/index.attr": "unique_subject = no\n"} {
		if err := os.WriteFile(filepath.Join(p.dir, file), []byte(text), 0o600); err != nil {
			return err
		}
	}
	args := []string{"ca", "-batch", "-notext", "-preserveDN", "-utf8", "-config", "ca/config", "-extensions", "extensions", "-in", "ca/request",
		"-keyfile", "private/" + by.id + ".key", "-startdate", o.from.UTC().Format("20060102150405Z"), "-enddate", o.to.UTC().Format("20060102150405Z"), "-out", o.out}
	if o.selfSigned {
		args = append(args, "-selfsign")
	} else {
		args = append(args, "-cert", by.id+".pem")
	}
	if by.alg == pki.SM2 {
		args = append(args, "-sigopt", "distid:"+sm2ID)
	}
	if o.alg == pki.SM2 {
		args = append(args, "-vfyopt", "distid:"+sm2ID)
	}
	return p.run(args...)
}

const sm2ID = "1234567812345678" // GM/T 0009 §10: the default user ID

// holder makes a holder's keys and certificates, in the way such authorities did: the organisation in O and CN, its
// number in the identity extension of the organisation code.
func (p *pastCA) holder(h holder) error {
	by := sm2CA
	if h.alg != pki.SM2 {
		by = rsaCA
	}
	number := h.uscc
	if number == "" {
		number = h.orgCode
	}
	subject := "/C=CN/ST=浙江省/L=金华市/O=" + h.name + "/CN=" + h.name
	identity := "1.2.156.10260.4.1.4=ASN1:PRINTABLESTRING:" + number + "\n"
	common := "basicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n" + identity
	signUsage, encUsage := "digitalSignature,nonRepudiation", "keyEncipherment,dataEncipherment,keyAgreement"
	if h.encSerial == "" && h.alg == pki.RSA2048 { // one certificate for both uses, as RSA keys of that time had
		signUsage += ",keyEncipherment,dataEncipherment"
	}
	halves := []struct{ part, serial, usage string }{{"sign", h.signSerial, signUsage}, {"enc", h.encSerial, encUsage}}
	for _, half := range halves {
		if half.serial == "" {
			continue
		}
		name := h.file + "-" + half.part
		if err := p.key("private/"+name+".key", h.alg); err != nil {
			return err
		}
		err := p.issue(by, order{
			subject: subject, key: name, alg: h.alg, serial: half.serial, extensions: "keyUsage=critical," + half.usage + "\n" + common,
			from: at(p.now, h.issued, 12, 25, 4), to: at(p.now, h.ends, 12, 25, 4), out: "certs/" + half.serial + ".cer",
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// at is a day away from now, at a time of day in Beijing as the seed has it.
func at(now time.Time, away time.Duration, hour, minute, second int) time.Time {
	d := now.Add(away).In(beijing)
	return time.Date(d.Year(), d.Month(), d.Day(), hour, minute, second, 0, beijing)
}

var beijing = time.FixedZone("CST", 8*60*60)

// readCertificate reads one PEM or DER certificate.
func readCertificate(path string) (*pki.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	certs, err := pki.ParseCertificatesPEM(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if len(certs) != 1 {
		return nil, errors.New(filepath.Base(path) + " does not hold one certificate")
	}
	return certs[0], nil
}
