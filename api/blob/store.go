package blob

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// MaxSize bounds a file: it is held in memory while it is sealed.
const MaxSize = 32 << 20

var (
	// ErrNotFound means that there is no such file.
	ErrNotFound = errors.New("blob: no such file")
	// ErrDamaged means that a file is there but is not what was stored, or was sealed by another installation.
	ErrDamaged = errors.New("blob: the file is damaged, or sealed by another key")
	// ErrTooLarge means a file above MaxSize.
	ErrTooLarge = errors.New("blob: the file is too large")
)

// Place is where sealed files lie: a folder (OpenDir) or a bucket (OpenS3). testPlace is its contract as a test.
//
// Shape: a name is 64 lower-case hexadecimal digits.
// Concurrency: several processes may use one place at once.
type Place interface {
	// Write stores a file whole or not at all; it is durable on return. Written twice, it is one of the two and counts as just written.
	Write(ctx context.Context, name string, content []byte) error
	// Read gives a file. Errors: ErrNotFound; ErrTooLarge.
	Read(ctx context.Context, name string) ([]byte, error)
}

// Wrapper seals the key of each file; hsm.Wrapper is one.
type Wrapper interface {
	Wrap(plain, aad []byte) ([]byte, error)
	Unwrap(sealed, aad []byte) ([]byte, error)
}

// Store seals files and keeps them in a Place.
//
// Concurrency: safe for concurrent use.
type Store struct {
	place   Place
	wrapper Wrapper
}

// New makes a Store; both are required.
func New(place Place, wrapper Wrapper) *Store { return &Store{place, wrapper} }

// Sum is the name of a content: SHA-256 in hexadecimal digits.
func Sum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Put stores a file and answers its Sum; it is durable on return. The same content twice is one file.
//
// Errors: ErrTooLarge; the place's or the wrapper's, after which the file may be there.
func (s *Store) Put(ctx context.Context, content []byte) (string, error) {
	if len(content) > MaxSize {
		return "", ErrTooLarge
	}
	sum := Sum(content)
	sealed, err := s.seal(sum, content)
	if err == nil {
		err = s.place.Write(ctx, sum, sealed)
	}
	if err != nil {
		return "", fmt.Errorf("storing a file: %w", err)
	}
	return sum, nil
}

// Get gives a file back.
//
// Errors: ErrNotFound; ErrDamaged; the place's.
func (s *Store) Get(ctx context.Context, sum string) ([]byte, error) {
	if !isName(sum) {
		return nil, ErrNotFound
	}
	sealed, err := s.place.Read(ctx, sum)
	if err != nil {
		return nil, fmt.Errorf("reading file %s: %w", sum, err)
	}
	content, err := s.open(sum, sealed)
	if err != nil {
		return nil, fmt.Errorf("reading file %s: %w", sum, err)
	}
	return content, nil
}

// A sealed file is the magic, the length of the wrapped key in two octets, the wrapped key, and the content by AES-256-GCM with a nonce of
// zeros: every file has a key of its own, used once. Everything before it, and the name, is authenticated.
const magic = "signet blob 1\n"

func (s *Store) seal(sum string, content []byte) ([]byte, error) {
	key := make([]byte, 32)
	rand.Read(key) // never fails since Go 1.24
	defer clear(key)
	wrapped, err := s.wrapper.Wrap(key, []byte("blob "+sum))
	if err != nil {
		return nil, err
	}
	aead, err := sealing(key)
	if err != nil {
		return nil, err
	}
	head := binary.BigEndian.AppendUint16([]byte(magic), uint16(len(wrapped)))
	head = append(head, wrapped...)
	return aead.Seal(head, make([]byte, aead.NonceSize()), content, append(head[:len(head):len(head)], sum...)), nil
}

func (s *Store) open(sum string, sealed []byte) ([]byte, error) {
	if len(sealed) < len(magic)+2 || string(sealed[:len(magic)]) != magic {
		return nil, ErrDamaged
	}
	end := len(magic) + 2 + int(binary.BigEndian.Uint16(sealed[len(magic):]))
	if len(sealed) < end {
		return nil, ErrDamaged
	}
	head := sealed[:end:end]
	key, err := s.wrapper.Unwrap(head[len(magic)+2:], []byte("blob "+sum))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer clear(key)
	aead, err := sealing(key)
	if err != nil {
		return nil, ErrDamaged
	}
	content, err := aead.Open(nil, make([]byte, aead.NonceSize()), sealed[end:], append(head, sum...))
	if err != nil || Sum(content) != sum {
		return nil, ErrDamaged
	}
	return content, nil
}

func sealing(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sealedMax is the longest sealed file.
const sealedMax = MaxSize + 64<<10 + 1<<10

func isName(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 2*sha256.Size
}
