package pkcs11

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"gopkg.in/yaml.v3"

	"signet/hsm/cryptoki"
)

// profile is what a vendor's tokens do beyond the module's own profile (cryptoki.Profile of the same name).
//
// Nil/zero: no entry of that name is a profile of zeros.
type profile struct {
	Name      string `yaml:"name"`
	Source    string `yaml:"source"`    // where this comes from
	Enveloped uint   `yaml:"enveloped"` // mechanism that unwraps a DER SM2EnvelopedKey inside the token; 0: it has none
	OpenHere  bool   `yaml:"openHere"`  // without one: this program may hold the key for a moment, if the module's profile says import: create
	Simulated bool   `yaml:"simulated"` // software, not hardware

	*cryptoki.Profile `yaml:"-"`
}

//go:embed profiles/*.yaml
var profileFiles embed.FS

// profileFor completes a module's profile.
func profileFor(p *cryptoki.Profile) (*profile, error) {
	text, err := profileFiles.ReadFile(path.Join("profiles", p.Name+".yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return &profile{Name: p.Name, Profile: p}, nil
	}
	if err != nil {
		return nil, err
	}
	mine, err := parseProfile(text)
	if err == nil && mine.Name != p.Name {
		err = fmt.Errorf("%w: %s names %s", cryptoki.ErrProfile, p.Name, mine.Name)
	}
	if err != nil {
		return nil, err
	}
	mine.Profile = p
	return mine, nil
}

func parseProfile(text []byte) (*profile, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var p profile
	if err := dec.Decode(&p); err != nil {
		return nil, fmt.Errorf("%w: %w", cryptoki.ErrProfile, err)
	}
	if p.Name == "" || p.Source == "" {
		return nil, fmt.Errorf("%w: %q lacks name or source", cryptoki.ErrProfile, p.Name)
	}
	return &p, nil
}

// opens tells whether an enveloped key can be opened outside the token.
func (p *profile) opens() bool {
	return p.Enveloped == 0 && p.OpenHere && p.Import == cryptoki.ImportCreate
}
