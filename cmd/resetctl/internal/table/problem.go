package table

import (
	"fmt"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
)

// A Problem is one thing that is wrong with the input.
type Problem struct {
	// Line is where, counted from 1 as an editor or a spreadsheet does; 0 for
	// the whole file.
	Line int
	// Column is the column's name as it stands in the file; may be empty.
	Column string
	// Text is what is wrong and how to mend it.
	Text string

	once bool // said for the first row only, since it is the same for all
	torn bool // nobody knows which cells the row has
}

// maxProblems is how many problems are kept; the others are counted.
const maxProblems = 1000

// Refused is the error for an input that was read and must not be used.
// Nothing may be sent on account of any row of it.
type Refused struct {
	File     string
	Sheet    string    // of a workbook, else empty
	Problems []Problem // the first 1000, in the order of the input
	Total    int       // how many there are

	rows  bool     // the problems are of rows, not of the whole file or its header
	torn  *Problem // the first that is
	table *Reader  // kept for WriteCorrected; see Options.KeepRefused
}

// Error tells every problem on a line of its own, as FILE:LINE: COLUMN: what,
// and the fix. It is fit for a terminal.
func (e *Refused) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(ui.Clean(e.File))
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": " + p.String())
		if p.Line > 0 && e.Sheet != "" {
			b.WriteString(" (sheet " + quote(ui.Clean(e.Sheet)) + ")")
		}
	}
	if more := e.Total - len(e.Problems); more > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more", ui.Clean(e.File), more)
	}
	return b.String()
}

// Correctable reports whether WriteCorrected can note each problem beside its row.
func (e *Refused) Correctable() bool { return e.rows && e.torn == nil }

// String is the problem without its place, fit for a terminal.
func (p Problem) String() string {
	if p.Column == "" {
		return ui.Clean(p.Text)
	}
	return ui.Clean(p.Column) + ": " + ui.Clean(p.Text)
}

func (e *Refused) add(p Problem) {
	e.Total++
	if len(e.Problems) < maxProblems {
		e.Problems = append(e.Problems, p)
	}
	if p.torn && e.torn == nil {
		e.torn = &p
	}
}

// refuse is Refused for a reason that concerns the whole file.
func refuse(file, format string, args ...any) error {
	e := &Refused{File: file}
	e.add(Problem{Text: fmt.Sprintf(format, args...)})
	return e
}

// quote shows a value of the input in a message.
func quote(s string) string { return fmt.Sprintf("%q", ui.Shorten(s, 60)) }
