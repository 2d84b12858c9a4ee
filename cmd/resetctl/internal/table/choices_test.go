package table

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
)

func TestTheDelimiterIsFoundWhateverTheCellsHold(t *testing.T) {
	ana, third := []string{"1@2 looker email:a@x.io reset"}, []string{"1@3 looker email:a@x.io reset"}
	for _, tt := range []struct {
		name, content string
		o             Options
		want          []string
	}{
		{"semicolons with commas in every cell", "Name;E-Mail;Team\nWeiß, Ana;a@x.io;red, blue, green\n", Options{}, ana},
		{"commas with semicolons in every cell", "email,target,note\na@x.io,looker,\"a;b;c;d\"\n", Options{}, ana},
		{"commas with semicolons between targets", "email,target\na@x.io,looker;sugar\n", Options{},
			[]string{"1@2 looker email:a@x.io reset", "2@2 sugar email:a@x.io reset"}},
		{"tabs with commas and semicolons in the header", "Name, first; last\tMail\nA, B; C\ta@x.io\n", Options{}, ana},
		{"bars with commas in every cell", "name|mail\nWeiß, Ana|a@x.io\n", Options{}, ana},
		{"one column", "email\na@x.io\n", Options{}, ana},
		{"one column with semicolons", "username\nana;1\n", Options{}, []string{"1@2 looker username:ana;1 reset"}},
		{"quotes around everything", "\"name\";\"email\"\n\"A;B,C\";\"a@x.io\"\n", Options{}, ana},
		{"line ends in quotes", "\"name\";\"email\"\n\"A\n,\n,,,\";\"a@x.io\"\n", Options{}, ana},
		{"names that mean nothing", "Name, first;Address\nA, B;a@x.io\nC;b@x.io\n", Options{Map: []string{"email=address"}},
			append(ana, "2@3 looker email:b@x.io reset")},
		{"sep= as Excel writes it", "sep=;\r\nName,x;email\r\nA;a@x.io\r\n", Options{}, third},
		{"sep= with tabs and a mark", "\xEF\xBB\xBFsep=\t\r\nName,x\temail\r\nA\ta@x.io\r\n", Options{}, third},
		{"asked for as a word", "mail,x|email\nA|a@x.io\n", Options{Delimiter: "Pipe"}, ana},
		{"asked for as a sign", "email|x,login\na@x.io|y,ana\n", Options{Delimiter: ","}, []string{"1@2 looker username:ana reset"}},
		{"asked for against sep=", "sep=;\nemail,x;y\na@x.io,z\n", Options{Delimiter: "comma"}, third},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := three
			o.Delimiter, o.Map = tt.o.Delimiter, tt.o.Map
			_, got, err := read(t, "a.csv", tt.content, o)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
	// What stands above the header does not mislead.
	refusedWith(t, "a.csv", "People, as of today, all\n\nName;E-Mail\nA, B;a@x.io\n", three,
		"a.csv:1: no column says who; line 3 looks like the header: delete the lines above it")
}

func TestADelimiterThatMakesATableIsTakenWhereNoNameIsKnown(t *testing.T) {
	for name, tt := range map[string]struct {
		sample string
		want   rune
	}{
		"a table, not the most columns": {"a;b, c, d\n1;2\n3;4\n", ';'},
		"the one that fits better":      {"a,b;c\n1,2;3\n1,2;3\n1,2;3\n1,2;3\n4;5\n", ';'},
		"the one of more columns":       {"a,b;c;d\n1,2;3;4\n", ';'},
		"the usual one":                 {"a,b;c\n1,2;3\n", ','},
		"none":                          {"a\n1\n", ','},
		"nothing":                       {"", ','},
	} {
		if got := findDelimiter(tt.sample, true, nil); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestALongFirstRecordCutByTheSampleIsNoMisfit(t *testing.T) {
	content := "name;email\n" + strings.Repeat("A, B;a@x.io\n", 20_000)
	r, _, err := read(t, "a.csv", content, three)
	if err != nil || !strings.HasPrefix(r.Understood(), "semicolons") || r.Len() != 20_000 {
		t.Errorf("%v", err)
	}
}

func TestAnEncodingIsReadUnderItsUsualNamesAndAnyOtherRefusedByName(t *testing.T) {
	ansi, err := charmap.Windows1252.NewEncoder().String("Name;E-Mail\r\nJürgen „€“;a@x.io\r\n")
	if err != nil {
		t.Fatal(err)
	}
	noMark := func(big bool) string { return utf16File("Name;E-Mail\r\nJürgen „€“;a@x.io\r\n", big)[2:] }
	for _, tt := range []struct{ encoding, content, said string }{
		{"windows-1252", ansi, "windows-1252"}, {"CP1252", ansi, "windows-1252"}, {"Latin1", ansi, "windows-1252"},
		{"ISO-8859-1", ansi, "windows-1252"}, {"ansi", ansi, "windows-1252"},
		{"utf-8", "Name;E-Mail\nJürgen „€“;a@x.io\n", "UTF-8"}, {"UTF8", "\uFEFFName;E-Mail\nJürgen „€“;a@x.io\n", "UTF-8"},
		{"utf-16", noMark(false), "UTF-16"}, {"utf-16", noMark(true), "UTF-16"}, {"UTF-16LE", noMark(false), "UTF-16"},
		{"utf-16be", noMark(true), "UTF-16"}, {"utf-16", utf16File("Name;E-Mail\r\nJürgen „€“;a@x.io\r\n", true), "UTF-16"},
	} {
		o := three
		o.Encoding = tt.encoding
		r, _, err := read(t, "a.csv", tt.content, o)
		if err != nil {
			t.Errorf("%s: %v", tt.encoding, err)
			continue
		}
		for row := range firstOf(r) {
			if row.Cells[0] != "Jürgen „€“" || row.Identity.Value != "a@x.io" {
				t.Errorf("%s: %q", tt.encoding, row.Cells)
			}
		}
		if !strings.HasPrefix(r.Understood(), "semicolons, "+tt.said+"; ") {
			t.Errorf("%s: %s", tt.encoding, r.Understood())
		}
	}
}

func TestWhatAPersonSaysWronglyIsAMistakeInTheCommandWithTheNearMissNamed(t *testing.T) {
	book := book(t, func(_ *excelize.File, set func(string, any)) { set("A1", "Work Email") })
	const people, objects = "Name;Work Email;E-Mail\nA;a@x.io;b@x.io\n", `{"Work Email":"a@x.io"}`
	for _, tt := range []struct {
		name, file, content string
		o                   Options
		want                string
	}{
		{"a column that is not there", "a.csv", people, Options{Map: []string{"email=Wrok Email"}},
			`--map: a.csv has no column "Wrok Email"; did you mean "Work Email"? (it has "Name", "Work Email", "E-Mail")`},
		{"a column that no object has", "a.ndjson", objects, Options{Map: []string{"email=work email"}},
			`--map: a.ndjson has no column "work email"; did you mean "Work Email"?`},
		{"a column that no sheet has", "a.xlsx", book, Options{Map: []string{"login=Work"}}, `--map: a.xlsx has no column "Work"; did you mean "Work Email"?`},
		{"a meaning that is none", "a.csv", people, Options{Map: []string{"emial=Work Email"}},
			`--map: no column can mean "emial"; write one of email, user_id, username, target, action, new_email; did you mean email?`},
		{"a bare id", "a.csv", people, Options{Map: []string{"id=Name"}}, `--map: no column can mean "id"; write one of`},
		{"a meaning twice", "a.csv", people, Options{Map: []string{"email=Work Email", "E-Mail=E-Mail"}}, `--map: both "Work Email" and "E-Mail" are to be the email: give one`},
		{"a column twice", "a.csv", people, Options{Map: []string{"email=Name", "username=Name"}}, `--map: "Name" is to be both the email and the username`},
		{"no column", "a.csv", people, Options{Map: []string{"email"}}, `--map: write MEANING=COLUMN, such as email="Work Email", not "email"`},
		{"two things at once", "a.csv", people, Options{Map: []string{"=x"}, Delimiter: ":"},
			"--delimiter: \":\" is none that is read; write comma, semicolon, tab or pipe\n--map: write MEANING=COLUMN"},
		{"an encoding that is not read", "a.csv", people, Options{Encoding: "Shift_JIS"}, `--encoding: "Shift_JIS" is not read; write utf-8, utf-16 or windows-1252`},
		{"an encoding and a delimiter that are misspelt", "a.csv", people, Options{Encoding: "windws-1252", Delimiter: "semicolom"},
			"--delimiter: \"semicolom\" is none that is read; write comma, semicolon, tab or pipe; did you mean semicolon?\n" +
				"--encoding: \"windws-1252\" is not read; write utf-8, utf-16 or windows-1252 (also cp1252, latin1), or save the file as \"CSV UTF-8\"; did you mean windows-1252?"},
		{"an encoding that the mark denies", "a.csv", "\uFEFF" + people, Options{Encoding: "latin1"}, `--encoding: a.csv is no windows-1252, it begins with the byte order mark of UTF-8`},
		{"a byte order that the mark denies", "a.csv", utf16File(people, true), Options{Encoding: "utf-16le"}, `--encoding: a.csv is no UTF-16LE`},
		{"a delimiter for objects", "a.ndjson", objects, Options{Delimiter: "tab"}, `--delimiter is for CSV, but a.ndjson is read as ndjson`},
		{"a sheet of a text", "a.csv", people, Options{Sheet: "People"}, `--sheet is for workbooks, but a.csv is read as csv`},
		{"an encoding of a workbook", "a.xlsx", book, Options{Encoding: "utf-8"}, `--encoding is for text, but a.xlsx is read as xlsx`},
		{"a delimiter of a workbook", "a.xlsx", book, Options{Delimiter: ","}, `--delimiter is for CSV, but a.xlsx is read as xlsx`},
		{"a workbook that is none", "a.csv", people, Options{Format: XLSX}, `--input-format: a.csv is no workbook`},
		{"a text that is a workbook", "a.xlsx", book, Options{Format: CSV}, `--input-format: a.xlsx is a workbook or another archive, no csv`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := tt.o
			o.Targets, o.DefaultTargets, o.DefaultAction = three.Targets, three.DefaultTargets, three.DefaultAction
			_, _, err := read(t, tt.file, tt.content, o)
			var refused *Refused
			if err == nil || errors.As(err, &refused) {
				t.Fatalf("got %v", err)
			}
			got, want := strings.Split(err.Error(), "\n"), strings.Split(tt.want, "\n")
			if len(got) != len(want) {
				t.Fatalf("got %v", err)
			}
			for i := range want {
				// The path that the file has here is not the point.
				if got := replacePath(got[i], tt.file); !strings.HasPrefix(got, want[i]) {
					t.Errorf("got  %s\nwant %s…", got, want[i])
				}
			}
		})
	}
}

// replacePath shortens the path that ends in name to name.
func replacePath(s, name string) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		if strings.HasSuffix(w, "/"+name) {
			words[i] = name
		}
	}
	return strings.Join(words, " ")
}

