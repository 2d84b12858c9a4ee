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
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/forecast"
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
	// be nil. It leaves out the flags that are named.
	again func(run string, without ...string) string
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
	locks        []io.Closer
}

// do works off a table.
func (j *job) do(ctx context.Context, open func(table.Options) (*table.Reader, error)) (err error) {
	if err := j.read(open); err != nil {
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
	for path, out := range map[string]**table.Output{j.options.output: &j.output, j.options.report: &j.page} {
		if path == "" {
			continue
		}
		if err := j.notInState(path); err != nil {
			return err
		}
		if *out, err = table.Create(path, j.io.Out); err != nil {
			j.close()
			return &exit{exitUsage, err}
		}
	}
	if j.ledger, err = openLedger(ctx, j.config.State, j.bounds); err != nil {
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

// locksSome refuses --revoke-keys where none of the rows would heed it.
func (j *job) locksSome(rows iter.Seq2[bulk.Row, error]) error {
	if !j.options.revokeKeys {
		return nil
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		if row.Action == resetter.ActionLock {
			return nil
		}
	}
	return usage("--revoke-keys is about accounts that are locked, and no row has the action lock")
}

// mayAct refuses early what would have to be refused in the end.
func (j *job) mayAct() error {
	o := j.options
	if !o.dryRun && !o.yes && !j.io.CanAsk() {
		why := "there is no terminal to ask on"
		if j.io.NoInput {
			why = "--no-input says not to ask"
		}
		return usage("%s; look at it with --dry-run, then give --yes to do it", why)
	}
	return nil
}

func (j *job) read(open func(table.Options) (*table.Reader, error)) (err error) {
	format := table.Format("")
	if j.options.corrected != "" {
		if format, err = table.CorrectedFormat(j.options.corrected); err != nil {
			return usage("--corrected: %v", err)
		}
	}
	if j.people, err = open(j.options.table); err != nil {
		if refused := (*table.Refused)(nil); errors.As(err, &refused) {
			if failed := j.correct(refused, format); failed != nil {
				if e := (*exit)(nil); errors.As(failed, &e) { // the path was wrong
					j.io.Lines(refused.Error())
					return failed
				}
				j.io.Tell("%v", failed) // the table is refused all the same
			}
			return err
		}
		return &exit{exitUsage, err}
	}
	if j.table {
		j.io.Note("%s", j.people.Understood())
	}
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

// correct writes the copy of a refused table in which a person can mend it.
func (j *job) correct(refused *table.Refused, format table.Format) error {
	if j.options.corrected == "" {
		return nil
	}
	defer refused.Close()
	path := j.options.corrected
	if refused.IsFile(path) {
		return usage("--corrected %s is the table itself; name another file", path)
	}
	if err := j.notInState(path); err != nil {
		return err
	}
	copied, err := table.Create(path, j.io.Out)
	if err != nil {
		return &exit{exitUsage, err}
	}
	defer copied.Abort()
	if err := refused.WriteCorrected(copied, format); err != nil {
		return err
	}
	if err := copied.Commit(); err != nil {
		return err
	}
	j.io.Tell("a copy with the errors in a last column is in %s: mend them there, then give that file", path)
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
			// In a run that goes on they wait for a command that does not leave
			// them out; in one that begins, they are no part of it.
			targets = append(targets, bulk.Target{Name: name, Exclude: !j.continued, Idle: j.continued})
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
	return targets, j.twoNames(targets)
}

// twoNames refuses to work with one system under two names: whoever is named at
// both would be mailed twice.
func (j *job) twoNames(targets []bulk.Target) error {
	seen := make(map[string]string)
	for _, t := range targets {
		if t.Resetter == nil {
			continue
		}
		c := j.config.Target(t.Name)
		system := c.System + " " + strings.ToLower(strings.TrimRight(c.URL, "/"))
		if other, twice := seen[system]; twice {
			return usage("targets %s and %s are the same system, so that people would be mailed twice: leave one of them out, with --except or in the table", other, t.Name)
		}
		seen[system] = t.Name
	}
	return nil
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
	key, err := evidenceKey(j.config.State)
	if err != nil {
		return bulk.Target{}, err
	}
	opts := []transport.Option{
		transport.WithEvidenceKey(key),
		transport.WithTarget(t.Name), transport.WithRate(t.Rate), transport.WithTimeout(t.Timeout),
		transport.WithMaxWait(t.MaxWait), transport.WithLogger(j.log), transport.WithUserAgent("resetctl/" + release()),
	}
	if j.options.links != nil {
		opts = append(opts, transport.WithLinks())
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
		if t.Resetter == nil {
			continue
		}
		if err := j.hold(lockTarget(j.config.State, t.Name)); err != nil {
			return err
		}
	}
	return nil
}

// hold keeps a lock until the job is done.
func (j *job) hold(held io.Closer, err error) error {
	if err == nil {
		j.locks = append(j.locks, held)
	}
	return err
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
		return errors.Join(err, j.discard(ctx))
	}
	summary, err := j.act(ctx)
	if guard := (*bulk.GuardError)(nil); ctx.Err() == nil && (err == nil || errors.As(err, &guard)) {
		if failed := j.reconcileAtEnd(ctx); failed != nil && ctx.Err() == nil {
			return failed
		}
	}
	if ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)) { // since the work was over
		err = errors.Join(context.Cause(ctx), err)
	}
	return j.conclude(ctx, summary, err)
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
		return &bulk.GuardError{Guard: "expect", Detail: fmt.Sprintf("%d actions would be done, not the %d that --expect says; nothing was sent", would, n)}
	}
	if plan.Guard != nil {
		return plan.Guard
	}
	if j.options.yes || plan.Would() == 0 {
		return nil
	}
	j.io.Lines(j.planText(plan))
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

// advise adds to the engine's words those that only the command knows.
func (j *job) advise(err error) error {
	if errors.Is(err, bulk.ErrNoMailer) {
		return fmt.Errorf("%w\nset up a mailer in the system, or hand the links over yourself: --links FILE --links-to RECIPIENT writes them down, encrypted for who hands them over", err)
	}
	return err
}

func guards(g config.Guards) bulk.Guards {
	return bulk.Guards{
		MaxRows: g.MaxRows, Deny: g.Deny, Domains: g.Domains,
		MaxFailures: g.MaxFailures.Count, MaxFailurePercent: int(math.Ceil(g.MaxFailures.Percent)),
	}
}
