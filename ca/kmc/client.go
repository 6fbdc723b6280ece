package kmc

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"time"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
)

// ClientConfig says where the centre is and who asks.
type ClientConfig struct {
	URL         string           // required: the centre's listener
	Centre      *pki.Certificate // required: of the key that signs the centre's answers
	Key         crypto.Signer    // required: the CA's key for messages, SM2; not the one that signs certificates
	Certificate *pki.Certificate // required: over Key; the centre knows it as a partner's
	HTTP        *http.Client     // default: no proxy, 15 seconds
	Now         func() time.Time // default time.Now
}

// Client asks a key management centre that is another system, by GM/T 0014 with our extension. It believes no answer that the centre did not
// sign. The standard numbers keys by the encryption certificate's serial, which is not drawn yet when the key is needed: the number here is
// a hash of the assignment's id.
//
// Concurrency: all methods may be called from many goroutines.
type Client struct{ c ClientConfig }

// NewClient makes a Client. It asks nothing.
func NewClient(c ClientConfig) (*Client, error) {
	if c.Centre == nil || c.Key == nil || c.Certificate == nil {
		return nil, errors.New("kmc: ClientConfig needs URL, Centre, Key and Certificate")
	}
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("kmc: %q is not an address", c.URL)
	}
	if pub, ok := c.Key.Public().(*gm.PublicKey); !ok || !pub.Equal(c.Certificate.PublicKey) {
		return nil, errors.New("kmc: the key for messages is not that of its certificate, or not SM2")
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute}}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Client{c}, nil
}

// lastsFor is said to the centre as the certificate's validity; when it really ends, Ended tells.
const lastsFor = 30 * 365 * 24 * time.Hour

// numberOf is userCertNo or taskNO: a positive number of 19 bytes made of an idempotency key.
func numberOf(what, id string) *big.Int {
	sum := sha256.Sum256([]byte("signet " + what + "\x00" + id))
	n := new(big.Int).SetBytes(sum[:19])
	return n.SetBit(n, 151, 1) // of full length, so never 0
}

// Assign is Centre.Assign at the centre.
//
// Errors: ErrSigningKey, ErrConflict, ErrNotEscrowed (the key to reuse is not this holder's), ErrUnanswered, after which a repeat is harmless.
func (c *Client) Assign(ctx context.Context, r AssignRequest) (*Assigned, error) {
	if _, err := signingKey(r.SignSPKI); err != nil {
		return nil, err
	}
	q := c.request(ApplyKey, numberOf("assignment", r.ID), r.Holder, r.SignSPKI, extension{reuse: r.ReuseSPKIHash})
	task, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	answer, err := c.ask(ctx, q, task)
	if err != nil {
		return nil, fmt.Errorf("assigning a key to %s: %w", r.ID, err)
	}
	if answer.Kind == Refused {
		err := refusalOf(answer)
		if r.ReuseSPKIHash != nil && errors.Is(err, ErrRefused) {
			err = ErrNotEscrowed
		}
		return nil, fmt.Errorf("assigning a key to %s: %w", r.ID, err)
	}
	return assignedIn(answer, r.ReuseSPKIHash)
}

// Certified has nothing to tell: the centre noted the certificate when it assigned the key.
func (c *Client) Certified(context.Context, Life) error { return nil }

// Ended tells the centre that a certificate was revoked or has expired.
//
// Errors: ErrNotCertified when the centre knows none of the assignments; ErrUnanswered.
func (c *Client) Ended(ctx context.Context, l Life) error {
	found := false
	for _, id := range l.Assignments {
		answer, err := c.ask(ctx, KeyRequest{Kind: RevokeKey, Serial: numberOf("assignment", id)}, numberOf("end", id))
		if err != nil {
			return fmt.Errorf("ending %s: %w", l.Serial, err)
		}
		if answer.Kind != Refused {
			found = true
			continue
		}
		if err := refusalOf(answer); !errors.Is(err, ErrNotCertified) {
			return fmt.Errorf("ending %s: %w", l.Serial, err)
		}
	}
	if !found {
		return ErrNotCertified
	}
	return nil
}

