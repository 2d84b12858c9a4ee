package sugar_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/sugar"
	"github.com/seed57652884/resetctl/sugar/sugartest"
)

// An answer of Sugar, and what is to become of it.
type ruling struct {
	status int
	body   string
	kind   resetter.Kind
	stop   bool
	says   string // part of the error's text
}

const (
	page   = "<!DOCTYPE html><html><body>Bad gateway</body></html>"
	fields = `{"error":"invalid_parameter","error_message":{"userId":"is unknown","filter":["is odd","is long"],"more":{"deep":1}}}`
)

func label(label string) string {
	return `{"error":"` + label + `","error_message":"Es ging nicht."}`
}

func TestEveryAnswerToAResetIsJudged(t *testing.T) {
	t.Parallel()
	for _, c := range []ruling{
		{400, label("invalid_request"), resetter.ErrInvalid, false, "invalid_request"},
		{401, label("need_login"), resetter.ErrUnauthorized, true, "nothing else signs in"},
		{401, label("invalid_grant"), resetter.ErrUnauthorized, true, "platform"},
		{401, `{"error":"need_login","error_message":"x","url":"https://idp.example/?t=seen","platform":"resetctl"}`, resetter.ErrUnauthorized, true, "need_login"},
		{403, label("not_authorized"), resetter.ErrForbidden, false, "administrator of the Users module"},
		{403, page, resetter.ErrForbidden, false, "403"},
		{404, label("not_found"), resetter.ErrNotFound, false, "whether the user exists"},
		{404, label("no_method"), resetter.ErrRejected, true, "v11_24"},
		{404, page, resetter.ErrRejected, true, "no Sugar API"},
		{404, "", resetter.ErrRejected, true, "check the URL"},
		{405, "", resetter.ErrRejected, false, "405"},
		{408, "", resetter.ErrServerError, false, "may have gone out"},
		{409, label("edit_conflict"), resetter.ErrRejected, false, "edit_conflict"},
		{412, label("metadata_out_of_date"), resetter.ErrRejected, false, "metadata_out_of_date"},
		{413, label("request_too_large"), resetter.ErrRejected, false, "request_too_large"},
		{415, "", resetter.ErrRejected, false, "415"},
		{422, label("missing_parameter"), resetter.ErrInvalid, false, "missing_parameter"},
		{422, fields, resetter.ErrInvalid, false, "userId: is unknown"},
		{422, `{"error":"invalid_parameter","error_description":"Another place for it"}`, resetter.ErrInvalid, false, "Another place for it"},
		{422, `{"error":"invalid_parameter","error_message":null}`, resetter.ErrInvalid, false, "invalid_parameter"},
		{422, `{"error":"invalid_parameter","error_message":["a","b"]}`, resetter.ErrInvalid, false, "invalid_parameter"},
		{424, label("request_failure"), resetter.ErrServerError, false, "may have gone out"},
		{424, label("never_heard_of"), resetter.ErrServerError, false, "may have gone out"},
		{424, page, resetter.ErrServerError, false, "may have gone out"},
		{424, label("not_authorized"), resetter.ErrRejected, false, "not_authorized"},
		{424, label("missing_parameter"), resetter.ErrRejected, false, "missing_parameter"},
		{424, label("not_found"), resetter.ErrRejected, false, "not_found"},
		{429, label("too_many_requests"), resetter.ErrRateLimited, false, "not before"},
		{500, label("fatal_error"), resetter.ErrServerError, false, "may have gone out"},
		{502, page, resetter.ErrServerError, false, "may have gone out"},
		{503, label("maintenance"), resetter.ErrUnavailable, false, "in maintenance"},
		{503, label("something_else"), resetter.ErrServerError, false, "may have gone out"},
		{503, page, resetter.ErrServerError, false, "may have gone out"},
		{504, page, resetter.ErrServerError, false, "may have gone out"},
		{599, "", resetter.ErrServerError, false, "may have gone out"},

		{200, page, resetter.ErrUnreadableAnswer, true, "web page"},
		{200, "", resetter.ErrUnreadableAnswer, false, "may have gone out"},
		{200, "{", resetter.ErrUnreadableAnswer, false, "may have gone out"},
		{200, "{}", resetter.ErrUnreadableAnswer, true, "may have gone out"},
		{200, `{"login":"required"}`, resetter.ErrUnreadableAnswer, true, "may have gone out"},
		{200, "[]", resetter.ErrUnreadableAnswer, true, "may have gone out"},
		{200, `{"user_name":"ana"}`, resetter.ErrUnreadableAnswer, true, "who was mailed"},
		{200, `{"id":"8","user_name":"bo"}`, resetter.ErrUnreadableAnswer, true, "another account"},
		{204, "", resetter.ErrUnreadableAnswer, false, "may have gone out"},

		{301, label("incorrect_version"), resetter.ErrRejected, true, "api_version"},
		{301, "", resetter.ErrRejected, true, "elsewhere.example"},
		{302, "", resetter.ErrUnreadableAnswer, true, "elsewhere.example"},
		{303, "", resetter.ErrUnreadableAnswer, true, "elsewhere.example"},
		{307, label("moved"), resetter.ErrRejected, true, "elsewhere.example"},
		{308, "", resetter.ErrRejected, true, "elsewhere.example"},
	} {
		srv, client := start(t, sugartest.Config{})
		account := resetter.Account{ID: srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com"}).ID, Email: "ana@example.com"}
		fault := answer(sandbox.Reset, c.status, c.body)
		fault.Header = http.Header{}
		if strings.Contains(c.body, "<html>") {
			fault.Header.Set("Content-Type", "text/html")
		}
		if c.status/100 == 3 {
			fault.Header.Set("Location", "https://elsewhere.example/login?token=seen")
		}
		srv.Inject(fault)
		_, err := client.Reset(resetter.WithWaitsHandedBack(t.Context()), account)
		e, ok := errors.AsType[*resetter.Error](err)
		if !ok {
			t.Errorf("%d %s: got %v", c.status, c.body, err)
			continue
		}
		if e.Kind != c.kind || e.Stop != c.stop || e.Status != c.status || !strings.Contains(e.Error(), c.says) {
			t.Errorf("%d %s: %s, stop %v: %v\nwant %s, stop %v, and %q said", c.status, c.body, e.Kind, e.Stop, e, c.kind, c.stop, c.says)
		}
		if e.System != "sugar" || e.Account != account.Email || strings.Contains(e.Error(), "seen") {
			t.Errorf("%d: %+v", c.status, e)
		}
		calls := 1
		if c.status == 401 {
			calls = 2 // once more, with a fresh session
		}
		if n := srv.Calls(sandbox.Reset); n != calls || e.Attempts != calls {
			t.Errorf("%d: asked %d times, and the error says %d; want %d", c.status, n, e.Attempts, calls)
		}
	}
}

func TestWhatSugarSaysOfAFieldIsKept(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	srv.Inject(answer(sandbox.Reset, 422, fields))
	_, err := client.Reset(t.Context(), resetter.Account{ID: "7"})
	e := want(t, err, resetter.ErrInvalid)
	if e.Code != "invalid_parameter" || !slices.Equal(e.Fields, []resetter.FieldError{
		{Field: "filter", Message: "is odd"}, {Field: "filter", Message: "is long"}, {Field: "userId", Message: "is unknown"},
	}) {
		t.Errorf("code %q, fields %+v", e.Code, e.Fields)
	}
}

func TestALookUpThatComesToNothingLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	for _, c := range []ruling{
		{401, label("invalid_grant"), resetter.ErrUnauthorized, true, "platform"},
		{403, label("not_authorized"), resetter.ErrForbidden, false, "administrator"},
		{404, page, resetter.ErrRejected, true, "no Sugar API"},
		{404, label("no_method"), resetter.ErrRejected, true, "api_version"},
		{422, label("invalid_parameter"), resetter.ErrInvalid, false, "invalid_parameter"},
		{429, label("too_many_requests"), resetter.ErrRateLimited, false, "not before"},
		{200, page, resetter.ErrUnavailable, true, "web page"},
		{200, "{", resetter.ErrUnavailable, false, "URL"},
		{200, "{}", resetter.ErrUnavailable, false, "no list of users"},
		{200, "null", resetter.ErrUnavailable, false, "no list of users"},
		{200, `{"next_offset":-1}`, resetter.ErrUnavailable, false, "no list of users"},
		{200, `{"next_offset":-1,"records":null}`, resetter.ErrUnavailable, false, "no list of users"},
		{200, `{"next_offset":-1,"records":[null]}`, resetter.ErrUnavailable, false, "without an id"},
		{200, `{"next_offset":-1,"records":[{"id":"","user_name":"ana"}]}`, resetter.ErrUnavailable, false, "without an id"},
		{302, "", resetter.ErrUnavailable, true, "redirect"},
		{424, label("request_failure"), resetter.ErrUnavailable, false, "request_failure"},
		{500, label("fatal_error"), resetter.ErrUnavailable, false, "500"},
		{503, label("maintenance"), resetter.ErrUnavailable, false, "not before"},
		{503, page, resetter.ErrUnavailable, false, "503"},
	} {
		srv, client := start(t, sugartest.Config{})
		fault := answer(sandbox.Find, c.status, c.body)
		if strings.Contains(c.body, "<html>") {
			fault.Header = http.Header{"Content-Type": {"text/html"}}
		}
		srv.Inject(fault)
		_, err := client.Resolve(resetter.WithWaitsHandedBack(t.Context()), resetter.Email("ana@example.com"))
		e, ok := errors.AsType[*resetter.Error](err)
		if !ok || e.Kind != c.kind {
			t.Errorf("%d %s: got %v, want %s", c.status, c.body, err, c.kind)
			continue
		}
		if e.Stop != c.stop || !strings.Contains(e.Error(), c.says) || errors.Is(err, resetter.ErrUnknownOutcome) {
			t.Errorf("%d %s: stop %v: %v\nwant stop %v, and %q said", c.status, c.body, e.Stop, e, c.stop, c.says)
		}
	}
}

