package bulk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// lane makes a lane whose rows are worked.
func (a *acting) lane(t *Target, stage Stage) *lane {
	l := a.Engine.lane(t, stage)
	l.phase = Acting
	l.key = func(r Result) string { return r.Account.ID }
	l.systemic = []resetter.Kind{resetter.ErrForbidden}
	l.work = func(ctx context.Context, task *task) verdict { return a.work(ctx, t, task) }
	l.giveUp = func(_ context.Context, task *task, v verdict) error {
		if task.Reason == Deferred || task.doubt != nil {
			return nil // it stays so, and going on tries it again; or in doubt
		}
		return a.finish(task, new(send), tooLate(task.Result, v.why.Kind, t.maxWait()))
	}
	return l
}

// A send is one call for one row: what is written down before each of its
// requests.
type send struct {
	mu      sync.Mutex
	intents int
	lost    error // why an intent was not recorded
	over    bool  // the call has returned
}

// beforeSend commits the row's intent, or has nothing sent.
func (a *acting) beforeSend(s *send, target *Target, t *task) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return errors.New("BeforeSend was called after Reset had returned")
	}
	if err := t.depart(a.run); err != nil {
		return err
	}
	intent := a.Journal.Intent
	if t.doubt != nil && s.intents == 0 {
		intent = a.Journal.Again
	}
	if err := intent(a.keep, t.Row.Seq, t.Attempts+1); err != nil {
		s.lost = fmt.Errorf("the journal could not record the intent of row %d (line %d, target %s), so it was not sent: %w",
			t.Row.Seq, t.Row.Line, target.Name, err)
		a.fail(s.lost) // at once: nobody else should try
		return s.lost
	}
	t.Attempts++
	s.intents++
	return nil
}