// Restore is Inside.Restore at the centre.
//
// Errors: ErrPending, ErrRefused, ErrSigningKey, ErrConflict, ErrUnanswered.
func (c *Client) Restore(ctx context.Context, r RestoreRequest) (*Assigned, error) {
	if _, err := signingKey(r.ToSPKI); err != nil {
		return nil, err
	}
	number := numberOf("restore", r.ID)
	answer, err := c.ask(ctx, c.request(RestoreKey, number, r.Holder, r.ToSPKI, extension{key: &r.SPKIHash, reason: r.Reason}), number)
	if err == nil && answer.Kind == Refused {
		err = refusalOf(answer)
	}
	if err != nil {
		return nil, fmt.Errorf("restoring %s: %w", r.ID, err)
	}
	return assignedIn(answer, &r.SPKIHash)
}

func (c *Client) request(kind RequestKind, serial *big.Int, holder string, sign []byte, e extension) KeyRequest {
	now := c.c.Now().UTC().Truncate(time.Second)
	return KeyRequest{
		Kind: kind, Serial: serial, SignSPKI: sign, NotBefore: now, NotAfter: now.Add(lastsFor), UserName: []byte(holder),
		DSCode: []byte{}, Extend: e.text(), // the second of two untagged optional fields needs the first
	}
}

// ErrUnanswered: the centre was not reached, did not answer, or its answer is not its own. The request may have taken effect.
var ErrUnanswered = errors.New("kmc: no answer of the centre")

// ask sends one request and gives the centre's verified answer to it.
func (c *Client) ask(ctx context.Context, q KeyRequest, task *big.Int) (KeyRespond, error) {
	m := CARequest{CA: EntityOf(c.c.Certificate), Requests: []KeyRequest{q}, At: c.c.Now().UTC().Truncate(time.Second), Task: task}
	der, err := m.Sign(nil, c.c.Key)
	if err != nil {
		return KeyRespond{}, err
	}
	body, err := c.post(ctx, der)
	if err != nil {
		return KeyRespond{}, fmt.Errorf("%w: %w", ErrUnanswered, err)
	}
	answer, err := ParseKMRespond(body)
	if err == nil {
		err = answer.Verify(c.c.Centre, &m)
	}
	if err != nil {
		return KeyRespond{}, fmt.Errorf("%w: %w", ErrUnanswered, err)
	}
	return answer.Responds[0], nil
}

func (c *Client) post(ctx context.Context, der []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.c.URL, bytes.NewReader(der))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", mediaType)
	answer, err := c.c.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxMessage+1))
	switch {
	case err != nil:
		return nil, err
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %.100s", answer.Status, body)
	case len(body) > maxMessage:
		return nil, errors.New("the answer is too long")
	}
	return body, nil
}

// refusalOf gives the meaning of our numbers of errors.
func refusalOf(r KeyRespond) error {
	for no, err := range map[int]error{errNoDuplicate: ErrConflict, errNoUnknown: ErrNotCertified, errNoPending: ErrPending, errNoRefused: ErrRefused} {
		if r.ErrNo == no {
			return err
		}
	}
	return fmt.Errorf("%w: error %d %.60q", ErrUnanswered, r.ErrNo, r.ErrDesc)
}

// assignedIn takes the key out of an answer; wanted, if given, is the key that was asked for.
func assignedIn(r KeyRespond, wanted *[32]byte) (*Assigned, error) {
	a := &Assigned{SPKI: r.SPKI, SPKIHash: pki.SPKIHash(r.SPKI), Envelope: r.PriKey}
	pub, err := signingKey(a.SPKI)
	if err != nil {
		return nil, fmt.Errorf("%w: the assigned key: %w", ErrUnanswered, err)
	}
	if wanted != nil && a.SPKIHash != *wanted {
		return nil, fmt.Errorf("%w: it is another key", ErrUnanswered)
	}
	envelope, err := cms.ParseEnvelopedKey(a.Envelope)
	if err != nil || !pub.Equal(envelope.PublicKey) {
		return nil, fmt.Errorf("%w: the key is not in an SM2EnvelopedKey", ErrUnanswered)
	}
	return a, nil
}
