// Package looker has a Looker instance mail password resets, through its API
// 4.0.
//
//	client, err := looker.New("https://example.cloud.looker.com", looker.Credentials{
//		ClientID:     "…",
//		ClientSecret: resetter.NewSecret(os.Getenv("LOOKER_CLIENT_SECRET")),
//	})
//	defer client.Close(ctx)
//	account, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
//	receipt, err := client.Reset(ctx, account)
//
// The client signs in at the first call, renews its session in time and signs
// out on Close. Besides resetting it can look up many people at once, find out
// whether a reset in doubt was done, demand a new password, change an address,
// lock and unlock; see the capabilities of package resetter. Nothing of that
// mails anybody. What has no method here goes through API, as the client's own
// requests do.
//
// # What to set up in Looker
//
//   - A user of its own, so that Looker's log shows who did it, with the Admin
//     role, which alone may administer other users: Admin, Users, Add Users.
//   - An API key of that user, whose client ID and client secret are the
//     Credentials. An administrator makes it in Admin, Users, the user's row,
//     API Keys; where Looker only lets keys be enabled there, the user makes it
//     in Account, API Keys, Create New API Key.
//   - The URL is the API Host URL of Admin, API. Where that is empty it is the
//     one that people open, on self-hosted and older instances often with port
//     19999.
//
// Check tells whether all of it is right, and whether Looker can mail.
//
// # What to know of Looker
//
// A reset link lives 60 minutes. A user who never set up the account is mailed
// a set-up link instead. Who signs in only by SSO has no e-mail credential and
// cannot be reset, but can be locked. A lock disables the account and deletes
// its web sessions one by one. Looker (Google Cloud core) may refuse all that
// has to do with e-mail credentials, and counts administrative calls against a
// monthly quota.
//
// # Options, errors and tests
//
// Options are those of package resetter/transport and the same for every system.
// Errors are of type *resetter.Error; errors.Is with resetter.ErrUnknownOutcome
// tells those after which a mail may have gone out, and a call must not be
// repeated. A Client is made once and shared by all goroutines; Close comes when
// no call is under way. Programs are tested against package looker/lookertest, which
// knows who was really mailed and loses answers on purpose. Before 1.0 names may
// change.
package looker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/seed57652884/resetctl/looker/lookerapi"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// Credentials are an API key of Looker.
type Credentials struct {
	ClientID     string          // shown beside the key in Looker; no secret
	ClientSecret resetter.Secret // shown once, when the key is made
}

func (c Credentials) validate() error {
	var errs []error
	if c.ClientID == "" {
		errs = append(errs, errors.New("the client id is empty"))
	}
	if c.ClientSecret.IsZero() {
		errs = append(errs, errors.New("the client secret is empty"))
	}
	return errors.Join(errs...)
}

// A Client is a Looker instance. It is a resetter.Resetter and has every
// capability of that package, and is safe for concurrent use.
type Client struct {
	http  *transport.Client
	api   *lookerapi.ClientWithResponses
	creds Credentials
}

var (
	_ resetter.Resetter        = (*Client)(nil)
	_ resetter.Checker         = (*Client)(nil)
	_ resetter.BatchResolver   = (*Client)(nil)
	_ resetter.Reconciler      = (*Client)(nil)
	_ resetter.PasswordExpirer = (*Client)(nil)
	_ resetter.EmailChanger    = (*Client)(nil)
	_ resetter.Locker          = (*Client)(nil)
	_ resetter.Pacer           = (*Client)(nil)
	_ resetter.Closer          = (*Client)(nil)
)

// New makes a Client for the instance at baseURL, the address that its API is
// served at, with a port where that is not 443 (self-hosted instances: often
// 19999), without /api/4.0. It makes no request, and reports everything that
// is wrong with its arguments at once.
func New(baseURL string, creds Credentials, opts ...transport.Option) (*Client, error) {
	c := &Client{creds: creds}
	var err error
	c.http, err = transport.New(transport.System{
		Name:      "looker",
		Judge:     judge,
		Session:   c.session(),
		Authorize: authorize,
		Probe:     func() (*http.Request, error) { return lookerapi.NewGetAliveRequest(c.http.Base() + "/") },
		RequestID: "X-B3-TraceId",
		Secrets:   []resetter.Secret{creds.ClientSecret},
	}, baseURL, opts...)
	if err := errors.Join(err, creds.validate()); err != nil {
		return nil, err
	}
	c.api, err = lookerapi.NewClientWithResponses(c.http.Base(), lookerapi.WithHTTPClient(c.http))
	return c, err
}

