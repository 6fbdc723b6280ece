package rest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"

	"signet/api/problem"
)

// checkBody holds a parsed body to the schema of its operation.
//
// Errors: CodeMissingField, CodeTooLong, CodeInvalidField, each naming the field as dotted path.
func (op *operation) checkBody(v any) error {
	if _, isObject := v.(map[string]any); !isObject {
		return errMalformed
	}
	return checkValue(op.body, v, "")
}

func invalid(field, detail string) error {
	return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
}

func checkValue(s *openapi3.Schema, v any, field string) error {
	switch {
	case s.Type == nil:
		return nil
	case s.Type.Is("object"):
		return checkObject(s, v, field)
	case s.Type.Is("array"):
		return checkArray(s, v, field)
	case s.Type.Is("string"):
		text, ok := v.(string)
		if !ok {
			return invalid(field, "The field is a text.")
		}
		return checkText(s, text, field)
	case s.Type.Is("integer"):
		number, ok := v.(json.Number)
		if !ok {
			return invalid(field, "The field is a whole number.")
		}
		return checkInteger(s, number.String(), field)
	case s.Type.Is("boolean"):
		if _, ok := v.(bool); !ok {
			return invalid(field, "The field is true or false.")
		}
		return nil
	}
	return fmt.Errorf("the API contract has a type the server cannot check: %v", s.Type.Slice())
}

func checkObject(s *openapi3.Schema, v any, field string) error {
	object, ok := v.(map[string]any)
	if !ok {
		return invalid(field, "The field is an object.")
	}
	for _, name := range s.Required {
		if member, there := object[name]; !there || member == nil {
			return problem.New(problem.Invalid, problem.CodeMissingField, "The field is required.").WithField(within(field, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) { // sorted: the same body gets the same answer
		member := s.Properties[name]
		if member == nil {
			if open := s.AdditionalProperties.Has; open != nil && *open {
				continue
			}
			return invalid(within(field, clipName(name)), "There is no such field.")
		}
		if object[name] == nil {
			continue // null is as good as absent where nothing is required
		}
		if err := checkValue(member.Value, object[name], within(field, name)); err != nil {
			return err
		}
	}
	return nil
}

func checkArray(s *openapi3.Schema, v any, field string) error {
	array, ok := v.([]any)
	if !ok {
		return invalid(field, "The field is a list.")
	}
	if s.MaxItems != nil && uint64(len(array)) > *s.MaxItems {
		return tooLong(field, *s.MaxItems)
	}
	if uint64(len(array)) < s.MinItems {
		return invalid(field, fmt.Sprintf("The list has at least %d entries.", s.MinItems))
	}
	for i, item := range array {
		if err := checkValue(s.Items.Value, item, fmt.Sprintf("%s[%d]", field, i)); err != nil {
			return err
		}
	}
	return nil
}

func checkText(s *openapi3.Schema, text, field string) error {
	n := uint64(utf8.RuneCountInString(text))
	if s.MaxLength != nil && n > *s.MaxLength {
		return tooLong(field, *s.MaxLength)
	}
	if n < s.MinLength {
		return problem.New(problem.Invalid, problem.CodeMissingField, "The field is empty.").WithField(field)
	}
	if strings.ContainsRune(text, 0) {
		return invalid(field, "The field holds a NUL character.")
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, any(text)) {
		return invalid(field, fmt.Sprintf("The field is one of %v.", s.Enum))
	}
	return checkFormat(s.Format, text, field)
}

func checkFormat(format, text, field string) error {
	switch format {
	case "byte":
		if _, err := base64.StdEncoding.Strict().DecodeString(text); err != nil || strings.ContainsAny(text, "\r\n") {
			return invalid(field, "The field is padded standard base64.")
		}
	case "date-time":
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return invalid(field, "The field is an RFC 3339 time.")
		}
	}
	return nil
}

func checkInteger(s *openapi3.Schema, text, field string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return invalid(field, "The field is a whole number.")
	}
	if s.Min != nil && float64(n) < *s.Min || s.Max != nil && float64(n) > *s.Max {
		return invalid(field, "The number is out of range.")
	}
	return nil
}

func tooLong(field string, most uint64) error {
	return problem.New(problem.Invalid, problem.CodeTooLong, fmt.Sprintf("The field has at most %d characters or entries.", most)).
		WithField(field).WithParam("max", most)
}

func within(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

// clipName keeps a made-up name from filling the answer.
func clipName(name string) string {
	if utf8.RuneCountInString(name) <= 40 {
		return name
	}
	return string([]rune(name)[:40]) + "…"
}

// checkParameters holds path, query and the headers it names to the contract; a query parameter that it does not name is refused.
func (op *operation) checkParameters(path func(name string) string, query url.Values, header http.Header) error {
	known := map[string]bool{}
	for _, p := range op.parameters {
		if p.In == openapi3.ParameterInPath {
			if err := checkParameter(p, path(p.Name)); err != nil {
				return err
			}
			continue
		}
		if p.In == openapi3.ParameterInHeader {
			if err := checkHeader(p, header.Values(p.Name)); err != nil {
				return err
			}
			continue
		}
		known[p.Name] = true
		values := query[p.Name]
		if len(values) > 1 {
			return invalid(p.Name, "The parameter is there more than once.")
		}
		if len(values) == 1 {
			if err := checkParameter(p, values[0]); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !known[name] {
			return invalid(clipName(name), "There is no such parameter.")
		}
	}
	return nil
}

func checkHeader(p *openapi3.Parameter, values []string) error {
	switch {
	case len(values) > 1:
		return invalid(p.Name, "The header is there more than once.")
	case len(values) == 1:
		return checkParameter(p, values[0])
	case p.Required:
		return problem.New(problem.Invalid, problem.CodeMissingField, "The header is required.").WithField(p.Name)
	}
	return nil
}

func checkParameter(p *openapi3.Parameter, text string) error {
	if !utf8.ValidString(text) {
		return invalid(p.Name, "The parameter is not UTF-8.")
	}
	s := p.Schema.Value
	if s.Type.Is("integer") {
		return checkInteger(s, text, p.Name)
	}
	return checkText(s, text, p.Name)
}
