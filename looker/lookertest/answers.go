package lookertest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// refuse answers with Looker's Error.
func refuse(x *sandbox.Exchange, status int, message string) {
	x.JSON(status, map[string]any{"message": message, "documentation_url": documentation(x, status)})
}

// invalid answers 422 with Looker's ValidationError for one field.
func invalid(x *sandbox.Exchange, field, code, message string) {
	url := documentation(x, 422)
	x.JSON(422, map[string]any{
		"message":           "Validation Failed",
		"errors":            []any{map[string]any{"field": field, "code": code, "message": message, "documentation_url": url}},
		"documentation_url": url,
	})
}

func documentation(x *sandbox.Exchange, status int) string {
	route := "/unknown"
	if x.Route != nil {
		route = strings.NewReplacer(api, "", "{", ":", "}", "").Replace(x.Route.Path)
	}
	return fmt.Sprintf("https://cloud.google.com/looker/docs/r/err/4.0/%d/%s%s", status, strings.ToLower(x.Request.Method), route)
}

// notFound is an Error within the API, and a page outside of it.
func (s *Server) notFound(x *sandbox.Exchange) {
	if strings.HasPrefix(x.Request.URL.Path, api+"/") {
		refuse(x, 404, "Not found")
		return
	}
	x.Text(404, "text/html; charset=utf-8", "<!DOCTYPE html><html><head><title>Looker Not Found (404)</title></head><body>Not found</body></html>\n")
}

// object is an answer before fields= has had its say.
type object map[string]any

// record is the whole of a user. The caller holds s.mu.
func (s *Server) record(a *account) object {
	o := object{
		"can":                      object{"show": true, "index": true, "index_details": true},
		"id":                       a.ID,
		"email":                    a.Email,
		"first_name":               a.FirstName,
		"last_name":                a.LastName,
		"display_name":             strings.TrimSpace(a.FirstName + " " + a.LastName),
		"is_disabled":              a.Disabled,
		"is_service_account":       a.ServiceAccount,
		"verified_looker_employee": false,
		"presumed_looker_employee": false,
		"locale":                   "en",
		"group_ids":                []string{"1"},
		"role_ids":                 []string{"2"},
		"home_folder_id":           "1",
		"personal_folder_id":       nil,
		"credentials_api3":         s.keyRecords(a.ID),
		"credentials_embed":        []object{},
		"sessions":                 s.sessionRecords(a.ID),
		"ui_state":                 nil,
		"url":                      s.URL + api + "/users/" + a.ID,
	}
	if a.SSOOnly {
		o["credentials_saml"] = object{"email": a.Email, "is_disabled": false, "saml_user_id": a.Email, "type": "saml"}
	} else {
		o["credentials_email"] = s.credentialRecord(a)
	}
	return o
}

// credentialRecord is the whole of an e-mail credential. The caller holds s.mu.
func (s *Server) credentialRecord(a *account) object {
	o := object{
		"can":                                 object{"show_password_reset_url": true},
		"created_at":                          "2024-01-30T10:31:58.000+00:00",
		"email":                               a.Email,
		"forced_password_reset_at_next_login": a.MustChange,
		"user_id":                             a.ID,
		"is_disabled":                         a.CredentialDisabled || a.Disabled,
		"logged_in_at":                        "2024-06-03T08:00:00.000+00:00",
		"password_reset_url":                  nil,
		"account_setup_url":                   nil,
		"password_reset_url_expired":          true,
		"account_setup_url_expired":           true,
		"type":                                "email",
		"url":                                 s.URL + api + "/users/" + a.ID + "/credentials_email",
		"user_url":                            s.URL + api + "/users/" + a.ID,
	}
	name := "password_reset_url"
	if a.NeverSetUp {
		name = "account_setup_url"
		o["logged_in_at"] = ""
	}
	if a.link != "" {
		o[name] = a.link
		o[name+"_expired"] = !s.linkLives(a)
	}
	return o
}

// answer sends o with the fields that were asked for.
func answer(x *sandbox.Exchange, o object) {
	if wanted, ok := wantedFields(x); ok {
		x.JSON(200, wanted.of(x, o))
	}
}

// fields is what fields= asks for: names, each with those within it. Nil is everything.
type fields map[string]fields

// wantedFields reads fields=; it answers itself, and returns false, if that cannot be read.
func wantedFields(x *sandbox.Exchange) (fields, bool) {
	text := x.Request.URL.Query().Get("fields")
	if strings.TrimSpace(text) == "" {
		return nil, true
	}
	wanted, rest, ok := parseFields(text)
	if !ok || rest != "" {
		refuse(x, 400, "fields cannot be read.")
		return nil, false
	}
	return wanted, true
}

// parseFields reads a comma list up to its end or a parenthesis that it did not open.
func parseFields(text string) (wanted fields, rest string, ok bool) {
	wanted = fields{}
	for {
		end := strings.IndexAny(text, ",()")
		if end < 0 {
			end = len(text)
		}
		name := strings.TrimSpace(text[:end])
		text = text[end:]
		if name == "" {
			return nil, "", false
		}
		wanted[name] = nil
		if strings.HasPrefix(text, "(") {
			if wanted[name], text, ok = parseFields(text[1:]); !ok || !strings.HasPrefix(text, ")") {
				return nil, "", false
			}
			text = text[1:]
		}
		if !strings.HasPrefix(text, ",") {
			return wanted, text, true
		}
		text = text[1:]
	}
}

// known are fields that an object may lack although they exist.
var known = []string{"credentials_email", "credentials_saml"}

// of is o with the wanted fields only. A name that Looker does not have is a violation.
func (f fields) of(x *sandbox.Exchange, o object) object {
	if f == nil {
		return o
	}
	some := object{}
	for name, within := range f {
		value, exists := o[name]
		list, isList := value.([]object)
		switch nested, isObject := value.(object); {
		case exists && isObject:
			some[name] = within.of(x, nested)
		case exists && isList:
			some[name] = within.ofEach(x, list)
		case exists:
			some[name] = value
		case !slices.Contains(known, name):
			x.Violation(sandbox.UnknownField, fmt.Sprintf("%.40q", name))
		}
	}
	return some
}

// ofEach is the list with the wanted fields of each object only.
func (f fields) ofEach(x *sandbox.Exchange, list []object) []object {
	some := make([]object, len(list))
	for i, o := range list {
		some[i] = f.of(x, o)
	}
	return some
}
