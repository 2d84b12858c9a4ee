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
