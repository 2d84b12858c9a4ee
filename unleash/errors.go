package unleash

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/unleash/unleashapi"
)

// personPause is how long a person who was just mailed cannot be mailed again:
// Unleash counts 60 s and does not say so in a header; one more for the clock.
const personPause = 61 * time.Second

// judge says what an answer of Unleash means. Its errors are {id, name,
// message, details[{path, message}]}, of which name and id may be missing.
func judge(a transport.Answer) transport.Verdict {
	v := transport.ByStatus(a)
	if a.Status < 400 {
		return v
	}
	var body unleashapi.Error
	ours := json.Unmarshal(a.Body, &body) == nil && text(body.Message) != ""
	v.Code, v.Message = text(body.Name), text(body.Message)
	if body.Details != nil {
		for _, d := range *body.Details {
			if path := text(d.Path); path != "" {
				v.Fields = append(v.Fields, resetter.FieldError{Field: path, Message: text(d.Message)})
			}
		}
	}
	switch {
	case a.Status == http.StatusTooManyRequests && v.Code == "RateLimitError" && a.Class == transport.Send:
		// Unleash has one name for all its limits. Only mailing is limited for
		// each person; the others concern whoever asks.
		v.Scope, v.Wait = resetter.ScopePerson, personPause
		v.Advice = "somebody mailed this person less than a minute ago"
	case a.Op == changeEmail && a.Class == transport.Write && taken(a.Status, v.Message):
		kind := v.Kind // as the status has it, which a 500 has not
		if v.Ruling != transport.Refused {
			kind = resetter.ErrRejected
		}
		v = transport.Verdict{Ruling: transport.Refused, Kind: kind, Code: v.Code}
		v.Message = "another user has this address"
		v.Advice = "give that user another address first, or check this one"
	case a.Status == http.StatusServiceUnavailable && strings.Contains(v.Message, "maintenance mode"):
		// Said before anything is done. A proxy's 503 proves nothing.
		v.Ruling, v.Kind, v.Scope = transport.Throttled, resetter.ErrUnavailable, resetter.ScopeTarget
		v.Advice = "switch Unleash's maintenance mode off"
	case a.Status == http.StatusNotFound && (!ours && !a.Cut || strings.HasPrefix(v.Message, "The path you were looking for")):
		// Unleash says in JSON that there is no such user; a page comes from
		// another place. Of what broke off nobody knows what it would have been.
		v.Kind, v.Stop = resetter.ErrRejected, true
		v.Message = "there is no Unleash API at this address"
		v.Advice = "check the URL, and the path in it where the instance is hosted"
	case a.Status == http.StatusNotFound:
		v.Advice = "check whether the user exists"
	case a.Status == http.StatusForbidden && v.Code == "ForbiddenError":
		v.Kind = resetter.ErrIneligible
		v.Advice = "the account is managed by another system (SCIM): do it there"
	case a.Status == http.StatusForbidden:
		v.Advice = "use an administrator's personal access token or a service account's token, not a client or frontend token"
	case a.Status == http.StatusUnauthorized:
		v.Advice = "check the token, and that it has not expired"
	}
	return v
}

// taken reports whether an answer says that an address is another user's. In
// 7.6.5 it is the database that says so, in a 500, and nothing was done.
func taken(status int, message string) bool {
	switch status {
	case http.StatusConflict:
		return true
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError:
		return strings.Contains(message, "duplicate key") || strings.Contains(message, "already")
	}
	return false
}
