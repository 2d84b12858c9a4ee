package sugar

import (
	"context"
	"net/http"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/sugar/sugarapi"
)

// The operations that judge has to know: a 401 there says that what was sent
// is wrong, not that the session is over.
const (
	signIn  = "sign in"
	refresh = "renew session"
)

// oauthClient is the OAuth client that is built into Sugar; its secret is empty.
const oauthClient = "sugar"

// session signs in with the password and goes on with refresh tokens, each of
// which is good for one renewal and replaces both tokens.
func (c *Client) session() *transport.Session {
	return &transport.Session{
		SignIn: func(ctx context.Context) (transport.Token, error) {
			password := c.creds.Password.Reveal()
			return c.grant(ctx, signIn, sugarapi.LoginRequest{
				GrantType: sugarapi.LoginRequestGrantTypePassword,
				Username:  &c.creds.Username,
				Password:  &password,
			})
		},
		Refresh: func(ctx context.Context, old transport.Token) (transport.Token, error) {
			token := old.Refresh.Reveal()
			return c.grant(ctx, refresh, sugarapi.LoginRequest{
				GrantType:    sugarapi.LoginRequestGrantTypeRefreshToken,
				RefreshToken: &token,
			})
		},
		SignOut: func(ctx context.Context, t transport.Token) error {
			ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: "sign out", Class: transport.Read, Anonymous: true})
			_, err := c.api.LogoutWithResponse(ctx, func(_ context.Context, req *http.Request) error {
				authorize(req, t)
				return nil
			})
			if err != nil {
				return exchange.Failed(err)
			}
			return nil
		},
	}
}

func (c *Client) grant(ctx context.Context, name string, request sugarapi.LoginRequest) (transport.Token, error) {
	ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: name, Class: transport.Read, Anonymous: true})
	request.ClientID, request.Platform = oauthClient, c.creds.Platform
	answer, err := c.api.LoginWithResponse(ctx, request)
	switch {
	case err != nil:
		return transport.Token{}, exchange.Failed(err)
	case answer.JSON200 == nil || answer.JSON200.AccessToken == "":
		return transport.Token{}, exchange.Unreadable("the answer holds no access token")
	}
	seconds, _ := answer.JSON200.ExpiresIn.Float64() // 0 where nothing is said, which is no limit
	return transport.Token{
		Access:  resetter.NewSecret(answer.JSON200.AccessToken),
		Refresh: resetter.NewSecret(text(answer.JSON200.RefreshToken)),
		Life:    time.Duration(min(max(0, seconds), (24*time.Hour).Seconds())) * time.Second,
	}, nil
}

// authorize uses the standard header. Sugar's own, OAuth-Token, is one that
// Go would send along to another host.
func authorize(req *http.Request, t transport.Token) {
	req.Header.Set("Authorization", "Bearer "+t.Access.Reveal())
}
