package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/urfave/cli/v2"
)

func (c *command) checkCommand() *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "see whether each target can be worked with; changes nothing there", ArgsUsage: "[TARGET…]",
		UsageText: `resetctl check               all targets that are configured
resetctl check looker sugar
resetctl check --json

Signs in to each target, looks, and signs out again: login, right to reset,
version, mailer, pace, clock and own account; before that, whether the ledger
can be kept in the state folder. Each finding is a line that begins with ok,
warn, FAIL or, where the system does not tell, with ?. Exit codes: 0 nothing
FAILs, 4 a target cannot be used, 2 the configuration, 9 another process works
with a target; where several hold, it is 1, 2, 4, 9 in this order.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object on stdout"},
		},
		Action: c.check,
	}
}

// A finding is what became of one thing that check looks at.
type finding struct {
	Check  string  `json:"check"` // "login"
	Result verdict `json:"result"`
	Detail string  `json:"detail"`
	Fix    string  `json:"fix,omitempty"` // what to do, where there is something

	code int // the exit code that it leads to; 0 where it stops nobody
}

// A verdict says whether a thing is as it should be.
type verdict string

const (
	good    verdict = "ok"
	dubious verdict = "warning"
	bad     verdict = "failed"
	untold  verdict = "unknown"
)

// A checking is one run of check.
type checking struct {
	*job
	json bool
	wide int // the longest name in the first column

	mu      sync.Mutex
	waiting []string // targets that are not through
	found   map[string][]finding
}

func (c *command) check(ctx *cli.Context) error {
	cfg, err := c.config(ctx)
	if err != nil {
		return err
	}
	targets, err := chosen(cfg, ctx.Args().Slice())
	if err != nil {
		return err
	}
	k := &checking{job: &job{io: c.io, log: c.log(ctx), config: cfg, args: c.args}, json: ctx.Bool("json"),
		wide: len(stateName), found: make(map[string][]finding)}
	for _, t := range targets {
		k.wide = max(k.wide, len(t.Name))
		k.waiting = append(k.waiting, t.Name)
	}
	state := k.state(ctx.Context)
	if err := k.say(stateName, state); err != nil {
		return err
	}
	if codeOfFindings(state) == 0 { // else there is no lock to hold, and so no signing in
		k.sideBySide(ctx.Context, targets)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx.Context)
	}
	return k.conclude(state)
}

// chosen are the targets of those names, all where there are none.
func chosen(cfg *config.Config, names []string) ([]*config.Target, error) {
	if len(cfg.Targets) == 0 {
		first := "resetctl init writes a configuration"
		if cfg.File != "" {
			first = "fill in " + cfg.File
		}
		return nil, usage("no target is configured: %s; or set %s; see resetctl help environment", first, smallest(kinds()[0]))
	}
	if len(names) == 0 {
		return cfg.Targets, nil
	}
	var targets []*config.Target
	for _, name := range names {
		t := cfg.Target(strings.ToLower(name))
		if t == nil {
			return nil, usage("%s", noTarget(name, cfg.Names()))
		}
		if !slices.Contains(targets, t) {
			targets = append(targets, t)
		}
	}
	return targets, nil
}

// smallest lists the variables that a target of the system needs.
func smallest(s config.System) string {
	var names []string
	for _, k := range s.AllKeys() {
		if k.Required {
			names = append(names, "RESETCTL_"+strings.ToUpper(s.Name+"_"+k.Name))
		}
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// stateName stands for the state folder in the column of the targets.
const stateName = "state"

// state looks at the folder and the ledger in it, which are made where they
// are missing: the locks of the targets are there.
func (k *checking) state(ctx context.Context) []finding {
	ledger, err := openLedger(ctx, k.config.State, journal.Options{})
	if err != nil {
		return []finding{{Check: "folder", Result: bad, Detail: unwrapped(err).Error(), code: asExit(err).code}}
	}
	defer ledger.Close()
	runs := 0
	for _, err := range ledger.Runs(ctx) {
		if err != nil {
			return []finding{{Check: "ledger", Result: bad, Detail: err.Error(), code: asExit(err).code}}
		}
		runs++
	}
	return []finding{
		{Check: "folder", Result: good, Detail: k.config.State + ", yours alone, on a disk of this machine"},
		{Check: "ledger", Result: good, Detail: "readable, " + ui.Count(runs, "run")},
	}
}

// unwrapped is the error that an exit is about.
func unwrapped(err error) error {
	if e := (*exit)(nil); errors.As(err, &e) && e.err != nil {
		return e.err
	}
	return err
}

// sideBySide checks the targets; each says its lines when it is through.
func (k *checking) sideBySide(ctx context.Context, targets []*config.Target) {
	waiting, through := context.WithCancel(ctx)
	var shown, all sync.WaitGroup
	shown.Go(func() { k.io.Progress(waiting, k.waitingFor) })
	for _, t := range targets {
		all.Go(func() {
			k.target(ctx, t)
			k.mu.Lock()
			k.waiting = slices.DeleteFunc(k.waiting, func(name string) bool { return name == t.Name })
			k.mu.Unlock()
		})
	}
	all.Wait()
	through()
	shown.Wait()
}

func (k *checking) waitingFor() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return "waiting for " + strings.Join(k.waiting, ", ")
}

// target holds the target's lock, signs in, looks, says what it found and signs
// out.
func (k *checking) target(ctx context.Context, t *config.Target) {
	held, err := lockTarget(k.config.State, t.Name)
	if err != nil {
		_ = k.say(t.Name, []finding{{Check: "lock", Result: bad, Detail: unwrapped(err).Error(), code: asExit(err).code}})
		return
	}
	defer held.Close()
	target, err := k.job.target(ctx, t)
	if err != nil {
		if ctx.Err() == nil {
			_ = k.say(t.Name, []finding{{Check: "login", Result: bad, Detail: err.Error(), code: exitUsage}, paceOf(t)})
		}
		return
	}
	defer k.signOut([]bulk.Target{target})
	status, err := ask(ctx, target.Resetter)
	if ctx.Err() == nil {
		_ = k.say(t.Name, findings(t, status, err))
	}
}

// longestPause is how long check waits where a system asks for a pause.
const longestPause = 10 * time.Second

// ask has a client check itself. A short pause that the system wants is waited
// for; a longer one is an answer.
func ask(ctx context.Context, r resetter.Resetter) (resetter.Status, error) {
	checker, ok := r.(resetter.Checker)
	if !ok {
		return resetter.Status{Mailer: resetter.MailerUnknown}, nil
	}
	begun := time.Now()
	for {
		status, err := checker.Check(resetter.WithWaitsHandedBack(ctx))
		var e *resetter.Error
		if !errors.As(err, &e) || e.Kind != resetter.ErrRateLimited || e.Until.IsZero() || e.Until.Sub(begun) > longestPause {
			return status, err
		}
		timer := time.NewTimer(time.Until(e.Until))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return status, context.Cause(ctx)
		}
	}
}

// findings makes lines of what a target said.
func findings(t *config.Target, s resetter.Status, err error) []finding {
	login := finding{Check: "login", Result: good, Detail: "signed in at " + t.URL}
	right := finding{Check: "right", Result: good, Detail: "may reset passwords"}
	if why := driverOf(t.System).noProof; why != "" {
		right.Result, right.Detail = untold, why
	}
	switch {
	case errors.Is(err, resetter.ErrForbidden):
		return []finding{login, refusedFor("right", err), paceOf(t)}
	case err != nil:
		return []finding{refusedFor("login", err), paceOf(t)}
	}
	return []finding{login, right, versionOf(s), mailerOf(s), paceOf(t), clockOf(s), ownOf(s)}
}

// refusedFor is the finding that a target cannot be used.
func refusedFor(check string, err error) finding {
	f := finding{Check: check, Result: bad, Detail: err.Error(), code: exitTarget}
	var e *resetter.Error
	if errors.As(err, &e) {
		bare := *e
		bare.Advice = ""
		if e.Kind != resetter.ErrRateLimited {
			bare.Until = time.Time{} // that is for programs
		}
		f.Detail, f.Fix = bare.Detail(), e.Advice
	}
	return f
}

func versionOf(s resetter.Status) finding {
	if s.Version == "" {
		return finding{Check: "version", Result: untold, Detail: "it could not be read; resets do not depend on it"}
	}
	return finding{Check: "version", Result: good, Detail: s.Version}
}

func mailerOf(s resetter.Status) finding {
	switch s.Mailer {
	case resetter.MailerReady:
		return finding{Check: "mailer", Result: good, Detail: "can send mails"}
	case resetter.MailerAbsent:
		return finding{Check: "mailer", Result: bad, Detail: "there is none: resets would be accepted and nobody mailed",
			Fix: "set up a mailer in the system, or hand the links over: run with --links FILE --links-to RECIPIENT", code: exitTarget}
	}
	return finding{Check: "mailer", Result: untold, Detail: "the system does not tell, or not to this account"}
}

func paceOf(t *config.Target) finding {
	return finding{Check: "pace", Result: good, Detail: fmt.Sprintf("at most %s, %d at a time", config.FormatRate(t.Rate), t.Concurrency)}
}

// farAhead is how far two clocks may be apart before times that the system
// speaks of mislead.
const farAhead = 30 * time.Second

func clockOf(s resetter.Status) finding {
	f := finding{Check: "clock", Result: good, Detail: "within a second of this machine's"}
	off := s.ClockSkew.Abs().Round(time.Second)
	if off > time.Second {
		f.Detail = fmt.Sprintf("%v ahead of this machine's", off)
		if s.ClockSkew < 0 {
			f.Detail = fmt.Sprintf("%v behind this machine's", off)
		}
	}
	if off > farAhead {
		f.Result, f.Fix = dubious, "set the clock that is wrong, or pauses that the system asks for end at the wrong time"
	}
	return f
}

func ownOf(s resetter.Status) finding {
	f := finding{Check: "own account", Result: good}
	var names []string
	for _, name := range []string{s.Self.Email, s.Self.Username, s.Self.ID} {
		if name != "" {
			names = append(names, name)
		}
	}
	f.Detail = strings.Join(names, ", ") + ": never touched"
	if len(names) == 0 {
		f.Detail = "none: the credentials belong to nobody"
	}
	return f
}

// say keeps what was found and, but for --json, prints it, all lines of one
// target together. Its error is that of stdout.
func (k *checking) say(name string, found []finding) error {
	k.mu.Lock()
	k.found[name] = found
	k.mu.Unlock()
	if k.json {
		return nil
	}
	marks := map[verdict]string{good: "ok", dubious: "warn", bad: "FAIL", untold: "?"}
	var b strings.Builder
	for _, f := range found {
		text := f.Detail
		if f.Fix != "" {
			text += "; " + f.Fix
		}
		fmt.Fprintf(&b, "%-4s  %s  %-11s  %s\n", marks[f.Result], padded(name, k.wide), f.Check, ui.Clean(text))
	}
	return k.io.Print(b.String())
}

// conclude ends with the code of what was found.
func (k *checking) conclude(state []finding) error {
	code := codeOfFindings(state)
	delete(k.found, stateName)
	if code == 0 {
		var all []finding
		for _, found := range k.found {
			all = append(all, found...)
		}
		code = codeOfFindings(all)
	}
	if k.json {
		if err := k.printObject(map[string]any{"schema_version": 1, "state": state, "targets": k.found, "exit_code": code}); err != nil {
			return err
		}
	}
	if code != 0 {
		return &exit{code: code}
	}
	return nil
}

// codeOfFindings is the exit code: what has to be put right first.
func codeOfFindings(all []finding) int {
	for _, code := range []int{exitUnexpected, exitUsage, exitTarget, exitHeld} {
		if slices.ContainsFunc(all, func(f finding) bool { return f.code == code }) {
			return code
		}
	}
	return 0
}
