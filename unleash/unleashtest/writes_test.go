package unleashtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

func TestAChangeOfTheAddressChangesNothingElseAndMailsNobody(t *testing.T) {
	c := start(t, unleashtest.Config{People: 2})
	const ana = "/api/admin/user-admin/3"
	before := c.call("GET", ana, "").json(t)
	changed := c.call("PUT", ana, `{"email":"Ana.Silva@Example.com"}`).json(t)
	if changed["email"] != "ana.silva@example.com" || changed["id"] != 3.0 {
		t.Errorf("answered %v", changed)
	}
	after := c.call("GET", ana, "").json(t)
	before["email"] = "ana.silva@example.com"
	if fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("it is %v now, want %v", after, before)
	}
	c.wantStatus("reset of the old address", c.reset("ana.adler@example.com"), 404)
	c.wantMails("ana.silva@example.com", 0)
	c.wantStatus("reset of the new address", c.reset("ana.silva@example.com"), 200)
	c.wantMails("ana.silva@example.com", 1)
}

// Measured on 7.6.5.
func TestAnswersToChangesThatNoDocumentHas(t *testing.T) {
	c := start(t, unleashtest.Config{People: 2})
	const ana = "/api/admin/user-admin/3"
	for _, x := range []struct {
		what, method, path, body, name string
		status                         int
	}{
		{"another's address", "PUT", ana, `{"email":"BEN.brandt@example.com"}`, "UnknownError", 500},
		{"no address", "PUT", ana, `{"email":"nonsense"}`, "BadDataError", 400},
		{"a number", "PUT", ana, `{"email":7}`, "BadDataError", 400},
		{"an id that is none", "PUT", "/api/admin/user-admin/abc", `{"email":"x@example.com"}`, "BadDataError", 400},
		{"a short password", "POST", ana + "/change-password", `{"password":"Sh0rt!"}`, "OwaspValidationError", 400},
		{"no upper case", "POST", ana + "/change-password", `{"password":"correct-horse-9"}`, "OwaspValidationError", 400},
		{"no lower case", "POST", ana + "/change-password", `{"password":"CORRECT-HORSE-9"}`, "OwaspValidationError", 400},
		{"no digit", "POST", ana + "/change-password", `{"password":"Correct-Horse-"}`, "OwaspValidationError", 400},
		{"no special character", "POST", ana + "/change-password", `{"password":"CorrectHorse9"}`, "OwaspValidationError", 400},
		{"no password", "POST", ana + "/change-password", `{}`, "BadDataError", 400},
	} {
		if a := c.call(x.method, x.path, x.body); a.status != x.status || a.name(t) != x.name {
			t.Errorf("%s: %d %s, want %d %s", x.what, a.status, a.body, x.status, x.name)
		}
	}
	for _, nothing := range []string{`{"email":""}`, `{"email":null}`, `{}`} {
		if got := c.call("PUT", ana, nothing).json(t)["email"]; got != "ana.adler@example.com" {
			t.Errorf("%s makes the address %v", nothing, got)
		}
	}
	c.wantViolations()
	c.wantStatus("unknown property", c.call("PUT", ana, `{"mail":"x@example.com"}`), 200)
	c.wantViolations(sandbox.UnknownProperty)
}

func TestAPasswordThatIsSetKillsTheLinkAndMailsNobody(t *testing.T) {
	c := start(t, unleashtest.Config{})
	ana := c.srv.AddUser(unleashtest.User{Email: "ana@example.com", Invited: true})
	c.wantStatus("password", c.call("POST", fmt.Sprintf("/api/admin/user-admin/%d/change-password", ana.ID), `{"password":"Correct-Horse-9"}`), 200)
	if link := c.inviteLink("ana@example.com"); link != "" {
		t.Errorf("there is still %s", link)
	}
	c.wantMails("ana@example.com", 0)
}

func TestWhoIsDeletedIsGoneAndTheIdIsNotGivenAgain(t *testing.T) {
	c := start(t, unleashtest.Config{People: 2})
	last := c.srv.Users()[3]
	c.wantStatus("deletion", c.call("DELETE", fmt.Sprintf("/api/admin/user-admin/%d", last.ID), ""), 200)
	c.wantStatus("reset", c.reset(last.Email), 404)
	if strings.Contains(c.call("GET", "/api/admin/user-admin", "").body, last.Email) {
		t.Error("the list shows who was deleted")
	}
	if next := c.srv.AddUser(unleashtest.User{Email: "next@example.com"}); next.ID != last.ID+1 {
		t.Errorf("the next one has the id %d", next.ID)
	}
}

func TestNeitherViewersNorMaintenanceLetAnythingBeChanged(t *testing.T) {
	viewer, down := start(t, unleashtest.Config{Forbidden: true, People: 1}), start(t, unleashtest.Config{People: 1})
	down.srv.SetMaintenance(true)
	for _, x := range []struct{ method, path, body string }{
		{"PUT", "/api/admin/user-admin/3", `{"email":"x@example.com"}`},
		{"POST", "/api/admin/user-admin/3/change-password", `{"password":"Correct-Horse-9"}`},
		{"DELETE", "/api/admin/user-admin/3", ""},
	} {
		viewer.wantStatus(x.method, viewer.call(x.method, x.path, x.body), 403)
		down.wantStatus(x.method, down.call(x.method, x.path, x.body), 503)
	}
	for _, c := range []*caller{viewer, down} {
		if users := c.srv.Users(); len(users) != 3 || users[2].Email != "ana.adler@example.com" {
			t.Errorf("there are now %v", users)
		}
	}
}
