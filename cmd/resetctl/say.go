package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// conclude writes the results, says what has come of the run and what to do
// next, and returns the exit that it means.
func (j *job) conclude(ctx context.Context, summary bulk.Summary, cause error) error {
	// What is left to do here must be done, whatever ended the run.
	ctx = context.WithoutCancel(ctx)
	lost := j.lost()
	if cause == nil {
		cause = lost
	}
	// Then an outcome may be missing; but without our locks, what is in flight may be
	// another's.
	if cause != nil && j.stillHolds() == nil {
		if _, err := j.run.Interrupt(ctx, bulk.Interrupted); err != nil {
			j.log.Info("what was in flight could not be recorded as being in doubt; the next command does", "error", err)
		}
	}
	j.signOut(j.engine.Targets) // so that its requests count, and since it may take its time
	if err := j.limitReached(ctx); err != nil {
		return errors.Join(cause, err)
	}
	counts, err := j.run.Counts(ctx)
	if err != nil {
		return errors.Join(cause, err)
	}
	total := make(bulk.Counts)
	for _, c := range counts {
		for o, n := range c {
			total[o] += n
		}
	}
	if err := j.writeResults(ctx, total); err != nil {
		return errors.Join(cause, err)
	}
	end := &exit{code: codeOf(total)}
	if cause != nil {
		end = asExit(cause)
	}
	if end.code == exitUnexpected && j.stillHolds() != nil { // the ledger has gone with the lock
		end.code = exitHeld
	}
	if err := j.reportRun(ctx, summary, end.code); err != nil {
		return errors.Join(cause, err)
	}
	unmailed, err := j.unmailed(ctx, counts)
	if err != nil {
		return errors.Join(cause, err)
	}
	unread, err := j.unread(ctx, counts)
	if err != nil {
		return errors.Join(cause, err)
	}
	in := doubt{unmailed, unread}
	j.saySummary(summary, counts, total, in, end)
	if j.options.json {
		if err := j.printJSON(counts, total, end.code); err != nil {
			return errors.Join(cause, err)
		}
	}
	// Only now: a run whose results were not written goes on, to write them. A
	// process that is killed after this has no run to go on with: the same command
	// would begin another, in which everybody was mailed a short while ago. The same
	// goes for one whose rows in doubt were not read about. One that was lost is
	// another's to finish.
	if in.unread == 0 && lost == nil {
		if _, err := j.run.Finish(ctx); err != nil {
			return errors.Join(cause, err)
		}
	}
	if end.code == 0 {
		return nil
	}
	return end
}

// lost is an error where a lock or the ledger was lost.
func (j *job) lost() error {
	if err := j.stillHolds(); err != nil {
		return err
	}
	return j.ledger.InPlace()
}

// rowsIn adds up all outcomes.
func rowsIn(counts bulk.Counts) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// doubt counts rows in doubt: those whose action mails nobody, and those that were
// not read about yet.
type doubt struct{ unmailed, unread int }

// limitReached notes that what goes on goes beyond --limit, once nothing within
// it is left: who meant so many does not mean more by going on.
func (j *job) limitReached(ctx context.Context) error {
	if j.limit == 0 {
		return nil
	}
	for _, t := range j.engine.Targets {
		for _, stage := range []bulk.Stage{bulk.New, bulk.Ready} {
			first, err := j.run.List(ctx, t.Name, stage, 0, 1)
			if err != nil {
				return err
			}
			if len(first) > 0 && first[0].Row.Seq <= j.limit && !t.Idle {
				return nil
			}
		}
	}
	j.behind = append(j.behind, "limit")
	return nil
}

func (j *job) writeResults(ctx context.Context, total bulk.Counts) error {
	if j.output == nil {
		return nil
	}
	w := writing(j.io, "writing the results", j.output, rowsIn(total))
	defer w.stop()
	if err := table.WriteResults(j.output, j.options.format, j.run.Columns(), j.run.ID(), passing(w, j.journal().Results(ctx))); err != nil {
		return fmt.Errorf("the results could not be written; they are kept: %s: %w", j.command("show"), err)
	}
	if err := j.output.Commit(); err != nil {
		return fmt.Errorf("the results could not be written; they are kept: %s: %w", j.command("show"), err)
	}
	return nil
}

