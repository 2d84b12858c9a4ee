package bulk

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// guarded calls f, and makes an error of a panic, so that a bug in a Resetter
// costs one row at most. Of what was panicked with only the type is kept, and
// the text if it is the runtime's own: it may hold anything.
func guarded[T any](log *slog.Logger, f func() (T, error)) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			what := fmt.Sprintf("%T", p)
			if e, ok := p.(runtime.Error); ok {
				what = e.Error()
			}
			stack := make([]byte, 16<<10)
			log.Error("panic in a Resetter", "panic", what, "stack", string(stack[:runtime.Stack(stack, false)]))
			err = fmt.Errorf("a bug in the client (panic: %s)", what)
		}
	}()
	return f()
}

// refused is the result of a call that ended in err. sent says whether the call
// may have got as far as its request: what an error does not say itself is then
// in doubt.
func refused(r Result, err error, sent bool) Result {
	var e *resetter.Error
	switch {
	case errors.As(err, &e) && e.Kind.Unknown():
		r.Outcome, r.Reason, r.Detail, r.Status = Unknown, Reason(e.Kind), e.Detail(), e.Status
		r.Attempts = max(r.Attempts, 1)
	case errors.As(err, &e) && e.Kind == resetter.ErrNotStarted:
		// We ended nothing, or would not be here.
		r.Outcome, r.Reason, r.Detail = Failed, Reason(resetter.ErrUnavailable), e.Detail()
	case errors.As(err, &e):
		r.Outcome, r.Reason, r.Detail, r.Status = Failed, Reason(e.Kind), e.Detail(), e.Status
	case sent || errors.Is(err, resetter.ErrUnknownOutcome):
		r.Outcome, r.Reason = Unknown, Reason(resetter.ErrLostAnswer)
		r.Detail = fmt.Sprintf("%v; the mail may have gone out; look in the system or ask the person", err)
		r.Attempts = max(r.Attempts, 1)
	default:
		r.Outcome, r.Reason = Failed, Reason(resetter.ErrUnavailable)
		r.Detail = fmt.Sprintf("%v; certainly not sent", err)
	}
	return finished(r)
}

// waits reports whether err asks to come again, when, and whom that concerns.
func waits(err error) (until time.Time, scope resetter.Scope, ok bool) {
	var e *resetter.Error
	if !errors.As(err, &e) || e.Until.IsZero() || e.Stop ||
		e.Kind != resetter.ErrRateLimited && e.Kind != resetter.ErrUnavailable {
		return time.Time{}, "", false
	}
	return e.Until, e.Scope, true
}

// refusal is the *resetter.Error within err; nil if there is none.
func refusal(err error) *resetter.Error {
	var e *resetter.Error
	errors.As(err, &e)
	return e
}

// putOff is the result of a row that has to come again.
func putOff(r Result, err error, until time.Time, scope resetter.Scope) Result {
	if e := refusal(err); e.Status != 0 {
		r.Status = e.Status
	}
	r.Outcome, r.Reason, r.FinishedAt = Pending, NotStarted, time.Time{}
	r.Detail = "not sent yet; the system asks us to wait until " + clock(until)
	if refusal(err).Guessed {
		r.Detail = "not sent yet; the system turned us away without saying for how long; the next try is at " + clock(until)
	}
	if scope == resetter.ScopePerson {
		r.Reason = Deferred
		r.Detail = "not sent yet; the system wants a pause for this person until " + clock(until)
	}
	return r
}

// halfWay is the result of a row whose action of several writes was ended between
// two of them: it goes on later. ok is false where nothing was written, or where
// the row is in doubt as it was.
func halfWay(t *task, err error) (r Result, ok bool) {
	e := refusal(err)
	if e == nil || e.Holds == "" || t.doubt != nil {
		return r, false
	}
	r = t.Result
	r.Outcome, r.Reason, r.FinishedAt = Pending, Deferred, time.Time{}
	r.Attempts += e.Attempts
	r.Detail = notThrough + e.Holds + goingOn
	return r, true
}

const notThrough, goingOn = "not through yet: ", "; going on completes it"

// soFar is r with what held of the row before, where that had been left by
// halfWay.
func soFar(before, r Result) Result {
	if isHalfWay(before) {
		r.Detail += "; so far: " + strings.TrimSuffix(strings.TrimPrefix(before.Detail, notThrough), goingOn) + "; do it again to complete it"
	}
	return r
}

// isHalfWay reports whether a row was left by halfWay, by this process or
// another.
func isHalfWay(r Result) bool {
	return !r.Row.Action.Mails() && r.Reason == Deferred && strings.HasPrefix(r.Detail, notThrough)
}

// tooLate is the result of a row that was put off for too long.
func tooLate(r Result, kind resetter.Kind, longest time.Duration) Result {
	r.Outcome, r.Reason = Failed, Reason(kind)
	r.Detail = fmt.Sprintf("put off again and again, for more than the %v that we wait; certainly not sent; try it again later", longest)
	return finished(r)
}

// without is the result of a row that ends without having been worked.
func without(r Result, o Outcome, why Reason, detail string) Result {
	r.Outcome, r.Reason, r.Detail = o, why, detail
	return finished(r)
}

func finished(r Result) Result {
	r.FinishedAt = time.Now()
	return r
}
