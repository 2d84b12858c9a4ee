package bulk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/seed57652884/resetctl/resetter"
)

// lookUp resolves the rows that are not resolved yet.
func (p *preparing) lookUp(ctx context.Context, targets []*Target) error {
	run, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	timed, cancel := p.timed(run)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(targets))
	for i, t := range targets {
		l := p.lane(t, New)
		l.phase = Preparing
		l.key = func(Result) string { return "" }
		l.batch = 1
		if b, ok := t.Resetter.(resetter.BatchResolver); ok {
			l.size = func(r Result) int { return max(b.BatchSize(r.Row.Identity.Kind), 1) }
			for _, kind := range []resetter.IdentityKind{resetter.ByEmail, resetter.ByID, resetter.ByUsername} {
				l.batch = max(l.batch, b.BatchSize(kind))
			}
		}
		l.systemic = []resetter.Kind{resetter.ErrForbidden, resetter.ErrUnavailable}
		l.work = func(ctx context.Context, task *task) verdict { return p.work(ctx, t, task) }
		l.giveUp = func(ctx context.Context, task *task, v verdict) error {
			for _, r := range task.rows {
				if err := p.end(ctx, tooLate(r, v.why.Kind, t.maxWait())); err != nil {
					return err
				}
			}
			return nil
		}
		wg.Go(func() {
			if err := p.weigh(timed, t); err != nil && timed.Err() == nil {
				errs[i] = err
				fail(err)
				return
			}
			errs[i] = l.run(timed, fail)
			if l.stopped != nil {
				errs[i] = &TargetError{t.Name, l.stopped}
				fail(errs[i])
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := join(errs); err != nil {
		return err
	}
	if run.Err() != nil {
		return context.Cause(run)
	}
	return nil
}

// work looks the people of a task up and records who they are, or why there is
// nobody. It asks once for all of them where the system can be asked so.
func (p *preparing) work(ctx context.Context, target *Target, t *task) verdict {
	if err := p.endHopeless(ctx, target, t); err != nil || len(t.rows) == 0 {
		return verdict{err: err}
	}
	ctx = resetter.WithWaitsHandedBack(ctx)
	if b, ok := target.Resetter.(resetter.BatchResolver); ok && !t.split && b.BatchSize(t.rows[0].Row.Identity.Kind) > 1 {
		return p.workBatch(ctx, target, t, b)
	}
	row := t.rows[0] // there is but one
	account, err := guarded(p.log(), func() (resetter.Account, error) {
		return target.Resetter.Resolve(ctx, row.Row.Identity)
	})
	found, failed := p.changed(ctx, target, row, resetter.Resolution{Account: account, Err: err})
	if failed != nil {
		return verdict{err: failed}
	}
	if v, ok := p.cutShort(ctx, target, row, found.Err); ok {
		return v
	}
	return verdict{answered: true, refusal: refusal(found.Err), err: p.resolved(ctx, target, row, found.Account, found.Err)}
}

func (p *preparing) workBatch(ctx context.Context, target *Target, t *task, b resetter.BatchResolver) verdict {
	ids := make([]resetter.Identity, len(t.rows))
	for i, r := range t.rows {
		ids[i] = r.Row.Identity
	}
	found, err := guarded(p.log(), func() ([]resetter.Resolution, error) { return b.ResolveBatch(ctx, ids) })
	if err == nil && len(found) != len(ids) {
		err = fmt.Errorf("%d people were asked for and %d answers came", len(ids), len(found))
	}
	if v, ok := p.cutShort(ctx, target, t.Result, err); ok {
		return v
	}
	if err != nil {
		p.log().Info("people cannot be looked up together, so it is done one by one", "target", target.Name, "rows", len(ids), "error", err)
		return verdict{split: true}
	}
	v := verdict{}
	var left []Result // whom the call did not come to
	var known []lookedUp
	for i, r := range t.rows {
		found, err := p.changed(ctx, target, r, found[i])
		if err != nil {
			v.err = err
			break
		}
		if e := refusal(found.Err); ctx.Err() != nil || e != nil && (e.Stop || e.Kind == resetter.ErrUnauthorized) {
			v, _ = p.cutShort(ctx, target, r, found.Err)
			break
		}
		if until, scope, ok := waits(found.Err); ok {
			left = append(left, r)
			v.until, v.scope, v.why = until, scope, refusal(found.Err)
			continue
		}
		known = append(known, lookedUp{r, found})
		v.answered = true
	}
	if err := p.resolvedAll(ctx, target, known); err != nil {
		return verdict{err: err}
	}
	t.rows = left
	return v
}

// lookedUp is a row with what the system said of whom it is about.
type lookedUp struct {
	row   Result
	found resetter.Resolution
}

// recorders is how many records of a look-up are under way together.
const recorders = 256

// resolvedAll records what a look-up said of many people, side by side: a journal
// writes down together what comes together.
func (p *preparing) resolvedAll(ctx context.Context, target *Target, all []lookedUp) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	var failed sync.Once
	var first error
	for range min(len(all), recorders) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(all) {
					return
				}
				if err := p.resolved(ctx, target, all[i].row, all[i].found.Account, all[i].found.Err); err != nil {
					failed.Do(func() { first = err })
					next.Store(int64(len(all))) // what ails one ails all
					return
				}
			}
		})
	}
	wg.Wait()
	return first
}

