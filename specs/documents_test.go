package specs

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// documents lists the documents of this folder: a new system's is one of them
// by being there.
func documents(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("found %d documents, which cannot be all: %v", len(files), err)
	}
	return files
}

// open loads a document and resolves its references.
func open(t *testing.T, file string) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return doc
}

// operation is one call of a document, with all its parameters.
type operation struct {
	method, path string
	*openapi3.Operation
	parameters openapi3.Parameters
}

func (o operation) String() string { return o.method + " " + o.path }

// operationsOf lists the calls of a document in a fixed order.
func operationsOf(doc *openapi3.T) []operation {
	var all []operation
	for _, path := range doc.Paths.Keys() {
		item := doc.Paths.Value(path)
		ops := item.Operations()
		for _, method := range slices.Sorted(maps.Keys(ops)) {
			all = append(all, operation{method, path, ops[method], slices.Concat(item.Parameters, ops[method].Parameters)})
		}
	}
	return all
}

// eachProperty visits the properties of a schema and of the schemas within.
func eachProperty(schema *openapi3.Schema, visit func(name string, property *openapi3.Schema)) {
	if schema.Items != nil {
		eachProperty(schema.Items.Value, visit)
	}
	for name, property := range schema.Properties {
		visit(name, property.Value)
		eachProperty(property.Value, visit)
	}
}

func TestEveryDocumentIsValidOpenAPI(t *testing.T) {
	for _, file := range documents(t) {
		if err := open(t, file).Validate(t.Context()); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestEveryOperationHasAGoNameAndASummary(t *testing.T) {
	name := regexp.MustCompile(`^[A-Z][A-Za-z]+$`)
	for _, file := range documents(t) {
		for _, op := range operationsOf(open(t, file)) {
			if !name.MatchString(op.OperationID) {
				t.Errorf("%s: %s: operationId %q is no exported Go name", file, op, op.OperationID)
			}
			if op.Summary == "" {
				t.Errorf("%s: %s: no summary", file, op)
			}
		}
	}
}

func TestEveryRefusalHasAReadableBody(t *testing.T) {
	for _, file := range documents(t) {
		for _, op := range operationsOf(open(t, file)) {
			for status, response := range op.Responses.Map() {
				code, err := strconv.Atoi(status)
				if err != nil {
					t.Errorf("%s: %s: %q is no status: each one is to be named", file, op, status)
					continue
				}
				if code < 300 {
					continue
				}
				media := response.Value.Content.Get("application/json")
				if media == nil || media.Schema == nil || len(media.Schema.Value.Properties) == 0 {
					t.Errorf("%s: %s: %d says nothing about its body", file, op, code)
				}
			}
		}
	}
}

func TestOnlyLoginAndLivenessWorkWithoutAToken(t *testing.T) {
	for _, file := range documents(t) {
		doc := open(t, file)
		if len(doc.Security) == 0 {
			t.Errorf("%s: demands no token", file)
		}
		for _, op := range operationsOf(doc) {
			free := op.Security != nil && len(*op.Security) == 0
			if may := slices.Contains([]string{"Login", "GetAlive", "GetHealth"}, op.OperationID); free != may {
				t.Errorf("%s: %s works without a token: %v, want %v", file, op.OperationID, free, may)
			}
		}
	}
}

// Queries and paths end up in the logs of servers and proxies.
func TestNoSecretTravelsInAURL(t *testing.T) {
	secret := regexp.MustCompile(`(?i)secret|token|password|client_id|api_?key|auth`)
	for _, file := range documents(t) {
		doc := open(t, file)
		for _, op := range operationsOf(doc) {
			for _, parameter := range op.parameters {
				if secret.MatchString(parameter.Value.Name) {
					t.Errorf("%s: %s: %s in %s", file, op, parameter.Value.Name, parameter.Value.In)
				}
			}
		}
		for name, scheme := range doc.Components.SecuritySchemes {
			if scheme.Value.Type == "apiKey" && scheme.Value.In != "header" {
				t.Errorf("%s: the token %s travels in %s", file, name, scheme.Value.In)
			}
		}
	}
}

// Whoever reads a document, or the Go comments made from it, must see what may never be written to a log.
func TestEverySecretIsCalledOne(t *testing.T) {
	secret := regexp.MustCompile(`(?i)(token|secret|password|link|(reset|setup|password)_?url)$`)
	for _, file := range documents(t) {
		found := 0
		for _, schema := range open(t, file).Components.Schemas {
			eachProperty(schema.Value, func(name string, property *openapi3.Schema) {
				said := strings.HasPrefix(property.Description, "Secret.")
				switch {
				case secret.MatchString(name) && !said:
					t.Errorf("%s: %s is a secret and its description does not begin with that word: %q", file, name, property.Description)
				case !said && strings.Contains(property.Description, "Secret."):
					t.Errorf("%s: %s is called a secret, and not at the beginning: %q", file, name, property.Description)
				}
				if said {
					found++
				}
			})
		}
		if found == 0 {
			t.Errorf("%s: no secrets, which cannot be", file)
		}
	}
}

// A server may refuse, or silently drop, a write that echoes what it alone decides.
func TestNothingReadOnlyIsEverSent(t *testing.T) {
	for _, file := range documents(t) {
		for _, op := range operationsOf(open(t, file)) {
			if op.RequestBody == nil {
				continue
			}
			for kind, media := range op.RequestBody.Value.Content {
				eachProperty(media.Schema.Value, func(name string, property *openapi3.Schema) {
					if property.ReadOnly {
						t.Errorf("%s: %s: %s body holds %s, which is read-only", file, op, kind, name)
					}
				})
			}
		}
	}
}
