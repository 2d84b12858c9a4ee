package sugartest

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// A User is someone with an account. Only the user name is needed; the rest is as usual.
type User struct {
	ID          string // given by the server if empty, a UUID
	UserName    string
	FirstName   string
	LastName    string
	Email       string   // the primary address; without one a reset fails with 424
	OtherEmails []string // secondary addresses: a filter finds them, no mail goes there

	Inactive     bool
	Admin        bool
	ExternalAuth bool // signs in elsewhere only
	Group        bool // is no person: a reset fails with 424
	PortalOnly   bool // a customer of the portal: a reset fails with 424
}

// account is a user with what was made for it.
type account struct {
	User
	emailIDs []string // of Email and OtherEmails
	password string   // "" for who cannot sign in
}

// AddUser adds a user, or replaces the one with the same id, and returns it with its id.
func (s *Server) AddUser(u User) User {
	u.ID = cmp.Or(u.ID, newID())
	u.OtherEmails = slices.Clone(u.OtherEmails)
	added := account{User: u}
	added.giveIDs()
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.byID[u.ID]; old != nil {
		added.password = old.password
		*old = added
		return u
	}
	s.accounts = append(s.accounts, &added)
	s.byID[u.ID] = &added
	return u
}

// giveIDs gives each address an id.
func (a *account) giveIDs() {
	a.emailIDs = nil
	for range 1 + len(a.OtherEmails) {
		a.emailIDs = append(a.emailIDs, newID())
	}
}

// byUserName is the account of that name, in any case; nil if there is none. The caller holds s.mu.
func (s *Server) byUserName(name string) *account {
	for _, a := range s.accounts {
		if strings.EqualFold(a.UserName, name) {
			return a
		}
	}
	return nil
}

// Populate adds the first n of sandbox.People and returns them.
func (s *Server) Populate(n int) []User {
	var users []User
	for _, p := range sandbox.People(n) {
		users = append(users, s.AddUser(User{UserName: p.Username, FirstName: p.FirstName, LastName: p.LastName, Email: p.Email}))
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
		users[i].OtherEmails = slices.Clone(a.OtherEmails)
	}
	return users
}

// person is whom a request with an id in its path is about.
func (s *Server) person(x *sandbox.Exchange) string { return s.emailOf(x.Request.PathValue("id")) }

// bodyUser is whom a reset is about.
func (s *Server) bodyUser(x *sandbox.Exchange) string {
	var body struct {
		UserID string `json:"userId"`
	}
	_ = json.Unmarshal(x.Body, &body) // what cannot be read is about nobody
	return s.emailOf(body.UserID)
}

func (s *Server) emailOf(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byID[id]; a != nil {
		return a.Email
	}
	return ""
}

// newID is a UUID.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, says its documentation
	b[6], b[8] = b[6]&0x0f|0x10, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
