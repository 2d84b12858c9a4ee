package bulk

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// A Plan says what Act would do.
type Plan struct {
	// Targets holds each target that has rows, in the order of Engine.Targets.
	Targets []TargetPlan
	// Guard is why Act would refuse to begin; nil where it would not.
	Guard *GuardError
}

// TargetPlan is one target's part of a Plan. Would, Later, the LeftOut and
// Finished add up to Rows.
type TargetPlan struct {
	Name   string
	Status resetter.Status // zero where the system was not asked
	Rows   int             // all rows of the target
	Would  int             // those that Act would work
	// Actions counts what Would and Again would do, by action.
	Actions map[resetter.Action]int
	// SetupMails counts those of Would whose person never set the account up and
	// is mailed.
	SetupMails int
	// LeftOut counts the rows that ended in this Prepare, by reason, and those
	// that are Skipped because of an excluded target.
	LeftOut map[Reason]int
	// Finished counts the rows that ended before.
	Finished int
	// Again counts those of Finished that are Unknown and would be sent once
	// more, with Engine.ResendUnknown.
	Again int
	// Later counts the rows beyond the Limit and those whose turn did not come
	// before the Deadline.
	Later int
}

// Would adds up what Act would do.
func (p Plan) Would() int {
	n := 0
	for _, t := range p.Targets {
		n += t.Would + t.Again
	}
	return n
}

// Prepare looks up who the rows are about, the targets side by side, and
// leaves out those that are not to be done: people who were not found or
// cannot be reset, duplicates, accounts that were mailed a short while ago,
// and those that a guard or the very account that we sign in with excludes.
// It begins with Check, for the targets that were not checked yet, and sends
// nothing. Rows that an earlier process left in flight become Unknown.
//
// A target that cannot be worked with is a [*TargetError], and no other target
// is worked with either then. Rows that were not looked up stay Pending, and
// Prepare goes on with them. ErrTimeUp means that the Deadline came before
// every target had been asked.
func (e *Engine) Prepare(ctx context.Context) (Plan, error) {
	before, err := e.begin(ctx, Preparing)
	if err != nil {
		return Plan{}, err
	}
	targets, err := e.needed(before)
	if err != nil {
		return Plan{}, err
	}
	p := e.preparing(before)
	if err := p.exclude(ctx, before); err != nil {
		return Plan{}, err
	}
	if _, err := e.check(ctx, targets); err != nil {
		return Plan{}, err
	}
	if e.AtOnce && len(targets) > 1 {
		return Plan{}, nil
	}
	if err := p.lookUp(ctx, targets); err != nil || e.AtOnce {
		return Plan{}, err
	}
	for _, t := range targets {
		p.judging(t)
	}
	if err := p.sweep(ctx, targets, Ready, p.leaveOut); err != nil {
		return Plan{}, err
	}
	if e.ResendUnknown {
		if err := p.sweep(ctx, targets, InDoubt, p.countAgain); err != nil {
			return Plan{}, err
		}
	}
	return p.plan(), nil
}

func (e *Engine) preparing(before map[string]Counts) *preparing {
	p := &preparing{Engine: e, plans: make(map[string]*TargetPlan)}
	for _, t := range e.Targets {
		c, rows := before[t.Name], 0
		for _, n := range c {
			rows += n
		}
		plan := &TargetPlan{Name: t.Name, Rows: rows, Finished: rows - c[Pending], LeftOut: make(map[Reason]int), Actions: make(map[resetter.Action]int)}
		if n := c[Skipped]; t.Exclude && n > 0 { // by its journal, from the beginning
			plan.Finished, plan.LeftOut[Excluded] = plan.Finished-n, n
		}
		p.plans[t.Name] = plan
	}
	return p
}

// preparing is what one Prepare gathers.
type preparing struct {
	*Engine
	mu    sync.Mutex
	plans map[string]*TargetPlan
}

