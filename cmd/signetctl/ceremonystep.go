package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/ca/status"
	"signet/hsm"
)

// world is where the steps of a ceremony are carried out: the installation, or what a rehearsal has in its place.
type world struct {
	script *script
	site   *site // grows by the CAs that steps make
	db     *store.DB
	keys   hsm.Keystore
	t      terminal
	id     string // names this ceremony in request ids, so that a repeated step gets the same certificate
}

// output is what a step made, to be taken away.
type output struct {
	name    string
	content []byte
	cert    *pki.Certificate // nil for other things
}

func (w *world) base() ca.Config {
	return ca.Config{Store: w.db.CA(), Now: w.db.Now, Log: w.t.log()}
}

// prepare looks before a step is begun whether it can be, and notes what a repetition has to know.
func (w *world) prepare(ctx context.Context, st *step) (map[string]string, error) {
	switch {
	case st.made() != nil:
		return nil, w.canMake(ctx, st)
	case st.CRL != nil:
		last, err := w.lastList(ctx, st.CRL.CA)
		return map[string]string{"last_list": strconv.FormatInt(last.Number, 10)}, err
	case st.Destroy != nil:
		key, err := w.keys.Signer(ctx, hsm.Ref{Label: st.Destroy.Key})
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", st.Destroy.Key, err)
		}
		spki, err := pki.MarshalPublicKey(key.Public())
		if err != nil {
			return nil, err
		}
		hash := pki.SPKIHash(spki)
		return map[string]string{"key_sha256": hex.EncodeToString(hash[:])}, nil
	}
	return nil, nil
}

// canMake makes sure that the key of a new CA will be new, and that only a root is followed by a root.
func (w *world) canMake(ctx context.Context, st *step) error {
	label := st.made().ID
	if _, ok := w.site.find(label); ok {
		return fmt.Errorf("authorities has %q already", label)
	}
	if before, ok := w.site.find(st.made().Like); ok && st.Rotate != nil && (len(before.Chain) == 0) != (st.Rotate.Under == "") {
		return fmt.Errorf("rotate wants under unless %s is a root", before.ID)
	}
	_, err := w.keys.Signer(ctx, hsm.Ref{Label: label})
	if errors.Is(err, hsm.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = hsm.ErrExists
	}
	return fmt.Errorf("key %s: %w", label, err)
}

// do carries a step out. It may have been begun before: what was made then is found and not made again.
func (w *world) do(ctx context.Context, n int, st *step, facts map[string]string) ([]output, error) {
	switch {
	case st.made() != nil:
		return w.make(ctx, st)
	case st.Sign != nil:
		return w.sign(ctx, n, st.Sign)
	case st.Cross != nil:
		c := st.Cross
		return w.cross(ctx, c.CA, w.script.path(c.Other), w.script.path(c.Proof), w.script.profile(c.Profile), fmt.Sprintf("cross-%d.pem", n))
	case st.Revoke != nil:
		return nil, w.revoke(ctx, st.Revoke)
	case st.CRL != nil:
		return w.list(ctx, st.CRL, facts)
	case st.Destroy != nil:
		return nil, w.destroy(ctx, st.Destroy)
	}
	return nil, nil
}

// make makes a CA as `ca add` does, and the link certificates of a rotated root.
func (w *world) make(ctx context.Context, st *step) ([]output, error) {
	c := st.made()
	n := &newCA{id: c.ID, under: c.Under, like: c.Like, organisation: c.Organisation, name: c.Name, alg: c.Key, profile: w.script.profile(c.Profile), noOCSP: c.NoOCSP, root: c.Under == ""}
	if err := n.make(ctx, w.t, w.site, w.db, w.keys); err != nil {
		return nil, err
	}
	made, outs, err := w.installed(c.ID)
	if err != nil {
		return nil, err
	}
	w.site.Authorities = append(w.site.Authorities, made)
	if st.Rotate == nil || !n.root {
		return outs, nil
	}
	before, _ := w.site.find(c.Like)
	for _, link := range []struct {
		by, other authority
	}{{before, made}, {made, before}} {
		more, err := w.cross(ctx, link.by.ID, w.site.path(link.other.Certificate), "", "", link.other.ID+"-by-"+link.by.ID+".pem")
		if err != nil {
			return nil, err
		}
		outs = append(outs, more...)
	}
	return outs, nil
}

// installed is what the installation has of a CA that was made just now, or earlier in this ceremony.
func (w *world) installed(id string) (a authority, outs []output, err error) {
	a = authority{ID: id, Certificate: "ca/" + id + ".pem", Key: id}
	for _, file := range []string{a.Certificate, "ca/" + id + "-chain.pem", "ca/" + responderLabel(id, 1) + ".pem"} {
		text, err := os.ReadFile(w.site.path(filepath.FromSlash(file)))
		if errors.Is(err, os.ErrNotExist) && file != a.Certificate {
			continue
		}
		if err != nil {
			return a, nil, err
		}
		switch {
		case strings.HasSuffix(file, "-chain.pem"):
			a.Chain = []string{file}
			continue // each certificate in it is an output of its own
		case file != a.Certificate:
			a.Responder.Certificate, a.Responder.Key = file, responderLabel(id, 1)
		}
		certs, err := pki.ParseCertificatesPEM(text)
		if err != nil {
			return a, nil, err
		}
		outs = append(outs, output{filepath.Base(file), text, certs[0]})
	}
	return a, outs, nil
}

