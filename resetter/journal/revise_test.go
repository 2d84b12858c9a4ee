package journal

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// table yields a row at "looker" for each name, lines from 2 as under a header.
func table(names ...string) iter.Seq2[bulk.Row, error] {
	var rows []bulk.Row
	for i, name := range names {
		rows = append(rows, bulk.Row{Line: i + 2, Target: "looker", Identity: resetter.Email(name + "@example.com"), Cells: []string{name, fmt.Sprint("cell ", i)}})
	}
	return bulk.Rows(rows...)
}

// told tells of each row who it is about and what it has come to, in order.
func told(t testing.TB, results iter.Seq2[bulk.Result, error]) string {
	t.Helper()
	var b strings.Builder
	for r, err := range results {
		ok(t, err)
		name, _, _ := strings.Cut(r.Row.Identity.Value, "@")
		fmt.Fprintf(&b, "%d:%d %s %s/%s; ", r.Row.Seq, r.Row.Line, name, r.Outcome, r.Reason)
	}
	return b.String()
}

// begun returns a run of ana, ben, cem, dee and eve: ana done, ben in doubt, cem
// failed, dee looked up, eve not.
func begun(t testing.TB, l *Ledger) *Run {
	t.Helper()
	r := begin(t, l, NewRun{Content: "first", Columns: []string{"email"}, Rows: table("ana", "ben", "cem", "dee", "eve")})
	for seq, name := range []string{1: "ana", 2: "ben", 3: "cem", 4: "dee"} {
		if name != "" {
			ok(t, r.Resolved(t.Context(), seq, resetter.Account{ID: name}))
		}
	}
	for seq, outcome := range map[int]bulk.Outcome{1: bulk.Done, 2: bulk.Unknown, 3: bulk.Failed} {
		ok(t, r.Intent(t.Context(), seq, 1))
		ok(t, r.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: seq}, Outcome: outcome, Reason: "why", Attempts: 1}))
	}
	return r
}

func TestATableThatWasSortedAnewAndAddedToKeepsWhatWasDone(t *testing.T) {
	l := open(t, t.TempDir())
	r := begun(t, l)
	revised, err := r.Revise(t.Context(), NewRun{Content: "second", Columns: []string{"mail"}, Rows: table("fay", "eve", "dee", "cem", "ben", "ana", "gil")})
	ok(t, err)
	if revised != (Revised{Kept: 5, Added: 2}) {
		t.Errorf("revised: %+v", revised)
	}
	const want = "1:2 fay pending/not_started; 2:3 eve pending/not_started; 3:4 dee pending/not_started; 4:5 cem failed/why; " +
		"5:6 ben unknown/why; 6:7 ana done/why; 7:8 gil pending/not_started; "
	if got := told(t, r.Results(t.Context())); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	again, err := l.Find(t.Context(), "second")
	ok(t, err)
	if again.ID() != r.ID() || !slices.Equal(again.Columns(), []string{"mail"}) {
		t.Errorf("the run is found as %s with columns %q", again.ID(), again.Columns())
	}
	// The numbers of now are those that everything goes by.
	ready, err := r.List(t.Context(), "looker", bulk.Ready, 0, 9)
	ok(t, err)
	if len(ready) != 1 || ready[0].Row.Seq != 3 || ready[0].Account.ID != "dee" || ready[0].Row.Cells[1] != "cell 2" {
		t.Errorf("ready: %+v", ready)
	}
	if err := r.Intent(t.Context(), 6, 9); err == nil {
		t.Error("who was done may be sent to again")
	}
	ok(t, r.Intent(t.Context(), 3, 1))
	ok(t, r.Record(t.Context(), done(3)))
	counts, err := r.Counts(t.Context())
	ok(t, err)
	if c := counts["looker"]; c[bulk.Done] != 2 || c[bulk.Pending] != 3 || c[bulk.Unknown] != 1 || c[bulk.Failed] != 1 {
		t.Errorf("counts: %v", c)
	}
}

