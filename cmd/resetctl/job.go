package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/forecast"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
)

// A job is a run to be worked off: what run, resume, plan, reset and demo have
// in common. Its methods are its steps, in order. Its rows are those of a table
// of people, or of a run that the ledger has; from begin on they come from the
// ledger alone.
type job struct {
	io      *ui.IO
	log     *slog.Logger
	config  *config.Config
	options workOptions
	args    []string // the command line, for the audit
	place   place
	// again is the command that goes on with the run, for people to copy. It
	// leaves out the flags that are named.
	again func(run string, without ...string) string
	// resumption is the same by the run's name.
	resumption func(run string, without ...string) string
	// playing: its systems are gone when it ends, so nothing goes on with it. What
	// people have configured by the same names is not meant.
	playing bool
	// readAbout are the targets of whose rows in doubt it was read what became.
	readAbout map[string]bool
	// behind are flags that have had their effect.
	behind []string

	people       *table.Reader // nil where there is none
	limit        int           // the last row, by Seq, that --limit lets through; 0: all
	output       *table.Output
	page         *table.Output // of the report; nil where none is wanted
	samples      samples
	ledger       *journal.Ledger
	run          *journal.Run
	between      func(bulk.Journal) bulk.Journal // see command.journal
	bounds       journal.Options                 // see command.bounds
	linksBetween func(handOver) handOver         // see command.links
	table        bool                            // the people are of a table, which may be edited, not of the command line
	continued    bool
	borrowed     bool   // it is a plan of going on with a run
	retried      *retry // nil unless failed rows were taken again
	engine       *bulk.Engine
	gauges       map[string]*forecast.Gauge // by target, see bars
	locks        []*heldLock
}

// do works off a table.
func (j *job) do(ctx context.Context, open func(table.Options) (*table.Reader, error)) (err error) {
	if err := j.read(ctx, open); err != nil {
		return err
	}
	defer j.people.Close()
	if err := j.locksSome(j.people.Rows()); err != nil {
		return err
	}
	if err := j.mayAct(); err != nil && j.people.Len() > 0 { // else there is nothing to ask about
		return err
	}
	if j.options.offline {
		return j.sayOffline()
	}
	for flag, path := range map[string]string{"-o": j.options.output, "--report": j.options.report} {
		if path != "" && j.people.Is(path) {
			return usage("%s %s is the table itself; name another file", flag, path)
		}
	}
	if err := j.open(ctx); err != nil {
		return err
	}
	defer j.close()
	begin, err := j.find(ctx)
	if err != nil {
		return err
	}
	return j.through(ctx, begin, j.work)
}

// open opens what the job writes to: the results and the links, so that a path
// that cannot be written is found before anything is done, and the ledger.
func (j *job) open(ctx context.Context) (err error) {
	if err := j.checkLinks(); err != nil {
		return err
	}
	for _, o := range []struct {
		flag, path string
		out        **table.Output
	}{{"-o", j.options.output, &j.output}, {"--report", j.options.report, &j.page}} {
		if o.path == "" {
			continue
		}
		if err := j.notInState(o.path); err != nil {
			return err
		}
		if *o.out, err = table.Create(ctx, o.path, j.io); err != nil {
			j.close()
			return usage("%w; name another file with %s", err, o.flag)
		}
	}
	bounds := j.bounds
	bounds.Hold = j.stillHolds
	if j.ledger, err = openLedger(ctx, j.config.State, bounds); err != nil {
		j.close()
	}
	return err
}

// notInState refuses to write beside the ledger, where a slip could replace what
// keeps people from being mailed twice.
func (j *job) notInState(path string) error {
	if path == "" || path == "-" {
		return nil
	}
	folder, err := os.Stat(filepath.Dir(path))
	state, stateErr := os.Stat(j.config.State)
	if err == nil && stateErr == nil && os.SameFile(folder, state) {
		return usage("%s is in the folder of the ledger, where nothing else is written: name another folder", path)
	}
	return nil
}

