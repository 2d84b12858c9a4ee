package unleash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/unleash"
	"github.com/seed57652884/resetctl/unleash/unleashapi"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

func TestNewReportsEverythingThatIsWrongAtOnce(t *testing.T) {
	_, err := unleash.New("http://ana:pass@example.com:99999?x=1", unleash.Credentials{}, transport.WithRate(-1))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"rate", "port", "password", `"?"`, "http,", "token"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not speak of %s: %v", want, err)
		}
	}
}

func TestATokenThatWasCopiedBadlyIsRefusedAndNotShown(t *testing.T) {
	for token, says := range map[string]string{
		"user:abcdef\n":       "line break",
		"user:abc\r\ndef":     "line break",
		"\tuser:abcdef":       "control character",
		"user:abc\x00def":     "control character",
		"user:abcdef\x7f":     "control character",
		"user:abc def":        "blank",
		"user:abc\u00a0def":   "ASCII",
		"\u200buser:abcdef":   "ASCII",
		"user:abc\u2026":      "ASCII",
		"user:abc def\n":      "line break",
		"user:abc\n\u2026def": "ASCII",
	} {
		_, err := unleash.New("https://example.com:99999", unleash.Credentials{Token: resetter.NewSecret(token)})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "abc") || !strings.Contains(err.Error(), "port") {
			t.Errorf("%q: %v", token, err)
		}
	}
}

