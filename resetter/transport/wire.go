package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	connectTimeout = 10 * time.Second
	// idleTimeout lets go of a connection sooner than the servers do (Unleash:
	// 15 s), since a request written while the server closes is one in doubt.
	idleTimeout = 4 * time.Second
)

// A wire is the one http.Transport of a client.
type wire struct {
	transport *http.Transport
}

func newWire(s settings) *wire {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.roots}
	// net/http detaches connecting from the request's context, so that nothing
	// else would end it.
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		conn, err := s.dial(ctx, network, address)
		if err == nil && conn == nil {
			return nil, errors.New("the dial function returned neither a connection nor an error")
		}
		return conn, err
	}
	t := &http.Transport{
		Proxy:                  checkedProxy(s.proxy),
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    connectTimeout,
		MaxIdleConnsPerHost:    64, // as many as there may be callers, not 2
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: 256 << 10,
		// Without these two maps and flags net/http would try HTTP/2, which
		// repeats requests on its own account.
		ForceAttemptHTTP2: false,
		TLSNextProto:      map[string]func(string, *tls.Conn) http.RoundTripper{},
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
			if r.StatusCode != http.StatusOK {
				return &proxyRefusal{r.StatusCode}
			}
			return nil
		},
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: conn}, nil
	}
	// net/http uses this one for https without a proxy. Through a proxy it puts
	// TLS on top by itself, and the counter below proves nothing.
	t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			host = address
		}
		config := config.Clone()
		config.ServerName = host
		secured := tls.Client(conn, config)
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return &countedConn{Conn: secured}, nil
	}
	return &wire{transport: t}
}

// A countedConn counts the bytes that the connection accepted, above TLS.
type countedConn struct {
	net.Conn
	accepted atomic.Int64
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.accepted.Add(int64(n))
	return n, err
}

// A proof follows one attempt through net/http, which may use several
// connections for it, and knows what certainly did not leave.
type proof struct {
	tried      bool  // to get a connection
	obtained   bool  // a connection was
	uncounted  bool  // of a kind whose bytes we cannot count
	written    int64 // bytes accepted on connections before the present one
	conn       *countedConn
	connOffset int64
	connected  func() // is told of each new connection
}

// trace hooks p into ctx. net/http calls the hooks of one request one after
// another, and all of them before RoundTrip returns with an error.
func (p *proof) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { p.tried = true },
		GotConn: func(info httptrace.GotConnInfo) {
			p.settle()
			p.obtained = true
			if !info.Reused { // one from the pool proves nothing about today
				p.connected()
			}
			counted, ok := info.Conn.(*countedConn)
			if !ok {
				p.uncounted = true
				return
			}
			p.conn, p.connOffset = counted, counted.accepted.Load()
		},
	})
}

// settle adds up what the present connection accepted for this attempt.
func (p *proof) settle() {
	if p.conn != nil {
		p.written += p.conn.accepted.Load() - p.connOffset
		p.conn = nil
	}
}

// notSent reports whether no byte of the request can have reached anyone. Only
// to be asked after RoundTrip returned an error.
func (p *proof) notSent() bool {
	p.settle()
	return !p.obtained || !p.uncounted && p.written == 0
}

// errProxySetting stands for an unusable proxy setting. The error that
// http.ProxyFromEnvironment has for it quotes the setting, password included.
var errProxySetting = errors.New("the address of the proxy cannot be read")

func checkedProxy(choose func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	if choose == nil {
		return nil
	}
	return func(req *http.Request) (*url.URL, error) {
		u, err := choose(req)
		if err != nil {
			return nil, errProxySetting
		}
		return u, nil
	}
}

// A proxyRefusal is a proxy's answer to CONNECT.
type proxyRefusal struct{ status int }

func (e *proxyRefusal) Error() string {
	return fmt.Sprintf("the proxy refused the connection with HTTP %d", e.status)
}

// final reports whether a proxy that says so will say so again.
func (e *proxyRefusal) final() bool {
	return e.status >= 400 && e.status < 500 && e.status != 408 && e.status != 429
}

// hopeless reports whether err, of a connection that was not obtained, is a
// matter of configuration rather than of the moment, and what to do about it.
func hopeless(err error) (advice string, yes bool) {
	var (
		verification *tls.CertificateVerificationError
		unknown      x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
		record       tls.RecordHeaderError
		refusal      *proxyRefusal
	)
	switch {
	case errors.As(err, &verification), errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &invalid):
		return "the certificate is not trusted: check the URL, or name the authority that signed it (ca_file)", true
	case errors.As(err, &record):
		return "the other side does not speak TLS: check scheme and port of the URL", true
	case errors.Is(err, errProxySetting):
		return "correct the proxy variables of the environment", true
	case errors.As(err, &refusal) && refusal.final():
		return "check the proxy's settings and rights", true
	}
	return "", false
}

// bare strips what net/http wraps around an error: a *url.Error prints the
// URL with its query.
func bare(err error) error {
	for {
		var u *url.Error
		if !errors.As(err, &u) {
			return err
		}
		err = u.Err
	}
}
