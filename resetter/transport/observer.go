package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// WithObserver has an observer look on at every attempt of every request,
// sign-ins included: for traces, metrics and counters. wrap is called once, by
// New. What it returns may be anything that wraps an http.RoundTripper, such as
// the one of OpenTelemetry's otelhttp, which this module does not depend on:
//
//	transport.WithObserver(func(next http.RoundTripper) http.RoundTripper {
//		return otelhttp.NewTransport(next, otelhttp.WithSpanNameFormatter(
//			func(_ string, r *http.Request) string { return transport.OperationName(r.Context()) }))
//	})
//
// An observer looks on and decides nothing, since whatever could repeat, alter
// or invent a request or its answer could have a person mailed twice, or
// somebody told that certainly nothing was sent. So it stands below all
// repeating, and what it holds in its hands is a likeness:
//
//   - The request that it is shown has the method, the address of the system
//     and the caller's context; no path, query, header or body. OperationName
//     says what it is about.
//   - Of what it passes on, the headers of a trace are sent (W3C Trace Context
//     and Baggage, B3, and those of Jaeger, AWS and Google Cloud), and nothing
//     else is looked at: whatever it did to address, body or context, the
//     request that leaves is ours.
//   - next carries the request out once. Called again, or after the observer has
//     returned, it fails.
//   - The answer that it is shown has a status; no header or body. The error
//     that it is shown is cleaned as in a log. What it returns is not used, but
//     for closing the body, when the true one was read.
//   - One that does not call next holds the request back: it is certainly not
//     sent, and the call ends in resetter.ErrNotStarted with the observer's
//     error as its cause.
//
// It is called after BeforeSend, within the time-out and the pace of the
// attempt, so it must not wait; and concurrently. Of several, the last counts.
func WithObserver(wrap func(next http.RoundTripper) http.RoundTripper) Option {
	return func(s *settings) error {
		if wrap == nil {
			return errors.New("the function that makes the observer is nil")
		}
		observer := wrap(passOn{})
		if observer == nil {
			return errors.New("the observer is nil")
		}
		s.observer = observer
		return nil
	}
}

// OperationName says what the request with that context is about, in the words
// of errors and logs: "send password reset". It is the same for everybody, and
// so fit for the name of a span. Empty where ctx is not that of a request.
func OperationName(ctx context.Context) string {
	if x, ok := ctx.Value(exchangeKey{}).(*Exchange); ok {
		return x.op.Name
	}
	return ""
}

// A trip is the one way of one attempt onto the wire.
type trip struct {
	send  func(added http.Header) (*http.Response, error)
	clean func(error) error // as the observer may see it

	turn chan struct{} // held by who looks at the rest or is under way
	over bool          // nobody may set out any more
	made bool          // somebody has
	resp *http.Response
	err  error
}

type tripKey struct{}

// observed sends the request as send does, with observer looking on.
func observed(ctx context.Context, observer http.RoundTripper, t *trip, req *http.Request) (*http.Response, error) {
	t.turn = make(chan struct{}, 1)
	likeness, err := http.NewRequestWithContext(context.WithValue(ctx, tripKey{}, t), req.Method, req.URL.Scheme+"://"+req.URL.Host, nil)
	if err != nil {
		return nil, err
	}
	told, err := observer.RoundTrip(likeness)
	t.turn <- struct{}{} // whoever set out has arrived
	t.over = true
	<-t.turn
	if !t.made {
		return nil, &heldBack{err}
	}
	if told == nil || told.Body == nil {
		return t.resp, t.err
	}
	if t.err != nil {
		_ = told.Body.Close()
		return nil, t.err
	}
	t.resp.Body = bothBodies{t.resp.Body, told.Body}
	return t.resp, nil
}

// passOn is the http.RoundTripper that an observer passes requests on to.
type passOn struct{}

var errNoTrip = errors.New("the request is not one that is to be sent, or was sent already")

func (passOn) RoundTrip(likeness *http.Request) (*http.Response, error) {
	if likeness.Body != nil {
		defer likeness.Body.Close()
	}
	t, ok := likeness.Context().Value(tripKey{}).(*trip)
	if !ok {
		return nil, errNoTrip
	}
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	if t.over {
		return nil, errNoTrip
	}
	t.over, t.made = true, true
	if t.resp, t.err = t.send(traceHeaders(likeness.Header)); t.err != nil {
		return nil, t.clean(t.err)
	}
	return &http.Response{
		Status: t.resp.Status, StatusCode: t.resp.StatusCode,
		Proto: t.resp.Proto, ProtoMajor: t.resp.ProtoMajor, ProtoMinor: t.resp.ProtoMinor,
		Header: make(http.Header), Body: http.NoBody, Request: likeness,
	}, nil
}

// traced are the headers by which a trace goes on at the other side, and
// tracedPrefixes the beginnings of others. A list of what is allowed, not of
// what is not: a header can have net/http repeat a request, or a server read it
// as another.
var (
	traced         = []string{"Traceparent", "Tracestate", "Baggage", "B3", "Uber-Trace-Id", "X-Amzn-Trace-Id", "X-Cloud-Trace-Context"}
	tracedPrefixes = []string{"X-B3-", "Uberctx-"}
)

func traceHeaders(all http.Header) http.Header {
	kept := make(http.Header)
	for name, values := range all {
		name = http.CanonicalHeaderKey(name)
		known := slices.Contains(traced, name) ||
			slices.ContainsFunc(tracedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if known && !slices.ContainsFunc(values, malformedValue) && !strings.ContainsFunc(name, notOfAName) {
			kept[name] = values
		}
	}
	return kept
}

// malformedValue reports whether net/http would refuse the request for it.
func malformedValue(v string) bool { return strings.ContainsFunc(v, unicode.IsControl) }

func notOfAName(c rune) bool {
	return c != '-' && c != '_' && (c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c))
}

// A heldBack is the error of a request that the observer did not pass on.
type heldBack struct{ err error }

func (e *heldBack) Error() string {
	if e.err == nil {
		return "the observer did not pass the request on"
	}
	return "the observer did not pass the request on: " + e.err.Error()
}

func (e *heldBack) Unwrap() error { return e.err }

// bothBodies closes the observer's body with the true one.
type bothBodies struct {
	io.ReadCloser
	told io.Closer
}

func (b bothBodies) Close() error {
	err := b.ReadCloser.Close()
	_ = b.told.Close()
	return err
}
