package table

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
)

// A record is one row of a table, or one object, that is not blank.
type record struct {
	line  int
	cells []string // the reader's own, and its to keep
}

// A scanner reads records. A problem concerns one record; the next call goes
// on behind it. At the end err is io.EOF; any other err is a failure to read.
type scanner interface {
	next() (record, *Problem, error)
}

// A walk is one reading of the input from beginning to end.
type walk struct {
	scan     scanner
	reading  *reading
	problems []Problem // of the header
	header   int       // its line; 0 where there is none
	comma    rune
	text     io.Reader
	hash     hash.Hash
}

// walk starts at the beginning. For a table cols is filled anew from the
// header; for NDJSON it grows with what is found.
func (r *Reader) walk(cols *columns) (_ *walk, err error) {
	w := &walk{hash: sha256.New()}
	w.text = io.TeeReader(r.src.text(), w.hash)
	switch r.format {
	case NDJSON:
		w.scan = newNDJSON(w.text, cols)
	case XLSX:
		w.scan = newCopyScanner(w.text)
	default:
		var s *csvScanner
		if s, err = newCSV(w.text, r.asked); err == nil {
			w.scan, w.comma = s, s.r.Comma
		}
	}
	if err == nil && r.format != NDJSON {
		*cols = columns{asked: r.asked.columns}
		w.header, w.problems, err = cols.readHeader(w.scan)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", r.src.name, err)
	}
	if w.reading, err = newReading(r.options, cols); err != nil {
		return nil, err
	}
	w.reading.sheet, w.reading.objects = r.sheet, r.format == NDJSON
	return w, nil
}

// sum is of the whole content; what the scanner left unread is read.
func (w *walk) sum() (sum [sha256.Size]byte) {
	_, _ = io.Copy(io.Discard, w.text)
	w.hash.Sum(sum[:0])
	return sum
}
