package path

import (
	"testing"

	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// pointsTo makes cRLDistributionPoints with one point for an address.
func pointsTo(url string) pki.Extension {
	return pki.Extension{OID: pki.OIDCRLPoints, Value: sequence(sequence(fullName(uri(url))))}
}

// pointOf makes cRLDistributionPoints of points in DER.
func pointOf(parts ...[]byte) pki.Extension {
	return pki.Extension{OID: pki.OIDCRLPoints, Value: sequence(sequence(parts...))}
}

func uri(url string) []byte { return tagged(implicit(nameURI), []byte(url)) }

func fullName(names ...[]byte) []byte { return tagged(explicit(0), tagged(explicit(0), names...)) }

func crlIssuer(e *entity) []byte {
	return tagged(explicit(2), tagged(explicit(nameDirectory), e.spec.subject))
}

// issuingPoint makes the issuingDistributionPoint of a CRL; more is what comes after the name.
func issuingPoint(url string, more []byte) pki.Extension {
	var n []byte
	if url != "" {
		n = fullName(uri(url))
	}
	return pki.Extension{OID: pki.OIDIssuingPoint, Critical: true, Value: sequence(n, more)}
}

func flag(n uint8) []byte { return tagged(implicit(n), []byte{0xff}) }

// someReasons makes ReasonFlags of the first two octets.
func someReasons(n uint8, bits ...byte) []byte {
	unused := byte(0)
	for last := bits[len(bits)-1]; last&1 == 0; last >>= 1 {
		unused++
	}
	return tagged(implicit(n), []byte{unused}, bits)
}

func TestDistributionPoints(t *testing.T) {
	const here, there = "http://crl.test/here", "http://crl.test/there"
	// scoped is a leaf with these points and CRLs of its CA with these scopes.
	scoped := func(want Code, points []pki.Extension, lists ...[]crlOption) func(*world) trial {
		return func(w *world) trial {
			return stated(w, want, func(ca, ee *entity) [][]byte {
				crls := [][]byte{w.crl(w.root)}
				for _, opts := range lists {
					crls = append(crls, w.crl(ca, opts...))
				}
				return crls
			}, with(points...))
		}
	}
	list := func(opts ...crlOption) []crlOption { return opts }
	idp := func(url string, more ...[]byte) crlOption {
		var all []byte
		for _, m := range more {
			all = append(all, m...)
		}
		return crlWith(issuingPoint(url, all))
	}
	at := []pki.Extension{pointsTo(here)}
	relative := tagged(asn1.SEQUENCE, mustOID("2.5.4.3"), tagged(asn1.UTF8String, []byte("CRL1")))
	low, high := someReasons(3, 0x7f), someReasons(3, 0, 0x80)
	section{
		"4.14.1 Valid distributionPoint":   scoped("", at, list(idp(here))),
		"4.14.3 Invalid distributionPoint": scoped(RevocationUnknown, at, list(idp(there))),
		"4.14.5 Valid relative in the CRL": scoped("", []pki.Extension{pointOf(fullName(tagged(explicit(nameDirectory),
			sequence(tagged(asn1.SET, sequence(mustOID("2.5.4.6"), tagged(asn1.PrintableString, []byte("CN")))),
				tagged(asn1.SET, sequence(mustOID("2.5.4.10"), tagged(asn1.UTF8String, []byte("Test")))),
				tagged(asn1.SET, sequence(mustOID("2.5.4.3"), tagged(asn1.UTF8String, []byte("CA")))), tagged(asn1.SET, relative)))))},
			list(crlWith(pki.Extension{OID: pki.OIDIssuingPoint, Critical: true, Value: sequence(tagged(explicit(0), tagged(explicit(1), relative)))}))),
		"4.14.6 Valid relative in both": scoped("", []pki.Extension{pointOf(tagged(explicit(0), tagged(explicit(1), relative)))},
			list(crlWith(pki.Extension{OID: pki.OIDIssuingPoint, Critical: true, Value: sequence(tagged(explicit(0), tagged(explicit(1), relative)))}))),
		"4.14.7 Valid CRL without a point":          scoped("", at, list()),
		"4.14.8 Invalid point, none in the EE":      scoped(RevocationUnknown, nil, list(idp(here))),
		"4.14.10 Valid No issuingDistributionPoint": scoped("", nil, list()),
		"4.14.11 Invalid onlyContainsUserCerts": func(w *world) trial {
			return stated(w, RevocationUnknown, func(ca, _ *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, idp("", flag(1)))}
			}, with(pki.ExtBasicConstraints(true, -1)))
		},
		"Valid onlyContainsUserCerts":         scoped("", nil, list(idp("", flag(1)))),
		"4.14.12 Invalid onlyContainsCACerts": scoped(RevocationUnknown, nil, list(idp("", flag(2)))),
		"4.14.13 Valid onlyContainsCACerts": func(w *world) trial {
			return stated(w, "", func(ca, _ *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, idp("", flag(2)))}
			}, with(pki.ExtBasicConstraints(true, -1)))
		},
		"4.14.14 Invalid onlyContainsAttributeCerts": scoped(RevocationUnknown, nil, list(idp("", flag(5)))),
		"4.14.17 Invalid onlySomeReasons":            scoped(RevocationUnknown, nil, list(idp("", low))),
		"4.14.18 Valid onlySomeReasons":              scoped("", nil, list(idp("", low)), list(idp("", high))),
		"4.14.22 Valid IDP with indirectCRL":         scoped("", nil, list(idp("", flag(4)))),
		"Invalid point of some reasons only":         scoped(RevocationUnknown, []pki.Extension{pointOf(fullName(uri(here)), someReasons(1, 0x60))}, list(idp(here))),
		"4.14.21 Invalid onlySomeReasons, revoked in the second": func(w *world) trial {
			return stated(w, Revoked, func(ca, ee *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, idp("", low)), w.crl(ca, idp("", high), revokes(ee, reason(4)))}
			})
		},
	}.run(t)
}

