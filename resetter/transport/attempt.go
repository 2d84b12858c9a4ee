package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// An attempt is what became of one request.
type attempt struct {
	verdict Verdict
	token   int       // number of the session's token that it carried
	until   time.Time // of a Throttled verdict: when it may be tried again
	guess   bool      // until is not the system's word
	broken  bool      // it left the breaker open
	err     error     // why there was no answer
}

// RoundTrip is one attempt, as go-retryablehttp's client sees it: everything
// that has to be in order first, then the wire, then the verdict.
func (c *call) RoundTrip(req *http.Request) (*http.Response, error) {
	token, number, failure := c.ready(req.Context())
	if failure != nil {
		c.failure = failure
		return nil, errNotAccepted
	}
	resp := c.send(req, token, number)
	if c.latest.verdict.Ruling != Accepted {
		return nil, errNotAccepted
	}
	return resp, nil
}

// ready returns when the next thing to do is the request's first byte: the
// gate is open, the session is good, the pace allows it and the caller has
// written down its intent. What took long is followed by another look at what
// may have changed meanwhile.
func (c *call) ready(ctx context.Context) (Token, int, *resetter.Error) {
	for round := 0; ; round++ {
		if failure := c.passGate(ctx); failure != nil {
			return Token{}, 0, failure
		}
		// Signed in before the place in the queue is taken, and looked at again
		// after the queue: a token may come of age in it.
		if _, _, failure := c.session(ctx); failure != nil {
			return Token{}, 0, failure
		}
		if failure := c.keepPace(ctx); failure != nil {
			return Token{}, 0, failure
		}
		token, number, failure := c.session(ctx)
		if failure != nil {
			return Token{}, 0, failure
		}
		left, failure := c.leave(ctx, number, round > 0)
		if left || failure != nil {
			return token, number, failure
		}
	}
}

// leave goes through the door, unless something has changed since the gate was
// passed and the token was given out.
func (c *call) leave(ctx context.Context, number int, again bool) (left bool, failure *resetter.Error) {
	door := c.client.door
	if err := door.enter(ctx, func(d time.Duration) { c.logWait("ceiling", d) }); err != nil {
		return false, c.notStarted(err)
	}
	stale := func() bool {
		return c.gateClosed() || number > 0 && !c.client.session.holds(number, again)
	}
	if stale() {
		door.back()
		return false, nil
	}
	if c.op.Class == Send {
		if err := resetter.BeforeSend(ctx); err != nil {
			door.back()
			return false, c.notStarted(err)
		}
		if stale() { // it took its time
			door.back()
			return false, nil
		}
	}
	door.left()
	return true, nil
}

// gateClosed reports whether the gate closed since this call passed it.
func (c *call) gateClosed() bool { return !c.op.probe && c.client.gate.closed() }

// passGate waits until the gate is open, or fails where that is not this
// call's business or would take too long.
func (c *call) passGate(ctx context.Context) *resetter.Error {
	for {
		if ctx.Err() != nil {
			return c.notStarted(context.Cause(ctx))
		}
		if c.op.probe {
			return nil
		}
		p := c.client.gate.ask()
		switch {
		case p.probe > 0:
			started := time.Now()
			c.client.probe(ctx, p.probe)
			c.waited += time.Since(started)
			continue
		case p.until.IsZero():
			return nil
		}
		wait := time.Until(p.until)
		if c.notOurs(ctx, p.until) {
			return c.refusedAtGate(p)
		}
		c.waited += wait
		c.logWait("gate: "+string(p.kind), wait)
		if err := sleep(ctx, wait); err != nil {
			return c.notStarted(err)
		}
	}
}

// notOurs reports whether a wait until then is not for this call to sleep.
func (c *call) notOurs(ctx context.Context, until time.Time) bool {
	return resetter.WaitsHandedBack(ctx) || c.waited+time.Until(until) > c.client.settings.maxWait || endsBefore(ctx, until)
}

func (c *call) refusedAtGate(p passage) *resetter.Error {
	message, advice := "the system is being left alone, because it asked for a pause", ""
	if p.why != nil {
		message = "the system could not be reached several times in a row: " + p.why.Error()
		advice = checkNetwork
	}
	e := c.Refuse(p.kind, message, advice)
	e.Until, e.Guessed, e.Scope, e.Err = p.until, p.guess, resetter.ScopeTarget, p.why
	return e
}

