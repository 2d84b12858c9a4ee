package sugar_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/sugar"
	"github.com/seed57652884/resetctl/sugar/sugartest"
)

// userNow is a user as the server has it.
func userNow(srv *sugartest.Server, id string) sugartest.User {
	users := srv.Users()
	return users[slices.IndexFunc(users, func(u sugartest.User) bool { return u.ID == id })]
}

// mailsNobody is a context under which a note of an intent is an error.
func mailsNobody(t *testing.T) context.Context {
	return resetter.WithBeforeSend(t.Context(), func(context.Context) error {
		t.Error("an intent was noted for what mails nobody")
		return nil
	})
}

func TestAnAddressIsChangedAndTheOthersStay(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	for _, c := range []struct {
		before     sugartest.User
		address    string
		thereafter []string // the primary one first
	}{
		{sugartest.User{UserName: "ana", Email: "ana@example.com", OtherEmails: []string{"a@example.org", "b@example.org"}}, "silva@example.com", []string{"silva@example.com", "a@example.org", "b@example.org"}},
		{sugartest.User{UserName: "bo", Email: "bo@example.com", OtherEmails: []string{"Chen@example.com", "b@example.org"}}, "chen@example.com", []string{"chen@example.com", "b@example.org"}},
		{sugartest.User{UserName: "cy", OtherEmails: []string{"c@example.org"}}, "cy@example.com", []string{"cy@example.com", "c@example.org"}},
		{sugartest.User{UserName: "di"}, "di@example.com", []string{"di@example.com"}},
	} {
		before := srv.AddUser(c.before)
		receipt, err := client.ChangeEmail(mailsNobody(t), resolve(t, client, resetter.ID(before.ID)), c.address)
		if err != nil || receipt.Already || receipt.Status != 200 || receipt.Attempts != 1 {
			t.Errorf("%s: %+v, %v", before.UserName, receipt, err)
		}
		now := userNow(srv, before.ID)
		if addresses := append([]string{now.Email}, now.OtherEmails...); !slices.Equal(addresses, c.thereafter) {
			t.Errorf("%s has %v, want %v", before.UserName, addresses, c.thereafter)
		}
		if now.Email, now.OtherEmails = before.Email, before.OtherEmails; now.UserName != before.UserName || now.Inactive != before.Inactive {
			t.Errorf("it was %+v and is %+v", before, now)
		}
	}
	if n := srv.Mailbox().Len(); n != 0 {
		t.Errorf("%d mails", n)
	}
}

func TestAnAccountIsLockedAndUnlocked(t *testing.T) {
	srv, client := start(t, sugartest.Config{People: 1})
	ana := srv.Users()[2]
	receipt, err := client.Lock(mailsNobody(t), resolve(t, client, resetter.ID(ana.ID)), resetter.LockOptions{RevokeKeys: true})
	if err != nil || receipt.Already || receipt.Status != 200 || !userNow(srv, ana.ID).Inactive {
		t.Fatalf("lock: %+v, %v", receipt, err)
	}
	locked := resolve(t, client, resetter.Email(ana.Email))
	if locked.Ineligible == "" {
		t.Error("who is locked can be reset")
	}
	if _, err := client.Unlock(mailsNobody(t), locked); err != nil || userNow(srv, ana.ID).Inactive {
		t.Fatalf("unlock: %v", err)
	}
	if _, err := client.Reset(t.Context(), resolve(t, client, resetter.Email(ana.Email))); err != nil {
		t.Error(err)
	}
	if now := userNow(srv, ana.ID); now.Email != ana.Email || now.UserName != ana.UserName {
		t.Errorf("it was %+v and is %+v", ana, now)
	}
}

