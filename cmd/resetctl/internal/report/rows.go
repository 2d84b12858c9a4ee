package report

import (
	"iter"
	"strconv"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// The full table is written in blocks of so many rows. Where there are more
// than large, a browser lays out those blocks alone that are in sight.
const (
	block = 100
	large = 1000
)

// rows is the full table on its way from the results to the page. The
// template ranges over all; what went wrong is in err afterwards.
type rows struct {
	results iter.Seq2[bulk.Result, error]
	seen    seen
	err     error
}

// A row is one line of the full table, in the columns of
// [table.ResultsHeader] but for the last, run_id, which the page says once.
type row struct {
	Begins                    bool // a block of rows, and is not the first
	Seq                       int
	Cells                     []string
	Line                      int
	Target, Action, AccountID string
	Outcome                   bulk.Outcome
	Reason, Detail            string
	Attempts                  int
	Status, FinishedAt        string
}

func (s *rows) all(columns int) iter.Seq[row] {
	return func(yield func(row) bool) {
		s.seen = seen{}
		n := 0
		for r, err := range s.results {
			if err != nil {
				s.err = err
				return
			}
			s.seen.add(r)
			line := rowOf(r, columns)
			line.Begins = n > 0 && n%block == 0
			n++
			if !yield(line) {
				return
			}
		}
	}
}

func rowOf(r bulk.Result, columns int) row {
	line := row{
		Seq: r.Row.Seq, Cells: make([]string, columns), Line: r.Row.Line,
		Target: ui.Clean(r.Row.Target), Action: ui.Clean(string(r.Row.Action)), AccountID: ui.Clean(r.Account.ID),
		Outcome: r.Outcome, Reason: ui.Clean(string(r.Reason)), Detail: ui.Clean(r.Sentence()), Attempts: r.Attempts,
	}
	for i, cell := range r.Row.Cells {
		if i < columns {
			line.Cells[i] = ui.Clean(cell)
		}
	}
	if r.Status != 0 {
		line.Status = strconv.Itoa(r.Status)
	}
	if !r.FinishedAt.IsZero() {
		line.FinishedAt = r.FinishedAt.UTC().Format(time.RFC3339)
	}
	return line
}
