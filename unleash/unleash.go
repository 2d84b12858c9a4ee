// Package unleash has an Unleash instance mail password resets, through its
// admin API. It was tried on Unleash 7.6.5.
//
//	client, err := unleash.New("https://unleash.example.com", unleash.Credentials{
//		Token: resetter.NewSecret(os.Getenv("UNLEASH_TOKEN")),
//	})
//	defer client.Close(ctx)
//	account, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
//	receipt, err := client.Reset(ctx, account)
//
// Many people are looked up in one call by ResolveBatch, whether a reset whose
// answer was lost was carried out is read by Reconcile, and ChangeEmail gives a
// person another address. Unleash has no way to lock somebody out, nor to
// demand a new password at the next sign-in. What has no method here goes
// through API, as the client's own requests do.
//
// # What to set up in Unleash
//
// The token belongs to somebody with the root role Admin; an editor or a viewer
// may search for people, but not reset them. In the words of Unleash's screens:
//
//   - A token of your own: behind your picture, View profile settings, Personal
//     API tokens, New token. Whether you are an administrator says Admin
//     settings, Users, "What is your team member allowed to do?".
//   - Better, where there are service accounts (Enterprise): Admin settings,
//     Service accounts, New service account, allowed to do: Admin; and a new
//     token for it.
//   - An admin API token, which an instance is born with if the variable
//     INIT_ADMIN_API_TOKENS says so, works as well where it is still allowed. It
//     belongs to nobody, so that the audit log names nobody. Tokens made for
//     client SDKs or frontends are refused.
//
// The mailer is set up where the server runs (EMAIL_HOST and its siblings).
// Hosted instances live under a path, which belongs to the URL:
// https://eu.app.unleash-hosted.com/acme. There is no session.
//
// # What to know of Unleash
//
// A reset link lives 24 hours, and each new reset kills the person's earlier
// ones. Unleash puts the link into every answer; it is dropped unless the client
// was made with transport.WithLinks, and is in Receipt.Link then. Without a
// mailer the answer is the same and that link is the only way to the person;
// Check says so beforehand. A person can be mailed once a minute: the error for
// that is ErrRateLimited with ScopePerson and holds up nobody else.
//
// # Options, errors and tests
//
// Options are those of package resetter/transport and the same for every system.
// Errors are of type *resetter.Error; errors.Is with resetter.ErrUnknownOutcome
// tells those after which a mail may have gone out, and a call must not be
// repeated. A Client is made once and shared by all goroutines; Close comes when
// no call is under way. Programs are tested against package unleash/unleashtest, which
// knows who was really mailed and loses answers on purpose. Before 1.0 names may
// change.
package unleash

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/unleash/unleashapi"
)

// Credentials are an administrator's token of Unleash.
type Credentials struct {
	Token resetter.Secret // it goes into the header Authorization as it is
}

func (c Credentials) validate() error {
	switch {
	case c.Token.IsZero():
		return errors.New("the token is empty")
	case strings.ContainsFunc(c.Token.Reveal(), func(r rune) bool { return r == ' ' || r > unicode.MaxASCII }):
		return errors.New("the token holds a blank or a character that is not ASCII, which none of Unleash's does")
	}
	return nil
}

// A Client is an Unleash instance. It is a resetter.Resetter, Checker,
// BatchResolver, Reconciler, EmailChanger, Pacer and Closer, and safe for
// concurrent use.
type Client struct {
	http  *transport.Client
	api   *unleashapi.ClientWithResponses
	creds Credentials
}

var (
	_ resetter.Resetter      = (*Client)(nil)
	_ resetter.Checker       = (*Client)(nil)
	_ resetter.BatchResolver = (*Client)(nil)
	_ resetter.Reconciler    = (*Client)(nil)
	_ resetter.EmailChanger  = (*Client)(nil)
	_ resetter.Pacer         = (*Client)(nil)
	_ resetter.Closer        = (*Client)(nil)
)

