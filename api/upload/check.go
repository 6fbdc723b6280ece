package upload

import (
	"bytes"
	"context"

	"signet/api/problem"
)

// The media types that are let through.
const (
	JPEG = "image/jpeg"
	PNG  = "image/png"
	PDF  = "application/pdf"
)

// Limits bounds what is taken.
//
// Nil/zero: a field that is 0 has its default.
type Limits struct {
	ImageBytes int // of an image as it came; default 512 KiB (S001-11)
	PDFBytes   int // default 5 MiB
	PDFPages   int // default 20
}

// Filled puts in the defaults.
func (l Limits) Filled() Limits {
	for _, d := range []struct {
		field *int
		value int
	}{{&l.ImageBytes, 512 << 10}, {&l.PDFBytes, 5 << 20}, {&l.PDFPages, 20}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

// File is what may be kept.
//
// Nil/zero: Pages 0 for an image; Width and Height 0 for a PDF.
type File struct {
	MediaType     string
	Content       []byte
	Pages         int
	Width, Height int
}

// atOnce bounds how many files are taken apart at once: each may take a hundred megabytes.
var atOnce = make(chan struct{}, 2)

// Check takes a file apart and answers what may be kept of it.
//
// Errors: CodeUploadType, CodeUploadTooLarge, CodeUploadDamaged, CodeUploadActive, CodeUploadEncrypted, CodeUploadPages; those of ctx while it waits.
func Check(ctx context.Context, content []byte, limits Limits) (File, error) {
	select {
	case atOnce <- struct{}{}:
		defer func() { <-atOnce }()
	case <-ctx.Done():
		return File{}, ctx.Err()
	}
	limits = limits.Filled()
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xd8\xff")), bytes.HasPrefix(content, []byte("\x89PNG\r\n\x1a\n")):
		if len(content) > limits.ImageBytes {
			return File{}, tooLarge(limits.ImageBytes)
		}
		return checkImage(content, limits.ImageBytes)
	case bytes.HasPrefix(content, []byte("%PDF-")):
		if len(content) > limits.PDFBytes {
			return File{}, tooLarge(limits.PDFBytes)
		}
		return checkPDF(content, limits.PDFPages)
	}
	return File{}, problem.New(problem.Invalid, problem.CodeUploadType, "Only JPEG, PNG and PDF files are taken.")
}

func tooLarge(most int) error {
	return problem.New(problem.Invalid, problem.CodeUploadTooLarge, "The file is too large.").WithParam("most", most>>10)
}

func damaged(cause error) error {
	return problem.New(problem.Invalid, problem.CodeUploadDamaged, "The file cannot be read: it is damaged, or not what it seems to be.").WithCause(cause)
}
