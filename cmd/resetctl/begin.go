package main

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
)

// find says how the table comes to its run: it goes on with the unfinished one
// of the same file, of the same rows, or of most of them, or begins another.
// The run is ours when find returns, so that no other process can have it too.
func (j *job) find(ctx context.Context) (beginning, error) {
	if j.options.dryRun {
		return j.findPlan(ctx)
	}
	if !j.options.fresh { // the very same file need not be read once more
		run, err := j.ledger.FindExact(ctx, j.people.Fingerprint())
		if err == nil {
			return j.goingOn(ctx, run, j.takeUp)
		}
		if !errors.Is(err, journal.ErrNoRun) {
			return beginning{}, err
		}
	}
	content, afresh, err := j.beginAfresh()
	if err != nil || j.options.fresh {
		return afresh, err
	}
	if err := j.hold(lockTable(j.config.State, content)); err != nil {
		return beginning{}, err
	}
	run, err := j.sameWork(ctx, content)
	switch {
	case err == nil:
		open := func(ctx context.Context) error { return j.revise(ctx, content) }
		if run.Exact() == j.people.Fingerprint() { // of a finished run, whose rows in doubt are meant
			open = j.takeUp
		}
		goingOn, err := j.goingOn(ctx, run, open)
		if err == nil {
			maps.Copy(goingOn.targets, afresh.targets)
		}
		return goingOn, err
	case !errors.Is(err, journal.ErrNoRun):
		return beginning{}, err
	case j.options.resume:
		j.io.Tell("there is no unfinished run with these rows; beginning one")
	}
	return afresh, nil
}

// beginAfresh is the beginning of a run of its own, and the content that it has.
func (j *job) beginAfresh() (content string, afresh beginning, err error) {
	named := make(map[string]bool)
	w := j.waiting("comparing the rows with past runs", j.people.Len())
	content, err = journal.Content(tee(passing(w, j.people.Rows()), func(r bulk.Row) { named[r.Target] = true }))
	w.stop()
	return content, beginning{named, func(ctx context.Context) error {
		return j.register(ctx, journal.NewRun{Content: content, Exact: j.people.Fingerprint(), Columns: j.people.Columns(), Rows: j.people.Rows()})
	}}, err
}

// findPlan is the beginning of a plan, which says what run would do: where that
// would go on with a run, only what is left of it.
func (j *job) findPlan(ctx context.Context) (beginning, error) {
	content, afresh, err := j.beginAfresh()
	if err != nil || j.options.fresh {
		return afresh, err
	}
	run, err := j.sameWork(ctx, content)
	if errors.Is(err, journal.ErrNoRun) {
		return afresh, nil
	}
	if err == nil {
		err = j.revokeAsBefore(ctx, run)
	}
	register := afresh.open
	afresh.open = func(ctx context.Context) error {
		if err := register(ctx); err != nil {
			return err
		}
		j.borrowed = true
		j.io.Note("run would go on with run %s of %s", run.ID(), minute(run.StartedAt()))
		return j.borrow(ctx, run)
	}
	return afresh, err
}

// sameWork finds the run with these rows, or with most of them.
func (j *job) sameWork(ctx context.Context, content string) (*journal.Run, error) {
	run, err := j.ledger.Find(ctx, content)
	if errors.Is(err, journal.ErrNoRun) && j.options.resendUnknown {
		run, err = j.ledger.FindInDoubt(ctx, content)
	}
	if !errors.Is(err, journal.ErrNoRun) || !j.table {
		return run, err
	}
	w := j.waiting("comparing the rows with unfinished runs", j.people.Len())
	run, like, err := j.ledger.FindEdited(ctx, passing(w, j.people.Rows()))
	w.stop()
	if err == nil && !like.Most {
		j.io.Tell("the unfinished run %s of %s has %s of this table as well, but most of it is not in this table: this begins another", run.ID(), minute(run.StartedAt()), ui.Count(like.Shared, "row"))
		return nil, journal.ErrNoRun
	}
	return run, err
}

// goingOn is the beginning that opens a run that is there.
func (j *job) goingOn(ctx context.Context, run *journal.Run, open func(context.Context) error) (beginning, error) {
	if err := j.hold(lockRun(j.config.State, run.ID())); err != nil {
		return beginning{}, err
	}
	if err := j.bind(ctx, run); err != nil {
		return beginning{}, err
	}
	if err := j.revokeAsBefore(ctx, run); err != nil {
		return beginning{}, err
	}
	counts, err := run.Counts(ctx)
	if err != nil {
		return beginning{}, err
	}
	targets := make(map[string]bool)
	for name := range counts {
		targets[name] = true
	}
	j.run, j.continued = run, true
	return beginning{targets, open}, nil
}

