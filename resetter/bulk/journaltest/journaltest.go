// Package journaltest holds every [bulk.Journal] against its contract. The
// test of an implementation is one call:
//
//	func TestJournal(t *testing.T) {
//		journaltest.Test(t, func(t *testing.T) bulk.Journal { return bulk.NewMemory() })
//	}
package journaltest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// Test runs the suite as subtests of t. open returns an empty journal and
// leaves its closing to the cleanup of the t that it is given.
func Test(t *testing.T, open func(t *testing.T) bulk.Journal) {
	for _, promise := range []struct {
		name string
		test func(*testing.T, journal)
	}{
		{"RowsComeBackAsTheyWereAdded", rowsComeBackAsTheyWereAdded},
		{"AddRecordsAllRowsOrNone", addRecordsAllRowsOrNone},
		{"RowsMayBeAddedLater", rowsMayBeAddedLater},
		{"ListGoesThroughAStageInOrder", listGoesThroughAStageInOrder},
		{"ARowIsReadyWhenItsAccountIsKnown", aRowIsReadyWhenItsAccountIsKnown},
		{"ARowWithAnOpenIntentIsAtNoStage", aRowWithAnOpenIntentIsAtNoStage},
		{"AnIntentNeedsAnAccountAndALaterAttempt", anIntentNeedsAnAccountAndALaterAttempt},
		{"TheLastIntentIsRememberedByItsTime", theLastIntentIsRememberedByItsTime},
		{"AnOutcomeIsNeverOverwritten", anOutcomeIsNeverOverwritten},
		{"APendingRowKeepsItsStageAndItsAttempts", aPendingRowKeepsItsStageAndItsAttempts},
		{"AnUnknownRowOrOutcomeIsRefused", anUnknownRowOrOutcomeIsRefused},
		{"InterruptSettlesWhatWasInFlight", interruptSettlesWhatWasInFlight},
		{"AFailedRowIsTakenAgainAndNothingElse", aFailedRowIsTakenAgainAndNothingElse},
		{"ReopenTakesAllOrNone", reopenTakesAllOrNone},
		{"AReopenedRowHasALaterTwinThatWasDone", aReopenedRowHasALaterTwinThatWasDone},
		{"ARowInDoubtIsSentOnceMoreByNameAlone", aRowInDoubtIsSentOnceMoreByNameAlone},
		{"ARowInDoubtIsSettledAndNothingElse", aRowInDoubtIsSettledAndNothingElse},
		{"HaltMarksWhatHasNotStarted", haltMarksWhatHasNotStarted},
		{"ARowThatDoesTheSameIsATwin", aRowThatDoesTheSameIsATwin},
		{"LastMailedTellsAcceptedFromInDoubt", lastMailedTellsAcceptedFromInDoubt},
		{"AChangeThatWasMadeIsKnownByItsRow", aChangeThatWasMadeIsKnownByItsRow},
		{"CountsAddUpToTheRows", countsAddUpToTheRows},
		{"ResultsShowOneMomentWhileOthersRecord", resultsShowOneMomentWhileOthersRecord},
		{"OneOfManyIntentsForARowWins", oneOfManyIntentsForARowWins},
		{"AContextThatHasEndedRecordsNothing", aContextThatHasEndedRecordsNothing},
	} {
		t.Run(promise.name, func(t *testing.T) { promise.test(t, journal{t, open(t)}) })
	}
}

// journal is the journal under test, with calls that must succeed.
type journal struct {
	t *testing.T
	bulk.Journal
}

func (j journal) ok(err error) {
	j.t.Helper()
	if err != nil {
		j.t.Fatal(err)
	}
}

// refused checks that err is an error that names the row.
func (j journal) refused(err error, seq int, what string) {
	j.t.Helper()
	if err == nil {
		j.t.Fatalf("%s: no error", what)
	}
	if name := fmt.Sprintf("row %d", seq); !strings.Contains(err.Error(), name) {
		j.t.Errorf("%s: the error %q does not name %s", what, err, name)
	}
}

// add registers n rows at "looker", each of a person of its own.
func (j journal) add(n int) {
	j.t.Helper()
	j.ok(j.Add(j.t.Context(), each(people(1, n, "looker")...)))
}

// resolve gives the row the account "a<seq>" or the named one.
func (j journal) resolve(seq int, id ...string) {
	j.t.Helper()
	j.ok(j.Resolved(j.t.Context(), seq, account(append(id, fmt.Sprintf("a%d", seq))[0])))
}

