package table

import (
	"bytes"
	"fmt"
	"sync/atomic"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
)

// A progress is how far the reading of a table is, for people who wait. One
// goroutine goes on with it while another looks.
type progress struct {
	table string // how people call it
	now   atomic.Pointer[phase]
}

func newProgress(path string) *progress {
	if path == "-" {
		path = "the table from stdin"
	}
	return &progress{table: path}
}

// A phase is one of the times that a table is gone through.
type phase struct {
	does string // and with what
	noun string // of what it counts
	of   int    // how many there are; 0 where nobody knows
	done atomic.Int64
}

// begin starts the next phase.
func (p *progress) begin(does, noun string, of int) *phase {
	next := &phase{does: does + " " + p.table, noun: noun, of: of}
	p.now.Store(next)
	return next
}

// line says it in words.
func (p *progress) line() string {
	now := p.now.Load()
	switch done := now.done.Load(); {
	case done == 0:
		return now.does
	case now.of > 0:
		return fmt.Sprintf("%s, %d of %s", now.does, done, ui.Count(now.of, now.noun))
	default:
		return now.does + ", " + ui.Count(int(done), now.noun)
	}
}

// countLines is a writer that counts lines of a text as they come through.
type countLines struct{ *phase }

func (c countLines) Write(b []byte) (int, error) {
	c.done.Add(int64(bytes.Count(b, []byte("\n"))))
	return len(b), nil
}
