package pki

import (
	"time"
)

// derTime encodes t as RFC 5280 §4.1.2.5 wants it: UTCTime through 2049, GeneralizedTime from 2050.
func derTime(t time.Time) ([]byte, error) { return appendTime(nil, t) }

func appendTime(dst []byte, t time.Time) ([]byte, error) {
	t = t.UTC()
	switch y := t.Year(); {
	case y >= 1950 && y < 2050:
		return t.AppendFormat(append(dst, tagUTCTime, 13), "060102150405Z"), nil
	case y >= 0 && y <= 9999:
		return append(dst, derGeneralized(t)...), nil
	}
	return nil, malformed("year %d does not fit a certificate", t.Year())
}

func derGeneralized(t time.Time) []byte {
	return tlv(tagGenTime, []byte(t.UTC().Format("20060102150405Z")))
}

// time reads a UTCTime or GeneralizedTime with seconds, in UTC, without fraction.
func (r *reader) time() time.Time {
	tag, c, _ := r.next()
	layout := ""
	switch {
	case tag == tagUTCTime && len(c) == 13:
		layout = "060102150405Z"
	case tag == tagGenTime && len(c) == 15:
		layout = "20060102150405Z"
	default:
		r.bad = true
		return time.Time{}
	}
	t, err := time.Parse(layout, string(c))
	if err != nil || t.Format(layout) != string(c) {
		r.bad = true
		return time.Time{}
	}
	if tag == tagUTCTime && t.Year() >= 2050 { // Go's two-digit years turn at 69, X.509's at 50
		t = t.AddDate(-100, 0, 0)
	}
	return t
}
