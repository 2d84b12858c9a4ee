// Package resettertest is the suite of promises that every
// [resetter.Resetter] keeps, whatever goes wrong between it and its system.
//
// A system's package needs a test server that is always in good health, and a
// test of a dozen lines:
//
//	var seed = flag.Uint64("seed", 0, "of the random faults of the conformance suite")
//
//	func TestThePromisesOfEveryResetterAreKept(t *testing.T) {
//		resettertest.Test(t, *seed, func(t testing.TB, listener net.Listener) resettertest.Subject {
//			srv := acmetest.NewServer(listener)
//			t.Cleanup(srv.Close)
//			return resettertest.Subject{
//				New: func(terms resettertest.Terms) (resetter.Resetter, error) {
//					return acme.New(srv.URL, srv.Token, terms.Options()...)
//				},
//				People:  srv.People(),
//				Mails:   srv.Mails,
//				Canary:  srv.Token,
//				IsReset: func(r *http.Request) bool { return r.URL.Path == "/reset" },
//			}
//		})
//	}
//
// All that goes wrong is the work of a proxy of the suite's own, which stands
// between client and server: answers of every status, pages, redirects,
// throttling with and without a hint, connections that break before, within
// and after a request or its answer, stalls, bodies without end, sessions that
// are over, systems that cannot be reached. A script is one such fault, once
// or for ever, on one kind of request; besides there are random sequences of
// faults that strike many people's resets at once.
//
// # What is checked
//
// After every script, and for every reset in it:
//
//   - The person was mailed at most once, and nobody else at all.
//   - nil: the person was mailed.
//   - An error that does not match [resetter.ErrUnknownOutcome]: the person was
//     not mailed, not even later.
//   - No reset followed one that may have been done.
//   - BeforeSend was called before each request that left, and where it failed
//     none did.
//   - The call ended in time; under [resetter.WithWaitsHandedBack] it slept for
//     nothing but the pace.
//   - No credential, link or query is in the error, the receipt or the log, and
//     the error is one line, whatever the person is called.
//   - No host but the system's own was contacted.
//   - The error is of the kind that the fault calls for, see [Test].
//
// Looking up keeps what of this applies to it, mails nobody and never ends
// with ErrUnknownOutcome. A client that is a [resetter.BatchResolver] finds many
// people in one call as it finds each by itself, in their order, and says
// nothing of everybody that holds of one. One that is a [resetter.Reconciler]
// finds the reset whose answer was lost, and no other.
//
// A whole client in one file, its test server and its tests are wiki_test.go,
// wiki_server_test.go and fourth_test.go beside this package.
//
// Most scripts run in virtual time (testing/synctest) over connections in
// memory, so that time-outs and pauses cost nothing; a few use real sockets.
package resettertest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// A Start serves a system in good health on listener, which it closes at t's
// end, and says how to test a Resetter of it. Start is called once for each
// script. The address of listener is where clients look for the system: what a
// client is given as the system's URL begins with "http://" and
// listener.Addr().String().
//
// The server must not limit how often or how fast a person is mailed, or it
// would hide that one was mailed twice.
type Start func(t testing.TB, listener net.Listener) Subject

// Subject says how to test the Resetter of one system. What is not marked
// optional is needed.
type Subject struct {
	// New makes a client that signs in by itself. Each has a session of its
	// own; where it is a resetter.Closer it is closed before the next.
	New func(Terms) (resetter.Resetter, error)
	// People exist, can be reset, and are nobody else: People of them at least.
	People []resetter.Identity
	// Mails says how many mails each address got so far, in lower case.
	Mails func() map[string]int
	// Canary is part of every secret of the server: credentials, tokens, links.
	Canary string
	// IsReset recognises the request that mails somebody.
	IsReset func(*http.Request) bool
	// IsSignIn recognises the request for a token; nil where there are no
	// sessions. Then an answer 401 is final.
	IsSignIn func(*http.Request) bool

	// Anonymous says that the answer to a reset does not name the account. Then
	// the answer to somebody else's cannot be recognised. Optional.
	Anonymous bool
	// TooSoon is the answer to a reset that was refused because this person was
	// mailed a moment ago. Optional.
	TooSoon *Answer
	// Maintenance is the answer by which the system says that it did nothing
	// because it is in maintenance. Optional.
	Maintenance *Answer
}

// People is how many people a Subject has.
const People = 20

// An Answer is one that only this system gives, in JSON.
type Answer struct {
	Status int
	Body   string
}

// Terms are what a client is to be made with, in place of its defaults.
type Terms struct {
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Timeout time.Duration // of one attempt
	MaxWait time.Duration // of one call, for all that the system asks for
	Log     *slog.Logger  // takes everything down to debug
}

// Options are the terms for a client that is built on package transport.
func (terms Terms) Options() []transport.Option {
	return []transport.Option{
		transport.WithDialContext(terms.Dial),
		transport.WithProxy(nil),
		transport.WithTimeout(terms.Timeout),
		transport.WithMaxWait(terms.MaxWait),
		transport.WithLogger(terms.Log),
		transport.WithRate(rate),
	}
}

const (
	timeout = time.Minute
	maxWait = 2 * time.Minute
	rate    = 50 // requests a second
)

// Test runs the suite, each script as a test of its own. The kinds that it
// expects are these, for a reset:
//
//   - throttled, or in maintenance: success after the pause, ErrRateLimited or
//     ErrUnavailable if there is no end to it or the pause is longer than
//     Terms.MaxWait; Until says when to come again.
//   - 401: success with a renewed session, else ErrUnauthorized.
//   - 400 ErrInvalid, 403 ErrForbidden, 404 ErrNotFound or ErrRejected, 405 and
//     409 ErrRejected, 413, 415 and 422 ErrInvalid or ErrRejected, 301, 307 and
//     308 ErrRejected.
//   - 408, 424 and 5xx: ErrServerError.
//   - 302, 303, and a success that cannot be read: ErrUnreadableAnswer.
//     Error.Stop is set where that came whole, so that something else must be
//     answering there, and not where it broke off or was too large.
//   - A refusal whose body broke off: what its status says, without Error.Stop.
//   - no answer, or none that is HTTP: ErrLostAnswer.
//   - no connection: success when there is one again, else ErrUnavailable.
//   - not signed in: whatever says that nothing was done.
//
// Looking up repeats what broke and succeeds, or ends in a kind that is not
// unknown. The random sequence is that of seed; 0 stands for a fixed few, each
// of which is named after its seed.
func Test(t *testing.T, seed uint64, start Start) {
	seeds := []uint64{seed}
	if seed == 0 {
		seeds = []uint64{1, 2, 3, 4, 5, 6, 7, 8}
	}
	s := &suite{start: start, report: func(t *testing.T, findings []string) {
		for _, f := range findings {
			t.Error(f)
		}
	}}
	s.scripts(t)
	s.sockets(t)
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { s.random(t, seed) })
	}
}
