package unleash

import (
	"context"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/unleash/unleashapi"
)

// changeEmail is what ChangeEmail is called in errors, and for judge.
const changeEmail = "change e-mail address"

// ChangeEmail implements resetter.EmailChanger: PUT
// /api/admin/user-admin/{id}. It looks first and writes nothing where the
// account has the address already. The person signs in and is mailed with the
// new address from then on; name, role and a link that was mailed before stay
// as they are. Unleash keeps addresses in lower case.
//
// Errors: also ErrIneligible where another system manages the user by SCIM.
func (c *Client) ChangeEmail(ctx context.Context, account resetter.Account, address string) (resetter.Receipt, error) {
	operation := transport.Operation{Name: changeEmail, Class: transport.Read, Account: nameOf(account), Uncounted: true}
	looking, exchange := c.http.Begin(ctx, operation)
	for _, id := range []resetter.Identity{resetter.ID(account.ID), resetter.Email(address)} {
		if err := validate(id); err != nil {
			return resetter.Receipt{}, exchange.Refuse(resetter.ErrInvalid, err.Error(), "")
		}
	}
	user, err := c.get(looking, exchange, account.ID)
	switch {
	case err != nil:
		return resetter.Receipt{}, err
	case resetter.SameEmail(text(user.Email), address):
		receipt := exchange.Receipt()
		receipt.Already = true
		return receipt, nil
	case text(user.ScimID) != "":
		return resetter.Receipt{}, exchange.Refuse(resetter.ErrIneligible, "it is managed by SCIM", "change it in the system that manages it")
	}

	operation.Class, operation.Uncounted = transport.Write, false
	ctx, exchange = c.http.Begin(ctx, operation)
	answer, err := c.api.UpdateUserWithResponse(ctx, user.ID, unleashapi.WriteUser{Email: &address})
	switch {
	case err != nil:
		return resetter.Receipt{}, exchange.Failed(err)
	case answer.JSON200 == nil || answer.JSON200.ID == 0:
		return resetter.Receipt{}, exchange.Unreadable("the answer holds no user")
	case answer.JSON200.ID != user.ID:
		return resetter.Receipt{}, exchange.WrongPerson()
	case answer.JSON200.Email != nil && !resetter.SameEmail(*answer.JSON200.Email, address):
		return resetter.Receipt{}, exchange.Refuse(resetter.ErrRejected, "Unleash says that it is done, and that the address is another", "look at the user in Unleash")
	}
	return exchange.Receipt(), nil
}

func nameOf(a resetter.Account) string {
	if a.Email != "" {
		return a.Email
	}
	return a.ID
}
