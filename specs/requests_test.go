package specs

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed57652884/resetctl/looker/lookerapi"
	"github.com/seed57652884/resetctl/sugar/sugarapi"
	"github.com/seed57652884/resetctl/unleash/unleashapi"
)

// request is what arrives at a server, as far as a generated client decides it.
type request struct {
	Method, Target string // Target is path and query, byte for byte
	ContentType    string
	Body           string
}

// recorder is a server that keeps the last request and answers with a script.
type recorder struct {
	*httptest.Server
	got    request
	status int
	answer string
}

func newRecorder(t *testing.T) *recorder {
	r := &recorder{status: http.StatusOK, answer: `{}`}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.got = request{req.Method, req.RequestURI, req.Header.Get("Content-Type"), string(body)}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(r.status)
		io.WriteString(w, r.answer)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) looker(t *testing.T) *lookerapi.ClientWithResponses {
	t.Helper()
	client, err := lookerapi.NewClientWithResponses(r.URL, lookerapi.WithHTTPClient(r.Client()))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (r *recorder) unleash(t *testing.T) *unleashapi.ClientWithResponses {
	t.Helper()
	client, err := unleashapi.NewClientWithResponses(r.URL+"/acme", unleashapi.WithHTTPClient(r.Client()))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (r *recorder) sugar(t *testing.T) *sugarapi.ClientWithResponses {
	t.Helper()
	client, err := sugarapi.NewClientWithResponses(r.URL+"/rest/v11_24", sugarapi.WithHTTPClient(r.Client()))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// lists are the requests that are answered with a list.
var lists = regexp.MustCompile(`^GET .*/(search|users|sessions|credentials_api3)(\?|$)|^POST .*/bulk$`)

func TestRequestsAreWhatTheVendorsExpect(t *testing.T) {
	const form, json = "application/x-www-form-urlencoded", "application/json"
	fields := new("user_id,email,is_disabled")
	server := newRecorder(t)
	looker, unleash, sugar := server.looker(t), server.unleash(t), server.sugar(t)

	for name, tc := range map[string]struct {
		call func(context.Context) error
		want request
	}{
		"Looker's login has the key in the form": {
			func(ctx context.Context) error {
				_, err := looker.LoginWithFormdataBodyWithResponse(ctx, lookerapi.LoginForm{ClientID: "key", ClientSecret: "s3cret&=+ %"})
				return err
			},
			request{"POST", "/api/4.0/login", form, "client_id=key&client_secret=s3cret%26%3D%2B+%25"},
		},
		"Looker's reset has no body": {
			func(ctx context.Context) error {
				_, err := looker.SendPasswordResetWithResponse(ctx, "42", &lookerapi.SendPasswordResetParams{Fields: fields})
				return err
			},
			request{"POST", "/api/4.0/users/42/credentials_email/send_password_reset?fields=user_id%2Cemail%2Cis_disabled", "", ""},
		},
		"Looker's change of an address sends the address alone": {
			func(ctx context.Context) error {
				_, err := looker.UpdateCredentialsEmailWithResponse(ctx, "42", nil, lookerapi.WriteCredentialsEmail{Email: new("ana@example.com")})
				return err
			},
			request{"PATCH", "/api/4.0/users/42/credentials_email", json, `{"email":"ana@example.com"}`},
		},
		"Looker's demand for a new password sends that alone": {
			func(ctx context.Context) error {
				_, err := looker.UpdateCredentialsEmailWithResponse(ctx, "42", nil, lookerapi.WriteCredentialsEmail{ForcedPasswordResetAtNextLogin: new(true)})
				return err
			},
			request{"PATCH", "/api/4.0/users/42/credentials_email", json, `{"forced_password_reset_at_next_login":true}`},
		},
		"Looker's search escapes the address": {
			func(ctx context.Context) error {
				_, err := looker.SearchUsersWithResponse(ctx, &lookerapi.SearchUsersParams{Email: new("a+b&c@example.com"), Limit: new(int64(10))})
				return err
			},
			request{"GET", "/api/4.0/users/search?email=a%2Bb%26c%40example.com&limit=10", "", ""},
		},
		"Looker's list names the ids with commas between them": {
			func(ctx context.Context) error {
				_, err := looker.ListUsersWithResponse(ctx, &lookerapi.ListUsersParams{Fields: fields, Ids: &[]string{"7", "a,b&c", "9"}})
				return err
			},
			request{"GET", "/api/4.0/users?fields=user_id%2Cemail%2Cis_disabled&ids=7,a%2Cb%26c,9", "", ""},
		},
		"Looker's lock sends nothing but that": {
			func(ctx context.Context) error {
				_, err := looker.UpdateUserWithResponse(ctx, "42", &lookerapi.UpdateUserParams{Fields: fields}, lookerapi.WriteUser{IsDisabled: new(true)})
				return err
			},
			request{"PATCH", "/api/4.0/users/42?fields=user_id%2Cemail%2Cis_disabled", json, `{"is_disabled":true}`},
		},
		"Looker's unlock sends that it is not locked": {
			func(ctx context.Context) error {
				_, err := looker.UpdateUserWithResponse(ctx, "42", nil, lookerapi.WriteUser{IsDisabled: new(false)})
				return err
			},
			request{"PATCH", "/api/4.0/users/42", json, `{"is_disabled":false}`},
		},
		"Looker's sessions are listed": {
			func(ctx context.Context) error {
				_, err := looker.ListSessionsWithResponse(ctx, "42", nil)
				return err
			},
			request{"GET", "/api/4.0/users/42/sessions", "", ""},
		},
		"Looker's session is ended": {
			func(ctx context.Context) error {
				_, err := looker.DeleteSessionWithResponse(ctx, "42", "7/8")
				return err
			},
			request{"DELETE", "/api/4.0/users/42/sessions/7%2F8", "", ""},
		},
		"Looker's API keys are listed": {
			func(ctx context.Context) error {
				_, err := looker.ListAPIKeysWithResponse(ctx, "42", nil)
				return err
			},
			request{"GET", "/api/4.0/users/42/credentials_api3", "", ""},
		},
		"Looker's API key is deleted": {
			func(ctx context.Context) error {
				_, err := looker.DeleteAPIKeyWithResponse(ctx, "42", "9")
				return err
			},
			request{"DELETE", "/api/4.0/users/42/credentials_api3/9", "", ""},
		},
		"Looker's token has no body": {
			func(ctx context.Context) error {
				_, err := looker.CreatePasswordResetTokenWithResponse(ctx, "42", &lookerapi.CreatePasswordResetTokenParams{Expires: new(true)})
				return err
			},
			request{"POST", "/api/4.0/users/42/credentials_email/password_reset?expires=true", "", ""},
		},
		"Looker's new credential has the address alone": {
			func(ctx context.Context) error {
				_, err := looker.CreateCredentialsEmailWithResponse(ctx, "42", nil, lookerapi.WriteCredentialsEmail{Email: new("ana@example.com")})
				return err
			},
			request{"POST", "/api/4.0/users/42/credentials_email", json, `{"email":"ana@example.com"}`},
		},
		"Looker's credential is deleted": {
			func(ctx context.Context) error {
				_, err := looker.DeleteCredentialsEmailWithResponse(ctx, "42")
				return err
			},
			request{"DELETE", "/api/4.0/users/42/credentials_email", "", ""},
		},
		"Looker's search of credentials escapes the address": {
			func(ctx context.Context) error {
				_, err := looker.SearchCredentialsEmailWithResponse(ctx, &lookerapi.SearchCredentialsEmailParams{Email: new("a+b&c@example.com")})
				return err
			},
			request{"GET", "/api/4.0/credentials_email/search?email=a%2Bb%26c%40example.com", "", ""},
		},
		"Looker's liveness is beside the API": {
			func(ctx context.Context) error { _, err := looker.GetAliveWithResponse(ctx); return err },
			request{"GET", "/alive", "", ""},
		},
		"Unleash's reset names the address, and keeps the path of a hosted instance": {
			func(ctx context.Context) error {
				_, err := unleash.ResetPasswordWithResponse(ctx, unleashapi.ResetPasswordRequest{ID: "ana@example.com"})
				return err
			},
			request{"POST", "/acme/api/admin/user-admin/reset-password", json, `{"id":"ana@example.com"}`},
		},
		"Unleash's search escapes the text": {
			func(ctx context.Context) error {
				_, err := unleash.SearchUsersWithResponse(ctx, &unleashapi.SearchUsersParams{Q: new("a+b c@example.com")})
				return err
			},
			request{"GET", "/acme/api/admin/user-admin/search?q=a%2Bb+c%40example.com", "", ""},
		},
		"Unleash's change of an address sends the address alone": {
			func(ctx context.Context) error {
				_, err := unleash.UpdateUserWithResponse(ctx, 7, unleashapi.WriteUser{Email: new("ana@example.com")})
				return err
			},
			request{"PUT", "/acme/api/admin/user-admin/7", json, `{"email":"ana@example.com"}`},
		},
		"Unleash's new password goes in the body": {
			func(ctx context.Context) error {
				_, err := unleash.ChangePasswordWithResponse(ctx, 7, unleashapi.NewPassword{Password: "s3cret"})
				return err
			},
			request{"POST", "/acme/api/admin/user-admin/7/change-password", json, `{"password":"s3cret"}`},
		},
		"Unleash's deletion has no body": {
			func(ctx context.Context) error { _, err := unleash.DeleteUserWithResponse(ctx, 7); return err },
			request{"DELETE", "/acme/api/admin/user-admin/7", "", ""},
		},
		"Sugar's lock sends the status alone": {
			func(ctx context.Context) error {
				_, err := sugar.UpdateUserWithResponse(ctx, "dacac8a8", sugarapi.WriteUser{Status: new(sugarapi.WriteUserStatusInactive)})
				return err
			},
			request{"PUT", "/rest/v11_24/Users/dacac8a8", json, `{"status":"Inactive"}`},
		},
		"Sugar's change of addresses sends all of them, and no other property": {
			func(ctx context.Context) error {
				_, err := sugar.UpdateUserWithResponse(ctx, "dacac8a8", sugarapi.WriteUser{Email: &[]sugarapi.WriteEmailAddress{
					{EmailAddress: "ana@example.com", PrimaryAddress: true}, {EmailAddress: "a@example.org", OptOut: new(true)},
				}})
				return err
			},
			request{"PUT", "/rest/v11_24/Users/dacac8a8", json,
				`{"email":[{"email_address":"ana@example.com","primary_address":true},{"email_address":"a@example.org","opt_out":true,"primary_address":false}]}`},
		},
		"Sugar's requests within one have their bodies as texts": {
			func(ctx context.Context) error {
				_, err := sugar.BulkWithResponse(ctx, sugarapi.BulkRequest{Requests: []sugarapi.BulkRequestItem{
					{URL: "/v11_24/Users/filter", Method: new("POST"), Data: new(`{"max_num":1}`)}, {URL: "/v11_24/me"},
				}})
				return err
			},
			request{"POST", "/rest/v11_24/bulk", json,
				`{"requests":[{"data":"{\"max_num\":1}","method":"POST","url":"/v11_24/Users/filter"},{"url":"/v11_24/me"}]}`},
		},
		"Sugar's login has the password in the body, and the empty client secret": {
			func(ctx context.Context) error {
				_, err := sugar.LoginWithResponse(ctx, sugarapi.LoginRequest{
					GrantType: sugarapi.LoginRequestGrantTypePassword, ClientID: "sugar",
					Username: new("svc"), Password: new("s3cret"), Platform: "resetctl",
				})
				return err
			},
			request{"POST", "/rest/v11_24/oauth2/token", json,
				`{"client_id":"sugar","client_secret":"","grant_type":"password","password":"s3cret","platform":"resetctl","username":"svc"}`},
		},
		"Sugar's renewal sends neither user name nor password": {
			func(ctx context.Context) error {
				_, err := sugar.LoginWithResponse(ctx, sugarapi.LoginRequest{
					GrantType: sugarapi.LoginRequestGrantTypeRefreshToken, ClientID: "sugar",
					RefreshToken: new("r"), Platform: "resetctl",
				})
				return err
			},
			request{"POST", "/rest/v11_24/oauth2/token", json,
				`{"client_id":"sugar","client_secret":"","grant_type":"refresh_token","platform":"resetctl","refresh_token":"r"}`},
		},
		"Sugar's reset names the user": {
			func(ctx context.Context) error {
				_, err := sugar.RequestPasswordResetWithResponse(ctx, sugarapi.PasswordResetRequest{UserID: "dacac8a8"})
				return err
			},
			request{"POST", "/rest/v11_24/password/adminRequest", json, `{"userId":"dacac8a8"}`},
		},
		"Sugar's filter asks for many at once": {
			func(ctx context.Context) error {
				_, err := sugar.FilterUsersWithResponse(ctx, sugarapi.UserFilter{
					Filter: []map[string]any{{"user_name": map[string]any{"$in": []string{"ana", "bo"}}}},
					Fields: new("id,user_name"), MaxNum: new(100), Offset: new(0), OrderBy: new("user_name:ASC"),
				})
				return err
			},
			request{"POST", "/rest/v11_24/Users/filter", json,
				`{"fields":"id,user_name","filter":[{"user_name":{"$in":["ana","bo"]}}],"max_num":100,"offset":0,"order_by":"user_name:ASC"}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server.got, server.answer = request{}, `{}`
			if lists.MatchString(tc.want.Method + " " + tc.want.Target) {
				server.answer = `[]`
			}
			if err := tc.call(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, server.got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// An address is a path segment in Looker's look-up, and may hold almost any character.
func TestAnAddressStaysOnePathSegment(t *testing.T) {
	server := newRecorder(t)
	looker := server.looker(t)
	for _, address := range []string{
		"ana@example.com", "a+b@example.com", "a/b@example.com", "50%@example.com", "%2F@example.com", `"a b"@example.com`,
		"a?b=c@example.com", "a#b@example.com", "a;b@example.com", "größe@example.com", "../../logout", `a\b@example.com`, "a&b=c@example.com",
	} {
		if _, err := looker.GetUserForCredentialWithResponse(t.Context(), "email", address, nil); err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		segment, ok := strings.CutPrefix(server.got.Target, "/api/4.0/users/credential/email/")
		if !ok || strings.ContainsAny(segment, "/?# ") {
			t.Errorf("%s: asked for %s", address, server.got.Target)
			continue
		}
		if got, err := url.PathUnescape(segment); err != nil || got != address {
			t.Errorf("%s: the server reads %q, %v", address, got, err)
		}
	}
}
