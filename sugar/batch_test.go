package sugar_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/sugar"
	"github.com/seed57652884/resetctl/sugar/sugartest"
)

// resolveAll looks up everybody, a batch at a time. They must all be found.
func resolveAll(t *testing.T, client *sugar.Client, ids ...resetter.Identity) []resetter.Account {
	t.Helper()
	var accounts []resetter.Account
	for at := 0; at < len(ids); at += client.BatchSize(resetter.ByEmail) {
		batch := ids[at:min(at+client.BatchSize(resetter.ByEmail), len(ids))]
		found, err := client.ResolveBatch(t.Context(), batch)
		if err != nil || len(found) != len(batch) {
			t.Fatalf("%d resolutions for %d identities, %v", len(found), len(batch), err)
		}
		for i, r := range found {
			if r.Err != nil {
				t.Fatalf("%s: %v", batch[i], r.Err)
			}
			accounts = append(accounts, r.Account)
		}
	}
	return accounts
}

// kinds are the ways to name a user.
var kinds = map[string]func(sugartest.User) resetter.Identity{
	"by address":   func(u sugartest.User) resetter.Identity { return resetter.Email(u.Email) },
	"by user name": func(u sugartest.User) resetter.Identity { return resetter.Username(u.UserName) },
	"by id":        func(u sugartest.User) resetter.Identity { return resetter.ID(u.ID) },
}

// recordOf is a user as a filter answers.
func recordOf(u sugartest.User) map[string]any {
	return map[string]any{"id": u.ID, "user_name": u.UserName, "email": []any{map[string]any{"email_address": u.Email, "primary_address": true}}}
}

func TestManyAreLookedUpWithFewFilters(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]func(sugartest.User, int) resetter.Identity{
		"by address":   func(u sugartest.User, _ int) resetter.Identity { return resetter.Email(strings.ToUpper(u.Email)) },
		"by user name": func(u sugartest.User, _ int) resetter.Identity { return resetter.Username(u.UserName) },
		"by id":        func(u sugartest.User, _ int) resetter.Identity { return resetter.ID(u.ID) },
		"by turns": func(u sugartest.User, i int) resetter.Identity {
			return []resetter.Identity{resetter.Email(u.Email), resetter.Username(u.UserName), resetter.ID(u.ID)}[i%3]
		},
	} {
		srv, client := start(t, sugartest.Config{People: 300, PageSize: 20})
		people := srv.Users()[2:]
		var ids []resetter.Identity
		for i := range 200 {
			ids = append(ids, kind(people[(i*7)%len(people)], i))
		}
		for i, account := range resolveAll(t, client, ids...) {
			want := people[(i*7)%len(people)]
			if account.ID != want.ID || account.Email != want.Email || account.Username != want.UserName || account.Ineligible != "" {
				t.Errorf("%s: %s is %+v", name, ids[i], account)
			}
		}
		if n := srv.Calls(sandbox.Find) + srv.Calls(sandbox.Get); n > 20 {
			t.Errorf("%s: %d look-ups for 200 people", name, n)
		}
	}
}

func TestABatchComparesExactly(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	ana := srv.AddUser(sugartest.User{UserName: "ana", Email: "a_b@example.com", OtherEmails: []string{"old@example.com", "shared@example.com"}})
	srv.AddUser(sugartest.User{UserName: "axb", Email: "axb@example.com", OtherEmails: []string{"Shared@example.com"}})
	srv.AddUser(sugartest.User{UserName: "off", Email: "off@example.com", Inactive: true})
	found, err := client.ResolveBatch(t.Context(), []resetter.Identity{
		resetter.Email("A_B@example.COM"), resetter.Email("old@example.com"), resetter.Email("shared@example.com"), resetter.Email("none@example.com"),
		resetter.Username("ana"), resetter.Username("ANA"), resetter.ID(ana.ID), resetter.ID(strings.ToUpper(ana.ID)),
		resetter.ID("../me"), resetter.Email("off@example.com"), resetter.Email("a_b@example.com"),
	})
	if err != nil || len(found) != 11 {
		t.Fatalf("%d resolutions, %v", len(found), err)
	}
	for i, kind := range map[int]resetter.Kind{1: resetter.ErrIneligible, 2: resetter.ErrAmbiguous, 3: resetter.ErrNotFound, 5: resetter.ErrNotFound, 7: resetter.ErrNotFound, 8: resetter.ErrInvalid} {
		if e := want(t, found[i].Err, kind); e.Account == "" || e.Stop || found[i].Account != (resetter.Account{}) {
			t.Errorf("%d: %+v", i, e)
		}
	}
	if e := want(t, found[2].Err, resetter.ErrAmbiguous); !strings.Contains(e.Error(), "2 users") {
		t.Errorf("got %v", e)
	}
	for _, i := range []int{0, 4, 6, 10} {
		if found[i].Err != nil || found[i].Account.ID != ana.ID {
			t.Errorf("%d: %+v", i, found[i])
		}
	}
	if r := found[9]; r.Err != nil || !strings.Contains(r.Account.Ineligible, "inactive") {
		t.Errorf("got %+v", r)
	}
}

