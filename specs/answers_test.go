package specs

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed57652884/resetctl/looker/lookerapi"
	"github.com/seed57652884/resetctl/sugar/sugarapi"
	"github.com/seed57652884/resetctl/unleash/unleashapi"
)

func TestLookerSaysWhichPropertyIsAtFault(t *testing.T) {
	server := newRecorder(t)
	server.status = http.StatusUnprocessableEntity
	server.answer = `{"message":"Validation Failed","documentation_url":null,"errors":[
		{"field":"email","code":"invalid","message":"Email is not an address","documentation_url":null},
		{"field":null,"code":null,"message":null,"documentation_url":null}]}`
	got, err := server.looker(t).UpdateCredentialsEmailWithResponse(t.Context(), "42", nil, lookerapi.WriteCredentialsEmail{})
	if err != nil {
		t.Fatal(err)
	}
	want := &lookerapi.ValidationError{Message: new("Validation Failed"), Errors: &[]lookerapi.ValidationErrorDetail{
		{Field: new("email"), Code: new("invalid"), Message: new("Email is not an address")}, {},
	}}
	if diff := cmp.Diff(want, got.JSON422); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLookerLeavesOutWhatWasNotAskedFor(t *testing.T) {
	server := newRecorder(t)
	server.answer = `{"id":"42","credentials_email":{"user_id":"42","email":"ana@example.com","is_disabled":false,"password_reset_url_expired":true}}`
	got, err := server.looker(t).GetUserWithResponse(t.Context(), "42", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &lookerapi.User{ID: new("42"), CredentialsEmail: &lookerapi.CredentialsEmail{
		UserID: new("42"), Email: new("ana@example.com"), IsDisabled: new(false), PasswordResetURLExpired: new(true),
	}}
	if diff := cmp.Diff(want, got.JSON200); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnleashSaysThatThePersonWasMailedAMinuteAgo(t *testing.T) {
	server := newRecorder(t)
	server.status = http.StatusTooManyRequests
	server.answer = `{"id":"9c40958a","name":"RateLimitError","message":"once a minute","details":[{"message":"once a minute"}]}`
	got, err := server.unleash(t).ResetPasswordWithResponse(t.Context(), unleashapi.ResetPasswordRequest{ID: "ana@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	want := &unleashapi.Error{ID: new("9c40958a"), Name: new("RateLimitError"), Message: new("once a minute"),
		Details: &[]unleashapi.ErrorDetail{{Message: new("once a minute")}}}
	if diff := cmp.Diff(want, got.JSON429); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Asked who it is, Unleash repeats an API token.
func TestTheTokenThatUnleashRepeatsIsNotDecoded(t *testing.T) {
	server := newRecorder(t)
	server.answer = `{"user":{"id":-1,"username":"ci","secret":"*:*.canary"},"permissions":[{"permission":"ADMIN","project":null}],"feedback":[],"splash":{}}`
	got, err := server.unleash(t).GetMeWithResponse(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := &unleashapi.Me{User: unleashapi.User{ID: -1, Username: new("ci")}, Permissions: []unleashapi.Permission{{Permission: "ADMIN"}}}
	if diff := cmp.Diff(want, got.JSON200); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// record has the shape of the User record that Sugar answers with: texts, nulls, lists and objects in any place, among them every
// spelling of nothing. The fields that are read are in it as an ordinary user has them.
const record = `{
	"id": "dacac8a8-bf9d-11ee-b819-acde48001122", "user_name": "user1", "full_name": "User1", "status": "Active",
	"is_admin": false, "is_group": false, "portal_only": false, "external_auth_only": false,
	"email1": "test@example.com",
	"email": [{"email_address": "test@example.com", "email_address_id": "dacf24b6", "primary_address": true,
		"invalid_email": false, "opt_out": false, "reply_to_address": false}],
	"user_hash": null, "last_login": "", "sugar_login": true, "license_type": ["SUGAR_SERVE"], "user_tabs": null,
	"created_by_link": {"full_name": "Administrator", "id": "1", "_acl": {"fields": {"last_login": {"write": "no"}}, "_hash": "6d40"}},
	"business_centers": {"name": "", "id": "", "_acl": {"fields": [], "_hash": "654d"}},
	"team_name": [{"id": "1", "name": "Global", "primary": true}], "team_count": "", "calls": {"id": ""}, "_acl": {"fields": {}}
}`

func TestSugarsRecordIsReadWhateverElseIsInIt(t *testing.T) {
	want := sugarapi.User{
		ID: "dacac8a8-bf9d-11ee-b819-acde48001122", UserName: new("user1"), FullName: new("User1"), Status: new("Active"),
		IsAdmin: false, IsGroup: false, PortalOnly: false, ExternalAuthOnly: false,
		Email: []any{map[string]any{"email_address": "test@example.com", "email_address_id": "dacf24b6", "primary_address": true,
			"invalid_email": false, "opt_out": false, "reply_to_address": false}},
	}
	server := newRecorder(t)

	server.answer = record
	one, err := server.sugar(t).GetUserWithResponse(t.Context(), want.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, one.JSON200); diff != "" {
		t.Errorf("one user (-want +got):\n%s", diff)
	}

	server.answer = `{"next_offset":-1,"records":[` + record + `]}`
	page, err := server.sugar(t).FilterUsersWithResponse(t.Context(), sugarapi.UserFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&sugarapi.UserPage{NextOffset: -1, Records: []sugarapi.User{want}}, page.JSON200); diff != "" {
		t.Errorf("a page (-want +got):\n%s", diff)
	}

	server.answer = record
	mailed, err := server.sugar(t).RequestPasswordResetWithResponse(t.Context(), sugarapi.PasswordResetRequest{UserID: want.ID})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&sugarapi.MailedUser{ID: want.ID, UserName: want.UserName}, mailed.JSON200); diff != "" {
		t.Errorf("a reset (-want +got):\n%s", diff)
	}
}

func TestSugarsSpellingsOfYesAndNoAreRead(t *testing.T) {
	for spelling, want := range map[string]any{
		`true`: true, `false`: false, `1`: 1.0, `0`: 0.0, `"1"`: "1", `"0"`: "0", `""`: "", `null`: nil,
	} {
		var user sugarapi.User
		answer := `{"id":"1","user_name":null,"status":"","is_admin":` + spelling + `,"email":[{"email_address":"a@example.com","primary_address":` + spelling + `}]}`
		if err := json.Unmarshal([]byte(answer), &user); err != nil {
			t.Errorf("%s: %v", spelling, err)
			continue
		}
		address := user.Email.([]any)[0].(map[string]any)
		if user.IsAdmin != want || address["primary_address"] != want {
			t.Errorf("%s is read as %#v and %#v", spelling, user.IsAdmin, address["primary_address"])
		}
		if err := open(t, "sugar.yaml").Components.Schemas["Flag"].Value.VisitJSON(want); err != nil {
			t.Errorf("%s is not allowed by our document: %v", spelling, err)
		}
	}
}

// Once a reset was accepted, no oddity of the record may make the answer unreadable: it would be a mail that nobody knows of.
func TestSugarsResetIsReadWhateverTheRecordHolds(t *testing.T) {
	server := newRecorder(t)
	for _, answer := range []string{
		`{"id":"1","user_name":"ana","email":"","is_admin":{},"status":[]}`,
		`{"id":"1","user_name":null,"email":null,"full_name":{"a":1}}`,
		`{"id":"1"}`,
	} {
		server.answer = answer
		got, err := server.sugar(t).RequestPasswordResetWithResponse(t.Context(), sugarapi.PasswordResetRequest{UserID: "1"})
		if err != nil || got.JSON200 == nil || got.JSON200.ID != "1" {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func TestSugarsErrorMessageIsATextOrPerField(t *testing.T) {
	server := newRecorder(t)
	server.status = http.StatusFailedDependency
	for text, want := range map[string]any{
		`"The mail could not be sent"`:            "The mail could not be sent",
		`{"email":"is missing","name":["a","b"]}`: map[string]any{"email": "is missing", "name": []any{"a", "b"}},
		`[]`:   []any{},
		`null`: nil,
	} {
		server.answer = `{"error":"request_failure","error_message":` + text + `}`
		got, err := server.sugar(t).RequestPasswordResetWithResponse(t.Context(), sugarapi.PasswordResetRequest{UserID: "1"})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(&sugarapi.Error{Error: new("request_failure"), ErrorMessage: want}, got.JSON424); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if err := open(t, "sugar.yaml").Components.Schemas["ErrorMessage"].Value.VisitJSON(want); err != nil {
			t.Errorf("%s is not allowed by our document: %v", text, err)
		}
	}
}

// PHP has one word for an empty list and an empty object.
func TestSugarsAnswersWithinOneAreReadWhateverTheyAre(t *testing.T) {
	server := newRecorder(t)
	server.answer = `[{"contents":{"id":"7"},"headers":[],"status":200,"status_text":"OK"},
		{"contents":"pong","headers":{"X-A":"b"},"status":200,"status_text":null},{"contents":null,"status":404}]`
	got, err := server.sugar(t).BulkWithResponse(t.Context(), sugarapi.BulkRequest{})
	if err != nil {
		t.Fatal(err)
	}
	want := &[]sugarapi.BulkAnswer{
		{Contents: map[string]any{"id": "7"}, Headers: []any{}, Status: 200, StatusText: new("OK")},
		{Contents: "pong", Headers: map[string]any{"X-A": "b"}, Status: 200},
		{Status: 404},
	}
	if diff := cmp.Diff(want, got.JSON200); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Proxies and login pages answer in HTML, whatever the status.
func TestAPageIsNotTakenForAnAnswer(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<html>"))
	})
	server := newRecorder(t)
	server.Config.Handler = page
	got, err := server.looker(t).SendPasswordResetWithResponse(t.Context(), "42", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.StatusCode() != http.StatusOK || got.JSON200 != nil {
		t.Errorf("status %d, read as %v", got.StatusCode(), got.JSON200)
	}
}
