package main

import (
	"bytes"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"signet/ca"
	"signet/ca/pki"
)

// script is what a key ceremony does, as its file says it.
type script struct {
	Title    string    `yaml:"title"`
	Officers []officer `yaml:"officers"`
	Steps    []step    `yaml:"steps"`

	dir  string // of the file: what its paths are relative to
	text []byte
}

// officer is one of the people without whom nothing happens. Key is a PEM file with a public key or a certificate, of which only the officer has
// the private key.
type officer struct {
	Name string `yaml:"name"`
	Key  string `yaml:"key"`

	spki []byte
	pub  any
}

// step is one act: exactly one of the fields is set.
type step struct {
	Root    *caStep      `yaml:"root"`
	Sub     *caStep      `yaml:"sub"`
	Rotate  *caStep      `yaml:"rotate"`
	Sign    *signStep    `yaml:"sign"`
	Cross   *crossStep   `yaml:"cross"`
	Revoke  *revokeStep  `yaml:"revoke"`
	CRL     *crlStep     `yaml:"crl"`
	Destroy *destroyStep `yaml:"destroy"`
	Note    string       `yaml:"note"`
}

// caStep makes a CA, as `ca add` does. Rotate wants Like and makes the next generation; of a root with the two link certificates.
type caStep struct {
	ID           string `yaml:"id"`
	Under        string `yaml:"under"`
	Like         string `yaml:"like"`
	Organisation string `yaml:"organisation"`
	Name         string `yaml:"name"`
	Key          string `yaml:"key"` // algorithm; default SM2
	Profile      string `yaml:"profile"`
	NoOCSP       bool   `yaml:"noOCSP"`
}

// signStep issues the certificate of a key that is held elsewhere.
type signStep struct {
	CA      string `yaml:"ca"`
	Request string `yaml:"request"` // PKCS#10, PEM or DER
	Profile string `yaml:"profile"` // default sub-ca
}

type crossStep struct {
	CA      string `yaml:"ca"`
	Other   string `yaml:"other"`
	Proof   string `yaml:"proof"`
	Profile string `yaml:"profile"`
}

type revokeStep struct {
	CA     string `yaml:"ca"`
	Serial string `yaml:"serial"`
	Reason string `yaml:"reason"`
}

// crlStep makes a revocation list that holds for so many days; of an offline CA they are many.
type crlStep struct {
	CA   string `yaml:"ca"`
	Days int    `yaml:"days"`
}

// destroyStep ends a key for good.
type destroyStep struct {
	Key string `yaml:"key"` // label in the keystore
}

