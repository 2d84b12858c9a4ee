package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	holds := func() bool {
		for _, file := range siblings(l.File()) {
			content, err := os.ReadFile(file)
			ok(t, err)
			if bytes.Contains(content, []byte("unforgettable")) {
				return true
			}
		}
		return false
	}
	if !holds() {
		t.Fatal("the name was never there, so nothing is tested")
	}
	_, err = l.Prune(t.Context(), now.Add(time.Second), Invocation{})
	ok(t, err)
	if holds() {
		t.Error("the name is still in the files")
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
