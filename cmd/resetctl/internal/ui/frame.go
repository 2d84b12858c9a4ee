package ui

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A frame is what stands at the end of a terminal and is drawn anew in place.
// The cursor stands below it, at the beginning of a line, so that what the
// terminal itself writes (a shell's prompt after a kill, ^C) gets a line of its
// own. Messages go above it, and are there when the call returns: a library
// that queues them for its next picture would lose those of a process that is
// killed.
type frame struct {
	rows    []row
	columns int   // for which they were drawn
	widths  []int // of the lines as they were drawn
}

// A row is one line of a frame, cut to the width of the terminal. What it ends
// with may be coloured.
type row struct{ text, note string }

// cut makes r fit into so many cells.
func (r row) cut(cells int) row {
	r.text = Shorten(r.text, cells)
	r.note = Shorten(r.note, cells-Width(r.text))
	return r
}

// draw makes rows the frame, at once. The caller holds mu.
func (s *IO) draw(rows []row) {
	if !s.tty.inFront() {
		s.forget() // a shell or another program has the terminal
		return
	}
	if len(rows) == 0 {
		s.erase()
		return
	}
	columns, lines := s.size()
	fitting := make([]row, 0, len(rows))
	for _, r := range rows {
		if len(fitting) == lines-2 && len(rows) > lines-1 {
			fitting = append(fitting, row{text: fmt.Sprintf("and %d more", len(rows)-len(fitting))})
			break
		}
		fitting = append(fitting, r.cut(columns-1)) // a full line might wrap
	}
	if slices.Equal(s.frame.rows, rows) && s.frame.columns == columns {
		return
	}
	var b strings.Builder
	b.WriteString(s.frame.top(columns))
	widths := make([]int, len(fitting))
	for i, r := range fitting {
		widths[i] = Width(r.text + r.note)
		b.WriteString(r.text + s.coloured(r.note) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	s.frame = frame{slices.Clone(rows), columns, widths}
	_, _ = io.WriteString(s.Err, b.String())
}

// above writes lines above the frame. The caller holds mu.
func (s *IO) above(text string) error {
	rows := s.frame.rows
	if len(rows) == 0 || !s.tty.inFront() {
		s.forget()
		_, err := io.WriteString(s.Err, text)
		return err
	}
	columns, _ := s.size()
	top := s.frame.top(columns)
	s.forget()
	_, err := io.WriteString(s.Err, top+"\x1b[J"+text)
	s.draw(rows)
	return err
}

// erase takes the frame away. The caller holds mu.
func (s *IO) erase() {
	if len(s.frame.rows) > 0 && s.tty.inFront() {
		columns, _ := s.size()
		_, _ = io.WriteString(s.Err, s.frame.top(columns)+"\x1b[J")
	}
	s.forget()
}

// forget is for a frame that is not where it was, or is gone.
func (s *IO) forget() { s.frame = frame{} }

// height is how many lines the frame takes on a terminal that has become so
// wide: terminals wrap what does not fit any more.
func (f frame) height(columns int) (lines int) {
	for _, w := range f.widths {
		lines += max(1, (w+columns-1)/columns)
	}
	return lines
}

// top moves the cursor to where the frame begins.
func (f frame) top(columns int) string {
	if n := f.height(columns); n > 0 {
		return fmt.Sprintf("\r\x1b[%dA", n)
	}
	return ""
}

func (s *IO) coloured(text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[33m" + text + "\x1b[0m"
}

// size is that of the terminal now.
func (s *IO) size() (columns, lines int) {
	if s.sized != nil {
		columns, lines = s.sized()
	}
	if columns <= 0 {
		columns = s.Columns
	}
	if columns <= 0 {
		columns = 80
	}
	if lines <= 0 {
		lines = 24
	}
	return columns, lines
}
