package bulk

import (
	"context"
	"fmt"
	"sync"

	"github.com/seed57652884/resetctl/resetter"
)

// Reconciled says what reading has shown about one target's rows in doubt.
type Reconciled struct {
	Target string
	// Asked counts the rows that were in doubt and could be asked about, and
	// Confirmed those of them that are Done now.
	Asked, Confirmed int
	// Mute is true where the system shows nothing that could settle a row.
	Mute bool
	// Stopped says why the asking ended early; empty where it did not.
	Stopped string
}

// reconcileBatch is how many accounts a system is asked about at once.
const reconcileBatch = 256

// Reconcile reads from the systems whether the rows that are Unknown were
// carried out after all, and makes those Done, Confirmed. It sends nothing,
// and whatever is not plain stays Unknown. Rows that an earlier process left in
// flight become Unknown first.
//
// It returns an entry for each target with rows in doubt that is not left out.
// A system that refuses to be asked is no error. One without a mailer is not
// asked: that it made a link helps nobody who does not have it. Errors are the journal's, or
// ctx's cause; what was found until then stays recorded.
func (e *Engine) Reconcile(ctx context.Context) ([]Reconciled, error) {
	counts, err := e.begin(ctx, Reconciling)
	if err != nil {
		return nil, err
	}
	run, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var found []*Reconciled
	var wg sync.WaitGroup
	for i := range e.Targets {
		t := &e.Targets[i]
		if t.away() || counts[t.Name][Unknown] == 0 {
			continue
		}
		r := &Reconciled{Target: t.Name}
		found = append(found, r)
		reader, ok := t.Resetter.(resetter.Reconciler)
		if !ok {
			r.Mute = true
			continue
		}
		wg.Go(func() {
			if e.mailsNobody(run, t) {
				r.Stopped = "it has no mailer, so that a reset is of no use without its link, which was lost with the answer; sending once more makes another"
				return
			}
			e.reconcile(run, fail, t, reader, r)
		})
	}
	wg.Wait()
	all := make([]Reconciled, len(found))
	for i, r := range found {
		all[i] = *r
	}
	return all, context.Cause(run)
}

// mailsNobody reports whether t is known to have no mailer.
func (e *Engine) mailsNobody(ctx context.Context, t *Target) bool {
	status, known := e.status[t.Name]
	if checker, ok := t.Resetter.(resetter.Checker); ok && !known {
		status, _ = e.ask(ctx, t, checker) // who does not say is read from
	}
	return status.Mailer == resetter.MailerAbsent
}

// reconcile asks one system about all of its rows in doubt.
func (e *Engine) reconcile(ctx context.Context, fail context.CancelCauseFunc, t *Target, reader resetter.Reconciler, sum *Reconciled) {
	one := *t
	one.Concurrency = 1 // so that sum has one writer, and nobody is pressed
	l := e.lane(&one, InDoubt)
	l.phase = Reconciling
	l.limit, l.batch = 0, reconcileBatch
	l.key = func(Result) string { return "" }
	l.giveUp = func(context.Context, *task, verdict) error { return nil }
	l.work = func(ctx context.Context, task *task) verdict { return e.askAbout(ctx, reader, task, sum) }
	_ = l.run(ctx, fail) // its error is ctx's cause
	if l.stopped != nil {
		sum.Stopped = l.stopped.Error()
	}
}

// askAbout asks about the rows of one task and settles what is plain.
func (e *Engine) askAbout(ctx context.Context, reader resetter.Reconciler, t *task, sum *Reconciled) verdict {
	var rows []Result
	var before []resetter.Account
	for _, r := range t.rows {
		if !r.Row.Action.Mails() || r.Account.Evidence == "" {
			continue
		}
		last, err := e.Journal.LastMailed(ctx, r.Row.Target, r.Account.ID)
		if err != nil {
			return verdict{err: fmt.Errorf("the journal could not say when row %d (line %d, target %s) was last mailed: %w",
				r.Row.Seq, r.Row.Line, r.Row.Target, err)}
		}
		if last.Accepted.After(r.ReadAt) { // what would be read is what we did then
			continue
		}
		rows, before = append(rows, r), append(before, r.Account)
	}
	if len(rows) == 0 {
		return verdict{}
	}
	findings, err := guarded(e.log(), func() ([]resetter.Finding, error) {
		return reader.Reconcile(resetter.WithWaitsHandedBack(ctx), before)
	})
	if err == nil && len(findings) != len(rows) {
		err = fmt.Errorf("%d people were asked about and %d answers came", len(rows), len(findings))
	}
	if ctx.Err() != nil {
		return verdict{}
	}
	if until, scope, ok := waits(err); ok {
		return verdict{until: until, scope: scope, why: refusal(err)}
	}
	if err != nil {
		stop := &resetter.Error{System: t.Row.Target, Kind: resetter.ErrUnavailable, Err: err}
		if r := refusal(err); r != nil {
			told := *r
			stop = &told
		}
		stop.Stop = true
		return verdict{refusal: stop}
	}
	sum.Asked += len(rows)
	for i, f := range findings {
		if !f.Done {
			e.log().Debug("still in doubt", "target", t.Row.Target, "row", rows[i].Row.Seq, "evidence", f.Evidence)
			continue
		}
		r := finished(rows[i])
		r.Outcome, r.Reason = Done, Confirmed
		r.Detail = fmt.Sprintf("done, as reading it showed: %s; its answer had been lost (%s)", f.Evidence, Reason(rows[i].Reason))
		if err := e.settle(ctx, r); err != nil {
			return verdict{err: err}
		}
		sum.Confirmed++
	}
	return verdict{answered: true}
}

// settle records what a row in doubt was found to be, and shows it.
func (e *Engine) settle(ctx context.Context, r Result) error {
	if err := e.Journal.Settle(context.WithoutCancel(ctx), r); err != nil {
		return fmt.Errorf("the journal could not record that row %d (line %d, target %s) is %s, %s: %w",
			r.Row.Seq, r.Row.Line, r.Row.Target, r.Outcome, r.Reason, err)
	}
	e.tell(Unknown, r)
	return nil
}
