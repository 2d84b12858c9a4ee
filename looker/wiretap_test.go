package looker_test

import (
	"bytes"
	"context"
	"net"
	"sync"
)

// A wiretap makes connections and keeps all that goes over them.
type wiretap struct {
	mu      sync.Mutex
	out, in bytes.Buffer
}

func (w *wiretap) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &tapped{conn, w}, nil
}

func (w *wiretap) sent() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.String()
}

func (w *wiretap) received() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.in.String()
}

type tapped struct {
	net.Conn
	tap *wiretap
}

func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	c.tap.in.Write(p[:n])
	return n, err
}

func (c *tapped) Write(p []byte) (int, error) {
	c.tap.mu.Lock()
	c.tap.out.Write(p)
	c.tap.mu.Unlock()
	return c.Conn.Write(p)
}