func TestASugarThatIsTooOldIsSaidToBe(t *testing.T) {
	for _, version := range []string{"v11_23", "v10"} {
		srv := sugartest.NewServer(sugartest.Config{APIVersion: version, People: 1})
		t.Cleanup(srv.Close)
		credentials := sugar.Credentials{Username: srv.Username, Password: resetter.NewSecret(srv.Password)}
		_, err := connect(t, srv, srv.URL, credentials).Check(t.Context()) // asks for v11_24
		if e := want(t, err, resetter.ErrRejected); !e.Stop || !strings.Contains(e.Error(), "older") || e.Code != "incorrect_version" {
			t.Errorf("got %+v", e)
		}
		credentials.APIVersion = version // signs in, and has no reset
		_, err = connect(t, srv, srv.URL, credentials).Reset(t.Context(), resetter.Account{ID: srv.Users()[2].ID})
		if e := want(t, err, resetter.ErrRejected); !e.Stop || !strings.Contains(e.Error(), "v11_24") || e.Code != "no_method" {
			t.Errorf("got %+v", e)
		}
		if n := srv.Mailbox().Len(); n != 0 {
			t.Errorf("%d mails", n)
		}
	}
}

func TestMaintenanceIsAPauseAndLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	srv, client := start(t, sugartest.Config{People: 1})
	ana := resolve(t, client, resetter.Email(srv.Users()[2].Email))
	srv.SetMaintenance(true)
	_, err := client.Reset(resetter.WithWaitsHandedBack(t.Context()), ana)
	e := want(t, err, resetter.ErrUnavailable)
	if e.Scope != resetter.ScopeTarget || e.Until.IsZero() || errors.Is(err, resetter.ErrUnknownOutcome) {
		t.Errorf("got %+v", e)
	}
	srv.SetMaintenance(false)
	if _, err := client.Reset(t.Context(), ana); err != nil {
		t.Error(err)
	}
	if n := srv.Mailbox().Count(ana.Email); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func TestARequestThatFailedIsUnknownAndSaysWhatToCheck(t *testing.T) {
	srv, client := start(t, sugartest.Config{People: 1, NoMailer: true})
	_, err := client.Reset(t.Context(), resolve(t, client, resetter.Email(srv.Users()[2].Email)))
	if e := want(t, err, resetter.ErrServerError); e.Code != "request_failure" || !strings.Contains(e.Advice, "mail is set up") {
		t.Errorf("got %+v", e)
	}
}

