package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/urfave/cli/v2"
)

func (c *command) planCommand() *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "say what run would do; sends nothing", ArgsUsage: "FILE",
		UsageText: `resetctl plan people.csv              per target: how many, who is left out
resetctl plan people.csv -o plan.csv  a line per row
resetctl plan people.csv --offline    check the file alone`,
		Flags: append(append(fileFlags(),
			&cli.BoolFlag{Name: "offline", Usage: "stay off the network and check the file alone"}), slices.Concat(actFlags(), linksFlags(), beginFlags(), rowFlags(), workFlags())...),
		Action: func(ctx *cli.Context) error {
			path, err := onlyArgument(ctx, "FILE")
			if err != nil {
				return err
			}
			j, err := c.job(ctx)
			if err != nil {
				return err
			}
			if ctx.IsSet("report") {
				return usage("--report tells of a run, and a plan is none; -o FILE writes what would be done")
			}
			j.options.dryRun = true
			for _, flag := range []string{"output", "links", "expect", "rate", "concurrency", "cooldown", "max-failures", "resend-unknown",
				"max-duration", "canary", "new", "resume"} {
				if j.options.offline && ctx.IsSet(flag) {
					return usage("--offline checks the file alone, for which --%s means nothing", flag)
				}
			}
			return j.doFile(ctx.Context, path)
		},
	}
}

