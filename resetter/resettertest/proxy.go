package resettertest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A route is what a request is for, as far as the suite has to know.
type route int

const (
	reading route = iota // whatever is neither of the others
	signingIn
	resetting
)

func (r route) String() string { return [...]string{"look-up", "sign-in", "reset"}[r] }

// A proxy stands between a client and the healthy test server, reads every
// request, and does to it what the plan says. It is where the truth about the
// wire is kept.
type proxy struct {
	subject Subject
	near    network                                 // between client and proxy
	far     func(context.Context) (net.Conn, error) // to the server
	host    string                                  // the server's, as the client knows it
	running sync.WaitGroup

	mu       sync.Mutex
	idle     sync.Cond // of inHand
	inHand   int
	conns    map[net.Conn]bool // true while no request is in hand
	plan     func(route) *fault
	dialing  dialing
	dials    int
	counts   [3]int
	settled  map[string]string // resets that must not come again, and why
	dead     map[string]bool   // credentials that are not taken any more
	closed   time.Time         // until when everybody was asked to keep away
	secrets  map[string]bool
	crowded  bool // several calls are under way, so that some are when a pause begins
	findings []string
}

// limit is how many requests one script may cost before it is a flood.
const limit = 400

func newProxy(subject Subject, near, server network) *proxy {
	p := &proxy{
		subject: subject, near: near, far: server.dial, host: server.listener.Addr().String(),
		conns: map[net.Conn]bool{}, settled: map[string]string{}, dead: map[string]bool{}, secrets: map[string]bool{},
	}
	p.idle.L = &p.mu
	p.running.Go(func() {
		for {
			conn, err := near.listener.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns[conn] = true
			p.mu.Unlock()
			p.running.Go(func() { p.serve(conn) })
		}
	})
	return p
}

// close ends the proxy and waits for all that it does.
func (p *proxy) close() {
	_ = p.near.listener.Close()
	p.mu.Lock()
	for conn := range p.conns {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}

// settle waits until the server has been handed, and has done, all that it
// ever will be.
func (p *proxy) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.inHand > 0 {
		p.idle.Wait()
	}
}

func (p *proxy) found(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.findings = append(p.findings, fmt.Sprintf(format, args...))
}

// follow makes p do what plan says from now on, and forget what was.
func (p *proxy) follow(plan func(route) *fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan, p.dialing, p.dials, p.counts, p.closed = plan, nil, 0, [3]int{}, time.Time{}
	clear(p.settled)
	clear(p.dead)
}

// A dialing is how a client gets a connection in a script: n is how many it
// asked for before, and dial how it gets one while all is well.
type dialing func(ctx context.Context, n int, dial func(context.Context) (net.Conn, error)) (net.Conn, error)

// dialed has f make the connections.
func (p *proxy) dialed(f dialing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing = f
}

// count is how many requests of that route have arrived since follow.
func (p *proxy) count(r route) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[r]
}

// eachIdle calls f for every connection without a request in hand.
func (p *proxy) eachIdle(f func(net.Conn)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn, idle := range p.conns {
		if idle {
			f(conn)
		}
	}
}

// dial is how the client gets its connections.
func (p *proxy) dial(ctx context.Context, _, address string) (net.Conn, error) {
	if address != p.host {
		p.found("it connected to %s, where it has no business", address)
		return nil, refused()
	}
	p.mu.Lock()
	dialing, n := p.dialing, p.dials
	p.dials++
	p.mu.Unlock()
	if dialing != nil {
		return dialing(ctx, n, p.near.dial)
	}
	return p.near.dial(ctx)
}

func (p *proxy) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		p.mu.Lock()
		delete(p.conns, conn)
		p.mu.Unlock()
	}()
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(conn, &raw))
	for {
		raw.Reset()
		request, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		x := &exchange{proxy: p, conn: conn, in: in, request: request, body: body, raw: bytes.Clone(raw.Bytes())}
		if again := p.handle(x); !again {
			return
		}
	}
}

