// Package resetter is the centre of resetctl: what it means to have a system
// mail a person a password reset, said once for every system.
//
// The whole of it is one interface. A [Resetter] finds an account and asks the
// system to mail its owner a one-time link:
//
//	client, err := looker.New("https://example.cloud.looker.com", looker.Credentials{…})
//	account, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
//	receipt, err := client.Reset(ctx, account)
//
// The packages looker, unleash and sugar of this module hold the
// implementations. They are safe for concurrent use, sign in by themselves,
// keep to a pace and repeat what may be repeated. Work off many people with
// package resetter/bulk, which keeps a journal.
//
// # What is promised
//
// A reset mails a person, and no system offers a way to take that back or to
// ask for it idempotently. So the one question that matters after a failure is
// whether the mail may have gone out. Reset answers it with its error:
//
//   - nil: the system accepted the reset.
//   - an error that matches [ErrUnknownOutcome]: the answer was lost or could not
//     be read. The mail may have gone out. Do not repeat the call.
//   - any other error: certainly not sent.
//
// No implementation ever repeats a reset by itself unless it is certain that
// the one before was not carried out.
//
// # Errors
//
// Errors are of type [*Error]. Their [Kind] says what happened, in one word, and
// each kind is a sentinel of its own for errors.Is:
//
//	switch {
//	case err == nil: // accepted
//	case errors.Is(err, resetter.ErrUnknownOutcome): // do not repeat it
//	case errors.Is(err, resetter.ErrNotFound): // certainly not sent, as after any other error
//	}
//
// errors.As gives the [*Error] with the rest: the HTTP status, the system's own
// words, when to come again (Until), whether anything else will go better (Stop)
// and what to do (Advice). Neither an error nor anything else here that can be
// printed holds a secret; those are of type [Secret].
//
// # More than resetting
//
// What only some systems can do is a small interface of its own, found by
// assertion as packages io and fs do it:
//
//	if locker, ok := client.(resetter.Locker); ok {
//		receipt, err := locker.Lock(ctx, account, resetter.LockOptions{})
//	}
//
// They are these:
//
//   - [Checker] says beforehand whether there is any point in it.
//   - [BatchResolver] looks many people up in one call.
//   - [Reconciler] reads whether a reset in doubt was done after all.
//   - [EmailChanger] gives an account another address.
//   - [Locker] keeps the owner out, and lets them in again.
//   - [PasswordExpirer] demands a new password at the next sign-in.
//   - [Pacer] shows pace and counters, [Closer] signs out; all clients here
//     have both.
//
// How a client behaves (time-outs, pace, proxy, certificates, log, traces) is
// set by the options of package resetter/transport.
//
// # Contexts and concurrency
//
// Every call takes a context, and returns when it ends. A reset that had left by
// then is in doubt, like any whose answer was lost; one that had not is
// [ErrNotStarted]. A client is made once for a system and shared: sign-in, pace
// and pauses are the client's. No goroutine outlives its call but those of idle
// connections, which are let go after four seconds, and by Close at once.
//
// Nothing in this module's packages is global, reads the environment or prints.
// Before 1.0 names may change, and a system may gain capabilities; what a kind
// of error promises does not change.
//
// # Another system
//
// A system is one folder and one specification, and nothing of the others
// changes for it. To add one called acme:
//
//   - Describe the operations that are used, and no others, in specs/acme.yaml.
//     Package acme/acmeapi is generated from it.
//   - Write package acme like its siblings, file by file: acme.go has New and
//     the Client, session.go how to sign in, errors.go what each answer means,
//     check.go whether there is any point in starting. It tells a
//     transport.System what is particular about acme; repeating, pacing,
//     sessions and secrecy come with it.
//   - Write its test server, acme/acmetest, on package sandbox. It shares no
//     code with the client, so that the two cannot share a mistake.
//   - Have package resettertest try the client with everything that goes wrong:
//     a test of a dozen lines. It keeps the promises above when that passes.
//   - Put a line into the command's list of drivers (cmd/resetctl/drivers.go),
//     with what its credentials are called in the configuration.
//
// The engine, the journal and the tests of the house's rules need no word of it.
//
// A program that has a system of its own needs neither specification nor folder:
// one file on package transport is a whole client. One that does everything an
// engine asks for, with its test server and its tests, is wiki_test.go in
// package resettertest.
package resetter

