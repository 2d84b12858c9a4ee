package unleashtest

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

type object map[string]any

// refuse answers with Unleash's error. Only some kinds carry an id, which is "" for the others.
func refuse(x *sandbox.Exchange, status int, name, message, id string) {
	body := object{"name": name, "message": message, "details": details(message)}
	if id != "" {
		body["id"] = id
	}
	x.JSON(status, body)
}

// badData answers 400 for one property of the request.
func badData(x *sandbox.Exchange, path, message string) {
	x.JSON(400, object{
		"id":      newID(),
		"name":    "BadDataError",
		"message": "Request validation failed: your request body or params contain invalid data. Refer to the `details` list for more information.",
		"details": []object{{"path": path, "message": message}},
	})
}

// throttled is the answer of a limiter in front; Unleash's own is about one person, see
// resetPassword.
func throttled(x *sandbox.Exchange) {
	x.JSON(429, object{"message": "Too many requests, please try again later."})
}

// notFound is an error within the API, and the web pages' 200 outside of it.
func (s *Server) notFound(x *sandbox.Exchange) {
	path := x.Request.URL.Path
	if strings.HasPrefix(path, s.config.PathPrefix+"/api/") {
		message := fmt.Sprintf("The path you were looking for (%.80s) is not available.", path)
		refuse(x, 404, "NotFoundError", message, newID())
		return
	}
	x.Text(200, "text/html; charset=utf-8", "<!doctype html><html><head><title>Unleash</title></head><body><div id=\"app\"></div></body></html>\n")
}

func details(message string) []object { return []object{{"message": message}} }

// newID is a UUID, as errors have them.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, says its documentation
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// record is a user as the search tells it: without the invite link, which only the list has.
func record(a *account) object {
	o := object{
		"accountType":                "User",
		"id":                         a.ID,
		"imageUrl":                   "https://gravatar.com/avatar/0?s=42&d=retro&r=g",
		"seenAt":                     nil,
		"scimId":                     nil,
		"seatType":                   nil,
		"companyRole":                nil,
		"productUpdatesEmailConsent": nil,
	}
	for name, value := range map[string]string{"name": a.Name, "username": a.Username, "email": a.Email} {
		if value != "" { // left out otherwise
			o[name] = value
		}
	}
	if a.SCIM {
		o["scimId"] = fmt.Sprintf("scim-%d", a.ID)
	}
	return o
}

// fullRecord is a user as looked up by id.
func fullRecord(a *account) object {
	o := record(a)
	o["rootRole"] = 3
	o["loginAttempts"] = 0
	o["createdAt"] = time.Date(2024, 1, 30, 10, 31, 58, 0, time.UTC)
	return o
}

// listRecord is a user as the list tells it, with the live link. The caller holds s.mu.
func (s *Server) listRecord(a *account) object {
	o := fullRecord(a)
	o["inviteLink"] = ""
	if a.secret != "" && s.Now().Before(a.expires) {
		o["inviteLink"] = s.URL + "/new-user?token=" + a.secret
	}
	return o
}