// sign issues the certificate of a request from outside, whose signature shows that the key is held.
func (w *world) sign(ctx context.Context, n int, s *signStep) ([]output, error) {
	text, err := os.ReadFile(w.script.path(s.Request))
	if err != nil {
		return nil, err
	}
	request, err := pki.ReadRequest(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Request, err)
	}
	if err := request.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Request, err)
	}
	name := orDefault(w.script.profile(s.Profile), "sub-ca")
	p, err := findProfile(name)
	if err != nil {
		return nil, err
	}
	issuer, err := w.issuer(ctx, s.CA, p)
	if err != nil {
		return nil, err
	}
	authority, err := oneCA(w.base(), issuer)
	if err != nil {
		return nil, err
	}
	cert, err := authority.Issue(ctx, ca.Request{
		ID: ca.RequestID(fmt.Sprintf("ceremony/%s/%d", w.id, n)), CA: s.CA, Profile: p.ID, Subject: request.Subject, SPKI: request.SPKI, Hosts: request.DNSNames, By: operator,
	})
	if err != nil {
		return nil, err
	}
	return certificateOutput(fmt.Sprintf("signed-%d.pem", n), cert.DER)
}

// issuer is a CA that signs, by one profile.
func (w *world) issuer(ctx context.Context, id string, p *ca.Profile) (ca.CAConfig, error) {
	a, ok := w.site.find(id)
	if !ok || a.Key == "" {
		return ca.CAConfig{}, fmt.Errorf("authorities has no %q that signs", id)
	}
	return w.site.signs(ctx, w.keys, a, p)
}

func certificateOutput(name string, der []byte) ([]output, error) {
	cert, err := pki.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return []output{{name, pki.EncodePEM(cert), cert}}, nil
}

func (w *world) cross(ctx context.Context, id, other, proof, profile, name string) ([]output, error) {
	k, err := crossRequest(id, other, proof, profile)
	if err != nil {
		return nil, err
	}
	cert, err := w.site.cross(ctx, w.t, w.db, w.keys, k)
	if err != nil {
		return nil, err
	}
	return certificateOutput(name, cert.Raw)
}

func (w *world) revoke(ctx context.Context, r *revokeStep) error {
	authority, err := w.site.publicAuthority(w.t, w.db)
	if err != nil {
		return err
	}
	return authority.Revoke(ctx, ca.Revocation{CA: r.CA, SerialHex: r.Serial, Reason: reasonCodes[r.Reason], By: operator, Note: w.script.Title})
}

func (w *world) lastList(ctx context.Context, id string) (status.CRL, error) {
	last, err := w.db.CA().LatestCRL(ctx, status.ListName(id, 0, false))
	if errors.Is(err, status.ErrNoCRL) {
		err = nil
	}
	return last, err
}

// list publishes a revocation list, unless the step did so before it was interrupted.
func (w *world) list(ctx context.Context, s *crlStep, facts map[string]string) ([]output, error) {
	before, err := strconv.ParseInt(facts["last_list"], 10, 64)
	if err != nil {
		return nil, errors.New("the transcript does not say which list was the last")
	}
	list, err := w.lastList(ctx, s.CA)
	if err != nil {
		return nil, err
	}
	if list.Number <= before {
		if err := w.publish(ctx, s); err != nil {
			return nil, err
		}
		if list, err = w.lastList(ctx, s.CA); err != nil {
			return nil, err
		}
	}
	var der bytes.Buffer
	err = w.db.CA().ReadCRL(ctx, status.ListName(s.CA, 0, false), list.Number, func(piece []byte) error {
		_, err := io.Copy(&der, bytes.NewReader(piece))
		return err
	})
	return []output{{s.CA + ".crl", der.Bytes(), nil}}, err
}

func (w *world) publish(ctx context.Context, s *crlStep) error {
	one, err := w.issuer(ctx, s.CA, nil)
	if err != nil {
		return err
	}
	span := time.Duration(s.Days) * 24 * time.Hour
	service, err := status.New(status.Config{
		Store: w.db.CA(), CAs: map[string]status.CA{s.CA: {Certificate: one.Certificate, Chain: one.Chain, Signer: one.Signer, CRLURL: one.CRLURL, Shards: one.CRLShards}},
		CRLFor: span, CRLEvery: span / 2, Holder: "ceremony " + w.id, Now: w.db.Now, Log: w.t.log(),
	})
	if err != nil {
		return err
	}
	return service.PublishCRL(ctx, s.CA)
}

// destroy ends a key. A key that is gone was destroyed when the step was begun before: prepare had seen it.
func (w *world) destroy(ctx context.Context, s *destroyStep) error {
	err := w.keys.Destroy(ctx, hsm.Ref{Label: s.Key})
	if err != nil && !errors.Is(err, hsm.ErrNotFound) {
		return fmt.Errorf("destroying key %s: %w", s.Key, err)
	}
	return w.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.Audit(operator, "destroy_key", s.Key, map[string]any{"ceremony": w.id})
	})
}