import "context"

// A Resetter asks one system to send one person a password reset.
// Implementations are safe for concurrent use.
type Resetter interface {
	// Resolve finds the one account that id names, by exact comparison: e-mail
	// addresses without regard to case, ids and user names to the letter.
	// It changes nothing and may be repeated.
	//
	// Errors: ErrNotFound where there is none, ErrAmbiguous where there are
	// several, ErrIneligible where id is only a secondary address of the
	// account, ErrInvalid where id is malformed or the system cannot look up
	// that kind; ErrUnauthorized, ErrForbidden, ErrRateLimited, ErrUnavailable
	// and ErrNotStarted as everywhere. Never ErrUnknownOutcome.
	//
	// An account that exists but may not be reset is no error here:
	// Account.Ineligible says why.
	Resolve(ctx context.Context, id Identity) (Account, error)

	// Reset has the system mail account's owner a one-time reset link.
	// nil: accepted. ErrUnknownOutcome: it may have been sent, do not repeat.
	// Any other error: certainly not sent.
	//
	// account should come from Resolve of the same Resetter. Implementations
	// call BeforeSend right before each request that could mail somebody, and
	// hand waits back under WithWaitsHandedBack; package transport does both.
	Reset(ctx context.Context, account Account) (Receipt, error)
}

// An Account is one person's account in one system, as Resolve found it.
// It holds no secret.
type Account struct {
	// ID is the system's own identifier.
	ID string
	// Email is the address that a reset would mail.
	Email string
	// Username is the sign-in name, where the system has one apart from Email.
	Username string
	// Ineligible says in a few words why the system would refuse to reset this
	// account ("inactive", "signs in by SSO only"); empty where it would not.
	Ineligible string
	// SetupPending is true where the owner never set the account up, so that a
	// set-up mail goes out instead of a reset.
	SetupPending bool
	// Evidence is the state of the account's reset as it was read, in a form
	// that only the system's own package understands and that gives no secret
	// away. Compared with a later reading it can show that a reset whose
	// answer was lost was carried out after all.
	Evidence string
}

// A Receipt says what a system accepted. An accepted reset is no proof that
// the mail arrived: systems answer before their mailer runs.
type Receipt struct {
	// Already is true where it was so before and nothing was written. Never
	// after a Reset.
	Already bool
	// SetupMail is true where the system mails a set-up link, since the owner
	// never set the account up.
	SetupMail bool
	// MailedTo is the address that the mail goes to, where the system tells; empty
	// where it does not. It differs from the account's where that was changed since
	// the account was looked up.
	MailedTo string
	// Link is the one-time link, where the system gave it and the client was
	// made to ask for it. Whoever has it owns the account.
	Link Secret
	// Note says in a few words what an action of several requests came to: "the
	// account is disabled, 2 of 2 sessions deleted"; may be empty.
	Note string
	// Status is the HTTP status of the answer.
	Status int
	// RequestID is the system's name for the request, for its support; may be empty.
	RequestID string
	// Attempts counts the requests that could have changed something, those
	// included that never reached the system. At least 1 of a reset; of an action
	// that mails nobody its writes, and so 0 where it was so Already.
	Attempts int
}

// An Action is what is to be done to an account.
type Action string

// The actions.
const (
	// ActionReset has the system mail a one-time link.
	ActionReset Action = "reset"
	// ActionForceChange demands a new password at the next sign-in.
	ActionForceChange Action = "force-change"
	// ActionChangeEmail gives the account another address.
	ActionChangeEmail Action = "change-email"
	// ActionLock keeps the owner from signing in.
	ActionLock Action = "lock"
	// ActionUnlock takes ActionLock back.
	ActionUnlock Action = "unlock"
)

// Actions lists every action, the most common first.
func Actions() []Action {
	return []Action{ActionReset, ActionForceChange, ActionChangeEmail, ActionLock, ActionUnlock}
}

// Mails reports whether the action has the system mail the person.
func (a Action) Mails() bool { return a == ActionReset }
