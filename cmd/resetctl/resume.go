package main

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/urfave/cli/v2"
)

func (c *command) resumeCommand() *cli.Command {
	return &cli.Command{
		Name: "resume", Usage: "go on with a run that was stopped, without its table", ArgsUsage: "[RUN]",
		UsageText: `resetctl resume                                    the newest unfinished run
resetctl resume 20261123-141502-x7k2 --yes
resetctl resume 20261123-141502-x7k2 --retry-failed

What was done, or may have been done, is not done again.`,
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "retry-failed", Usage: "take the failed rows of the run again"},
			&cli.BoolFlag{Name: "resume", Usage: "say what this command means by itself"},
		}, actFlags(), linksFlags(), workFlags()),
		Action: func(ctx *cli.Context) error {
			id, err := mayName(ctx, "RUN")
			if err != nil {
				return err
			}
			j, err := c.job(ctx)
			if err != nil {
				return err
			}
			j.again = c.resumption
			return j.resume(ctx.Context, id, ctx.Bool("retry-failed"))
		},
	}
}

// resumption is the command that goes on with a run by its name, with those
// flags of the command line that concern how, but for those that are named.
func (c *command) resumption(id string, without ...string) string {
	kept := slices.Concat(c.app().Flags, actFlags(), linksFlags(), workFlags())
	words := []string{"resetctl"}
	for _, arg := range c.arranged[1:] {
		if arg == "--" {
			break
		}
		written, isFlag := strings.CutPrefix(arg, "--")
		name, _, _ := strings.Cut(written, "=")
		switch {
		case !isFlag: // the command, since the rest stands behind "--"
			words = append(words, "resume", id)
		// What is in doubt is sent once more on a person's word alone, and each time
		// anew: a command that is printed here does not give it.
		case name != "expect" && name != "resend-unknown" && !slices.Contains(without, name) && named(kept, name) != nil:
			words = append(words, quoted(arg))
		}
	}
	return strings.Join(words, " ")
}

// resume goes on with a run from the ledger alone.
func (j *job) resume(ctx context.Context, id string, retryFailed bool) error {
	refused := j.mayAct()
	if refused != nil { // that there is no such run is said first, and nothing is written
		j.options.output, j.options.report = "", ""
	}
	if err := j.open(ctx); err != nil {
		return err
	}
	defer j.close()
	run, err := j.resumable(ctx, id, retryFailed)
	if err == nil {
		err = refused
	}
	if err != nil {
		return err
	}
	if err := j.hold(lockRun(j.config.State, run.ID())); err != nil {
		return err
	}
	// Once more, now that nobody else works it off.
	if j.run, err = j.resumable(ctx, run.ID(), retryFailed); err != nil {
		return err
	}
	if err := j.locksSome(rowsOf(ctx, j.run)); err != nil {
		return err
	}
	if err := j.bind(ctx, j.run); err != nil {
		return err
	}
	if err := j.revokeAsBefore(ctx, j.run); err != nil {
		return err
	}
	left, err := j.targetsLeft(ctx, retryFailed)
	if err != nil {
		return err
	}
	if j.options.dryRun {
		j.io.Note("looking at what is left of run %s of %s", j.run.ID(), minute(j.run.StartedAt()))
	}
	return j.through(ctx, beginning{left, func(ctx context.Context) error {
		if j.options.dryRun {
			from := j.run
			return j.register(ctx, journal.NewRun{Content: from.Content(), Columns: from.Columns(), Rows: j.leftOf(ctx, from, left, retryFailed)})
		}
		return j.goOn(ctx, retryFailed)
	}}, j.work)
}

// targetsLeft are those of the run with rows to work, which must be configured,
// and those with rows in doubt, where they are.
func (j *job) targetsLeft(ctx context.Context, retryFailed bool) (map[string]bool, error) {
	counts, err := j.run.Counts(ctx)
	if err != nil {
		return nil, err
	}
	left := make(map[string]bool)
	for name, c := range counts {
		work := c[bulk.Pending] > 0 || retryFailed && c[bulk.Failed] > 0 || j.options.resendUnknown && c[bulk.Unknown] > 0
		switch configured := j.config.Target(name) != nil; {
		case work && !configured:
			return nil, usage("run %s has rows for target %s, which is not configured any more; configured are: %s", j.run.ID(), name, orNone(j.config.Names()))
		case configured && (work || c[bulk.Unknown] > 0):
			left[name] = true
		}
	}
	return left, nil
}

// resumable finds the run that is to be gone on with.
func (j *job) resumable(ctx context.Context, id string, retryFailed bool) (*journal.Run, error) {
	var run *journal.Run
	var err error
	if id != "" {
		run, err = j.ledger.Run(ctx, id)
	} else if run, err = j.ledger.Find(ctx, ""); errors.Is(err, journal.ErrNoRun) {
		run, err = j.ledger.Newest(ctx)
	}
	switch {
	case errors.Is(err, journal.ErrNoRun), err == nil && run.Plan():
		return nil, j.place.noRun(id, j.config.State)
	case err != nil:
		return nil, err
	case run.FinishedAt().IsZero() || retryFailed || j.options.resendUnknown:
		return run, nil
	case id == "":
		return nil, usage("no run is unfinished; the newest is %s: %s tells what became of it", run.ID(), j.place.command("show", run.ID()))
	}
	return nil, usage("run %s is finished: %s tells what became of it, --retry-failed takes its failed rows again, and --resend-unknown those in doubt", run.ID(), j.place.command("show", run.ID()))
}

