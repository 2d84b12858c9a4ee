package sugartest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/specs/spectest"
	"github.com/seed57652884/resetctl/sugar/sugartest"
)

// caller is a client of a server, signed in or not.
type caller struct {
	t       *testing.T
	srv     *sugartest.Server
	http    *http.Client
	version string
	session
}

type session struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

type answer struct {
	status int
	body   string
	err    error
}

func (a answer) json(t *testing.T) (object map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &object); err != nil {
		t.Fatalf("%d %q: %v, %v", a.status, a.body, err, a.err)
	}
	return object
}

func start(t *testing.T, config sugartest.Config) *caller {
	t.Helper()
	srv := sugartest.NewServer(config)
	t.Cleanup(srv.Close)
	return &caller{t: t, srv: srv, http: &http.Client{}, version: "v11_24"}
}

func (c *caller) call(method, path string, body any) answer {
	c.t.Helper()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		content = strings.NewReader(string(text))
	}
	r, err := http.NewRequest(method, c.srv.URL+"/rest/"+c.version+path, content)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Access != "" {
		r.Header.Set("Authorization", "Bearer "+c.Access)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, string(text), err}
}

type object map[string]any

// grant is a login by password; change alters it.
func (c *caller) grant(change object) answer {
	body := object{
		"grant_type": "password", "client_id": "sugar", "client_secret": "",
		"username": c.srv.Username, "password": c.srv.Password, "platform": c.srv.Platform,
	}
	for name, value := range change {
		if value == nil {
			delete(body, name)
		} else {
			body[name] = value
		}
	}
	return c.call("POST", "/oauth2/token", body)
}

func (c *caller) refresh(token string) answer {
	return c.grant(object{"grant_type": "refresh_token", "refresh_token": token, "username": nil, "password": nil})
}

func (c *caller) signIn() *caller {
	c.t.Helper()
	c.session = c.tokens(c.grant(nil))
	return c
}

func (c *caller) tokens(a answer) (s session) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(a.body), &s); err != nil || s.Access == "" {
		c.t.Fatalf("no session: %d %s %v", a.status, a.body, err)
	}
	return s
}

func (c *caller) as(s session) *caller {
	other := *c
	other.session = s
	return &other
}

func (c *caller) reset(id string) answer {
	return c.call("POST", "/password/adminRequest", object{"userId": id})
}