func (j journal) intent(seq, n int) {
	j.t.Helper()
	j.ok(j.Intent(j.t.Context(), seq, n))
}

func (j journal) record(seq int, outcome bulk.Outcome, reason bulk.Reason) {
	j.t.Helper()
	j.ok(j.Record(j.t.Context(), bulk.Result{Row: bulk.Row{Seq: seq}, Outcome: outcome, Reason: reason, FinishedAt: noon(seq)}))
}

// list returns the numbers of the rows at a stage.
func (j journal) list(target string, stage bulk.Stage, after, n int) []int {
	j.t.Helper()
	results, err := j.List(j.t.Context(), target, stage, after, n)
	j.ok(err)
	seqs := []int{}
	for _, r := range results {
		seqs = append(seqs, r.Row.Seq)
	}
	return seqs
}

func (j journal) all() []bulk.Result {
	j.t.Helper()
	var all []bulk.Result
	for r, err := range j.Results(j.t.Context()) {
		j.ok(err)
		all = append(all, r)
	}
	return all
}

// get returns the result of a row, but for the times at which the journal saw
// it.
func (j journal) get(seq int) bulk.Result {
	j.t.Helper()
	for _, r := range j.all() {
		if r.Row.Seq == seq {
			r.AskedAt, r.ReadAt = time.Time{}, time.Time{}
			return r
		}
	}
	j.t.Fatalf("row %d is not in the results", seq)
	return bulk.Result{}
}

