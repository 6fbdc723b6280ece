package rest

import (
	"context"
	"time"

	"signet/api/ra"
	"signet/ca"
)

// ListProfiles lists certificate profiles.
func (s *Server) ListProfiles(c context.Context, _ ListProfilesRequestObject) (ListProfilesResponseObject, error) {
	_, in := enter(c)
	list, err := s.c.RA.Profiles(in.actor)
	return ListProfiles200JSONResponse{Items: each(list, showProfile)}, err
}

func showProfile(p ra.IssuingProfile) CertificateProfile {
	r := p.Rules
	texts := func(list []string) []string { return append([]string{}, list...) }
	seconds := func(d time.Duration) int64 { return int64(d / time.Second) }
	return CertificateProfile{
		Id: p.ID, Kind: p.Kind, TitleZh: p.Title["zh-CN"], TitleEn: some(p.Title["en-US"]), Cas: texts(p.CAs), Keys: algTexts(r.Keys),
		ValidFor: seconds(r.ValidFor), LongestFor: seconds(r.LongestFor), Backdate: seconds(r.Backdate),
		Subject: each(r.Subject, func(a ca.SubjectRule) ProfileAttribute {
			return ProfileAttribute{Attr: a.Attr, Oid: a.OID, Default: some(a.Default), Required: a.Required, Most: a.Most, Values: texts(a.Values)}
		}),
		Usage:         each(r.Usage, func(u ca.UsageRule) ProfileUsage { return ProfileUsage{Keys: algTexts(u.Keys), Bits: texts(u.Bits)} }),
		UsageCritical: r.UsageCritical, ExtendedUsage: texts(r.ExtendedUsage), ExtendedUsageCritical: r.ExtendedUsageCritical, Policies: texts(r.Policies),
		Hosts: r.Hosts, Wildcards: r.Wildcards, Ca: r.CA, PathLength: r.PathLength, NoCheck: r.NoCheck, NullParams: r.NullParams,
		Identity: each(r.Identity, func(f ca.FieldRule) ProfileField {
			return ProfileField{Oid: f.OID, Type: f.Type, Fields: texts(f.Fields), Required: f.Required, Flag: some(f.Flag)}
		}),
		Permitted: texts(r.Permitted), Excluded: texts(r.Excluded),
	}
}

func algTexts[T ~string](list []T) []string {
	return each(list, func(a T) string { return string(a) })
}

// TryProfile shows the certificate that would be issued.
func (s *Server) TryProfile(c context.Context, r TryProfileRequestObject) (TryProfileResponseObject, error) {
	ctx, in := enter(c)
	b := r.Body
	named := func(v NamedValue) ra.NamedValue { return ra.NamedValue{Name: v.Name, Value: v.Value} }
	v, err := s.c.RA.TryProfile(ctx, in.actor, ra.ProfileTrial{
		CA: b.Ca, Profile: b.Profile, Alg: value(b.Alg), CSR: value(b.Csr), Subject: each(value(b.Subject), named), Fields: each(value(b.Fields), named),
		Hosts: value(b.Hosts), Flags: value(b.Flags),
	})
	if err != nil {
		return nil, err
	}
	out := TryProfile200JSONResponse{Findings: each(v.Findings, func(f ca.Finding) LintFinding { return LintFinding{Rule: f.Rule, Detail: f.Detail} })}
	if v.Refused != nil {
		out.Refused = &TrialRefusal{Code: TrialRefusalCode(v.Refused.Code), Detail: v.Refused.Detail}
	}
	if d := v.Certificate; d != nil {
		out.Certificate = &DraftCertificate{
			Subject: d.Subject, Issuer: d.Issuer, SerialHex: d.SerialHex, KeyAlg: d.KeyAlg, SigAlg: d.SigAlg, NotBefore: d.NotBefore, NotAfter: d.NotAfter,
			Extensions: each(d.Extensions, showExtension),
		}
	}
	return out, nil
}
