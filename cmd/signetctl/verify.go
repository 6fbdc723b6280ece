package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"signet/ca/path"
	"signet/ca/pki"
)

var verifyCommand = command{
	name: "verify", args: "CERT | verify --batch FILE|-",
	brief: "Validates the path of a certificate (RFC 5280 §6; SM2, ECDSA, RSA): JSON on standard output, exit code 0 valid, 1 not, 2 bad usage",
	prepare: func(f *flag.FlagSet) action {
		v := &verifyOptions{}
		v.declare(f)
		return func(_ context.Context, t terminal, args []string) error {
			if v.batch != "" {
				return v.runBatch(t, args)
			}
			return v.runOne(t, args)
		}
	},
}

// verifyOptions is the command line of verify.
type verifyOptions struct {
	roots, chain, crls, ocsp, policies   texts
	at, purpose, host, batch             string
	explicit, inhibitMapping, inhibitAny bool
}

// texts is an option that may be repeated, each time with one value or several between commas.
type texts []string

func (s *texts) String() string { return strings.Join(*s, ",") }

// Set adds to the list.
func (s *texts) Set(value string) error {
	for _, one := range strings.Split(value, ",") {
		if one = strings.TrimSpace(one); one == "" {
			return errors.New("an empty value")
		}
		*s = append(*s, one)
	}
	return nil
}

func (v *verifyOptions) declare(f *flag.FlagSet) {
	f.Var(&v.roots, "roots", "`FILE` of trusted certificates, PEM or DER; required")
	f.Var(&v.chain, "chain", "`FILE` of certificates a path may go through, PEM or DER")
	f.Var(&v.crls, "crls", "`FILES` with CRLs, PEM or DER; repeated, between commas, or further ones before CERT. Once given, every certificate below the root needs one")
	f.Var(&v.ocsp, "ocsp", "`FILES` with OCSP answers, DER, as further evidence of revocation")
	f.StringVar(&v.at, "time", "", "moment to validate for, `RFC3339`; now when absent")
	f.Var(&v.policies, "policy", "acceptable policy `OID`; repeated, between commas, or further ones before CERT; any when absent")
	f.BoolVar(&v.explicit, "explicit-policy", false, "the path must be valid for an acceptable policy")
	f.BoolVar(&v.inhibitMapping, "inhibit-mapping", false, "do not follow policy mappings")
	f.BoolVar(&v.inhibitAny, "inhibit-any", false, "do not let anyPolicy stand for others")
	f.StringVar(&v.purpose, "purpose", "", "serverAuth, clientAuth, documentSigning or any (`PURPOSE`)")
	f.StringVar(&v.host, "name", "", "DNS name or IP address the certificate must be for (`NAME`)")
	f.StringVar(&v.batch, "batch", "", "`FILE` of one JSON object per line, or - for standard input; answers one line for each, in order, and ends with exit code 0 whatever the verdicts")
}

// verdict is the answer about one certificate.
type verdict struct {
	Valid   bool          `json:"valid"`
	Reasons []path.Reason `json:"reasons"`
	Path    []pathStep    `json:"path"`
}

// pathStep is one certificate of a path, leaf first.
type pathStep struct {
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	Serial  string `json:"serial"`
	SM3     string `json:"sm3"`
}

func verdictOf(r path.Result) verdict {
	v := verdict{Valid: r.Valid, Reasons: r.Reasons, Path: []pathStep{}}
	if v.Reasons == nil {
		v.Reasons = []path.Reason{}
	}
	for _, c := range r.Path {
		v.Path = append(v.Path, pathStep{c.Subject.String(), c.Issuer.String(), c.SerialHex, sm3Of(c.Raw)})
	}
	return v
}

func (v *verifyOptions) runOne(t terminal, args []string) error {
	file, err := v.takeExtra(args)
	if err != nil {
		return err
	}
	o, err := v.options(t)
	if err != nil {
		return err
	}
	in, err := readInput(t, file)
	if err != nil {
		return badUsage("%v", err)
	}
	var result path.Result
	leaf, err := readOne(in)
	if err != nil {
		result.Reasons = []path.Reason{unreadable(err)}
	} else {
		result = path.Verify(leaf, o)
	}
	if err := writeLine(t.out, verdictOf(result)); err != nil {
		return err
	}
	if !result.Valid {
		return errReported
	}
	return nil
}

// takeExtra gives the certificate, the last argument; those before it go to --policy or --crls, as a shell spells *.crl out.
func (v *verifyOptions) takeExtra(args []string) (string, error) {
	if len(args) == 0 {
		return "", badUsage("want a certificate")
	}
	for _, extra := range args[:len(args)-1] {
		switch {
		case len(v.policies) > 0 && isOID(extra):
			v.policies = append(v.policies, extra)
		case len(v.crls) > 0:
			v.crls = append(v.crls, extra)
		default:
			return "", badUsage("want one certificate, got %d arguments", len(args))
		}
	}
	return args[len(args)-1], nil
}

