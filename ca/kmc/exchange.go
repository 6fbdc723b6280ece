package kmc

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"strings"
	"time"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
)

// Partner is a CA that may ask for keys.
//
// Shape: ID 1 to 40 bytes of one line; it begins the holders' names, so that CAs do not share holders.
type Partner struct {
	ID          string
	Certificate *pki.Certificate
}

// ExchangeConfig says what an Exchange stands on.
type ExchangeConfig struct {
	Centre      *Centre          // required
	Lives       Lives            // required
	Office      *Office          // nil = no restoring of keys
	Key         crypto.Signer    // required: the centre's, SM2
	Certificate *pki.Certificate // required: over Key
	Partners    []Partner        // required
	Tags        Tags             // default as asked
	KeyForm     KeyForm          // default KeyInteger
	Skew        time.Duration    // how far a request's time may be off; default 5 minutes
	Log         *slog.Logger     // default slog.Default
}

// Exchange answers GM/T 0014 requests of connected CAs, over a listener of its own: POST with a CARequest, DER, answered with a
// KMRespond. It refuses requests that no partner signed, old ones, and a userCertNo asked for twice; the very same message again gets
// the same key, freshly enveloped, as its answer may have been lost.
//
// Concurrency: safe for concurrent use.
type Exchange struct{ c ExchangeConfig }

var _ http.Handler = (*Exchange)(nil)

