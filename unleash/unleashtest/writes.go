package unleashtest

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// update changes what is given of a user. An empty address is taken, and changes nothing; one that
// another user has is refused by the database, with a 500. Measured.
func (s *Server) update(x *sandbox.Exchange) {
	body, _ := readObject(x, "email", "name", "rootRole") // Unleash minds no others
	if body == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.named(x)
	if !ok {
		return
	}
	if a.SCIM {
		refuse(x, 403, "ForbiddenError", "This user is managed by SCIM.", newID())
		return
	}
	var email, name string
	if raw := body["email"]; raw != nil && json.Unmarshal(raw, &email) != nil || email != "" && !isAddress(email) {
		refuse(x, 400, "BadDataError", fmt.Sprintf("\"value\" must be a valid email. You provided %.60s.", raw), "")
		return
	}
	email = strings.ToLower(email)
	if other := s.byEmail(email); other != nil && other != a {
		const message = `update "users" set "name" = $1, "email" = $2 where "id" = $3 - duplicate key value violates unique constraint "users_email_key"`
		refuse(x, 500, "UnknownError", message, "")
		return
	}
	if email != "" {
		a.Email = email
	}
	if raw := body["name"]; raw != nil && json.Unmarshal(raw, &name) == nil {
		a.Name = name
	}
	answer := fullRecord(a)
	delete(answer, "rootRole")
	x.JSON(200, answer)
}

func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

func (s *Server) delete(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.named(x)
	if !ok {
		return
	}
	delete(s.byID, a.ID)
	for i := range s.accounts {
		if s.accounts[i] == a {
			s.accounts = append(s.accounts[:i:i], s.accounts[i+1:]...)
			break
		}
	}
	x.Empty(200)
}

// setPassword sets a password, which no test server needs to keep, and kills the links.
func (s *Server) setPassword(x *sandbox.Exchange) {
	body, err := readObject(x, "password", "oldPassword", "confirmPassword")
	if body == nil {
		return
	}
	var password string
	switch {
	case err != nil:
		badData(x, "/body", "The `/body` object of the request body does not allow additional properties.")
		return
	case body["password"] == nil:
		badData(x, "/body/password", "The `/body/password` property is required. It was not present on the data you sent.")
		return
	case json.Unmarshal(body["password"], &password) != nil:
		badData(x, "/body/password", "The `/body/password` property must be string.")
		return
	}
	if weak := weakness(password); weak != "" {
		refuse(x, 400, "OwaspValidationError", weak, "")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.named(x); ok {
		a.secret = ""
		x.Empty(200)
	}
}

// weakness says what a password lacks, "" if nothing.
func weakness(password string) string {
	has := func(class func(rune) bool) bool { return strings.ContainsFunc(password, class) }
	special := func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }
	switch {
	case len([]rune(password)) < 10:
		return "The password must be at least 10 characters long."
	case !has(unicode.IsLower):
		return "The password must contain at least one lowercase letter."
	case !has(unicode.IsUpper):
		return "The password must contain at least one uppercase letter."
	case !has(unicode.IsDigit):
		return "The password must contain at least one number."
	case !has(special):
		return "The password must contain at least one special character."
	}
	return ""
}