func TestIndirectCRLs(t *testing.T) {
	// indirect is a leaf whose point names another issuer of CRLs, certified by the root.
	indirect := func(w *world, want Code, scope []byte, point bool, opts func(ca, ee *entity) []crlOption) trial {
		ca := w.ca(w.root, "CA")
		other := w.issue(w.root, "CRLs", w.key("CRLs"), with(pki.ExtKeyUsage(pki.CRLSign, true)))
		ext := pointOf(crlIssuer(other))
		if !point {
			ext = pointsTo("http://crl.test/x")
		}
		ee := w.leaf(ca, "EE", with(ext))
		all := []crlOption{crlWith(issuingPoint("", scope))}
		if opts != nil {
			all = append(all, opts(ca, ee)...)
		}
		return trial{leaf: ee, chain: []*entity{ca, other}, crls: [][]byte{w.crl(w.root), w.crl(other, all...)}, want: want}
	}
	section{
		"4.14.27 Valid cRLIssuer":          func(w *world) trial { return indirect(w, "", flag(4), true, nil) },
		"Invalid cRLIssuer, not indirect":  func(w *world) trial { return indirect(w, RevocationUnknown, flag(1), true, nil) },
		"4.14.26 Invalid, not named by EE": func(w *world) trial { return indirect(w, RevocationUnknown, flag(4), false, nil) },
		"Invalid revoked by the indirect CRL": func(w *world) trial {
			return indirect(w, Revoked, flag(4), true, func(ca, ee *entity) []crlOption { return []crlOption{revokes(ee, entryOf(ca))} })
		},
		"Invalid revoked, issuer carried on from the entry before": func(w *world) trial {
			return indirect(w, Revoked, flag(4), true, func(ca, ee *entity) []crlOption {
				return []crlOption{revokes(w.root, entryOf(ca)), revokes(ee)}
			})
		},
		"Valid the same serial of another issuer": func(w *world) trial {
			return indirect(w, "", flag(4), true, func(ca, ee *entity) []crlOption { return []crlOption{revokes(ee, entryOf(w.root))} })
		},
		"Valid the same serial of the CRL issuer itself": func(w *world) trial {
			return indirect(w, "", flag(4), true, func(ca, ee *entity) []crlOption { return []crlOption{revokes(ee)} })
		},
		"Invalid entry of another issuer in a CRL that is not indirect": func(w *world) trial {
			return stated(w, RevocationUnknown, func(ca, ee *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, revokes(ee, entryOf(w.root)))}
			})
		},
	}.run(t)
}

