package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/validate"

	"signet/api/problem"
)

// readFor bounds the reading of one PDF.
const readFor = 10 * time.Second

func init() { model.ConfigPath = "disable" } // or the library writes files into the home folder

// configuration has the library read only, from this file only, within bounds.
func configuration() *model.Configuration {
	c := model.NewDefaultConfiguration()
	c.Offline, c.ValidateLinks, c.Optimize = true, false, false
	c.ValidationMode = model.ValidationRelaxed // what scanners write is rarely strict
	c.Limits = model.ResourceLimits{
		MaxStreamBytes: 16 << 20, MaxDecodeBytes: 32 << 20, MaxImagePixels: maxPixels, MaxImageBytes: 4 * maxPixels,
		MaxObjectCount: 100_000, MaxObjectStreamCount: 20_000, MaxObjectStreamFirst: 1 << 20, MaxXRefEntries: 100_000, MaxRecursionDepth: 60,
	}
	return c
}

func checkPDF(content []byte, maxPages int) (File, error) {
	if err := checkEnds(content); err != nil {
		return File{}, damaged(err)
	}
	if has(content, "Encrypt") {
		return File{}, problem.New(problem.Invalid, problem.CodeUploadEncrypted, "The PDF is encrypted.")
	}
	for _, name := range loud {
		if has(content, name) {
			return File{}, active(name)
		}
	}
	doc, err := readPDF(content)
	if _, refused := errors.AsType[*problem.Error](err); refused {
		return File{}, err
	}
	if err != nil {
		return File{}, damaged(err)
	}
	if doc.PageCount < 1 {
		return File{}, damaged(errors.New("no pages"))
	}
	if doc.PageCount > maxPages {
		return File{}, problem.New(problem.Invalid, problem.CodeUploadPages, "The PDF has too many pages.").WithParam("most", maxPages)
	}
	return File{MediaType: PDF, Content: content, Pages: doc.PageCount}, nil
}

// checkEnds refuses what has something else in front, behind, or a directory of a ZIP near its end.
func checkEnds(content []byte) error {
	end := bytes.LastIndex(content, []byte("%%EOF"))
	if end < 0 || len(bytes.Trim(content[end+len("%%EOF"):], "\r\n\t \x00")) > 0 {
		return errors.New("it does not end with the end of a PDF")
	}
	const zipTail = 22 + 1<<16 // a directory's end with the longest comment
	if bytes.Contains(content[max(0, len(content)-zipTail):], []byte("PK\x05\x06")) {
		return errors.New("it is a ZIP too")
	}
	return nil
}

// loud are names that no material needs, long enough not to stand by chance in compressed data: they are looked for in every octet, so that
// no reader that sees another document in the file than we do finds them.
var loud = []string{"JavaScript", "Launch", "EmbeddedFile", "EmbeddedFiles", "RichMedia", "SubmitForm", "ImportData"}

// has looks for a name in the octets of a PDF, however it is spelt: /Launch, /L#61unch.
func has(content []byte, name string) bool {
	spelt := "/"
	for _, c := range []byte(name) {
		spelt += fmt.Sprintf("(?:%c|#(?i:%02x))", c, c)
	}
	return regexp.MustCompile(spelt + `(?:[^A-Za-z0-9#_.-]|$)`).Match(content)
}

func readPDF(content []byte) (doc *model.Context, err error) {
	defer func() {
		if p := recover(); p != nil {
			doc, err = nil, fmt.Errorf("reading it panicked: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), readFor)
	defer cancel()
	if doc, err = pdfcpu.ReadWithContext(ctx, bytes.NewReader(content), configuration()); err != nil {
		return nil, err
	}
	if err := checkObjects(ctx, doc); err != nil { // before validation, which drops what it does not like
		return nil, err
	}
	if err := validate.XRefTable(doc); err != nil {
		return nil, err
	}
	return doc, doc.EnsurePageCount()
}

// checkObjects looks at every object, whether anything refers to it or not.
func checkObjects(ctx context.Context, doc *model.Context) error {
	for n, entry := range doc.XRefTable.Table {
		if entry == nil || entry.Free {
			continue
		}
		object := entry.Object
		if packed, lazy := object.(types.LazyObjectStreamObject); lazy {
			var err error
			if object, err = packed.DecodedObject(ctx); err != nil {
				return err
			}
		}
		if object == nil {
			return fmt.Errorf("object %d cannot be read", n)
		}
		if name := findActive(object, 0); name != "" {
			return active(name)
		}
	}
	return nil
}

// quiet are keys and values that act, open or hide something.
// Source: ISO 32000-1 §12.6.4 (actions), §7.11.4 (embedded files), §12.7.8 (XFA), §13 (multimedia).
var quiet = map[string]bool{
	"JS": true, "JavaScript": true, "Launch": true, "AA": true, "EF": true, "EmbeddedFile": true, "EmbeddedFiles": true, "XFA": true,
	"RichMedia": true, "RichMediaContent": true, "SubmitForm": true, "ImportData": true, "GoToR": true, "GoToE": true, "Movie": true, "Sound": true,
	"Rendition": true, "3D": true, "Encrypt": true,
}

// findActive names what acts in an object; references are not followed, as every object is looked at.
func findActive(o types.Object, depth int) string {
	const deepest = 100
	if depth > deepest {
		return "depth"
	}
	switch o := o.(type) {
	case types.Dict:
		for key, value := range o {
			if quiet[plain(key)] {
				return plain(key)
			}
			if name := findActive(value, depth+1); name != "" {
				return name
			}
		}
	case types.Array:
		for _, value := range o {
			if name := findActive(value, depth+1); name != "" {
				return name
			}
		}
	case types.Name:
		if quiet[plain(o.Value())] {
			return plain(o.Value())
		}
	case types.StreamDict:
		return findActive(o.Dict, depth+1)
	case *types.StreamDict:
		return findActive(o.Dict, depth+1)
	case types.ObjectStreamDict:
		return findActive(o.Dict, depth+1)
	case *types.ObjectStreamDict:
		return findActive(o.Dict, depth+1)
	case types.XRefStreamDict:
		return findActive(o.Dict, depth+1)
	case *types.XRefStreamDict:
		return findActive(o.Dict, depth+1)
	}
	return ""
}

// plain spells a name without #xx.
func plain(name string) string {
	if !strings.Contains(name, "#") {
		return name
	}
	decoded, err := types.DecodeName(name)
	if err != nil {
		return name
	}
	return decoded
}

func active(name string) error {
	return problem.New(problem.Invalid, problem.CodeUploadActive, "The PDF has content that runs, opens or hides something.").WithParam("name", name)
}
