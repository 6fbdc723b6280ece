package path

import (
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// The cases of NIST's PKITS, sections 4.1 to 4.7, made anew in every algorithm. The names are NIST's. 4.1.4 to 4.1.6 are about
// DSA, which Signet does not know; a hierarchy of mixed algorithms stands in their place.
//
// Source: NIST, Public Key Interoperability Test Suite (PKITS) Certification Path Validation, version 1.0.1.

type section map[string]func(w *world) trial

func (s section) run(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, make := range s {
			t.Run(name, func(t *testing.T) {
				here := *w
				here.t = t
				make(&here).check(t, &here)
			})
		}
	})
}

// usual is root → CA → leaf with a CRL of each.
func usual(w *world, caOpts, leafOpts []option, want Code) trial {
	ca := w.ca(w.root, "CA", caOpts...)
	leaf := w.leaf(ca, "EE", leafOpts...)
	return trial{leaf: leaf, chain: []*entity{ca}, crls: [][]byte{w.crl(w.root), w.crl(ca)}, want: want}
}

func from(t time.Time) option     { return func(s *certSpec) { s.notBefore = utc(t) } }
func until(t time.Time) option    { return func(s *certSpec) { s.notAfter = utc(t) } }
func called(name []byte) option   { return func(s *certSpec) { s.subject = name } }
func issuedBy(name []byte) option { return func(s *certSpec) { s.issuer = name } }
func numberedAs(serial ...byte) option {
	return func(s *certSpec) { s.serial = serial }
}

func TestSignatures(t *testing.T) {
	section{
		"4.1.1 Valid Signatures":     func(w *world) trial { return usual(w, nil, nil, "") },
		"4.1.2 Invalid CA Signature": func(w *world) trial { return usual(w, []option{badlySigned}, nil, BadSignature) },
		"4.1.3 Invalid EE Signature": func(w *world) trial { return usual(w, nil, []option{badlySigned}, BadSignature) },
		"4.1.4 Valid Mixed": func(w *world) trial {
			ca := w.ca(w.root, "CA")
			other := *w
			other.alg = map[pki.KeyAlg]pki.KeyAlg{pki.SM2: pki.P384, pki.P256: pki.SM2, pki.RSA2048: pki.P256}[w.alg]
			sub := other.ca(ca, "Other")
			leaf := w.leaf(sub, "EE")
			return trial{leaf: leaf, chain: []*entity{ca, sub}, crls: [][]byte{w.crl(w.root), w.crl(ca), w.crl(sub)}}
		},
		"4.1.6 Invalid Mixed": func(w *world) trial {
			other := *w
			other.alg = map[pki.KeyAlg]pki.KeyAlg{pki.SM2: pki.P256, pki.P256: pki.SM2, pki.RSA2048: pki.SM2}[w.alg]
			sub := other.ca(w.root, "Other")
			return trial{leaf: w.leaf(sub, "EE", badlySigned), chain: []*entity{sub}, want: BadSignature}
		},
	}.run(t)
}

func TestValidityPeriods(t *testing.T) {
	later, earlier := now.AddDate(3, 0, 0), now.AddDate(0, -1, 0)
	old := time.Date(1950, 1, 1, 12, 1, 0, 0, time.UTC)
	section{
		"4.2.1 Invalid CA notBefore": func(w *world) trial { return usual(w, []option{from(later)}, nil, NotYetValid) },
		"4.2.2 Invalid EE notBefore": func(w *world) trial { return usual(w, nil, []option{from(later)}, NotYetValid) },
		"4.2.3 Valid pre2000 UTC notBefore": func(w *world) trial {
			return usual(w, nil, []option{from(old)}, "")
		},
		"4.2.4 Valid GeneralizedTime notBefore": func(w *world) trial {
			return usual(w, nil, []option{func(s *certSpec) { s.notBefore = generalized(time.Date(2002, 1, 1, 12, 1, 0, 0, time.UTC)) }}, "")
		},
		"4.2.5 Invalid CA notAfter": func(w *world) trial { return usual(w, []option{until(earlier)}, nil, Expired) },
		"4.2.6 Invalid EE notAfter": func(w *world) trial { return usual(w, nil, []option{until(earlier)}, Expired) },
		"4.2.7 Invalid pre2000 UTC EE notAfter": func(w *world) trial {
			return usual(w, nil, []option{from(old), until(time.Date(1999, 1, 1, 12, 1, 0, 0, time.UTC))}, Expired)
		},
		"4.2.8 Valid GeneralizedTime notAfter": func(w *world) trial {
			return usual(w, nil, []option{func(s *certSpec) { s.notAfter = generalized(time.Date(2050, 1, 1, 12, 1, 0, 0, time.UTC)) }}, "")
		},
		"Valid to the last second": func(w *world) trial { return usual(w, nil, []option{from(now), until(now)}, "") },
		"Invalid a second before": func(w *world) trial {
			return usual(w, nil, []option{from(now.Add(time.Second))}, NotYetValid)
		},
		"Invalid a second after": func(w *world) trial {
			return usual(w, nil, []option{until(now.Add(-time.Second))}, Expired)
		},
	}.run(t)
}

