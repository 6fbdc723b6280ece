package tlog

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"
)

// checkpointText is what is signed: name, size, root. Source: C2SP tlog-checkpoint.
func checkpointText(name string, h Head) string {
	return fmt.Sprintf("%s\n%d\n%s\n", name, h.Size, base64.StdEncoding.EncodeToString(h.Root[:]))
}

var errCheckpoint = errors.New("tlog: malformed checkpoint")

// OpenCheckpoint verifies a signed head. Every one of the keys, which are the log's, must have signed it.
//
// Errors: those of note.Open, and for a signature that is missing or a head that is malformed or another log's.
func OpenCheckpoint(signed []byte, keys ...note.Verifier) (Head, error) {
	if len(keys) == 0 {
		return Head{}, errors.New("tlog: no key to verify a checkpoint with")
	}
	n, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil {
		return Head{}, fmt.Errorf("tlog: checkpoint: %w", err)
	}
	if len(n.Sigs) != len(keys) {
		return Head{}, fmt.Errorf("tlog: checkpoint has %d of %d signatures", len(n.Sigs), len(keys))
	}
	lines := strings.SplitN(n.Text, "\n", 4) // what follows the three lines is for others
	if len(lines) < 4 || lines[0] != keys[0].Name() {
		return Head{}, errCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, rootErr := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || rootErr != nil || len(root) != merkle.HashSize || size < 0 || lines[1] != strconv.FormatInt(size, 10) {
		return Head{}, errCheckpoint
	}
	return Head{size, merkle.Hash(root)}, nil
}
