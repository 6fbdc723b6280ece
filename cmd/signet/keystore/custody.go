package keystore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"signet/ca/kmc"
)

// custodyRecord is the custody file: the passphrase sealed under a key whose shares the custodians hold on paper. It is no secret.
type custodyRecord struct {
	Custody    *kmc.Custody `json:"custody"`
	Passphrase []byte       `json:"passphrase"`
}

// sealedFor binds the sealed passphrase to its purpose.
var sealedFor = []byte("signet keystore passphrase 1\n")

// Split seals a passphrase so that required of the custodians can give it back, writes what is no secret to a new file and returns the shares
// in the custodians' order, for paper.
//
// Shape: 2 ≤ required ≤ custodians ≤ 32, no name twice; a share is 24 words of five letters. Errors: fs.ErrExist.
func Split(file string, passphrase []byte, required int, custodians []string, now time.Time) (shares []string, err error) {
	var people []kmc.Custodian
	for _, name := range custodians {
		people = append(people, kmc.Custodian{Officer: name})
	}
	custody, parts, err := kmc.Establish(nil, required, people, now)
	if err != nil {
		return nil, err
	}
	vault, err := kmc.NewVault(kmc.VaultConfig{Custody: custody})
	if err != nil {
		return nil, err
	}
	defer vault.Lock()
	for i, p := range parts {
		shares = append(shares, p.Words())
		if i < required {
			if _, err := vault.Offer(p); err != nil {
				return nil, err
			}
		}
	}
	sealed, err := vault.Wrap(passphrase, sealedFor)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(custodyRecord{custody, sealed}, "", "  ")
	if err != nil {
		return nil, err
	}
	return shares, writeNew(file, append(text, '\n'))
}

// writeNew writes a file that must not exist.
func writeNew(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// slips is how often one start forgives a share with a wrong letter.
const slips = 5

// fromCustody asks for shares until the passphrase opens.
func fromCustody(file string, o Options) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var rec custodyRecord
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&rec); err != nil || rec.Custody == nil {
		return nil, fmt.Errorf("%s is no custody file", file)
	}
	vault, err := kmc.NewVault(kmc.VaultConfig{Custody: rec.Custody})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	defer vault.Lock()
	for missing, wrong := rec.Custody.Required, 0; vault.Locked(); {
		left, err := offer(vault, o, missing)
		switch {
		case errors.Is(err, ErrNoAnswer), errors.Is(err, io.EOF):
			return nil, err
		case err != nil:
			if wrong++; wrong == slips {
				return nil, fmt.Errorf("opening the custody of the keystore: %w", err)
			}
			if errors.Is(err, kmc.ErrWrongShares) {
				missing = rec.Custody.Required // it forgets all, as it cannot be known which is wrong
			}
			o.Log.Warn("share refused", "error", err)
		default:
			missing = left
		}
	}
	passphrase, err := vault.Unwrap(rec.Passphrase, sealedFor)
	if err != nil {
		return nil, fmt.Errorf("opening the custody of the keystore: %w", err)
	}
	return passphrase, nil
}

func offer(vault *kmc.Vault, o Options, missing int) (left int, err error) {
	words, err := o.ask(fmt.Sprintf("share of the keystore's custody (%d missing), 24 words", missing))
	if err != nil {
		return 0, err
	}
	defer clear(words)
	share, err := kmc.ShareFromWords(string(words))
	if err != nil {
		return 0, err
	}
	return vault.Offer(share)
}