func (j journal) equal(what string, got, want any) {
	j.t.Helper()
	if !reflect.DeepEqual(got, want) {
		j.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func each(rows ...bulk.Row) iter.Seq2[bulk.Row, error] {
	return func(yield func(bulk.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// people makes n rows from the number first.
func people(first, n int, target string) []bulk.Row {
	rows := make([]bulk.Row, n)
	for i := range rows {
		rows[i] = row(first+i, target, resetter.ActionReset)
	}
	return rows
}

func row(seq int, target string, action resetter.Action) bulk.Row {
	return bulk.Row{Seq: seq, Line: seq + 1, Target: target, Action: action,
		Identity: resetter.Email(fmt.Sprintf("p%d@example.com", seq)), Cells: []string{fmt.Sprintf("p%d@example.com", seq), "a,\"b\"\nc"}}
}

func account(id string) resetter.Account {
	return resetter.Account{ID: id, Email: id + "@example.com", Username: "u" + id, SetupPending: true, Evidence: "before"}
}

// noon is a time that differs from row to row.
func noon(seq int) time.Time {
	return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Add(time.Duration(seq) * time.Minute)
}

func rowsComeBackAsTheyWereAdded(t *testing.T, j journal) {
	rows := []bulk.Row{
		row(1, "looker", resetter.ActionReset),
		{Seq: 2, Line: 2, Target: "unleash", Action: resetter.ActionChangeEmail, Identity: resetter.ID("0017"), NewEmail: "new@example.com", Cells: []string{"", "0017", "Zoë\x00\t"}},
		{Seq: 5, Line: 9, Target: "sugar", Action: resetter.ActionLock, Identity: resetter.Username("ana")},
	}
	j.ok(j.Add(t.Context(), each(rows...)))
	all := j.all()
	if len(all) != len(rows) {
		t.Fatalf("got %d rows, want %d", len(all), len(rows))
	}
	for i, r := range all {
		j.equal("row", r, bulk.Result{Row: rows[i], Outcome: bulk.Pending, Reason: bulk.NotStarted})
	}
}

func addRecordsAllRowsOrNone(t *testing.T, j journal) {
	broken := errors.New("the input ends in the middle")
	err := j.Add(t.Context(), func(yield func(bulk.Row, error) bool) {
		if yield(row(1, "looker", resetter.ActionReset), nil) {
			yield(bulk.Row{}, broken)
		}
	})
	if !errors.Is(err, broken) {
		t.Errorf("the error of the rows is not handed back: %v", err)
	}
	j.refused(j.Add(t.Context(), each(row(1, "looker", "reset"), row(2, "looker", "reset"), row(2, "looker", "reset"))), 2, "two rows of one number")
	if err := j.Add(t.Context(), each(row(1, "looker", "reset"), row(0, "looker", "reset"))); err == nil {
		t.Error("a row without a number is taken")
	}
	j.equal("rows", len(j.all()), 0)

	j.add(3) // and all of it can be repeated
	j.refused(j.Add(t.Context(), each(row(4, "looker", "reset"), row(3, "looker", "reset"))), 3, "a row that is there already")
	j.equal("rows", len(j.all()), 3)
}

func rowsMayBeAddedLater(t *testing.T, j journal) {
	j.ok(j.Add(t.Context(), each(people(10, 3, "looker")...)))
	j.ok(j.Add(t.Context(), each(people(4, 3, "looker")...)))
	j.ok(j.Add(t.Context(), each()))
	var seqs []int
	for _, r := range j.all() {
		seqs = append(seqs, r.Row.Seq)
	}
	j.equal("order", seqs, []int{4, 5, 6, 10, 11, 12})
	j.equal("list", j.list("looker", bulk.New, 5, 3), []int{6, 10, 11})
}

func listGoesThroughAStageInOrder(t *testing.T, j journal) {
	var rows []bulk.Row
	for seq := 1; seq <= 10; seq++ {
		rows = append(rows, row(seq, []string{"looker", "sugar"}[seq%2], resetter.ActionReset))
	}
	j.ok(j.Add(t.Context(), each(rows...)))
	j.equal("first two", j.list("looker", bulk.New, 0, 2), []int{2, 4})
	j.equal("next two", j.list("looker", bulk.New, 4, 2), []int{6, 8})
	j.equal("the rest", j.list("looker", bulk.New, 8, 2), []int{10})
	j.equal("beyond", j.list("looker", bulk.New, 10, 2), []int{})
	j.equal("other target", j.list("sugar", bulk.New, 0, 100), []int{1, 3, 5, 7, 9})
	j.equal("no such target", j.list("unleash", bulk.New, 0, 100), []int{})
	j.equal("nobody asked for", j.list("sugar", bulk.New, 0, 0), []int{})
}

func aRowIsReadyWhenItsAccountIsKnown(t *testing.T, j journal) {
	j.add(3)
	j.resolve(2)
	j.equal("new", j.list("looker", bulk.New, 0, 9), []int{1, 3})
	j.equal("ready", j.list("looker", bulk.Ready, 0, 9), []int{2})
	ready, err := j.List(t.Context(), "looker", bulk.Ready, 0, 9)
	j.ok(err)
	j.equal("account", ready[0].Account, account("a2"))
	j.equal("account in the results", j.get(2).Account, account("a2"))

	j.resolve(2, "other") // a later look-up counts
	j.equal("account", j.get(2).Account, account("other"))
	j.equal("ready", j.list("looker", bulk.Ready, 0, 9), []int{2})
	j.refused(j.Resolved(t.Context(), 1, resetter.Account{Email: "a@example.com"}), 1, "an account without an id")
	j.refused(j.Resolved(t.Context(), 7, account("a7")), 7, "a row that is not there")
	j.record(2, bulk.Failed, bulk.Reason(resetter.ErrIneligible))
	j.refused(j.Resolved(t.Context(), 2, account("a2")), 2, "an account after the outcome")
}

func aRowWithAnOpenIntentIsAtNoStage(t *testing.T, j journal) {
	j.add(2)
	j.resolve(1)
	j.resolve(2)
	j.intent(1, 1)
	j.equal("ready", j.list("looker", bulk.Ready, 0, 9), []int{2})
	j.equal("new", j.list("looker", bulk.New, 0, 9), []int{})
	j.equal("outcome", j.get(1).Outcome, bulk.Pending)
	j.equal("attempts", j.get(1).Attempts, 1)
	j.refused(j.Resolved(t.Context(), 1, account("other")), 1, "another account while the request is under way")
	j.record(1, bulk.Done, bulk.Accepted)
	j.equal("ready", j.list("looker", bulk.Ready, 0, 9), []int{2})
}

func anIntentNeedsAnAccountAndALaterAttempt(t *testing.T, j journal) {
	j.add(1)
	j.refused(j.Intent(t.Context(), 1, 1), 1, "an intent before the look-up")
	j.resolve(1)
	j.refused(j.Intent(t.Context(), 1, 0), 1, "an attempt that is not counted from 1")
	j.intent(1, 1)
	j.refused(j.Intent(t.Context(), 1, 1), 1, "the same attempt twice")
	j.intent(1, 2) // what was certainly not sent is tried again
	j.refused(j.Intent(t.Context(), 1, 1), 1, "an earlier attempt")
	j.equal("attempts", j.get(1).Attempts, 2)
}

func theLastIntentIsRememberedByItsTime(t *testing.T, j journal) {
	asked := func() time.Time { return j.all()[0].AskedAt }
	j.add(1)
	j.resolve(1)
	if !asked().IsZero() {
		t.Errorf("asked for at %v, before any intent", asked())
	}
	j.intent(1, 1)
	first := asked()
	j.record(1, bulk.Unknown, "lost_answer")
	if j.all()[0].ReadAt.IsZero() {
		t.Error("it does not tell when the account was read")
	}
	if first.IsZero() || !asked().Equal(first) {
		t.Errorf("asked for at %v, and with its outcome at %v", first, asked())
	}
	for begun := time.Now(); time.Since(begun) < time.Millisecond; {
		continue // a clock that is coarse must have moved on
	}
	j.ok(j.Again(t.Context(), 1, 2))
	if !asked().After(first) {
		t.Errorf("asked for again at %v, first at %v", asked(), first)
	}
}

func anOutcomeIsNeverOverwritten(t *testing.T, j journal) {
	finals := []bulk.Outcome{bulk.Done, bulk.Skipped, bulk.Failed, bulk.Unknown}
	j.add(len(finals))
	for i, outcome := range finals {
		seq := i + 1
		j.resolve(seq)
		j.intent(seq, 1)
		want := bulk.Result{Row: bulk.Row{Seq: seq}, Outcome: outcome, Reason: "why", Detail: "a sentence", Attempts: 3, Status: 418, FinishedAt: noon(seq)}
		j.ok(j.Record(t.Context(), want))
		for _, later := range bulk.Outcomes() {
			j.refused(j.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: seq}, Outcome: later}), seq, fmt.Sprintf("%s after %s", later, outcome))
		}
		j.refused(j.Intent(t.Context(), seq, 9), seq, "an intent after "+string(outcome))

		got := j.get(seq)
		if !got.FinishedAt.Equal(want.FinishedAt) {
			t.Errorf("finished at %v, want %v", got.FinishedAt, want.FinishedAt)
		}
		want.FinishedAt, want.Row, want.Account = got.FinishedAt, row(seq, "looker", resetter.ActionReset), account(fmt.Sprintf("a%d", seq))
		j.equal("result", got, want)
	}
}

func aPendingRowKeepsItsStageAndItsAttempts(t *testing.T, j journal) {
	j.add(2)
	j.record(1, bulk.Pending, bulk.Halted)
	j.equal("new", j.list("looker", bulk.New, 0, 9), []int{1, 2})

	j.resolve(2)
	j.intent(2, 1)
	j.record(2, bulk.Pending, bulk.Deferred)
	j.equal("ready", j.list("looker", bulk.Ready, 0, 9), []int{2})
	r := j.get(2)
	j.equal("reason", r.Reason, bulk.Deferred)
	j.equal("attempts", r.Attempts, 1) // none is ever forgotten
	if !r.FinishedAt.IsZero() {
		t.Errorf("a pending row is finished at %v", r.FinishedAt)
	}
	j.refused(j.Intent(t.Context(), 2, 1), 2, "an attempt that was counted before")
	j.intent(2, 2)
	j.record(2, bulk.Pending, bulk.Deferred)
	j.record(2, bulk.Done, bulk.Accepted)
	j.equal("outcome", j.get(2).Outcome, bulk.Done)
}

func anUnknownRowOrOutcomeIsRefused(t *testing.T, j journal) {
	j.add(1)
	j.refused(j.Intent(t.Context(), 2, 1), 2, "an intent for a row that is not there")
	j.refused(j.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 2}, Outcome: bulk.Done}), 2, "an outcome for a row that is not there")
	j.refused(j.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 1}, Outcome: "perhaps"}), 1, "an outcome that does not exist")
	j.refused(j.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 1}}), 1, "no outcome")
	j.equal("outcome", j.get(1).Outcome, bulk.Pending)
}

