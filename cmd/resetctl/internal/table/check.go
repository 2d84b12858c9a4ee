package table

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/seed57652884/resetctl/resetter/bulk"
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
	if r.format != NDJSON {
		if err := r.checkHeader(w, refused); err != nil {
			return err
		}
	}
	said := map[string]bool{}
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
		var problems []Problem
		if problem != nil {
			problems = []Problem{*problem}
		} else {
			var rows []bulk.Row
			rows, problems = w.reading.rows(rec)
			r.rows += len(rows)
		}
		for _, p := range problems {
			if p.once && said[p.Text] {
				continue
			}
			if p.once {
				said[p.Text] = true
			}
			refused.add(p)
		}
	}
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
		refused.rows = true
		return refused
	}
	return nil
}

// checkHeader refuses a table without a good header: its rows mean nothing.
func (r *Reader) checkHeader(w *walk, refused *Refused) error {
	for _, p := range w.problems {
		refused.add(p)
	}
	if refused.Total > 0 {
		return refused
	}
	if r.sheet != nil {
		for _, p := range r.sheet.problems(w.header, &r.columns) {
			refused.add(p)
		}
	}
	switch {
	case w.header == 0 && refused.Total == 0:
		return r.empty()
	case w.header == 0:
		return refused
	}
	if err := r.columns.missingAsked(r.src.name); err != nil {
		return err
	}
	if len(r.columns.who()) == 0 {
		refused.add(r.columns.missingPerson(w.header, w.scan))
	}
	if refused.Total > 0 {
		return refused
	}
	return nil
}

func (r *Reader) empty() error {
	if r.sheet != nil {
		return refuse(r.src.name, "the sheet %s is empty: it needs a header such as email, target and a row for each person; "+
			"where another sheet has them, name it with --sheet", quote(r.sheet.name))
	}
	return refuse(r.src.name, "the file is empty: it needs a header such as email,target and a row for each person")
}
