package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/seed57652884/resetctl/resetter/bulk"
)

// Where several things went wrong the code is that of the one which the contract
// names first, and the text has them all.
func TestOfSeveralErrorsTheFirstOfTheContractCounts(t *testing.T) {
	var (
		full   = errors.New("the disk is full")
		guard  = &bulk.GuardError{Guard: "max_failures", Detail: "2 rows failed"}
		target = &bulk.TargetError{Target: "looker", Err: errors.New("refused")}
		signal = stopped{syscall.SIGTERM}
	)
	for _, c := range []struct {
		code int
		err  error
		says string
	}{
		{exitUnexpected, full, "full"},
		{exitGuard, fmt.Errorf("%w\nlift it", guard), "2 rows failed, lift it"},
		{exitTarget, target, "refused"},
		{exitUsage, usage("no such flag"), "no such flag"},
		{130, context.Canceled, "canceled"},
		{130, &bulk.TargetError{Target: "looker", Err: context.Canceled}, "canceled"},

		{exitUnexpected, errors.Join(guard, full), "2 rows failed, full"},
		{exitUnexpected, errors.Join(fmt.Errorf("%w\nlift it", guard), fmt.Errorf("results: %w", full)), "2 rows failed, lift it, results: the disk is full"},
		{exitUnexpected, fmt.Errorf("run 1: %w", errors.Join(full, guard)), "run 1, 2 rows failed, full"},
		{exitUnexpected, errors.Join(errors.Join(target, nil), errors.Join(guard, full)), "refused, 2 rows failed, full"},
		{exitUnexpected, errors.Join(usage("not confirmed"), full), "not confirmed, full"},
		{exitUnexpected, errors.Join(&exit{code: exitFailed}, full), "full"},
		{exitGuard, errors.Join(target, guard), "refused, 2 rows failed"},
		{exitTarget, errors.Join(target, target), "refused"},
		{143, errors.Join(signal, guard, full), "SIGTERM, 2 rows failed, full"},
		{129, errors.Join(full, stopped{syscall.SIGHUP}), "full, terminal was closed"},
		{130, errors.Join(full, context.Canceled), "full, canceled"},
		{143, errors.Join(usage("not confirmed"), signal), "not confirmed, SIGTERM"},
	} {
		e := asExit(c.err)
		if e.code != c.code {
			t.Errorf("%q ends with %d, want %d", c.err, e.code, c.code)
		}
		for _, part := range strings.Split(c.says, ", ") {
			if !strings.Contains(e.err.Error(), part) {
				t.Errorf("%q does not say %q", e.err, part)
			}
		}
	}
}