// close closes what was opened and lets all locks go.
func (j *job) close() {
	for _, out := range []*table.Output{j.output, j.page} {
		if out != nil {
			_ = out.Abort() // unless it is written
		}
	}
	if j.ledger != nil {
		_ = j.ledger.Close()
	}
	j.unlock()
}

// A beginning is how a job comes to its run: on which targets, and what opens it
// once these are ours.
type beginning struct {
	targets map[string]bool
	open    func(context.Context) error
}

// through takes the steps that all jobs have: what it begins with, then work.
// Whatever happens, sessions are signed out of, and a run of which nothing was
// sent leaves no trace. The ledger is open, and closed by the caller.
func (j *job) through(ctx context.Context, begin beginning, work func(context.Context) error) (err error) {
	targets, err := j.targets(ctx, begin.targets)
	defer func() { j.signOut(targets) }()
	if err != nil {
		return err
	}
	if err := j.lock(targets); err != nil {
		return err
	}
	if err := begin.open(ctx); err != nil {
		if !j.continued && j.run != nil { // registered, and nothing came of it
			err = errors.Join(err, j.discard(ctx))
		}
		return err
	}
	j.engine = &bulk.Engine{
		Journal: j.journal(), Targets: targets, Guards: guards(j.config.Guards),
		Limit: j.limit, Links: j.handOver(), Log: j.log, AtOnce: j.atOnce(), ResendUnknown: j.options.resendUnknown, Lock: resetter.LockOptions{RevokeKeys: j.options.revokeKeys},
	}
	if j.options.maxDuration > 0 {
		j.engine.Deadline = time.Now().Add(j.options.maxDuration)
	}
	return work(ctx)
}

// atOnce reports whether rows may be looked at when their turn comes: where
// nobody is asked about the whole, and no guard counts it.
func (j *job) atOnce() bool {
	return j.options.yes && !j.options.dryRun && j.options.expect < 0 && j.config.Guards.MaxRows == 0
}

// journal is the run as the engine and the results see it.
func (j *job) journal() bulk.Journal {
	if j.between == nil {
		return j.run
	}
	return j.between(j.run)
}

// openLedger opens the ledger in the state folder. That there can be none at
// such a place is a matter of configuration; that it cannot be read is not.
func openLedger(ctx context.Context, folder string, o journal.Options) (*journal.Ledger, error) {
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return nil, usage("the state folder %s is a file; name a folder with --state DIR", folder)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, usage("the state folder cannot be made: %v; name another with --state DIR", err)
	}
	ledger, err := journal.Open(ctx, folder, o)
	if errors.Is(err, journal.ErrRemote) {
		return nil, usage("%v; name a folder on a disk of this machine with --state DIR", err)
	}
	return ledger, err
}

func (j *job) invocation() journal.Invocation {
	i := journal.Invocation{Tool: "resetctl " + release(), Command: strings.Join(j.args, " ")}
	if u, err := user.Current(); err == nil {
		i.Who = u.Username
	}
	i.Machine, _ = os.Hostname()
	i.Overrides = j.options.overrides
	return i
}

// work looks people up, shows the plan, asks where it has to, and acts.
func (j *job) work(ctx context.Context) error {
	if j.options.resendUnknown && !j.options.dryRun { // what is found to be done is not sent once more
		if err := j.reconcile(ctx); err != nil && ctx.Err() == nil {
			return errors.Join(err, j.discard(ctx))
		}
	}
	defer j.sample(ctx)()
	stop := j.showProgress(ctx)
	plan, err := j.engine.Prepare(ctx)
	stop()
	switch {
	case ctx.Err() != nil:
		if j.options.dryRun {
			return errors.Join(context.Cause(ctx), j.discard(ctx))
		}
		j.io.Tell("stopped while looking people up; nothing was sent")
		return j.conclude(ctx, bulk.Summary{}, context.Cause(ctx))
	case errors.Is(err, bulk.ErrTimeUp) && !j.options.dryRun:
		return j.conclude(ctx, bulk.Summary{}, nil)
	case err != nil:
		return errors.Join(j.advise(err), j.discard(ctx))
	case j.options.dryRun:
		return j.sayPlan(ctx, plan)
	}
	if err := j.mayBegin(ctx, plan); err != nil {
		if ctx.Err() != nil && j.continued && j.retried == nil { // it is there as before, to be gone on with
			return j.conclude(ctx, bulk.Summary{}, err)
		}
		return errors.Join(j.advise(err), j.discard(ctx))
	}
	if err := j.insist(ctx); err != nil {
		return err
	}
	summary, err := j.act(ctx)
	if guard := (*bulk.GuardError)(nil); ctx.Err() == nil && (err == nil || errors.As(err, &guard)) {
		if failed := j.reconcileAtEnd(ctx); failed != nil && ctx.Err() == nil {
			return errors.Join(j.advise(err), failed)
		}
	}
	if ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)) { // since the work was over
		err = errors.Join(context.Cause(ctx), err)
	}
	return j.conclude(ctx, summary, j.advise(err))
}