// API is Looker's API as far as this project describes it, with the Client's
// own session, pace, limits and redaction, for what has no method here, such as
// giving somebody a password or making a link without mailing it.
//
// Its calls are taken for something that must not happen twice: none is
// repeated unless it certainly was not carried out, and BeforeSend is called.
// Their errors are of type *resetter.Error and mean what those of Reset mean.
// Answers may hold one-time links in the clear, unless Fields leaves them out.
func (c *Client) API() *lookerapi.ClientWithResponses { return c.api }

// Pace implements resetter.Pacer.
func (c *Client) Pace() resetter.Pace { return c.http.Pace() }

// Close implements resetter.Closer: it signs out, if anything signed in.
func (c *Client) Close(ctx context.Context) error { return c.http.Close(ctx) }

// What is asked for. Looker answers with nothing else, so that no one-time
// link crosses the wire unless it is wanted.
const (
	credentialFields = linkStates + ",email,is_disabled,logged_in_at"
	userFields       = "id,email,is_disabled,is_service_account,credentials_email(" + credentialFields + ")"
	linkFields       = ",password_reset_url,account_setup_url"
)

// Resolve implements resetter.Resetter. Looker knows people by e-mail address
// and by id; it has no user names. An address is looked up exactly, by the
// credential that signs in with it.
func (c *Client) Resolve(ctx context.Context, id resetter.Identity) (resetter.Account, error) {
	ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: "look up user", Class: transport.Read, Account: id.Value})
	if err := id.Validate(); err != nil {
		return resetter.Account{}, exchange.Refuse(resetter.ErrInvalid, err.Error(), "")
	}
	fields := userFields
	switch id.Kind {
	case resetter.ByEmail:
		answer, err := c.api.GetUserForCredentialWithResponse(ctx, "email", id.Value, &lookerapi.GetUserForCredentialParams{Fields: &fields})
		switch {
		case errors.Is(err, resetter.ErrNotFound):
			return c.withoutCredential(ctx, id)
		case err != nil:
			return resetter.Account{}, exchange.Failed(err)
		case answer.JSON200 == nil || text(answer.JSON200.ID) == "":
			return resetter.Account{}, exchange.Unreadable("the answer holds no user")
		}
		account, err := c.account(ctx, answer.JSON200)
		if err != nil {
			return resetter.Account{}, err
		}
		if !resetter.SameEmail(account.Email, id.Value) {
			return resetter.Account{}, exchange.Refuse(resetter.ErrNotFound, "no user signs in with exactly this address", "check the address")
		}
		return account, nil
	case resetter.ByID:
		answer, err := c.api.GetUserWithResponse(ctx, id.Value, &lookerapi.GetUserParams{Fields: &fields})
		switch {
		case err != nil:
			return resetter.Account{}, exchange.Failed(err)
		case answer.JSON200 == nil || text(answer.JSON200.ID) == "":
			return resetter.Account{}, exchange.Unreadable("the answer holds no user")
		case *answer.JSON200.ID == strings.TrimLeft(id.Value, "0") && id.Value[0] == '0':
			return resetter.Account{}, exchange.Refuse(resetter.ErrNotFound, "no user has exactly this id; Looker reads it as "+*answer.JSON200.ID, "write the id as Looker does")
		case *answer.JSON200.ID != id.Value:
			return resetter.Account{}, exchange.WrongPerson()
		}
		return c.account(ctx, answer.JSON200)
	default:
		return resetter.Account{}, exchange.Refuse(resetter.ErrInvalid, "Looker has no user names", "give the e-mail address or the user id")
	}
}

// account is accountOf, but asks for the credential where the answer left it
// out: only Looker's 404 says that there is none.
func (c *Client) account(ctx context.Context, u *lookerapi.User) (resetter.Account, error) {
	if ownCredential(u) != nil || is(u.IsDisabled) || is(u.IsServiceAccount) || resetter.ID(*u.ID).Validate() != nil {
		return accountOf(u), nil
	}
	ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: "look up credential", Class: transport.Read, Account: *u.ID})
	fields := credentialFields
	answer, err := c.api.GetCredentialsEmailWithResponse(ctx, *u.ID, &lookerapi.GetCredentialsEmailParams{Fields: &fields})
	switch {
	case errors.Is(err, resetter.ErrNotFound):
		return accountOf(u), nil
	case err != nil:
		return resetter.Account{}, exchange.Failed(err)
	case answer.JSON200 == nil:
		return resetter.Account{}, exchange.Unreadable("the answer holds no credential")
	case text(answer.JSON200.UserID) != "" && *answer.JSON200.UserID != *u.ID:
		return resetter.Account{}, exchange.WrongPerson()
	}
	complete := *u
	complete.CredentialsEmail = answer.JSON200
	return accountOf(&complete), nil
}

// ownCredential is the credential that an answer has of u, unless it says that
// it is somebody else's.
func ownCredential(u *lookerapi.User) *lookerapi.CredentialsEmail {
	if c := u.CredentialsEmail; c != nil && (text(c.UserID) == "" || text(c.UserID) == *u.ID) {
		return c
	}
	return nil
}

