package sandbox

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"time"
)

// gate is a listener that can refuse connections for a while and then take them again, on the
// same address.
type gate struct {
	addr string
	own  bool // a port of ours, which can be closed and opened again

	mu      sync.Mutex
	inner   net.Listener  // nil while closed
	until   time.Time     // connections are refused until then
	changed chan struct{} // closed when one of these changes
	closed  bool
}

func newGate(given net.Listener) (*gate, error) {
	g := &gate{inner: given, changed: make(chan struct{})}
	if given == nil {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		g.inner, g.own = listener, true
	}
	g.addr = g.inner.Addr().String()
	return g, nil
}

// host is what belongs into a URL: the address, or loopback where the address is no port's, as of
// a [Pipe], and only the dialler knows the way.
func (g *gate) host() string {
	if _, _, err := net.SplitHostPort(g.addr); err != nil {
		return "127.0.0.1"
	}
	return g.addr
}

func (g *gate) Addr() net.Addr { return address(g.addr) }

func (g *gate) refuse(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.until = time.Now().Add(d)
	if d > 0 && g.own && g.inner != nil {
		_ = g.inner.Close()
		g.inner = nil
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *gate) refusing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.until)
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		g.mu.Lock()
		closed, inner, wait, changed := g.closed, g.inner, time.Until(g.until), g.changed
		g.mu.Unlock()
		switch {
		case closed:
			return nil, net.ErrClosed
		case inner == nil:
			g.reopen(wait, changed)
			continue
		}
		conn, err := inner.Accept()
		if err != nil {
			if g.stillServes(inner) {
				return nil, err
			}
			continue
		}
		if g.refusing() {
			_ = conn.Close()
			continue
		}
		return conn, nil
	}
}

// stillServes tells an error of the listener from our closing it.
func (g *gate) stillServes(inner net.Listener) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.closed && g.inner == inner
}

// reopen waits for the end of the outage and takes the port again.
func (g *gate) reopen(wait time.Duration, changed <-chan struct{}) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || time.Now().Before(g.until) {
		return
	}
	listener, err := net.Listen("tcp", g.addr)
	if err != nil { // the port is in someone else's hand for a moment
		g.until = time.Now().Add(10 * time.Millisecond)
		return
	}
	g.inner = listener
}

func (g *gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	close(g.changed)
	if g.inner == nil {
		return nil
	}
	return g.inner.Close()
}

// Pipe is a listener without sockets: [Pipe.DialContext] connects to it in memory. A test in a
// synctest bubble, where a real socket would stand still, hands it to a server and to the
// http.Transport of its client.
type Pipe struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewPipe makes a listener that nobody has connected to yet.
func NewPipe() *Pipe {
	return &Pipe{conns: make(chan net.Conn), done: make(chan struct{})}
}

// DialContext connects to whoever accepts on p, whatever network and address are. It has the shape
// of the field of http.Transport.
func (p *Pipe) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: p.Addr(), Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: p.Addr(), Err: ctx.Err()}
	}
}

// Accept waits for the next connection.
func (p *Pipe) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close has further dials refused.
func (p *Pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr is a word, not an address.
func (p *Pipe) Addr() net.Addr { return address("pipe") }

type address string

func (address) Network() string  { return "sandbox" }
func (a address) String() string { return string(a) }

// withTLS makes a certificate for loopback that is valid around now.
func withTLS(inner net.Listener, now time.Time) (net.Listener, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "sandbox"},
		NotBefore:             now.Add(-24 * time.Hour),
		NotAfter:              now.Add(365 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
	}
	return tls.NewListener(inner, config), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
