package looker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
)

func resolveBatch(t *testing.T, client *looker.Client, ids ...resetter.Identity) []resetter.Resolution {
	t.Helper()
	found, err := client.ResolveBatch(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(ids) {
		t.Fatalf("%d resolutions of %d identities", len(found), len(ids))
	}
	return found
}

func TestManyIdsAreLookedUpInOneCall(t *testing.T) {
	virtually(t, lookertest.Config{People: 200}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
		size := client.BatchSize(resetter.ByID)
		var ids []resetter.Identity
		for _, u := range srv.Users()[1 : size+1] {
			ids = append([]resetter.Identity{resetter.ID(u.ID)}, ids...)
		}
		for i, r := range resolveBatch(t, client, ids...) {
			if r.Err != nil || r.Account != resolve(t, client, ids[i]) {
				t.Errorf("%s is %+v", ids[i], r)
			}
		}
		if lists, singles := srv.Calls(sandbox.List), srv.Calls(sandbox.Get); lists != 1 || singles != size {
			t.Errorf("%d lists, and %d single look-ups, of which %d were the test's own", lists, singles, size)
		}
	})
}

func TestAnAddressInABatchCostsOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{People: 6})
		var ids []resetter.Identity
		for _, u := range srv.Users()[1:] {
			ids = append(ids, resetter.Email(u.Email))
		}
		for i, r := range resolveBatch(t, client, ids...) {
			if r.Err != nil || r.Account.Email != ids[i].Value {
				t.Errorf("%s is %+v", ids[i], r)
			}
		}
		if n := srv.Calls(sandbox.Find); n != 6 || len(srv.Requests()) != 7 {
			t.Errorf("%d look-ups for 6 addresses: %v", n, srv.Requests())
		}
	})
}

// A batch promises of each what Resolve promises, so it is held against it.
func TestABatchFindsWhomResolveFinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{FoldCase: true})
		for _, u := range []lookertest.User{
			{ID: "7", Email: "a_b@example.com"}, {ID: "17", Email: "axb@example.com"}, {ID: "70", Email: "off@example.com", Disabled: true},
			{ID: "71", Email: "sso@example.com", SSOOnly: true}, {ID: "72", Email: "new@example.com", NeverSetUp: true},
			{ID: "73", Email: "team@example.com", SSOOnly: true}, {ID: "74", Email: "TEAM@example.com", SSOOnly: true},
		} {
			srv.AddUser(u)
		}
		ids := []resetter.Identity{
			resetter.ID("7"), resetter.Email("a_b@example.com"), resetter.Email("A_B@EXAMPLE.com"), resetter.ID("17"), resetter.ID("7"),
			resetter.ID("70"), resetter.ID("71"), resetter.ID("72"), resetter.Email("off@example.com"), resetter.Email("sso@example.com"),
			resetter.ID("999"), resetter.ID("7,17"), resetter.ID("07"), resetter.ID("1/.."), resetter.ID(""), resetter.Email("_x_@example.com"),
			resetter.Email("%@example.com"), resetter.Email("team@example.com"), resetter.Username("ana"), {}, resetter.Email("7"),
		}
		for i, r := range resolveBatch(t, client, ids...) {
			account, err := client.Resolve(t.Context(), ids[i])
			if r.Account != account || fmt.Sprint(r.Err) != fmt.Sprint(err) {
				t.Errorf("%q:\n%+v, %v in a batch\n%+v, %v alone", ids[i], r.Account, r.Err, account, err)
			}
		}
		if r := resolveBatch(t, client, resetter.Email("team@example.com"))[0]; !strings.Contains(want(t, r.Err, resetter.ErrAmbiguous).Error(), "2 users") {
			t.Errorf("%v does not say how many", r.Err)
		}
		resolveBatch(t, client)
	})
}

func TestWhoIsNamedTwiceInABatchIsAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{People: 1})
		ana := srv.Users()[1]
		resolveBatch(t, client, resetter.Email(ana.Email), resetter.Email(ana.Email), resetter.ID("999"), resetter.ID("999"))
		if finds, gets := srv.Calls(sandbox.Find), srv.Calls(sandbox.Get); finds != 1 || gets != 1 {
			t.Errorf("%d and %d look-ups", finds, gets)
		}
	})
}

func TestAListThatSaysLittleHasEachLookedUpAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, list := range []sandbox.Fault{
			answer(sandbox.List, 200, `[]`),
			answer(sandbox.List, 200, `[{"id":"101","email":"somebody@example.com"},{"email":"x@example.com"}]`),
			answer(sandbox.List, 200, `[{"id":"101","credentials_email":{"user_id":"102","email":"somebody@example.com"}}]`),
			answer(sandbox.List, 400, message("ids are numbers")),
			answer(sandbox.List, 404, message("Not found")),
			answer(sandbox.List, 414, ""),
			answer(sandbox.List, 422, fields),
		} {
			srv, client := inMemory(t, lookertest.Config{People: 2})
			srv.Inject(list)
			for i, r := range resolveBatch(t, client, resetter.ID("101"), resetter.ID("102")) {
				if u := srv.Users()[i+1]; r.Err != nil || r.Account.Email != u.Email || r.Account.Ineligible != "" {
					t.Errorf("after %d %s: %+v", list.Status, list.Body, r)
				}
			}
		}
	})
}

