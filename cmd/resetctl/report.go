package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/report"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/urfave/cli/v2"
)

func (c *command) reportCommand() *cli.Command {
	return &cli.Command{
		Name: "report", Usage: "the report of a past run, as one HTML page", ArgsUsage: "[RUN]",
		UsageText: `resetctl report -o report.html                        the newest run
resetctl report 20261123-141502-x7k2 -o report.html

The page stands alone: it loads nothing and can be mailed or printed. It names
people, so mind who gets it; it holds no password, token or link.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the page to `FILE`; - is stdout"},
		},
		Action: func(ctx *cli.Context) error {
			id, err := mayName(ctx, "RUN")
			if err != nil {
				return err
			}
			path := ctx.String("output")
			if path == "" {
				return usage("-o FILE.html is missing: where is the report to go?")
			}
			cfg, err := c.config(ctx)
			if err != nil {
				return err
			}
			j := &job{io: c.io, config: cfg, place: c.place()}
			return j.reportPast(ctx.Context, id, path)
		},
	}
}

// reportPast writes the report of a run that is over, or pauses.
func (j *job) reportPast(ctx context.Context, id, path string) (err error) {
	if j.ledger, err = openLedger(ctx, j.config.State, journal.Options{}); err != nil {
		return err
	}
	defer j.close()
	j.run, err = runOf(ctx, j.ledger, id)
	switch {
	case errors.Is(err, journal.ErrNoRun), err == nil && j.run.Plan():
		return j.place.noRun(id, j.config.State)
	case err != nil:
		return err
	}
	if err := leftInFlight(ctx, j.config.State, j.run); err != nil {
		return err
	}
	if err := j.notInState(path); err != nil {
		return err
	}
	out, err := table.Create(ctx, path, j.io)
	if err != nil {
		return &exit{exitUsage, err}
	}
	defer out.Abort()
	counts, err := j.run.Counts(ctx)
	if err != nil {
		return err
	}
	var targets []report.Target
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		targets = append(targets, j.reported(name))
	}
	if err := j.writeReport(ctx, out, -1, targets); err != nil {
		return err
	}
	return out.Commit()
}

// reported is a target in the words of the report.
func (j *job) reported(name string) report.Target {
	t := report.Target{Name: name}
	if configured := j.config.Target(name); configured != nil {
		t.System = configured.System
	}
	return t
}

// reportRun writes the report of the run that has just been worked.
func (j *job) reportRun(ctx context.Context, summary bulk.Summary, code int) error {
	if j.page == nil {
		return nil
	}
	j.samples.look(j.engine.Targets) // the last
	var targets []report.Target
	for _, s := range summary.Targets {
		t := j.reported(s.Name)
		pace, _ := j.asked(s.Name)
		t.Requests, t.Throttled, t.Stopped = pace.Requests, pace.Throttled, s.Stopped
		targets = append(targets, t)
	}
	err := j.writeReport(ctx, j.page, code, targets)
	if err == nil {
		err = j.page.Commit()
	}
	if err != nil {
		return fmt.Errorf("the report could not be written; %s writes it again: %w", j.command("report", "-o", "FILE.html"), err)
	}
	return nil
}

// writeReport writes the page of j.run to out.
func (j *job) writeReport(ctx context.Context, out *table.Output, code int, targets []report.Target) error {
	r := report.Run{
		ID: j.run.ID(), Tool: "resetctl " + release(), StartedAt: j.run.StartedAt().Local(), WrittenAt: time.Now(), ExitCode: code,
		Columns: j.run.Columns(), Targets: targets, Samples: j.samples.taken(),
	}
	if !j.playing {
		r.Next = map[bulk.Outcome]string{
			bulk.Pending: j.resuming(),
			bulk.Failed:  j.resuming("--retry-failed"),
			bulk.Unknown: j.command("reconcile"),
		}
		r.Again = j.resuming("--resend-unknown")
	}
	counts, err := j.run.Counts(ctx)
	if err != nil {
		return err
	}
	pending, rows := 0, 0
	for _, c := range counts {
		pending, rows = pending+c[bulk.Pending], rows+rowsIn(c)
	}
	if at := j.run.FinishedAt(); !at.IsZero() {
		r.FinishedAt = at.Local()
	} else if code >= 0 && pending == 0 { // it is finished once its report is written
		r.FinishedAt = r.WrittenAt
	}
	w := writing(j.io, "going through all rows twice for the report", out, 2*rows)
	defer w.stop()
	return report.Write(out, r, func() iter.Seq2[bulk.Result, error] { return passing(w, j.run.Results(ctx)) })
}

// samples are what was seen of the targets' pace while a run was worked, for
// the time line of its report.
type samples struct {
	mu    sync.Mutex
	list  []report.Sample
	every int // of the seconds that pass, which one is kept
	tick  int
}

// samplesKept bounds them: where a run goes on for long, every second one is
// dropped and they are taken half as often.
const samplesKept = 8192

// take looks at the targets once a second until ctx ends.
func (s *samples) take(ctx context.Context, targets []bulk.Target) {
	clock := time.NewTicker(time.Second)
	defer clock.Stop()
	for {
		s.look(targets)
		select {
		case <-clock.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *samples) look(targets []bulk.Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.every = max(s.every, 1)
	if s.tick++; s.tick%s.every != 0 {
		return
	}
	now := time.Now()
	for _, t := range targets {
		if p, ok := t.Resetter.(resetter.Pacer); ok {
			pace := p.Pace()
			if math.IsInf(pace.Rate, 1) && pace.Requests == 0 {
				continue
			}
			s.list = append(s.list, report.Sample{Target: t.Name, At: now, Rate: pace.Rate, Requests: pace.Requests, Throttled: pace.Throttled})
		}
	}
	if len(s.list) > samplesKept {
		// One of two moments, so that every target keeps its own.
		kept, moments, last := s.list[:0], 0, time.Time{}
		for _, sample := range s.list {
			if !sample.At.Equal(last) {
				moments, last = moments+1, sample.At
			}
			if moments%2 == 0 {
				kept = append(kept, sample)
			}
		}
		s.list, s.every = kept, 2*s.every
	}
}

func (s *samples) taken() []report.Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// sample takes samples until the returned function is called, if there is to
// be a report.
func (j *job) sample(ctx context.Context) (stop func()) {
	if j.page == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		j.samples.take(ctx, j.engine.Targets)
	}()
	return func() { cancel(); <-done }
}
