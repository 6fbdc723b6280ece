package cryptoki

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"signet/ca/pki"
)

// Profile is how one vendor's modules differ: data, read from profiles/*.yaml.
//
// Nil/zero: a number of 0 means the token does not have it; CKM_RSA_PKCS_KEY_PAIR_GEN, which is 0, is never given here.
type Profile struct {
	Name     string `yaml:"name"`
	Source   string `yaml:"source"`   // where the numbers come from
	Verified bool   `yaml:"verified"` // a test ran against such a module; others are used only when configuration names them
	Note     string `yaml:"note"`
	Match    Match  `yaml:"match"`

	SM2 SM2Numbers `yaml:"sm2"`
	SM3 uint       `yaml:"sm3"`
	SM4 SM4Numbers `yaml:"sm4"`

	DeriveDER    bool       `yaml:"deriveDER"`    // ECDH wants the point inside an OCTET STRING
	PrivatePoint bool       `yaml:"privatePoint"` // a private key's template needs CKA_EC_POINT
	ExchangeAttr uint       `yaml:"exchangeAttr"` // CK_BBOOL that marks an encryption key
	Exclude      []uint     `yaml:"exclude"`      // attributes the module refuses in templates
	Import       ImportWay  `yaml:"import"`       // default none
	Unblock      UnblockWay `yaml:"unblock"`      // default none
	PIN          PINRules   `yaml:"pin"`
	Serial       bool       `yaml:"serial"`   // not thread-safe: Config.Serial
	MaxFrame     int        `yaml:"maxFrame"` // bytes the module takes at once; 0 means no bound known
}

// Match says which modules a profile is for: every expression that is given must match. Mechanism numbers prove nothing, since vendors'
// meanings collide.
type Match struct {
	Manufacturer string `yaml:"manufacturer"` // of the library or the token, regular expression without regard to case
	Library      string `yaml:"library"`      // the file's name, likewise
}

// SM2Numbers are a vendor's numbers for SM2.
type SM2Numbers struct {
	Key         uint     `yaml:"key"`         // CKK
	Generate    uint     `yaml:"generate"`    // key pair generation
	GenerateEnc uint     `yaml:"generateEnc"` // the same for an encryption pair, where it differs
	Sign        uint     `yaml:"sign"`        // gets e = SM3(ZA‖M)
	SignSM3     uint     `yaml:"signSM3"`     // gets the message
	Encrypt     uint     `yaml:"encrypt"`     // encryption and decryption
	Output      Output   `yaml:"output"`      // default raw
	Cipher      Cipher   `yaml:"cipher"`      // what Decrypt takes; default c1c3c2
	Params      bool     `yaml:"params"`      // generation takes CKA_EC_PARAMS
	Curve       bool     `yaml:"curve"`       // keys of type CKK_EC with the SM2 curve work with ECDH
	Also        []uint   `yaml:"also"`        // other mechanism numbers of the vendor, for the record
	Names       []string `yaml:"names"`       // what Also means, in order
}

// SM4Numbers are a vendor's numbers for SM4.
type SM4Numbers struct {
	Key      uint `yaml:"key"`
	Generate uint `yaml:"generate"`
	ECB      uint `yaml:"ecb"`
	CBC      uint `yaml:"cbc"`
	CBCPad   uint `yaml:"cbcPad"`
}

// Output is the form of an SM2 signature.
type Output string

// Cipher is the form of an SM2 ciphertext.
type Cipher string

// ImportWay is how a private key gets into a token.
type ImportWay string

// UnblockWay is how an officer sets a user's PIN again.
type UnblockWay string

const (
	OutputRaw    Output     = "raw" // r‖s
	OutputDER    Output     = "der"
	CipherC1C3C2 Cipher     = "c1c3c2"
	CipherC1C2C3 Cipher     = "c1c2c3"
	CipherDER    Cipher     = "der"
	ImportNone   ImportWay  = "none"
	ImportUnwrap ImportWay  = "unwrap" // AES key wrap with padding under a key that RSA-OAEP brought in
	ImportCreate ImportWay  = "create" // C_CreateObject: the key is in the clear on its way
	UnblockNone  UnblockWay = "none"
	UnblockInit  UnblockWay = "init-pin" // C_InitPIN in a session of the SO
	UnblockSet   UnblockWay = "set-pin"  // C_SetPIN in a session without login, the SO PIN as the old one
)

