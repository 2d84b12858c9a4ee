package transport

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

const (
	// repeatBudget is how often one call is repeated for reasons that are not
	// the system's wish: it could not be reached, or a read failed.
	repeatBudget = 4
	// Between those, a random part of a bound that doubles.
	firstRepeat, lastRepeat = 100 * time.Millisecond, 2 * time.Second
)

// A call is one Do: a few attempts and the decision after each.
type call struct {
	*Exchange

	repeats int           // drawn from repeatBudget
	waited  time.Duration // slept because the system could not or would not
	spent   time.Duration // waiting for answers
	renewed bool          // the session, on this call's account
	doubt   resetter.Kind // of a Write: an attempt that may have been carried out

	latest  attempt         // the one that the next decision is about
	next    time.Duration   // until the attempt after that
	failure *resetter.Error // how the call ended, if badly
}

func newCall(c *Client, req *http.Request) *call {
	x := c.exchangeOf(req.Context())
	x.status, x.requestID = 0, "" // of an earlier request of the same exchange
	made := &call{Exchange: x}
	// In case http.Client does not like the request and never asks RoundTrip.
	made.latest.verdict = Verdict{Ruling: notSent, Kind: resetter.ErrInvalid, Message: malformed, Stop: true}
	return made
}

const malformed = "the request cannot be sent: its address or a header is malformed"

// errNotAccepted is what go-retryablehttp sees of an attempt that came to
// anything but an accepted answer; what really happened stands in call.latest.
var errNotAccepted = errors.New("not accepted")

// checkRetry is go-retryablehttp's question after an attempt.
func (c *call) checkRetry(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if err == nil {
		return false, nil
	}
	if c.failure == nil {
		c.decide(ctx)
	}
	if c.failure != nil {
		return false, c.failure
	}
	return true, nil
}

// backoff is go-retryablehttp's question before it sleeps.
func (c *call) backoff(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return c.next }

// end turns what the loop came to into what Do returns.
func (c *call) end(ctx context.Context, resp *http.Response, err error) (*http.Response, error) {
	if err == nil {
		return resp, nil
	}
	if c.failure == nil {
		// The caller's context ended the sleep before a repetition, which is
		// only slept after what was certainly not done or may be repeated.
		c.failure = c.notStarted(context.Cause(ctx))
	}
	if c.doubt != "" && !c.failure.Kind.Unknown() {
		// However the repetition ended, the attempt before may have done it.
		c.failure.Kind = c.doubt
	}
	c.log(slog.LevelDebug, "call failed", "attempt", c.attempts, "status", c.failure.Status, "reason", string(c.failure.Kind))
	return nil, c.failure
}

// decide says after an attempt that was not accepted whether there is another:
// it sets next, or failure.
func (c *call) decide(ctx context.Context) {
	v := c.latest.verdict
	if v.Ruling == Unknown && c.op.Class == Write {
		c.doubt = v.Kind
	}
	switch {
	case c.op.probe, v.Stop, v.Ruling == Refused:
		c.fail()
	case v.Ruling == Renew:
		c.renew()
	case v.Ruling == Throttled:
		c.throttled(ctx)
	case v.Ruling == Unknown && c.op.Class == Send:
		c.fail()
	case ctx.Err() != nil:
		c.failure = c.notStarted(context.Cause(ctx))
	case c.latest.broken && (c.client.system.Probe != nil || !c.timeIsUp()):
		// The gate has become the judge of when, for this call as for all.
		c.again(0, "unreachable: the gate decides")
	case c.latest.broken:
		// The gate has nothing to find out with but another try of this call.
		c.fail(func(e *resetter.Error) { e.Until, e.Scope = c.client.gate.tryAgain(), resetter.ScopeTarget })
	case c.timeIsUp():
		c.fail()
	default:
		c.repeat("may be repeated: " + v.Ruling.String())
	}
}

// timeIsUp reports whether the attempts have taken as long as one may, or the
// time-out would count as often as the call is repeated.
func (c *call) timeIsUp() bool { return c.spent >= c.client.settings.timeout }

// repeat goes on within the budget.
func (c *call) repeat(reason string) {
	if c.repeats >= repeatBudget {
		c.fail()
		return
	}
	bound := min(lastRepeat, firstRepeat<<c.repeats)
	c.repeats++
	c.again(rand.N(bound)+1, reason)
}

// renew decides about an attempt whose token was not taken.
func (c *call) renew() {
	session := c.client.session
	if session != nil && !c.op.Anonymous {
		if !session.expired(c.latest.token) {
			c.repeat("session: renewed meanwhile")
			return
		}
		if !c.renewed {
			c.renewed = true
			c.again(0, "session: over, to be renewed once")
			return
		}
	}
	c.fail(func(e *resetter.Error) { e.Stop = true })
}

// throttled decides about an attempt that was turned away. A pause for the
// whole target is kept by the gate, before the next attempt.
func (c *call) throttled(ctx context.Context) {
	until, guess, scope := c.latest.until, c.latest.guess, c.latest.verdict.Scope
	if c.timeIsUp() || c.notOurs(ctx, until) {
		c.fail(func(e *resetter.Error) { e.Until, e.Guessed, e.Scope = until, guess, scope })
		return
	}
	if scope == resetter.ScopePerson {
		wait := time.Until(until)
		c.waited += wait
		c.again(wait, "throttled: a pause for this person")
		return
	}
	c.again(0, "throttled: the gate decides")
}

func (c *call) again(wait time.Duration, reason string) {
	c.next = max(0, wait)
	c.log(slog.LevelDebug, "again", "attempt", c.attempts+1, "status", c.status, "wait", c.next, "reason", reason)
}

// fail ends the call with the latest attempt's verdict.
func (c *call) fail(edit ...func(*resetter.Error)) {
	v := c.latest.verdict
	clean := c.client.redact.clean
	e := c.because(v.Kind, clean(v.Message), v.Advice)
	if c.op.Class == Read && v.Kind.Unknown() {
		// A read that came to nothing leaves no doubt about anything.
		e.Kind = resetter.ErrUnavailable
	}
	e.Code, e.Stop, e.Err = clean(v.Code), v.Stop, c.latest.err
	for _, f := range v.Fields {
		e.Fields = append(e.Fields, resetter.FieldError{Field: clean(f.Field), Code: clean(f.Code), Message: clean(f.Message)})
	}
	for _, f := range edit {
		f(e)
	}
	c.failure = e
}

// notStarted is the end of a call that the caller ended.
func (c *call) notStarted(cause error) *resetter.Error {
	e := c.Refuse(resetter.ErrNotStarted, "", "")
	e.Err = cause
	return e
}

func (c *call) log(level slog.Level, message string, attrs ...any) {
	if !c.client.log.Enabled(context.Background(), level) {
		return
	}
	c.client.log.Log(context.Background(), level, message,
		append([]any{"operation", c.op.Name, "class", c.op.Class.String()}, attrs...)...)
}

func endsBefore(ctx context.Context, t time.Time) bool {
	deadline, ok := ctx.Deadline()
	return ok && deadline.Before(t)
}
