package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
)

var inspectCommand = command{
	name: "inspect", args: "FILE|-",
	brief: "Shows certificates, requests and responses, CRLs, signed and enveloped messages, SM2 key envelopes and PKCS#12, DER or PEM; trusts nothing",
	prepare: func(f *flag.FlagSet) action {
		asJSON := f.Bool("json", false, "one JSON object per line instead of text")
		passphrase := f.String("passphrase-file", "", "`FILE` with the passphrase of a PKCS#12 file, that only its owner can read")
		return func(_ context.Context, t terminal, args []string) error {
			file, err := oneFile(args)
			if err != nil {
				return err
			}
			in, err := readInput(t, file)
			if err != nil {
				return err
			}
			things, err := recogniseWith(in, *passphrase)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			return show(t.out, things, *asJSON)
		}
	},
}

// mostInput is the largest file that is looked at; a CRL of a million entries has 44 MB.
const mostInput = 256 << 20

func readInput(t terminal, file string) ([]byte, error) {
	from := t.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	in, err := io.ReadAll(io.LimitReader(from, mostInput+1))
	if err == nil && len(in) > mostInput {
		err = fmt.Errorf("%s is larger than %d MiB", file, mostInput>>20)
	}
	return in, err
}

// recogniseWith looks into a PKCS#12 file with the passphrase, or recognises anything else.
func recogniseWith(in []byte, passphraseFile string) ([]thing, error) {
	if !pki.IsPKCS12(in) {
		return recognise(in)
	}
	if passphraseFile == "" {
		return nil, errors.New("it is a PKCS#12 file, which -passphrase-file opens")
	}
	passphrase, err := readSecret(passphraseFile)
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	p, err := pki.ParsePKCS12(in, passphrase)
	if err != nil {
		return nil, err
	}
	return []thing{pkcs12Thing(p)}, nil
}

// recognise takes a file apart: PEM with any number of blocks, base64 alone, or DER.
func recognise(in []byte) ([]thing, error) {
	if !bytes.Contains(in, []byte("-----BEGIN ")) {
		one, err := recogniseDER(in)
		if err == nil {
			return []thing{one}, nil
		}
		if der, ok := plainBase64(in); ok {
			if one, err = recogniseDER(der); err == nil {
				return []thing{one}, nil
			}
		}
		return nil, err
	}
	var all []thing
	for rest := in; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return nil, errors.New("it holds a private key, which is not shown")
		}
		one, err := recogniseDER(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d (%s): %w", len(all)+1, block.Type, err)
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, errors.New("it looks like PEM but has no whole block")
	}
	return all, nil
}

func plainBase64(in []byte) ([]byte, bool) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(in)), ""))
	return der, err == nil && len(der) > 0
}

var errUnknown = errors.New("it is no certificate, request, CRL, signed or enveloped message, SM2 key envelope, certificate response, PKCS#12 file or public key that can be read")

// recogniseDER tries every form; each parser is strict, so at most one accepts.
func recogniseDER(der []byte) (thing, error) {
	if cert, err := pki.ParseCertificate(der); err == nil {
		return certificateThing(cert), nil
	}
	if request, err := pki.ParseCertificateRequest(der); err == nil {
		return requestThing(request), nil
	}
	if list, err := pki.ParseCRL(der); err == nil {
		return crlThing(list), nil
	}
	if signed, err := cms.ParseSigned(der); err == nil {
		return signedThing(signed), nil
	}
	if enveloped, err := cms.ParseEnveloped(der); err == nil {
		return envelopedThing(enveloped), nil
	}
	if key, err := cms.ParseEnvelopedKey(der); err == nil {
		return envelopedKeyThing(key, "SM2EnvelopedKey"), nil
	}
	if key, err := cms.ParseSKFEnvelopedKey(der); err == nil {
		return envelopedKeyThing(key, "ENVELOPEDKEYBLOB"), nil // which EnvelopedECCKey of SDF is byte for byte
	}
	if key, err := cms.ParseSDFEnvelopedKey(der); err == nil {
		return envelopedKeyThing(key, "SDF_ENVELOPEDKEYBLOB"), nil
	}
	if response, err := cms.ParseCSRResponse(der); err == nil {
		return responseThing(response), nil
	}
	if pub, err := pki.ParsePublicKey(der); err == nil {
		return thing{"public key", keyFields(der, pub)}, nil
	}
	if _, err := pki.ParsePrivateKey(der); err == nil {
		return thing{}, errors.New("it is a private key, which is not shown")
	}
	return thing{}, nearest(der)
}