func TestNameChaining(t *testing.T) {
	swapped := func(a, b string) []byte {
		var parts []byte
		for _, kv := range [][2]string{{"2.5.4.6", "CN"}, {"2.5.4.3", a}, {"2.5.4.10", b}} {
			parts = append(parts, tagged(asn1.SET, sequence(mustOID(kv[0]), tagged(asn1.UTF8String, []byte(kv[1]))))...)
		}
		return sequence(parts)
	}
	chained := func(caName, issuerName []byte, want Code) func(*world) trial {
		return func(w *world) trial { return usual(w, []option{called(caName)}, []option{issuedBy(issuerName)}, want) }
	}
	attrs := func(list ...string) []byte {
		var parts []byte
		for i := 0; i < len(list); i += 2 {
			parts = append(parts, tagged(asn1.SET, sequence(mustOID(list[i]), tagged(asn1.PrintableString, []byte(list[i+1]))))...)
		}
		return sequence(parts)
	}
	mandatory := attrs("2.5.4.6", "US", "0.9.2342.19200300.100.1.25", "gov", "2.5.4.8", "Maryland", "2.5.4.5", "345", "2.5.4.46", "CA", "2.5.4.3", "x")
	optionals := attrs("2.5.4.6", "US", "2.5.4.7", "Gaithersburg", "2.5.4.42", "John", "2.5.4.43", "Q", "2.5.4.65", "Fictitious", "2.5.4.44", "III", "2.5.4.12", "M.D.")
	section{
		"4.3.1 Invalid Name Chaining EE":       chained(name("CA"), name("CA Root"), NoPath),
		"4.3.2 Invalid Name Chaining Order":    chained(swapped("CA", "Test"), name("CA"), NoPath),
		"4.3.3 Valid Name Chaining Whitespace": chained(name("Good CA"), name("Good     CA"), ""),
		"4.3.4 Valid Name Chaining Whitespace": chained(name("Good CA"), name("   Good CA  "), ""),
		"4.3.5 Valid Name Chaining Capitals":   chained(name("Good CA"), name("GOOD ca"), ""),
		"4.3.6 Valid Name Chaining UIDs": func(w *world) trial {
			uid := append(tagged(implicit(1), []byte{0, 1, 2}), tagged(implicit(2), []byte{0, 3})...)
			return usual(w, nil, []option{func(s *certSpec) { s.uids = uid }}, "")
		},
		"4.3.7 Valid Mandatory Attribute Types":       chained(mandatory, mandatory, ""),
		"4.3.8 Valid Optional Attribute Types":        chained(optionals, optionals, ""),
		"4.3.9 Valid UTF8String Encoded Names":        chained(name("中心"), name("中心"), ""),
		"4.3.10 Valid Rollover to UTF8String":         chained(nameDER("Good CA", asn1.PrintableString), name("Good CA"), ""),
		"4.3.11 Valid UTF8String Case Insensitive":    chained(name("Éclair CA"), name("éclair ca"), ""),
		"Invalid issuer without a name":               chained(sequence(), sequence(), NotCA),
		"Invalid attribute type differs":              chained(attrs("2.5.4.3", "x"), attrs("2.5.4.10", "x"), NoPath),
		"Invalid boundary imitated by a value":        chained(attrs("2.5.4.3", "a", "2.5.4.10", "b"), name(`a"/2.5.4.10="b`), NoPath),
		"Invalid two relative names joined in one":    chained(attrs("2.5.4.3", "a", "2.5.4.10", "b"), joined("a", "b"), NoPath),
		"Valid relative name of two, in either order": chained(joined("a", "b"), joined("a", "b"), ""),
	}.run(t)
}

