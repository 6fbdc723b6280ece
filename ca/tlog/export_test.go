package tlog

// ParseTile and TileNumber show how paths are read and written.
var (
	ParseTile  = parseTile
	TileNumber = tileNumber
)