func TestWhoIsTakenOutOfTheTableIsKeptApartAndComesBackAsHeWas(t *testing.T) {
	l := open(t, t.TempDir())
	r := begun(t, l)
	revised, err := r.Revise(t.Context(), NewRun{Content: "second", Rows: table("dee", "ben")})
	ok(t, err)
	if revised != (Revised{Kept: 2, Removed: 3}) {
		t.Errorf("revised: %+v", revised)
	}
	if got, want := told(t, r.Results(t.Context())), "1:2 dee pending/not_started; 2:3 ben unknown/why; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := told(t, r.Removed(t.Context())), "0:2 ana done/why; 0:4 cem failed/why; 0:6 eve pending/not_started; "; got != want {
		t.Errorf("removed: got %s, want %s", got, want)
	}
	mailed, err := r.LastMailed(t.Context(), "looker", "ana")
	ok(t, err)
	if mailed.Accepted.IsZero() {
		t.Error("it is forgotten that ana was mailed")
	}
	ok(t, r.Intent(t.Context(), 1, 1))
	ok(t, r.Record(t.Context(), done(1)))
	if finished, err := r.Finish(t.Context()); err != nil || !finished {
		t.Errorf("finished: %v, %v, though only a row that was taken out is pending", finished, err)
	}
	revised, err = r.Revise(t.Context(), NewRun{Content: "first", Rows: table("ana", "ben", "cem", "dee", "eve")})
	ok(t, err)
	if revised != (Revised{Kept: 5}) {
		t.Errorf("revised back: %+v", revised)
	}
	const want = "1:2 ana done/why; 2:3 ben unknown/why; 3:4 cem failed/why; 4:5 dee done/accepted; 5:6 eve pending/not_started; "
	if got := told(t, r.Results(t.Context())); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The same row twice is two rows, and the one that was done stays the one.
func TestRowsThatStandTwiceAreMatchedOneByOne(t *testing.T) {
	l := open(t, t.TempDir())
	r := begin(t, l, NewRun{Rows: table("ana", "ana", "ben")})
	for seq, account := range map[int]string{1: "ana", 2: "ana", 3: "ben"} {
		ok(t, r.Resolved(t.Context(), seq, resetter.Account{ID: account}))
	}
	ok(t, r.Record(t.Context(), done(1)))
	ok(t, r.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 2}, Outcome: bulk.Skipped, Reason: bulk.Duplicate}))
	_, err := r.Revise(t.Context(), NewRun{Rows: table("ben", "ana", "ana", "ana")})
	ok(t, err)
	// Duplicates are looked at anew, since what they were duplicates of may be gone.
	const want = "1:2 ben pending/not_started; 2:3 ana done/accepted; 3:4 ana pending/not_started; 4:5 ana pending/not_started; "
	if got := told(t, r.Results(t.Context())); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	twin, is, err := r.Twin(t.Context(), 3)
	ok(t, err)
	if !is || twin.Row.Seq != 2 {
		t.Errorf("the twin of row 3 is %d (%v)", twin.Row.Seq, is)
	}
}

