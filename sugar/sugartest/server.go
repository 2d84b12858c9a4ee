// Package sugartest is a Sugar to test against: a server on loopback that plays the part of
// Sugar's REST API v11_24 that has to do with password resets, and knows who was really mailed.
//
//	srv := sugartest.NewServer(sugartest.Config{})
//	defer srv.Close()
//	ana := srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com"})
//	// … a client signs in at srv.URL with srv.Username, srv.Password and srv.Platform …
//	srv.Mailbox().Count("ana@example.com")
//
// It is true to Sugar where that is unpleasant: there is one session per user and platform, and
// whoever signs in second throws the first out; a renewal replaces both tokens; a platform must be
// registered; a filter for an address also finds who has it as a secondary one; pages are shorter
// than asked for; and the answer to a reset is the whole record of the user, in which nothing is
// spelt "", null, [] and {} by turns.
//
// What all test servers share (limits, faults, the request log, violations, TLS, virtual time) is
// in package resetter/sandbox; its Server is part of this one.
//
// The facts are from Sugar's public documentation. What that leaves open is marked [inferred].
package sugartest

import (
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// Config changes how a server behaves; the zero value is a Sugar in good health.
type Config struct {
	// Sandbox is what all test servers share: listener, TLS, clock, latency, limit, faults.
	// [SugarCloud] is the limit of the hosted service.
	Sandbox sandbox.Config
	// People makes so many users from the start, as [Server.Populate] does.
	People int
	// APIVersion is the newest version that the server speaks; "" is v11_24. A request for a newer
	// one is answered 301 incorrect_version; before v11_24 there is no reset, 404 no_method.
	APIVersion string
	// Platforms are registered besides base, mobile and resetctl.
	Platforms []string
	// TokenLife is how long an access token lives; 0 is an hour, as at Sugar.
	TokenLife time.Duration
	// PageSize is the most records that one page holds, whatever max_num says; 0 is 50.
	PageSize int
	// FilterRefuses is what filters may not hold, and FilterIgnores what is met by nobody and not
	// complained of: a field, or a field and an operator, such as "email_addresses.email_address $in",
	// of which Sugar's documentation says nothing.
	FilterRefuses, FilterIgnores []string
	// Forbidden takes the administrator's right from the account that signs in.
	Forbidden bool
	// SugarIdentity is an instance that keeps status and addresses of its users elsewhere: a change
	// is refused with 403 not_authorized [inferred].
	SugarIdentity bool
	// NoMailer has each reset fail with 424, as where mail is not set up.
	NoMailer bool
}

// SugarCloud is the limit of the hosted service: 20 requests a second for the whole instance, and
// whoever exceeds it is not told so but blocked for a while. How long is not documented [inferred].
func SugarCloud() sandbox.Limit {
	return sandbox.Limit{PerSecond: 20, Block: 10 * time.Second}
}

// Server is a running test Sugar.
type Server struct {
	*sandbox.Server // URL, Close, Mailbox, Violations, Requests, Inject, SetLimit, …

	Username string // of the account that signs in
	Password string // of the account that signs in
	Platform string // a registered one: resetctl
	Self     User   // the account that signs in

	config Config

	mu          sync.Mutex
	maintenance bool
	sessions    map[place]*session
	accounts    []*account // in the order of their making
	byID        map[string]*account
}

// NewServer starts a server; the caller closes it. It panics if loopback cannot be listened on.
func NewServer(config Config) *Server {
	if config.APIVersion == "" {
		config.APIVersion = "v11_24"
	}
	if config.TokenLife == 0 {
		config.TokenLife = time.Hour
	}
	if config.PageSize == 0 {
		config.PageSize = 50
	}
	s := &Server{
		config:   config,
		Username: "resetctl",
		Platform: "resetctl",
		sessions: map[place]*session{},
		byID:     map[string]*account{},
	}
	s.AddUser(User{ID: "1", UserName: "admin", LastName: "Administrator", Email: "admin@example.com", Admin: true})
	s.Self = s.AddUser(User{UserName: s.Username, FirstName: "Reset", LastName: "Service", Email: "resetctl@example.com", Admin: !config.Forbidden})
	s.Populate(config.People)
	s.mu.Lock()
	defer s.mu.Unlock() // requests wait until the server is whole
	s.Server = sandbox.Start(config.Sandbox, sandbox.Vendor{
		Routes:    s.routes(),
		NotFound:  s.notFound,
		Throttled: throttled,
	})
	s.Password = s.Mint("")
	s.byID[s.Self.ID].password = s.Password
	return s
}

// What a Sugar is asked for besides the operations of all systems. Create and Delete are there for
// the vendor's own test client, @sugarcrm/thorn, which makes the users that it needs.
const (
	Bulk     sandbox.Operation = "bulk"
	Help     sandbox.Operation = "help"
	Metadata sandbox.Operation = "metadata"
	Create   sandbox.Operation = "create"
	Delete   sandbox.Operation = "delete"
)

func (s *Server) routes() []sandbox.Route {
	const api = "/rest/{version}"
	return []sandbox.Route{
		{Operation: sandbox.Login, Method: "POST", Path: api + "/oauth2/token", Body: sandbox.JSONBody, Handle: s.versioned(s.login)},
		{Operation: sandbox.Logout, Method: "POST", Path: api + "/oauth2/logout", Body: sandbox.JSONBody, Handle: s.signedIn(s.logout)},
		{Operation: sandbox.Health, Method: "GET", Path: api + "/ping", Handle: s.signedIn(func(x *sandbox.Exchange) { x.JSON(200, "pong") })},
		{Operation: sandbox.Self, Method: "GET", Path: api + "/me", Handle: s.signedIn(s.me)},
		{Operation: sandbox.Find, Method: "POST", Path: api + "/Users/filter", Body: sandbox.JSONBody, Handle: s.signedIn(s.filter)},
		{Operation: sandbox.Get, Method: "GET", Path: api + "/Users/{id}", Query: []string{"fields"}, Person: s.person, Handle: s.signedIn(s.user)},
		{Operation: sandbox.Update, Method: "PUT", Path: api + "/Users/{id}", Body: sandbox.JSONBody, Person: s.person, Handle: s.admin(s.update)},
		{Operation: sandbox.Reset, Method: "POST", Path: api + "/password/adminRequest", Body: sandbox.JSONBody, Person: s.bodyUser, Handle: s.admin(s.adminRequest)},
		{Operation: Metadata, Method: "GET", Path: api + "/metadata", Query: []string{"type_filter", "module_filter", "modules"}, Handle: s.signedIn(s.metadata)},
		{Operation: Help, Method: "GET", Path: api + "/help", Handle: s.signedIn(s.help)},
		{Operation: Bulk, Method: "POST", Path: api + "/bulk", Body: sandbox.JSONBody, Handle: s.signedIn(s.bulk)},
		{Operation: Create, Method: "POST", Path: api + "/Users", Body: sandbox.JSONBody, Handle: s.admin(s.create)},
		{Operation: Delete, Method: "DELETE", Path: api + "/Users/{id}", Person: s.person, Handle: s.admin(s.delete)},
	}
}