// joined is one relative name of CN and O.
func joined(cn, o string) []byte {
	return sequence(tagged(asn1.SET, sequence(mustOID("2.5.4.3"), tagged(asn1.UTF8String, []byte(cn))), sequence(mustOID("2.5.4.10"), tagged(asn1.UTF8String, []byte(o)))))
}

func mustOID(s string) []byte {
	der, err := pki.EncodeOID(s)
	if err != nil {
		panic(err)
	}
	return der
}

// stated is root → CA → leaf with CRLs that f makes.
func stated(w *world, want Code, f func(ca, leaf *entity) [][]byte, leafOpts ...option) trial {
	ca := w.ca(w.root, "CA")
	leaf := w.leaf(ca, "EE", leafOpts...)
	return trial{leaf: leaf, chain: []*entity{ca}, crls: f(ca, leaf), want: want}
}

func unknownExt(critical bool) pki.Extension {
	return pki.Extension{OID: "2.16.840.1.101.2.1.12.2", Critical: critical, Value: []byte{5, 0}}
}

func TestRevocation(t *testing.T) {
	long := []byte{0x7f, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}
	long2 := append([]byte{}, long...)
	long2[19]++
	serial := func(listed, own []byte, want Code) func(w *world) trial {
		return func(w *world) trial {
			return stated(w, want, func(ca, _ *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, revokes(&entity{spec: certSpec{serial: listed}}))}
			}, numberedAs(own...))
		}
	}
	nextUpdate := func(der []byte, want Code) func(w *world) trial {
		return func(w *world) trial {
			return stated(w, want, func(ca, _ *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, func(s *crlSpec) { s.this, s.next = utc(start), der })}
			})
		}
	}
	section{
		"4.4.1 Missing CRL": func(w *world) trial {
			return stated(w, RevocationUnknown, func(ca, _ *entity) [][]byte { return [][]byte{w.crl(w.root)} })
		},
		"4.4.2 Invalid Revoked CA": func(w *world) trial {
			return stated(w, Revoked, func(ca, _ *entity) [][]byte { return [][]byte{w.crl(w.root, revokes(ca)), w.crl(ca)} })
		},
		"4.4.3 Invalid Revoked EE": func(w *world) trial {
			return stated(w, Revoked, func(ca, ee *entity) [][]byte { return [][]byte{w.crl(w.root), w.crl(ca, revokes(ee, reason(1)))} })
		},
		"4.4.4 Invalid Bad CRL Signature": func(w *world) trial {
			return stated(w, RevocationUnknown, func(ca, _ *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, func(s *crlSpec) { s.broken = true })}
			})
		},
		"4.4.5 Invalid Bad CRL Issuer Name": func(w *world) trial {
			return stated(w, RevocationUnknown, func(ca, _ *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, func(s *crlSpec) { s.issuer = name("Another") })}
			})
		},
		"4.4.6 Invalid Wrong CRL": func(w *world) trial {
			return stated(w, RevocationUnknown, func(ca, _ *entity) [][]byte { return [][]byte{w.crl(w.root), w.crl(w.root)} })
		},
		"4.4.7 Valid Two CRLs": func(w *world) trial {
			return stated(w, "", func(ca, ee *entity) [][]byte {
				other := w.ca(w.root, "Other", called(ca.spec.subject)) // the name is right, the key is not of a CA known
				other.key = w.key("stranger")
				return [][]byte{w.crl(w.root), w.crl(other, revokes(ee)), w.crl(ca)}
			})
		},
		"4.4.8 Invalid Unknown CRL Entry Extension": func(w *world) trial {
			return stated(w, RevocationUnknown, func(ca, _ *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, revokes(w.root, unknownExt(true)))}
			})
		},
		"Valid Unknown CRL Entry Extension, not critical": func(w *world) trial {
			return stated(w, "", func(ca, _ *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, revokes(w.root, unknownExt(false)))}
			})
		},
		"4.4.9 Invalid Unknown CRL Extension": func(w *world) trial {
			return stated(w, RevocationUnknown, func(ca, _ *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, crlWith(unknownExt(true)))}
			})
		},
		"4.4.10 Invalid Unknown CRL Extension, EE listed": func(w *world) trial {
			return stated(w, RevocationUnknown, func(ca, ee *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, revokes(ee), crlWith(unknownExt(true)))}
			})
		},
		"4.4.11 Invalid Old CRL nextUpdate":              nextUpdate(utc(now.Add(-time.Second)), RevocationUnknown),
		"4.4.12 Invalid pre2000 CRL nextUpdate":          nextUpdate(utc(time.Date(1999, 1, 1, 12, 1, 0, 0, time.UTC)), RevocationUnknown),
		"4.4.13 Valid GeneralizedTime CRL nextUpdate":    nextUpdate(generalized(time.Date(2050, 1, 1, 12, 1, 0, 0, time.UTC)), ""),
		"Invalid no nextUpdate":                          nextUpdate(nil, RevocationUnknown),
		"4.4.14 Valid Negative Serial Number":            serial([]byte{1}, []byte{0xff}, ""),
		"4.4.15 Invalid Negative Serial Number":          serial([]byte{0xff}, []byte{0xff}, Revoked),
		"Valid Negative Serial Number, magnitude 255":    serial([]byte{0, 0xff}, []byte{0xff}, ""),
		"4.4.16 Valid Long Serial Number":                serial(long2, long, ""),
		"4.4.17 Valid Long Serial Number, prefix":        serial(long[:19], long, ""),
		"4.4.18 Invalid Long Serial Number":              serial(long, long, Revoked),
		"4.4.19 Valid Separate Certificate and CRL Keys": func(w *world) trial { return separate(w, "", nil, nil) },
		"4.4.20 Invalid Separate Certificate and CRL Keys": func(w *world) trial {
			return separate(w, Revoked, func(ee, _ *entity) []crlOption { return []crlOption{revokes(ee)} }, nil)
		},
		"4.4.21 Invalid Separate Keys, signer revoked": func(w *world) trial {
			return separate(w, RevocationUnknown, nil, func(signer *entity) []crlOption { return []crlOption{revokes(signer)} })
		},
		"Invalid CRL from the future": func(w *world) trial {
			return stated(w, RevocationUnknown, func(ca, _ *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, func(s *crlSpec) { s.this = utc(now.Add(time.Minute)) })}
			})
		},
		"Invalid Revoked in the newer of two": func(w *world) trial {
			return stated(w, Revoked, func(ca, ee *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, numbered(3)), w.crl(ca, numbered(4), revokes(ee))}
			})
		},
		"Valid Released from hold in the newer of two": func(w *world) trial {
			return stated(w, "", func(ca, ee *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, numbered(4)), w.crl(ca, numbered(3), revokes(ee, reason(6)))}
			})
		},
		"Invalid nothing but rubbish given": func(w *world) trial {
			return stated(w, RevocationUnknown, func(ca, _ *entity) [][]byte { return [][]byte{nil, {0x30}, []byte("CRL")} })
		},
	}.run(t)
}

