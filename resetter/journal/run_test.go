package journal

import (
	"errors"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

func TestARunComesBackAsItWasBegun(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 23, 14, 15, 2, 345, time.FixedZone("", 3600))
	l, err := Open(t.Context(), dir, Options{Now: func() time.Time { return now }})
	ok(t, err)
	by := Invocation{Who: "ana", Machine: "desk", Tool: "resetctl 1.0", Command: "resetctl run people.csv", Overrides: []string{"--cooldown 0"}}
	r := begin(t, l, NewRun{Content: "c", Columns: []string{"email", "Work, \"Email\""}, By: by})
	ok(t, r.Audit(t.Context(), "resume", Invocation{Who: "ben"}))
	if !regexp.MustCompile(`^20261123-131502-[a-z02-9]{4}$`).MatchString(r.ID()) {
		t.Errorf("the id is %s", r.ID())
	}
	ok(t, l.Close())

	l = open(t, dir)
	again, err := l.Run(t.Context(), r.ID())
	ok(t, err)
	if again.ID() != r.ID() || again.Content() != "c" || !slices.Equal(again.Columns(), r.Columns()) || again.Plan() ||
		!again.StartedAt().Equal(now) || !again.FinishedAt().IsZero() {
		t.Errorf("got %+v, want %+v", again, r)
	}
	insisted := func(r *Run, want string) {
		t.Helper()
		if got, err := r.Insisted(t.Context(), "--cooldown 0", "--cooldown 9h"); got != want || err != nil {
			t.Errorf("insisted on %q, %v", got, err)
		}
	}
	insisted(again, "--cooldown 0")
	ok(t, again.Audit(t.Context(), "resume", Invocation{Overrides: []string{"--cooldown 9h"}})) // which may be refused
	insisted(again, "--cooldown 0")
	insisted(begin(t, l, NewRun{Content: "other"}), "")
	var audit []AuditEntry
	for e, err := range l.Audit(t.Context()) {
		ok(t, err)
		if e.Run == r.ID() && e.By.Overrides == nil || e.Event == EventBegin && e.Run == r.ID() {
			audit = append(audit, e)
		}
	}
	want := []AuditEntry{{At: now.UTC(), Run: r.ID(), Event: "begin", By: by}, {At: now.UTC(), Run: r.ID(), Event: "resume", By: Invocation{Who: "ben"}}}
	if !reflect.DeepEqual(audit, want) {
		t.Errorf("the audit is %+v, want %+v", audit, want)
	}
}

func TestFindReturnsTheNewestUnfinishedRun(t *testing.T) {
	l := open(t, t.TempDir())
	find := func(content string) string {
		t.Helper()
		r, err := l.Find(t.Context(), content)
		if errors.Is(err, ErrNoRun) {
			return "none"
		}
		ok(t, err)
		return r.ID()
	}
	equal := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	equal(find("a"), "none")
	equal(find(""), "none")
	old := begin(t, l, NewRun{Content: "a"})
	newer := begin(t, l, NewRun{Content: "a"})
	other := begin(t, l, NewRun{Content: "b"})
	begin(t, l, NewRun{Content: "a", Plan: true})
	equal(find("a"), newer.ID())
	equal(find("b"), other.ID())
	equal(find("c"), "none")
	equal(find(""), other.ID())
	finished, err := newer.Finish(t.Context())
	ok(t, err)
	if !finished {
		t.Error("a run without rows is not finished")
	}
	equal(find("a"), old.ID())
	if _, err := l.Run(t.Context(), "20000101-000000-aaaa"); !errors.Is(err, ErrNoRun) {
		t.Errorf("got %v, want %v", err, ErrNoRun)
	}
}

func TestARunIsFinishedWhenNothingIsPending(t *testing.T) {
	l := open(t, t.TempDir())
	r := ready(t, l, 2)
	ok(t, r.Record(t.Context(), done(1)))
	finished, err := r.Finish(t.Context())
	ok(t, err)
	if finished || !r.FinishedAt().IsZero() {
		t.Error("it is finished with a row pending")
	}
	ok(t, r.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 2}, Outcome: bulk.Unknown, Reason: "lost_answer"}))
	finished, err = r.Finish(t.Context())
	ok(t, err)
	first := r.FinishedAt()
	if !finished || first.IsZero() {
		t.Error("it is not finished with nothing pending")
	}
	_, err = r.Finish(t.Context())
	ok(t, err)
	if again := r.FinishedAt(); !again.Equal(first) {
		t.Errorf("finished at %v, and then at %v", first, again)
	}
}

