// Package spectest holds a test server against the specification that the
// typed client of its system is generated from:
//
//	d := spectest.Open(t, "../../specs/looker.yaml")
//	client := &http.Client{Transport: d.At(server.URL)}
//	// … ask for every operation …
//	d.Complete()
//
// It is for the tests of the test servers, which share no code with the clients,
// so that both are right by the same document and not by each other.
package spectest

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

// A Document is a specification as a transport. It reports each answer that is
// against it, and each request that is and was accepted all the same. It is not
// for concurrent use.
type Document struct {
	t         testing.TB
	doc       *openapi3.T
	router    routers.Router
	succeeded map[string]bool // operations
	statuses  map[int]bool
}

// Open reads the document at path. Whatever is wrong fails t.
func Open(t testing.TB, path string) *Document {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A page, as systems answer behind a login or under maintenance, is a text.
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder)
	return &Document{t: t, doc: doc, succeeded: map[string]bool{}, statuses: map[int]bool{}}
}

// At is the transport for the server at url from now on, with the path that all
// operations stand behind; what is seen of several servers adds up.
func (d *Document) At(url string) http.RoundTripper {
	d.t.Helper()
	d.doc.Servers = openapi3.Servers{{URL: url}}
	router, err := legacy.NewRouter(d.doc)
	if err != nil {
		d.t.Fatal(err)
	}
	d.router = router
	return d
}

// RoundTrip does the request and holds it and its answer against the document.
func (d *Document) RoundTrip(r *http.Request) (*http.Response, error) {
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

// Complete reports which operation of the document never succeeded, and which
// status, but for those excepted, was never answered.
func (d *Document) Complete(except ...int) {
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
