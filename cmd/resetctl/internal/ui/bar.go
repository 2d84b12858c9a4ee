package ui

import (
	"fmt"
	"strings"
)

// A Bar says how far one of several things is. What is left empty is not shown.
type Bar struct {
	Name  string
	Doing string // what is being done, in a word or two
	// Done of All is how far that is; there is no bar where All is 0.
	Done, All int
	Pace      string // how fast
	Left      string // how long it still takes
	Note      string // what people should know of it: that it waits, and for what
}

func (b Bar) clean() Bar {
	b.Name, b.Doing, b.Pace, b.Left, b.Note = Clean(b.Name), Clean(b.Doing), Clean(b.Pace), Clean(b.Left), Clean(b.Note)
	return b
}

func (b Bar) count() string {
	if b.All == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", b.Done, b.All)
}

// inWords is all bars on one line.
func inWords(bars []Bar) string {
	var all []string
	for _, b := range bars {
		var parts []string
		for _, part := range []string{strings.TrimSpace(b.Doing + " " + b.count()), b.Pace, b.Left, b.Note} {
			if part != "" {
				parts = append(parts, part)
			}
		}
		all = append(all, b.Name+": "+strings.Join(parts, ", "))
	}
	return strings.Join(all, " · ")
}

// layouts are the ways to write bars, from the widest to the narrowest: what
// matters least is given up first.
var layouts = []layout{
	{bar: 24, doing: true, pace: true, left: true},
	{bar: 10, doing: true, pace: true, left: true},
	{bar: 10, doing: true, left: true},
	{doing: true, left: true},
	{bar: 10, left: true},
	{left: true},
	{},
}

type layout struct {
	bar               int // how wide, without its ends; 0: none
	doing, pace, left bool
}

// rows writes bars one below the other, in the widest layout that fits into so
// many cells.
func rows(bars []Bar, cells int) (rows []row) {
	for _, l := range layouts {
		rows = l.rows(bars)
		widest := 0
		for _, r := range rows {
			widest = max(widest, Width(r.text+r.note))
		}
		if widest <= cells {
			break
		}
	}
	return rows
}

func (l layout) rows(bars []Bar) []row {
	lines := make([]string, len(bars))
	// column adds what of returns to each line, as wide for all of them.
	column := func(of func(Bar) string, right bool) {
		width := 0
		for _, b := range bars {
			width = max(width, Width(of(b)))
		}
		if width == 0 {
			return
		}
		for i, b := range bars {
			text := of(b)
			blank := strings.Repeat(" ", width-Width(text))
			if right {
				text = blank + text
			} else {
				text += blank
			}
			lines[i] += text + "  "
		}
	}
	column(func(b Bar) string { return b.Name }, false)
	if l.doing {
		column(func(b Bar) string { return b.Doing }, false)
	}
	if l.bar > 0 {
		column(func(b Bar) string { return b.draw(l.bar) }, false)
	}
	column(Bar.count, true)
	if l.pace {
		column(func(b Bar) string { return b.Pace }, true)
	}
	rows := make([]row, len(bars))
	for i, b := range bars {
		rows[i] = row{text: strings.TrimRight(lines[i], " ")}
		if l.left && b.Left != "" {
			rows[i].text = lines[i] + b.Left
		}
		if b.Note != "" {
			rows[i].text, rows[i].note = strings.TrimRight(rows[i].text, " ")+"  ", b.Note
		}
	}
	return rows
}

// draw is the bar itself, in characters that every terminal has.
func (b Bar) draw(width int) string {
	if b.All == 0 {
		return ""
	}
	full := width * min(b.Done, b.All) / b.All
	head := ""
	if full > 0 && full < width {
		full, head = full-1, ">"
	}
	return "[" + strings.Repeat("=", full) + head + strings.Repeat(" ", width-full-len(head)) + "]"
}
