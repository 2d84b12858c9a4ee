package table

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
)

// A meaning is what a column says about a row.
type meaning string

const (
	meansEmail    meaning = "email"
	meansID       meaning = "user_id"
	meansUsername meaning = "username"
	meansTarget   meaning = "target"
	meansAction   meaning = "action"
	meansNewEmail meaning = "new_email"
)

// people are the meanings that say who, the strongest first.
var people = []meaning{meansEmail, meansID, meansUsername}

func meaningNames() (names []string) {
	for _, m := range append(slices.Clone(people), meansTarget, meansAction, meansNewEmail) {
		names = append(names, string(m))
	}
	return names
}

// aliases are the names under which a meaning is known, as [near.Plain] gives
// them. A bare "id" is none of them on purpose: exports of HR systems have a
// column of that name, and it is not the target system's id.
var aliases = map[string]meaning{
	"email": meansEmail, "mail": meansEmail, "emailaddress": meansEmail, "workemail": meansEmail,
	"userid":   meansID,
	"username": meansUsername, "login": meansUsername,
	"target": meansTarget, "system": meansTarget,
	"action":   meansAction,
	"newemail": meansNewEmail,
}

// maxColumns is as many as a sheet of Excel has.
const maxColumns = 16384

// columns are the names of an input's columns in order, and which mean what.
type columns struct {
	asked []mapping // by a person, who knows better than the names
	names []string
	means map[meaning]int // the first column of each
	own   int             // of results that come back: how many columns stand before ours

	// What is wrong with them was said; nothing is said of a row because of it.
	doubled map[meaning]bool // that several columns claim, so that nobody knows which counts
	unread  bool             // a name cannot be read, so that what is missing may be there
	open    bool             // nobody knows how many there are
	nobody  bool             // none says who
}

// meaning says what a column of that name means; false where nothing.
func (c *columns) meaning(name string) (meaning, bool) {
	for _, a := range c.asked {
		if a.column == name {
			return a.means, true
		}
	}
	m, ok := aliases[near.Plain(name)]
	if slices.ContainsFunc(c.asked, func(a mapping) bool { return a.means == m }) {
		return "", false
	}
	return m, ok
}

// readHeader takes the first record for the columns' names. The line is 0 where
// there is no record at all.
func (c *columns) readHeader(s scanner) (line int, problems []Problem, err error) {
	header, problem, err := s.next()
	switch {
	case errors.Is(err, io.EOF):
		return 0, nil, nil
	case err != nil:
		return 0, nil, err
	case problem != nil:
		return problem.Line, []Problem{*problem}, nil
	}
	names := make([]string, len(header.cells))
	for i, name := range header.cells {
		names[i] = strings.TrimSpace(name)
	}
	c.asked = settle(c.asked, names)
	ours := ResultsHeader(nil)
	for i := 1; i+len(ours) <= len(names); i++ {
		if slices.Equal(names[i:i+len(ours)], ours) {
			c.own = i
		}
	}
	for _, name := range names {
		p := garbled(name)
		if c.open = len(c.names) == maxColumns; p != nil {
			c.unread, p.Column = true, name
			problems = append(problems, *p)
		}
		if p := c.add(name); p != nil {
			problems = append(problems, *p)
		}
		if c.open {
			break
		}
	}
	for i := range problems {
		problems[i].Line = header.line
	}
	return header.line, problems, nil
}

