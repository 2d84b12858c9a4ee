package sugartest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/sugar/sugartest"
)

func TestAListOfAddressesReplacesTheOneBefore(t *testing.T) {
	c := start(t, sugartest.Config{}).signIn()
	ana := c.srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com", OtherEmails: []string{"old@example.com"}})
	c.want("change", c.call("PUT", "/Users/"+ana.ID, object{"email": []any{
		object{"email_address": "a@example.org", "primary_address": "0"},
		object{"email_address": "silva@example.com", "primary_address": true},
	}}), 200, "")
	now := c.srv.Users()[2]
	if now.Email != "silva@example.com" || fmt.Sprint(now.OtherEmails) != "[a@example.org]" || now.UserName != "ana" {
		t.Errorf("it is %+v now", now)
	}
	for what, list := range map[string]any{
		"two primary ones": []any{object{"email_address": "a@example.com", "primary_address": true}, object{"email_address": "b@example.com", "primary_address": 1}},
		"no address":       []any{object{"email_address": "nonsense", "primary_address": true}},
		"a text":           "silva@example.com",
	} {
		c.want(what, c.call("PUT", "/Users/"+ana.ID, object{"email": list}), 422, "invalid_parameter")
	}
	if again := c.srv.Users()[2]; fmt.Sprint(again) != fmt.Sprint(now) {
		t.Errorf("a refused change made it %+v", again)
	}
	if c.srv.Mailbox().Len() != 0 {
		t.Error("a change mails")
	}
	c.wantViolations()
	c.want("unknown property", c.call("PUT", "/Users/"+ana.ID, object{"shoe_size": 44}), 200, "")
	c.wantViolations(sandbox.UnknownProperty)
}

func TestWhoIsInactiveCannotSignIn(t *testing.T) {
	c := start(t, sugartest.Config{}).signIn()
	made := c.call("POST", "/Users", object{"user_name": "bo", "last_name": "Chen", "user_hash": "pass"}).json(t)
	signIn := func() answer { return c.grant(object{"username": "bo", "password": "pass"}) }
	as := c.as(c.tokens(signIn()))
	if me := as.call("GET", "/me", nil).json(t)["current_user"].(map[string]any); me["user_name"] != "bo" || me["type"] != "user" {
		t.Errorf("signed in as %v", me)
	}
	c.want("the other's session", c.call("GET", "/ping", nil), 200, "") // of another user on the same platform
	as.want("no administrator", as.call("PUT", "/Users/1", object{"status": "Inactive"}), 403, "not_authorized")
	as.want("no administrator", as.reset("1"), 403, "not_authorized")
	path := fmt.Sprint("/Users/", made["id"])
	if got := c.call("PUT", path, object{"status": "Inactive"}).json(t)["status"]; got != "Inactive" {
		t.Errorf("status %v", got)
	}
	c.want("inactive", signIn(), 401, "need_login")
	c.want("unlock", c.call("PUT", path, object{"status": "Active"}), 200, "")
	c.want("active", signIn(), 200, "")
	c.want("deletion", c.call("DELETE", path, nil), 200, "")
	c.want("deleted", signIn(), 401, "need_login")
	c.want("the session of who was deleted", as.call("GET", "/ping", nil), 401, "invalid_grant")
	c.want("deletion again", c.call("DELETE", path, nil), 404, "not_found")
	c.want("a name that is taken", c.call("POST", "/Users", object{"user_name": "ADMIN"}), 422, "invalid_parameter")
}

func TestWithSugarIdentityUsersAreReadOnly(t *testing.T) {
	c := start(t, sugartest.Config{SugarIdentity: true, People: 1}).signIn()
	ana := c.srv.Users()[2]
	c.want("status", c.call("PUT", "/Users/"+ana.ID, object{"status": "Inactive"}), 403, "not_authorized")
	c.want("addresses", c.call("PUT", "/Users/"+ana.ID, object{"email": []any{}}), 403, "not_authorized")
	if now := c.srv.Users()[2]; fmt.Sprint(now) != fmt.Sprint(ana) {
		t.Errorf("it is %+v now", now)
	}
	c.want("reset", c.reset(ana.ID), 200, "")
}

// In the vendor's words the body of a request within is a JSON text; its own test client,
// @sugarcrm/thorn, sends the JSON itself, to v10.
func TestABulkIsCarriedOutInItsOrder(t *testing.T) {
	c := start(t, sugartest.Config{People: 2}).signIn()
	answers := func(requests ...any) (list []struct {
		Contents   json.RawMessage
		Headers    []any
		Status     int
		StatusText string `json:"status_text"`
	}) {
		t.Helper()
		a := c.call("POST", "/bulk", object{"requests": requests})
		if err := json.Unmarshal([]byte(a.body), &list); err != nil {
			t.Fatal(a, err)
		}
		return list
	}
	got := answers(
		object{"url": "/v11_24/Users/filter", "method": "POST", "data": `{"filter":[{"user_name":"ana.adler"}],"fields":"user_name"}`},
		object{"url": "/v10/Users", "method": "post", "data": object{"user_name": "cy", "last_name": "Ng", "status": "Inactive"}},
		object{"url": "/v11_24/Users/filter", "method": "POST", "data": object{"filter": []any{object{"user_name": "cy"}}, "fields": "user_name"}},
		object{"url": "/v11_24/ping"},
		object{"url": "/v11_24/Users/none", "method": "GET"},
		object{"url": "/v11_24/bulk", "method": "POST", "data": object{}},
		object{"url": "../../secrets"},
	)
	for i, want := range []struct {
		status int
		part   string
	}{{200, `"user_name":"ana.adler"`}, {200, `"status":"Inactive"`}, {200, `"user_name":"cy"`}, {200, `"pong"`}, {404, "not_found"}, {404, "no_method"}, {404, "no_method"}} {
		if a := got[i]; a.Status != want.status || !strings.Contains(string(a.Contents), want.part) || a.Headers == nil || a.StatusText == "" {
			t.Errorf("%d: %d %s, want %d %s", i, a.Status, a.Contents, want.status, want.part)
		}
	}
	for what, requests := range map[string]object{
		"a text": {"requests": "x"},
		"texts":  {"requests": []any{"x"}},
	} {
		c.want(what, c.call("POST", "/bulk", requests), 422, "invalid_parameter")
	}
	c.want("nobody", c.as(session{}).call("POST", "/bulk", object{"requests": []any{}}), 401, "need_login")
}

func TestTheInstanceTellsWhatItIsMadeOf(t *testing.T) {
	c := start(t, sugartest.Config{}).signIn()
	for query, want := range map[string]string{"": "modules server_info", "?modules": "modules server_info", "?type_filter=server_info": "server_info", "?type_filter=labels": ""} {
		all := c.call("GET", "/metadata"+query, nil).json(t)
		var sections []string
		for _, name := range []string{"modules", "server_info"} {
			if all[name] != nil {
				sections = append(sections, name)
			}
		}
		if strings.Join(sections, " ") != want {
			t.Errorf("%q tells %v, want %s", query, sections, want)
		}
	}
	if help := c.call("GET", "/help", nil); help.status != 200 || !strings.Contains(help.body, "<html>") {
		t.Errorf("help: %d %s", help.status, help.body)
	}
	c.wantViolations()
}
