package sugar

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/sugar/sugarapi"
)

// judge says what an answer of Sugar means, by status and label; the text is
// translated and proves nothing.
func judge(a transport.Answer) transport.Verdict {
	v := transport.ByStatus(a)
	if a.Status < 300 {
		return v
	}
	var body sugarapi.Error
	ours := json.Unmarshal(a.Body, &body) == nil && text(body.Error) != ""
	v.Code = text(body.Error)
	if ours && !(a.Status >= 300 && a.Status < 400) { // a redirect is told by where it leads
		v.Message, v.Fields = words(body)
	}
	signingIn := a.Op == signIn || a.Op == refresh
	switch {
	case v.Code == "incorrect_version" || v.Code == "no_method":
		v.Ruling, v.Kind, v.Stop = transport.Refused, resetter.ErrRejected, true
		v.Message = "this Sugar is older than the API version that is asked for"
		v.Advice = "password resets need Sugar with REST v11_24 or newer; check api_version"
	case a.Status < 400:
	case a.Status == http.StatusNotFound && !ours && !a.Cut:
		// Sugar says 404 in JSON; a page comes from another place. Of what broke
		// off nobody knows what it would have been.
		v.Kind, v.Stop = resetter.ErrRejected, true
		v.Message = "there is no Sugar API at this address"
		v.Advice = "check the URL, and the path in it if Sugar lives under one"
	case signingIn && v.Code == "need_login":
		v.Ruling, v.Kind, v.Stop = transport.Refused, resetter.ErrUnauthorized, true
		v.Advice = "check username and password"
	case signingIn && a.Status < 500 && v.Ruling != transport.Throttled && v.Ruling != transport.Unknown:
		v.Ruling, v.Kind, v.Stop = transport.Refused, resetter.ErrUnauthorized, true
		v.Advice = "check that the platform is registered (Admin, Configure API Platforms), and the credentials"
	case a.Status == http.StatusNotFound:
		v.Advice = "check whether the user exists"
	case a.Status == http.StatusFailedDependency && slices.Contains(refusals, v.Code):
		v.Ruling, v.Kind = transport.Refused, resetter.ErrRejected
	case a.Status == http.StatusFailedDependency && a.Class == transport.Send:
		// Sugar says request_failure when something broke, which may have been
		// after the mail went out.
		v.Ruling, v.Kind = transport.Unknown, resetter.ErrServerError
		v.Advice = "check that mail is set up in Sugar, and that the user has a primary address and is no group or portal user"
	case a.Status == http.StatusServiceUnavailable && v.Code == "maintenance":
		// Said before anything is done. A proxy's 503 proves nothing.
		v.Ruling, v.Kind, v.Scope = transport.Throttled, resetter.ErrUnavailable, resetter.ScopeTarget
		v.Advice = "Sugar is in maintenance"
	case a.Status == http.StatusForbidden && a.Class == transport.Write:
		v.Advice = asAdministrator + "; " + elsewhere
	case a.Status == http.StatusForbidden:
		v.Advice = asAdministrator
	case a.Status == http.StatusUnauthorized:
		v.Advice = "check username, password and platform, and that nothing else signs in with them"
	}
	return v
}

const (
	asAdministrator = "give the user who signs in the rights of an administrator of the Users module"
	elsewhere       = "where SugarIdentity manages the users, change it there (SugarCloud Settings): it is read-only in Sugar"
)

// refusals are labels that are given before anything is done, whatever the
// status they come with.
var refusals = []string{"not_authorized", "not_found", "missing_parameter", "invalid_parameter", "need_login", "invalid_grant"}

// words takes the message out of an error, which is a text, or an object with
// one text or several for each field.
func words(body sugarapi.Error) (message string, fields []resetter.FieldError) {
	switch m := body.ErrorMessage.(type) {
	case string:
		message = m
	case map[string]any:
		for field, said := range m {
			switch s := said.(type) {
			case string:
				fields = append(fields, resetter.FieldError{Field: field, Message: s})
			case []any:
				for _, one := range s {
					if one, ok := one.(string); ok {
						fields = append(fields, resetter.FieldError{Field: field, Message: one})
					}
				}
			}
		}
		slices.SortStableFunc(fields, func(a, b resetter.FieldError) int { return strings.Compare(a.Field, b.Field) })
	}
	if message == "" {
		message = text(body.ErrorDescription)
	}
	return message, fields
}
