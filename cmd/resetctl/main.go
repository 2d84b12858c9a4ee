// Command resetctl works off a table of people and has Looker, Unleash and
// Sugar mail them password resets: each person once, and no row lost.
//
// Try it without any account:
//
//	resetctl demo
//
// Then see what it would do, and do it:
//
//	resetctl plan people.csv
//	resetctl run people.csv -o results.csv
//
// This package is the wiring: one file a command, args.go for the order of
// arguments, job.go for what run, resume, plan, reset and demo have in common,
// drivers.go for the systems. It alone reads the environment, prints and
// exits.
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
)

func main() {
	log.SetOutput(io.Discard) // net/http quotes there what servers send
	streams := ui.Standard(os.Environ())
	streams.Out, streams.Err = piped(streams.Out), piped(streams.Err)
	ctx, stop := interruptible(context.Background(), streams)
	code := Main(ctx, os.Args, os.Environ(), streams)
	stop()
	os.Exit(code)
}

// Main runs the command line args in the environment env and returns the exit
// code.
func Main(ctx context.Context, args, env []string, streams *ui.IO) int {
	return (&command{io: streams, env: env, args: args}).main(ctx)
}

func (c *command) main(ctx context.Context) int {
	err := c.run(ctx)
	if err == nil {
		return 0
	}
	e := asExit(err)
	if signal := (stopped{}); errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &signal) {
		e = asExit(signal) // whatever else was cancelled by it
	}
	if refused := (*table.Refused)(nil); errors.As(err, &refused) && e.code == exitInput {
		c.io.Fail(e.err.Error()) // each line of the problems begins with FILE:LINE
	} else if e.err != nil {
		c.io.Fail("resetctl: " + e.err.Error())
	}
	return e.code
}

// piped lets w be a pipe that its reader closes early, as head does: what is
// written after that is dropped, so that nobody's run ends because of it.
func piped(w io.Writer) io.Writer { return &pipeWriter{w: w} }

type pipeWriter struct {
	w      io.Writer
	closed bool
}

func (p *pipeWriter) Write(b []byte) (int, error) {
	if p.closed {
		return len(b), nil
	}
	n, err := p.w.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		p.closed = true
		return len(b), nil
	}
	return n, err
}

// A stopped is the cause of a context that a signal ended.
type stopped struct{ signal syscall.Signal }

func (s stopped) Error() string {
	switch s.signal {
	case syscall.SIGTERM:
		return "stopped by SIGTERM"
	case syscall.SIGHUP:
		return "stopped since its terminal was closed"
	}
	return "stopped by Ctrl-C"
}

// interruptible returns a context that the first SIGINT, SIGTERM or SIGHUP ends, with
// a stopped as its cause. The second ends the process at once.
func interruptible(parent context.Context, streams *ui.IO) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	// Merely to have a write to a closed pipe fail instead of ending the process.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for first := true; ; first = false {
			select {
			case s := <-signals:
				number, _ := s.(syscall.Signal)
				if !first && number == syscall.SIGHUP { // shell and terminal may send one each
					continue
				}
				if !first {
					os.Exit(128 + int(number))
				}
				streams.Lines("\nstopping: what is in flight is waited for; once more ends it at once")
				cancel(stopped{number})
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		<-gone
		cancel(nil)
	}
}