// want checks the status, and the label of an error.
func (c *caller) want(what string, a answer, status int, label string) {
	c.t.Helper()
	var refusal struct{ Error string }
	_ = json.Unmarshal([]byte(a.body), &refusal) // "pong" is no object
	if a.status != status || refusal.Error != label {
		c.t.Errorf("%s: answered %d %s, want %d %s", what, a.status, a.body, status, label)
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
	c := start(t, sugartest.Config{People: 30})
	d := spectest.Open(t, "../../specs/sugar.yaml")
	c.http.Transport = d.At(c.srv.URL + "/rest/v11_24")
	ana := c.srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com", OtherEmails: []string{"a@example.org"}})
	group := c.srv.AddUser(sugartest.User{UserName: "sales", Email: "sales@example.com", Group: true})
	c.want("nobody", c.call("GET", "/me", nil), 401, "need_login")
	c.want("wrong password", c.grant(object{"password": "wrong"}), 401, "need_login")
	c.want("unknown platform", c.grant(object{"platform": "mine"}), 400, "invalid_request")
	c.signIn()
	c.session = c.tokens(c.refresh(c.Refresh))
	c.want("dead refresh token", c.refresh("sbx"), 400, "invalid_grant")
	c.want("ping", c.call("GET", "/ping", nil), 200, "")
	c.want("me", c.call("GET", "/me", nil), 200, "")
	c.want("user", c.call("GET", "/Users/"+ana.ID, nil), 200, "")
	c.want("user's fields", c.call("GET", "/Users/"+ana.ID+"?fields=id,email", nil), 200, "")
	c.want("no user", c.call("GET", "/Users/none", nil), 404, "not_found")
	c.want("filter", c.call("POST", "/Users/filter", object{"filter": []any{}, "max_num": 5, "order_by": "user_name:ASC"}), 200, "")
	c.want("bad filter", c.call("POST", "/Users/filter", object{"filter": []any{object{"user_name": object{"$like": "a"}}}}), 422, "invalid_parameter")
	c.want("reset", c.reset(ana.ID), 200, "")
	c.want("group", c.reset(group.ID), 424, "request_failure")
	c.want("nobody's", c.reset("none"), 404, "not_found")
	c.want("no id", c.call("POST", "/password/adminRequest", object{}), 422, "missing_parameter")
	c.want("lock", c.call("PUT", "/Users/"+ana.ID, object{"status": "Inactive"}), 200, "")
	c.want("change", c.call("PUT", "/Users/"+ana.ID, object{"email": []any{object{"email_address": "silva@example.com", "primary_address": true, "opt_out": false}}}), 200, "")
	c.want("bad status", c.call("PUT", "/Users/"+ana.ID, object{"status": "Gone"}), 422, "invalid_parameter")
	c.want("change of nobody", c.call("PUT", "/Users/none", object{"status": "Active"}), 404, "not_found")
	c.want("metadata", c.call("GET", "/metadata?type_filter=server_info", nil), 200, "")
	c.want("help", c.call("GET", "/help", nil), 200, "")
	c.want("bulk", c.call("POST", "/bulk", object{"requests": []any{object{"url": "/v11_24/me"}, object{"url": "/v11_24/Users/none"}}}), 200, "")
	c.want("bulk of nothing", c.call("POST", "/bulk", object{}), 422, "missing_parameter")
	c.srv.Inject(sandbox.Fault{Kind: sandbox.Answer, Status: 409, Body: `{"error":"edit_conflict","error_message":"x"}`, Times: 1})
	c.want("409", c.call("PUT", "/Users/"+ana.ID, object{"status": "Active"}), 409, "edit_conflict")
	c.srv.SetMaintenance(true)
	c.want("maintenance", c.reset(ana.ID), 503, "maintenance")
	c.srv.SetMaintenance(false)
	c.srv.Inject(sandbox.Fault{Kind: sandbox.Answer, Status: 500, Body: `{"error":"fatal_error","error_message":"x"}`, Times: 1})
	c.want("500", c.reset(ana.ID), 500, "fatal_error")
	c.want("logout", c.call("POST", "/oauth2/logout", object{}), 200, "")

	older := start(t, sugartest.Config{APIVersion: "v11_23", Forbidden: true})
	older.http.Transport = d.At(older.srv.URL + "/rest/v11_24")
	older.want("older server", older.grant(nil), 301, "incorrect_version")
	plain := start(t, sugartest.Config{Forbidden: true})
	plain.http.Transport = d.At(plain.srv.URL + "/rest/v11_24")
	plain.signIn()
	plain.want("no administrator", plain.reset("1"), 403, "not_authorized")
	d.Complete()
}

func TestASecondLoginOnAPlatformThrowsTheFirstOut(t *testing.T) {
	c := start(t, sugartest.Config{Platforms: []string{"other"}})
	first := c.tokens(c.grant(nil))
	elsewhere := c.tokens(c.grant(object{"platform": "other"}))
	second := c.tokens(c.grant(nil))
	c.want("first", c.as(first).call("GET", "/ping", nil), 401, "invalid_grant")
	c.want("first's refresh token", c.refresh(first.Refresh), 400, "invalid_grant")
	c.want("second", c.as(second).call("GET", "/ping", nil), 200, "")
	c.want("other platform", c.as(elsewhere).call("GET", "/ping", nil), 200, "")
	c.wantViolations()
}

func TestARefreshReplacesBothTokens(t *testing.T) {
	c := start(t, sugartest.Config{})
	old := c.tokens(c.grant(nil))
	fresh := c.tokens(c.refresh(old.Refresh))
	c.want("old access", c.as(old).call("GET", "/ping", nil), 401, "invalid_grant")
	c.want("old refresh", c.refresh(old.Refresh), 400, "invalid_grant")
	c.want("fresh access", c.as(fresh).call("GET", "/ping", nil), 200, "")
	c.want("fresh refresh, elsewhere", c.grant(object{"grant_type": "refresh_token", "refresh_token": fresh.Refresh, "platform": "mobile"}), 400, "invalid_grant")
	c.tokens(c.refresh(fresh.Refresh))
	c.wantViolations()
}

func TestATokenDiesOfAgeAndItsRefreshTokenDoesNot(t *testing.T) {
	c := start(t, sugartest.Config{}).signIn()
	c.srv.ExpireTokens()
	c.want("expired", c.call("GET", "/ping", nil), 401, "invalid_grant")
	c.session = c.tokens(c.refresh(c.Refresh))
	c.want("renewed", c.call("GET", "/ping", nil), 200, "")
	c.srv.Displace()
	c.want("displaced", c.call("GET", "/ping", nil), 401, "invalid_grant")
	c.want("displaced refresh", c.refresh(c.Refresh), 400, "invalid_grant")
	c.signIn()
	c.want("signed in again", c.call("GET", "/ping", nil), 200, "")
	c.call("POST", "/oauth2/logout", object{})
	c.want("after the logout", c.call("GET", "/ping", nil), 401, "invalid_grant")
	c.wantViolations()
	c.want("a stranger's", c.as(session{Access: "of-somewhere-else"}).call("GET", "/ping", nil), 401, "invalid_grant")
	c.wantViolations(sandbox.ForeignToken)
}

func TestATokenLivesAsLongAsConfigured(t *testing.T) {
	clock := make(chan time.Time, 1)
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clock <- begin
	now := func() time.Time { at := <-clock; clock <- at; return at }
	c := start(t, sugartest.Config{TokenLife: 2 * time.Second, Sandbox: sandbox.Config{Now: now}})
	a := c.grant(nil)
	c.session = c.tokens(a)
	if got := a.json(t)["expires_in"]; got != 2.0 {
		t.Errorf("expires_in is %v", got)
	}
	c.want("fresh", c.call("GET", "/ping", nil), 200, "")
	<-clock
	clock <- begin.Add(2 * time.Second)
	c.want("after two seconds", c.call("GET", "/ping", nil), 401, "invalid_grant")
}

func TestThePlatformBaseWorksAndIsAViolation(t *testing.T) {
	c := start(t, sugartest.Config{})
	c.tokens(c.grant(object{"platform": "base"}))
	c.wantViolations(sandbox.PlatformBase)
	c.tokens(c.grant(object{"platform": nil})) // base is what Sugar takes then
	c.wantViolations(sandbox.PlatformBase, sandbox.PlatformBase)
}

// What the vendor's own test client, @sugarcrm/thorn, sends.
func TestAnOlderVersionWithoutAPlatformAndWithTheHeaderOfOldIsServed(t *testing.T) {
	c := start(t, sugartest.Config{})
	c.version = "v10"
	s := c.tokens(c.grant(object{"platform": nil}))
	r, err := http.NewRequest("GET", c.srv.URL+"/rest/v10/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("OAuth-Token", s.Access)
	res, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("answered %d, want 200", res.StatusCode)
	}
}

func TestAResetMailsThePrimaryAddressAndAnswersTheWholeRecord(t *testing.T) {
	c := start(t, sugartest.Config{}).signIn()
	ana := c.srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com", OtherEmails: []string{"a@example.org"}})
	record := c.reset(ana.ID).json(t)
	if record["id"] != ana.ID || record["user_name"] != "ana" || record["is_admin"] != false {
		t.Errorf("it is the record of %v", record["user_name"])
	}
	kinds := map[string]int{}
	for _, value := range record {
		switch value := value.(type) {
		case nil:
			kinds["null"]++
		case []any:
			kinds["array"]++
		case map[string]any:
			kinds["object"]++
		case string:
			if value == "" {
				kinds["empty"]++
			}
		}
	}
	if len(record) < 90 || kinds["null"] < 5 || kinds["array"] < 3 || kinds["object"] < 5 || kinds["empty"] < 50 {
		t.Errorf("%d properties, of them %v: want Sugar's mixture", len(record), kinds)
	}
	mails := c.srv.Mailbox().Mails()
	if len(mails) != 1 || mails[0].To != "ana@example.com" || mails[0].Account != ana.ID || mails[0].Kind != sandbox.ResetMail {
		t.Errorf("mailed %v", mails)
	}
	c.wantViolations()
}

func TestWhoCannotBeMailedIsA424(t *testing.T) {
	c := start(t, sugartest.Config{}).signIn()
	for what, user := range map[string]sugartest.User{
		"no primary address": {UserName: "a", OtherEmails: []string{"a@example.org"}},
		"a group":            {UserName: "b", Email: "b@example.com", Group: true},
		"a portal user":      {UserName: "c", Email: "c@example.com", PortalOnly: true},
	} {
		c.want(what, c.reset(c.srv.AddUser(user).ID), 424, "request_failure")
	}
	without := start(t, sugartest.Config{NoMailer: true, People: 1}).signIn()
	without.want("no mailer", without.reset(without.srv.Self.ID), 424, "request_failure")
	if n := c.srv.Mailbox().Len() + without.srv.Mailbox().Len(); n != 0 {
		t.Errorf("%d mails, want 0", n)
	}
}

func TestAFilterFindsByTheDocumentedOperatorsAndBySecondaryAddresses(t *testing.T) {
	c := start(t, sugartest.Config{}).signIn()
	ana := c.srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com", OtherEmails: []string{"shared@example.com"}})
	c.srv.AddUser(sugartest.User{UserName: "bo", Email: "shared@example.com"})
	c.srv.AddUser(sugartest.User{UserName: "cy", Inactive: true})
	for _, x := range []struct {
		filter []any
		want   string
	}{
		{[]any{object{"user_name": "ANA"}}, "[ana]"},
		{[]any{object{"user_name": object{"$equals": "ana"}}}, "[ana]"},
		{[]any{object{"id": ana.ID}}, "[ana]"},
		{[]any{object{"user_name": object{"$in": []string{"ana", "bo", "none"}}}}, "[ana bo]"},
		{[]any{object{"email_addresses.email_address": "shared@example.com"}}, "[ana bo]"},
		{[]any{object{"email_addresses.email_address": object{"$in": []string{"ANA@example.com"}}}}, "[ana]"},
		{[]any{object{"$or": []any{object{"user_name": object{"$in": []string{"ana"}}}, object{"user_name": "cy"}}}}, "[ana cy]"},
		{[]any{object{"$and": []any{object{"email_addresses.email_address": "shared@example.com"}, object{"user_name": "bo"}}}}, "[bo]"},
		{[]any{object{"email_addresses.email_address": "shared@example.com"}, object{"user_name": "bo"}}, "[bo]"},
		{[]any{object{"status": "Inactive"}}, "[cy]"},
		{[]any{object{"user_name": "none"}}, "[]"},
	} {
		a := c.call("POST", "/Users/filter", object{"filter": x.filter, "fields": "user_name", "order_by": "user_name"})
		var page struct {
			Records []struct {
				UserName string `json:"user_name"`
			}
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != 200 {
			t.Fatal(a, err)
		}
		names := []string{}
		for _, r := range page.Records {
			names = append(names, r.UserName)
		}
		if fmt.Sprint(names) != x.want {
			t.Errorf("%v finds %v, want %s", x.filter, names, x.want)
		}
	}
	c.wantViolations()
	c.want("unknown field", c.call("POST", "/Users/filter", object{"filter": []any{object{"email1": "x"}}}), 422, "invalid_parameter")
	c.want("unknown order", c.call("POST", "/Users/filter", object{"order_by": "shoe_size"}), 422, "invalid_parameter")
	c.want("unknown property", c.call("POST", "/Users/filter", object{"limit": 5}), 200, "")
	c.wantViolations(sandbox.UnknownField, sandbox.UnknownProperty)
}

func TestPagesAreShorterThanAskedForAndComplete(t *testing.T) {
	c := start(t, sugartest.Config{People: 48, PageSize: 20}).signIn() // and admin and the tool's own
	var sizes []int
	seen := map[string]bool{}
	for offset := 0; offset >= 0; {
		a := c.call("POST", "/Users/filter", object{"filter": []any{}, "fields": "user_name", "max_num": 100, "offset": offset, "order_by": "user_name:DESC"})
		var page struct {
			Next    int `json:"next_offset"`
			Records []struct{ ID string }
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil {
			t.Fatal(a, err)
		}
		sizes = append(sizes, len(page.Records))
		for _, r := range page.Records {
			seen[r.ID] = true
		}
		offset = page.Next
	}
	if !slices.Equal(sizes, []int{20, 20, 10}) || len(seen) != 50 {
		t.Errorf("pages of %v with %d people, want 20, 20 and 10 with 50", sizes, len(seen))
	}
	var page struct{ Records []any }
	if err := json.Unmarshal([]byte(c.call("POST", "/Users/filter", object{}).body), &page); err != nil || len(page.Records) != 20 {
		t.Errorf("%d records without max_num, want 20", len(page.Records))
	}
}

func TestAnOlderServerOrVersionHasNoReset(t *testing.T) {
	c := start(t, sugartest.Config{}).signIn()
	c.version = "v11_23"
	c.want("older version asked for", c.reset("1"), 404, "no_method")
	c.want("what it had", c.call("GET", "/ping", nil), 200, "")
	for _, version := range []string{"v11_25", "v12", "v4_1", "11", "v11-24"} {
		c.version = version
		c.want(version, c.reset("1"), 301, "incorrect_version")
	}
	c.wantViolations()
	if n := c.srv.Mailbox().Len(); n != 0 {
		t.Errorf("%d mails, want 0", n)
	}
}

func TestSugarCloudBlocksWithoutAWord(t *testing.T) {
	limit := sugartest.SugarCloud()
	limit.Block = time.Hour
	stopped := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := start(t, sugartest.Config{People: 40, Sandbox: sandbox.Config{Limit: limit, Now: func() time.Time { return stopped }}})
	c.http.Transport = &http.Transport{DisableKeepAlives: true}
	c.signIn()
	admitted := 1
	var lost answer
	for range 30 {
		if lost = c.call("GET", "/ping", nil); lost.err != nil {
			break
		}
		admitted++
	}
	if admitted != 20 {
		t.Errorf("%d requests were admitted in one second, want 20", admitted)
	}
	if next := c.call("GET", "/ping", nil); !errors.Is(next.err, syscall.ECONNREFUSED) {
		t.Errorf("while blocked: %v, want a refused connection", next.err)
	}
}

func TestAStrayRequestIsLoud(t *testing.T) {
	c := start(t, sugartest.Config{}).signIn()
	c.want("unknown path", c.call("GET", "/Accounts", nil), 404, "no_method")
	c.want("unknown method", c.call("PATCH", "/Users/1", nil), 404, "no_method")
	c.wantViolations(sandbox.UnknownPath, sandbox.UnknownPath)
}
