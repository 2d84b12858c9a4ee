// Package sandbox is the ground on which the test servers of the vendors stand: looker/lookertest,
// unleash/unleashtest and sugar/sugartest. Most readers want one of those; they are used as
// [net/http/httptest] is:
//
//	srv := lookertest.NewServer(lookertest.Config{})
//	defer srv.Close()
//	// … let a program work against srv.URL with srv.ClientID and srv.ClientSecret …
//	srv.Mailbox().Count("ana@example.com") // who was really mailed
//	srv.Violations()                       // what the vendor would not have liked
//
// An answer that is lost after the mail went out, once, is scripted so:
//
//	srv.Inject(sandbox.Fault{Kind: sandbox.Drop, Processed: true, On: sandbox.Reset, Times: 1})
//
// What is here holds for all of them:
//
//   - [Mailbox]: the truth. A mail is in it from the moment at which the server carried a request
//     out, whether or not the answer ever reached the client.
//   - [Limit]: a system that admits so many requests a second, and says so or does not.
//   - [Fault]: what goes wrong on purpose: a lost answer, a stall, a login page, a cut body.
//   - [Request] and [Violation]: what was asked, and what a vendor would not have liked about it.
//   - [Server.Outage]: connections are refused for a while.
//   - [Pipe]: a listener without sockets, for tests in virtual time (testing/synctest).
//
// A server listens on loopback only and knows no system but itself. Nothing here imports the
// testing package, so that a command may serve the same servers for demonstrations and training.
//
// A new vendor's test server is a list of [Route] values handed to [Start] in a [Vendor].
package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what all test servers have in common. The zero value is a server on a free port of
// loopback, plain HTTP, without limits, delays or faults.
type Config struct {
	// Listener is served instead of a free port of loopback, for example a [Pipe]. The server
	// closes it.
	Listener net.Listener
	// TLS has the server speak https with a certificate of its own, see [Server.Certificate].
	TLS bool
	// Now is the server's clock: for the life of tokens, limits and times of mails. It must be
	// safe for concurrent use. Nil is time.Now.
	Now func() time.Time
	// Latency is how long each request takes.
	Latency time.Duration
	// Limit is how many requests are admitted; the zero value admits all.
	Limit Limit
	// Faults go wrong from the start; [Server.Inject] adds to them.
	Faults []Fault
	// Seed makes the faults that strike by chance repeatable.
	Seed uint64
	// OnMail is called with each mail as it is sent, one at a time. It must not call the server.
	OnMail func(Mail)
}

// An Operation is what a request asks for, in words that all vendors share, so that a fault or a
// check of the request log reads the same for each of them.
type Operation string

const (
	Login   Operation = "login"   // a token is asked for, or renewed
	Logout  Operation = "logout"  // a token is given back
	Self    Operation = "self"    // who am I
	Find    Operation = "find"    // people by an exact property
	Search  Operation = "search"  // people by a pattern
	List    Operation = "list"    // many people at once
	Get     Operation = "get"     // one person by id
	Update  Operation = "update"  // a property of a person is changed
	Reset   Operation = "reset"   // a person is mailed
	Version Operation = "version" // which release
	Mailer  Operation = "mailer"  // can it mail at all
	Health  Operation = "health"  // is it there
)

// CanaryPrefix begins the canary of every test server, see [Server.Canary].
const CanaryPrefix = "sbx0"

// Server is the running half of every vendor's test server. Its methods may be called at any
// time, by any number of goroutines.
type Server struct {
	// URL is the server's base, for example http://127.0.0.1:40123, with the path prefix of the
	// vendor if it has one, without a slash at the end.
	URL string

	vendor     Vendor
	config     Config
	canary     string
	minted     atomic.Uint64
	mailbox    *Mailbox
	gate       *gate
	http       *http.Server
	mux        *http.ServeMux
	routes     map[string]*Route // by the pattern of mux
	cert       []byte
	serving    sync.WaitGroup // the accept loop
	inHand     sync.WaitGroup // connections and handlers
	closing    chan struct{}
	closedOnce sync.Once

	mu         sync.Mutex
	conns      map[net.Conn]http.ConnState
	latency    time.Duration
	bucket     bucket
	faults     []*armed
	random     *mathrand.Rand
	requests   []Request
	violations []Violation
}