// Addresses are compared without regard to case, ids and user names are not.
func TestWhoseAddressIsInAnotherCaseIsTheSameRow(t *testing.T) {
	l := open(t, t.TempDir())
	row := func(who resetter.Identity, to string) bulk.Row {
		return bulk.Row{Target: "looker", Identity: who, Action: resetter.ActionChangeEmail, NewEmail: to}
	}
	first := bulk.Rows(row(resetter.Email("ana@example.com"), "an@example.com"), row(resetter.Email("BÉN@example.com"), "be@example.com"),
		row(resetter.Username("cem"), "ce@example.com"), row(resetter.ID("d1"), "de@example.com"))
	r := begin(t, l, NewRun{Rows: first})
	for seq := 1; seq <= 4; seq++ {
		ok(t, r.Resolved(t.Context(), seq, resetter.Account{ID: fmt.Sprint(seq)}))
		ok(t, r.Record(t.Context(), done(seq)))
	}
	now := bulk.Rows(row(resetter.Email("bén@Example.com"), "be@example.com"), row(resetter.Email("Ana@example.com"), "AN@example.com"),
		row(resetter.Username("CEM"), "ce@example.com"), row(resetter.ID("D1"), "de@example.com"))
	if found, like, err := l.FindEdited(t.Context(), now); err != nil || found.ID() != r.ID() || like.Shared != 2 {
		t.Errorf("found %v, %+v, %v", found, like, err)
	}
	plan := begin(t, l, NewRun{Plan: true, Rows: now})
	ok(t, plan.Borrow(t.Context(), r))
	revised, err := r.Revise(t.Context(), NewRun{Rows: now})
	ok(t, err)
	if revised != (Revised{Kept: 2, Added: 2, Removed: 2}) {
		t.Errorf("revised: %+v", revised)
	}
	const want = "1:0 bén done/accepted; 2:0 Ana done/accepted; 3:0 CEM pending/not_started; 4:0 D1 pending/not_started; "
	for what, of := range map[string]*Run{"the run": r, "the plan": plan} {
		if got := told(t, of.Results(t.Context())); got != want {
			t.Errorf("%s is %s, want %s", what, got, want)
		}
	}
	for result, err := range r.Results(t.Context()) {
		if ok(t, err); result.Row.Seq == 2 && result.Row.NewEmail != "AN@example.com" {
			t.Errorf("the new address is written %s, not as in the table", result.Row.NewEmail)
		}
	}
}

// Of two rows that are the same but for the case of the new address, the one
// that the table has lost is the other's twin.
func TestARowThatIsLostIsATwinInWhateverCaseTheNewAddressIs(t *testing.T) {
	l := open(t, t.TempDir())
	row := func(name, to string) bulk.Row {
		return bulk.Row{Target: "looker", Identity: resetter.Username(name), Action: resetter.ActionChangeEmail, NewEmail: to}
	}
	r := begin(t, l, NewRun{Rows: bulk.Rows(row("ana", "an@example.com"))})
	ok(t, r.Resolved(t.Context(), 1, resetter.Account{ID: "1"}))
	ok(t, r.Record(t.Context(), done(1)))
	_, err := r.Revise(t.Context(), NewRun{Rows: bulk.Rows(row("anna", "AN@example.com"))})
	ok(t, err)
	ok(t, r.Resolved(t.Context(), 1, resetter.Account{ID: "1"}))
	if twin, is, err := r.Twin(t.Context(), 1); err != nil || !is || twin.Row.Seq != 0 {
		t.Errorf("its twin is %+v, %v, %v", twin, is, err)
	}
	if got, err := r.Adopt(t.Context(), 1); err != nil || got.Outcome != bulk.Done {
		t.Errorf("adopted %+v, %v", got, err)
	}
}

// Somebody corrects how a person is written: it is the same account.
func TestWhoStandsInTheTableInAnotherWayIsTheSamePerson(t *testing.T) {
	l := open(t, t.TempDir())
	r := begun(t, l)
	_, err := r.Revise(t.Context(), NewRun{Rows: table("anna", "benn", "cemm", "dee", "eve")})
	ok(t, err)
	for seq, c := range map[int]struct {
		account string
		twin    bulk.Outcome
	}{1: {"ana", bulk.Done}, 2: {"ben", bulk.Unknown}, 3: {"cem", ""}} { // who failed may be done
		ok(t, r.Resolved(t.Context(), seq, resetter.Account{ID: c.account}))
		twin, is, err := r.Twin(t.Context(), seq)
		ok(t, err)
		if is != (c.twin != "") || twin.Outcome != c.twin || twin.Row.Seq != 0 {
			t.Errorf("the twin of row %d is %d, %s (%v)", seq, twin.Row.Seq, twin.Outcome, is)
		}
	}
}

