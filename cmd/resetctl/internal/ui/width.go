package ui

import (
	"unicode"

	"golang.org/x/text/width"
)

// runeWidth is 2 for the wide characters of East Asia, 0 for marks that sit on
// the character before them, else 1.
func runeWidth(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
