package unleash_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/unleash"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

// resolveAll looks up everybody, who must all be found.
func resolveAll(t *testing.T, client *unleash.Client, ids ...resetter.Identity) []resetter.Account {
	t.Helper()
	found, err := client.ResolveBatch(t.Context(), ids)
	if err != nil || len(found) != len(ids) {
		t.Fatalf("%d resolutions for %d identities, %v", len(found), len(ids), err)
	}
	accounts := make([]resetter.Account, len(ids))
	for i, r := range found {
		if r.Err != nil {
			t.Fatalf("%s: %v", ids[i], r.Err)
		}
		accounts[i] = r.Account
	}
	return accounts
}

func TestManyAreLookedUpInOneReadingOfTheList(t *testing.T) {
	srv, client := start(t, unleashtest.Config{People: 300})
	var ids []resetter.Identity
	var want []unleashtest.User
	people := srv.Users()[2:]
	for i := range 200 {
		person := people[(i*7)%len(people)]
		id := resetter.Email(strings.ToUpper(person.Email))
		switch i % 3 {
		case 1:
			id = resetter.ID(strconv.Itoa(person.ID))
		case 2:
			id = resetter.Username(person.Username)
		}
		ids, want = append(ids, id), append(want, person)
	}
	for i, account := range resolveAll(t, client, ids...) {
		if account.ID != strconv.Itoa(want[i].ID) || account.Email != want[i].Email || account.Username != want[i].Username || account.Ineligible != "" {
			t.Errorf("%s is %+v", ids[i], account)
		}
	}
	if n := len(srv.Requests()); n != 1 || srv.Calls(sandbox.List) != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	if client.BatchSize(resetter.ByEmail) < 200 {
		t.Errorf("%d people in one call", client.BatchSize(resetter.ByEmail))
	}
}

func TestAListOfManyMebibytesIsRead(t *testing.T) {
	t.Parallel()
	srv, client := start(t, unleashtest.Config{People: 10_000})
	last := srv.Users()[10_001]
	if account := resolveAll(t, client, resetter.Email(last.Email))[0]; account.ID != strconv.Itoa(last.ID) {
		t.Errorf("got %+v", account)
	}
}