// end records that a row is not done and counts why.
func (p *preparing) end(ctx context.Context, r Result) error {
	if err := p.record(ctx, r); err != nil {
		return err
	}
	if r.Account.ID == "" {
		p.lookedUp(r.Row.Target)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plans[r.Row.Target].LeftOut[r.Reason]++
	return nil
}

// sweepers is how many rows of a target are looked at together where no system
// is asked: many, so that what they record is made durable together.
const sweepers = 64

// sweep has work look at every row of targets at stage, without asking systems.
func (p *preparing) sweep(ctx context.Context, targets []*Target, stage Stage, work func(context.Context, *Target, *task) verdict) error {
	run, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var wg sync.WaitGroup
	for _, t := range targets {
		wide := *t
		wide.Concurrency = sweepers
		l := p.lane(&wide, stage)
		l.deadline = time.Time{}
		l.show = func(func(*TargetProgress)) {}
		l.key = func(Result) string { return "" }
		l.work = func(ctx context.Context, task *task) verdict { return work(ctx, t, task) }
		wg.Go(func() { _ = l.run(run, fail) }) // its error is run's cause
	}
	wg.Wait()
	if run.Err() != nil {
		return context.Cause(run)
	}
	return nil
}

// ExcludedTarget is the detail of a row that is Skipped, Excluded because of its
// target.
const ExcludedTarget = "left out: its target was excluded from this run"

// exclude leaves out all rows of the excluded targets.
func (p *preparing) exclude(ctx context.Context, counts map[string]Counts) error {
	var targets []*Target
	for i := range p.Targets {
		if t := &p.Targets[i]; t.Exclude && counts[t.Name][Pending] > 0 {
			targets = append(targets, t)
		}
	}
	for _, stage := range []Stage{New, Ready} {
		err := p.sweep(ctx, targets, stage, func(ctx context.Context, _ *Target, t *task) verdict {
			return verdict{err: p.end(ctx, without(t.Result, Skipped, Excluded, ExcludedTarget))}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// leaveOut applies to a row that is ready what looks at accounts.
func (p *preparing) leaveOut(ctx context.Context, target *Target, t *task) verdict {
	defer p.judged(target.Name)
	switch instead, err := p.Engine.leaveOut(ctx, target, t.Result); {
	case err != nil:
		return verdict{err: err}
	case instead != nil && instead.known:
		p.tell(Pending, instead.Result)
		p.adopted(target.Name)
		return verdict{}
	case instead != nil:
		return verdict{err: p.end(ctx, instead.Result)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	plan := p.plans[target.Name]
	plan.Would++
	plan.Actions[t.Row.Action]++
	if t.Account.SetupPending && t.Row.Action.Mails() {
		plan.SetupMails++
	}
	return verdict{}
}

// adopted counts a row that was done before, in another way of writing it.
func (p *preparing) adopted(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plans[target].Finished++
}

// countAgain counts a row in doubt if it would be sent once more.
func (p *preparing) countAgain(ctx context.Context, target *Target, t *task) verdict {
	instead, err := p.Engine.leaveOut(ctx, target, t.Result)
	if err == nil && instead == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.plans[target.Name].Again++
		p.plans[target.Name].Actions[t.Row.Action]++
	}
	return verdict{err: err}
}

// plan puts together what was gathered, and asks the guard that counts.
func (p *preparing) plan() Plan {
	var plan Plan
	for _, t := range p.Targets {
		part := p.plans[t.Name]
		if part.Rows == 0 {
			continue
		}
		part.Status = p.status[t.Name]
		part.Later = part.Rows - part.Finished - part.Would
		for _, n := range part.LeftOut {
			part.Later -= n
		}
		plan.Targets = append(plan.Targets, *part)
	}
	p.guard = nil
	if n := p.Guards.MaxRows; n > 0 && plan.Would() > n {
		p.guard = &GuardError{"max_rows", fmt.Sprintf("%d rows would be done, %d are allowed; nothing was sent", plan.Would(), n)}
	}
	plan.Guard = p.guard
	return plan
}
