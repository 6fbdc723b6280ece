package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"signet/hsm"
	"signet/hsm/keyfile"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wrapper is a real keystore's.
func wrapper(t *testing.T) hsm.Wrapper {
	t.Helper()
	keys, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(t.TempDir(), "keys"), Passphrase: []byte("passphrase"), Cost: keyfile.Cost{Passes: 1, Memory: 8 << 10, Lanes: 1}})
	must(t, err)
	w, err := keys.Wrapper(t.Context(), "blobs")
	must(t, err)
	return w
}

// testPlace is the contract of Place.
func testPlace(t *testing.T, open func(t *testing.T) Place) {
	name := func(c string) string { return strings.Repeat(c, 64) }
	t.Run("what was written is read", func(t *testing.T) {
		p := open(t)
		for i, content := range [][]byte{{}, []byte("one"), bytes.Repeat([]byte("0123456789abcdef"), 1<<16)} {
			n := name(fmt.Sprint(i))
			must(t, p.Write(t.Context(), n, content))
			got, err := p.Read(t.Context(), n)
			must(t, err)
			if !bytes.Equal(got, content) {
				t.Errorf("%d octets became %d", len(content), len(got))
			}
		}
	})
	t.Run("nothing is there", func(t *testing.T) {
		p := open(t)
		for _, n := range []string{name("a"), "", "../../etc/passwd", strings.Repeat("A", 64), name("a") + "0"} {
			if _, err := p.Read(t.Context(), n); !errors.Is(err, ErrNotFound) {
				t.Errorf("%q: %v", n, err)
			}
		}
	})
	t.Run("a name that is none is refused", func(t *testing.T) {
		p := open(t)
		for _, n := range []string{"", "..", "../" + name("a"), strings.Repeat("A", 64)} {
			if err := p.Write(t.Context(), n, []byte("x")); err == nil {
				t.Errorf("%q was written", n)
			}
		}
	})
	t.Run("of many writers one file remains, whole", func(t *testing.T) {
		p := open(t)
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				if err := p.Write(t.Context(), name("b"), bytes.Repeat([]byte{byte('0' + i)}, 100_000)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		got, err := p.Read(t.Context(), name("b"))
		must(t, err)
		if len(got) != 100_000 || len(bytes.Trim(got, string(got[:1]))) != 0 {
			t.Errorf("%d octets of more than one writer", len(got))
		}
	})
}

func openDir(t *testing.T) Place {
	d, err := OpenDir(t.TempDir())
	must(t, err)
	return d
}

func TestDir(t *testing.T) { testPlace(t, openDir) }

func TestDirLeavesNoParts(t *testing.T) {
	dir := t.TempDir()
	d, err := OpenDir(dir)
	must(t, err)
	must(t, d.Write(t.Context(), strings.Repeat("c", 64), []byte("x")))
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	must(t, err)
	hidden, err := filepath.Glob(filepath.Join(dir, "*", ".part-*"))
	must(t, err)
	if len(files)+len(hidden) != 1 {
		t.Errorf("there are %v and %v", files, hidden)
	}
	if _, err := OpenDir(filepath.Join(dir, "absent")); err == nil {
		t.Error("a folder that is not there was opened")
	}
}

// s3Stand speaks as much of the S3 protocol as a bucket needs, in memory; it stands for an object store in tests and is none. It checks
// that requests are signed, by whom and for which region, but not the signature itself.
type s3Stand struct {
	mu      sync.Mutex
	objects map[string][]byte
}

func (s *s3Stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName xml.Name `xml:"Error"`
			Code    string
		}{Code: code})
	}
	if auth := r.Header.Get("Authorization"); !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential=KEY/") || !strings.Contains(auth, "/cn-test/s3/aws4_request") {
		fail(http.StatusForbidden, "AccessDenied")
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket != "files" {
		fail(http.StatusNotFound, "NoSuchBucket")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Method == http.MethodHead && key == "":
	case r.Method == http.MethodPut:
		body, err := s3Body(r)
		if err != nil {
			fail(http.StatusBadRequest, "IncompleteBody")
			return
		}
		s.objects[key] = body
		w.Header().Set("ETag", `"0"`)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		content, there := s.objects[key]
		if !there {
			fail(http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("ETag", `"0"`)
		w.Header().Set("Last-Modified", "Sat, 21 Nov 2026 01:00:00 GMT")
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		_, _ = w.Write(content)
	default:
		fail(http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
}

// s3Body reads a body, which over plain HTTP comes in signed chunks: size;chunk-signature=…, data.
func s3Body(r *http.Request) ([]byte, error) {
	all, err := io.ReadAll(r.Body)
	if err != nil || !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return all, err
	}
	var out []byte
	for {
		line, rest, found := bytes.Cut(all, []byte("\r\n"))
		if !found {
			return nil, io.ErrUnexpectedEOF
		}
		var size int
		if _, err := fmt.Sscanf(string(line), "%x", &size); err != nil {
			return nil, err
		}
		if size == 0 {
			return out, nil
		}
		if len(rest) < size+2 {
			return nil, io.ErrUnexpectedEOF
		}
		out, all = append(out, rest[:size]...), rest[size+2:]
	}
}

func openStand(t *testing.T) (*s3Stand, S3) {
	t.Helper()
	stand := &s3Stand{objects: map[string][]byte{}}
	server := httptest.NewServer(stand)
	t.Cleanup(server.Close)
	return stand, S3{Endpoint: server.URL, Bucket: "files", Region: "cn-test", Prefix: "signet/", KeyID: "KEY", Secret: "secret"}
}

func openS3(t *testing.T) Place {
	_, c := openStand(t)
	p, err := OpenS3(t.Context(), c)
	must(t, err)
	return p
}

func TestS3(t *testing.T) { testPlace(t, openS3) }

func TestS3IsCheckedWhenOpened(t *testing.T) {
	stand, good := openStand(t)
	for name, wrong := range map[string]func(*S3){
		"no such bucket": func(c *S3) { c.Bucket = "other" },
		"not allowed":    func(c *S3) { c.KeyID = "OTHER" },
		"no address":     func(c *S3) { c.Endpoint = "s3.example" },
		"no secret":      func(c *S3) { c.Secret = "" },
	} {
		c := good
		wrong(&c)
		if _, err := OpenS3(t.Context(), c); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	p, err := OpenS3(t.Context(), good)
	must(t, err)
	sum := strings.Repeat("d", 64)
	must(t, p.Write(t.Context(), sum, []byte("x")))
	if _, there := stand.objects["signet/"+sum]; !there {
		t.Errorf("the prefix is not in %v", stand.objects)
	}
}

func TestStore(t *testing.T) {
	for name, open := range map[string]func(*testing.T) Place{"dir": openDir, "s3": openS3} {
		t.Run(name, func(t *testing.T) {
			place, w := open(t), wrapper(t)
			s := New(place, w)
			content := make([]byte, 300_000)
			rand.Read(content)
			copy(content, "a secret that must not lie open")
			sum, err := s.Put(t.Context(), content)
			must(t, err)
			if again, err := s.Put(t.Context(), content); err != nil || again != sum || sum != Sum(content) {
				t.Errorf("the same content is %s, then %s, %v", sum, again, err)
			}
			got, err := s.Get(t.Context(), sum)
			must(t, err)
			if !bytes.Equal(got, content) {
				t.Error("another content came back")
			}
			lies, err := place.Read(t.Context(), sum)
			must(t, err)
			if bytes.Contains(lies, []byte("a secret")) {
				t.Error("the content lies open")
			}
			damage(t, s, place, sum, lies)
			if _, err := New(place, wrapper(t)).Get(t.Context(), sum); !errors.Is(err, ErrDamaged) {
				t.Errorf("another keystore opens it: %v", err)
			}
			if _, err := s.Get(t.Context(), strings.Repeat("0", 64)); !errors.Is(err, ErrNotFound) {
				t.Errorf("a file that is not there: %v", err)
			}
			if _, err := s.Put(t.Context(), make([]byte, MaxSize+1)); !errors.Is(err, ErrTooLarge) {
				t.Errorf("too large: %v", err)
			}
		})
	}
}

// damage changes the sealed file everywhere that matters, and puts it under another name.
func damage(t *testing.T, s *Store, place Place, sum string, sealed []byte) {
	t.Helper()
	ctx := context.Background()
	bad := func(what string, content []byte) {
		t.Helper()
		must(t, place.Write(ctx, sum, content))
		if _, err := s.Get(ctx, sum); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, at := range []int{0, len(magic), len(magic) + 1, len(magic) + 2, len(magic) + 20, len(sealed) / 2, len(sealed) - 1} {
		broken := bytes.Clone(sealed)
		broken[at] ^= 1
		bad(fmt.Sprintf("octet %d", at), broken)
	}
	for _, n := range []int{0, 1, len(magic), len(magic) + 2, len(magic) + 10, len(sealed) - 1} {
		bad(fmt.Sprintf("cut to %d", n), sealed[:n])
	}
	other := strings.Repeat("e", 64)
	must(t, place.Write(ctx, other, sealed))
	if _, err := s.Get(ctx, other); !errors.Is(err, ErrDamaged) {
		t.Errorf("under another name: %v", err)
	}
	must(t, place.Write(ctx, sum, sealed))
	if _, err := s.Get(ctx, sum); err != nil {
		t.Errorf("whole again: %v", err)
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	d, err := OpenDir(dir)
	must(t, err)
	sum := strings.Repeat("f", 64)
	must(t, os.WriteFile(filepath.Join(dir, "ff"), nil, 0o600)) // where the folder should be
	if err := d.Write(t.Context(), sum, []byte("x")); err == nil {
		t.Error("written where it cannot be")
	}
}
