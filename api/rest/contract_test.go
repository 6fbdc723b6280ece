package rest

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"gopkg.in/yaml.v3"

	"signet/api/problem"
)

func TestEveryOperationHasARowAndEveryRowAnOperation(t *testing.T) {
	c, err := readContract()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.operations) != len(accessTable) {
		t.Errorf("%d operations, %d rows", len(c.operations), len(accessTable))
	}
}

// TestTheContractBoundsEverythingFromOutside wants a bound on every text and list that a request may carry.
func TestTheContractBoundsEverythingFromOutside(t *testing.T) {
	c, err := readContract()
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range c.operations {
		for _, p := range op.parameters {
			bounded(t, op.id+" "+p.Name, p.Schema.Value)
		}
		if op.body != nil {
			bounded(t, op.id, op.body)
		}
	}
}

func bounded(t *testing.T, at string, s *openapi3.Schema) {
	t.Helper()
	switch {
	case s.Type == nil:
		t.Errorf("%s has no type", at)
	case s.Type.Is("string") && s.MaxLength == nil && len(s.Enum) == 0 && s.Format != "date-time":
		t.Errorf("%s is a text without maxLength", at)
	case s.Type.Is("array"):
		if s.MaxItems == nil {
			t.Errorf("%s is a list without maxItems", at)
		}
		bounded(t, at+"[]", s.Items.Value)
	case s.Type.Is("object"):
		for name, p := range s.Properties {
			bounded(t, at+"."+name, p.Value)
		}
	}
}

func TestTheContractsCodesAreTheProgramsCodes(t *testing.T) {
	declared := map[problem.Code]bool{}
	for _, code := range problem.All() {
		declared[code] = true
		if !ErrorCode(code).Valid() {
			t.Errorf("%s is not in the contract", code)
		}
	}
	spec, err := GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range spec.Components.Schemas["ErrorCode"].Value.Enum {
		if code, _ := v.(string); !declared[problem.Code(code)] {
			t.Errorf("the contract has %s, which the program does not", code)
		}
	}
}

func TestTheServedContractIsTheContract(t *testing.T) {
	text, err := specYAML()
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	spec, _ := GetSpecJSON()
	if err := yaml.Unmarshal(spec, &want); err != nil {
		t.Fatal(err)
	}
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if string(g) != string(w) || strings.HasPrefix(string(text), "{") {
		t.Error("the YAML differs from the embedded contract, or is no YAML but JSON")
	}
}

func TestParseJSON(t *testing.T) {
	for _, good := range []string{`{}`, `{"a":[1,{"b":null}],"c":"é"}`, ` {"a":true} `} {
		if _, err := parseJSON([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	deep := strings.Repeat(`{"a":`, maxDepth+2) + "1" + strings.Repeat("}", maxDepth+2)
	for name, bad := range map[string]string{
		"empty": "", "cut off": `{"a":`, "trailing": `{} {}`, "trailing comma": `{"a":1,}`, "twice": `{"a":1,"a":2}`, "escaped twice": `{"a":1,"\u0061":2}`,
		"not UTF-8": "{\"a\":\"\xff\"}", "too deep": deep, "comment": `{/*x*/}`, "single quotes": `{'a':1}`, "second value": `1 2`,
	} {
		if _, err := parseJSON([]byte(bad)); !problem.Has(err, problem.CodeMalformedBody) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}],"c":"é"}`))
	f.Add([]byte(`{"a":1,"A":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := parseJSON(body)
		if err != nil {
			return
		}
		var other any
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.UseNumber()
		if err := d.Decode(&other); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		a, _ := json.Marshal(v)
		b, _ := json.Marshal(other)
		if string(a) != string(b) {
			t.Fatalf("read %s, encoding/json %s", a, b)
		}
	})
}

