package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"testing"
)

// Points of a reset's life on the wire, as the system sees it.
const (
	firstByte  = "first-byte"  // it has come, and the system does not know it yet
	wholeWrite = "whole-write" // the system has read all and acted, and said nothing yet
	status     = "status"      // the first line of the answer has left
	body       = "body"        // all of it has

	signingOut = "signing-out" // this one is of the process, not of a reset
)

// A wire is a test server's listener that shows how resets go by.
type wire struct {
	net.Listener
	// passes is called when a reset gets to a point. It says whether the
	// connection ends there. whom, at the first byte, reads on and says whom the
	// reset is about: the id of the account, or its address.
	passes func(point string, whom func() string) (cut bool)
	// comes, where set, is called with the first line of each request, which the
	// system gets to know when it returns.
	comes func(line string)
}

func newWire(t testing.TB, passes func(point string, whom func() string) bool) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &wire{Listener: l, passes: passes}
}

func (w *wire) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &wireConn{Conn: conn, wire: w}, nil
}

// A wireConn is read by one goroutine at a time and written by one at a time.
type wireConn struct {
	net.Conn
	wire    *wire
	pending []byte // has come and was not handed on yet
	reset   bool   // what was asked last is a reset, not yet answered
}

var (
	resetLine   = regexp.MustCompile(`^POST \S*(/send_password_reset|/password/adminRequest|/reset-password)[? ]`)
	signOutLine = regexp.MustCompile(`^(POST|DELETE) \S*/logout[? ]`)
)

// Read hands on what comes. A request begins with a chunk, since nobody sends
// the next before the answer to the last.
func (c *wireConn) Read(p []byte) (int, error) {
	if len(c.pending) == 0 {
		if err := c.more(); err != nil {
			return 0, err
		}
		if line, _, whole := bytes.Cut(c.pending, []byte("\r\n")); whole && c.wire.comes != nil {
			c.wire.comes(string(line))
		}
		if signOutLine.Match(c.pending) && c.wire.passes(signingOut, nil) {
			return 0, net.ErrClosed
		}
		if resetLine.Match(c.pending) {
			c.reset = true
			if c.wire.passes(firstByte, c.whom) {
				return 0, net.ErrClosed
			}
		}
	}
	n := copy(p, c.pending)
	c.pending = c.pending[n:]
	return n, nil
}

func (c *wireConn) more() error {
	chunk := make([]byte, 4096)
	n, err := c.Conn.Read(chunk)
	c.pending = append(c.pending, chunk[:n]...)
	if n > 0 {
		return nil
	}
	return err
}

var lookerAccount = regexp.MustCompile(`/users/([^/]+)/credentials_email/`)

// whom reads the whole request and says whom it is about.
func (c *wireConn) whom() string {
	for {
		var content []byte
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(c.pending)))
		if err == nil {
			content, err = io.ReadAll(req.Body)
		}
		if err != nil {
			if c.more() != nil {
				return ""
			}
			continue
		}
		if m := lookerAccount.FindStringSubmatch(req.URL.Path); m != nil {
			return m[1]
		}
		var who struct {
			Unleash string `json:"id"`
			Sugar   string `json:"userId"`
		}
		_ = json.Unmarshal(content, &who)
		return who.Unleash + who.Sugar
	}
}

func (c *wireConn) Write(p []byte) (int, error) {
	if !c.reset {
		return c.Conn.Write(p)
	}
	c.reset = false // what it answers is small: one write
	if c.wire.passes(wholeWrite, nil) {
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Write(p[:bytes.IndexByte(p, '\n')+1])
	if err != nil || c.wire.passes(status, nil) {
		return n, net.ErrClosed
	}
	m, err := c.Conn.Write(p[n:])
	if err != nil || c.wire.passes(body, nil) {
		return n + m, net.ErrClosed
	}
	return n + m, nil
}
