//go:build unix

package ui

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// prepare reports whether lines can be drawn anew.
func (t *tty) prepare() bool { return true }

// inFront reports whether the terminal is ours: a process in the background
// that draws would get into the way of the one in front.
func (t *tty) inFront() bool {
	if t == nil {
		return true
	}
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// continued tells when the process goes on after it was stopped (Ctrl-Z), with
// the cursor somewhere else, until done is called.
func (t *tty) continued() (goesOn <-chan os.Signal, done func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGCONT)
	return signals, func() { signal.Stop(signals) }
}
