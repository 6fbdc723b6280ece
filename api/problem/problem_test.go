package problem

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// declared reads the constants of codes.go, so that a code missing in All is seen.
func declared(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]string{}
	for _, d := range file.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, s := range gen.Specs {
			spec := s.(*ast.ValueSpec)
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes[spec.Names[0].Name] = value
		}
	}
	return codes
}

func TestCodesAreUniqueSnakeCaseAndListed(t *testing.T) {
	snake := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	listed := map[Code]bool{}
	for _, c := range All() {
		if listed[c] {
			t.Errorf("%s is listed twice", c)
		}
		listed[c] = true
	}
	byValue := map[string]string{}
	for name, value := range declared(t) {
		if !snake.MatchString(value) || len(value) > 40 {
			t.Errorf("%s = %q is not short snake_case", name, value)
		}
		if want := strings.ToLower(strings.TrimPrefix(name, "Code")); want != strings.ReplaceAll(value, "_", "") {
			t.Errorf("%s does not spell its value %q", name, value)
		}
		if other, twice := byValue[value]; twice {
			t.Errorf("%q is declared as %s and %s", value, name, other)
		}
		byValue[value] = name
		if !listed[Code(value)] {
			t.Errorf("%s is missing in all", name)
		}
	}
	if len(byValue) != len(listed) {
		t.Errorf("%d constants, %d listed", len(byValue), len(listed))
	}
}

func TestErrorsAsThroughWrapping(t *testing.T) {
	cause := errors.New("disk on fire")
	base := New(Busy, CodeDatabaseUnavailable, "The database does not answer.")
	err := fmt.Errorf("saving order: %w", base.WithField("order").WithParam("n", 3).WithCause(cause).WithRetryAfter(1500*time.Millisecond))

	var p *Error
	if !errors.As(err, &p) || p.Kind != Busy || p.Field != "order" || p.Params["n"] != 3 || p.Params[ParamRetryAfter] != int64(2) {
		t.Fatalf("got %#v", p)
	}
	if !errors.Is(err, cause) || !errors.Is(err, New(Busy, CodeDatabaseUnavailable, "")) || errors.Is(err, New(Busy, CodeStorageFull, "")) {
		t.Error("errors.Is does not see cause and code")
	}
	if base.Field != "" || base.Params != nil || base.Err != nil {
		t.Error("With changed the original")
	}
	if CodeOf(err) != CodeDatabaseUnavailable || CodeOf(cause) != CodeInternal || CodeOf(nil) != "" || !Has(err, CodeDatabaseUnavailable) || Has(cause, CodeInternal) {
		t.Error("CodeOf or Has is wrong")
	}
}

func TestEveryKindHasAName(t *testing.T) {
	for k := Invalid; k <= Unauthenticated; k++ {
		if strings.HasPrefix(k.String(), "kind(") {
			t.Errorf("kind %d has no name", k)
		}
	}
}
