package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// maxBody is how much of an answer is read.
const maxBody = 1 << 20

// An attempt is what became of one request.
type attempt struct {
	verdict Verdict
	token   int       // number of the session's token that it carried
	until   time.Time // of a Throttled verdict: when it may be tried again
	broken  bool      // it left the breaker open
	err     error     // why there was no answer
}

// RoundTrip is one attempt, as go-retryablehttp's client sees it: everything
// that has to be in order first, then the wire, then the verdict.
func (c *call) RoundTrip(req *http.Request) (*http.Response, error) {
	token, number, err := c.ready(req.Context())
	if err != nil {
		c.failure = c.notReady(err)
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
func (c *call) ready(ctx context.Context) (Token, int, error) {
	for {
		if err := c.passGate(ctx); err != nil {
			return Token{}, 0, err
		}
		var token Token
		var number int
		session := c.client.session
		if c.op.Anonymous {
			session = nil
		}
		if session != nil {
			var err error
			if token, number, err = session.get(ctx); err != nil {
				return Token{}, 0, err
			}
		}
		if err := c.client.pace.waitPermit(ctx); err != nil {
			return Token{}, 0, err
		}
		stale := func() bool {
			closed := !c.op.probe && !c.client.gate.closedUntil().IsZero()
			return closed || session != nil && !session.holds(number)
		}
		if stale() {
			continue
		}
		if c.op.Class == Send {
			if err := resetter.BeforeSend(ctx); err != nil {
				return Token{}, 0, err
			}
		}
		if err := c.client.pace.waitCeiling(ctx); err != nil {
			return Token{}, 0, err
		}
		if !stale() {
			return token, number, nil
		}
	}
}

// passGate waits until the gate is open, or fails where that is not this
// call's business or would take too long.
func (c *call) passGate(ctx context.Context) error {
	if c.op.probe {
		return ctx.Err()
	}
	for {
		p := c.client.gate.ask()
		switch {
		case p.probe:
			c.client.probe(ctx)
			continue
		case p.until.IsZero():
			return ctx.Err()
		}
		wait := time.Until(p.until)
		if resetter.WaitsHandedBack(ctx) || c.waited+wait > c.client.settings.maxWait || endsBefore(ctx, p.until) {
			message := "the system is being left alone, because it asked for a pause"
			if p.kind == resetter.ErrUnavailable {
				message = "the system could not be reached several times in a row"
			}
			e := c.Refuse(p.kind, message, "")
			e.Until, e.Scope = p.until, resetter.ScopeTarget
			return e
		}
		c.waited += wait
		c.log(slog.LevelDebug, "waiting at the gate", "reason", p.kind, "wait", wait)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// notReady turns the reason why no request was made into the call's error.
func (c *call) notReady(err error) *resetter.Error {
	var e *resetter.Error
	if !errors.As(err, &e) || errors.Is(err, resetter.ErrNotStarted) {
		return c.notStarted(err)
	}
	// Of the sign-in or the gate: true for this call as well.
	own := *e
	own.Account, own.Attempts = c.op.Account, c.attempts
	own.Stop = own.Stop || isRefusal(e)
	return &own
}

// send puts one request on the wire and notes in c.latest what became of it.
// It returns the answer, its body read, if it was accepted.
func (c *call) send(req *http.Request, token Token, number int) *http.Response {
	c.latest = attempt{token: number}
	c.attempts++
	c.status, c.requestID = 0, ""
	c.client.pace.sent()
	sentAt := time.Now()

	ctx, cancel := context.WithTimeout(req.Context(), c.client.settings.timeout)
	defer cancel()
	var p proof
	resp, err := c.client.wire.transport.RoundTrip(c.outgoing(p.trace(ctx), req, token))
	if err != nil {
		c.lost(req.Context(), bare(err), &p)
		return nil
	}
	defer resp.Body.Close()
	c.saw(resp)
	c.client.gate.reached()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	c.judge(sentAt, resp, body, err)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp
}

// outgoing is the request as it leaves.
func (c *call) outgoing(ctx context.Context, req *http.Request, token Token) *http.Request {
	out := req.Clone(ctx)
	out.Header.Set("User-Agent", c.client.settings.userAgent)
	// net/http repeats on its own account what it thinks idempotent: whatever
	// has such a header, and whatever body it can rewind.
	out.Header.Del("Idempotency-Key")
	out.Header.Del("X-Idempotency-Key")
	if c.op.Class == Send {
		out.GetBody = nil
		if out.Body == nil || out.Body == http.NoBody {
			out.Body = io.NopCloser(strings.NewReader(""))
		}
	}
	if !c.op.Anonymous && c.client.system.Authorize != nil {
		c.client.system.Authorize(out, token)
	}
	return out
}

// lost judges an attempt that got no answer.
func (c *call) lost(caller context.Context, err error, p *proof) {
	c.latest.err = describe(err, c.client.settings.timeout)
	if !p.notSent() {
		c.latest.verdict = Verdict{Ruling: Unknown, Kind: resetter.ErrLostAnswer}
		if c.op.Class == Send {
			c.latest.verdict.Advice = "look it up in the system before you repeat it"
		}
		c.logAttempt()
		return
	}
	v := Verdict{Ruling: notSent, Kind: resetter.ErrUnavailable, Advice: "check the URL, the network and whether the system is up"}
	if advice, yes := hopeless(err); yes && !p.obtained {
		v.Stop, v.Advice = true, advice
	}
	if !p.obtained && caller.Err() == nil && !v.Stop && !c.op.probe {
		c.latest.broken = c.client.gate.unreachable()
		if c.latest.broken && c.client.system.RefusalIsThrottle {
			c.client.pace.turnedAway(true)
		}
	}
	c.latest.verdict = v
	c.logAttempt()
}

// judge has the system's package judge an answer.
func (c *call) judge(sentAt time.Time, resp *http.Response, body []byte, readErr error) {
	a := Answer{Class: c.op.Class, Op: c.op.Name, Status: resp.StatusCode, Header: resp.Header, Body: body, At: time.Now()}
	tooLarge := len(body) > maxBody
	if tooLarge {
		a.Body = body[:maxBody]
	}
	v := c.client.system.Judge(a)
	if v.Ruling == Accepted && (readErr != nil || tooLarge) {
		v = Verdict{Ruling: Unknown, Kind: resetter.ErrUnreadableAnswer, Message: "the answer broke off"}
		if tooLarge {
			v.Message = "the answer is larger than 1 MiB"
			v.Stop = c.op.Class != Send // it would be as large again
		}
	}
	c.latest.verdict = v
	switch {
	case v.Ruling == Throttled && v.Scope == resetter.ScopePerson:
		c.client.pace.letIn(sentAt)
		c.latest.until = time.Now().Add(v.Wait)
	case v.Ruling == Throttled:
		var first bool
		c.latest.until, first = c.client.gate.throttled(sentAt, v.Wait)
		c.client.pace.turnedAway(first)
	default:
		c.client.pace.letIn(sentAt)
		c.client.gate.accepted(sentAt)
	}
	c.logAttempt()
}

func (c *call) logAttempt() {
	c.log(slog.LevelDebug, "attempt", "attempt", c.attempts, "status", c.status,
		"ruling", c.latest.verdict.Ruling.String(), "reason", string(c.latest.verdict.Kind))
}

// probe asks the system something harmless, on behalf of all who wait for it
// to come back, and tells the gate.
func (c *Client) probe(ctx context.Context) {
	if c.system.Probe == nil {
		c.gate.reached()
		return
	}
	req, err := c.system.Probe()
	if err == nil {
		ctx, _ := c.Begin(ctx, Operation{Name: "probe", Class: Read, Anonymous: true, probe: true})
		_, err = c.Do(req.WithContext(ctx))
	}
	// Any answer at all will do: it has opened the gate already.
	if e, ok := errors.AsType[*resetter.Error](err); err != nil && (!ok || e.Status == 0) {
		c.gate.probeFailed()
	}
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

func describe(err error, timeout time.Duration) error {
	var op *net.OpError
	var dns *net.DNSError
	text := "the answer was not HTTP"
	switch {
	case errors.Is(err, context.Canceled):
		text = "cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		text = fmt.Sprintf("no answer within %v", timeout)
	case errors.As(err, &dns):
		text = "the host name is not known"
		if dns.IsTimeout || dns.IsTemporary {
			text = "the host name could not be looked up"
		}
	case errors.As(err, &op):
		text = op.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text = "the connection was closed before an answer came"
	case isPlain(err):
		text = err.Error()
	default:
		if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
			text = fmt.Sprintf("no answer within %v", timeout)
		}
	}
	return &wireError{text, err}
}

// isPlain reports whether err's text is known to quote nothing.
func isPlain(err error) bool {
	if _, configuration := hopeless(err); configuration {
		return true
	}
	_, proxy := errors.AsType[*proxyRefusal](err)
	return proxy || strings.HasPrefix(err.Error(), "http: server closed idle connection") ||
		strings.HasPrefix(err.Error(), "net/http: TLS handshake timeout")
}
