package unleashtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/specs/spectest"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

// caller is a client of a server, with a token or without.
type caller struct {
	t     *testing.T
	srv   *unleashtest.Server
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

// name is the kind of an error.
func (a answer) name(t *testing.T) string {
	t.Helper()
	name, _ := a.json(t)["name"].(string)
	return name
}

func start(t *testing.T, config unleashtest.Config) *caller {
	t.Helper()
	srv := unleashtest.NewServer(config)
	t.Cleanup(srv.Close)
	return &caller{t: t, srv: srv, http: &http.Client{}, token: srv.Token}
}

func (c *caller) call(method, path, body string) answer {
	c.t.Helper()
	contentType := ""
	if body != "" {
		contentType = "application/json"
	}
	return c.callAs(c.token, contentType, method, path, body)
}

func (c *caller) callAs(token, contentType, method, path, body string) answer {
	c.t.Helper()
	r, err := http.NewRequest(method, c.srv.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		r.Header.Set("Authorization", token)
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

const resetPath = "/api/admin/user-admin/reset-password"

func (c *caller) reset(email string) answer {
	body, err := json.Marshal(map[string]string{"id": email})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.call("POST", resetPath, string(body))
}

func (c *caller) inviteLink(email string) (link string) {
	c.t.Helper()
	var all struct {
		Users []struct{ Email, InviteLink string }
	}
	if err := json.Unmarshal([]byte(c.call("GET", "/api/admin/user-admin", "").body), &all); err != nil {
		c.t.Fatal(err)
	}
	for _, u := range all.Users {
		if u.Email == email {
			return u.InviteLink
		}
	}
	c.t.Fatalf("%s is not in the list", email)
	return ""
}

func (c *caller) wantStatus(what string, a answer, status int) {
	c.t.Helper()
	if a.status != status {
		c.t.Errorf("%s: answered %d %s, want %d", what, a.status, a.body, status)
	}
}

func (c *caller) wantMails(email string, want int) {
	c.t.Helper()
	if got := c.srv.Mailbox().Count(email); got != want {
		c.t.Errorf("%d mails to %s, want %d", got, email, want)
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
	c := start(t, unleashtest.Config{People: 30})
	d := spectest.Open(t, "../../specs/unleash.yaml")
	c.http.Transport = d.At(c.srv.URL)
	c.srv.AddUser(unleashtest.User{Email: "ana@example.com", Invited: true})
	scim := c.srv.AddUser(unleashtest.User{Email: "scim@example.com", SCIM: true})
	const users = "/api/admin/user-admin"
	for path, status := range map[string]int{
		"/health":              200,
		"/api/admin/ui-config": 200,
		"/api/admin/user":      200,
		users:                  200,
		users + "/search?q=an": 200,
		users + "/search":      200,
		users + "/1":           200,
		users + "/999":         404,
		users + "/ana":         400,
	} {
		c.wantStatus(path, c.call("GET", path, ""), status)
	}
	c.wantStatus("reset", c.reset("Ana@example.com"), 200)
	c.wantStatus("again", c.reset("ana@example.com"), 429)
	c.wantStatus("unknown", c.reset("none@example.com"), 404)
	c.wantStatus("SCIM", c.reset("scim@example.com"), 403)
	c.wantStatus("no id", c.call("POST", resetPath, `{}`), 400)
	c.wantStatus("a list", c.call("POST", resetPath, `[]`), 400)
	c.wantStatus("change", c.call("PUT", users+"/3", `{"email":"Other@example.com"}`), 200)
	c.wantStatus("change to nonsense", c.call("PUT", users+"/3", `{"email":"nonsense"}`), 400)
	c.wantStatus("change to another's", c.call("PUT", users+"/3", `{"email":"ana@example.com"}`), 500)
	c.wantStatus("change of SCIM's", c.call("PUT", fmt.Sprintf("%s/%d", users, scim.ID), `{"email":"x@example.com"}`), 403)
	c.wantStatus("change of nobody", c.call("PUT", users+"/999", `{"email":"x@example.com"}`), 404)
	c.wantStatus("password", c.call("POST", users+"/3/change-password", `{"password":"Correct-Horse-9"}`), 200)
	c.wantStatus("weak password", c.call("POST", users+"/3/change-password", `{"password":"correct-horse-9"}`), 400)
	c.wantStatus("deletion", c.call("DELETE", users+"/4", ""), 200)
	c.wantStatus("deletion of nobody", c.call("DELETE", users+"/4", ""), 404)
	c.wantStatus("no token", c.callAs("", "application/json", "POST", resetPath, `{}`), 401)
	c.wantStatus("wrong token", c.callAs("user:wrong", "application/json", "POST", resetPath, `{}`), 401)
	c.wantStatus("client token", c.callAs(c.srv.ClientToken, "", "GET", "/api/admin/user", ""), 403)
	viewer := start(t, unleashtest.Config{Forbidden: true})
	viewer.http.Transport = d.At(viewer.srv.URL)
	c.wantStatus("viewer", viewer.reset("ana@example.com"), 403)
	c.wantStatus("viewer searches", viewer.call("GET", users+"/search?q=ana", ""), 200)
	d.Complete()
}

// What the vendor answers beyond its document was measured.
func TestAnswersThatNoDocumentHas(t *testing.T) {
	c := start(t, unleashtest.Config{People: 1})
	const ana = "ana.adler@example.com"
	for _, x := range []struct {
		what, contentType, body, name string
		status                        int
	}{
		{"another type", "text/plain", `{"id":"` + ana + `"}`, "ContentTypeError", 415},
		{"no type", "", `{"id":"` + ana + `"}`, "ContentTypeError", 415},
		{"half a body", "application/json", `{"id":`, "", 400},
		{"no body", "application/json", ``, "", 400},
		{"unknown property", "application/json", `{"id":"` + ana + `","force":true}`, "BadDataError", 400},
		{"a number", "application/json", `{"id":3}`, "NotFoundError", 404},
		{"blanks", "application/json", `{"id":" ` + ana + ` "}`, "NotFoundError", 404},
		{"a user name", "application/json", `{"id":"ana.adler"}`, "NotFoundError", 404},
		{"empty", "application/json", `{"id":""}`, "UnknownError", 500},
		{"null", "application/json", `{"id":null}`, "UnknownError", 500},
	} {
		a := c.callAs(c.token, x.contentType, "POST", resetPath, x.body)
		if a.status != x.status || a.name(t) != x.name {
			t.Errorf("%s: %d %s, want %d %s", x.what, a.status, a.body, x.status, x.name)
		}
	}
	c.wantMails(ana, 0)
	c.wantStatus("with a charset", c.callAs(c.token, "application/json; charset=utf-8", "POST", resetPath, `{"id":"`+ana+`"}`), 200)
	c.wantMails(ana, 1)
}

func TestTheMinuteIsThePersonsOwnAndEndsAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := sandbox.NewPipe()
		c := start(t, unleashtest.Config{Sandbox: sandbox.Config{Listener: pipe}, People: 2})
		transport := &http.Transport{DialContext: pipe.DialContext}
		t.Cleanup(transport.CloseIdleConnections)
		c.http.Transport = transport
		const ana, ben = "ana.adler@example.com", "ben.brandt@example.com"
		c.wantStatus("Ana", c.reset(ana), 200)
		again := c.reset(ana)
		if again.status != 429 || again.name(t) != "RateLimitError" || again.header.Get("Retry-After") != "" {
			t.Errorf("Ana again: %d %v %s", again.status, again.header, again.body)
		}
		c.wantStatus("Ben in Ana's minute", c.reset(ben), 200)
		<-time.After(59 * time.Second) // of the bubble
		c.wantStatus("Ana after 59 s", c.reset(ana), 429)
		<-time.After(time.Second)
		c.wantStatus("Ana after 60 s", c.reset(ana), 200)
		c.wantMails(ana, 2)
		c.wantMails(ben, 1)
	})
}

func TestTheMinuteBeginsOnlyAfterTheHashSoThatRacesGoThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := sandbox.NewPipe()
		c := start(t, unleashtest.Config{Sandbox: sandbox.Config{Listener: pipe}, People: 1, HashTime: 80 * time.Millisecond})
		transport := &http.Transport{DialContext: pipe.DialContext}
		t.Cleanup(transport.CloseIdleConnections)
		c.http.Transport = transport
		var race sync.WaitGroup
		for range 4 {
			race.Go(func() { c.wantStatus("at once", c.reset("ana.adler@example.com"), 200) })
		}
		race.Wait()
		c.wantStatus("afterwards", c.reset("ana.adler@example.com"), 429)
		c.wantMails("ana.adler@example.com", 4)
	})
}

