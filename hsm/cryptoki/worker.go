package cryptoki

import (
	"encoding/binary"
	"io"
	"os"
	"sync"
	"time"
)

// workerName is argv[0] of a worker: nothing a person types, and nothing that an argument or a variable could ask for.
const workerName = "signet-pkcs11-worker"

// RunWorkerIfAsked turns this process into a module's worker and does not return, when that is what it was started for. Call it first in
// main, before flags are read and anything is opened.
func RunWorkerIfAsked() {
	if len(os.Args) != 1 || os.Args[0] != workerName {
		return
	}
	in, out := harden()
	lib := library{x: newExecutor()}
	serve(in, out, lib.do)
	done := make(chan struct{})
	go func() { lib.finalize(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
	os.Exit(0)
}

// inFlight bounds the calls a worker carries out at once.
const inFlight = 256

// serve answers requests until in ends. Requests of one session come one at a time: Session sees to that.
func serve(in io.Reader, out io.Writer, do func(*request) *reply) {
	var mu sync.Mutex // guards out
	slots := make(chan struct{}, inFlight)
	frames := newFrameReader(in)
	for {
		id, body, err := frames.next()
		if err != nil {
			return
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			rep := &reply{Fault: frameFault}
			if req, err := parseRequest(body); err == nil {
				rep = do(req)
			}
			clear(body) // may hold a PIN
			frame := sealFrame(id, rep.append(make([]byte, frameHead, 256+len(rep.Data))))
			mu.Lock()
			_, err := out.Write(frame)
			mu.Unlock()
			clear(frame)
			clear(rep.Data)
			if err != nil {
				os.Exit(1)
			}
		}()
	}
}

const frameHead = 12

// sealFrame fills the head of a frame whose body begins at frameHead.
func sealFrame(id uint64, frame []byte) []byte {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	binary.BigEndian.PutUint64(frame[4:], id)
	return frame
}

// frameReader reads frames with as few system calls as it can and leaves no bytes of them behind.
type frameReader struct {
	r          io.Reader
	buf        []byte
	start, end int
}

func newFrameReader(r io.Reader) *frameReader { return &frameReader{r: r, buf: make([]byte, 64<<10)} }

// fill makes n bytes available in buf, which must hold them.
func (f *frameReader) fill(n int) error {
	if f.start+n > len(f.buf) {
		m := copy(f.buf, f.buf[f.start:f.end])
		clear(f.buf[m:f.end])
		f.start, f.end = 0, m
	}
	for f.end-f.start < n {
		m, err := f.r.Read(f.buf[f.end:])
		f.end += m
		if err != nil && f.end-f.start < n {
			return err
		}
	}
	return nil
}

func (f *frameReader) take(dst []byte) {
	copy(dst, f.buf[f.start:])
	clear(f.buf[f.start : f.start+len(dst)])
	f.start += len(dst)
	if f.start == f.end {
		f.start, f.end = 0, 0
	}
}

func (f *frameReader) next() (id uint64, body []byte, err error) {
	if err := f.fill(frameHead); err != nil {
		return 0, nil, err
	}
	var head [frameHead]byte
	f.take(head[:])
	n := int(binary.BigEndian.Uint32(head[:])) - 8
	if n < 1 || n > maxFrame {
		return 0, nil, ErrFrame
	}
	body = make([]byte, n)
	for rest := body; len(rest) > 0; {
		m := min(len(rest), len(f.buf))
		if err := f.fill(m); err != nil {
			return 0, nil, err
		}
		f.take(rest[:m])
		rest = rest[m:]
	}
	return binary.BigEndian.Uint64(head[4:]), body, nil
}
