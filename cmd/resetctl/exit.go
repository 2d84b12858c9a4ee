package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// The exit codes. Others rely on them.
const (
	exitUnexpected = 1 // our own fault, the disk's or the journal's
	exitUsage      = 2 // usage or configuration
	exitInput      = 3 // input refused, nothing sent
	exitTarget     = 4 // a target cannot be worked with, nothing sent anywhere
	exitFailed     = 5 // some rows failed
	exitUnknown    = 6 // some rows are in doubt
	exitGuard      = 7 // halted by a guard
	exitPending    = 8 // work is left
	exitHeld       = 9 // another process works with the target
)

// An exit is an error with the code that it ends the process with. Without err
// everything has been said already.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string { return fmt.Sprintf("exit %d: %v", e.code, e.err) }
func (e *exit) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exit{exitUsage, fmt.Errorf(format, args...)}
}

// asExit finds the code that an error means.
func asExit(err error) *exit {
	var (
		e       *exit
		signal  stopped
		refused *table.Refused
		target  *bulk.TargetError
		guard   *bulk.GuardError
	)
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &signal):
		return &exit{128 + int(signal.signal), err}
	case errors.Is(err, context.Canceled):
		return &exit{130, err}
	case errors.As(err, &refused):
		return &exit{exitInput, err}
	case errors.As(err, &guard):
		return &exit{exitGuard, err}
	case errors.As(err, &target):
		return &exit{exitTarget, err}
	default:
		return &exit{exitUnexpected, err}
	}
}

// codeOf is the exit code of a run that came to its end with these counts.
func codeOf(counts bulk.Counts) int {
	switch {
	case counts[bulk.Pending] > 0:
		return exitPending
	case counts[bulk.Unknown] > 0:
		return exitUnknown
	case counts[bulk.Failed] > 0:
		return exitFailed
	default:
		return 0
	}
}
