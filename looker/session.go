package looker

import (
	"context"
	"net/http"
	"time"

	"github.com/seed57652884/resetctl/looker/lookerapi"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// signIn is the operation that judge has to know: a wrong key is a 404 there.
const signIn = "sign in"

// session signs in with the API key in a form body, never in the URL, where
// logs would keep it. There is nothing to refresh: a new sign-in follows.
func (c *Client) session() *transport.Session {
	return &transport.Session{
		SignIn: func(ctx context.Context) (transport.Token, error) {
			ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: signIn, Class: transport.Read, Anonymous: true})
			answer, err := c.api.LoginWithFormdataBodyWithResponse(ctx, lookerapi.LoginForm{
				ClientID: c.creds.ClientID, ClientSecret: c.creds.ClientSecret.Reveal(),
			})
			if err != nil {
				return transport.Token{}, exchange.Failed(err)
			}
			if answer.JSON200 == nil || text(answer.JSON200.AccessToken) == "" {
				return transport.Token{}, exchange.Unreadable("the answer holds no access token")
			}
			seconds, _ := answer.JSON200.ExpiresIn.Float64() // 0 where nothing is said, which is no limit
			return transport.Token{
				Access: resetter.NewSecret(*answer.JSON200.AccessToken),
				Life:   time.Duration(min(max(0, seconds), (24*time.Hour).Seconds())) * time.Second,
			}, nil
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

func authorize(req *http.Request, t transport.Token) {
	req.Header.Set("Authorization", "token "+t.Access.Reveal())
}