func TestCheckValue(t *testing.T) {
	schema := func(text string) *openapi3.Schema {
		var s openapi3.Schema
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		return &s
	}
	person := schema(`{"type":"object","required":["name","age"],"properties":{"name":{"type":"string","minLength":1,"maxLength":5},"age":{"type":"integer","minimum":0,"maximum":200},
		"kind":{"type":"string","enum":["a","b"]},"key":{"type":"string","format":"byte"},"at":{"type":"string","format":"date-time"},
		"tags":{"type":"array","maxItems":2,"items":{"type":"string","maxLength":3}},"ok":{"type":"boolean"},"open":{"type":"object","additionalProperties":true}}}`)
	for _, tc := range []struct {
		body, field string
		code        problem.Code
	}{
		{`{"name":"五个字符。","age":1,"kind":"a","key":"AA==","at":"2026-01-02T03:04:05Z","tags":["x","y"],"ok":false,"open":{"z":[1]}}`, "", ""},
		{`{"name":"x","age":1,"kind":null}`, "", ""},
		{`{"age":1}`, "name", problem.CodeMissingField},
		{`{"name":null,"age":1}`, "name", problem.CodeMissingField},
		{`{"name":"","age":1}`, "name", problem.CodeMissingField},
		{`{"name":"六个字符啊。","age":1}`, "name", problem.CodeTooLong},
		{`{"name":"a\u0000","age":1}`, "name", problem.CodeInvalidField},
		{`{"name":7,"age":1}`, "name", problem.CodeInvalidField},
		{`{"name":"x","age":"1"}`, "age", problem.CodeInvalidField},
		{`{"name":"x","age":1.5}`, "age", problem.CodeInvalidField},
		{`{"name":"x","age":1e2}`, "age", problem.CodeInvalidField},
		{`{"name":"x","age":-1}`, "age", problem.CodeInvalidField},
		{`{"name":"x","age":201}`, "age", problem.CodeInvalidField},
		{`{"name":"x","age":99999999999999999999}`, "age", problem.CodeInvalidField},
		{`{"name":"x","age":1,"kind":"c"}`, "kind", problem.CodeInvalidField},
		{`{"name":"x","age":1,"key":"AA"}`, "key", problem.CodeInvalidField},
		{`{"name":"x","age":1,"key":"AA==\n"}`, "key", problem.CodeInvalidField},
		{`{"name":"x","age":1,"key":"AB=="}`, "key", problem.CodeInvalidField},
		{`{"name":"x","age":1,"at":"yesterday"}`, "at", problem.CodeInvalidField},
		{`{"name":"x","age":1,"tags":"x"}`, "tags", problem.CodeInvalidField},
		{`{"name":"x","age":1,"tags":["1","2","3"]}`, "tags", problem.CodeTooLong},
		{`{"name":"x","age":1,"tags":["1","2345"]}`, "tags[1]", problem.CodeTooLong},
		{`{"name":"x","age":1,"ok":"true"}`, "ok", problem.CodeInvalidField},
		{`{"name":"x","age":1,"open":[]}`, "open", problem.CodeInvalidField},
		{`{"name":"x","age":1,"role":"admin"}`, "role", problem.CodeInvalidField},
		{`{"name":"x","age":1,"Name":"y"}`, "Name", problem.CodeInvalidField},
	} {
		v, err := parseJSON([]byte(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		op := &operation{body: person}
		err = op.checkBody(v)
		if tc.code == "" {
			if err != nil {
				t.Errorf("%s: %v", tc.body, err)
			}
			continue
		}
		p, ok := err.(*problem.Error)
		if !ok || p.Code != tc.code || p.Field != tc.field {
			t.Errorf("%s: got %v, want %s of %s", tc.body, err, tc.code, tc.field)
		}
	}
}

func TestCheckParameters(t *testing.T) {
	c, err := readContract()
	if err != nil {
		t.Fatal(err)
	}
	orders := c.operations["GET /api/v1/admin/orders"]
	none := func(string) string { return "" }
	for query, code := range map[string]problem.Code{
		"": "", "page=1&size=100&state=paid&search=x": "", "page=0": problem.CodeInvalidField, "size=101": problem.CodeInvalidField, "page=1&page=2": problem.CodeInvalidField,
		"page=x": problem.CodeInvalidField, "state=lost": problem.CodeInvalidField, "order=1": problem.CodeInvalidField, "search=" + strings.Repeat("x", 101): problem.CodeTooLong,
		"search=%ff": problem.CodeInvalidField,
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if err := orders.checkParameters(none, q, nil); problem.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", query, err, code)
		}
	}
	step := c.operations["POST /api/v1/agent/jobs/:id/steps/:step"]
	for value, fine := range map[string]bool{"csr": true, "proof": true, "other": false, "": false} {
		err := step.checkParameters(func(name string) string { return map[string]string{"id": "job_1", "step": value}[name] }, nil, nil)
		if (err == nil) != fine {
			t.Errorf("step %q: %v", value, err)
		}
	}
}
