package sugar_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/sugar"
	"github.com/seed57652884/resetctl/sugar/sugarapi"
	"github.com/seed57652884/resetctl/sugar/sugartest"
)

func TestNewReportsEverythingThatIsWrongAtOnce(t *testing.T) {
	_, err := sugar.New("http://ana:pass@example.com:99999?x=1", sugar.Credentials{Platform: "base", APIVersion: "11.24"}, transport.WithRate(-1))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"rate", "port", "password", `"?"`, "http,", "user name is empty", "password is empty", `"base"`, "v11_24"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not speak of %s: %v", want, err)
		}
	}
}

func TestTheVersionOfTheAPIIsPartOfAPathAndNothingElse(t *testing.T) {
	for version, good := range map[string]bool{
		"": true, "v11_24": true, "v12": true, "v11_24/..": false, "../v11_24": false, "v11_24?x": false, "11_24": false, "v": false, "v11_": false, "v11\n": false,
	} {
		_, err := sugar.New("https://example.com", sugar.Credentials{Username: "svc", Password: resetter.NewSecret("pass"), APIVersion: version})
		if (err == nil) != good {
			t.Errorf("%q: %v", version, err)
		}
	}
}

func TestNewMakesNoRequest(t *testing.T) {
	srv, _ := start(t, sugartest.Config{})
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestThePaceIsFourASecondUnlessAnotherIsSet(t *testing.T) {
	credentials := sugar.Credentials{Username: "svc", Password: resetter.NewSecret("pass")}
	client, err := sugar.New("https://example.com", credentials)
	if err != nil || client.Pace().Ceiling != 4 {
		t.Errorf("ceiling %v, %v", client.Pace().Ceiling, err)
	}
	client, err = sugar.New("https://example.com", credentials, transport.WithRate(7))
	if err != nil || client.Pace().Ceiling != 7 {
		t.Errorf("ceiling %v, %v", client.Pace().Ceiling, err)
	}
}

func TestAnAddressIsResolvedExactly(t *testing.T) {
	t.Parallel()
	srv, client := start(t, sugartest.Config{})
	for i, email := range []string{"axb@example.com", "a_b@example.com", "a+b@example.com", "ab@example.com", "a_b@example.com.au", "xa_b@example.com", "Mixed.Case@example.com"} {
		srv.AddUser(sugartest.User{UserName: fmt.Sprint("user", i), Email: email})
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

func TestHitsOfAFilterThatMatchesTooMuchAreCompared(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	srv.Inject(answer(sandbox.Find, 200, `{"next_offset":-1,"records":[
		{"id":"7","user_name":"axb","email":[{"email_address":"axb@example.com","primary_address":true}]},
		{"id":"8","user_name":"A_B","email":null},
		{"id":"9","user_name":"a_bc","email":[]}]}`))
	for _, id := range []resetter.Identity{resetter.Email("a_b@example.com"), resetter.Username("a_b")} {
		_, err := client.Resolve(t.Context(), id)
		want(t, err, resetter.ErrNotFound)
	}
}

func TestASecondaryAddressIsIneligibleSinceTheMailWouldGoElsewhere(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com", OtherEmails: []string{"old@example.com", "private@example.com"}})
	_, err := client.Resolve(t.Context(), resetter.Email("Old@example.com"))
	if e := want(t, err, resetter.ErrIneligible); !strings.Contains(e.Error(), "secondary") {
		t.Errorf("got %v", e)
	}
	if account := resolve(t, client, resetter.Email("ana@example.com")); account.Email != "ana@example.com" {
		t.Errorf("got %+v", account)
	}
}

func TestAnAddressOfSeveralUsersIsAmbiguous(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	srv.AddUser(sugartest.User{UserName: "ana", Email: "team@example.com"})
	srv.AddUser(sugartest.User{UserName: "bo", Email: "bo@example.com", OtherEmails: []string{"Team@example.com"}})
	_, err := client.Resolve(t.Context(), resetter.Email("team@example.com"))
	want(t, err, resetter.ErrAmbiguous)
}

// That an answer was good is no part of a refusal that is ours.
func TestNobodyIsRefusedWithAStatusOfSuccess(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com", OtherEmails: []string{"team@example.com"}})
	srv.AddUser(sugartest.User{UserName: "bo", Email: "bo@example.com", OtherEmails: []string{"team@example.com"}})
	srv.AddUser(sugartest.User{UserName: "cy", Email: "cy@example.com", OtherEmails: []string{"old@example.com"}})
	ids := map[resetter.Identity]resetter.Kind{
		resetter.Email("none@example.com"): resetter.ErrNotFound, resetter.Email("team@example.com"): resetter.ErrAmbiguous,
		resetter.Email("old@example.com"): resetter.ErrIneligible, resetter.Username("none"): resetter.ErrNotFound,
	}
	for id, kind := range ids {
		_, err := client.Resolve(t.Context(), id)
		if e := want(t, err, kind); e.Status != 0 || strings.Contains(e.Error(), "HTTP") {
			t.Errorf("%s: %+v", id, e)
		}
		found, err := client.ResolveBatch(t.Context(), []resetter.Identity{id, resetter.Email("cy@example.com"), resetter.Username("cy")})
		if err != nil {
			t.Fatal(err)
		}
		if e := want(t, found[0].Err, kind); e.Status != 0 || strings.Contains(e.Error(), "HTTP") {
			t.Errorf("%s: %+v", id, e)
		}
	}
	_, err := client.Resolve(t.Context(), resetter.ID("dacac8a8-bf9d-11ee-b819-acde48001122"))
	if e := want(t, err, resetter.ErrNotFound); e.Status != 404 { // Sugar's own word
		t.Errorf("%+v", e)
	}
}

func TestEveryPageOfAFilterIsRead(t *testing.T) {
	srv, client := start(t, sugartest.Config{PageSize: 2})
	for i := range 5 {
		srv.AddUser(sugartest.User{UserName: fmt.Sprint("user", i), Email: fmt.Sprint("user", i, "@example.com"), OtherEmails: []string{"shared@example.com"}})
	}
	_, err := client.Resolve(t.Context(), resetter.Email("shared@example.com"))
	if e := want(t, err, resetter.ErrAmbiguous); !strings.Contains(e.Message, "5 users") {
		t.Errorf("got %v", e)
	}
	if n := srv.Calls(sandbox.Find); n != 3 {
		t.Errorf("%d pages, want 3", n)
	}
}

func TestPagesThatGoRoundInCirclesEnd(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	srv.Inject(answer(sandbox.Find, 200, `{"next_offset":0,"records":[]}`))
	_, err := client.Resolve(t.Context(), resetter.Email("ana@example.com"))
	want(t, err, resetter.ErrUnavailable)
}

func TestAUserNameIsResolvedToTheLetter(t *testing.T) {
	t.Parallel()
	srv, client := start(t, sugartest.Config{})
	for _, name := range []string{"ana", "ana.silva", `CORP\ana`} {
		srv.AddUser(sugartest.User{UserName: name, Email: "of." + fmt.Sprint(len(name)) + "@example.com"})
		if account := resolve(t, client, resetter.Username(name)); account.Username != name {
			t.Errorf("%s is %+v", name, account)
		}
	}
	for _, name := range []string{"ANA", "an", "silva", "an_"} {
		_, err := client.Resolve(t.Context(), resetter.Username(name))
		want(t, err, resetter.ErrNotFound)
	}
}

func TestAnIdIsResolvedAsItIs(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	ana := srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com"})
	if account := resolve(t, client, resetter.ID(ana.ID)); account.ID != ana.ID || account.Email != "ana@example.com" || account.Username != "ana" {
		t.Errorf("got %+v", account)
	}
	_, err := client.Resolve(t.Context(), resetter.ID("dacac8a8-bf9d-11ee-b819-acde48001122"))
	want(t, err, resetter.ErrNotFound)
}

func TestWhatIsMalformedReachesNoServer(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	for _, id := range []resetter.Identity{{}, resetter.Email("ana"), resetter.ID("../me"), resetter.ID("1?fields=id"), resetter.ID("")} {
		_, err := client.Resolve(t.Context(), id)
		want(t, err, resetter.ErrInvalid)
	}
	_, err := client.Reset(t.Context(), resetter.Account{})
	want(t, err, resetter.ErrInvalid)
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestWhoCannotBeResetIsFoundAndSaidWhy(t *testing.T) {
	t.Parallel()
	srv, client := start(t, sugartest.Config{})
	for why, user := range map[string]sugartest.User{
		"inactive":                 {UserName: "off", Email: "off@example.com", Inactive: true},
		"SSO only":                 {UserName: "sso", Email: "sso@example.com", ExternalAuth: true},
		"a group account":          {UserName: "group", Email: "group@example.com", Group: true},
		"a portal account":         {UserName: "portal", Email: "portal@example.com", PortalOnly: true},
		"no primary e-mail addres": {UserName: "nomail"},
	} {
		user = srv.AddUser(user)
		for _, id := range []resetter.Identity{resetter.Username(user.UserName), resetter.ID(user.ID)} {
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

// record is the whole of a user, as the answer to a reset and to a look-up
// without fields: some hundred properties, in which nothing is spelt "", null,
// [] and {} by turns.
func record(t *testing.T) (whole map[string]any) {
	t.Helper()
	text, err := os.ReadFile("testdata/user.json")
	if err == nil {
		err = json.Unmarshal(text, &whole)
	}
	if err != nil || len(whole) < 100 {
		t.Fatalf("%d properties, %v", len(whole), err)
	}
	return whole
}

func TestTheWholeRecordOfAUserIsRead(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	body, err := json.Marshal(record(t))
	if err != nil {
		t.Fatal(err)
	}
	srv.Inject(answer(sandbox.Get, 200, string(body)), answer(sandbox.Reset, 200, string(body)),
		answer(sandbox.Find, 200, `{"next_offset":-1,"records":[`+string(body)+`]}`))
	const id = "5e1f0d3a-7c42-11f0-9a5b-0242ac120002"
	want := resetter.Account{ID: id, Email: "ana@example.com", Username: "ana"}
	for _, who := range []resetter.Identity{resetter.ID(id), resetter.Email("ana@example.com"), resetter.Username("ana")} {
		if account := resolve(t, client, who); account != want {
			t.Errorf("%s is %+v, want %+v", who, account, want)
		}
	}
	if receipt, err := client.Reset(t.Context(), want); err != nil || receipt.Status != 200 {
		t.Errorf("receipt %+v, %v", receipt, err)
	}
}

// A mail has gone out when the record comes: whatever Sugar puts into a
// property of it, the answer must not become unreadable.
func TestNoPropertyOfTheRecordMakesAResetUnknown(t *testing.T) {
	t.Parallel()
	srv, client := start(t, sugartest.Config{})
	spellings := []any{"", nil, []any{}, map[string]any{}, 0, -1.5, "text", true, []any{map[string]any{"a": nil}}, map[string]any{"a": []any{1}}}
	for _, spelling := range spellings {
		whole := record(t)
		for name := range whole {
			if name != "id" && name != "user_name" {
				whole[name] = spelling
			}
		}
		body, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		srv.ClearFaults()
		srv.Inject(answer(sandbox.Reset, 200, string(body)))
		if _, err := client.Reset(t.Context(), resetter.Account{ID: whole["id"].(string)}); err != nil {
			t.Errorf("%v: %v", spelling, err)
		}
	}
}

func TestYesIsReadInEachOfSugarsSpellings(t *testing.T) {
	t.Parallel()
	for spelt, yes := range map[string]bool{
		`true`: true, `1`: true, `"1"`: true, `"true"`: true,
		`false`: false, `0`: false, `"0"`: false, `"false"`: false, `""`: false, `null`: false, `[]`: false, `{}`: false,
	} {
		srv, client := start(t, sugartest.Config{})
		srv.Inject(answer(sandbox.Get, 200, `{"id":"7","user_name":"ana","status":"Active","is_group":`+spelt+`,"email":[{"email_address":"ana@example.com","primary_address":"1"}]}`))
		account := resolve(t, client, resetter.ID("7"))
		if (account.Ineligible != "") != yes || account.Email != "ana@example.com" {
			t.Errorf("is_group %s: %+v", spelt, account)
		}
	}
}

func TestAUserWithoutAddressesSpoilsNoHitBesideIt(t *testing.T) {
	t.Parallel()
	for _, nothing := range []string{`""`, `null`, `[]`} {
		srv, client := start(t, sugartest.Config{})
		srv.Inject(answer(sandbox.Find, 200, `{"next_offset":-1,"records":[{"id":"6","user_name":"odd","email":`+nothing+`},`+
			`{"id":"7","user_name":"ana","email":[{"email_address":"ana@example.com","primary_address":true}]}]}`))
		if account := resolve(t, client, resetter.Email("ana@example.com")); account.ID != "7" {
			t.Errorf("beside email %s: %+v", nothing, account)
		}
	}
}

func TestAnotherPersonsRecordIsNobodys(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	srv.Inject(answer(sandbox.Get, 200, `{"id":"8","user_name":"bo"}`))
	_, err := client.Resolve(t.Context(), resetter.ID("7"))
	if e := want(t, err, resetter.ErrUnavailable); !e.Stop {
		t.Errorf("%+v does not stop the target", e)
	}
}

func TestWhoeverHasNoIdMakesTheAnswerUseless(t *testing.T) {
	const nameless = `{"id":"","user_name":"ana","email":[{"email_address":"ana@example.com","primary_address":true}]}`
	srv, client := start(t, sugartest.Config{})
	srv.Inject(answer(sandbox.Find, 200, `{"next_offset":-1,"records":[`+nameless+`]}`), answer(sandbox.Get, 200, nameless))
	for _, id := range []resetter.Identity{resetter.Email("ana@example.com"), resetter.Username("ana"), resetter.ID("7")} {
		account, err := client.Resolve(t.Context(), id)
		if e := want(t, err, resetter.ErrUnavailable); e.Stop || account != (resetter.Account{}) {
			t.Errorf("%s: %+v, %+v", id, account, e)
		}
		found, err := client.ResolveBatch(t.Context(), []resetter.Identity{id})
		if want(t, err, resetter.ErrUnavailable); found != nil {
			t.Errorf("%s: %+v", id, found)
		}
	}
	_, err := client.Lock(t.Context(), resetter.Account{ID: "7"}, resetter.LockOptions{})
	if e := want(t, err, resetter.ErrUnavailable); e.Stop {
		t.Errorf("%+v", e)
	}
	srv.Inject(answer(sandbox.Reset, 200, nameless))
	_, err = client.Reset(t.Context(), resetter.Account{ID: "7"})
	if e := want(t, err, resetter.ErrUnreadableAnswer); !strings.Contains(e.Error(), "who was mailed") {
		t.Errorf("%+v", e)
	}
}

func TestAResetMailsOnceAndThePrimaryAddress(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com", OtherEmails: []string{"old@example.com"}})
	receipt, err := client.Reset(t.Context(), resolve(t, client, resetter.Username("ana")))
	if err != nil {
		t.Fatal(err)
	}
	mails := srv.Mailbox().Mails()
	if len(mails) != 1 || mails[0].To != "ana@example.com" || mails[0].Kind != sandbox.ResetMail {
		t.Errorf("mails %v", mails)
	}
	if receipt.Status != 200 || receipt.Attempts != 1 || receipt.SetupMail || !receipt.Link.IsZero() {
		t.Errorf("receipt %+v", receipt)
	}
}

func TestManyAtATimeAreMailedOnceEach(t *testing.T) {
	t.Parallel()
	srv, client := start(t, sugartest.Config{People: 20})
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
	if n := srv.Mailbox().Len(); n != 22 {
		t.Errorf("%d mails, want 22", n)
	}
	if n := srv.Calls(sandbox.Login); n != 1 {
		t.Errorf("%d sign-ins, want 1", n)
	}
}

func TestNothingThatIsPrintedHoldsASecret(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	srv, client := start(t, sugartest.Config{}, transport.WithLinks(), transport.WithLogger(log))
	srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com"})
	account := resolve(t, client, resetter.Email("ana@example.com"))
	receipt, err := client.Reset(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("done", "account", account, "receipt", receipt)
	fmt.Fprintf(&out, "%v %+v %#v %v %+v", receipt, receipt, receipt, account, client)
	if err := json.NewEncoder(&out).Encode(receipt); err != nil {
		t.Fatal(err)
	}
	for _, f := range []sandbox.Fault{
		answer(sandbox.Reset, 422, `{"error":"invalid_parameter","error_message":{"field":["bad password `+srv.Password+`","see https://example.com/?token=`+srv.Canary()+`1"]}}`),
		answer(sandbox.Reset, 500, srv.Password),
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

func TestTheIntentIsNotedBeforeTheFirstByteAndNotForReads(t *testing.T) {
	srv, client := start(t, sugartest.Config{People: 1})
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
	srv, client := start(t, sugartest.Config{})
	section := "server_info"
	intents := 0
	ctx := resetter.WithWaitsHandedBack(resetter.WithBeforeSend(t.Context(), func(context.Context) error { intents++; return nil }))
	try := func() error {
		_, err := client.API().GetMetadataWithResponse(ctx, &sugarapi.GetMetadataParams{TypeFilter: &section})
		return err
	}
	if err := try(); err != nil || srv.Calls(sandbox.Login) != 1 || intents != 1 {
		t.Errorf("%v; %d sign-ins, %d intents", err, srv.Calls(sandbox.Login), intents)
	}
	srv.Inject(once(answer(sugartest.Metadata, 409, `{"error":"edit_conflict","error_message":"no luck with `+srv.Password+`"}`)))
	if e := want(t, try(), resetter.ErrRejected); !strings.Contains(e.Error(), "no luck") || strings.Contains(e.Error(), srv.Password) {
		t.Errorf("%v", e)
	}
	srv.Inject(sandbox.Fault{Kind: sandbox.Drop, On: sugartest.Metadata, Processed: true, Times: 1})
	want(t, try(), resetter.ErrLostAnswer)
	if n := srv.Calls(sugartest.Metadata); n != 3 || intents != 3 {
		t.Errorf("%d calls, %d intents", n, intents)
	}
	srv.Inject(sandbox.Fault{Kind: sandbox.Throttle, On: sugartest.Metadata, RetryAfter: time.Minute})
	want(t, try(), resetter.ErrRateLimited)
	if p := client.Pace(); p.Throttled != 1 || p.GatedUntil.IsZero() || int(p.Requests) != len(srv.Requests()) {
		t.Errorf("%d requests, and the pace is %+v", len(srv.Requests()), p)
	}
}
