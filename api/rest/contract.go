package rest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

const (
	basePath  = "/api/v1"
	fileMedia = "application/octet-stream" // of bodies that are a file
)

// Bounds of request bodies, in bytes.
const (
	bodyLimit   = 64 << 10
	fileLimit   = 2 << 20 // a file to sign, an envelope to open, and the agent's answers about them
	verifyLimit = 6 << 20
	importLimit = 32 << 20 // a sheet and an archive, in base64
	uploadLimit = 8 << 20  // what is in it decides how much of that may be
)

var bodyLimits = map[string]int64{
	"CreateJob":            fileLimit,
	"PostJobResult":        fileLimit,
	"CreatePlatformTicket": fileLimit,
	"StationSign":          fileLimit,
	"Verify":               verifyLimit,
	"AddMaterial":          uploadLimit,
	"AskNumber":            uploadLimit,
	"UploadSlip":           uploadLimit,
	"UploadStatement":      uploadLimit,
	"UploadInvoice":        uploadLimit,
	"ImportHolders":        importLimit,
}

// operation is one entry of the contract, prepared for checking requests.
type operation struct {
	id         string
	method     string
	route      string // as gin writes it
	parameters []*openapi3.Parameter
	body       *openapi3.Schema // nil: takes none, or a file
	file       bool             // the body is a file as it is
	limit      int64
	access     access
}

// contract is api/openapi.yaml as the server uses it.
type contract struct {
	operations map[string]*operation // by method and gin route
}

// readContract takes the embedded contract apart.
//
// Errors: an operation without an access row, or a row without an operation.
func readContract() (*contract, error) {
	spec, err := GetSpec()
	if err != nil {
		return nil, fmt.Errorf("reading the API contract: %w", err)
	}
	c := &contract{operations: map[string]*operation{}}
	seen := map[string]bool{}
	for path, item := range spec.Paths.Map() {
		for method, o := range item.Operations() {
			op, err := readOperation(path, method, o)
			if err != nil {
				return nil, fmt.Errorf("reading the API contract: %s: %w", o.OperationID, err)
			}
			c.operations[op.method+" "+op.route] = op
			seen[op.id] = true
		}
	}
	for id := range accessTable {
		if !seen[id] {
			return nil, fmt.Errorf("the access table has %s, which the API contract has not", id)
		}
	}
	return c, nil
}

func readOperation(path, method string, o *openapi3.Operation) (*operation, error) {
	op := &operation{id: o.OperationID, method: method, route: ginRoute(path), limit: bodyLimit}
	if n := bodyLimits[op.id]; n != 0 {
		op.limit = n
	}
	var listed bool
	if op.access, listed = accessTable[op.id]; !listed {
		return nil, errors.New("no row in the access table")
	}
	for _, ref := range o.Parameters {
		op.parameters = append(op.parameters, ref.Value)
	}
	if o.RequestBody != nil {
		if o.RequestBody.Value.Content[fileMedia] != nil {
			op.file = true
			return op, nil
		}
		media := o.RequestBody.Value.Content["application/json"]
		if media == nil || media.Schema == nil {
			return nil, errors.New("takes a body that is not JSON")
		}
		op.body = media.Schema.Value
	}
	return op, nil
}

// ginRoute turns /orders/{id}/close into /api/v1/orders/:id/close.
func ginRoute(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = ":" + strings.Trim(s, "{}")
		}
	}
	return basePath + strings.Join(segments, "/")
}

// changes reports whether the method may change something.
func changes(method string) bool {
	return !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, method)
}
