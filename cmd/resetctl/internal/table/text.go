package table

import (
	"bufio"
	"iter"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

const (
	textSample = 500 // results whose width sets that of the columns
	textWidest = 40  // cells of the terminal that a column takes at most
)

// writeText aligns what people look for first. The last column, the detail, is
// as long as it is.
func writeText(w *bufio.Writer, behind appendix, results iter.Seq2[bulk.Result, error]) error {
	header := []string{"ROW", "WHO", "TARGET", "ACTION", strings.ToUpper(behind.names[4]), "REASON", "DETAIL"}
	widths := make([]int, len(header))
	var sample [][]string
	note := func(line []string) {
		for i, cell := range line {
			widths[i] = max(widths[i], min(ui.Width(cell), textWidest))
		}
		sample = append(sample, line)
	}
	write := func(line []string) error {
		var b strings.Builder
		for i, cell := range line {
			if i == len(line)-1 {
				b.WriteString(cell)
				break
			}
			cell = ui.Shorten(cell, widths[i])
			b.WriteString(cell + strings.Repeat(" ", widths[i]-ui.Width(cell)+2))
		}
		_, err := w.WriteString(strings.TrimRight(b.String(), " ") + "\n")
		return err
	}
	flush := func() (err error) {
		for _, line := range sample {
			if err == nil {
				err = write(line)
			}
		}
		sample = nil
		return err
	}

	note(header)
	n := 0
	for r, err := range results {
		if err != nil {
			return err
		}
		line := behind.textLine(r)
		if n++; n <= textSample {
			note(line)
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		if err := write(line); err != nil {
			return err
		}
	}
	return flush()
}

// textLine shows what all appendices begin with.
func (a appendix) textLine(r bulk.Result) []string {
	v := a.values(r)
	line := []string{v[0].text, r.Row.Identity.Value, v[1].text, v[2].text, v[4].text, v[5].text, v[6].text}
	for i := range line {
		line[i] = ui.Clean(line[i])
	}
	return line
}
