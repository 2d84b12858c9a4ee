package looker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookerapi"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
)

func TestNewReportsEverythingThatIsWrongAtOnce(t *testing.T) {
	_, err := looker.New("http://ana:pass@example.com:99999?x=1", looker.Credentials{}, transport.WithRate(-1))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"rate", "port", "password", `"?"`, "http,", "client id", "client secret"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not speak of %s: %v", want, err)
		}
	}
}

func TestNewMakesNoRequest(t *testing.T) {
	srv, _ := start(t, lookertest.Config{})
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestAnAddressIsResolvedExactly(t *testing.T) {
	t.Parallel()
	srv, client := start(t, lookertest.Config{})
	for _, email := range []string{"axb@example.com", "a_b@example.com", "a+b@example.com", "ab@example.com", "a_b@example.com.au", "xa_b@example.com", "Mixed.Case@example.com"} {
		srv.AddUser(lookertest.User{Email: email})
	}
	for asked, found := range map[string]string{
		"a_b@example.com":        "a_b@example.com",
		"A_B@Example.com":        "a_b@example.com",
		"a+b@example.com":        "a+b@example.com",
		"axb@example.com":        "axb@example.com",
		"mixed.case@example.com": "Mixed.Case@example.com",
	} {
		if account := resolve(t, client, resetter.Email(asked)); account.Email != found || account.Ineligible != "" || account.ID == "" {
			t.Errorf("%s is %+v, want %s", asked, account, found)
		}
	}
	for _, asked := range []string{"_b@example.com", "%@example.com", "a__@example.com", "a_b@example.co", "b@example.com", "none@example.com"} {
		_, err := client.Resolve(t.Context(), resetter.Email(asked))
		if e := want(t, err, resetter.ErrNotFound); e.Stop || e.Account != asked || e.Advice == "" {
			t.Errorf("%s: %+v", asked, e)
		}
	}
}

func TestALookUpThatIgnoresCaseIsAsGood(t *testing.T) {
	srv, client := start(t, lookertest.Config{FoldCase: true})
	srv.AddUser(lookertest.User{Email: "ana@example.com"})
	if account := resolve(t, client, resetter.Email("ANA@example.com")); account.Email != "ana@example.com" {
		t.Errorf("got %+v", account)
	}
	if n := srv.Calls(sandbox.Search); n != 0 {
		t.Errorf("%d searches", n)
	}
}

func TestTheSearchIsReadToItsLastPage(t *testing.T) {
	srv, client := start(t, lookertest.Config{})
	for i := range 230 {
		srv.AddUser(lookertest.User{Email: fmt.Sprintf("a%03d@example.com", i)})
	}
	srv.AddUser(lookertest.User{Email: "a___@example.com", SSOOnly: true})
	if account := resolve(t, client, resetter.Email("a___@example.com")); !strings.Contains(account.Ineligible, "SSO") {
		t.Errorf("got %+v", account)
	}
	if n := srv.Calls(sandbox.Search); n != 3 {
		t.Errorf("%d pages, want 3", n)
	}
}

func TestAnIdIsResolvedAsItIs(t *testing.T) {
	srv, client := start(t, lookertest.Config{})
	ana := srv.AddUser(lookertest.User{Email: "ana@example.com"})
	if account := resolve(t, client, resetter.ID(ana.ID)); account.ID != ana.ID || account.Email != "ana@example.com" {
		t.Errorf("got %+v", account)
	}
	_, err := client.Resolve(t.Context(), resetter.ID("0"+ana.ID))
	want(t, err, resetter.ErrNotFound)
	_, err = client.Resolve(t.Context(), resetter.ID("999999"))
	want(t, err, resetter.ErrNotFound)
}

func TestThereAreNoUserNames(t *testing.T) {
	srv, client := start(t, lookertest.Config{})
	_, err := client.Resolve(t.Context(), resetter.Username("ana"))
	want(t, err, resetter.ErrInvalid)
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestWhatIsMalformedReachesNoServer(t *testing.T) {
	srv, client := start(t, lookertest.Config{})
	for _, id := range []resetter.Identity{{}, resetter.Email("ana"), resetter.ID("../user"), resetter.ID("1?fields=id"), resetter.ID("")} {
		_, err := client.Resolve(t.Context(), id)
		want(t, err, resetter.ErrInvalid)
	}
	_, err := client.Reset(t.Context(), resetter.Account{ID: "1/.."})
	want(t, err, resetter.ErrInvalid)
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestWhoCannotBeResetIsFoundAndSaidWhy(t *testing.T) {
	t.Parallel()
	srv, client := start(t, lookertest.Config{})
	for why, user := range map[string]lookertest.User{
		"the account is disabled":  {Email: "off@example.com", Disabled: true},
		"SSO only":                 {Email: "sso@example.com", SSOOnly: true},
		"a service account":        {Email: "svc@example.com", ServiceAccount: true},
		"sign-in by e-mail and pa": {Email: "nopass@example.com", CredentialDisabled: true},
	} {
		user = srv.AddUser(user)
		for _, id := range []resetter.Identity{resetter.Email(user.Email), resetter.ID(user.ID)} {
			account := resolve(t, client, id)
			if !strings.Contains(account.Ineligible, why) {
				t.Errorf("%s: ineligible %q, want %q", id, account.Ineligible, why)
			}
			_, err := client.Reset(t.Context(), account)
			want(t, err, resetter.ErrIneligible)
		}
	}
	if srv.Calls(sandbox.Reset) != 0 || srv.Mailbox().Len() != 0 {
		t.Errorf("%d resets, %d mails", srv.Calls(sandbox.Reset), srv.Mailbox().Len())
	}
}

func TestAnAddressThatNoMailWouldGoToIsNotResolved(t *testing.T) {
	srv, client := start(t, lookertest.Config{})
	srv.Inject(answer(sandbox.Find, 404, `{"message":"Not found"}`),
		answer(sandbox.Search, 200, `[{"id":"7","email":"ana@example.com","credentials_email":{"user_id":"7","email":"old.name@example.com"}}]`))
	_, err := client.Resolve(t.Context(), resetter.Email("ana@example.com"))
	want(t, err, resetter.ErrIneligible)
}

func TestTwoUsersOfOneAddressAreAmbiguous(t *testing.T) {
	srv, client := start(t, lookertest.Config{})
	srv.AddUser(lookertest.User{Email: "team@example.com", SSOOnly: true})
	srv.AddUser(lookertest.User{Email: "Team@example.com", SSOOnly: true})
	_, err := client.Resolve(t.Context(), resetter.Email("team@example.com"))
	want(t, err, resetter.ErrAmbiguous)
}

// That an answer was good is no part of a refusal that is ours.
func TestNobodyIsRefusedWithAStatusOfSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{})
		srv.AddUser(lookertest.User{ID: "73", Email: "team@example.com", SSOOnly: true})
		srv.AddUser(lookertest.User{ID: "74", Email: "TEAM@example.com", SSOOnly: true})
		sso := srv.AddUser(lookertest.User{ID: "75", Email: "sso@example.com", SSOOnly: true})
		for id, kind := range map[resetter.Identity]resetter.Kind{
			resetter.Email("none@example.com"): resetter.ErrNotFound, resetter.Email("team@example.com"): resetter.ErrAmbiguous,
		} {
			_, err := client.Resolve(t.Context(), id)
			if e := want(t, err, kind); e.Status != 0 || strings.Contains(e.Error(), "HTTP") {
				t.Errorf("%s: %+v", id, e)
			}
		}
		_, err := client.ForceChange(t.Context(), resetter.Account{ID: sso.ID})
		if e := want(t, err, resetter.ErrIneligible); e.Status != 0 || strings.Contains(e.Error(), "HTTP") {
			t.Errorf("%+v", e)
		}
		_, err = client.Resolve(t.Context(), resetter.ID("999"))
		if e := want(t, err, resetter.ErrNotFound); e.Status != 404 { // Looker's own word
			t.Errorf("%+v", e)
		}
	})
}

