package table

import (
	"iter"
	"strings"
	"unicode"
)

// defuse makes a cell harmless to a spreadsheet, which runs as a formula
// whatever begins with one of a few characters, also when it came from a CSV:
// a single quote goes before it, which Excel, LibreOffice and Google Sheets
// read as "this is text". There are no exceptions, so negative numbers and
// telephone numbers (+49 30 …) get the quote as well and keep their plus for it.
//
// Where the semicolon or the tab is the usual delimiter, Excel splits there
// even within a cell that other programs see as one, so what follows one is
// treated alike.
func defuse(cell string) string {
	if !strings.ContainsAny(cell, formulaStarts) {
		return cell
	}
	var b strings.Builder
	for part := range partsOf(cell) {
		if startsFormula(part) {
			b.WriteByte('\'')
		}
		b.WriteString(part)
	}
	return b.String()
}

// partsOf splits behind each character at which some spreadsheet may split.
func partsOf(cell string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for cell != "" {
			end := strings.IndexAny(cell, ";\t\r\n") + 1
			if end == 0 {
				end = len(cell)
			}
			if !yield(cell[:end]) {
				return
			}
			cell = cell[end:]
		}
	}
}

// plainName reports whether a cell has the signs of a name alone. It may be a sum
// to a spreadsheet, but calls nothing and leads nowhere.
func plainName(cell string) bool {
	return strings.IndexFunc(cell, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-+@", r)
	}) < 0
}

const formulaStarts = "=+-@\t\r＝＋－＠"

// startsFormula reports whether a spreadsheet may take s for a formula. Blanks
// before it help nothing, as some programs trim them.
func startsFormula(s string) bool {
	if s != "" && (s[0] == '\t' || s[0] == '\r') {
		return true
	}
	s = strings.TrimLeft(s, " \u00a0")
	return s != "" && strings.ContainsAny(string([]rune(s[:min(len(s), 4)])[0]), formulaStarts)
}
