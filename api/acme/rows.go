package acme

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	stepacme "github.com/smallstep/certificates/acme"
	"go.step.sm/crypto/jose"

	"signet/api/store"
	"signet/ca"
)

// rows is smallstep's database over ours. Its methods run after signature and nonce of a request were checked, so what a request may do
// is decided here.
type rows struct{ *Server }

var _ stepacme.DB = (*rows)(nil)

func missing(what string) *stepacme.Error {
	return with(http.StatusNotFound, problemOf(stepacme.ErrorMalformedType, "there is no such %s", what))
}

// found turns a row that is not there into a problem.
func found[T any](row *T, err error, what string) error {
	if err == nil && row == nil {
		return missing(what)
	}
	return err
}

// CreateAccount implements acme.DB; with it the key is taken, so that of two accounts with one key the second never is.
func (r *rows) CreateAccount(ctx context.Context, acc *stepacme.Account) error {
	v := visitOf(ctx)
	if v.key == nil {
		return problemOf(stepacme.ErrorExternalAccountRequiredType, "an external account binding is required")
	}
	thumbprint, jwk, err := writeKey(acc.Key)
	if err != nil {
		return err
	}
	row := &store.ACMEAccount{EABID: v.key.ID, KeyID: thumbprint, JWK: jwk, Contact: listOf(acc.Contact), State: store.ACMEValid, Location: acc.LocationPrefix}
	bound, err := r.store.CreateAccount(ctx, row)
	switch {
	case store.IsDuplicate(err):
		return with(http.StatusConflict, problemOf(stepacme.ErrorMalformedType, "this key has an account"))
	case err != nil:
		return err
	case !bound:
		return keyUsed()
	}
	acc.ID = row.ID
	return nil
}

// keyUsed is made afresh each time, as every problem that smallstep gets: it writes into them.
func keyUsed() error {
	return with(http.StatusForbidden, problemOf(stepacme.ErrorUnauthorizedType, "this external account binding was used before, has ended or expired"))
}

func writeKey(key *jose.JSONWebKey) (thumbprint, jwk string, err error) {
	if thumbprint, err = stepacme.KeyToID(key); err != nil {
		return "", "", err
	}
	text, err := json.Marshal(key)
	return thumbprint, string(text), err
}

// listOf keeps nil out of the rows, where a list is written as one.
func listOf(list []string) []string { return append([]string{}, list...) }

// GetAccount implements acme.DB.
func (r *rows) GetAccount(ctx context.Context, id string) (*stepacme.Account, error) {
	return r.account(r.store.Account(ctx, id))
}

// GetAccountByKeyID implements acme.DB.
func (r *rows) GetAccountByKeyID(ctx context.Context, thumbprint string) (*stepacme.Account, error) {
	return r.account(r.store.AccountByKey(ctx, thumbprint))
}

func (r *rows) account(a *store.ACMEAccount, err error) (*stepacme.Account, error) {
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, stepacme.ErrNotFound
	}
	key := &jose.JSONWebKey{}
	if err := json.Unmarshal([]byte(a.JWK), key); err != nil {
		return nil, fmt.Errorf("reading key of account %s: %w", a.ID, err)
	}
	if a.State == store.ACMERevoked {
		return nil, with(http.StatusForbidden, problemOf(stepacme.ErrorUnauthorizedType, "this account was revoked"))
	}
	return &stepacme.Account{
		ID: a.ID, Key: key, Contact: a.Contact, Status: stepacme.Status(a.State), LocationPrefix: a.Location, ProvisionerID: "acme/" + prefix, ProvisionerName: prefix,
	}, nil
}

// UpdateAccount implements acme.DB.
func (r *rows) UpdateAccount(ctx context.Context, acc *stepacme.Account) error {
	thumbprint, jwk, err := writeKey(acc.Key)
	if err != nil {
		return err
	}
	return r.store.UpdateAccount(ctx, &store.ACMEAccount{ID: acc.ID, KeyID: thumbprint, JWK: jwk, Contact: listOf(acc.Contact), State: string(acc.Status)})
}