// goOn opens the run for what is left to do.
func (j *job) goOn(ctx context.Context, retryFailed bool) (err error) {
	j.continued = true
	finished := !j.run.FinishedAt().IsZero()
	if !finished {
		j.io.Tell("going on with the unfinished run %s of %s", j.run.ID(), minute(j.run.StartedAt()))
	}
	by := j.invocation()
	if !retryFailed {
		return j.run.Audit(ctx, "resume", by)
	}
	by.Overrides = append(by.Overrides, "--retry-failed")
	if err := j.run.Audit(ctx, "resume", by); err != nil {
		return err
	}
	w := j.waiting("taking the failed rows again", 0)
	j.retried, err = retryFailedOf(ctx, j.run, finished)
	w.stop()
	if err != nil {
		return err
	}
	j.io.Tell("run %s of %s: %s taken again", j.run.ID(), minute(j.run.StartedAt()), ui.Count(len(j.retried.were), "failed row"))
	return nil
}

// leftOf yields the rows of a run that are left to do. One in flight is none: it
// is in doubt once its process has ended.
func (j *job) leftOf(ctx context.Context, run *journal.Run, targets map[string]bool, retryFailed bool) iter.Seq2[bulk.Row, error] {
	stages := []bulk.Stage{bulk.New, bulk.Ready}
	if j.options.resendUnknown {
		stages = append(stages, bulk.InDoubt)
	}
	return func(yield func(bulk.Row, error) bool) {
		for row, err := range rowsAt(ctx, run, slices.Sorted(maps.Keys(targets)), stages) {
			if !yield(row, err) {
				return
			}
		}
		if !retryFailed {
			return
		}
		for r, err := range run.Results(ctx) {
			if (err != nil || r.Outcome == bulk.Failed) && !yield(r.Row, err) {
				return
			}
		}
	}
}

// rowsOf yields all rows of a run.
func rowsOf(ctx context.Context, run *journal.Run) iter.Seq2[bulk.Row, error] {
	return func(yield func(bulk.Row, error) bool) {
		for r, err := range run.Results(ctx) {
			if !yield(r.Row, err) {
				return
			}
		}
	}
}

// rowsAt yields the rows of a run that are at one of the stages.
func rowsAt(ctx context.Context, run *journal.Run, targets []string, stages []bulk.Stage) iter.Seq2[bulk.Row, error] {
	return func(yield func(bulk.Row, error) bool) {
		for _, target := range targets {
			for _, stage := range stages {
				for after, more := 0, true; more; {
					list, err := run.List(ctx, target, stage, after, pageOfRows)
					if err != nil {
						yield(bulk.Row{}, err)
						return
					}
					for _, r := range list {
						if !yield(r.Row, nil) {
							return
						}
						after = r.Row.Seq
					}
					more = len(list) == pageOfRows
				}
			}
		}
	}
}

// pageOfRows is how many rows are asked of the ledger at once.
const pageOfRows = 256

// A retry is what taking failed rows again has changed, so that it can be taken
// back where nothing comes of it: a refusal leaves a run as it was. It is as
// large as there are failed rows.
type retry struct {
	were     map[int]bulk.Result // what they had failed of, by Row.Seq
	finished bool                // the run had been
}

func retryFailedOf(ctx context.Context, run *journal.Run, finished bool) (*retry, error) {
	r := &retry{were: make(map[int]bulk.Result), finished: finished}
	for result, err := range run.Results(ctx) {
		if err != nil {
			return nil, err
		}
		if result.Outcome == bulk.Failed {
			result.Row, result.Account = bulk.Row{Seq: result.Row.Seq}, resetter.Account{}
			r.were[result.Row.Seq] = result
		}
	}
	return r, run.Reopen(ctx, slices.Collect(maps.Keys(r.were))...)
}

// giveBack gives the rows that are pending because of the retry what they had
// failed of. What was found out about others meanwhile stays. r may be nil.
func (r *retry) giveBack(ctx context.Context, run *journal.Run) error {
	if r == nil {
		return nil
	}
	counts, err := run.Counts(ctx)
	if err != nil {
		return err
	}
	var again []int
	for row, err := range rowsAt(ctx, run, slices.Collect(maps.Keys(counts)), []bulk.Stage{bulk.New, bulk.Ready}) {
		if err != nil {
			return err
		}
		if _, ok := r.were[row.Seq]; ok {
			again = append(again, row.Seq)
		}
	}
	for _, seq := range again {
		if err := run.Record(ctx, r.were[seq]); err != nil {
			return err
		}
	}
	if r.finished {
		_, err = run.Finish(ctx)
	}
	return err
}