// readScript reads a script strictly, with the officers' public keys.
func readScript(path string) (*script, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &script{dir: filepath.Dir(path), text: text}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if d.Decode(new(yaml.Node)) != io.EOF {
		return nil, fmt.Errorf("%s: more than one document", path)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (s *script) check() error {
	if s.Title == "" || len(s.Steps) == 0 {
		return errors.New("title or steps is missing")
	}
	if len(s.Officers) < 2 {
		return errors.New("a ceremony has two officers or more")
	}
	for i := range s.Officers {
		if err := s.readOfficer(i); err != nil {
			return fmt.Errorf("officer %d: %w", i+1, err)
		}
	}
	for i := range s.Steps {
		if err := s.Steps[i].check(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// readOfficer reads the key of an officer, and wants nobody to be two of them.
func (s *script) readOfficer(i int) error {
	o := &s.Officers[i]
	if o.Name == "" || o.Key == "" || strings.ContainsAny(o.Name, "\r\n") {
		return errors.New("name or key is missing")
	}
	text, err := os.ReadFile(s.path(o.Key))
	if err != nil {
		return err
	}
	if o.spki, o.pub, err = officerKey(text); err != nil {
		return fmt.Errorf("%s: %w", o.Key, err)
	}
	for _, other := range s.Officers[:i] {
		if other.Name == o.Name || bytes.Equal(other.spki, o.spki) {
			return errors.New("has the name or the key of another officer")
		}
	}
	return nil
}

func officerKey(text []byte) (spki []byte, pub any, err error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil || len(bytes.TrimSpace(rest)) > 0:
		return nil, nil, errors.New("want one PEM block")
	case block.Type == "CERTIFICATE":
		cert, err := pki.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, err
		}
		spki = cert.SPKI
	case block.Type == "PUBLIC KEY":
		spki = block.Bytes
	default:
		return nil, nil, fmt.Errorf("PEM block of type %q is neither public key nor certificate", block.Type)
	}
	if pub, err = pki.ParsePublicKey(spki); err != nil {
		return nil, nil, err
	}
	return spki, pub, pki.CheckKey(pub)
}

// path resolves a file of the script.
func (s *script) path(file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(s.dir, filepath.FromSlash(file))
}

// profile resolves the name of a shipped profile or a file.
func (s *script) profile(name string) string {
	if name == "" || slices.ContainsFunc(ca.ShippedProfiles(), func(p *ca.Profile) bool { return p.ID == name }) {
		return name
	}
	return s.path(name)
}

// inputs are the files that the steps read and that are there before the first.
func (s *script) inputs() (files []string) {
	add := func(file string) {
		if file != "" && !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	profile := func(name string) {
		if path := s.profile(name); path != name {
			add(name)
		}
	}
	for _, st := range s.Steps {
		switch {
		case st.made() != nil:
			profile(st.made().Profile)
		case st.Sign != nil:
			add(st.Sign.Request)
			profile(st.Sign.Profile)
		case st.Cross != nil:
			add(st.Cross.Other)
			add(st.Cross.Proof)
			profile(st.Cross.Profile)
		}
	}
	return files
}

// made is the CA that a step makes, nil for none.
func (st *step) made() *caStep {
	for _, c := range []*caStep{st.Root, st.Sub, st.Rotate} {
		if c != nil {
			return c
		}
	}
	return nil
}

func (st *step) check() error {
	set := 0
	for _, is := range []bool{st.Root != nil, st.Sub != nil, st.Rotate != nil, st.Sign != nil, st.Cross != nil, st.Revoke != nil, st.CRL != nil, st.Destroy != nil, st.Note != ""} {
		if is {
			set++
		}
	}
	if set != 1 {
		return errors.New("want exactly one of root, sub, rotate, sign, cross, revoke, crl, destroy and note")
	}
	switch {
	case st.made() != nil:
		return st.made().check(st)
	case st.Sign != nil && (st.Sign.CA == "" || st.Sign.Request == ""):
		return errors.New("sign wants ca and request")
	case st.Cross != nil && (st.Cross.CA == "" || st.Cross.Other == ""):
		return errors.New("cross wants ca and other")
	case st.CRL != nil && (st.CRL.CA == "" || st.CRL.Days < 2 || st.CRL.Days > 3660):
		return errors.New("crl wants ca and days, 2 to 3660")
	case st.Destroy != nil && st.Destroy.Key == "":
		return errors.New("destroy wants key")
	case st.Revoke != nil:
		return st.Revoke.check()
	}
	return nil
}

func (c *caStep) check(st *step) error {
	if c.Key == "" {
		c.Key = string(pki.SM2)
	}
	switch {
	case !authorityID.MatchString(c.ID):
		return fmt.Errorf("id %q is not 1 to 32 of a-z, 0-9 and -", c.ID)
	case st.Root != nil && c.Under != "":
		return errors.New("a root is under nobody")
	case st.Sub != nil && c.Under == "":
		return errors.New("sub wants under")
	case st.Rotate != nil && c.Like == "":
		return errors.New("rotate wants like")
	case (c.Like == "") != (c.Name != "" && c.Organisation != ""):
		return errors.New("want organisation and name, or like")
	}
	return nil
}

func (r *revokeStep) check() error {
	r.Serial = strings.ToUpper(r.Serial)
	if raw, err := hex.DecodeString(r.Serial); err != nil || len(raw) == 0 || r.CA == "" {
		return errors.New("revoke wants ca and serial, in hexadecimal digits")
	}
	if _, known := reasonCodes[r.Reason]; !known {
		return fmt.Errorf("there is no reason %q", r.Reason)
	}
	return nil
}

// String says in one line what a step does; officers read it, and it goes into the transcript.
func (st *step) String() string {
	switch {
	case st.Root != nil:
		return fmt.Sprintf("make the root CA %s with a %s key", st.Root.ID, st.Root.Key)
	case st.Sub != nil:
		return fmt.Sprintf("make the CA %s with a %s key, signed by %s", st.Sub.ID, st.Sub.Key, st.Sub.Under)
	case st.Rotate != nil:
		return fmt.Sprintf("make %s with a %s key, the next generation of %s", st.Rotate.ID, st.Rotate.Key, st.Rotate.Like)
	case st.Sign != nil:
		return fmt.Sprintf("sign the request %s by %s", st.Sign.Request, st.Sign.CA)
	case st.Cross != nil:
		return fmt.Sprintf("certify the CA of %s by %s", st.Cross.Other, st.Cross.CA)
	case st.Revoke != nil:
		return fmt.Sprintf("revoke the certificate %s of %s: %s", st.Revoke.Serial, st.Revoke.CA, st.Revoke.Reason)
	case st.CRL != nil:
		return fmt.Sprintf("make a revocation list of %s for %d days", st.CRL.CA, st.CRL.Days)
	case st.Destroy != nil:
		return fmt.Sprintf("DESTROY the key %s", st.Destroy.Key)
	}
	return "note: " + st.Note
}
