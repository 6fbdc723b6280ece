package store

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/pki"
)

func TestNewIDSortsByTimeAndIsUnique(t *testing.T) {
	seen := map[string]bool{}
	at := time.Now()
	last := ""
	for range 10_000 {
		at = at.Add(time.Millisecond)
		id := newID("app", at)
		if len(id) != 24 || !strings.HasPrefix(id, "app_") || seen[id] || id <= last {
			t.Fatalf("%s after %s", id, last)
		}
		if strings.Trim(id[4:], crockford) != "" {
			t.Fatalf("%s is not base32", id)
		}
		seen[id], last = true, id
	}
	if a, b := newID("x", at), newID("x", at); a == b {
		t.Error("two identifiers of one millisecond are equal")
	}
}

func TestMillisAndTime(t *testing.T) {
	at := time.Date(2026, 11, 21, 8, 0, 0, 123e6, time.FixedZone("", 8*3600))
	if got := Time(Millis(at)); !got.Equal(at) || got.Location() != time.UTC {
		t.Error(got)
	}
	if Millis(time.Time{}) != 0 || !Time(0).IsZero() {
		t.Error("the zero time is not 0")
	}
}

func TestClipKeepsCharactersWhole(t *testing.T) {
	for n := range 8 {
		got := Clip("中文a", n)
		if len(got) > n || !strings.HasPrefix("中文a", got) {
			t.Errorf("%d: %q", n, got)
		}
	}
	if got := Clip("a\xffb", 10); got != "a�b" {
		t.Errorf("%q", got)
	}
}

// TestRequestSurvivesStorage fills every member of ca.Request, so that one added
// later cannot be lost.
func TestRequestSurvivesStorage(t *testing.T) {
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: "示例 <机构>"})
	if err != nil {
		t.Fatal(err)
	}
	var r ca.Request
	v := reflect.ValueOf(&r).Elem()
	for i := range v.NumField() {
		fill(t, v.Type().Field(i).Name, v.Field(i))
	}
	r.Subject = name
	text, err := encodeRequest(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeRequest(text)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Subject.DER(), name.DER()) {
		t.Error("the name's bytes changed")
	}
	got.Subject, r.Subject = pki.Name{}, pki.Name{}
	if !reflect.DeepEqual(got, r) {
		t.Errorf("got %+v\nwant %+v", got, r)
	}
	if got, err := decodeRequest([]byte(`{}`)); err != nil || !reflect.DeepEqual(got, ca.Request{}) {
		t.Errorf("the zero request: %+v, %v", got, err)
	}
}

func fill(t *testing.T, name string, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
		return
	case pki.Name:
		return
	}
	var err error
	switch v.Kind() {
	case reflect.String:
		v.SetString(name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Map:
		err = json.Unmarshal([]byte(`{"k":"v"}`), v.Addr().Interface())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(name))
			return
		}
		err = json.Unmarshal([]byte(`["a","b"]`), v.Addr().Interface())
	default:
		t.Fatalf("this test does not know how to fill %s (%s)", name, v.Type())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// rowTypes are the row structs of this package.
var rowTypes = []any{auditEntry{}, auditHead{}, outboxRow{}, crlRow{}}
