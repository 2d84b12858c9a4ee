package unleash_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/unleash"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

// reconcile reads what became of one account.
func reconcile(t *testing.T, client *unleash.Client, before resetter.Account) resetter.Finding {
	t.Helper()
	findings, err := client.Reconcile(t.Context(), []resetter.Account{before})
	if err != nil || len(findings) != 1 {
		t.Fatalf("%d findings, %v", len(findings), err)
	}
	return findings[0]
}

func wantFinding(t *testing.T, got resetter.Finding, done bool, says string) {
	t.Helper()
	if got.Done != done || !strings.Contains(got.Evidence, says) {
		t.Errorf("found %+v, want %v: %q", got, done, says)
	}
}

func TestAResetWhoseAnswerWasLostIsFound(t *testing.T) {
	for _, invited := range []bool{true, false} {
		for _, carriedOut := range []bool{true, false} {
			srv, client := start(t, unleashtest.Config{})
			srv.AddUser(unleashtest.User{Email: "ana@example.com", Invited: invited})
			ana := resolveAll(t, client, resetter.Email("ana@example.com"))[0]
			srv.Inject(sandbox.Fault{Kind: sandbox.Drop, On: sandbox.Reset, Processed: carriedOut})
			if _, err := client.Reset(t.Context(), ana); !errors.Is(err, resetter.ErrUnknownOutcome) {
				t.Fatal(err)
			}
			says := map[[2]bool]string{
				{true, true}:   "another live reset link than before",
				{true, false}:  "the one from before",
				{false, true}:  "not there before",
				{false, false}: "no live reset link",
			}[[2]bool{invited, carriedOut}]
			wantFinding(t, reconcile(t, client, ana), carriedOut, says)
			if n := srv.Mailbox().Count("ana@example.com"); (n == 1) != carriedOut || n > 1 {
				t.Errorf("%d mails", n)
			}
		}
	}
}