func TestALostAnswerIsNeitherRepeatedNorCalledAFailure(t *testing.T) {
	t.Parallel()
	for _, fault := range []sandbox.Fault{
		{Kind: sandbox.Drop, On: sandbox.Reset, Processed: true},
		{Kind: sandbox.Cut, On: sandbox.Reset},
		{Kind: sandbox.Page, On: sandbox.Reset, Processed: true},
		{Kind: sandbox.Answer, On: sandbox.Reset, Processed: true, Status: 502},
	} {
		srv, client := start(t, sugartest.Config{People: 1})
		account := resolve(t, client, resetter.Email(srv.Users()[2].Email))
		srv.Inject(fault)
		_, err := client.Reset(t.Context(), account)
		if !errors.Is(err, resetter.ErrUnknownOutcome) {
			t.Errorf("%s: %v", fault.Kind, err)
		}
		if n := srv.Mailbox().Count(account.Email); n != 1 {
			t.Errorf("%s: %d mails, want 1", fault.Kind, n)
		}
	}
}

func TestAnythingThatSaysYesOfTheRightPersonIsAYes(t *testing.T) {
	for _, status := range []int{200, 201, 202, 203} {
		srv, client := start(t, sugartest.Config{})
		ana := srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com"})
		srv.Inject(answer(sandbox.Reset, status, `{"id":"`+ana.ID+`"}`))
		receipt, err := client.Reset(t.Context(), resetter.Account{ID: ana.ID, Email: ana.Email})
		if err != nil || receipt.Status != status {
			t.Errorf("%d: %+v, %v", status, receipt, err)
		}
	}
}
