package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"signet/api/account"
)

// guard lets only those requests through that the contract describes and the access table allows, in this order: where
// from, who, what.
func (s *Server) guard(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	op := s.contract.operations[c.Request.Method+" "+c.FullPath()]
	if op == nil {
		s.fail(c, errNoRoute)
		return
	}
	in := &call{address: c.ClientIP(), userAgent: c.Request.UserAgent(), request: requestID(c)}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), callKey{}, in))
	if err := s.admit(c, op, in); err != nil {
		if (op.access.caller == connected || op.access.caller == application) && in.connected.KeyID == "" {
			c.Header("WWW-Authenticate", "Bearer") // RFC 9110 §11.6.1; on other statuses it does no harm
		}
		s.fail(c, err)
		return
	}
	c.Next()
}

func (s *Server) admit(c *gin.Context, op *operation, in *call) error {
	if err := s.checkOrigin(c.Request, op); err != nil {
		return err
	}
	var body []byte
	var err error
	if op.access.caller == agent { // its signature covers the body
		if body, err = readBody(c.Writer, c.Request, op.limit); err != nil {
			return err
		}
	}
	if err := s.authenticate(c.Request, op, in, body); err != nil {
		return err
	}
	if err := op.checkParameters(c.Param, c.Request.URL.Query(), c.Request.Header); err != nil {
		return err
	}
	if op.body == nil && !op.file {
		return nil
	}
	if op.access.caller != agent {
		if body, err = readBody(c.Writer, c.Request, op.limit); err != nil {
			return err
		}
	}
	if err := op.checkRequest(c.Request, body); err != nil {
		return err
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// checkOrigin keeps other sites from acting through a visitor's browser (the cookie is SameSite=Strict besides). What
// needs no session may come without an Origin, as programs send none.
func (s *Server) checkOrigin(r *http.Request, op *operation) error {
	origins := r.Header.Values("Origin")
	switch {
	case op.access.caller == dev && !s.hosts[r.Host]: // a name of someone else's that resolves to this machine
		return errOrigin
	case !changes(r.Method):
		return nil
	case len(origins) == 1 && s.origins[origins[0]]:
		return nil
	case len(origins) == 0 && op.access.caller != session && !ofPages[op.id]:
		return nil
	case len(origins) == 0 && op.companyKey(r) != "": // no browser sends one by itself, as it does a cookie
		return nil
	}
	return errOrigin
}

// ofPages are the operations that need no session, but set or read a cookie or carry on a login: only our own pages call them.
var ofPages = map[string]bool{
	"CreateSession": true, "CreateSessionByCode": true, "CreateSessionByKey": true,
	"AbandonLogin": true, "FinishLogin": true, "EnrolLoginTOTP": true, "ConfirmLoginTOTP": true, "StartLoginScan": true, "FinishLoginScan": true,
	"EnrolPhone": true, "ScanLogin": true, "DecideScan": true, "PreviewStaffInvitation": true, "JoinStaff": true,
}

// companyKey gives the API key of an organisation's own software, where the operation takes one; "" = none came.
func (op *operation) companyKey(r *http.Request) account.APIKey {
	if keyScopes[op.id] == "" {
		return ""
	}
	if key, err := bearer(r.Header); err == nil && account.IsCompanyKey(key) {
		return key
	}
	return ""
}

func (s *Server) authenticate(r *http.Request, op *operation, in *call, body []byte) (err error) {
	switch op.access.caller {
	case anyone:
		return nil
	case dev:
		if s.c.Captchas == nil {
			return errNoRoute
		}
		return nil
	case agent:
		in.agentID, err = s.c.Relay.Authenticate(r.Context(), r, body)
		return err
	case connected, application:
		key, err := bearer(r.Header)
		if err != nil {
			return err
		}
		in.connected, err = s.c.Accounts.AuthenticateKey(r.Context(), key)
		if err == nil && in.connected.Application != (op.access.caller == application) {
			err = errKeyKind
		}
		return err
	case session:
		if key := op.companyKey(r); key != "" {
			if in.actor, in.connected.KeyID, err = s.c.Accounts.AuthenticateCompany(r.Context(), key, keyScopes[op.id]); err != nil {
				return err
			}
			return s.mayAct(r, op, in.actor)
		}
		cookie, err := r.Cookie(sessionCookie)
		if err != nil || cookie.Value == "" {
			return errNotLogged
		}
		if in.actor, in.session, err = s.c.Accounts.Authenticate(r.Context(), account.Token(cookie.Value)); err != nil {
			return err
		}
		return s.mayAct(r, op, in.actor)
	}
	return errors.New("operation without a caller")
}

// organisationHeader says for which organisation the page was loaded that a request comes from; without it, for whichever the session acts for.
const organisationHeader = "Signet-Organisation"

// mayAct asks whether an operation is the actor's to do, and for the organisation that the page shows: another tab may have switched.
func (s *Server) mayAct(r *http.Request, op *operation, by account.Actor) error {
	if loaded := r.Header.Values(organisationHeader); len(loaded) > 0 && op.id != "DeleteSession" {
		if err := s.c.Accounts.ActsFor(r.Context(), by, loaded[0]); err != nil {
			return err
		}
	}
	return account.Can(by, op.access.verb)
}

// bearer reads the API key of a request.
//
// Errors: CodeUnauthenticated when there is none, or more than one.
func bearer(h http.Header) (account.APIKey, error) {
	values := h.Values("Authorization")
	if len(values) != 1 {
		return "", errNoKey
	}
	scheme, key, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return "", errNoKey
	}
	return account.APIKey(key), nil
}

// readBody reads all of the body, or refuses it.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, errMalformed.WithCause(err)
	}
	return body, nil
}

// checkRequest holds the body to the contract. The handler decodes the same bytes again: as every name was found in the
// contract, exactly and once, both readings agree, and the bytes that signatures cover are untouched.
func (op *operation) checkRequest(r *http.Request, body []byte) error {
	want := "application/json"
	if op.file {
		want = fileMedia
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !strings.EqualFold(media, want) || r.Header.Get("Content-Encoding") != "" {
		return errMedia
	}
	if op.file {
		return nil
	}
	v, err := parseJSON(body)
	if err != nil {
		return err
	}
	return op.checkBody(v)
}
