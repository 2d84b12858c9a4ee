package looker

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/looker/lookerapi"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// judge says what an answer of Looker means. Its errors are
// {message, documentation_url}, with errors[] for each field in a 422; all of
// them may be null, and proxies in front answer in HTML.
func judge(a transport.Answer) transport.Verdict {
	v := transport.ByStatus(a)
	if a.Status < 400 {
		return v
	}
	var body lookerapi.ValidationError
	ours := json.Unmarshal(a.Body, &body) == nil && text(body.Message) != ""
	v.Message = text(body.Message)
	if body.Errors != nil {
		for _, e := range *body.Errors {
			v.Fields = append(v.Fields, resetter.FieldError{Field: text(e.Field), Code: text(e.Code), Message: text(e.Message)})
		}
	}
	switch {
	case a.Status == http.StatusNotFound && !ours && !a.Cut:
		// Looker says 404 in JSON; a page comes from another place. Of what broke
		// off nobody knows what it would have been.
		v.Kind, v.Stop = resetter.ErrRejected, true
		v.Message = "there is no Looker API at this address"
		v.Advice = "check host and port of the URL (self-hosted instances serve the API at 19999)"
	case a.Status == http.StatusNotFound && a.Op == signIn:
		// A wrong key. Looker locks out who tries again.
		v.Kind, v.Stop = resetter.ErrUnauthorized, true
		v.Message = "the client id or secret is wrong"
		v.Advice = "make an API key in Looker (Admin, Users, Edit, API keys) and set client_id and client_secret"
	case a.Status == http.StatusNotFound:
		v.Advice = "check whether the user exists and has a sign-in by e-mail and password"
	case a.Status == http.StatusUnprocessableEntity && taken(v.Fields):
		v.Advice = "find out who has this address (Looker: Admin, Users)"
	case a.Status == http.StatusForbidden:
		v.Advice = "give the API user the right to administer users (the Admin role); Looker (Google Cloud core) may refuse this to everyone"
	case a.Status == http.StatusUnauthorized:
		v.Advice = "check client_id and client_secret"
	}
	return v
}

// taken reports whether what is wrong with a value is that somebody else has
// it. No list of Looker's codes is published, so its words count as well.
func taken(fields []resetter.FieldError) bool {
	return slices.ContainsFunc(fields, func(f resetter.FieldError) bool {
		said := strings.ToLower(f.Code + " " + f.Message)
		return slices.ContainsFunc([]string{"already", "taken", "in use", "unique", "duplicate"}, func(word string) bool { return strings.Contains(said, word) })
	})
}
