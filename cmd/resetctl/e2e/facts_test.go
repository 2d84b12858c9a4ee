//go:build unix

package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// The facts that the Unleash client relies on, asked of a real server.

const resetPassword = "/api/admin/user-admin/reset-password"

func TestAResetMailsThePersonOnce(t *testing.T) {
	s := boot(t)
	person := s.mailing.newPeople(t, 1)[0]

	accepted := decode[struct{ ResetPasswordURL string }](t, s.mailing.reset(t, person.Email).want(t, http.StatusOK))

	s.settle(t)
	letters := s.mailbox.to(person.Email)
	if len(letters) != 1 {
		t.Fatalf("%d mails for %s, want 1", len(letters), person.Email)
	}
	if letters[0].link == "" || letters[0].link != accepted.ResetPasswordURL {
		t.Error("the link in the mail is not the one in the answer")
	}
}

func TestAResetIsMailedToTheNameAsTheRequestSpellsIt(t *testing.T) {
	s := boot(t)
	person := s.mailing.newPeople(t, 1)[0]
	name, domain, _ := strings.Cut(person.Email, "@")
	shouted := strings.ToUpper(name) + "@" + domain

	s.mailing.reset(t, shouted).want(t, http.StatusOK)

	s.settle(t)
	letters := s.mailbox.to(person.Email)
	if len(letters) != 1 {
		t.Fatalf("%d mails for %s, want 1", len(letters), person.Email)
	}
	if letters[0].to != shouted {
		t.Errorf("the mail went to %s, want %s", letters[0].to, shouted)
	}
}

func TestASecondResetWithinAMinuteIsRefusedForThatPersonAlone(t *testing.T) {
	s := boot(t)
	people := s.mailing.newPeople(t, 2)
	s.mailing.reset(t, people[0].Email).want(t, http.StatusOK)

	refused := s.mailing.reset(t, people[0].Email).want(t, http.StatusTooManyRequests)
	s.mailing.reset(t, people[1].Email).want(t, http.StatusOK)

	if name := decode[struct{ Name string }](t, refused).Name; name != "RateLimitError" {
		t.Errorf("error %q, want RateLimitError", name)
	}
	for _, hint := range []string{"Retry-After", "RateLimit-Reset", "X-RateLimit-Reset"} {
		if value := refused.header.Get(hint); value != "" {
			t.Errorf("%s: %s, want no hint", hint, value)
		}
	}
	s.settle(t)
	for _, person := range people {
		if n := len(s.mailbox.to(person.Email)); n != 1 {
			t.Errorf("%d mails for %s, want 1", n, person.Email)
		}
	}
}

func TestTheServerSaysWhetherItHasAMailer(t *testing.T) {
	s := boot(t)
	for u, want := range map[*unleash]bool{s.mailing: true, s.mailerless: false} {
		config := decode[struct {
			EmailEnabled        *bool
			Version, UnleashURL string
		}](t, u.call(t, http.MethodGet, "/api/admin/ui-config", nil).want(t, http.StatusOK))
		if config.EmailEnabled == nil || *config.EmailEnabled != want {
			t.Errorf("emailEnabled is %v, want %v", config.EmailEnabled, want)
		}
		if config.Version == "" || config.UnleashURL != u.url {
			t.Errorf("version %q at %q, want a version at %q", config.Version, config.UnleashURL, u.url)
		}
	}
}

func TestAServerWithoutAMailerAcceptsAResetAllTheSame(t *testing.T) {
	s := boot(t)
	person := s.mailerless.newPeople(t, 1)[0]

	s.mailerless.reset(t, person.Email).want(t, http.StatusOK)
	s.mailerless.reset(t, person.Email).want(t, http.StatusTooManyRequests)

	s.settle(t)
	if n := len(s.mailbox.to(person.Email)); n != 0 {
		t.Errorf("%d mails, want none", n)
	}
}

