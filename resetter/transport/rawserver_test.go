package transport_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// A step says what a rawServer does with one request. It reports whether the
// connection is good for another.
type step func(s *rawServer, conn net.Conn, in *bufio.Reader) (goOn bool)

const fine = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

// dropUnread hangs up when a request arrives, without reading it.
func dropUnread(_ *rawServer, _ net.Conn, in *bufio.Reader) bool {
	_, _ = in.Peek(1)
	return false
}

// dropPartRead hangs up in the middle of a request.
func dropPartRead(_ *rawServer, _ net.Conn, in *bufio.Reader) bool {
	_, _ = io.ReadFull(in, make([]byte, 20))
	return false
}

// answer takes a whole request and says text, then hangs up unless that is a
// whole answer. After one it must not: a client that keeps the connection and
// has not noticed yet would lose its next request there.
func answer(text string) step {
	goOn := whole(text)
	return func(s *rawServer, conn net.Conn, in *bufio.Reader) bool {
		req, err := http.ReadRequest(in)
		if err != nil {
			return false
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return false
		}
		s.mu.Lock()
		s.delivered = append(s.delivered, req)
		s.mu.Unlock()
		_, _ = io.WriteString(conn, text)
		return goOn
	}
}

// whole reports whether text is an answer from its beginning to its end, after
// which there may be another.
func whole(text string) bool {
	in := bufio.NewReader(strings.NewReader(text))
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_, rest := in.Peek(1)
	return err == nil && rest == io.EOF && !resp.Close
}

// A rawServer follows a script, a step a request, and then answers well. It
// counts as delivered every request that it read whole.
type rawServer struct {
	listener net.Listener
	secure   *tls.Config // nil: plain HTTP

	mu        sync.Mutex
	script    []step
	hangUp    int // connections to be dropped as soon as they are accepted
	accepted  int
	delivered []*http.Request
	open      map[net.Conn]bool
	wait      sync.WaitGroup
}

func newRawServer(t testing.TB, secure *tls.Config) *rawServer {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{listener: listener, secure: secure, open: map[net.Conn]bool{}}
	s.wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.wait.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		s.mu.Lock()
		for conn := range s.open {
			conn.Close()
		}
		s.mu.Unlock()
		s.wait.Wait()
	})
	return s
}

func (s *rawServer) serve(conn net.Conn) {
	s.mu.Lock()
	s.accepted++
	drop := s.hangUp > 0
	if drop {
		s.hangUp--
	}
	s.open[conn] = true
	s.mu.Unlock()
	raw := conn
	defer func() {
		s.mu.Lock()
		delete(s.open, raw)
		s.mu.Unlock()
		// What was not read makes this a reset.
		raw.Close()
	}()
	if drop {
		return
	}
	if s.secure != nil {
		conn = tls.Server(conn, s.secure)
	}
	in := bufio.NewReader(conn)
	for {
		if _, err := in.Peek(1); err != nil {
			return
		}
		s.mu.Lock()
		next := answer(fine)
		if len(s.script) > 0 {
			next, s.script = s.script[0], s.script[1:]
		}
		s.mu.Unlock()
		if !next(s, conn, in) {
			return
		}
	}
}

// play sets the script of what comes next.
func (s *rawServer) play(steps ...step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = steps
}

func (s *rawServer) sends() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, req := range s.delivered {
		if req.Method == http.MethodPost {
			n++
		}
	}
	return n
}

func (s *rawServer) reads() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.delivered)
}

func (s *rawServer) url() string {
	if s.secure != nil {
		return "https://" + s.listener.Addr().String()
	}
	return "http://" + s.listener.Addr().String()
}

// newTunnel starts a proxy that knows CONNECT and passes on hang-ups.
func newTunnel(t testing.TB) *url.URL {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer near.Close()
				req, err := http.ReadRequest(bufio.NewReader(near))
				if err != nil || req.Method != http.MethodConnect {
					return
				}
				far, err := net.Dial("tcp", req.Host)
				if err != nil {
					_, _ = io.WriteString(near, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
					return
				}
				defer far.Close()
				_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
				wait.Go(func() {
					_, _ = io.Copy(far, near)
					far.Close()
				})
				_, _ = io.Copy(near, far)
			})
		}
	})
	t.Cleanup(func() { listener.Close(); wait.Wait() })
	return &url.URL{Scheme: "http", Host: listener.Addr().String()}
}

