package agent

import (
	"encoding/json"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
)

// Bounds of a body: small talk, and a job with what is to be signed or decrypted in it.
const (
	maxTalk = 64 << 10
	maxJob  = 3 << 20
)

// route is one thing a page may ask.
type route struct {
	limit   int64
	session bool // only with the token of a session
	serve   func(l *pageServer, w http.ResponseWriter, r *http.Request, c call)
}

// call is a request that passed the gate.
type call struct {
	origin string
	door   *door
	body   []byte
	in     *session // nil where the route needs none
}

// loopbackRoutes is all there is. Every route goes through the one gate; there is no page, no GET and no WebSocket.
var loopbackRoutes = map[string]route{
	"/v1/hello":   {maxTalk, false, (*pageServer).serveHello},
	"/v1/session": {maxTalk, false, (*pageServer).serveSession},
	"/v1/rpc":     {maxJob, true, (*pageServer).serveJob},
	"/v1/events":  {maxTalk, true, (*pageServer).serveEvents},
}

// ServeHTTP is the gate: who is no page of a known origin on this computer of this person gets a bare 403, whatever they ask, so
// that they cannot even tell what answers here.
func (l *pageServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["Date"] = nil
	origin, d, ok := l.admit(r)
	if !ok {
		turnAway(w)
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Vary", "Origin")
	w.Header().Set("Cache-Control", "no-store")
	way, known := loopbackRoutes[r.URL.Path]
	switch {
	case !known || r.URL.RawQuery != "":
		refuseCall(w, http.StatusNotFound, "not_found")
	case r.Method == http.MethodOptions:
		l.preflight(w, r)
	case r.Method != http.MethodPost:
		refuseCall(w, http.StatusMethodNotAllowed, "method_not_allowed")
	default:
		l.open(w, r, way, call{origin: origin, door: d})
	}
}

// admit looks at who asks: the connection, Host, and exactly one Origin that a paired portal knows. Members of a set, never a pattern.
func (l *pageServer) admit(r *http.Request) (origin string, d *door, ok bool) {
	origins := r.Header["Origin"]
	if len(origins) != 1 || !strings.HasPrefix(r.RequestURI, "/") {
		return "", nil, false
	}
	if r.Host != "127.0.0.1:"+l.port && r.Host != "localhost:"+l.port {
		return "", nil, false // another name leads here: DNS rebinding
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	remote, err := net.ResolveTCPAddr("tcp", r.RemoteAddr)
	if err != nil || !remote.IP.IsLoopback() || l.peer != nil && !l.peer(local, remote) {
		return "", nil, false // another person's program on a shared computer
	}
	d, ok = l.doorOf(origins[0])
	return origins[0], d, ok
}

// turnAway says as little as HTTP can.
func turnAway(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	w.WriteHeader(http.StatusForbidden)
}

func (l *pageServer) preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
	h.Set("Access-Control-Max-Age", "60")
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" { // browsers of before 2025
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	w.WriteHeader(http.StatusNoContent)
}

// open reads the body and the session.
func (l *pageServer) open(w http.ResponseWriter, r *http.Request, way route, c call) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != jsonType {
		refuseCall(w, http.StatusUnsupportedMediaType, "unsupported_media_type") // what a form can send needs no preflight
		return
	}
	if way.session {
		if c.in = l.sessionOf(c.origin, r.Header["Authorization"]); c.in == nil {
			refuseCall(w, http.StatusUnauthorized, "session_needed")
			return
		}
	}
	if c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, way.limit)); err != nil {
		refuseCall(w, http.StatusRequestEntityTooLarge, "payload_too_large")
		return
	}
	way.serve(l, w, r, c)
}

// refuseCall answers a page that is known; the code is what it shows a text for.
func refuseCall(w http.ResponseWriter, status int, code string) {
	answerCall(w, status, map[string]string{"code": code})
}

func answerCall(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"code":"internal"}`)
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	w.Write(raw)
}
