package ui

import (
	"context"
	"log/slog"
	"os"
	"time"
)

const (
	drawEvery  = 200 * time.Millisecond // on a terminal
	lookEvery  = time.Second            // elsewhere
	lineEvery  = 5 * time.Second        // elsewhere, at most
	againEvery = 30 * time.Second       // elsewhere, though nothing has changed
)

// signalWithin is how long the signal that a process goes on may take on a machine
// that does much else. What is drawn before it comes, is drawn over what the shell
// has said.
const signalWithin = time.Second

// Progress shows what line returns until ctx ends, and then returns: on a
// terminal on one line that is drawn anew and taken away at the end, elsewhere,
// on a dumb one and with JSON as a plain line, every few seconds if it has
// changed and every half a minute if not. In the background of a terminal it shows nothing. It is to be run by a goroutine
// that the caller waits for. line is called by it alone, every second at least.
func (s *IO) Progress(ctx context.Context, line func() string) {
	s.show(ctx, lineEvery, inOneLine(line))
}

func inOneLine(line func() string) func(int) ([]row, string) {
	return func(int) ([]row, string) {
		text := Clean(line())
		if text == "" {
			return nil, ""
		}
		return []row{{text: text}}, text
	}
}

// What is mostly over soon is not shown at once.
const (
	aMoment = 50 * time.Millisecond // before a person wonders whether anything happens
	aWhile  = time.Second           // before a person wonders what takes so long
)

// Meanwhile is Progress, until stop is called, for what is mostly over in a moment,
// and is shown only if it is not; elsewhere than on a terminal the first line comes
// then. stop waits until it is gone.
func (s *IO) Meanwhile(line func() string) (stop func()) { return s.meanwhile(aMoment, line) }

// Lasting is Meanwhile for what comes later, and is shown only if it takes a while.
func (s *IO) Lasting(line func() string) (stop func()) {
	gone := s.meanwhile(aWhile, line)
	return func() {
		gone()
		if s.Overheard != nil {
			s.Overheard(line())
		}
	}
}

func (s *IO) meanwhile(after time.Duration, line func() string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-ctx.Done():
		case <-time.After(after):
			s.show(ctx, 0, inOneLine(line))
		}
	}()
	return func() { cancel(); <-gone }
}

// Bars is Progress for several things at once: on a terminal with a bar for
// each.
func (s *IO) Bars(ctx context.Context, look func() []Bar) {
	s.show(ctx, lineEvery, func(columns int) ([]row, string) {
		bars := look()
		for i := range bars {
			bars[i] = bars[i].clean()
		}
		return rows(bars, columns-1), inWords(bars)
	})
}

// draws reports whether progress is drawn in place.
func (s *IO) draws() bool { return s.ErrTerminal && !s.Dumb && !s.JSON }

// show draws the rows or writes the line that look returns for a terminal of so
// many columns; the first line comes after a while.
func (s *IO) show(ctx context.Context, first time.Duration, look func(columns int) ([]row, string)) {
	if s.Quiet {
		return
	}
	every, draws := lookEvery, s.draws()
	var goesOn <-chan os.Signal
	if s.continued != nil {
		signals, done := s.continued()
		defer done()
		goesOn = signals
	}
	if draws {
		every = drawEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	said, next := "", time.Now().Add(first)
	for {
		looked := time.Now()
		columns, _ := s.size()
		frame, line := look(columns)
		switch {
		case draws:
			s.mu.Lock()
			s.draw(frame)
			s.mu.Unlock()
		case line != "" && line != said && !looked.Before(next), line != "" && !looked.Before(next.Add(againEvery-lineEvery)):
			s.say(slog.LevelInfo, line)
			said, next = line, looked.Add(lineEvery)
		}
		select {
		case <-ctx.Done():
			s.mu.Lock()
			s.erase()
			s.mu.Unlock()
			return
		case <-goesOn:
			s.wake()
		case <-tick.C:
			if goesOn == nil || time.Since(looked) < 2*every {
				continue
			}
			select { // late: it may have been stopped, and the signal is on its way
			case <-goesOn:
				s.wake()
			case <-ctx.Done():
			case <-time.After(signalWithin):
			}
		}
	}
}

// wake is for when the process goes on after somebody else had the terminal.
func (s *IO) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
}