func TestABatchComparesExactly(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	for _, email := range []string{"axb@example.com", "a_b@example.com", "a_b@example.com.au", "xa_b@example.com", "ix@example.com"} {
		srv.AddUser(unleashtest.User{Email: email, Username: "name." + email[:3] + email[12:]})
	}
	srv.AddUser(unleashtest.User{Username: "x", Name: "a_c@example.com"})
	found, err := client.ResolveBatch(t.Context(), []resetter.Identity{
		resetter.Email("A_B@example.COM"), resetter.Email("_b@example.com"), resetter.Email("a_c@example.com"), resetter.Email("ıx@example.com"),
		resetter.Username("name.a_bcom"), resetter.Username("NAME.a_bcom"), resetter.Username("name"), resetter.Username("x"),
		resetter.ID("1"), resetter.ID("999"), resetter.Email("a_b@example.com"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, expected := range []string{"a_b@example.com", "", "", "", "a_b@example.com", "", "", "x", "admin", "", "a_b@example.com"} {
		r := found[i]
		switch {
		case expected == "":
			if e := want(t, r.Err, resetter.ErrNotFound); e.Account == "" || e.Advice == "" || e.Status != 0 || e.Stop {
				t.Errorf("%d: %+v", i, e)
			}
		case r.Err != nil, r.Account.Email != expected && r.Account.Username != expected:
			t.Errorf("%d is %+v, %v, want %s", i, r.Account, r.Err, expected)
		}
	}
}

func TestOneOfManyThatIsMalformedSpoilsNoOther(t *testing.T) {
	srv, client := start(t, unleashtest.Config{People: 1})
	malformed := []resetter.Identity{{}, resetter.Email("ana"), resetter.ID("../user"), resetter.ID("01"), resetter.ID("seven")}
	found, err := client.ResolveBatch(t.Context(), append(malformed, resetter.Email(srv.Users()[2].Email)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range malformed {
		want(t, found[i].Err, resetter.ErrInvalid)
	}
	if r := found[len(malformed)]; r.Err != nil || r.Account.Email != srv.Users()[2].Email {
		t.Errorf("got %+v", r)
	}
	before := len(srv.Requests())
	for _, ids := range [][]resetter.Identity{malformed, {}, nil} {
		if found, err := client.ResolveBatch(t.Context(), ids); err != nil || len(found) != len(ids) {
			t.Errorf("%v: %d resolutions, %v", ids, len(found), err)
		}
	}
	if n := len(srv.Requests()) - before; n != 0 {
		t.Errorf("%d requests for nobody", n)
	}
}

func TestSeveralOfOneNameAreAmbiguousAndCounted(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.Inject(answer(sandbox.List, 200, `{"rootRoles":[{"id":1,"users":[{"id":5,"email":"ana@example.com"}]}],"users":[
		{"id":7,"email":"ana@example.com","username":"ana"},{"id":8,"email":"ANA@example.com","username":"ana"},{"id":9,"email":"Ana@Example.com"}]}`))
	found, err := client.ResolveBatch(t.Context(), []resetter.Identity{resetter.Email("ana@example.com"), resetter.Username("ana"), resetter.ID("8")})
	if err != nil {
		t.Fatal(err)
	}
	for i, says := range []string{"3 users", "2 users"} {
		if e := want(t, found[i].Err, resetter.ErrAmbiguous); !strings.Contains(e.Error(), says) || found[i].Account != (resetter.Account{}) {
			t.Errorf("%+v, want %s", found[i], says)
		}
	}
	if found[2].Err != nil || found[2].Account.ID != "8" {
		t.Errorf("got %+v", found[2])
	}
}

func TestABatchSaysWhoCannotBeReset(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.Inject(answer(sandbox.List, 200, `{"users":[{"id":7,"email":"scim@example.com","scimId":"s-7"},{"id":8,"username":"nomail","inviteLink":null},
		{"id":9,"username":"bot","email":"bot@example.com","accountType":"Service Account"}]}`))
	for i, account := range resolveAll(t, client, resetter.Email("scim@example.com"), resetter.ID("8"), resetter.Username("bot")) {
		if why := []string{"SCIM", "no e-mail address", "service account"}[i]; !strings.Contains(account.Ineligible, why) {
			t.Errorf("ineligible %q, want %q", account.Ineligible, why)
		}
	}
}

func TestAListThatCannotBeReadSaysNothingOfAnybody(t *testing.T) {
	t.Parallel()
	const secret = `"inviteLink":"http://x/new-user?token=seen"`
	for _, c := range []ruling{
		{200, page, resetter.ErrUnavailable, true, "web page"},
		{200, `{}`, resetter.ErrUnavailable, false, "documentation"},
		{200, `[]`, resetter.ErrUnavailable, false, "documentation"},
		{200, `null`, resetter.ErrUnavailable, false, "documentation"},
		{200, `{"users":null}`, resetter.ErrUnavailable, false, "documentation"},
		{200, `{"users":{"id":7,` + secret + `}}`, resetter.ErrUnavailable, false, "documentation"},
		{200, `{"users":[{"id":"7",` + secret + `}]}`, resetter.ErrUnavailable, false, "documentation"},
		{200, `{"users":[{` + secret + `}]}`, resetter.ErrUnavailable, false, "documentation"},
		{200, `{"users":[{"id":7,` + secret + `}]`, resetter.ErrUnavailable, false, "broke off"},
		{200, `{"users":[{"id":7,` + secret, resetter.ErrUnavailable, false, "broke off"},
		{200, `{"users":[]}{"users":[{"id":7,` + secret + `}]}`, resetter.ErrUnavailable, false, "documentation"},
		{200, `{"users":[],"users":[{"id":7,` + secret + `}]}`, resetter.ErrUnavailable, false, "documentation"},
		{401, refusal("UnauthorizedError", "You must log in to use Unleash."), resetter.ErrUnauthorized, true, "check the token"},
		{403, refusal("PermissionError", "You need the ADMIN permission"), resetter.ErrForbidden, false, "administrator"},
		{404, page, resetter.ErrRejected, true, "no Unleash API"},
		{404, refusal("NotFoundError", "No user found"), resetter.ErrUnavailable, false, "404"},
		{400, badData, resetter.ErrUnavailable, false, "BadDataError"},
		{429, `{"message":"Too many requests"}`, resetter.ErrRateLimited, false, "not before"},
		{500, `{` + secret + `}`, resetter.ErrUnavailable, false, "500"},
	} {
		synctest.Test(t, func(t *testing.T) {
			pipe := sandbox.NewPipe()
			srv, client := start(t, unleashtest.Config{Sandbox: sandbox.Config{Listener: pipe}}, transport.WithDialContext(pipe.DialContext))
			fault := answer(sandbox.List, c.status, c.body)
			if strings.Contains(c.body, "<html>") {
				fault.Header = http.Header{"Content-Type": {"text/html"}}
			}
			srv.Inject(fault)
			ctx := resetter.WithWaitsHandedBack(t.Context())
			found, err := client.ResolveBatch(ctx, []resetter.Identity{resetter.ID("7"), resetter.Email("ana")})
			e := want(t, err, c.kind)
			if e.Stop != c.stop || !strings.Contains(e.Error(), c.says) || strings.Contains(e.Error(), "seen") || found != nil {
				t.Errorf("%d %s: stop %v: %v, %v\nwant stop %v, and %q said", c.status, c.body, e.Stop, e, found, c.stop, c.says)
			}
			if findings, err := client.Reconcile(ctx, []resetter.Account{{ID: "7", Evidence: "x"}}); err == nil || findings != nil {
				t.Errorf("%d %s: reconciled to %v", c.status, c.body, findings)
			}
		})
	}
}

func TestAListThatBreaksOffIsReadAnewAndNobodyIsCountedTwice(t *testing.T) {
	srv, client := start(t, unleashtest.Config{People: 500})
	srv.Inject(sandbox.Fault{Kind: sandbox.Cut, On: sandbox.List, Times: 1})
	var ids []resetter.Identity
	for _, person := range srv.Users()[2:] {
		ids = append(ids, resetter.Email(person.Email))
	}
	resolveAll(t, client, ids...)
	if n := srv.Calls(sandbox.List); n != 2 {
		t.Errorf("read %d times", n)
	}
}

// The list is made of what nobody may see.
func TestNothingOfTheListIsPrinted(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	srv, client := start(t, unleashtest.Config{}, transport.WithLogger(log))
	for i := range 50 {
		srv.AddUser(unleashtest.User{Email: fmt.Sprintf("p%d@example.com", i), Invited: true})
	}
	ids := []resetter.Identity{resetter.Email("p7@example.com"), resetter.Email("none@example.com")}
	found, err := client.ResolveBatch(t.Context(), ids)
	fmt.Fprintf(&out, "%v %+v %#v %v", found, found, found, err)
	findings, err := client.Reconcile(t.Context(), []resetter.Account{found[0].Account})
	fmt.Fprintf(&out, "%+v %v", findings, err)
	srv.Inject(sandbox.Fault{Kind: sandbox.Cut, On: sandbox.List})
	_, err = client.ResolveBatch(t.Context(), ids)
	fmt.Fprintf(&out, "%v %+v %#v", err, err, err)
	if !strings.Contains(out.String(), "attempt") || !strings.Contains(out.String(), "unleash1:") {
		t.Error("nothing was printed")
	}
	if strings.Contains(out.String(), srv.Canary()) || strings.Contains(out.String(), "new-user") {
		t.Errorf("a link shows in %s", out.String())
	}
}

func TestAViewersTokenMayNotReadTheList(t *testing.T) {
	_, client := start(t, unleashtest.Config{Forbidden: true})
	_, err := client.ResolveBatch(t.Context(), []resetter.Identity{resetter.ID("7")})
	want(t, err, resetter.ErrForbidden)
}