// changed looks for the account of a row whose address was changed before, and
// who is therefore not found by it any more: by the id that the journal knows,
// and only where the account has the new address. A change is to a state, so
// that the same table may be given again.
func (p *preparing) changed(ctx context.Context, target *Target, r Result, found resetter.Resolution) (resetter.Resolution, error) {
	if r.Row.Action != resetter.ActionChangeEmail || !errors.Is(found.Err, resetter.ErrNotFound) {
		return found, nil
	}
	id, ok, err := p.Journal.Changed(ctx, r.Row.Seq)
	if ctx.Err() != nil || err == nil && !ok {
		return found, nil
	}
	if err != nil {
		return found, fmt.Errorf("the journal could not say whether row %d (line %d, target %s) was changed before, so it was left: %w",
			r.Row.Seq, r.Row.Line, target.Name, err)
	}
	account, err := guarded(p.log(), func() (resetter.Account, error) { return target.Resetter.Resolve(ctx, resetter.ID(id)) })
	switch {
	case err == nil && account.ID == id && resetter.SameEmail(account.Email, r.Row.NewEmail),
		err != nil && !errors.Is(err, resetter.ErrNotFound) && !errors.Is(err, resetter.ErrInvalid): // which says nothing of the person
		return resetter.Resolution{Account: account, Err: err}, nil
	}
	return found, nil
}

// endHopeless takes the rows out of t that nobody needs to be asked about.
func (p *preparing) endHopeless(ctx context.Context, target *Target, t *task) error {
	var kept []Result
	for _, r := range t.rows {
		reason, detail := hopeless(target, r.Row)
		if reason == "" {
			kept = append(kept, r)
		} else if err := p.end(ctx, without(r, Failed, reason, detail)); err != nil {
			return err
		}
	}
	t.rows = kept
	return nil
}

// hopeless says why a row cannot be done, whatever the system says; the reason
// is empty where it may be.
func hopeless(t *Target, row Row) (reason Reason, detail string) {
	if !Supports(t.Resetter, row.Action) {
		return Reason(resetter.ErrUnsupported), unsupported(row.Action)
	}
	if invalid := malformed(row); invalid != nil {
		return Reason(resetter.ErrInvalid), invalid.Error() + "; correct it in the input"
	}
	return "", ""
}

// cutShort is what a look-up comes to that said nothing about anybody: we ended
// it, the system wants us to wait, or it cannot be worked with.
func (p *preparing) cutShort(ctx context.Context, target *Target, r Result, err error) (verdict, bool) {
	if ctx.Err() != nil {
		return verdict{}, true // not through; it stays as it is
	}
	if until, scope, ok := waits(err); ok {
		p.log().Info("a look-up is put off", "target", target.Name, "row", r.Row.Seq, "until", until, "scope", scope)
		return verdict{until: until, scope: scope, why: refusal(err)}, true
	}
	if e := refusal(err); e != nil && (e.Stop || e.Kind == resetter.ErrUnauthorized) {
		stop := *e
		stop.Stop = true
		return verdict{refusal: &stop}, true
	}
	return verdict{}, false
}

// resolved records what a look-up said of one person.
func (p *preparing) resolved(ctx context.Context, target *Target, r Result, account resetter.Account, err error) error {
	if err == nil && account.ID == "" {
		err = errors.New("the system named an account without an id")
	}
	if err != nil {
		return p.end(ctx, notFound(r, err))
	}
	if err := p.Journal.Resolved(context.WithoutCancel(ctx), r.Row.Seq, account); err != nil {
		return fmt.Errorf("the journal could not record whom row %d (line %d, target %s) is about; nothing was sent: %w",
			r.Row.Seq, r.Row.Line, target.Name, err)
	}
	p.lookedUp(target.Name)
	return nil
}

// notFound is the result of a row whose look-up ended in err. Nothing was sent,
// whatever a look-up says.
func notFound(r Result, err error) Result {
	failed := refused(r, err, false)
	if failed.Outcome == Unknown {
		failed.Outcome, failed.Reason, failed.Attempts = Failed, Reason(resetter.ErrUnavailable), 0
	}
	return failed
}
