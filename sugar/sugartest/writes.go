package sugartest

import (
	"encoding/json"
	"net/mail"
	"slices"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// writable are the properties of a user that the server keeps when they are written. Others of a
// record are taken, and forgotten.
var writable = []string{"user_name", "first_name", "last_name", "status", "email", "user_hash"}

// update changes what is given of a user.
func (s *Server) update(x *sandbox.Exchange) {
	body, err := x.Object(writable...)
	if err != nil && len(body) == 0 {
		invalidParameter(x, "body")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.named(x)
	switch {
	case !ok:
	case s.config.SugarIdentity && (body["status"] != nil || body["email"] != nil):
		refuse(x, 403, "not_authorized", "You are not authorized to perform this action.")
	case s.write(x, a, body):
		x.JSON(200, record(a))
	}
}

// create makes a user, who can sign in if given a user_hash, which is a password.
func (s *Server) create(x *sandbox.Exchange) {
	body, err := x.Object(writable...)
	if err != nil && len(body) == 0 {
		invalidParameter(x, "body")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	made := &account{User: User{ID: newID()}}
	if !s.write(x, made, body) {
		return
	}
	if made.UserName == "" || s.byUserName(made.UserName) != nil {
		invalidParameter(x, "user_name")
		return
	}
	s.accounts = append(s.accounts, made)
	s.byID[made.ID] = made
	x.JSON(200, record(made))
}

func (s *Server) delete(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.named(x); ok {
		delete(s.byID, a.ID)
		s.accounts = slices.DeleteFunc(s.accounts, func(other *account) bool { return other == a })
		x.JSON(200, object{"id": a.ID})
	}
}

// write puts what is given into an account; it answers itself, changes nothing and returns false,
// if that cannot be.
func (s *Server) write(x *sandbox.Exchange, a *account, body map[string]json.RawMessage) bool {
	next := *a
	for name, into := range map[string]*string{
		"user_name": &next.UserName, "first_name": &next.FirstName, "last_name": &next.LastName, "user_hash": &next.password,
	} {
		if raw, sent := body[name]; sent && json.Unmarshal(raw, into) != nil {
			invalidParameter(x, name)
			return false
		}
	}
	if raw, sent := body["status"]; sent {
		var status string
		if json.Unmarshal(raw, &status) != nil || status != "Active" && status != "Inactive" {
			invalidParameter(x, "status")
			return false
		}
		next.Inactive = status == "Inactive"
	}
	if raw, sent := body["email"]; sent && !next.setEmails(raw) {
		invalidParameter(x, "email")
		return false
	}
	*a = next
	return true
}

// setEmails replaces all addresses by those of a list; false if that is not one.
func (a *account) setEmails(raw json.RawMessage) bool {
	var list []struct {
		EmailAddress   string `json:"email_address"`
		PrimaryAddress any    `json:"primary_address"`
	}
	if json.Unmarshal(raw, &list) != nil {
		return false
	}
	a.Email, a.OtherEmails = "", nil
	for _, e := range list {
		if parsed, err := mail.ParseAddress(e.EmailAddress); err != nil || parsed.Address != e.EmailAddress {
			return false
		}
		primary := e.PrimaryAddress == true || e.PrimaryAddress == "1" || e.PrimaryAddress == 1.0
		switch {
		case primary && a.Email != "":
			return false
		case primary:
			a.Email = e.EmailAddress
		default:
			a.OtherEmails = append(a.OtherEmails, e.EmailAddress)
		}
	}
	a.giveIDs()
	return true
}
