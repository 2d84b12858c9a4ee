package table

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
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

// aliases are the names under which a meaning is known, without case, blanks,
// underscores and hyphens. A bare "id" is none of them on purpose: exports of
// HR systems have a column of that name, and it is not the target system's id.
var aliases = map[string]meaning{
	"email": meansEmail, "mail": meansEmail, "emailaddress": meansEmail, "workemail": meansEmail,
	"userid":   meansID,
	"username": meansUsername, "login": meansUsername,
	"target": meansTarget, "system": meansTarget,
	"action":   meansAction,
	"newemail": meansNewEmail,
}

// meaningOf says what a column of that name means; false where nothing.
func meaningOf(name string) (meaning, bool) {
	key := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '_' || r == '-' {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	m, ok := aliases[key]
	return m, ok
}

// maxColumns is as many as a sheet of Excel has.
const maxColumns = 16384

// columns are the names of an input's columns in order, and which mean what.
type columns struct {
	names []string
	means map[meaning]int
}

// add appends a column. The problem, if any, is the column's own.
func (c *columns) add(name string) *Problem {
	if len(c.names) == maxColumns {
		return &Problem{Text: fmt.Sprintf("more than %d columns: is this the right file?", maxColumns)}
	}
	c.names = append(c.names, name)
	m, ok := meaningOf(name)
	if !ok {
		return nil
	}
	if first, taken := c.means[m]; taken {
		return &Problem{Column: name, Text: fmt.Sprintf("both this column and %s say the %s: remove or rename one of them",
			quote(c.names[first]), m)}
	}
	if c.means == nil {
		c.means = map[meaning]int{}
	}
	c.means[m] = len(c.names) - 1
	return nil
}

// clone gives a copy that can grow by itself.
func (c *columns) clone() columns {
	return columns{slices.Clone(c.names), maps.Clone(c.means)}
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

// missingPerson is the problem of an input in which no column says who.
func (c *columns) missingPerson() *Problem {
	if len(c.who()) > 0 {
		return nil
	}
	var names []string
	for _, n := range c.names[:min(len(c.names), 10)] {
		names = append(names, quote(n))
	}
	return &Problem{Text: fmt.Sprintf("no column says who: name one email, user_id or username (found: %s)",
		ui.Shorten(strings.Join(names, ", "), 300))}
}
