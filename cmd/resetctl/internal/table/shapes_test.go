package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// staff is what every program is asked to write: a name with a comma and an
// umlaut, a number with leading zeros, a note of two lines, an address with a
// blank behind it, the same mailbox by other letters, and nobody's blank line.
var staff = [][]string{
	{"Name", "Personnel No", "E-Mail", "System", "Note"},
	{"Weiß, Ana", "00042", "Ana.Weiss@example.com ", "looker; sugar", "\"new\"\nin Köln"},
	{"Bo", "7", "bo+x@example.com", "unleash", ""},
	{"", "", "", "", ""},
	{"Weiß, Ana", "00043", "ana.weiss@EXAMPLE.com", "looker", "= the same person"},
}

// How programs write what is in staff.
func csvBy(comma rune, crlf bool, quoteAll bool) string {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = comma, crlf
	for _, line := range staff {
		if quoteAll { // as PowerShell does; csv.Writer quotes only what must be
			var cells []string
			for _, c := range line {
				cells = append(cells, `"`+strings.ReplaceAll(c, `"`, `""`)+`"`)
			}
			w.Flush()
			b.WriteString(strings.Join(cells, string(comma)))
			b.WriteString("\r\n")
			continue
		}
		_ = w.Write(line)
	}
	w.Flush()
	return b.String()
}

