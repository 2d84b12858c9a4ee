// Package lookertest is a Looker to test against: a server on loopback that plays the part of
// Looker's API 4.0 that has to do with password resets, and knows who was really mailed.
//
//	srv := lookertest.NewServer(lookertest.Config{})
//	defer srv.Close()
//	srv.AddUser(lookertest.User{Email: "ana@example.com"})
//	// … a client signs in at srv.URL with srv.ClientID and srv.ClientSecret …
//	srv.Mailbox().Count("ana@example.com")
//
// It is true to Looker where that is unpleasant: wrong credentials are answered 404, the search is
// SQL's LIKE, a one-time link is part of every answer that did not leave it out with fields=, a
// user without a password credential is a 404, and one who never signed in gets a set-up mail.
//
// What all test servers share (limits, faults, the request log, violations, TLS, virtual time) is
// in package resetter/sandbox; its Server is part of this one.
//
// The facts are from Looker's OpenAPI document 4.0 (release 26.12) and its documentation. Where
// they are silent, a comment at the place says what was chosen.
package lookertest

import (
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// Config changes how a server behaves; the zero value is a Looker in good health.
type Config struct {
	// Sandbox is what all test servers share: listener, TLS, clock, latency, limit, faults.
	Sandbox sandbox.Config
	// People makes so many users from the start, as [Server.Populate] does.
	People int
	// TokenLife is how long an access token lives; 0 is an hour, as at Looker.
	TokenLife time.Duration
	// LockOutAfter is after how many refused logins the API key is locked out; 0 is 5. How many
	// it takes at Looker is not documented.
	LockOutAfter int
	// Forbidden has every operation on e-mail credentials refused with 403, as Looker (Google
	// Cloud core) may do, and Looker does for a key without the right.
	Forbidden bool
	// NoMailer has the SMTP status say that mail is not set up.
	NoMailer bool
	// FoldCase has the look-up by credential ignore the case of an address. No source says
	// whether Looker's does, so a client must get along with either; by default it does not.
	FoldCase bool
}

// Server is a running test Looker.
type Server struct {
	*sandbox.Server // URL, Close, Mailbox, Violations, Requests, Inject, SetLimit, …

	ClientID     string // of the API key
	ClientSecret string // of the API key
	Self         User   // the account that the API key belongs to

	config Config

	mu       sync.Mutex
	tokens   map[string]time.Time // when each dies
	refused  int                  // logins, since the last good one
	accounts []*account           // in the order of their making
	byID     map[string]*account
}

// NewServer starts a server; the caller closes it. It panics if loopback cannot be listened on.
func NewServer(config Config) *Server {
	if config.TokenLife == 0 {
		config.TokenLife = time.Hour
	}
	if config.LockOutAfter == 0 {
		config.LockOutAfter = 5
	}
	s := &Server{config: config, ClientID: "resetctl-sandbox", tokens: map[string]time.Time{}, byID: map[string]*account{}}
	s.Self = s.AddUser(User{ID: "1", Email: "resetctl@example.com", FirstName: "Reset", LastName: "Service"})
	s.Populate(config.People)
	s.mu.Lock()
	defer s.mu.Unlock() // requests wait until the server is whole
	s.Server = sandbox.Start(config.Sandbox, sandbox.Vendor{
		Routes:    s.routes(),
		NotFound:  s.notFound,
		Throttled: func(x *sandbox.Exchange) { refuse(x, 429, "Too many requests.") },
	})
	s.ClientSecret = s.Mint("")
	return s
}

const api = "/api/4.0"

func (s *Server) routes() []sandbox.Route {
	const (
		user       = api + "/users/{user_id}"
		credential = user + "/credentials_email"
	)
	fields := []string{"fields"}
	return []sandbox.Route{
		{Operation: sandbox.Health, Method: "GET", Path: "/alive", Handle: func(x *sandbox.Exchange) { x.Text(200, "text/plain", "") }},
		{Operation: sandbox.Login, Method: "POST", Path: api + "/login", Body: sandbox.FormBody, Handle: s.login},
		{Operation: sandbox.Logout, Method: "DELETE", Path: api + "/logout", Handle: s.signedIn(s.logout)},
		{Operation: sandbox.Version, Method: "GET", Path: api + "/versions", Query: fields, Handle: s.signedIn(s.versions)},
		{Operation: sandbox.Mailer, Method: "GET", Path: api + "/smtp_status", Query: fields, Handle: s.signedIn(s.smtpStatus)},
		{Operation: sandbox.Self, Method: "GET", Path: api + "/user", Query: fields, Handle: s.signedIn(s.me)},
		{Operation: sandbox.List, Method: "GET", Path: api + "/users", Query: []string{"fields", "ids", "limit", "offset", "sorts"}, Handle: s.signedIn(s.list)},
		{Operation: sandbox.Search, Method: "GET", Path: api + "/users/search", Query: []string{"fields", "limit", "offset", "sorts", "id", "email", "first_name", "last_name", "is_disabled", "filter_or"}, Handle: s.signedIn(s.search)},
		{Operation: sandbox.Find, Method: "GET", Path: api + "/users/credential/{credential_type}/{credential_id}", Query: fields, Person: credentialID, Handle: s.signedIn(s.permitted(s.userForCredential))},
		{Operation: sandbox.Get, Method: "GET", Path: user, Query: fields, Person: s.person, Handle: s.signedIn(s.user)},
		{Operation: sandbox.Get, Method: "GET", Path: credential, Query: fields, Person: s.person, Handle: s.signedIn(s.permitted(s.credential))},
		{Operation: sandbox.Update, Method: "PATCH", Path: credential, Query: fields, Body: sandbox.JSONBody, Person: s.person, Handle: s.signedIn(s.permitted(s.updateCredential))},
		{Operation: sandbox.Reset, Method: "POST", Path: credential + "/send_password_reset", Query: fields, Body: sandbox.JSONBody, Person: s.person, Handle: s.signedIn(s.permitted(s.sendPasswordReset))},
	}
}
