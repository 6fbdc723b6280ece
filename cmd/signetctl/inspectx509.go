package main

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"signet/ca/pki"
)

func certificateThing(c *pki.Certificate) thing {
	o := thing{kind: "certificate"}
	o.add("subject", c.Subject.String())
	o.add("issuer", c.Issuer.String())
	o.add("serial", c.SerialHex)
	o.add("not_before", timeText(c.NotBefore))
	o.add("not_after", timeText(c.NotAfter))
	o.fields = append(o.fields, keyFields(c.SPKI, c.PublicKey)...)
	o.add("signature", c.SigAlg.String())
	if c.IsSelfIssued() {
		o.add("self_signed", pki.Verify(c.PublicKey, c.SigAlg, c.RawTBS, c.Signature) == nil)
	}
	o.addUsage(c)
	o.addIdentity(c)
	for _, more := range []struct {
		name   string
		values []string
	}{
		{"dns_names", c.DNSNames}, {"emails", c.Emails}, {"policies", c.Policies}, {"crl", c.CRLURLs}, {"ocsp", c.OCSPURLs}, {"issuer_certificate", c.CAIssuers},
		{"unknown_critical", c.UnhandledCritical},
	} {
		o.addAll(more.name, more.values)
	}
	o.add("subject_key_id", hexOf(c.SKI))
	o.add("issuer_key_id", hexOf(c.AKI))
	if err := c.CheckStrict(); err != nil {
		o.add("not_strict", err.Error())
	}
	sum := sha256.Sum256(c.Raw)
	o.add("sha256", hexOf(sum[:]))
	o.add("sm3", sm3Of(c.Raw))
	return o
}

func (o *thing) addUsage(c *pki.Certificate) {
	if c.HasKeyUsage {
		o.add("usage", c.KeyUsage.String())
	}
	o.addAll("extended_usage", c.EKU)
	if !c.IsCA {
		return
	}
	if c.PathLen >= 0 {
		o.add("ca", fmt.Sprintf("yes, at most %d below", c.PathLen))
	} else {
		o.add("ca", "yes")
	}
}

// addIdentity shows who the certificate says its holder is, as read and as understood.
func (o *thing) addIdentity(c *pki.Certificate) {
	id := pki.ReadIdentity(c)
	o.add("uscc", id.USCC)
	o.add("organisation_code", id.OrgCode)
	o.add("registration_number", id.RegNumber)
	o.add("tax_number", id.TaxNumber)
	o.add("person_id", id.PersonID)
	var raw []string
	for _, oid := range slices.Sorted(maps.Keys(id.Raw)) {
		raw = append(raw, oid+" "+id.Raw[oid])
	}
	o.addAll("identity", raw)
}

func requestThing(q *pki.CertificateRequest) thing {
	o := thing{kind: "certificate request"}
	o.add("subject", q.Subject.String())
	o.fields = append(o.fields, keyFields(q.SPKI, q.PublicKey)...)
	o.add("signature", q.SigAlg.String())
	o.add("possession", outcome(q.CheckSignature()))
	o.addAll("dns_names", q.DNSNames)
	var asked []string
	for _, e := range q.Extensions {
		asked = append(asked, e.OID)
	}
	o.addAll("asks_for", asked)
	return o
}

func crlThing(l *pki.CRL) thing {
	o := thing{kind: "CRL"}
	o.add("issuer", l.Issuer.String())
	if l.Number != nil {
		o.add("number", l.Number.String())
	}
	if l.DeltaBase != nil {
		o.add("changes_to", l.DeltaBase.String())
	}
	o.add("this_update", timeText(l.ThisUpdate))
	o.add("next_update", timeText(l.NextUpdate))
	o.add("signature", l.SigAlg.String())
	o.add("issuer_key_id", hexOf(l.AKI))
	o.fields = append(o.fields, field{"entries", len(l.Entries)})
	revoked := make([]thing, len(l.Entries))
	for i, e := range l.Entries {
		revoked[i] = thing{kind: "revoked", fields: []field{{"serial", hexOf(e.Serial)}, {"at", timeText(e.At)}, {"reason", reasonText(e.Reason)}}}
	}
	if len(revoked) > 0 {
		o.fields = append(o.fields, field{"revoked", revoked})
	}
	return o
}

// Source: RFC 5280 §5.3.1.
var reasons = map[int]string{
	pki.ReasonUnspecified: "unspecified", pki.ReasonKeyCompromise: "keyCompromise", pki.ReasonCACompromise: "cACompromise",
	pki.ReasonAffiliationChanged: "affiliationChanged", pki.ReasonSuperseded: "superseded", pki.ReasonCessationOfOperation: "cessationOfOperation",
	pki.ReasonCertificateHold: "certificateHold", pki.ReasonRemoveFromCRL: "removeFromCRL", pki.ReasonPrivilegeWithdrawn: "privilegeWithdrawn",
	pki.ReasonAACompromise: "aACompromise",
}

func reasonText(n int) string {
	if text := reasons[n]; text != "" {
		return text
	}
	return fmt.Sprint(n)
}

func outcome(err error) string {
	if err != nil {
		return "does not verify"
	}
	return "verifies"
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// add adds a field unless it is empty.
func (o *thing) add(name string, value any) {
	if text, ok := value.(string); ok && strings.TrimSpace(text) == "" {
		return
	}
	o.fields = append(o.fields, field{name, value})
}

func (o *thing) addAll(name string, values []string) {
	if len(values) > 0 {
		o.fields = append(o.fields, field{name, values})
	}
}
