package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/urfave/cli/v2"
)

func (c *command) demoCommand() *cli.Command {
	return &cli.Command{
		Name: "demo", Usage: "play a whole run against built-in test servers; no account, no network",
		UsageText: `resetctl demo

Three systems are played on this machine, with limits and faults, and a table
of people is worked off. Everything it writes is in a temporary folder.`,
		Action: c.demo,
	}
}

// demoPeople is how many people the play has on each system.
const demoPeople = 30

// demo plays a run in which nearly everything happens that can happen, through
// the very steps that run takes, and then asks the servers' own mailboxes.
func (c *command) demo(ctx *cli.Context) error {
	if ctx.NArg() > 0 {
		return usage("demo takes no arguments")
	}
	folder, err := os.MkdirTemp("", "resetctl-demo-")
	if err != nil {
		return err
	}
	stage := c.play(demoPeople, func(string, sandbox.Mail) {})
	defer stage.close()
	people := sandbox.People(demoPeople)
	stage.goWrong(people)

	input, results := filepath.Join(folder, "people.csv"), filepath.Join(folder, "results.csv")
	if err := writeDemo(input, people); err != nil {
		return err
	}
	j, err := c.demoJob(ctx, stage, folder, results)
	if err != nil {
		return err
	}
	if err := c.io.Print(fmt.Sprintf(`Three systems are being played on this machine: Looker, Sugar and Unleash.
%s names %d people and a few who make trouble. On the way,
Looker asks for a pause, Sugar loses an answer and Unleash refuses somebody who
was mailed a moment ago.

`, input, demoPeople)); err != nil {
		return err
	}
	err = j.doFile(ctx.Context, input)
	var end *exit
	if err != nil && (!errors.As(err, &end) || end.err != nil || ctx.Err() != nil) {
		return err // the play itself went wrong
	}
	return c.sayDemo(ctx.Context, j, stage, people, results)
}

// demoJob is a run with the environment of the stage and a state of its own.
func (c *command) demoJob(ctx *cli.Context, stage *stage, folder, results string) (*job, error) {
	var env []string
	for name, value := range stage.env {
		env = append(env, name+"="+value)
	}
	var systems []config.System
	for _, d := range drivers() {
		systems = append(systems, d.System)
	}
	cfg, err := config.Load(config.Source{Systems: systems, Env: env, Home: folder, State: filepath.Join(folder, "state")})
	if err != nil {
		return nil, err
	}
	for _, d := range drivers() { // nobody wants to watch 4 a second
		if err := cfg.Override(d.Name, "rate", "20/s", "demo"); err != nil {
			return nil, err
		}
	}
	return &job{
		io: c.io, log: c.log(ctx), config: cfg, args: c.args, place: place{quoted("--state=" + cfg.State)}, playing: true,
		options: workOptions{
			table:  table.Options{Targets: cfg.Names(), DefaultTargets: []string{"all"}, DefaultAction: "reset"},
			output: results, report: filepath.Join(folder, "report.html"), format: table.CSV, yes: true, expect: -1, maxDuration: 15 * time.Second,
		},
	}, nil
}

// goWrong writes the faults of the play.
func (s *stage) goWrong(people []sandbox.Person) {
	s.servers["looker"].Inject(
		sandbox.Fault{Kind: sandbox.Throttle, On: sandbox.Reset, Skip: 8, Times: 1, RetryAfter: 2 * time.Second},
		sandbox.Fault{Kind: sandbox.Answer, On: sandbox.Reset, Skip: 15, Times: 1, Status: 403, Body: `{"message":"Forbidden"}`},
	)
	s.servers["sugar"].Inject(sandbox.Fault{Kind: sandbox.Drop, Processed: true, On: sandbox.Reset, Skip: 5, Times: 1})
	s.servers["unleash"].Inject(sandbox.Fault{Kind: sandbox.Answer, On: sandbox.Reset, Person: people[3].Email, Status: 429,
		Body: `{"name":"RateLimitError","message":"You can only send one new reset password email per minute, per user."}`})
}

func writeDemo(path string, people []sandbox.Person) error {
	out, err := table.Create(context.Background(), path, new(ui.IO))
	if err != nil {
		return err
	}
	defer out.Abort()
	w := csv.NewWriter(out)
	_ = w.Write([]string{"name", "email", "department", "target"})
	departments := []string{"Sales", "Support", "Finance"}
	for i, p := range people {
		_ = w.Write([]string{p.FirstName + " " + p.LastName, p.Email, departments[i%len(departments)], "all"})
	}
	_ = w.Write([]string{"Twice, by another spelling", strings.ToUpper(people[0].Email), "Sales", "looker"})
	_ = w.Write([]string{"Left long ago", "nobody@example.com", "", "all"})
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return out.Commit()
}

// sayDemo tells the outcomes, checks them against the mailboxes, and says
// where everything is.
func (c *command) sayDemo(ctx context.Context, j *job, stage *stage, people []sandbox.Person, results string) error {
	outcomes := make(map[string]int)
	var wrong []string
	mailboxes := make(map[string]*sandbox.Mailbox)
	for name, server := range stage.servers {
		mailboxes[name] = server.Mailbox()
		for _, p := range people {
			if n := server.Mailbox().Count(p.Email); n > 1 {
				wrong = append(wrong, fmt.Sprintf("%s mailed %s %d times", name, p.Email, n))
			}
		}
		for _, v := range server.Violations() {
			wrong = append(wrong, fmt.Sprintf("%s would not like: %v", name, v))
		}
	}
	ledger, err := openLedger(ctx, j.config.State, journal.Options{})
	if err != nil {
		return err
	}
	defer ledger.Close()
	run, err := ledger.Run(ctx, j.run.ID())
	if err != nil {
		return err
	}
	for r, err := range run.Results(ctx) {
		if err != nil {
			return err
		}
		outcomes[fmt.Sprintf("%s/%s", r.Outcome, r.Reason)]++
		mails := mailboxes[r.Row.Target].Count(r.Account.Email)
		switch {
		case r.Outcome == bulk.Done && mails != 1:
			wrong = append(wrong, fmt.Sprintf("row %d is done and %s sent %d mails", r.Row.Line, r.Row.Target, mails))
		case (r.Outcome == bulk.Failed || r.Outcome == bulk.Pending) && mails != 0:
			wrong = append(wrong, fmt.Sprintf("row %d is %s and %s sent %d mails", r.Row.Line, r.Outcome, r.Row.Target, mails))
		}
	}
	var b strings.Builder
	b.WriteString("What became of the rows:\n")
	for _, o := range slices.Sorted(maps.Keys(outcomes)) {
		fmt.Fprintf(&b, "  %4d %s\n", outcomes[o], o)
	}
	b.WriteString("What the systems' own mailboxes say:\n")
	for _, name := range slices.Sorted(maps.Keys(mailboxes)) {
		fmt.Fprintf(&b, "  %4d mails from %s, none to anybody twice\n", mailboxes[name].Len(), name)
	}
	fmt.Fprintf(&b, "Results, row by row: %s\nThe report, to be opened in a browser: %s\n", results, j.options.report)
	if len(wrong) > 0 {
		return fmt.Errorf("the play did not go as written:\n%s", strings.Join(wrong, "\n"))
	}
	return c.io.Print(b.String())
}
