package ui

import (
	"os"

	"golang.org/x/sys/windows"
)

// prepare reports whether lines can be drawn anew: older consoles cannot, and
// others have to be told.
func (t *tty) prepare() bool {
	var mode uint32
	handle := windows.Handle(t.fd)
	if err := windows.GetConsoleMode(handle, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

func (t *tty) inFront() bool { return true }

func (t *tty) continued() (goesOn <-chan os.Signal, done func()) { return nil, func() {} }

// flush throws away what was typed at a terminal and not read yet.
func flush(fd int) { _ = windows.FlushConsoleInputBuffer(windows.Handle(fd)) }
