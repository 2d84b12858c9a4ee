package journal

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/bulk/journaltest"
)

// victim names the folder of a ledger to a process that is going to be killed.
const victim = "JOURNAL_TEST_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		dieInFlight(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func TestARunIsAJournal(t *testing.T) {
	journaltest.Test(t, func(t *testing.T) bulk.Journal { return begin(t, open(t, t.TempDir()), NewRun{}) })
}

// open opens the ledger in dir until the test ends.
func open(t testing.TB, dir string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), dir, Options{})
	ok(t, err)
	t.Cleanup(func() { ok(t, l.Close()) })
	return l
}

func begin(t testing.TB, l *Ledger, n NewRun) *Run {
	t.Helper()
	r, err := l.Begin(t.Context(), n)
	ok(t, err)
	return r
}

// ready returns a run of n rows that are all at Ready.
func ready(t testing.TB, l *Ledger, n int) *Run {
	t.Helper()
	r := begin(t, l, NewRun{})
	ok(t, r.Add(t.Context(), manyRows(n)))
	for seq := 1; seq <= n; seq++ {
		ok(t, r.Resolved(t.Context(), seq, resetter.Account{ID: fmt.Sprintf("a%d", seq)}))
	}
	return r
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func done(seq int) bulk.Result {
	return bulk.Result{Row: bulk.Row{Seq: seq}, Outcome: bulk.Done, Reason: bulk.Accepted, Attempts: 1}
}

// story tells each row's outcome and reason.
func story(t testing.TB, r *Run) string {
	t.Helper()
	var b strings.Builder
	for result, err := range r.Results(t.Context()) {
		ok(t, err)
		fmt.Fprintf(&b, "%d %s/%s; ", result.Row.Seq, result.Outcome, result.Reason)
	}
	return b.String()
}

func TestAnIntentAndAnOutcomeSurviveAKill(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), victim+"="+dir)
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe() // never written to: it keeps the child waiting
	ok(t, err)
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	ok(t, err)
	ok(t, child.Start())
	id, err := bufio.NewReader(stdout).ReadString('\n')
	killed := child.Process.Kill()
	_ = child.Wait()
	ok(t, errors.Join(err, killed))

	l := open(t, dir)
	r, err := l.Run(t.Context(), strings.TrimSpace(id))
	ok(t, err)
	n, err := r.Interrupt(t.Context(), "the process ended")
	ok(t, err)
	if n != 1 {
		t.Errorf("%d intents without outcome, want 1", n)
	}
	if got, want := story(t, r), "1 unknown/interrupted; 2 done/accepted; 3 pending/not_started; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// dieInFlight is the life of the process that is killed.
func dieInFlight(dir string) {
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	l, err := Open(ctx, dir, Options{})
	check(err)
	r, err := l.Begin(ctx, NewRun{})
	check(err)
	check(r.Add(ctx, manyRows(3)))
	for seq := 1; seq <= 3; seq++ {
		check(r.Resolved(ctx, seq, resetter.Account{ID: fmt.Sprint(seq)}))
	}
	check(r.Intent(ctx, 2, 1))
	check(r.Record(ctx, done(2)))
	check(r.Intent(ctx, 1, 1))
	fmt.Println(r.ID())
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func TestADurableCommitIsSynced(t *testing.T) {
	l := open(t, t.TempDir())
	r := ready(t, l, 2)
	mode := func() (mode int) {
		ok(t, l.writer.conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&mode))
		return mode
	}
	const normal, full = 1, 2
	for _, c := range []struct {
		name string
		do   func() error
		want int
	}{
		{"Intent", func() error { return r.Intent(t.Context(), 1, 1) }, full},
		{"Resolved", func() error { return r.Resolved(t.Context(), 2, resetter.Account{ID: "x"}) }, normal},
		{"Record", func() error { return r.Record(t.Context(), done(1)) }, full},
		{"Halt", func() error { return r.Halt(t.Context(), "looker", bulk.Halted, "") }, normal},
		{"Add", func() error { return r.Add(t.Context(), func(func(bulk.Row, error) bool) {}) }, full},
	} {
		ok(t, c.do())
		if got := mode(); got != c.want {
			t.Errorf("%s was committed in mode %d, want %d", c.name, got, c.want)
		}
	}
	var wal string
	ok(t, l.writer.conn.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&wal))
	if wal != "wal" {
		t.Errorf("the journal mode is %s", wal)
	}
}