func TestNewMakesNoRequest(t *testing.T) {
	srv, _ := start(t, unleashtest.Config{})
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestThePathOfAHostedInstanceIsKept(t *testing.T) {
	srv, client := start(t, unleashtest.Config{People: 1, PathPrefix: "/acme"})
	if _, err := client.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Reset(t.Context(), resolve(t, client, resetter.Email(srv.Users()[2].Email))); err != nil {
		t.Fatal(err)
	}
	for _, r := range srv.Requests() {
		if !strings.HasPrefix(r.Path, "/acme/api/admin/") {
			t.Errorf("%v", r)
		}
	}
}

func TestAWrongPathIsAPageAndStopsTheTarget(t *testing.T) {
	srv := unleashtest.NewServer(unleashtest.Config{PathPrefix: "/acme"})
	t.Cleanup(srv.Close)
	for _, url := range []string{srv.URL + "/wrong", strings.TrimSuffix(srv.URL, "/acme")} {
		client, err := unleash.New(url, unleash.Credentials{Token: resetter.NewSecret(srv.Token)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Check(t.Context())
		if e := want(t, err, resetter.ErrUnavailable); !e.Stop || !strings.Contains(e.Error(), "URL") {
			t.Errorf("got %+v", e)
		}
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestAnAddressIsResolvedExactly(t *testing.T) {
	t.Parallel()
	srv, client := start(t, unleashtest.Config{})
	for _, email := range []string{"axb@example.com", "a_b@example.com", "a+b@example.com", "ab@example.com", "a_b@example.com.au", "xa_b@example.com", "Mixed.Case@example.com"} {
		srv.AddUser(unleashtest.User{Email: email})
	}
	srv.AddUser(unleashtest.User{Email: "other@example.com", Name: "a_b@example.com"})
	for asked, found := range map[string]string{
		"a_b@example.com":        "a_b@example.com",
		"A_B@Example.com":        "a_b@example.com",
		"a+b@example.com":        "a+b@example.com",
		"axb@example.com":        "axb@example.com",
		"Mixed.Case@example.com": "mixed.case@example.com", // as Unleash keeps it
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

func TestAUserNameIsResolvedToTheLetter(t *testing.T) {
	t.Parallel()
	srv, client := start(t, unleashtest.Config{})
	for _, name := range []string{"ana", "ana.silva", "an_", `CORP\ana`, "CORPana", "50%"} {
		srv.AddUser(unleashtest.User{Username: name, Email: "of." + strconv.Itoa(len(srv.Users())) + "@example.com"})
	}
	for _, name := range []string{"ana", "ana.silva", "an_", `CORP\ana`, "CORPana", "50%"} {
		if account := resolve(t, client, resetter.Username(name)); account.Username != name {
			t.Errorf("%s is %+v", name, account)
		}
	}
	for _, name := range []string{"ANA", "an", "silva", "a%"} {
		_, err := client.Resolve(t.Context(), resetter.Username(name))
		want(t, err, resetter.ErrNotFound)
	}
}

func TestANameOfOneCharacterIsNotSearchedForInVain(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.AddUser(unleashtest.User{Username: "x", Email: "x@example.com"})
	_, err := client.Resolve(t.Context(), resetter.Username("x"))
	want(t, err, resetter.ErrInvalid)
}

func TestAnIdIsResolvedAsItIs(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	ana := srv.AddUser(unleashtest.User{Email: "ana@example.com"})
	id := strconv.Itoa(ana.ID)
	if account := resolve(t, client, resetter.ID(id)); account.ID != id || account.Email != "ana@example.com" {
		t.Errorf("got %+v", account)
	}
	_, err := client.Resolve(t.Context(), resetter.ID("999999"))
	want(t, err, resetter.ErrNotFound)
}

func TestWhatIsMalformedReachesNoServer(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	for _, id := range []resetter.Identity{{}, resetter.Email("ana"), resetter.ID("../user"), resetter.ID("reset-password"), resetter.ID("0" + "1"), resetter.ID("-1"), resetter.ID("1.0"), resetter.ID("")} {
		_, err := client.Resolve(t.Context(), id)
		want(t, err, resetter.ErrInvalid)
	}
	for _, account := range []resetter.Account{{}, {ID: "7"}, {ID: "7", Email: "ana"}} { // an empty id is a 500
		_, err := client.Reset(t.Context(), account)
		want(t, err, resetter.ErrInvalid)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestWhoCannotBeResetIsFoundAndSaidWhy(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.AddUser(unleashtest.User{ID: 70, Email: "scim@example.com", SCIM: true})
	srv.AddUser(unleashtest.User{ID: 71, Username: "nomail"})
	for id, why := range map[resetter.Identity]string{
		resetter.Email("scim@example.com"): "SCIM",
		resetter.ID("70"):                  "SCIM",
		resetter.Username("nomail"):        "no e-mail address",
		resetter.ID("1"):                   "no e-mail address", // the built-in administrator
	} {
		account := resolve(t, client, id)
		if !strings.Contains(account.Ineligible, why) {
			t.Errorf("%s: ineligible %q, want %q", id, account.Ineligible, why)
		}
		_, err := client.Reset(t.Context(), account)
		want(t, err, resetter.ErrIneligible)
	}
	srv.Inject(answer(sandbox.Get, 200, `{"id":72,"accountType":"Service Account","username":"bot","email":"bot@example.com"}`))
	if account := resolve(t, client, resetter.ID("72")); !strings.Contains(account.Ineligible, "service account") {
		t.Errorf("got %+v", account)
	}
	if srv.Calls(sandbox.Reset) != 0 || srv.Mailbox().Len() != 0 {
		t.Errorf("%d resets, %d mails", srv.Calls(sandbox.Reset), srv.Mailbox().Len())
	}
}

func TestUnleashSaysOfAPersonOfSCIMThatTheAccountIsIneligible(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.AddUser(unleashtest.User{Email: "scim@example.com", SCIM: true})
	account := resolve(t, client, resetter.Email("scim@example.com"))
	account.Ineligible = "" // it became so a moment ago
	_, err := client.Reset(t.Context(), account)
	if e := want(t, err, resetter.ErrIneligible); e.Stop || !strings.Contains(e.Advice, "SCIM") {
		t.Errorf("got %+v", e)
	}
}

func TestTwoUsersOfOneNameAreAmbiguous(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.Inject(answer(sandbox.Search, 200, `[{"id":7,"email":"ana@example.com"},{"id":8,"email":"ANA@example.com"},{"id":9,"email":"anna@example.com"}]`))
	_, err := client.Resolve(t.Context(), resetter.Email("ana@example.com"))
	want(t, err, resetter.ErrAmbiguous)
}

// That an answer was good is no part of a refusal that is ours.
func TestNobodyIsRefusedWithAStatusOfSuccess(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.Inject(answer(sandbox.Search, 200, `[{"id":7,"username":"ana"},{"id":8,"username":"ana"}]`), answer(sandbox.Get, 200, `{"id":7,"scimId":"s-7"}`))
	for id, kind := range map[resetter.Identity]resetter.Kind{
		resetter.Email("none@example.com"): resetter.ErrNotFound, resetter.Username("ana"): resetter.ErrAmbiguous,
	} {
		_, err := client.Resolve(t.Context(), id)
		if e := want(t, err, kind); e.Status != 0 || strings.Contains(e.Error(), "HTTP") {
			t.Errorf("%s: %+v", id, e)
		}
	}
	_, err := client.ChangeEmail(t.Context(), resetter.Account{ID: "7"}, "new@example.com")
	if e := want(t, err, resetter.ErrIneligible); e.Status != 0 || strings.Contains(e.Error(), "HTTP") {
		t.Errorf("%+v", e)
	}
	srv.ClearFaults()
	_, err = client.Resolve(t.Context(), resetter.ID("999"))
	if e := want(t, err, resetter.ErrNotFound); e.Status != 404 { // Unleash's own word
		t.Errorf("%+v", e)
	}
}

func TestAnotherPersonsRecordIsNobodys(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.Inject(answer(sandbox.Get, 200, `{"id":8,"email":"bo@example.com"}`))
	_, err := client.Resolve(t.Context(), resetter.ID("7"))
	if e := want(t, err, resetter.ErrUnavailable); !e.Stop {
		t.Errorf("%+v does not stop the target", e)
	}
}

// Else all who have none would be one account, of whom one is mailed.
func TestWhoeverHasNoIdMakesTheAnswerUseless(t *testing.T) {
	const nameless = `{"email":"ana@example.com","username":"ana"}`
	srv, client := start(t, unleashtest.Config{})
	srv.Inject(answer(sandbox.Search, 200, `[{"id":8,"email":"bo@example.com"},`+nameless+`]`), answer(sandbox.Get, 200, nameless),
		answer(sandbox.List, 200, `{"users":[`+nameless+`]}`))
	for _, id := range []resetter.Identity{resetter.Email("ana@example.com"), resetter.Username("ana"), resetter.Email("bo@example.com"), resetter.Username("nobody"), resetter.ID("7")} {
		account, err := client.Resolve(t.Context(), id)
		if e := want(t, err, resetter.ErrUnavailable); e.Stop || account != (resetter.Account{}) {
			t.Errorf("%s: %+v, %+v", id, account, e)
		}
		found, err := client.ResolveBatch(t.Context(), []resetter.Identity{id})
		if want(t, err, resetter.ErrUnavailable); found != nil {
			t.Errorf("%s: %+v", id, found)
		}
	}
	_, err := client.ChangeEmail(t.Context(), resetter.Account{ID: "7"}, "new@example.com")
	if e := want(t, err, resetter.ErrUnavailable); e.Stop {
		t.Errorf("%+v", e)
	}
	if n := srv.Calls(sandbox.Update); n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestAResetMailsOnceAndTheAccountsOwnAddress(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.AddUser(unleashtest.User{Email: "ana@example.com"})
	receipt, err := client.Reset(t.Context(), resolve(t, client, resetter.Email("ANA@Example.com")))
	if err != nil {
		t.Fatal(err)
	}
	mails := srv.Mailbox().Mails()
	if len(mails) != 1 || mails[0].To != "ana@example.com" || mails[0].Kind != sandbox.ResetMail {
		t.Errorf("mails %v", mails)
	}
	if receipt.Status != 200 || receipt.Attempts != 1 || receipt.SetupMail {
		t.Errorf("receipt %+v", receipt)
	}
}

// Unleash gives the link to whoever asks for a reset; who did not ask for links
// must not find one, mailer or not.
func TestALinkIsInTheReceiptOnlyWhereItIsWanted(t *testing.T) {
	for _, wanted := range []bool{true, false} {
		for _, mailer := range []bool{true, false} {
			var options []transport.Option
			if wanted {
				options = append(options, transport.WithLinks())
			}
			srv, client := start(t, unleashtest.Config{People: 1, NoMailer: !mailer}, options...)
			receipt, err := client.Reset(t.Context(), resolve(t, client, resetter.Email(srv.Users()[2].Email)))
			if err != nil {
				t.Fatal(err)
			}
			link, mails := receipt.Link.Reveal(), srv.Mailbox().Mails()
			if (len(mails) == 1) != mailer {
				t.Errorf("mailer %v: %d mails", mailer, len(mails))
			}
			switch {
			case !wanted && !receipt.Link.IsZero():
				t.Errorf("mailer %v: a link that nobody asked for", mailer)
			case wanted && !strings.Contains(link, "/reset-password?token="):
				t.Errorf("mailer %v: no link in %+v", mailer, receipt)
			case wanted && mailer && link != mails[0].Link:
				t.Error("the link is not the one that was mailed")
			}
		}
	}
}

func TestManyAtATimeAreMailedOnceEach(t *testing.T) {
	t.Parallel()
	srv, client := start(t, unleashtest.Config{People: 20})
	var all sync.WaitGroup
	for _, user := range srv.Users()[1:] {
		all.Go(func() {
			account, err := client.Resolve(t.Context(), resetter.ID(strconv.Itoa(user.ID)))
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
}

func TestNothingThatIsPrintedHoldsASecret(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	srv, client := start(t, unleashtest.Config{}, transport.WithLinks(), transport.WithLogger(log))
	srv.AddUser(unleashtest.User{Email: "ana@example.com", Invited: true})
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
		answer(sandbox.Reset, 400, `{"message":"bad token `+srv.Token+` in https://example.com/?token=`+srv.Canary()+`1"}`),
		answer(sandbox.Reset, 500, srv.Token),
		{Kind: sandbox.Cut, On: sandbox.Reset},
	} {
		srv.ClearFaults()
		srv.Inject(f)
		_, err := client.Reset(resetter.WithWaitsHandedBack(t.Context()), account)
		fmt.Fprintf(&out, "%v %+v %#v", err, err, err)
	}
	if !strings.Contains(out.String(), "attempt") {
		t.Error("nothing was logged")
	}
	if strings.Contains(out.String(), srv.Canary()) {
		t.Errorf("a secret shows in %s", out.String())
	}
}

func TestTheIntentIsNotedBeforeTheFirstByteAndNotForReads(t *testing.T) {
	srv, client := start(t, unleashtest.Config{People: 1})
	intents := 0
	ctx := resetter.WithBeforeSend(t.Context(), func(context.Context) error {
		if intents++; srv.Calls(sandbox.Reset) != 0 {
			t.Error("the request was there before the intent")
		}
		return nil
	})
	account, err := client.Resolve(ctx, resetter.Email(srv.Users()[2].Email))
	if err != nil || intents != 0 {
		t.Fatalf("%d intents for a read, %v", intents, err)
	}
	if _, err := client.Reset(ctx, account); err != nil || intents != 1 {
		t.Errorf("%d intents, %v", intents, err)
	}
}

// What goes through API goes as the client's own requests do: signed in, at the
// same pace, with nothing secret in its errors, and never a second time.
func TestWhatHasNoMethodGoesTheSameWay(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	ana := srv.AddUser(unleashtest.User{Email: "ana@example.com"})
	intents := 0
	ctx := resetter.WithWaitsHandedBack(resetter.WithBeforeSend(t.Context(), func(context.Context) error { intents++; return nil }))
	try := func() error {
		_, err := client.API().ChangePasswordWithResponse(ctx, ana.ID, unleashapi.NewPassword{Password: "Tr0ub4dor&3x"})
		return err
	}
	if err := try(); err != nil || intents != 1 {
		t.Errorf("%v; %d intents", err, intents)
	}
	srv.Inject(once(answer(unleashtest.SetPassword, 409, refusal("ConflictError", "no luck with "+srv.Token))))
	if e := want(t, try(), resetter.ErrRejected); !strings.Contains(e.Error(), "no luck") || strings.Contains(e.Error(), srv.Token) {
		t.Errorf("%v", e)
	}
	srv.Inject(sandbox.Fault{Kind: sandbox.Drop, On: unleashtest.SetPassword, Processed: true, Times: 1})
	want(t, try(), resetter.ErrLostAnswer)
	if n := srv.Calls(unleashtest.SetPassword); n != 3 || intents != 3 {
		t.Errorf("%d calls, %d intents", n, intents)
	}
	srv.Inject(sandbox.Fault{Kind: sandbox.Throttle, On: unleashtest.SetPassword, RetryAfter: time.Minute})
	want(t, try(), resetter.ErrRateLimited)
	if p := client.Pace(); p.Throttled != 1 || p.GatedUntil.IsZero() || int(p.Requests) != len(srv.Requests()) {
		t.Errorf("%d requests, and the pace is %+v", len(srv.Requests()), p)
	}
}
