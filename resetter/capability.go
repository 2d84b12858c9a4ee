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
	// Version is the system's release, as it says it.
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
}

// A Closer has a session to end.
type Closer interface {
	// Close signs out, where there is a session, and lets connections go. It is
	// called once, when no other call is under way. Its error is for a log: the
	// session ends by itself in time.
	Close(ctx context.Context) error
}
