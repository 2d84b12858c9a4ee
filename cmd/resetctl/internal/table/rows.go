package table

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

const notUTF8 = `not UTF-8 text, probably windows-1252: save the file as "CSV UTF-8", or give --encoding windows-1252`

// shortened is a long number as a spreadsheet writes it that took it for one.
var shortened = regexp.MustCompile(`^[0-9]([.,][0-9]+)?[eE][+][0-9]+$`)

// A reading turns the records of one walk over the input into rows.
type reading struct {
	cols     *columns
	sheet    *sheet            // whose cells have addresses; nil where there is none
	objects  bool              // the records are such, of which each has columns of its own
	targets  map[string]string // configured names by their lower case
	all      []string          // configured names, sorted
	defaults []string          // of rows that name no target
	action   resetter.Action   // of rows that name no action
	seq      int
	by       map[meaning]int // how many records each column named

	// What was read before, since a million rows say the same few things.
	named map[string][]string
	verbs map[string]resetter.Action
	out   []bulk.Row
}

// maxRemembered is how many different cells a reading remembers.
const maxRemembered = 1000

func newReading(o Options, cols *columns) (*reading, error) {
	r := &reading{cols: cols, targets: map[string]string{}, all: slices.Sorted(slices.Values(o.Targets)),
		by: map[meaning]int{}, named: map[string][]string{}, verbs: map[string]resetter.Action{}}
	for _, name := range o.Targets {
		r.targets[strings.ToLower(name)] = name
	}
	if len(o.Targets) == 0 {
		return nil, errors.New("no target is configured: resetctl init writes a configuration, or set RESETCTL_<TARGET>_URL and what signs in (resetctl help environment)")
	}
	var err error
	if len(o.DefaultTargets) > 0 {
		if r.defaults, err = r.expand(o.DefaultTargets); err != nil {
			return nil, fmt.Errorf("--target: %w", err)
		}
	}
	if o.DefaultAction != "" {
		if r.action, err = parseAction(string(o.DefaultAction)); err != nil {
			return nil, fmt.Errorf("--action: %w", err)
		}
	}
	return r, nil
}

// rows gives the rows that a record makes, good until the next call, or what is
// wrong with it. The cells of the record become the rows' own.
func (r *reading) rows(rec record) ([]bulk.Row, []Problem) {
	var problems []Problem
	missing := func(m meaning) { // for all rows alike where there is no such column
		_, has := r.cols.means[m]
		text := fmt.Sprintf("no %s: fill this column or give --%[1]s", m)
		if !has {
			text = fmt.Sprintf("no %s: give --%[1]s, or add a column of this name", m)
		}
		if has || !r.cols.unread {
			problems = append(problems, Problem{Line: rec.line, Column: r.cols.name(m), Text: text, once: !has})
		}
	}
	bad := func(column, format string, args ...any) {
		problems = append(problems, Problem{Line: rec.line, Column: column, Text: fmt.Sprintf(format, args...)})
	}
	width := len(r.cols.names)
	if i := lastFilled(rec.cells); i >= width && !r.cols.open {
		if r.sheet != nil {
			bad("", "the cell %s stands outside of the %d columns that the header names: name its column, or clear the cell", cell{rec.line, i + 1}, width)
		} else {
			bad("", "%d cells, but the header names %s: is a cell that holds the delimiter not in quotes?", len(rec.cells), ui.Count(width, "column"))
		}
		return nil, problems
	}
	cells := rec.cells[:min(len(rec.cells), width):min(len(rec.cells), width)]
	if len(cells) < width {
		cells = append(cells, make([]string, width-len(cells))...)
	}
	for i, c := range cells {
		if p := garbled(c); p != nil {
			p.Line, p.Column = rec.line, r.cols.names[i]
			problems = append(problems, *p)
		}
	}
	// unclear reports whether nobody knows what the record says there, because of
	// what was said already.
	unclear := func(m meaning) bool {
		i, has := r.cols.means[m]
		return has && (garbled(cells[i]) != nil ||
			r.cols.doubled[m] && !(r.objects && r.cols.cell(cells, m) != "") ||
			r.sheet != nil && r.sheet.unclear(cell{rec.line, i + 1}, cells[i], slices.Contains(people, m)))
	}

	who, said, sure := r.identity(cells, unclear)
	if said == "" {
		if sure && !r.cols.nobody && !r.cols.unread {
			bad("", "says nobody: %s", emptyWho(r.cols))
		}
	} else if err := who.Validate(); err != nil {
		bad(r.cols.name(said), "%v: correct it or remove the row", err)
	} else if said == meansID && shortened.MatchString(who.Value) {
		bad(r.cols.name(said), "%s is an id of which a spreadsheet kept some digits only: take it from the system again, as text", quote(who.Value))
	}

	targets := r.defaults
	named := r.cols.cell(cells, meansTarget)
	switch {
	case unclear(meansTarget):
		targets = nil
	case named != "":
		var err error
		if targets, err = r.targetsOf(named); err != nil {
			bad(r.cols.name(meansTarget), "%v", err)
		}
	case len(targets) == 0:
		missing(meansTarget)
	}
	if said == meansID && len(targets) > 1 {
		bad(r.cols.name(said), "the id %s is one system's own, but the row is for %s: name one target",
			quote(who.Value), strings.Join(targets, ", "))
	}

	action := r.action
	if text := r.cols.cell(cells, meansAction); unclear(meansAction) {
		action = ""
	} else if text != "" {
		var err error
		if action, err = r.actionOf(text); err != nil {
			bad(r.cols.name(meansAction), "%v", err)
		}
	} else if action == "" {
		missing(meansAction)
	}

	var newEmail string
	if action == resetter.ActionChangeEmail && !unclear(meansNewEmail) {
		newEmail = r.cols.cell(cells, meansNewEmail)
		if _, has := r.cols.means[meansNewEmail]; newEmail == "" {
			if has || !r.cols.unread {
				bad(r.cols.name(meansNewEmail), "change-email needs the new address here")
			}
		} else if err := resetter.Email(newEmail).Validate(); err != nil {
			bad(r.cols.name(meansNewEmail), "%v: correct it or remove the row", err)
		}
	}
	if len(problems) > 0 || said == "" || len(targets) == 0 || action == "" { // or something is unclear, and the table refused
		return nil, problems
	}

	r.by[said]++
	r.out = r.out[:0]
	for _, t := range targets {
		r.seq++
		r.out = append(r.out, bulk.Row{Seq: r.seq, Line: rec.line, Target: t, Identity: who, Action: action, NewEmail: newEmail, Cells: cells})
	}
	return r.out, nil
}