// TestSignersOfCRLs: who may sign for a CA beside the CA, and where that one's own state comes from.
func TestSignersOfCRLs(t *testing.T) {
	// both has a leaf and the signer of its indirect CRL point to that CRL, as in PKITS 4.14.30.
	both := func(w *world, want Code, named bool, opts ...crlOption) trial {
		ca := w.ca(w.root, "CA")
		key := w.key("CRLs")
		stub := &entity{key: key, spec: certSpec{subject: name("CRLs"), key: key}}
		point := with(pointOf(crlIssuer(stub)))
		own := point
		if !named {
			own = with(pki.ExtBasicConstraints(false, -1))
		}
		signer := w.issue(ca, "CRLs", key, with(pki.ExtKeyUsage(pki.CRLSign, true)), own, numberedAs(0x70))
		ee := w.leaf(ca, "EE", point)
		opts = append(opts, crlWith(issuingPoint("", flag(4))))
		return trial{leaf: ee, chain: []*entity{ca, signer}, crls: [][]byte{w.crl(w.root), w.crl(signer, opts...)}, want: want}
	}
	self := &entity{spec: certSpec{serial: []byte{0x70}}}
	section{
		"4.14.30 Valid cRLIssuer that answers for itself": func(w *world) trial { return both(w, "", true) },
		"Invalid cRLIssuer that was not told to":          func(w *world) trial { return both(w, RevocationUnknown, false) },
		"Invalid cRLIssuer that revokes itself": func(w *world) trial {
			return both(w, RevocationUnknown, true, revokes(self, entryOf(&entity{spec: certSpec{subject: name("CA")}})))
		},
		"Invalid signer of the CA's name without key usage": func(w *world) trial {
			ca := w.ca(w.root, "CA", with(pki.ExtKeyUsage(pki.KeyCertSign, true)))
			signer := w.issue(w.root, "CA", w.key("CRL signer"))
			return trial{leaf: w.leaf(ca, "EE"), chain: []*entity{ca, signer}, crls: [][]byte{w.crl(w.root), w.crl(signer)}, want: RevocationUnknown}
		},
		"Invalid signer of the CA's name under another anchor": func(w *world) trial {
			ca := w.ca(w.root, "CA")
			stranger := w.selfSigned("Stranger")
			signer := w.issue(stranger, "CA", w.key("CRL signer"), with(pki.ExtKeyUsage(pki.CRLSign, true)))
			x := trial{leaf: w.leaf(ca, "EE"), chain: []*entity{ca, signer}, crls: [][]byte{w.crl(w.root), w.crl(stranger), w.crl(signer)}, want: RevocationUnknown}
			x.edit = func(o *Options) { o.Roots = append(o.Roots, stranger.cert) }
			return x
		},
		"Invalid signer of the CA's name that answers for itself": func(w *world) trial {
			ca := w.ca(w.root, "CA")
			signer := w.issue(ca, "CA", w.key("CRL signer"), with(pki.ExtKeyUsage(pki.CRLSign, true), pointsTo("http://crl.test/signer")))
			ee := w.leaf(ca, "EE", with(pointsTo("http://crl.test/ee")))
			return trial{leaf: ee, chain: []*entity{ca, signer}, want: RevocationUnknown, crls: [][]byte{w.crl(w.root),
				w.crl(signer, crlWith(issuingPoint("http://crl.test/signer", nil))), w.crl(signer, crlWith(issuingPoint("http://crl.test/ee", nil)))}}
		},
		"Invalid signer out of date": func(w *world) trial {
			ca := w.ca(w.root, "CA")
			signer := w.issue(w.root, "CA", w.key("CRL signer"), with(pki.ExtKeyUsage(pki.CRLSign, true)), until(now.AddDate(0, 0, -1)))
			return trial{leaf: w.leaf(ca, "EE"), chain: []*entity{ca, signer}, crls: [][]byte{w.crl(w.root), w.crl(signer)}, want: RevocationUnknown}
		},
		"Invalid scope with bytes after its name": func(w *world) trial {
			spoilt := tagged(explicit(0), tagged(explicit(0), uri("http://crl.test/")), []byte{5, 0})
			return stated(w, RevocationUnknown, func(ca, _ *entity) [][]byte {
				return [][]byte{w.crl(w.root), w.crl(ca, crlWith(pki.Extension{OID: pki.OIDIssuingPoint, Critical: true, Value: sequence(spoilt)}))}
			}, with(pointsTo("http://crl.test/")))
		},
	}.run(t)
}