// takeUp goes on with the run as it is.
func (j *job) takeUp(ctx context.Context) error {
	which := "unfinished "
	if !j.run.FinishedAt().IsZero() { // its rows in doubt are meant
		which = ""
	}
	j.io.Tell("going on with the %srun %s of %s; --new begins afresh", which, j.run.ID(), minute(j.run.StartedAt()))
	if err := j.run.Audit(ctx, "resume", j.invocation()); err != nil {
		return err
	}
	// Whom the command before left out by its flags may be meant now.
	return j.run.Include(ctx, j.excludedTargets())
}

// revise goes on with the run after the table was edited, be it only sorted.
func (j *job) revise(ctx context.Context, content string) error {
	if err := j.takeUp(ctx); err != nil {
		return err
	}
	// What is in flight of an earlier process is in doubt, wherever it stands.
	if _, err := j.run.Interrupt(ctx, bulk.Interrupted); err != nil {
		return err
	}
	w := j.waiting("comparing the rows with those of the run", j.people.Len())
	revised, err := j.run.Revise(ctx, journal.NewRun{
		Content: content, Exact: j.people.Fingerprint(), Columns: j.people.Columns(), Rows: passing(w, j.people.Rows()), Excluded: j.excludedTargets()})
	w.stop()
	if err != nil {
		return err
	}
	if err := j.bind(ctx, j.run); err != nil { // there may be targets that are new to it
		return err
	}
	if revised.Added == 0 && revised.Removed == 0 {
		if j.table { // else the people are named by the command
			j.io.Note("the table has the same rows as before, in another order, with other columns, or in another spelling")
		}
		return nil
	}
	j.io.Tell("the table was edited: %d rows are as before, %d are new, %d are gone from it", revised.Kept, revised.Added, revised.Removed)
	return j.sayRemoved(ctx, revised.Removed)
}

// removedSaid is how many rows that are gone are named.
const removedSaid = 20

// sayRemoved names the rows that the table has lost, with what they had come to.
func (j *job) sayRemoved(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	said := 0
	for r, err := range j.run.Removed(ctx) {
		if err != nil {
			return err
		}
		if said++; said > removedSaid {
			break
		}
		j.io.Tell("  gone: line %d, %s at %s, %s (%s)", r.Row.Line, ui.Shorten(r.Row.Identity.String(), 80), r.Row.Target, r.Outcome, r.Reason)
	}
	j.io.Tell("  they are left out and stay in the ledger: %s", j.command("show", "--removed"))
	return nil
}

// register begins a new run; with --dry-run a plan.
func (j *job) register(ctx context.Context, n journal.NewRun) (err error) {
	n.Plan, n.By, n.Excluded = j.options.dryRun, j.invocation(), j.excludedTargets()
	w := j.waiting("keeping the rows", j.rows())
	n.Rows = passing(w, n.Rows)
	j.run, err = j.ledger.Begin(ctx, n)
	w.stop()
	if err != nil {
		return err
	}
	if err := j.bind(ctx, j.run); err != nil {
		return err
	}
	return j.hold(lockRun(j.config.State, j.run.ID()))
}

// rows is how many rows the table has; 0 where there is none.
func (j *job) rows() int {
	if j.people == nil {
		return 0
	}
	return j.people.Len()
}

// excludedTargets are those that the operator leaves out.
func (j *job) excludedTargets() []string {
	return slices.DeleteFunc(j.config.Names(), func(name string) bool { return !j.excluded(name) })
}

// tee shows each row to see as it passes.
func tee(rows iter.Seq2[bulk.Row, error], see func(bulk.Row)) iter.Seq2[bulk.Row, error] {
	return func(yield func(bulk.Row, error) bool) {
		for row, err := range rows {
			if err == nil {
				see(row)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// discard takes a run that sent nothing out of the ledger. One that an earlier
// process began stays as it was, and so does one that may be another's by now.
func (j *job) discard(ctx context.Context) error {
	if j.stillHolds() != nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if j.continued {
		return j.retried.giveBack(ctx, j.run)
	}
	defer j.waiting("removing the rows from the ledger, since nothing was sent", 0).stop()
	return j.run.Discard(ctx)
}
