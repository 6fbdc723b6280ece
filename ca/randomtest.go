package ca

import (
	"errors"
	"io"
	"math/bits"
)

// ErrRandom means a source of randomness looks broken.
var ErrRandom = errors.New("ca: the source of randomness fails its self-test")

const randomTestBits = 20_000

// TestRandom holds a source of randomness to the four tests of FIPS 140-2 on 20,000 bits: ones, nibbles, runs and the longest run. It shows a source that is
// stuck or biased, not that one is good. As one sound sample in some thousand fails, a second one decides.
//
// Errors: ErrRandom; those of the source.
// Source: FIPS 140-2 (with change notice 1), §4.9.1.
func TestRandom(source io.Reader) error {
	for range 2 {
		sample := make([]byte, randomTestBits/8)
		if _, err := io.ReadFull(source, sample); err != nil {
			return err
		}
		if monobit(sample) && poker(sample) && runs(sample) {
			return nil
		}
	}
	return ErrRandom
}

func monobit(sample []byte) bool {
	ones := 0
	for _, b := range sample {
		ones += bits.OnesCount8(b)
	}
	return ones > 9725 && ones < 10275
}

// poker counts nibbles: 2.16 < 16/5000·Σf² − 5000 < 46.17, times 5000 to stay in whole numbers.
func poker(sample []byte) bool {
	var count [16]int
	for _, b := range sample {
		count[b>>4]++
		count[b&15]++
	}
	sum := 0
	for _, n := range count {
		sum += n * n
	}
	x := 16*sum - 5000*5000
	return x > 10_800 && x < 230_850
}

// runBounds are how often runs of 1, 2 … 5 and of 6 or more equal bits may come, for zeros and for ones each.
var runBounds = [6][2]int{{2315, 2685}, {1114, 1386}, {527, 723}, {240, 384}, {103, 209}, {103, 209}}

const longestRun = 25

func runs(sample []byte) bool {
	var count [2][6]int
	bit := func(i int) byte { return sample[i/8] >> (7 - i%8) & 1 }
	for i := 0; i < randomTestBits; {
		from := i
		for i < randomTestBits && bit(i) == bit(from) {
			i++
		}
		if i-from > longestRun {
			return false
		}
		count[bit(from)][min(i-from, 6)-1]++
	}
	for _, of := range count {
		for i, n := range of {
			if n < runBounds[i][0] || n > runBounds[i][1] {
				return false
			}
		}
	}
	return true
}
