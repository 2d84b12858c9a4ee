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
// arguments, job.go for what run, plan, reset and demo have in common,
// drivers.go for the systems. It alone reads the environment, prints and
// exits.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
)

func main() {
	ctx, stop := interruptible(context.Background())
	code := Main(ctx, os.Args, os.Environ(), ui.Standard(os.Environ()))
	stop()
	os.Exit(code)
}

// Main runs the command line args in the environment env and returns the exit
// code.
func Main(ctx context.Context, args, env []string, io *ui.IO) int {
	c := &command{io: io, env: env, args: args}
	err := c.run(ctx)
	if err == nil {
		return 0
	}
	e := asExit(err)
	if e.err != nil {
		io.Lines("resetctl: " + e.err.Error())
	}
	return e.code
}

// A stopped is the cause of a context that a signal ended.
type stopped struct{ signal syscall.Signal }

func (s stopped) Error() string {
	if s.signal == syscall.SIGTERM {
		return "stopped by SIGTERM"
	}
	return "stopped by Ctrl-C"
}

// interruptible returns a context that the first SIGINT or SIGTERM ends, with
// a stopped as its cause. The second ends the process at once.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for first := true; ; first = false {
			select {
			case s := <-signals:
				number, _ := s.(syscall.Signal)
				if !first {
					os.Exit(128 + int(number))
				}
				fmt.Fprintln(os.Stderr, "\nstopping: what is in flight is waited for; once more ends it at once")
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
