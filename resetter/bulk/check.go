package bulk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// Check asks each target that has pending rows and is a [resetter.Checker],
// side by side, and returns what they say by target. It sends nothing. A target
// that can do none of its rows, whatever it says, is not asked.
//
// Its error holds a [*TargetError] for each target that refused us or could not
// be reached, and for each that has resets to do, no mailer, and no Links to
// take the links (ErrNoMailer); or it is ErrTimeUp, or the journal's.
func (e *Engine) Check(ctx context.Context) (map[string]resetter.Status, error) {
	counts, err := e.begin(ctx, Checking)
	if err != nil {
		return nil, err
	}
	targets, err := e.needed(counts)
	if err != nil {
		return nil, err
	}
	return e.check(ctx, targets)
}

func (e *Engine) check(ctx context.Context, targets []*Target) (map[string]resetter.Status, error) {
	targets, err := e.hopeful(ctx, targets)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	} else if err != nil {
		return nil, err
	}
	timed, cancel := e.timed(ctx)
	defer cancel()
	asking, enough := context.WithCancel(timed)
	defer enough()
	var wg sync.WaitGroup
	found, errs := make([]resetter.Status, len(targets)), make([]error, len(targets))
	for i, t := range targets {
		if known, ok := e.status[t.Name]; ok {
			found[i] = known
			continue
		}
		checker, ok := t.Resetter.(resetter.Checker)
		if !ok {
			continue
		}
		wg.Go(func() {
			defer e.at(t, Checking)()
			var err error
			found[i], err = e.ask(asking, t, checker)
			if err == nil && found[i].Mailer == resetter.MailerAbsent && e.Links == nil {
				err = e.mailless(ctx, t)
			} else if err != nil && !cutShort(asking, err) {
				err = &TargetError{t.Name, err}
			}
			if errs[i] = err; errors.As(err, new(*TargetError)) {
				enough() // one is reason enough, so nobody is waited for
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	refused := slices.Clone(errs)
	for i, err := range refused {
		if !errors.As(err, new(*TargetError)) {
			refused[i] = nil
		}
	}
	if err := join(refused); err != nil {
		return nil, err
	}
	if err := join(errs); err != nil && (timed.Err() != nil || errors.Is(err, ErrTimeUp)) {
		return nil, ErrTimeUp
	} else if err != nil {
		return nil, err
	}
	e.status = make(map[string]resetter.Status)
	for i, t := range targets {
		e.status[t.Name] = found[i]
	}
	return maps.Clone(e.status), nil
}

// cutShort reports whether err says that we ended the asking under ctx
// ourselves.
func cutShort(ctx context.Context, err error) bool {
	return errors.Is(err, ErrTimeUp) ||
		ctx.Err() != nil && (errors.Is(err, resetter.ErrNotStarted) || errors.Is(err, context.Canceled))
}

// ask asks one target. A pause that it wants is waited for, unless that takes
// longer than there is time; that it cannot be reached is an answer, at the
// beginning of everything.
func (e *Engine) ask(ctx context.Context, t *Target, checker resetter.Checker) (resetter.Status, error) {
	begun := time.Now()
	for {
		status, err := guarded(e.log(), func() (resetter.Status, error) {
			return checker.Check(resetter.WithWaitsHandedBack(ctx))
		})
		if !e.Deadline.IsZero() && errors.Is(err, resetter.ErrNotStarted) && errors.Is(err, context.DeadlineExceeded) {
			return status, ErrTimeUp // it saw that coming
		}
		until, _, ok := waits(err)
		if !ok || !errors.Is(err, resetter.ErrRateLimited) || until.Sub(begun) > t.maxWait() {
			return status, err
		}
		if !e.Deadline.IsZero() && until.After(e.Deadline) {
			return status, ErrTimeUp
		}
		e.note(t.Name, func(p *TargetProgress) { p.GatedUntil, p.Gate = until, resetter.ErrRateLimited })
		timer := time.NewTimer(max(time.Until(until), shortestWait))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return status, context.Cause(ctx)
		}
	}
}

// mailless is an ErrNoMailer if a pending row of t would have somebody mailed.
func (e *Engine) mailless(ctx context.Context, t *Target) error {
	for _, stage := range e.stages() {
		for r, err := range e.rows(ctx, t, stage) {
			if err != nil {
				return err
			}
			if r.Row.Action.Mails() {
				return &TargetError{t.Name, ErrNoMailer}
			}
		}
	}
	return nil
}

// hopeful returns those of targets that have a row which may be done.
func (e *Engine) hopeful(ctx context.Context, targets []*Target) (hopefuls []*Target, err error) {
	for _, t := range targets {
		has, err := e.hasHope(ctx, t)
		if err != nil {
			return nil, err
		}
		if has {
			hopefuls = append(hopefuls, t)
		}
	}
	return hopefuls, nil
}

func (e *Engine) hasHope(ctx context.Context, t *Target) (bool, error) {
	for _, stage := range e.stages() {
		for r, err := range e.rows(ctx, t, stage) {
			if err != nil {
				return false, err
			}
			if reason, _ := hopeless(t, r.Row); reason == "" {
				return true, nil
			}
		}
	}
	return false, nil
}

// stages are those of the rows that are to be worked.
func (e *Engine) stages() []Stage {
	if e.ResendUnknown {
		return []Stage{New, Ready, InDoubt}
	}
	return []Stage{New, Ready}
}

// rows yields t's rows at stage, within the Limit.
func (e *Engine) rows(ctx context.Context, t *Target, stage Stage) func(func(Result, error) bool) {
	return func(yield func(Result, error) bool) {
		for after := 0; ; {
			results, err := e.Journal.List(ctx, t.Name, stage, after, page)
			if err != nil {
				yield(Result{}, fmt.Errorf("the journal could not list the rows of target %s; nothing was sent: %w", t.Name, err))
				return
			}
			for _, r := range results {
				if e.Limit > 0 && r.Row.Seq > e.Limit || !yield(r, nil) {
					return
				}
				after = r.Row.Seq
			}
			if len(results) < page {
				return
			}
		}
	}
}
