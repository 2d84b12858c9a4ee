package unleashtest

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// A User is someone with an account. An address or a user name is needed; the rest is as usual.
type User struct {
	ID       int    // given by the server if 0
	Email    string // kept in lower case, as Unleash does; without one there is no reset
	Username string
	Name     string

	SCIM    bool // managed by another system: a reset is refused with 403
	Invited bool // has not come yet, and has a live invite link
}

// account is a user with what changes.
type account struct {
	User
	secret  string    // the newest one-time secret, "" if none
	expires time.Time // of the secret
	paused  time.Time // no reset before
}

// linkLife is how long a link may be used.
const linkLife = 24 * time.Hour

// AddUser adds a user, or replaces the one with the same id, and returns it as it is kept.
func (s *Server) AddUser(u User) User {
	u.Email = strings.ToLower(u.Email)
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.ID == 0 {
		u.ID = s.lastID + 1
	}
	s.lastID = max(s.lastID, u.ID)
	added := account{User: u}
	if u.Invited {
		added.secret, added.expires = s.Mint(""), s.Now().Add(linkLife)
	}
	if old := s.byID[u.ID]; old != nil {
		*old = added
		return u
	}
	s.accounts = append(s.accounts, &added)
	s.byID[u.ID] = &added
	return u
}

// Populate adds the first n of sandbox.People and returns them.
func (s *Server) Populate(n int) []User {
	var users []User
	for _, p := range sandbox.People(n) {
		users = append(users, s.AddUser(User{Email: p.Email, Username: p.Username, Name: p.FirstName + " " + p.LastName}))
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

// byEmail returns the account with the address, in any case; nil if there is none. The caller
// holds s.mu.
func (s *Server) byEmail(email string) *account {
	for _, a := range s.accounts {
		if a.Email != "" && strings.EqualFold(a.Email, email) {
			return a
		}
	}
	return nil
}

// person is whom a request with an id in its path is about.
func (s *Server) person(x *sandbox.Exchange) string {
	id, err := strconv.Atoi(x.Request.PathValue("id"))
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byID[id]; err == nil && a != nil {
		return a.Email
	}
	return ""
}

// bodyID is whom a reset is about: the "id" in its body is an e-mail address.
func bodyID(x *sandbox.Exchange) string {
	var body struct{ ID string }
	_ = json.Unmarshal(x.Body, &body) // what cannot be read is about nobody
	return body.ID
}
