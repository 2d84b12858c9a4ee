package table

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/xuri/excelize/v2"
)

// A sheet is the one of a workbook that is read. It is read once, into a copy
// of its cells as a person sees them, which is then walked over like any file.
type sheet struct {
	book   *workbook
	name   string
	of     int // sheets of the workbook
	hidden int // rows that are hidden and taken all the same

	merged       []area
	uncalculated []cell // formulas without a value
	rounded      []cell // numbers of more digits than are kept

	copy   *os.File
	size   int64
	closer func() error
}

// A cell is a place in a sheet, counted from 1.
type cell struct{ line, column int }

type area struct{ from, to cell }

func (c cell) String() string {
	name, err := excelize.CoordinatesToCellName(c.column, c.line)
	if err != nil {
		return "?"
	}
	return name
}

func (a area) String() string { return a.from.String() + ":" + a.to.String() }

// read looks the sheet over, hands it to excelize, and copies what that gives.
func (s *sheet) read(ctx context.Context, part, tempDir string) (err error) {
	dir, err := os.MkdirTemp(tempDir, "resetctl-input-") // 0700
	if err != nil {
		return fmt.Errorf("unpack %s: %w", s.book.file, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := s.inspect(ctx, part); err != nil {
		return err
	}
	if s.copy, s.closer, err = temporary(tempDir); err != nil {
		return fmt.Errorf("unpack %s: %w", s.book.file, err)
	}
	if err = s.copyRows(ctx, part, dir); err != nil {
		_ = s.closer()
	}
	return err
}

// copyRows keeps all rows that are not blank.
func (s *sheet) copyRows(ctx context.Context, part, dir string) (err error) {
	defer func() {
		// excelize is made for workbooks that a spreadsheet wrote.
		if p := recover(); p != nil {
			err = s.book.damaged(fmt.Errorf("%v", p))
		}
	}()
	f, err := s.book.extract(part, dir)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	rows, err := f.Rows(extractedSheet)
	if err != nil {
		return s.book.damaged(err)
	}
	defer func() { _ = rows.Close() }()
	w := newCopyWriter(s.copy)
	for line := 1; rows.Next(); line++ {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		cells, err := rows.Columns()
		switch {
		case err != nil:
			return s.book.damaged(err)
		case blank(cells):
			continue
		case w.size > 0 && rows.GetRowOpts().Hidden: // the header does not count
			s.hidden++
		}
		if err := w.write(record{line, cells}); err != nil {
			return err
		}
		if w.size > maxSheet {
			return refuse(s.book.file, "the sheet %s holds more than %d MiB of text"+saveSheetAs, quote(s.name), maxSheet>>20)
		}
	}
	if err := rows.Error(); err != nil {
		return s.book.damaged(err)
	}
	s.size = w.size
	return w.flush()
}

// problems are those that a sheet can have and no other table: cells that look
// full and are empty. They count in the header, and where they mean something.
// Where there is no header they may be the reason.
func (s *sheet) problems(header int, cols *columns) (out []Problem) {
	if header == 0 {
		header = maxRows
	}
	meaningful := func(from, to int) (string, bool) {
		for _, i := range cols.means {
			if from <= i+1 && i+1 <= to {
				return cols.names[i], true
			}
		}
		return "", false
	}
	for _, a := range s.merged {
		name, counts := meaningful(a.from.column, a.to.column)
		switch {
		case a.from.line <= header && (a.to.line >= header || header == maxRows):
			out = append(out, Problem{Line: a.from.line, Text: fmt.Sprintf(
				"the cells %s are merged, but a header names each column in a cell of its own: unmerge them, and name each column in one row", a)})
		case counts && a.from.line > header && a.to.line > a.from.line:
			out = append(out, Problem{Line: a.from.line, Column: name, Text: fmt.Sprintf(
				"the cells %s are merged, so only the first of them says something: unmerge them and fill each", a)})
		}
	}
	for _, c := range s.uncalculated {
		if name, counts := meaningful(c.column, c.column); counts || c.line <= header {
			out = append(out, Problem{Line: c.line, Column: name, Text: fmt.Sprintf(
				"the formula in %s has no value, as no spreadsheet has calculated it yet: open the workbook in Excel, save it, and give that file", c)})
		}
	}
	for _, c := range s.rounded {
		for _, m := range people {
			if i, ok := cols.means[m]; ok && i+1 == c.column && c.line > header {
				out = append(out, Problem{Line: c.line, Column: cols.names[i], Text: fmt.Sprintf(
					"the number in %s has more than the 15 digits that a spreadsheet keeps, so it may be another's by now: take it from the system again, as text", c)})
			}
		}
	}
	return out
}