func TestAnotherPersonsRecordIsNobodys(t *testing.T) {
	srv, client := start(t, lookertest.Config{})
	srv.Inject(answer(sandbox.Get, 200, `{"id":"8","email":"bo@example.com"}`))
	_, err := client.Resolve(t.Context(), resetter.ID("7"))
	if e := want(t, err, resetter.ErrUnavailable); !e.Stop {
		t.Errorf("%+v does not stop the target", e)
	}
}

func TestWhoeverHasNoIdMakesTheAnswerUseless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, nameless := range []string{
			`{"id":"","email":"ana@example.com","credentials_email":{"user_id":"","email":"ana@example.com"}}`,
			`{"id":null,"email":"ana@example.com"}`, `{"email":"ana@example.com"}`,
		} {
			srv, client := inMemory(t, lookertest.Config{})
			srv.Inject(once(answer(sandbox.Find, 200, nameless)), answer(sandbox.Search, 200, `[`+nameless+`]`), answer(sandbox.Get, 200, nameless),
				answer(sandbox.List, 200, `[`+nameless+`]`), answer(sandbox.Self, 200, nameless))
			for _, id := range []resetter.Identity{resetter.Email("ana@example.com"), resetter.Email("ana@example.com"), resetter.ID("7")} { // the second is searched for
				account, err := client.Resolve(t.Context(), id)
				if e := want(t, err, resetter.ErrUnavailable); e.Stop || account != (resetter.Account{}) {
					t.Errorf("%s: %+v, %+v", id, account, e)
				}
			}
			found, err := client.ResolveBatch(t.Context(), []resetter.Identity{resetter.ID("7"), resetter.ID("8")})
			if e := want(t, err, resetter.ErrUnavailable); e.Stop || found != nil {
				t.Errorf("%+v, %+v", found, e)
			}
			status, err := client.Check(t.Context())
			if want(t, err, resetter.ErrUnavailable); status.Self != (resetter.Account{}) {
				t.Errorf("%+v", status)
			}
			_, err = client.Lock(t.Context(), resetter.Account{ID: "7"}, resetter.LockOptions{})
			if e := want(t, err, resetter.ErrUnavailable); e.Stop {
				t.Errorf("%+v", e)
			}
			if n := srv.Calls(sandbox.Update); n != 0 {
				t.Errorf("%d writes", n)
			}
		}
	})
}

