package ticket

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// releaseMediaType is the typ of a manifest; releaseKID stands for the one release key.
const (
	releaseMediaType = "signet-release"
	releaseKID       = "release"
)

// Bounds of a release.
const (
	MaxManifest    = 64 << 10
	MaxReleaseFile = 256 << 20
	ReleaseLife    = 400 * 24 * time.Hour // so that a portal cannot keep its agents on an old release for ever by an old manifest
)

// ErrOldRelease says that a manifest is of before one seen already.
var ErrOldRelease = errors.New("ticket: an older release than was seen")

// Release is what is said, and signed, of one release of the agent.
//
// Units: NotBefore and Expires are Unix seconds.
type Release struct {
	Version   string        `json:"version"`
	Sequence  int64         `json:"seq"`     // grows with every release
	Minimum   int64         `json:"minimum"` // agents of an older sequence should not be used any more
	NotBefore int64         `json:"nbf"`
	Expires   int64         `json:"exp"`
	Files     []ReleaseFile `json:"files"`
}

// ReleaseFile is one file of a release.
type ReleaseFile struct {
	System string `json:"system"` // such as linux/amd64
	Form   string `json:"form"`   // deb, rpm, exe
	Name   string `json:"name"`   // beside the manifest; no folder
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // lower-case hex
}

// check looks at what holds for every release at any time.
func (r Release) check() error {
	if r.Version == "" || r.Sequence < 1 || r.Minimum < 0 || r.Minimum > r.Sequence || r.Expires <= r.NotBefore || r.Expires-r.NotBefore > int64(ReleaseLife/time.Second) {
		return fmt.Errorf("%w: release", ErrInvalid)
	}
	for _, f := range r.Files {
		sum, err := hex.DecodeString(f.SHA256)
		if err != nil || len(sum) != 32 || f.SHA256 != strings.ToLower(f.SHA256) || f.Size < 1 || f.Size > MaxReleaseFile || !plainName(f.Name) {
			return fmt.Errorf("%w: file %q of the release", ErrInvalid, f.Name)
		}
	}
	return nil
}

// plainName tells whether a name stays in the folder it is put into, on every system.
func plainName(name string) bool {
	return name != "" && len(name) <= 100 && name == path.Base(name) && !strings.HasPrefix(name, ".") && !strings.ContainsAny(name, "/\\:*?\"<>|\x00\r\n ")
}

// SignRelease makes the manifest with the release key.
//
// Errors: a key that is not P-256; ErrInvalid.
func SignRelease(key crypto.Signer, r Release) (string, error) {
	if err := r.check(); err != nil {
		return "", err
	}
	return signJWS(key, header{algorithm, releaseKID, releaseMediaType}, r)
}

// OpenRelease checks a manifest. seen is the highest sequence that was seen or is installed: the same again is no news, a lower one an attack.
//
// Errors: ErrInvalid, ErrExpired, ErrOldRelease.
func OpenRelease(key *ecdsa.PublicKey, jws string, now time.Time, seen int64) (Release, error) {
	v := &Verifier{Keys: map[string]*ecdsa.PublicKey{releaseKID: key}}
	payload, err := v.openType(strings.TrimSpace(jws), releaseMediaType, MaxManifest)
	if err != nil {
		return Release{}, err
	}
	var r Release
	if err := strictJSON(payload, &r); err != nil {
		return Release{}, fmt.Errorf("%w: manifest", ErrInvalid)
	}
	if err := r.check(); err != nil {
		return Release{}, err
	}
	switch {
	case now.Unix() >= r.Expires:
		return Release{}, ErrExpired
	case now.Add(MaxSkew).Unix() < r.NotBefore:
		return Release{}, fmt.Errorf("%w: released in the future", ErrInvalid)
	case r.Sequence < seen:
		return Release{}, ErrOldRelease
	}
	return r, nil
}

// File finds the file for a system.
func (r Release) File(system, form string) (ReleaseFile, bool) {
	for _, f := range r.Files {
		if f.System == system && f.Form == form {
			return f, true
		}
	}
	return ReleaseFile{}, false
}
