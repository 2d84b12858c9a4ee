package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
)

// Understood says in one line how the input was read: its shape, which column
// was taken for what, and how many rows that makes. It is fit for a terminal.
func (r *Reader) Understood() string {
	parts := []string{"NDJSON"}
	if r.format == CSV {
		parts[0] = delimiterNames[r.comma]
		if len(r.columns.names) == 1 {
			parts[0] = "one column"
		}
	}
	parts[0] += ", " + r.src.encoding

	var used []string
	for i, name := range r.columns.names {
		m, ok := meaningOf(name)
		if j, taken := r.columns.means[m]; !ok || !taken || i != j {
			continue
		}
		text := ui.Clean(name)
		if !strings.EqualFold(text, string(m)) {
			text += " as " + string(m)
		}
		if slices.Contains(people, m) && len(r.columns.who()) > 1 {
			text += fmt.Sprintf(" (says who in %d)", r.by[m])
		}
		used = append(used, text)
	}
	parts = append(parts, fmt.Sprintf("%d of %d columns used: %s", len(used), len(r.columns.names), strings.Join(used, ", ")))
	switch {
	case r.rows == 0:
		parts = append(parts, "no rows")
	case r.rows == r.lines:
		parts = append(parts, count(r.rows, "row"))
	default:
		parts = append(parts, fmt.Sprintf("%s, which make %s with their targets", count(r.lines, "line"), count(r.rows, "row")))
	}
	return strings.Join(parts, "; ")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