// asked is how often a target was asked, and turned us away; ok is false where
// nobody counted.
func (j *job) asked(target string) (pace resetter.Pace, ok bool) {
	for _, t := range j.engine.Targets {
		if pacer, counts := t.Resetter.(resetter.Pacer); counts && t.Name == target {
			return pacer.Pace(), true
		}
	}
	return pace, false
}

func (j *job) saySummary(summary bulk.Summary, counts map[string]bulk.Counts, total bulk.Counts, in doubt, end *exit) {
	if j.io.Quiet && end.code == 0 {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "run %s: %s\n", j.run.ID(), countsText(total))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "  %s: %s", name, countsText(counts[name]))
		if pace, ok := j.asked(name); ok {
			fmt.Fprintf(&b, "; %d requests", pace.Requests)
			if pace.Throttled > 0 {
				fmt.Fprintf(&b, ", %d of them turned away to slow us down", pace.Throttled)
			}
		}
		b.WriteString("\n")
	}
	for _, t := range summary.Targets {
		if t.Stopped != "" {
			fmt.Fprintf(&b, "  %s was stopped: %s\n", t.Name, t.Stopped)
		}
	}
	gone := j.ledger.InPlace() != nil
	if gone {
		b.WriteString("the ledger is gone, and with it what was known of this run: the same command would do all of it once more, mails included. Leave out of the table whom this one has done, or may have, or put the ledger back from a backup that has it\n")
	} else {
		j.sayLeft(&b, counts, total, in)
	}
	if f := j.options.links; f != nil {
		fmt.Fprintf(&b, "links: %d were appended to %s\n", f.Written(), f.Path)
	}
	if j.output != nil && j.options.output != "-" {
		fmt.Fprintf(&b, "results: %s\n", j.options.output)
	} else if j.output == nil && !gone {
		fmt.Fprintf(&b, "row by row: %s\n", j.command("show"))
	}
	if j.page != nil {
		fmt.Fprintf(&b, "report: %s\n", j.options.report)
	}
	j.io.Lines(b.String())
}

// sayLeft says how to go on with what is not done.
func (j *job) sayLeft(b *strings.Builder, counts map[string]bulk.Counts, total bulk.Counts, in doubt) {
	if total[bulk.Failed] > 0 {
		fmt.Fprintf(b, "failed: certainly not done; see why: %s\n", j.command("show", "--outcome", "failed"))
		if !j.playing {
			fmt.Fprintf(b, "        and when that is mended there: %s\n", j.resuming("--retry-failed"))
			if j.table {
				mend := "failed-" + j.run.ID() + ".csv"
				fmt.Fprintf(b, "        what is wrong in the table is mended in one of these rows alone: %s\n", j.command("show", "--outcome", "failed", "-o", mend))
				fmt.Fprintf(b, "        which is work of its own: %s\n", j.place.command(append([]string{"run", mend, "--new"}, j.mendFlags()...)...))
			}
		}
	}
	b.WriteString(j.doubtText(total[bulk.Unknown]-in.unmailed, in.unmailed))
	switch {
	case j.playing:
	case total[bulk.Pending] > 0:
		again := j.again(j.run.ID(), j.behind...)
		if j.leftAlone(counts) == total[bulk.Pending] {
			again = j.everywhere()
		}
		fmt.Fprintf(b, "pending: not done yet; go on with: %s\n", again)
	case in.unread > 0:
		fmt.Fprintf(b, "unread: what became of %s in doubt was not read yet; go on with: %s\n", ui.Count(in.unread, "row"),
			j.everywhere())
	}
}

// everywhere is the command that goes on at all targets that the run has. Where some
// were left out, it names the run: with the table, they would be taken into it.
func (j *job) everywhere() string {
	if len(j.options.only) == 0 && len(j.options.except) == 0 {
		return j.again(j.run.ID(), j.behind...)
	}
	return j.resumption(j.run.ID(), append(slices.Clone(j.behind), "only", "except")...)
}

