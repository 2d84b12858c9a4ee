package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// aged is a ledger whose clock is set by hand.
func aged(t *testing.T, dir string, now *time.Time) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), dir, Options{Now: func() time.Time { return *now }})
	ok(t, err)
	t.Cleanup(func() { ok(t, l.Close()) })
	return l
}

// worked begins a run of one row of the account and finishes it as done.
func worked(t *testing.T, l *Ledger, account string) *Run {
	t.Helper()
	r := begin(t, l, NewRun{})
	ok(t, r.Add(t.Context(), manyRows(1)))
	ok(t, r.Resolved(t.Context(), 1, resetter.Account{ID: account}))
	ok(t, r.Intent(t.Context(), 1, 1))
	ok(t, r.Record(t.Context(), done(1)))
	finished, err := r.Finish(t.Context())
	ok(t, err)
	if !finished {
		t.Fatal("the run is not finished")
	}
	return r
}

func TestPruneRemovesOnlyFinishedRunsThatAreOldEnough(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := aged(t, t.TempDir(), &now)
	old := worked(t, l, "ana")
	begin(t, l, NewRun{Plan: true}) // of a process that was killed
	unfinished := ready(t, l, 2)
	ok(t, unfinished.Record(t.Context(), done(1)))
	now = now.AddDate(0, 6, 0)
	young := worked(t, l, "ben")

	by := Invocation{Who: "cem", Command: "resetctl runs --prune 90d"}
	n, err := l.Prune(t.Context(), now.AddDate(0, 0, -90), by)
	ok(t, err)
	if n != 1 {
		t.Errorf("%d runs removed, want 1", n)
	}
	var left []string
	for s, err := range l.Runs(t.Context()) {
		ok(t, err)
		left = append(left, s.ID)
	}
	if got, want := fmt.Sprint(left), fmt.Sprint([]string{young.ID(), unfinished.ID()}); got != want {
		t.Errorf("left are %s, want %s", got, want)
	}
	if _, err := l.Run(t.Context(), old.ID()); !errors.Is(err, ErrNoRun) {
		t.Errorf("got %v, want %v", err, ErrNoRun)
	}
	if got := story(t, old); got != "" {
		t.Errorf("its rows are still there: %s", got)
	}
	if got, want := story(t, unfinished), "1 done/accepted; 2 pending/not_started; "; got != want {
		t.Errorf("the unfinished run is %s, want %s", got, want)
	}
	mailed, err := young.LastMailed(t.Context(), "looker", "ben")
	ok(t, err)
	if mailed.Accepted.IsZero() {
		t.Error("a cool-down was lost that is younger than what was pruned")
	}

	var events []string
	for e, err := range l.Audit(t.Context()) {
		ok(t, err)
		if e.Run == old.ID() {
			events = append(events, e.Event+" by "+e.By.Who)
		}
	}
	if got := fmt.Sprint(events); got != "[begin by  prune by cem]" {
		t.Errorf("the audit tells of it: %s", got)
	}
	n, err = l.Prune(t.Context(), now.AddDate(0, 0, -90), by)
	ok(t, err)
	if n != 0 {
		t.Errorf("%d runs removed the second time", n)
	}
}

func TestWhatIsPrunedIsOnTheDiskNoMore(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := aged(t, t.TempDir(), &now)
	r := begin(t, l, NewRun{})
	ok(t, r.Add(t.Context(), bulk.Rows(bulk.Row{Line: 2, Target: "looker", Identity: resetter.Username("unforgettable"), Cells: []string{"unforgettable"}})))
	ok(t, r.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 1}, Outcome: bulk.Failed, Reason: "not_found"}))
	_, err := r.Finish(t.Context())
	ok(t, err)
	if !onDisk(t, l, "unforgettable") {
		t.Fatal("the name was never there, so nothing is tested")
	}
	_, err = l.Prune(t.Context(), now.Add(time.Second), Invocation{})
	ok(t, err)
	if onDisk(t, l, "unforgettable") {
		t.Error("the name is still in the files")
	}
}

// onDisk reports whether a name is anywhere in the files of the ledger.
func onDisk(t *testing.T, l *Ledger, name string) bool {
	t.Helper()
	for _, file := range siblings(l.File()) {
		content, err := os.ReadFile(file)
		if !errors.Is(err, fs.ErrNotExist) {
			ok(t, err)
		}
		if bytes.Contains(content, []byte(name)) {
			return true
		}
	}
	return false
}

// planned is a plan of so many rows, all of which are looked up.
func planned(t *testing.T, l *Ledger, n int) *Run {
	t.Helper()
	plan := begin(t, l, NewRun{Plan: true, Rows: manyRows(n)})
	ok(t, l.alone(t.Context(), func(w *writer) error {
		return w.exec(`UPDATE rows SET account_id = 'x' || seq, account = json_object('email', identity), stage = 1 WHERE run = ?`, plan.key)
	}))
	return plan
}

