// Package uitest is a terminal for tests: what a person would see of what a
// program writes to one.
//
//	d := uitest.NewDisplay(80, func(rune) int { return 1 })
//	fmt.Fprint(d, "working\r\x1b[Kdone\n")
//	d.Text() // "done"
package uitest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// A Display is as much of a terminal as is needed to draw lines anew. Its methods
// may be called concurrently.
type Display struct {
	width   func(rune) int
	mu      sync.Mutex
	columns int
	lines   []shown
	x, y    int
	pending string // the beginning of a sequence
	strange []string
}

// NewDisplay makes an empty one of so many columns, and no end of lines, on which
// a character takes as many cells as width says.
func NewDisplay(columns int, width func(rune) int) *Display {
	return &Display{columns: columns, width: width}
}

// A shown line is cells, of which a wide character has two. One that goes on has
// more in the next.
type shown struct {
	cells  []rune
	goesOn bool
}

// Write shows p, as the line discipline of a terminal has it: a line end moves the
// cursor to the beginning of the next line.
func (d *Display) Write(p []byte) (int, error) {
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
			d.x, d.y = 0, d.y+1
		default:
			d.put(r)
		}
	}
	return len(p), nil
}

func (d *Display) control(argument string, command byte) {
	switch {
	case command == 'A':
		n := 0
		for _, digit := range argument {
			n = n*10 + int(digit-'0')
		}
		if d.y -= n; d.y < 0 {
			d.strange = append(d.strange, fmt.Sprintf("the cursor is moved %d lines above the first", -d.y))
			d.y = 0
		}
	case command == 'K' && argument == "":
		d.line().cells = d.line().cells[:min(d.x, len(d.line().cells))]
	case command == 'J' && argument == "":
		d.line().cells = d.line().cells[:min(d.x, len(d.line().cells))]
		d.lines = d.lines[:d.y+1]
	case command == 'm':
	default:
		d.strange = append(d.strange, fmt.Sprintf("it is told %q", argument+string(command)))
	}
}

func (d *Display) line() *shown {
	for len(d.lines) <= d.y {
		d.lines = append(d.lines, shown{})
	}
	return &d.lines[d.y]
}

func (d *Display) put(r rune) {
	w := d.width(r)
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

// Resize is what terminals do with what stands on them when their width changes:
// lines that do not fit any more are wrapped.
func (d *Display) Resize(columns int) {
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

// Text is the lines that are not blank.
func (d *Display) Text() []string {
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

// Cursor is where the cursor stands, counted from 0.
func (d *Display) Cursor() (column, line int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.x, d.y
}

// Strange is what was asked of the display and is not known to it, or cannot be.
func (d *Display) Strange() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.strange)
}