// handle does with one request what the plan says. It reports whether the
// connection is good for another.
func (p *proxy) handle(x *exchange) (again bool) {
	fault := p.arrived(x)
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.inHand--
		p.conns[x.conn] = true
		p.idle.Broadcast()
	}()
	if fault == nil {
		return x.reply(x.forward())
	}
	return fault.strike(x)
}

// arrived takes note of a request and says what is to go wrong with it.
func (p *proxy) arrived(x *exchange) *fault {
	x.route = reading
	switch {
	case p.subject.IsReset(x.request):
		x.route = resetting
	case p.subject.IsSignIn != nil && p.subject.IsSignIn(x.request):
		x.route = signingIn
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inHand++
	p.conns[x.conn] = false
	p.counts[x.route]++
	p.hide(x)
	if n := p.counts[x.route]; n == limit {
		p.findings = append(p.findings, fmt.Sprintf("it makes no end of %s requests", x.route))
	} else if n > limit {
		return &fault{strike: (*exchange).drop}
	}
	if strings.Contains(x.request.URL.Path, elsewherePath) {
		p.findings = append(p.findings, "it followed a redirect")
	}
	if early := time.Until(p.closed); early > time.Second { // dates are in whole seconds
		p.findings = append(p.findings, fmt.Sprintf("it came back %v before the end of the pause that it was asked for", early))
	}
	fault := p.struck(x)
	if fault != nil && fault.pause > 0 && !p.crowded {
		p.closed = time.Now().Add(fault.pause)
	}
	if x.route != resetting {
		return fault
	}
	key := x.request.Method + " " + x.request.RequestURI + " " + string(x.body)
	if why, over := p.settled[key]; over {
		p.findings = append(p.findings, "it sent a reset again after "+why)
	}
	switch {
	case fault == nil:
		p.settled[key] = "it had been accepted"
	case !fault.notDone:
		p.settled[key] = "this had happened to it, so that it may have been done: " + fault.name
	}
	return fault
}

// struck is what goes wrong with x. Called with mu held.
func (p *proxy) struck(x *exchange) *fault {
	if p.dead[x.credential()] && x.route != signingIn {
		return &expired
	}
	if p.plan == nil {
		return nil
	}
	fault := p.plan(x.route)
	if fault != nil && fault.kills && x.credential() != "" && p.subject.IsSignIn != nil {
		p.dead[x.credential()] = true
	}
	return fault
}

// hide remembers what must not be seen anywhere. Called with mu held.
func (p *proxy) hide(x *exchange) {
	if c := x.credential(); len(c) > 8 {
		p.secrets[c] = true
	}
	if q := x.request.URL.RawQuery; len(q) > 8 {
		p.secrets[q] = true
	}
}

// An exchange is one request in the hands of the proxy.
type exchange struct {
	proxy   *proxy
	route   route
	conn    net.Conn // to the client
	in      *bufio.Reader
	request *http.Request
	body    []byte
	raw     []byte // the request as it came
}

// credential is what the request signs itself with.
func (x *exchange) credential() string {
	words := strings.Fields(x.request.Header.Get("Authorization"))
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

// forward has the server do what is asked and returns its answer as it came,
// whether or not the client is still there.
func (x *exchange) forward() []byte {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := x.proxy.far(ctx)
	if err != nil {
		x.proxy.found("the test server cannot be reached: %v", err)
		return nil
	}
	defer conn.Close()
	if _, err := conn.Write(x.raw); err != nil {
		x.proxy.found("the test server does not listen: %v", err)
		return nil
	}
	var raw bytes.Buffer
	response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, &raw)), x.request)
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
	}
	if err != nil {
		x.proxy.found("the test server did not answer: %v", err)
		return nil
	}
	return raw.Bytes()
}

// reply hands the client an answer.
func (x *exchange) reply(raw []byte) (again bool) {
	if raw == nil {
		return false
	}
	_, err := x.conn.Write(raw)
	return err == nil
}

// drop closes the connection, which the client sees as its end.
func (x *exchange) drop() (again bool) { return false }

// reset closes the connection rudely.
func (x *exchange) reset() (again bool) {
	hangUp(x.conn)
	return false
}

// stall waits until the client goes away.
func (x *exchange) stall() (again bool) {
	_, _ = x.in.Peek(1)
	return false
}