// size is how large the file is.
func size(t *testing.T, l *Ledger) int64 {
	t.Helper()
	info, err := os.Stat(l.File())
	ok(t, err)
	return info.Size()
}

func TestAPlanLeavesNothingOnTheDisk(t *testing.T) {
	const many = 12_000 // which the log beside the file cannot hold
	for _, c := range []struct{ rows, others int }{
		{1, 0}, {many, 0},
		{100, 1000}, {many, many}, // there is no use in writing the file anew
	} {
		t.Run(fmt.Sprintf("%d rows, %d others", c.rows, c.others), func(t *testing.T) {
			l := open(t, t.TempDir())
			other := begin(t, l, NewRun{})
			ok(t, other.Add(t.Context(), func(yield func(bulk.Row, error) bool) {
				for seq := range c.others {
					if !yield(bulk.Row{Seq: seq + 1, Line: seq + 2, Target: "looker", Action: resetter.ActionReset, Identity: resetter.Username(fmt.Sprintf("other%d", seq))}, nil) {
						return
					}
				}
			}))
			ok(t, l.writer.exec("PRAGMA wal_checkpoint(TRUNCATE)"))
			before := size(t, l)
			plan := planned(t, l, c.rows)
			if !onDisk(t, l, "@example.com") {
				t.Fatal("the names were never there, so nothing is tested")
			}
			ok(t, plan.Discard(t.Context()))
			if onDisk(t, l, "@example.com") {
				t.Error("names are still in the files")
			}
			if got := size(t, l); c.others == 0 && got > before+1<<20 {
				t.Errorf("the file has %d bytes, and had %d before", got, before)
			}
			counts, err := other.Counts(t.Context())
			ok(t, err)
			if got := counts["looker"][bulk.Pending]; got != c.others {
				t.Errorf("%d rows of the other run are left of %d", got, c.others)
			}
		})
	}
}

// Who reads what another process removes goes on reading it, and is not waited
// for; when nobody reads it any more it is gone.
func TestAPlanIsRemovedWhileSomebodyReads(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	plan := planned(t, l, 12_000)
	another, err := Open(t.Context(), dir, Options{})
	ok(t, err)
	reads, err := another.Run(t.Context(), plan.ID())
	ok(t, err)
	read := 0
	for _, err := range reads.Results(t.Context()) {
		ok(t, err)
		if read++; read == 100 {
			ok(t, plan.Discard(t.Context()))
		}
	}
	if read != 12_000 {
		t.Errorf("%d rows were read", read)
	}
	ok(t, another.Close())
	ok(t, l.Close())
	if onDisk(t, l, "@example.com") || size(t, l) > 1<<20 {
		t.Errorf("of %d bytes something is left", size(t, l))
	}
}

func TestAPruneThatIsCancelledRemovesNothing(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := aged(t, t.TempDir(), &now)
	r := worked(t, l, "ana")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Prune(ctx, now.Add(time.Hour), Invocation{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := story(t, r); got != "1 done/accepted; " {
		t.Errorf("its rows are %s", got)
	}
}

func TestAReopenedRunIsUnfinished(t *testing.T) {
	l := open(t, t.TempDir())
	r := begin(t, l, NewRun{Content: "a"})
	ok(t, r.Add(t.Context(), manyRows(2)))
	for seq := 1; seq <= 2; seq++ {
		ok(t, r.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: seq}, Outcome: bulk.Failed, Reason: "not_found"}))
	}
	_, err := r.Finish(t.Context())
	ok(t, err)
	ok(t, r.Reopen(t.Context()))
	if r.FinishedAt().IsZero() {
		t.Error("reopening no row made it unfinished")
	}
	ok(t, r.Reopen(t.Context(), 2))
	if !r.FinishedAt().IsZero() {
		t.Error("it is finished with a row pending")
	}
	found, err := l.Find(t.Context(), "a")
	ok(t, err)
	if found.ID() != r.ID() {
		t.Errorf("found %s, want %s", found.ID(), r.ID())
	}
	if got, want := story(t, r), "1 failed/not_found; 2 pending/not_started; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n, err := l.Prune(t.Context(), time.Now().Add(time.Hour), Invocation{}); n != 0 || err != nil {
		t.Errorf("%d reopened runs pruned, %v", n, err)
	}
}

func TestNewestLeavesPlansOut(t *testing.T) {
	l := open(t, t.TempDir())
	if _, err := l.Newest(t.Context()); !errors.Is(err, ErrNoRun) {
		t.Errorf("got %v, want %v", err, ErrNoRun)
	}
	worked(t, l, "ana")
	newest := worked(t, l, "ben")
	begin(t, l, NewRun{Plan: true})
	r, err := l.Newest(t.Context())
	ok(t, err)
	if r.ID() != newest.ID() || r.FinishedAt().IsZero() {
		t.Errorf("got %s, want %s", r.ID(), newest.ID())
	}
}
