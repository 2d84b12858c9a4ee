package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
)

// mayAct refuses early what would have to be refused in the end.
func (j *job) mayAct() error {
	o := j.options
	if !o.dryRun && !o.yes && !j.io.CanAsk() {
		why := "there is no terminal to ask on"
		if j.io.NoInput {
			why = "--no-input says not to ask"
		}
		return usage("%s; look at it with --dry-run, then give --yes to do it", why)
	}
	return nil
}

// read reads the table, or refuses it with all that is wrong with it.
func (j *job) read(ctx context.Context, open func(table.Options) (*table.Reader, error)) (err error) {
	format := table.Format("")
	if j.options.corrected != "" {
		if format, err = table.CorrectedFormat(j.options.corrected); err != nil {
			return usage("--corrected: %v", err)
		}
	}
	o := j.options.table
	o.Progress = j.io.Meanwhile
	if j.people, err = open(o); err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	} else if err != nil {
		if refused := (*table.Refused)(nil); errors.As(err, &refused) {
			if failed := j.correct(ctx, refused, format); failed != nil {
				if e := (*exit)(nil); errors.As(failed, &e) { // the path was wrong
					j.io.Fail(refused.Error())
					return failed
				}
				j.io.Tell("%v", failed) // the table is refused all the same
			}
			if j.table && refused.Correctable() && j.options.corrected == "" {
				err = fmt.Errorf("%w\n--corrected FILE writes a copy in which each of these stands beside its row", err)
			}
			return err
		}
		return &exit{exitUsage, err}
	}
	if j.table && j.people.Once() {
		j.again = j.resumption
	}
	if j.table {
		j.io.Note("%s", j.people.Understood())
	} else { // a sign of life, before systems are asked
		j.io.Note("%d to do, of people named here", j.people.Len())
	}
	if j.options.limit == 0 {
		return nil
	}
	// --limit counts lines of the table; each may make several rows.
	lines, line := 0, 0
	for row, err := range j.people.Rows() {
		if err != nil {
			return err
		}
		if row.Line != line {
			lines, line = lines+1, row.Line
		}
		if lines > j.options.limit {
			break
		}
		j.limit = row.Seq
	}
	return nil
}

// correct writes the copy of a refused table in which a person can mend it.
func (j *job) correct(ctx context.Context, refused *table.Refused, format table.Format) error {
	if j.options.corrected == "" {
		return nil
	}
	defer refused.Close()
	path := j.options.corrected
	if refused.IsFile(path) {
		return usage("--corrected %s is the table itself; name another file", path)
	}
	if err := j.notInState(path); err != nil {
		return err
	}
	copied, err := table.Create(ctx, path, j.io)
	if err != nil {
		return &exit{exitUsage, err}
	}
	defer copied.Abort()
	if err := refused.WriteCorrected(copied, format); err != nil {
		return err
	}
	if err := copied.Commit(); err != nil {
		return err
	}
	j.io.Tell("a copy with the errors in a last column is in %s: mend them there, then give that file", path)
	return nil
}
