package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"signet/api/problem"
)

// maxDepth bounds how deep a body may nest; no schema of ours comes near.
const maxDepth = 16

var errMalformed = problem.New(problem.Invalid, problem.CodeMalformedBody, "The body is not one JSON object with each member once.")

// parseJSON reads exactly one JSON value, with numbers as json.Number. encoding/json would take the last of two equal
// names and names in another case; then what was checked would not be what is used.
//
// Errors: CodeMalformedBody for bytes that are not UTF-8 or not JSON, for a repeated name, for anything after the value, for
// nesting deeper than maxDepth.
func parseJSON(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errMalformed
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if err != nil {
		return nil, errMalformed.WithCause(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errMalformed
	}
	return v, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("nested too deep")
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		return parseObject(d, depth)
	case json.Delim('['):
		return parseArray(d, depth)
	}
	return t, nil
}

func parseObject(d *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		if _, twice := object[name]; twice {
			return nil, errors.New("a name is there twice")
		}
		if object[name], err = parseValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

func parseArray(d *json.Decoder, depth int) (any, error) {
	array := []any{}
	for d.More() {
		v, err := parseValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	_, err := d.Token()
	return array, err
}
