package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 says which bucket.
type S3 struct {
	Endpoint string            // required: https://s3.example or http://127.0.0.1:9000
	Bucket   string            // required; it must be there
	Region   string            // default us-east-1
	Prefix   string            // what names in the bucket begin with, such as signet/; default none
	KeyID    string            // required
	Secret   string            // required
	Client   http.RoundTripper // default http.DefaultTransport
}

// bucket is a Place in an object store.
type bucket struct {
	c      *minio.Client
	name   string
	prefix string
}

var _ Place = (*bucket)(nil)

// OpenS3 opens a bucket that is there already.
//
// Errors: a missing field; the bucket cannot be reached or is not there.
func OpenS3(ctx context.Context, c S3) (Place, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("object store: %q is not an address such as https://s3.example", c.Endpoint)
	}
	if c.Bucket == "" || c.KeyID == "" || c.Secret == "" {
		return nil, errors.New("object store: bucket, key id and secret are needed")
	}
	if c.Region == "" {
		c.Region = "us-east-1" // given, so that nobody asks the store for it
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(c.KeyID, c.Secret, ""), Secure: u.Scheme == "https", Region: c.Region, Transport: c.Client,
		BucketLookup: minio.BucketLookupPath, MaxRetries: 3,
	})
	if err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	there, err := client.BucketExists(ctx, c.Bucket)
	if err == nil && !there {
		err = errors.New("there is no such bucket")
	}
	if err != nil {
		return nil, fmt.Errorf("object store %s, bucket %s: %w", c.Endpoint, c.Bucket, err)
	}
	return &bucket{client, c.Bucket, c.Prefix}, nil
}

// Write implements Place: an object appears whole, as S3 promises.
func (b *bucket) Write(ctx context.Context, name string, content []byte) error {
	if !isName(name) {
		return fmt.Errorf("%q names no file", name)
	}
	_, err := b.c.PutObject(ctx, b.name, b.prefix+name, bytes.NewReader(content), int64(len(content)),
		minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true})
	return err
}

// Read implements Place.
func (b *bucket) Read(ctx context.Context, name string) ([]byte, error) {
	if !isName(name) {
		return nil, ErrNotFound
	}
	o, err := b.c.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer o.Close()
	content, err := readAll(o)
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return nil, ErrNotFound
	}
	return content, err
}
