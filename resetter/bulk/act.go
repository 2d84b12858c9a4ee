package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/seed57652884/resetctl/resetter"
)

// A Summary says what a run has come to.
type Summary struct {
	// Targets holds each target that has rows, in the order of Engine.Targets.
	Targets []TargetSummary
}

// TargetSummary is one target's part of a Summary.
type TargetSummary struct {
	Name   string
	Counts Counts // all of the target's rows, those of earlier processes included
	// Requests and Throttled are those of its Pacer, where there is one.
	Requests, Throttled int64
	// Stopped says why the target was stopped; empty where it was not.
	Stopped string
}

// Counts adds up the targets.
func (s Summary) Counts() Counts {
	sum := make(Counts)
	for _, t := range s.Targets {
		for o, n := range t.Counts {
			sum[o] += n
		}
	}
	return sum
}

// Act works the rows that Prepare made ready, the targets side by side. It
// returns when each of them has its outcome or cannot be done now: because of
// the Deadline, the Limit, a target that was stopped (which are no errors, and
// the rows stay Pending), or for the reason in the error:
//
//   - ctx is done: no row is begun from that moment on, and what has not sent
//     its request does not; what has is waited for and recorded. The error is
//     ctx's cause.
//   - a [*GuardError]: a guard halted the run, the canary of First among them.
//   - anything else: the journal failed, or Links. Nothing is sent after that.
//
// The Summary is valid with an error too, as far as the journal tells.
func (e *Engine) Act(ctx context.Context) (Summary, error) {
	if err := e.validate(); err != nil {
		return Summary{}, err
	}
	keep := context.WithoutCancel(ctx)
	counts, err := e.Journal.Counts(keep)
	if err != nil {
		return Summary{}, fmt.Errorf("the journal could not count its rows; nothing was sent: %w", err)
	}
	targets, err := e.needed(counts)
	if err != nil {
		return Summary{}, err
	}
	e.open(Acting, counts)
	if e.Limit > 0 && !e.AtOnce {
		for _, t := range targets {
			if err := e.weigh(keep, t); err != nil {
				return Summary{}, err
			}
		}
	}

	if e.guard != nil {
		return e.halted(keep, targets, nil, e.guard)
	}
	lanes, err := e.act(ctx, targets, counts)
	stopped := make(map[string]string)
	for _, l := range lanes {
		if l.stopped != nil {
			stopped[l.target.Name] = l.stopped.Error()
			err = e.halt(keep, l.target, "its target was stopped: "+l.stopped.Error(), err)
		}
	}
	if guard := (*GuardError)(nil); errors.As(err, &guard) {
		return e.halted(keep, targets, stopped, err)
	}
	return e.summary(keep, stopped, err)
}

// act runs a course for each target until all of them have ended.
func (e *Engine) act(ctx context.Context, targets []*Target, counts map[string]Counts) ([]*lane, error) {
	run, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	timed, cancel := e.timed(run)
	defer cancel()
	a := &acting{Engine: e, run: timed, keep: context.WithoutCancel(ctx), fail: fail, failures: failures{guards: e.Guards}}

	courses, lanes := make([]course, len(targets)), make([]*lane, len(targets))
	for i, t := range targets {
		courses[i] = a.course(t)
		lanes[i] = courses[i].last()
	}
	errs := sideBySide(courses, func(i int, c course) error {
		if e.AtOnce {
			if err := e.lookUpAlone(timed, targets[i], c.last(), counts); err != nil {
				fail(err)
				return err
			}
		}
		return c.run(timed, fail)
	})
	if e.First > 0 {
		switch left, err := lift(timed, courses); {
		case err != nil:
			errs = append(errs, err)
		case left && e.GoOn != nil && e.GoOn(ctx):
			errs = sideBySide(courses, func(_ int, c course) error { return c.run(timed, fail) })
		case left && ctx.Err() == nil:
			errs = append(errs, &GuardError{"canary", fmt.Sprintf(
				"the first %d rows of each target are through; look at what became of them before the others are worked", e.First)})
		}
	}
	if run.Err() != nil {
		errs = append([]error{context.Cause(run)}, errs...)
	}
	return lanes, join(errs)
}

// A course is all lanes of one target, in the order in which they run.
type course []*lane

// course makes a target's. Rows in doubt are first, since what becomes Unknown
// from now on is not meant.
func (a *acting) course(t *Target) (c course) {
	if a.ResendUnknown {
		c = append(c, a.lane(t, InDoubt))
	}
	c = append(c, a.lane(t, Ready))
	if a.First > 0 {
		room := a.First
		for _, l := range c {
			l.room = &room
		}
	}
	return c
}

// last is the lane that says at the end whether the target was stopped.
func (c course) last() *lane { return c[len(c)-1] }

