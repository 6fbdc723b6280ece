package main

import (
	"fmt"

	"signet/ca/cms"
	"signet/ca/pki"
)

func signedThing(s *cms.SignedData) thing {
	o := thing{kind: "signed message"}
	if len(s.Signers) == 0 {
		o.kind = "bundle of certificates"
	}
	o.add("style", s.Style.String())
	o.add("content_type", s.ContentType)
	switch {
	case s.Detached && len(s.Signers) > 0:
		o.add("content", "detached")
	case !s.Detached:
		o.add("content", fmt.Sprintf("%d bytes", len(s.Content)))
	}
	o.addSigners(s)
	var parts []thing
	for _, c := range s.Certificates {
		parts = append(parts, certificateThing(c))
	}
	if len(parts) > 0 {
		o.fields = append(o.fields, field{"certificates", parts})
	}
	if len(s.Unread) > 0 {
		o.add("unread_certificates", len(s.Unread))
	}
	if len(s.CRLs) > 0 {
		o.add("crls", len(s.CRLs))
	}
	return o
}

// addSigners says who signed; whether their certificates count is not looked at.
func (o *thing) addSigners(s *cms.SignedData) {
	if len(s.Signers) == 0 {
		return
	}
	verdict := "not checked: the content is not here"
	if !s.Detached {
		_, err := s.Verify(nil, nil)
		if verdict = outcome(err) + " (trust not checked)"; err != nil {
			verdict = "does not verify: " + err.Error()
		}
	}
	o.add("signatures", verdict)
	var signers []thing
	for _, in := range s.Signers {
		one := thing{kind: "signer"}
		if in.Certificate != nil {
			one.add("subject", in.Certificate.Subject.String())
		}
		one.addNamed(in.IssuerRaw, in.Serial, in.SKI)
		one.add("digest", in.DigestAlg)
		one.add("signature", in.SigAlg)
		one.add("claimed_time", timeText(in.SigningTime))
		one.add("time_stamp", hasAttribute(in.UnsignedAttributes, cms.AttrTimeStamp))
		signers = append(signers, one)
	}
	o.fields = append(o.fields, field{"signers", signers})
}

// addNamed shows how a message names a certificate.
func (o *thing) addNamed(issuerRaw, serial, keyID []byte) {
	if name, err := pki.ParseName(issuerRaw); err == nil {
		o.add("issuer", name.String())
	}
	o.add("serial", hexOf(serial))
	o.add("key_id", hexOf(keyID))
}

func hasAttribute(list []cms.Attribute, kind string) string {
	for _, a := range list {
		if a.Type == kind {
			return "yes"
		}
	}
	return ""
}

func envelopedThing(e *cms.Enveloped) thing {
	o := thing{kind: "enveloped message"}
	o.add("style", e.Style.String())
	o.add("content_type", e.ContentType)
	o.add("cipher", e.Cipher)
	var to []thing
	for _, r := range e.Recipients {
		one := thing{kind: "recipient"}
		one.addNamed(r.IssuerRaw, r.Serial, r.SKI)
		one.add("key", r.KeyAlg)
		to = append(to, one)
	}
	if len(to) > 0 {
		o.fields = append(o.fields, field{"recipients", to})
	}
	if e.Others > 0 {
		o.add("other_recipients", e.Others)
	}
	return o
}

// responseThing shows the answer to an SM2 certificate request; the key inside stays closed.
func responseThing(c *cms.CSRResponse) thing {
	o := thing{kind: "certificate response"}
	for _, list := range [][]*pki.Certificate{c.Sign, c.Encrypt} {
		name := map[bool]string{true: "signing", false: "encryption"}[len(o.fields) == 0]
		var parts []thing
		for _, one := range list {
			parts = append(parts, certificateThing(one))
		}
		if len(parts) > 0 {
			o.fields = append(o.fields, field{name, parts})
		}
	}
	if c.Key != nil {
		o.fields = append(o.fields, field{"key", []thing{envelopedKeyThing(c.Key, "SM2EnvelopedKey")}})
	}
	return o
}