// GetExternalAccountKey implements acme.DB. It checks the binding's MAC itself: smallstep's answer to a wrong one is that the server failed.
func (r *rows) GetExternalAccountKey(ctx context.Context, _, id string) (*stepacme.ExternalAccountKey, error) {
	k, err := r.store.Key(ctx, store.ProtocolACME, id)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, with(http.StatusForbidden, problemOf(stepacme.ErrorUnauthorizedType, "there is no external account binding %q", id))
	}
	if !k.Usable(r.c.Now()) {
		return nil, keyUsed()
	}
	v, secret := visitOf(ctx), k.Secret(r.c.Secret)
	var payload struct {
		ExternalAccountBinding json.RawMessage `json:"externalAccountBinding"`
	}
	_ = json.Unmarshal(v.payload, &payload)
	binding, err := jose.ParseJWS(string(payload.ExternalAccountBinding))
	if err == nil {
		_, err = binding.Verify(secret)
	}
	if err != nil {
		return nil, with(http.StatusForbidden, problemOf(stepacme.ErrorUnauthorizedType, "the external account binding is not signed with the key that goes with %q", id))
	}
	v.key = k
	return &stepacme.ExternalAccountKey{ID: k.ID, HmacKey: secret, CreatedAt: store.Time(k.CreatedAt)}, nil
}

// UpdateExternalAccountKey implements acme.DB: CreateAccount has bound it.
func (r *rows) UpdateExternalAccountKey(context.Context, string, *stepacme.ExternalAccountKey) error {
	return nil
}

// GetExternalAccountKeyByAccountID implements acme.DB. smallstep asks it before it makes an order: CreateOrder holds
// the order to the key.
func (r *rows) GetExternalAccountKeyByAccountID(ctx context.Context, _, accountID string) (*stepacme.ExternalAccountKey, error) {
	k, err := r.keyOf(ctx, accountID)
	if err != nil {
		return nil, err
	}
	v := visitOf(ctx)
	v.key = k
	if err := r.mayReplace(ctx, accountID, v.order); err != nil {
		return nil, err
	}
	v.replaces = v.order.Replaces
	return &stepacme.ExternalAccountKey{ID: k.ID, AccountID: accountID, BoundAt: store.Time(k.BoundAt)}, nil
}

// keyOf finds what stands behind an account.
//
// Errors: a problem when it has ended.
func (s *Server) keyOf(ctx context.Context, accountID string) (*store.ACMEKey, error) {
	a, err := s.store.Account(ctx, accountID)
	if err != nil {
		return nil, err
	}
	if a == nil || a.State != store.ACMEValid {
		return nil, with(http.StatusForbidden, problemOf(stepacme.ErrorUnauthorizedType, "this account is not in use"))
	}
	k, err := s.store.Key(ctx, store.ProtocolACME, a.EABID)
	if err == nil && k == nil {
		err = fmt.Errorf("account %s has no key", a.ID)
	}
	return k, err
}

// mayReplace decides about what smallstep does not read of an order.
func (r *rows) mayReplace(ctx context.Context, accountID string, o newOrder) error {
	if o.NotBefore != "" || o.NotAfter != "" {
		return problemOf(stepacme.ErrorMalformedType, "notBefore and notAfter are not for the client to choose; the profile decides")
	}
	if o.Replaces == "" {
		return nil
	}
	replaced, err := r.byRenewalID(ctx, o.Replaces)
	switch {
	case err != nil:
		return err
	case replaced == nil || replaced.AccountID != accountID:
		return missing("certificate of this account to replace")
	case replaced.ReplacedBy != "":
		e := with(http.StatusConflict, problemOf(stepacme.ErrorMalformedType, "that certificate has been replaced already"))
		e.Type = "urn:ietf:params:acme:error:alreadyReplaced" // RFC 9773 §7.4
		return e
	}
	return nil
}

