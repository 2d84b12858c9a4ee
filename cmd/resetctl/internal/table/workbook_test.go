package table

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// book makes a workbook of what make does to a new one with the sheet "Sheet1".
func book(t testing.TB, make func(f *excelize.File, set func(cell string, value any))) string {
	t.Helper()
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	make(f, func(cell string, value any) {
		sheet, cell, ok := strings.Cut(cell, "!")
		if !ok {
			sheet, cell = "Sheet1", sheet
		}
		if err := f.SetCellValue(sheet, cell, value); err != nil {
			t.Fatal(err)
		}
	})
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// parts makes an archive of files by name.
func parts(t testing.TB, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = io.WriteString(f, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const (
	bareRels = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" ` +
		`Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	bareBook = `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ` +
		`xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`
	bareBookRels = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" ` +
		`Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`
)

// bareBookOf is the least that a workbook can be, around the rows of a sheet as
// they are written in the file, and further parts.
func bareBookOf(t testing.TB, rows string, more ...string) string {
	t.Helper()
	return parts(t, append([]string{"_rels/.rels", bareRels, "xl/workbook.xml", bareBook, "xl/_rels/workbook.xml.rels", bareBookRels,
		"xl/worksheets/sheet1.xml", `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` + rows + `</worksheet>`}, more...)...)
}

// sst is how the texts that cells share begin.
const sst = `<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">`

const inlineHeader = `<row r="1"><c r="A1" t="inlineStr"><is><t>email</t></is></c></row>`

func TestAWorkbookIsReadAsAPersonSeesIt(t *testing.T) {
	content := book(t, func(f *excelize.File, set func(string, any)) {
		for i, name := range []string{"Personnel No", "E-Mail", "Since", "Share", "Formula", "Flag"} {
			set(string(rune('A'+i))+"2", name) // the first row is empty
		}
		zeros, date, percent, german := "00000", 14, 9, "dd.mm.yyyy"
		for cell, style := range map[string]*excelize.Style{
			"A3": {CustomNumFmt: &zeros}, "C3": {NumFmt: date}, "D3": {NumFmt: percent}, "C5": {CustomNumFmt: &german}, "H9": {NumFmt: 1},
		} {
			id, err := f.NewStyle(style)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.SetCellStyle("Sheet1", cell, cell, id); err != nil { // also to cells that stay empty
				t.Fatal(err)
			}
		}
		set("A3", 123)
		set("B3", " Ana@Example.com ")
		set("C3", 45306) // 2024-01-15
		set("D3", 0.5)
		set("F3", true)
		set("A5", "00456")
		set("B5", "bo@example.com")
		set("C5", 45306)
		set("D5", 1234567890123)
		if err := f.SetCellFormula("Sheet1", "E5", `"x"&A5`); err != nil {
			t.Fatal(err)
		}
	})
	r, rows, err := read(t, "people.xlsx", content, three)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"1@3 looker email:Ana@Example.com reset", "2@5 looker email:bo@example.com reset"}, rows); d != "" {
		t.Error(d)
	}
	var cells [][]string
	for row := range firstOf(r) {
		cells = append(cells, row.Cells)
	}
	want := [][]string{
		{"00123", " Ana@Example.com ", "2024-01-15", "50%", "", "TRUE"},
		{"00456", "bo@example.com", "15.01.2024", "1234567890123", "", ""},
	}
	if d := cmp.Diff(want, cells); d != "" {
		t.Error(d)
	}
	if got, want := r.Understood(), `workbook, sheet "Sheet1"; 1 of 6 columns used: E-Mail as email; 2 rows`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAFormulaCountsByTheValueThatItHad(t *testing.T) {
	r, rows, err := read(t, "a.xlsx", bareBookOf(t, `<sheetData>`+inlineHeader+
		`<row r="2"><c r="A2" t="str"><f>B2&amp;"@x.io"</f><v>a@x.io</v></c><c r="B2"><f>1+1</f><v>2</v></c></row>`+
		`<row r="3"><c r="A3" t="str"><f>IF(B3="","",B3)</f><v></v></c></row></sheetData>`), three)
	if err == nil {
		t.Fatalf("a value beyond the header was taken: %v %v", r.Columns(), rows)
	}
	_, rows, err = read(t, "a.xlsx", bareBookOf(t, `<sheetData>`+strings.Replace(inlineHeader, "</row>", `<c r="B1" t="inlineStr"><is><t>n</t></is></c></row>`, 1)+
		`<row r="2"><c r="A2" t="str"><f>B2&amp;"@x.io"</f><v>a@x.io</v></c><c r="B2"><f>1+1</f><v>2</v></c></row>`+
		`<row r="3"><c r="A3" t="str"><f>IF(B3="","",B3)</f><v></v></c></row></sheetData>`), three)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"1@2 looker email:a@x.io reset"}, rows); d != "" {
		t.Error(d)
	}
}

