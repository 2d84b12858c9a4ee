// Package bulk works off many rows through many Resetters, writes down what it
// is about to do before it does it, and never does anything twice.
//
// A [Row] names a person, an action and a target. A [Target] is a name for a
// [resetter.Resetter]. A [Journal] remembers what became of every row; one in
// memory is here, a durable one is package resetter/journal. An [Engine] puts
// the three together, in two phases:
//
//	journal := bulk.NewMemory()
//	err := journal.Add(ctx, bulk.Rows(rows...))
//	engine := bulk.Engine{Journal: journal, Targets: targets}
//	plan, err := engine.Prepare(ctx) // looks everybody up, sends nothing
//	summary, err := engine.Act(ctx)  // resets
//	for result, err := range journal.Results(ctx) { … }
//
// Targets are worked side by side, so that a slow one never holds up another.
// Rows of one account are worked in the order of the input and never at the
// same time.
//
// # What is promised
//
// Every row ends in exactly one [Outcome]. No reset goes out before its intent
// is in the journal, so that after a crash a row is either still pending or
// known to be in doubt. A row in doubt is never repeated.
//
// The package knows no vendor, no file format, no terminal and no database.
package bulk

import (
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// A Row is one piece of work: one action on one person at one target.
type Row struct {
	// Seq numbers the rows of a run from 1 in the order of the input. A line
	// of the input that names several targets makes several rows.
	Seq int
	// Line is where the row stands in the input, for people to find it.
	Line int

	Target   string
	Identity resetter.Identity
	Action   resetter.Action
	NewEmail string // for resetter.ActionChangeEmail

	// Cells are the input's own cells, carried through untouched.
	Cells []string
}

// An Outcome is what became of a row. Each row has exactly one.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"    // accepted, or already so
	Skipped Outcome = "skipped" // on purpose left out
	Failed  Outcome = "failed"  // certainly not done
	Unknown Outcome = "unknown" // it may have been done; never repeated by itself
	Pending Outcome = "pending" // not done yet; going on does it
)

// Outcomes lists all of them in the order in which people want to read them.
func Outcomes() []Outcome { return []Outcome{Done, Skipped, Failed, Unknown, Pending} }

// A Reason says in one word why a row has its outcome. The reasons of Failed
// and Unknown are the kinds of [resetter.Error].
type Reason string

// The reasons of Done, Skipped and Pending.
const (
	Accepted  Reason = "accepted"  // the system took it
	Confirmed Reason = "confirmed" // in doubt at first, then found to be done
	Already   Reason = "already"   // it was so before

	Duplicate Reason = "duplicate" // an earlier row of the run does the same
	Cooldown  Reason = "cooldown"  // this account was mailed a short while ago
	Excluded  Reason = "excluded"  // a guard, the tool's own account, or the operator's choice

	NotStarted Reason = "not_started" // its turn has not come
	Halted     Reason = "halted"      // its target was stopped, or the run by a guard
	Deferred   Reason = "deferred"    // the system wants a pause for this person
)

// A Result is a row with what became of it.
type Result struct {
	Row     Row
	Account resetter.Account // zero until the person was found
	ReadAt  time.Time        // when it was found so

	Outcome Outcome
	Reason  Reason
	// Detail is one sentence for people: what happened and what to do.
	Detail string
	// Attempts counts the requests that could have changed something.
	Attempts int
	// Status is the last HTTP status seen; 0 where there was none.
	Status int
	// AskedAt is when the last request was about to leave, by its intent; zero
	// where none was.
	AskedAt time.Time
	// FinishedAt is when the outcome was reached; zero while Pending.
	FinishedAt time.Time
}