// Whose row failed, was done as written in another way, and is written now as at
// first, has been done.
func TestWhoIsWrittenAsAtFirstAgainIsNotTakenForFailed(t *testing.T) {
	l := open(t, t.TempDir())
	r := begun(t, l)
	_, err := r.Revise(t.Context(), NewRun{Rows: table("ana", "ben", "cemm", "dee", "eve")})
	ok(t, err)
	ok(t, r.Resolved(t.Context(), 3, resetter.Account{ID: "cem"}))
	ok(t, r.Intent(t.Context(), 3, 1))
	ok(t, r.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 3}, Outcome: bulk.Done, Reason: bulk.Accepted, Attempts: 1}))
	_, err = r.Revise(t.Context(), NewRun{Rows: table("ana", "ben", "cem", "dee", "eve")})
	ok(t, err)
	list, err := r.List(t.Context(), "looker", bulk.Ready, 2, 1)
	ok(t, err)
	if len(list) != 1 || list[0].Row.Seq != 3 {
		t.Fatalf("cem is not looked at anew: %s", told(t, r.Results(t.Context())))
	}
	attempts := func() (n int) {
		ok(t, l.reads.QueryRowContext(t.Context(), "SELECT count(*) FROM attempts").Scan(&n))
		return n
	}
	before := attempts()
	got, err := r.Adopt(t.Context(), 3)
	ok(t, err)
	if now := attempts(); now != before {
		t.Errorf("%d attempts of %d are left", now, before)
	}
	if got.Outcome != bulk.Done || got.Row.Identity.Value != "cem@example.com" {
		t.Errorf("adopted %+v", got)
	}

	// Who has failed and nothing else, has failed.
	_, err = r.Revise(t.Context(), NewRun{Rows: table("eve", "cem", "ben", "ana")})
	ok(t, err)
	if got, want := told(t, r.Results(t.Context())), "1:2 eve pending/not_started; 2:3 cem done/accepted; 3:4 ben unknown/why; 4:5 ana done/why; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whoever stands there in another way now is one row with what was done, and is
// settled, sent once more and counted as one.
func TestARowAdoptsWhatTheTableHasLost(t *testing.T) {
	l := open(t, t.TempDir())
	r := begun(t, l)
	_, err := r.Revise(t.Context(), NewRun{Rows: table("dee", "benn", "cemm", "eve")})
	ok(t, err)
	ok(t, r.Resolved(t.Context(), 2, resetter.Account{ID: "ben"}))
	got, err := r.Adopt(t.Context(), 2)
	ok(t, err)
	if got.Outcome != bulk.Unknown || got.Row.Seq != 2 || got.Row.Line != 3 || got.Row.Identity.Value != "benn@example.com" || got.Attempts != 1 ||
		got.Row.Cells[0] != "benn" || !strings.Contains(got.Detail, "as ben@example.com") {
		t.Errorf("adopted %+v", got)
	}
	const want = "1:2 dee pending/not_started; 2:3 benn unknown/why; 3:4 cemm pending/not_started; 4:5 eve pending/not_started; "
	if got := told(t, r.Results(t.Context())); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := told(t, r.Removed(t.Context())), "0:2 ana done/why; 0:4 cem failed/why; "; got != want {
		t.Errorf("removed: got %s, want %s", got, want)
	}
	ok(t, r.Settle(t.Context(), bulk.Result{Row: bulk.Row{Seq: 2}, Outcome: bulk.Failed, Reason: "unavailable"}))
	mailed, err := r.LastMailed(t.Context(), "looker", "ben")
	ok(t, err)
	if !mailed.InDoubt.IsZero() {
		t.Error("it is in doubt in another place still")
	}
	for seq, what := range map[int]string{1: "who was always there", 3: "whose twin has failed", 4: "who is not looked up", 9: "who is not there"} {
		if seq == 3 {
			ok(t, r.Resolved(t.Context(), 3, resetter.Account{ID: "cem"}))
		}
		if _, err := r.Adopt(t.Context(), seq); err == nil {
			t.Errorf("row %d, %s, has adopted somebody", seq, what)
		}
	}
}