func TestWhatIsSoAlreadyIsNotWritten(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	on := srv.AddUser(sugartest.User{UserName: "on", Email: "on@example.com"})
	off := srv.AddUser(sugartest.User{UserName: "off", Email: "off@example.com", Inactive: true})
	for what, act := range map[string]func() (resetter.Receipt, error){
		"lock": func() (resetter.Receipt, error) {
			return client.Lock(t.Context(), resetter.Account{ID: off.ID}, resetter.LockOptions{})
		},
		"unlock": func() (resetter.Receipt, error) { return client.Unlock(t.Context(), resetter.Account{ID: on.ID}) },
		"change": func() (resetter.Receipt, error) {
			return client.ChangeEmail(t.Context(), resetter.Account{ID: on.ID, Email: "stale@example.com"}, "ON@example.com")
		},
	} {
		if receipt, err := act(); err != nil || !receipt.Already || receipt.Status != 200 || receipt.Attempts != 0 {
			t.Errorf("%s: %+v, %v", what, receipt, err)
		}
	}
	if n := srv.Calls(sandbox.Update); n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestWhatSugarIdentityManagesIsRefusedClearly(t *testing.T) {
	srv, client := start(t, sugartest.Config{SugarIdentity: true, People: 1})
	ana := srv.Users()[2]
	_, err := client.Lock(t.Context(), resetter.Account{ID: ana.ID}, resetter.LockOptions{})
	if e := want(t, err, resetter.ErrForbidden); !strings.Contains(e.Error(), "SugarIdentity") || e.Stop || e.Op != "lock user" {
		t.Errorf("got %+v", e)
	}
	// One that takes the change and does not make it is not believed.
	record := func(status, address string) string {
		return `{"id":"` + ana.ID + `","status":"` + status + `","email":[{"email_address":"` + address + `","primary_address":true}]}`
	}
	srv.Inject(answer(sandbox.Update, 200, record("Active", ana.Email)))
	for _, act := range []func() (resetter.Receipt, error){
		func() (resetter.Receipt, error) {
			return client.Lock(t.Context(), resetter.Account{ID: ana.ID}, resetter.LockOptions{})
		},
		func() (resetter.Receipt, error) {
			return client.ChangeEmail(t.Context(), resetter.Account{ID: ana.ID}, "new@example.com")
		},
	} {
		_, err := act()
		if e := want(t, err, resetter.ErrRejected); !strings.Contains(e.Error(), "SugarIdentity") {
			t.Errorf("got %v", e)
		}
	}
	srv.ClearFaults()
	srv.Inject(answer(sandbox.Update, 200, `{"id":"`+ana.ID+`"}`)) // it says neither
	if _, err := client.Lock(t.Context(), resetter.Account{ID: ana.ID}, resetter.LockOptions{}); err != nil {
		t.Error(err)
	}
}

func TestWhatSugarSaysToAChangeIsJudged(t *testing.T) {
	t.Parallel()
	for _, c := range []ruling{
		{401, label("invalid_grant"), resetter.ErrUnauthorized, true, "platform"},
		{403, label("not_authorized"), resetter.ErrForbidden, false, "administrator of the Users module"},
		{404, label("not_found"), resetter.ErrNotFound, false, "whether the user exists"},
		{404, page, resetter.ErrRejected, true, "no Sugar API"},
		{409, label("edit_conflict"), resetter.ErrRejected, false, "edit_conflict"},
		{422, fields, resetter.ErrInvalid, false, "userId: is unknown"},
		{429, label("too_many_requests"), resetter.ErrRateLimited, false, "not before"},
		{503, label("maintenance"), resetter.ErrUnavailable, false, "in maintenance"},
		{200, page, resetter.ErrUnreadableAnswer, true, "web page"},
		{200, "{}", resetter.ErrUnreadableAnswer, false, "does no harm"},
		{200, `{"id":"8","status":"Inactive"}`, resetter.ErrUnreadableAnswer, true, "another account"},
	} {
		srv, client := start(t, sugartest.Config{})
		ana := srv.AddUser(sugartest.User{ID: "7", UserName: "ana", Email: "ana@example.com"})
		srv.Inject(answer(sandbox.Update, c.status, c.body))
		_, err := client.Lock(resetter.WithWaitsHandedBack(t.Context()), resetter.Account{ID: ana.ID, Email: ana.Email}, resetter.LockOptions{})
		e := want(t, err, c.kind)
		if e.Stop != c.stop || !strings.Contains(e.Error(), c.says) || e.Op != "lock user" || e.Account != ana.Email || strings.Contains(e.Error(), "mail may have") {
			t.Errorf("%d %s: stop %v: %v\nwant stop %v, and %q said", c.status, c.body, e.Stop, e, c.stop, c.says)
		}
	}
}

func TestAChangeThatEndsWithTheReadingBeforeItCountsNoAttempt(t *testing.T) {
	srv, client := start(t, sugartest.Config{People: 1})
	ana := srv.Users()[2]
	for _, c := range []ruling{
		{status: 200, body: `{"id":"8"}`, kind: resetter.ErrUnavailable},
		{status: 200, body: `null`, kind: resetter.ErrUnavailable},
		{status: 200, body: `{"id":"` + ana.ID + `"}`, kind: resetter.ErrRejected},
		{status: 403, body: label("not_authorized"), kind: resetter.ErrForbidden},
		{status: 404, body: label("not_found"), kind: resetter.ErrNotFound},
		{status: 429, body: label("too_many_requests"), kind: resetter.ErrRateLimited},
	} {
		srv.ClearFaults()
		srv.Inject(answer(sandbox.Get, c.status, c.body))
		_, err := client.Lock(resetter.WithWaitsHandedBack(t.Context()), resetter.Account{ID: ana.ID}, resetter.LockOptions{})
		if e := want(t, err, c.kind); e.Attempts != 0 || e.Repeatable || srv.Calls(sandbox.Update) != 0 {
			t.Errorf("%d %s: %+v; %d writes", c.status, c.body, e, srv.Calls(sandbox.Update))
		}
	}
}

// A change whose answer is lost is made again, since that does no harm.
func TestAChangeWhoseAnswerIsLostIsRepeated(t *testing.T) {
	t.Parallel()
	for _, fault := range []sandbox.Fault{
		{Kind: sandbox.Drop, Processed: true}, {Kind: sandbox.Drop}, {Kind: sandbox.Cut},
		{Kind: sandbox.Answer, Status: 502}, {Kind: sandbox.Answer, Status: 424, Processed: true, Body: label("request_failure")},
	} {
		srv, client := start(t, sugartest.Config{People: 1})
		ana := srv.Users()[2]
		fault.On, fault.Times = sandbox.Update, 1
		srv.Inject(fault)
		receipt, err := client.Lock(t.Context(), resetter.Account{ID: ana.ID}, resetter.LockOptions{})
		if err != nil || receipt.Attempts != 2 || !userNow(srv, ana.ID).Inactive {
			t.Errorf("%s: %+v, %v", fault.Kind, receipt, err)
		}
	}
}

func TestNothingIsAskedForThatIsMalformed(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	for _, id := range []string{"", "../me", "1?fields=id", "."} {
		_, err := client.Lock(t.Context(), resetter.Account{ID: id}, resetter.LockOptions{})
		want(t, err, resetter.ErrInvalid)
		_, err = client.Unlock(t.Context(), resetter.Account{ID: id})
		want(t, err, resetter.ErrInvalid)
		_, err = client.ChangeEmail(t.Context(), resetter.Account{ID: id}, "new@example.com")
		want(t, err, resetter.ErrInvalid)
	}
	for _, address := range []string{"", "new", "New <new@example.com>", "a@example.com,b@example.com"} {
		_, err := client.ChangeEmail(t.Context(), resetter.Account{ID: "1"}, address)
		want(t, err, resetter.ErrInvalid)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// changed is what an instance is sent for a change of the address of a user with
// that record.
func changed(t *testing.T, record string) (body string, err error) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/oauth2/token"):
			_, _ = io.WriteString(w, `{"access_token":"x","expires_in":3600}`)
		case r.Method == http.MethodPut:
			text, _ := io.ReadAll(r.Body)
			body = string(text)
			_, _ = io.WriteString(w, `{"id":"7"}`)
		default:
			_, _ = io.WriteString(w, record)
		}
	}))
	defer srv.Close()
	client, err := sugar.New(srv.URL, sugar.Credentials{Username: "svc", Password: resetter.NewSecret("pass")}, transport.WithRate(math.Inf(1)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.Background())
	_, err = client.ChangeEmail(t.Context(), resetter.Account{ID: "7"}, "new@example.com")
	return body, err
}

