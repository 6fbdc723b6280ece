package kmc

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
)

// Custody says how the master key is split (密钥分管): who holds which share and how many are needed. It holds no secret that one
// officer, or the database, could use.
//
// Shape: ID 16 lower-case hex digits, drawn anew for every split; Key names the master key, the same after a new split of it.
type Custody struct {
	ID       string        `json:"id"`
	Key      string        `json:"key"`
	Required int           `json:"required"`
	Shares   []SealedShare `json:"shares"`
	At       time.Time     `json:"at"`
}

// SealedShare is one officer's share.
//
// Shape: Index from 1; Sealed a GM/T 0010 EnvelopedData to the officer's certificate.
// Nil/zero: Sealed nil = the share was printed and is nowhere else.
type SealedShare struct {
	Index   int    `json:"index"`
	Officer string `json:"officer"`
	Sealed  []byte `json:"sealed,omitempty"`
}

// Custodian is an officer who gets a share.
//
// Nil/zero: Certificate nil = on paper.
type Custodian struct {
	Officer     string
	Certificate *pki.Certificate
}

const (
	masterSize = 32 // bytes
	maxShares  = 32
)

// Errors of custody.
var (
	ErrShare       = errors.New("kmc: share is not of this custody, or damaged")
	ErrWrongShares = errors.New("kmc: the shares do not give the master key; at least one is wrong")
	ErrLocked      = errors.New("kmc: the master key is not activated")
)

// Establish draws a master key and splits it among the custodians, of whom required are needed to use it. The key itself is
// nowhere afterwards. The shares of custodians without certificate are returned, to be printed and forgotten.
//
// Shape: 2 ≤ required ≤ custodians ≤ 32; no custodian and no key twice.
func Establish(random io.Reader, required int, custodians []Custodian, now time.Time) (*Custody, []Share, error) {
	key := make([]byte, masterSize)
	defer clear(key)
	if _, err := io.ReadFull(orSystem(random), key); err != nil {
		return nil, nil, fmt.Errorf("drawing a master key: %w", err)
	}
	return entrust(random, key, required, custodians, now)
}

// Reshare splits the same master key anew: for other officers, or when a share was lost. Old shares do not fit new ones, but m old
// ones among themselves still do: where an officer is no longer trusted, establish a new key and Reseal instead.
//
// Errors: ErrWrongShares.
func Reshare(random io.Reader, old *Custody, shares []Share, required int, custodians []Custodian, now time.Time) (*Custody, []Share, error) {
	key, err := old.join(shares)
	if err != nil {
		return nil, nil, err
	}
	defer clear(key)
	return entrust(random, key, required, custodians, now)
}

func orSystem(random io.Reader) io.Reader {
	if random == nil {
		return rand.Reader
	}
	return random
}

func entrust(random io.Reader, key []byte, required int, custodians []Custodian, now time.Time) (*Custody, []Share, error) {
	random = orSystem(random)
	if len(custodians) > maxShares {
		return nil, nil, fmt.Errorf("kmc: %d custodians are too many", len(custodians))
	}
	if err := distinct(custodians); err != nil {
		return nil, nil, err
	}
	parts, err := split(random, key, required, len(custodians))
	if err != nil {
		return nil, nil, err
	}
	id := make([]byte, 8)
	if _, err := io.ReadFull(random, id); err != nil {
		return nil, nil, fmt.Errorf("naming a custody: %w", err)
	}
	c := &Custody{ID: hex.EncodeToString(id), Key: masterName(key), Required: required, At: now.UTC().Truncate(time.Second)}
	var printed, all []Share
	for i, holder := range custodians {
		s := Share{Custody: c.ID, Required: required, Index: i + 1, part: parts[i]}
		all = append(all, s)
		sealed := SealedShare{Index: s.Index, Officer: holder.Officer}
		if holder.Certificate == nil {
			printed = append(printed, s)
		} else if sealed.Sealed, err = cms.Encrypt(random, s.bytes(), []*pki.Certificate{holder.Certificate}, cms.GMT0010); err != nil {
			return nil, nil, fmt.Errorf("sealing the share of %s: %w", holder.Officer, err)
		}
		c.Shares = append(c.Shares, sealed)
	}
	return c, printed, c.tryOut(all)
}

// tryOut makes sure that the first and the last shares give the key: a master key that cannot be had again must never be used.
func (c *Custody) tryOut(all []Share) error {
	for _, some := range [][]Share{all[:c.Required], all[len(all)-c.Required:]} {
		key, err := c.join(some)
		if err != nil {
			return err
		}
		clear(key)
	}
	return nil
}

