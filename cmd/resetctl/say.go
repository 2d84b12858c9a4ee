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
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// showProgress shows a line on stderr until the returned function is called,
// which waits for it to be gone.
func (j *job) showProgress(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		j.io.Progress(ctx, func() string { return progressLine(j.engine.Progress()) })
	}()
	return func() { cancel(); <-done }
}

func progressLine(p bulk.Progress) string {
	var parts []string
	for _, t := range p.Targets {
		all := 0
		for _, n := range t.Counts {
			all += n
		}
		at := all - t.Counts[bulk.Pending]
		if p.Phase != bulk.Acting {
			at = max(at, t.LookedUp)
		}
		if p.Phase == bulk.Reconciling {
			at = all - t.Counts[bulk.Unknown]
		}
		part := fmt.Sprintf("%s %d/%d", t.Name, at, all)
		switch {
		case t.Stopped != "":
			part += " (stopped)"
		case !t.GatedUntil.IsZero() && t.Gate == resetter.ErrUnavailable:
			part += fmt.Sprintf(" (cannot be reached, next try at %s)", t.GatedUntil.Local().Format("15:04:05"))
		case !t.GatedUntil.IsZero():
			part += fmt.Sprintf(" (asks us to wait until %s)", t.GatedUntil.Local().Format("15:04:05"))
		case t.Deferred > 0:
			part += fmt.Sprintf(" (%d wait for their minute)", t.Deferred)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	doing := map[bulk.Phase]string{bulk.Checking: "signing in", bulk.Preparing: "looking people up", bulk.Acting: "resetting", bulk.Reconciling: "reading what became of rows in doubt"}
	return doing[p.Phase] + ": " + strings.Join(parts, " · ")
}

// conclude writes the results, says what has come of the run and what to do
// next, and returns the exit that it means.
func (j *job) conclude(ctx context.Context, summary bulk.Summary, cause error) error {
	// What is left to do here must be done, whatever ended the run.
	ctx = context.WithoutCancel(ctx)
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
	if err := j.writeResults(ctx); err != nil {
		return errors.Join(cause, err)
	}
	end := &exit{code: codeOf(total)}
	if cause != nil {
		end = asExit(cause)
	}
	j.saySummary(summary, counts, total, end)
	if j.options.json {
		if err := j.printJSON(summary, counts, total, end.code); err != nil {
			return err
		}
	}
	// Only now: a run whose results were not written goes on, to write them. What
	// may still take its time comes before, since a process that is killed after
	// this has no run to go on with: the same command would begin another, in
	// which everybody was mailed a short while ago.
	j.signOut(j.engine.Targets)
	if _, err := j.run.Finish(ctx); err != nil {
		return errors.Join(cause, err)
	}
	if end.code == 0 {
		return nil
	}
	return end
}

func (j *job) writeResults(ctx context.Context) error {
	if j.output == nil {
		return nil
	}
	if err := table.WriteResults(j.output, j.options.format, j.run.Columns(), j.run.ID(), j.journal().Results(ctx)); err != nil {
		return fmt.Errorf("the results could not be written; they are kept: resetctl show %s: %w", j.run.ID(), err)
	}
	if err := j.output.Commit(); err != nil {
		return fmt.Errorf("the results could not be written; they are kept: resetctl show %s: %w", j.run.ID(), err)
	}
	return nil
}

func (j *job) saySummary(summary bulk.Summary, counts map[string]bulk.Counts, total bulk.Counts, end *exit) {
	if j.io.Quiet && end.code == 0 {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "run %s: %s\n", j.run.ID(), countsText(total))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "  %s: %s\n", name, countsText(counts[name]))
	}
	for _, t := range summary.Targets {
		if t.Stopped != "" {
			fmt.Fprintf(&b, "  %s was stopped: %s\n", t.Name, t.Stopped)
		}
	}
	if total[bulk.Unknown] > 0 {
		fmt.Fprintf(&b, "unknown: the mail may have gone out and is not sent again; ask these people or look in the system, then: resetctl reconcile %s --settle done --rows N,M (or --settle failed)\n", j.run.ID())
	}
	if total[bulk.Pending] > 0 && j.again != nil {
		again := j.again
		if j.againAll != nil && j.leftAlone(counts) == total[bulk.Pending] {
			again = j.againAll
		}
		fmt.Fprintf(&b, "pending: not done yet; go on with: %s\n", again(j.run.ID()))
	}
	if j.output != nil && j.options.output != "-" {
		fmt.Fprintf(&b, "results: %s\n", j.options.output)
	} else if j.output == nil {
		fmt.Fprintf(&b, "row by row: resetctl show %s\n", j.run.ID())
	}
	j.io.Lines(b.String())
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
func (j *job) printJSON(summary bulk.Summary, counts map[string]bulk.Counts, total bulk.Counts, code int) error {
	type targetJSON struct {
		countsJSON
		Requests  int64 `json:"requests"`
		Throttled int64 `json:"throttled"`
	}
	targets := make(map[string]targetJSON)
	for name, c := range counts {
		targets[name] = targetJSON{countsJSON: countsOf(c)}
	}
	for _, t := range summary.Targets {
		entry := targets[t.Name]
		entry.Requests, entry.Throttled = t.Requests, t.Throttled
		targets[t.Name] = entry
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

// planText is a plan for people.
func planText(plan bulk.Plan) string {
	var b strings.Builder
	if len(plan.Targets) == 0 {
		b.WriteString("nothing to do\n")
	}
	for _, t := range plan.Targets {
		fmt.Fprintf(&b, "%s: %d of %d rows would be done", t.Name, t.Would, t.Rows)
		if t.Again > 0 {
			fmt.Fprintf(&b, ", and %d in doubt sent once more", t.Again)
		}
		var out []string
		for _, reason := range slices.Sorted(maps.Keys(t.LeftOut)) {
			out = append(out, fmt.Sprintf("%d %s", t.LeftOut[reason], strings.ReplaceAll(string(reason), "_", " ")))
		}
		if t.Later > 0 {
			out = append(out, fmt.Sprintf("%d later", t.Later))
		}
		if t.Finished > 0 {
			out = append(out, fmt.Sprintf("%d finished before", t.Finished))
		}
		if len(out) > 0 {
			fmt.Fprintf(&b, "; left out: %s", strings.Join(out, ", "))
		}
		b.WriteString("\n")
		if t.SetupMails > 0 {
			fmt.Fprintf(&b, "  %d people never set up their account and get a set-up mail\n", t.SetupMails)
		}
		if t.Status.Version != "" {
			fmt.Fprintf(&b, "  system: %s, mailer %s\n", t.Status.Version, t.Status.Mailer)
		}
	}
	if plan.Guard != nil {
		fmt.Fprintf(&b, "%v\n", plan.Guard)
	}
	return b.String()
}

// sayPlan prints the plan on stdout, writes its rows, and forgets the run.
func (j *job) sayPlan(ctx context.Context, plan bulk.Plan) error {
	if j.output != nil {
		err := table.WritePlan(j.output, j.options.format, j.run.Columns(), j.limit, j.run.Results(ctx))
		if err = errors.Join(err, j.commit(err)); err != nil {
			return errors.Join(err, j.discard(ctx))
		}
	}
	if err := j.discard(ctx); err != nil {
		return err
	}
	if j.options.output == "-" {
		j.io.Lines(planText(plan))
		return nil
	}
	if j.options.json {
		return j.printObject(planJSON(plan))
	}
	text := planText(plan)
	if n := j.options.expect; n >= 0 && n != plan.Would() {
		text += fmt.Sprintf("--expect %d would refuse this\n", n)
	}
	return j.io.Print(text + "nothing was sent\n")
}

func (j *job) commit(err error) error {
	if err != nil {
		return nil
	}
	return j.output.Commit()
}

func planJSON(plan bulk.Plan) any {
	type targetJSON struct {
		Rows       int            `json:"rows"`
		Would      int            `json:"would"`
		LeftOut    map[string]int `json:"left_out"`
		Later      int            `json:"later"`
		Again      int            `json:"again"`
		SetupMails int            `json:"setup_mails"`
	}
	targets := make(map[string]targetJSON)
	for _, t := range plan.Targets {
		left := make(map[string]int)
		for reason, n := range t.LeftOut {
			left[string(reason)] = n
		}
		targets[t.Name] = targetJSON{t.Rows, t.Would, left, t.Later, t.Again, t.SetupMails}
	}
	guard := ""
	if plan.Guard != nil {
		guard = plan.Guard.Guard
	}
	return map[string]any{"schema_version": 1, "would": plan.Would(), "targets": targets, "guard": guard}
}

// sayOffline says what the file alone tells.
func (j *job) sayOffline() error {
	type entry struct{ target, action string }
	counts := make(map[entry]int)
	for row, err := range j.people.Rows() {
		if err != nil {
			return err
		}
		counts[entry{row.Target, string(row.Action)}]++
	}
	if j.options.json {
		targets := make(map[string]map[string]int)
		for e, n := range counts {
			if targets[e.target] == nil {
				targets[e.target] = make(map[string]int)
			}
			targets[e.target][e.action] = n
		}
		return j.printObject(map[string]any{"schema_version": 1, "rows": j.people.Len(), "targets": targets})
	}
	var b strings.Builder
	for _, name := range j.config.Names() {
		for _, action := range resetter.Actions() {
			if n := counts[entry{name, string(action)}]; n > 0 {
				fmt.Fprintf(&b, "%s: %d rows to %s\n", name, n, action)
			}
		}
	}
	return j.io.Print(b.String() + "the file is good; nobody was asked and nothing was sent\n")
}
