package bulk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// Defaults, where a field of Target or Engine is left zero.
const (
	DefaultMaxWait = 15 * time.Minute
	// DefaultCooldown is how long an account in doubt is left alone at least,
	// even with no cool-down at all.
	DefaultCooldown = time.Hour
)

// A Target is a system under the name that rows call it by.
type Target struct {
	Name     string            // as in Row.Target; unique in an Engine
	Resetter resetter.Resetter // the client of the system; shared by all rows

	// Concurrency is how many rows are worked at a time; below 1 means 1.
	Concurrency int
	// Cooldown leaves out accounts that were mailed within it; 0 is off. An
	// account in doubt is left out for DefaultCooldown at least.
	Cooldown time.Duration
	// MaxWait is the longest that the system may keep us waiting before it is
	// stopped, or before a row that it alone keeps back has failed; 0 means
	// DefaultMaxWait.
	MaxWait time.Duration
	// Exclude leaves out all rows of the target. It is not contacted, and its
	// Resetter may be nil.
	Exclude bool
	// Idle leaves all rows of the target as they are: for a run that goes on
	// without it for now. It is not contacted either.
	Idle bool
}

// away reports whether the target is not to be contacted.
func (t *Target) away() bool { return t.Exclude || t.Idle }

func (t *Target) concurrency() int { return max(t.Concurrency, 1) }

func (t *Target) maxWait() time.Duration {
	if t.MaxWait <= 0 {
		return DefaultMaxWait
	}
	return t.MaxWait
}

// An Engine works off the rows of one run. Journal and Targets are needed, the
// rest may be left zero; every method reports all that is wrong with the fields
// at once, before it does anything. The methods are called one after the other
// (Check if wanted, Prepare, Act, Reconcile if wanted), and may be called again;
// only Progress may be called at any time. Fields are not changed while a method
// is under way.
//
// A [resetter.Resetter] under an Engine calls [resetter.BeforeSend] right
// before each request that may mail somebody. One that does not is worked off
// all the same, but a crash then leaves nothing that shows what was in flight.
// An action that mails nobody leads to a state however often it is done: it has
// no intent, and after a crash it is simply done again.
type Engine struct {
	// Journal holds the rows and learns what becomes of them. One Engine at a
	// time works on it.
	Journal Journal
	// Targets are the systems that rows may name. One that no row names is not
	// contacted.
	Targets []Target
	// Guards keep the run from doing what it should not; none are set by
	// themselves but that the own account is let be.
	Guards Guards

	// Deadline is when no further row is begun; zero means never. What is in
	// flight then is finished, the rest stays Pending. Neither phase waits for
	// it where nothing could be done before.
	Deadline time.Time
	// AtOnce is for who needs no Plan. Rows are then looked at for the first time
	// when their turn comes, so that a run of a million rows goes on at once; and
	// with several targets it is Act that looks people up, so that one that is
	// slow to answer look-ups holds up no other. The Plan is empty, Guards.MaxRows
	// cannot be kept and must be 0, and with several targets one that fails
	// during its look-ups is stopped, while others may have been at work.
	AtOnce bool
	// ResendUnknown is the operator's word that rows which are Unknown when Act
	// begins are sent once more, although that may mail people twice. Those that
	// a guard or a cool-down keeps back stay Unknown, and so does one whose new
	// request is refused: the one before is still in doubt. Unknown rows of
	// other runs keep nobody back then either.
	ResendUnknown bool
	// Limit has only rows with a Seq up to it worked, the others stay Pending;
	// 0 means all.
	Limit int
	// First is a canary: Act works that many rows of each target, in the order of
	// the input and not counting those that are left out when their turn comes,
	// and then asks GoOn whether the others are to be worked, too. 0 means all at
	// once. Rows in doubt that are sent once more come first.
	First int
	// GoOn is asked at most once in each Act, by its caller's goroutine: when the
	// First rows of all targets are through and others are left. No, or no GoOn at
	// all, halts the run by the guard "canary".
	GoOn func(ctx context.Context) bool
	// Lock says how thoroughly accounts are locked.
	Lock resetter.LockOptions
	// Links, where set, is handed each one-time link that a receipt holds,
	// before the row's outcome is recorded. If it fails, the row is recorded
	// all the same and the run ends with the error. It is called concurrently.
	Links func(ctx context.Context, r Result, link resetter.Secret) error
	// Log may be nil.
	Log *slog.Logger

	status map[string]resetter.Status // by target, those checked
	guard  *GuardError                // why Act must not begin

	mu    sync.Mutex
	board Progress
}

// A TargetError says which target made a phase impossible. Nothing was sent,
// at no target.
type TargetError struct {
	Target string // its Name
	Err    error  // what it refused with: a *resetter.Error as a rule
}

// Error names the target and the reason in one line.
func (e *TargetError) Error() string {
	if refusal, ok := e.Err.(*resetter.Error); ok && refusal.System == e.Target { // it names itself
		return fmt.Sprintf("target %v; nothing was sent", e.Err)
	}
	return fmt.Sprintf("target %s: %v; nothing was sent", e.Target, e.Err)
}

