package sugar

import (
	"context"
	"strings"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/sugar/sugarapi"
)

// ChangeEmail implements resetter.EmailChanger: PUT /Users/{id} with all
// addresses that the user is to have. The new address takes the place of the
// primary one, which the account loses; the others stay, with their marks, but
// for the new one where it was among them. Sugar lets users share an address,
// so one that somebody else has is not refused.
//
// Errors: also ErrForbidden or ErrRejected on an instance whose users
// SugarIdentity manages.
func (c *Client) ChangeEmail(ctx context.Context, account resetter.Account, address string) (resetter.Receipt, error) {
	return c.apply(ctx, account, change{
		name: "change e-mail address", want: address, wrong: resetter.Email(address).Validate(),
		told: func(u sugarapi.User) (string, bool) {
			_, list := u.Email.([]any)
			return accountOf(u).Email, list || u.Email == ""
		},
		write: func(u sugarapi.User) sugarapi.WriteUser {
			list := withPrimary(addresses(u), address)
			return sugarapi.WriteUser{Email: &list}
		},
	})
}

// withPrimary is a list of addresses with another primary one.
func withPrimary(list []sugarapi.EmailAddress, address string) []sugarapi.WriteEmailAddress {
	next := []sugarapi.WriteEmailAddress{{EmailAddress: address, PrimaryAddress: true}}
	for _, e := range list {
		if yes(e.PrimaryAddress) || text(e.EmailAddress) == "" || resetter.SameEmail(text(e.EmailAddress), address) {
			continue
		}
		invalid, optOut, replyTo := yes(e.InvalidEmail), yes(e.OptOut), yes(e.ReplyToAddress)
		next = append(next, sugarapi.WriteEmailAddress{
			EmailAddress: text(e.EmailAddress), InvalidEmail: &invalid, OptOut: &optOut, ReplyToAddress: &replyTo,
		})
	}
	return next
}

// Lock implements resetter.Locker: PUT /Users/{id} with the status Inactive,
// which keeps the user from signing in. Sugar has no API keys of a user, so
// LockOptions.RevokeKeys asks for nothing more. Errors as of ChangeEmail.
func (c *Client) Lock(ctx context.Context, account resetter.Account, _ resetter.LockOptions) (resetter.Receipt, error) {
	return c.apply(ctx, account, ofStatus("lock user", sugarapi.WriteUserStatusInactive))
}

// Unlock implements resetter.Locker: Lock with the status Active. That an
// account is inactive, and so Ineligible for a reset, is no hindrance.
func (c *Client) Unlock(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	return c.apply(ctx, account, ofStatus("unlock user", sugarapi.WriteUserStatusActive))
}

func ofStatus(name string, status sugarapi.WriteUserStatus) change {
	return change{
		name: name, want: string(status),
		told:  func(u sugarapi.User) (string, bool) { return text(u.Status), u.Status != nil },
		write: func(sugarapi.User) sugarapi.WriteUser { return sugarapi.WriteUser{Status: &status} },
	}
}

// A change is a property that is to have a value.
type change struct {
	name  string
	want  string
	wrong error                                  // with what is wanted; nil if nothing
	told  func(sugarapi.User) (string, bool)     // what a record says of it, if anything
	write func(sugarapi.User) sugarapi.WriteUser // what makes it so
}

// made reports whether a record says that it is so.
func (ch change) made(u sugarapi.User) bool {
	is, told := ch.told(u)
	return told && strings.EqualFold(is, ch.want)
}

// apply brings a change about: it looks first, and writes where it is not so
// already.
func (c *Client) apply(ctx context.Context, account resetter.Account, ch change) (resetter.Receipt, error) {
	operation := transport.Operation{Name: ch.name, Class: transport.Read, Account: nameOf(account), Uncounted: true}
	looking, exchange := c.http.Begin(ctx, operation)
	for _, err := range []error{resetter.ID(account.ID).Validate(), ch.wrong} {
		if err != nil {
			return resetter.Receipt{}, exchange.Refuse(resetter.ErrInvalid, err.Error(), "")
		}
	}
	before, err := c.get(looking, exchange, account.ID)
	if err != nil {
		return resetter.Receipt{}, err
	}
	if ch.made(before) {
		receipt := exchange.Receipt()
		receipt.Already = true
		return receipt, nil
	}
	if _, told := ch.told(before); !told {
		// What replaces a list that was not seen would lose what is in it.
		return resetter.Receipt{}, exchange.Refuse(resetter.ErrRejected, "Sugar does not tell how it is now, so it is left alone", asAdministrator)
	}

	operation.Class, operation.Uncounted = transport.Write, false
	ctx, exchange = c.http.Begin(ctx, operation)
	answer, err := c.api.UpdateUserWithResponse(ctx, account.ID, ch.write(before))
	switch {
	case err != nil:
		return resetter.Receipt{}, exchange.Failed(err)
	case answer.JSON200 == nil || answer.JSON200.ID == "":
		return resetter.Receipt{}, exchange.Unreadable("the answer does not say who was changed")
	case answer.JSON200.ID != account.ID:
		return resetter.Receipt{}, exchange.WrongPerson()
	}
	if _, told := ch.told(*answer.JSON200); told && !ch.made(*answer.JSON200) {
		return resetter.Receipt{}, exchange.Refuse(resetter.ErrRejected, "Sugar takes the change and does not make it", elsewhere)
	}
	return exchange.Receipt(), nil
}
