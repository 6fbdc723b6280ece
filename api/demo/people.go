package demo

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"signet/ca"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/softkey"
)

// PersonKey is the software key of somebody who signs with their own. Dir holds it alone, as their computer would: ukeyd -softkey DIR.
type PersonKey struct {
	ID     string `json:"id"` // of the officer, or the login of the member of staff
	Role   string `json:"role"`
	Serial string `json:"serial"`
	PIN    string `json:"pin"`
	Dir    string `json:"dir"`
}

// officers are those of the key management centre. The first two found it and the third is appointed by the first; all three work on this computer alone.
var officers = []struct {
	id, person, by string
	role           kmc.Role
}{
	{"security", "密管安全员", "", kmc.SecurityAdmin}, {"audit", "密管审计员", "", kmc.AuditAdmin}, {"business", "密管业务主管", "security", kmc.BusinessAdmin},
	{"op1", "密管操作员甲", "business", kmc.Operator}, {"op2", "密管操作员乙", "business", kmc.Operator},
}

// StaffKeyRoles are the roles of the demonstration whose decisions are signed where keys of staff are required.
var StaffKeyRoles = []string{"reviewer", "approver", "operator"}

// People makes and opens the keys of people in the folder of the demonstration.
type People struct{ Dir string }

func (p People) file() string { return filepath.Join(p.Dir, "secrets", "people.json") }

// Keys are those made so far.
func (p People) keys() (map[string]PersonKey, error) {
	made := map[string]PersonKey{}
	text, err := os.ReadFile(p.file())
	if errors.Is(err, fs.ErrNotExist) {
		return made, nil
	}
	if err != nil {
		return nil, err
	}
	return made, json.Unmarshal(text, &made)
}

// ensure makes the key of a person, with the certificate that certify gives it, unless it is there.
func (p People) ensure(ctx context.Context, name string, k PersonKey, certify func(crypto.Signer) (*pki.Certificate, error)) (PersonKey, error) {
	made, err := p.keys()
	if err != nil {
		return k, err
	}
	if known, ok := made[name]; ok {
		return known, nil
	}
	if k.PIN, err = newPIN(); err != nil {
		return k, err
	}
	k.Dir = filepath.Join(p.Dir, "people", name)
	if err := os.RemoveAll(k.Dir); err != nil { // what a start left that was cut off: its PIN is not known
		return k, err
	}
	if err := os.MkdirAll(filepath.Dir(k.Dir), 0o700); err != nil {
		return k, err
	}
	so, err := newPIN()
	if err != nil {
		return k, err
	}
	if err := os.Mkdir(k.Dir, 0o700); err != nil {
		return k, err
	}
	token, err := softkey.Create(filepath.Join(k.Dir, "key"), softkey.Config{Serial: k.Serial, Label: "演示 UKey · " + k.ID, PIN: ukey.PIN(k.PIN), SOPIN: ukey.PIN(so + so), KDF: quick})
	if err != nil {
		return k, err
	}
	if err := fillPerson(ctx, token, k.PIN, certify); err != nil {
		return k, err
	}
	made[name] = k
	text, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return k, err
	}
	return k, replace(p.file(), text, 0o600)
}

// quick is less than a softkey takes by default: there are many of these keys at each first start, and nothing of value is on them.
var quick = softkey.KDF{Time: 1, MemoryKiB: 8 << 10, Threads: 1}

var personKeyID = ukey.KeyIDOf([16]byte{1})

func fillPerson(ctx context.Context, token *softkey.Token, pin string, certify func(crypto.Signer) (*pki.Certificate, error)) (err error) {
	session, err := token.Open(ctx, ukey.PIN(pin))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	if _, err := session.Generate(ctx, personKeyID, pki.SM2); err != nil {
		return err
	}
	signer, err := session.Signer(personKeyID)
	if err != nil {
		return err
	}
	cert, err := certify(signer)
	if err != nil {
		return err
	}
	return session.PutCertificate(ctx, personKeyID, cert.Raw)
}

// sign signs a statement with a person's key.
func (k PersonKey) sign(ctx context.Context, statement []byte) (sig []byte, err error) {
	tokens, err := softkey.Open(k.Dir).Tokens(ctx)
	if err != nil || len(tokens) != 1 {
		return nil, errors.Join(err, fmt.Errorf("%s holds no key", k.Dir))
	}
	session, err := tokens[0].Login(ctx, ukey.PIN(k.PIN))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	signer, err := session.Signer(personKeyID)
	if err != nil {
		return nil, err
	}
	return pki.Sign(rand.Reader, signer, pki.SM2WithSM3, statement)
}

