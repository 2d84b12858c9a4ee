package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

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
	// (Both are in the order of the sheet.)

	covered   map[int][]span // by column, those that merged cells take; see flaws
	headerEnd int            // the last line of cells that are merged with the header

	progress *progress
	phase    *phase
	rows     int // the last line that has a cell
	copied   int // rows of the copy

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

func (c cell) compare(d cell) int { return cmp.Or(c.line-d.line, c.column-d.column) }

func (a area) String() string { return a.from.String() + ":" + a.to.String() }

// read looks the sheet over, hands it to excelize, and copies what that gives.
func (s *sheet) read(ctx context.Context, part, tempDir string) (err error) {
	dir, err := os.MkdirTemp(tempDir, "resetctl-input-") // 0700
	if err != nil {
		return fmt.Errorf("unpack %s: %w", s.book.file, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s.phase = s.progress.begin("reading", "row", 0)
	if err := s.inspect(ctx, part); err != nil {
		return err
	}
	s.phase = s.progress.begin("reading", "row", s.rows)
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
		s.phase.done.Store(int64(line))
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
		if s.copied++; w.size > maxSheet {
			return refuse(s.book.file, "the sheet %s holds more than %d MiB of text"+saveSheetAs, quote(s.name), maxSheet>>20)
		}
	}
	if err := rows.Error(); err != nil {
		return s.book.damaged(err)
	}
	s.size = w.size
	return w.flush()
}

// A flaw is something that a sheet can have and no other table: cells that look
// full and are empty, or have lost something.
type flaw struct {
	area        // to is nothing but for merged cells
	column int  // that means something; -1 for none
	header bool // it is one of the header
	text   string
}

func (f flaw) problem(cols *columns) Problem {
	at := f.from.String()
	if f.to != (cell{}) {
		at = f.area.String()
	}
	p := Problem{Line: f.from.line, Text: fmt.Sprintf(f.text, at)}
	if f.column >= 0 {
		p.Column = cols.names[f.column]
	}
	return p
}

// flaws are those of the header, and of cells that mean something, in the order of
// the sheet. Where there is no header they may be the reason. From then on unclear
// knows them.
func (s *sheet) flaws(header int, cols *columns) (out []flaw) {
	if header == 0 {
		header = maxRows
	}
	// of lists the columns between two that mean something.
	of := func(from, to int) (places []int) {
		for _, i := range cols.means {
			if from <= i+1 && i+1 <= to {
				places = append(places, i)
			}
		}
		slices.Sort(places)
		return append(places, -1)
	}
	s.covered = map[int][]span{}
	for _, a := range s.merged {
		switch places := of(a.from.column, a.to.column); {
		case a.from.line <= header && (a.to.line >= header || header == maxRows):
			s.headerEnd = max(s.headerEnd, a.to.line)
			out = append(out, flaw{a, -1, true, "the cells %s are merged, but a header names each column in a cell of its own: unmerge them, and name each column in one row"})
		case places[0] >= 0 && a.from.line > header && a.to.line > a.from.line:
			for _, i := range places[:len(places)-1] {
				s.covered[i+1] = append(s.covered[i+1], span{a.from.line, a.to.line})
			}
			out = append(out, flaw{a, places[0], false, "the cells %s are merged, so only the first of them says something: unmerge them and fill each"})
		}
	}
	for i, spans := range s.covered {
		s.covered[i] = joined(spans)
	}
	for _, c := range s.uncalculated {
		if places := of(c.column, c.column); places[0] >= 0 || c.line <= header {
			out = append(out, flaw{area{from: c}, places[0], c.line <= header,
				"the formula in %s has no value, as no spreadsheet has calculated it yet: open the workbook in Excel, save it, and give that file"})
		}
	}
	for _, c := range s.rounded {
		for _, m := range people {
			if i, ok := cols.means[m]; ok && i+1 == c.column && c.line > header {
				out = append(out, flaw{area{from: c}, i, false,
					"the number in %s has more than the 15 digits that a spreadsheet keeps, so it may be another's by now: take it from the system again, as text"})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b flaw) int { return a.from.compare(b.from) })
	return out
}

// unclear reports whether a flaw keeps anybody from knowing what a cell that means
// something says. Of numbers that lost digits only those count that say who.
func (s *sheet) unclear(at cell, text string, who bool) bool {
	if strings.TrimSpace(text) != "" {
		_, rounded := slices.BinarySearchFunc(s.rounded, at, cell.compare)
		return rounded && who
	}
	_, uncalculated := slices.BinarySearchFunc(s.uncalculated, at, cell.compare)
	_, covered := slices.BinarySearchFunc(s.covered[at.column], at.line, func(lines span, line int) int {
		switch {
		case lines.to < line:
			return -1
		case lines.from > line:
			return 1
		}
		return 0
	})
	return uncalculated || covered
}

// A span is lines that follow each other.
type span struct{ from, to int }

// joined sorts spans and makes one of those that overlap.
func joined(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	out := spans[:0]
	for _, s := range spans {
		if last := len(out) - 1; last >= 0 && s.from <= out[last].to {
			out[last].to = max(out[last].to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return out
}
