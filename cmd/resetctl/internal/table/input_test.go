package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

var three = Options{
	Targets:        []string{"unleash", "looker", "sugar"},
	DefaultTargets: []string{"looker"},
	DefaultAction:  resetter.ActionReset,
}

// read opens content under a name and gives its rows in short.
func read(t *testing.T, name, content string, o Options) (*Reader, []string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), path, nil, o)
	if err != nil {
		var refused *Refused
		if errors.As(err, &refused) {
			refused.File = name
		}
		return nil, nil, err
	}
	t.Cleanup(func() { _ = r.Close() })
	rows, err := short(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != r.Len() {
		t.Errorf("Len is %d, but Rows yields %d", r.Len(), len(rows))
	}
	return r, rows, nil
}

func short(r *Reader) (out []string, err error) {
	for row, err := range r.Rows() {
		if err != nil {
			return nil, err
		}
		s := fmt.Sprintf("%d@%d %s %s:%s %s", row.Seq, row.Line, row.Target, row.Identity.Kind, row.Identity.Value, row.Action)
		if row.NewEmail != "" {
			s += " " + row.NewEmail
		}
		out = append(out, s)
	}
	return out, nil
}

func utf16File(s string, big bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune("\uFEFF" + s)) {
		hi, lo := byte(u>>8), byte(u)
		if big {
			b.WriteString(string([]byte{hi, lo}))
		} else {
			b.WriteString(string([]byte{lo, hi}))
		}
	}
	return b.String()
}