// certificate is that on a person's key; no PIN is needed to read it.
func (k PersonKey) certificate(ctx context.Context) (*pki.Certificate, error) {
	tokens, err := softkey.Open(k.Dir).Tokens(ctx)
	if err != nil || len(tokens) != 1 {
		return nil, errors.Join(err, fmt.Errorf("%s holds no key", k.Dir))
	}
	keys, err := tokens[0].Keys(ctx)
	if err != nil || len(keys) != 1 {
		return nil, errors.Join(err, fmt.Errorf("%s holds %d keys", k.Dir, len(keys)))
	}
	return pki.ParseCertificate(keys[0].Certificate)
}

// Officers makes the keys of the officers, and gives the certificates of the two founders for the configuration.
func (p People) Officers(ctx context.Context) (founders []*pki.Certificate, err error) {
	for _, o := range officers {
		k, err := p.ensure(ctx, "kmc-"+o.id, PersonKey{ID: o.id, Role: string(o.role), Serial: "SIM-KMC-" + o.id}, func(key crypto.Signer) (*pki.Certificate, error) {
			name, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: o.person + "(虚构)"})
			if err != nil {
				return nil, err
			}
			return kmc.OwnCertificate(key, name, time.Now())
		})
		if err != nil {
			return nil, fmt.Errorf("the key of officer %s: %w", o.id, err)
		}
		if o.by != "" {
			continue
		}
		cert, err := k.certificate(ctx)
		if err != nil {
			return nil, err
		}
		founders = append(founders, cert)
	}
	return founders, nil
}

// Appoint founds the office and appoints its officers, each by the signature of who may, and gives the two who decide recoveries. A repeat changes nothing.
func (p People) Appoint(ctx context.Context, office *kmc.Office, now time.Time) (operators []PersonKey, err error) {
	made, err := p.keys()
	if err != nil {
		return nil, err
	}
	var all []kmc.Officer
	for _, o := range officers {
		cert, err := made["kmc-"+o.id].certificate(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, kmc.Officer{ID: o.id, Person: o.person, Role: o.role, By: o.by, SPKI: cert.SPKI, At: now.UTC().Truncate(time.Second)})
	}
	if err := office.Found(ctx, all[:2]); err != nil && !errors.Is(err, kmc.ErrFounded) {
		return nil, err
	}
	for _, o := range all[2:] {
		if o.Role == kmc.Operator {
			operators = append(operators, made["kmc-"+o.ID])
		}
		if _, err := office.ByKey(ctx, o.KeyHash()); !errors.Is(err, kmc.ErrNoOfficer) { // in office
			if err != nil {
				return nil, err
			}
			continue
		}
		if o.Proof, err = made["kmc-"+o.By].sign(ctx, o.Statement()); err != nil {
			return nil, err
		}
		if err := office.Appoint(ctx, o); err != nil && !errors.Is(err, kmc.ErrTaken) { // dismissed by hand, and so it stays
			return nil, err
		}
	}
	return operators, nil
}

// Staff gives the members of staff whose decisions are signed a key each, with a certificate of the CA. Whose they are, they and a second person say in the
// back office: none is bound.
func (p People) Staff(ctx context.Context, authority *ca.Authority, caID string) (keys []PersonKey, err error) {
	code := withCheckDigits("91330799MA2DEM99")
	for _, role := range StaffKeyRoles {
		login := "demo-" + role
		k, err := p.ensure(ctx, "staff-"+role, PersonKey{ID: login, Role: role, Serial: "SIM-STAFF-" + role}, func(key crypto.Signer) (*pki.Certificate, error) {
			spki, err := pki.MarshalPublicKey(key.Public())
			if err != nil {
				return nil, err
			}
			name, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: "演示运营单位(虚构)"}, pki.Attr{Type: pki.OIDCommonName, Value: login})
			if err != nil {
				return nil, err
			}
			hash := pki.SPKIHash(spki)
			c, err := authority.Issue(ctx, ca.Request{
				ID: ca.RequestID(fmt.Sprintf("demo-staff/%s/%x", role, hash[:8])), CA: caID, Profile: "org-sign", Subject: name, SPKI: spki, Fields: map[string]string{"uscc": code}, By: "demo",
			})
			if err != nil {
				return nil, err
			}
			return pki.ParseCertificate(c.DER)
		})
		if err != nil {
			return nil, fmt.Errorf("the key of %s: %w", login, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}