// A user may come once for each address that was asked for, and again where
// somebody is made while the pages are read.
func TestOneUserOnSeveralPagesIsOne(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	const ana = `{"id":"7","user_name":"ana","email":[{"email_address":"ana@example.com","primary_address":true}]}`
	srv.Inject(
		sandbox.Fault{Kind: sandbox.Answer, On: sandbox.Find, Status: 200, Times: 1, Body: `{"next_offset":2,"records":[` + ana + `,` + ana + `]}`},
		answer(sandbox.Find, 200, `{"next_offset":-1,"records":[`+ana+`]}`))
	accounts := resolveAll(t, client, resetter.Email("ana@example.com"), resetter.Email("ANA@example.com"))
	if len(accounts) != 2 || accounts[0].ID != "7" || accounts[1].ID != "7" {
		t.Errorf("got %+v", accounts)
	}
}

// Between two pages people move up: somebody is renamed or leaves, and whoever
// would have begun the next page is on none.
func TestWhoIsOnNoneOfSeveralPagesIsAskedForAlone(t *testing.T) {
	for name, kind := range kinds {
		srv, client := start(t, sugartest.Config{People: 4})
		people := srv.Users()[2:]
		for page, next := range []int{1, -1} {
			body, err := json.Marshal(map[string]any{"next_offset": next, "records": []any{recordOf(people[2*page])}})
			if err != nil {
				t.Fatal(err)
			}
			srv.Inject(once(answer(sandbox.Find, 200, string(body))))
		}
		ids := []resetter.Identity{kind(people[0]), kind(people[1]), kind(people[2]), kind(sugartest.User{ID: "99", UserName: "none", Email: "none@example.com"})}
		found, err := client.ResolveBatch(t.Context(), ids)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range 3 {
			if found[i].Err != nil || found[i].Account.ID != people[i].ID {
				t.Errorf("%s: %s is %+v", name, ids[i], found[i])
			}
		}
		want(t, found[3].Err, resetter.ErrNotFound)
		if n := srv.Calls(sandbox.Find); n != 2+2 {
			t.Errorf("%s: %d filters for two pages and two who are on none", name, n)
		}
	}
}

