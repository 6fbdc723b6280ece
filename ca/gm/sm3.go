package gm

import (
	"encoding"
	"fmt"
	"hash"

	"github.com/emmansun/gmsm/sm3"
)

const sm3Size = sm3.Size

// NewSM3 returns a new SM3 computation. It can be cloned (hash.Cloner).
//
// Shape: 32-byte sums, 64-byte blocks.
// Source: GB/T 32905.
func NewSM3() hash.Hash { return &digest{Hash: sm3.New()} }

// SumSM3 returns the SM3 hash of data.
func SumSM3(data []byte) [32]byte { return sm3.Sum(data) }

// digest is SM3 that begins, and after Reset begins again, after start.
type digest struct {
	hash.Hash
	start []byte
}

var _ hash.Cloner = (*digest)(nil)

func newDigest(start []byte) *digest {
	d := &digest{sm3.New(), start}
	d.Write(start)
	return d
}

func (d *digest) Reset() {
	d.Hash.Reset()
	d.Hash.Write(d.start)
}

// Clone copies the computation through the library's own serialised state, the only door it has for that.
func (d *digest) Clone() (hash.Cloner, error) {
	state, err := d.Hash.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("cloning an SM3 computation: %w", err)
	}
	c := &digest{sm3.New(), d.start}
	if err := c.Hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return nil, fmt.Errorf("cloning an SM3 computation: %w", err)
	}
	return c, nil
}
