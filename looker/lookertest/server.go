// Package lookertest is a Looker to test against: a server on loopback that plays the part of
// Looker's API 4.0 that has to do with passwords and access, and knows who was really mailed.
//
//	srv := lookertest.NewServer(lookertest.Config{})
//	defer srv.Close()
//	srv.AddUser(lookertest.User{Email: "ana@example.com"})
//	// … a client signs in at srv.URL with srv.ClientID and srv.ClientSecret …
//	srv.Mailbox().Count("ana@example.com")
//
// [Server.AddSession] and [Server.AddKey] open something that a lock has to end, [Server.Sessions],
// [Server.Keys] and [Server.Users] tell what is left.
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
	"strings"
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
	// Forbidden has every operation on e-mail credentials, sessions and API keys and every change
	// refused with 403, as Looker does for a key without the right, and Looker (Google Cloud core)
	// may do for e-mail credentials.
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
	sessions map[string][]Session // by user id
	keys     map[string][]Key     // by user id
	ids      int                  // of sessions and keys, so far
}

// NewServer starts a server; the caller closes it. It panics if loopback cannot be listened on.
func NewServer(config Config) *Server {
	if config.TokenLife == 0 {
		config.TokenLife = time.Hour
	}
	if config.LockOutAfter == 0 {
		config.LockOutAfter = 5
	}
	s := &Server{
		config: config, ClientID: "resetctl-sandbox",
		tokens: map[string]time.Time{}, byID: map[string]*account{}, sessions: map[string][]Session{}, keys: map[string][]Key{},
	}
	s.Self = s.AddUser(User{ID: "1", Email: "resetctl@example.com", FirstName: "Reset", LastName: "Service"})
	s.keys[s.Self.ID] = []Key{{ID: "1", ClientID: s.ClientID}}
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

// Operations that Looker has besides those of package sandbox, for [sandbox.Fault] and the log of
// requests.
const (
	CreateCredential sandbox.Operation = "create credential"
	DeleteCredential sandbox.Operation = "delete credential"
	CreateToken      sandbox.Operation = "create token" // a link that is not mailed
	ListSessions     sandbox.Operation = "list sessions"
	DeleteSession    sandbox.Operation = "delete session"
	ListKeys         sandbox.Operation = "list keys"
	DeleteKey        sandbox.Operation = "delete key"
)

const api = "/api/4.0"

func (s *Server) routes() []sandbox.Route {
	const (
		user       = api + "/users/{user_id}"
		credential = user + "/credentials_email"
	)
	fields := []string{"fields"}
	paged := []string{"fields", "limit", "offset", "sorts"}
	route := func(op sandbox.Operation, method, path string, query []string, handle func(*sandbox.Exchange)) sandbox.Route {
		r := sandbox.Route{Operation: op, Method: method, Path: path, Query: query, Handle: s.signedIn(handle)}
		if method == "POST" || method == "PATCH" {
			r.Body = sandbox.JSONBody
		}
		if strings.HasPrefix(path, user) {
			r.Person = s.person
		}
		return r
	}
	find := route(sandbox.Find, "GET", api+"/users/credential/{credential_type}/{credential_id}", fields, s.permitted(s.userForCredential))
	find.Person = credentialID
	return []sandbox.Route{
		{Operation: sandbox.Health, Method: "GET", Path: "/alive", Handle: func(x *sandbox.Exchange) { x.Text(200, "text/plain", "") }},
		{Operation: sandbox.Login, Method: "POST", Path: api + "/login", Body: sandbox.FormBody, Handle: s.login},
		route(sandbox.Logout, "DELETE", api+"/logout", nil, s.logout),
		route(sandbox.Version, "GET", api+"/versions", fields, s.versions),
		route(sandbox.Mailer, "GET", api+"/smtp_status", fields, s.smtpStatus),
		route(sandbox.Self, "GET", api+"/user", fields, s.me),

		find,
		route(sandbox.List, "GET", api+"/users", append(paged, "ids"), s.list),
		route(sandbox.Search, "GET", api+"/users/search", append(paged, "id", "email", "first_name", "last_name", "is_disabled", "filter_or"), s.search),
		route(sandbox.Search, "GET", api+"/credentials_email/search", append(paged, "email"), s.permitted(s.searchCredentials)),
		route(sandbox.Get, "GET", user, fields, s.user),
		route(sandbox.Get, "GET", credential, fields, s.permitted(s.credential)),

		route(sandbox.Update, "PATCH", user, fields, s.permitted(s.updateUser)),
		route(sandbox.Update, "PATCH", credential, fields, s.permitted(s.updateCredential)),
		route(CreateCredential, "POST", credential, fields, s.permitted(s.createCredential)),
		route(DeleteCredential, "DELETE", credential, nil, s.permitted(s.deleteCredential)),
		route(CreateToken, "POST", credential+"/password_reset", append(fields, "expires"), s.permitted(s.createToken)),
		route(sandbox.Reset, "POST", credential+"/send_password_reset", fields, s.permitted(s.sendPasswordReset)),

		route(ListSessions, "GET", user+"/sessions", fields, s.permitted(s.listOf(s.sessionRecords))),
		route(DeleteSession, "DELETE", user+"/sessions/{session_id}", nil, s.permitted(s.deleteSession)),
		route(ListKeys, "GET", user+"/credentials_api3", fields, s.permitted(s.listOf(s.keyRecords))),
		route(DeleteKey, "DELETE", user+"/credentials_api3/{key_id}", nil, s.permitted(s.deleteKey)),
	}
}