// wouldDo counts the actions of the whole run, so that the same command goes on
// with the same --expect. A command that names no table counts what it does
// itself.
func (j *job) wouldDo(ctx context.Context, plan bulk.Plan) (int, error) {
	would := plan.Would()
	if !(j.continued || j.borrowed) || j.people == nil {
		return would, nil
	}
	counts, err := j.run.Counts(ctx)
	for _, c := range counts {
		would += c[bulk.Done] + c[bulk.Unknown]
	}
	for _, t := range plan.Targets {
		would -= t.Again // which were unknown
	}
	return would, err
}

// mayBegin applies what guards the whole run, and asks.
func (j *job) mayBegin(ctx context.Context, plan bulk.Plan) error {
	would, err := j.wouldDo(ctx, plan)
	if err != nil {
		return err
	}
	if n := j.options.expect; n >= 0 && n != would {
		return &bulk.GuardError{Guard: "expect", Detail: fmt.Sprintf("%s would be done, not the %d that --expect says; nothing was sent", ui.Count(would, "action"), n)}
	}
	if plan.Guard != nil {
		return plan.Guard
	}
	if j.options.yes || plan.Would() == 0 {
		return nil
	}
	j.io.Lines(j.planText(plan))
	yes, err := j.io.Confirm(ctx, fmt.Sprintf("Do this for %s?", ui.Count(plan.Would(), "row")))
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return usage("%v; give --yes to do it", err)
	case !yes:
		return &exit{exitUsage, errors.New("not confirmed; nothing was sent")}
	}
	return nil
}

// advise adds to the engine's words those that only the command knows.
func (j *job) advise(err error) error {
	if guard := (*bulk.GuardError)(nil); errors.As(err, &guard) {
		return fmt.Errorf("%w\n%s", err, j.lifting(guard.Guard))
	}
	if errors.Is(err, bulk.ErrNoMailer) {
		return fmt.Errorf("%w\nset up a mailer in the system, or hand the links over yourself: --links FILE --links-to RECIPIENT writes them down, encrypted for who hands them over", err)
	}
	return err
}

// lifting says how a guard is lifted by whoever means what it keeps from him.
func (j *job) lifting(guard string) string {
	switch guard {
	case "expect":
		return "look at who it is with --dry-run -o FILE, then say the number that you mean with --expect"
	case "max_rows":
		if j.people == nil { // of a run that goes on without its table
			return "give the table itself, a part of it with --limit, or raise max_rows under guards in the configuration (" + j.place.command("config", "show") + " says where it is)"
		}
		return "work a part of them with --limit, or raise max_rows under guards in the configuration (" + j.place.command("config", "show") + " says where it is)"
	case "canary":
		return "the same command without --canary goes on with the others"
	case "max_failures":
		return "see what fails with " + j.command("show", "--outcome", "failed,unknown") + " and mend it; the same command then goes on, and --max-failures N or N% sets another bound"
	}
	return "resetctl run --help tells of the guards"
}

func guards(g config.Guards) bulk.Guards {
	return bulk.Guards{
		MaxRows: g.MaxRows, Deny: g.Deny, Domains: g.Domains,
		MaxFailures: g.MaxFailures.Count, MaxFailurePercent: int(math.Ceil(g.MaxFailures.Percent)),
	}
}
