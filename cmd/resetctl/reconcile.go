package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/urfave/cli/v2"
)

func (c *command) reconcileCommand() *cli.Command {
	return &cli.Command{
		Name: "reconcile", Usage: "settle rows in doubt: by reading from the systems, or by your word; sends nothing", ArgsUsage: "[RUN]",
		UsageText: `resetctl reconcile                                    the newest run: read, and settle what is plain
resetctl reconcile 20261123-141502-x7k2
resetctl reconcile 20261123-141502-x7k2 --settle done --rows 7,12      these people have their mail
resetctl reconcile 20261123-141502-x7k2 --settle failed --rows 9      this one has none, as is certain

Reading never makes a row failed: that it shows nothing proves nothing. Rows are
named by their line, the column "row" of the results. What was settled as failed
is sent by: resetctl resume RUN --retry-failed`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "settle", Usage: "what is to be recorded on your word: `done` or failed"},
			&cli.StringSliceFlag{Name: "rows", Usage: "the `LINES` that --settle is about"},
			&cli.StringSliceFlag{Name: "only", Usage: "only these `TARGETS`"},
			&cli.StringSliceFlag{Name: "except", Usage: "all but these `TARGETS`"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write a line per row of the run to `FILE`"},
			&cli.StringFlag{Name: "format", Usage: "`FORMAT` of that file: csv, json, ndjson, xlsx or table"},
			&cli.BoolFlag{Name: "json", Usage: "print the summary as one JSON object on stdout"},
		},
		Action: func(ctx *cli.Context) error {
			id, err := mayName(ctx, "RUN")
			if err != nil {
				return err
			}
			word := bulk.Outcome(ctx.String("settle"))
			if word != "" && word != bulk.Done && word != bulk.Failed {
				return usage("--settle is done or failed, not %q%s", word, near.Hint(word, []bulk.Outcome{bulk.Done, bulk.Failed}))
			}
			lines, err := linesOf(ctx)
			switch {
			case err != nil:
				return err
			case (word == "") != (len(lines) == 0):
				return usage("--settle and --rows go together: %s", c.place().command("reconcile", "RUN", "--settle", "done", "--rows", "7,12"))
			}
			j, err := c.job(ctx)
			if err != nil {
				return err
			}
			j.again = c.resumption
			return j.reconcileRun(ctx.Context, id, word, lines)
		},
	}
}

// linesOf reads --rows.
func linesOf(ctx *cli.Context) (map[int]bool, error) {
	words, err := list(ctx.StringSlice("rows"))
	if err != nil {
		return nil, usage("--rows: %v", err)
	}
	lines := make(map[int]bool)
	for _, word := range words {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, usage("--rows names lines of the table, such as 7,12, not %q", word)
		}
		lines[n] = true
	}
	return lines, nil
}

// reconcileRun settles rows of a past run by reading or, where there is one, by
// the operator's word.
func (j *job) reconcileRun(ctx context.Context, id string, word bulk.Outcome, lines map[int]bool) (err error) {
	if err := j.open(ctx); err != nil {
		return err
	}
	defer j.close()
	run, err := runOf(ctx, j.ledger, id)
	switch {
	case errors.Is(err, journal.ErrNoRun), err == nil && run.Plan():
		return j.place.noRun(id, j.config.State)
	case err != nil:
		return err
	}
	if err := j.hold(lockRun(j.config.State, run.ID())); err != nil {
		return err
	}
	j.run, j.continued = run, true
	// Nobody works it off, so what is in flight is in doubt.
	if _, err := run.Interrupt(ctx, bulk.Interrupted); err != nil {
		return err
	}
	doubt, err := j.inDoubt(ctx)
	if err != nil {
		return err
	}
	targets := make(map[string]bool)
	open := func(ctx context.Context) error { return j.run.Audit(ctx, "reconcile", j.invocation()) }
	work := j.reconcileAll
	if word != "" {
		open = func(context.Context) error { return nil }
		work = func(ctx context.Context) error { return j.settle(ctx, doubt, word, lines) }
	} else {
		if err := j.bind(ctx, run); err != nil {
			return err
		}
		for _, r := range doubt {
			if j.config.Target(r.Row.Target) == nil && !j.excluded(r.Row.Target) {
				return usage("run %s has rows in doubt at target %s, which is not configured any more; leave it out with --except, or settle them by hand with --settle", run.ID(), r.Row.Target)
			}
			targets[r.Row.Target] = true
		}
	}
	return j.through(ctx, beginning{targets, open}, work)
}

// inDoubt returns the rows of the run that are in doubt, in their order.
func (j *job) inDoubt(ctx context.Context) ([]bulk.Result, error) {
	counts, err := j.run.Counts(ctx)
	if err != nil {
		return nil, err
	}
	var doubt []bulk.Result
	for _, target := range slices.Sorted(maps.Keys(counts)) {
		for after, more := 0, counts[target][bulk.Unknown] > 0; more; {
			list, err := j.run.List(ctx, target, bulk.InDoubt, after, pageOfRows)
			if err != nil {
				return nil, err
			}
			doubt = append(doubt, list...)
			if more = len(list) == pageOfRows; more {
				after = list[len(list)-1].Row.Seq
			}
		}
	}
	return doubt, nil
}