func encoded(t *testing.T, e encoding.Encoding, s string) string {
	t.Helper()
	out, err := e.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func excelOf(t *testing.T, styled bool) string {
	return book(t, func(f *excelize.File, set func(string, any)) {
		zeros, date := "00000", 14
		number, err := f.NewStyle(&excelize.Style{CustomNumFmt: &zeros})
		day, err2 := f.NewStyle(&excelize.Style{NumFmt: date})
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		for i, line := range staff {
			for j, text := range line {
				name := cell{i + 1, j + 1}.String()
				if styled && j == 1 && i > 0 && text != "" { // a number that is shown with zeros
					n := 0
					_, _ = fmt.Sscan(strings.TrimLeft(text, "0"), &n)
					set(name, n)
					if len(text) > 1 {
						_ = f.SetCellStyle("Sheet1", name, name, number)
					}
					continue
				}
				set(name, text)
			}
			_ = f.SetCellStyle("Sheet1", fmt.Sprintf("H%d", i+1), fmt.Sprintf("K%d", i+20), day) // empty, but styled
		}
		if err := f.AddTable("Sheet1", &excelize.Table{Range: "A1:E5", Name: "Staff"}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOneListComesThroughFromEveryProgram(t *testing.T) {
	var objects strings.Builder
	for _, line := range staff[1:] {
		object := map[string]string{}
		for j, name := range staff[0] {
			object[name] = line[j]
		}
		b, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		objects.Write(append(b, '\n'))
	}
	utf16 := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	for _, tt := range []struct {
		name, file, content string
		o                   Options
		shape               string
	}{
		{"Excel, CSV UTF-8", "a.csv", "\uFEFF" + csvBy(',', true, false), Options{}, "commas, UTF-8"},
		{"Excel, CSV UTF-8, with the semicolons of half of Europe", "a.csv", "\uFEFF" + csvBy(';', true, false), Options{}, "semicolons, UTF-8"},
		{"Excel, CSV", "a.csv", encoded(t, charmap.Windows1252, csvBy(';', true, false)), Options{Encoding: "windows-1252"}, "semicolons, windows-1252"},
		{"Excel, Unicode Text", "a.txt", encoded(t, utf16, csvBy('\t', true, false)), Options{}, "tabs, UTF-16"},
		{"Excel, told how to split", "a.csv", "sep=|\r\n" + csvBy('|', true, false), Options{}, "bars, UTF-8"},
		{"Google Sheets, CSV", "a.csv", csvBy(',', false, false), Options{}, "commas, UTF-8"},
		{"Google Sheets, TSV", "a.tsv", csvBy('\t', false, false), Options{}, "tabs, UTF-8"},
		{"Active Directory, by PowerShell", "a.csv", "#TYPE Selected.ADUser\r\n" + csvBy(',', true, true), Options{}, "commas, UTF-8"},
		{"Active Directory, by PowerShell, Unicode", "a.csv", encoded(t, utf16, csvBy(';', true, true)), Options{}, "semicolons, UTF-16"},
		{"an HR system, bars", "export", csvBy('|', true, false), Options{}, "bars, UTF-8"},
		{"a script, NDJSON", "a.ndjson", objects.String(), Options{}, "NDJSON, UTF-8"},
		{"Excel, workbook", "a.xlsx", excelOf(t, false), Options{}, `workbook, sheet "Sheet1"`},
		{"Excel, workbook with numbers that are shown with zeros", "a.xlsx", excelOf(t, true), Options{}, `workbook, sheet "Sheet1"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := three
			o.Encoding = tt.o.Encoding
			r, rows, err := read(t, tt.file, tt.content, o)
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range rows { // the lines differ, as notes of two lines do
				_, rows[i], _ = strings.Cut(row, " ")
			}
			want := []string{
				"looker email:Ana.Weiss@example.com reset", "sugar email:Ana.Weiss@example.com reset",
				"unleash email:bo+x@example.com reset", "looker email:ana.weiss@EXAMPLE.com reset",
			}
			if d := cmp.Diff(want, rows); d != "" {
				t.Error(d)
			}
			if !strings.HasPrefix(r.Understood(), tt.shape+"; 2 of 5 columns used: ") || !strings.HasSuffix(r.Understood(), "; 3 lines, which make 4 rows with their targets") {
				t.Error(r.Understood())
			}
			var first, last bulk.Row
			for row := range firstOf(r) {
				if row.Seq == 1 {
					first = row
				}
				last = row
			}
			if !resetter.SameEmail(first.Identity.Value, last.Identity.Value) {
				t.Errorf("%v and %v are one mailbox", first.Identity, last.Identity)
			}
			byName := map[string]string{}
			for i, name := range r.Columns() {
				byName[name] = first.Cells[i]
			}
			for j, name := range staff[0] {
				if byName[name] != staff[1][j] {
					t.Errorf("%s is %q, was %q", name, byName[name], staff[1][j])
				}
			}
			comesBack(t, r, rows)
		})
	}
}

// comesBack writes results and reads them as the next input.
func comesBack(t *testing.T, r *Reader, want []string) {
	t.Helper()
	var results []bulk.Result
	for row, err := range r.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, bulk.Result{Row: row, Outcome: bulk.Pending, Reason: bulk.NotStarted})
	}
	for _, f := range []Format{CSV, NDJSON, XLSX} {
		o := three
		o.Map = []string{"target=target", "action=action"} // of the results, not of the input
		again, err := Open(t.Context(), "-", strings.NewReader(written(t, f, r.Columns(), results...)), o)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		rows, err := short(again)
		if err != nil {
			t.Error(err)
		}
		for i := range rows {
			_, rows[i], _ = strings.Cut(rows[i], " ")
		}
		if d := cmp.Diff(want, rows); d != "" {
			t.Errorf("%s: %s", f, d)
		}
		i := 0
		for row := range firstOf(again) {
			for j, text := range row.Cells[:len(r.Columns())] {
				was := results[i].Row.Cells[j]
				if f == CSV {
					was = defuse(was)
				}
				if text != was {
					t.Errorf("%s: %q came back as %q", f, was, text)
				}
			}
			i++
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryKindOfBadFileIsRefusedWithTheFix(t *testing.T) {
	dir := t.TempDir()
	save := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	replaced := func(old, now string) string { return strings.ReplaceAll(csvBy(';', true, false), old, now) }
	for name, tt := range map[string]struct{ path, want string }{
		"Excel, CSV, without the encoding":  {save("1.csv", encoded(t, charmap.Windows1252, csvBy(';', true, false))), `1.csv:2: Name: not UTF-8 text, probably windows-1252: save the file as "CSV UTF-8", or give --encoding windows-1252`},
		"an address that is none":           {save("2.csv", replaced("bo+x@", "bo")), `2.csv:4: E-Mail: "boexample.com" is not one e-mail address: correct it`},
		"a system that is not there":        {save("3.csv", replaced("unleash", "unlaesh")), `3.csv:4: System: unknown target "unlaesh": configured are looker, sugar, unleash; put ; between several; did you mean unleash?`},
		"a cell too many":                   {save("4.csv", replaced("unleash;", "unleash;x;y")), `4.csv:4: 6 cells, but the header names 5 columns`},
		"quotes that do not match":          {save("5.csv", replaced(`Köln"`, `Köln`)), `5.csv:2: the quotes (") of the cell that begins here do not match`},
		"nobody in the header":              {save("6.csv", replaced("E-Mail", "Contact")), `6.csv:1: no column says who: name one email, user_id or username (found: "Name", "Personnel No", "Contact", "System", "Note"), or say which it is with --map email="Contact"`},
		"two that say who":                  {save("7.csv", replaced("Note", "Mail")), `7.csv:1: Mail: both this column and "E-Mail" say the email`},
		"no text at all":                    {save("8.csv", "\x00\x01\x02"), `8.csv: there are NUL bytes in it`},
		"an old Macintosh":                  {save("9.csv", strings.ReplaceAll(csvBy(',', false, false), "\n", "\r")), `9.csv: the lines end as those of an old Macintosh do`},
		"a workbook that lost its end":      {save("10.xlsx", excelOf(t, false)[:3000]), `10.xlsx: the workbook is cut off or damaged`},
		"a page that asks to sign in":       {save("11.csv", "<!doctype html>"), `11.csv: this is a web page`},
		"a JSON array":                      {save("12.json", `[{"email":"a@x.io"}]`), `12.json: this is a JSON array: write NDJSON`},
		"an id of which digits are missing": {save("13.csv", "user_id,target\n1.23457E+11,looker\n"), `13.csv:2: user_id: "1.23457E+11" is an id of which a spreadsheet kept some digits only`},
		"nothing":                           {save("14.csv", "\uFEFF"), `14.csv: the file is empty`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Open(t.Context(), tt.path, nil, three)
			var refused *Refused
			if !errors.As(err, &refused) {
				t.Fatalf("not refused: %v, %v", r, err)
			}
			if got := strings.TrimPrefix(err.Error(), dir+string(filepath.Separator)); !strings.HasPrefix(got, tt.want) {
				t.Errorf("got  %s\nwant %s…", got, tt.want)
			}
		})
	}
}
