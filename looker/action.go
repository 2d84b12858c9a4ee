package looker

import (
	"context"
	"errors"
	"strings"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// An action is one thing done to one account in several requests: it reads
// first what is so already, and writes what is not. Writes are to a state, so
// that repeating one changes nothing more, and mail nobody. Why a reset would
// be refused (Account.Ineligible) is no reason here: Looker decides.
type action struct {
	client  *Client
	account resetter.Account

	receipt  resetter.Receipt // of the latest request
	attempts int              // of all writes
	wrote    bool
	holds    []string // what is so by now, for whoever has to know where it stopped
}

// step makes one request of the action. The id is looked at before anything of
// it reaches a URL.
func (a *action) step(ctx context.Context, name string, class transport.Class, request func(context.Context, *transport.Exchange) error) error {
	ctx, exchange := a.client.http.Begin(ctx, transport.Operation{
		Name: name, Class: class, Account: nameOf(a.account), Uncounted: class == transport.Read,
	})
	if err := resetter.ID(a.account.ID).Validate(); err != nil {
		return exchange.Refuse(resetter.ErrInvalid, err.Error(), "")
	}
	err := request(ctx, exchange)
	a.receipt = exchange.Receipt()
	a.attempts += a.receipt.Attempts
	a.wrote = a.wrote || class == transport.Write && err == nil
	return err
}

// end is what the whole action came to, err being where it stopped.
func (a *action) end(err error) (resetter.Receipt, error) {
	if err == nil {
		a.receipt.Attempts, a.receipt.Already, a.receipt.Note = a.attempts, !a.wrote, strings.Join(a.holds, ", ")
		return a.receipt, nil
	}
	e, ok := errors.AsType[*resetter.Error](err)
	if !ok {
		return resetter.Receipt{}, err
	}
	whole := *e
	whole.Attempts, whole.Holds = a.attempts, strings.Join(a.holds, ", ")
	return resetter.Receipt{}, &whole
}

// notMade is the error of a change that Looker accepted and, by its own
// answer, did not make.
func notMade(exchange *transport.Exchange) error {
	return exchange.Refuse(resetter.ErrRejected, "Looker accepted the change and answered that it is not so", "look at the user in Looker (Admin, Users)")
}