// New makes a Client for the instance at baseURL, its path included, without
// /api/admin. It makes no request, and reports everything that is wrong with
// its arguments at once.
func New(baseURL string, creds Credentials, opts ...transport.Option) (*Client, error) {
	c := &Client{creds: creds}
	var err error
	c.http, err = transport.New(transport.System{
		Name:      "unleash",
		Judge:     judge,
		Authorize: c.authorize,
		Probe:     func() (*http.Request, error) { return unleashapi.NewGetHealthRequest(c.http.Base() + "/") },
		Secrets:   []resetter.Secret{creds.Token},
	}, baseURL, opts...)
	if err := errors.Join(err, creds.validate()); err != nil {
		return nil, err
	}
	c.api, err = unleashapi.NewClientWithResponses(c.http.Base(), unleashapi.WithHTTPClient(c.http))
	return c, err
}

// API is Unleash's admin API as far as this project describes it, with the
// Client's own token, pace, limits and redaction, for what has no method here,
// such as deleting somebody or setting a password.
//
// Its calls are taken for something that must not happen twice: none is
// repeated unless it certainly was not carried out, and BeforeSend is called.
// Their errors are of type *resetter.Error and mean what those of Reset mean.
// Answers may hold one-time links in the clear. They are read up to 1 MiB, which
// the list of all users may exceed: ResolveBatch reads any.
func (c *Client) API() *unleashapi.ClientWithResponses { return c.api }

// Pace implements resetter.Pacer.
func (c *Client) Pace() resetter.Pace { return c.http.Pace() }

// Close implements resetter.Closer: it lets connections go.
func (c *Client) Close(ctx context.Context) error { return c.http.Close(ctx) }

// lookUp is what looking up is called in errors.
const lookUp = "look up user"

// Resolve implements resetter.Resetter. Unleash's search matches beginnings
// and parts of names, and "_" and "%" are wildcards in it, so its hits are
// compared exactly. It tells no links, so the account has no Evidence: for
// that see ResolveBatch.
func (c *Client) Resolve(ctx context.Context, id resetter.Identity) (resetter.Account, error) {
	ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: lookUp, Class: transport.Read, Account: id.Value})
	if err := validate(id); err != nil {
		return resetter.Account{}, exchange.Refuse(resetter.ErrInvalid, err.Error(), "")
	}
	if id.Kind != resetter.ByID {
		return c.search(ctx, exchange, id)
	}
	user, err := c.get(ctx, exchange, id.Value)
	if err != nil {
		return resetter.Account{}, err
	}
	return accountOf(user), nil
}

// get reads the user with that id, which was validated.
func (c *Client) get(ctx context.Context, exchange *transport.Exchange, id string) (unleashapi.User, error) {
	number, _ := strconv.Atoi(id)
	answer, err := c.api.GetUserWithResponse(ctx, number)
	switch {
	case err != nil:
		return unleashapi.User{}, exchange.Failed(err)
	case answer.JSON200 == nil || answer.JSON200.ID == 0:
		return unleashapi.User{}, exchange.Unreadable("the answer holds no user")
	case answer.JSON200.ID != number:
		return unleashapi.User{}, exchange.WrongPerson()
	}
	return *answer.JSON200, nil
}

// validate reports what is wrong with an identity that Unleash is asked for.
func validate(id resetter.Identity) error {
	if err := id.Validate(); err != nil || id.Kind != resetter.ByID {
		return err
	}
	if number, err := strconv.Atoi(id.Value); err != nil || number < 1 || strconv.Itoa(number) != id.Value {
		return errors.New("the id is not a number; ids of Unleash are whole numbers from 1")
	}
	return nil
}

// named reports whether id names the user, by exact comparison.
func named(u unleashapi.User, id resetter.Identity) bool {
	switch id.Kind {
	case resetter.ByEmail:
		return resetter.SameEmail(text(u.Email), id.Value)
	case resetter.ByUsername:
		return text(u.Username) == id.Value
	default:
		return strconv.Itoa(u.ID) == id.Value
	}
}

