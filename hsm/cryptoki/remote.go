package cryptoki

import (
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// remote is the module in a worker process.
type remote struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	gone chan struct{} // closed when the worker's output ended

	writing sync.Mutex // guards writes to in

	mu      sync.Mutex // guards what follows
	pending map[uint64]chan *reply
	last    uint64
	broken  bool
}

// kept are the variables a worker gets from us: no secrets of the server.
var kept = []string{"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "SYSTEMROOT", "TEMP", "TMP", "APPDATA", "PROGRAMDATA",
	"SOFTHSM2_CONF", "SOFTKEY_DIR"}

func workerEnv(extra []string) []string {
	env := []string{"GOTRACEBACK=none"}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if slices.Contains(kept, strings.ToUpper(name)) {
			env = append(env, v)
		}
	}
	return append(env, extra...)
}

func newRemote(c Config) (backend, error) {
	exe := c.WorkerExe
	if exe == "" {
		var err error
		if exe, err = os.Executable(); err != nil {
			return nil, err
		}
		if runtime.GOOS == "linux" {
			exe = "/proc/self/exe" // the program that runs, though its file may have been replaced
		}
	}
	cmd := &exec.Cmd{Path: exe, Args: []string{workerName}, Env: workerEnv(c.Env)} // what a module prints may hold a PIN: it goes nowhere
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &remote{cmd: cmd, in: in, gone: make(chan struct{}), pending: map[uint64]chan *reply{}}
	go r.read(out)
	return r, nil
}

func (r *remote) read(out io.Reader) {
	frames := newFrameReader(out)
	for {
		id, body, err := frames.next()
		if err != nil {
			break
		}
		rep, err := parseReply(body)
		if err != nil {
			break
		}
		r.mu.Lock()
		ch := r.pending[id]
		delete(r.pending, id)
		r.mu.Unlock()
		if ch != nil {
			ch <- rep
		}
	}
	r.mu.Lock()
	r.broken = true
	for id, ch := range r.pending {
		close(ch)
		delete(r.pending, id)
	}
	r.mu.Unlock()
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	close(r.gone)
}

func (r *remote) do(ctx context.Context, req *request) (*reply, error) {
	ch := make(chan *reply, 1)
	r.mu.Lock()
	if r.broken {
		r.mu.Unlock()
		return nil, ErrCrashed
	}
	r.last++
	id := r.last
	r.pending[id] = ch
	r.mu.Unlock()
	// Enough room from the start: growing would leave copies of a PIN behind.
	frame := sealFrame(id, req.append(make([]byte, frameHead, req.room())))
	if len(frame) > maxFrame {
		r.forget(id)
		return nil, ErrFrame
	}
	stop := context.AfterFunc(ctx, func() { r.kill() }) // also ends a write to a worker that does not read
	r.writing.Lock()
	_, err := r.in.Write(frame)
	r.writing.Unlock()
	if req.Secret {
		clear(frame)
	}
	if err != nil {
		r.kill()
	}
	rep, ok := <-ch // the reader closes it when the worker dies
	inTime := stop()
	switch {
	case ok:
		return rep, nil
	case !inTime:
		return nil, ErrHung
	}
	return nil, ErrCrashed
}

func (r *remote) forget(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pending, id)
}

// kill ends the worker, stopped or not; the reader then fails what is pending.
func (r *remote) kill() {
	r.mu.Lock()
	r.broken = true
	r.mu.Unlock()
	_ = r.cmd.Process.Kill()
}

func (r *remote) dead() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.broken
}

func (r *remote) close(gently bool) {
	if gently {
		_ = r.in.Close() // the worker finalizes and ends
		select {
		case <-r.gone:
			return
		case <-time.After(2 * time.Second):
		}
	}
	r.kill()
	<-r.gone
}
