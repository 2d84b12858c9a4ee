package lookertest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/specs/spectest"
)

// caller is a client of a server, signed in or not.
type caller struct {
	t     *testing.T
	srv   *lookertest.Server
	http  *http.Client
	token string
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t *testing.T) (object map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &object); err != nil {
		t.Fatalf("%d %q: %v", a.status, a.body, err)
	}
	return object
}

func start(t *testing.T, config lookertest.Config) *caller {
	t.Helper()
	srv := lookertest.NewServer(config)
	t.Cleanup(srv.Close)
	return &caller{t: t, srv: srv, http: &http.Client{}}
}

// call sends body, if there is one, as a form if it looks like one, else as JSON.
func (c *caller) call(method, path, body string) answer {
	c.t.Helper()
	r, err := http.NewRequest(method, c.srv.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	switch {
	case strings.HasPrefix(body, "client_"):
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case body != "":
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "token "+c.token)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return answer{}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

func (c *caller) login(id, secret string) answer {
	return c.call("POST", "/api/4.0/login", url.Values{"client_id": {id}, "client_secret": {secret}}.Encode())
}

func (c *caller) signIn() *caller {
	c.t.Helper()
	a := c.login(c.srv.ClientID, c.srv.ClientSecret)
	if a.status != 200 {
		c.t.Fatalf("login: %d %s", a.status, a.body)
	}
	c.token = a.json(c.t)["access_token"].(string)
	return c
}

func (c *caller) reset(id, query string) answer {
	return c.call("POST", "/api/4.0/users/"+id+"/credentials_email/send_password_reset"+query, "")
}

func (c *caller) wantStatus(what string, a answer, status int) {
	c.t.Helper()
	if a.status != status {
		c.t.Errorf("%s: answered %d %s, want %d", what, a.status, a.body, status)
	}
}

func (c *caller) wantViolations(rules ...sandbox.Rule) {
	c.t.Helper()
	violations := c.srv.Violations()
	if len(violations) != len(rules) {
		c.t.Errorf("violations %v, want %v", violations, rules)
		return
	}
	for i, v := range violations {
		if v.Rule != rules[i] {
			c.t.Errorf("violation %v, want %s", v, rules[i])
		}
	}
}

func TestEveryAnswerIsAsTheDocumentSays(t *testing.T) {
	c := start(t, lookertest.Config{People: 30})
	d := spectest.Open(t, "../../specs/looker.yaml")
	c.http.Transport = d.At(c.srv.URL)
	ana := c.srv.AddUser(lookertest.User{Email: "ana@example.com", FirstName: "Ana"})
	sso := c.srv.AddUser(lookertest.User{Email: "sso@example.com", SSOOnly: true})
	fresh := c.srv.AddUser(lookertest.User{Email: "new@example.com", NeverSetUp: true})
	session, key := c.srv.AddSession(ana.ID), c.srv.AddKey(ana.ID)
	const users = "/api/4.0/users"

	c.wantStatus("alive", c.call("GET", "/alive", ""), 200)
	c.wantStatus("nobody", c.call("GET", "/api/4.0/user", ""), 401)
	c.wantStatus("wrong key", c.login(c.srv.ClientID, "wrong"), 404)
	c.wantStatus("no key", c.call("POST", "/api/4.0/login", ""), 400)
	c.signIn()
	for path, status := range map[string]int{
		"/api/4.0/user":                               200,
		"/api/4.0/user?fields=id,email":               200,
		"/api/4.0/versions?fields=version,(":          400,
		"/api/4.0/versions":                           200,
		"/api/4.0/smtp_status":                        200,
		"/api/4.0/smtp_status?fields=is_valid":        200,
		users + "?fields=id&ids=1,none," + ana.ID:     200,
		users + "/" + ana.ID:                          200,
		users + "/" + sso.ID:                          200,
		users + "/none":                               404,
		users + "/credential/email/ana%40example.com": 200,
		users + "/credential/email/none":              404,
		users + "/credential/email/sso@example.com":   404,
		users + "/search?email=%25@example.com":       200,
		users + "/search?limit=x":                     400,
		users + "/none/sessions":                      404,
		users + "/" + ana.ID + "/sessions":            200,
		users + "/" + ana.ID + "/credentials_api3":    200,
		users + "/" + ana.ID + "/credentials_email":   200,
		users + "/" + sso.ID + "/credentials_email":   404,

		"/api/4.0/credentials_email/search?email=%25&limit=5&sorts=id": 200,
	} {
		c.wantStatus(path, c.call("GET", path, ""), status)
	}
	c.wantStatus("reset", c.reset(ana.ID, ""), 200)
	c.wantStatus("set-up", c.reset(fresh.ID, "?fields=user_id,account_setup_url"), 200)
	c.wantStatus("SSO", c.reset(sso.ID, ""), 404)
	credential := users + "/" + ana.ID + "/credentials_email"
	c.wantStatus("change", c.call("PATCH", credential, `{"email":"ana.new@example.com","forced_password_reset_at_next_login":true}`), 200)
	c.wantStatus("no address", c.call("PATCH", credential, `{"email":"nowhere"}`), 422)
	c.wantStatus("token", c.call("POST", credential+"/password_reset?expires=true", ""), 200)
	c.wantStatus("one too many", c.call("POST", credential, `{"email":"ana@example.com"}`), 409)
	c.wantStatus("taken away", c.call("DELETE", credential, ""), 204)
	c.wantStatus("given", c.call("POST", credential, `{"email":"ana@example.com"}`), 200)
	c.wantStatus("shut", c.call("PATCH", users+"/"+ana.ID, `{"is_disabled":true}`), 200)
	c.wantStatus("session", c.call("DELETE", users+"/"+ana.ID+"/sessions/"+session.ID, ""), 204)
	c.wantStatus("key", c.call("DELETE", users+"/"+ana.ID+"/credentials_api3/"+key.ID, ""), 204)
	c.srv.Inject(sandbox.Fault{Kind: sandbox.Throttle, RetryAfter: time.Second, Times: 1})
	c.wantStatus("throttled", c.reset(ana.ID, ""), 429)
	c.wantStatus("logout", c.call("DELETE", "/api/4.0/logout", ""), 204)

	forbidden := start(t, lookertest.Config{Forbidden: true}).signIn()
	forbidden.http.Transport = d.At(forbidden.srv.URL)
	c.wantStatus("forbidden", forbidden.reset(forbidden.srv.Self.ID, ""), 403)
	d.Complete()
	c.wantViolations()
}

func TestWrongCredentialsAreNotFoundAndLockTheKeyOutInTheEnd(t *testing.T) {
	c := start(t, lookertest.Config{LockOutAfter: 3})
	for range 3 {
		c.wantStatus("wrong", c.login(c.srv.ClientID, "wrong"), 404)
	}
	c.wantViolations()
	c.wantStatus("right, but locked out", c.login(c.srv.ClientID, c.srv.ClientSecret), 404)
	c.wantViolations(sandbox.LoginHammered)
	c.srv.Unlock()
	c.wantStatus("right", c.login(c.srv.ClientID, c.srv.ClientSecret), 200)
}

func TestTheKeyInAURLIsRefusedAndAViolation(t *testing.T) {
	c := start(t, lookertest.Config{})
	query := "?client_id=" + c.srv.ClientID + "&client_secret=" + c.srv.ClientSecret
	c.wantStatus("login", c.call("POST", "/api/4.0/login"+query, ""), 400)
	if len(c.srv.Violations()) == 0 {
		t.Error("no violation")
	}
	for _, v := range c.srv.Violations() {
		if v.Rule != sandbox.SecretInURL {
			t.Errorf("violation %v", v)
		}
	}
}

func TestATokenDiesOfAgeOfLogoutAndOfARestart(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clock := make(chan time.Time, 1)
	clock <- now
	c := start(t, lookertest.Config{Sandbox: sandbox.Config{Now: func() time.Time { at := <-clock; clock <- at; return at }}})
	alive := func(what string, status int) {
		t.Helper()
		c.wantStatus(what, c.call("GET", "/api/4.0/user", ""), status)
	}
	c.signIn()
	<-clock
	clock <- now.Add(time.Hour - time.Second)
	alive("a second before the end", 200)
	<-clock
	clock <- now.Add(time.Hour)
	alive("after an hour", 401)
	c.signIn()
	alive("fresh", 200)
	c.call("DELETE", "/api/4.0/logout", "")
	alive("after the logout", 401)
	c.signIn()
	c.srv.ExpireTokens()
	alive("after the restart", 401)
	c.wantViolations()
	c.token = "of-somewhere-else"
	alive("a stranger's", 401)
	c.wantViolations(sandbox.ForeignToken)
}

func TestTheSearchIsLIKEAndOverMatches(t *testing.T) {
	c := start(t, lookertest.Config{}).signIn()
	for _, email := range []string{"a_b@example.com", "axb@example.com", "acb@example.com", "ab@example.com"} {
		c.srv.AddUser(lookertest.User{Email: email})
	}
	search := func(query string) (found []string, header http.Header) {
		a := c.call("GET", "/api/4.0/users/search?fields=id,email&"+query, "")
		var users []struct{ ID, Email string }
		if err := json.Unmarshal([]byte(a.body), &users); err != nil {
			t.Fatal(a.body, err)
		}
		for _, u := range users {
			found = append(found, u.Email)
		}
		return found, a.header
	}
	if got, header := search("email=A_B@example.com"); fmt.Sprint(got) != "[a_b@example.com axb@example.com acb@example.com]" || header.Get("X-Total-Count") != "" {
		t.Errorf("a_b finds %v, want the three that LIKE finds", got)
	}
	if got, header := search("email=a_b@example.com&limit=1&offset=1&sorts=id"); fmt.Sprint(got) != "[axb@example.com]" ||
		header.Get("X-Total-Count") != "3" || !strings.Contains(header.Get("Link"), "offset=2") {
		t.Errorf("the second page is %v, %v", got, header)
	}
	if got, _ := search("email=none@example.com"); len(got) != 0 {
		t.Errorf("nobody is %v", got)
	}
	if got, _ := search("email=ab@example.com&first_name=Ana&filter_or=true"); fmt.Sprint(got) != "[ab@example.com]" {
		t.Errorf("either condition finds %v", got)
	}
	if got, _ := search("email=ab@example.com&first_name=Ana"); len(got) != 0 {
		t.Errorf("both conditions find %v", got)
	}
}

func TestTheLookUpByCredentialIsExact(t *testing.T) {
	for fold, status := range map[bool]int{false: 404, true: 200} {
		c := start(t, lookertest.Config{FoldCase: fold}).signIn()
		c.srv.AddUser(lookertest.User{Email: "a+b@example.com"})
		find := func(email string) answer {
			return c.call("GET", "/api/4.0/users/credential/email/"+url.PathEscape(email), "")
		}
		c.wantStatus("exact", find("a+b@example.com"), 200)
		c.wantStatus("a pattern", find("a_b@example.com"), 404)
		c.wantStatus("another case", find("A+b@example.com"), status)
	}
}

func TestAResetMailsAndSoDoesASecondWithTheSameLink(t *testing.T) {
	c := start(t, lookertest.Config{}).signIn()
	ana := c.srv.AddUser(lookertest.User{Email: "ana@example.com"})
	credential := "/api/4.0/users/" + ana.ID + "/credentials_email?fields=password_reset_url_expired"
	if got := c.call("GET", credential, "").body; strings.TrimSpace(got) != `{"password_reset_url_expired":true}` {
		t.Errorf("before: %s", got)
	}
	link := c.reset(ana.ID, "").json(t)["password_reset_url"]
	if got := c.call("GET", credential, "").body; strings.TrimSpace(got) != `{"password_reset_url_expired":false}` {
		t.Errorf("after: %s", got)
	}
	c.reset(ana.ID, "")
	mails := c.srv.Mailbox().Mails()
	if len(mails) != 2 || mails[0].Kind != sandbox.ResetMail || mails[0].Link != link || mails[1].Link != link || mails[0].Account != ana.ID {
		t.Errorf("mails %v, want two with the link %v", mails, link)
	}
}

func TestOneWhoNeverSignedInGetsASetUpMail(t *testing.T) {
	c := start(t, lookertest.Config{}).signIn()
	ana := c.srv.AddUser(lookertest.User{Email: "ana@example.com", NeverSetUp: true})
	got := c.reset(ana.ID, "").json(t)
	mails := c.srv.Mailbox().Mails()
	if len(mails) != 1 || mails[0].Kind != sandbox.SetUpMail || got["account_setup_url"] != mails[0].Link || got["password_reset_url"] != nil {
		t.Errorf("answered %v, mailed %v", got, mails)
	}
}

func TestALinkCrossesTheWireOnlyIfFieldsDoesNotLeaveItOut(t *testing.T) {
	c := start(t, lookertest.Config{}).signIn()
	ana := c.srv.AddUser(lookertest.User{Email: "ana@example.com", FirstName: "Ana"})
	if got := c.reset(ana.ID, "?fields=user_id,email,is_disabled,password_reset_url_expired").body; strings.Contains(got, c.srv.Canary()) {
		t.Errorf("a link: %s", got)
	}
	nested := c.call("GET", "/api/4.0/users/"+ana.ID+"?fields=id,+credentials_email(email,is_disabled),first_name", "").body
	if want := `{"credentials_email":{"email":"ana@example.com","is_disabled":false},"first_name":"Ana","id":"` + ana.ID + `"}`; strings.TrimSpace(nested) != want {
		t.Errorf("got %s, want %s", nested, want)
	}
	if got := c.call("GET", "/api/4.0/users/"+ana.ID, "").body; !strings.Contains(got, c.srv.Canary()) {
		t.Errorf("no link without fields: %s", got)
	}
	c.wantViolations()
	c.reset(ana.ID, "?fields=passwort_url")
	c.wantViolations(sandbox.UnknownField)
}

func TestFieldsThatCannotBeReadAreRefusedBeforeAnybodyIsMailed(t *testing.T) {
	c := start(t, lookertest.Config{People: 1}).signIn()
	for _, fields := range []string{"a(", "a)", "a,,b", "(a)", "a(b))", "a()", ","} {
		c.wantStatus(fields, c.reset("101", "?fields="+fields), 400)
	}
	if n := c.srv.Mailbox().Len(); n != 0 {
		t.Errorf("%d mails, want 0", n)
	}
}

func TestWhatIsReadOnlyOrUnknownIsNotWritten(t *testing.T) {
	c := start(t, lookertest.Config{}).signIn()
	ana := c.srv.AddUser(lookertest.User{Email: "ana@example.com"})
	c.srv.AddUser(lookertest.User{Email: "bo@example.com"})
	credential := "/api/4.0/users/" + ana.ID + "/credentials_email"
	c.wantStatus("taken", c.call("PATCH", credential, `{"email":"BO@example.com"}`), 422)
	c.wantViolations()
	c.wantStatus("read-only", c.call("PATCH", credential, `{"is_disabled":true}`), 422)
	c.wantViolations(sandbox.ReadOnlyProperty)
	c.wantStatus("unknown", c.call("PATCH", credential, `{"locked":true}`), 400)
	c.wantViolations(sandbox.ReadOnlyProperty, sandbox.UnknownProperty)
	c.wantStatus("not JSON", c.call("PATCH", credential, `email=x`), 400)
	c.wantStatus("changed", c.call("PATCH", credential, `{"email":"ana.silva@example.com"}`), 200)
	if got := c.srv.Users()[1].Email; got != "ana.silva@example.com" {
		t.Errorf("the address is %s", got)
	}
}

func TestWhatAUserHasOpenIsToBeSeenAndToBeEnded(t *testing.T) {
	c := start(t, lookertest.Config{People: 1}).signIn()
	const ana = "/api/4.0/users/101"
	first, second := c.srv.AddSession("101"), c.srv.AddSession("101")
	key := c.srv.AddKey("101")
	if got, want := c.call("GET", ana+"/sessions?fields=id", "").body, fmt.Sprintf(`[{"id":%q},{"id":%q}]`, first.ID, second.ID); strings.TrimSpace(got) != want {
		t.Errorf("sessions %s, want %s", got, want)
	}
	if got, want := c.call("GET", ana+"?fields=credentials_api3(client_id),sessions(id)", "").body, fmt.Sprintf(`{"credentials_api3":[{"client_id":%q}],"sessions":[{"id":%q},{"id":%q}]}`, key.ClientID, first.ID, second.ID); strings.TrimSpace(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c.wantStatus("end", c.call("DELETE", ana+"/sessions/"+first.ID, ""), 204)
	c.wantStatus("end again", c.call("DELETE", ana+"/sessions/"+first.ID, ""), 404)
	c.wantStatus("of somebody else", c.call("DELETE", "/api/4.0/users/1/sessions/"+second.ID, ""), 404)
	c.wantStatus("delete", c.call("DELETE", ana+"/credentials_api3/"+key.ID, ""), 204)
	if got := c.srv.Sessions("101"); len(got) != 1 || got[0] != second || len(c.srv.Keys("101")) != 0 || len(c.srv.Keys(c.srv.Self.ID)) != 1 {
		t.Errorf("left are the sessions %v and the keys %v", got, c.srv.Keys("101"))
	}
	c.wantViolations()
}

func TestAnAccountIsShutAndItsSessionsStay(t *testing.T) {
	c := start(t, lookertest.Config{People: 1}).signIn()
	c.srv.AddSession("101")
	if got := c.call("PATCH", "/api/4.0/users/101?fields=id,is_disabled,credentials_email(is_disabled)", `{"is_disabled":true}`).body; strings.TrimSpace(got) != `{"credentials_email":{"is_disabled":true},"id":"101","is_disabled":true}` {
		t.Errorf("got %s", got)
	}
	if !c.srv.Users()[1].Disabled || len(c.srv.Sessions("101")) != 1 {
		t.Errorf("%+v, sessions %v", c.srv.Users()[1], c.srv.Sessions("101"))
	}
	c.wantStatus("not a truth", c.call("PATCH", "/api/4.0/users/101", `{"is_disabled":"yes"}`), 422)
	c.wantStatus("nobody", c.call("PATCH", "/api/4.0/users/none", `{"is_disabled":true}`), 404)
	c.wantViolations()
	c.wantStatus("read-only", c.call("PATCH", "/api/4.0/users/101", `{"email":"x@example.com"}`), 422)
	c.wantViolations(sandbox.ReadOnlyProperty)
}

func TestAKeyThatIsGoneSignsNobodyIn(t *testing.T) {
	for _, end := range []func(*caller) answer{
		func(c *caller) answer {
			return c.call("DELETE", "/api/4.0/users/1/credentials_api3/"+c.srv.Keys("1")[0].ID, "")
		},
		func(c *caller) answer { return c.call("PATCH", "/api/4.0/users/1", `{"is_disabled":true}`) },
	} {
		c := start(t, lookertest.Config{}).signIn()
		if a := end(c); a.status >= 300 {
			t.Fatal(a)
		}
		c.wantStatus("login", c.login(c.srv.ClientID, c.srv.ClientSecret), 404)
	}
}

func TestATokenIsMadeAnewAndNobodyIsMailed(t *testing.T) {
	c := start(t, lookertest.Config{People: 1}).signIn()
	const credential = "/api/4.0/users/101/credentials_email"
	mailed := c.reset("101", "").json(t)["password_reset_url"]
	made := c.call("POST", credential+"/password_reset?expires=true", "").json(t)["password_reset_url"]
	if made == nil || made == mailed || c.srv.Mailbox().Len() != 1 {
		t.Errorf("made %v after %v, %d mails", made, mailed, c.srv.Mailbox().Len())
	}
	c.wantStatus("neither true nor false", c.call("POST", credential+"/password_reset?expires=soon", ""), 400)
	c.wantViolations()
}

func TestAPasswordIsTakenAwayAndGiven(t *testing.T) {
	c := start(t, lookertest.Config{}).signIn()
	ana := c.srv.AddUser(lookertest.User{Email: "ana@example.com", MustChange: true})
	credential := "/api/4.0/users/" + ana.ID + "/credentials_email"
	c.wantStatus("taken away", c.call("DELETE", credential, ""), 204)
	c.wantStatus("no password", c.reset(ana.ID, ""), 404)
	c.wantStatus("no address", c.call("POST", credential, `{}`), 422)
	c.wantStatus("taken", c.call("POST", credential, `{"email":"`+c.srv.Self.Email+`"}`), 422)
	c.wantStatus("given", c.call("POST", credential, `{"email":"ana.new@example.com"}`), 200)
	if got := c.srv.Users()[1]; got.Email != "ana.new@example.com" || got.SSOOnly || !got.NeverSetUp || got.MustChange || c.srv.Mailbox().Len() != 0 {
		t.Errorf("got %+v, %d mails", got, c.srv.Mailbox().Len())
	}
	c.wantViolations()
}

func TestCredentialsAreSearchedAsUsersAre(t *testing.T) {
	c := start(t, lookertest.Config{}).signIn()
	for _, u := range []lookertest.User{{Email: "a_b@example.com"}, {Email: "axb@example.com"}, {Email: "ayb@example.com", SSOOnly: true}} {
		c.srv.AddUser(u)
	}
	got := c.call("GET", "/api/4.0/credentials_email/search?fields=email&email=A_B@example.com&limit=10&sorts=id", "")
	if strings.TrimSpace(got.body) != `[{"email":"a_b@example.com"},{"email":"axb@example.com"}]` || got.header.Get("X-Total-Count") != "2" {
		t.Errorf("got %s", got.body)
	}
	c.wantViolations()
}

func TestAKeyWithoutTheRightMailsNobody(t *testing.T) {
	c := start(t, lookertest.Config{Forbidden: true, People: 1}).signIn()
	c.wantStatus("reset", c.reset("101", ""), 403)
	c.wantStatus("user", c.call("GET", "/api/4.0/users/101", ""), 200)
	if n := c.srv.Mailbox().Len(); n != 0 {
		t.Errorf("%d mails, want 0", n)
	}
}

func TestAStrayRequestIsLoud(t *testing.T) {
	c := start(t, lookertest.Config{}).signIn()
	if a := c.call("GET", "/api/3.1/user", ""); a.status != 404 || !strings.Contains(a.body, "<html>") {
		t.Errorf("outside the API: %d %s, want a page", a.status, a.body)
	}
	if a := c.call("GET", "/api/4.0/dashboards", ""); a.status != 404 || a.json(t)["message"] != "Not found" {
		t.Errorf("within the API: %d %s, want an Error", a.status, a.body)
	}
	c.wantViolations(sandbox.UnknownPath, sandbox.UnknownPath)
}

func TestNobodyIsMailedTwiceForOneRequestOfMany(t *testing.T) {
	c := start(t, lookertest.Config{People: 150}).signIn()
	for _, u := range c.srv.Users() {
		c.wantStatus(u.Email, c.reset(u.ID, "?fields=user_id"), 200)
	}
	for address, n := range c.srv.Mailbox().Counts() {
		if n != 1 {
			t.Errorf("%s has %d mails", address, n)
		}
	}
	if n := c.srv.Mailbox().Len(); n != 151 {
		t.Errorf("%d mails, want 150 and the server's own", n)
	}
	c.wantViolations()
}