func TestAFullDiskFailsTheIntentAndLeavesTheRowReady(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	const n = 2000
	r := ready(t, l, n)
	ok(t, l.Close())
	l, err := Open(t.Context(), dir, Options{MaxPages: 1}) // no more than it has
	ok(t, err)
	t.Cleanup(func() { ok(t, l.Close()) })
	r, err = l.Run(t.Context(), r.ID())
	ok(t, err)

	full := 0
	for seq := 1; seq <= n && full == 0; seq++ {
		if err := r.Intent(t.Context(), seq, 1); err != nil {
			full = seq
			for _, part := range []string{r.ID(), fmt.Sprintf("row %d", seq), "no room left"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error %q does not say %q", err, part)
				}
			}
		}
	}
	if full == 0 {
		t.Fatal("no intent failed, so nothing was tested")
	}
	list, err := r.List(t.Context(), "looker", bulk.Ready, full-1, 1)
	ok(t, err)
	if len(list) != 1 || list[0].Row.Seq != full || list[0].Attempts != 0 {
		t.Errorf("row %d is not ready any more: %+v", full, list)
	}

	ok(t, l.writer.exec("PRAGMA max_page_count = 1000000"))
	ok(t, r.Intent(t.Context(), full, 1)) // going on later works
}

// What is in flight when nothing can be written any more may have been done,
// and is told so.
func TestWhatIsInFlightWhenNothingCanBeWrittenIsInDoubt(t *testing.T) {
	l := open(t, t.TempDir())
	r := ready(t, l, 3)
	ok(t, r.Intent(t.Context(), 2, 1))
	if got, want := story(t, r), "1 pending/not_started; 2 pending/not_started; 3 pending/not_started; "; got != want {
		t.Errorf("while it is worked: %s", got)
	}
	ok(t, l.writer.exec("PRAGMA query_only = 1"))
	if _, err := r.Interrupt(t.Context(), "may have gone out"); err == nil {
		t.Fatal("it was written")
	}
	counts, err := r.Counts(t.Context())
	ok(t, err)
	if got, want := story(t, r), "1 pending/not_started; 2 unknown/interrupted; 3 pending/not_started; "; got != want || counts["looker"][bulk.Unknown] != 1 || counts["looker"][bulk.Pending] != 2 {
		t.Errorf("got %s, %v", got, counts)
	}
	ok(t, l.writer.exec("PRAGMA query_only = 0"))
	n, err := r.Interrupt(t.Context(), "may have gone out")
	if n != 1 || err != nil {
		t.Errorf("then: %d, %v", n, err)
	}
}

func TestALedgerThatBecomesReadOnlyFailsTheIntentAndLeavesTheRowReady(t *testing.T) {
	l := open(t, t.TempDir())
	r := ready(t, l, 2)
	ok(t, l.writer.exec("PRAGMA query_only = 1")) // as a disk that was mounted anew
	err := r.Intent(t.Context(), 1, 1)
	if err == nil || !strings.Contains(err.Error(), "cannot be written") || !strings.Contains(err.Error(), "row 1") {
		t.Errorf("got %v", err)
	}
	ok(t, l.writer.exec("PRAGMA query_only = 0"))
	if got, want := story(t, r), "1 pending/not_started; 2 pending/not_started; "; got != want {
		t.Errorf("got %s", got)
	}
	ok(t, r.Intent(t.Context(), 1, 1)) // going on later works
}

func TestConcurrentWritesShareACommit(t *testing.T) {
	const n = 50
	l := open(t, t.TempDir())
	r := ready(t, l, n)
	before := l.commits
	l.turn <- struct{}{} // somebody writes just now
	var callers sync.WaitGroup
	for seq := 1; seq <= n; seq++ {
		callers.Go(func() {
			if err := r.Intent(t.Context(), seq, 1); err != nil {
				t.Error(err)
			}
		})
	}
	waitForQueue(l, n)
	<-l.turn
	callers.Wait()
	if commits := l.commits - before; commits != 1 {
		t.Errorf("%d intents took %d commits, want 1", n, commits)
	}
}

// waitForQueue waits until n requests wait for their turn.
func waitForQueue(l *Ledger, n int) {
	for {
		l.mu.Lock()
		waiting := len(l.queue)
		l.mu.Unlock()
		if waiting == n {
			return
		}
		runtime.Gosched()
	}
}

// together has all of do written in one batch and returns their errors.
func together(l *Ledger, do ...func() error) []error {
	errs := make([]error, len(do))
	l.turn <- struct{}{}
	var callers sync.WaitGroup
	for i, f := range do {
		callers.Go(func() { errs[i] = f() })
		waitForQueue(l, i+1) // so that their order is known
	}
	<-l.turn
	callers.Wait()
	return errs
}

