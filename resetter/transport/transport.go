// Package transport is the one HTTP stack under all systems. It decides what
// is repeated and what is not, keeps the pace, holds the session and makes
// sure that nothing secret leaks; what an answer means it asks the system's
// own package.
//
// Most readers want its options: they are what the clients of packages looker,
// unleash and sugar are made with, and the same for all of them.
//
//	client, err := looker.New(url, credentials,
//		transport.WithTarget("looker-eu"),        // its name in errors and logs
//		transport.WithRate(5),                    // a ceiling, in requests a second
//		transport.WithTimeout(30*time.Second),    // of one attempt
//		transport.WithMaxWait(5*time.Minute),     // of the pauses that the system asks for
//		transport.WithProxy(http.ProxyURL(proxy)),
//		transport.WithRootCAs(pool),
//		transport.WithLogger(logger),             // every wait and decision, at level Debug
//		transport.WithObserver(otel),             // traces and metrics
//	)
//
// Each is checked when it is applied, and all that is wrong is reported at once.
// None of them weakens what a client promises: nothing is repeated that may have
// been done, no redirect is followed, and nothing secret is shown.
//
// # For a system of your own
//
// A system's package describes its system once, as a [System], and puts the
// [Client] that New makes from it behind its generated client, which sees an
// ordinary http client's Do. Before each call it names the operation and its
// [Class]:
//
//	ctx, exchange := client.Begin(ctx, transport.Operation{Name: "send password reset", Class: transport.Send})
//	answer, err := generated.SendPasswordResetWithResponse(ctx, id)
//	if err != nil {
//		return exchange.Failed(err)
//	}
//
// A [System] needs a Name and whatever proves who is asking (Authorize, and a
// Session where there is a sign-in); Judge is ByStatus unless the system's bodies
// say more than its statuses.
//
// # The chain
//
// From the outside in: Do, which runs attempts until one ends the call, over
// go-retryablehttp with a policy of our own in every hook (call.go); one
// attempt (attempt.go), which passes the gate, the session and the pace, has
// the caller write down its intent and then, under the eyes of an observer if
// there is one (observer.go), puts the request on the wire; and one http.Transport (wire.go) that counts the bytes it hands over, so that
// "certainly not sent" is a fact and not a guess from an error's text.
//
// # What is repeated
//
// Class is a matter of the operation, never of the HTTP method. A [Send],
// which is also the zero value, is repeated only after proof that it was not
// carried out: no connection was obtained, no byte was accepted, or the
// system itself turned it away. A [Write] and a [Read] may be repeated unless
// definitely refused.
//
// # Errors and concurrency
//
// Do returns an error of type *resetter.Error and no other. A Client is safe for
// concurrent use, and begins no goroutine of its own. Before 1.0 names may
// change, System's fields above all.
package transport

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/seed57652884/resetctl/resetter"
)

// A System is what the transport has to know of one system.
type System struct {
	// Name is the system's name in errors and logs; WithTarget overrides it.
	Name string
	// Judge says what an answer means. It starts from ByStatus and refines it
	// by what the system's bodies say; nil is ByStatus. Called concurrently.
	Judge func(Answer) Verdict
	// Session signs in and out; nil where Authorize needs no token.
	Session *Session
	// Authorize puts the token, or what else proves who we are, on a request.
	// Where there is no Session, New tries it on a request that is not sent, so
	// that credentials which no header can hold are refused there.
	Authorize func(*http.Request, Token)
	// Probe is a harmless read that shows whether the system is back, by
	// building one request; it is sent without a session. Without one, which is
	// nil, the calls themselves find out, at the cost of their own time-outs.
	Probe func() (*http.Request, error)
	// RequestID names the header by which the system calls a request; may be empty.
	RequestID string
	// RefusalIsThrottle says that the system slows callers down by refusing
	// their connections.
	RefusalIsThrottle bool
	// Secrets of four characters or more are cut out of every message, along
	// with all tokens: as they are, and as URLs, forms, JSON and base64 spell them.
	Secrets []resetter.Secret
}