func TestWhoIsNotOnTheOnlyPageIsNotThere(t *testing.T) {
	srv, client := start(t, sugartest.Config{People: 3})
	ids := []resetter.Identity{resetter.Email("none@example.com"), resetter.Email("nobody@example.com")}
	for _, user := range srv.Users()[2:] {
		ids = append(ids, resetter.Email(user.Email))
	}
	found, err := client.ResolveBatch(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range found {
		if i < 2 {
			want(t, r.Err, resetter.ErrNotFound)
		} else if r.Err != nil {
			t.Error(r.Err)
		}
	}
	if n := srv.Calls(sandbox.Find); n != 1 {
		t.Errorf("%d filters", n)
	}
}

// What is asked alone may be turned away, and what the pages had stays found.
func TestAPauseAfterSeveralPagesKeepsWhoWasFound(t *testing.T) {
	srv, client := start(t, sugartest.Config{People: 3, PageSize: 1})
	people := srv.Users()[2:]
	srv.Inject(sandbox.Fault{Kind: sandbox.Throttle, On: sandbox.Find, Skip: 2, Times: 1})
	ids := []resetter.Identity{resetter.Email("none@example.com"), resetter.Email("nobody@example.com"), resetter.Email(people[0].Email), resetter.Email(people[1].Email)}
	found, err := client.ResolveBatch(resetter.WithWaitsHandedBack(t.Context()), ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range found {
		if i < 2 {
			want(t, r.Err, resetter.ErrRateLimited)
		} else if r.Err != nil || r.Account.ID != people[i-2].ID {
			t.Errorf("%s is %+v", ids[i], r)
		}
	}
}

func TestNobodyToLookUpIsNoRequest(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	for _, ids := range [][]resetter.Identity{nil, {}, {{}, resetter.Email("ana"), resetter.ID("../me")}} {
		found, err := client.ResolveBatch(t.Context(), ids)
		if err != nil || len(found) != len(ids) {
			t.Errorf("%d resolutions, %v", len(found), err)
		}
		for _, r := range found {
			want(t, r.Err, resetter.ErrInvalid)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

const addressIn = "email_addresses.email_address $in"

// That addresses can be listed is nowhere documented. Where they cannot, people
// are found all the same, and it is not tried again.
func TestAnInstanceThatTakesNoListsOfAddressesIsAskedInAnotherWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config        sugartest.Config
		first, second int // filters for three people
	}{
		"it takes them":                                   {sugartest.Config{}, 1, 1},
		"it refuses them":                                 {sugartest.Config{FilterRefuses: []string{addressIn}}, 2, 1},
		"it refuses alternatives as well":                 {sugartest.Config{FilterRefuses: []string{addressIn, "$or"}}, 2 + 3, 3},
		"it finds nobody":                                 {sugartest.Config{FilterIgnores: []string{addressIn}}, 2, 1},
		"it finds nobody, and refuses alternatives":       {sugartest.Config{FilterIgnores: []string{addressIn}, FilterRefuses: []string{"$or"}}, 2 + 3, 3},
		"nobody is there at first":                        {sugartest.Config{}, 2, 1},
		"nobody is there at first, and it takes no lists": {sugartest.Config{FilterRefuses: []string{addressIn}}, 2, 1},
	} {
		srv, client := start(t, c.config)
		var ids []resetter.Identity
		for _, name := range []string{"ana", "bo", "cy"} {
			ids = append(ids, resetter.Email(name+"@example.com"))
		}
		later := strings.HasPrefix(name, "nobody")
		for round, filters := range []int{c.first, c.second} {
			if round == 0 != later {
				for _, name := range []string{"ana", "bo", "cy"} {
					srv.AddUser(sugartest.User{ID: name, UserName: name, Email: name + "@example.com"})
				}
			}
			before := srv.Calls(sandbox.Find)
			found, err := client.ResolveBatch(t.Context(), ids)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for i, r := range found {
				if later && round == 0 {
					want(t, r.Err, resetter.ErrNotFound)
				} else if r.Err != nil || !resetter.SameEmail(r.Account.Email, ids[i].Value) {
					t.Errorf("%s: %s is %+v, %v", name, ids[i], r.Account, r.Err)
				}
			}
			if n := srv.Calls(sandbox.Find) - before; n != filters {
				t.Errorf("%s: %d filters the time %d, want %d", name, n, round+1, filters)
			}
		}
		if account := resolveAll(t, client, resetter.Username("ana"), resetter.Username("bo")); len(account) != 2 {
			t.Errorf("%s: user names are not found any more", name)
		}
	}
}

func TestAFilterThatFailsSaysNothingOfAnybody(t *testing.T) {
	t.Parallel()
	for _, c := range []ruling{
		{401, label("invalid_grant"), resetter.ErrUnauthorized, true, "platform"},
		{403, label("not_authorized"), resetter.ErrForbidden, false, "administrator"},
		{404, page, resetter.ErrRejected, true, "no Sugar API"},
		{404, label("not_found"), resetter.ErrUnavailable, false, "404"},
		{422, label("invalid_parameter"), resetter.ErrUnavailable, false, "invalid_parameter"},
		{429, label("too_many_requests"), resetter.ErrRateLimited, false, "not before"},
		{200, "{}", resetter.ErrUnavailable, false, "no list of users"},
		{200, `{"next_offset":-1}`, resetter.ErrUnavailable, false, "no list of users"},
		{200, `{"next_offset":-1,"records":null}`, resetter.ErrUnavailable, false, "no list of users"},
		{200, `{"next_offset":-1,"records":[null]}`, resetter.ErrUnavailable, false, "without an id"},
		{200, `{"next_offset":0,"records":[]}`, resetter.ErrUnavailable, false, "circles"},
	} {
		srv, client := start(t, sugartest.Config{People: 2})
		srv.Inject(answer(sandbox.Find, c.status, c.body))
		found, err := client.ResolveBatch(resetter.WithWaitsHandedBack(t.Context()), []resetter.Identity{resetter.Email(srv.Users()[2].Email), resetter.Email(srv.Users()[3].Email)})
		if e := want(t, err, c.kind); e.Stop != c.stop || !strings.Contains(e.Error(), c.says) || found != nil {
			t.Errorf("%d %s: %+v, %v", c.status, c.body, e, found)
		}
	}
}

// A value that an instance does not take must not spoil the others, nor make it
// slow for good.
func TestAValueThatIsRefusedIsThatPersonsAlone(t *testing.T) {
	srv, client := start(t, sugartest.Config{People: 3})
	people := srv.Users()[2:]
	refusal := answer(sandbox.Find, 422, label("invalid_parameter"))
	refusal.Times = 3 // the list, the alternatives and the first by itself
	srv.Inject(refusal)
	ids := []resetter.Identity{resetter.Email(people[0].Email), resetter.Email(people[1].Email), resetter.Email(people[2].Email)}
	found, err := client.ResolveBatch(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	if e := want(t, found[0].Err, resetter.ErrInvalid); e.Account != people[0].Email || e.Code != "invalid_parameter" {
		t.Errorf("got %+v", e)
	}
	for i := 1; i < 3; i++ {
		if found[i].Err != nil || found[i].Account.ID != people[i].ID {
			t.Errorf("got %+v", found[i])
		}
	}
	before := srv.Calls(sandbox.Find)
	resolveAll(t, client, ids...)
	if n := srv.Calls(sandbox.Find) - before; n != 1 {
		t.Errorf("%d filters thereafter", n)
	}
}

func TestLookingManyUpMailsNobody(t *testing.T) {
	srv, client := start(t, sugartest.Config{People: 50})
	var ids []resetter.Identity
	for _, user := range srv.Users() {
		ids = append(ids, resetter.Email(user.Email))
	}
	resolveAll(t, client, ids...)
	if srv.Mailbox().Len() != 0 || srv.Calls(sandbox.Reset) != 0 {
		t.Errorf("%d mails", srv.Mailbox().Len())
	}
}