// separate has certificates and CRLs of a CA signed with two keys under one name.
func separate(w *world, want Code, onCA func(ee, signer *entity) []crlOption, onRoot func(signer *entity) []crlOption) trial {
	ca := w.ca(w.root, "CA", with(pki.ExtKeyUsage(pki.KeyCertSign, true)))
	signer := w.issue(w.root, "CA", w.key("CRL signer"), with(pki.ExtKeyUsage(pki.CRLSign, true)))
	ee := w.leaf(ca, "EE")
	var caOpts, rootOpts []crlOption
	if onCA != nil {
		caOpts = onCA(ee, signer)
	}
	if onRoot != nil {
		rootOpts = onRoot(signer)
	}
	return trial{leaf: ee, chain: []*entity{ca, signer}, crls: [][]byte{w.crl(w.root, rootOpts...), w.crl(signer, caOpts...)}, want: want}
}

func TestSelfIssued(t *testing.T) {
	// rolled is a CA with two keys; the second is certified under the first, or the first under the second.
	rolled := func(w *world, want Code, newWithOld bool, revoked func(ee, link *entity) *entity) trial {
		first := w.ca(w.root, "CA")
		other := w.issue(first, "CA", w.key("CA other key"), with(pki.ExtBasicConstraints(true, -1), pki.ExtKeyUsage(pki.KeyCertSign|pki.CRLSign, true)))
		ee := w.leaf(other, "EE")
		signer := first // old with new: CRLs come from the new key, whose certificate the root gave
		crls := [][]byte{w.crl(w.root)}
		if newWithOld {
			signer = other
			crls = append(crls, w.crl(first))
		}
		var opts []crlOption
		if revoked != nil {
			opts = append(opts, revokes(revoked(ee, other)), numbered(9))
		}
		if !newWithOld || revoked != nil {
			crls = append(crls, w.crl(signer, opts...))
		}
		return trial{leaf: ee, chain: []*entity{first, other}, crls: crls, want: want}
	}
	crlKey := func(w *world, want Code, revoked func(ee, signer *entity) *entity, usage pki.KeyUsage) trial {
		ca := w.ca(w.root, "CA")
		signer := w.issue(ca, "CA", w.key("CA CRL key"), with(pki.ExtKeyUsage(usage, true)))
		ee := w.leaf(ca, "EE", with(pointsTo("http://crl.test/ee")))
		forEE := []crlOption{crlWith(issuingPoint("http://crl.test/ee", nil))}
		forSigner := []crlOption{}
		if revoked != nil {
			if revoked(ee, signer) == ee {
				forEE = append(forEE, revokes(ee))
			} else {
				forSigner = append(forSigner, revokes(signer))
			}
		}
		// The CRL without a scope must not speak of EE, so it is limited to another point that the signer's certificate lists.
		signer = w.issue(ca, "CA", signer.key, with(pki.ExtKeyUsage(usage, true), pointsTo("http://crl.test/signer")), numberedAs(signer.spec.serial...))
		forSigner = append(forSigner, crlWith(issuingPoint("http://crl.test/signer", nil)))
		return trial{leaf: ee, chain: []*entity{ca, signer}, crls: [][]byte{w.crl(w.root), w.crl(signer, forEE...), w.crl(ca, forSigner...)}, want: want}
	}
	ee := func(ee, _ *entity) *entity { return ee }
	link := func(_, link *entity) *entity { return link }
	section{
		"4.5.1 Valid Old With New":          func(w *world) trial { return rolled(w, "", false, nil) },
		"4.5.2 Invalid Old With New":        func(w *world) trial { return rolled(w, Revoked, false, ee) },
		"4.5.3 Valid New With Old":          func(w *world) trial { return rolled(w, "", true, nil) },
		"4.5.5 Invalid New With Old":        func(w *world) trial { return rolled(w, Revoked, true, ee) },
		"4.5.6 Valid CRL Signing Key":       func(w *world) trial { return crlKey(w, "", nil, pki.CRLSign) },
		"4.5.7 Invalid CRL Signing Key":     func(w *world) trial { return crlKey(w, Revoked, ee, pki.CRLSign) },
		"4.5.8 Invalid CRL key revoked":     func(w *world) trial { return crlKey(w, RevocationUnknown, link, pki.CRLSign) },
		"Invalid CRL key without the bit":   func(w *world) trial { return crlKey(w, RevocationUnknown, nil, pki.DigitalSignature) },
		"Invalid link revoked by first key": func(w *world) trial { return rolled(w, Revoked, false, link) },
	}.run(t)
}

