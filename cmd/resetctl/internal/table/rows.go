package table

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

const notUTF8 = `not UTF-8 text, probably windows-1252: save the file as "CSV UTF-8"`

// A reading turns the records of one walk over the input into rows.
type reading struct {
	cols     *columns
	targets  map[string]string // configured names by their lower case
	all      []string          // configured names, sorted
	defaults []string          // of rows that name no target
	action   resetter.Action   // of rows that name no action
	seq      int
	by       map[meaning]int // how many records each column named
}

func newReading(o Options, cols *columns) (*reading, error) {
	r := &reading{cols: cols, targets: map[string]string{}, all: slices.Sorted(slices.Values(o.Targets)),
		by: map[meaning]int{}}
	for _, name := range o.Targets {
		r.targets[strings.ToLower(name)] = name
	}
	if len(o.Targets) == 0 {
		return nil, errors.New("no target is configured: run \"resetctl help config\"")
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

// rows gives the rows that a record makes, or what is wrong with it.
func (r *reading) rows(rec record) ([]bulk.Row, []Problem) {
	var problems []Problem
	missing := func(m meaning, text string) { // for all rows alike where there is no such column
		_, has := r.cols.means[m]
		problems = append(problems, Problem{Line: rec.line, Column: r.cols.name(m), Text: text, once: !has})
	}
	bad := func(column, format string, args ...any) {
		problems = append(problems, Problem{Line: rec.line, Column: column, Text: fmt.Sprintf(format, args...)})
	}
	width := len(r.cols.names)
	if len(rec.cells) > width && !blank(rec.cells[width:]) {
		bad("", "%d cells, but the header names %d columns: is a cell that holds the delimiter not in quotes?", len(rec.cells), width)
		return nil, problems
	}
	cells := make([]string, width)
	copy(cells, rec.cells)
	for i, c := range cells {
		if !utf8.ValidString(c) {
			return nil, []Problem{{Line: rec.line, Column: r.cols.names[i], Text: notUTF8, once: true}}
		}
	}

	who, said := r.identity(cells)
	if said == "" {
		bad("", "says nobody: %s", emptyWho(r.cols))
	} else if err := who.Validate(); err != nil {
		bad(r.cols.name(said), "%v: correct it or remove the row", err)
	}

	targets := r.defaults
	named := r.cols.cell(cells, meansTarget)
	switch {
	case named != "":
		var err error
		if targets, err = r.expand(strings.FieldsFunc(named, func(c rune) bool { return c == ';' || c == '|' })); err != nil {
			bad(r.cols.name(meansTarget), "%v", err)
		}
	case len(targets) == 0:
		missing(meansTarget, "no target: fill this column or give --target")
	}
	if said == meansID && len(targets) > 1 {
		bad(r.cols.name(said), "the id %s is one system's own, but the row is for %s: name one target",
			quote(who.Value), strings.Join(targets, ", "))
	}

	action := r.action
	if text := r.cols.cell(cells, meansAction); text != "" {
		var err error
		if action, err = parseAction(text); err != nil {
			bad(r.cols.name(meansAction), "%v", err)
		}
	} else if action == "" {
		missing(meansAction, "no action: fill this column or give --action")
	}

	var newEmail string
	if action == resetter.ActionChangeEmail {
		newEmail = r.cols.cell(cells, meansNewEmail)
		if newEmail == "" {
			bad(r.cols.name(meansNewEmail), "change-email needs the new address here")
		} else if err := resetter.Email(newEmail).Validate(); err != nil {
			bad(r.cols.name(meansNewEmail), "%v: correct it or remove the row", err)
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}

	r.by[said]++
	rows := make([]bulk.Row, len(targets))
	for i, t := range targets {
		r.seq++
		rows[i] = bulk.Row{Seq: r.seq, Line: rec.line, Target: t, Identity: who, Action: action, NewEmail: newEmail, Cells: cells}
	}
	return rows, nil
}

// identity takes the strongest name that the record has for the person.
func (r *reading) identity(cells []string) (resetter.Identity, meaning) {
	for _, m := range people {
		v := r.cols.cell(cells, m)
		if v == "" {
			continue
		}
		switch m {
		case meansEmail:
			return resetter.Email(v), m
		case meansID:
			return resetter.ID(v), m
		case meansUsername:
			return resetter.Username(v), m
		}
	}
	return resetter.Identity{}, ""
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

// expand gives the configured targets that names mean, sorted, each once.
func (r *reading) expand(names []string) ([]string, error) {
	var out, unknown []string
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
		}
	}
	switch {
	case len(unknown) > 0:
		return nil, fmt.Errorf("unknown target %s: configured are %s; put ; between several",
			strings.Join(unknown, ", "), strings.Join(r.all, ", "))
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
	return "", fmt.Errorf("unknown action %s: write one of %s", quote(s), strings.Join(names, ", "))
}
