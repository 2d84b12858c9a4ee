package main

import (
	"context"
	"iter"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
)

// The words about API keys, as the audit has them.
const keysRevoked, keysKept = "--revoke-keys", "--revoke-keys=false"

// locksSome refuses --revoke-keys where rows are there and none is a lock, and
// says so where the systems of those that are have no API keys.
func (j *job) locksSome(rows iter.Seq2[bulk.Row, error]) error {
	if !j.options.revokeKeys {
		return nil
	}
	defer j.waiting("looking for locks", 0).stop()
	some, locks := false, false
	for row, err := range rows {
		if err != nil {
			return err
		}
		some = true
		if row.Action == resetter.ActionLock {
			locks = true
			if target := j.config.Target(row.Target); target == nil || driverOf(target.System).revoking > 0 {
				return nil
			}
		}
	}
	switch {
	case some && !locks:
		return usage("--revoke-keys is about accounts that are locked, and no row has the action lock")
	case some:
		j.io.Tell("--revoke-keys deletes nothing here: where accounts are locked, there are no API keys")
	}
	return nil
}

// revokeAsBefore has a run that goes on delete API keys as was said when it was
// begun or last worked, and tells whose were not deleted before it was: somebody
// who relies on it must not be left with half of it.
func (j *job) revokeAsBefore(ctx context.Context, run *journal.Run) error {
	last, err := run.Insisted(ctx, keysRevoked, keysKept)
	before := last == keysRevoked
	switch {
	case err != nil || before == j.options.revokeKeys || j.options.keepKeys:
		return err
	case before:
		j.options.revokeKeys = true
		j.io.Tell("API keys are deleted with each lock, since this run was worked with --revoke-keys before; --revoke-keys=false keeps them")
		return nil
	}
	defer j.waiting("looking for what was locked before", 0).stop()
	kept := 0
	for r, err := range run.Results(ctx) {
		if err != nil {
			return err
		}
		target := j.config.Target(r.Row.Target)
		if r.Row.Action == resetter.ActionLock && r.Outcome == bulk.Done && target != nil && driverOf(target.System).revoking > 0 {
			kept++
		}
	}
	if kept > 0 {
		j.io.Warn("what was locked in this run without --revoke-keys keeps its API keys (accounts: %d): give these rows once more, with --new --revoke-keys", kept)
	}
	return nil
}

// insist enters in the audit what a command that goes on says of API keys: only
// now that it is about to act, since one that is refused says nothing of those
// behind it.
func (j *job) insist(ctx context.Context) error {
	if !(j.options.revokeKeys || j.options.keepKeys) || !j.continued {
		return nil
	}
	return j.run.Audit(ctx, journal.EventAct, j.invocation())
}
