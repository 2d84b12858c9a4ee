package looker

import (
	"context"
	"errors"

	"github.com/seed57652884/resetctl/looker/lookerapi"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// ForceChange implements resetter.PasswordExpirer: PATCH
// /users/{user_id}/credentials_email. Who signs in only by SSO has no password
// to change and is ErrIneligible.
func (c *Client) ForceChange(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	a := action{client: c, account: account}
	forced := func(now *lookerapi.CredentialsEmail) bool { return is(now.ForcedPasswordResetAtNextLogin) }
	return a.end(a.change(ctx, "force password change", lookerapi.WriteCredentialsEmail{ForcedPasswordResetAtNextLogin: new(true)}, forced))
}

// ChangeEmail implements resetter.EmailChanger: PATCH
// /users/{user_id}/credentials_email. The new address is the one to sign in
// with from then on. Who signs in only by SSO has no such address and is
// ErrIneligible.
func (c *Client) ChangeEmail(ctx context.Context, account resetter.Account, address string) (resetter.Receipt, error) {
	a := action{client: c, account: account}
	has := func(now *lookerapi.CredentialsEmail) bool { return resetter.SameEmail(text(now.Email), address) }
	if err := resetter.Email(address).Validate(); err != nil {
		_, exchange := c.http.Begin(ctx, transport.Operation{Name: "change e-mail", Class: transport.Write, Account: nameOf(account)})
		return a.end(exchange.Refuse(resetter.ErrInvalid, err.Error(), "correct the new address"))
	}
	return a.end(a.change(ctx, "change e-mail", lookerapi.WriteCredentialsEmail{Email: &address}, has))
}

// stateFields are the fields of a credential that can be written, and whose it is.
const stateFields = "user_id,email,forced_password_reset_at_next_login"

// change writes wanted, unless it is so already.
func (a *action) change(ctx context.Context, name string, wanted lookerapi.WriteCredentialsEmail, so func(*lookerapi.CredentialsEmail) bool) error {
	fields, id := stateFields, a.account.ID
	already := false
	err := a.step(ctx, "look up credential", transport.Read, func(ctx context.Context, exchange *transport.Exchange) error {
		answer, err := a.client.api.GetCredentialsEmailWithResponse(ctx, id, &lookerapi.GetCredentialsEmailParams{Fields: &fields})
		if err != nil {
			return exchange.Failed(err)
		}
		already, err = a.read(exchange, answer.JSON200, so)
		return err
	})
	switch {
	case errors.Is(err, resetter.ErrNotFound):
		return a.withoutPassword(ctx)
	case err != nil || already:
		return err
	}
	return a.step(ctx, name, transport.Write, func(ctx context.Context, exchange *transport.Exchange) error {
		answer, err := a.client.api.UpdateCredentialsEmailWithResponse(ctx, id, &lookerapi.UpdateCredentialsEmailParams{Fields: &fields}, wanted)
		if err != nil {
			return exchange.Failed(err)
		}
		if made, err := a.read(exchange, answer.JSON200, so); err != nil || made {
			return err
		}
		return notMade(exchange)
	})
}

// read looks at a credential that is the account's, or errs.
func (a *action) read(exchange *transport.Exchange, credential *lookerapi.CredentialsEmail, so func(*lookerapi.CredentialsEmail) bool) (bool, error) {
	switch {
	case credential == nil || text(credential.UserID) == "":
		return false, exchange.Unreadable("the answer does not say whose credential it is")
	case *credential.UserID != a.account.ID:
		return false, exchange.WrongPerson()
	}
	return so(credential), nil
}

// withoutPassword tells apart, where there is no credential, somebody who signs
// in by other means from nobody.
func (a *action) withoutPassword(ctx context.Context) error {
	return a.step(ctx, "look up user", transport.Read, func(ctx context.Context, exchange *transport.Exchange) error {
		fields := "id"
		if _, err := a.client.api.GetUserWithResponse(ctx, a.account.ID, &lookerapi.GetUserParams{Fields: &fields}); err != nil {
			return exchange.Failed(err)
		}
		return exchange.Refuse(resetter.ErrIneligible, ssoOnly, "")
	})
}