// session gives the session's token and its number; 0 where none is needed.
func (c *call) session(ctx context.Context) (Token, int, *resetter.Error) {
	if c.op.Anonymous || c.client.session == nil {
		return Token{}, 0, nil
	}
	token, number, err := c.client.session.get(ctx)
	if err != nil {
		return Token{}, 0, c.notSignedIn(err)
	}
	return token, number, nil
}

// notSignedIn turns the reason why there is no session into the call's error.
func (c *call) notSignedIn(err error) *resetter.Error {
	e, ok := errors.AsType[*resetter.Error](err)
	switch {
	case !ok:
		return c.notStarted(err)
	case e.Kind == resetter.ErrNotStarted:
		return c.notStarted(e.Err)
	}
	own := *e
	own.Account, own.Attempts = c.op.Account, c.counted()
	own.Stop = own.Stop || isRefusal(e)
	if broken := own.Status == 0 || own.Status >= 400; broken && own.Kind == resetter.ErrUnavailable && !own.Stop && own.Until.IsZero() {
		// Nothing was tried for this account, and the next would fare no better:
		// a pause for all, as where the system cannot be reached.
		closed, _ := c.client.gate.throttled(time.Now(), 0, resetter.ErrUnavailable)
		own.Until, own.Guessed, own.Scope = closed.until, closed.guess, resetter.ScopeTarget
		c.log(slog.LevelDebug, "gate closed", "wait", time.Until(own.Until), "reason", "no sign-in")
	}
	switch own.Kind {
	case resetter.ErrNotFound, resetter.ErrInvalid:
		// Of the sign-in; said of the account it would be wrong.
		own.Kind = resetter.ErrUnauthorized
	}
	return &own
}

// keepPace waits until the pace that was found lets the next request go.
func (c *call) keepPace(ctx context.Context) *resetter.Error {
	if err := wait(ctx, c.client.pace.permit, func(d time.Duration) { c.logWait("pace", d) }); err != nil {
		return c.notStarted(err)
	}
	return nil
}

// send puts one request on the wire and notes in c.latest what became of it.
// It returns the answer, its body read, if it was accepted.
func (c *call) send(req *http.Request, token Token, number int) *http.Response {
	c.latest = attempt{token: number}
	c.attempts++
	c.status, c.requestID = 0, ""
	c.client.pace.sent()
	sentAt := time.Now()
	defer func() { c.spent += time.Since(sentAt) }()

	ctx, cancel := context.WithTimeout(req.Context(), c.client.settings.timeout)
	defer cancel()
	p := proof{connected: func() { c.reached(time.Now()) }}
	resp, err := c.travel(req.Context(), ctx, c.outgoing(p.trace(ctx), req, token), &p)
	if err != nil {
		c.lost(req.Context(), err, &p)
		return nil
	}
	defer resp.Body.Close()
	c.reached(sentAt)
	c.saw(resp)
	if resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body.Close() // it is the connection, and obeys no time-out
	}
	body, cut := c.read(resp)
	c.judge(sentAt, resp, body, cut)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if c.op.Stream != nil {
		resp.Body = http.NoBody // it was read
	}
	return resp
}

// travel is the way of one request onto the wire, past the observer if there
// is one.
func (c *call) travel(caller, ctx context.Context, out *http.Request, p *proof) (*http.Response, error) {
	wire, observer := c.client.wire.transport, c.client.settings.observer
	if observer == nil {
		return wire.RoundTrip(out)
	}
	return observed(ctx, observer, &trip{
		send: func(added http.Header) (*http.Response, error) {
			maps.Copy(out.Header, added)
			return wire.RoundTrip(out)
		},
		clean: func(err error) error { return c.describe(caller, bare(err), p) },
	}, out)
}