func TestEachResetKillsTheLinkBeforeIt(t *testing.T) {
	c := start(t, unleashtest.Config{PersonalPause: time.Nanosecond})
	c.srv.AddUser(unleashtest.User{Email: "ana@example.com", Invited: true})
	secret := func(link any) string { return strings.Split(fmt.Sprint(link), "token=")[1] }
	invited := secret(c.inviteLink("ana@example.com"))
	first := secret(c.reset("ana@example.com").json(t)["resetPasswordUrl"])
	if got := secret(c.inviteLink("ana@example.com")); got != first || got == invited {
		t.Error("the list's link is not that of the reset")
	}
	second := secret(c.reset("ana@example.com").json(t)["resetPasswordUrl"])
	if got := secret(c.inviteLink("ana@example.com")); got != second || got == first {
		t.Error("the list's link is not that of the second reset")
	}
	if mails := c.srv.Mailbox().Mails(); len(mails) != 2 || secret(mails[1].Link) != second {
		t.Errorf("mailed %v", mails)
	}
}

func TestWithoutAMailerTheAnswerIsTheSameAndNobodyIsMailed(t *testing.T) {
	for _, none := range []bool{false, true} {
		c := start(t, unleashtest.Config{NoMailer: none, People: 1})
		if got := c.call("GET", "/api/admin/ui-config", "").json(t)["emailEnabled"]; got != !none {
			t.Errorf("emailEnabled is %v", got)
		}
		link := c.reset("ana.adler@example.com").json(t)["resetPasswordUrl"]
		if !strings.HasPrefix(fmt.Sprint(link), c.srv.URL+"/reset-password?token=") {
			t.Errorf("no link: %v", link)
		}
		c.wantStatus("again", c.reset("ana.adler@example.com"), 429)
		c.wantMails("ana.adler@example.com", map[bool]int{false: 1, true: 0}[none])
	}
}

