package table

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/seed57652884/resetctl/resetter/bulk"
)

func opened(t *testing.T, content string) *excelize.File {
	t.Helper()
	f, err := excelize.OpenReader(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestAWorkbookOfResultsHoldsTextsThatStayTexts(t *testing.T) {
	tricky := []string{"ana@x.io", "=1+1", "+49 30 1", "-5", "00042", "1.5.2026", "12345678901234567890", "TRUE", " a\nb ", "_x0041_", "Ä\x01<&>\"", "'x"}
	f := opened(t, written(t, XLSX, []string{"email", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "row"}, result(2, tricky...)))
	if d := cmp.Diff([]string{"Results"}, f.GetSheetList()); d != "" {
		t.Error(d)
	}
	rows, err := f.GetRows("Results", excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	tricky[10] = "Ä\uFFFD<&>\"" // XML has no such sign
	want := [][]string{
		{"email", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "input_row", "row", "target", "action", "account_id", "outcome", "reason", "detail", "attempts", "http_status", "finished_at", "run_id"},
		append(tricky, "2", "looker", "reset", "42", "done", "accepted", "accepted", "1", "200", "2026-03-01T11:00:00Z", "run1"),
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
	for i := range rows[1] {
		name := cell{2, i + 1}.String()
		kind, err := f.GetCellType("Results", name)
		number := rows[0][i] == "row" || rows[0][i] == "attempts" || rows[0][i] == "http_status"
		if err != nil || (kind != excelize.CellTypeInlineString) != number {
			t.Errorf("%s is of type %v, %v", rows[0][i], kind, err)
		}
		if formula, err := f.GetCellFormula("Results", name); err != nil || formula != "" {
			t.Errorf("%s is the formula %s, %v", rows[0][i], formula, err)
		}
		if number {
			continue
		}
		// What a person types there is a text, too.
		id, err := f.GetCellStyle("Results", name)
		if err != nil {
			t.Fatal(err)
		}
		if style, err := f.GetStyle(id); err != nil || style.NumFmt != 49 {
			t.Errorf("%s has the format %v, %v", name, style, err)
		}
	}
	panes, err := f.GetPanes("Results")
	if err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("the header moves away: %+v, %v", panes, err)
	}
	names := f.GetDefinedName()
	if len(names) != 1 || names[0].RefersTo != "'Results'!$A$1:$W$2" {
		t.Errorf("cannot be filtered: %+v", names)
	}
}

func TestAPlanIsWrittenAsAWorkbookToo(t *testing.T) {
	var b bytes.Buffer
	if err := WritePlan(&b, XLSX, []string{"email"}, 0, sequence(result(2, "a@x.io"))); err != nil {
		t.Fatal(err)
	}
	rows, err := opened(t, b.String()).GetRows("Plan")
	if err != nil || len(rows) != 2 || rows[0][5] != "would" {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestNoResultsAreAWorkbookWithAHeader(t *testing.T) {
	rows, err := opened(t, written(t, XLSX, []string{"email"})).GetRows("Results")
	if err != nil || len(rows) != 1 || rows[0][0] != "email" {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestMoreThanASheetHoldsGoesOnInTheNext(t *testing.T) {
	var b bytes.Buffer
	x, err := newXLSX(&b, "Results", []string{"n"})
	if err != nil {
		t.Fatal(err)
	}
	defer x.abort()
	x.line = maxRows - 1 // as if it were that long
	for _, s := range []string{"last", "first", "second"} {
		x.text(s)
		if err := x.endRow(); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.close(); err != nil {
		t.Fatal(err)
	}
	f := opened(t, b.String())
	if d := cmp.Diff([]string{"Results", "Results 2"}, f.GetSheetList()); d != "" {
		t.Error(d)
	}
	if last, err := f.GetCellValue("Results", fmt.Sprintf("A%d", maxRows)); last != "last" {
		t.Errorf("%q, %v", last, err)
	}
	rows, err := f.GetRows("Results 2")
	if d := cmp.Diff([][]string{{"n"}, {"first"}, {"second"}}, rows); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestATextThatNoCellHoldsIsCutInSight(t *testing.T) {
	for _, long := range []string{strings.Repeat("x", maxText), strings.Repeat("ü", maxText), strings.Repeat("😀", maxText/2)} {
		if got := fitting(long); got != long {
			t.Error("cut though it fits")
		}
		got := fitting(long + "xy")
		if n := len(utf16.Encode([]rune(got))); n > maxText || n < maxText-2 || !strings.HasSuffix(got, "…") {
			t.Errorf("%d units", n)
		}
	}
	if _, err := newXLSX(io.Discard, "x", make([]string, maxColumns+1)); err == nil {
		t.Error("more columns than Excel has")
	}
}

func TestAWorkbookIsWrittenAsItComes(t *testing.T) {
	const n = 12_000
	random := rand.NewChaCha8([32]byte{}) // what cannot be packed well shows an archive that is kept
	before, points := held(), []int64(nil)
	many := iter.Seq2[bulk.Result, error](func(yield func(bulk.Result, error) bool) {
		note := make([]byte, 600)
		for i := range n {
			if i%(n/2) == n/2-1 {
				points = append(points, held()-before)
			}
			_, _ = random.Read(note)
			if !yield(result(i+2, fmt.Sprintf("person.%d@example.com", i), hex.EncodeToString(note)), nil) {
				return
			}
		}
	})
	written := 0
	out := writerFunc(func(p []byte) (int, error) {
		if written>>21 != (written+len(p))>>21 { // each 2 MiB
			points = append(points, held()-before)
		}
		written += len(p)
		return len(p), nil
	})
	if err := WriteResults(out, XLSX, []string{"email", "note"}, "run1", many); err != nil {
		t.Fatal(err)
	}
	if written < n*600 || len(points) < 3 {
		t.Fatalf("%d bytes with %d looks are not what was meant to be tried", written, len(points))
	}
	// excelize keeps 16 MiB of a sheet, which the first look finds full.
	for _, point := range points {
		if point > points[0]+2<<20 || point > 40<<20 {
			t.Errorf("the memory in use grew: %d bytes", points)
			break
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
