package resetter

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what happened to a call, in one word. The words are the same in
// results, reports and logs. Each is itself an error, to be matched with
// [errors.Is]: errors.Is(err, resetter.ErrNotFound).
type Kind string

// Certainly not done: the request that the error is about. An action of several
// writes, which only a [Locker] has, may stop between two of them: the text of
// its error says then what holds.
const (
	// ErrNotFound: no account has that identity.
	ErrNotFound Kind = "not_found"
	// ErrAmbiguous: several accounts have it.
	ErrAmbiguous Kind = "ambiguous"
	// ErrIneligible: the account exists but cannot be reset: inactive, signs in
	// by SSO only, a group or portal account, or matched only by a secondary
	// address.
	ErrIneligible Kind = "ineligible"
	// ErrInvalid: the system found the request malformed (400, 422), or we did.
	ErrInvalid Kind = "invalid"
	// ErrUnauthorized: the sign-in was refused, or a renewed session still was.
	ErrUnauthorized Kind = "unauthorized"
	// ErrForbidden: signed in, but without the right to do this.
	ErrForbidden Kind = "forbidden"
	// ErrRejected: any other refusal, such as a conflict.
	ErrRejected Kind = "rejected"
	// ErrUnsupported: the system has no such action.
	ErrUnsupported Kind = "unsupported"
	// ErrRateLimited: turned away to slow us down; see Error.Until and Error.Scope.
	ErrRateLimited Kind = "rate_limited"
	// ErrUnavailable: the system could not be reached or, for a read, gave no
	// usable answer.
	ErrUnavailable Kind = "unavailable"
	// ErrNotStarted: the caller ended it before the first byte, by its context,
	// by a failing BeforeSend or by an observer that held it back. Wraps that
	// error. Of an action of several writes it is the next one that did not
	// start: what was written before stays, and Error.Holds says what that is.
	ErrNotStarted Kind = "not_started"
)

// It may have been done: all of these also match [ErrUnknownOutcome].
const (
	// ErrLostAnswer: the request was written, wholly or in part, and no answer came.
	ErrLostAnswer Kind = "lost_answer"
	// ErrServerError: the answer says that something broke, which may have been
	// after the mail went out, or between us and a server that carried on.
	ErrServerError Kind = "server_error"
	// ErrUnreadableAnswer: an answer came that says success and cannot be read
	// or speaks of somebody else.
	ErrUnreadableAnswer Kind = "unreadable_answer"
	// ErrInterrupted: our own process ended between intent and outcome.
	ErrInterrupted Kind = "interrupted"
)

// ErrUnknownOutcome matches every error after which the mail may have gone
// out. A call that ended so must not be repeated without a person's word.
var ErrUnknownOutcome = errors.New("the outcome is unknown: it may have been done")

// Error implements error, so that a Kind is its own sentinel.
func (k Kind) Error() string { return strings.ReplaceAll(string(k), "_", " ") }

// Unknown reports whether, after an error of this kind, the mail may have gone out.
func (k Kind) Unknown() bool {
	switch k {
	case ErrLostAnswer, ErrServerError, ErrUnreadableAnswer, ErrInterrupted:
		return true
	}
	return false
}

// Scope says whom a wait concerns.
type Scope string

// The scopes of a wait.
const (
	ScopeTarget Scope = "target" // every call to the system
	ScopePerson Scope = "person" // this account only; others may go on
)

// An Error says what happened to one call, for whom, and what to do next.
// It never holds a secret, a body, a one-time link or a URL with a query.
type Error struct {
	System  string // "looker"
	Op      string // what was tried: "send password reset"
	Account string // whom it was about, as given; may be empty
	Kind    Kind

	Status    int    // HTTP status; 0 where there was no answer, or a good one from which we concluded this
	Code      string // the system's own code or label, such as "need_login"
	Message   string // the system's own words, cut short and cleaned
	Fields    []FieldError
	RequestID string // the system's name for the request
	Attempts  int    // requests made, of an action as Receipt.Attempts counts them; 0 where none left

	// Repeatable is true of a write that mails nobody and leads to the same
	// state however often it is done, so that an unknown outcome is settled by
	// asking again.
	Repeatable bool

	Until time.Time // when it may be tried again; zero where nothing was said
	Scope Scope     // whom Until concerns; empty where Until is zero
	// Guessed is true where Until is not the system's word: it turned us away, or
	// is not there, and does not say for how long.
	Guessed bool

	// Stop is true where nothing else will go better at this system until a
	// person has done something: bad credentials, a bad certificate, a sign-in
	// page where the API should be.
	Stop bool
	// Advice is what to do next, as a sentence without a full stop.
	Advice string
	// Holds says what of an action of several writes is so by now, although it
	// stopped half way: "the account is disabled"; empty where nothing is.
	Holds string
	// Err is the cause, such as a network error; may be nil.
	Err error
}

// A FieldError is the system's complaint about one field of what it was sent.
type FieldError struct {
	Field, Code, Message string
}

// Error tells it in one line: system, what was tried, for whom, what happened,
// whether it may have been done all the same, and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.System, e.Op)
	if e.Account != "" {
		fmt.Fprintf(&b, " for %s", e.Account)
	}
	fmt.Fprintf(&b, ": %s", e.Detail())
	return b.String()
}

// Detail is Error without system, operation and account, for where those
// stand in columns of their own.
func (e *Error) Detail() string {
	var b strings.Builder
	b.WriteString(e.Kind.Error())
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d", e.Status)
		if e.Code != "" {
			fmt.Fprintf(&b, " %s", e.Code)
		}
		b.WriteString(")")
	}
	switch {
	case e.Message != "":
		fmt.Fprintf(&b, ": %s", e.Message)
	case e.Err != nil:
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Field, f.Message)
	}
	switch {
	case e.Kind.Unknown() && e.Repeatable:
		b.WriteString("; it may have been done")
	case e.Kind.Unknown():
		b.WriteString("; the mail may have gone out")
	}
	if !e.Until.IsZero() {
		fmt.Fprintf(&b, "; not before %s", e.Until.Local().Format("2006-01-02 15:04:05 MST"))
	}
	if e.Advice != "" {
		fmt.Fprintf(&b, "; %s", e.Advice)
	}
	if e.Holds != "" {
		fmt.Fprintf(&b, "; so far: %s; do it again to complete it", e.Holds)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the error's Kind and, where the mail may have gone out,
// ErrUnknownOutcome.
func (e *Error) Is(target error) bool {
	if k, ok := target.(Kind); ok {
		return k == e.Kind
	}
	return target == ErrUnknownOutcome && e.Kind.Unknown()
}