// searchPage is how many hits one page of a search has.
const searchPage = 100

// withoutCredential tells apart, for an address that no credential has,
// somebody who signs in by other means from nobody. The search matches by
// LIKE, in which "_" stands for any character, so its hits are compared.
func (c *Client) withoutCredential(ctx context.Context, id resetter.Identity) (resetter.Account, error) {
	ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: "search user", Class: transport.Read, Account: id.Value})
	fields, sorts, limit := userFields, "id", int64(searchPage)
	var found []resetter.Account
	for offset := int64(0); ; offset += searchPage {
		answer, err := c.api.SearchUsersWithResponse(ctx, &lookerapi.SearchUsersParams{
			Fields: &fields, Email: &id.Value, Sorts: &sorts, Limit: &limit, Offset: &offset,
		})
		if err != nil {
			return resetter.Account{}, exchange.Failed(err)
		}
		if answer.JSON200 == nil || *answer.JSON200 == nil {
			return resetter.Account{}, exchange.Unreadable("the answer holds no list of users")
		}
		for _, user := range *answer.JSON200 {
			if text(user.ID) == "" {
				return resetter.Account{}, exchange.Unreadable("the answer lists a user without an id")
			}
			if resetter.SameEmail(text(user.Email), id.Value) {
				found = append(found, accountOf(&user))
			}
		}
		if len(*answer.JSON200) < searchPage {
			break
		}
	}
	switch len(found) {
	case 0:
		return resetter.Account{}, exchange.Refuse(resetter.ErrNotFound, "no user has this address", "check the address, or whether the person has an account here")
	case 1:
	default:
		return resetter.Account{}, exchange.Refuse(resetter.ErrAmbiguous, fmt.Sprintf("%d users have this address", len(found)), "name the user by id")
	}
	if !resetter.SameEmail(found[0].Email, id.Value) {
		return resetter.Account{}, exchange.Refuse(resetter.ErrIneligible, "the user signs in by password with another address, so the mail would go elsewhere", "name the user by that address or by id")
	}
	return found[0], nil
}

const ssoOnly = "it signs in by SSO only and has no password here"

// accountOf takes from a user what matters here. It has an id.
func accountOf(u *lookerapi.User) resetter.Account {
	a := resetter.Account{ID: *u.ID, Email: text(u.Email)}
	credential := ownCredential(u)
	if credential != nil && text(credential.Email) != "" {
		a.Email = text(credential.Email)
		a.SetupPending = text(credential.LoggedInAt) == ""
		a.Evidence = linksOf(credential).String()
	}
	switch {
	case is(u.IsDisabled):
		a.Ineligible = "the account is disabled"
	case is(u.IsServiceAccount):
		a.Ineligible = "it is a service account"
	case credential == nil || text(credential.Email) == "":
		a.Ineligible = ssoOnly
	case is(credential.IsDisabled):
		a.Ineligible = "its sign-in by e-mail and password is disabled"
	}
	return a
}

// Reset implements resetter.Resetter: POST
// /users/{user_id}/credentials_email/send_password_reset.
func (c *Client) Reset(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: "send password reset", Class: transport.Send, Account: nameOf(account)})
	if err := resetter.ID(account.ID).Validate(); err != nil {
		return resetter.Receipt{}, exchange.Refuse(resetter.ErrInvalid, err.Error(), "")
	}
	if account.Ineligible != "" {
		return resetter.Receipt{}, exchange.Refuse(resetter.ErrIneligible, account.Ineligible, "")
	}
	fields := credentialFields
	if c.http.Links() {
		fields += linkFields
	}
	answer, err := c.api.SendPasswordResetWithResponse(ctx, account.ID, &lookerapi.SendPasswordResetParams{Fields: &fields})
	if err != nil {
		return resetter.Receipt{}, exchange.Failed(err)
	}
	credential, err := transport.Decoded(exchange, answer.JSON200, answer.Body)
	switch {
	case err != nil:
		return resetter.Receipt{}, err
	case text(credential.UserID) == "":
		return resetter.Receipt{}, exchange.Unreadable("the answer does not say whose credential it is")
	case *credential.UserID != account.ID:
		return resetter.Receipt{}, exchange.WrongPerson()
	}
	receipt := exchange.Receipt()
	receipt.SetupMail = account.SetupPending
	if to := text(credential.Email); resetter.Email(to).Validate() == nil {
		receipt.MailedTo = to
	}
	if c.http.Links() {
		link := credential.PasswordResetURL
		if account.SetupPending && text(credential.AccountSetupURL) != "" {
			link = credential.AccountSetupURL
		}
		receipt.Link = resetter.NewSecret(text(link))
	}
	return receipt, nil
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

func is(b *bool) bool { return b != nil && *b }
