package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody is how much of a request is read; no operation comes near.
const maxBody = 1 << 20

func (s *Server) route() {
	for i := range s.vendor.Routes {
		r := &s.vendor.Routes[i]
		pattern := r.Method + " " + s.vendor.Prefix + r.Path
		s.mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
		s.routes[pattern] = r
	}
}

// serve is the life of a request: remembered, looked at for violations, delayed, limited, struck
// by a fault or not, carried out, answered.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.inHand.Add(1)
	defer s.inHand.Done()

	x := s.receive(w, r)
	s.inspect(x)
	x.Wait(s.delay())
	if s.gate.refusing() {
		panic(http.ErrAbortHandler) // net/http's way of closing a connection without an answer
	}
	if limited := s.limit(x); limited {
		s.send(w, x)
		return
	}
	fault := s.fault(x.operation(), s.person(x))
	if fault == nil {
		s.process(x)
		s.send(w, x)
		return
	}
	s.note(x, func(r *Request) { r.Fault = fault.Kind })
	if fault.Processed || fault.Kind == Cut {
		s.process(x)
	}
	s.strike(w, x, fault)
}

// receive reads the whole request and finds its route.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) *Exchange {
	x := &Exchange{Request: r, server: s, path: s.withhold(r.URL.EscapedPath()), header: http.Header{}}
	for name, values := range s.vendor.Header {
		x.header[name] = slices.Clone(values)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil { // too large, or the client went away within
		s.remember(x)
		panic(http.ErrAbortHandler)
	}
	x.Body = body
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.find(w, x)
	s.remember(x)
	return x
}

// find finds the route of a request.
func (s *Server) find(w http.ResponseWriter, x *Exchange) {
	// The mux would redirect an unclean path; a vendor is not asked to, and a client not to follow.
	if clean := path.Clean(x.Request.URL.Path); clean == x.Request.URL.Path {
		_, pattern := s.mux.Handler(x.Request)
		x.Route = s.routes[pattern]
	}
	if x.Route != nil {
		// Only now, as the mux sets the values of the path's wildcards where it serves.
		s.mux.ServeHTTP(w, x.Request)
	}
}

func (s *Server) remember(x *Exchange) {
	entry := Request{
		Operation: x.operation(),
		Method:    x.Request.Method,
		Path:      x.path,
		At:        s.Now(),
	}
	for name := range x.Request.URL.Query() {
		entry.Query = append(entry.Query, s.withhold(name))
	}
	slices.Sort(entry.Query)
	entry.Person = s.withhold(s.person(x))
	s.mu.Lock()
	defer s.mu.Unlock()
	x.index = len(s.requests)
	s.requests = append(s.requests, entry)
}

// withhold is text, unless that holds a secret of this server.
func (s *Server) withhold(text string) string {
	if strings.Contains(text, s.canary) {
		return "(withheld)"
	}
	return text
}

func (s *Server) note(x *Exchange, change func(*Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.requests[x.index])
}

func (x *Exchange) operation() Operation {
	if x.Route == nil {
		return ""
	}
	return x.Route.Operation
}

func (s *Server) person(x *Exchange) string {
	if x.Route == nil || x.Route.Person == nil {
		return ""
	}
	return x.Route.Person(x)
}

// secretNames are query parameters that no vendor wants to see in its logs.
var secretNames = []string{
	"access_token", "api_key", "apikey", "authorization", "client_id", "client_secret",
	"oauth_token", "oauth-token", "password", "refresh_token", "secret", "token",
}

// inspect records what any vendor would not like.
func (s *Server) inspect(x *Exchange) {
	query := x.Request.URL.Query()
	for name := range query {
		if slices.Contains(secretNames, strings.ToLower(name)) {
			x.Violation(SecretInURL, fmt.Sprintf("query parameter %q", name))
		}
	}
	if strings.Contains(x.Request.RequestURI, s.canary) {
		x.Violation(SecretInURL, "a secret of this server")
	}
	if x.Route == nil {
		x.Violation(UnknownPath, "the vendor has no such operation")
		return
	}
	for name := range query {
		if !slices.Contains(x.Route.Query, name) && !slices.Contains(secretNames, strings.ToLower(name)) {
			x.Violation(UnknownQuery, fmt.Sprintf("%.40q", name))
		}
	}
	if x.Route.Operation == Reset {
		for name := range x.Request.Header {
			if strings.HasSuffix(strings.ToLower(name), "idempotency-key") {
				x.Violation(IdempotencyKey, name)
			}
		}
	}
	if len(x.Body) > 0 && !x.HasBodyType() {
		x.Violation(WrongContentType, fmt.Sprintf("%.60q", x.Request.Header.Get("Content-Type")))
	}
}

