package table

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// CorrectedFormat says how to write a corrected copy, by the ending of its
// path: CSV or XLSX.
func CorrectedFormat(path string) (Format, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".csv":
		return CSV, nil
	case ".xlsx":
		return XLSX, nil
	default:
		return "", fmt.Errorf("a copy to correct is .csv or .xlsx, not %s", quote(filepath.Base(path)))
	}
}

// WriteCorrected writes the refused table once more, with a last column
// "problem" that says of each row what is wrong with it, so that a person can
// mend the rows there and give the copy instead. The column may stay when it is
// given: it is one like any other, and a second copy has it anew.
//
// CSV is UTF-8 as Excel writes it, with a byte order mark, and with the
// delimiter of the input, since the spreadsheet that wrote that will open this;
// cells that would run as a formula are defused, but for those that say who, where
// or what and have no sign that a formula with an effect needs: a row shall be
// about the same person in the copy. XLSX has texts only.
//
// It is an error where Options.KeepRefused was not set, where the problem is
// one of the whole file or of its header, and where cells cannot be told apart:
// no copy shall say less than the input.
func (e *Refused) WriteCorrected(out io.Writer, f Format) error {
	r := e.table
	switch {
	case r == nil:
		return fmt.Errorf("there is no copy of %s to correct row by row: mend the file itself first", e.File)
	case e.torn != nil:
		return fmt.Errorf("there is no copy of %s to correct, since line %d does not say where its cells begin: mend that in the file first",
			e.File, e.torn.Line)
	}
	own := len(r.columns.names)
	if own > 0 && r.columns.names[own-1] == problemColumn(r.columns.names[:own-1]) {
		own-- // that of an earlier copy
	}
	header := append(slices.Clone(r.columns.names[:own]), problemColumn(r.columns.names[:own]))
	switch lines := r.noted(own); f {
	case CSV:
		return writeCorrectedCSV(out, r.comma, header, slices.Collect(maps.Values(r.columns.means)), lines)
	case XLSX:
		return writeCorrectedXLSX(out, header, lines)
	}
	return fmt.Errorf("a copy to correct is csv or xlsx, not %s", f)
}

// noted yields each record with what is wrong with it: its first own cells, the
// problems, and what stands beyond the header.
func (r *Reader) noted(own int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		cols := r.columns.clone()
		w, err := r.walk(&cols)
		if err != nil {
			yield(nil, err)
			return
		}
		for {
			rec, problem, err := w.scan.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || problem != nil { // it had no problem of the kind
				yield(nil, cmp.Or(err, r.changed()))
				return
			}
			line := make([]string, own, max(own, len(rec.cells))+2)
			copy(line, rec.cells)
			beyond := slices.Clone(rec.cells[min(len(rec.cells), len(cols.names)):])
			_, problems := w.reading.rows(rec)
			var said []string
			for _, p := range problems {
				said = append(said, p.String())
			}
			if !yield(append(append(line, strings.Join(said, "; ")), beyond...), nil) {
				return
			}
		}
		if w.sum() != r.sum {
			yield(nil, r.changed())
		}
	}
}

// writeCorrectedCSV takes the places of the columns that mean something as means.
func writeCorrectedCSV(out io.Writer, comma rune, header []string, means []int, lines iter.Seq2[[]string, error]) error {
	b := bufio.NewWriterSize(out, 64<<10)
	_, _ = b.WriteString("\uFEFF")
	w := csv.NewWriter(b) // which uses b as it is, so that one Flush is enough
	if comma != 0 {
		w.Comma = comma
	}
	write := func(line []string) error {
		for i := range line {
			if !slices.Contains(means, i) || !plainName(line[i]) {
				line[i] = defuse(line[i])
			}
		}
		return w.Write(line)
	}
	if err := write(slices.Clone(header)); err != nil {
		return err
	}
	for line, err := range lines {
		if err != nil {
			return err
		}
		if err := write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func writeCorrectedXLSX(out io.Writer, header []string, lines iter.Seq2[[]string, error]) error {
	x, err := newXLSX(out, "Table", header)
	if err != nil {
		return err
	}
	defer x.abort()
	for line, err := range lines {
		if err != nil {
			return err
		}
		for _, text := range line {
			x.text(text)
		}
		if err := x.endRow(); err != nil {
			return err
		}
	}
	return x.close()
}

// problemColumn is a name that none of names has.
func problemColumn(names []string) string {
	name := "problem"
	for n := 2; slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, name) }); n++ {
		name = "problem_" + strconv.Itoa(n)
	}
	return name
}

// Close lets a table go that was kept. It may be called in any case.
func (e *Refused) Close() error {
	if e.table == nil {
		return nil
	}
	err := e.table.Close()
	e.table = nil
	return err
}

// IsFile reports whether path is the very file that was refused and kept, which a
// copy must not replace.
func (e *Refused) IsFile(path string) bool { return e.table != nil && e.table.Is(path) }
