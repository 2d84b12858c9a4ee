package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// system is a Resetter that keeps the truth: whom it really mailed. Everybody
// whose address begins with a letter exists; the account's id is what stands
// before the "@", up to a "+".
type system struct {
	// answer, where set, decides what becomes of the nth request for an
	// account: whether the person is mailed, and what Reset returns.
	answer func(ctx context.Context, id string, nth int) (mailed bool, err error)
	// permit, where set, is waited for before a request leaves.
	permit func(ctx context.Context) error
	// resolve, where set, replaces the look-up.
	resolve func(ctx context.Context, id resetter.Identity) (resetter.Account, error)
	// receipt is what is returned for an accepted reset.
	receipt resetter.Receipt
	// careless leaves BeforeSend out.
	careless bool

	mu       sync.Mutex
	lookUps  int
	requests map[string]int
	mails    map[string]int
	order    []string // ids in the order of their requests
	at       map[string]time.Time
	now, max int             // Resets under way
	under    map[string]bool // by account
	together bool            // whether two of one account ever were
}

func (s *system) Resolve(ctx context.Context, id resetter.Identity) (resetter.Account, error) {
	s.mu.Lock()
	s.lookUps++
	s.mu.Unlock()
	if s.resolve != nil {
		return s.resolve(ctx, id)
	}
	return account(id.Value), nil
}

func account(address string) resetter.Account {
	local, _, _ := strings.Cut(address, "@")
	name, _, _ := strings.Cut(local, "+")
	return resetter.Account{ID: name, Email: name + "@example.com"}
}

func (s *system) Reset(ctx context.Context, a resetter.Account) (resetter.Receipt, error) {
	s.mu.Lock()
	if s.under == nil {
		s.under, s.requests, s.mails, s.at = map[string]bool{}, map[string]int{}, map[string]int{}, map[string]time.Time{}
	}
	s.together = s.together || s.under[a.ID]
	s.under[a.ID] = true
	s.now++
	s.max = max(s.max, s.now)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.under[a.ID] = false
		s.now--
	}()

	if s.permit != nil {
		if err := s.permit(ctx); err != nil {
			return resetter.Receipt{}, refusal(resetter.ErrNotStarted, err)
		}
	}
	if !s.careless {
		if err := resetter.BeforeSend(ctx); err != nil {
			return resetter.Receipt{}, refusal(resetter.ErrNotStarted, err)
		}
	}
	s.mu.Lock()
	s.requests[a.ID]++
	nth := s.requests[a.ID]
	s.order = append(s.order, a.ID)
	s.at[a.ID] = time.Now()
	s.mu.Unlock()
	mailed, err := true, error(nil)
	if s.answer != nil {
		mailed, err = s.answer(ctx, a.ID, nth)
	}
	if mailed {
		s.mu.Lock()
		s.mails[a.ID]++
		s.mu.Unlock()
	}
	if err != nil {
		return resetter.Receipt{}, err
	}
	return s.receipt, nil
}

func (s *system) mailed() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.mails)
}

// checked is a system that can be asked beforehand.
type checked struct {
	*system
	status resetter.Status
	err    error
	asked  int
}

func (c *checked) Check(context.Context) (resetter.Status, error) {
	c.asked++
	return c.status, c.err
}

func refusal(kind resetter.Kind, cause error) *resetter.Error {
	return &resetter.Error{System: "fake", Op: "reset", Kind: kind, Err: cause}
}

// throttled asks for a pause of d.
func throttled(d time.Duration, whom resetter.Scope) error {
	return &resetter.Error{System: "fake", Op: "reset", Kind: resetter.ErrRateLimited, Status: 429, Until: time.Now().Add(d), Scope: whom}
}

// ledger is a journal in memory that can be watched and made to fail.
type ledger struct {
	bulk.Journal
	resolved func()                      // before it is recorded
	intent   func(seq, n int) error      // before it is recorded
	record   func(r bulk.Result) error   // before it is recorded
	listed   func(results []bulk.Result) // after
	again    func(seq, n int) error      // before it is recorded
	twins    bool                        // are let be
}

