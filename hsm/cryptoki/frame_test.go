package cryptoki

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
)

var someRequests = []*request{
	{Op: opInfo},
	{Op: opLogin, Session: 7, N1: 1, A: []byte("pin")},
	{Op: opLogin, Session: 7, N1: 1, A: nil},
	{Op: opSetPIN, Session: 1 << 40, A: []byte{}, B: []byte("new")},
	{Op: opSign, Session: 1, N1: 1<<64 - 1, Mech: Mechanism{Type: 0x80008105, Raw: []byte{1, 2}}, A: bytes.Repeat([]byte{9}, 70000)},
	{Op: opDerive, Session: 1, Mech: ECDH([]byte{4, 1, 2}), T1: []Attr{Number(CKA_CLASS, 4), Bool(CKA_TOKEN, false), {Type: 5}}},
	{Op: opDecrypt, Session: 1, Mech: OAEPSHA1(), A: []byte{1}},
	{Op: opEncrypt, Session: 1, Mech: AESGCM([]byte{1}, nil), A: []byte{1}},
	{Op: opSign, Session: 1, Mech: Mechanism{Type: 13, PSS: &PSSParams{1, 2, 3}}, A: []byte{1}},
	{Op: opGenerateKeyPair, Session: 1, T1: []Attr{Text(CKA_LABEL, "标签")}, T2: []Attr{Bytes(CKA_ID, []byte{})}},
}

func TestFrames(t *testing.T) {
	for _, r := range someRequests {
		body := r.append(nil)
		if len(body) > r.room() {
			t.Errorf("%s: %d bytes, room for %d: a PIN would be copied on growing", r.Op, len(body), r.room())
		}
		got, err := parseRequest(body)
		check(t, err)
		if !reflect.DeepEqual(got, r) {
			t.Errorf("%s came back as %+v", r.Op, got)
		}
		for i := range min(len(body), 200) {
			if _, err := parseRequest(body[:i]); !errors.Is(err, ErrFrame) {
				t.Errorf("%s cut at %d: %v", r.Op, i, err)
			}
		}
		if _, err := parseRequest(append(body, 0)); !errors.Is(err, ErrFrame) {
			t.Errorf("%s with a byte more: %v", r.Op, err)
		}
	}
	rep := &reply{Code: CKR_PIN_LOCKED, Fault: loadFault, Text: "no", N: 3, Data: []byte{1}, Objects: []uint64{1, 1 << 63}, Attrs: []Attr{{1, []byte{2}}}}
	got, err := parseReply(rep.append(nil))
	check(t, err)
	if !reflect.DeepEqual(got, rep) {
		t.Errorf("%+v", got)
	}
}

// TestFrameReader cuts a stream of frames at every kind of place and finds no byte of them left in the buffer.
func TestFrameReader(t *testing.T) {
	var stream []byte
	for i, r := range someRequests {
		stream = append(stream, sealFrame(uint64(i), r.append(make([]byte, frameHead)))...)
	}
	for _, step := range []int{1, 7, 4096, 1 << 20} {
		f := newFrameReader(&dribble{stream, step})
		for i, r := range someRequests {
			id, body, err := f.next()
			check(t, err)
			if got, err := parseRequest(body); err != nil || id != uint64(i) || !reflect.DeepEqual(got, r) {
				t.Fatalf("step %d, frame %d: %v", step, i, err)
			}
		}
		if _, _, err := f.next(); err != io.EOF {
			t.Fatalf("at the end: %v", err)
		}
		if !bytes.Equal(f.buf, make([]byte, len(f.buf))) {
			t.Fatalf("step %d: the buffer still holds bytes of frames", step)
		}
	}
	for _, head := range [][]byte{{0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0}, {0, 0, 0, 8}} {
		if _, _, err := newFrameReader(bytes.NewReader(append(head, make([]byte, 100)...))).next(); !errors.Is(err, ErrFrame) {
			t.Fatalf("length %x: %v", head, err)
		}
	}
}

type dribble struct {
	b    []byte
	step int
}

func (d *dribble) Read(p []byte) (int, error) {
	if len(d.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), d.step)], d.b)
	d.b = d.b[n:]
	return n, nil
}

func FuzzFrames(f *testing.F) {
	for _, r := range someRequests {
		f.Add(r.append(nil))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if r, err := parseRequest(body); err == nil {
			again, err := parseRequest(r.append(nil))
			if err != nil || !reflect.DeepEqual(r, again) {
				t.Fatalf("%+v reads back as %+v: %v", r, again, err)
			}
		}
		_, _ = parseReply(body)
	})
}

// TestServe speaks to a worker's loop without a module.
func TestServe(t *testing.T) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	ended := make(chan struct{})
	go func() {
		serve(inR, outW, func(r *request) *reply { return &reply{N: r.N1 + 1} })
		close(ended)
	}()
	frames := newFrameReader(outR)
	for i := range uint64(100) {
		body := (&request{Op: opInfo, N1: i}).append(make([]byte, frameHead))
		if i == 50 {
			body = append(make([]byte, frameHead), 0xff) // nonsense is answered, not believed
		}
		if _, err := inW.Write(sealFrame(i, body)); err != nil {
			t.Fatal(err)
		}
		id, answer, err := frames.next()
		check(t, err)
		rep, err := parseReply(answer)
		check(t, err)
		if id != i || i != 50 && rep.N != i+1 || i == 50 && !errors.Is(rep.err(opInfo), ErrFrame) {
			t.Fatalf("call %d: id %d, %+v", i, id, rep)
		}
	}
	check(t, inW.Close())
	<-ended
}

func TestErrors(t *testing.T) {
	err := fmt.Errorf("doing: %w", &Error{Call: "C_Login", Code: CKR_PIN_LOCKED})
	if ClassOf(err) != ClassPIN || CodeOf(err) != CKR_PIN_LOCKED || !errors.Is(err, &Error{Code: CKR_PIN_LOCKED}) ||
		errors.Is(err, &Error{Code: CKR_PIN_INCORRECT}) || errors.Is(err, &Error{Call: "C_Sign", Code: CKR_PIN_LOCKED}) {
		t.Fatal(err)
	}
	for err, want := range map[error]Class{
		nil: ClassOther, errors.New("x"): ClassOther, ErrHung: ClassFatal, ErrStale: ClassSession, ErrNoToken: ClassSession, context.Canceled: ClassOther,
		&Error{Code: CKR_DEVICE_ERROR}: ClassLibrary, &Error{Code: CKR_SESSION_HANDLE_INVALID}: ClassSession, &Error{Code: CKR_DEVICE_REMOVED}: ClassSession,
		&Error{Code: CKR_MECHANISM_INVALID}: ClassOther, &Error{Code: 0x80001234}: ClassOther,
	} {
		if got := ClassOf(err); got != want {
			t.Errorf("%v: class %d, want %d", err, got, want)
		}
	}
	if got := (&Error{Call: "C_Sign", Code: 0x80001234}).Error(); got != "cryptoki: C_Sign: CKR 0x80001234" {
		t.Error(got)
	}
}