// The rest of the external account keys is for smallstep's administration, which we do not have.

var errNoAdministration = errors.New("acme: keys are made by signetctl")

// CreateExternalAccountKey implements acme.DB.
func (r *rows) CreateExternalAccountKey(context.Context, string, string) (*stepacme.ExternalAccountKey, error) {
	return nil, errNoAdministration
}

// GetExternalAccountKeys implements acme.DB.
func (r *rows) GetExternalAccountKeys(context.Context, string, string, int) ([]*stepacme.ExternalAccountKey, string, error) {
	return nil, "", errNoAdministration
}

// GetExternalAccountKeyByReference implements acme.DB.
func (r *rows) GetExternalAccountKeyByReference(context.Context, string, string) (*stepacme.ExternalAccountKey, error) {
	return nil, errNoAdministration
}

// DeleteExternalAccountKey implements acme.DB.
func (r *rows) DeleteExternalAccountKey(context.Context, string, string) error {
	return errNoAdministration
}

// CreateCertificate implements acme.DB: the CA has the certificate, here is noted whose it is.
func (r *rows) CreateCertificate(ctx context.Context, c *stepacme.Certificate) error {
	o, err := r.store.Order(ctx, c.OrderID)
	if err = found(o, err, "order"); err != nil {
		return err
	}
	var replaced *store.ACMECertificate
	if o.Replaces != "" {
		if replaced, err = r.byRenewalID(ctx, o.Replaces); err != nil {
			return err
		}
	}
	row := &store.ACMECertificate{
		AccountID: c.AccountID, OrderID: c.OrderID, CA: r.c.CA, SerialHex: serialHex(c.Leaf.SerialNumber), NotAfterAt: store.Millis(c.Leaf.NotAfter),
	}
	err = r.store.KeepCertificate(ctx, row, replaced)
	c.ID = row.ID
	return err
}

// serialHex is a serial number as ca.Certificate has it.
func serialHex(n *big.Int) string { return strings.ToUpper(fmt.Sprintf("%x", n.Bytes())) }

// GetCertificate implements acme.DB.
func (r *rows) GetCertificate(ctx context.Context, id string) (*stepacme.Certificate, error) {
	return r.certificate(ctx)(r.store.Certificate(ctx, id))
}

// GetCertificateBySerial implements acme.DB.
func (r *rows) GetCertificateBySerial(ctx context.Context, serial string) (*stepacme.Certificate, error) {
	n, ok := new(big.Int).SetString(serial, 10)
	if !ok || n.Sign() <= 0 {
		return nil, missing("certificate")
	}
	return r.certificate(ctx)(r.owned(ctx, serialHex(n)))
}

func (r *rows) certificate(ctx context.Context) func(*store.ACMECertificate, error) (*stepacme.Certificate, error) {
	return func(row *store.ACMECertificate, err error) (*stepacme.Certificate, error) {
		if err = found(row, err, "certificate"); err != nil {
			return nil, err
		}
		cert, err := r.c.DB.CA().BySerial(ctx, row.CA, row.SerialHex)
		if err != nil {
			return nil, err
		}
		leaf, err := plainOf(cert)
		if err != nil {
			return nil, err
		}
		chain, err := r.chainOf(row.CA)
		return &stepacme.Certificate{ID: row.ID, AccountID: row.AccountID, OrderID: row.OrderID, Leaf: leaf, Intermediates: chain}, err
	}
}

// plainOf reads a certificate of the authority as the standard library has it.
func plainOf(c *ca.Certificate) (*x509.Certificate, error) { return x509.ParseCertificate(c.DER) }

func stamp(millis int64) string {
	if millis == 0 {
		return ""
	}
	return store.Time(millis).Format(time.RFC3339)
}
