package unleash_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

// userNow is a user as the server has it.
func userNow(srv *unleashtest.Server, id int) unleashtest.User {
	for _, u := range srv.Users() {
		if u.ID == id {
			return u
		}
	}
	return unleashtest.User{}
}

func TestAnAddressIsChangedAndNothingElse(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	ana := srv.AddUser(unleashtest.User{Email: "ana@example.com", Username: "ana", Name: "Ana"})
	ctx := resetter.WithBeforeSend(t.Context(), func(context.Context) error {
		t.Error("an intent was noted for what mails nobody")
		return nil
	})
	account := resolve(t, client, resetter.Username("ana"))
	receipt, err := client.ChangeEmail(ctx, account, "Ana.Silva@example.com")
	if err != nil || receipt.Already || receipt.Status != 200 || receipt.Attempts != 1 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	ana.Email = "ana.silva@example.com"
	if now := userNow(srv, ana.ID); now != ana {
		t.Errorf("it is %+v now, want %+v", now, ana)
	}
	if n := srv.Mailbox().Len(); n != 0 {
		t.Errorf("%d mails", n)
	}
}

func TestAnAddressThatIsSoAlreadyIsNotWritten(t *testing.T) {
	srv, client := start(t, unleashtest.Config{People: 1})
	account := resolve(t, client, resetter.Email(srv.Users()[2].Email))
	account.Email = "of.an.older.reading@example.com" // the server counts, not what was read once
	for _, spelling := range []string{srv.Users()[2].Email, strings.ToUpper(srv.Users()[2].Email)} {
		receipt, err := client.ChangeEmail(t.Context(), account, spelling)
		if err != nil || !receipt.Already || receipt.Status != 200 || receipt.Attempts != 0 {
			t.Errorf("%+v, %v", receipt, err)
		}
	}
	if n := srv.Calls(sandbox.Update); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// Who has no address cannot be reset, and can be given one.
func TestWhoHasNoAddressIsGivenOne(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	account := resolve(t, client, resetter.Username("admin"))
	if _, err := client.ChangeEmail(t.Context(), account, "admin@example.com"); err != nil {
		t.Fatal(err)
	}
	if now := userNow(srv, 1); now.Email != "admin@example.com" {
		t.Errorf("got %+v", now)
	}
}

func TestWhatUnleashSaysToAChangeIsJudged(t *testing.T) {
	t.Parallel()
	const sql = `update \"users\" set \"email\" = $2 - duplicate key value violates unique constraint \"users_email_key\"`
	for _, c := range []ruling{
		{400, `{"name":"BadDataError","message":"Request validation failed","details":[{"message":"\"value\" must be a valid email."}]}`, resetter.ErrInvalid, false, "BadDataError"},
		{400, refusal("BadDataError", "A user with that email already exists"), resetter.ErrInvalid, false, "another user has this address"},
		{401, refusal("UnauthorizedError", "You must log in"), resetter.ErrUnauthorized, true, "check the token"},
		{403, refusal("PermissionError", "You need the ADMIN permission"), resetter.ErrForbidden, false, "administrator"},
		{403, refusal("ForbiddenError", "This user is managed by SCIM."), resetter.ErrIneligible, false, "SCIM"},
		{404, `{"name":"NotFoundError","message":"No user found"}`, resetter.ErrNotFound, false, "whether the user exists"},
		{409, refusal("ConflictError", "Conflict"), resetter.ErrRejected, false, "another user has this address"},
		{500, refusal("UnknownError", sql), resetter.ErrRejected, false, "another user has this address"},
		{429, `{"message":"Too many requests"}`, resetter.ErrRateLimited, false, "not before"},
		{503, `{"message":"Unleash is currently in maintenance mode."}`, resetter.ErrUnavailable, false, "maintenance"},
		{200, page, resetter.ErrUnreadableAnswer, true, "web page"},
		{200, "", resetter.ErrUnreadableAnswer, false, "does no harm"},
		{200, `{"id":8,"email":"new@example.com"}`, resetter.ErrUnreadableAnswer, true, "another account"},
		{200, `{"id":7,"email":"ana@example.com"}`, resetter.ErrRejected, false, "the address is another"},
	} {
		srv, client := start(t, unleashtest.Config{})
		srv.AddUser(unleashtest.User{ID: 7, Email: "ana@example.com"})
		srv.Inject(answer(sandbox.Update, c.status, c.body))
		_, err := client.ChangeEmail(resetter.WithWaitsHandedBack(t.Context()), resetter.Account{ID: "7", Email: "ana@example.com"}, "new@example.com")
		e := want(t, err, c.kind)
		if e.Stop != c.stop || !strings.Contains(e.Error(), c.says) || e.Op != "change e-mail address" || e.Account != "ana@example.com" {
			t.Errorf("%d %s: stop %v: %v\nwant stop %v, and %q said", c.status, c.body, e.Stop, e, c.stop, c.says)
		}
		if strings.Contains(e.Error(), "duplicate key") || strings.Contains(e.Error(), "mail may have") {
			t.Errorf("%d: %v", c.status, e)
		}
		if n := srv.Calls(sandbox.Update); n != 1 && c.status != 200 {
			t.Errorf("%d: written %d times", c.status, n)
		}
	}
	srv, client := start(t, unleashtest.Config{})
	srv.AddUser(unleashtest.User{ID: 7, Email: "ana@example.com"})
	srv.Inject(answer(sandbox.Update, 200, `{"id":7}`)) // all that the vendor's document promises
	if _, err := client.ChangeEmail(t.Context(), resetter.Account{ID: "7"}, "new@example.com"); err != nil {
		t.Error(err)
	}
}

func TestAnAddressOfSomebodyElseIsRejectedAndNobodyIsChanged(t *testing.T) {
	srv, client := start(t, unleashtest.Config{People: 2})
	ana, ben := srv.Users()[2], srv.Users()[3]
	_, err := client.ChangeEmail(t.Context(), resolve(t, client, resetter.Email(ana.Email)), ben.Email)
	if e := want(t, err, resetter.ErrRejected); errors.Is(err, resetter.ErrUnknownOutcome) || e.Attempts != 1 {
		t.Errorf("got %+v", e)
	}
	if userNow(srv, ana.ID) != ana || userNow(srv, ben.ID) != ben {
		t.Errorf("they are %+v now", srv.Users()[2:])
	}
}

func TestAPersonOfSCIMIsNotChangedHere(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	scim := srv.AddUser(unleashtest.User{Email: "scim@example.com", SCIM: true})
	_, err := client.ChangeEmail(t.Context(), resetter.Account{ID: strconv.Itoa(scim.ID)}, "new@example.com")
	if e := want(t, err, resetter.ErrIneligible); e.Attempts != 0 || srv.Calls(sandbox.Update) != 0 {
		t.Errorf("%+v; %d writes", e, srv.Calls(sandbox.Update))
	}
}

func TestAChangeThatEndsWithTheReadingBeforeItCountsNoAttempt(t *testing.T) {
	srv, client := start(t, unleashtest.Config{People: 1})
	for _, c := range []ruling{
		{status: 200, body: `{"id":8}`, kind: resetter.ErrUnavailable},
		{status: 200, body: `null`, kind: resetter.ErrUnavailable},
		{status: 401, body: refusal("UnauthorizedError", "You must log in"), kind: resetter.ErrUnauthorized},
		{status: 404, body: refusal("NotFoundError", "No user found"), kind: resetter.ErrNotFound},
		{status: 429, body: `{"message":"Too many requests"}`, kind: resetter.ErrRateLimited},
	} {
		srv.ClearFaults()
		srv.Inject(answer(sandbox.Get, c.status, c.body))
		_, err := client.ChangeEmail(resetter.WithWaitsHandedBack(t.Context()), resetter.Account{ID: "3"}, "new@example.com")
		if e := want(t, err, c.kind); e.Attempts != 0 || e.Repeatable || srv.Calls(sandbox.Update) != 0 {
			t.Errorf("%d %s: %+v; %d writes", c.status, c.body, e, srv.Calls(sandbox.Update))
		}
	}
}

// A change whose answer is lost is made again, since that does no harm.
func TestAChangeWhoseAnswerIsLostIsRepeated(t *testing.T) {
	t.Parallel()
	for _, fault := range []sandbox.Fault{
		{Kind: sandbox.Drop, Processed: true}, {Kind: sandbox.Drop}, {Kind: sandbox.Cut}, {Kind: sandbox.Answer, Status: 502}, {Kind: sandbox.Answer, Status: 502, Processed: true},
	} {
		srv, client := start(t, unleashtest.Config{People: 1})
		ana := srv.Users()[2]
		fault.On, fault.Times = sandbox.Update, 1
		srv.Inject(fault)
		receipt, err := client.ChangeEmail(t.Context(), resetter.Account{ID: strconv.Itoa(ana.ID)}, "new@example.com")
		if err != nil || receipt.Attempts != 2 || userNow(srv, ana.ID).Email != "new@example.com" {
			t.Errorf("%s: %+v, %v", fault.Kind, receipt, err)
		}
	}
}

func TestNoChangeIsAskedForThatIsMalformed(t *testing.T) {
	srv, client := start(t, unleashtest.Config{People: 1})
	for _, c := range []struct {
		id, address string
	}{{"", "new@example.com"}, {"../user", "new@example.com"}, {"03", "new@example.com"}, {"3", ""}, {"3", "new"}, {"3", "New <new@example.com>"}, {"3", "a@example.com,b@example.com"}} {
		_, err := client.ChangeEmail(t.Context(), resetter.Account{ID: c.id}, c.address)
		want(t, err, resetter.ErrInvalid)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}