func TestManyAreReconciledInOneReadingOfTheListAndInTheirOrder(t *testing.T) {
	srv, client := start(t, unleashtest.Config{People: 100})
	var ids []resetter.Identity
	for _, person := range srv.Users()[2:] {
		ids = append(ids, resetter.ID(strconv.Itoa(person.ID)))
	}
	before := resolveAll(t, client, ids...)
	for i := range before {
		if i%3 == 0 {
			if _, err := client.Reset(t.Context(), before[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	requests := len(srv.Requests())
	findings, err := client.Reconcile(t.Context(), append(before, before[0]))
	if err != nil || len(findings) != len(before)+1 || len(srv.Requests()) != requests+1 {
		t.Fatalf("%d findings with %d requests, %v", len(findings), len(srv.Requests())-requests, err)
	}
	for i, f := range findings {
		if f.Done != (i%len(before)%3 == 0) {
			t.Errorf("%d: %+v", i, f)
		}
	}
}

func TestWhatCannotBeComparedProvesNothing(t *testing.T) {
	srv, client := start(t, unleashtest.Config{PersonalPause: 1})
	ana := srv.AddUser(unleashtest.User{Email: "ana@example.com", Invited: true})
	before := resolveAll(t, client, resetter.Email("ana@example.com"))[0]
	if _, err := client.Reset(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, reconcile(t, client, before), true, "another live reset link")
	for says, change := range map[string]func(*resetter.Account){
		"was not read":           func(a *resetter.Account) { a.Evidence = "" },
		"another key":            func(a *resetter.Account) { a.Evidence = "unleash1:000000000000:0" },
		"with another key, so":   func(a *resetter.Account) { a.Evidence = "unleash2" + strings.TrimPrefix(a.Evidence, "unleash1") },
		"is not there any more":  func(a *resetter.Account) { a.ID = "999" },
		"so that it cannot be c": func(a *resetter.Account) { a.Evidence = "garbage" },
	} {
		other := before
		change(&other)
		wantFinding(t, reconcile(t, client, other), false, says)
	}
	srv.AddUser(unleashtest.User{ID: ana.ID, Email: "ana@example.com"}) // the link was used
	wantFinding(t, reconcile(t, client, before), false, "may have been used")
	if single := resolve(t, client, resetter.Email("ana@example.com")); single.Evidence != "" {
		t.Errorf("a search tells no link, and has the evidence %q", single.Evidence)
	}
}

// A run is reconciled by another process than the one that sent, and a key that
// was lost must not look like a link that changed.
func TestReadingsAreComparedUnderOneKeyAlone(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.AddUser(unleashtest.User{Email: "ana@example.com", Invited: true})
	credentials := unleash.Credentials{Token: resetter.NewSecret(srv.Token)}
	key := transport.WithEvidenceKey(resetter.NewSecret("0123456789abcdef0123456789abcdef"))
	one, two := connect(t, srv, srv.URL, credentials, key), connect(t, srv, srv.URL, credentials, key)
	keyless := resolveAll(t, client, resetter.Email("ana@example.com"))[0]
	keyed := resolveAll(t, one, resetter.Email("ana@example.com"))[0]

	wantFinding(t, reconcile(t, two, keyed), false, "the one from before")
	wantFinding(t, reconcile(t, two, keyless), false, "another key")
	wantFinding(t, reconcile(t, client, keyed), false, "another key")
	if _, err := one.Reset(t.Context(), keyed); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, reconcile(t, two, keyed), true, "another live reset link")
	wantFinding(t, reconcile(t, two, keyless), false, "another key")
}

// Evidence is kept in files. Who reads them learns nothing, not even whether
// two people are alike in having no link.
func TestEvidenceGivesNothingAway(t *testing.T) {
	srv, client := start(t, unleashtest.Config{People: 2})
	ana := srv.AddUser(unleashtest.User{Email: "ana@example.com", Invited: true})
	accounts := resolveAll(t, client, resetter.ID(strconv.Itoa(ana.ID)), resetter.Email(srv.Users()[2].Email), resetter.Email(srv.Users()[3].Email))
	seen := map[string]bool{}
	for _, a := range accounts {
		if !strings.HasPrefix(a.Evidence, "unleash1:") || strings.Contains(a.Evidence, srv.Canary()) || seen[a.Evidence] {
			t.Errorf("evidence %q", a.Evidence)
		}
		seen[a.Evidence] = true
	}
	again := resolveAll(t, client, resetter.Email("ana@example.com"))[0]
	if again.Evidence != accounts[0].Evidence {
		t.Error("two readings of one state differ")
	}
}

// Who moves an instance to another address makes no links anew.
func TestALinkIsTheSameUnderAnotherAddressOfTheInstance(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	list := func(link string) resetter.Account {
		srv.ClearFaults()
		srv.Inject(answer(sandbox.List, 200, `{"users":[{"id":7,"email":"ana@example.com","inviteLink":"`+link+`"}]}`))
		return resolveAll(t, client, resetter.ID("7"))[0]
	}
	before := list("http://old.example/new-user?token=abc")
	list("https://new.example/acme/new-user?token=abc")
	wantFinding(t, reconcile(t, client, before), false, "the one from before")
	list("https://new.example/acme/new-user?token=def")
	wantFinding(t, reconcile(t, client, before), true, "another")
	before = list("http://old.example/invite-link/abc") // as in the vendor's document
	wantFinding(t, reconcile(t, client, before), false, "the one from before")
	list("http://old.example/invite-link/def")
	wantFinding(t, reconcile(t, client, before), true, "another")
}

func TestNobodyToReconcileIsNoRequest(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	if findings, err := client.Reconcile(t.Context(), nil); err != nil || len(findings) != 0 || len(srv.Requests()) != 0 {
		t.Errorf("%v, %v, %d requests", findings, err, len(srv.Requests()))
	}
}
