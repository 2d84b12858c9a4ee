package ui

import "golang.org/x/term"

// A tty is a terminal that is asked about itself. A nil one is in front.
type tty struct{ fd int }

// size is how many columns and lines it has now; 0 where it does not tell.
func (t *tty) size() (columns, lines int) {
	columns, lines, err := term.GetSize(t.fd)
	if err != nil {
		return 0, 0
	}
	return columns, lines
}