// Start serves vendor until [Server.Close]. It panics if loopback cannot be listened on or a route
// is malformed, as httptest does: there is no test without a server.
func Start(config Config, vendor Vendor) *Server {
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Server{
		vendor:  vendor,
		config:  config,
		canary:  CanaryPrefix + randomHex(6),
		mailbox: &Mailbox{onMail: config.OnMail},
		mux:     http.NewServeMux(),
		routes:  map[string]*Route{},
		closing: make(chan struct{}),
		conns:   map[net.Conn]http.ConnState{},
		latency: config.Latency,
		random:  mathrand.New(mathrand.NewPCG(config.Seed, 0)),
	}
	s.SetLimit(config.Limit)
	s.Inject(config.Faults...)
	return s.listen()
}

func (s *Server) listen() *Server {
	s.route()
	var err error
	if s.gate, err = newGate(s.config.Listener); err != nil {
		panic(fmt.Sprintf("sandbox: cannot listen on loopback: %v", err))
	}
	var listener net.Listener = s.gate
	scheme := "http"
	if s.config.TLS {
		scheme = "https"
		if listener, s.cert, err = withTLS(s.gate, s.config.Now()); err != nil {
			panic(fmt.Sprintf("sandbox: cannot make a certificate: %v", err))
		}
	}
	s.URL = scheme + "://" + s.gate.host() + s.vendor.Prefix
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ConnState:         s.connState,
		IdleTimeout:       s.vendor.IdleTimeout,
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          discardLog(),
	}
	s.serving.Go(func() { _ = s.http.Serve(listener) })
	return s
}

// Close stops the server: connections are cut, what stalls is let go, and nothing of the server
// runs any more when it returns. Mailbox, requests and violations stay readable. It may be called
// twice.
func (s *Server) Close() {
	s.closedOnce.Do(func() {
		close(s.closing)
		_ = s.gate.Close()
		_ = s.http.Close()
	})
	s.serving.Wait()
	s.inHand.Wait()
}

// Mailbox is who was really mailed.
func (s *Server) Mailbox() *Mailbox { return s.mailbox }

// Certificate is the PEM of the server's certificate, for a client's own CA file; nil without TLS.
func (s *Server) Certificate() []byte { return s.cert }

// Now is the server's clock.
func (s *Server) Now() time.Time { return s.config.Now() }

// Canary is a word that is part of every secret that this server ever made: its passwords, tokens
// and one-time links, and of nothing else. Whatever holds it has leaked one.
func (s *Server) Canary() string { return s.canary }

// Mint makes a secret that begins with prefix and holds the canary.
func (s *Server) Mint(prefix string) string {
	return fmt.Sprintf("%s%s%04d%s", prefix, s.canary, s.minted.Add(1), randomHex(8))
}

// SetLatency changes how long each request takes.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// Outage has connections refused for d, as a system does that is down or has blocked the address:
// the port is closed, idle connections are cut, and what arrives on one that was in use is dropped
// unprocessed. Requests in hand are answered. An Outage of 0 ends one. (A listener that was
// handed in cannot be closed and opened again; there, new connections are cut at once.)
func (s *Server) Outage(d time.Duration) {
	s.gate.refuse(d)
	if d <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, state := range s.conns {
		if state == http.StateIdle || state == http.StateNew {
			_ = conn.Close()
		}
	}
}

// connState keeps the connections, so that Close can wait for them and Outage can cut them.
func (s *Server) connState(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.inHand.Add(1)
		s.conns[conn] = state
	case http.StateClosed, http.StateHijacked:
		if _, known := s.conns[conn]; known {
			delete(s.conns, conn)
			s.inHand.Done()
		}
	default:
		s.conns[conn] = state
	}
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails, says its documentation
	return hex.EncodeToString(b)
}