// HasBodyType says whether the Content-Type is what the route wants.
func (x *Exchange) HasBodyType() bool {
	if x.Route.Body == NoBody {
		return false
	}
	is, _, err := mime.ParseMediaType(x.Request.Header.Get("Content-Type"))
	return err == nil && is == string(x.Route.Body)
}

func (s *Server) delay() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latency
}

// Wait has the server work for d. It does not notice when the client hangs up meanwhile; when the
// server closes, the request ends there.
func (x *Exchange) Wait(d time.Duration) {
	if d <= 0 {
		return
	}
	over := time.NewTimer(d)
	defer over.Stop()
	select {
	case <-over.C:
	case <-x.server.closing:
		panic(http.ErrAbortHandler)
	}
}

// stall returns when the fault lets go, or when the client hung up; when the server closes, the
// request ends there.
func (s *Server) stall(client context.Context, f *armed) {
	var over <-chan time.Time
	if f.For > 0 {
		timer := time.NewTimer(f.For)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
	case <-f.cleared:
	case <-client.Done():
	case <-s.closing:
		panic(http.ErrAbortHandler)
	}
}

// limit answers a request that is one too many.
func (s *Server) limit(x *Exchange) (limited bool) {
	now := s.Now()
	s.mu.Lock()
	admitted, wait := s.bucket.admit(now)
	limit := s.bucket.Limit
	s.mu.Unlock()
	if admitted {
		return false
	}
	if limit.Block > 0 {
		s.Outage(limit.Block)
		panic(http.ErrAbortHandler)
	}
	if limit.RetryAfter {
		x.header.Set("Retry-After", wholeSeconds(wait))
	}
	s.vendor.Throttled(x)
	return true
}

func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

func (s *Server) process(x *Exchange) {
	if x.Route == nil {
		s.vendor.NotFound(x)
		return
	}
	x.Route.Handle(x)
}

// strike lets the fault happen to a request that was carried out already, or not, as it wants.
func (s *Server) strike(w http.ResponseWriter, x *Exchange, f *armed) {
	switch f.Kind {
	case Throttle:
		s.overwrite(x, f.Fault)
		if f.RetryAfter > 0 {
			x.header.Set("Retry-After", wholeSeconds(f.RetryAfter))
		}
		s.vendor.Throttled(x)
	case Answer:
		s.overwrite(x, f.Fault)
		contentType := x.header.Get("Content-Type")
		if contentType == "" {
			contentType = "application/json; charset=utf-8"
		}
		x.Text(f.Status, contentType, f.Body)
	case Page:
		s.overwrite(x, f.Fault)
		x.Text(max(f.Status, http.StatusOK), "text/html; charset=utf-8",
			"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n")
	case Stall:
		s.stall(x.Request.Context(), f)
		if x.Request.Context().Err() != nil { // nobody is there any more
			panic(http.ErrAbortHandler)
		}
		if !f.Processed {
			s.process(x)
		}
	case Cut:
		s.cut(w, x)
	default: // Drop
		panic(http.ErrAbortHandler)
	}
	s.send(w, x)
}

// overwrite forgets the vendor's answer, if there is one, for that of the fault.
func (s *Server) overwrite(x *Exchange, f Fault) {
	x.header = http.Header{}
	for name, values := range f.Header {
		x.header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
}

// send writes the answer. The log knows its status before the client can.
func (s *Server) send(w http.ResponseWriter, x *Exchange) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	s.head(w, x)
	_, _ = w.Write(x.answer.Bytes())
}

func (s *Server) cut(w http.ResponseWriter, x *Exchange) {
	if x.answer.Len() == 0 { // nothing to cut: the answer is lost as a whole
		panic(http.ErrAbortHandler)
	}
	s.head(w, x)
	_, _ = w.Write(x.answer.Bytes()[:x.answer.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func (s *Server) head(w http.ResponseWriter, x *Exchange) {
	s.note(x, func(r *Request) { r.Status = x.status })
	for name, values := range x.header {
		w.Header()[name] = values
	}
	if x.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(x.answer.Len()))
	}
	if s.gate.refusing() {
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(x.status)
}

// discardLog swallows what net/http says about connections that were cut on purpose.
func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }
