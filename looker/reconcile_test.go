package looker_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
)

func reconcile(t *testing.T, client *looker.Client, before ...resetter.Account) []resetter.Finding {
	t.Helper()
	findings, err := client.Reconcile(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	if len(findings) != len(before) {
		t.Fatalf("%d findings about %d accounts", len(findings), len(before))
	}
	for i, f := range findings {
		if f.Evidence == "" {
			t.Errorf("nothing is said about %s", before[i].Email)
		}
	}
	return findings
}

func TestAResetWhoseAnswerWasLostIsFoundToBeDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, user := range []lookertest.User{{Email: "ana@example.com"}, {Email: "new@example.com", NeverSetUp: true}} {
			for _, done := range []bool{true, false} {
				srv, client := inMemory(t, lookertest.Config{})
				srv.AddUser(user)
				before := resolve(t, client, resetter.Email(user.Email))
				srv.Inject(sandbox.Fault{Kind: sandbox.Drop, On: sandbox.Reset, Processed: done})
				if _, err := client.Reset(t.Context(), before); !errors.Is(err, resetter.ErrUnknownOutcome) {
					t.Fatal(err)
				}
				finding := reconcile(t, client, before)[0]
				if finding.Done != done || srv.Mailbox().Count(user.Email) != map[bool]int{true: 1}[done] {
					t.Errorf("%s: mailed %v, found %+v", user.Email, done, finding)
				}
				if calls := srv.Calls(sandbox.Reset); calls != 1 {
					t.Errorf("%d resets", calls)
				}
			}
		}
	})
}

func TestOnlyALinkThatWasNotThereProvesAReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			none   = "reset link none, set-up link none"
			live   = "reset link live, set-up link none"
			setup  = "reset link none, set-up link live"
			unread = "reset link unread, set-up link unread"
		)
		for _, c := range []struct {
			before  string
			pending bool
			after   string // what the credential says
			done    bool
		}{
			{none, false, `"password_reset_url_expired":false,"account_setup_url_expired":true`, true},
			{none, false, `"password_reset_url_expired":false`, true},
			{setup, false, `"password_reset_url_expired":false`, true},
			{none, true, `"account_setup_url_expired":false`, true},
			{live, true, `"account_setup_url_expired":false`, true},
			{"reset link none, set-up link unread", true, `"password_reset_url_expired":false`, true}, // some tell of that one alone
			{none, true, `"password_reset_url_expired":false,"account_setup_url_expired":true`, true},

			{none, false, `"password_reset_url_expired":true,"account_setup_url_expired":true`, false},
			{none, false, `"password_reset_url_expired":true,"account_setup_url_expired":false`, false},
			{none, false, `"account_setup_url_expired":false`, false},
			{none, false, `"password_reset_url_expired":null`, false},
			{none, false, `"email":"ana@example.com"`, false},
			{setup, true, `"account_setup_url_expired":false,"password_reset_url_expired":true`, false},
			{live, false, `"password_reset_url_expired":false`, false},
			{setup, true, `"account_setup_url_expired":false`, false},
			{unread, false, `"password_reset_url_expired":false`, false},
			{"", false, `"password_reset_url_expired":false`, false},
			{"no live link", false, `"password_reset_url_expired":false`, false},
			{"Reset link none, set-up link none", false, `"password_reset_url_expired":false`, false},
			{none + " ", false, `"password_reset_url_expired":false`, false},
		} {
			srv, client := inMemory(t, lookertest.Config{})
			srv.Inject(answer(sandbox.Get, 200, `{"user_id":"7",`+c.after+`}`))
			before := resetter.Account{ID: "7", Email: "ana@example.com", SetupPending: c.pending, Evidence: c.before}
			if finding := reconcile(t, client, before)[0]; finding.Done != c.done {
				t.Errorf("set-up pending %v, before %q, after %s: %+v", c.pending, c.before, c.after, finding)
			}
		}
	})
}

func TestWhatCannotBeComparedIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{})
		f := reconcile(t, client,
			resetter.Account{ID: "7", Evidence: "reset link live, set-up link none"},
			resetter.Account{ID: "8", Evidence: "of another version"},
			resetter.Account{ID: "1/..", Evidence: "reset link none, set-up link none"},
			resetter.Account{Evidence: "reset link none, set-up link none"})
		if !strings.Contains(f[0].Evidence, "a reset link lived before") {
			t.Errorf("%+v", f[0])
		}
		reconcile(t, client)
		if n := len(srv.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestManyAccountsAreReadAgainInFewCalls(t *testing.T) {
	virtually(t, lookertest.Config{People: 250}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
		var before []resetter.Account
		for _, u := range srv.Users()[1:] {
			before = append(before, resolve(t, client, resetter.ID(u.ID)))
		}
		for i, a := range before {
			if i%3 == 0 {
				if _, err := client.Reset(t.Context(), a); err != nil {
					t.Fatal(err)
				}
			}
		}
		gets := srv.Calls(sandbox.Get)
		slices.Reverse(before)
		for i, f := range reconcile(t, client, before...) {
			if mailed := srv.Mailbox().Count(before[i].Email) == 1; f.Done != mailed {
				t.Errorf("%s: mailed %v, found %+v", before[i].Email, mailed, f)
			}
		}
		if lists, again := srv.Calls(sandbox.List), srv.Calls(sandbox.Get)-gets; lists != 3 || again != 0 {
			t.Errorf("%d lists and %d single look-ups for 250 accounts, want 3 and none", lists, again)
		}
	})
}

func TestWhoIsNotInTheListIsReadAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, list := range map[string]func([]resetter.Account) sandbox.Fault{
			"refused": func([]resetter.Account) sandbox.Fault { return answer(sandbox.List, 400, message("Bad request")) },
			"empty":   func([]resetter.Account) sandbox.Fault { return answer(sandbox.List, 200, `[]`) },
			"without credentials": func(b []resetter.Account) sandbox.Fault {
				return answer(sandbox.List, 200, fmt.Sprintf(`[{"id":%q},{"id":%q}]`, b[0].ID, b[1].ID))
			},
			"somebody else's": func(b []resetter.Account) sandbox.Fault {
				credential := `{"user_id":"999","password_reset_url_expired":%v}`
				return answer(sandbox.List, 200, fmt.Sprintf(`[{"id":"998","credentials_email":`+credential+`},{"id":%q,"credentials_email":`+credential+`},{"id":%q,"credentials_email":`+credential+`}]`,
					false, b[0].ID, true, b[1].ID, false))
			},
		} {
			srv, client := inMemory(t, lookertest.Config{People: 2})
			before := []resetter.Account{resolve(t, client, resetter.ID("101")), resolve(t, client, resetter.ID("102"))}
			if _, err := client.Reset(t.Context(), before[0]); err != nil {
				t.Fatal(err)
			}
			srv.Inject(list(before))
			if f := reconcile(t, client, before...); !f[0].Done || f[1].Done {
				t.Errorf("%s: %+v", name, f)
			}
		}
	})
}

func TestWhoIsGoneLeavesTheOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{People: 2})
		before := []resetter.Account{
			{ID: "999", Email: "gone@example.com", Evidence: "reset link none, set-up link none"},
			resolve(t, client, resetter.ID("101")),
			{ID: "1,2", Evidence: "reset link none, set-up link none"},
		}
		if _, err := client.Reset(t.Context(), before[1]); err != nil {
			t.Fatal(err)
		}
		f := reconcile(t, client, before...)
		if f[0].Done || !strings.Contains(f[0].Evidence, "gone") || !f[1].Done || f[2].Done {
			t.Errorf("%+v", f)
		}
		srv.Inject(answer(sandbox.Get, 422, fields))
		if f := reconcile(t, client, before[0]); f[0].Done || !strings.Contains(f[0].Evidence, "is not an address") {
			t.Errorf("%+v", f)
		}
	})
}

func TestAReadingAboutSomebodyElseProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for body, stop := range map[string]bool{
			`{"user_id":"8","password_reset_url_expired":false}`: true,
			`{"password_reset_url_expired":false}`:               false,
		} {
			srv, client := inMemory(t, lookertest.Config{})
			srv.Inject(answer(sandbox.Get, 200, body))
			_, err := client.Reconcile(t.Context(), []resetter.Account{{ID: "7", Evidence: "reset link none, set-up link none"}})
			if e := want(t, err, resetter.ErrUnavailable); e.Stop != stop {
				t.Errorf("%s: %+v", body, e)
			}
		}
	})
}

