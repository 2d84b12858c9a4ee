package main

import (
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
)

// A wait is what takes its time where a table is large. How many rows are
// through is shown while it lasts.
type wait struct {
	does string
	of   int // rows; 0 where they are not counted
	done atomic.Int64
	stop func() // ends it
}

// waiting begins a wait. Nothing else is shown in place, and nobody is asked
// anything, before it is stopped.
func waiting(s *ui.IO, does string, of int) *wait {
	w := &wait{does: does, of: of}
	w.stop = s.Lasting(w.line)
	return w
}

func (j *job) waiting(does string, of int) *wait { return waiting(j.io, does, of) }

// writing is waiting for what goes to out. Who has it on stdout sees it come, or
// somebody else draws on the terminal then.
func writing(s *ui.IO, does string, out *table.Output, of int) *wait {
	if out.Stdout() {
		return &wait{stop: func() {}}
	}
	return waiting(s, does, of)
}

func (w *wait) line() string {
	if w.of == 0 {
		return w.does
	}
	return fmt.Sprintf("%s: %d of %d", w.does, w.done.Load(), w.of)
}

// passing counts rows as they pass.
func passing[T any](w *wait, rows iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for row, err := range rows {
			if err == nil {
				w.done.Add(1)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}