// authority makes a certificate for 127.0.0.1 and the pool that trusts it.
func authority(t testing.TB) (*tls.Config, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

// A memory is a network of one server, for tests in virtual time, which real
// sockets would hold up.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	down  func() error // if it says something, so do connections
}

// serve answers with handle and returns the network that leads there.
func serve(t testing.TB, handle http.HandlerFunc) *memory {
	m := &memory{conns: make(chan net.Conn), done: make(chan struct{})}
	var wait sync.WaitGroup
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait.Add(1)
		defer wait.Done()
		handle(w, r)
	})}
	wait.Go(func() { _ = server.Serve(m) })
	t.Cleanup(func() { server.Close(); wait.Wait() })
	return m
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case conn := <-m.conns:
		return conn, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}
func (m *memory) Close() error   { m.once.Do(func() { close(m.done) }); return nil }
func (m *memory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if m.down != nil {
		if err := m.down(); err != nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
		}
	}
	near, far := pair()
	select {
	case m.conns <- far:
		return near, nil
	case <-m.done:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A half is one direction of a connection in memory, buffered without limit.
type half struct {
	mu      sync.Mutex
	change  *sync.Cond
	data    []byte
	closed  bool
	expired bool
	timer   *time.Timer
}

type memoryConn struct{ in, out *half }

func pair() (*memoryConn, *memoryConn) {
	a, b := &half{}, &half{}
	a.change, b.change = sync.NewCond(&a.mu), sync.NewCond(&b.mu)
	return &memoryConn{a, b}, &memoryConn{b, a}
}

func (c *memoryConn) Read(p []byte) (int, error) {
	h := c.in
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.data) == 0 && !h.closed && !h.expired {
		h.change.Wait()
	}
	switch {
	case h.expired:
		return 0, os.ErrDeadlineExceeded
	case len(h.data) == 0:
		return 0, io.EOF
	}
	n := copy(p, h.data)
	h.data = h.data[n:]
	return n, nil
}

func (c *memoryConn) Write(p []byte) (int, error) {
	h := c.out
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, io.ErrClosedPipe
	}
	h.data = append(h.data, p...)
	h.change.Broadcast()
	return len(p), nil
}

func (c *memoryConn) Close() error {
	for _, h := range []*half{c.in, c.out} {
		h.mu.Lock()
		h.closed = true
		h.change.Broadcast()
		h.mu.Unlock()
	}
	return nil
}

func (c *memoryConn) SetReadDeadline(t time.Time) error {
	h := c.in
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
	}
	h.expired = !t.IsZero() && !t.After(time.Now())
	if !t.IsZero() && !h.expired {
		h.timer = time.AfterFunc(time.Until(t), func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.expired = true
			h.change.Broadcast()
		})
	}
	h.change.Broadcast()
	return nil
}
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }
func (c *memoryConn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *memoryConn) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *memoryConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// newClient makes a client without a ceiling or a proxy, before opts.
func newClient(t testing.TB, system transport.System, base string, opts ...transport.Option) *transport.Client {
	t.Helper()
	if system.Name == "" {
		system.Name = "acme"
	}
	if system.Judge == nil {
		system.Judge = transport.ByStatus
	}
	opts = append([]transport.Option{transport.WithRate(math.Inf(1)), transport.WithProxy(nil)}, opts...)
	c, err := transport.New(system, base, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// on makes a client of the server that m leads to.
func (m *memory) on(t testing.TB, system transport.System, opts ...transport.Option) *transport.Client {
	return newClient(t, system, "http://localhost", append([]transport.Option{transport.WithDialContext(m.dial)}, opts...)...)
}

// do makes one call of that class: a POST for Send and Write, a GET for Read.
func do(ctx context.Context, c *transport.Client, class transport.Class, body string) (*transport.Exchange, error) {
	return doPath(ctx, c, class, "/reset", body)
}

func doPath(ctx context.Context, c *transport.Client, class transport.Class, path, body string) (*transport.Exchange, error) {
	method := http.MethodPost
	if class == transport.Read {
		method = http.MethodGet
	}
	ctx, exchange := c.Begin(ctx, transport.Operation{Name: "try", Class: class, Account: "ana@example.com"})
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Base()+path, in)
	if err != nil {
		return exchange, err
	}
	// As a generated client's editor might; it must never reach the wire.
	req.Header.Set("Idempotency-Key", "1")
	resp, err := c.Do(req)
	if err != nil {
		return exchange, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return exchange, err
}

var handedBack = resetter.WithWaitsHandedBack