func TestACredentialOfNobodyIsNotTakenForAnothersNorForTheAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{})
		const nobodys = `{"user_id":"","email":"ana@example.com"}`
		srv.Inject(answer(sandbox.Get, 200, nobodys), answer(sandbox.Reset, 200, nobodys))
		_, err := client.ForceChange(t.Context(), resetter.Account{ID: "7"})
		if e := want(t, err, resetter.ErrUnavailable); e.Stop || !strings.Contains(e.Error(), "whose") {
			t.Errorf("%+v", e)
		}
		_, err = client.Reset(t.Context(), resetter.Account{ID: "7"})
		if e := want(t, err, resetter.ErrUnreadableAnswer); !strings.Contains(e.Error(), "whose") {
			t.Errorf("%+v", e)
		}
	})
}

func TestAResetMailsOnce(t *testing.T) {
	srv, client := start(t, lookertest.Config{People: 3})
	ana := srv.Users()[1]
	receipt, err := client.Reset(t.Context(), resolve(t, client, resetter.Email(ana.Email)))
	if err != nil {
		t.Fatal(err)
	}
	mails := srv.Mailbox().Mails()
	if len(mails) != 1 || mails[0].To != ana.Email || mails[0].Kind != sandbox.ResetMail {
		t.Errorf("mails %v", mails)
	}
	if receipt.Status != 200 || receipt.Attempts != 1 || receipt.SetupMail || !receipt.Link.IsZero() || receipt.MailedTo != ana.Email {
		t.Errorf("receipt %+v", receipt)
	}
}

func TestManyAtATimeAreMailedOnceEach(t *testing.T) {
	t.Parallel()
	srv, client := start(t, lookertest.Config{People: 20})
	var all sync.WaitGroup
	for _, user := range srv.Users() {
		all.Go(func() {
			account, err := client.Resolve(t.Context(), resetter.ID(user.ID))
			if err == nil {
				_, err = client.Reset(t.Context(), account)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for address, n := range srv.Mailbox().Counts() {
		if n != 1 {
			t.Errorf("%s has %d mails", address, n)
		}
	}
	if n := srv.Mailbox().Len(); n != 21 {
		t.Errorf("%d mails, want 21", n)
	}
	if n := srv.Calls(sandbox.Login); n != 1 {
		t.Errorf("%d sign-ins, want 1", n)
	}
}

func TestWhoNeverSetUpTheAccountIsMailedASetUpLink(t *testing.T) {
	srv, client := start(t, lookertest.Config{}, transport.WithLinks())
	srv.AddUser(lookertest.User{Email: "new@example.com", NeverSetUp: true})
	account := resolve(t, client, resetter.Email("new@example.com"))
	if !account.SetupPending || account.Ineligible != "" {
		t.Errorf("account %+v", account)
	}
	receipt, err := client.Reset(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	mail := srv.Mailbox().Mails()[0]
	if !receipt.SetupMail || mail.Kind != sandbox.SetUpMail || receipt.Link.Reveal() != mail.Link {
		t.Errorf("receipt %+v, mail %s", receipt, mail.Kind)
	}
}

func TestNoLinkCrossesTheWireUnlessItIsWanted(t *testing.T) {
	t.Parallel()
	for _, wanted := range []bool{false, true} {
		tap := &wiretap{}
		options := []transport.Option{transport.WithDialContext(tap.dial)}
		if wanted {
			options = append(options, transport.WithLinks())
		}
		srv, client := start(t, lookertest.Config{}, options...)
		srv.AddUser(lookertest.User{Email: "ana@example.com"})
		receipt, err := client.Reset(t.Context(), resolve(t, client, resetter.Email("ana@example.com")))
		if err != nil {
			t.Fatal(err)
		}
		resolve(t, client, resetter.Email("ana@example.com")) // the link lives now
		link := srv.Mailbox().Mails()[0].Link
		if crossed := strings.Contains(tap.received(), link); crossed != wanted {
			t.Errorf("links wanted %v, and the link crossed the wire: %v", wanted, crossed)
		}
		if got := receipt.Link.Reveal(); (got == link) != wanted || !wanted && got != "" {
			t.Errorf("links wanted %v, and the receipt has one: %v", wanted, got != "")
		}
	}
}

func TestNothingThatIsPrintedHoldsASecret(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	srv, client := start(t, lookertest.Config{}, transport.WithLinks(), transport.WithLogger(log))
	srv.AddUser(lookertest.User{Email: "ana@example.com"})
	account := resolve(t, client, resetter.Email("ana@example.com"))
	receipt, err := client.Reset(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(receipt.Link.Reveal(), srv.Canary()) {
		t.Error("there is no link that could show")
	}
	log.Info("done", "account", account, "receipt", receipt)
	fmt.Fprintf(&out, "%v %+v %#v %v %+v", receipt, receipt, receipt, account, client)
	if err := json.NewEncoder(&out).Encode(receipt); err != nil {
		t.Fatal(err)
	}
	for _, f := range []sandbox.Fault{
		answer(sandbox.Reset, 400, `{"message":"bad token `+srv.ClientSecret+` in https://example.com/?token=`+srv.Canary()+`1"}`),
		answer(sandbox.Reset, 500, srv.ClientSecret),
		{Kind: sandbox.Cut, On: sandbox.Reset},
	} {
		srv.ClearFaults()
		srv.Inject(f)
		_, err := client.Reset(t.Context(), account)
		fmt.Fprintf(&out, "%v %+v %#v", err, err, err)
	}
	if !strings.Contains(out.String(), "attempt") {
		t.Error("nothing was logged")
	}
	if strings.Contains(out.String(), srv.Canary()) {
		t.Errorf("a secret shows in %s", out.String())
	}
}

func TestTheEvidenceTellsALiveLinkFromNone(t *testing.T) {
	srv, client := start(t, lookertest.Config{})
	srv.AddUser(lookertest.User{Email: "ana@example.com"})
	before := resolve(t, client, resetter.Email("ana@example.com"))
	if _, err := client.Reset(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	after := resolve(t, client, resetter.ID(before.ID))
	if before.Evidence == "" || before.Evidence == after.Evidence {
		t.Errorf("before %q, after %q", before.Evidence, after.Evidence)
	}
}

func TestTheIntentIsNotedBeforeTheFirstByteAndNotForReads(t *testing.T) {
	srv, client := start(t, lookertest.Config{People: 1})
	intents := 0
	ctx := resetter.WithBeforeSend(t.Context(), func(context.Context) error {
		if intents++; srv.Calls(sandbox.Reset) != 0 {
			t.Error("the request was there before the intent")
		}
		return nil
	})
	account, err := client.Resolve(ctx, resetter.Email(srv.Users()[1].Email))
	if err != nil || intents != 0 {
		t.Fatalf("%d intents for a read, %v", intents, err)
	}
	if _, err := client.Reset(ctx, account); err != nil || intents != 1 {
		t.Errorf("%d intents, %v", intents, err)
	}
}

// A credential that an answer leaves out is asked for: that it is missing there
// does not say that there is none.
func TestACredentialThatWasLeftOutIsAskedFor(t *testing.T) {
	srv, client := start(t, lookertest.Config{})
	ana := srv.AddUser(lookertest.User{Email: "ana@example.com"})
	sso := srv.AddUser(lookertest.User{Email: "bo@example.com", SSOOnly: true})
	for _, u := range []lookertest.User{ana, sso} {
		srv.ClearFaults()
		bare := `{"id":"` + u.ID + `","email":"` + u.Email + `","is_disabled":false}`
		srv.Inject(sandbox.Fault{Kind: sandbox.Answer, On: sandbox.Find, Times: 1, Status: 200, Body: bare})
		account := resolve(t, client, resetter.Email(u.Email))
		if account.ID != u.ID || (account.Ineligible == "") != (u.ID == ana.ID) {
			t.Errorf("%s is %+v", u.Email, account)
		}
	}
}

// What goes through API goes as the client's own requests do: signed in, at the
// same pace, with nothing secret in its errors, and never a second time.
func TestWhatHasNoMethodGoesTheSameWay(t *testing.T) {
	srv, client := start(t, lookertest.Config{People: 1})
	resolve(t, client, resetter.ID("101"))
	fields := "user_id"
	intents := 0
	ctx := resetter.WithWaitsHandedBack(resetter.WithBeforeSend(t.Context(), func(context.Context) error { intents++; return nil }))
	try := func() error {
		_, err := client.API().CreatePasswordResetTokenWithResponse(ctx, "101", &lookerapi.CreatePasswordResetTokenParams{Fields: &fields})
		return err
	}
	if err := try(); err != nil || srv.Calls(sandbox.Login) != 1 || intents != 1 {
		t.Errorf("%v; %d sign-ins, %d intents", err, srv.Calls(sandbox.Login), intents)
	}
	srv.Inject(once(answer(lookertest.CreateToken, 409, message("no luck with "+srv.ClientSecret))))
	if e := want(t, try(), resetter.ErrRejected); !strings.Contains(e.Error(), "no luck") || strings.Contains(e.Error(), srv.ClientSecret) {
		t.Errorf("%v", e)
	}
	srv.Inject(sandbox.Fault{Kind: sandbox.Drop, On: lookertest.CreateToken, Processed: true, Times: 1})
	want(t, try(), resetter.ErrLostAnswer)
	if n := srv.Calls(lookertest.CreateToken); n != 3 || intents != 3 {
		t.Errorf("%d calls, %d intents", n, intents)
	}
	srv.Inject(sandbox.Fault{Kind: sandbox.Throttle, On: lookertest.CreateToken, RetryAfter: time.Minute})
	want(t, try(), resetter.ErrRateLimited)
	if p := client.Pace(); p.Throttled != 1 || p.GatedUntil.IsZero() || int(p.Requests) != len(srv.Requests()) {
		t.Errorf("%d requests, and the pace is %+v", len(srv.Requests()), p)
	}
}

// API 4.0 says that ids are strings. What says numbers is something else, and
// that shows before anybody is mailed.
func TestAnIdThatIsANumberIsOfAnotherAPI(t *testing.T) {
	srv, client := start(t, lookertest.Config{})
	srv.Inject(answer(sandbox.Get, 200, `{"id":7,"email":"ana@example.com"}`))
	_, err := client.Resolve(t.Context(), resetter.ID("7"))
	if e := want(t, err, resetter.ErrUnavailable); !strings.Contains(e.Error(), "version is supported") || srv.Calls(sandbox.Reset) != 0 {
		t.Errorf("%v", e)
	}
}
