package resetter_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// kinds are all there are, and whether the mail may have gone out.
var kinds = map[resetter.Kind]bool{
	resetter.ErrNotFound:     false,
	resetter.ErrAmbiguous:    false,
	resetter.ErrIneligible:   false,
	resetter.ErrInvalid:      false,
	resetter.ErrUnauthorized: false,
	resetter.ErrForbidden:    false,
	resetter.ErrRejected:     false,
	resetter.ErrUnsupported:  false,
	resetter.ErrRateLimited:  false,
	resetter.ErrUnavailable:  false,
	resetter.ErrNotStarted:   false,

	resetter.ErrLostAnswer:       true,
	resetter.ErrServerError:      true,
	resetter.ErrUnreadableAnswer: true,
	resetter.ErrInterrupted:      true,
}

func TestAnErrorIsItsKindAndNoOther(t *testing.T) {
	for kind, unknown := range kinds {
		err := fmt.Errorf("row 7: %w", &resetter.Error{System: "looker", Op: "send", Kind: kind, Err: io.ErrUnexpectedEOF})
		for other := range kinds {
			if errors.Is(err, other) != (other == kind) {
				t.Errorf("%s: errors.Is(%s) is %v", kind, other, errors.Is(err, other))
			}
		}
		if errors.Is(err, resetter.ErrUnknownOutcome) != unknown || kind.Unknown() != unknown {
			t.Errorf("%s: unknown is not %v", kind, unknown)
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: the cause is not found", kind)
		}
		if e, ok := errors.AsType[*resetter.Error](err); !ok || e.Kind != kind {
			t.Errorf("%s: as *Error it is %v", kind, e)
		}
	}
}

func TestAnErrorSaysWhetherAMailMayHaveGoneOut(t *testing.T) {
	const warning = "the mail may have gone out"
	for kind, unknown := range kinds {
		e := &resetter.Error{System: "sugar", Op: "request password reset", Kind: kind}
		for _, said := range []string{e.Error(), e.Detail()} {
			if strings.Contains(said, warning) != unknown {
				t.Errorf("%s says %q; that it may have gone out is %v", kind, said, unknown)
			}
		}
	}
}

func TestNoErrorIsSilent(t *testing.T) {
	for kind := range kinds {
		e := &resetter.Error{System: "looker", Op: "send", Kind: kind}
		if kind.Error() == "" || strings.Contains(kind.Error(), "_") || !strings.Contains(e.Detail(), kind.Error()) {
			t.Errorf("%s: the kind says %q, the detail %q", kind, kind.Error(), e.Detail())
		}
	}
}

func TestAnErrorTellsAllInOneLine(t *testing.T) {
	until := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		e    resetter.Error
		want string
	}{
		{
			resetter.Error{System: "looker", Op: "send password reset", Account: "ana@example.com", Kind: resetter.ErrNotFound, Status: 404, Message: "Not found", Advice: "check whether the user exists"},
			"looker: send password reset for ana@example.com: not found (HTTP 404): Not found; check whether the user exists",
		},
		{
			resetter.Error{System: "sugar", Op: "sign in", Kind: resetter.ErrUnauthorized, Status: 401, Code: "need_login"},
			"sugar: sign in: unauthorized (HTTP 401 need_login)",
		},
		{
			resetter.Error{System: "looker", Op: "update", Account: "7", Kind: resetter.ErrInvalid, Status: 422, Message: "Validation Failed",
				Fields: []resetter.FieldError{{Field: "email", Code: "invalid", Message: "is not an address"}, {Field: "name", Message: "is empty"}}},
			"looker: update for 7: invalid (HTTP 422): Validation Failed; email: is not an address; name: is empty",
		},
		{
			resetter.Error{System: "unleash", Op: "reset password", Account: "bo@example.com", Kind: resetter.ErrRateLimited, Status: 429, Until: until, Scope: resetter.ScopePerson},
			"unleash: reset password for bo@example.com: rate limited (HTTP 429); not before " + until.Local().Format("2006-01-02 15:04:05 MST"),
		},
		{
			resetter.Error{System: "unleash", Op: "reset password", Account: "bo@example.com", Kind: resetter.ErrLostAnswer, Err: io.EOF, Advice: "look it up"},
			"unleash: reset password for bo@example.com: lost answer: EOF; the mail may have gone out; look it up",
		},
		{
			resetter.Error{System: "sugar", Op: "lock user", Account: "bo@example.com", Kind: resetter.ErrServerError, Status: 502, Repeatable: true},
			"sugar: lock user for bo@example.com: server error (HTTP 502); it may have been done",
		},
		{ // the system's words count more than the network's
			resetter.Error{System: "sugar", Op: "read", Kind: resetter.ErrUnavailable, Message: "in maintenance", Err: io.EOF},
			"sugar: read: unavailable: in maintenance",
		},
	} {
		if got := c.e.Error(); got != c.want || strings.ContainsAny(got, "\r\n") {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestTheDetailIsTheErrorWithoutWhatHasColumnsOfItsOwn(t *testing.T) {
	e := &resetter.Error{System: "looker", Op: "send password reset", Account: "ana@example.com", Kind: resetter.ErrServerError, Status: 502}
	if got, want := e.Error(), "looker: send password reset for ana@example.com: "+e.Detail(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOnlyAResetMails(t *testing.T) {
	for _, action := range resetter.Actions() {
		if action.Mails() != (action == resetter.ActionReset) {
			t.Errorf("%s: Mails is %v", action, action.Mails())
		}
	}
}
