package transport

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// An Operation is what a request is about.
type Operation struct {
	// Name says it as errors do: "send password reset".
	Name  string
	Class Class
	// Account is whom it is about, for errors: an e-mail address or an id. Never a secret.
	Account string
	// Uncounted is true of a read on the way to a write: the Attempts of such an
	// action are its writes alone.
	Uncounted bool
	// Anonymous requests carry no session: signing in, and what needs none.
	Anonymous bool
	// Stream reads the body of a success as it comes, to its end, where that is
	// a list too long to be held: 256 MiB of it instead of 1 MiB. It is called
	// once for each attempt and has to begin anew each time; its error says
	// that the answer cannot be read, and is shown to nobody. The answer that
	// Do returns has no body then, and the Judge sees the beginning of it.
	Stream func(io.Reader) error

	probe bool // the gate's own: passes it, and is not repeated
}

// An Exchange follows one call from the moment it is named to what the
// system's package makes of the answer. It belongs to one goroutine.
type Exchange struct {
	client *Client
	op     Operation

	attempts  int
	status    int
	requestID string
	skew      time.Duration
}

type exchangeKey struct{}

// Begin names what the next request under the returned context is about.
func (c *Client) Begin(ctx context.Context, op Operation) (context.Context, *Exchange) {
	op.Account = oneLine(op.Account) // it may be anything that a table held
	x := &Exchange{client: c, op: op}
	return context.WithValue(ctx, exchangeKey{}, x), x
}

// exchangeOf finds the exchange that a request belongs to. A request that
// nobody named is a Send.
func (c *Client) exchangeOf(ctx context.Context) *Exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*Exchange); ok && x.client == c {
		return x
	}
	return &Exchange{client: c, op: Operation{Name: "request"}}
}

// About is the exchange as it looks to one of the many accounts that it was
// about: what it Refuses names that account.
func (x *Exchange) About(account string) *Exchange {
	one := *x
	one.op.Account = oneLine(account)
	return &one
}

func (x *Exchange) saw(resp *http.Response) {
	x.status = resp.StatusCode
	if name := x.client.system.RequestID; name != "" {
		x.requestID = x.client.redact.cleanID(resp.Header.Get(name))
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		x.skew = date.Sub(time.Now().Truncate(time.Second))
	}
}

// ClockSkew is how far the system's clock was ahead of ours when it answered,
// to about a second; 0 where it did not say.
func (x *Exchange) ClockSkew() time.Duration { return x.skew }

// counted is how many requests a Receipt or an Error speaks of.
func (x *Exchange) counted() int {
	if x.op.Uncounted {
		return 0
	}
	return x.attempts
}

// Receipt is the receipt of an accepted answer.
func (x *Exchange) Receipt() resetter.Receipt {
	return resetter.Receipt{Status: x.status, RequestID: x.requestID, Attempts: x.counted()}
}

// Failed turns what a generated client returned into an error of this
// exchange: an *Error from Do stays what it is, anything else means that an
// accepted answer could not be decoded.
func (x *Exchange) Failed(err error) error {
	if _, ok := errors.AsType[*resetter.Error](err); ok {
		return err
	}
	if x.status == 0 { // the request could not even be built
		return x.Refuse(resetter.ErrInvalid, "the request could not be built from what was given", "")
	}
	e := x.Unreadable(notAsDocumented)
	if _, shaped := errors.AsType[*json.UnmarshalTypeError](err); !shaped {
		e.Stop = false // an answer that is broken, or none, says nothing of the others
	}
	return e
}

// Decoded is what an accepted answer says: decoded, where the generated client
// knows its status and type, and else what is in its body, since 201 and 202 are
// as good as 200. Errors as of Failed.
func Decoded[T any](x *Exchange, decoded *T, body []byte) (*T, error) {
	if decoded != nil {
		return decoded, nil
	}
	said := new(T)
	if err := json.Unmarshal(body, said); err != nil {
		return nil, x.Failed(err)
	}
	return said, nil
}

// FailedForAll is Failed for what was about many accounts at once: a kind that
// makes sense of one alone would be taken for everybody's.
func (x *Exchange) FailedForAll(err error) error {
	err = x.Failed(err)
	e, ok := errors.AsType[*resetter.Error](err)
	if !ok {
		return err
	}
	switch e.Kind {
	case resetter.ErrNotFound, resetter.ErrAmbiguous, resetter.ErrIneligible, resetter.ErrInvalid:
		all := *e
		all.Kind = resetter.ErrUnavailable
		return &all
	}
	return err
}

// FailedAside is Failed for a read of what is worth knowing and no reason to
// stop if it cannot be had, such as a version: nil, but where nothing else can
// be had either, by the session, the pace, the caller's time, or because what
// answers is not the system. That this one thing is not there proves nothing of
// the kind.
func (x *Exchange) FailedAside(err error) error {
	err = x.Failed(err)
	e, ok := errors.AsType[*resetter.Error](err)
	if !ok {
		return err
	}
	switch e.Kind {
	case resetter.ErrUnauthorized, resetter.ErrRateLimited, resetter.ErrNotStarted:
		return err
	}
	if e.Stop && e.Status != http.StatusNotFound {
		return err
	}
	return nil
}

const (
	notAsDocumented = "the answer is not what the system's documentation says"
	checkVersion    = "check that the URL leads to the system's API and that its version is supported"
)

// Unreadable is the error of an accepted answer that cannot be made sense of.
// After a Send the mail may have gone out.
func (x *Exchange) Unreadable(what string) *resetter.Error {
	e := x.because(resetter.ErrUnreadableAnswer, what, "look it up in the system before you repeat it")
	// The answer came whole and was accepted: what gives it is not the system.
	e.Stop = x.op.Class == Send
	switch x.op.Class {
	case Write:
		e.Advice = "repeat it: that does no harm"
	case Read:
		e.Kind, e.Advice = resetter.ErrUnavailable, checkVersion
	}
	return e
}

// WrongPerson is the error of an accepted answer that speaks of another account
// than was asked for: what answers is not what we think it is.
func (x *Exchange) WrongPerson() *resetter.Error {
	e := x.Unreadable("the answer speaks of another account than was asked for")
	e.Stop = true
	return e
}

// Refuse makes an error of this exchange that says kind. It is our own
// conclusion: a status of success, which what it was drawn from may have had, is
// no part of it.
func (x *Exchange) Refuse(kind resetter.Kind, message, advice string) *resetter.Error {
	e := x.because(kind, message, advice)
	if e.Status >= 200 && e.Status <= 299 {
		e.Status = 0
	}
	return e
}

// because makes an error of this exchange that says kind because of its answer.
func (x *Exchange) because(kind resetter.Kind, message, advice string) *resetter.Error {
	return &resetter.Error{
		System: x.client.settings.target, Op: x.op.Name, Account: x.op.Account,
		Kind: kind, Message: message, Advice: advice,
		Status: x.status, RequestID: x.requestID, Attempts: x.counted(),
		Repeatable: x.op.Class == Write,
	}
}