// mendFlags are the flags that a table of failed rows is worked with: our own
// columns say where and what, the others mean what they meant.
func (j *job) mendFlags() (flags []string) {
	for _, m := range j.options.table.Map {
		if means, _, _ := strings.Cut(m, "="); means != "target" && means != "action" {
			flags = append(flags, quoted("--map="+m))
		}
	}
	if j.options.revokeKeys {
		flags = append(flags, "--revoke-keys")
	}
	return append(flags, j.options.linksFlags()...)
}

// unmailed counts the rows in doubt whose action mails nobody.
func (j *job) unmailed(ctx context.Context, counts map[string]bulk.Counts) (n int, err error) {
	var targets []string
	for name, c := range counts {
		if c[bulk.Unknown] > 0 {
			targets = append(targets, name)
		}
	}
	for row, err := range rowsAt(ctx, j.run, targets, []bulk.Stage{bulk.InDoubt}) {
		if err != nil {
			return 0, err
		}
		if !row.Action.Mails() {
			n++
		}
	}
	return n, nil
}

// doubtText says what to do about rows in doubt: resets, and those of actions
// that mail nobody.
func (j *job) doubtText(resets, unmailed int) string {
	var b strings.Builder
	if resets > 0 {
		which := ""
		if unmailed > 0 {
			which = ui.Count(resets, "reset") + ": "
		}
		fmt.Fprintf(&b, "unknown: %sit may have been done, and the mail may have gone out; it is not repeated by itself. Ask these people or look in the system, then: %s (or --settle failed)\n",
			which, j.command("reconcile", "--settle", "done", "--rows", "N,M"))
		if !j.playing {
			fmt.Fprintf(&b, "         or have it done once more, which may mail them twice: %s\n", j.resuming("--resend-unknown"))
		}
	}
	if unmailed > 0 {
		first := ""
		if resets > 0 { // which the command would send, too
			first = "settle the resets first, then "
		}
		fmt.Fprintf(&b, "unknown: %s whose action mails nobody: each may have been done in part or in whole. To do them once more is safe, since what is so already is read first: %s%s\n",
			ui.Count(unmailed, "row"), first, j.resuming("--resend-unknown"))
	}
	return b.String()
}

// leftAlone counts the pending rows of targets that this command left as they
// are.
func (j *job) leftAlone(counts map[string]bulk.Counts) (n int) {
	for _, t := range j.engine.Targets {
		if t.Idle {
			n += counts[t.Name][bulk.Pending]
		}
	}
	return n
}

// countsText says counts in words, the zero ones left out.
func countsText(c bulk.Counts) string {
	var parts []string
	for _, o := range bulk.Outcomes() {
		if c[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c[o], o))
		}
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}

// printJSON prints the summary as the contract has it.
func (j *job) printJSON(counts map[string]bulk.Counts, total bulk.Counts, code int) error {
	type targetJSON struct {
		countsJSON
		Requests  int64 `json:"requests"`
		Throttled int64 `json:"throttled"`
	}
	targets := make(map[string]targetJSON)
	for name, c := range counts {
		pace, _ := j.asked(name)
		targets[name] = targetJSON{countsOf(c), pace.Requests, pace.Throttled}
	}
	return j.printObject(map[string]any{
		"schema_version": 1,
		"run_id":         j.run.ID(),
		"started_at":     stamp(j.run.StartedAt()),
		"finished_at":    stamp(time.Now()),
		"counts":         countsOf(total),
		"targets":        targets,
		"exit_code":      code,
	})
}

func (j *job) printObject(v any) error {
	out, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return j.io.Print(string(out) + "\n")
}

type countsJSON struct {
	Done    int `json:"done"`
	Skipped int `json:"skipped"`
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
	Pending int `json:"pending"`
}

func countsOf(c bulk.Counts) countsJSON {
	return countsJSON{c[bulk.Done], c[bulk.Skipped], c[bulk.Failed], c[bulk.Unknown], c[bulk.Pending]}
}

// minute is a time for people.
func minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
