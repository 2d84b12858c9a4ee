package journal

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// What is written to a ledger that nobody will read is no intent.
func TestNoIntentIsWrittenToALedgerThatIsGone(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // where a file that is open stays
	}
	for what, take := range map[string]func(dir string) error{
		"the folder": os.RemoveAll,
		"the file":   func(dir string) error { return os.Remove(filepath.Join(dir, FileName)) },
		"its -wal":   func(dir string) error { return os.Remove(filepath.Join(dir, FileName+"-wal")) },
		"its -shm":   func(dir string) error { return os.Remove(filepath.Join(dir, FileName+"-shm")) },
		"replaced": func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, FileName), filepath.Join(dir, "else")), os.WriteFile(filepath.Join(dir, FileName), nil, 0o600))
		},
		"moved": func(dir string) error { return os.Rename(dir, dir+"-else") },
	} {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			l := open(t, dir)
			r := ready(t, l, 3)
			ok(t, r.Intent(t.Context(), 1, 1))
			ok(t, l.InPlace())
			ok(t, r.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 2}, Outcome: bulk.Unknown, Reason: "lost_answer"}))
			ok(t, take(dir))
			if err := r.Intent(t.Context(), 3, 1); !errors.Is(err, ErrLost) {
				t.Errorf("the intent: %v", err)
			}
			if err := r.Again(t.Context(), 2, 1); !errors.Is(err, ErrLost) {
				t.Errorf("the intent of what is in doubt: %v", err)
			}
			ok(t, r.Record(t.Context(), done(1))) // it was sent, and the results tell
			if got, want := story(t, r), "1 done/accepted; 2 unknown/lost_answer; 3 pending/not_started; "; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// The other process has what lies there by now, and relies on it. SQLite removes
// what lies beside a database that it closes, but not of one that was moved.
func TestALedgerThatWasReplacedTakesNothingOfTheOtherWithIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		return
	}
	dir := t.TempDir()
	l, err := Open(t.Context(), dir, Options{})
	ok(t, err)
	ready(t, l, 1)
	for _, name := range siblings(l.File()) {
		ok(t, os.Remove(name))
	}
	other := open(t, dir)
	r := ready(t, other, 2)
	ok(t, l.Close())
	ok(t, r.Intent(t.Context(), 1, 1))
	for _, name := range siblings(l.File()) {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}

// A reading that needs a connection more must not make a new file: an empty one
// is no ledger.
func TestNothingIsMadeInPlaceOfALedgerThatIsGone(t *testing.T) {
	if runtime.GOOS == "windows" {
		return
	}
	l := open(t, t.TempDir())
	r := ready(t, l, 20)
	ok(t, os.Remove(l.File()))
	var within func(n int)
	within = func(n int) {
		for range r.Results(t.Context()) { // may fail
			if n > 0 {
				within(n - 1)
			}
			break
		}
	}
	within(8)
	if _, err := os.Stat(l.File()); err == nil {
		t.Error("there is a file again")
	}
}

// Who holds is asked once for all intents of a commit, and an outcome is written
// all the same.
func TestIntentsAreCommittedOnlyWhileTheCallerHolds(t *testing.T) {
	lost := errors.New("the lock is lost")
	var asked atomic.Int64
	var gone atomic.Bool
	l, err := Open(t.Context(), t.TempDir(), Options{Hold: func() error {
		asked.Add(1)
		if gone.Load() {
			return lost
		}
		return nil
	}})
	ok(t, err)
	t.Cleanup(func() { ok(t, l.Close()) })
	const n = 200
	r := begin(t, l, NewRun{Rows: manyRows(2 * n)})
	for seq := 1; seq <= 2*n; seq++ {
		ok(t, r.Resolved(t.Context(), seq, resetter.Account{ID: "x"}))
	}
	all := func(from int, do func(seq int)) {
		var wg sync.WaitGroup
		for seq := from; seq < from+n; seq++ {
			wg.Go(func() { do(seq) })
		}
		wg.Wait()
	}
	if asked.Load() != 0 {
		t.Error("it is asked for what is no intent")
	}
	l.mu.Lock()
	before := l.commits
	l.mu.Unlock()
	all(1, func(seq int) {
		if err := r.Intent(t.Context(), seq, 1); err != nil {
			t.Error(err)
		}
	})
	if commits := int64(l.commits - before); asked.Load() != commits {
		t.Errorf("asked %d times in %d commits", asked.Load(), commits)
	}
	gone.Store(true)
	all(1, func(seq int) {
		if err := r.Record(t.Context(), done(seq)); err != nil {
			t.Error(err)
		}
		if err := r.Intent(t.Context(), n+seq, 1); !errors.Is(err, lost) {
			t.Errorf("row %d: %v", n+seq, err)
		}
	})
	counts, err := r.Counts(t.Context())
	ok(t, err)
	if c := counts["looker"]; c[bulk.Done] != n || c[bulk.Pending] != n {
		t.Errorf("counts: %v", c)
	}
}
