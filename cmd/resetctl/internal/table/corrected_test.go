package table

import (
	"bytes"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// keep opens what must be refused, and keeps it.
func keep(t *testing.T, name, content string) *Refused {
	t.Helper()
	o := three
	o.KeepRefused, o.TempDir = true, t.TempDir()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path, nil, o)
	var refused *Refused
	if !errors.As(err, &refused) {
		t.Fatalf("not refused: %v", err)
	}
	t.Cleanup(func() { _ = refused.Close() })
	return refused
}

func corrected(t *testing.T, e *Refused, f Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := e.WriteCorrected(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const wrong = "Name;Mail;System;Note\r\nÄnne;anne;looker;=1+1\r\n\r\nBo;bo@x.io;lokker;00042\r\nCy;cy@x.io;sugar\r\nDi;di@x.io;x;y;z\r\n"

func TestACopyHasEveryRowAndSaysWhatIsWrongWithIt(t *testing.T) {
	e := keep(t, "people.csv", wrong)
	got := corrected(t, e, CSV)
	want := "\uFEFFName;Mail;System;Note;problem\n" +
		"Änne;anne;looker;'=1+1;\"Mail: \"\"anne\"\" is not one e-mail address: correct it or remove the row\"\n" +
		"Bo;bo@x.io;lokker;00042;\"System: unknown target \"\"lokker\"\": configured are looker, sugar, unleash; put ; between several; did you mean looker?\"\n" +
		"Cy;cy@x.io;sugar;;\n" +
		"Di;di@x.io;x;y;5 cells, but the header names 4 columns: is a cell that holds the delimiter not in quotes?;z\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestACopyThatAPersonMendedIsReadBack(t *testing.T) {
	mend := strings.NewReplacer(";anne;", ";anne@x.io;", "lokker", "looker", ";x;y;", ";unleash;y;", ";z\n", "\n")
	_, rows, err := read(t, "mended.csv", mend.Replace(corrected(t, keep(t, "people.csv", wrong), CSV)), three)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1@2 looker email:anne@x.io reset", "2@3 looker email:bo@x.io reset", "3@4 sugar email:cy@x.io reset", "4@5 unleash email:di@x.io reset"}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
	// A copy of the copy has the column anew, not twice.
	again := corrected(t, keep(t, "again.csv", strings.Replace(corrected(t, keep(t, "people.csv", wrong), CSV), ";anne;", ";anne@x.io;", 1)), CSV)
	header, rest, _ := strings.Cut(again, "\n")
	if header != "\uFEFFName;Mail;System;Note;problem" || strings.Contains(rest, "anne@x.io;looker;'=1+1;Mail") {
		t.Errorf("got %s", again)
	}
	// A column of the person's own is kept.
	own := corrected(t, keep(t, "own.csv", "problem,email\nlost the key,x\n"), CSV)
	if !strings.HasPrefix(own, "\uFEFFproblem,email,problem_2\nlost the key,x,\"email: ") {
		t.Errorf("got %s", own)
	}
}

func TestACopyHasRowsThatEndEarly(t *testing.T) {
	got := corrected(t, keep(t, "a.csv", "email,a,b,c,d\nana\nb@x.io,1\n"), CSV)
	if want := "\uFEFFemail,a,b,c,d,problem\nana,,,,,\"email: \"\"ana\"\" is not one e-mail address: correct it or remove the row\"\nb@x.io,1,,,,\n"; got != want {
		t.Errorf("got %s", got)
	}
}

// A copy is about the people that the table was about, also for who reads it by
// other means than ours.
func TestACopyKeepsWhatSaysWho(t *testing.T) {
	got := corrected(t, keep(t, "a.csv", "username;target;note;new_email\n"+
		"+491701234567;looker;-5;-a.b_c@x.io\n-jdoe;+sugar;@x;\n@ana;;+1;=1\n+49 170;looker;;+1(2)\n=cmd|' /C calc'!A0;looker;;\n+ä９;nowhere;;\n"), CSV)
	want := "\uFEFFusername;target;note;new_email;problem\n" +
		"+491701234567;looker;'-5;-a.b_c@x.io;\n" +
		"-jdoe;+sugar;'@x;;\"target: unknown target \"\"+sugar\"\": configured are looker, sugar, unleash; put ; between several; did you mean sugar?\"\n" +
		"@ana;;'+1;'=1;\n" +
		"'+49 170;looker;;'+1(2);\n" +
		"'=cmd|' /C calc'!A0;looker;;;\n" +
		"+ä９;nowhere;;;\"target: unknown target \"\"nowhere\"\": configured are looker, sugar, unleash; put ; between several\"\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestACopyIsAWorkbookWhereThatIsWanted(t *testing.T) {
	e := keep(t, "people.xlsx", book(t, func(f *excelize.File, set func(string, any)) {
		zeros := "00000"
		style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &zeros})
		if err == nil {
			err = f.SetCellStyle("Sheet1", "B3", "B3", style)
		}
		if err != nil {
			t.Fatal(err)
		}
		for cell, value := range map[string]any{"A1": "email", "B1": "No", "A3": "anne", "B3": 42, "A4": "=1+1", "B4": "+49 30"} {
			set(cell, value)
		}
	}))
	content := corrected(t, e, XLSX)
	f, err := excelize.OpenReader(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	got, err := f.GetRows("Table")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"email", "No", "problem"},
		{"anne", "00042", `email: "anne" is not one e-mail address: correct it or remove the row`},
		{"=1+1", "+49 30", `email: "=1+1" is not one e-mail address: correct it or remove the row`},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if formula, err := f.GetCellFormula("Table", "A3"); formula != "" || err != nil {
		t.Errorf("the formula %q, %v", formula, err)
	}
	// The copy of a workbook may be a CSV, and the other way round.
	if got := corrected(t, e, CSV); !strings.HasPrefix(got, "\uFEFFemail,No,problem\nanne,00042,") {
		t.Errorf("got %s", got)
	}
	refusedWith(t, "again.xlsx", corrected(t, keep(t, "people.csv", wrong), XLSX), three, "again.xlsx:2: Mail: \nagain.xlsx:3: System: \nagain.xlsx:5: the cell F5 stands outside")
}

