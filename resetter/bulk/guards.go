package bulk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// Guards keep a run from doing what it should not. The zero value has none of
// them. They look at accounts as they were found: at the id and at the address
// that would be mailed, not at how a row names the person; and where an address
// is changed, at the new one.
type Guards struct {
	// MaxRows refuses a run in which more rows than that would be done; 0 is off.
	MaxRows int
	// Deny leaves out accounts with one of these addresses or ids.
	Deny []string
	// Domains, where there are any, leaves out accounts whose address is of
	// none of them.
	Domains []string
	// MaxFailures halts the run at that many rows Failed or Unknown, counted
	// among those that Act worked; 0 is off.
	MaxFailures int
	// MaxFailurePercent halts the run when that share of the last 100 rows
	// that Act worked is Failed or Unknown, from 20 rows on; 0 is off.
	MaxFailurePercent int
}

// A GuardError says which guard halted the run.
type GuardError struct {
	Guard  string // "max_rows", "max_failures", "canary"
	Detail string // one sentence
}

// Error names the guard and the reason in one line.
func (e *GuardError) Error() string { return "halted by the guard " + e.Guard + ": " + e.Detail }

// exclude says why a row is to be left out, by its account; empty where it is
// not. What changes an address is looked at by the new one: that is where every
// mail goes from then on.
func (g Guards) exclude(r Result, self resetter.Account) string {
	account, mailed := r.Account, r.Account.Email
	if r.Row.Action == resetter.ActionChangeEmail {
		mailed = r.Row.NewEmail
	}
	same := func(a, b string) bool { return a != "" && resetter.SameEmail(a, b) }
	if self.ID != "" && self.ID == account.ID || same(self.Email, account.Email) || same(self.Username, account.Username) {
		return "left out: we sign in with this account, so nothing is done to it"
	}
	for _, d := range g.Deny {
		if same(account.Email, d) || same(mailed, d) || account.ID == d {
			return "left out: " + d + " is on the list of those never to touch"
		}
	}
	if len(g.Domains) == 0 {
		return ""
	}
	domain := mailed[strings.LastIndex(mailed, "@")+1:]
	if slices.ContainsFunc(g.Domains, func(d string) bool { return same(domain, strings.TrimPrefix(d, "@")) }) {
		return ""
	}
	return fmt.Sprintf("left out: its address is of %q, not of a domain that is allowed (%s)", domain, strings.Join(g.Domains, ", "))
}

// An instead is what a row is that is not to be worked.
type instead struct {
	Result
	known bool // the journal has it already
}

// leaveOut decides whether a row whose account is known is not to be worked, and
// returns what it is instead; nil where it is to be worked.
func (e *Engine) leaveOut(ctx context.Context, t *Target, r Result) (*instead, error) {
	if why := e.Guards.exclude(r, e.status[t.Name].Self); why != "" {
		return &instead{Result: without(r, Skipped, Excluded, why)}, nil
	}
	if ineligible(r) {
		return &instead{Result: without(r, Failed, Reason(resetter.ErrIneligible),
			"the account cannot be reset: "+r.Account.Ineligible+"; an administrator of the system has to change that")}, nil
	}
	twin, ok, err := e.Journal.Twin(ctx, r.Row.Seq)
	if ok && twin.Row.Seq == 0 && r.Outcome == Pending { // the person stood in the input in another way
		adopted, err := e.Journal.Adopt(context.WithoutCancel(ctx), r.Row.Seq)
		if err != nil {
			return nil, fmt.Errorf("the journal could not record that row %d (line %d, target %s) stood there as %s before, so it was not sent: %w",
				r.Row.Seq, r.Row.Line, t.Name, twin.Row.Identity, err)
		}
		return &instead{adopted, true}, nil
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("the journal could not say whether row %d (line %d, target %s) is a duplicate, so it was not sent: %w",
			r.Row.Seq, r.Row.Line, t.Name, err)
	case ok:
		return &instead{Result: without(r, Skipped, Duplicate, duplicate(r.Row, twin.Row))}, nil
	}
	return e.coolDown(ctx, t, r)
}

// duplicate says what another row, which counts, is to one that does not.
func duplicate(row, twin Row) string {
	if resetter.SameEmail(row.NewEmail, twin.NewEmail) {
		return fmt.Sprintf("line %d has the same action for the same account", twin.Line)
	}
	return fmt.Sprintf("line %d changes the same account, to %s: one of the two is wrong; give this one by itself if it is right", twin.Line, twin.NewEmail)
}

func ineligible(r Result) bool {
	return r.Account.Ineligible != "" && r.Row.Action == resetter.ActionReset
}

// coolDown leaves out who was mailed a short while ago.
func (e *Engine) coolDown(ctx context.Context, t *Target, r Result) (*instead, error) {
	if !r.Row.Action.Mails() {
		return nil, nil
	}
	last, err := e.Journal.LastMailed(ctx, t.Name, r.Account.ID)
	if err != nil {
		return nil, fmt.Errorf("the journal could not say when row %d (line %d, target %s) was last mailed, so it was not sent: %w",
			r.Row.Seq, r.Row.Line, t.Name, err)
	}
	within := func(at time.Time, d time.Duration) bool { return !at.IsZero() && time.Since(at) < d }
	why := ""
	switch doubt := max(t.Cooldown, DefaultCooldown); {
	case within(last.InDoubt, doubt) && !e.ResendUnknown:
		why = fmt.Sprintf("left out: it may have been mailed at %s%s and is let be for %v; ask the person or look in the system",
			clock(last.InDoubt), ahead(last.InDoubt), doubt)
	case last.Meanwhile && t.Cooldown > 0 && !(e.ResendUnknown && last.InDoubt.After(last.Accepted)):
		why = fmt.Sprintf("left out: another run has mailed it at %s, after this one was begun", clock(later(last.Accepted, last.InDoubt)))
	case within(last.Accepted, t.Cooldown):
		why = fmt.Sprintf("left out: it was mailed at %s%s and is let be for %v", clock(last.Accepted), ahead(last.Accepted), t.Cooldown)
	default:
		return nil, nil
	}
	return &instead{Result: without(r, Skipped, Cooldown, why)}, nil
}

// ahead tells of a time that is still to come: rather nobody is mailed for a
// while than twice because somebody set a clock.
func ahead(at time.Time) string {
	if !at.After(time.Now()) {
		return ""
	}
	return ", by a clock that was ahead of what it shows now (if it was wrong then: --cooldown 0)"
}

func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// failures counts what the guards on failures look at, over all targets.
type failures struct {
	guards Guards

	mu    sync.Mutex
	total int
	last  []bool // of the last 100, whether it failed; oldest first
}

// add counts a row and returns an error where a guard halts the run.
func (f *failures) add(o Outcome) *GuardError {
	f.mu.Lock()
	defer f.mu.Unlock()
	bad := o == Failed || o == Unknown
	if len(f.last) == 100 {
		f.last = f.last[1:]
	}
	f.last = append(f.last, bad)
	if bad {
		f.total++
	}
	if n := f.guards.MaxFailures; n > 0 && f.total >= n {
		return &GuardError{"max_failures", fmt.Sprintf("%d rows failed or are in doubt; the run is halted at %d", f.total, n)}
	}
	if p := f.guards.MaxFailurePercent; p > 0 && len(f.last) >= 20 {
		n := 0
		for _, b := range f.last {
			if b {
				n++
			}
		}
		if n*100 >= p*len(f.last) {
			return &GuardError{"max_failures", fmt.Sprintf("%d of the last %d rows failed or are in doubt; the run is halted at %d %%", n, len(f.last), p)}
		}
	}
	return nil
}
