package looker_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// An answer of Looker, and what is to become of it.
type ruling struct {
	status int
	body   string
	kind   resetter.Kind
	stop   bool
	says   string // part of the error's text
}

const (
	page   = "<!DOCTYPE html><html><body>Bad gateway</body></html>"
	fields = `{"message":"Validation Failed","errors":[{"field":"email","code":"invalid","message":"is not an address"},{"field":null,"code":null,"message":null}],"documentation_url":null}`
)

func message(text string) string {
	return `{"message":"` + text + `","documentation_url":"https://cloud.google.com/looker/docs/r/err/4.0"}`
}

func TestEveryAnswerToAResetIsJudged(t *testing.T) {
	t.Parallel()
	for _, c := range []ruling{
		{400, message("Bad request"), resetter.ErrInvalid, false, "Bad request"},
		{401, message("Requires authentication."), resetter.ErrUnauthorized, true, "client_id"},
		{403, message("Permission denied."), resetter.ErrForbidden, false, "right to administer users"},
		{403, page, resetter.ErrForbidden, false, "Google Cloud core"},
		{404, message("Not found"), resetter.ErrNotFound, false, "sign-in by e-mail"},
		{404, page, resetter.ErrRejected, true, "no Looker API"},
		{404, "", resetter.ErrRejected, true, "19999"},
		{405, "", resetter.ErrRejected, false, "405"},
		{408, "", resetter.ErrServerError, false, "may have gone out"},
		{409, message("Conflict"), resetter.ErrRejected, false, "Conflict"},
		{413, page, resetter.ErrRejected, false, "413"},
		{415, "", resetter.ErrRejected, false, "415"},
		{418, "", resetter.ErrRejected, false, "418"},
		{422, fields, resetter.ErrInvalid, false, "email: is not an address"},
		{422, `{"message":null,"errors":null,"documentation_url":null}`, resetter.ErrInvalid, false, "422"},
		{422, `{"message":"Validation Failed","errors":[{}]}`, resetter.ErrInvalid, false, "Validation Failed"},
		{429, message("Too many requests."), resetter.ErrRateLimited, false, "not before"},
		{500, message("Internal error"), resetter.ErrServerError, false, "may have gone out"},
		{502, page, resetter.ErrServerError, false, "may have gone out"},
		{503, page, resetter.ErrServerError, false, "may have gone out"},
		{503, message("Service unavailable"), resetter.ErrServerError, false, "may have gone out"},
		{504, page, resetter.ErrServerError, false, "may have gone out"},
		{599, "", resetter.ErrServerError, false, "may have gone out"},

		{200, page, resetter.ErrUnreadableAnswer, true, "web page"},
		{200, "", resetter.ErrUnreadableAnswer, false, "may have gone out"},
		{200, "{", resetter.ErrUnreadableAnswer, false, "may have gone out"},
		{200, "{}", resetter.ErrUnreadableAnswer, true, "may have gone out"},
		{200, `{"login":"required"}`, resetter.ErrUnreadableAnswer, true, "may have gone out"},
		{200, "[]", resetter.ErrUnreadableAnswer, true, "may have gone out"},
		{200, "null", resetter.ErrUnreadableAnswer, true, "may have gone out"},
		{200, `{"user_id":null}`, resetter.ErrUnreadableAnswer, true, "whose"},
		{200, `{"user_id":"999"}`, resetter.ErrUnreadableAnswer, true, "another account"},
		{204, "", resetter.ErrUnreadableAnswer, false, "may have gone out"},

		{301, "", resetter.ErrRejected, true, "elsewhere.example"},
		{302, "", resetter.ErrUnreadableAnswer, true, "elsewhere.example"},
		{303, "", resetter.ErrUnreadableAnswer, true, "elsewhere.example"},
		{307, "", resetter.ErrRejected, true, "elsewhere.example"},
		{308, "", resetter.ErrRejected, true, "elsewhere.example"},
	} {
		srv, client := start(t, lookertest.Config{People: 1})
		account := resolve(t, client, resetter.ID(srv.Users()[1].ID))
		fault := answer(sandbox.Reset, c.status, c.body)
		fault.Header = http.Header{"X-B3-Traceid": {"4bf92f3577b3"}}
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
		if e.System != "looker" || e.Account != account.Email || e.RequestID != "4bf92f3577b3" || strings.Contains(e.Error(), "token=") {
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

func TestWhatLookerSaysOfAFieldIsKept(t *testing.T) {
	srv, client := start(t, lookertest.Config{People: 1})
	account := resolve(t, client, resetter.ID(srv.Users()[1].ID))
	srv.Inject(answer(sandbox.Reset, 422, fields))
	_, err := client.Reset(t.Context(), account)
	e := want(t, err, resetter.ErrInvalid)
	if !slices.Contains(e.Fields, resetter.FieldError{Field: "email", Code: "invalid", Message: "is not an address"}) {
		t.Errorf("fields %+v", e.Fields)
	}
}

func TestALookUpThatComesToNothingLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	for _, c := range []ruling{
		{400, message("Bad request"), resetter.ErrInvalid, false, "Bad request"},
		{401, message("Requires authentication."), resetter.ErrUnauthorized, true, "client_id"},
		{403, message("Permission denied."), resetter.ErrForbidden, false, "right"},
		{404, page, resetter.ErrRejected, true, "no Looker API"},
		{429, message("Too many requests."), resetter.ErrRateLimited, false, "not before"},
		{200, page, resetter.ErrUnavailable, true, "web page"},
		{200, "{", resetter.ErrUnavailable, false, "URL"},
		{200, "{}", resetter.ErrUnavailable, false, "no user"},
		{302, "", resetter.ErrUnavailable, true, "redirect"},
		{500, message("Internal error"), resetter.ErrUnavailable, false, "500"},
		{503, page, resetter.ErrUnavailable, false, "503"},
	} {
		srv, client := start(t, lookertest.Config{})
		fault := answer(sandbox.Find, c.status, c.body)
		if strings.Contains(c.body, "<html>") {
			fault.Header = http.Header{"Content-Type": {"text/html"}}
		}
		srv.Inject(fault)
		_, err := client.Resolve(resetter.WithWaitsHandedBack(t.Context()), resetter.Email("ana@example.com"))
		e := want(t, err, c.kind)
		if e.Stop != c.stop || !strings.Contains(e.Error(), c.says) || errors.Is(err, resetter.ErrUnknownOutcome) {
			t.Errorf("%d %s: stop %v: %v\nwant stop %v, and %q said", c.status, c.body, e.Stop, e, c.stop, c.says)
		}
	}
}

func TestAListThatIsNoListFindsNobodyOut(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"null", "{}", `{"message":"ok"}`, ""} {
		srv, client := start(t, lookertest.Config{})
		srv.Inject(answer(sandbox.Search, 200, body))
		_, err := client.Resolve(t.Context(), resetter.Email("ana@example.com"))
		want(t, err, resetter.ErrUnavailable)
	}
}

func TestAPauseConcernsTheWholeTargetAndIsHandedBack(t *testing.T) {
	virtually(t, lookertest.Config{People: 1}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
		account := resolve(t, client, resetter.ID(srv.Users()[1].ID))
		srv.Inject(sandbox.Fault{Kind: sandbox.Throttle, On: sandbox.Reset, RetryAfter: 40 * time.Second, Times: 1})
		ctx := resetter.WithWaitsHandedBack(t.Context())
		for range 2 { // the second is stopped at the gate
			_, err := client.Reset(ctx, account)
			e := want(t, err, resetter.ErrRateLimited)
			if wait := time.Until(e.Until); e.Scope != resetter.ScopeTarget || wait != 40*time.Second {
				t.Errorf("scope %q, wait %v", e.Scope, wait)
			}
		}
		if srv.Calls(sandbox.Reset) != 1 || srv.Mailbox().Len() != 0 {
			t.Errorf("asked %d times, %d mails", srv.Calls(sandbox.Reset), srv.Mailbox().Len())
		}
	})
}

func TestALostAnswerIsNeitherRepeatedNorCalledAFailure(t *testing.T) {
	t.Parallel()
	for _, fault := range []sandbox.Fault{
		{Kind: sandbox.Drop, On: sandbox.Reset, Processed: true},
		{Kind: sandbox.Cut, On: sandbox.Reset},
		{Kind: sandbox.Page, On: sandbox.Reset, Processed: true},
		{Kind: sandbox.Answer, On: sandbox.Reset, Processed: true, Status: 502},
	} {
		srv, client := start(t, lookertest.Config{People: 1})
		account := resolve(t, client, resetter.ID(srv.Users()[1].ID))
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
		srv, client := start(t, lookertest.Config{People: 1})
		account := resolve(t, client, resetter.Email(srv.Users()[1].Email))
		srv.Inject(answer(sandbox.Reset, status, `{"user_id":"`+account.ID+`"}`))
		receipt, err := client.Reset(t.Context(), account)
		if err != nil || receipt.Status != status {
			t.Errorf("%d: %+v, %v", status, receipt, err)
		}
	}
}