// run runs the lanes until all of them have ended or the target is stopped.
func (c course) run(ctx context.Context, fail context.CancelCauseFunc) error {
	for _, l := range c {
		if c.last().stopped != nil {
			return nil
		}
		if err := l.run(ctx, fail); err != nil {
			return err
		}
		c.last().stopped = l.stopped
	}
	return nil
}

// sideBySide does it for all courses at once.
func sideBySide(courses []course, do func(int, course) error) []error {
	var wg sync.WaitGroup
	errs := make([]error, len(courses))
	for i, c := range courses {
		wg.Go(func() { errs[i] = do(i, c) })
	}
	wg.Wait()
	return errs
}

// lift lets the courses take any number of rows from now on, and reports whether
// that leaves something to do: nothing where ctx is done, nor where a row of the
// first is not through, since the deadline comes before its turn.
func lift(ctx context.Context, courses []course) (left bool, err error) {
	courses = slices.DeleteFunc(slices.Clone(courses), func(c course) bool { return c.last().stopped != nil })
	for _, l := range slices.Concat(courses...) {
		if l.held > 0 {
			return false, nil
		}
	}
	for _, l := range slices.Concat(courses...) {
		l.room = nil
		if err := l.fill(ctx); err != nil {
			return false, err
		}
		left = left || l.held > 0
	}
	return left, nil
}

// lookUpAlone looks one target's people up beside the others. If the target
// cannot be worked with it is stopped; an error is the journal's or ctx's.
func (e *Engine) lookUpAlone(ctx context.Context, t *Target, l *lane, counts map[string]Counts) error {
	err := e.preparing(counts).lookUp(ctx, []*Target{t})
	switch target := (*TargetError)(nil); {
	case errors.As(err, &target):
		l.stopped = target.Err
		return nil
	case errors.Is(err, ErrTimeUp):
		return nil
	default:
		return err
	}
}

// timed bounds ctx by the Deadline.
func (e *Engine) timed(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.Deadline.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadlineCause(ctx, e.Deadline, ErrTimeUp)
}

// lane makes a lane that still lacks its work.
func (e *Engine) lane(t *Target, stage Stage) *lane {
	return &lane{
		journal: e.Journal, target: t, stage: stage, limit: e.Limit, deadline: e.Deadline,
		show:   func(change func(*TargetProgress)) { e.note(t.Name, change) },
		flying: make(map[*task]bool), behind: make(map[string][]*task),
		ready: tasks{before: func(a, b *task) bool { return a.Row.Seq < b.Row.Seq }},
		later: tasks{before: func(a, b *task) bool { return a.at.Before(b.at) }},
	}
}

// acting is what the workers of one Act share.
type acting struct {
	*Engine
	run      context.Context // done when nothing more is to be sent
	keep     context.Context // never done, for the journal
	fail     context.CancelCauseFunc
	failures failures
}

// halted is how Act ends when a guard said so.
func (e *Engine) halted(ctx context.Context, targets []*Target, stopped map[string]string, err error) (Summary, error) {
	why := err.Error()
	for _, t := range targets {
		err = e.halt(ctx, t, why, err)
	}
	return e.summary(ctx, stopped, err)
}

// halt writes down why the rest of t's rows is not done now, and returns err,
// or more than that if it cannot.
func (e *Engine) halt(ctx context.Context, t *Target, why string, err error) error {
	if haltErr := e.Journal.Halt(ctx, t.Name, Halted, why); haltErr != nil {
		return errors.Join(err, fmt.Errorf("the journal could not record that target %s was stopped: %w", t.Name, haltErr))
	}
	return err
}

// summary counts, and hands err on.
func (e *Engine) summary(ctx context.Context, stopped map[string]string, err error) (Summary, error) {
	counts, countErr := e.Journal.Counts(ctx)
	if countErr != nil {
		return Summary{}, errors.Join(err, fmt.Errorf("the journal could not count its rows: %w", countErr))
	}
	var s Summary
	for _, t := range e.Targets {
		if len(counts[t.Name]) == 0 {
			continue
		}
		part := TargetSummary{Name: t.Name, Counts: counts[t.Name], Stopped: stopped[t.Name]}
		if p, ok := t.Resetter.(resetter.Pacer); ok {
			pace := p.Pace()
			part.Requests, part.Throttled = pace.Requests, pace.Throttled
		}
		s.Targets = append(s.Targets, part)
	}
	return s, err
}

// join is errors.Join, but leaves a single error as it is and says the same
// thing once.
func join(errs []error) error {
	var kept []error
	said := make(map[string]bool)
	for _, err := range errs {
		if err != nil && !said[err.Error()] {
			said[err.Error()] = true
			kept = append(kept, err)
		}
	}
	if len(kept) == 1 {
		return kept[0]
	}
	return errors.Join(kept...)
}
