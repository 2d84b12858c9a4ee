package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math"
	"os"
	"os/user"
	"strings"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/seed57652884/resetctl/resetter/transport"
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
	// again is the command that goes on with the run, for people to copy; it may
	// be nil.
	again func(run string) string

	people    *table.Reader // nil where there is none
	limit     int           // the last row, by Seq, that --limit lets through; 0: all
	output    *table.Output
	ledger    *journal.Ledger
	run       *journal.Run
	between   func(bulk.Journal) bulk.Journal // see command.journal
	continued bool
	retried   *retry // nil unless failed rows were taken again
	engine    *bulk.Engine
	locks     []io.Closer
}

// do works off a table.
func (j *job) do(ctx context.Context, open func(table.Options) (*table.Reader, error)) (err error) {
	if err := j.mayAct(); err != nil {
		return err
	}
	if err := j.read(open); err != nil {
		return err
	}
	defer j.people.Close()
	if j.options.offline {
		return j.sayOffline()
	}
	if j.options.output != "" && j.people.Is(j.options.output) {
		return usage("-o %s is the table itself; name another file", j.options.output)
	}
	named := make(map[string]bool)
	for row, err := range j.people.Rows() {
		if err != nil {
			return err
		}
		named[row.Target] = true
	}
	return j.through(ctx, named, j.begin)
}

// through takes the steps that all jobs have: the rows are of the targets that
// are named, and begin opens the run. Whatever happens, what was opened is
// closed, sessions are signed out of, and a run of which nothing was sent
// leaves no trace.
func (j *job) through(ctx context.Context, named map[string]bool, begin func(context.Context) error) (err error) {
	if j.options.output != "" {
		if j.output, err = table.Create(j.options.output, j.io.Out); err != nil {
			return &exit{exitUsage, err}
		}
		defer j.output.Abort()
	}
	targets, err := j.targets(ctx, named)
	defer j.unlock()
	defer func() { j.signOut(targets) }()
	if err != nil {
		return err
	}
	if err := j.lock(targets); err != nil {
		return err
	}
	defer j.closeLedger()
	if err := begin(ctx); err != nil {
		return err
	}
	j.engine = &bulk.Engine{
		Journal: j.journal(), Targets: targets, Guards: guards(j.config.Guards),
		Limit: j.limit, Log: j.log, AtOnce: j.atOnce(targets),
	}
	if j.options.maxDuration > 0 {
		j.engine.Deadline = time.Now().Add(j.options.maxDuration)
	}
	return j.work(ctx)
}

// atOnce reports whether a target may begin before all others have looked their
// people up: where nobody is asked about the whole, and no guard counts it.
func (j *job) atOnce(targets []bulk.Target) bool {
	return len(targets) > 1 && j.options.yes && !j.options.dryRun && j.options.expect < 0 && j.config.Guards.MaxRows == 0
}

// journal is the run as the engine and the results see it.
func (j *job) journal() bulk.Journal {
	if j.between == nil {
		return j.run
	}
	return j.between(j.run)
}

// mayAct refuses early what would have to be refused in the end.
func (j *job) mayAct() error {
	o := j.options
	if !o.dryRun && !o.yes && !j.io.CanAsk() {
		return usage("there is no terminal to ask on; look at it with --dry-run, then give --yes to do it")
	}
	return nil
}

func (j *job) read(open func(table.Options) (*table.Reader, error)) (err error) {
	if j.people, err = open(j.options.table); err != nil {
		if refused := (*table.Refused)(nil); errors.As(err, &refused) {
			return err
		}
		return &exit{exitUsage, err}
	}
	j.io.Note("%s", j.people.Understood())
	if j.options.limit == 0 {
		return nil
	}
	// --limit counts lines of the table; each may make several rows.
	lines, line := 0, 0
	for row, err := range j.people.Rows() {
		if err != nil {
			return err
		}
		if row.Line != line {
			lines, line = lines+1, row.Line
		}
		if lines > j.options.limit {
			break
		}
		j.limit = row.Seq
	}
	return nil
}

