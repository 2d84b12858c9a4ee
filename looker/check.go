package looker

import (
	"context"
	"errors"

	"github.com/seed57652884/resetctl/looker/lookerapi"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// Check implements resetter.Checker. Whether the API user may touch e-mail
// credentials shows in whether it may read its own; where Looker refuses that,
// as Looker (Google Cloud core) may do to everyone, it is ErrForbidden. Version
// and state of the mailer are not shown to every API user; they are empty and
// MailerUnknown then.
func (c *Client) Check(ctx context.Context) (resetter.Status, error) {
	var status resetter.Status
	fields := userFields
	who, exchange := c.http.Begin(ctx, transport.Operation{Name: "read own account", Class: transport.Read})
	me, err := c.api.GetMeWithResponse(who, &lookerapi.GetMeParams{Fields: &fields})
	switch {
	case err != nil:
		return status, exchange.Failed(err)
	case me.JSON200 == nil || text(me.JSON200.ID) == "":
		return status, exchange.Unreadable("the answer holds no user")
	}
	status.Self, status.ClockSkew = accountOf(me.JSON200), exchange.ClockSkew()

	may, exchange := c.http.Begin(ctx, transport.Operation{Name: "read own credential", Class: transport.Read})
	own := credentialFields
	_, err = c.api.GetCredentialsEmailWithResponse(may, status.Self.ID, &lookerapi.GetCredentialsEmailParams{Fields: &own})
	if err != nil && !errors.Is(err, resetter.ErrNotFound) { // an API user needs no password
		return status, exchange.Failed(err)
	}

	what, exchange := c.http.Begin(ctx, transport.Operation{Name: "read version", Class: transport.Read})
	versions, err := c.api.GetVersionsWithResponse(what, nil)
	switch {
	case err != nil:
		if err := exchange.FailedAside(err); err != nil {
			return status, err
		}
	case versions.JSON200 != nil:
		status.Version = text(versions.JSON200.LookerReleaseVersion)
	}

	mail, exchange := c.http.Begin(ctx, transport.Operation{Name: "read state of mailer", Class: transport.Read})
	mailer, err := c.api.GetSMTPStatusWithResponse(mail, nil)
	status.Mailer = resetter.MailerUnknown
	switch {
	case err != nil:
		return status, exchange.FailedAside(err)
	case mailer.JSON200 == nil || mailer.JSON200.IsValid == nil:
	case *mailer.JSON200.IsValid:
		status.Mailer = resetter.MailerReady
	default:
		status.Mailer = resetter.MailerAbsent
	}
	return status, nil
}