// PINRules are what PINs a token takes. Nil/zero: the token's own CK_TOKEN_INFO says.
type PINRules struct {
	Min     uint   `yaml:"min"`
	Max     uint   `yaml:"max"`
	Charset string `yaml:"charset"` // regular expression that a PIN must match
	Tries   int    `yaml:"tries"`   // 0: not known
}

// ErrProfile: a profile is malformed, unknown or does not hold for this module.
var ErrProfile = errors.New("cryptoki: vendor profile")

//go:embed profiles/*.yaml
var profileFiles embed.FS

// ParseProfile reads a profile; unknown fields are errors.
func ParseProfile(text []byte) (*Profile, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var p Profile
	if err := dec.Decode(&p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	return &p, p.check()
}

func (p *Profile) check() error {
	fill := func(at *string, def string, allowed ...string) bool {
		if *at == "" {
			*at = def
		}
		return slices.Contains(allowed, *at)
	}
	ok := p.Name != "" && p.Source != "" &&
		fill((*string)(&p.SM2.Output), "raw", "raw", "der") &&
		fill((*string)(&p.SM2.Cipher), "c1c3c2", "c1c3c2", "c1c2c3", "der") &&
		fill((*string)(&p.Import), "none", "none", "unwrap", "create") &&
		fill((*string)(&p.Unblock), "none", "none", "init-pin", "set-pin") &&
		len(p.SM2.Also) == len(p.SM2.Names)
	for _, re := range []string{p.Match.Manufacturer, p.Match.Library, p.PIN.Charset} {
		if _, err := regexp.Compile(re); err != nil {
			ok = false
		}
	}
	if !ok {
		return fmt.Errorf("%w: %s: a field is missing or has an unknown value", ErrProfile, p.Name)
	}
	return nil
}

// Profiles are those that come with Signet, by name.
//
// Errors: ErrProfile, which a test excludes.
func Profiles() ([]*Profile, error) { return ReadProfiles(profileFiles, "profiles") }

// ReadProfiles reads every *.yaml of a folder.
func ReadProfiles(fsys fs.FS, dir string) ([]*Profile, error) {
	files, err := fs.Glob(fsys, path.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	var out []*Profile
	for _, f := range files {
		text, err := fs.ReadFile(fsys, f)
		if err != nil {
			return nil, err
		}
		p, err := ParseProfile(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *Profile) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// ProfileNamed finds a profile by its name, verified or not.
//
// Errors: ErrProfile.
func ProfileNamed(name string) (*Profile, error) {
	all, err := Profiles()
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: there is none named %q", ErrProfile, name)
}

// Generic is the standard alone: RSA and ECDSA.
const Generic = "generic"

// MatchProfile finds the verified profile for a module and token, Generic when none matches.
func MatchProfile(module string, info Info, token *TokenInfo) (*Profile, error) {
	all, err := Profiles()
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.Verified && p.Name != Generic && p.matches(filepath.Base(module), info, token) {
			return p, nil
		}
	}
	return ProfileNamed(Generic)
}

func (p *Profile) matches(library string, info Info, token *TokenInfo) bool {
	hit := func(re, s string) bool {
		ok, err := regexp.MatchString("(?i)"+re, s)
		return err == nil && ok
	}
	if p.Match == (Match{}) || p.Match.Library != "" && !hit(p.Match.Library, library) {
		return false
	}
	return p.Match.Manufacturer == "" || hit(p.Match.Manufacturer, info.Manufacturer) ||
		token != nil && hit(p.Match.Manufacturer, token.Manufacturer)
}

// CanSign says whether keys of that kind can be made and sign, going by the token's mechanism list.
func (p *Profile) CanSign(mechs []uint, alg pki.KeyAlg) bool {
	has := func(m uint) bool { return slices.Contains(mechs, m) }
	switch alg {
	case pki.SM2:
		return p.SM2.Key != 0 && p.SM2.Sign != 0 && has(p.SM2.Generate) && has(p.SM2.Sign)
	case pki.P256, pki.P384:
		return has(CKM_EC_KEY_PAIR_GEN) && has(CKM_ECDSA)
	case pki.RSA2048, pki.RSA3072, pki.RSA4096:
		return has(CKM_RSA_PKCS_KEY_PAIR_GEN) && has(CKM_RSA_PKCS)
	}
	return false
}

// DigitsOnly says that a PIN of letters is refused.
func (r PINRules) DigitsOnly() bool {
	if r.Charset == "" {
		return false
	}
	re := regexp.MustCompile(r.Charset) // check has compiled it once
	return re.MatchString("90817263") && !re.MatchString("abcDEFgh")
}
