package table

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// A record is one row of a table, or one object, that is not blank.
type record struct {
	line  int
	cells []string
}

// A scanner reads records. A problem concerns one record; the next call goes
// on behind it. At the end err is io.EOF; any other err is a failure to read.
type scanner interface {
	next() (record, *Problem, error)
}

// delimiters are those found by themselves, the most usual first.
var delimiters = []rune{',', ';', '\t', '|'}

var delimiterNames = map[rune]string{',': "commas", ';': "semicolons", '\t': "tabs", '|': "bars"}

type csvScanner struct {
	r      *csv.Reader
	leash  *leash
	offset int // lines before what r sees
	last   int // the line of the record before
	ended  bool
}

// newCSV finds the delimiter, reads the header into cols and gives a scanner
// for what follows. No column at all means that the input is empty.
func newCSV(text io.Reader, cols *columns) (*csvScanner, []Problem, error) {
	b := bufio.NewReaderSize(text, 64<<10)
	sample, err := b.Peek(64 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	s := &csvScanner{}
	comma, line := declaredDelimiter(string(sample))
	if line > 0 {
		s.offset = 1
		_, _ = b.Discard(line)
	} else {
		comma = findDelimiter(string(sample))
	}
	s.leash = &leash{r: b}
	s.r = csv.NewReader(s.leash)
	s.r.Comma, s.r.FieldsPerRecord = comma, -1

	header, problem, err := s.next()
	switch {
	case errors.Is(err, io.EOF):
		return s, nil, nil
	case err != nil:
		return nil, nil, err
	case problem != nil:
		return s, []Problem{*problem}, nil
	}
	var problems []Problem
	for _, name := range header.cells {
		if !utf8.ValidString(name) {
			return s, []Problem{{Line: header.line, Column: name, Text: notUTF8}}, nil
		}
		if p := cols.add(strings.TrimSpace(name)); p != nil {
			p.Line = header.line
			problems = append(problems, *p)
			if len(cols.names) == maxColumns {
				break
			}
		}
	}
	return s, problems, nil
}

// declaredDelimiter reads the line "sep=;" by which some programs tell Excel
// how to split. The length of the line is 0 where there is none.
func declaredDelimiter(sample string) (comma rune, length int) {
	line, _, found := strings.Cut(sample, "\n")
	value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSuffix(line, "\r")), "sep=")
	if !found || !ok || len(value) != 1 || !slices.Contains(delimiters, rune(value[0])) {
		return 0, 0
	}
	return rune(value[0]), len(line) + 1
}

// findDelimiter takes the delimiter under which the header has the most
// columns that we know, then the one under which it has the most columns.
func findDelimiter(sample string) rune {
	best, bestScore := ',', -1
	for _, d := range delimiters {
		r := csv.NewReader(strings.NewReader(sample))
		r.Comma, r.FieldsPerRecord, r.LazyQuotes = d, -1, true
		header, err := r.Read()
		for err == nil && blank(header) {
			header, err = r.Read()
		}
		score := len(header)
		for _, name := range header {
			if _, known := meaningOf(name); known {
				score += len(sample) // more than there can be columns
			}
		}
		if score > bestScore {
			best, bestScore = d, score
		}
	}
	return best
}

func (s *csvScanner) next() (record, *Problem, error) {
	for !s.ended {
		s.leash.renew()
		cells, err := s.r.Read()
		var parse *csv.ParseError
		switch {
		case errors.As(err, &parse):
			s.last = s.offset + parse.StartLine
			return record{}, s.misquoted(parse), nil
		case errors.Is(err, errRecordTooLong):
			s.ended = true
			return record{}, &Problem{Line: s.last + 1, Text: errRecordTooLong.Error()}, nil
		case err != nil:
			return record{}, nil, err
		}
		line, _ := s.r.FieldPos(0)
		s.last = s.offset + line
		if !blank(cells) {
			return record{s.last, cells}, nil, nil
		}
	}
	return record{}, nil, io.EOF
}

func (s *csvScanner) misquoted(e *csv.ParseError) *Problem {
	p := &Problem{Line: s.last}
	switch {
	case errors.Is(e.Err, csv.ErrBareQuote):
		p.Text = `a quote (") stands inside a cell: double it and put quotes around the cell, or remove it`
	case errors.Is(e.Err, csv.ErrQuote):
		// Where the quotes are wrong nobody knows what is a row.
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