func TestTheOtherAddressesKeepTheirMarksAndNothingReadOnlyIsSent(t *testing.T) {
	body, err := changed(t, `{"id":"7","email":[
		{"email_address":"ana@example.com","email_address_id":"e1","primary_address":"1","invalid_email":true,"opt_out":"1"},
		{"email_address":"a@example.org","email_address_id":"e2","primary_address":false,"invalid_email":"1","opt_out":0,"reply_to_address":true},
		{"email_address":"b@example.org","email_address_id":"e3","primary_address":"","invalid_email":null,"opt_out":1}]}`)
	want := `{"email":[{"email_address":"new@example.com","primary_address":true},` +
		`{"email_address":"a@example.org","invalid_email":true,"opt_out":false,"primary_address":false,"reply_to_address":true},` +
		`{"email_address":"b@example.org","invalid_email":false,"opt_out":true,"primary_address":false,"reply_to_address":false}]}`
	var compact bytes.Buffer
	if err != nil || json.Compact(&compact, []byte(body)) != nil || compact.String() != want {
		t.Errorf("sent %s, %v\nwant %s", body, err, want)
	}
}

// A list replaces the one before, so what was not seen would be lost.
func TestAddressesThatAreNotToldAreNotReplaced(t *testing.T) {
	for _, record := range []string{`{"id":"7"}`, `{"id":"7","email":null}`, `{"id":"7","email":{"a":"b"}}`, `{"id":"7","email":"ana@example.com"}`} {
		body, err := changed(t, record)
		if e := want(t, err, resetter.ErrRejected); body != "" || !strings.Contains(e.Error(), "left alone") {
			t.Errorf("%s: sent %s, %v", record, body, e)
		}
	}
	for _, record := range []string{`{"id":"7","email":[]}`, `{"id":"7","email":""}`} {
		if body, err := changed(t, record); err != nil || !strings.Contains(body, "new@example.com") {
			t.Errorf("%s: sent %s, %v", record, body, err)
		}
	}
}
