// Package report writes what became of a run as one HTML page: for somebody
// who reads it on paper or on a phone and wants to know what is left to do,
// and for an auditor who wants every row.
//
// The page stands alone. It loads nothing, from nowhere: style and script are
// in it, and its Content-Security-Policy names their hashes and forbids all
// else. It says the same without the script, which only adds search and
// filter, and without colours.
//
//	err := report.Write(file, report.Run{ID: run.ID(), …}, func() iter.Seq2[bulk.Result, error] {
//		return run.Results(ctx)
//	})
//
// Names, notes and messages in a run come from outside. All of them are
// escaped, and control characters and those that turn the direction of a text
// are taken out. A run holds no secret and no one-time link, so a report does
// not either; it does hold personal data.
package report

import (
	"bufio"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/seed57652884/resetctl/resetter/bulk"
)

// A Run is what is known of a run apart from its rows. Times are shown in the
// location that they carry.
type Run struct {
	ID        string
	Tool      string // the command and its version, as "resetctl 1.4.0"
	StartedAt time.Time
	// FinishedAt is zero while the run is not finished.
	FinishedAt time.Time
	// WrittenAt is the moment that the report speaks of, since a row in doubt
	// may still be settled later; left out where it is zero.
	WrittenAt time.Time
	// ExitCode is that of the command that worked on the run last; below 0
	// where it is not known.
	ExitCode int
	// Columns are the input's own, to which the cells of its rows belong.
	Columns []string
	// Next holds for an outcome the command that goes on with its rows: for
	// Pending the one that resumes the run, for Failed the one that takes them
	// again, for Unknown the one that looks whether they were done. It is left
	// out of the page where it is not here.
	Next map[bulk.Outcome]string
	// Again is the command that does once more what is in doubt; left out where
	// it is empty.
	Again string
	// Targets are shown in this order, and behind them those that only rows
	// name.
	Targets []Target
	// Samples tell of each target's pace; see [Sample]. Without them the page
	// has no time line.
	Samples []Sample
}

// A Target is what is known of a target apart from its rows.
type Target struct {
	Name   string
	System string // "looker"; may be empty
	// Requests counts those sent, Throttled those that the system turned away
	// to slow us down. Where no target has any, as of a past run of which that
	// is not kept, the page is silent about them.
	Requests, Throttled int64
	// Stopped says why the target was stopped; empty where it was not.
	Stopped string
}

// ErrChanged is the error of [Write] where the results were not the same the
// second time: the run is still going on.
var ErrChanged = errors.New("the run went on while its report was written; write the report again when it has stopped")

// Write writes the report of run. results yields the rows with what became of
// them, in the order of the input; it is ranged over twice, first to count and
// then to write, and must tell the same both times, else the error is
// [ErrChanged]. An error of results or w is returned as it came. After any
// error what was written is no whole page.
//
// Memory does not grow with the number of rows.
func Write(w io.Writer, run Run, results func() iter.Seq2[bulk.Result, error]) error {
	t := newTally(run.Targets, run.Columns)
	for r, err := range results() {
		if err != nil {
			return err
		}
		t.add(r)
	}
	rows := rows{results: results()}
	b := bufio.NewWriterSize(w, 64<<10)
	if err := layout.Execute(b, newPage(run, t, &rows)); err != nil {
		return errors.Join(err, rows.err)
	}
	if rows.err != nil {
		return rows.err
	}
	if !rows.seen.same(t.seen) {
		return ErrChanged
	}
	return b.Flush()
}
