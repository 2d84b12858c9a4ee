package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

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

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exit{exitUsage, fmt.Errorf(format, args...)}
}

// firstOf are the codes in the order in which they count where several hold;
// with the last four nothing was sent.
var firstOf = []int{129, 130, 143, exitUnexpected, exitGuard, exitPending, exitUnknown, exitFailed, exitUsage, exitInput, exitTarget, exitHeld}

// asExit finds the code that an error means: of all that are joined in it, the
// one that counts first.
func asExit(err error) *exit {
	if e, ok := err.(*exit); ok {
		return e
	}
	code := slices.MinFunc(codesOf(err), func(a, b int) int {
		return cmp.Compare(slices.Index(firstOf, a), slices.Index(firstOf, b))
	})
	return &exit{code, err}
}

// codesOf are the codes of what is joined in an error, at least one.
func codesOf(err error) (codes []int) {
	switch e := err.(type) {
	case *exit:
		return []int{e.code}
	case stopped:
		return []int{128 + int(e.signal)}
	case *table.Refused:
		return []int{exitInput}
	case *bulk.GuardError:
		return []int{exitGuard}
	case *bulk.TargetError:
		if !errors.Is(err, context.Canceled) {
			return []int{exitTarget}
		}
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			codes = append(codes, codesOf(part)...)
		}
		if len(codes) > 0 {
			return codes
		}
	case interface{ Unwrap() error }:
		if within := e.Unwrap(); within != nil {
			return codesOf(within)
		}
	}
	if errors.Is(err, context.Canceled) {
		return []int{130}
	}
	return []int{exitUnexpected}
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
