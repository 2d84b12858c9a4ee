package unleash_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/unleash"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

// An answer of Unleash, and what is to become of it.
type ruling struct {
	status int
	body   string
	kind   resetter.Kind
	stop   bool
	says   string // part of the error's text
}

const (
	page    = "<!DOCTYPE html><html><body>Bad gateway</body></html>"
	badData = `{"id":"9c40958a-daac-400e-98fb-3bb438567008","name":"BadDataError","message":"Request validation failed","details":[{"path":"/body/id","message":"is required"},{"message":"no path"}]}`
)

func refusal(name, message string) string {
	return `{"id":"9c40958a-daac-400e-98fb-3bb438567008","name":"` + name + `","message":"` + message + `","details":[{"message":"` + message + `"}]}`
}

func TestEveryAnswerToAResetIsJudged(t *testing.T) {
	t.Parallel()
	for _, c := range []ruling{
		{400, badData, resetter.ErrInvalid, false, "/body/id: is required"},
		{400, `{"message":"Unexpected end of JSON input"}`, resetter.ErrInvalid, false, "Unexpected end"},
		{401, refusal("UnauthorizedError", "You must log in to use Unleash."), resetter.ErrUnauthorized, true, "check the token"},
		{401, refusal("AuthenticationRequired", "You must log in to use Unleash."), resetter.ErrUnauthorized, true, "AuthenticationRequired"},
		{403, refusal("PermissionError", "You need the ADMIN permission"), resetter.ErrForbidden, false, "administrator"},
		{403, refusal("NoAccessError", "You need a permission"), resetter.ErrForbidden, false, "administrator"},
		{403, `{"message":"invalid token: expected a different token type for this endpoint"}`, resetter.ErrForbidden, false, "frontend token"},
		{403, refusal("ForbiddenError", "This user is managed by SCIM."), resetter.ErrIneligible, false, "SCIM"},
		{403, page, resetter.ErrForbidden, false, "403"},
		{404, `{"name":"NotFoundError","message":"No user found","details":[{"message":"No user found"}]}`, resetter.ErrNotFound, false, "whether the user exists"},
		{404, refusal("NotFoundError", "The path you were looking for (/api/admin/x) is not available."), resetter.ErrRejected, true, "no Unleash API"},
		{404, page, resetter.ErrRejected, true, "check the URL"},
		{405, "", resetter.ErrRejected, false, "405"},
		{408, "", resetter.ErrServerError, false, "may have gone out"},
		{409, refusal("ConflictError", "Conflict"), resetter.ErrRejected, false, "Conflict"},
		{413, page, resetter.ErrRejected, false, "413"},
		{415, refusal("ContentTypeError", "We do not accept the content-type"), resetter.ErrRejected, false, "content-type"},
		{422, "", resetter.ErrInvalid, false, "422"},
		{429, `{"name":"RateLimitError","message":"You can only send one new reset password email per minute, per user."}`, resetter.ErrRateLimited, false, "less than a minute ago"},
		{429, `{"message":"Too many requests, please try again later."}`, resetter.ErrRateLimited, false, "not before"},
		{429, page, resetter.ErrRateLimited, false, "not before"},
		{500, `{"name":"UnknownError","message":"Can only find users with id, username or email."}`, resetter.ErrServerError, false, "may have gone out"},
		{502, page, resetter.ErrServerError, false, "may have gone out"},
		{503, `{"message":"Unleash is currently in maintenance mode."}`, resetter.ErrUnavailable, false, "switch Unleash's maintenance mode off"},
		{503, page, resetter.ErrServerError, false, "may have gone out"},
		{503, `{"message":"upstream connect error"}`, resetter.ErrServerError, false, "may have gone out"},
		{504, page, resetter.ErrServerError, false, "may have gone out"},
		{599, "", resetter.ErrServerError, false, "may have gone out"},

		{200, page, resetter.ErrUnreadableAnswer, true, "web page"},
		{200, "", resetter.ErrUnreadableAnswer, false, "may have gone out"},
		{200, "{", resetter.ErrUnreadableAnswer, false, "may have gone out"},
		{200, "{}", resetter.ErrUnreadableAnswer, true, "may have gone out"},
		{200, `{"login":"required"}`, resetter.ErrUnreadableAnswer, true, "may have gone out"},
		{200, "[]", resetter.ErrUnreadableAnswer, true, "may have gone out"},
		{200, `{"resetPasswordUrl":null}`, resetter.ErrUnreadableAnswer, true, "no reset link"},
		{204, "", resetter.ErrUnreadableAnswer, false, "may have gone out"},

		{301, "", resetter.ErrRejected, true, "elsewhere.example"},
		{302, "", resetter.ErrUnreadableAnswer, true, "elsewhere.example"},
		{303, "", resetter.ErrUnreadableAnswer, true, "elsewhere.example"},
		{307, "", resetter.ErrRejected, true, "elsewhere.example"},
		{308, "", resetter.ErrRejected, true, "elsewhere.example"},
	} {
		srv, client := start(t, unleashtest.Config{})
		srv.AddUser(unleashtest.User{Email: "ana@example.com"})
		account := resolve(t, client, resetter.Email("ana@example.com"))
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
		if e.System != "unleash" || e.Account != account.Email || strings.Contains(e.Error(), "token=") {
			t.Errorf("%d: %+v", c.status, e)
		}
		if n := srv.Calls(sandbox.Reset); n != 1 || e.Attempts != 1 {
			t.Errorf("%d: asked %d times, and the error says %d", c.status, n, e.Attempts)
		}
	}
}