func (c *Client) search(ctx context.Context, exchange *transport.Exchange, id resetter.Identity) (resetter.Account, error) {
	if len([]rune(id.Value)) < 2 { // Unleash finds nobody then, whoever there is
		return resetter.Account{}, exchange.Refuse(resetter.ErrInvalid, "Unleash searches for two characters or more", "name the user by id")
	}
	// A backslash takes its meaning from the character behind it, unless it is
	// doubled. The wildcards may stay: the hits are compared.
	pattern := strings.ReplaceAll(id.Value, `\`, `\\`)
	answer, err := c.api.SearchUsersWithResponse(ctx, &unleashapi.SearchUsersParams{Q: &pattern})
	if err != nil {
		return resetter.Account{}, exchange.Failed(err)
	}
	if answer.JSON200 == nil || *answer.JSON200 == nil {
		return resetter.Account{}, exchange.Unreadable("the answer holds no list of users")
	}
	var found []resetter.Account
	for _, user := range *answer.JSON200 {
		if user.ID == 0 {
			return resetter.Account{}, exchange.Unreadable("the answer lists a user without an id")
		}
		if named(user, id) {
			found = append(found, accountOf(user))
		}
	}
	if len(found) != 1 {
		return resetter.Account{}, notOne(exchange, len(found))
	}
	return found[0], nil
}

// notOne is the error where an identity names nobody, or several.
func notOne(exchange *transport.Exchange, hits int) error {
	if hits == 0 {
		return exchange.Refuse(resetter.ErrNotFound, "no user has exactly this name or address", "check it, or whether the person has an account here")
	}
	return exchange.Refuse(resetter.ErrAmbiguous, strconv.Itoa(hits)+" users have this name or address", "name the user by id")
}

// accountOf takes from a user what matters here.
func accountOf(u unleashapi.User) resetter.Account {
	a := resetter.Account{ID: strconv.Itoa(u.ID), Email: text(u.Email), Username: text(u.Username)}
	switch {
	case text(u.AccountType) != "" && !strings.EqualFold(text(u.AccountType), "User"):
		a.Ineligible = "it is a service account"
	case text(u.ScimID) != "":
		a.Ineligible = "it is managed by SCIM"
	case a.Email == "":
		a.Ineligible = "it has no e-mail address"
	}
	return a
}

// Reset implements resetter.Resetter: POST
// /api/admin/user-admin/reset-password. Unleash mails the address as written
// in the request, so the account's own is sent, never the one that was
// searched for. Receipt.Link is empty unless transport.WithLinks asks for it.
func (c *Client) Reset(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: "reset password", Class: transport.Send, Account: account.Email})
	if account.Ineligible != "" {
		return resetter.Receipt{}, exchange.Refuse(resetter.ErrIneligible, account.Ineligible, "")
	}
	if err := resetter.Email(account.Email).Validate(); err != nil {
		return resetter.Receipt{}, exchange.Refuse(resetter.ErrInvalid, err.Error(), "")
	}
	answer, err := c.api.ResetPasswordWithResponse(ctx, unleashapi.ResetPasswordRequest{ID: account.Email})
	if err != nil {
		return resetter.Receipt{}, exchange.Failed(err)
	}
	made, err := transport.Decoded(exchange, answer.JSON200, answer.Body)
	switch {
	case err != nil:
		return resetter.Receipt{}, err
	case made.ResetPasswordURL == "":
		return resetter.Receipt{}, exchange.Unreadable("the answer holds no reset link")
	}
	receipt := exchange.Receipt()
	if c.http.Links() {
		receipt.Link = resetter.NewSecret(made.ResetPasswordURL)
	}
	return receipt, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return strings.TrimSpace(*s)
}