// settle records the operator's word about the rows in doubt of these lines, of
// all of them or, where one has none, of none.
func (j *job) settle(ctx context.Context, doubt []bulk.Result, word bulk.Outcome, lines map[int]bool) error {
	var meant []bulk.Result
	missing := maps.Clone(lines)
	for _, r := range doubt {
		if lines[r.Row.Line] && !j.excluded(r.Row.Target) {
			meant = append(meant, r)
			delete(missing, r.Row.Line)
		}
	}
	if len(missing) > 0 {
		return usage("nothing was settled: no row is in doubt at line %s; %s lists those that are",
			numbers(missing), j.command("show", "--outcome", "unknown"))
	}
	by := j.invocation()
	if err := j.run.Audit(ctx, fmt.Sprintf("settle rows %s as %s", numbers(lines), word), by); err != nil {
		return err
	}
	who := by.Who
	if who == "" {
		who = "the operator"
	}
	for _, r := range meant {
		before := fmt.Sprintf("in doubt before: %s", r.Detail)
		r.Outcome, r.FinishedAt = word, time.Now()
		if word == bulk.Done {
			r.Reason, r.Detail = bulk.Confirmed, fmt.Sprintf("done, by the word of %s; %s", who, before)
		} else {
			r.Reason, r.Detail = bulk.Reason(resetter.ErrUnavailable), fmt.Sprintf("not done, by the word of %s; resume --retry-failed does it; %s", who, before)
		}
		if err := j.run.Settle(ctx, r); err != nil {
			return err
		}
	}
	j.io.Tell("%s settled as %s on your word", ui.Count(len(meant), "row"), word)
	return j.conclude(ctx, bulk.Summary{}, nil)
}

// numbers lists lines in order.
func numbers(lines map[int]bool) string {
	var words []string
	for _, n := range slices.Sorted(maps.Keys(lines)) {
		words = append(words, strconv.Itoa(n))
	}
	return strings.Join(words, ", ")
}

// reconcileAll reads about all rows in doubt and concludes.
func (j *job) reconcileAll(ctx context.Context) error {
	found, err := j.reads(ctx)
	if err != nil {
		return j.conclude(ctx, bulk.Summary{}, err)
	}
	j.haveRead()
	var refused []error
	for _, r := range found {
		if r.Stopped != "" {
			refused = append(refused, &bulk.TargetError{Target: r.Target, Err: errors.New(r.Stopped)})
		}
	}
	return j.conclude(ctx, bulk.Summary{}, errors.Join(refused...))
}

// reconcile reads whether rows in doubt were done, and says what was found.
func (j *job) reconcile(ctx context.Context) error {
	_, err := j.reads(ctx)
	return err
}

func (j *job) reads(ctx context.Context) ([]bulk.Reconciled, error) {
	stop := j.showProgress(ctx)
	found, err := j.engine.Reconcile(ctx)
	stop()
	for _, r := range found {
		switch {
		case r.Confirmed > 0:
			j.io.Tell("%s: %s no more in doubt: done, as reading shows", r.Target, ui.Count(r.Confirmed, "row"))
		case r.Mute:
			j.io.Note("%s: it shows nothing that could settle a row in doubt", r.Target)
		}
		if r.Stopped != "" {
			j.io.Tell("%s: rows in doubt cannot be read now: %s", r.Target, r.Stopped)
		}
	}
	return found, err
}

// atEnd is how long a run that has come to its end reads about rows in doubt.
const atEnd = time.Minute

// reconcileAtEnd reads once by itself, without keeping people waiting. What it
// cannot find out stays in doubt.
func (j *job) reconcileAtEnd(ctx context.Context) error {
	counts, err := j.run.Counts(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(slices.Collect(maps.Values(counts)), func(c bulk.Counts) bool { return c[bulk.Unknown] > 0 }) {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, atEnd)
	defer cancel()
	if err := j.reconcile(bounded); err != nil && bounded.Err() == nil {
		return err
	}
	if ctx.Err() == nil {
		j.haveRead()
	}
	return nil
}

// haveRead notes that the targets at hand were read from.
func (j *job) haveRead() {
	j.readAbout = make(map[string]bool)
	for _, t := range j.engine.Targets {
		j.readAbout[t.Name] = !t.Idle
	}
}

// unread counts the rows in doubt that reading may settle, of targets that this
// command has not read from: it was ended before, or left them out.
func (j *job) unread(ctx context.Context, counts map[string]bulk.Counts) (n int, err error) {
	if !j.run.FinishedAt().IsZero() {
		return 0, nil
	}
	for name, c := range counts {
		t := j.config.Target(name)
		if t == nil || !driverOf(t.System).reads || j.readAbout[name] {
			continue
		}
		unmailed, err := j.unmailed(ctx, map[string]bulk.Counts{name: c}) // of which nothing can be read
		if err != nil {
			return 0, err
		}
		n += c[bulk.Unknown] - unmailed
	}
	return n, nil
}
