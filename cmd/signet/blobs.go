package main

import (
	"context"
	"errors"
	"fmt"

	"signet/api/blob"
	"signet/cmd/signet/keystore"
	"signet/cmd/signet/wiring"
)

// blobsConfig is where materials, letters and other files are kept, each encrypted under a key of its own that a key of the keystore seals.
type blobsConfig struct {
	Dir string   `yaml:"dir,omitempty"` // a folder that is there; signetctl backup has it
	S3  s3Config `yaml:"s3,omitempty"`  // or a bucket; signetctl backup does not have it
}

// s3Config is a bucket of an object store that speaks S3.
type s3Config struct {
	Endpoint      string `yaml:"endpoint"`         // such as https://s3.example. Required
	Bucket        string `yaml:"bucket"`           // it must be there. Required
	Region        string `yaml:"region,omitempty"` // default us-east-1
	Prefix        string `yaml:"prefix,omitempty"` // what names in the bucket begin with, such as signet/
	KeyID         string `yaml:"keyID"`            // required
	SecretKeyFile string `yaml:"secretKeyFile"`    // required
}

func (b blobsConfig) check() error {
	switch {
	case b.Dir != "" && b.S3 != (s3Config{}):
		return errors.New("blobs has both dir and s3")
	case b.S3 != (s3Config{}) && (b.S3.Endpoint == "" || b.S3.Bucket == "" || b.S3.KeyID == "" || b.S3.SecretKeyFile == ""):
		return errors.New("blobs.s3 needs endpoint, bucket, keyID and secretKeyFile")
	}
	return nil
}

func (c *config) openBlobs(w *wiring.Config) error {
	if c.Blobs.Dir != "" {
		place, err := blob.OpenDir(c.path(c.Blobs.Dir))
		if err != nil {
			return fmt.Errorf("blobs.dir: %w", err)
		}
		w.Blobs, w.BlobFolder = place, c.path(c.Blobs.Dir)
		return nil
	}
	if c.Blobs.S3 == (s3Config{}) {
		return nil
	}
	secret, err := keystore.ReadSecret(c.path(c.Blobs.S3.SecretKeyFile))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startFor)
	defer cancel()
	s := c.Blobs.S3
	place, err := blob.OpenS3(ctx, blob.S3{Endpoint: s.Endpoint, Bucket: s.Bucket, Region: s.Region, Prefix: s.Prefix, KeyID: s.KeyID, Secret: string(secret)})
	if err != nil {
		return fmt.Errorf("blobs.s3: %w", err)
	}
	w.Blobs = place
	return nil
}