func newLedger(t *testing.T, rows ...bulk.Row) *ledger {
	t.Helper()
	l := &ledger{Journal: bulk.NewMemory()}
	ok(t, l.Add(t.Context(), bulk.Rows(rows...)))
	return l
}

func (l *ledger) Intent(ctx context.Context, seq, n int) error {
	if l.intent != nil {
		if err := l.intent(seq, n); err != nil {
			return err
		}
	}
	return l.Journal.Intent(ctx, seq, n)
}

func (l *ledger) Record(ctx context.Context, r bulk.Result) error {
	if l.record != nil {
		if err := l.record(r); err != nil {
			return err
		}
	}
	return l.Journal.Record(ctx, r)
}

func (l *ledger) Resolved(ctx context.Context, seq int, account resetter.Account) error {
	if l.resolved != nil {
		l.resolved()
	}
	return l.Journal.Resolved(ctx, seq, account)
}

func (l *ledger) List(ctx context.Context, target string, stage bulk.Stage, after, n int) ([]bulk.Result, error) {
	results, err := l.Journal.List(ctx, target, stage, after, n)
	if l.listed != nil && stage == bulk.Ready {
		l.listed(results)
	}
	return results, err
}

func (l *ledger) Again(ctx context.Context, seq, n int) error {
	if l.again != nil {
		if err := l.again(seq, n); err != nil {
			return err
		}
	}
	return l.Journal.Again(ctx, seq, n)
}

func (l *ledger) Twin(ctx context.Context, seq int) (bulk.Result, bool, error) {
	if l.twins {
		return bulk.Result{}, false, nil
	}
	return l.Journal.Twin(ctx, seq)
}

// results returns what became of every row, by Seq.
func results(t *testing.T, j bulk.Journal) []bulk.Result {
	t.Helper()
	var all []bulk.Result
	for r, err := range j.Results(context.WithoutCancel(t.Context())) {
		ok(t, err)
		all = append(all, r)
	}
	return all
}

// is reports a row whose outcome is not as wanted, such as "done/accepted".
func is(t *testing.T, r bulk.Result, want string) {
	t.Helper()
	if got := fmt.Sprintf("%s/%s", r.Outcome, r.Reason); got != want {
		t.Errorf("row %d (%s) is %s, want %s; detail: %s", r.Row.Seq, r.Row.Identity, got, want, r.Detail)
	}
}

// all reports each row that is not as wanted.
func all(t *testing.T, j bulk.Journal, want string) {
	t.Helper()
	for _, r := range results(t, j) {
		is(t, r, want)
	}
}

// people makes n rows of target, "p0@example.com" and so on.
func people(target string, n int) []bulk.Row {
	rows := make([]bulk.Row, n)
	for i := range rows {
		rows[i] = person(target, fmt.Sprintf("p%d@example.com", i))
	}
	return rows
}

func person(target, address string) bulk.Row {
	return bulk.Row{Target: target, Identity: resetter.Email(address)}
}

func prepare(t *testing.T, e *bulk.Engine) bulk.Plan {
	t.Helper()
	plan, err := e.Prepare(t.Context())
	ok(t, err)
	return plan
}

// work prepares and acts, both of which must succeed.
func work(t *testing.T, e *bulk.Engine) bulk.Summary {
	t.Helper()
	prepare(t, e)
	summary, err := e.Act(t.Context())
	ok(t, err)
	return summary
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mailedOnce reports everybody who was mailed more than once.
func mailedOnce(t *testing.T, systems ...*system) {
	t.Helper()
	for _, s := range systems {
		for id, n := range s.mailed() {
			if n > 1 {
				t.Errorf("%s was mailed %d times", id, n)
			}
		}
	}
}

var errDisk = errors.New("disk full")
