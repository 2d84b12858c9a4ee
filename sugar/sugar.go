// Package sugar has a Sugar (SugarCRM) instance mail password resets, through
// its REST API v11_24 or newer.
//
//	client, err := sugar.New("https://example.sugarondemand.com", sugar.Credentials{
//		Username: "svc-reset",
//		Password: resetter.NewSecret(os.Getenv("SUGAR_PASSWORD")),
//	})
//	defer client.Close(ctx)
//	account, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
//	receipt, err := client.Reset(ctx, account)
//
// Many people are looked up with few filters by ResolveBatch. ChangeEmail gives
// a person another primary address, Lock and Unlock set the status to Inactive
// and Active. Whether a reset whose answer was lost was carried out cannot be
// read anywhere, and Sugar has no way to demand a new password. What has no
// method here goes through API, as the client's own requests do.
//
// # What to set up in Sugar
//
// In the words of Sugar's Admin page:
//
//   - A user for this alone (User Management), who signs in with a password and
//     not by SSO. Not your own: a user has one session a platform.
//   - The right: an administrator of the Users module, by a role (Role
//     Management) whose Access Type for Users is Admin. The User Type System
//     Administrator works, and may do much more. Sugar does not tell beforehand
//     who may reset, see Check.
//   - The platform "resetctl", or another name of yours (Configure API
//     Platforms). Without it the sign-in is refused; on "base", which is the
//     browser's, it would throw the user out there.
//   - Mail (System Email Settings), and a primary address for everybody.
//
// On an instance whose users SugarIdentity manages, status and addresses are
// read-only in Sugar: change them in SugarCloud Settings.
//
// # What to know of Sugar
//
// One session for each user and platform means that two processes must not
// share them. All clients of an instance share 20 requests a second, and who
// exceeds them is shut out for a while without a word; the default pace here
// is 4. The API has to be v11_24 or newer.
//
// # Options, errors and tests
//
// Options are those of package resetter/transport and the same for every system.
// Errors are of type *resetter.Error; errors.Is with resetter.ErrUnknownOutcome
// tells those after which a mail may have gone out, and a call must not be
// repeated. A Client is made once and shared by all goroutines; Close comes when
// no call is under way. Programs are tested against package sugar/sugartest, which
// knows who was really mailed and loses answers on purpose. Before 1.0 names may
// change.
package sugar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/sugar/sugarapi"
)

// What Credentials leave empty.
const (
	DefaultPlatform   = "resetctl"
	DefaultAPIVersion = "v11_24" // the first with the reset request
)

// DefaultRate is the ceiling of the pace, in requests a second, unless an
// option sets another: a fifth of what the instance allows all its clients.
const DefaultRate = 4

// Credentials sign in to Sugar.
type Credentials struct {
	Username   string          // of a user who signs in with a password, not by SSO
	Password   resetter.Secret // of that user
	Platform   string          // DefaultPlatform where empty; "base" would sign the user out of the browser
	APIVersion string          // DefaultAPIVersion where empty
}

var apiVersion = regexp.MustCompile(`^v[0-9]+(_[0-9]+)?$`)

func (c Credentials) validate() error {
	var errs []error
	if c.Username == "" {
		errs = append(errs, errors.New("the user name is empty"))
	}
	if c.Password.IsZero() {
		errs = append(errs, errors.New("the password is empty"))
	}
	if c.Platform == "base" {
		errs = append(errs, errors.New(`the platform is "base", which would sign the user out of the browser; register one of your own`))
	}
	if !apiVersion.MatchString(c.APIVersion) {
		errs = append(errs, fmt.Errorf("the API version is %q; it looks like %s", c.APIVersion, DefaultAPIVersion))
	}
	return errors.Join(errs...)
}

// A Client is a Sugar instance. It is a resetter.Resetter, Checker,
// BatchResolver, EmailChanger, Locker, Pacer and Closer, and safe for
// concurrent use.
type Client struct {
	http  *transport.Client
	api   *sugarapi.ClientWithResponses
	creds Credentials
	manys map[resetter.IdentityKind]*many
}

