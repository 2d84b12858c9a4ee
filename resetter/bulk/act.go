package bulk

import (
	"context"
	"errors"
	"fmt"
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
//   - a [*GuardError]: a guard halted the run.
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

// act runs a lane for each target until all of them have ended.
func (e *Engine) act(ctx context.Context, targets []*Target, counts map[string]Counts) ([]*lane, error) {
	run, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	timed, cancel := e.timed(run)
	defer cancel()
	a := &acting{Engine: e, run: timed, keep: context.WithoutCancel(ctx), fail: fail, failures: failures{guards: e.Guards}}

	var wg sync.WaitGroup
	lanes, errs := make([]*lane, len(targets)), make([]error, len(targets))
	for i, t := range targets {
		l := a.lane(t, Ready)
		lanes[i] = l
		wg.Go(func() {
			if e.AtOnce {
				if errs[i] = e.lookUpAlone(timed, t, l, counts); errs[i] != nil {
					fail(errs[i])
				}
			}
			if e.ResendUnknown && l.stopped == nil && errs[i] == nil {
				// First, since what becomes Unknown from now on is not meant.
				again := a.lane(t, InDoubt)
				errs[i] = again.run(timed, fail)
				l.stopped = again.stopped
			}
			if l.stopped == nil && errs[i] == nil {
				errs[i] = l.run(timed, fail)
			}
		})
	}
	wg.Wait()
	if run.Err() != nil {
		errs = append([]error{context.Cause(run)}, errs...)
	}
	return lanes, join(errs)
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
		show: func(change func(*TargetProgress)) { e.note(t.Name, change) },
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