// nearest gives the reason of the parser that came furthest, for files that are almost right.
func nearest(der []byte) error {
	_, certErr := pki.ParseCertificate(der)
	_, signedErr := cms.ParseSigned(der)
	for _, err := range []error{certErr, signedErr} {
		if errors.Is(err, pki.ErrUnsupported) || errors.Is(err, cms.ErrUnsupported) || errors.Is(err, cms.ErrBER) {
			return fmt.Errorf("%w: %w", errUnknown, err)
		}
	}
	return errUnknown
}

// thing is what a file holds, as named fields in the order in which they are shown.
type thing struct {
	kind   string
	fields []field
}

// field has a value of type string, int, bool, []string or []thing; text shows names with spaces, JSON with underscores.
type field struct {
	name  string
	value any
}

func show(to io.Writer, things []thing, asJSON bool) error {
	for i, one := range things {
		if asJSON {
			text, err := json.Marshal(one)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(to, "%s\n", text); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(to)
		}
		one.print(to, "")
	}
	return nil
}

// MarshalJSON writes the fields in their order.
func (o thing) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, `{"kind":%q`, o.kind)
	for _, f := range o.fields {
		var value bytes.Buffer
		encoder := json.NewEncoder(&value)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(f.value); err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, ",%q:%s", f.name, bytes.TrimSpace(value.Bytes()))
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// mostShown is how many parts of one kind the text form shows; JSON has all.
const mostShown = 50

func (o thing) print(to io.Writer, indent string) {
	fmt.Fprintf(to, "%s%s\n", indent, o.kind)
	indent += "  "
	for _, f := range o.fields {
		name := strings.ReplaceAll(f.name, "_", " ")
		switch value := f.value.(type) {
		case []thing:
			for _, part := range value[:min(len(value), mostShown)] {
				part.print(to, indent)
			}
			if len(value) > mostShown {
				fmt.Fprintf(to, "%s… and %d more\n", indent, len(value)-mostShown)
			}
		case []string:
			for i, line := range value {
				fmt.Fprintf(to, "%s%-16s %s\n", indent, map[bool]string{true: name}[i == 0], plain(line))
			}
		default:
			fmt.Fprintf(to, "%s%-16s %s\n", indent, name, plain(fmt.Sprint(value)))
		}
	}
}

// plain quotes a text that could steer a terminal or deceive a reader: what a file says is not to be trusted.
func plain(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.QuoteToGraphic(text)
	}
	return text
}

// keyFields describes a public key.
func keyFields(spki []byte, pub any) []field {
	alg, err := pki.AlgOf(pub)
	if err != nil {
		alg = "unusual size"
	}
	hash := pki.SPKIHash(spki)
	fields := []field{{"key", string(alg)}, {"key_sha256", hexOf(hash[:])}}
	if err := pki.CheckKey(pub); err != nil {
		fields = append(fields, field{"key_warning", err.Error()})
	}
	return fields
}

func envelopedKeyThing(e *cms.EnvelopedKey, form string) thing {
	spki, err := pki.MarshalPublicKey(e.PublicKey)
	fields := []field{{"form", form}, {"cipher", e.SymAlg}, {"wrapped_key_bytes", len(e.EncryptedSymKey.C2)}, {"encrypted_key_bytes", len(e.EncryptedKey)}}
	if err == nil {
		fields = append(fields, keyFields(spki, e.PublicKey)...)
	}
	return thing{"SM2 key envelope", fields}
}

// pkcs12Thing shows whose key a file has; the key itself is not shown.
func pkcs12Thing(p *pki.PKCS12) thing {
	o := thing{kind: "PKCS#12 file"}
	o.add("name", p.Name)
	if spki, err := pki.MarshalPublicKey(p.Key.Public()); err == nil {
		o.fields = append(o.fields, keyFields(spki, p.Key.Public())...)
	}
	var parts []thing
	for _, c := range p.Certificates {
		parts = append(parts, certificateThing(c))
	}
	if len(parts) > 0 {
		o.fields = append(o.fields, field{"certificates", parts})
	}
	return o
}

func hexOf(b []byte) string { return strings.ToUpper(fmt.Sprintf("%x", b)) }

func sm3Of(b []byte) string {
	sum := gm.SumSM3(b)
	return hexOf(sum[:])
}
