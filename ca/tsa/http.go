package tsa

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"signet/ca/gm"
)

// Unit is a Stamper with the name under which it can be asked for.
//
// Shape: ID of a-z, 0-9 and -.
type Unit struct {
	ID string
	*Stamper
}

// Service offers one or more Stampers at one address.
type Service struct{ units []Unit }

// NewService makes a Service. Order matters: of several that could answer, the first one does.
func NewService(units ...Unit) (*Service, error) {
	if len(units) == 0 {
		return nil, errors.New("tsa: a service needs a unit")
	}
	seen := map[string]bool{}
	for _, u := range units {
		if u.Stamper == nil || u.ID == "" || seen[u.ID] || strings.Trim(u.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return nil, fmt.Errorf("tsa: unit %q is missing, named badly or named twice", u.ID)
		}
		seen[u.ID] = true
	}
	return &Service{units}, nil
}

// Units lists them in order.
func (s *Service) Units() []Unit { return s.units }

const (
	queryType = "application/timestamp-query"
	replyType = "application/timestamp-reply"
)

// Handler serves, for anyone and without a session (RFC 3161 §3.4):
//
//	POST /tsa       by the unit that fits: SM2 for an SM3 imprint, another for the SHA-2 ones; and the policy if one is named
//	POST /tsa/{id}  by that unit
func (s *Service) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		id, named := strings.CutPrefix(path, "/tsa/")
		unit := s.unit(id)
		switch {
		case path != "/tsa" && (!named || unit == nil):
			http.NotFound(w, r)
			return
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", "POST")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != queryType {
			http.Error(w, "want a body of type "+queryType, http.StatusUnsupportedMediaType)
			return
		}
		request, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			http.Error(w, "the request is too long", http.StatusRequestEntityTooLarge)
			return
		}
		if unit == nil {
			unit = s.choose(request)
		}
		answer := unit.Respond(r.Context(), request)
		h := w.Header()
		h.Set("Content-Type", replyType)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Length", fmt.Sprint(len(answer)))
		_, _ = w.Write(answer) // a client that has gone away needs no answer
	})
}

func (s *Service) unit(id string) *Unit {
	for i := range s.units {
		if s.units[i].ID == id {
			return &s.units[i]
		}
	}
	return nil
}

// choose finds the unit for a request; the first one when none fits, or for a request that nobody can read: it says what is wrong.
func (s *Service) choose(request []byte) *Unit {
	r, err := ParseRequest(request)
	if err != nil {
		return &s.units[0]
	}
	var fallback *Unit
	for i := range s.units {
		u := &s.units[i]
		if r.Policy != "" && !u.follows(r.Policy) {
			continue
		}
		if _, isSM2 := u.c.Certificate.PublicKey.(*gm.PublicKey); isSM2 == (r.Digest == oidSM3) {
			return u
		}
		if fallback == nil {
			fallback = u
		}
	}
	if fallback == nil {
		return &s.units[0]
	}
	return fallback
}