func TestTheMailGoesToTheAddressAsTheRequestSpellsIt(t *testing.T) {
	c := start(t, unleashtest.Config{})
	if u := c.srv.AddUser(unleashtest.User{Email: "Ana@Example.com"}); u.Email != "ana@example.com" {
		t.Errorf("kept as %s, want lower case", u.Email)
	}
	c.reset("ANA@example.com")
	if mails := c.srv.Mailbox().Mails(); len(mails) != 1 || mails[0].To != "ANA@example.com" {
		t.Errorf("mailed %v", mails)
	}
	c.wantMails("ana@example.com", 1)
}

func TestTheSearchTakesBeginningsAndWildcards(t *testing.T) {
	c := start(t, unleashtest.Config{})
	for _, email := range []string{"a_b@example.com", "axb@example.com", "a+b@example.com"} {
		c.srv.AddUser(unleashtest.User{Email: email, Username: "user." + email[:3], Name: "Mixed Case"})
	}
	for q, want := range map[string]int{
		"a_b@example.com":  3, // a wildcard
		`a\_b@example.com`: 1,
		"a+b@example.com":  1,
		"A+B":              1,
		"b@example.com":    0, // no beginning of an address
		"ed ca":            3, // any part of a name
		"user.a":           3,
		"ser.a":            0,
		"a":                0, // too short
		"":                 0,
	} {
		a := c.call("GET", "/api/admin/user-admin/search?q="+url.QueryEscape(q), "")
		var hits []map[string]any
		if err := json.Unmarshal([]byte(a.body), &hits); err != nil || len(hits) != want {
			t.Errorf("%q finds %v, want %d", q, a.body, want)
		}
		if strings.Contains(a.body, "inviteLink") {
			t.Errorf("%q: the search tells links", q)
		}
	}
	c.wantViolations()
}