func TestWhatMeetsEverybodyIsAnErrorOfTheBatch(t *testing.T) {
	for _, on := range []sandbox.Operation{sandbox.List, sandbox.Get, sandbox.Find} {
		for _, c := range []ruling{
			{status: 401, body: message("Requires authentication."), kind: resetter.ErrUnauthorized},
			{status: 403, body: message("Permission denied."), kind: resetter.ErrForbidden},
			{status: 404, body: page, kind: resetter.ErrRejected},
			{status: 429, body: message("Too many requests."), kind: resetter.ErrRateLimited},
			{status: 503, body: page, kind: resetter.ErrUnavailable},
			{status: 200, body: page, kind: resetter.ErrUnavailable},
			{status: 200, body: "{}", kind: resetter.ErrUnavailable},
		} {
			virtually(t, lookertest.Config{People: 3}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
				srv.Inject(answer(on, c.status, c.body))
				if on == sandbox.Get {
					srv.Inject(answer(sandbox.List, 200, "[]"))
				}
				ids := []resetter.Identity{resetter.ID("101"), resetter.ID("102"), resetter.Email(srv.Users()[3].Email)}
				if on == sandbox.Find { // before anybody is found
					slices.Reverse(ids)
				}
				found, err := client.ResolveBatch(resetter.WithWaitsHandedBack(t.Context()), ids)
				want(t, err, c.kind)
				if found != nil {
					t.Errorf("%s %d: resolutions beside an error: %+v", on, c.status, found)
				}
			})
		}
	}
}

func TestAPauseInTheMiddleOfABatchKeepsWhoWasFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{People: 3})
		var ids []resetter.Identity
		for _, u := range srv.Users()[1:] {
			ids = append(ids, resetter.Email(u.Email))
		}
		srv.Inject(sandbox.Fault{Kind: sandbox.Throttle, On: sandbox.Find, Skip: 2, Times: 1})
		found, err := client.ResolveBatch(resetter.WithWaitsHandedBack(t.Context()), ids)
		if err != nil || len(found) != 3 || found[0].Err != nil || found[1].Account.Email != ids[1].Value {
			t.Fatalf("found %+v, %v", found, err)
		}
		if e := want(t, found[2].Err, resetter.ErrRateLimited); e.Until.IsZero() {
			t.Errorf("%+v does not say when to come again", e)
		}
		for i, r := range resolveBatch(t, client, ids...) { // and this one waits by itself
			if r.Err != nil || r.Account.Email != ids[i].Value {
				t.Errorf("%s is %+v", ids[i], r)
			}
		}
	})
}

func TestWhatIsMalformedInABatchReachesNoServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{})
		for _, r := range resolveBatch(t, client, resetter.ID("1/.."), resetter.ID("1?fields=id"), resetter.ID(""), resetter.Email("ana")) {
			want(t, r.Err, resetter.ErrInvalid)
		}
		if n := len(srv.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestABatchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{People: 3})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := client.ResolveBatch(ctx, []resetter.Identity{resetter.ID("101"), resetter.ID("102"), resetter.Email("ana@example.com")})
		want(t, err, resetter.ErrNotStarted)
		if n := len(srv.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestABatchAsksForNoLinkAndMailsNobody(t *testing.T) {
	tap := &wiretap{}
	srv, client := start(t, lookertest.Config{People: 2}, transport.WithLinks(), transport.WithDialContext(tap.dial))
	for _, id := range []string{"101", "102"} {
		if _, err := client.Reset(t.Context(), resetter.Account{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	before := tap.received()
	resolveBatch(t, client, resetter.ID("101"), resetter.ID("102"), resetter.Email(srv.Users()[1].Email))
	for _, m := range srv.Mailbox().Mails() {
		if strings.Contains(tap.received()[len(before):], m.Link) {
			t.Error("a link crossed the wire")
		}
	}
	if n := srv.Mailbox().Len(); n != 2 {
		t.Errorf("%d mails", n)
	}
}

func TestAnIdWithZerosInFrontIsNobodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{})
		srv.Inject(answer(sandbox.Get, 200, `{"id":"7","email":"ana@example.com"}`))
		_, err := client.Resolve(t.Context(), resetter.ID("007"))
		if e := want(t, err, resetter.ErrNotFound); e.Stop || !strings.Contains(e.Error(), "reads it as 7") {
			t.Errorf("%+v", e)
		}
	})
}
