package lookertest

import (
	"strconv"
	"time"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// A User is someone with an account. Only the address is needed; the rest is as usual.
type User struct {
	ID        string // given by the server if empty
	Email     string
	FirstName string
	LastName  string

	Disabled           bool // the account is shut
	CredentialDisabled bool // the password is, the account is not
	SSOOnly            bool // signs in through SAML: has no password credential to reset
	NeverSetUp         bool // never signed in: gets a set-up mail instead of a reset
	ServiceAccount     bool // owned by a program
	MustChange         bool // a new password is demanded at the next sign-in
}

// account is a user with what changes.
type account struct {
	User
	link    string    // the one-time link, "" before the first
	expires time.Time // of the link; zero is never
}

// AddUser adds a user, or replaces the one with the same id, and returns it with its id.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.ID == "" {
		u.ID = strconv.Itoa(len(s.accounts) + 100)
	}
	if old := s.byID[u.ID]; old != nil {
		*old = account{User: u}
		return u
	}
	a := &account{User: u}
	s.accounts = append(s.accounts, a)
	s.byID[u.ID] = a
	return u
}

// Populate adds the first n of sandbox.People and returns them.
func (s *Server) Populate(n int) []User {
	var users []User
	for _, p := range sandbox.People(n) {
		users = append(users, s.AddUser(User{Email: p.Email, FirstName: p.FirstName, LastName: p.LastName}))
	}
	return users
}

// Users returns a copy of all users as they are now, the server's own account included.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	users := make([]User, len(s.accounts))
	for i, a := range s.accounts {
		users[i] = a.User
	}
	return users
}

// person is whom a request with a user id in its path is about.
func (s *Server) person(x *sandbox.Exchange) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byID[x.Request.PathValue("user_id")]; a != nil {
		return a.Email
	}
	return ""
}

func credentialID(x *sandbox.Exchange) string { return x.Request.PathValue("credential_id") }