func TestWhomTheOperatorLeftOutIsTakenInAgain(t *testing.T) {
	l := open(t, t.TempDir())
	rows := []bulk.Row{{Target: "looker"}, {Target: "sugar"}, {Target: "unleash"}, {Target: "sugar"}}
	r := begin(t, l, NewRun{Excluded: []string{"sugar", "unleash"}, Rows: bulk.Rows(rows...)})
	ok(t, r.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 1}, Outcome: bulk.Skipped, Reason: bulk.Excluded, Detail: "by a guard"}))
	ok(t, r.Include(t.Context(), []string{"looker", "unleash"}))
	var got []string
	for result, err := range r.Results(t.Context()) {
		ok(t, err)
		got = append(got, fmt.Sprintf("%s %s/%s", result.Row.Target, result.Outcome, result.Reason))
	}
	if want := []string{"looker skipped/excluded", "sugar pending/not_started", "unleash skipped/excluded", "sugar pending/not_started"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestATableThatCannotBeReadToItsEndChangesNothing(t *testing.T) {
	l := open(t, t.TempDir())
	r := begun(t, l)
	before := told(t, r.Results(t.Context()))
	broken := errors.New("it was changed while it was being read")
	_, err := r.Revise(t.Context(), NewRun{Content: "second", Rows: func(yield func(bulk.Row, error) bool) {
		_ = yield(bulk.Row{Seq: 1, Target: "looker"}, nil) && yield(bulk.Row{}, broken)
	}})
	if err != broken {
		t.Errorf("got %v, want the error as it came", err)
	}
	if got := told(t, r.Results(t.Context())); got != before || r.Content() != "first" {
		t.Errorf("got %s, content %s", got, r.Content())
	}
	_, err = r.Revise(t.Context(), NewRun{Rows: table("ana")}) // and nothing is left of the attempt
	ok(t, err)
}

func TestOnlyTargetsThatAreNewAreLeftOutOfARevisedTable(t *testing.T) {
	l := open(t, t.TempDir())
	r := begun(t, l)
	_, err := r.Revise(t.Context(), NewRun{Excluded: []string{"looker"}, Rows: table("eve", "fay")})
	ok(t, err)
	if got, want := told(t, r.Results(t.Context())), "1:2 eve pending/not_started; 2:3 fay skipped/excluded; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTheRunOfAnEditedTableIsFoundByItsRows(t *testing.T) {
	for _, c := range []struct {
		name  string
		table []string
		found bool // as its own
	}{
		{"sorted anew", []string{"eve", "dee", "cem", "ben", "ana"}, true},
		{"added to", []string{"ana", "ben", "cem", "dee", "eve", "f", "g", "h", "i", "j", "k", "l", "m"}, true},
		{"two taken out", []string{"ana", "ben", "cem"}, true},
		{"three taken out", []string{"ana", "ben"}, false},
		{"one person many times", []string{"ana", "ana", "ana", "ana", "ana"}, false},
		{"of other people", []string{"x", "y", "z"}, false},
		{"empty", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := open(t, t.TempDir())
			r := begun(t, l)
			begin(t, l, NewRun{Content: "newer", Rows: table("p", "q", "x")}) // of other people
			plan := begin(t, l, NewRun{Plan: true, Rows: table(c.table...)})
			found, like, err := l.FindEdited(t.Context(), table(c.table...))
			if like.Most != c.found || c.found && (err != nil || found.ID() != r.ID()) {
				t.Errorf("found %v, %+v, %v; the plan is %s", found, like, err, plan.ID())
			}
		})
	}
	// Of several runs the one that it has most of.
	l := open(t, t.TempDir())
	r := begun(t, l)
	begin(t, l, NewRun{Rows: table("ana")})
	if found, like, err := l.FindEdited(t.Context(), table("ana", "ben", "cem", "dee", "x")); err != nil || found.ID() != r.ID() || like.Shared != 4 {
		t.Errorf("found %v, %+v, %v, want the run of five", found, like, err)
	}
	if found, like, err := l.FindEdited(t.Context(), table("ben", "cem", "x")); err != nil || found.ID() != r.ID() || like != (Likeness{Shared: 2}) {
		t.Errorf("found %v, %+v, %v, want to be told of the run of five", found, like, err)
	}
	l = open(t, t.TempDir())
	r = begun(t, l)
	for seq := range 6 {
		_ = r.Record(t.Context(), done(seq))
	}
	if finished, err := r.Finish(t.Context()); err != nil || !finished {
		t.Fatal(finished, err)
	}
	if _, _, err := l.FindEdited(t.Context(), table("ana", "ben", "cem", "dee", "eve")); !errors.Is(err, ErrNoRun) {
		t.Errorf("a finished run is found: %v", err)
	}
}