// lastFilled is the place of the last cell that is not blank; -1 for none.
func lastFilled(cells []string) int {
	i := len(cells) - 1
	for i >= 0 && strings.TrimSpace(cells[i]) == "" {
		i--
	}
	return i
}

// garbled is the problem of a cell that is no text, if it has one.
func garbled(text string) *Problem {
	switch {
	case !utf8.ValidString(text):
		return &Problem{Text: notUTF8, once: true}
	case strings.IndexByte(text, 0) >= 0:
		return &Problem{Text: "there is a NUL byte in the cell, which no text has: write the cell anew"}
	}
	return nil
}

// identity takes the strongest name that the record has for the person. It is not
// sure where one that would come first is unclear.
func (r *reading) identity(cells []string, unclear func(meaning) bool) (_ resetter.Identity, _ meaning, sure bool) {
	for _, m := range people {
		if unclear(m) {
			return resetter.Identity{}, "", false
		}
		v := r.cols.cell(cells, m)
		if v == "" {
			continue
		}
		switch m {
		case meansEmail:
			return resetter.Email(v), m, true
		case meansID:
			return resetter.ID(v), m, true
		case meansUsername:
			return resetter.Username(v), m, true
		}
	}
	return resetter.Identity{}, "", true
}

func emptyWho(c *columns) string {
	var names []string
	for _, m := range c.who() {
		names = append(names, quote(c.name(m)))
	}
	if len(names) == 0 {
		names = []string{"email, user_id", "username"}
	}
	return "fill " + strings.Join(names, " or ") + ", or remove the row"
}

// targetsOf gives those that a cell names.
func (r *reading) targetsOf(text string) ([]string, error) {
	if known, ok := r.named[text]; ok {
		return known, nil
	}
	targets, err := r.expand(strings.FieldsFunc(text, func(c rune) bool { return c == ';' || c == '|' }))
	if err == nil && len(r.named) < maxRemembered {
		r.named[strings.Clone(text)] = targets
	}
	return targets, err
}

// actionOf gives the one that a cell names.
func (r *reading) actionOf(text string) (resetter.Action, error) {
	if known, ok := r.verbs[text]; ok {
		return known, nil
	}
	action, err := parseAction(text)
	if err == nil && len(r.verbs) < maxRemembered {
		r.verbs[strings.Clone(text)] = action
	}
	return action, err
}

// expand gives the configured targets that names mean, sorted, each once.
func (r *reading) expand(names []string) ([]string, error) {
	var out, unknown, meant []string
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		switch known, ok := r.targets[name]; {
		case name == "":
		case name == "all":
			out = append(out, r.all...)
		case ok:
			out = append(out, known)
		default:
			unknown = append(unknown, quote(name))
			meant = append(meant, near.Name(name, r.all))
		}
	}
	switch {
	case len(unknown) > 0:
		return nil, fmt.Errorf("unknown target %s: configured are %s; put ; between several%s",
			strings.Join(unknown, ", "), strings.Join(r.all, ", "), near.Ask(meant...))
	case len(out) == 0:
		return nil, errors.New("no target is named")
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func parseAction(s string) (resetter.Action, error) {
	a := resetter.Action(strings.ToLower(strings.TrimSpace(s)))
	if slices.Contains(resetter.Actions(), a) {
		return a, nil
	}
	var names []string
	for _, known := range resetter.Actions() {
		names = append(names, string(known))
	}
	return "", fmt.Errorf("unknown action %s: write one of %s%s", quote(s), strings.Join(names, ", "), near.Hint(s, names))
}
