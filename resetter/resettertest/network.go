package resettertest

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A network is a listener and the way to it.
type network struct {
	listener net.Listener
	dial     func(context.Context) (net.Conn, error)
}

// loopback is a network of real sockets, on a free port.
func loopback() (network, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return network{}, err
	}
	return network{listener, func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
	}}, nil
}

// inMemory is a network without sockets, which would stand still in virtual time.
func inMemory() network {
	m := &memory{conns: make(chan net.Conn), done: make(chan struct{})}
	return network{m, m.dial}
}

type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (m *memory) dial(ctx context.Context) (net.Conn, error) {
	near, far := pair()
	select {
	case m.conns <- far:
		return near, nil
	case <-m.done:
		return nil, refused()
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: here, Err: ctx.Err()}
	}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case conn := <-m.conns:
		return conn, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

// here looks like an address of loopback, so that it makes a URL that any client may use.
var here net.Addr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}

func (m *memory) Addr() net.Addr { return here }

func refused() error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: here, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// A stream is one direction of a connection in memory. As with TCP, so much
// may be under way and what was written before the end can still be read.
type stream struct {
	mu      sync.Mutex
	changed sync.Cond
	data    []byte
	end     error // of reading, after data
	shut    error // of writing
	accept  int   // how many bytes are taken until the connection breaks; less than 0: all

	expired bool // the reader's deadline
	timer   *time.Timer
}

const underWay = 64 << 10

// A memoryConn is one end of a connection in memory. It knows deadlines for
// reading only, which is what net/http uses.
type memoryConn struct{ in, out *stream }

func pair() (*memoryConn, *memoryConn) {
	a, b := &stream{accept: -1}, &stream{accept: -1}
	a.changed.L, b.changed.L = &a.mu, &b.mu
	return &memoryConn{a, b}, &memoryConn{b, a}
}

func (c *memoryConn) Read(p []byte) (int, error) {
	s := c.in
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.data) == 0 && s.end == nil && !s.expired {
		s.changed.Wait()
	}
	switch {
	case s.expired:
		return 0, c.failed("read", os.ErrDeadlineExceeded)
	case len(s.data) > 0:
		n := copy(p, s.data)
		s.data = s.data[n:]
		s.changed.Broadcast()
		return n, nil
	case s.end == io.EOF:
		return 0, io.EOF
	}
	return 0, c.failed("read", s.end)
}

func (c *memoryConn) Write(p []byte) (written int, err error) {
	s := c.out
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(p) > 0 {
		for s.shut == nil && s.accept != 0 && len(s.data) >= underWay {
			s.changed.Wait()
		}
		switch {
		case s.shut != nil:
			return written, c.failed("write", s.shut)
		case s.accept == 0:
			s.shut, s.end = syscall.EPIPE, io.EOF
			s.changed.Broadcast()
			c.in.finish(io.EOF, syscall.EPIPE)
			return written, c.failed("write", syscall.EPIPE)
		}
		n := min(len(p), underWay-len(s.data))
		if s.accept > 0 {
			n = min(n, s.accept)
			s.accept -= n
		}
		s.data = append(s.data, p[:n]...)
		written, p = written+n, p[n:]
		s.changed.Broadcast()
	}
	return written, nil
}

// finish ends a stream for both sides, as far as it has not ended.
func (s *stream) finish(reader, writer error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		s.end = reader
	}
	if s.shut == nil {
		s.shut = writer
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	s.changed.Broadcast()
}

func (c *memoryConn) Close() error {
	c.out.finish(io.EOF, net.ErrClosed)
	c.in.finish(net.ErrClosed, syscall.EPIPE)
	return nil
}

// reset is Close as of a machine that lost patience: what is under way is lost.
func (c *memoryConn) reset() {
	c.out.mu.Lock()
	c.out.data = nil
	c.out.mu.Unlock()
	c.out.finish(syscall.ECONNRESET, net.ErrClosed)
	c.in.finish(net.ErrClosed, syscall.ECONNRESET)
}

// wither has the next write of s take n bytes and then fail, without anything
// to be noticed before.
func (s *stream) wither(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accept = n
}

func (c *memoryConn) SetReadDeadline(t time.Time) error {
	s := c.in
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
	left := time.Until(t)
	s.expired = !t.IsZero() && left <= 0
	if !t.IsZero() && !s.expired && s.end == nil {
		var mine *time.Timer
		mine = time.AfterFunc(left, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.timer == mine {
				s.expired = true
				s.changed.Broadcast()
			}
		})
		s.timer = mine
	}
	s.changed.Broadcast()
	return nil
}

func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }
func (c *memoryConn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *memoryConn) LocalAddr() net.Addr              { return here }
func (c *memoryConn) RemoteAddr() net.Addr             { return here }

func (c *memoryConn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: here, Err: err}
}

// hangUp closes a connection rudely: the other side sees a reset.
func hangUp(conn net.Conn) {
	switch c := conn.(type) {
	case *memoryConn:
		c.reset()
		return
	case *net.TCPConn:
		_ = c.SetLinger(0)
	}
	_ = conn.Close()
}