func TestDatesAreThoseOfTheWorkbooksOwnCalendar(t *testing.T) {
	for from1904, want := range map[bool]string{false: "2024-01-15", true: "2028-01-16"} {
		content := book(t, func(f *excelize.File, set func(string, any)) {
			style, err := f.NewStyle(&excelize.Style{NumFmt: 14})
			if err == nil {
				err = errors.Join(f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &from1904}), f.SetCellStyle("Sheet1", "B2", "B2", style))
			}
			if err != nil {
				t.Fatal(err)
			}
			for cell, value := range map[string]any{"A1": "email", "B1": "since", "A2": "a@x.io", "B2": 45306} {
				set(cell, value)
			}
		})
		r, _, err := read(t, "a.xlsx", content, three)
		if err != nil {
			t.Fatal(err)
		}
		for row := range firstOf(r) {
			if row.Cells[1] != want {
				t.Errorf("got %s, want %s", row.Cells[1], want)
			}
		}
	}
}

func TestTheSheetIsTheFirstThatIsShownUnlessItIsNamed(t *testing.T) {
	content := book(t, func(f *excelize.File, set func(string, any)) {
		for i, name := range []string{"People", "Leavers 2026"} {
			if _, err := f.NewSheet(name); err != nil {
				t.Fatal(err)
			}
			set(name+"!A1", "email")
			set(name+"!A2", fmt.Sprintf("p%d@x.io", i))
		}
		f.SetActiveSheet(1)
		set("A1", "email")
		set("A2", "hidden@x.io")
		if err := f.SetSheetVisible("Sheet1", false); err != nil {
			t.Fatal(err)
		}
	})
	for sheet, want := range map[string]string{
		"": "p0@x.io", "People": "p0@x.io", "leavers_2026": "p1@x.io", "Sheet1": "hidden@x.io",
	} {
		o := three
		o.Sheet = sheet
		r, rows, err := read(t, "a.xlsx", content, o)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"1@2 looker email:" + want + " reset"}, rows); d != "" {
			t.Errorf("%s: %s", sheet, d)
		}
		if sheet == "" && !strings.HasPrefix(r.Understood(), `workbook, sheet "People" of 3; `) {
			t.Error(r.Understood())
		}
	}
	o := three
	o.Sheet = "Pepole"
	_, _, err := read(t, "a.xlsx", content, o)
	if err == nil || !strings.HasSuffix(err.Error(), `has no sheet "Pepole"; did you mean People? (it has "Sheet1", "People", "Leavers 2026")`) {
		t.Errorf("got %v", err)
	}
}

func TestRowsThatAFilterHidesAreTakenAndItIsSaid(t *testing.T) {
	content := book(t, func(f *excelize.File, set func(string, any)) {
		set("A1", "email")
		for i := 2; i <= 5; i++ {
			set(fmt.Sprintf("A%d", i), fmt.Sprintf("p%d@x.io", i))
		}
		for _, hidden := range []int{3, 4, 9} {
			if err := f.SetRowVisible("Sheet1", hidden, false); err != nil {
				t.Fatal(err)
			}
		}
	})
	r, rows, err := read(t, "a.xlsx", content, three)
	if err != nil || len(rows) != 4 {
		t.Fatalf("%v, %v", rows, err)
	}
	if want := "4 rows; 2 rows that the sheet hides, by a filter perhaps, taken as well"; !strings.HasSuffix(r.Understood(), want) {
		t.Error(r.Understood())
	}
}

