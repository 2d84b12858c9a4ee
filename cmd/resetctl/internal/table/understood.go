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
	var used []string
	for i, name := range r.columns.names {
		m, ok := r.columns.meaning(name)
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
	parts := []string{
		r.shape(),
		fmt.Sprintf("%d of %d columns used: %s", len(used), len(r.columns.names), strings.Join(used, ", ")),
	}
	switch {
	case r.rows == 0:
		parts = append(parts, "no rows")
	case r.rows == r.lines:
		parts = append(parts, ui.Count(r.rows, "row"))
	default:
		parts = append(parts, fmt.Sprintf("%s, which make %s with their targets", ui.Count(r.lines, "line"), ui.Count(r.rows, "row")))
	}
	// Who filters a sheet and stores it may think that the rest is not in it.
	if r.sheet != nil && r.sheet.hidden > 0 {
		parts = append(parts, ui.Count(r.sheet.hidden, "row")+" that the sheet hides, by a filter perhaps, taken as well")
	}
	return strings.Join(parts, "; ")
}

// shape is how the input is written down.
func (r *Reader) shape() string {
	switch {
	case r.format == XLSX && r.sheet.of == 1:
		return "workbook, sheet " + quote(ui.Clean(r.sheet.name))
	case r.format == XLSX:
		return fmt.Sprintf("workbook, sheet %s of %d", quote(ui.Clean(r.sheet.name)), r.sheet.of)
	case r.format == NDJSON:
		return "NDJSON, " + r.src.encoding
	case len(r.columns.names) == 1:
		return "one column, " + r.src.encoding
	}
	return delimiterNames[r.comma] + ", " + r.src.encoding
}