// add appends a column. The problem, if any, is the column's own.
func (c *columns) add(name string) *Problem {
	if len(c.names) == maxColumns {
		return &Problem{Text: fmt.Sprintf("more than %d columns: is this the right file?", maxColumns)}
	}
	c.names = append(c.names, name)
	m, ok := c.meaning(name)
	asked := slices.ContainsFunc(c.asked, func(a mapping) bool { return a.column == name })
	if !ok || !asked && len(c.names) <= c.own && (m == meansTarget || m == meansAction) { // which our columns say
		return nil
	}
	if first, taken := c.means[m]; taken {
		if c.doubled == nil {
			c.doubled = map[meaning]bool{}
		}
		c.doubled[m] = true
		if c.names[first] == name { // which --map cannot tell apart
			return &Problem{Column: name, Text: "two columns are called so: rename or delete one of them"}
		}
		return &Problem{Column: name, Text: fmt.Sprintf("both this column and %s say the %s: remove or rename one of them, or choose with --map %s=%s",
			quote(c.names[first]), m, m, quote(name))}
	}
	if c.means == nil {
		c.means = map[meaning]int{}
	}
	c.means[m] = len(c.names) - 1
	return nil
}

// clone gives a copy that can grow by itself.
func (c *columns) clone() columns {
	d := *c
	d.names, d.means, d.doubled = slices.Clone(c.names), maps.Clone(c.means), maps.Clone(c.doubled)
	return d
}

// who lists the meanings present that name a person, the strongest first.
func (c *columns) who() []meaning {
	return slices.DeleteFunc(slices.Clone(people), func(m meaning) bool { _, ok := c.means[m]; return !ok })
}

// name gives the column's own name for a meaning.
func (c *columns) name(m meaning) string {
	if i, ok := c.means[m]; ok {
		return c.names[i]
	}
	return string(m)
}

// list names the first columns for a message.
func (c *columns) list() string {
	var names []string
	for _, n := range c.names[:min(len(c.names), 10)] {
		names = append(names, quote(n))
	}
	return ui.Shorten(strings.Join(names, ", "), 300)
}

// cell gives the trimmed value that a record has for a meaning; empty where
// there is none. The quote that WriteResults puts before what a spreadsheet
// would take for a formula comes off again, so that results can be read back.
func (c *columns) cell(cells []string, m meaning) string {
	i, ok := c.means[m]
	if !ok || i >= len(cells) {
		return ""
	}
	v := strings.TrimSpace(cells[i])
	if rest, ok := strings.CutPrefix(v, "'"); ok && startsFormula(rest) {
		return rest
	}
	return v
}

// isAddress reports whether a name is that of a person, so that what it stands in
// is no header.
func isAddress(name string) bool { return resetter.Email(name).Validate() == nil }

// missingPerson is the problem of a table in which no column says who. The
// records that follow may show why: there are lines above the header, which is
// then elsewhere, or a column holds addresses under a name that says nothing.
func (r *Reader) missingPerson() (p Problem, elsewhere bool, err error) {
	var cols columns
	w, err := r.walk(&cols)
	if err != nil {
		return Problem{}, false, err
	}
	column := "COLUMN"
	for range sampleHeaders {
		rec, problem, err := w.scan.next()
		if err != nil {
			break
		}
		if problem != nil {
			continue
		}
		for i, cell := range rec.cells {
			cell = strings.TrimSpace(cell)
			if m, ok := cols.meaning(cell); ok && slices.Contains(people, m) && !isAddress(cell) { // which may be mapped
				return Problem{Line: w.header, Text: fmt.Sprintf("no column says who; line %d looks like the header: delete the lines above it", rec.line)}, true, nil
			}
			if column == "COLUMN" && i < len(cols.names) && cols.names[i] != "" && isAddress(cell) {
				column = quote(cols.names[i])
			}
		}
	}
	if slices.ContainsFunc(cols.names, isAddress) {
		return Problem{Line: w.header, Text: noHeader}, true, nil
	}
	text := fmt.Sprintf("no column says who: name one email, user_id or username (found: %s), or say which it is with --map email=%s", cols.list(), column)
	if i := slices.IndexFunc(cols.names, func(name string) bool { return near.Plain(name) == "id" }); i >= 0 {
		text += fmt.Sprintf("; if %s is the target system's own id: --map user_id=%[1]s", quote(cols.names[i]))
	}
	return Problem{Line: w.header, Text: text}, false, nil
}

const noHeader = "there is no header: the first line must name the columns, such as email and target"