func TestBasicConstraints(t *testing.T) {
	// ladder makes CAs one below the other; a length of -2 makes the CA self-issued, below -2 none.
	ladder := func(want Code, leafIsCA bool, lengths ...int) func(*world) trial {
		return func(w *world) trial {
			x := trial{want: want}
			parent := w.root
			for i, n := range lengths {
				cn := string(rune('A' + i))
				var opts []option
				if n >= -1 {
					opts = append(opts, with(pki.ExtBasicConstraints(true, n)))
				} else {
					opts = append(opts, called(parent.spec.subject))
				}
				parent = w.ca(parent, cn, opts...)
				x.chain = append(x.chain, parent)
			}
			var opts []option
			if leafIsCA {
				opts = append(opts, with(pki.ExtBasicConstraints(true, -1), pki.ExtKeyUsage(pki.KeyCertSign|pki.CRLSign, true)))
			}
			x.leaf = w.leaf(parent, "EE", opts...)
			return x
		}
	}
	const self = -2
	section{
		"4.6.1 Invalid Missing basicConstraints": func(w *world) trial { return usual(w, []option{without(pki.OIDBasicConstraints)}, nil, NotCA) },
		"4.6.2 Invalid cA False": func(w *world) trial {
			return usual(w, []option{with(pki.Extension{OID: pki.OIDBasicConstraints, Critical: true, Value: sequence()})}, nil, NotCA)
		},
		"4.6.3 Invalid cA False, not critical": func(w *world) trial {
			return usual(w, []option{with(pki.ExtBasicConstraints(false, -1))}, nil, NotCA)
		},
		"4.6.4 Valid basicConstraints Not Critical": func(w *world) trial {
			return usual(w, []option{with(pki.Extension{OID: pki.OIDBasicConstraints, Value: pki.ExtBasicConstraints(true, -1).Value})}, nil, "")
		},
		"Invalid version 1 CA":                       func(w *world) trial { return usual(w, []option{func(s *certSpec) { s.version = 1 }}, nil, NotCA) },
		"4.6.5 Invalid pathLenConstraint":            ladder(PathLen, false, 0, -1),
		"4.6.6 Invalid pathLenConstraint, EE a CA":   ladder(PathLen, true, 0, -1),
		"4.6.7 Valid pathLenConstraint":              ladder("", false, 0),
		"4.6.8 Valid pathLenConstraint, EE a CA":     ladder("", true, 0),
		"4.6.9 Invalid pathLenConstraint":            ladder(PathLen, false, 6, 0, 0),
		"4.6.10 Invalid pathLenConstraint, EE a CA":  ladder(PathLen, true, 6, 0, 0),
		"4.6.11 Invalid pathLenConstraint":           ladder(PathLen, false, 6, 1, 1, 1),
		"4.6.12 Invalid pathLenConstraint, EE a CA":  ladder(PathLen, true, 6, 1, 1, 1),
		"4.6.13 Valid pathLenConstraint":             ladder("", false, 6, 4, 1, 0),
		"4.6.14 Valid pathLenConstraint, EE a CA":    ladder("", true, 6, 4, 1, 0),
		"4.6.15 Valid Self-Issued pathLenConstraint": ladder("", false, 0, self),
		"4.6.16 Invalid Self-Issued pathLen":         ladder(PathLen, false, 0, self, -1),
		"4.6.17 Valid Self-Issued pathLenConstraint": ladder("", false, 1, self, -1, self),
		"Invalid below the anchor's own path length": func(w *world) trial {
			x := ladder(PathLen, false, -1, -1)(w)
			short := w.selfSigned("Root", with(pki.ExtBasicConstraints(true, 1)))
			x.edit = func(o *Options) { o.Roots = []*pki.Certificate{short.cert} }
			return x
		},
	}.run(t)
}

func TestKeyUsage(t *testing.T) {
	only := func(usage pki.KeyUsage, critical bool, want Code) func(*world) trial {
		return func(w *world) trial { return usual(w, []option{with(pki.ExtKeyUsage(usage, critical))}, nil, want) }
	}
	section{
		"4.7.1 Invalid keyCertSign False":               only(pki.CRLSign, true, NotCA),
		"4.7.2 Invalid keyCertSign False, not critical": only(pki.CRLSign, false, NotCA),
		"4.7.3 Valid keyUsage Not Critical":             only(pki.CRLSign|pki.KeyCertSign, false, ""),
		"4.7.4 Invalid cRLSign False":                   only(pki.KeyCertSign, true, RevocationUnknown),
		"4.7.5 Invalid cRLSign False, not critical":     only(pki.KeyCertSign, false, RevocationUnknown),
		"Valid without keyUsage":                        func(w *world) trial { return usual(w, []option{without(pki.OIDKeyUsage)}, nil, "") },
	}.run(t)
}
