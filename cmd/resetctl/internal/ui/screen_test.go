package ui

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// A display is what a person sees of what was written to a terminal: as much of
// one as frames need. It fails the test for everything else.
type display struct {
	t       *testing.T
	mu      sync.Mutex
	columns int
	lines   []shown
	x, y    int
	pending string // the beginning of a sequence
}

// A shown line is cells, of which a wide character has two. One that goes on has
// more in the next.
type shown struct {
	cells  []rune
	goesOn bool
}

func (d *display) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	text := d.pending + string(p)
	d.pending = ""
	for text != "" {
		if strings.HasPrefix(text, "\x1b[") {
			end := strings.IndexFunc(text[2:], func(r rune) bool { return r >= '@' && r <= '~' })
			if end < 0 {
				d.pending = text
				break
			}
			d.control(text[2:2+end], text[2+end])
			text = text[3+end:]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		switch r {
		case '\r':
			d.x = 0
		case '\n':
			d.x, d.y = 0, d.y+1 // as the line discipline of a terminal has it
		default:
			d.put(r)
		}
	}
	return len(p), nil
}

func (d *display) control(argument string, command byte) {
	switch {
	case command == 'A':
		n := 0
		for _, digit := range argument {
			n = n*10 + int(digit-'0')
		}
		if d.y -= n; d.y < 0 {
			d.t.Errorf("the cursor is moved %d lines above the first", -d.y)
			d.y = 0
		}
	case command == 'K' && argument == "":
		d.line().cells = d.line().cells[:min(d.x, len(d.line().cells))]
	case command == 'J' && argument == "":
		d.line().cells = d.line().cells[:min(d.x, len(d.line().cells))]
		d.lines = d.lines[:d.y+1]
	case command == 'm':
	default:
		d.t.Errorf("the terminal is told something strange: %q", argument+string(command))
	}
}

func (d *display) line() *shown {
	for len(d.lines) <= d.y {
		d.lines = append(d.lines, shown{})
	}
	return &d.lines[d.y]
}

func (d *display) put(r rune) {
	w := runeWidth(r)
	if d.x+w > d.columns {
		d.line().goesOn = true
		d.x, d.y = 0, d.y+1
	}
	line := d.line()
	for len(line.cells) < d.x+w {
		line.cells = append(line.cells, 0)
	}
	line.cells[d.x] = r
	d.x += w
}

// resize is what terminals do with what stands on them: lines that do not fit
// any more are wrapped.
func (d *display) resize(columns int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var lines []shown
	d.line()
	for y, l := range d.lines {
		if y == d.y {
			d.y = len(lines)
		}
		for len(l.cells) > columns {
			lines = append(lines, shown{l.cells[:columns], true})
			l.cells = l.cells[columns:]
		}
		lines = append(lines, shown{l.cells, l.goesOn})
	}
	d.columns, d.lines = columns, lines
}

// text is the lines that are not blank.
func (d *display) text() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var text []string
	for _, l := range d.lines {
		s := strings.TrimRight(string(slices.DeleteFunc(slices.Clone(l.cells), func(r rune) bool { return r == 0 })), " ")
		if s != "" {
			text = append(text, s)
		}
	}
	return text
}
