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
package table

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// A Format is a way to write a table down.
type Format string

// The formats. CSV and NDJSON can be read, all can be written.
const (
	CSV    Format = "csv"    // any of , ; tab | when read; commas when written
	NDJSON Format = "ndjson" // one JSON object a line
	JSON   Format = "json"   // one array of objects
	Text   Format = "table"  // aligned, for terminals
)

// Options say how to read an input.
type Options struct {
	// Format is CSV, NDJSON, or empty: by the file's ending, else by its
	// first character.
	Format Format
	// Targets are the names of all configured targets.
	Targets []string
	// DefaultTargets are for rows that name none; "all" is understood.
	DefaultTargets []string
	// DefaultAction is for rows that name none.
	DefaultAction resetter.Action
	// TempDir is where stdin and pipes are kept while they are worked on;
	// empty is the system's own folder.
	TempDir string
}

// A Reader is an input that was found good.
type Reader struct {
	src     *source
	format  Format
	options Options
	columns columns
	comma   rune
	by      map[meaning]int
	lines   int
	rows    int
	sum     [sha256.Size]byte
}

// Is reports whether path is the very file that is read.
func (r *Reader) Is(path string) bool {
	if r.src == nil {
		return false
	}
	file, ok := r.src.at.(*os.File)
	if !ok {
		return false
	}
	mine, err := file.Stat()
	other, otherErr := os.Stat(path)
	return err == nil && otherErr == nil && os.SameFile(mine, other)
}

// Open reads the file at path, or stdin where path is "-", from beginning to
// end and checks every row. The Reader must be closed.
//
// Errors: *[Refused] where the input must not be used; others where it could
// not be read, or where the options name a target or an action that is not
// known. ctx is looked at between reads; a read that waits for a terminal or a
// pipe is not interrupted.
func Open(ctx context.Context, path string, stdin io.Reader, o Options) (*Reader, error) {
	src, err := open(ctx, path, stdin, o)
	if err != nil {
		return nil, err
	}
	return newReader(ctx, path, src, o)
}

func newReader(ctx context.Context, path string, src *source, o Options) (*Reader, error) {
	r := &Reader{src: src, options: o}
	err := r.findFormat(path)
	if err == nil {
		err = r.check(ctx)
	}
	if err != nil {
		_ = src.closer()
		return nil, err
	}
	return r, nil
}

// Close lets the file go, and removes what was kept of stdin.
func (r *Reader) Close() error { return r.src.closer() }

// Columns are the input's column names in order; for NDJSON the keys of all
// objects in the order in which they first come.
func (r *Reader) Columns() []string { return r.columns.names }

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
			case problem != nil || len(problems) > 0:
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

// A walk is one reading of the input from beginning to end.
type walk struct {
	scan     scanner
	reading  *reading
	problems []Problem // of the header
	comma    rune
	text     io.Reader
	hash     hash.Hash
}

// walk starts at the beginning. For CSV cols is filled anew from the header;
// for NDJSON it grows with what is found.
func (r *Reader) walk(cols *columns) (*walk, error) {
	w := &walk{hash: sha256.New()}
	w.text = io.TeeReader(r.src.text(), w.hash)
	var err error
	switch r.format {
	case NDJSON:
		w.scan = newNDJSON(w.text, cols)
	default:
		*cols = columns{}
		var s *csvScanner
		if s, w.problems, err = newCSV(w.text, cols); err != nil {
			return nil, fmt.Errorf("read %s: %w", r.src.name, err)
		}
		w.scan, w.comma = s, s.r.Comma
	}
	w.reading, err = newReading(r.options, cols)
	return w, err
}

// sum is of the whole content; what the scanner left unread is read.
func (w *walk) sum() (sum [sha256.Size]byte) {
	_, _ = io.Copy(io.Discard, w.text)
	w.hash.Sum(sum[:0])
	return sum
}

// check walks over everything and collects what is wrong.
func (r *Reader) check(ctx context.Context) error {
	w, err := r.walk(&r.columns)
	if err != nil {
		return err
	}
	refused := &Refused{File: r.src.name}
	for _, p := range w.problems {
		refused.add(p)
	}
	if r.format == CSV && refused.Total == 0 {
		if len(r.columns.names) == 0 {
			return refuse(r.src.name, "the file is empty: it needs a header such as email,target and a row for each person")
		}
		if p := r.columns.missingPerson(); p != nil {
			p.Line = 1
			refused.add(*p)
		}
	}
	if refused.Total > 0 { // without a good header the rows mean nothing
		return refused
	}
	said := map[string]bool{}
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		rec, problem, err := w.scan.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", r.src.name, err)
		}
		r.lines++
		var problems []Problem
		if problem != nil {
			problems = []Problem{*problem}
		} else {
			var rows []bulk.Row
			rows, problems = w.reading.rows(rec)
			r.rows += len(rows)
		}
		for _, p := range problems {
			if !p.once || !said[p.Text] {
				refused.add(p)
			}
			said[p.Text] = p.once
		}
	}
	if r.format == NDJSON && r.lines == 0 {
		return refuse(r.src.name, `the file is empty: it needs a line such as {"email":"ana@example.com"} for each person`)
	}
	if refused.Total > 0 {
		return refused
	}
	r.comma, r.by, r.sum = w.comma, w.reading.by, w.sum()
	return nil
}

// findFormat goes by what was asked for, by the file's ending, or by the first
// character.
func (r *Reader) findFormat(path string) error {
	switch r.format = r.options.Format; r.format {
	case CSV, NDJSON:
		return nil
	case "":
	default:
		return fmt.Errorf("the input format %q is not known: csv or ndjson", r.format)
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv", ".tsv", ".tab":
		r.format = CSV
		return nil
	case ".ndjson", ".jsonl":
		r.format = NDJSON
		return nil
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(r.src.text(), head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read %s: %w", r.src.name, err)
	}
	r.format = CSV
	switch start := strings.TrimSpace(string(head[:n])); {
	case strings.HasPrefix(start, "{"):
		r.format = NDJSON
	case strings.HasPrefix(start, "["):
		return refuse(r.src.name, "this is a JSON array: write NDJSON, one object on each line, without brackets around them")
	}
	return nil
}
