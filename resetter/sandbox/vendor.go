package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// A Vendor is what makes a [Server] one vendor's: its routes, and its way of refusing.
type Vendor struct {
	// Prefix is the path under which everything lives, "" or for example "/acme".
	Prefix string
	Routes []Route
	// NotFound answers what no route matches. The violation is recorded already.
	NotFound func(*Exchange)
	// Throttled writes the answer 429. Retry-After is set already, where it is to be told.
	Throttled func(*Exchange)
	// IdleTimeout is how long the server keeps an unused connection; 0 is for ever.
	IdleTimeout time.Duration
	// Header is part of every answer of the vendor.
	Header http.Header
}

// A BodyKind is what a route wants to be sent.
type BodyKind string

// The kinds of body, by their content type.
const (
	NoBody   BodyKind = ""                                  // none is looked for
	JSONBody BodyKind = "application/json"                  // one JSON value
	FormBody BodyKind = "application/x-www-form-urlencoded" // a form
)

// A Route is one operation of a vendor.
type Route struct {
	Operation Operation
	Method    string
	Path      string   // as for http.ServeMux, below the prefix
	Query     []string // the parameters that the operation knows; others are violations
	Body      BodyKind // an empty body is no violation here
	// Person names the e-mail address that a request is about, "" if none; nil is none.
	Person func(*Exchange) string
	Handle func(*Exchange)
}

// An Exchange is one request and its answer, which is kept back until the handler has returned.
// It belongs to the goroutine of its handler.
type Exchange struct {
	Request *http.Request
	Body    []byte // the whole body
	Route   *Route // nil if no route matches

	server *Server
	path   string // as it may be written down
	index  int    // in the request log
	header http.Header
	status int
	answer bytes.Buffer
}

// Header is the answer's.
func (x *Exchange) Header() http.Header { return x.header }

// JSON answers with v as JSON.
func (x *Exchange) JSON(status int, v any) {
	x.header.Set("Content-Type", "application/json; charset=utf-8")
	x.status = status
	x.answer.Reset()
	enc := json.NewEncoder(&x.answer)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // a vendor's server can only have made a mistake
		x.Text(http.StatusInternalServerError, "text/plain", "sandbox: "+err.Error())
	}
}

// Text answers with body.
func (x *Exchange) Text(status int, contentType, body string) {
	x.header.Set("Content-Type", contentType)
	x.status = status
	x.answer.Reset()
	x.answer.WriteString(body)
}

// Empty answers without a body.
func (x *Exchange) Empty(status int) {
	x.header.Del("Content-Type")
	x.status = status
	x.answer.Reset()
}

// Mail sends a mail: to, account, kind and link are the caller's, the time is the server's.
func (x *Exchange) Mail(m Mail) {
	m.At = x.server.Now()
	x.server.mailbox.deliver(m)
}

// Violation records that the vendor would not like the request.
func (x *Exchange) Violation(rule Rule, detail string) {
	v := Violation{Rule: rule, Method: x.Request.Method, Path: x.path, Detail: x.server.withhold(detail)}
	if x.Route != nil {
		v.Operation = x.Route.Operation
	}
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	x.server.violations = append(x.server.violations, v)
}

// Object decodes a JSON object, whose properties are all in known, into a map of raw values. It
// records as violations what is malformed or unknown, and returns an error for the first; the map
// holds what could be read. An empty body is an empty object.
func (x *Exchange) Object(known ...string) (map[string]json.RawMessage, error) {
	object := map[string]json.RawMessage{}
	if len(bytes.TrimSpace(x.Body)) == 0 {
		return object, nil
	}
	dec := json.NewDecoder(bytes.NewReader(x.Body))
	err := dec.Decode(&object)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more than one JSON value")
		}
	}
	if err != nil || object == nil {
		x.Violation(MalformedBody, "not a JSON object")
		return map[string]json.RawMessage{}, errors.New("the body is not a JSON object")
	}
	for name := range object {
		if !slices.Contains(known, name) {
			x.Violation(UnknownProperty, fmt.Sprintf("%.40q", name))
			err = fmt.Errorf("the body has an unknown property %.40q", name)
		}
	}
	return object, err
}