func TestWhatMeetsEverybodyIsAnErrorOfTheReconciling(t *testing.T) {
	before := []resetter.Account{{ID: "101", Evidence: "reset link none, set-up link none"}, {ID: "102", Evidence: "reset link none, set-up link none"}}
	for _, c := range []ruling{
		{status: 401, body: message("Requires authentication."), kind: resetter.ErrUnauthorized},
		{status: 403, body: message("Permission denied."), kind: resetter.ErrForbidden},
		{status: 404, body: page, kind: resetter.ErrRejected},
		{status: 429, body: message("Too many requests."), kind: resetter.ErrRateLimited},
		{status: 503, body: page, kind: resetter.ErrUnavailable},
		{status: 200, body: "{}", kind: resetter.ErrUnavailable},
		{status: 200, body: page, kind: resetter.ErrUnavailable},
	} {
		for _, on := range []sandbox.Operation{sandbox.List, sandbox.Get} {
			virtually(t, lookertest.Config{People: 2}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
				srv.Inject(answer(on, c.status, c.body))
				if on == sandbox.Get {
					srv.Inject(answer(sandbox.List, 200, "[]"))
				}
				findings, err := client.Reconcile(resetter.WithWaitsHandedBack(t.Context()), before)
				want(t, err, c.kind)
				if findings != nil {
					t.Errorf("%d: findings beside an error: %+v", c.status, findings)
				}
			})
		}
	}
}

func TestReconcilingChangesNothingAndAsksForNoLink(t *testing.T) {
	tap := &wiretap{}
	srv, client := start(t, lookertest.Config{People: 3}, transport.WithLinks(), transport.WithDialContext(tap.dial))
	var before []resetter.Account
	for _, u := range srv.Users()[1:] {
		before = append(before, resolve(t, client, resetter.ID(u.ID)))
		srv.Inject(sandbox.Fault{Kind: sandbox.Drop, On: sandbox.Reset, Processed: true, Person: u.Email})
		_, _ = client.Reset(t.Context(), before[len(before)-1])
	}
	resets, mails := srv.Calls(sandbox.Reset), srv.Mailbox().Len()
	reconcile(t, client, before...)
	reconcile(t, client, before[0])
	for _, r := range srv.Requests() {
		if r.Operation == sandbox.Update {
			t.Errorf("%v", r)
		}
	}
	if srv.Calls(sandbox.Reset) != resets || srv.Mailbox().Len() != mails {
		t.Error("reconciling mailed somebody")
	}
	for _, m := range srv.Mailbox().Mails() {
		if strings.Contains(tap.received(), m.Link) {
			t.Error("a link crossed the wire")
		}
	}
}

func TestAfterAnHourAResetIsNotFoundAnyMore(t *testing.T) {
	virtually(t, lookertest.Config{}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
		srv.AddUser(lookertest.User{Email: "ana@example.com"})
		before := resolve(t, client, resetter.Email("ana@example.com"))
		if _, err := client.Reset(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Minute)
		if !reconcile(t, client, before)[0].Done {
			t.Error("not found within the hour")
		}
		time.Sleep(time.Minute)
		if f := reconcile(t, client, before)[0]; f.Done || !strings.Contains(f.Evidence, "60 minutes") {
			t.Errorf("%+v", f)
		}
	})
}

func FuzzEvidenceIsUnderstoodOrTellsNothing(f *testing.F) {
	const nothing = "reset link unread, set-up link unread"
	for _, reset := range []string{"none", "live", "unread"} {
		for _, setup := range []string{"none", "live", "unread"} {
			evidence := "reset link " + reset + ", set-up link " + setup
			if looker.Reread(evidence) != evidence {
				f.Errorf("%q is not understood", evidence)
			}
			f.Add(evidence)
		}
	}
	for _, other := range []string{"", "no live link", "live link", "reset link none", "reset link none, set-up link none\n", "{}"} {
		f.Add(other)
	}
	f.Fuzz(func(t *testing.T, evidence string) {
		if got := looker.Reread(evidence); got != evidence && got != nothing {
			t.Errorf("%q is taken for %q", evidence, got)
		}
	})
}
