package main

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/urfave/cli/v2"
)

func (c *command) showCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "what became of each row of a run", ArgsUsage: "[RUN]",
		UsageText: `resetctl show                       the newest run
resetctl show 20261123-141502-x7k2
resetctl show 20261123-141502-x7k2 --outcome failed,unknown
resetctl show 20261123-141502-x7k2 -o results.csv
resetctl show 20261123-141502-x7k2 --removed    what its table has lost since`,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "outcome", Usage: "only rows with these `OUTCOMES`"},
			&cli.BoolFlag{Name: "removed", Usage: "the rows that people took out of the table after the run had begun"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "-", Usage: "write to `FILE`"},
			&cli.StringFlag{Name: "format", Usage: "`FORMAT`: csv, json, ndjson, xlsx or table"},
		},
		Action: c.show,
	}
}

func (c *command) show(ctx *cli.Context) error {
	id, err := mayName(ctx, "RUN")
	if err != nil {
		return err
	}
	outcomes, err := list(ctx.StringSlice("outcome"))
	if err != nil {
		return usage("--outcome: %v", err)
	}
	for _, o := range outcomes {
		if !slices.Contains(bulk.Outcomes(), bulk.Outcome(o)) {
			return usage("--outcome: there is no outcome %q; there are done, skipped, failed, unknown and pending%s", o, near.Hint(bulk.Outcome(o), bulk.Outcomes()))
		}
	}
	path, asked := ctx.String("output"), table.Format(ctx.String("format"))
	if path == "-" && asked == "" {
		asked = table.Text
	}
	format, err := table.FormatFor(path, asked)
	if err != nil {
		return usage("%v", err)
	}
	cfg, err := c.config(ctx)
	if err != nil {
		return err
	}
	ledger, err := openLedger(ctx.Context, cfg.State, journal.Options{})
	if err != nil {
		return err
	}
	defer ledger.Close()
	run, err := runOf(ctx.Context, ledger, id)
	if errors.Is(err, journal.ErrNoRun) {
		return c.place().noRun(id, cfg.State)
	}
	if err != nil {
		return err
	}
	if err := leftInFlight(ctx.Context, cfg.State, run); err != nil {
		return err
	}
	output, err := table.Create(ctx.Context, path, c.io)
	if err != nil {
		return &exit{exitUsage, err}
	}
	defer output.Abort()
	results, rows := run.Results(ctx.Context), 0
	if ctx.Bool("removed") {
		results = run.Removed(ctx.Context)
	} else {
		counts, err := run.Counts(ctx.Context)
		if err != nil {
			return err
		}
		for _, c := range counts {
			rows += rowsIn(c)
		}
	}
	w := writing(c.io, "writing the results", output, rows)
	defer w.stop()
	results = passing(w, results)
	if err := table.WriteResults(output, format, run.Columns(), run.ID(), only(outcomes, results)); err != nil {
		return err
	}
	return output.Commit()
}

// runOf is the run with that id, or the newest where there is none.
func runOf(ctx context.Context, ledger *journal.Ledger, id string) (*journal.Run, error) {
	if id == "" {
		return ledger.Newest(ctx)
	}
	return ledger.Run(ctx, id)
}

// leftInFlight has what a process left in flight when it ended told as what it
// is: in doubt. While somebody works the run off, it is in flight.
func leftInFlight(ctx context.Context, state string, run *journal.Run) error {
	held, err := lockRun(state, run.ID())
	if err != nil {
		return nil // nothing can be said about it now
	}
	defer held.Close()
	_, err = run.Interrupt(ctx, bulk.Interrupted)
	return err
}

func (p place) noRun(id, state string) error {
	if id == "" {
		return usage("there is no run yet in %s", state)
	}
	return usage("there is no run %q in %s; %s lists them", id, state, p.command("runs"))
}

// only lets results with one of the outcomes pass; all where none is given.
func only(outcomes []string, results iter.Seq2[bulk.Result, error]) iter.Seq2[bulk.Result, error] {
	if len(outcomes) == 0 {
		return results
	}
	return func(yield func(bulk.Result, error) bool) {
		for r, err := range results {
			if (err != nil || slices.Contains(outcomes, string(r.Outcome))) && !yield(r, err) {
				return
			}
		}
	}
}
