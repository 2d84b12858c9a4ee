package unleash

import (
	"net/http"

	"github.com/seed57652884/resetctl/resetter/transport"
)

// authorize sends the token bare, which every release of Unleash takes. There
// is no session to sign in to, renew or end.
func (c *Client) authorize(req *http.Request, _ transport.Token) {
	req.Header.Set("Authorization", c.creds.Token.Reveal())
}