var (
	_ resetter.Resetter      = (*Client)(nil)
	_ resetter.Checker       = (*Client)(nil)
	_ resetter.BatchResolver = (*Client)(nil)
	_ resetter.EmailChanger  = (*Client)(nil)
	_ resetter.Locker        = (*Client)(nil)
	_ resetter.Pacer         = (*Client)(nil)
	_ resetter.Closer        = (*Client)(nil)
)

// New makes a Client for the instance at baseURL, without /rest. It makes no
// request, and reports everything that is wrong with its arguments at once.
func New(baseURL string, creds Credentials, opts ...transport.Option) (*Client, error) {
	if creds.Platform == "" {
		creds.Platform = DefaultPlatform
	}
	if creds.APIVersion == "" {
		creds.APIVersion = DefaultAPIVersion
	}
	c := &Client{creds: creds, manys: manys()}
	var err error
	c.http, err = transport.New(transport.System{
		Name:              "sugar",
		Judge:             judge,
		Session:           c.session(),
		Authorize:         authorize,
		Probe:             func() (*http.Request, error) { return sugarapi.NewPingRequest(c.rest() + "/") },
		RefusalIsThrottle: true,
		Secrets:           []resetter.Secret{creds.Password},
	}, baseURL, append([]transport.Option{transport.WithRate(DefaultRate)}, opts...)...)
	if err := errors.Join(err, creds.validate()); err != nil {
		return nil, err
	}
	c.api, err = sugarapi.NewClientWithResponses(c.rest(), sugarapi.WithHTTPClient(c.http))
	return c, err
}

// API is Sugar's API as far as this project describes it, with the Client's own
// session, pace, limits and redaction, for what has no method here, such as
// asking which Sugar it is or reading much in one request.
//
// Its calls are taken for something that must not happen twice: none is
// repeated unless it certainly was not carried out, and BeforeSend is called.
// Their errors are of type *resetter.Error and mean what those of Reset mean.
// Answers are read up to 1 MiB, so narrow down what is asked for. That of
// GetHelp is a page for people, which is refused like any other page.
func (c *Client) API() *sugarapi.ClientWithResponses { return c.api }

// rest is where the API begins.
func (c *Client) rest() string { return c.http.Base() + "/rest/" + c.creds.APIVersion }

// Pace implements resetter.Pacer.
func (c *Client) Pace() resetter.Pace { return c.http.Pace() }

// Close implements resetter.Closer: it signs out, if anything signed in.
func (c *Client) Close(ctx context.Context) error { return c.http.Close(ctx) }

// lookUp is what looking up is called in errors.
const lookUp = "look up user"

// Resolve implements resetter.Resetter. An e-mail address must be the primary
// one of exactly one user, since that is the one that Sugar mails; a secondary
// one is ErrIneligible.
func (c *Client) Resolve(ctx context.Context, id resetter.Identity) (resetter.Account, error) {
	ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: lookUp, Class: transport.Read, Account: id.Value})
	if err := id.Validate(); err != nil {
		return resetter.Account{}, exchange.Refuse(resetter.ErrInvalid, err.Error(), "")
	}
	if id.Kind == resetter.ByID {
		user, err := c.get(ctx, exchange, id.Value)
		if err != nil {
			return resetter.Account{}, err
		}
		return accountOf(user), nil
	}
	users, _, err := c.filter(ctx, exchange, condition{fields[id.Kind]: id.Value})
	if err != nil {
		return resetter.Account{}, err
	}
	return theOne(exchange, id, users)
}

// get reads the user with that id.
func (c *Client) get(ctx context.Context, exchange *transport.Exchange, id string) (sugarapi.User, error) {
	wanted := userFields
	answer, err := c.api.GetUserWithResponse(ctx, id, &sugarapi.GetUserParams{Fields: &wanted})
	switch {
	case err != nil:
		return sugarapi.User{}, exchange.Failed(err)
	case answer.JSON200 == nil || answer.JSON200.ID == "":
		return sugarapi.User{}, exchange.Unreadable("the answer holds no user")
	case answer.JSON200.ID != id:
		return sugarapi.User{}, exchange.WrongPerson()
	}
	return *answer.JSON200, nil
}

