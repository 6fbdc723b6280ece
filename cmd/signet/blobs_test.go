package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/cmd/signet/wiring"
)

func TestBlobsConfiguration(t *testing.T) {
	whole := s3Config{Endpoint: "http://127.0.0.1:1", Bucket: "b", KeyID: "k", SecretKeyFile: "s"}
	without := func(change func(*s3Config)) blobsConfig {
		c := whole
		change(&c)
		return blobsConfig{S3: c}
	}
	for name, c := range map[string]struct {
		blobs blobsConfig
		want  string
	}{
		"none":        {blobsConfig{}, ""},
		"folder":      {blobsConfig{Dir: "blobs"}, ""},
		"bucket":      {blobsConfig{S3: whole}, ""},
		"both":        {blobsConfig{Dir: "blobs", S3: whole}, "both dir and s3"},
		"no endpoint": {without(func(s *s3Config) { s.Endpoint = "" }), "needs endpoint"},
		"no secret":   {without(func(s *s3Config) { s.SecretKeyFile = "" }), "needs endpoint"},
	} {
		err := c.blobs.check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBlobsAreOpenedOrRefused: a folder that is not there stops the server, since a new empty one would hide that the files are elsewhere.
func TestBlobsAreOpenedOrRefused(t *testing.T) {
	dir := t.TempDir()
	c := &config{dir: dir}
	c.Blobs.Dir = "blobs"
	if err := c.openBlobs(&wiring.Config{}); err == nil || !strings.Contains(err.Error(), "blobs.dir") {
		t.Errorf("a folder that is not there: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	var w wiring.Config
	if err := c.openBlobs(&w); err != nil || w.Blobs == nil {
		t.Errorf("a folder: %v", err)
	}
	c.Blobs = blobsConfig{S3: s3Config{Endpoint: "s3.example", Bucket: "b", KeyID: "k", SecretKeyFile: "s"}}
	if err := os.WriteFile(filepath.Join(dir, "s"), []byte("a secret of the store\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.openBlobs(&w); err == nil || strings.Contains(err.Error(), "a secret") {
		t.Errorf("an address that is none: %v", err)
	}
}
