package bulk

import (
	"context"
	"iter"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// A Journal is the one record of what a run has to do and has done. Everything
// that is shown to anybody comes from it.
//
// All methods may be called concurrently. Those that are marked durable
// return only when what they record survives the loss of the process and of
// power; the others may be recorded together with the next of those. An error
// of a durable method means that nothing is known to be recorded.
type Journal interface {
	// Add registers rows. All of them are recorded when it returns nil, none
	// when it fails or rows yields an error, which is returned as it came. More
	// rows may be added later; a Seq that is there already is an error. rows
	// must not write to the journal. Durable.
	Add(ctx context.Context, rows iter.Seq2[Row, error]) error

	// List returns up to n results of target at stage whose rows come after
	// seq, in the order of the input. Fewer than n means that there are no
	// more at the moment.
	List(ctx context.Context, target string, stage Stage, after, n int) ([]Result, error)

	// Resolved records which account the row's identity names; account.ID must
	// not be empty. A later one counts, up to the row's intent or outcome.
	Resolved(ctx context.Context, seq int, account resetter.Account) error

	// SkipDuplicates gives every row at Ready whose target, account and action
	// an earlier row of the run has as well the outcome Skipped, Duplicate. An
	// earlier row that is Failed or Skipped itself makes no duplicate. Nor is a
	// row that was reopened done again where a later one is Done or Unknown.
	SkipDuplicates(ctx context.Context) error

	// LastMailed returns when the account at target was last mailed, over every
	// row of every run with an action that mails.
	LastMailed(ctx context.Context, target, accountID string) (Mailed, error)

	// Intent records that the row's request is about to leave, as its n-th
	// attempt, counted from 1 over all that the run ever made for it. The row's account
	// must be known, it must be Pending, and n larger than at every intent
	// before; one that is still open is replaced. Durable.
	Intent(ctx context.Context, seq, n int) error

	// Record gives the row its outcome and closes its intent, if it has one.
	// A row with the outcome Pending may be recorded again, others not, until
	// they are reopened.
	// r.Row.Seq says which row it is; the rest of r.Row and r.Account are not
	// read. Attempts never become fewer, and a zero FinishedAt means now.
	// Durable.
	Record(ctx context.Context, r Result) error

	// Interrupt gives every row whose intent has no outcome the outcome
	// Unknown, interrupted, with the given detail, and returns how many there
	// were. For the start of a run that goes on. Durable.
	Interrupt(ctx context.Context, detail string) (int, error)

	// Reopen makes rows that are Failed Pending again, NotStarted and at New:
	// who they are about is looked up anew, and their attempts count on. All of
	// seqs are reopened, or none where one is not Failed or not there: whatever
	// else a row came to stays, since it may have been done. Durable.
	Reopen(ctx context.Context, seqs ...int) error

	// Halt gives every row of target that is Pending and NotStarted and has no
	// open intent the reason and the detail; it stays Pending and keeps its
	// stage.
	Halt(ctx context.Context, target string, reason Reason, detail string) error

	// Counts counts the rows by target and outcome.
	Counts(ctx context.Context) (map[string]Counts, error)

	// Results yields every row of the run with what became of it, in the order
	// of the input. It shows one moment, even while others record.
	Results(ctx context.Context) iter.Seq2[Result, error]
}

// Mailed says when an account was last mailed; zero times mean never.
type Mailed struct {
	// Accepted is when a row last ended as Done, Already apart.
	Accepted time.Time
	// InDoubt is when a row last ended as Unknown. An intent without outcome,
	// of a run that was interrupted, counts here with the time of the intent.
	InDoubt time.Time
}

// A Stage is how far a row has come. A row with an outcome other than Pending
// is at no stage any more.
type Stage int

// The stages.
const (
	New   Stage = iota // who it is about is not looked up yet
	Ready              // its account is known and no intent is open
)

// Counts counts rows by outcome. Their sum is the number of rows.
type Counts map[Outcome]int
