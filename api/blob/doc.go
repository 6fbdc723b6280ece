// Package blob keeps files under the hash of their content, encrypted at rest: on a disk, or in a bucket of an object store that
// speaks S3.
//
// It knows nothing of who may read a file, nor what is in it. It refuses to give back a file whose content is not what its name
// says.
package blob