func TestWhatUnleashSaysOfAFieldIsKept(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.Inject(answer(sandbox.Reset, 400, badData))
	_, err := client.Reset(t.Context(), resetter.Account{ID: "7", Email: "ana@example.com"})
	e := want(t, err, resetter.ErrInvalid)
	if e.Code != "BadDataError" || !slices.Equal(e.Fields, []resetter.FieldError{{Field: "/body/id", Message: "is required"}}) {
		t.Errorf("code %q, fields %+v", e.Code, e.Fields)
	}
}

func TestALookUpThatComesToNothingLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	for _, c := range []ruling{
		{400, badData, resetter.ErrInvalid, false, "BadDataError"},
		{401, refusal("UnauthorizedError", "You must log in to use Unleash."), resetter.ErrUnauthorized, true, "check the token"},
		{403, refusal("PermissionError", "You need the ADMIN permission"), resetter.ErrForbidden, false, "administrator"},
		{404, page, resetter.ErrRejected, true, "no Unleash API"},
		{429, `{"message":"Too many requests"}`, resetter.ErrRateLimited, false, "not before"},
		{200, page, resetter.ErrUnavailable, true, "web page"},
		{200, "{", resetter.ErrUnavailable, false, "URL"},
		{200, "{}", resetter.ErrUnavailable, false, "URL"},
		{200, "null", resetter.ErrUnavailable, false, "no list"},
		{302, "", resetter.ErrUnavailable, true, "redirect"},
		{500, refusal("UnknownError", "Something broke"), resetter.ErrUnavailable, false, "500"},
		{503, page, resetter.ErrUnavailable, false, "503"},
	} {
		srv, client := start(t, unleashtest.Config{})
		fault := answer(sandbox.Search, c.status, c.body)
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

func TestAPersonsOwnPauseConcernsNobodyElse(t *testing.T) {
	virtually(t, unleashtest.Config{}, func(t *testing.T, srv *unleashtest.Server, client *unleash.Client) {
		srv.AddUser(unleashtest.User{Email: "ana@example.com"})
		srv.AddUser(unleashtest.User{Email: "bo@example.com"})
		ctx := resetter.WithWaitsHandedBack(t.Context())
		ana, bo := resolve(t, client, resetter.Email("ana@example.com")), resolve(t, client, resetter.Email("bo@example.com"))
		if _, err := client.Reset(ctx, ana); err != nil {
			t.Fatal(err)
		}
		_, err := client.Reset(ctx, ana)
		e := want(t, err, resetter.ErrRateLimited)
		if wait := time.Until(e.Until); e.Scope != resetter.ScopePerson || wait != 61*time.Second || e.Stop {
			t.Errorf("scope %q, wait %v", e.Scope, wait)
		}
		if errors.Is(err, resetter.ErrUnknownOutcome) {
			t.Error("a refusal leaves no doubt")
		}
		if pace := client.Pace(); !pace.GatedUntil.IsZero() || pace.Throttled != 0 {
			t.Errorf("pace %+v", pace)
		}
		if _, err := client.Reset(ctx, bo); err != nil {
			t.Error(err)
		}
		for _, address := range []string{"ana@example.com", "bo@example.com"} {
			if n := srv.Mailbox().Count(address); n != 1 {
				t.Errorf("%s has %d mails", address, n)
			}
		}
	})
}

// The same name on anything but a reset is a limit of the caller's.
func TestALimitOfLookUpsConcernsEverybody(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.Inject(answer(sandbox.Search, 429, refusal("RateLimitError", "Too many requests")))
	_, err := client.Resolve(resetter.WithWaitsHandedBack(t.Context()), resetter.Email("ana@example.com"))
	e := want(t, err, resetter.ErrRateLimited)
	if e.Scope != resetter.ScopeTarget || e.Until.IsZero() || strings.Contains(e.Advice, "mailed this person") {
		t.Errorf("got %+v", e)
	}
	if pace := client.Pace(); pace.GatedUntil.IsZero() || pace.Throttled != 1 {
		t.Errorf("pace %+v", pace)
	}
}

func TestAPersonsOwnPauseIsSleptForWhoDoesNotAskForItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := sandbox.NewPipe()
		srv, client := start(t, unleashtest.Config{Sandbox: sandbox.Config{Listener: pipe}}, transport.WithDialContext(pipe.DialContext))
		srv.AddUser(unleashtest.User{Email: "ana@example.com"})
		ana := resolve(t, client, resetter.Email("ana@example.com"))
		before := time.Now()
		for range 2 {
			if _, err := client.Reset(t.Context(), ana); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(before); waited < time.Minute || waited > 62*time.Second {
			t.Errorf("waited %v", waited)
		}
		if n := srv.Mailbox().Count("ana@example.com"); n != 2 {
			t.Errorf("%d mails for two resets", n)
		}
	})
}

func TestMaintenanceIsAPauseAndLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	srv, client := start(t, unleashtest.Config{People: 1})
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

func TestALostAnswerIsNeitherRepeatedNorCalledAFailure(t *testing.T) {
	for _, fault := range []sandbox.Fault{
		{Kind: sandbox.Drop, On: sandbox.Reset, Processed: true},
		{Kind: sandbox.Cut, On: sandbox.Reset},
		{Kind: sandbox.Page, On: sandbox.Reset, Processed: true},
		{Kind: sandbox.Answer, On: sandbox.Reset, Processed: true, Status: 502},
	} {
		srv, client := start(t, unleashtest.Config{People: 1})
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

func TestAnythingThatSaysYesWithALinkIsAYes(t *testing.T) {
	for _, status := range []int{200, 201, 202, 203} {
		srv, client := start(t, unleashtest.Config{})
		srv.AddUser(unleashtest.User{ID: 7, Email: "ana@example.com"})
		srv.Inject(answer(sandbox.Reset, status, `{"resetPasswordUrl":"https://unleash.example/reset-password?token=x"}`))
		receipt, err := client.Reset(t.Context(), resetter.Account{ID: "7", Email: "ana@example.com"})
		if err != nil || receipt.Status != status {
			t.Errorf("%d: %+v, %v", status, receipt, err)
		}
	}
}