func TestObjectsAreCopiedAsATable(t *testing.T) {
	got := corrected(t, keep(t, "a.ndjson", `{"email":"anne"}`+"\n"+`{"n":1,"email":"a@x.io"}`+"\n"), CSV)
	if want := "\uFEFFemail,n,problem\nanne,,\"email: \"\"anne\"\" is not one e-mail address: correct it or remove the row\"\na@x.io,1,\n"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestNoCopySaysLessThanTheInput(t *testing.T) {
	for name, tt := range map[string]struct{ file, content, want string }{
		"quotes that do not match": {"a.csv", "email,n\nb,\"x\nc@x.io,y\n", "line 2 does not say where its cells begin"},
		"a quote within":           {"a.csv", "email,n\nb,\nc@x.io,y\"z\n", "line 3 does not say where its cells begin"},
		"a line that is no object": {"a.ndjson", `{"email":"a"}` + "\n[1]\n", "line 2 does not say where its cells begin"},
		"a header that is wrong":   {"a.csv", "n\nx\n", "mend the file itself first"},
		"nothing":                  {"a.csv", "", "mend the file itself first"},
		"another encoding":         {"a.csv", "\xFF\xFE\x00\x00", "mend the file itself first"},
	} {
		var b bytes.Buffer
		if err := keep(t, tt.file, tt.content).WriteCorrected(&b, CSV); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", name, err)
		}
		if b.Len() > 0 {
			t.Errorf("%s: wrote %s", name, b.String())
		}
	}
	// Nor of a file that has changed.
	e := keep(t, "a.csv", "email\nanne\n")
	if err := os.WriteFile(e.File, []byte("email\nb@x.io\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.WriteCorrected(&bytes.Buffer{}, CSV); err == nil || !strings.Contains(err.Error(), "was changed") {
		t.Errorf("got %v", err)
	}
	if err := e.WriteCorrected(&bytes.Buffer{}, JSON); err == nil {
		t.Error("written as JSON")
	}
	// A row that has no column for it says so in each row of the copy.
	o := Options{Targets: three.Targets, KeepRefused: true, DefaultAction: "reset"}
	_, err := Open(t.Context(), "-", strings.NewReader("email\na@x.io\nb@x.io\n"), o)
	if errors.As(err, &e); strings.Count(err.Error(), "\n") != 0 {
		t.Errorf("got %v", err)
	}
	if got := corrected(t, e, CSV); strings.Count(got, "target: no target") != 2 {
		t.Errorf("got %s", got)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func TestATableThatIsKeptLeavesNothingBehindWhenClosed(t *testing.T) {
	o := three
	o.KeepRefused, o.TempDir = true, t.TempDir()
	_, err := Open(t.Context(), "-", strings.NewReader("email\nanne\n"), o)
	var e *Refused
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if got := corrected(t, e, CSV); !strings.HasPrefix(got, "\uFEFFemail,problem\nanne,") {
		t.Errorf("got %s", got)
	}
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Error(err)
	}
	if err := e.WriteCorrected(&bytes.Buffer{}, CSV); err == nil {
		t.Error("written after Close")
	}
	if left, _ := os.ReadDir(o.TempDir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	e = keep(t, "a.csv", "email\nanne\n")
	if !e.IsFile(e.File) || e.IsFile(t.TempDir()) {
		t.Error("not the same file as itself")
	}
}

func TestACopyEndsAsItsNameDoes(t *testing.T) {
	for path, want := range map[string]Format{"a.csv": CSV, "b.XLSX": XLSX, "a.json": "", "a": "", "-": ""} {
		if got, err := CorrectedFormat(path); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", path, got, err)
		}
	}
}

func TestACopyIsACSVThatOtherProgramsRead(t *testing.T) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(corrected(t, keep(t, "a.csv", wrong), CSV), "\uFEFF")))
	r.Comma, r.FieldsPerRecord = ';', -1
	lines, err := r.ReadAll()
	if err != nil || len(lines) != 5 {
		t.Errorf("%d lines, %v", len(lines), err)
	}
}