func TestALargeRunIsKnownByASample(t *testing.T) {
	l := open(t, t.TempDir())
	const n = 3 * sampled
	r := begin(t, l, NewRun{Rows: manyRows(n)})
	part := func(from, to int) iter.Seq2[bulk.Row, error] {
		return func(yield func(bulk.Row, error) bool) {
			for row, err := range manyRows(n) {
				if row.Seq > from && row.Seq <= to && !yield(row, err) {
					return
				}
			}
		}
	}
	if found, like, err := l.FindEdited(t.Context(), part(n/3, n)); err != nil || found.ID() != r.ID() || !like.Most {
		t.Errorf("two thirds: %v, %+v, %v", found, like, err)
	}
	if _, like, err := l.FindEdited(t.Context(), part(n*2/3, n)); err != nil || like.Most || like.Shared < n/4 || like.Shared > n/2 {
		t.Errorf("one third: %+v, %v", like, err)
	}
}

// What an earlier release wrote is brought forward with all that it says.
func TestALedgerOfTheFirstVersionIsBroughtForward(t *testing.T) {
	released := steps
	t.Cleanup(func() { steps = released })
	dir := t.TempDir()
	steps = released[:1]
	l, err := Open(t.Context(), dir, Options{})
	if err == nil {
		t.Fatal("the statements of this release work with the first version")
	}
	old := openDatabase(filepath.Join(dir, FileName), false)
	_, err = old.ExecContext(t.Context(), `
		INSERT INTO runs (key, id, content, columns, plan, started_at) VALUES (1, 'old', 'x', '["email"]', 0, 1);
		INSERT INTO rows (run, seq, line, target, kind, identity, action, new_email, cells, account_id, account, outcome, reason, finished_at, stage) VALUES
			(1, 1, 2, 'looker', 'email', 'ana@example.com', 'reset', '', '[]', 'ana', '{}', 'done', 'accepted', 7, NULL),
			(1, 2, 3, 'looker', 'email', 'ben@example.com', 'reset', '', '[]', 'ben', '{}', 'pending', 'not_started', NULL, 1);
		INSERT INTO attempts (run, seq, n, at, event) VALUES (1, 1, 1, 7, 'intent');`)
	ok(t, errors.Join(err, old.Close()))
	steps = released
	l = open(t, dir)
	r, err := l.Find(t.Context(), "x")
	ok(t, err)
	if got, want := told(t, r.Results(t.Context())), "1:2 ana done/accepted; 2:3 ben pending/not_started; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	ok(t, r.Intent(t.Context(), 2, 1))
}

// Until then the content of a run hung on the case of addresses.
func TestARunOfTheThirdVersionIsFoundByItsTableStill(t *testing.T) {
	released := steps
	t.Cleanup(func() { steps = released })
	dir := t.TempDir()
	steps = released[:3]
	l := open(t, dir)
	before := func(names ...string) string {
		var s sum
		for row, err := range table(names...) {
			ok(t, err)
			s.add(row)
		}
		return s.content()
	}
	mixed := begin(t, l, NewRun{Content: before("Ana", "ben"), Rows: table("Ana", "ben")})
	small := begin(t, l, NewRun{Content: before("cem"), Rows: table("cem")})
	own := begin(t, l, NewRun{Content: "a word of the program's own", Rows: table("Dee")})
	finished := begin(t, l, NewRun{Content: before("Eve"), Rows: table("Eve")})
	ok(t, finished.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 1}, Outcome: bulk.Unknown, Reason: "lost_answer"}))
	_, err := finished.Finish(t.Context())
	ok(t, err)
	ok(t, l.Close())

	steps = released
	l = open(t, dir)
	for _, c := range []struct {
		run  *Run
		find func(string) (*Run, error)
		by   string
	}{
		{mixed, func(c string) (*Run, error) { return l.Find(t.Context(), c) }, mustContent(t, table("ana", "ben"))},
		{small, func(c string) (*Run, error) { return l.Find(t.Context(), c) }, mustContent(t, table("cem"))},
		{own, func(c string) (*Run, error) { return l.Find(t.Context(), c) }, own.Content()},
		{finished, func(c string) (*Run, error) { return l.FindInDoubt(t.Context(), c) }, mustContent(t, table("Eve"))},
	} {
		if got, err := c.find(c.by); err != nil || got.ID() != c.run.ID() {
			t.Errorf("found %v, %v by %s, want %s", got, err, c.by, c.run.ID())
		}
	}
}