func TestDeltaCRLs(t *testing.T) {
	deltas := func(want Code, f func(w *world, ca, ee *entity) [][]byte) func(*world) trial {
		return func(w *world) trial {
			return stated(w, want, func(ca, ee *entity) [][]byte { return append(f(w, ca, ee), w.crl(w.root)) })
		}
	}
	type lists = [][]byte
	stale := func(s *crlSpec) { s.next = utc(now.AddDate(0, 0, -1)); s.this = utc(start) }
	section{
		"4.15.1 Invalid No Base": deltas(RevocationUnknown, func(w *world, ca, _ *entity) lists {
			return lists{w.crl(ca, crlWith(deltaTo(1)), numbered(5))}
		}),
		"4.15.2 Valid delta": deltas("", func(w *world, ca, _ *entity) lists {
			return lists{w.crl(ca, numbered(1)), w.crl(ca, crlWith(deltaTo(1)), numbered(5))}
		}),
		"4.15.3 Invalid revoked in the base": deltas(Revoked, func(w *world, ca, ee *entity) lists {
			return lists{w.crl(ca, numbered(1), revokes(ee)), w.crl(ca, crlWith(deltaTo(1)), numbered(5))}
		}),
		"4.15.4 Invalid revoked in the delta": deltas(Revoked, func(w *world, ca, ee *entity) lists {
			return lists{w.crl(ca, numbered(1)), w.crl(ca, crlWith(deltaTo(1)), numbered(5), revokes(ee, reason(1)))}
		}),
		"4.15.5 Valid taken off hold": deltas("", func(w *world, ca, ee *entity) lists {
			return lists{w.crl(ca, numbered(1), revokes(ee, reason(6))), w.crl(ca, crlWith(deltaTo(1)), numbered(5), revokes(ee, reason(8)))}
		}),
		"4.15.6 Invalid hold, then revoked": deltas(Revoked, func(w *world, ca, ee *entity) lists {
			return lists{w.crl(ca, numbered(1), revokes(ee, reason(6))), w.crl(ca, crlWith(deltaTo(1)), numbered(5), revokes(ee, reason(1)))}
		}),
		"Valid older delta says revoked, newer removes": deltas("", func(w *world, ca, ee *entity) lists {
			return lists{w.crl(ca, numbered(1)), w.crl(ca, crlWith(deltaTo(1)), numbered(4), revokes(ee, reason(6))), w.crl(ca, crlWith(deltaTo(1)), numbered(5), revokes(ee, reason(8)))}
		}),
		"Valid base out of date, delta current": deltas("", func(w *world, ca, _ *entity) lists {
			return lists{w.crl(ca, numbered(1), stale), w.crl(ca, crlWith(deltaTo(1)), numbered(5))}
		}),
		"4.15.10 Invalid base too old for the delta": deltas(RevocationUnknown, func(w *world, ca, _ *entity) lists {
			return lists{w.crl(ca, numbered(1), stale), w.crl(ca, crlWith(deltaTo(2)), numbered(5))}
		}),
		"Invalid delta of another scope does not renew the base": deltas(RevocationUnknown, func(w *world, ca, _ *entity) lists {
			return lists{w.crl(ca, numbered(1), stale), w.crl(ca, crlWith(deltaTo(1), issuingPoint("", flag(1))), numbered(5))}
		}),
		"Valid delta older than the base does not count": deltas("", func(w *world, ca, ee *entity) lists {
			return lists{w.crl(ca, numbered(5)), w.crl(ca, crlWith(deltaTo(1)), numbered(4), revokes(ee, reason(6)))}
		}),
		"Invalid delta out of date takes nothing off hold": deltas(Revoked, func(w *world, ca, ee *entity) lists {
			return lists{w.crl(ca, numbered(1), revokes(ee, reason(6))), w.crl(ca, crlWith(deltaTo(1)), numbered(5), stale, revokes(ee, reason(8)))}
		}),
		"Invalid delta badly signed takes nothing off hold": deltas(Revoked, func(w *world, ca, ee *entity) lists {
			return lists{w.crl(ca, numbered(1), revokes(ee, reason(6))), w.crl(ca, crlWith(deltaTo(1)), numbered(5), revokes(ee, reason(8)), func(s *crlSpec) { s.broken = true })}
		}),
		"Invalid removeFromCRL in a complete CRL": deltas(Revoked, func(w *world, ca, ee *entity) lists {
			return lists{w.crl(ca, numbered(1), revokes(ee, reason(8)))}
		}),
	}.run(t)
}