func TestARefusedOrFailingWriteConcernsNobodyElse(t *testing.T) {
	l := open(t, t.TempDir())
	r := ready(t, l, 3)
	errs := together(l,
		func() error { return r.Intent(t.Context(), 1, 1) },
		func() error { return r.Intent(t.Context(), 1, 1) }, // refused
		func() error { return r.Intent(t.Context(), 2, 1) },
		func() error { // written in part, and broken then
			return l.write(t.Context(), true, func(w *writer) error {
				if err := w.exec("UPDATE rows SET attempts = 77"); err != nil {
					return err
				}
				return w.exec("INSERT INTO nowhere VALUES (1)")
			})
		},
		func() error { return r.Intent(t.Context(), 3, 1) },
	)
	for i, err := range errs {
		if bad := i == 1 || i == 3; bad != (err != nil) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	for result, err := range r.Results(t.Context()) {
		ok(t, err)
		if result.Attempts != 1 {
			t.Errorf("row %d has %d attempts, want 1", result.Row.Seq, result.Attempts)
		}
	}
}

func TestAFailedCommitFailsAllOfIt(t *testing.T) {
	l := open(t, t.TempDir())
	r := ready(t, l, 2)
	errs := together(l,
		func() error { return r.Intent(t.Context(), 1, 1) },
		func() error { // breaks the commit, not the statement
			return l.write(t.Context(), true, func(w *writer) error {
				return errors.Join(w.exec("PRAGMA defer_foreign_keys = 1"),
					w.exec("INSERT INTO attempts (run, seq, n, at, event) VALUES (99, 99, 1, 1, 'intent')"))
			})
		},
		func() error { return r.Intent(t.Context(), 2, 1) },
	)
	for i, err := range errs {
		if err == nil {
			t.Errorf("call %d succeeded", i)
		}
	}
	list, err := r.List(t.Context(), "looker", bulk.Ready, 0, 9)
	ok(t, err)
	if len(list) != 2 {
		t.Errorf("%d rows are ready, want 2", len(list))
	}
}

func TestAWriteIsWithdrawnWhenItsContextEnds(t *testing.T) {
	l := open(t, t.TempDir())
	r := ready(t, l, 1)
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error)
	l.turn <- struct{}{}
	go func() { answer <- r.Intent(ctx, 1, 1) }()
	waitForQueue(l, 1)
	cancel()
	if err := <-answer; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	<-l.turn
	ok(t, r.Intent(t.Context(), 1, 1)) // it was not recorded
}

func TestCloseLeavesNobodyWaiting(t *testing.T) {
	const n = 20
	dir := t.TempDir()
	l := open(t, dir)
	r := ready(t, l, n)
	errs := make([]error, n)
	l.turn <- struct{}{}
	var callers sync.WaitGroup
	for i := range n {
		callers.Go(func() { errs[i] = r.Intent(t.Context(), i+1, 1) })
	}
	waitForQueue(l, n)
	callers.Go(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	<-l.turn // now Close and the callers contend for it
	callers.Wait()

	if err := r.Intent(t.Context(), 1, 2); !errors.Is(err, ErrClosed) {
		t.Errorf("an intent after Close: got %v, want %v", err, ErrClosed)
	}
	if err := r.Add(t.Context(), manyRows(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("rows after Close: got %v, want %v", err, ErrClosed)
	}
	again, err := open(t, dir).Run(t.Context(), r.ID())
	ok(t, err)
	for result, err := range again.Results(t.Context()) {
		ok(t, err)
		switch err := errs[result.Row.Seq-1]; {
		case err == nil && result.Attempts == 1:
		case errors.Is(err, ErrClosed) && result.Attempts == 0:
		default:
			t.Errorf("%d attempts of row %d, whose intent was answered with %v", result.Attempts, result.Row.Seq, err)
		}
	}
}

func TestACooldownCountsEveryRun(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	l, err := Open(t.Context(), dir, Options{Now: func() time.Time { return now }})
	ok(t, err)
	first := ready(t, l, 2)
	ok(t, first.Intent(t.Context(), 1, 1))
	ok(t, first.Record(t.Context(), done(1)))
	ok(t, first.Intent(t.Context(), 2, 1)) // and then the process ended
	ok(t, l.Close())

	second := begin(t, open(t, dir), NewRun{})
	for account, want := range map[string]bulk.Mailed{"a1": {Accepted: now}, "a2": {InDoubt: now}, "a3": {}} {
		got, err := second.LastMailed(t.Context(), "looker", account)
		ok(t, err)
		if got != want {
			t.Errorf("%s: got %+v, want %+v", account, got, want)
		}
	}
}

func TestAttemptsAndAuditAreOnlyAddedTo(t *testing.T) {
	l := open(t, t.TempDir())
	r := ready(t, l, 1)
	ok(t, r.Intent(t.Context(), 1, 1))
	ok(t, r.Record(t.Context(), done(1)))
	var events string
	ok(t, l.reads.QueryRowContext(t.Context(), "SELECT group_concat(event ORDER BY key) FROM attempts").Scan(&events))
	if events != "intent,done" {
		t.Errorf("the attempts are %s", events)
	}
	for _, query := range []string{"UPDATE attempts SET n = 9", "UPDATE audit SET who = 'nobody'", "DELETE FROM audit"} {
		if err := l.transact(true, func(w *writer) error { return w.exec(query) }); err == nil {
			t.Errorf("%s is let through", query)
		}
	}
	if _, err := l.reads.ExecContext(t.Context(), "DELETE FROM rows"); err == nil {
		t.Error("a reader can write")
	}
	var n sql.NullInt64
	ok(t, l.reads.QueryRowContext(t.Context(), "SELECT max(n) FROM attempts").Scan(&n))
	if n.Int64 != 1 {
		t.Errorf("an attempt was changed to %d", n.Int64)
	}
}