// A Client sends requests to one system. It is safe for concurrent use; all
// callers share its pace, its gate and its session.
type Client struct {
	system   System
	settings settings
	base     *url.URL

	wire    *wire
	gate    *gate
	pace    *pace
	door    *door
	session *session // nil without System.Session
	redact  *redactor
	log     *slog.Logger
}

// New makes a Client for the system at baseURL. It reports everything that is
// wrong with the URL and the options at once. The URL must be https, but for
// loopback addresses or under WithPlainHTTP; it may carry a path, which is
// kept.
func New(system System, baseURL string, options ...Option) (*Client, error) {
	s := defaults()
	s.target = system.Name
	var errs []error
	for _, option := range options {
		if option == nil {
			errs = append(errs, errors.New("an option is nil"))
			continue
		}
		errs = append(errs, option(&s))
	}
	base, err := parseBase(baseURL, s.plainHTTP)
	errs = append(errs, err)
	if system.Judge == nil {
		system.Judge = ByStatus
	}
	if system.Session != nil && system.Session.SignIn == nil {
		errs = append(errs, errors.New("the system's Session has no SignIn"))
	}
	if system.Session == nil && system.Authorize != nil {
		errs = append(errs, sendable(system.Authorize))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if s.evidence.IsZero() {
		s.evidence = resetter.NewSecret(rand.Text())
	}
	c := &Client{
		system:   system,
		settings: s,
		base:     base,
		wire:     newWire(s),
		pace:     newPace(s.rate),
		door:     newDoor(s.rate),
		redact:   newRedactor(system.Secrets...),
		log:      s.log.With("target", s.target),
	}
	var rest time.Duration
	if system.RefusalIsThrottle {
		rest = blockRest
	}
	c.gate = newGate(rest)
	if system.Session != nil {
		c.session = newSession(*system.Session, c.redact)
	}
	return c, nil
}

// sendable reports what of the credentials no header can hold, without showing it.
func sendable(authorize func(*http.Request, Token)) error {
	trial, err := http.NewRequest(http.MethodGet, "https://localhost", nil)
	if err != nil {
		return err
	}
	authorize(trial, Token{})
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(trial.Header)) {
		if slices.ContainsFunc(trial.Header[name], malformedValue) {
			errs = append(errs, fmt.Errorf("the credentials hold a line break or another control character, which the header %s cannot", name))
		}
	}
	return errors.Join(errs...)
}

// Base is the configured address, without a slash at its end.
func (c *Client) Base() string { return c.base.String() }

// Links reports whether one-time links are wanted (WithLinks).
func (c *Client) Links() bool { return c.settings.links }

// EvidenceKey is the key for Account.Evidence (WithEvidenceKey), never empty.
func (c *Client) EvidenceKey() resetter.Secret { return c.settings.evidence }

// Do carries one call through to its end: an answer that the system's Judge
// accepted, its body read whole and ready to be read again, or an error of
// type *resetter.Error. It has the signature that generated clients want.
//
// Waits that the system asks for are slept here, up to the maximum of
// WithMaxWait, or handed back under resetter.WithWaitsHandedBack.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	call := newCall(c, req)
	if err := call.checkRequest(req); err != nil {
		return nil, err
	}
	r, err := retryablehttp.FromRequest(req)
	if err != nil {
		return nil, call.notStarted(err)
	}
	// A value of its own per call: its hooks close over the call. Everything
	// that go-retryablehttp would decide by itself is decided by us; what is
	// left to it is the loop, the rewinding of the body and the waiting.
	loop := retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: call, CheckRedirect: neverFollow},
		CheckRetry:   call.checkRetry,
		Backoff:      call.backoff,
		RetryMax:     math.MaxInt32,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	resp, err := loop.Do(r)
	return call.end(req.Context(), resp, err)
}

// Close signs out, if anybody signed in, and lets the connections go. It does
// not sit out a pause for that. A call after Close would sign in anew.
func (c *Client) Close(ctx context.Context) error {
	defer c.wire.transport.CloseIdleConnections()
	if c.session == nil {
		return nil
	}
	return c.session.end(ctx)
}

// Pace implements resetter.Pacer for the clients built on this one.
func (c *Client) Pace() resetter.Pace {
	p := c.pace.snapshot()
	p.GatedUntil = c.gate.closedUntil()
	return p
}

func neverFollow(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
