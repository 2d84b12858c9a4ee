package table

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

type csvScanner struct {
	r       *csv.Reader
	leash   *leash
	returns *returns
	offset  int // lines before what r sees
	last    int // the line of the record before
	ended   bool
	// unquoted is true once quotes did not match: what is within quotes behind that
	// nobody knows.
	unquoted bool
}

// newCSV finds the delimiter, unless it was asked for, and gives a scanner for
// all records, the header among them.
func newCSV(text io.Reader, asked choices) (*csvScanner, error) {
	b := bufio.NewReaderSize(text, 64<<10)
	sample, err := b.Peek(64 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	s := &csvScanner{}
	comma, length := preamble(string(sample))
	if length > 0 {
		s.offset = 1
		_, _ = b.Discard(length)
		sample = sample[length:]
	}
	switch {
	case asked.comma != 0:
		comma = asked.comma
	case comma == 0:
		comma = findDelimiter(string(sample), err != nil, asked.columns)
	}
	s.returns = &returns{r: b}
	s.leash = &leash{r: s.returns}
	s.r = csv.NewReader(s.leash)
	s.r.Comma, s.r.FieldsPerRecord = comma, -1
	return s, nil
}

func (s *csvScanner) next() (record, *Problem, error) {
	for !s.ended {
		s.leash.renew()
		cells, err := s.r.Read()
		alone := s.returns.before(s.r.InputOffset()) && !s.unquoted
		if err != nil {
			return s.failed(err)
		}
		line, _ := s.r.FieldPos(0)
		s.last = s.offset + line
		switch {
		case alone:
			return record{}, &Problem{Line: s.last, Text: aloneReturn, torn: true}, nil
		case !blank(cells):
			return record{s.last, cells}, nil, nil
		}
	}
	return record{}, nil, io.EOF
}

// failed is next where the record is none.
func (s *csvScanner) failed(err error) (record, *Problem, error) {
	if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
		s.last = s.offset + parse.StartLine
		return record{}, s.misquoted(parse), nil
	}
	if errors.Is(err, errRecordTooLong) {
		s.ended = true
		return record{}, &Problem{Line: s.last + 1, Text: errRecordTooLong.Error() + " The lines after it were not checked", torn: true}, nil
	}
	return record{}, nil, err
}

const aloneReturn = `a line ends here as those of an old Macintosh do (CR alone), so that the next is taken for part of it: save the file as "CSV UTF-8"`

func (s *csvScanner) misquoted(e *csv.ParseError) *Problem {
	p := &Problem{Line: s.last, torn: true}
	s.unquoted = true
	switch {
	case errors.Is(e.Err, csv.ErrBareQuote):
		p.Text = `a quote (") stands inside a cell: double it and put quotes around the cell, or remove it`
	case errors.Is(e.Err, csv.ErrQuote) && e.Line == e.StartLine:
		p.Text = `the quotes (") of a cell do not match: double those that stand inside, and close the cell right before the delimiter`
	case errors.Is(e.Err, csv.ErrQuote):
		// Where the quotes are wrong over several lines nobody knows what is a row.
		s.ended = true
		p.Text = fmt.Sprintf(`the quotes (") of the cell that begins here do not match (seen in line %d); the lines after it were not checked`,
			s.offset+e.Line)
	default:
		p.Text = e.Err.Error()
	}
	return p
}

func blank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" })
}