// NewExchange makes an Exchange.
func NewExchange(c ExchangeConfig) (*Exchange, error) {
	if c.Centre == nil || c.Lives == nil || c.Key == nil || c.Certificate == nil || len(c.Partners) == 0 {
		return nil, errors.New("kmc: ExchangeConfig needs Centre, Lives, Key, Certificate and Partners")
	}
	seen := map[string]bool{}
	for _, p := range c.Partners {
		if !isLine(p.ID, 40) || strings.Contains(p.ID, "/") || seen[p.ID] || p.Certificate == nil {
			return nil, fmt.Errorf("kmc: partner %q", p.ID)
		}
		seen[p.ID] = true
	}
	if pub, ok := c.Key.Public().(*gm.PublicKey); !ok || !pub.Equal(c.Certificate.PublicKey) {
		return nil, errors.New("kmc: the exchange's key is not that of its certificate, or not SM2")
	}
	if c.Skew <= 0 {
		c.Skew = 5 * time.Minute
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Exchange{c}, nil
}

// Numbers of errorPkgRespond. They are ours: the standard's list is not known to us.
const (
	errNoUnfit     = 1 // the request asks for what is not done here
	errNoDuplicate = 2 // userCertNo was asked for before
	errNoUnknown   = 3 // no such userCertNo
	errNoPending   = 4 // restoring waits for the officers; ask again with the same taskNO
	errNoRefused   = 5 // restoring was refused, or its time is over
	errNoBusy      = 6 // not now
)

// mediaType of both messages; the standard names none.
const mediaType = "application/octet-stream"

// ServeHTTP implements http.Handler.
func (x *Exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	der, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if err != nil {
		http.Error(w, "request too long", http.StatusRequestEntityTooLarge)
		return
	}
	answer, err := x.Answer(r.Context(), der)
	switch {
	case errors.Is(err, ErrMessage):
		http.Error(w, "not a CARequest", http.StatusBadRequest)
	case errors.Is(err, ErrProof):
		x.c.Log.Warn("request for keys refused", slog.Any("error", err))
		http.Error(w, "not signed by a known CA, or not now", http.StatusForbidden)
	case err != nil:
		x.c.Log.Error("request for keys not answered", slog.Any("error", err))
		http.Error(w, "not now", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(answer)
	}
}

// Answer answers one message.
//
// Errors: ErrMessage; ErrProof when no partner signed it or its time is off; those of the key. Single requests are refused inside the answer.
func (x *Exchange) Answer(ctx context.Context, der []byte) ([]byte, error) {
	m, err := ParseCARequest(der)
	if err != nil {
		return nil, err
	}
	p, err := x.partner(m)
	if err != nil {
		return nil, err
	}
	if d := x.c.Centre.now().Sub(m.At); d > x.c.Skew || d < -x.c.Skew {
		return nil, fmt.Errorf("%w: its time is off by %v", ErrProof, d)
	}
	answer := KMRespond{KM: EntityOf(x.c.Certificate), Task: m.Task, Tags: x.c.Tags}
	if answer.Tags == TagsAsAsked {
		answer.Tags = m.Tags
	}
	seen := map[string]bool{}
	for _, r := range m.Requests {
		if seen[serialHex(r.Serial)] {
			answer.Responds = append(answer.Responds, refused(errNoDuplicate))
			continue
		}
		seen[serialHex(r.Serial)] = true
		answer.Responds = append(answer.Responds, x.one(ctx, p, m, der, r))
	}
	answer.At = x.c.Centre.now()
	return answer.sign(x.c.Centre.c.Rand, x.c.Key)
}

func (x *Exchange) partner(m *CARequest) (Partner, error) {
	for _, p := range x.c.Partners {
		if m.Verify(p.Certificate) == nil {
			return p, nil
		}
	}
	return Partner{}, fmt.Errorf("%w: %s is no partner, or did not sign", ErrProof, m.CA.Name)
}

func serialHex(n *big.Int) string { return strings.ToUpper(hex.EncodeToString(n.Bytes())) }

func refused(no int) KeyRespond { return KeyRespond{Kind: Refused, ErrNo: no, ErrDesc: refusals[no]} }

var refusals = map[int]string{
	errNoUnfit: "unfit request", errNoDuplicate: "duplicate userCertNo", errNoUnknown: "unknown userCertNo",
	errNoPending: "waiting for approval", errNoRefused: "refused", errNoBusy: "not now",
}

// one answers one request of a message.
func (x *Exchange) one(ctx context.Context, p Partner, m *CARequest, der []byte, r KeyRequest) KeyRespond {
	var out KeyRespond
	var err error
	switch r.Kind {
	case ApplyKey:
		out, err = x.apply(ctx, p, m, r)
	case RestoreKey:
		out, err = x.restore(ctx, p, m, der, r)
	default:
		out, err = x.revoke(ctx, p, r)
	}
	if err == nil {
		return out
	}
	no := errNoBusy
	for _, known := range []struct {
		err error
		no  int
	}{{ErrSigningKey, errNoUnfit}, {errExtension, errNoUnfit}, {ErrConflict, errNoDuplicate}, {ErrNotCertified, errNoUnknown}, {ErrNoQuorum, errNoBusy},
		{ErrNotAllowed, errNoRefused}, {ErrPending, errNoPending}, {ErrRefused, errNoRefused}, {ErrNotEscrowed, errNoRefused}} {
		if errors.Is(err, known.err) {
			no = known.no
			break
		}
	}
	x.c.Log.Warn("key not handed out", slog.String("ca", p.ID), slog.String("serial", serialHex(r.Serial)), slog.Any("error", err))
	return refused(no)
}

// assignmentOf is the idempotency key of a certificate: one key for one userCertNo of one CA.
func assignmentOf(p Partner, serial *big.Int) string {
	h := sha256.Sum256([]byte(p.ID + "\x00" + serialHex(serial)))
	return "gmt14:" + hex.EncodeToString(h[:])
}

// holderOf names the holder among this CA's; a name that is long or odd is hashed.
func holderOf(p Partner, userName []byte) string {
	if name := string(userName); isLine(name, 80) && !strings.HasPrefix(name, "sm3:") {
		return p.ID + "/" + name
	}
	h := gm.SumSM3(userName)
	return p.ID + "/sm3:" + hex.EncodeToString(h[:])
}

func (x *Exchange) apply(ctx context.Context, p Partner, m *CARequest, r KeyRequest) (KeyRespond, error) {
	ext, err := readExtension(r.Extend)
	if err != nil {
		return KeyRespond{}, err
	}
	serial, id, asked := serialHex(r.Serial), assignmentOf(p, r.Serial), sha256.Sum256(m.signed)
	if ext.used { // asked for by what it is, so that a message lost long ago can be made anew
		asked = sha256.Sum256(bytes.Join([][]byte{r.SignSPKI, r.UserName, r.Extend}, []byte{0}))
	}
	to, key, err := x.c.Centre.assign(ctx, AssignRequest{ID: id, Holder: holderOf(p, r.UserName), SignSPKI: r.SignSPKI, ReuseSPKIHash: ext.reuse})
	if err != nil {
		return KeyRespond{}, err
	}
	c := Certified{CA: p.ID, Serial: serial, Assignment: id, SPKIHash: key.SPKIHash, Request: asked, NotBefore: r.NotBefore, EndsAt: r.NotAfter}
	note := Note{By: caActor + p.ID, Act: "kmc_apply", Object: key.KeyID, Facts: map[string]any{"serial": serial, "task": m.Task.String(), "sign": hashText(r.SignSPKI)}}
	if err := x.c.Lives.Certify(ctx, c, note); err != nil { // ErrConflict when another message asked for this number
		return KeyRespond{}, err
	}
	return x.handOut(p, r, ext, to, key)
}

// handOut puts an escrowed key into retPriKey: signed by the centre, for the signing key alone, under the CA certificate's
// name; where our extension is used, into a form that tokens import.
func (x *Exchange) handOut(p Partner, r KeyRequest, ext extension, to *gm.PublicKey, e Escrowed) (KeyRespond, error) {
	if ext.used {
		a, err := x.c.Centre.envelope(to, e)
		if err != nil {
			return KeyRespond{}, err
		}
		return KeyRespond{Kind: r.Kind, Serial: r.Serial, SPKI: a.SPKI, PriKey: a.Envelope}, nil
	}
	private, err := x.c.Centre.open(e)
	if err != nil {
		return KeyRespond{}, err
	}
	plain, err := x.c.KeyForm.encode(private)
	if err != nil {
		return KeyRespond{}, fmt.Errorf("encoding key %s", e.KeyID) // the cause could show the key
	}
	defer clear(plain)
	recipient := cms.RecipientKey{Issuer: p.Certificate.Issuer, Serial: p.Certificate.Serial, Key: to}
	sealed, err := cms.SignAndEncrypt(x.c.Centre.c.Rand, x.c.Key, x.c.Certificate, plain, []cms.RecipientKey{recipient}, cms.SignedEnvelopedOptions{ECB: !r.SymCBC, Bare: true})
	if err != nil {
		return KeyRespond{}, err
	}
	return KeyRespond{Kind: r.Kind, Serial: r.Serial, SPKI: e.SPKI, PriKey: sealed}, nil
}

func (x *Exchange) revoke(ctx context.Context, p Partner, r KeyRequest) (KeyRespond, error) {
	serial := serialHex(r.Serial)
	note := Note{By: caActor + p.ID, Act: "kmc_revoke", Object: p.ID + "/" + serial}
	if err := x.c.Lives.End(ctx, p.ID, serial, x.c.Centre.now(), note); err != nil {
		return KeyRespond{}, err
	}
	return KeyRespond{Kind: RevokeKey, Serial: r.Serial}, nil
}

// restore opens a user recovery for the CA, and on later requests of the same taskNO says how it stands; once two officers approved, it
// hands the key out to the new signing key.
func (x *Exchange) restore(ctx context.Context, p Partner, m *CARequest, der []byte, r KeyRequest) (KeyRespond, error) {
	if x.c.Office == nil {
		return KeyRespond{}, ErrNotAllowed
	}
	ext, err := readExtension(r.Extend)
	if err != nil {
		return KeyRespond{}, err
	}
	c := Case{Kind: UserRecovery, ToSPKI: r.SignSPKI, Holder: holderOf(p, r.UserName), OpenedBy: caActor + p.ID, OpenProof: bytes.Clone(der)}
	c.Reason = "GM/T 0014 restoreKeyReq " + serialHex(r.Serial) + ", task " + m.Task.Text(16)
	if ext.used && ext.key != nil {
		c.SPKIHash, c.Reason = *ext.key, ext.reason
	} else {
		known, err := x.c.Lives.Certified(ctx, p.ID, serialHex(r.Serial))
		if err != nil {
			return KeyRespond{}, err
		}
		c.SPKIHash = known.SPKIHash
	}
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s\n%s\n%x\n%s", p.ID, serialHex(r.Serial), r.SignSPKI, m.Task)))
	c.ID = hex.EncodeToString(sum[:16])
	to, key, err := x.c.Office.restore(ctx, c)
	if err != nil {
		return KeyRespond{}, err
	}
	return x.handOut(p, r, ext, to, key)
}
