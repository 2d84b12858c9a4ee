package sugar

import (
	"context"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// Check implements resetter.Checker. Sugar does not tell whether it can mail,
// nor its release: Status.Version is the API version that it takes.
//
// Nor does it tell who may reset. The type of the account is "admin" only for an
// administrator of everything; an administrator of the Users module, who may
// reset too and is the better choice, is of type "user" like everybody else. To
// refuse that type would shut out the account that people ought to use, for
// good, since nothing overrides it. To let it pass costs at most a few resets
// that are ErrForbidden, which mail nobody and say what right is missing. So
// Check lets every type pass, and nil is no proof of the right to reset.
func (c *Client) Check(ctx context.Context) (resetter.Status, error) {
	ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: "read own account", Class: transport.Read})
	me, err := c.api.GetMeWithResponse(ctx)
	switch {
	case err != nil:
		return resetter.Status{}, exchange.Failed(err)
	case me.JSON200 == nil || me.JSON200.CurrentUser.ID == "":
		return resetter.Status{}, exchange.Unreadable("the answer holds no user")
	}
	user := me.JSON200.CurrentUser
	return resetter.Status{
		Self:      resetter.Account{ID: user.ID, Username: text(user.UserName)},
		Version:   c.creds.APIVersion,
		Mailer:    resetter.MailerUnknown,
		ClockSkew: exchange.ClockSkew(),
	}, nil
}
