// Package bulk works off many rows through many Resetters, writes down what it
// is about to do before it does it, and never does anything twice.
//
// A [Row] names a person, an action and a target. A [Target] is a name for a
// [resetter.Resetter]. A [Journal] remembers what became of every row; one in
// memory is here, a durable one is package resetter/journal. An [Engine] puts
// the three together:
//
//	client, err := looker.New(url, credentials)
//
//	journal := bulk.NewMemory()
//	err = journal.Add(ctx, bulk.Rows(
//		bulk.Row{Target: "looker", Identity: resetter.Email("ana@example.com")},
//		bulk.Row{Target: "looker", Identity: resetter.Email("bo@example.com")},
//	))
//	engine := bulk.Engine{
//		Journal: journal,
//		Targets: []bulk.Target{{Name: "looker", Resetter: client, Concurrency: 8}},
//	}
//	plan, err := engine.Prepare(ctx)    // signs in and looks everybody up; sends nothing
//	summary, err := engine.Act(ctx)     // has them mailed
//	found, err := engine.Reconcile(ctx) // reads what became of those in doubt; sends nothing
//	for result, err := range journal.Results(ctx) {
//		// result.Row.Identity, result.Outcome, result.Reason, result.Detail
//	}
//
// [Rows] fills in what a Row leaves out: its place, and the action reset. Each
// Row.Target is the Name of a Target. Reconcile may be left out; it needs to be
// asked only where rows are Unknown.
//
// # What is promised
//
// Every row ends in exactly one [Outcome]: Done, Skipped, Failed (certainly not
// done), Unknown (it may have been done) or Pending (not done yet). No reset
// goes out before its intent is in the journal, so that after a crash a row is
// either still Pending or known to be in doubt. A row in doubt is never sent
// again, unless Engine.ResendUnknown says so.
//
// The account that a client signs in with is never touched, the same work twice
// in a run is done once, and who was mailed within Target.Cooldown is left out.
//
// To go on with a run is to make an Engine with the same Journal and to call
// Prepare and Act again: what has its outcome keeps it.
//
// # Errors
//
// What happens to one row is in its [Result] and no error of the run. Prepare
// and Act fail for what concerns all of it: a [*TargetError] where a system
// cannot be worked with (nothing was sent then), a [*GuardError] where a guard
// halted the run, ErrTimeUp, ctx's cause, and the journal's own. After an error
// of Act the journal still says what became of each row, so read it in any case.
//
// # Concurrency
//
// Targets are worked side by side, so that a slow one never holds up another;
// within one, Concurrency rows at a time, at the pace of its client. Rows of one
// account are worked in the order of the input and never at the same time. An
// Engine's methods are called one after the other, Progress at any time; they
// return when every goroutine that they began has ended. When ctx ends, no row
// is begun and those in flight are waited for, so that their outcome is known.
//
// # In a program's own tests
//
// looker/lookertest, unleash/unleashtest and sugar/sugartest are servers that
// know who was really mailed, and lose an answer on purpose:
//
//	srv := lookertest.NewServer(lookertest.Config{})
//	srv.AddUser(lookertest.User{Email: "ana@example.com"})
//	srv.Inject(sandbox.Fault{Kind: sandbox.Drop, Processed: true, On: sandbox.Reset, Times: 1})
//	// … the program works against srv.URL, srv.ClientID and srv.ClientSecret …
//	srv.Mailbox().Count("ana@example.com") // 1, whatever the program was told
//
// The package knows no vendor, no file format, no terminal and no database.
// Before 1.0 its names may change, and the methods of Journal with them; what an
// outcome means does not.
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

	Target   string            // the Name of a Target
	Identity resetter.Identity // who: resetter.Email("ana@example.com")
	Action   resetter.Action   // what
	NewEmail string            // for resetter.ActionChangeEmail

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

	Outcome Outcome // what became of it
	Reason  Reason  // why, in a word; of Failed and Unknown a resetter.Kind
	// Detail is one sentence for people: what happened and what to do. It is empty
	// where nothing has happened yet; see Sentence.
	Detail string
	// Attempts counts the requests that could have changed something.
	Attempts int
	// Status is the last HTTP status seen; 0 where there was none, or a success
	// from which a refusal was concluded.
	Status int
	// AskedAt is when the last request was about to leave, by its intent; zero
	// where none was.
	AskedAt time.Time
	// FinishedAt is when the outcome was reached; zero while Pending.
	FinishedAt time.Time
}

// Sentence is the Detail, or what there is to say of a row whose turn has not
// come.
func (r Result) Sentence() string {
	if r.Outcome == Pending && r.Detail == "" {
		return "not begun; going on with the run does it"
	}
	return r.Detail
}
