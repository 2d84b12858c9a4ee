// Package ui is how the command speaks with people: data on stdout, everything
// else on stderr, progress that never gets into the way of either, and
// questions only where somebody can answer.
//
// An [IO] is the command's streams and what is known about them. The command
// makes one of the process's own with [Standard]; a test makes one of buffers.
package ui

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"
)

// An IO is the streams of the command. Its methods may be called from several
// goroutines. The fields are not changed once it is in use.
type IO struct {
	In       io.Reader
	Out, Err io.Writer

	InTerminal, OutTerminal, ErrTerminal bool

	Color   bool // stderr may be coloured
	Dumb    bool // the terminal understands nothing but text
	Quiet   bool // no progress and no notes; warnings, errors and questions stay
	NoInput bool // ask nothing even where there is a terminal
	JSON    bool // each line on stderr is a JSON object, as of slog; questions stay as they are
	Columns int  // the width of the terminal at Err, where it does not tell; 0 is 80

	// Overheard, where tests set it, is told the last line of each Lasting, shown
	// or not.
	Overheard func(line string)

	tty       *tty                                          // at Err; nil where it is only said to be one
	sized     func() (columns, lines int)                   // asks how large that is now; may be nil
	continued func() (goesOn <-chan os.Signal, done func()) // see tty.continued; may be nil

	mu    sync.Mutex
	frame frame
}

// Standard is the streams of the process. env is as of os.Environ: NO_COLOR
// and TERM=dumb turn colours off.
func Standard(env []string) *IO {
	is := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	s := &IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTerminal: is(os.Stdin), OutTerminal: is(os.Stdout), ErrTerminal: is(os.Stderr)}
	s.Color = s.ErrTerminal && allowsColor(env)
	s.Dumb = slices.Contains(env, "TERM=dumb")
	if s.ErrTerminal {
		s.tty = &tty{int(os.Stderr.Fd())}
		s.sized, s.continued = s.tty.size, s.tty.continued
		s.Dumb = s.Dumb || !s.tty.prepare()
	}
	return s
}

func allowsColor(env []string) bool {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "NO_COLOR="); (ok && v != "") || kv == "TERM=dumb" {
			return false
		}
	}
	return true
}

// Note tells something that may be left out, as one clean line on stderr.
func (s *IO) Note(format string, args ...any) {
	if !s.Quiet {
		s.Tell(format, args...)
	}
}

// Tell says something on stderr, as one clean line: see [Clean].
func (s *IO) Tell(format string, args ...any) {
	s.say(slog.LevelInfo, Clean(fmt.Sprintf(format, args...)))
}

// Warn tells what somebody should look at.
func (s *IO) Warn(format string, args ...any) {
	s.say(slog.LevelWarn, Clean("warning: "+fmt.Sprintf(format, args...)))
}

// Lines says something on stderr that has several lines; each is cleaned.
func (s *IO) Lines(text string) { s.lines(slog.LevelInfo, text) }

// Fail is Lines for what is wrong.
func (s *IO) Fail(text string) { s.lines(slog.LevelError, text) }

func (s *IO) lines(level slog.Level, text string) {
	for l := range strings.Lines(text) {
		s.say(level, Clean(strings.TrimRight(l, "\r\n")))
	}
}

// Print writes lines of data to stdout, for people; each is cleaned. Its error
// is that of stdout, such as a closed pipe.
func (s *IO) Print(text string) error {
	var b strings.Builder
	for l := range strings.Lines(text) {
		b.WriteString(Clean(strings.TrimRight(l, "\r\n")) + "\n")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.OutTerminal { // which is likely to be that of Err, too
		again := s.frame
		s.erase()
		defer s.draw(again.rows)
	}
	_, err := io.WriteString(s.Out, b.String())
	return err
}

// Log is stderr for a logger, which ends each record with a line end.
func (s *IO) Log() io.Writer { return logWriter{s} }

type logWriter struct{ s *IO }

func (w logWriter) Write(p []byte) (int, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return len(p), w.s.above(string(p))
}

// say writes a clean line, or a record of it.
func (s *IO) say(level slog.Level, text string) {
	switch {
	case !s.JSON:
		s.line(text)
	case strings.TrimSpace(text) != "":
		slog.New(slog.NewJSONHandler(s.Log(), nil)).Log(context.Background(), level, text)
	}
}

func (s *IO) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.above(text + "\n") // nobody can be told that stderr is gone
}
