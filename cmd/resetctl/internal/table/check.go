package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// check walks over everything and collects what is wrong.
func (r *Reader) check(ctx context.Context) error {
	w, err := r.walk(&r.columns)
	if err != nil {
		return err
	}
	r.comma = w.comma
	refused := &Refused{File: r.src.name}
	if r.sheet != nil {
		refused.Sheet = r.sheet.name
	}
	does, rows := "reading", 0
	if r.src.info == nil || r.sheet != nil { // it was read into a copy
		does = "checking"
	}
	if r.sheet != nil {
		rows = max(0, r.sheet.copied-1) // without the header
	}
	phase := r.progress.begin(does, "row", rows)
	said := map[string]bool{}
	add := func(p Problem) {
		if !p.once || !said[p.Text] {
			refused.add(p)
		}
		said[p.Text] = said[p.Text] || p.once
	}
	var flaws []flaw
	if r.sheet != nil {
		flaws = r.sheet.flaws(w.header, &r.columns)
	}
	flawless := len(flaws) == 0
	until := func(line int) { // what is wrong with a sheet is said before what is wrong with a row of it
		for len(flaws) > 0 && flaws[0].from.line <= line {
			add(flaws[0].problem(&r.columns))
			flaws = flaws[1:]
		}
	}
	if r.format != NDJSON {
		p, goOn, err := r.checkHeader(w, flaws)
		if err != nil {
			return err
		}
		until(cmp.Or(w.header, maxRows))
		for _, p := range w.problems {
			add(p)
		}
		if p != nil {
			add(*p)
		}
		if !goOn {
			return refused
		}
	}
	header := refused.Total
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		rec, problem, err := w.scan.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", r.src.name, err)
		}
		r.lines++
		phase.done.Add(1)
		until(rec.line)
		if problem != nil {
			add(*problem)
			continue
		}
		if r.sheet != nil && rec.line <= r.sheet.headerEnd {
			continue
		}
		rows, problems := w.reading.rows(rec)
		r.rows += len(rows)
		for _, p := range problems {
			add(p)
		}
	}
	until(math.MaxInt)
	if r.format == NDJSON {
		if r.lines == 0 {
			return refuse(r.src.name, `the file is empty: it needs a line such as {"email":"ana@example.com"} for each person`)
		}
		if err := r.columns.missingAsked(r.src.name); err != nil {
			return err
		}
	}
	r.by, r.sum = w.reading.by, w.sum()
	if refused.Total > 0 {
		refused.rows = header == 0 && flawless
		return refused
	}
	return nil
}

// checkHeader gives what is wrong with a header as a whole, and whether rows mean
// anything under it.
func (r *Reader) checkHeader(w *walk, flaws []flaw) (p *Problem, goOn bool, err error) {
	cols := &r.columns
	lost := cols.unread // a name that may say who
	for _, f := range flaws {
		if f.header {
			cols.open, cols.unread = true, true
			lost = lost || f.to == (cell{}) && f.from.line == w.header
		}
	}
	switch {
	case w.header == 0 && len(flaws) == 0:
		return nil, false, r.empty()
	case w.header == 0, slices.ContainsFunc(w.problems, func(p Problem) bool { return p.torn }):
		return nil, false, nil
	case len(cols.who()) > 0 && slices.ContainsFunc(cols.names, isAddress):
		return &Problem{Line: w.header, Text: noHeader}, false, nil
	case lost:
		return nil, true, nil
	case len(cols.who()) == 0:
		missing, elsewhere, err := r.missingPerson()
		if err != nil || elsewhere {
			return &missing, false, err
		}
		cols.nobody, p = true, &missing
		cols.open = cols.open || len(cols.means) == 0 // it may be no header
	}
	return p, true, cols.missingAsked(r.src.name)
}

func (r *Reader) empty() error {
	if r.sheet != nil {
		return refuse(r.src.name, "the sheet %s is empty: it needs a header such as email, target and a row for each person; "+
			"where another sheet has them, name it with --sheet", quote(r.sheet.name))
	}
	return refuse(r.src.name, "the file is empty: it needs a header such as email,target and a row for each person")
}