// targets makes the clients of all targets that are named. Those that the
// operator leaves out are not made. It returns those that it made along with
// an error.
func (j *job) targets(ctx context.Context, named map[string]bool) ([]bulk.Target, error) {
	var targets []bulk.Target
	var errs []error
	for _, name := range j.config.Names() {
		if !named[name] {
			continue
		}
		if j.excluded(name) {
			targets = append(targets, bulk.Target{Name: name, Exclude: true})
			continue
		}
		t, err := j.target(ctx, j.config.Target(name))
		if err != nil {
			errs = append(errs, fmt.Errorf("target %s: %w", name, err))
			continue
		}
		targets = append(targets, t)
	}
	if err := errors.Join(errs...); err != nil {
		return targets, &exit{exitUsage, err}
	}
	return targets, nil
}

func (j *job) excluded(name string) bool {
	in := func(names []string) bool {
		for _, n := range names {
			if n == name {
				return true
			}
		}
		return false
	}
	return len(j.options.only) > 0 && !in(j.options.only) || in(j.options.except)
}

func (j *job) target(ctx context.Context, t *config.Target) (bulk.Target, error) {
	secrets, err := t.Credentials(ctx)
	if err != nil {
		return bulk.Target{}, err
	}
	opts := []transport.Option{
		transport.WithTarget(t.Name), transport.WithRate(t.Rate), transport.WithTimeout(t.Timeout),
		transport.WithMaxWait(t.MaxWait), transport.WithLogger(j.log), transport.WithUserAgent("resetctl/" + release()),
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return bulk.Target{}, fmt.Errorf("ca_file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return bulk.Target{}, fmt.Errorf("ca_file: there is no certificate in %s", t.CAFile)
		}
		opts = append(opts, transport.WithRootCAs(pool))
	}
	if t.AllowHTTP {
		opts = append(opts, transport.WithPlainHTTP())
	}
	client, err := driverOf(t.System).open(t.URL, secrets, opts...)
	if err != nil {
		return bulk.Target{}, err
	}
	return bulk.Target{
		Name: t.Name, Resetter: client, Concurrency: t.Concurrency, Cooldown: t.Cooldown, MaxWait: t.MaxWait,
	}, nil
}

// lock holds the targets that will be signed in to, always in the same order.
func (j *job) lock(targets []bulk.Target) error {
	for _, t := range targets {
		if t.Exclude {
			continue
		}
		held, err := lock(j.config.State, t.Name)
		if err != nil {
			return err
		}
		j.locks = append(j.locks, held)
	}
	return nil
}

func (j *job) unlock() {
	for _, held := range j.locks {
		_ = held.Close()
	}
}

// signOut ends the sessions, also after Ctrl-C, and does not take long.
func (j *job) signOut(targets []bulk.Target) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for _, t := range targets {
		if c, ok := t.Resetter.(resetter.Closer); ok {
			all.Go(func() {
				if err := c.Close(ctx); err != nil {
					j.log.Info("signing out failed; the session ends by itself", "target", t.Name, "error", err)
				}
			})
		}
	}
	all.Wait()
}

// begin opens the ledger and in it the run: the unfinished one with the same
// content, or a new one with all rows registered.
func (j *job) begin(ctx context.Context) error {
	content, err := journal.Content(j.people.Rows())
	if err != nil {
		return err
	}
	if j.ledger, err = openLedger(ctx, j.config.State); err != nil {
		return err
	}
	if !j.options.dryRun && !j.options.fresh {
		j.run, err = j.ledger.Find(ctx, content)
		switch {
		case err == nil:
			j.continued = true
			j.io.Tell("going on with the unfinished run %s of %s; --new begins afresh", j.run.ID(), minute(j.run.StartedAt()))
			return j.takeUp(ctx)
		case !errors.Is(err, journal.ErrNoRun):
			return err
		case j.options.resume:
			j.io.Tell("there is no unfinished run with these rows; beginning one")
		}
	}
	return j.register(ctx, content, j.people.Columns(), j.people.Rows())
}

