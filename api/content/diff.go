package content

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Change is one place in which two documents differ.
//
// Shape: Path names members and numbers places of lists from 1, such as contact.phone or help.2; texts as they are, other values as JSON.
// Nil/zero: Was nil = it is new; Became nil = it is gone.
type Change struct {
	Path        string
	Was, Became *string
}

// changes compares two documents; nil is the empty one.
func changes(before, after []byte) ([]Change, error) {
	was, became := map[string]string{}, map[string]string{}
	for _, side := range []struct {
		text []byte
		into map[string]string
	}{{before, was}, {after, became}} {
		if side.text == nil {
			continue
		}
		var document any
		if err := json.Unmarshal(side.text, &document); err != nil {
			return nil, fmt.Errorf("comparing documents: %w", err)
		}
		flatten(side.into, "", document)
	}
	paths := slices.Collect(maps.Keys(was))
	for path := range became {
		if _, both := was[path]; !both {
			paths = append(paths, path)
		}
	}
	slices.SortFunc(paths, natural)
	list := []Change{}
	for _, path := range paths {
		old, wasThere := was[path]
		new, isThere := became[path]
		if wasThere && isThere && old == new {
			continue
		}
		one := Change{Path: path}
		if wasThere {
			one.Was = &old
		}
		if isThere {
			one.Became = &new
		}
		list = append(list, one)
	}
	return list, nil
}

func flatten(into map[string]string, path string, value any) {
	below := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			flatten(into, below(name), member)
		}
	case []any:
		for i, member := range v {
			flatten(into, below(place(member, i)), member)
		}
	case string:
		if v != "" {
			into[path] = v
		}
	case nil:
	case float64:
		into[path] = strconv.FormatFloat(v, 'f', -1, 64)
	default:
		into[path] = fmt.Sprint(v)
	}
}

// place names a member of a list: by what tells it apart, so that one that is put in does not make all after it differ, else by its number.
func place(member any, i int) string {
	if object, ok := member.(map[string]any); ok {
		for _, name := range []string{"key", "date", "kind", "type"} {
			text, ok := object[name].(string)
			if !ok {
				continue
			}
			if term, ok := object["termMonths"].(float64); ok && term > 0 {
				return text + "-" + strconv.FormatFloat(term, 'f', -1, 64)
			}
			return text
		}
	}
	return strconv.Itoa(i + 1)
}

// natural orders help.2 before help.10.
func natural(a, b string) int {
	for a != "" && b != "" {
		if digit(a[0]) && digit(b[0]) {
			na, nb := number(a), number(b)
			if len(na) != len(nb) {
				return len(na) - len(nb)
			}
			if na != nb {
				break
			}
			a, b = a[len(na):], b[len(nb):]
			continue
		}
		if a[0] != b[0] {
			break
		}
		a, b = a[1:], b[1:]
	}
	switch {
	case a == b:
		return 0
	case a < b:
		return -1
	}
	return 1
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func number(s string) string {
	n := 0
	for n < len(s) && digit(s[n]) {
		n++
	}
	return s[:n]
}