func distinct(custodians []Custodian) error {
	seen := map[string]bool{}
	for _, h := range custodians {
		names := []string{"officer " + h.Officer}
		if h.Certificate != nil {
			if _, ok := h.Certificate.PublicKey.(*gm.PublicKey); !ok {
				return fmt.Errorf("kmc: the key of %s is not SM2", h.Officer)
			}
			names = append(names, "key "+string(h.Certificate.SPKI))
		}
		for _, n := range names {
			if h.Officer == "" || seen[n] {
				return fmt.Errorf("kmc: custodian %q is nobody, or twice", h.Officer)
			}
			seen[n] = true
		}
	}
	return nil
}

// masterName names a master key; of a random key of 32 bytes the hash says nothing.
func masterName(key []byte) string {
	h := gm.NewSM3()
	h.Write([]byte("signet kmc master key 1\n"))
	h.Write(key)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// join puts exactly the needed shares together and checks that they give the master key.
func (c *Custody) join(shares []Share) ([]byte, error) {
	parts := map[byte][]byte{}
	for _, s := range shares {
		if err := c.check(s); err != nil {
			return nil, err
		}
		if len(parts) < c.Required {
			parts[byte(s.Index)] = s.part
		}
	}
	if len(parts) < c.Required {
		return nil, fmt.Errorf("%w: %d of %d shares", ErrWrongShares, len(parts), c.Required)
	}
	key, err := combine(parts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrongShares, err)
	}
	if subtle.ConstantTimeCompare([]byte(masterName(key)), []byte(c.Key)) != 1 {
		clear(key)
		return nil, ErrWrongShares
	}
	return key, nil
}

func (c *Custody) check(s Share) error {
	if s.Custody != c.ID || s.Required != c.Required || s.Index < 1 || s.Index > len(c.Shares) || len(s.part) != masterSize {
		return ErrShare
	}
	return nil
}

// Share is one part of the master key, in the hands of one officer. It does not print.
type Share struct {
	Custody         string
	Required, Index int
	part            []byte
}

const (
	shareForm = 1
	shareSize = 4 + 8 + masterSize + 4 // form, required, index, 0; custody; part; check
)

// bytes is the share as it is sealed and printed, with a check over all of it against slips of the pen.
func (s Share) bytes() []byte {
	out := append(make([]byte, 0, shareSize), shareForm, byte(s.Required), byte(s.Index), 0)
	id, _ := hex.DecodeString(s.Custody)
	out = append(append(out, id...), s.part...)
	sum := gm.SumSM3(out)
	return append(out, sum[:4]...)
}

func shareOf(b []byte) (Share, error) {
	if len(b) != shareSize || b[0] != shareForm || b[3] != 0 {
		return Share{}, ErrShare
	}
	sum := gm.SumSM3(b[:shareSize-4])
	if !bytes.Equal(sum[:4], b[shareSize-4:]) {
		return Share{}, ErrShare
	}
	return Share{Custody: hex.EncodeToString(b[4:12]), Required: int(b[1]), Index: int(b[2]), part: bytes.Clone(b[12 : 12+masterSize])}, nil
}

// Words is the share on paper: 24 words of five letters. A secret.
func (s Share) Words() string { return wordsOf(s.bytes()) }

// ShareFromWords reads a share from paper.
//
// Errors: ErrShare, also for a single wrong letter.
func ShareFromWords(text string) (Share, error) {
	b, err := fromWords(text)
	if err != nil {
		return Share{}, fmt.Errorf("%w: %w", ErrShare, err)
	}
	return shareOf(b)
}

// OpenShare opens an officer's share with the officer's key.
//
// Errors: ErrShare; cms.ErrNotRecipient, cms.ErrDecrypt.
func OpenShare(sealed SealedShare, certificate *pki.Certificate, key crypto.Decrypter) (Share, error) {
	e, err := cms.ParseEnveloped(sealed.Sealed)
	if err != nil {
		return Share{}, fmt.Errorf("%w: %w", ErrShare, err)
	}
	b, err := e.Open(certificate, key)
	if err != nil {
		return Share{}, fmt.Errorf("opening a share: %w", err)
	}
	defer clear(b)
	s, err := shareOf(b)
	if err == nil && s.Index != sealed.Index {
		return Share{}, ErrShare
	}
	return s, err
}

// The methods below have value receivers, so that no form of a share prints.

func (Share) String() string               { return "[KMC share]" }
func (Share) GoString() string             { return "[KMC share]" }
func (Share) Format(f fmt.State, _ rune)   { io.WriteString(f, "[KMC share]") }
func (Share) LogValue() slog.Value         { return slog.StringValue("[KMC share]") }
func (Share) MarshalText() ([]byte, error) { return []byte("[KMC share]"), nil }
