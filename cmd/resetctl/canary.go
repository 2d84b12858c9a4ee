package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// act has the engine act, and somebody look in between where there is a canary.
func (j *job) act(ctx context.Context) (bulk.Summary, error) {
	begun := time.Now()
	stop := j.showProgress(ctx)
	defer func() { stop() }()
	j.engine.First = j.options.canary
	j.engine.GoOn = func(context.Context) bool {
		stop() // it would be drawn over the question
		defer func() { stop = j.showProgress(ctx) }()
		return j.mayGoOn(ctx, begun)
	}
	summary, err := j.engine.Act(ctx)
	if guard := (*bulk.GuardError)(nil); errors.As(err, &guard) && guard.Guard == "canary" {
		j.behind = append(j.behind, "canary") // what goes on does the others
	}
	return summary, err
}

// mayGoOn shows what the rows that were worked since then have come to, and
// asks about the others. Where nobody can be asked the answer is no, whatever
// --yes says: a guard is a guard.
func (j *job) mayGoOn(ctx context.Context, since time.Time) bool {
	if !j.io.CanAsk() {
		return false
	}
	text, err := j.canaryText(ctx, since)
	if err != nil {
		j.io.Tell("what became of the first rows cannot be read: %v", err)
		return false
	}
	j.io.Lines(text)
	yes, err := j.io.Confirm(ctx, "Go on with the others?")
	if err != nil || !yes {
		return false
	}
	j.behind = append(j.behind, "canary")
	return true
}

// canaryShown is how many rows are shown one by one.
const canaryShown = 20

// canaryText lists what became of the rows that were worked since then, those
// that are not done first.
func (j *job) canaryText(ctx context.Context, since time.Time) (string, error) {
	defer j.waiting("reading what became of the first rows", 0).stop()
	counts, n := make(bulk.Counts), 0
	var done, others []string
	for r, err := range j.run.Results(ctx) {
		if err != nil {
			return "", err
		}
		if r.FinishedAt.Before(since) || r.Outcome == bulk.Skipped {
			continue
		}
		counts[r.Outcome]++
		n++
		line := fmt.Sprintf("  line %d, %s at %s: %s (%s): %s\n",
			r.Row.Line, ui.Shorten(r.Row.Identity.String(), 80), r.Row.Target, r.Outcome, r.Reason, r.Detail)
		switch {
		case r.Outcome == bulk.Done && len(done) < canaryShown:
			done = append(done, line)
		case r.Outcome != bulk.Done && len(others) < canaryShown:
			others = append(others, line)
		}
	}
	shown := append(others, done...)
	shown = shown[:min(len(shown), canaryShown)]
	text := fmt.Sprintf("the first rows of each target are through: %s\n", countsText(counts)) + strings.Join(shown, "")
	if n > len(shown) {
		text += fmt.Sprintf("  and %d more: %s\n", n-len(shown), j.command("show"))
	}
	return text, nil
}
