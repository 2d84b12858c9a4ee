package unleashtest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

func (s *Server) uiConfig(x *sandbox.Exchange) {
	x.JSON(200, object{
		"name":               "Unleash",
		"environment":        "Open Source",
		"version":            "7.6.5",
		"emailEnabled":       !s.config.NoMailer,
		"unleashUrl":         s.URL,
		"baseUriPath":        s.config.PathPrefix,
		"authenticationType": "open-source",
		"maintenanceMode":    s.inMaintenance(),
		"versionInfo":        object{"current": object{"oss": "7.6.5", "enterprise": ""}, "latest": object{}, "isLatest": true, "instanceId": "sandbox"},
		"flags":              object{"maintenanceMode": s.inMaintenance(), "messageBanner": object{"name": "disabled", "enabled": false, "feature_enabled": false}},
	})
}

// me is the owner of the token. An API token has none; there, the answer repeats the token.
func (s *Server) me(x *sandbox.Exchange) {
	x.Header().Set("Cache-Control", "no-store")
	permissions := []object{}
	if s.mayReset(x) {
		permissions = append(permissions, object{"permission": "ADMIN"})
	}
	answer := object{"permissions": permissions, "feedback": []object{}, "splash": object{}}
	if s.isAPIToken(x) {
		answer["user"] = object{
			"username": "admin", "permissions": []string{"ADMIN"}, "environment": "*", "type": "admin",
			"secret": token(x), "projects": []string{"*"}, "internalAdminTokenUserId": -42,
		}
	} else {
		s.mu.Lock()
		defer s.mu.Unlock()
		user := fullRecord(s.byID[s.Self.ID])
		delete(user, "rootRole")
		answer["user"] = user
	}
	x.JSON(200, answer)
}

// list is everybody, with their live links.
func (s *Server) list(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	users := []object{}
	for _, a := range s.accounts {
		users = append(users, s.listRecord(a))
	}
	roles := []object{
		{"id": 1, "name": "Admin", "type": "root", "description": "May do everything."},
		{"id": 2, "name": "Editor", "type": "root", "description": "May change most things."},
		{"id": 3, "name": "Viewer", "type": "root", "description": "May look."},
	}
	x.JSON(200, object{"users": users, "rootRoles": roles})
}

// search takes the text as the beginning of an address or a user name, or as any part of a name;
// SQL's wildcards work in all of them. Measured; the document speaks of a substring.
func (s *Server) search(x *sandbox.Exchange) {
	texts := x.Request.URL.Query()["q"]
	if len(texts) > 1 {
		badData(x, "/query/q", "The `/query/q` property must be string.")
		return
	}
	hits := []object{}
	if len(texts) == 1 && utf8.RuneCountInString(texts[0]) >= 2 {
		q := texts[0]
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, a := range s.accounts {
			if sandbox.Like("%"+q+"%", a.Name) || sandbox.Like(q+"%", a.Username) || sandbox.Like(q+"%", a.Email) {
				hits = append(hits, record(a))
			}
		}
	}
	x.JSON(200, hits)
}

func (s *Server) user(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.named(x); ok {
		x.JSON(200, fullRecord(a))
	}
}

// named is the user whom the path names; it answers itself, and returns false, if there is none.
// The caller holds s.mu.
func (s *Server) named(x *sandbox.Exchange) (*account, bool) {
	word := x.Request.PathValue("id")
	id, err := strconv.Atoi(word)
	if err != nil {
		badData(x, "/params/id", fmt.Sprintf("The `/params/id` property must be integer. You sent %.40q.", word))
		return nil, false
	}
	a := s.byID[id]
	if a == nil {
		refuse(x, 404, "NotFoundError", "No user found", "")
	}
	return a, a != nil
}

// SetMaintenance switches the mode in which everything that writes is refused with 503.
func (s *Server) SetMaintenance(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maintenance = on
}