// outgoing is the request as it leaves.
func (c *call) outgoing(ctx context.Context, req *http.Request, token Token) *http.Request {
	out := req.Clone(ctx)
	out.Header.Set("User-Agent", c.client.settings.userAgent)
	// net/http repeats on its own account, past class, pace and BeforeSend,
	// what it thinks idempotent: whatever has such a header, a body that it
	// can rewind, or a harmless method and no body.
	out.Header.Del("Idempotency-Key")
	out.Header.Del("X-Idempotency-Key")
	out.GetBody = nil
	switch out.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		if out.Body == nil || out.Body == http.NoBody {
			out.Body = io.NopCloser(strings.NewReader(""))
		}
	}
	if !c.op.Anonymous && c.client.system.Authorize != nil {
		c.client.system.Authorize(out, token)
	}
	return out
}

const checkNetwork = "check the URL, the network and whether the system is up"

// lost judges an attempt that got no answer.
func (c *call) lost(caller context.Context, err error, p *proof) {
	if held, ok := errors.AsType[*heldBack](err); ok {
		c.latest.err = &wireError{c.client.redact.clean(held.Error()), held.err}
		c.latest.verdict = Verdict{Ruling: Refused, Kind: resetter.ErrNotStarted}
		c.logAttempt()
		c.attempts-- // nothing left
		return
	}
	err = bare(err)
	c.latest.err = c.describe(caller, err, p)
	if !p.notSent() {
		c.latest.verdict = Verdict{Ruling: Unknown, Kind: resetter.ErrLostAnswer}
		if c.op.Class == Send {
			c.latest.verdict.Advice = "look it up in the system before you repeat it"
		}
		c.logAttempt()
		return
	}
	v := Verdict{Ruling: notSent, Kind: resetter.ErrUnavailable, Advice: checkNetwork}
	if advice, yes := hopeless(err); yes && !p.obtained {
		v.Stop, v.Advice = true, advice
	} else if !p.tried && caller.Err() == nil {
		v = Verdict{Ruling: notSent, Kind: resetter.ErrInvalid, Message: malformed, Stop: true, Advice: "look for line breaks in the credentials"}
	}
	if !p.obtained && caller.Err() == nil && !v.Stop && !c.op.probe {
		var first bool
		c.latest.broken, first = c.client.gate.unreachable(c.latest.err)
		if first {
			c.log(slog.LevelDebug, "breaker opened", "reason", "connections in a row could not be made", "wait", time.Until(c.client.gate.closedUntil()))
			if c.client.system.RefusalIsThrottle {
				c.cutPace(true)
			}
		}
	}
	c.latest.verdict = v
	c.logAttempt()
}

// reached notes that the system could be reached at that time.
func (c *call) reached(at time.Time) {
	if c.client.gate.reached(at) {
		c.log(slog.LevelDebug, "breaker closed", "reason", "the system can be reached again")
	}
}

// judge has the system's package judge an answer; cut is why its body is not
// all there.
func (c *call) judge(sentAt time.Time, resp *http.Response, body []byte, cut error) {
	a := Answer{Class: c.op.Class, Op: c.op.Name, Status: resp.StatusCode, Header: resp.Header, Body: body, Cut: cut != nil, At: time.Now()}
	v := c.client.system.Judge(a)
	if v.Ruling == Accepted && a.Cut {
		v = c.unreadable(cut)
	}
	c.latest.verdict = v
	hint := waitHint(a.Header, a.At)
	switch {
	case v.Ruling == Throttled && v.Scope == resetter.ScopePerson:
		c.admitted(sentAt)
		c.latest.until = time.Now().Add(max(v.Wait, shortestPause))
	case v.Ruling == Throttled:
		if v.Wait == 0 {
			v.Wait = hint
		}
		first := c.closeGate(sentAt, v.Wait, v.Kind)
		if v.Kind == resetter.ErrRateLimited { // and not in maintenance
			c.cutPace(first)
		}
	case v.Ruling == Unknown && a.Status >= 500 && hint > 0:
		// It may have been done, but whoever it was, they want to be left alone.
		c.closeGate(sentAt, hint, resetter.ErrUnavailable)
	default:
		c.admitted(sentAt)
		if v.Ruling != Unknown { // which a system in trouble says, too
			c.client.gate.accepted(sentAt)
		}
	}
	c.logAttempt()
}