// planText is a plan for people.
func (j *job) planText(plan bulk.Plan) string {
	var b strings.Builder
	outlook, now := j.outlook(plan), time.Now()
	if len(plan.Targets) == 0 {
		b.WriteString("nothing to do\n")
	}
	if n := j.options.canary; n > 0 && j.options.dryRun && plan.Would() > 0 {
		fmt.Fprintf(&b, "up to %s of each target first; then you are asked whether to go on\n", ui.Count(n, "row"))
	}
	for _, t := range plan.Targets {
		fmt.Fprintf(&b, "%s: %d of %d rows would be done", t.Name, t.Would, t.Rows)
		if t.Again > 0 {
			fmt.Fprintf(&b, ", and %d in doubt done once more", t.Again)
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
		if what := actionsText(t.Actions); what != "" {
			fmt.Fprintf(&b, "  %s\n", what)
		}
		if t.Status.Version != "" {
			fmt.Fprintf(&b, "  system: %s, mailer %s\n", t.Status.Version, t.Status.Mailer)
		}
		o := outlook.targets[t.Name]
		if t.Would+t.Again > 0 {
			fmt.Fprintf(&b, "  %d requests%s take about %s: done at %s\n",
				o.requests, atMost(j.config.Target(t.Name).Rate), about(o.takes), clock(now.Add(o.takes), now))
		}
		for _, w := range o.warnings {
			fmt.Fprintf(&b, "  %s\n", w)
		}
	}
	if plan.Would() > 0 {
		fmt.Fprintf(&b, "in all about %s: done at %s if it begins now", about(outlook.takes), clock(now.Add(outlook.takes), now))
		if len(outlook.targets) > 1 {
			fmt.Fprintf(&b, "; targets are worked side by side, and %s takes longest", outlook.longest)
		}
		b.WriteString("\n")
	}
	for _, w := range outlook.warnings {
		fmt.Fprintf(&b, "  %s\n", w)
	}
	if plan.Guard != nil {
		fmt.Fprintf(&b, "%v\n", plan.Guard)
	}
	if j.options.dryRun && j.output == nil && slices.ContainsFunc(plan.Targets, func(t bulk.TargetPlan) bool { return len(t.LeftOut) > 0 }) {
		b.WriteString("who is left out and why: -o FILE writes it, row by row\n")
	}
	return b.String()
}

// atMost says a ceiling, where there is one.
func atMost(rate float64) string {
	if math.IsInf(rate, 1) {
		return ""
	}
	return fmt.Sprintf(" at %s at most", config.FormatRate(rate))
}

// actionsText says how many people are mailed and accounts changed, where that
// is not plain.
func actionsText(actions map[resetter.Action]int) string {
	mailed, changed := 0, 0
	var which []string
	for _, a := range resetter.Actions() {
		switch n := actions[a]; {
		case n == 0:
		case a.Mails():
			mailed += n
		default:
			changed += n
			which = append(which, fmt.Sprintf("%d %s", n, a))
		}
	}
	if changed == 0 {
		return ""
	}
	return fmt.Sprintf("%d people are mailed, %s changed where not so already (%s)", mailed, ui.Count(changed, "account"), strings.Join(which, ", "))
}

// sayPlan prints the plan on stdout, writes its rows, and forgets the run.
func (j *job) sayPlan(ctx context.Context, plan bulk.Plan) error {
	would, err := j.wouldDo(ctx, plan)
	if err != nil {
		return errors.Join(err, j.discard(ctx))
	}
	if j.output != nil {
		rows := 0
		for _, t := range plan.Targets {
			rows += t.Rows
		}
		w := writing(j.io, "writing the plan", j.output, rows)
		err := table.WritePlan(j.output, j.options.format, j.run.Columns(), j.limit, passing(w, j.run.Results(ctx)))
		w.stop()
		if err = errors.Join(err, j.commit(err)); err != nil {
			return errors.Join(err, j.discard(ctx))
		}
	}
	if err := j.discard(ctx); err != nil {
		return err
	}
	n := j.options.expect
	unexpected := n >= 0 && n != would
	if j.options.json {
		return j.printObject(j.planJSON(plan, unexpected))
	}
	text := j.planText(plan)
	if unexpected {
		text += fmt.Sprintf("--expect %d would refuse this: %s would be done\n", n, ui.Count(would, "action"))
	}
	if j.options.output == "-" {
		j.io.Lines(text)
		return nil
	}
	return j.io.Print(text + "nothing was sent\n")
}

func (j *job) commit(err error) error {
	if err != nil {
		return nil
	}
	return j.output.Commit()
}

func (j *job) planJSON(plan bulk.Plan, unexpected bool) any {
	type targetJSON struct {
		Rows       int                     `json:"rows"`
		Would      int                     `json:"would"`
		LeftOut    map[string]int          `json:"left_out"`
		Later      int                     `json:"later"`
		Again      int                     `json:"again"`
		Actions    map[resetter.Action]int `json:"actions"`
		SetupMails int                     `json:"setup_mails"`
		Requests   int                     `json:"requests"`
		Seconds    float64                 `json:"seconds"`
		Warnings   []string                `json:"warnings"`
	}
	outlook := j.outlook(plan)
	targets := make(map[string]targetJSON)
	for _, t := range plan.Targets {
		left := make(map[string]int)
		for reason, n := range t.LeftOut {
			left[string(reason)] = n
		}
		o := outlook.targets[t.Name]
		targets[t.Name] = targetJSON{t.Rows, t.Would, left, t.Later, t.Again, t.Actions, t.SetupMails,
			o.requests, seconds(o.takes), append([]string{}, o.warnings...)}
	}
	guard := ""
	if unexpected {
		guard = "expect"
	} else if plan.Guard != nil {
		guard = plan.Guard.Guard
	}
	return map[string]any{
		"schema_version": 1, "would": plan.Would(), "targets": targets, "guard": guard,
		"requests": outlook.requests, "seconds": seconds(outlook.takes), "warnings": append([]string{}, outlook.warnings...),
	}
}

// sayOffline says what the file alone tells.
func (j *job) sayOffline() error {
	type entry struct{ target, action string }
	counts, rows := make(map[entry]int), 0
	for row, err := range j.people.Rows() {
		if err != nil {
			return err
		}
		if j.excluded(row.Target) || j.limit > 0 && row.Seq > j.limit {
			continue
		}
		counts[entry{row.Target, string(row.Action)}]++
		rows++
	}
	if j.options.json {
		targets := make(map[string]map[string]int)
		for e, n := range counts {
			if targets[e.target] == nil {
				targets[e.target] = make(map[string]int)
			}
			targets[e.target][e.action] = n
		}
		return j.printObject(map[string]any{"schema_version": 1, "rows": rows, "targets": targets})
	}
	var b strings.Builder
	for _, name := range j.config.Names() {
		for _, action := range resetter.Actions() {
			if n := counts[entry{name, string(action)}]; n > 0 {
				fmt.Fprintf(&b, "%s: %s to %s\n", name, ui.Count(n, "row"), action)
			}
		}
	}
	return j.io.Print(b.String() + "the file is good; nobody was asked and nothing was sent\n")
}