func interruptSettlesWhatWasInFlight(t *testing.T, j journal) {
	j.add(5)
	for seq := 1; seq <= 4; seq++ {
		j.resolve(seq)
	}
	j.intent(1, 1)
	j.intent(2, 1)
	j.intent(2, 2)
	j.intent(3, 1)
	j.record(3, bulk.Done, bulk.Accepted)
	n, err := j.Interrupt(t.Context(), "see for yourself")
	j.ok(err)
	j.equal("interrupted", n, 2)
	for _, seq := range []int{1, 2} {
		r := j.get(seq)
		j.equal("outcome", []any{r.Outcome, r.Reason, r.Detail, r.Attempts},
			[]any{bulk.Unknown, bulk.Reason(resetter.ErrInterrupted), "see for yourself", seq})
		if r.FinishedAt.IsZero() {
			t.Errorf("row %d is not finished", seq)
		}
		j.refused(j.Intent(t.Context(), seq, 9), seq, "an intent after the interruption")
	}
	j.equal("done stays", j.get(3).Outcome, bulk.Done)
	j.equal("ready", j.list("looker", bulk.Ready, 0, 9), []int{4})
	j.equal("new", j.list("looker", bulk.New, 0, 9), []int{5})
	n, err = j.Interrupt(t.Context(), "again")
	j.ok(err)
	j.equal("interrupted the second time", n, 0)
}

