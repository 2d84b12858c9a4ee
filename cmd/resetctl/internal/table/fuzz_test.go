package table

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// sound opens content, and holds what it gives against what is promised.
func sound(t *testing.T, content string, o Options) {
	t.Helper()
	o.TempDir = t.TempDir()
	r, err := Open(t.Context(), "-", strings.NewReader(content), o)
	if err != nil {
		if err.Error() == "" || !utf8.ValidString(err.Error()) {
			t.Errorf("said %q", err)
		}
	} else {
		rows, err := short(r)
		if err != nil {
			t.Fatalf("checked and then not good: %v", err)
		}
		if len(rows) != r.Len() {
			t.Fatalf("%d rows, Len says %d", len(rows), r.Len())
		}
		if said := r.Understood(); strings.ContainsAny(said, "\n\x1b") || !utf8.ValidString(said) {
			t.Errorf("understood %q", said)
		}
		for row := range firstOf(r) {
			if err := row.Identity.Validate(); err != nil || len(row.Cells) != len(r.Columns()) {
				t.Fatalf("%+v for %d columns: %v", row, len(r.Columns()), err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := os.ReadDir(o.TempDir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func FuzzNoSheetPanicsOrHangs(f *testing.F) {
	texts := sst + `<si><t>email</t></si><si><r><t>a@</t></r><r><t>x.io</t></r></si></sst>`
	styles := `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts><numFmt numFmtId="200" formatCode="# ?/?;[h]:mm;@"/></numFmts>` +
		`<cellXfs><xf numFmtId="0"/><xf numFmtId="200"/><xf numFmtId="14"/></cellXfs></styleSheet>`
	for _, rows := range []string{
		`<sheetData>` + inlineHeader + `<row r="2"><c r="A2" t="inlineStr"><is><t>a@x.io</t></is></c></row></sheetData>`,
		`<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="7"><c r="A7" t="s"><v>1</v></c><c r="B7" s="1"><v></v></c></row></sheetData><mergeCells><mergeCell ref="A2:B3"/></mergeCells>`,
		`<sheetData><row><c t="s"><v>0</v></c><c t="str"><v>target</v></c></row><row><c t="s"><v>1</v></c><c t="e"><f>1/0</f><v>#DIV/0!</v></c></row></sheetData>`,
		`<sheetData><row r="1048576"><c r="XFD1048576" s="2"><v>45000.5</v></c></row></sheetData>`,
		`<sheetData><row r="1"><c r="A1" s="1"><v>Inf</v></c></row></sheetData>`,
		`<sheetData><row r="2"><c r="B2" s="1"><v>1E+300</v></c></row><row r="1"/></sheetData>`,
		`<sheetData><row r="1" hidden="1"><c r="A1" t="d"><v>2024-01-01T00:00:00Z</v></c><c t="b"><v>1</v></c></row></sheetData>`,
		`<sheetData><!-- <row> --><row r="-1"><c r="A"><v><![CDATA[<x>]]></v></c>`, `<x:sheetData><x:row/></x:sheetData>`,
	} {
		f.Add(rows, texts, styles)
		f.Add(rows, "", "")
	}
	f.Fuzz(func(t *testing.T, rows, texts, styles string) {
		var more []string
		if texts != "" {
			more = append(more, "xl/sharedStrings.xml", texts)
		}
		if styles != "" {
			more = append(more, "xl/styles.xml", styles)
		}
		sound(t, bareBookOf(t, rows, more...), three)
	})
}

func FuzzNoWorkbookPanicsOrHangs(f *testing.F) {
	f.Add(book(f, func(_ *excelize.File, set func(string, any)) {
		set("A1", "email")
		set("A2", "a@x.io")
	}), "Sheet1")
	f.Add(bareBookOf(f, `<sheetData>`+inlineHeader+`</sheetData>`), "")
	f.Add(parts(f, "xl/workbook.bin", ""), "x")
	f.Add(parts(f, "_rels/.rels", bareRels, "xl/workbook.xml", bareBook, "xl/_rels/workbook.xml.rels", strings.ReplaceAll(bareBookRels, "worksheets", "..")), "S")
	f.Add(zipMagic, "")
	f.Add(oleMagic+"E\x00n\x00c\x00r", "")
	f.Fuzz(func(t *testing.T, content, sheet string) {
		o := three
		o.Sheet, o.Format = sheet, XLSX
		sound(t, content, o)
	})
}

func FuzzNoDirectoryOfAWorkbookPanics(f *testing.F) {
	f.Add(bareRels, bareBook, bareBookRels)
	f.Add(strings.ReplaceAll(bareRels, `Target="xl`, `Target="/../xl`), strings.ReplaceAll(bareBook, `name="S"`, `name="'[" state="hidden"`), "")
	f.Fuzz(func(t *testing.T, rels, workbook, workbookRels string) {
		sound(t, parts(t, "_rels/.rels", rels, "xl/workbook.xml", workbook, "xl/_rels/workbook.xml.rels", workbookRels,
			"xl/worksheets/sheet1.xml", `<worksheet><sheetData>`+inlineHeader+`</sheetData></worksheet>`), three)
	})
}

func FuzzNoObjectsPanic(f *testing.F) {
	for _, seed := range []string{
		`{"email":"a@x.io","n":[1,{"a":null}]}` + "\n" + `{"login":"b","é":"ü"}`, `{"email":1e400}`, "{", "[1]", "{}\n{}", `{"":"","\u0000":1}`,
		`{"email":"a@x.io","email":"b"}`, strings.Repeat("[", 10_000), `{"a":` + strings.Repeat(`{"a":`, 1000),
	} {
		f.Add(seed, "email=Work")
	}
	f.Fuzz(func(t *testing.T, content, maps string) {
		o := three
		o.Format, o.Map = NDJSON, []string{maps}
		sound(t, content, o)
	})
}

func FuzzNoTextPanicsInAnyEncoding(f *testing.F) {
	for _, seed := range []string{
		"email\na@x.io\n", "sep=|\r\nemail|target\r\na@x.io|all\r\n", "\xEF\xBB\xBFmail;n\n\"a@x.io\";\"x\ny\"\n", "#TYPE x\n\"mail\"\n\"a@x.io\"",
		utf16File("email\ta\na@x.io\t1", true), utf16File("email;a\na@x.io;1", false)[2:], "email\nJ\xfcrgen\n", "email,n\na@x.io,\"", ",,,\n;;;\n\t\t",
	} {
		for _, encoding := range []string{"", "utf-8", "latin1", "utf-16", "UTF-16BE"} {
			f.Add(seed, encoding, "")
		}
		f.Add(seed, "", "pipe")
	}
	f.Fuzz(func(t *testing.T, content, encoding, delimiter string) {
		o := three
		o.Format, o.Encoding, o.Delimiter = CSV, encoding, delimiter
		sound(t, content, o)
	})
}

func FuzzAHeaderMeansEachThingOnce(f *testing.F) {
	f.Add("E-Mail\nuser_id\nLogin\nsystem", "email=x")
	f.Add("email\nEMAIL\n\u200be mail", "email=EMAIL")
	f.Add("\n\n \nproblem\nproblem", "action=")
	f.Fuzz(func(t *testing.T, header, maps string) {
		asked, err := parseMap(strings.Split(maps, "\n"))
		if err != nil {
			asked = nil
		}
		cols, names := &columns{asked: asked}, strings.Split(header, "\n")
		line, problems, err := cols.readHeader(&oneRecord{record: record{3, names}})
		if err != nil || line != 3 || len(problems) == 0 && len(cols.names) != len(names) {
			t.Fatalf("%d, %v, %v", line, problems, err)
		}
		seen := map[int]bool{}
		for m, i := range cols.means {
			if seen[i] || i >= len(cols.names) {
				t.Errorf("%s is column %d", m, i)
			}
			seen[i] = true
		}
		for _, a := range cols.asked {
			if i, ok := cols.means[a.means]; ok && cols.names[i] != a.column {
				t.Errorf("%q was asked for, %q is taken", a.column, cols.names[i])
			}
		}
		if name := problemColumn(cols.names); slices.Contains(cols.names, name) {
			t.Errorf("%q is there already", name)
		}
	})
}

// oneRecord is a scanner of one.
type oneRecord struct {
	record
	read bool
}

func (o *oneRecord) next() (record, *Problem, error) {
	if o.read {
		return record{}, nil, io.EOF
	}
	o.read = true
	return o.record, nil, nil
}

func FuzzOptionsAreUnderstoodOrRefusedInWords(f *testing.F) {
	f.Add("email=Work Email", ";", "cp1252")
	f.Add(`user-id = "a=b"`, "TAB", "UTF_16")
	f.Add("=", `\t`, "utf-7")
	f.Fuzz(func(t *testing.T, maps, delimiter, encoding string) {
		c, err := Options{Map: []string{maps, maps}, Delimiter: delimiter, Encoding: encoding}.choose()
		if err != nil && !utf8.ValidString(err.Error()) {
			t.Errorf("said %q", err)
		}
		if c.comma != 0 && !slices.Contains(delimiters, c.comma) {
			t.Errorf("%q is no delimiter", c.comma)
		}
		if d := findDelimiter(maps+"\n"+encoding, true, c.columns); !slices.Contains(delimiters, d) {
			t.Errorf("%q is no delimiter", d)
		}
	})
}

func FuzzACopyToCorrectHasEveryRow(f *testing.F) {
	f.Add(wrong, false)
	f.Add("email,n\nb,\"x\nc@x.io,y\n", false)
	f.Add("0;email;;0\n0", false)
	f.Add("email,problem\n=1,\"\r\n\"\n,;\n", false)
	f.Add(`{"email":"a"}`+"\n"+`{"n":"\u0000"}`, true)
	f.Fuzz(func(t *testing.T, content string, ndjson bool) {
		o := three
		o.TempDir, o.KeepRefused, o.Format = t.TempDir(), true, CSV
		if ndjson {
			o.Format = NDJSON
		}
		r, err := Open(t.Context(), "-", strings.NewReader(content), o)
		if err == nil {
			_ = r.Close()
			return
		}
		var e *Refused
		if !errors.As(err, &e) || e.table == nil {
			return
		}
		defer func() { _ = e.Close() }()
		rows := e.table.lines
		var b bytes.Buffer
		if err := e.WriteCorrected(&b, CSV); err != nil {
			if b.Len() > 0 || e.torn == nil {
				t.Errorf("%v, after %d bytes", err, b.Len())
			}
			return
		}
		lines := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\uFEFF")))
		lines.FieldsPerRecord = -1
		if e.table.comma != 0 {
			lines.Comma = e.table.comma
		}
		all, err := lines.ReadAll()
		if err != nil || len(all) != rows+1 {
			t.Errorf("%d of %d rows, %v", len(all)-1, rows, err)
		}
		if err := e.WriteCorrected(io.Discard, XLSX); err != nil {
			t.Error(err)
		}
	})
}

func FuzzACopyOfASheetGivesBackItsCells(f *testing.F) {
	f.Add(1, "a\nb\n\nü")
	f.Add(1<<20, "")
	f.Add(1, "a")
	f.Fuzz(func(t *testing.T, line int, text string) {
		line &= 1<<40 - 1
		want := record{line, strings.Split(text, "\n")}
		var b bytes.Buffer
		w := newCopyWriter(&b)
		for range 2 {
			if err := w.write(want); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.flush(); err != nil || w.size != int64(b.Len()) {
			t.Fatalf("%d of %d bytes, %v", w.size, b.Len(), err)
		}
		cut := b.Bytes()[:b.Len()-1]
		s := newCopyScanner(&b)
		for range 2 {
			got, _, err := s.next()
			if err != nil || got.line != want.line || !cmp.Equal(got.cells, want.cells) {
				t.Fatalf("%v, %v", got, err)
			}
		}
		if _, _, err := s.next(); !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %v", err)
		}
		s = newCopyScanner(bytes.NewReader(cut))
		_, _, _ = s.next()
		if _, _, err := s.next(); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("cut off: %v", err)
		}
	})
}