func TestNothingIsReadBeforeTheOptionsAreRight(t *testing.T) {
	waits := readerFunc(func([]byte) (int, error) {
		t.Error("stdin was read")
		return 0, errors.New("read")
	})
	if _, err := Open(t.Context(), "-", waits, Options{Map: []string{"x=y"}}); err == nil {
		t.Error("accepted")
	}
}

func TestAMappedColumnIsTakenWhateverTheOthersAreCalled(t *testing.T) {
	for _, tt := range []struct {
		name, file, content string
		maps                []string
		want                string
	}{
		{"a name that means nothing", "a.csv", "Address\na@x.io\n", []string{"email=Address"}, "email:a@x.io"},
		{"written otherwise", "a.csv", "Private_Address\na@x.io\n", []string{`E-Mail = "private address"`}, "email:a@x.io"},
		{"beside one of that name", "a.csv", "Email,Work Mail\nold@x.io,a@x.io\n", []string{"email=Work Mail"}, "email:a@x.io"},
		{"one of two that are alike", "a.csv", "E-Mail,email\nold@x.io,a@x.io\n", []string{"email=email"}, "email:a@x.io"},
		{"one of two of one meaning", "a.csv", "work email,Mail\nold@x.io,a@x.io\n", []string{"email=Mail"}, "email:a@x.io"},
		{"one that says something else", "a.csv", "email\nana\n", []string{"username=email"}, "username:ana"},
		{"an id", "a.csv", "id,email\n7,a@x.io\n", []string{"user_id=id", "email=email"}, "email:a@x.io"},
		{"of objects", "a.ndjson", `{"mail":"old@x.io","Adr":"a@x.io"}`, []string{"email=Adr"}, "email:a@x.io"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := three
			o.Map = tt.maps
			r, _, err := read(t, tt.file, tt.content, o)
			if err != nil {
				t.Fatal(err)
			}
			for row := range firstOf(r) {
				if got := string(row.Identity.Kind) + ":" + row.Identity.Value; got != tt.want {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	o := three
	o.Map = []string{"username=id", "target=System"}
	r, _, err := read(t, "a.csv", "id,System\nana,sugar\n", o)
	if want := "commas, UTF-8; 2 of 2 columns used: id as username, System as target; 1 row"; err != nil || r.Understood() != want {
		t.Errorf("%v, %v", r.Understood(), err)
	}
	refusedWith(t, "a.csv", "Name,Dienstadresse\nA,a@x.io\n", three,
		`a.csv:1: no column says who: name one email, user_id or username (found: "Name", "Dienstadresse"), or say which it is with --map email="Dienstadresse"`)
	refusedWith(t, "a.csv", "mail,Work Email\na@x.io,b@x.io\n", three,
		`a.csv:1: Work Email: both this column and "mail" say the email: remove or rename one of them, or choose with --map email="Work Email"`)
}