// closeGate closes the gate and reports whether this began a new episode.
func (c *call) closeGate(sentAt time.Time, wait time.Duration, kind resetter.Kind) (first bool) {
	closed, first := c.client.gate.throttled(sentAt, wait, kind)
	c.latest.until, c.latest.guess = closed.until, closed.guess
	c.log(slog.LevelDebug, "gate closed", "status", c.status, "wait", time.Until(c.latest.until), "reason", string(kind), "first", first)
	return first
}

func (c *call) cutPace(first bool) {
	if c.client.pace.turnedAway(first) {
		c.log(slog.LevelDebug, "pace cut", "rate", c.client.pace.snapshot().Rate, "reason", "the system objected")
	}
}

func (c *call) admitted(sentAt time.Time) {
	if c.client.pace.letIn(sentAt) {
		c.log(slog.LevelDebug, "pace raised", "rate", c.client.pace.snapshot().Rate, "reason", "a second without objection")
	}
}

func (c *call) logAttempt() {
	c.log(slog.LevelDebug, "attempt", "attempt", c.attempts, "status", c.status,
		"ruling", c.latest.verdict.Ruling.String(), "reason", string(c.latest.verdict.Kind))
}

func (c *call) logWait(reason string, d time.Duration) {
	c.log(slog.LevelDebug, "waiting", "attempt", c.attempts+1, "wait", d, "reason", reason)
}

// probe asks the system something harmless, on behalf of all who wait for it
// to come back. Any connection that it gets closes the breaker.
func (c *Client) probe(ctx context.Context, number int) {
	if c.system.Probe == nil {
		c.gate.letTry()
		return
	}
	defer func() { c.gate.probed(number, ctx.Err() != nil) }()
	req, err := c.system.Probe()
	if err != nil {
		return
	}
	// A connection from before would prove nothing, and keep all waiting if it hangs.
	c.wire.transport.CloseIdleConnections()
	under, _ := c.Begin(ctx, Operation{Name: "probe", Class: Read, Anonymous: true, probe: true})
	_, _ = c.Do(req.WithContext(under))
}

// checkRequest makes sure that a request goes where the credentials belong.
func (c *call) checkRequest(req *http.Request) *resetter.Error {
	if req.URL.Scheme == c.client.base.Scheme && req.URL.Host == c.client.base.Host {
		return nil
	}
	return c.notStarted(errors.New("the request does not go to the configured address"))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A wireError says why there was no answer, without the pieces of answers that
// the errors of net/http quote.
type wireError struct {
	text string
	err  error
}

func (e *wireError) Error() string { return e.text }
func (e *wireError) Unwrap() error { return e.err }

// describe says why an attempt got no answer. Only errors that are known to
// quote nothing of what the other side said are kept as the cause.
func (c *call) describe(caller context.Context, err error, p *proof) error {
	var op *net.OpError
	var dns *net.DNSError
	var timed net.Error
	lost := "the answer was not HTTP"
	late := fmt.Sprintf("no answer within %v", c.client.settings.timeout)
	if !p.obtained {
		lost, late = "no connection could be made", "no connection could be made in time"
	}
	_, configured := hopeless(err)
	proxy, refused := errors.AsType[*proxyRefusal](err)
	switch {
	case caller.Err() == context.Canceled:
		return &wireError{"cancelled", context.Cause(caller)}
	case caller.Err() != nil:
		return &wireError{"the caller's time ran out before an answer came", context.Cause(caller)}
	case errors.As(err, &dns):
		if dns.IsTimeout || dns.IsTemporary {
			return &wireError{"the host name could not be looked up", dns}
		}
		return &wireError{"the host name is not known", dns}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timed) && timed.Timeout():
		return &wireError{late, context.DeadlineExceeded}
	case refused:
		return &wireError{proxy.Error(), proxy}
	case errors.Is(err, errProxySetting), configured:
		return &wireError{c.client.redact.clean(err.Error()), err}
	case errors.As(err, &op):
		return &wireError{c.client.redact.clean(op.Error()), op}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.HasPrefix(err.Error(), "http: server closed idle connection"):
		return &wireError{"the connection was closed before an answer came", io.ErrUnexpectedEOF}
	}
	return &wireError{lost, nil}
}
