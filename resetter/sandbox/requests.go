package sandbox

import (
	"fmt"
	"time"
)

// A Request is what a server remembers of a request: never a body, a header or the value of a
// query parameter.
type Request struct {
	Operation Operation // "" for a path that the vendor does not have
	Method    string
	Path      string   // percent-escaped as it came; withheld if it carries a secret
	Query     []string // the names of the parameters, sorted
	Person    string   // the e-mail address that it is about, where it names one person
	At        time.Time
	Status    int       // of the answer; 0 if there was none (yet)
	Fault     FaultKind // what went wrong on purpose; "" if nothing did
}

// String tells it in a line, for a test to report.
func (r Request) String() string {
	return fmt.Sprintf("%s %s %v → %d", r.Method, r.Path, r.Query, r.Status)
}

// Requests returns a copy of all requests so far, in the order of arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Calls is how many requests asked for op.
func (s *Server) Calls(op Operation) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.requests {
		if r.Operation == op {
			n++
		}
	}
	return n
}

// A Rule is one thing that a vendor would not like.
type Rule string

// The rules.
const (
	SecretInURL      Rule = "secret in a URL"               // where every log on the way keeps it
	UnknownPath      Rule = "unknown path"                  // the vendor has no such operation
	UnknownQuery     Rule = "unknown query parameter"       // the operation does not know it
	UnknownProperty  Rule = "unknown property"              // of the object that was sent
	UnknownField     Rule = "unknown field asked for"       // to be part of the answer
	ReadOnlyProperty Rule = "read-only property written"    // the vendor would refuse or drop it
	MalformedBody    Rule = "malformed body"                // not what its content type says
	WrongContentType Rule = "wrong content type"            // not what the operation takes
	IdempotencyKey   Rule = "idempotency key on a send"     // net/http repeats by itself what carries one
	ForeignToken     Rule = "token of another server"       // a client has mixed up two systems
	PlatformBase     Rule = "platform base"                 // throws the administrator out of the browser
	LoginHammered    Rule = "login repeated after lock-out" // which locks people out for longer
)

// A Violation is a request that a vendor would not like, whatever it was answered. A test of a
// client asserts that there are none:
//
//	for _, v := range srv.Violations() { t.Error(v) }
type Violation struct {
	Rule      Rule
	Operation Operation
	Method    string
	Path      string
	Detail    string // which property, parameter or type; never a secret
}

// String tells it in a line, for a test to report.
func (v Violation) String() string {
	return fmt.Sprintf("%s %s: %s: %s", v.Method, v.Path, v.Rule, v.Detail)
}

// Violations returns a copy of all violations so far.
func (s *Server) Violations() []Violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Violation(nil), s.violations...)
}