func isOID(s string) bool {
	_, err := pki.EncodeOID(s)
	return err == nil
}

func (v *verifyOptions) options(t terminal) (o path.Options, err error) {
	if len(v.roots) == 0 {
		return o, badUsage("name the trusted certificates by --roots")
	}
	o = path.Options{Policies: v.policies, ExplicitPolicy: v.explicit, InhibitMapping: v.inhibitMapping, InhibitAny: v.inhibitAny, Name: v.host}
	if o.At, o.Purpose, err = checkWords(v.at, v.purpose, v.host, v.policies); err != nil {
		return o, badUsage("%v", err)
	}
	for _, list := range []struct {
		files texts
		into  *[]*pki.Certificate
	}{{v.roots, &o.Roots}, {v.chain, &o.Intermediates}} {
		for _, file := range list.files {
			certs, err := readPathCertificates(t, file)
			if err != nil {
				return o, badUsage("%s: %v", file, err)
			}
			*list.into = append(*list.into, certs...)
		}
	}
	if o.CRLs, err = readEvidence(t, v.crls, "X509 CRL"); err != nil {
		return o, err
	}
	o.OCSP, err = readEvidence(t, v.ocsp, "OCSP RESPONSE")
	return o, err
}

// checkWords reads what the command line and a line of a batch have in common.
func checkWords(at, purpose, host string, policies []string) (when time.Time, p path.Purpose, err error) {
	if at != "" {
		if when, err = time.Parse(time.RFC3339, at); err != nil {
			return when, p, fmt.Errorf("time %q is not RFC 3339", at)
		}
	}
	p, known := path.ParsePurpose(purpose)
	if !known {
		return when, p, fmt.Errorf("purpose %q is none of serverAuth, clientAuth, documentSigning, any", purpose)
	}
	if host != "" && !path.CheckName(host) {
		return when, p, fmt.Errorf("name %q is neither a DNS name nor an IP address", host)
	}
	for _, oid := range policies {
		if !isOID(oid) {
			return when, p, fmt.Errorf("policy %q is not an object identifier", oid)
		}
	}
	return when, p, nil
}

// readOne reads a certificate as PEM, of which it is the first block, or DER.
func readOne(in []byte) (*pki.Certificate, error) {
	if block, _ := pem.Decode(in); block != nil && block.Type == "CERTIFICATE" {
		in = block.Bytes
	}
	return pki.ParseCertificate(in)
}

func readPathCertificates(t terminal, file string) ([]*pki.Certificate, error) {
	in, err := readInput(t, file)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(in, []byte("-----BEGIN ")) {
		c, err := pki.ParseCertificate(in)
		return []*pki.Certificate{c}, err
	}
	return pki.ParseCertificatesPEM(in)
}

// readEvidence reads files of one DER value or of PEM blocks; what they hold is judged later.
func readEvidence(t terminal, files []string, blockType string) ([][]byte, error) {
	var out [][]byte
	for _, file := range files {
		in, err := readInput(t, file)
		if err != nil {
			return nil, badUsage("%v", err)
		}
		if !bytes.Contains(in, []byte("-----BEGIN ")) {
			out = append(out, in)
			continue
		}
		before := len(out)
		for block, rest := pem.Decode(in); block != nil; block, rest = pem.Decode(rest) {
			if block.Type == blockType {
				out = append(out, block.Bytes)
			}
		}
		if len(out) == before {
			return nil, badUsage("%s: no PEM block of type %s", file, blockType)
		}
	}
	return out, nil
}

// unreadable is the reason for a certificate that is none that can be read.
func unreadable(err error) path.Reason {
	code := path.Malformed
	if errors.Is(err, pki.ErrUnsupported) {
		code = path.Unsupported
	}
	return path.Reason{Code: code, Detail: oneLine(err)}
}

func writeLine(to io.Writer, value any) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

func (v *verifyOptions) runBatch(t terminal, args []string) error {
	if len(args) != 0 || v.single() {
		return badUsage("--batch takes everything from its lines")
	}
	from := t.in
	if v.batch != "-" {
		f, err := os.Open(v.batch)
		if err != nil {
			return badUsage("%v", err)
		}
		defer f.Close()
		from = f
	}
	return verifyBatch(from, t.out)
}

// single reports whether an option was given that belongs to one certificate.
func (v *verifyOptions) single() bool {
	return len(v.roots)+len(v.chain)+len(v.crls)+len(v.ocsp)+len(v.policies) > 0 || v.at+v.purpose+v.host != "" || v.explicit || v.inhibitMapping || v.inhibitAny
}
