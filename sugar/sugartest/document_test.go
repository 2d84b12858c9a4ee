package sugartest_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// document is the description of the vendor that the clients are generated from, as a transport:
// it holds each answer, and each request that is accepted, against it.
type document struct {
	t         *testing.T
	doc       *openapi3.T
	router    routers.Router
	succeeded map[string]bool // operations
	statuses  map[int]bool
}

func openDocument(t *testing.T) *document {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../../specs/sugar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder)
	return &document{t: t, doc: doc, succeeded: map[string]bool{}, statuses: map[int]bool{}}
}

// at is the transport for a server; what is seen of several adds up.
func (d *document) at(url string) http.RoundTripper {
	d.t.Helper()
	d.doc.Servers = openapi3.Servers{{URL: url}}
	router, err := legacy.NewRouter(d.doc)
	if err != nil {
		d.t.Fatal(err)
	}
	d.router = router
	return d
}

func (d *document) RoundTrip(r *http.Request) (*http.Response, error) {
	route, params, err := d.router.FindRoute(r)
	if err != nil {
		d.t.Errorf("%s %s: not in the document: %v", r.Method, r.URL.Path, err)
		return http.DefaultTransport.RoundTrip(r)
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
	bad := openapi3filter.ValidateRequest(r.Context(), request)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	if bad != nil && res.StatusCode < 300 {
		d.t.Errorf("%s was accepted, against the document: %v", route.Operation.OperationID, bad)
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: res.StatusCode, Header: res.Header, Options: options,
	}
	if err := openapi3filter.ValidateResponse(r.Context(), answer.SetBodyBytes(body)); err != nil {
		d.t.Errorf("%s: the answer %d is against the document: %v", route.Operation.OperationID, res.StatusCode, err)
	}
	d.statuses[res.StatusCode] = true
	if res.StatusCode < 300 {
		d.succeeded[route.Operation.OperationID] = true
	}
	return res, nil
}

// complete says which operation of the document never succeeded, and which status was never seen.
func (d *document) complete(except ...int) {
	d.t.Helper()
	wanted := map[int]bool{}
	for _, path := range d.doc.Paths.Map() {
		for _, operation := range path.Operations() {
			if !d.succeeded[operation.OperationID] {
				d.t.Errorf("%s never succeeded", operation.OperationID)
			}
			for status := range operation.Responses.Map() {
				if n, err := strconv.Atoi(status); err == nil {
					wanted[n] = true
				}
			}
		}
	}
	for _, status := range slices.Sorted(maps.Keys(wanted)) {
		if !d.statuses[status] && !slices.Contains(except, status) {
			d.t.Errorf("the status %d was never answered", status)
		}
	}
}