func TestRunsTellsOfAllTheNewestFirst(t *testing.T) {
	l := open(t, t.TempDir())
	old := ready(t, l, 3)
	ok(t, old.Record(t.Context(), done(2)))
	plan := begin(t, l, NewRun{Plan: true})
	_, err := plan.Finish(t.Context())
	ok(t, err)
	var got []Summary
	for s, err := range l.Runs(t.Context()) {
		ok(t, err)
		got = append(got, s)
	}
	want := []Summary{
		{ID: plan.ID(), Plan: true, StartedAt: plan.StartedAt(), FinishedAt: plan.FinishedAt(), Counts: bulk.Counts{}},
		{ID: old.ID(), StartedAt: old.StartedAt(), Counts: bulk.Counts{bulk.Done: 1, bulk.Pending: 2}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestOnlyARunThatSentNothingIsDiscarded(t *testing.T) {
	l := open(t, t.TempDir())
	sent, unsent := ready(t, l, 2), ready(t, l, 2)
	ok(t, sent.Intent(t.Context(), 1, 1))
	ok(t, sent.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 1}, Outcome: bulk.Pending, Reason: bulk.Deferred}))
	if err := sent.Discard(t.Context()); err == nil {
		t.Error("a run that may have sent something is discarded")
	}
	if got := story(t, sent); got != "1 pending/deferred; 2 pending/not_started; " {
		t.Errorf("its rows are %s", got)
	}
	ok(t, unsent.Discard(t.Context()))
	if _, err := l.Run(t.Context(), unsent.ID()); !errors.Is(err, ErrNoRun) {
		t.Errorf("got %v, want %v", err, ErrNoRun)
	}
	if got := story(t, unsent); got != "" {
		t.Errorf("its rows are still there: %s", got)
	}
	n := 0
	for e, err := range l.Audit(t.Context()) {
		ok(t, err)
		if e.Run == unsent.ID() {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the audit has %d entries of it, want 1", n)
	}
}

func TestARunThatIsGoneTakesNoRows(t *testing.T) {
	l := open(t, t.TempDir())
	r := begin(t, l, NewRun{})
	ok(t, r.Discard(t.Context()))
	if err := r.Add(t.Context(), manyRows(1)); err == nil {
		t.Error("rows without a run are taken")
	}
}

// What is newest, and who was mailed last, does not hang on a clock that people
// can set.
func TestAClockThatIsSetBackMixesNothingUp(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	l, err := Open(t.Context(), t.TempDir(), Options{Now: func() time.Time { return now }})
	ok(t, err)
	t.Cleanup(func() { ok(t, l.Close()) })
	begin(t, l, NewRun{Content: "x"})
	now = now.Add(-26 * time.Hour)
	r := begin(t, l, NewRun{Content: "x", Rows: manyRows(2)})
	for _, find := range []func() (*Run, error){
		func() (*Run, error) { return l.Find(t.Context(), "x") },
		func() (*Run, error) { return l.Newest(t.Context()) },
	} {
		if got, err := find(); err != nil || got.ID() != r.ID() {
			t.Errorf("found %v, %v, want the one that was begun last", got, err)
		}
	}
	ok(t, r.Resolved(t.Context(), 1, resetter.Account{ID: "ana"}))
	ok(t, r.Intent(t.Context(), 1, 1))
	now = now.Add(-time.Hour) // between intent and outcome
	n, err := r.Interrupt(t.Context(), "")
	ok(t, err)
	mailed, err := r.LastMailed(t.Context(), "looker", "ana")
	ok(t, err)
	if n != 1 || mailed.InDoubt.IsZero() {
		t.Errorf("%d interrupted, last mailed %+v", n, mailed)
	}
	pruned, err := l.Prune(t.Context(), now.Add(-24*time.Hour), Invocation{})
	ok(t, err)
	if _, err := l.Run(t.Context(), r.ID()); err != nil || pruned != 0 {
		t.Errorf("%d runs were pruned, %v", pruned, err)
	}
}

// What was read of an account long before its request says nothing about it.
func TestEvidenceThatIsOldAtTheIntentIsForgotten(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	l, err := Open(t.Context(), t.TempDir(), Options{Now: func() time.Time { return now }})
	ok(t, err)
	t.Cleanup(func() { ok(t, l.Close()) })
	r := begin(t, l, NewRun{Rows: manyRows(3)})
	for seq := 1; seq <= 3; seq++ {
		ok(t, r.Resolved(t.Context(), seq, resetter.Account{ID: "x", Email: "x@example.com", Evidence: "what was read"}))
	}
	now = now.Add(bulk.EvidenceLife)
	ok(t, r.Intent(t.Context(), 1, 1))
	now = now.Add(time.Second)
	ok(t, r.Intent(t.Context(), 2, 1))
	ok(t, r.Resolved(t.Context(), 3, resetter.Account{ID: "x", Email: "x@example.com", Evidence: "read anew"}))
	ok(t, r.Intent(t.Context(), 3, 1))
	var got []string
	for result, err := range r.Results(t.Context()) {
		ok(t, err)
		got = append(got, result.Account.Evidence)
	}
	if want := []string{"what was read", "", "read anew"}; !slices.Equal(got, want) {
		t.Errorf("evidence %q, want %q", got, want)
	}
}