func TestSearchLooksAtBeginningsOfAddressesAndInsideNames(t *testing.T) {
	s := boot(t)
	s.mailing.newPerson(t, "quill.wren@example.com", "Ada Quartz")
	s.mailing.newPerson(t, "quill_wren@example.com", "Bo Quartz")
	s.mailing.newPerson(t, "quill+wren@example.com", "Cy Quartz")

	for query, want := range map[string][]string{
		"QUILL.WREN@Example.com":   {"quill.wren@example.com"},
		"quill+wren@":              {"quill+wren@example.com"},
		"wren@example.com":         {}, // not the beginning
		"da Quar":                  {"quill.wren@example.com"},
		"quill_wren@example.com":   {"quill+wren@example.com", "quill.wren@example.com", "quill_wren@example.com"}, // _ is any character
		`quill\_wren@example.com`:  {"quill_wren@example.com"},
		"quill.wren@example.com.x": {},
		"q":                        {}, // too short
	} {
		got := []string{}
		found := s.mailing.call(t, http.MethodGet, "/api/admin/user-admin/search?q="+url.QueryEscape(query), nil).want(t, http.StatusOK)
		for _, hit := range decode[[]user](t, found) {
			got = append(got, hit.Email)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("search %q finds %v, want %v", query, got, want)
		}
		if strings.Contains(string(found.body), "inviteLink") {
			t.Errorf("search %q shows invite links", query)
		}
	}
}

func TestTheListShowsWhetherAResetWasMade(t *testing.T) {
	s := boot(t)
	person := s.mailing.newPeople(t, 1)[0]
	token := func() string {
		t.Helper()
		list := decode[struct{ Users []user }](t, s.mailing.call(t, http.MethodGet, "/api/admin/user-admin", nil).want(t, http.StatusOK))
		i := slices.IndexFunc(list.Users, func(u user) bool { return u.ID == person.ID })
		if i < 0 {
			t.Fatalf("%s is not in the list", person.Email)
		}
		_, token, _ := strings.Cut(list.Users[i].InviteLink, "/new-user?token=")
		return token
	}

	before := token()
	accepted := decode[struct{ ResetPasswordURL string }](t, s.mailing.reset(t, person.Email).want(t, http.StatusOK))
	after := token()
	s.mailing.reset(t, person.Email).want(t, http.StatusTooManyRequests)
	refused := token()

	if before == "" || after == before {
		t.Error("a reset leaves the invite link as it was")
	}
	if !strings.HasSuffix(accepted.ResetPasswordURL, "?token="+after) {
		t.Error("the invite link does not carry the token of the reset")
	}
	if refused != after {
		t.Error("a refused reset changes the invite link")
	}
}

func TestWhoAmIKnowsAPersonByATokenOfTheirOwn(t *testing.T) {
	s := boot(t)
	type me struct {
		User struct {
			ID            int
			Email, Secret string
		}
		Permissions []struct{ Permission string }
	}
	ask := func(token string) me {
		t.Helper()
		return decode[me](t, s.mailing.callAs(t, token, http.MethodGet, "/api/admin/user", nil).want(t, http.StatusOK))
	}
	owner, ofAdmin := s.mailing.newToken(t, rootAdmin)
	_, ofViewer := s.mailing.newToken(t, rootViewer)

	if got := ask(ofAdmin); got.User.ID != owner.ID || got.User.Email != owner.Email || len(got.Permissions) != 1 || got.Permissions[0].Permission != "ADMIN" {
		t.Errorf("an administrator's own token is %+v, want %s with the right ADMIN", got, owner.Email)
	}
	if got := ask(ofViewer); len(got.Permissions) != 0 {
		t.Errorf("a viewer's token has the rights %v", got.Permissions)
	}
	got := ask(adminToken)
	if got.User.Email != "" || got.User.ID != 0 {
		t.Errorf("an API token is %s, want nobody", got.User.Email)
	}
	if got.User.Secret != adminToken { // which is why the answer must never be logged
		t.Error("the API token is not echoed any more")
	}
}

func TestHealthNeedsNoToken(t *testing.T) {
	s := boot(t)
	healthy := s.mailing.callAs(t, "", http.MethodGet, "/health", nil).want(t, http.StatusOK)
	if string(healthy.body) != `{"health":"GOOD"}` {
		t.Errorf("health is %s", healthy.body)
	}
	if keep := healthy.header.Get("Keep-Alive"); keep != "timeout=15" {
		t.Errorf("Keep-Alive: %s, want timeout=15", keep)
	}
}