func haltMarksWhatHasNotStarted(t *testing.T, j journal) {
	j.ok(j.Add(t.Context(), each(append(people(1, 5, "looker"), people(6, 1, "sugar")...)...)))
	for _, seq := range []int{2, 3, 4, 5} {
		j.resolve(seq)
	}
	j.intent(3, 1)
	j.record(4, bulk.Done, bulk.Accepted)
	j.record(5, bulk.Pending, bulk.Deferred)
	j.ok(j.Halt(t.Context(), "looker", bulk.Halted, "its certificate is bad"))

	var got []string
	for _, r := range j.all() {
		got = append(got, fmt.Sprintf("%d %s/%s %s", r.Row.Seq, r.Outcome, r.Reason, r.Detail))
	}
	j.equal("results", got, []string{
		"1 pending/halted its certificate is bad",
		"2 pending/halted its certificate is bad",
		"3 pending/not_started ", // it may have gone out: its outcome comes yet
		"4 done/accepted ",
		"5 pending/deferred ",
		"6 pending/not_started ",
	})
	j.equal("new", j.list("looker", bulk.New, 0, 9), []int{1})
	j.equal("ready", j.list("looker", bulk.Ready, 0, 9), []int{2, 5})
	j.intent(2, 1) // going on does it
}

func lastMailedTellsAcceptedFromInDoubt(t *testing.T, j journal) {
	rows := people(1, 9, "looker")
	rows[6].Action = resetter.ActionLock // done below, but it mails nobody
	rows[7].Target = "sugar"
	j.ok(j.Add(t.Context(), each(rows...)))
	for seq := 1; seq <= 8; seq++ {
		j.resolve(seq, "ana")
	}
	mailed := func() bulk.Mailed {
		t.Helper()
		m, err := j.LastMailed(t.Context(), "looker", "ana")
		j.ok(err)
		return m
	}
	is := func(what string, got, want time.Time) {
		t.Helper()
		if !got.Equal(want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	j.equal("never", mailed(), bulk.Mailed{})
	j.record(6, bulk.Failed, "invalid")
	j.record(5, bulk.Done, bulk.Already)
	j.record(7, bulk.Done, bulk.Accepted)
	j.record(8, bulk.Done, bulk.Accepted)
	j.equal("still never", mailed(), bulk.Mailed{})

	j.record(2, bulk.Done, bulk.Accepted)
	j.record(1, bulk.Done, bulk.Confirmed) // earlier, though recorded later
	is("accepted", mailed().Accepted, noon(2))
	is("in doubt", mailed().InDoubt, time.Time{})
	j.record(3, bulk.Unknown, "lost_answer")
	is("accepted", mailed().Accepted, noon(2))
	is("in doubt", mailed().InDoubt, noon(3))

	m, err := j.LastMailed(t.Context(), "sugar", "ana")
	j.ok(err)
	is("at another target", m.Accepted, noon(8))
	m, err = j.LastMailed(t.Context(), "looker", "ben")
	j.ok(err)
	j.equal("somebody else", m, bulk.Mailed{})

	j.resolve(9, "ben")
	j.intent(9, 1)
	m, err = j.LastMailed(t.Context(), "looker", "ben")
	j.ok(err)
	if m.InDoubt.IsZero() || !m.Accepted.IsZero() {
		t.Errorf("after an intent: %+v", m)
	}
}

func aChangeThatWasMadeIsKnownByItsRow(t *testing.T, j journal) {
	changing := func(seq int, target, from, to string) bulk.Row {
		return bulk.Row{Seq: seq, Target: target, Action: resetter.ActionChangeEmail, Identity: resetter.Email(from), NewEmail: to}
	}
	reset := row(9, "looker", resetter.ActionReset)
	reset.Identity = resetter.Email("ana@example.com")
	j.ok(j.Add(t.Context(), each(
		changing(1, "looker", "ana@example.com", "ana.b@example.com"),
		changing(2, "looker", "Ana@example.com", "ANA.B@example.com"),
		changing(3, "sugar", "ana@example.com", "ana.b@example.com"),
		changing(4, "looker", "ana@example.com", "ana.c@example.com"),
		changing(5, "looker", "ben@example.com", "ana.b@example.com"),
		reset,
	)))
	changed := func(seq int) string {
		t.Helper()
		id, ok, err := j.Changed(t.Context(), seq)
		j.ok(err)
		if ok != (id != "") {
			t.Errorf("row %d: %q, %v", seq, id, ok)
		}
		return id
	}
	j.resolve(1, "ana")
	j.equal("not done yet", changed(2), "")
	j.record(1, bulk.Unknown, "lost_answer")
	for seq, want := range map[int]string{1: "", 2: "ana", 3: "", 4: "", 5: "", 9: "", 77: ""} {
		j.equal(fmt.Sprint("row ", seq), changed(seq), want)
	}
	j.ok(j.Settle(t.Context(), bulk.Result{Row: bulk.Row{Seq: 1}, Outcome: bulk.Done, Reason: bulk.Confirmed}))
	j.equal("settled as done", changed(2), "ana")
	j.resolve(2, "ben")
	j.record(2, bulk.Failed, "rejected")
	j.equal("a failed one does not count", changed(1), "")
}

func countsAddUpToTheRows(t *testing.T, j journal) {
	counts, err := j.Counts(t.Context())
	j.ok(err)
	j.equal("of no rows", counts, map[string]bulk.Counts{})
	j.ok(j.Add(t.Context(), each(append(people(1, 4, "looker"), people(5, 2, "sugar")...)...)))
	j.resolve(1)
	j.record(1, bulk.Done, bulk.Accepted)
	j.record(2, bulk.Failed, "not_found")
	j.resolve(3)
	j.intent(3, 1)
	j.record(6, bulk.Skipped, bulk.Excluded)
	counts, err = j.Counts(t.Context())
	j.ok(err)
	j.equal("counts", counts, map[string]bulk.Counts{
		"looker": {bulk.Done: 1, bulk.Failed: 1, bulk.Pending: 2},
		"sugar":  {bulk.Skipped: 1, bulk.Pending: 1},
	})
}

func aContextThatHasEndedRecordsNothing(t *testing.T, j journal) {
	j.add(2)
	j.resolve(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, listErr := j.List(ctx, "looker", bulk.New, 0, 1)
	_, _, twinErr := j.Twin(ctx, 1)
	_, mailedErr := j.LastMailed(ctx, "looker", "a1")
	_, _, changedErr := j.Changed(ctx, 1)
	_, interruptErr := j.Interrupt(ctx, "")
	_, countsErr := j.Counts(ctx)
	var resultsErr error
	for _, resultsErr = range j.Results(ctx) {
		break
	}
	for i, err := range []error{
		listErr, mailedErr, changedErr, interruptErr, countsErr, resultsErr,
		j.Add(ctx, each(people(3, 1, "looker")...)),
		j.Resolved(ctx, 2, account("a2")),
		twinErr,
		j.Again(ctx, 1, 1),
		j.Settle(ctx, bulk.Result{Row: bulk.Row{Seq: 1}, Outcome: bulk.Done}),
		j.Intent(ctx, 1, 1),
		j.Record(ctx, bulk.Result{Row: bulk.Row{Seq: 1}, Outcome: bulk.Done}),
		j.Halt(ctx, "looker", bulk.Halted, ""),
		j.Reopen(ctx, 1),
		j.Reopen(ctx),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d: got %v, want %v", i, err, context.Canceled)
		}
	}
	j.equal("new", j.list("looker", bulk.New, 0, 9), []int{2})
	j.equal("ready", j.list("looker", bulk.Ready, 0, 9), []int{1})
}
