package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"signet/api/problem"
	"signet/ca/pki"
)

// Protocols that an ACMEKey may be for.
const (
	ProtocolACME = "acme"
	ProtocolSCEP = "scep"
)

// Bounds of an ACMEKey.
const (
	maxACMENames   = 1000
	maxACMEPerDay  = 1_000_000
	defaultPerDay  = 50
	defaultBindFor = 30 * 24 * time.Hour
)

// ACMEKey binds one ACME account (external account binding, RFC 8555 §7.3.4) or one SCEP enrolment (challenge password) to an
// organisation. Its secret is derived, see Secret, and kept nowhere.
//
// Shape: Names as allowedName has them.
// Nil/zero: EndedAt, BoundAt 0 = not yet; BoundTo "" likewise.
type ACMEKey struct {
	ID        string
	Protocol  string
	Name      string
	OrgCode   string
	OrgName   string
	Names     []string `gorm:"serializer:json"`
	PerDay    int64
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	ExpiresAt int64
	EndedAt   int64
	BoundAt   int64
	BoundTo   string
}

// TableName names the table for gorm.
func (ACMEKey) TableName() string { return "acme_eab" }

// Secret derives the key's secret from the installation's: 32 bytes, the same on every server.
func (k *ACMEKey) Secret(master []byte) []byte {
	mac := hmac.New(sha256.New, master)
	fmt.Fprintf(mac, "signet %s key %s", k.Protocol, k.ID)
	return mac.Sum(nil)
}

// Shown is the secret as it is given to people: the MAC key of an account binding, or the challenge password of SCEP.
//
// Shape: base64url; for SCEP after the key's id and a dot, since nothing else in a request names the key.
func (k *ACMEKey) Shown(master []byte) string {
	text := base64.RawURLEncoding.EncodeToString(k.Secret(master))
	if k.Protocol == ProtocolSCEP {
		return k.ID + "." + text
	}
	return text
}

// Usable says whether the key may still be bound.
func (k *ACMEKey) Usable(now time.Time) bool {
	return k.EndedAt == 0 && k.BoundAt == 0 && Millis(now) < k.ExpiresAt
}

// Allows says whether a host name, with *. in front where it is a wildcard, or an address may be certified.
func (k *ACMEKey) Allows(host string) bool {
	return slices.ContainsFunc(k.Names, func(pattern string) bool { return allowed(pattern, strings.ToLower(host)) })
}

// allowed: example.cn is that name alone; *.example.cn is any name with one label in place of the star, and the wildcard itself; an
// address or range is the addresses within.
func allowed(pattern, host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		if exact, err := netip.ParseAddr(pattern); err == nil {
			return exact == ip.Unmap()
		}
		within, err := netip.ParsePrefix(pattern)
		return err == nil && within.Contains(ip.Unmap())
	}
	below, wild := strings.CutPrefix(pattern, "*.")
	if !wild {
		return host == pattern
	}
	label, rest, found := strings.Cut(host, ".")
	return found && label != "" && rest == below
}

// ACMEKeyRequest says what a new key is for.
//
// Nil/zero: PerDay 0 = 50; BindFor 0 = 30 days.
type ACMEKeyRequest struct {
	Protocol string
	Name     string // required: what people call the server or device
	OrgCode  string // required: a USCC or organisation code whose check digit holds
	OrgName  string // required: O in the certificates
	Names    []string
	PerDay   int
	BindFor  time.Duration
	By       string // for the audit; required
}

var hostName = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (q *ACMEKeyRequest) check() error {
	wrong := func(field, detail string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
	}
	q.OrgCode, q.OrgName, q.Name = pki.NormaliseCode(q.OrgCode), strings.TrimSpace(q.OrgName), strings.TrimSpace(q.Name)
	switch {
	case q.Protocol != ProtocolACME && q.Protocol != ProtocolSCEP:
		return wrong("protocol", "The protocol is acme or scep.")
	case q.Name == "" || len(q.Name) > 100 || strings.ContainsAny(q.Name, "\n\r\t"):
		return wrong("name", "A name of at most 100 bytes on one line is needed.")
	case pki.CheckUSCC(q.OrgCode) != nil && pki.CheckOrgCode(q.OrgCode) != nil, q.OrgName == "", len(q.OrgName) > 200:
		return wrong("organisation", "An organisation needs a name, and a code whose check digit holds.")
	case len(q.Names) == 0 || len(q.Names) > maxACMENames:
		return wrong("names", "Between 1 and 1000 host names or addresses are needed.")
	case q.PerDay < 0 || q.PerDay > maxACMEPerDay:
		return wrong("perDay", "The rate is between 1 and 1000000 a day.")
	case q.BindFor < 0:
		return wrong("bindFor", "The end must lie ahead.")
	}
	for i, n := range q.Names {
		n = strings.ToLower(n)
		_, notRange := netip.ParsePrefix(n)
		_, notAddress := netip.ParseAddr(n)
		if notRange != nil && notAddress != nil && (len(n) > 253 || !hostName.MatchString(n)) {
			return wrong("names", fmt.Sprintf("%q is no host name, *.name, address or range.", n))
		}
		q.Names[i] = n
	}
	return nil
}

// AddACMEKey makes a key.
//
// Errors: CodeInvalidField.
func AddACMEKey(tx *Tx, q ACMEKeyRequest) (*ACMEKey, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	if q.PerDay == 0 {
		q.PerDay = defaultPerDay
	}
	if q.BindFor == 0 {
		q.BindFor = defaultBindFor
	}
	k := &ACMEKey{
		ID: NewID("eab"), Protocol: q.Protocol, Name: q.Name, OrgCode: q.OrgCode, OrgName: q.OrgName, Names: q.Names, PerDay: int64(q.PerDay),
		CreatedAt: Millis(tx.Now()), ExpiresAt: Millis(tx.Now().Add(q.BindFor)),
	}
	if err := tx.DB().Create(k).Error; err != nil {
		return nil, fmt.Errorf("keeping an ACME key: %w", err)
	}
	return k, tx.Audit(q.By, "acme.key.add", k.ID, map[string]any{
		"protocol": k.Protocol, "name": k.Name, "organisation": k.OrgCode, "names": k.Names, "perDay": k.PerDay,
	})
}

// EndACMEKey ends a key and the account bound to it at once; what was issued stays valid.
//
// Errors: CodeNotFound for a key that is not there or has ended.
func EndACMEKey(tx *Tx, id, by string) error {
	r := tx.DB().Model(&ACMEKey{}).Where("id = ? AND ended_at = 0", id).Update("ended_at", Millis(tx.Now()))
	if r.Error != nil {
		return fmt.Errorf("ending an ACME key: %w", r.Error)
	}
	if r.RowsAffected == 0 {
		return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such ACME key, or it has ended.")
	}
	return tx.Audit(by, "acme.key.end", id, nil)
}

// ListACMEKeys lists all keys, oldest first.
func ListACMEKeys(ctx context.Context, d *DB) (list []ACMEKey, err error) {
	err = d.Read(ctx).Order("created_at, id").Find(&list).Error
	return list, wrap("listing ACME keys", err)
}

// bind takes a key for good: of many that try at once, one gets it.
func (k *ACMEKey) bind(tx *Tx, to string) (bool, error) {
	now := Millis(tx.Now())
	r := tx.DB().Model(&ACMEKey{}).Where("id = ? AND protocol = ? AND ended_at = 0 AND bound_at = 0 AND expires_at > ?", k.ID, k.Protocol, now).
		Updates(map[string]any{"bound_at": now, "bound_to": to})
	return r.RowsAffected == 1, wrap("binding ACME key", r.Error)
}