// theOne is the account that id names among users, of whom some may have
// nothing to do with it.
func theOne(exchange *transport.Exchange, id resetter.Identity, users []sugarapi.User) (resetter.Account, error) {
	var found []sugarapi.User
	for _, user := range users {
		again := slices.ContainsFunc(found, func(u sugarapi.User) bool { return u.ID == user.ID })
		if named(user, id) && !again {
			found = append(found, user)
		}
	}
	switch len(found) {
	case 0:
		return resetter.Account{}, exchange.Refuse(resetter.ErrNotFound, "no user has exactly this name or address", "check it, or whether the person has an account here")
	case 1:
	default:
		return resetter.Account{}, exchange.Refuse(resetter.ErrAmbiguous, fmt.Sprintf("%d users have this name or address", len(found)), "name the user by id")
	}
	account := accountOf(found[0])
	if id.Kind == resetter.ByEmail && !resetter.SameEmail(account.Email, id.Value) {
		return resetter.Account{}, exchange.Refuse(resetter.ErrIneligible, "the address is only a secondary one of the account, so the mail would go elsewhere", "name the user by the primary address or by id")
	}
	return account, nil
}

// named reports whether id names the user, by exact comparison; of the
// addresses any will do.
func named(u sugarapi.User, id resetter.Identity) bool {
	switch id.Kind {
	case resetter.ByEmail:
		return slices.ContainsFunc(addresses(u), func(e sugarapi.EmailAddress) bool {
			return resetter.SameEmail(text(e.EmailAddress), id.Value)
		})
	case resetter.ByUsername:
		return text(u.UserName) == id.Value
	default:
		return u.ID == id.Value
	}
}

// addresses reads the addresses of a user, which are a list, or an empty text
// where there is none.
func addresses(u sugarapi.User) []sugarapi.EmailAddress {
	var list []sugarapi.EmailAddress
	raw, err := json.Marshal(u.Email)
	if err == nil && json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

// accountOf takes from a user what matters here.
func accountOf(u sugarapi.User) resetter.Account {
	a := resetter.Account{ID: u.ID, Username: text(u.UserName)}
	for _, e := range addresses(u) {
		if yes(e.PrimaryAddress) {
			a.Email = text(e.EmailAddress)
		}
	}
	switch {
	case yes(u.IsGroup):
		a.Ineligible = "it is a group account"
	case yes(u.PortalOnly):
		a.Ineligible = "it is a portal account"
	case text(u.Status) != "" && text(u.Status) != "Active":
		a.Ineligible = "the account is inactive"
	case yes(u.ExternalAuthOnly):
		a.Ineligible = "it signs in by SSO only and has no password here"
	case a.Email == "":
		a.Ineligible = "it has no primary e-mail address"
	}
	return a
}

// Reset implements resetter.Resetter: POST /password/adminRequest. Sugar
// answers with the record of the user that it mailed, which is checked.
func (c *Client) Reset(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: "request password reset", Class: transport.Send, Account: nameOf(account)})
	if err := resetter.ID(account.ID).Validate(); err != nil {
		return resetter.Receipt{}, exchange.Refuse(resetter.ErrInvalid, err.Error(), "")
	}
	if account.Ineligible != "" {
		return resetter.Receipt{}, exchange.Refuse(resetter.ErrIneligible, account.Ineligible, "")
	}
	answer, err := c.api.RequestPasswordResetWithResponse(ctx, sugarapi.PasswordResetRequest{UserID: account.ID})
	if err != nil {
		return resetter.Receipt{}, exchange.Failed(err)
	}
	user, err := transport.Decoded(exchange, answer.JSON200, answer.Body)
	switch {
	case err != nil:
		return resetter.Receipt{}, err
	case user.ID == "":
		return resetter.Receipt{}, exchange.Unreadable("the answer does not say who was mailed")
	case user.ID != account.ID:
		return resetter.Receipt{}, exchange.WrongPerson()
	}
	return exchange.Receipt(), nil
}

func nameOf(a resetter.Account) string {
	if a.Email != "" {
		return a.Email
	}
	return a.ID
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return strings.TrimSpace(*s)
}

// yes reads a flag in any of Sugar's spellings.
func yes(flag sugarapi.Flag) bool {
	switch f := flag.(type) {
	case bool:
		return f
	case float64:
		return f != 0
	case string:
		return f == "1" || strings.EqualFold(f, "true")
	}
	return false
}