func mustContent(t testing.TB, rows iter.Seq2[bulk.Row, error]) string {
	c, err := Content(rows)
	ok(t, err)
	return c
}

// Whoever was mailed by another run after this one had begun is known to be.
func TestWhatOtherRunsMailMeanwhileIsTold(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	l, err := Open(t.Context(), t.TempDir(), Options{Now: func() time.Time { now = now.Add(time.Second); return now }})
	ok(t, err)
	t.Cleanup(func() { ok(t, l.Close()) })
	mail := func(r *Run) {
		ok(t, r.Resolved(t.Context(), 1, resetter.Account{ID: "ana"}))
		ok(t, r.Intent(t.Context(), 1, 1))
		ok(t, r.Record(t.Context(), done(1)))
	}
	meanwhile := func(r *Run) bool {
		m, err := r.LastMailed(t.Context(), "looker", "ana")
		ok(t, err)
		return m.Meanwhile
	}
	before := begin(t, l, NewRun{Rows: table("ana")})
	mail(before)
	r := begin(t, l, NewRun{Rows: table("ana")})
	if meanwhile(r) {
		t.Error("it was mailed before this run began")
	}
	other := begin(t, l, NewRun{Rows: table("ana")})
	mail(other)
	if !meanwhile(r) || meanwhile(other) {
		t.Errorf("meanwhile: %v, and for the run that did it %v", meanwhile(r), meanwhile(other))
	}
}

func TestAPlanBorrowsWhatTheRunHasComeTo(t *testing.T) {
	l := open(t, t.TempDir())
	r := begun(t, l)
	ok(t, r.Intent(t.Context(), 4, 1)) // dee is in flight
	plan := begin(t, l, NewRun{Plan: true, Rows: table("fay", "dee", "anna", "cem", "eve", "ben")})
	ok(t, plan.Borrow(t.Context(), r))
	const want = "1:2 fay pending/not_started; 2:3 dee unknown/interrupted; 3:4 anna pending/not_started; 4:5 cem failed/why; 5:6 eve pending/not_started; 6:7 ben unknown/why; "
	if got := told(t, plan.Results(t.Context())); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	ok(t, plan.Resolved(t.Context(), 3, resetter.Account{ID: "ana"}))
	if twin, is, err := plan.Twin(t.Context(), 3); err != nil || !is || twin.Outcome != bulk.Done || twin.Row.Seq != 0 {
		t.Errorf("the twin of who is written in another way: %+v, %v, %v", twin, is, err)
	}
	ok(t, plan.Discard(t.Context()))
	if got := told(t, r.Results(t.Context())); !strings.HasPrefix(got, "1:2 ana done/why; 2:3 ben unknown/why; 3:4 cem failed/why; 4:5 dee pending/not_started; ") {
		t.Errorf("the run is %s after the plan", got)
	}
}

// To hold each row of a large table against all rows of the run would take hours:
// each of both is read once.
func TestAnEditedTableIsComparedInOnePass(t *testing.T) {
	l := open(t, t.TempDir())
	rows, err := l.writer.conn.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+paired(`run = ?1`, `seq > ?2`), 1, 1)
	ok(t, err)
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		ok(t, rows.Scan(&id, &parent, &unused, &step))
		if strings.HasPrefix(step, "SEARCH") || strings.HasPrefix(step, "SCAN") {
			plan = append(plan, step)
		}
	}
	ok(t, rows.Err())
	reads := 0
	for _, step := range plan {
		if strings.Contains(step, "rows") {
			reads++
		}
	}
	if reads != 1 {
		t.Errorf("the rows are read %d times: %s", reads, strings.Join(plan, "; "))
	}
}
