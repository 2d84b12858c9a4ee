package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

func result(line int, cells ...string) bulk.Result {
	return bulk.Result{
		Row: bulk.Row{Seq: line, Line: line, Target: "looker", Identity: resetter.Email(cells[0]),
			Action: resetter.ActionReset, Cells: cells},
		Account: resetter.Account{ID: "42"}, Outcome: bulk.Done, Reason: bulk.Accepted, Detail: "accepted",
		Attempts: 1, Status: 200, FinishedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600)),
	}
}

func sequence(results ...bulk.Result) iter.Seq2[bulk.Result, error] {
	return func(yield func(bulk.Result, error) bool) {
		for _, r := range results {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func written(t *testing.T, f Format, columns []string, results ...bulk.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteResults(&b, f, columns, "run1", sequence(results...)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestResultsKeepTheInputsColumnsAndAddTheirOwn(t *testing.T) {
	pending := result(3, "b@x.io", "two\nlines")
	pending.Account, pending.Outcome, pending.Reason, pending.Detail = resetter.Account{}, bulk.Pending, bulk.NotStarted, ""
	pending.Attempts, pending.Status, pending.FinishedAt = 0, 0, time.Time{}
	for _, tt := range []struct {
		f    Format
		want string
	}{
		{CSV, "email,note,row,target,action,account_id,outcome,reason,detail,attempts,http_status,finished_at,run_id\n" +
			"a@x.io,\"1, \"\"2\"\"\",2,looker,reset,42,done,accepted,accepted,1,200,2026-03-01T11:00:00Z,run1\n" +
			"b@x.io,\"two\nlines\",3,looker,reset,,pending,not_started,not begun; going on with the run does it,0,,,run1\n"},
		{NDJSON, `{"email":"a@x.io","note":"1, \"2\"","row":2,"target":"looker","action":"reset","account_id":"42","outcome":"done","reason":"accepted","detail":"accepted","attempts":1,"http_status":200,"finished_at":"2026-03-01T11:00:00Z","run_id":"run1"}` + "\n" +
			`{"email":"b@x.io","note":"two\nlines","row":3,"target":"looker","action":"reset","account_id":null,"outcome":"pending","reason":"not_started","detail":"not begun; going on with the run does it","attempts":0,"http_status":null,"finished_at":null,"run_id":"run1"}` + "\n"},
		{Text, "ROW  WHO     TARGET  ACTION  OUTCOME  REASON       DETAIL\n" +
			"2    a@x.io  looker  reset   done     accepted     accepted\n" +
			"3    b@x.io  looker  reset   pending  not_started  not begun; going on with the run does it\n"},
	} {
		got := written(t, tt.f, []string{"email", "note"}, result(2, "a@x.io", `1, "2"`), pending)
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", tt.f, d)
		}
	}
}

func TestAPlanSaysWhatWouldBeDoneAndWhyNot(t *testing.T) {
	todo, out := result(2, "a@x.io"), result(3, "b@x.io")
	todo.Outcome, todo.Reason, todo.Detail = bulk.Pending, bulk.NotStarted, ""
	out.Outcome, out.Reason, out.Detail = bulk.Skipped, bulk.Cooldown, "mailed an hour ago"
	for f, want := range map[Format]string{
		CSV: "email,row,target,action,account_id,would,reason,detail\n" +
			"a@x.io,2,looker,reset,42,reset,,\nb@x.io,3,looker,reset,42,skipped,cooldown,mailed an hour ago\n",
		Text: "ROW  WHO     TARGET  ACTION  WOULD    REASON    DETAIL\n" +
			"2    a@x.io  looker  reset   reset\n3    b@x.io  looker  reset   skipped  cooldown  mailed an hour ago\n",
	} {
		var b bytes.Buffer
		if err := WritePlan(&b, f, []string{"email"}, 0, sequence(todo, out)); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, b.String()); d != "" {
			t.Errorf("%s: %s", f, d)
		}
	}
}

func TestJSONIsOneArrayWhateverThereIs(t *testing.T) {
	for n := range 3 {
		results := slices.Repeat([]bulk.Result{result(2, "<a&b>@x.io")}, n)
		text := written(t, JSON, []string{"email"}, results...)
		var got []map[string]any
		if err := json.Unmarshal([]byte(text), &got); err != nil || len(got) != n {
			t.Errorf("%d results: %v in %s", n, err, text)
		}
		if n > 0 && !strings.Contains(text, `"<a&b>@x.io"`) {
			t.Errorf("escaped for HTML: %s", text)
		}
		if lines := written(t, NDJSON, []string{"email"}, results...); strings.Count(lines, "\n") != n {
			t.Errorf("%d results make %q", n, lines)
		}
	}
	if written(t, NDJSON, nil) != "" {
		t.Error("no results are not nothing")
	}
}

func TestAnInputColumnOfAResultsNameIsKept(t *testing.T) {
	header := resultsOf("").header([]string{"email", "Target", "outcome", "input_outcome", "row"})
	want := []string{"email", "input_Target", "input_input_outcome", "input_outcome", "input_row"}
	if d := cmp.Diff(want, header[:5]); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(resultsOf("").names, header[5:]); d != "" {
		t.Error(d)
	}
}

func TestNoKeyOfAnObjectIsLost(t *testing.T) {
	columns := []string{"name", "", "name", "name_2", "", "Row"}
	keys := unique(resultsOf("").header(columns))
	slices.Sort(keys)
	if n := len(slices.Compact(keys)); n != len(columns)+len(resultsOf("").names) {
		t.Errorf("%d keys: %q", n, keys)
	}
	if !slices.Contains(keys, "outcome") || !slices.Contains(keys, "name") || !slices.Contains(keys, "input_Row") {
		t.Errorf("%q", keys)
	}
}

func TestNoCellRunsAsAFormula(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"},
		{"+49 30 1234", "'+49 30 1234"},
		{"-5", "'-5"},
		{"@SUM(A1)", "'@SUM(A1)"},
		{"\t=1", "'\t'=1"},
		{"\r=1", "'\r'=1"},
		{"  =1", "'  =1"},
		{"＝1", "'＝1"},
		{"x;=1", "x;'=1"},
		{"x\n-1", "x\n'-1"},
		{"+tag@x.io", "'+tag@x.io"},
		{"a+tag@x.io", "a+tag@x.io"},
		{"a-b = c", "a-b = c"},
		{"'=1", "'=1"},
		{"", ""},
		{";", ";"},
		{"looker;sugar", "looker;sugar"},
		{"7", "7"},
	} {
		if got := defuse(tt.in); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
		if got := defuse(defuse(tt.in)); got != tt.want {
			t.Errorf("%q twice: got %q", tt.in, got)
		}
	}
	r := result(2, "=1+1")
	r.Detail, r.Account.ID = "=HYPERLINK(1)", "@1"
	for line := range strings.Lines(written(t, CSV, []string{"=2+2"}, r)) {
		for cell := range strings.SplitSeq(line, ",") {
			if startsFormula(cell) {
				t.Errorf("%q in %s", cell, line)
			}
		}
	}
}

func TestResultsThatFailToComeAreAnError(t *testing.T) {
	gone := errors.New("the journal is gone")
	broken := func(yield func(bulk.Result, error) bool) {
		if yield(result(2, "a@x.io"), nil) {
			yield(bulk.Result{}, gone)
		}
	}
	for _, f := range []Format{CSV, NDJSON, JSON, XLSX, Text} {
		if err := WriteResults(&bytes.Buffer{}, f, nil, "run1", broken); !errors.Is(err, gone) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestADiskThatIsFullIsAnError(t *testing.T) {
	full := errors.New("no space left")
	for _, f := range []Format{CSV, NDJSON, JSON, XLSX, Text} {
		err := WriteResults(failingWriter{full}, f, []string{"e"}, "run1", sequence(slices.Repeat([]bulk.Result{result(1, "a")}, 5000)...))
		if !errors.Is(err, full) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestATableForATerminalIsAlignedAndHarmless(t *testing.T) {
	wide := result(10, "日本@x.io")
	wide.Detail = "bad\x1b[2Jthing\u202e\nnext"
	results := append(slices.Repeat([]bulk.Result{result(2, "a@x.io")}, textSample), wide)
	long := result(11, strings.Repeat("y", 100)+"@x.io")
	got := written(t, Text, nil, append(results, long)...)
	if strings.ContainsAny(got, "\x1b\u202e") {
		t.Error("control characters are shown")
	}
	if !strings.Contains(got, "bad[2Jthing next\n") {
		t.Errorf("got %q", got[len(got)-200:])
	}
	var starts []int
	for line := range strings.Lines(got) {
		before, _, _ := strings.Cut(line, "looker")
		if before != line {
			starts = append(starts, ui.Width(before))
		}
	}
	if slices.Sort(starts); starts[0] != starts[len(starts)-1] {
		t.Errorf("the column begins between %d and %d", starts[0], starts[len(starts)-1])
	}
}

func TestTheFormatFollowsTheEnding(t *testing.T) {
	for _, tt := range []struct {
		path  string
		asked Format
		want  Format // empty is an error
	}{
		{"a.csv", "", CSV}, {"a.NDJSON", "", NDJSON}, {"a.jsonl", "", NDJSON}, {"a.json", "", JSON}, {"-", "", CSV},
		{"a", "", CSV}, {"a.json", CSV, CSV}, {"a.csv", Text, Text}, {"a.xlsx", "", XLSX}, {"a.csv", XLSX, XLSX}, {"a.xls", "", ""}, {"a.doc", "", ""}, {"a.csv", "xml", ""},
	} {
		got, err := FormatFor(tt.path, tt.asked)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s, %q: got %q, %v", tt.path, tt.asked, got, err)
		}
	}
}

func FuzzTheRoundTripKeepsTheOtherColumns(f *testing.F) {
	f.Add("email,note\na@x.io,\"a,b\"\n")
	f.Add("email;note;=x\na@x.io;=1;-2\n")
	f.Add("mail\ttarget\toutcome\n+a@x.io\tlooker\tdone\n")
	f.Add("email,a,a\na@x.io,\"x\r\ny\",'=\n")
	f.Fuzz(func(t *testing.T, content string) {
		o := three
		o.TempDir, o.Format = t.TempDir(), CSV
		r, err := Open(t.Context(), "-", strings.NewReader(content), o)
		if err != nil {
			return
		}
		defer func() { _ = r.Close() }()
		var results []bulk.Result
		for row, err := range r.Rows() {
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, bulk.Result{Row: row, Outcome: bulk.Done})
		}
		text := written(t, CSV, r.Columns(), results...)
		lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		for i, result := range results {
			for j, cell := range result.Row.Cells {
				// encoding/csv reads \r\n as \n.
				want := strings.ReplaceAll(defuse(cell), "\r\n", "\n")
				if got := lines[i+1][j]; got != want {
					t.Fatalf("cell %q became %q", cell, got)
				}
				if startsFormula(lines[i+1][j]) {
					t.Fatalf("%q runs", lines[i+1][j])
				}
			}
		}
		for i, text := range []string{written(t, JSON, r.Columns(), results...)} {
			if !json.Valid([]byte(text)) {
				t.Fatalf("%d: no JSON: %q", i, text)
			}
		}
	})
}
