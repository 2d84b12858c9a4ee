package table

import (
	"archive/zip"
	"fmt"
	"io"
	"iter"
	"strconv"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"github.com/seed57652884/resetctl/resetter/bulk"
)

func writeXLSX(w io.Writer, columns []string, behind appendix, results iter.Seq2[bulk.Result, error]) error {
	x, err := newXLSX(w, behind.title, behind.header(columns))
	if err != nil {
		return err
	}
	defer x.abort()
	for r, err := range results {
		if err != nil {
			return err
		}
		for i := range columns {
			x.text(cellAt(r.Row.Cells, i))
		}
		for _, v := range behind.values(r) {
			if n, err := strconv.Atoi(v.text); v.number && err == nil {
				x.number(n)
			} else {
				x.text(v.text)
			}
		}
		if err := x.endRow(); err != nil {
			return err
		}
	}
	return x.close()
}

// An xlsxWriter writes a workbook row by row. Its cells are texts, and are
// marked as such, so that none becomes a formula, a number or a date, neither
// by itself nor when a person edits it. The header stays in sight and has the
// buttons to filter by. What does not fit into one sheet goes on in the next.
type xlsxWriter struct {
	out    io.Writer
	title  string
	header []string
	file   *excelize.File
	sheet  *excelize.StreamWriter
	sheets int
	line   int // of the sheet, the last written
	row    []any
	styles struct{ text, header int }
}

// maxText is how many units of UTF-16 a cell of Excel holds.
const maxText = 32_767

func newXLSX(out io.Writer, title string, header []string) (x *xlsxWriter, err error) {
	if len(header) > maxColumns {
		return nil, fmt.Errorf("%d columns are more than a workbook can have (%d): write a .csv file", len(header), maxColumns)
	}
	x = &xlsxWriter{out: out, title: title, header: header, file: excelize.NewFile()}
	defer func() {
		if err != nil {
			x.abort()
		}
	}()
	const asText = 49 // Excel's own number of the format "Text"
	if x.styles.text, err = x.file.NewStyle(&excelize.Style{NumFmt: asText}); err != nil {
		return nil, err
	}
	if x.styles.header, err = x.file.NewStyle(&excelize.Style{NumFmt: asText, Font: &excelize.Font{Bold: true}}); err != nil {
		return nil, err
	}
	return x, x.begin()
}

// begin starts a sheet with its header.
func (x *xlsxWriter) begin() (err error) {
	x.sheets++
	name := x.title
	if x.sheets == 1 {
		err = x.file.SetSheetName(x.file.GetSheetName(0), name)
	} else {
		name += " " + strconv.Itoa(x.sheets)
		_, err = x.file.NewSheet(name)
	}
	if err != nil {
		return err
	}
	if x.sheet, err = x.file.NewStreamWriter(name); err != nil {
		return err
	}
	x.line = 0
	if len(x.header) == 0 {
		return nil
	}
	if err := x.sheet.SetColWidth(1, len(x.header), 22); err != nil {
		return err
	}
	if err := x.sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	for _, name := range x.header {
		x.row = append(x.row, excelize.Cell{StyleID: x.styles.header, Value: fitting(name)})
	}
	return x.endRow()
}

// text adds a cell to the row.
func (x *xlsxWriter) text(s string) {
	if s == "" { // nothing, but ready for a text
		x.row = append(x.row, excelize.Cell{StyleID: x.styles.text})
		return
	}
	x.row = append(x.row, excelize.Cell{StyleID: x.styles.text, Value: fitting(s)})
}

func (x *xlsxWriter) number(n int) { x.row = append(x.row, n) }

func (x *xlsxWriter) endRow() error {
	if x.line == maxRows {
		row := x.row
		x.row = nil
		if err := x.end(); err != nil {
			return err
		}
		if err := x.begin(); err != nil {
			return err
		}
		x.row = row
	}
	x.line++
	err := x.sheet.SetRow("A"+strconv.Itoa(x.line), x.row)
	x.row = x.row[:0]
	return err
}

// end closes a sheet.
func (x *xlsxWriter) end() error {
	if len(x.header) > 0 {
		to := cell{x.line, len(x.header)}
		if err := x.file.AutoFilter(x.sheet.Sheet, "A1:"+to.String(), nil); err != nil {
			return err
		}
	}
	return x.sheet.Flush()
}

// close writes all of it.
func (x *xlsxWriter) close() error {
	if err := x.end(); err != nil {
		return err
	}
	// By itself excelize would make the whole archive in memory first.
	x.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(x.out) })
	return x.file.Write(io.Discard)
}

// abort lets go of what is kept; it may be deferred.
func (x *xlsxWriter) abort() { _ = x.file.Close() }

// fitting is s as far as a cell holds it, with an ellipsis for what is cut.
func fitting(s string) string {
	if len(s) <= maxText || len(utf16.Encode([]rune(s))) <= maxText {
		return s
	}
	units := 0
	for i, r := range s {
		if units += utf16.RuneLen(r); units >= maxText {
			return s[:i] + "…"
		}
	}
	return s
}