func TestARefusedResetIsNamedAndMailsNobody(t *testing.T) {
	s := boot(t)
	person := s.mailing.newPeople(t, 1)[0]
	_, viewer := s.mailing.newToken(t, rootViewer)
	client := s.mailing.newClientToken(t)

	for promise, c := range map[string]struct {
		token   string
		body    any
		status  int
		name    string
		message string // a part of it
	}{
		"without a token":          {"", map[string]any{"id": person.Email}, 401, "AuthenticationRequired", "no authorization header"},
		"with an unknown token":    {"*:*.unknown", map[string]any{"id": person.Email}, 401, "UnauthorizedError", "You must log in"},
		"with an unknown own one":  {"user:unknown", map[string]any{"id": person.Email}, 401, "UnauthorizedError", "You must log in"},
		"with a client's token":    {client, map[string]any{"id": person.Email}, 403, "", "invalid token"},
		"by a viewer":              {viewer, map[string]any{"id": person.Email}, 403, "PermissionError", "ADMIN"},
		"of an unknown address":    {adminToken, map[string]any{"id": "nobody@example.com"}, 404, "NotFoundError", "No user found"},
		"with blanks around":       {adminToken, map[string]any{"id": " " + person.Email}, 404, "NotFoundError", "No user found"},
		"with an unknown property": {adminToken, map[string]any{"id": person.Email, "extra": true}, 400, "BadDataError", "invalid data"},
		"without an id":            {adminToken, map[string]any{}, 400, "BadDataError", "invalid data"},
		"with an empty id":         {adminToken, map[string]any{"id": ""}, 500, "UnknownError", "Can only find users"},
		"without a body":           {adminToken, nil, 415, "ContentTypeError", "content-type"},
	} {
		t.Run(promise, func(t *testing.T) {
			refused := s.mailing.callAs(t, c.token, http.MethodPost, resetPassword, c.body).want(t, c.status)
			got := decode[struct{ Name, Message string }](t, refused)
			if got.Name != c.name || !strings.Contains(got.Message, c.message) {
				t.Errorf("%s: %s, want %s: …%s…", got.Name, got.Message, c.name, c.message)
			}
		})
	}
	s.settle(t)
	if n := len(s.mailbox.to(person.Email)); n != 0 {
		t.Errorf("%d mails after refusals, want none", n)
	}
}

func TestMaintenanceRefusesAResetAndStillReads(t *testing.T) {
	s := boot(t)
	person := s.mailing.newPeople(t, 1)[0]
	s.mailing.call(t, http.MethodPost, "/api/admin/maintenance", map[string]any{"enabled": true}).want(t, http.StatusNoContent)
	// The server keeps the setting in a cache, so it can take a moment. Nobody
	// is mailed by asking for an address that there is not.
	until := func(refused bool) {
		t.Helper()
		for late := time.Now().Add(20 * time.Second); time.Now().Before(late); time.Sleep(10 * time.Millisecond) {
			if (s.mailing.reset(t, "nobody.at.all@example.com").status == http.StatusServiceUnavailable) == refused {
				return
			}
		}
		t.Errorf("resets are refused: want %v", refused)
	}
	until(true)
	refused := s.mailing.reset(t, person.Email)
	read := s.mailing.call(t, http.MethodGet, "/api/admin/user-admin/search?q="+url.QueryEscape(person.Email), nil)
	s.mailing.call(t, http.MethodPost, "/api/admin/maintenance", map[string]any{"enabled": false}).want(t, http.StatusNoContent)
	until(false)

	refused.want(t, http.StatusServiceUnavailable)
	read.want(t, http.StatusOK)
	if !strings.Contains(string(refused.body), "maintenance mode") {
		t.Errorf("the refusal does not name the maintenance: %s", refused.body)
	}
	s.settle(t)
	if n := len(s.mailbox.to(person.Email)); n != 0 {
		t.Errorf("%d mails, want none", n)
	}
}