func TestATableIsReadInEveryShapeThatProgramsWrite(t *testing.T) {
	ana := []string{"1@2 looker email:ana@example.com reset"}
	for _, tt := range []struct {
		name, file, content string
		want                []string
	}{
		{"commas", "a.csv", "email\nana@example.com\n", ana},
		{"no line end at the end", "a.csv", "email\nana@example.com", ana},
		{"CRLF", "a.csv", "email,name\r\nana@example.com,Ana\r\n", ana},
		{"semicolons", "a.csv", "Name;E-Mail\nWeiß, Ana;ana@example.com\n", ana},
		{"semicolons with commas in the header", "a.csv", "Name, first;E-Mail;Team, role\nAna;ana@example.com;x\n", ana},
		{"tabs", "a.tsv", "name\tMAIL\nAna\tana@example.com\n", ana},
		{"bars", "a.txt", "name|work_email\nAna|ana@example.com\n", ana},
		{"a byte order mark", "a.csv", "\xEF\xBB\xBFemail,name\nana@example.com,Ana\n", ana},
		{"a byte order mark and quotes", "a.csv", "\xEF\xBB\xBF\"email\",name\nana@example.com,Ana\n", ana},
		{"UTF-16 little endian", "a.csv", utf16File("email\tname\r\nana@example.com\tÄnne\r\n", false), ana},
		{"UTF-16 big endian", "a.csv", utf16File("email;name\nana@example.com;Änne\n", true), ana},
		{"Excel's sep line", "a.csv", "sep=;\r\nemail;a,b\r\nana@example.com;x\r\n", []string{"1@3 looker email:ana@example.com reset"}},
		{"line ends within quotes", "a.csv", "email,note\nana@example.com,\"one\ntwo\"\nbo@example.com,x\n",
			[]string{"1@2 looker email:ana@example.com reset", "2@4 looker email:bo@example.com reset"}},
		{"blank lines and blank cells", "a.csv", "\nemail,name\n\n,\n  ,\nana@example.com\n", []string{"1@6 looker email:ana@example.com reset"}},
		{"empty cells too many", "a.csv", "email\nana@example.com,,,\n", ana},
		{"blanks around", "a.csv", "email\n\u00a0 ana@example.com \n", ana},
		{"NDJSON", "a.ndjson", `{"email":"ana@example.com"}` + "\n\n" + `{"name":"Bo","Login":"bo","n":1}` + "\n",
			[]string{"1@1 looker email:ana@example.com reset", "2@3 looker username:bo reset"}},
		{"NDJSON with a byte order mark", "a.jsonl", "\xEF\xBB\xBF" + `{"user_id":9007199254740993}`, []string{"1@1 looker id:9007199254740993 reset"}},
		{"NDJSON without an ending that says so", "people", `{"email":"ana@example.com"}`, []string{"1@1 looker email:ana@example.com reset"}},
		{"a header alone", "a.csv", "email,target\n", nil},
		{"a header alone with blank lines", "a.csv", "email,target\r\n\r\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got, err := read(t, tt.file, tt.content, three)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRowsSayWhoWhereAndWhat(t *testing.T) {
	for _, tt := range []struct {
		name, content string
		want          []string
	}{
		{"targets of a cell make a row each, by name", "email,System\na@x.io,unleash;Looker\nb@x.io,sugar|unleash|sugar\n", []string{
			"1@2 looker email:a@x.io reset", "2@2 unleash email:a@x.io reset",
			"3@3 sugar email:b@x.io reset", "4@3 unleash email:b@x.io reset"}},
		{"all", "email,target\na@x.io,ALL\n", []string{
			"1@2 looker email:a@x.io reset", "2@2 sugar email:a@x.io reset", "3@2 unleash email:a@x.io reset"}},
		{"an empty target is the default", "email,target\na@x.io,\n", []string{"1@2 looker email:a@x.io reset"}},
		{"an action of the row", "email,Action\na@x.io,Lock\nb@x.io,\n", []string{
			"1@2 looker email:a@x.io lock", "2@3 looker email:b@x.io reset"}},
		{"a new address", "email,action,New Email\na@x.io,change-email,b@x.io\nc@x.io,reset,ignored\n", []string{
			"1@2 looker email:a@x.io change-email b@x.io", "2@3 looker email:c@x.io reset"}},
		{"the e-mail, else the id, else the user name", "login,userid,mail,target\nana,0042,a@x.io,sugar\nbo,0043,,sugar\ncy,,,sugar\n", []string{
			"1@2 sugar email:a@x.io reset", "2@3 sugar id:0043 reset", "3@4 sugar username:cy reset"}},
		{"a bare id is nobody's", "id,email\n17,a@x.io\n", []string{"1@2 looker email:a@x.io reset"}},
		{"what a result file says can be read back", "email,outcome\n'+tag@x.io,failed\n'-a@x.io,failed\n'o@x.io,x\n", []string{
			"1@2 looker email:+tag@x.io reset", "2@3 looker email:-a@x.io reset", "3@4 looker email:'o@x.io reset"}},
		{"case stays", "email\nAna.B@X.io\n", []string{"1@2 looker email:Ana.B@X.io reset"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got, err := read(t, "a.csv", tt.content, three)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWhatIsWrongIsSaidWithLineColumnAndFix(t *testing.T) {
	nowhere := three
	nowhere.DefaultTargets, nowhere.DefaultAction = nil, ""
	for _, tt := range []struct {
		name, file, content string
		o                   Options
		want                string // one line for each problem; each must be found, and no more
	}{
		{"nothing in it", "a.csv", "", three, "a.csv: the file is empty"},
		{"only a byte order mark", "a.csv", "\xEF\xBB\xBF\r\n", three, "a.csv: the file is empty"},
		{"only blank lines", "a.ndjson", "\n \n", three, "a.ndjson: the file is empty"},
		{"nobody", "a.csv", "id,name\n1,Ana\n", three, `a.csv:1: no column says who: name one email, user_id or username (found: "id", "name"), or say which it is with --map email=COLUMN; if "id" is the target system's own id: --map user_id="id"`},
		{"two columns of one meaning", "a.csv", "email,Work Mail,work email\nb@x.io,a@x.io,\n", three, `a.csv:1: work email: both this column and "email" say the email`},
		{"not one address", "a.csv", "email\nana\nAna <a@x.io>\na@x.io, b@x.io\n", three,
			"a.csv:2: email: \"ana\" is not one e-mail address\na.csv:3: email: \na.csv:4: 2 cells, but the header names 1 column"},
		{"an id that would change a URL", "a.csv", "user_id\n../1\na/b\n", three, "a.csv:2: user_id: \na.csv:3: user_id: "},
		{"an id for several systems", "a.csv", "User ID,target\n1,all\n", three, "a.csv:2: User ID: the id \"1\" is one system's own, but the row is for looker, sugar, unleash"},
		{"an unknown target", "a.csv", "email,target\na@x.io,\"lokker,sugar\"\n", three, `a.csv:2: target: unknown target "lokker,sugar": configured are looker, sugar, unleash; put ; between`},
		{"a target of bars alone", "a.csv", "email,target\na@x.io,;\n", three, "a.csv:2: target: no target is named"},
		{"targets that are misspelt", "a.csv", "email,target\na@x.io,lokker;nowhere;suagr\n", three,
			`a.csv:2: target: unknown target "lokker", "nowhere", "suagr": configured are looker, sugar, unleash; put ; between several; did you mean looker and sugar?`},
		{"actions that are misspelt", "a.csv", "email,action\na@x.io,rest\nb@x.io,Force change\n", three,
			"a.csv:2: action: unknown action \"rest\": write one of reset, force-change, change-email, lock, unlock; did you mean reset?\n" +
				"a.csv:3: action: unknown action \"Force change\": write one of reset, force-change, change-email, lock, unlock; did you mean force-change?"},
		{"an unknown action", "a.csv", "email,action\na@x.io,delete\n", three, `a.csv:2: action: unknown action "delete": write one of reset, `},
		{"no target and no action, for all rows alike", "a.csv", "email\na@x.io\nb@x.io\n", nowhere,
			"a.csv:2: target: no target: give --target, or add a column of this name\na.csv:2: action: no action: give --action, or add a column of this name"},
		{"no target in some rows", "a.csv", "email,target,action\na@x.io,,lock\nb@x.io,,lock\n", nowhere, "a.csv:2: target: no target\na.csv:3: target: no target"},
		{"change-email without the new one", "a.csv", "email,action,new_email\na@x.io,change-email,\nb@x.io,change-email,b\n", three,
			"a.csv:2: new_email: change-email needs\na.csv:3: new_email: \"b\" is not one"},
		{"a row of nobody", "a.csv", "email,login,n\n,,x\n", three, `a.csv:2: says nobody: fill "email" or "login"`},
		{"too many cells", "a.csv", "email,name\na@x.io,Ana,x\n", three, "a.csv:2: 3 cells, but the header names 2 columns"},
		{"a quote that is not closed", "a.csv", "email,n\na@x.io,\"x\nb@x.io,y\n", three, `a.csv:2: the quotes (") of the cell that begins here do not match`},
		{"a quote that is not closed in the last line", "a.csv", "email,n\na@x.io,\"x", three, `a.csv:2: the quotes (") of a cell do not match`},
		{"a quote that ends too early", "a.csv", "n,email\n\"Ana \"Nana\" A\",a@x.io\n\"Bo\" ,b@x.io\nC,cy\n", three,
			"a.csv:2: the quotes (\") of a cell do not match: double those that stand inside\na.csv:3: the quotes\na.csv:4: email: \"cy\" is not one"},
		{"a quote within", "a.csv", "email,n\na@x.io,An\"na\nb,y\n", three, "a.csv:2: a quote (\") stands inside\na.csv:3: email: \"b\" is not one"},
		{"windows-1252", "a.csv", "email,name\na@x.io,J\xfcrgen\nb@x.io,J\xfcrgen\n", three, "a.csv:2: name: not UTF-8 text, probably windows-1252: save"},
		{"windows-1252 in the header", "a.csv", "email,Stra\xdfe\na@x.io,x\n", three, "a.csv:1: Stra\uFFFDe: not UTF-8 text, probably windows-1252: save"},
		{"UTF-32", "a.csv", "\xFF\xFE\x00\x00e\x00\x00\x00", three, "a.csv: the text is UTF-32"},
		{"UTF-16 without a mark", "a.csv", "e\x00m\x00a\x00i\x00l\x00\n\x00", three, "a.csv: there are NUL bytes in it: UTF-16 without a byte order mark"},
		{"an old Macintosh", "a.csv", "email\ra@x.io\rb@x.io", three, "a.csv: the lines end as those of an old Macintosh"},
		{"an old Macintosh, and one line of today", "a.csv", "email,target\ra@x.io,looker\rb@x.io,looker\n", three, "a.csv:1: a line ends here as those of an old Macintosh"},
		{"some lines of an old Macintosh", "a.csv", "email,n\r\na@x.io,A\rb@x.io,B\r\nc@x.io,C\r\n\"d\rd\",\re\rf@x.io\r\n", three,
			"a.csv:2: a line ends here\na.csv:4: a line ends here"},
		{"a last line of an old Macintosh, long after the first", "a.csv", "email,n\n" + strings.Repeat("a@x.io,\"A\rA\"\n", 20_000) + "a@x.io,A\rb@x.io,B", three,
			"a.csv:20002: a line ends here"},
		{"a workbook that is cut off", "a.csv", "PK\x03\x04....", three, "a.csv: the workbook is cut off or damaged"},
		{"a JSON array", "people.json", "[{\"email\":\"a@x.io\"}]", three, "people.json: this is a JSON array"},
		{"lines that are no objects", "a.ndjson", "{\"email\":\"a@x.io\"\n[1]\n{\"email\":\"a@x.io\"} {}\n{\"email\":\"a\",\"email\":\"b\"}\nnull\n", three,
			"a.ndjson:1: not one JSON object\na.ndjson:2: not one\na.ndjson:3: not one\na.ndjson:4: email: the object has this key twice\na.ndjson:5: not one"},
		{"keys of one meaning", "a.ndjson", "{\"email\":\"a@x.io\"}\n{\"mail\":\"a@x.io\"}\n", three, `a.ndjson:2: mail: both this column and "email" say the email`},
		{"an object of nobody", "a.ndjson", "{\"name\":\"a\"}\n", three, "a.ndjson:1: says nobody: fill email, user_id or username"},
		{"a hidden character", "a.csv", "email\na\u200bna@x.io\n", three, `a.csv:2: email: the e-mail address "a\u200bna@x.io" holds a control or invisible character`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := read(t, tt.file, tt.content, tt.o)
			var refused *Refused
			if !errors.As(err, &refused) {
				t.Fatalf("not refused: %v", err)
			}
			got, want := strings.Split(err.Error(), "\n"), strings.Split(tt.want, "\n")
			if len(got) != len(want) {
				t.Fatalf("got %d problems, want %d:\n%v", len(got), len(want), err)
			}
			for i := range want {
				if !strings.HasPrefix(got[i], want[i]) {
					t.Errorf("got  %s\nwant %s…", got[i], want[i])
				}
			}
		})
	}
}

func TestAllErrorsAreCountedAndAThousandAreTold(t *testing.T) {
	_, _, err := read(t, "a.csv", "email\n"+strings.Repeat("nobody\n", 1250), three)
	var refused *Refused
	if !errors.As(err, &refused) || refused.Total != 1250 || len(refused.Problems) != 1000 {
		t.Fatalf("got %v", err)
	}
	if !strings.HasSuffix(err.Error(), "\na.csv: and 250 more") {
		t.Errorf("the end is %q", err.Error()[len(err.Error())-60:])
	}
}

func TestAnErrorIsSafeOnATerminal(t *testing.T) {
	_, _, err := read(t, "a.csv", "email,\x1b[31mtarget,action\na@x.io\x1b]0;x\x07,,\u202eoops\n", three)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, bad := range []string{"\x1b", "\x07", "\u202e"} {
		if strings.Contains(err.Error(), bad) {
			t.Errorf("%q is in %q", bad, err.Error())
		}
	}
}

func TestOptionsThatNameWhatIsNotThereAreNoFaultOfTheFile(t *testing.T) {
	for _, o := range []Options{
		{},
		{Targets: []string{"looker"}, DefaultTargets: []string{"sugar"}},
		{Targets: []string{"looker"}, DefaultAction: "delete"},
		{Targets: []string{"looker"}, Format: "xml"},
	} {
		_, _, err := read(t, "a.csv", "email\n", o)
		var refused *Refused
		if err == nil || errors.As(err, &refused) {
			t.Errorf("%+v: got %v", o, err)
		}
	}
}

func TestStdinCanBeWalkedTwiceAndLeavesNothingBehind(t *testing.T) {
	o := three
	o.TempDir = t.TempDir()
	r, err := Open(t.Context(), "-", io.MultiReader(strings.NewReader("email\n"), strings.NewReader("a@x.io\n")), o)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		rows, err := short(r)
		if err != nil || len(rows) != 1 {
			t.Fatalf("got %v, %v", rows, err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(o.TempDir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}

	_, err = Open(t.Context(), "-", strings.NewReader("nobody\n"), o)
	if err == nil || !strings.HasPrefix(err.Error(), "stdin:1: no column says who") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(o.TempDir); len(left) != 0 {
		t.Errorf("left behind after a refusal: %v", left)
	}
}

func TestReadingStopsWhenTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	endless := readerFunc(func(p []byte) (int, error) {
		cancel()
		return copy(p, "email\n"), nil
	})
	if _, err := Open(ctx, "-", endless, three); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAFileThatChangesBetweenCheckAndUseIsNotUsed(t *testing.T) {
	for name, later := range map[string]string{
		"other people":    "email\nb@x.io\n",
		"shorter":         "email\n",
		"no longer valid": "email\nnobod\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.csv")
			if err := os.WriteFile(path, []byte("email\na@x.io\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := Open(t.Context(), path, nil, three)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			if err := os.WriteFile(path, []byte(later), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := short(r); err == nil || !strings.Contains(err.Error(), "was changed") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestARecordWithoutEndDoesNotFillTheMemory(t *testing.T) {
	for name, start := range map[string]string{"a.csv": "email,n\na@x.io,\"", "a.ndjson": `{"email":"a@x.io","n":"`} {
		_, _, err := read(t, name, start+strings.Repeat("x\n"[:1], 3*maxRecord), three)
		if err == nil || !strings.Contains(err.Error(), "longer than 1024 KiB") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	refusedWith(t, "a.ndjson", `{"email":"`+strings.Repeat("x", 3*maxRecord)+"\"}\n"+`{"email":"ana"}`, three,
		"a.ndjson:1: longer than 1024 KiB\na.ndjson:2: email: \"ana\" is not one")
	_, _, err := read(t, "a.csv", "email,n\na@x.io,\""+strings.Repeat("x\n", maxRecord), three)
	if err == nil || !strings.Contains(err.Error(), "a.csv:2: longer than 1024 KiB: is a quote not closed? The lines after it were not checked") {
		t.Errorf("many lines in a quote: got %v", err)
	}
}

func TestMemoryDoesNotGrowWithTheInput(t *testing.T) {
	const line, lines = "ana@example.com,some words that make the line longer\n", 100_000
	produced := 0
	input := io.MultiReader(strings.NewReader("email,note\n"), readerFunc(func(p []byte) (int, error) {
		n := 0
		for ; produced < lines && n+len(line) <= len(p); produced++ {
			n += copy(p[n:], line)
		}
		if n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}))
	before := held()
	r, err := Open(t.Context(), "-", input, three)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	atOpen, seen, within := held(), 0, int64(0)
	for _, err := range r.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == lines*3/4 {
			within = held()
		}
	}
	if seen != lines {
		t.Errorf("%d rows of %d", seen, lines)
	}
	for when, grown := range map[string]int64{"after Open": atOpen - before, "within Rows": within - before} {
		if grown > 1<<20 {
			t.Errorf("%s %d KiB more are held for an input of %d KiB", when, grown>>10, lines*len(line)>>10)
		}
	}
}

func TestPeopleNamedByHandPassTheSameChecks(t *testing.T) {
	o := three
	r, err := People([]string{" ana@example.com ", "bo", "id:007"}, o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := short(r)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1@1 looker email:ana@example.com reset", "2@2 looker username:bo reset", "3@3 looker id:007 reset"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, bad := range [][]string{{""}, {"a@b@c"}, {"ok@x.io", "id:../7"}} {
		_, err := People(bad, o)
		var refused *Refused
		if !errors.As(err, &refused) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestWhatWasUnderstoodIsOneLine(t *testing.T) {
	for _, tt := range []struct{ file, content, want string }{
		{"a.csv", utf16File("Name;Work Email;System\nA;a@x.io;all\n", false),
			"semicolons, UTF-16; 2 of 3 columns used: Work Email as email, System as target; 1 line, which make 3 rows with their targets"},
		{"a.csv", "email\na@x.io\nb@x.io\n", "one column, UTF-8; 1 of 1 columns used: email; 2 rows"},
		{"a.csv", "email,login\na@x.io,a\n,b\nc@x.io,\n", "commas, UTF-8; 2 of 2 columns used: email (says who in 2), login as username (says who in 1); 3 rows"},
		{"a.csv", "email,x\n", "commas, UTF-8; 1 of 2 columns used: email; no rows"},
		{"a.ndjson", `{"mail":"a@x.io"}`, "NDJSON, UTF-8; 1 of 1 columns used: mail as email; 1 row"},
	} {
		r, _, err := read(t, tt.file, tt.content, three)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Understood(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestCellsAreCarriedUntouched(t *testing.T) {
	r, _, err := read(t, "a.csv", "email,zip, Note\n a@x.io ,00123,\" two\nlines \"\nb@x.io\n", three)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for row := range firstOf(r) {
		got = append(got, row.Cells)
	}
	want := [][]string{{" a@x.io ", "00123", " two\nlines "}, {"b@x.io", "", ""}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func firstOf(r *Reader) func(func(bulk.Row) bool) {
	return func(yield func(bulk.Row) bool) {
		for row, err := range r.Rows() {
			if err != nil || !yield(row) {
				return
			}
		}
	}
}

func FuzzNoInputPanicsOrChangesItsCells(f *testing.F) {
	for _, seed := range []string{
		"email\na@x.io\n", "sep=|\nemail|target\na@x.io|all\n", "\xEF\xBB\xBFmail;n\n\"a@x.io\";\"x\ny\"\n",
		`{"email":"a@x.io","n":[1,{"a":null}]}` + "\n" + `{"login":"b","é":"ü"}`, "email,n\na@x.io,\"",
		utf16File("email\ta\n", true), "[1]", "{", "email,email\n", ",,,\n;;;\n\t\t", "PK\x03\x04", "\xFF\xFE", "email\n'=1\n",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, content string, ndjson bool) {
		o := three
		o.TempDir = t.TempDir()
		o.Format = CSV
		if ndjson {
			o.Format = NDJSON
		}
		r, err := Open(t.Context(), "-", strings.NewReader(content), o)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a word")
			}
			return
		}
		defer func() { _ = r.Close() }()
		_ = r.Understood()
		n := 0
		for row, err := range r.Rows() {
			if err != nil {
				t.Fatalf("checked and then not good: %v", err)
			}
			n++
			if row.Seq != n || len(row.Cells) != len(r.Columns()) {
				t.Fatalf("row %d: %+v for %d columns", n, row, len(r.Columns()))
			}
			if err := row.Identity.Validate(); err != nil {
				t.Fatal(err)
			}
		}
		if n != r.Len() {
			t.Fatalf("%d rows, Len says %d", n, r.Len())
		}
	})
}
