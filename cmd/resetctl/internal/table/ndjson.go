package table

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// An ndjsonScanner reads one JSON object a line. Its columns are the keys of
// all objects, in the order in which they first come.
type ndjsonScanner struct {
	lines *bufio.Reader
	cols  *columns
	index map[string]int
	line  int
	ended bool
}

func newNDJSON(text io.Reader, cols *columns) *ndjsonScanner {
	s := &ndjsonScanner{lines: bufio.NewReaderSize(text, maxRecord), cols: cols, index: map[string]int{}}
	for i, name := range cols.names {
		s.index[name] = i
	}
	return s
}

func (s *ndjsonScanner) next() (record, *Problem, error) {
	for !s.ended {
		line, err := s.lines.ReadSlice('\n')
		s.line++
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = s.lines.ReadSlice('\n')
		}
		if s.ended = errors.Is(err, io.EOF); err != nil && !s.ended {
			return record{}, nil, err
		}
		if long {
			return record{}, &Problem{Line: s.line, Text: errLineTooLong, torn: true}, nil
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		cells, problem := s.object(line)
		if problem != nil {
			problem.Line = s.line
			return record{}, problem, nil
		}
		if !blank(cells) {
			return record{s.line, cells}, nil, nil
		}
	}
	return record{}, nil, io.EOF
}

var errLineTooLong = fmt.Sprintf("longer than %d KiB, which no line about a person is: remove it", maxRecord>>10)

var errNotObject = &Problem{Text: `not one JSON object: NDJSON has one whole object on each line, such as {"email":"ana@example.com"}`, torn: true}

func (s *ndjsonScanner) object(line []byte) ([]string, *Problem) {
	notObject := *errNotObject
	if !utf8.Valid(line) {
		return nil, &Problem{Text: notUTF8, once: true, torn: true}
	}
	d := json.NewDecoder(bytes.NewReader(line))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, &notObject
	}
	cells := make([]string, len(s.cols.names))
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return nil, &notObject
		}
		if seen[key] {
			return nil, &Problem{Column: key, Text: "the object has this key twice: remove one", torn: true}
		}
		seen[key] = true
		i, known := s.index[key]
		if !known {
			i = len(s.cols.names)
			p := s.cols.add(key)
			if i < len(s.cols.names) { // also one in conflict: said once
				s.index[key] = i
			}
			if p != nil {
				p.torn = true
				return nil, p
			}
			cells = append(cells, "")
		}
		cells[i] = cellOf(value)
	}
	if _, err := d.Token(); err != nil {
		return nil, &notObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, &notObject
	}
	return cells, nil
}

// cellOf gives a JSON value as text: a string as it is, null as nothing, all
// else as it was written, so that long numbers keep their digits.
func cellOf(value json.RawMessage) string {
	switch value[0] {
	case '"':
		var s string
		_ = json.Unmarshal(value, &s) // it was decoded once already
		return s
	case 'n':
		return ""
	}
	return string(value)
}
