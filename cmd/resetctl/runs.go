package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/urfave/cli/v2"
)

func (c *command) runsCommand() *cli.Command {
	return &cli.Command{
		Name: "runs", Usage: "the past runs, the newest first",
		UsageText: `resetctl runs
resetctl runs --json
resetctl runs --prune 90d    remove those that finished longer ago`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object on stdout"},
			&cli.StringFlag{Name: "prune", Usage: "remove the runs that finished longer than `TIME` ago, such as 90d"},
		},
		Action: c.runs,
	}
}

func (c *command) runs(ctx *cli.Context) error {
	if ctx.NArg() > 0 {
		return usage("runs takes no arguments; %s tells of one run", c.place().command("show", quoted(ctx.Args().First())))
	}
	cfg, err := c.config(ctx)
	if err != nil {
		return err
	}
	var keep time.Duration
	if v := ctx.String("prune"); v != "" {
		if keep, err = pruneAfter(v, cfg); err != nil {
			return err
		}
	}
	ledger, err := openLedger(ctx.Context, cfg.State, journal.Options{})
	if err != nil {
		return err
	}
	defer ledger.Close()
	j := &job{io: c.io, config: cfg, args: c.args, ledger: ledger}
	if keep > 0 {
		return j.prune(ctx.Context, keep, ctx.Bool("json"))
	}
	return j.listRuns(ctx.Context, ctx.Bool("json"))
}

// leastKept is how long runs are kept at least: who was mailed a short while
// ago is known from them alone.
const leastKept = 24 * time.Hour

// pruneAfter reads the time of --prune, which must be longer than every
// cool-down.
func pruneAfter(v string, cfg *config.Config) (time.Duration, error) {
	keep, err := config.ParseDuration(v)
	if err != nil {
		return 0, usage("--prune: %v", err)
	}
	if keep < leastKept {
		return 0, usage("--prune is at least 1d, not %s: the runs of the last day tell who must not be mailed again yet", v)
	}
	for _, name := range cfg.Names() {
		if t := cfg.Target(name); keep < t.Cooldown {
			return 0, usage("--prune %s is shorter than the cool-down of target %s (%v): what is removed tells who must not be mailed again yet", v, name, t.Cooldown)
		}
	}
	return keep, nil
}

func (j *job) prune(ctx context.Context, keep time.Duration, asJSON bool) error {
	before := time.Now().Add(-keep)
	w := j.waiting("removing runs and their rows", 0)
	n, err := j.ledger.Prune(ctx, before, j.invocation())
	w.stop()
	switch {
	case err != nil:
		return fmt.Errorf("no run was removed: %w", err)
	case asJSON:
		return j.printObject(map[string]any{"schema_version": 1, "pruned": n, "finished_before": stamp(before)})
	}
	return j.io.Print(fmt.Sprintf("removed: %s that finished before %s\n", ui.Count(int(n), "run"), minute(before)))
}

// settleLeft has what ended processes left in flight told as in doubt.
func (j *job) settleLeft(ctx context.Context) error {
	for run, err := range j.ledger.Runs(ctx) {
		if err != nil {
			return err
		}
		if run.Plan || !run.FinishedAt.IsZero() {
			continue
		}
		unfinished, err := j.ledger.Run(ctx, run.ID)
		if errors.Is(err, journal.ErrNoRun) {
			continue // discarded meanwhile
		}
		if err == nil {
			err = leftInFlight(ctx, j.config.State, unfinished)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listRuns prints a line for each run that could send something.
func (j *job) listRuns(ctx context.Context, asJSON bool) error {
	if err := j.settleLeft(ctx); err != nil {
		return err
	}
	type runJSON struct {
		RunID      string     `json:"run_id"`
		StartedAt  string     `json:"started_at"`
		FinishedAt *string    `json:"finished_at"`
		Counts     countsJSON `json:"counts"`
	}
	list := []runJSON{}
	var text strings.Builder
	line := func(id, started, finished, counts string) {
		fmt.Fprintf(&text, "%-20s  %-16s  %-16s  %s\n", id, started, finished, counts)
	}
	line("RUN", "STARTED", "FINISHED", "ROWS")
	for run, err := range j.ledger.Runs(ctx) {
		if err != nil {
			return err
		}
		if run.Plan {
			continue
		}
		entry := runJSON{RunID: run.ID, StartedAt: stamp(run.StartedAt), Counts: countsOf(run.Counts)}
		finished := "unfinished"
		if !run.FinishedAt.IsZero() {
			at := stamp(run.FinishedAt)
			finished, entry.FinishedAt = minute(run.FinishedAt), &at
		}
		list = append(list, entry)
		line(run.ID, minute(run.StartedAt), finished, rowsText(run))
	}
	switch {
	case asJSON:
		return j.printObject(map[string]any{"schema_version": 1, "runs": list})
	case len(list) == 0:
		j.io.Tell("there is no run yet in %s", j.config.State)
		return nil
	}
	return j.io.Print(text.String())
}

func rowsText(run journal.Summary) string {
	if len(run.Counts) == 0 {
		return "none"
	}
	return countsText(run.Counts)
}