// Unwrap gives the cause.
func (e *TargetError) Unwrap() error { return e.Err }

// ErrNoMailer is within a TargetError where the system would accept resets and
// mail nobody, and no Links takes the links.
var ErrNoMailer = errors.New("the system has no mailer: it would accept resets and mail nobody")

// Rows yields rows as Journal.Add wants them. Those without Seq get their
// place, counted from 1; those without Action get ActionReset.
func Rows(rows ...Row) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for i, r := range rows {
			if r.Seq == 0 {
				r.Seq = i + 1
			}
			if r.Action == "" {
				r.Action = resetter.ActionReset
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// validate reports everything that is wrong with the fields.
func (e *Engine) validate() error {
	var errs []error
	if e.Journal == nil {
		errs = append(errs, errors.New("bulk: the Engine has no Journal"))
	}
	if e.AtOnce && e.Guards.MaxRows > 0 {
		errs = append(errs, errors.New("bulk: Guards.MaxRows needs people looked up first, without AtOnce"))
	}
	g := e.Guards
	if g.MaxRows < 0 || g.MaxFailures < 0 || e.Limit < 0 || e.First < 0 {
		errs = append(errs, errors.New("bulk: Guards.MaxRows, Guards.MaxFailures, Limit and First cannot be negative; 0 is off"))
	}
	if g.MaxFailurePercent < 0 || g.MaxFailurePercent > 100 { // and would never halt anything
		errs = append(errs, fmt.Errorf("bulk: Guards.MaxFailurePercent is %d, which is no share of a hundred", g.MaxFailurePercent))
	}
	seen := make(map[string]bool)
	for _, t := range e.Targets {
		switch {
		case t.Name == "":
			errs = append(errs, errors.New("bulk: a Target has no Name"))
		case seen[t.Name]:
			errs = append(errs, fmt.Errorf("bulk: two Targets are called %q", t.Name))
		case t.Resetter == nil && !t.away():
			errs = append(errs, fmt.Errorf("bulk: the Target %q has no Resetter", t.Name))
		}
		seen[t.Name] = true
	}
	return errors.Join(errs...)
}

func (e *Engine) log() *slog.Logger {
	if e.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Log
}

// left counts the rows that are to be worked.
func (e *Engine) left(c Counts) int {
	if e.ResendUnknown {
		return c[Pending] + c[Unknown]
	}
	return c[Pending]
}

// needed returns the targets that have rows to be worked and are not left out.
func (e *Engine) needed(counts map[string]Counts) ([]*Target, error) {
	known := make(map[string]bool)
	var targets []*Target
	for i := range e.Targets {
		t := &e.Targets[i]
		known[t.Name] = true
		if e.left(counts[t.Name]) > 0 && !t.away() {
			targets = append(targets, t)
		}
	}
	for name, c := range counts {
		if e.left(c) > 0 && !known[name] {
			return nil, fmt.Errorf("rows name the target %q, which is not among those given; nothing was sent", name)
		}
	}
	return targets, nil
}

// begin validates, settles what an interrupted process left behind and counts.
func (e *Engine) begin(ctx context.Context, phase Phase) (map[string]Counts, error) {
	if err := e.validate(); err != nil {
		return nil, err
	}
	if n, err := e.Journal.Interrupt(ctx, Interrupted); err != nil {
		return nil, fmt.Errorf("the journal could not settle what was interrupted; nothing was sent: %w", err)
	} else if n > 0 {
		e.log().Warn("rows are in doubt since an earlier process ended while they were in flight", "rows", n)
	}
	counts, err := e.Journal.Counts(ctx)
	if err != nil {
		return nil, fmt.Errorf("the journal could not count its rows; nothing was sent: %w", err)
	}
	e.open(phase, counts)
	return counts, nil
}

// Interrupted is the detail of a row that is Unknown because an earlier process
// ended while it was in flight.
const Interrupted = "an earlier process ended between the request and its answer; the mail may have gone out; " +
	"look in the system or ask the person before it is sent again"

// record writes an outcome and shows it. It is not to be cancelled: the answer
// is there and nowhere else.
func (e *Engine) record(ctx context.Context, r Result) error {
	return e.recordFrom(ctx, Pending, r)
}

// recordFrom is record for a row that shows as was so far.
func (e *Engine) recordFrom(ctx context.Context, was Outcome, r Result) error {
	if err := e.Journal.Record(context.WithoutCancel(ctx), r); err != nil {
		return fmt.Errorf("the journal could not record that row %d (line %d, target %s) is %s, %s: %w",
			r.Row.Seq, r.Row.Line, r.Row.Target, r.Outcome, r.Reason, err)
	}
	e.tell(was, r)
	return nil
}

// tell shows and logs an outcome that was recorded.
func (e *Engine) tell(was Outcome, r Result) {
	e.count(r.Row.Target, was, r.Outcome)
	e.log().Debug("row", "target", r.Row.Target, "row", r.Row.Seq, "line", r.Row.Line,
		"account_id", r.Account.ID, "outcome", r.Outcome, "reason", r.Reason,
		"attempts", r.Attempts, "status", r.Status)
}
