package wiring

import (
	"context"
	"fmt"

	"signet/api/blob"
)

// openFiles seals files with a key of the keystore. Without a place for them nothing can be uploaded.
func (s *System) openFiles(ctx context.Context) error {
	if s.c.Blobs == nil {
		return nil
	}
	wrapper, err := s.c.Keys.Wrapper(ctx, "blobs")
	if err != nil {
		return fmt.Errorf("key of files: %w", err)
	}
	s.Files = blob.New(s.c.Blobs, wrapper)
	return nil
}