func TestTheTokenMayStandAloneOrAsABearer(t *testing.T) {
	c := start(t, unleashtest.Config{People: 1})
	for _, token := range []string{c.srv.Token, "Bearer " + c.srv.Token, "bearer " + c.srv.APIToken} {
		c.wantStatus("token", c.callAs(token, "", "GET", "/api/admin/user", ""), 200)
	}
	if a := c.callAs("", "", "GET", "/api/admin/user", ""); a.status != 401 || a.name(t) != "AuthenticationRequired" {
		t.Errorf("no token: %d %s", a.status, a.body)
	}
	if a := c.callAs("user:wrong", "", "GET", "/api/admin/user", ""); a.status != 401 || a.name(t) != "UnauthorizedError" {
		t.Errorf("wrong token: %d %s", a.status, a.body)
	}
	c.wantViolations() // a wrong token is a mistake of its user
	other := start(t, unleashtest.Config{})
	c.wantStatus("another server's", c.callAs(other.srv.Token, "", "GET", "/api/admin/user", ""), 401)
	c.wantViolations(sandbox.ForeignToken)
}

func TestAnAPITokenBelongsToNobodyAndIsRepeated(t *testing.T) {
	c := start(t, unleashtest.Config{})
	user := c.callAs(c.srv.APIToken, "", "GET", "/api/admin/user", "").json(t)["user"].(map[string]any)
	if user["secret"] != c.srv.APIToken || user["email"] != nil || user["id"] != nil {
		t.Errorf("it is %v", user)
	}
	own := c.call("GET", "/api/admin/user", "").json(t)["user"].(map[string]any)
	if own["email"] != c.srv.Self.Email {
		t.Errorf("the token's owner is %v", own)
	}
}

func TestAViewerMayLookUpButNotReset(t *testing.T) {
	c := start(t, unleashtest.Config{Forbidden: true, People: 1})
	a := c.reset("ana.adler@example.com")
	if a.status != 403 || a.name(t) != "PermissionError" {
		t.Errorf("reset: %d %s", a.status, a.body)
	}
	c.wantStatus("list", c.call("GET", "/api/admin/user-admin", ""), 403)
	c.wantStatus("search", c.call("GET", "/api/admin/user-admin/search?q=ana", ""), 200)
	if got := c.call("GET", "/api/admin/user", "").json(t)["permissions"]; fmt.Sprint(got) != "[]" {
		t.Errorf("permissions %v", got)
	}
	c.wantMails("ana.adler@example.com", 0)
}

func TestMaintenanceRefusesResetsAndNothingElse(t *testing.T) {
	c := start(t, unleashtest.Config{People: 1})
	c.srv.SetMaintenance(true)
	c.wantStatus("reset", c.reset("ana.adler@example.com"), 503)
	c.wantStatus("search", c.call("GET", "/api/admin/user-admin/search?q=ana", ""), 200)
	c.srv.SetMaintenance(false)
	c.wantStatus("reset afterwards", c.reset("ana.adler@example.com"), 200)
	c.wantMails("ana.adler@example.com", 1)
}

func TestAHostedInstanceLivesUnderItsPath(t *testing.T) {
	c := start(t, unleashtest.Config{PathPrefix: "/acme", People: 1})
	if !strings.HasSuffix(c.srv.URL, "/acme") {
		t.Fatalf("the URL is %s", c.srv.URL)
	}
	a := c.reset("ana.adler@example.com")
	if link := fmt.Sprint(a.json(t)["resetPasswordUrl"]); !strings.HasPrefix(link, c.srv.URL) {
		t.Errorf("the link is %s", link)
	}
	if a.header.Get("Keep-Alive") != "timeout=15" {
		t.Errorf("Keep-Alive: %s", a.header.Get("Keep-Alive"))
	}
	c.wantViolations()
	c.srv.URL = strings.TrimSuffix(c.srv.URL, "/acme")
	if a := c.call("GET", "/api/admin/user", ""); a.status != 200 || !strings.Contains(a.body, "<html>") {
		t.Errorf("without the prefix: %d %s, want the web pages", a.status, a.body)
	}
	c.wantViolations(sandbox.UnknownPath)
}

func TestAStrayRequestIsLoud(t *testing.T) {
	c := start(t, unleashtest.Config{})
	if a := c.call("GET", "/api/admin/projects", ""); a.status != 404 || a.name(t) != "NotFoundError" {
		t.Errorf("within the API: %d %s", a.status, a.body)
	}
	c.wantStatus("outside the API", c.call("GET", "/login", ""), 200)
	c.wantViolations(sandbox.UnknownPath, sandbox.UnknownPath)
}
