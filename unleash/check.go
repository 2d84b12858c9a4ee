package unleash

import (
	"context"
	"strconv"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/unleash/unleashapi"
)

// admin is the permission that resetting a password needs.
const admin = "ADMIN"

// Check implements resetter.Checker. A token without the right to reset is
// ErrForbidden. An API token belongs to nobody, so Status.Self is empty then.
// A configuration that cannot be read is an error, since it says whether there is
// a mailer: without one resets are accepted and nobody is mailed.
func (c *Client) Check(ctx context.Context) (resetter.Status, error) {
	var status resetter.Status
	who, exchange := c.http.Begin(ctx, transport.Operation{Name: "read own account", Class: transport.Read})
	me, err := c.api.GetMeWithResponse(who)
	switch {
	case err != nil:
		return status, exchange.Failed(err)
	case me.JSON200 == nil:
		return status, exchange.Unreadable("the answer holds no user")
	case !may(me.JSON200.Permissions, admin):
		e := exchange.Refuse(resetter.ErrForbidden, "the token's owner is no administrator", "use the token of an administrator (root role Admin)")
		e.Stop = true
		return status, e
	}
	if u := me.JSON200.User; u.ID != 0 {
		status.Self = resetter.Account{ID: strconv.Itoa(u.ID), Email: text(u.Email), Username: text(u.Username)}
	}
	status.ClockSkew = exchange.ClockSkew()

	what, exchange := c.http.Begin(ctx, transport.Operation{Name: "read configuration", Class: transport.Read})
	config, err := c.api.GetUIConfigWithResponse(what)
	switch {
	case err != nil:
		return status, exchange.Failed(err)
	case config.JSON200 == nil:
		return status, exchange.Unreadable("the answer holds no configuration")
	}
	status.Version = config.JSON200.Version
	switch enabled := config.JSON200.EmailEnabled; {
	case enabled == nil:
		status.Mailer = resetter.MailerUnknown
	case *enabled:
		status.Mailer = resetter.MailerReady
	default:
		status.Mailer = resetter.MailerAbsent
	}
	return status, nil
}

func may(permissions []unleashapi.Permission, what string) bool {
	for _, p := range permissions {
		if p.Permission == what {
			return true
		}
	}
	return false
}
