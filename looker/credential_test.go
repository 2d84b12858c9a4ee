package looker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// user is what the server has of somebody now.
func user(t *testing.T, srv *lookertest.Server, id string) lookertest.User {
	t.Helper()
	users := srv.Users()
	i := slices.IndexFunc(users, func(u lookertest.User) bool { return u.ID == id })
	if i < 0 {
		t.Fatalf("there is no user %s", id)
	}
	return users[i]
}

// mailsNobody makes sure of it, and that no intent is asked for.
func mailsNobody(t *testing.T, srv *lookertest.Server) context.Context {
	t.Helper()
	t.Cleanup(func() {
		if srv.Calls(sandbox.Reset) != 0 || srv.Calls(lookertest.CreateToken) != 0 || srv.Mailbox().Len() != 0 {
			t.Errorf("%d mails", srv.Mailbox().Len())
		}
	})
	return resetter.WithBeforeSend(t.Context(), func(context.Context) error {
		t.Error("an intent for what mails nobody")
		return nil
	})
}

func TestANewPasswordIsDemandedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{})
		ctx := mailsNobody(t, srv)
		ana := srv.AddUser(lookertest.User{Email: "ana@example.com"})
		account := resolve(t, client, resetter.Email(ana.Email))
		for i, already := range []bool{false, true, true} {
			receipt, err := client.ForceChange(ctx, account)
			if err != nil || receipt.Already != already || receipt.Status != 200 || receipt.Attempts != []int{1, 0, 0}[i] {
				t.Errorf("the call %d: %+v, %v", i+1, receipt, err)
			}
			if !user(t, srv, ana.ID).MustChange || srv.Calls(sandbox.Update) != 1 {
				t.Errorf("demanded %v, %d writes", user(t, srv, ana.ID).MustChange, srv.Calls(sandbox.Update))
			}
		}
	})
}

func TestAnAddressIsChangedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{})
		ctx := mailsNobody(t, srv)
		ana := srv.AddUser(lookertest.User{Email: "ana@example.com", MustChange: true})
		account := resolve(t, client, resetter.Email(ana.Email))
		for i, address := range []string{"ana.silva@example.com", "ana.silva@example.com", "Ana.Silva@EXAMPLE.com"} {
			receipt, err := client.ChangeEmail(ctx, account, address)
			if err != nil || receipt.Already != (i > 0) || receipt.Status != 200 || receipt.Attempts != []int{1, 0, 0}[i] {
				t.Errorf("%s: %+v, %v", address, receipt, err)
			}
			if got := user(t, srv, ana.ID); got.Email != "ana.silva@example.com" || !got.MustChange || srv.Calls(sandbox.Update) != 1 {
				t.Errorf("%+v, %d writes", got, srv.Calls(sandbox.Update))
			}
		}
		if account := resolve(t, client, resetter.Email("ana.silva@example.com")); account.ID != ana.ID {
			t.Errorf("the new address is of %+v", account)
		}
	})
}

func TestAnAddressThatIsNoneReachesNoServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{})
		for _, address := range []string{"", "ana", " ana@example.com", "Ana <ana@example.com>", "ana@example.com\n", "a@example.com,b@example.com"} {
			_, err := client.ChangeEmail(mailsNobody(t, srv), resetter.Account{ID: "7", Email: "ana@example.com"}, address)
			if e := want(t, err, resetter.ErrInvalid); e.Account != "ana@example.com" || e.Attempts != 0 {
				t.Errorf("%q: %+v", address, e)
			}
		}
		if n := len(srv.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

// changes are what PATCH …/credentials_email does.
var changes = map[string]func(context.Context, *looker.Client, resetter.Account) (resetter.Receipt, error){
	"force change": func(ctx context.Context, c *looker.Client, a resetter.Account) (resetter.Receipt, error) {
		return c.ForceChange(ctx, a)
	},
	"change e-mail": func(ctx context.Context, c *looker.Client, a resetter.Account) (resetter.Receipt, error) {
		return c.ChangeEmail(ctx, a, "new@example.com")
	},
}

func TestWhyAResetIsRefusedIsNoReasonToRefuseAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, change := range changes {
			srv, client := inMemory(t, lookertest.Config{})
			off := srv.AddUser(lookertest.User{Email: "off@example.com", Disabled: true})
			account := resolve(t, client, resetter.ID(off.ID))
			if _, err := change(mailsNobody(t, srv), client, account); err != nil || account.Ineligible == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestWhoHasNoPasswordIsToldApartFromNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, change := range changes {
			srv, client := inMemory(t, lookertest.Config{})
			ctx := mailsNobody(t, srv)
			sso := srv.AddUser(lookertest.User{Email: "sso@example.com", SSOOnly: true})
			_, err := change(ctx, client, resetter.Account{ID: sso.ID})
			if e := want(t, err, resetter.ErrIneligible); !strings.Contains(e.Error(), "SSO") || e.Attempts != 0 {
				t.Errorf("%s: %+v", name, e)
			}
			_, err = change(ctx, client, resetter.Account{ID: "999"})
			want(t, err, resetter.ErrNotFound)
			_, err = change(ctx, client, resetter.Account{ID: "1/.."})
			want(t, err, resetter.ErrInvalid)
			if n := srv.Calls(sandbox.Update); n != 0 {
				t.Errorf("%s: %d writes", name, n)
			}
		}
	})
}

func TestAnAddressThatSomebodyElseHasIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			status int
			body   string
			kind   resetter.Kind
			field  string
		}{
			{409, message("Conflict"), resetter.ErrRejected, ""},
			{422, `{"message":"Validation Failed","errors":[{"field":"email","code":"already_exists","message":"Email is in use"}]}`, resetter.ErrInvalid, "email"},
			{422, `{"message":"Validation Failed","errors":[{"field":"email","code":"invalid","message":"has already been taken"}]}`, resetter.ErrInvalid, "email"},
			{422, fields, resetter.ErrInvalid, "email"},
			{422, `{"message":"Validation Failed","errors":null}`, resetter.ErrInvalid, ""},
			{400, message("Bad request"), resetter.ErrInvalid, ""},
		} {
			srv, client := inMemory(t, lookertest.Config{People: 1})
			srv.Inject(answer(sandbox.Update, c.status, c.body))
			_, err := client.ChangeEmail(mailsNobody(t, srv), resetter.Account{ID: "101"}, "new@example.com")
			e := want(t, err, c.kind)
			if e.Stop || e.Status != c.status || (len(e.Fields) > 0) != (c.field != "") || c.field != "" && e.Fields[0].Field != c.field {
				t.Errorf("%d %s: %+v", c.status, c.body, e)
			}
			if n := srv.Calls(sandbox.Update); n != 1 {
				t.Errorf("%d: %d writes", c.status, n)
			}
		}
		srv, client := inMemory(t, lookertest.Config{People: 2})
		_, err := client.ChangeEmail(mailsNobody(t, srv), resetter.Account{ID: "101"}, strings.ToUpper(srv.Users()[2].Email))
		want(t, err, resetter.ErrInvalid)
	})
}

// What a Send must never do, a Write may: it is repeated until it is known.
func TestAChangeWhoseAnswerWasLostIsRepeated(t *testing.T) {
	for name, change := range changes {
		for _, fault := range []sandbox.Fault{
			{Kind: sandbox.Drop, On: sandbox.Update, Processed: true, Times: 2},
			{Kind: sandbox.Drop, On: sandbox.Update, Times: 2},
			{Kind: sandbox.Cut, On: sandbox.Update, Times: 2},
			{Kind: sandbox.Answer, On: sandbox.Update, Status: 502, Times: 2},
			{Kind: sandbox.Throttle, On: sandbox.Update, Times: 2},
		} {
			virtually(t, lookertest.Config{People: 1}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
				srv.Inject(fault)
				receipt, err := change(mailsNobody(t, srv), client, resetter.Account{ID: "101"})
				if err != nil || receipt.Already || receipt.Attempts != 3 || srv.Calls(sandbox.Update) != 3 {
					t.Errorf("%s, %s: %+v, %v, %d writes", name, fault.Kind, receipt, err, srv.Calls(sandbox.Update))
				}
			})
		}
	}
}

func TestAChangeThatNoAnswerTellsAboutStaysInDoubt(t *testing.T) {
	for name, change := range changes {
		virtually(t, lookertest.Config{People: 1}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
			srv.Inject(sandbox.Fault{Kind: sandbox.Drop, On: sandbox.Update, Processed: true})
			ctx := mailsNobody(t, srv)
			_, err := change(ctx, client, resetter.Account{ID: "101"})
			if !errors.Is(err, resetter.ErrUnknownOutcome) {
				t.Errorf("%s: %v", name, err)
			}
			srv.ClearFaults()
			if receipt, err := change(ctx, client, resetter.Account{ID: "101"}); err != nil || !receipt.Already {
				t.Errorf("%s, repeated: %+v, %v", name, receipt, err)
			}
		})
	}
}

func TestAChangeIsOnlyDoneIfTheAnswerSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for body, kind := range map[string]resetter.Kind{
			`{"user_id":"101","email":"old@example.com","forced_password_reset_at_next_login":false}`: resetter.ErrRejected,
			`{"user_id":"101"}`: resetter.ErrRejected,
			`{"user_id":"102","email":"new@example.com","forced_password_reset_at_next_login":true}`: resetter.ErrUnreadableAnswer,
			`{"email":"new@example.com","forced_password_reset_at_next_login":true}`:                 resetter.ErrUnreadableAnswer,
			`{}`:   resetter.ErrUnreadableAnswer,
			`null`: resetter.ErrUnreadableAnswer,
			`[]`:   resetter.ErrUnreadableAnswer,
		} {
			for name, change := range changes {
				srv, client := inMemory(t, lookertest.Config{People: 1})
				srv.Inject(answer(sandbox.Update, 200, body))
				if _, err := change(mailsNobody(t, srv), client, resetter.Account{ID: "101"}); !errors.Is(err, kind) {
					t.Errorf("%s, %s: %v, want %v", name, body, err, kind)
				}
			}
		}
	})
}

func TestAChangeBeginsWithAReadingOfTheRightAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []ruling{
			{status: 200, body: `{"user_id":"102"}`, kind: resetter.ErrUnavailable},
			{status: 200, body: `{}`, kind: resetter.ErrUnavailable},
			{status: 403, body: message("Permission denied."), kind: resetter.ErrForbidden},
			{status: 429, body: message("Too many requests."), kind: resetter.ErrRateLimited},
		} {
			for name, change := range changes {
				srv, client := inMemory(t, lookertest.Config{People: 1})
				srv.Inject(answer(sandbox.Get, c.status, c.body))
				_, err := change(resetter.WithWaitsHandedBack(mailsNobody(t, srv)), client, resetter.Account{ID: "101"})
				if e := want(t, err, c.kind); errors.Is(err, resetter.ErrUnknownOutcome) || e.Attempts != 0 || srv.Calls(sandbox.Update) != 0 {
					t.Errorf("%s: %v, %d writes", name, err, srv.Calls(sandbox.Update))
				}
			}
		}
	})
}
