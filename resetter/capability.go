package resetter

import (
	"context"
	"time"
)

// A Checker can say before the first reset whether there is any point in it.
type Checker interface {
	// Check signs in and reads who is asking, with what right, from which
	// version, with which mailer. It changes nothing and mails nobody.
	//
	// Errors: ErrUnauthorized, ErrForbidden, ErrUnavailable, ErrRateLimited,
	// ErrNotStarted. A system that can be talked to but would not mail anyone
	// is no error: see Status.
	Check(ctx context.Context) (Status, error)
}

// Status is what a Checker found.
type Status struct {
	// Self is the account that the client signs in with; never the subject of
	// an action. Its fields are empty where the system does not tell, as with
	// an API token that belongs to nobody.
	Self Account
	// Version is the system's release, as it says it; empty where that could not
	// be read.
	Version string
	// Mailer says whether the system can mail at all.
	Mailer MailerState
	// ClockSkew is how far the system's clock is ahead of ours, to about a
	// second; zero where it did not tell.
	ClockSkew time.Duration
}

// MailerState says whether a system can mail.
type MailerState string

// The states of a mailer.
const (
	MailerReady   MailerState = "ready"
	MailerAbsent  MailerState = "absent"  // resets would be accepted and nobody mailed
	MailerUnknown MailerState = "unknown" // the system does not tell, or not to this account
)

// A BatchResolver can find many accounts with few requests.
type BatchResolver interface {
	// ResolveBatch is Resolve for several identities in one call, at most
	// BatchSize of a kind. It returns a Resolution for each, in the order of ids;
	// what Resolve promises holds for each by itself, the exact comparison
	// above all. A non-nil error is about the call as a whole: nothing is
	// known about anybody then, and the call may be repeated.
	//
	// Errors of the call: ErrUnauthorized, ErrForbidden, ErrRateLimited,
	// ErrUnavailable and ErrNotStarted. Errors of a Resolution: ErrNotFound,
	// ErrAmbiguous, ErrIneligible, ErrInvalid and ErrRejected; and ErrRateLimited
	// or ErrUnavailable with a time in Until for those whom the call did not come
	// to, since the system asked for a pause on the way: ask for them again then.
	ResolveBatch(ctx context.Context, ids []Identity) ([]Resolution, error)

	// BatchSize is how many identities of a kind one call should be given at the
	// most: what it finds is known only when it returns. 1 means that people are
	// as well looked up one by one.
	BatchSize(kind IdentityKind) int
}

// A Resolution is what Resolve would have returned for one identity.
type Resolution struct {
	Account Account
	Err     error
}

// A Reconciler can read whether a reset whose answer was lost was carried out.
type Reconciler interface {
	// Reconcile reads the accounts again and returns a Finding for each, in
	// the order of before, which holds them as Resolve or ResolveBatch found
	// them before the reset. It changes nothing and mails nobody. A non-nil
	// error means that nothing is known about anybody.
	//
	// Errors: as of ResolveBatch. An account that is gone, or whose state tells
	// nothing, is no error but a Finding that is not Done.
	Reconcile(ctx context.Context, before []Account) ([]Finding, error)
}

// A Finding is what a Reconciler read about one account.
type Finding struct {
	// Done is true where the two readings show that a reset was carried out in
	// between. False proves nothing: the reset stays in doubt.
	Done bool
	// Evidence says in a few words what was read: "a live reset link that was
	// not there before". It holds no secret.
	Evidence string
}

// A PasswordExpirer can demand a new password at the next sign-in.
type PasswordExpirer interface {
	// ForceChange has account's owner set a new password at the next sign-in.
	// Nobody is mailed. It is idempotent: where it is so already, nothing is
	// written and Receipt.Already is true. Errors as of Reset; after
	// ErrUnknownOutcome it may be repeated.
	ForceChange(ctx context.Context, account Account) (Receipt, error)
}

// An EmailChanger can give an account another address.
type EmailChanger interface {
	// ChangeEmail makes address the one that account's owner is mailed at and,
	// where the system has people sign in by it, signs in with. Nobody is
	// mailed. It is idempotent, see ForceChange. ErrInvalid where the system
	// finds the address malformed; ErrInvalid or ErrRejected, by the status that
	// the system has for it, where another account has it.
	ChangeEmail(ctx context.Context, account Account, address string) (Receipt, error)
}

// A Locker can keep an account's owner out.
type Locker interface {
	// Lock keeps account's owner from signing in and ends what is open: web
	// sessions where the system has them and, with RevokeKeys, API keys. Nobody
	// is mailed. It is idempotent, see ForceChange, and repeating it completes
	// what stopped half way. An error is about the request that it stopped at: the
	// writes before it hold, whatever the kind, ErrNotStarted included, and its
	// Holds says which.
	Lock(ctx context.Context, account Account, o LockOptions) (Receipt, error)
	// Unlock lets the owner sign in again. It brings back no session and no key.
	Unlock(ctx context.Context, account Account) (Receipt, error)
}

// LockOptions say how thoroughly to lock.
type LockOptions struct {
	// RevokeKeys deletes the account's API keys as well, for good.
	RevokeKeys bool
}

// A Pacer shows how fast a system is being asked. Reading it costs nothing.
type Pacer interface {
	Pace() Pace
}

// Pace is a snapshot of a client's pace and counters.
type Pace struct {
	// Rate is the present pace in requests a second, Ceiling the configured
	// one that nothing lifts; both +Inf where there is none.
	Rate, Ceiling float64
	// GatedUntil is when the system may be asked again; zero where it may now.
	GatedUntil time.Time
	// Requests counts those sent, Throttled those that the system turned away
	// to slow us down.
	Requests, Throttled int64
	// Latency is the shortest time in which the system has answered: below it
	// nobody can stay. Zero before the first answer.
	Latency time.Duration
}

// A Closer has a session to end.
type Closer interface {
	// Close signs out, where there is a session, and lets connections go. It is
	// called once, when no other call is under way. Its error is for a log: the
	// session ends by itself in time.
	Close(ctx context.Context) error
}