// work does one row and records what came of it.
func (a *acting) work(ctx context.Context, target *Target, t *task) verdict {
	if t.Outcome == Unknown && t.doubt == nil {
		doubt := t.Result
		t.doubt = &doubt
	}
	if v, through := a.readAnew(ctx, target, t); through {
		return v
	}
	switch instead, err := a.leaveOut(a.keep, target, t.Result); {
	case err != nil:
		return verdict{err: a.ends(err)}
	case instead != nil && instead.known:
		a.tell(Pending, instead.Result)
		return verdict{leftOut: true}
	case instead != nil && t.doubt != nil: // kept back, and in doubt as before
		a.log().Info("a row in doubt is not sent once more", "target", target.Name, "row", t.Row.Seq, "reason", instead.Reason)
		return verdict{leftOut: true}
	case instead != nil:
		return verdict{leftOut: true, err: a.record(a.keep, soFar(t.Result, instead.Result))}
	}

	if !t.Row.Action.Mails() { // there is no moment before the first byte that matters
		if j, asks := a.Journal.(Permitter); asks {
			if err := j.MayAct(); err != nil {
				return verdict{err: a.ends(fmt.Errorf("row %d (line %d, target %s) was not begun: %w", t.Row.Seq, t.Row.Line, target.Name, err))}
			}
		}
		if t.depart(a.run) != nil {
			return verdict{}
		}
	}
	s := new(send)
	receipt, err := guarded(a.log(), func() (resetter.Receipt, error) {
		ctx := resetter.WithBeforeSend(ctx, func(context.Context) error { return a.beforeSend(s, target, t) })
		return a.perform(resetter.WithWaitsHandedBack(ctx), target.Resetter, t.Row, t.Account)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true

	if s.lost != nil && err != nil {
		return verdict{err: s.lost} // it stays as the journal has it
	}
	if s.intents == 0 && err == nil && t.Row.Action.Mails() {
		a.log().Warn("a Resetter does not call BeforeSend: a crash could have it send twice", "target", target.Name)
	}
	if until, scope, ok := waits(err); ok {
		return a.wait(target, t, s, err, until, scope)
	}
	if err != nil && t.isGrounded() && notStarted(err, s.intents) {
		if half, ok := halfWay(t, err); ok {
			if err := a.record(a.keep, half); err != nil {
				return verdict{err: a.ends(err)}
			}
			return verdict{}
		}
		if s.intents > 0 { // close what was certainly not sent
			t.Outcome, t.Reason, t.Detail = Pending, NotStarted, ""
			if err := a.back(t); err != nil {
				return verdict{err: a.ends(err)}
			}
		}
		return verdict{}
	}
	return a.end(target, t, s, receipt, err)
}

// StateLife is how long an account counts as it was found. A run that goes on
// later than that reads it anew before it does anything to it, since guards and
// people go by what it is now.
const StateLife = 24 * time.Hour

// readAnew reads the account of a row once more where it was found long ago, or
// where the row waits since somebody else had the person mailed: what was read
// before that tells nothing. It reports whether the row is through with that, be
// it for now.
func (a *acting) readAnew(ctx context.Context, target *Target, t *task) (verdict, bool) {
	overtaken := t.Reason == Deferred && t.Row.Action.Mails() && t.doubt == nil
	if t.ReadAt.IsZero() || time.Since(t.ReadAt) < StateLife && !overtaken {
		return verdict{}, false
	}
	p := a.preparing(nil)
	read := func(id resetter.Identity) (resetter.Account, error) {
		return guarded(a.log(), func() (resetter.Account, error) {
			return target.Resetter.Resolve(resetter.WithWaitsHandedBack(ctx), id)
		})
	}
	account, err := read(resetter.ID(t.Account.ID))
	switch {
	case errors.Is(err, resetter.ErrInvalid): // it cannot be asked by id
		return verdict{}, false
	case err == nil && account.ID != t.Account.ID:
		err = errors.New("the system named another account than the one that was asked for")
	case err == nil && t.doubt == nil && t.Row.Identity.Kind == resetter.ByEmail && !resetter.SameEmail(account.Email, t.Row.Identity.Value):
		// The row means whoever has the address. Where nobody has it any more, that
		// is the one who had it: the run itself may have changed it. Where somebody
		// else has, this row has come too far for another account.
		switch has, hasErr := read(t.Row.Identity); {
		case hasErr == nil && has.ID != account.ID:
			err = &resetter.Error{System: target.Name, Op: "look up the account anew", Kind: resetter.ErrNotFound,
				Message: "the address is another account's by now", Advice: "resume --retry-failed takes the row for that one"}
		case hasErr != nil && !errors.Is(hasErr, resetter.ErrNotFound):
			err = hasErr
		}
	}
	if v, ok := p.cutShort(ctx, target, t.Result, err); ok {
		return v, true
	}
	switch {
	case err != nil && t.doubt != nil: // in doubt as before
		return verdict{answered: true, refusal: refusal(err)}, true
	case err != nil:
		return verdict{answered: true, refusal: refusal(err), leftOut: true, err: a.record(a.keep, soFar(t.Result, notFound(t.Result, err)))}, true
	case t.doubt != nil:
		account.Evidence = t.Account.Evidence // what it was before the request that is in doubt
	default:
		if err := a.Journal.Resolved(a.keep, t.Row.Seq, account); err != nil {
			return verdict{err: a.ends(fmt.Errorf("the journal could not record whom row %d (line %d, target %s) is about, so it was not sent: %w",
				t.Row.Seq, t.Row.Line, target.Name, err))}, true
		}
	}
	t.Account, t.ReadAt = account, time.Now()
	return verdict{}, false
}

// wait has the row come again.
func (a *acting) wait(target *Target, t *task, s *send, err error, until time.Time, scope resetter.Scope) verdict {
	if t.doubt != nil && a.status[target.Name].Mailer != resetter.MailerAbsent && provesDone(*t.doubt, err, until, scope) {
		r := finished(t.Result)
		r.Outcome, r.Reason, r.Status = Done, Confirmed, refusal(err).Status
		r.Detail = "done, and not sent once more: the system refuses since this person was mailed less than a minute ago, which was by the request whose answer was lost"
		return verdict{answered: true, err: a.finish(t, s, r)}
	}
	before := t.Result
	t.Result = putOff(t.Result, err, until, scope)
	if half, ok := halfWay(t, err); ok { // which the row tells, if it ends there
		t.Result = half
		if err := a.record(a.keep, half); err != nil {
			return verdict{err: a.ends(err)}
		}
	} else if isHalfWay(before) {
		t.Result = before
	}
	if s.intents > 0 || scope == resetter.ScopePerson && t.doubt == nil {
		if err := a.back(t); err != nil {
			return verdict{err: a.ends(err)}
		}
	}
	a.log().Info("a row is put off", "target", target.Name, "row", t.Row.Seq, "until", until, "scope", scope)
	return verdict{until: until, scope: scope, why: refusal(err), tried: s.intents > 0 || refusal(err).Attempts > 0}
}

// provesDone reports whether the pause that the system wants for the person
// began with the very request that is in doubt.
func provesDone(doubt Result, err error, until time.Time, scope resetter.Scope) bool {
	age := time.Since(doubt.AskedAt)
	return scope == resetter.ScopePerson && errors.Is(err, resetter.ErrRateLimited) &&
		age >= 0 && age < time.Until(until) // an age below 0 is of a clock that was set back, and proves nothing
}

// back records that the row was certainly not sent this time: it is as it was
// before.
func (a *acting) back(t *task) error {
	if t.doubt == nil {
		return a.record(a.keep, t.Result)
	}
	attempts := t.Attempts
	t.Result = *t.doubt
	t.Attempts = attempts
	return a.recordFrom(a.keep, Unknown, t.Result)
}

// end records what the row has come to.
func (a *acting) end(target *Target, t *task, s *send, receipt resetter.Receipt, err error) verdict {
	var result Result
	var broken error
	if err == nil {
		result = accepted(t.Result, receipt, a.status[target.Name])
		if a.Links != nil && !receipt.Link.IsZero() {
			if err := a.Links(a.keep, result, receipt.Link); err != nil {
				result.Detail += "; its link could not be handed over and is lost: a new reset makes another"
				broken = a.ends(fmt.Errorf("the link of row %d (line %d, target %s) could not be handed over, though it was accepted: %w",
					t.Row.Seq, t.Row.Line, target.Name, err))
			}
		}
	} else {
		result = refused(t.Result, err, s.intents > 0)
		if e := refusal(err); e == nil || e.Holds == "" {
			result = soFar(t.Result, result)
		}
		if e := refusal(err); e != nil && !t.Row.Action.Mails() {
			result.Attempts = max(result.Attempts, t.Attempts+e.Attempts)
		}
	}
	if t.doubt != nil && s.intents == 0 && result.Outcome != Done {
		// Nothing left, so the journal has it in doubt as before.
		a.log().Info("a row in doubt could not be sent once more", "target", target.Name, "row", t.Row.Seq, "error", err)
		return verdict{answered: true, refusal: refusal(err)}
	}
	if err := a.finish(t, s, result); err != nil {
		broken = errors.Join(broken, err)
	}
	return verdict{answered: true, refusal: refusal(err), err: broken}
}

// notStarted reports whether err merely says that we ended the call ourselves
// before its request.
func notStarted(err error, intents int) bool {
	if errors.Is(err, resetter.ErrNotStarted) {
		return true
	}
	return intents == 0 && refusal(err) == nil && (errors.Is(err, context.Canceled) || errors.Is(err, ErrTimeUp))
}

// finish records the outcome of a row that was worked and asks the guards.
func (a *acting) finish(t *task, s *send, r Result) error {
	var err error
	switch {
	case t.doubt == nil:
		err = a.record(a.keep, r)
	case s.intents == 0: // in doubt in the journal, too
		err = a.settle(a.keep, r)
	case r.Outcome == Failed:
		r = stillInDoubt(*t.doubt, r)
		fallthrough
	default:
		err = a.recordFrom(a.keep, Unknown, r)
	}
	if err != nil {
		return a.ends(err)
	}
	if guard := a.failures.add(r.Outcome); guard != nil {
		return a.ends(guard)
	}
	return nil
}

// stillInDoubt is the result of a row whose second request was refused: that
// says nothing about the first.
func stillInDoubt(doubt, refused Result) Result {
	r := refused
	r.Outcome, r.Reason, r.FinishedAt = Unknown, doubt.Reason, doubt.FinishedAt
	r.Detail = "sent once more and refused: " + refused.Detail + "; the request before is in doubt as it was: " + doubt.Detail
	return r
}

// ends has nothing more sent anywhere, at once, and returns err.
func (a *acting) ends(err error) error {
	a.fail(err)
	return err
}