func TestAWorkbookIsKnownByItsContentWhereverItComesFrom(t *testing.T) {
	content := book(t, func(_ *excelize.File, set func(string, any)) {
		set("A1", "email")
		set("A2", "a@x.io")
	})
	want := []string{"1@2 looker email:a@x.io reset"}
	for _, name := range []string{"a.xlsx", "a.xlsm", "a.csv", "a.xls", "a"} {
		if _, rows, err := read(t, name, content, three); err != nil || !cmp.Equal(rows, want) {
			t.Errorf("%s: %v, %v", name, rows, err)
		}
	}
	o := three
	o.TempDir, o.Format = t.TempDir(), XLSX
	r, err := Open(t.Context(), "-", strings.NewReader(content), o)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if rows, err := short(r); err != nil || !cmp.Equal(rows, want) {
			t.Errorf("stdin: %v, %v", rows, err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(o.TempDir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	// What is called a workbook and is a table is read as what it is.
	if _, rows, err := read(t, "export.xls", "Name\tE-Mail\nA\ta@x.io\n", three); err != nil || !cmp.Equal(rows, want) {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestWhatIsNotReadIsNamedWithTheWayOut(t *testing.T) {
	locked := func() string {
		var b bytes.Buffer
		f := excelize.NewFile()
		defer func() { _ = f.Close() }()
		if err := f.Write(&b, excelize.Options{Password: "secret"}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}()
	for _, tt := range []struct{ name, file, content, want string }{
		{"a password", "a.xlsx", locked, "a.xlsx: this workbook is protected by a password: open it in Excel, save it without one"},
		{"an old workbook", "a.xls", oleMagic + "\xA1\xB1\x1A\xE1" + strings.Repeat("\x00", 600), "a.xls: this is an old Excel workbook (.xls): open it in Excel, save it as"},
		{"OpenDocument", "a.ods", parts(t, "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml", ""), "a.ods: this is an OpenDocument file (.ods), which is not read: open it, save it as"},
		{"binary", "a.xlsb", parts(t, "xl/workbook.bin", ""), "a.xlsb: this is a binary Excel workbook (.xlsb)"},
		{"Numbers", "a.numbers", parts(t, "Index/Document.iwa", ""), "a.numbers: this is a document of Apple Numbers"},
		{"Word", "a.docx", parts(t, "_rels/.rels", "", "word/document.xml", ""), "a.docx: this is a document of Word or PowerPoint"},
		{"an archive", "a.zip", parts(t, "people.csv", "email\n"), "a.zip: this is a zip archive, not a workbook: unpack it"},
		{"cut off", "a.xlsx", bareBookOf(t, "")[:500], "a.xlsx: the workbook is cut off or damaged"},
		{"a PDF", "a.pdf", "%PDF-1.7", "a.pdf: this is a PDF"},
		{"gzip", "a.csv", "\x1F\x8B\x08", "a.csv: this is compressed by gzip"},
		{"a web page", "people.csv", "\n<!DOCTYPE html><html>sign in", "people.csv: this is a web page or XML, not a table"},
		{"an old export of a web page", "people.xls", utf16File("<html><table>", false), "people.xls: this is a web page or XML, not a table"},
	} {
		t.Run(tt.name, func(t *testing.T) { refusedWith(t, tt.file, tt.content, three, tt.want) })
	}
}

// refusedWith checks that the problems, one a line of want, are found, and no more.
func refusedWith(t *testing.T, file, content string, o Options, want string) *Refused {
	t.Helper()
	_, _, err := read(t, file, content, o)
	var refused *Refused
	if !errors.As(err, &refused) {
		t.Fatalf("not refused: %v", err)
	}
	got, lines := strings.Split(err.Error(), "\n"), strings.Split(want, "\n")
	if len(got) != len(lines) {
		t.Fatalf("got %d problems, want %d:\n%v", len(got), len(lines), err)
	}
	for i := range lines {
		if !strings.HasPrefix(got[i], lines[i]) {
			t.Errorf("got  %s\nwant %s…", got[i], lines[i])
		}
	}
	return refused
}

func TestProblemsOfASheetAreSaidWithItsRowsAndName(t *testing.T) {
	merge := func(from, to string, rows ...[]any) string {
		return book(t, func(f *excelize.File, _ func(string, any)) {
			for i, row := range rows {
				if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
					t.Fatal(err)
				}
			}
			if from != "" {
				if err := f.MergeCell("Sheet1", from, to); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	type row = []any
	for _, tt := range []struct{ name, content, want string }{
		{"an address that is none", merge("", "", row{"email", "n"}, row{"a@x.io", 1}, row{}, row{"b", 2}), `a.xlsx:4: email: "b" is not one e-mail address: correct it or remove the row (sheet "Sheet1")`},
		{"a cell beyond the header", merge("", "", row{"email"}, row{"a@x.io", nil, "x"}), `a.xlsx:2: the cell C2 stands outside of the 1 columns that the header names`},
		{"a merged title above the header", merge("A1", "B1", row{"Leavers 2026"}, row{"email", "target"}, row{"a@x.io", "looker"}),
			"a.xlsx:1: the cells A1:B1 are merged, but a header names each column\na.xlsx:1: no column says who; line 2 looks like the header: delete the lines above it"},
		{"a title above the header", merge("", "", row{"Leavers 2026"}, row{}, row{"email", "target"}, row{"a@x.io", "looker"}),
			"a.xlsx:1: no column says who; line 3 looks like the header: delete the lines above it"},
		{"a merged header", merge("B1", "C1", row{"email", "access"}, row{"a@x.io", "x", "y"}), "a.xlsx:1: the cells B1:C1 are merged"},
		{"merged targets", merge("B2", "B3", row{"email", "target"}, row{"a@x.io", "sugar"}, row{"b@x.io"}), "a.xlsx:2: target: the cells B2:B3 are merged, so only the first of them says something: unmerge them and fill each"},
		{"formulas that nobody calculated", bareBookOf(t, `<sheetData>`+inlineHeader+`<row r="2"><c r="A2"><f>B2</f></c></row><row r="3"><c r="A3"><f>B3</f><v/></c></row></sheetData>`),
			"a.xlsx:2: email: the formula in A2 has no value, as no spreadsheet has calculated it yet: open the workbook in Excel\na.xlsx:3: email: the formula in A3 has"},
		{"a header that nobody calculated", bareBookOf(t, `<sheetData><row r="1"><c r="A1"><f>B2</f></c></row></sheetData>`), "a.xlsx:1: the formula in A1 has no value"},
		{"an error of a formula", bareBookOf(t, `<sheetData>`+inlineHeader+`<row r="2"><c r="A2" t="e"><f>B2</f><v>#N/A</v></c></row></sheetData>`), `a.xlsx:2: email: "#N/A" is not one e-mail address`},
		{"an id that lost its end", merge("", "", row{"user_id"}, row{9007199254740993}), `a.xlsx:2: user_id: the number in A2 has more than the 15 digits that a spreadsheet keeps`},
		{"nothing in it", merge("", ""), `a.xlsx: the sheet "Sheet1" is empty: it needs a header`},
		{"only blanks in it", merge("", "", row{"  "}), `a.xlsx: the sheet "Sheet1" is empty`},
	} {
		t.Run(tt.name, func(t *testing.T) { refusedWith(t, "a.xlsx", tt.content, three, tt.want) })
	}
	// Merged cells that say nothing about the rows do no harm.
	for _, content := range []string{
		merge("B2", "B3", row{"email", "team"}, row{"a@x.io", "red"}, row{"b@x.io"}),
		merge("A2", "B2", row{"email", "team"}, row{"a@x.io"}),
	} {
		if _, _, err := read(t, "a.xlsx", content, three); err != nil {
			t.Error(err)
		}
	}
}

func TestADamagedWorkbookIsRefusedAndNeverReadInPart(t *testing.T) {
	text := func(ref, s string) string { return `<c r="` + ref + `" t="inlineStr"><is><t>` + s + `</t></is></c>` }
	for name, content := range map[string]string{
		"a sheet that ends early":    bareBookOf(t, `<sheetData>`+inlineHeader+`<row r="2">`+text("A2", "a@x.io")+`</row><row r="3"><c`),
		"rows in disorder":           bareBookOf(t, `<sheetData>`+inlineHeader+`<row r="3">`+text("A3", "a@x.io")+`</row><row r="2">`+text("A2", "b@x.io")+`</row></sheetData>`),
		"cells in disorder":          bareBookOf(t, `<sheetData>`+inlineHeader+`<row r="2">`+text("B2", "x")+text("A2", "a@x.io")+`</row></sheetData>`),
		"cells of another row":       bareBookOf(t, `<sheetData>`+inlineHeader+`<row r="2">`+text("A3", "a@x.io")+`</row></sheetData>`),
		"a row beyond all rows":      bareBookOf(t, `<sheetData>`+inlineHeader+`<row r="99999999"></row></sheetData>`),
		"a column beyond all":        bareBookOf(t, `<sheetData>`+inlineHeader+`<row r="2">`+text("ZZZZ2", "a@x.io")+`</row></sheetData>`),
		"a text that is not there":   bareBookOf(t, `<sheetData>`+inlineHeader+`<row r="2"><c r="A2" t="s"><v>7</v></c></row></sheetData>`),
		"no sheet":                   parts(t, "_rels/.rels", bareRels, "xl/workbook.xml", strings.Replace(bareBook, "rId1", "rId2", 1), "xl/_rels/workbook.xml.rels", bareBookRels),
		"a sheet that is not there":  parts(t, "_rels/.rels", bareRels, "xl/workbook.xml", bareBook, "xl/_rels/workbook.xml.rels", bareBookRels),
		"a directory that is no XML": parts(t, "_rels/.rels", bareRels, "xl/workbook.xml", "hello", "xl/_rels/workbook.xml.rels", bareBookRels),
		"a part twice":               bareBookOf(t, "", `xl\workbook.xml`, bareBook),
	} {
		t.Run(name, func(t *testing.T) {
			refusedWith(t, "a.xlsx", content, three, "a.xlsx: the workbook is cut off or damaged (")
		})
	}
}

func TestANumberWithoutEndDoesNotHang(t *testing.T) {
	const fraction = `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs><xf numFmtId="0"/><xf numFmtId="12"/></cellXfs></styleSheet>`
	for _, kind := range []string{"", "n", "b", "d", "e"} {
		for _, number := range []string{"Inf", "-Infinity", "nan", "1e400", " Inf ", "1" + strings.Repeat("0", 500)} {
			content := bareBookOf(t, `<sheetData>`+inlineHeader+`<row r="2"><c r="A2" s="1" t="`+kind+`"><v>`+number+`</v></c></row></sheetData>`, "xl/styles.xml", fraction)
			refusedWith(t, "a.xlsx", content, three, "a.xlsx: the workbook is cut off or damaged (cell A2 holds no number): ")
		}
	}
	// A person may be called Nan.
	_, rows, err := read(t, "a.xlsx", bareBookOf(t, `<sheetData>`+strings.Replace(inlineHeader, "email", "login", 1)+
		`<row r="2"><c r="A2" s="1" t="inlineStr"><is><t>Nan</t></is></c></row></sheetData>`, "xl/styles.xml", fraction), three)
	if want := []string{"1@2 looker username:Nan reset"}; err != nil || !cmp.Equal(rows, want) {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestAZipBombEatsNeitherMemoryNorDisk(t *testing.T) {
	cellsOf := func(n int, cell string) string {
		var b strings.Builder
		b.WriteString(`<row r="2">`)
		for i := range n {
			name, _ := excelize.CoordinatesToCellName(i+1, 2)
			fmt.Fprintf(&b, cell, name)
		}
		return b.String() + "</row>"
	}
	formats := func(n, length int) string {
		return `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts>` +
			strings.Repeat(`<numFmt numFmtId="200" formatCode="`+strings.Repeat("0", length)+`"/>`, n) + `</numFmts></styleSheet>`
	}
	var many []string
	for i := range maxParts + 1 {
		many = append(many, fmt.Sprint(i), "")
	}
	for _, tt := range []struct {
		name, content, want string
		counted             bool // read to the limit, one by one, so that what is taken over the time says nothing
	}{
		{"a sheet of a gigabyte", bomb(t, "xl/worksheets/sheet1.xml", 1<<30), `the part "xl/worksheets/sheet1.xml" of the workbook takes more than 512 MiB unpacked: save the sheet as "CSV UTF-8"`, false},
		{"texts of a gigabyte", bomb(t, "xl/sharedStrings.xml", 1<<30), `the part "xl/sharedstrings.xml" of the workbook takes more than 128 MiB`, false},
		{"styles of a gigabyte", bomb(t, "xl/styles.xml", 1<<30), `the part "xl/styles.xml" of the workbook takes more than 16 MiB`, false},
		{"a directory of a gigabyte", bomb(t, "xl/workbook.xml", 1<<30), `the part "xl/workbook.xml" of the workbook takes more than 16 MiB`, false},
		{"a size that is not the one", bomb(t, "xl/worksheets/sheet1.xml", 1000), "the workbook is cut off or damaged", false},
		{"one text of any length", bareBookOf(t, `<sheetData>`+inlineHeader+`<row r="2"><c r="A2" t="inlineStr"><is><t>`+
			strings.Repeat("x", 64<<20)+`</t></is></c></row></sheetData>`), "the workbook is cut off or damaged (part \"xl/worksheets/sheet1.xml\": longer than 1024 KiB", false},
		{"a long text in each cell", bareBookOf(t, `<sheetData>`+inlineHeader+cellsOf(16000, `<c r="%s" t="s"><v>0</v></c>`)+`</sheetData>`,
			"xl/sharedStrings.xml", sst+`<si><t>`+strings.Repeat("x", maxRecord/10)+`</t></si></sst>`), `row 2 of the sheet "S" is longer than 1024 KiB`, false},
		{"more texts than fit", bareBookOf(t, `<sheetData/>`, "xl/sharedStrings.xml", sst+strings.Repeat("<si/>", maxTexts+1)+`</sst>`), "the workbook has more than 4000000 texts", true},
		{"more rows than a sheet has", bareBookOf(t, `<sheetData>`+strings.Repeat("<row/>", maxRows+1)+`</sheetData>`), "the workbook is cut off or damaged (there is a row 1048577, and a sheet has 1048576)", true},
		{"any number of formats", bareBookOf(t, `<sheetData/>`, "xl/styles.xml", formats(maxFormats+1, 1)), "the workbook has more formats of numbers", false},
		{"a format of any length", bareBookOf(t, `<sheetData/>`, "xl/styles.xml", formats(1, 2000)), "the workbook has more formats of numbers, or longer ones", false},
		{"any number of parts", bareBookOf(t, `<sheetData/>`, many...), "the workbook has more than 10000 parts", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := three
			o.TempDir = t.TempDir()
			before := allocated()
			_, err := Open(t.Context(), "-", strings.NewReader(tt.content), o)
			spent := allocated() - before
			var refused *Refused
			if !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), "stdin: "+tt.want) || len(err.Error()) > 500 {
				t.Errorf("got  %.600v\nwant stdin: %s…", err, tt.want)
			}
			if !tt.counted && spent > 32<<20 {
				t.Errorf("%d MiB of memory were taken", spent>>20)
			}
			if left, _ := os.ReadDir(o.TempDir); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// held is how much memory is in use and not garbage, in bytes. It says so of a
// point in the code, not of a time: a look at the heap from another goroutine
// would count what is made while it looks.
func held() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// allocated is how much memory was ever taken, in bytes.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// bomb is a workbook whose directory says that a part is that long, while it is
// 64 KiB.
func bomb(t testing.TB, part string, size uint64) string {
	t.Helper()
	var b, packed bytes.Buffer
	deflate, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err == nil {
		_, err = io.WriteString(deflate, strings.Repeat(" ", 64<<10))
	}
	if err = errors.Join(err, deflate.Close()); err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(&b)
	for name, content := range map[string]string{"_rels/.rels": bareRels, "xl/workbook.xml": bareBook, "xl/_rels/workbook.xml.rels": bareBookRels,
		"xl/worksheets/sheet1.xml": "<worksheet/>", part: ""} {
		header := &zip.FileHeader{Name: name, Method: zip.Store}
		create := w.CreateHeader
		if name == part {
			header.Method, header.UncompressedSize64, header.CompressedSize64 = zip.Deflate, size, uint64(packed.Len())
			create, content = w.CreateRaw, packed.String()
		}
		f, err := create(header)
		if err == nil {
			_, err = io.WriteString(f, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sharedBook is a workbook of n people as Excel writes it: all texts in one part,
// and the cells refer to them.
func sharedBook(t testing.TB, n int) string {
	var rows, texts strings.Builder
	texts.WriteString(sst + `<si><t>email</t></si><si><t>target</t></si><si><t>looker</t></si>`)
	rows.WriteString(`<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>`)
	for i := range n {
		fmt.Fprintf(&texts, `<si><r><t>person.of.a.long.name.</t></r><r><t>%d@example.com</t></r></si>`, i)
		fmt.Fprintf(&rows, `<row r="%d"><c r="A%[1]d" t="s"><v>%d</v></c><c r="B%[1]d" t="s"><v>2</v></c></row>`, i+2, i+3)
	}
	return bareBookOf(t, rows.String()+`</sheetData>`, "xl/sharedStrings.xml", texts.String()+`</sst>`)
}

func TestMemoryDoesNotGrowWithAWorkbook(t *testing.T) {
	const n = 80_000 // more than 4 MiB of texts, which excelize then keeps in a file
	content := sharedBook(t, n)
	o := three
	o.TempDir = t.TempDir()
	before := held()
	r, err := Open(t.Context(), "-", strings.NewReader(content), o)
	if err != nil {
		t.Fatal(err)
	}
	peak, seen := held(), 0
	for row, err := range r.Rows() {
		if want := fmt.Sprintf("person.of.a.long.name.%d@example.com", seen); err != nil || row.Identity.Value != want || row.Line != seen+2 {
			t.Fatalf("%+v, %v", row, err)
		}
		if seen++; seen%(n/4) == 0 {
			peak = max(peak, held())
		}
	}
	if err := r.Close(); err != nil || seen != n {
		t.Errorf("%d rows, %v", seen, err)
	}
	if grown := peak - before; grown > 8<<20 {
		t.Errorf("%d KiB were held of %d rows", grown>>10, n)
	}
	if left, _ := os.ReadDir(o.TempDir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAWorkbookOnStdinIsTakenUpToALimit(t *testing.T) {
	var taken int64
	endless := readerFunc(func(p []byte) (int, error) {
		if taken == 0 {
			taken += int64(copy(p, zipMagic))
			return len(zipMagic), nil
		}
		taken += int64(len(p))
		return len(p), nil
	})
	_, err := Open(t.Context(), "-", endless, three)
	if err == nil || !strings.HasPrefix(err.Error(), "stdin: the workbook is larger than 100 MiB: save the sheet") {
		t.Errorf("got %v", err)
	}
	if taken > maxWorkbook+1<<20 {
		t.Errorf("%d MiB were read", taken>>20)
	}
}
