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

	// Twin returns another row of the run that makes the row seq superfluous,
	// because it does the same: same target, account and action. The account of
	// seq must be known. Such a twin is Done or Unknown; or it stands
	// before seq in the input and is Pending, or left out because of Cooldown.
	// Of several, one that is Done or Unknown counts, and then the first. ok is
	// false where there is none.
	//
	// A journal may hold rows that the input no longer has, since people edit
	// their tables between two beginnings of a run. Those are at no stage, in no
	// count and in no result, but they are twins where they are Done or Unknown
	// and have the same NewEmail: with Row.Seq 0.
	Twin(ctx context.Context, seq int) (twin Result, ok bool, err error)

	// Adopt makes the row seq and its twin that the input has lost one row: it
	// stands in the input as seq does, and has come to what the twin has. It
	// returns that. An error where there is no such twin. Durable.
	Adopt(ctx context.Context, seq int) (Result, error)

	// LastMailed returns when the account at target was last mailed, over every
	// row of every run with an action that mails.
	LastMailed(ctx context.Context, target, accountID string) (Mailed, error)

	// Changed returns the account at which the change that the row seq asks for
	// was made, or may have been, by another row of any run that is Done or
	// Unknown: same target, person as written, action and NewEmail, the texts
	// compared without regard to the case of ASCII letters at least. Of several
	// the latest counts. ok is false where there is none.
	Changed(ctx context.Context, seq int) (accountID string, ok bool, err error)

	// Intent records that the row's request is about to leave, as its n-th
	// attempt, counted from 1 over all that the run ever made for it. The row's account
	// must be known, it must be Pending, and n larger than at every intent
	// before; one that is still open is replaced. Durable.
	Intent(ctx context.Context, seq, n int) error

	// Again is Intent for a row that is Unknown and is to be sent once more on
	// the operator's word. The row is Pending with an open intent from then on,
	// until Record gives it its outcome. Durable.
	Again(ctx context.Context, seq, n int) error

	// Record gives the row its outcome and closes its intent, if it has one.
	// A row with the outcome Pending may be recorded again, others not, until
	// they are reopened.
	// r.Row.Seq says which row it is; the rest of r.Row and r.Account are not
	// read. Attempts never become fewer, and a zero FinishedAt means now.
	// Durable.
	Record(ctx context.Context, r Result) error

	// Settle gives a row that is Unknown its outcome after all, Done or Failed,
	// because somebody has looked. It reads of r what Record reads. Durable.
	Settle(ctx context.Context, r Result) error

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

// A Permitter is a Journal that knows when nothing may be done any more, such as
// when it was taken away. It is asked before an action that mails nobody, of which
// there is no intent to refuse; an error ends the run.
type Permitter interface {
	MayAct() error
}

// EvidenceLife is how long before a request the state of its account may have
// been read, for a later reading to show that the request was carried out.
const EvidenceLife = time.Hour

// Mailed says when an account was last mailed; zero times mean never.
type Mailed struct {
	// Accepted is when a row last ended as Done, Already apart.
	Accepted time.Time
	// InDoubt is when a row last ended as Unknown. An intent without outcome,
	// of a run that was interrupted, counts here with the time of the intent.
	InDoubt time.Time
	// Meanwhile is true where it was mailed, or may have been, by a row of
	// another run after this one had begun.
	Meanwhile bool
}

// A Stage is how far a row has come. A row that is Done, Skipped or Failed is at
// no stage any more.
type Stage int

// The stages.
const (
	New     Stage = iota // who it is about is not looked up yet
	Ready                // its account is known and no intent is open
	InDoubt              // it is Unknown
)

// Counts counts rows by outcome. Their sum is the number of rows.
type Counts map[Outcome]int
