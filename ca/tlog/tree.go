package tlog

import (
	"context"
	"errors"
	"fmt"

	merkle "golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// tree reads hashes of a stored tree out of its tiles, and those of a growing one out of memory.
type tree struct {
	ctx   context.Context
	store Tree
	grown map[int64]merkle.Hash // by storage index
	tiles map[[2]int64][]byte   // those read, by level and number
}

func newTree(ctx context.Context, store Tree) *tree {
	return &tree{ctx: ctx, store: store, grown: map[int64]merkle.Hash{}, tiles: map[[2]int64][]byte{}}
}

// ReadHashes implements merkle.HashReader.
func (t *tree) ReadHashes(indexes []int64) ([]merkle.Hash, error) {
	hashes := make([]merkle.Hash, len(indexes))
	for i, index := range indexes {
		h, known := t.grown[index]
		if !known {
			var err error
			if h, err = t.stored(index); err != nil {
				return nil, err
			}
		}
		hashes[i] = h
	}
	return hashes, nil
}

func (t *tree) stored(index int64) (merkle.Hash, error) {
	tile := merkle.TileForIndex(tileHeight, index)
	at := [2]int64{int64(tile.L), tile.N}
	data, known := t.tiles[at]
	if !known {
		var err error
		if data, err = t.store.Tile(t.ctx, tile.L, tile.N); err != nil {
			return merkle.Hash{}, fmt.Errorf("reading tile %d of level %d: %w", tile.N, tile.L, err)
		}
		t.tiles[at] = data
	}
	if len(data) < tile.W*merkle.HashSize {
		return merkle.Hash{}, fmt.Errorf("reading tile %d of level %d: %w", tile.N, tile.L, ErrNoTile)
	}
	return merkle.HashFromTile(tile, data, index)
}

func (t *tree) head(size int64) (Head, error) {
	root, err := merkle.TreeHash(size, t)
	return Head{size, root}, err
}

// ErrDamaged: the tree recomputed from its tiles is not the one that was written down.
var ErrDamaged = errors.New("tlog: the tree does not have the root that was written down")

// grow appends leaves to a tree. The old root is recomputed first: on a damaged tree nothing may be built.
func (t *tree) grow(from Head, leaves []merkle.Hash) (Head, []Tile, error) {
	old, err := t.head(from.Size)
	if err != nil {
		return Head{}, nil, err
	}
	if old != from {
		return Head{}, nil, ErrDamaged
	}
	for i, leaf := range leaves {
		n := from.Size + int64(i)
		hashes, err := merkle.StoredHashesForRecordHash(n, leaf, t)
		if err != nil {
			return Head{}, nil, err
		}
		first := merkle.StoredHashIndex(0, n)
		for j, h := range hashes {
			t.grown[first+int64(j)] = h
		}
	}
	to, err := t.head(from.Size + int64(len(leaves)))
	if err != nil {
		return Head{}, nil, err
	}
	var tiles []Tile
	for _, tile := range merkle.NewTiles(tileHeight, from.Size, to.Size) {
		data, err := merkle.ReadTileData(tile, t)
		if err != nil {
			return Head{}, nil, err
		}
		tiles = append(tiles, Tile{Level: tile.L, N: tile.N, Hashes: data})
	}
	return to, tiles, nil
}
