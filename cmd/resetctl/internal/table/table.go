// Package table reads people's files and writes results for them.
//
// Open takes a table as Excel, Google Sheets, a directory or a script wrote
// it, checks all of it, and says everything that is wrong at once ([Refused]).
// What it gives is a [Reader]: how many rows there are, what was understood,
// and the rows themselves, as often as wanted. Memory does not grow with the
// input, neither here nor in [WriteResults], which writes what became of the
// rows beside the input's own columns; [Create] is where such a file goes.
//
// Values are text and stay as they were written: leading zeros stay, the case
// of an address stays. Only who, target, action and new address are trimmed.
//
// On the way in, each step has its file: source.go has the bytes, format.go
// says what they are, encoding.go makes text of them; csv.go, ndjson.go and, for
// workbooks, sheet.go make records of it; columns.go says what their cells mean,
// and rows.go makes rows of them or finds problems, which check.go collects.
package table

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// Options say how to read an input. What is left empty is found out.
type Options struct {
	// Format is CSV, NDJSON or XLSX, or empty: by the content, where it is a
	// workbook, else by the file's ending, else by its first character.
	Format Format
	// Delimiter is that of a CSV: one of , ; tab | or the words comma,
	// semicolon, tab, pipe.
	Delimiter string
	// Encoding is that of a text: utf-8, utf-16, windows-1252 or another of
	// their names.
	Encoding string
	// Map says which columns mean what, as in "email=Work Email". Such a column
	// is taken instead of one whose name says the same.
	Map []string
	// Sheet is that of a workbook; empty is the first one that is not hidden.
	Sheet string

	// Targets are the names of all configured targets.
	Targets []string
	// DefaultTargets are for rows that name none; "all" is understood.
	DefaultTargets []string
	// DefaultAction is for rows that name none.
	DefaultAction resetter.Action

	// Progress shows what line returns until stop is called, for as long as the
	// table is read; nil shows nothing. line may be called by another goroutine.
	Progress func(line func() string) (stop func())
	// KeepRefused keeps a table whose rows are refused open, so that
	// [Refused.WriteCorrected] can be called; the Refused must then be closed.
	KeepRefused bool
	// TempDir is where stdin, pipes and the sheets of workbooks are kept while
	// they are worked on; empty is the system's own folder.
	TempDir string
}

// A Reader is an input that was found good.
type Reader struct {
	src     *source
	format  Format
	options Options
	asked   choices
	sheet   *sheet // of a workbook
	columns columns
	comma   rune
	by      map[meaning]int
	lines   int
	rows    int
	sum     [sha256.Size]byte

	progress *progress
}

// Open reads the file at path, or stdin where path is "-", from beginning to
// end and checks every row. The Reader must be closed.
//
// Errors: *[Refused] where the input must not be used; others where it could
// not be read, or where the options contradict each other or the input, or
// name what is not there: a target, an action, a sheet, a column. ctx is
// looked at between reads; a read that waits for a terminal or a pipe is not
// interrupted.
func Open(ctx context.Context, path string, stdin io.Reader, o Options) (*Reader, error) {
	asked, err := o.choose()
	if err != nil {
		return nil, err
	}
	p := newProgress(path)
	reading := p.begin("reading", "line", 0)
	if o.Progress != nil {
		defer o.Progress(p.line)()
	}
	src, err := open(ctx, path, stdin, o, reading)
	if err != nil {
		return nil, err
	}
	return newReader(ctx, path, src, o, asked, p)
}

func newReader(ctx context.Context, path string, src *source, o Options, asked choices, p *progress) (*Reader, error) {
	r := &Reader{src: src, options: o, asked: asked, columns: columns{asked: asked.columns}, progress: p}
	err := r.prepare(ctx, path)
	if err == nil {
		err = r.check(ctx)
	}
	if err == nil {
		return r, nil
	}
	if refused := (*Refused)(nil); errors.As(err, &refused) && refused.rows && o.KeepRefused {
		refused.table = r
		return nil, err
	}
	_ = r.Close()
	return nil, err
}

// prepare finds out what the input is, up to where records can be read.
func (r *Reader) prepare(ctx context.Context, path string) error {
	head, err := r.src.head()
	if err != nil {
		return err
	}
	if r.format, err = r.findFormat(path, head); err != nil {
		return err
	}
	if err := r.contradiction(); err != nil {
		return err
	}
	if r.format != XLSX {
		return r.src.findEncoding(head, r.asked.encoding)
	}
	if r.sheet, err = readWorkbook(ctx, r.src, r.options, r.progress); err != nil {
		return err
	}
	// From here on only the sheet counts, of which there is a copy.
	_ = r.src.closer()
	r.src.at, r.src.size, r.src.closer = r.sheet.copy, r.sheet.size, r.sheet.closer
	return nil
}

// Close lets the file go, and removes what was kept of stdin or a workbook.
func (r *Reader) Close() error { return r.src.closer() }

// Is reports whether path is the very file that is read.
func (r *Reader) Is(path string) bool {
	if r.src == nil || r.src.info == nil {
		return false
	}
	other, err := os.Stat(path)
	return err == nil && os.SameFile(r.src.info, other)
}

// Columns are the input's column names in order; for NDJSON the keys of all
// objects in the order in which they first come.
func (r *Reader) Columns() []string { return r.columns.names }

// Once reports whether the input is gone by the time that its path is named again:
// it came on stdin or by a pipe.
func (r *Reader) Once() bool {
	return r.src.info == nil || strings.HasPrefix(r.src.name, "/dev/") || strings.HasPrefix(r.src.name, "/proc/")
}

// Len is the number of rows that Rows yields.
func (r *Reader) Len() int { return r.rows }

// Rows yields the rows in the order of the input, counted from 1; an input
// line for several targets makes one for each, by target name. It may be
// walked again, and by several at once. An error, which ends the walk, means
// that the file could not be read or is not any more what was checked; the
// rows before it must then not be used either.
func (r *Reader) Rows() iter.Seq2[bulk.Row, error] {
	return func(yield func(bulk.Row, error) bool) {
		cols := r.columns.clone()
		w, err := r.walk(&cols)
		if err != nil {
			yield(bulk.Row{}, err)
			return
		}
		for {
			rec, problem, err := w.scan.next()
			if errors.Is(err, io.EOF) {
				break
			}
			var rows []bulk.Row
			var problems []Problem
			if err == nil && problem == nil {
				rows, problems = w.reading.rows(rec)
			}
			switch {
			case err != nil:
				yield(bulk.Row{}, fmt.Errorf("read %s: %w", r.src.name, err))
				return
			case problem != nil || len(problems) > 0 || len(rows) == 0:
				yield(bulk.Row{}, r.changed())
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
		}
		if w.sum() != r.sum {
			yield(bulk.Row{}, r.changed())
		}
	}
}

func (r *Reader) changed() error {
	return fmt.Errorf("%s was changed while it was being read: start again when nobody writes to it", r.src.name)
}