func (s *Server) inMaintenance() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.maintenance
}

// writing refuses what would change something during maintenance.
func (s *Server) writing(next func(*sandbox.Exchange)) func(*sandbox.Exchange) {
	return func(x *sandbox.Exchange) {
		if s.inMaintenance() {
			x.JSON(503, object{"message": "Unleash is currently in maintenance mode."})
			return
		}
		next(x)
	}
}

// resetPassword makes a link in the place of the earlier ones, and mails it if there is a mailer:
// to the address as the request spells it.
func (s *Server) resetPassword(x *sandbox.Exchange) {
	email, ok := readID(x)
	if !ok {
		return
	}
	if !s.mayResetNow(x, email) {
		return
	}
	x.Wait(s.config.HashTime)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byEmail(email)
	if a == nil {
		refuse(x, 404, "NotFoundError", "No user found", "")
		return
	}
	now := s.Now()
	a.secret, a.expires, a.paused = s.Mint(""), now.Add(linkLife), now.Add(s.config.PersonalPause)
	link := s.URL + "/reset-password?token=" + a.secret
	if !s.config.NoMailer {
		x.Mail(sandbox.Mail{To: email, Account: strconv.Itoa(a.ID), Kind: sandbox.ResetMail, Link: link})
	}
	x.JSON(200, object{"resetPasswordUrl": link})
}

// mayResetNow answers itself, and returns false, if the person is unknown, not Unleash's to reset,
// or was reset a moment ago.
func (s *Server) mayResetNow(x *sandbox.Exchange, email string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch a := s.byEmail(email); {
	case a == nil:
		refuse(x, 404, "NotFoundError", "No user found", "")
	case a.SCIM:
		refuse(x, 403, "ForbiddenError", "This user is managed by SCIM.", newID())
	case s.Now().Before(a.paused):
		refuse(x, 429, "RateLimitError", "You can only send one new reset password email per minute, per user. Please try again later.", "")
	default:
		return true
	}
	return false
}

// readID reads the address from the body; it answers itself, and returns false, if there is none.
func readID(x *sandbox.Exchange) (email string, ok bool) {
	body, err := readObject(x, "id")
	if body == nil {
		return "", false
	}
	id, sent := body["id"]
	switch {
	case err != nil:
		for name := range body {
			if name != "id" {
				path := fmt.Sprintf("/body/%.40s", name)
				badData(x, path, fmt.Sprintf("The `/body` object of the request body does not allow additional properties. Your request included the `%s` property.", path))
			}
		}
	case !sent:
		badData(x, "/body/id", "The `/body/id` property is required. It was not present on the data you sent.")
	case string(id) == "null" || string(id) == `""`:
		x.Violation(sandbox.MalformedBody, "an empty id")
		refuse(x, 500, "UnknownError", "Can only find users with id, username or email.", "")
	case json.Unmarshal(id, &email) != nil: // a number passes their validation, and is nobody
		x.Violation(sandbox.MalformedBody, "an id that is no text")
		refuse(x, 404, "NotFoundError", "No user found", "")
	default:
		return email, true
	}
	return "", false
}

// readObject reads the body; it answers itself, and returns nil, if that is no object. What is not
// in known is an error, and a violation.
func readObject(x *sandbox.Exchange, known ...string) (map[string]json.RawMessage, error) {
	if !x.HasBodyType() {
		message := fmt.Sprintf("We do not accept the content-type you provided (%.60s). Try application/json.", x.Request.Header.Get("Content-Type"))
		refuse(x, 415, "ContentTypeError", message, newID())
		return nil, nil
	}
	body, err := x.Object(known...)
	switch {
	case !json.Valid(x.Body):
		x.JSON(400, object{"message": "Unexpected end of JSON input"})
	case err != nil && len(body) == 0:
		badData(x, "/body", "The `/body` property must be object.")
	default:
		return body, err
	}
	return nil, nil
}
