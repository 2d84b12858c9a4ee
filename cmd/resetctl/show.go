package main

import (
	"errors"
	"iter"
	"slices"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/urfave/cli/v2"
)

func (c *command) showCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "what became of each row of a run", ArgsUsage: "RUN",
		UsageText: `resetctl show 20261123-141502-x7k2
   resetctl show 20261123-141502-x7k2 --outcome failed,unknown
   resetctl show 20261123-141502-x7k2 -o results.csv`,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "outcome", Usage: "only rows with these `OUTCOMES`"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "-", Usage: "write to `FILE`"},
			&cli.StringFlag{Name: "format", Usage: "`FORMAT`: csv, json, ndjson or table"},
		},
		Action: c.show,
	}
}

func (c *command) show(ctx *cli.Context) error {
	id, err := onlyArgument(ctx, "RUN")
	if err != nil {
		return err
	}
	outcomes, err := list(ctx.StringSlice("outcome"))
	if err != nil {
		return usage("--outcome: %v", err)
	}
	for _, o := range outcomes {
		if !slices.Contains(bulk.Outcomes(), bulk.Outcome(o)) {
			return usage("--outcome: there is no outcome %q; there are done, skipped, failed, unknown and pending", o)
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
	ledger, err := openLedger(ctx.Context, cfg.State)
	if err != nil {
		return err
	}
	defer ledger.Close()
	run, err := ledger.Run(ctx.Context, id)
	switch {
	case errors.Is(err, journal.ErrNoRun):
		return usage("there is no run %q in %s", id, cfg.State)
	case err != nil:
		return err
	}
	output, err := table.Create(path, c.io.Out)
	if err != nil {
		return &exit{exitUsage, err}
	}
	defer output.Abort()
	if err := table.WriteResults(output, format, run.Columns(), run.ID(), only(outcomes, run.Results(ctx.Context))); err != nil {
		return err
	}
	return output.Commit()
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
