// Package unleashtest is an Unleash to test against: a server on loopback that plays the part of
// Unleash's admin API that has to do with password resets, and knows who was really mailed.
//
//	srv := unleashtest.NewServer(unleashtest.Config{})
//	defer srv.Close()
//	srv.AddUser(unleashtest.User{Email: "ana@example.com"})
//	// … a client calls srv.URL with srv.Token …
//	srv.Mailbox().Count("ana@example.com")
//
// It is true to Unleash where that is unpleasant: one person may be reset once a minute, and the
// answer 429 to a second try concerns that person alone and says no time; a reset without a mailer
// is the same 200 as one with; each reset kills the link before it; a viewer may look people up,
// but not reset them; the search takes wildcards; an address that another user has is refused with a
// 500 of the database; an unknown path outside the API answers 200 with a page.
//
// What all test servers share (limits, faults, the request log, violations, TLS, virtual time) is
// in package resetter/sandbox; its Server is part of this one.
//
// The facts were measured on Unleash 7.6.5; the rest is from its OpenAPI document.
package unleashtest

import (
	"net/http"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// Config changes how a server behaves; the zero value is an Unleash in good health.
type Config struct {
	// Sandbox is what all test servers share: listener, TLS, clock, latency, limit, faults.
	Sandbox sandbox.Config
	// People makes so many users from the start, as [Server.Populate] does.
	People int
	// PathPrefix is where a hosted instance lives, for example "/acme".
	PathPrefix string
	// PersonalPause is how long a person who was reset cannot be reset again; 0 is a minute.
	PersonalPause time.Duration
	// HashTime is how long the server works on a reset before the pause begins, 80 ms in reality:
	// in that time further resets of the same person all go through.
	HashTime time.Duration
	// Forbidden takes the right to reset from the owner of the token: a viewer, who may search.
	Forbidden bool
	// NoMailer is a server that makes links, and mails nobody.
	NoMailer bool
}

// Server is a running test Unleash.
type Server struct {
	*sandbox.Server // URL, Close, Mailbox, Violations, Requests, Inject, SetLimit, …

	Token       string // the personal access token of Self
	APIToken    string // an admin API token, which belongs to nobody
	ClientToken string // a token for client SDKs, which is of no use here
	Self        User   // the account that Token belongs to

	config Config

	mu          sync.Mutex
	maintenance bool
	accounts    []*account // in the order of their ids
	byID        map[int]*account
	lastID      int // ever given
}

// NewServer starts a server; the caller closes it. It panics if loopback cannot be listened on.
func NewServer(config Config) *Server {
	if config.PersonalPause == 0 {
		config.PersonalPause = time.Minute
	}
	s := &Server{config: config, byID: map[int]*account{}}
	s.AddUser(User{ID: 1, Username: "admin"}) // as every new Unleash has it
	s.Self = s.AddUser(User{Email: "resetctl@example.com", Name: "Reset Service"})
	s.Populate(config.People)
	s.mu.Lock()
	defer s.mu.Unlock() // requests wait until the server is whole
	s.Server = sandbox.Start(config.Sandbox, sandbox.Vendor{
		Prefix:      config.PathPrefix,
		Routes:      s.routes(),
		NotFound:    s.notFound,
		Throttled:   throttled,
		IdleTimeout: 15 * time.Second,
		Header:      http.Header{"Keep-Alive": {"timeout=15"}, "Vary": {"Accept-Encoding"}},
	})
	s.Token = s.Mint("user:")
	s.APIToken = s.Mint("*:*.")
	s.ClientToken = s.Mint("*:development.")
	return s
}

// What an Unleash is asked for besides the operations of all systems.
const (
	Delete      sandbox.Operation = "delete"
	SetPassword sandbox.Operation = "set password"
)

func (s *Server) routes() []sandbox.Route {
	const admin = "/api/admin"
	return []sandbox.Route{
		{Operation: sandbox.Health, Method: "GET", Path: "/health", Handle: func(x *sandbox.Exchange) { x.JSON(200, object{"health": "GOOD"}) }},
		{Operation: sandbox.Version, Method: "GET", Path: admin + "/ui-config", Handle: s.signedIn(s.uiConfig)},
		{Operation: sandbox.Self, Method: "GET", Path: admin + "/user", Handle: s.signedIn(s.me)},
		{Operation: sandbox.List, Method: "GET", Path: admin + "/user-admin", Handle: s.permitted(s.list)},
		{Operation: sandbox.Search, Method: "GET", Path: admin + "/user-admin/search", Query: []string{"q"}, Handle: s.signedIn(s.search)},
		{Operation: sandbox.Get, Method: "GET", Path: admin + "/user-admin/{id}", Person: s.person, Handle: s.permitted(s.user)},
		{Operation: sandbox.Update, Method: "PUT", Path: admin + "/user-admin/{id}", Body: sandbox.JSONBody, Person: s.person, Handle: s.permitted(s.writing(s.update))},
		{Operation: Delete, Method: "DELETE", Path: admin + "/user-admin/{id}", Person: s.person, Handle: s.permitted(s.writing(s.delete))},
		{Operation: SetPassword, Method: "POST", Path: admin + "/user-admin/{id}/change-password", Body: sandbox.JSONBody, Person: s.person, Handle: s.permitted(s.writing(s.setPassword))},
		{Operation: sandbox.Reset, Method: "POST", Path: admin + "/user-admin/reset-password", Body: sandbox.JSONBody, Person: bodyID, Handle: s.permitted(s.writing(s.resetPassword))},
	}
}