// takeUp enters in the audit that the run is gone on with. One without any row is
// of a process that was killed before it had registered them: that is made up for.
func (j *job) takeUp(ctx context.Context) error {
	if err := j.run.Audit(ctx, "resume", j.invocation()); err != nil {
		return err
	}
	counts, err := j.run.Counts(ctx)
	if err != nil || len(counts) > 0 {
		return err
	}
	return j.run.Add(ctx, j.people.Rows())
}

// register begins a new run with these rows; with --dry-run a plan.
func (j *job) register(ctx context.Context, content string, columns []string, rows iter.Seq2[bulk.Row, error]) (err error) {
	j.run, err = j.ledger.Begin(ctx, journal.NewRun{
		Content: content, Columns: columns, Plan: j.options.dryRun, By: j.invocation(),
	})
	if err != nil {
		return err
	}
	if err := j.run.Add(ctx, rows); err != nil {
		return errors.Join(err, j.run.Discard(context.WithoutCancel(ctx)))
	}
	return nil
}

func (j *job) closeLedger() {
	if j.ledger != nil {
		_ = j.ledger.Close()
	}
}

// openLedger opens the ledger in the state folder. That there can be none at
// such a place is a matter of configuration; that it cannot be read is not.
func openLedger(ctx context.Context, folder string) (*journal.Ledger, error) {
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return nil, usage("the state folder %s is a file; name a folder with --state DIR", folder)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, usage("the state folder cannot be made: %v; name another with --state DIR", err)
	}
	ledger, err := journal.Open(ctx, folder, journal.Options{})
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
	if j.options.yes {
		i.Overrides = append(i.Overrides, "--yes")
	}
	return i
}

// work looks people up, shows the plan, asks where it has to, and acts.
func (j *job) work(ctx context.Context) error {
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
		return errors.Join(err, j.discard(ctx))
	}
	stop = j.showProgress(ctx)
	summary, err := j.engine.Act(ctx)
	stop()
	return j.conclude(ctx, summary, err)
}

// mayBegin applies what guards the whole run, and asks.
func (j *job) mayBegin(ctx context.Context, plan bulk.Plan) error {
	would := plan.Would()
	if j.continued && j.people != nil {
		// Of the whole run, so that the same command goes on. One that names no
		// table counts what it does itself.
		counts, err := j.run.Counts(ctx)
		if err != nil {
			return err
		}
		for _, c := range counts {
			would += c[bulk.Done] + c[bulk.Unknown]
		}
	}
	if n := j.options.expect; n >= 0 && n != would {
		return &bulk.GuardError{Guard: "expect", Detail: fmt.Sprintf("%d actions would be done, not the %d that --expect says; nothing was sent", would, n)}
	}
	if plan.Guard != nil {
		return plan.Guard
	}
	if j.options.yes || plan.Would() == 0 {
		return nil
	}
	j.io.Lines(planText(plan))
	yes, err := j.io.Confirm(ctx, fmt.Sprintf("Do this for %d rows?", plan.Would()))
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

// discard takes a run that sent nothing out of the ledger. One that an earlier
// process began stays as it was.
func (j *job) discard(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if j.continued {
		return j.retried.giveBack(ctx, j.run)
	}
	return j.run.Discard(ctx)
}

// advise adds to the engine's words those that only the command knows.
func (j *job) advise(err error) error {
	if errors.Is(err, bulk.ErrNoMailer) {
		return fmt.Errorf("%w\nset up a mailer in the system; handing links over with --links is not there yet in this release", err)
	}
	return err
}

func guards(g config.Guards) bulk.Guards {
	return bulk.Guards{
		MaxRows: g.MaxRows, Deny: g.Deny, Domains: g.Domains,
		MaxFailures: g.MaxFailures.Count, MaxFailurePercent: int(math.Ceil(g.MaxFailures.Percent)),
	}
}
