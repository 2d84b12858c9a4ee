package looker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// open gives somebody three sessions and two API keys.
func open(srv *lookertest.Server, id string) {
	for range 3 {
		srv.AddSession(id)
	}
	for range 2 {
		srv.AddKey(id)
	}
}

func wantOpen(t *testing.T, srv *lookertest.Server, id string, disabled bool, sessions, keys int) {
	t.Helper()
	if u := user(t, srv, id); u.Disabled != disabled || len(srv.Sessions(id)) != sessions || len(srv.Keys(id)) != keys {
		t.Errorf("%s: disabled %v, %d sessions, %d keys; want %v, %d, %d", id, u.Disabled, len(srv.Sessions(id)), len(srv.Keys(id)), disabled, sessions, keys)
	}
}

// writes is how many requests changed something.
func writes(srv *lookertest.Server) int {
	return srv.Calls(sandbox.Update) + srv.Calls(lookertest.DeleteSession) + srv.Calls(lookertest.DeleteKey)
}

func TestALockShutsTheAccountAndEndsWhatIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, revoke := range []bool{false, true} {
			srv, client := inMemory(t, lookertest.Config{People: 2})
			ctx := mailsNobody(t, srv)
			open(srv, "101")
			open(srv, "102")
			account := resolve(t, client, resetter.ID("101"))
			for _, already := range []bool{false, true} {
				before := writes(srv)
				receipt, err := client.Lock(ctx, account, resetter.LockOptions{RevokeKeys: revoke})
				if err != nil || receipt.Already != already || receipt.Attempts != writes(srv)-before || receipt.Status/100 != 2 {
					t.Errorf("revoke %v: %+v, %v", revoke, receipt, err)
				}
				keys, written := 2, 4
				if revoke {
					keys, written = 0, 6
				}
				wantOpen(t, srv, "101", true, 0, keys)
				if n := writes(srv); n != written {
					t.Errorf("revoke %v: %d writes, want %d", revoke, n, written)
				}
			}
			wantOpen(t, srv, "102", false, 3, 2)
			wantOpen(t, srv, srv.Self.ID, false, 0, 1)
		}
	})
}

func TestNothingNewIsOpenedWhileALockGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{People: 1})
		open(srv, "101")
		if _, err := client.Lock(t.Context(), resetter.Account{ID: "101"}, resetter.LockOptions{RevokeKeys: true}); err != nil {
			t.Fatal(err)
		}
		for _, r := range srv.Requests() {
			switch r.Operation {
			case sandbox.Update:
				return
			case lookertest.ListSessions, lookertest.ListKeys:
				t.Fatalf("%v before the account was disabled", r)
			}
		}
	})
}

func TestALockOfWhoIsDisabledEndsWhatIsOpenStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{})
		off := srv.AddUser(lookertest.User{Email: "off@example.com", Disabled: true})
		open(srv, off.ID)
		account := resolve(t, client, resetter.ID(off.ID))
		receipt, err := client.Lock(t.Context(), account, resetter.LockOptions{})
		if err != nil || receipt.Already || account.Ineligible == "" || srv.Calls(sandbox.Update) != 0 {
			t.Errorf("%+v, %v, %d changes of the account", receipt, err, srv.Calls(sandbox.Update))
		}
		wantOpen(t, srv, off.ID, true, 0, 2)
	})
}

func TestAnUnlockOpensTheAccountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{})
		ctx := mailsNobody(t, srv)
		off := srv.AddUser(lookertest.User{Email: "off@example.com", Disabled: true})
		open(srv, off.ID)
		account := resolve(t, client, resetter.Email(off.Email))
		for i, already := range []bool{false, true} {
			receipt, err := client.Unlock(ctx, account)
			if err != nil || receipt.Already != already || receipt.Attempts != []int{1, 0}[i] || receipt.Status != 200 {
				t.Errorf("%+v, %v", receipt, err)
			}
			wantOpen(t, srv, off.ID, false, 3, 2)
		}
		if n := writes(srv); n != 1 {
			t.Errorf("%d writes", n)
		}
		if account := resolve(t, client, resetter.ID(off.ID)); account.Ineligible != "" {
			t.Errorf("%+v", account)
		}
	})
}

func TestWhoeverSignsInByWhateverMeansIsLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, u := range []lookertest.User{{Email: "sso@example.com", SSOOnly: true}, {Email: "svc@example.com", ServiceAccount: true}, {Email: "new@example.com", NeverSetUp: true}, {Email: "x@example.com", CredentialDisabled: true}} {
			srv, client := inMemory(t, lookertest.Config{})
			u = srv.AddUser(u)
			account := resolve(t, client, resetter.ID(u.ID))
			if _, err := client.Lock(mailsNobody(t, srv), account, resetter.LockOptions{}); err != nil {
				t.Error(err)
			}
			wantOpen(t, srv, u.ID, true, 0, 0)
			if _, err := client.Unlock(t.Context(), account); err != nil {
				t.Error(err)
			}
			wantOpen(t, srv, u.ID, false, 0, 0)
		}
	})
}

// locks are the actions of a Locker.
var locks = map[string]func(context.Context, *looker.Client, resetter.Account) (resetter.Receipt, error){
	"lock": func(ctx context.Context, c *looker.Client, a resetter.Account) (resetter.Receipt, error) {
		return c.Lock(ctx, a, resetter.LockOptions{RevokeKeys: true})
	},
	"unlock": func(ctx context.Context, c *looker.Client, a resetter.Account) (resetter.Receipt, error) {
		return c.Unlock(ctx, a)
	},
}

func TestNobodyIsNotLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, lock := range locks {
			srv, client := inMemory(t, lookertest.Config{})
			_, err := lock(t.Context(), client, resetter.Account{ID: "999"})
			if e := want(t, err, resetter.ErrNotFound); e.Stop {
				t.Errorf("%s: %+v", name, e)
			}
			before := len(srv.Requests())
			for _, id := range []string{"", "../user", "1/sessions", "1?x=y"} {
				_, err = lock(t.Context(), client, resetter.Account{ID: id})
				want(t, err, resetter.ErrInvalid)
			}
			if len(srv.Requests()) != before || writes(srv) != 0 {
				t.Errorf("%s: %v", name, srv.Requests())
			}
		}
	})
}

// A lock that stops half way says what holds, and repeating it completes it.
func TestALockThatStopsHalfWaySaysWhatHolds(t *testing.T) {
	refused := answer("", 403, message("Permission denied."))
	lost := sandbox.Fault{Kind: sandbox.Drop}
	for _, c := range []struct {
		on     sandbox.Operation
		skip   int
		fault  sandbox.Fault
		kind   resetter.Kind
		says   []string
		silent bool // about what holds
		left   [2]int
		shut   bool
	}{
		{sandbox.Get, 0, refused, resetter.ErrForbidden, []string{"right to administer users"}, true, [2]int{3, 2}, false},
		{sandbox.Update, 0, refused, resetter.ErrForbidden, nil, true, [2]int{3, 2}, false},
		{sandbox.Update, 0, lost, resetter.ErrLostAnswer, nil, true, [2]int{3, 2}, false},
		{lookertest.ListSessions, 0, refused, resetter.ErrForbidden, []string{"right to administer users", "; so far: the account is disabled; do it again to complete it"}, false, [2]int{3, 2}, true},
		{lookertest.ListSessions, 0, lost, resetter.ErrUnavailable, []string{"the account is disabled"}, false, [2]int{3, 2}, true},
		{lookertest.ListSessions, 0, answer("", 200, `{}`), resetter.ErrUnavailable, []string{"the account is disabled"}, false, [2]int{3, 2}, true},
		{lookertest.ListSessions, 0, answer("", 200, `null`), resetter.ErrUnavailable, []string{"no list"}, false, [2]int{3, 2}, true},
		{lookertest.ListSessions, 0, answer("", 200, `[{"id":"../../user"}]`), resetter.ErrUnavailable, []string{"usable id"}, false, [2]int{3, 2}, true},
		{lookertest.ListSessions, 0, answer("", 200, `[{}]`), resetter.ErrUnavailable, []string{"usable id"}, false, [2]int{3, 2}, true},
		{lookertest.DeleteSession, 0, refused, resetter.ErrForbidden, []string{"the account is disabled", "0 of 3 sessions deleted"}, false, [2]int{3, 2}, true},
		{lookertest.DeleteSession, 1, lost, resetter.ErrLostAnswer, []string{"the account is disabled", "1 of 3 sessions deleted"}, false, [2]int{2, 2}, true},
		{lookertest.DeleteSession, 2, answer("", 404, page), resetter.ErrRejected, []string{"2 of 3 sessions deleted"}, false, [2]int{1, 2}, true},
		{lookertest.DeleteSession, 1, answer("", 429, ""), resetter.ErrRateLimited, []string{"1 of 3 sessions deleted"}, false, [2]int{2, 2}, true},
		{lookertest.ListKeys, 0, refused, resetter.ErrForbidden, []string{"3 of 3 sessions deleted"}, false, [2]int{0, 2}, true},
		{lookertest.DeleteKey, 1, refused, resetter.ErrForbidden, []string{"3 of 3 sessions deleted", "1 of 2 API keys deleted"}, false, [2]int{0, 1}, true},
	} {
		virtually(t, lookertest.Config{People: 1}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
			open(srv, "101")
			account := resetter.Account{ID: "101", Email: srv.Users()[1].Email}
			ctx := resetter.WithWaitsHandedBack(mailsNobody(t, srv))
			c.fault.On, c.fault.Skip = c.on, c.skip
			srv.Inject(c.fault)
			_, err := client.Lock(ctx, account, resetter.LockOptions{RevokeKeys: true})
			e := want(t, err, c.kind)
			for _, says := range c.says {
				if !strings.Contains(e.Error(), says) {
					t.Errorf("%s: %v\ndoes not say %q", c.on, e, says)
				}
			}
			if strings.Contains(e.Error(), "so far") == c.silent || e.Account != account.Email {
				t.Errorf("%s: %v", c.on, e)
			}
			if e.Attempts != writes(srv) {
				t.Errorf("%s: the error says %d writes, and there were %d", c.on, e.Attempts, writes(srv))
			}
			wantOpen(t, srv, "101", c.shut, c.left[0], c.left[1])

			srv.ClearFaults()
			if receipt, err := client.Lock(t.Context(), account, resetter.LockOptions{RevokeKeys: true}); err != nil || receipt.Already {
				t.Errorf("%s, again: %+v, %v", c.on, receipt, err)
			}
			wantOpen(t, srv, "101", true, 0, 0)
		})
	}
}

func TestALockWhoseAnswersAreLostForAMomentIsCompleted(t *testing.T) {
	for name, lock := range locks {
		for _, on := range []sandbox.Operation{sandbox.Update, lookertest.DeleteSession, lookertest.DeleteKey} {
			for _, fault := range []sandbox.Fault{
				{Kind: sandbox.Drop, On: on, Processed: true, Times: 2},
				{Kind: sandbox.Drop, On: on, Times: 2},
				{Kind: sandbox.Answer, On: on, Status: 504, Processed: true, Times: 2},
				{Kind: sandbox.Throttle, On: on, Times: 2},
			} {
				virtually(t, lookertest.Config{}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
					u := srv.AddUser(lookertest.User{Email: "ana@example.com", Disabled: name == "unlock"})
					open(srv, u.ID)
					srv.Inject(fault)
					if receipt, err := lock(mailsNobody(t, srv), client, resetter.Account{ID: u.ID}); err != nil || receipt.Already {
						t.Errorf("%s, %s at %s: %+v, %v", name, fault.Kind, on, receipt, err)
					}
					if name == "lock" {
						wantOpen(t, srv, u.ID, true, 0, 0)
					} else {
						wantOpen(t, srv, u.ID, false, 3, 2)
					}
				})
			}
		}
	}
}

func TestASessionThatEndedMeanwhileIsAsGoodAsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{People: 1})
		open(srv, "101")
		srv.Inject(sandbox.Fault{Kind: sandbox.Answer, On: lookertest.DeleteSession, Processed: true, Status: 404, Body: message("Not found"), Times: 1})
		if _, err := client.Lock(t.Context(), resetter.Account{ID: "101"}, resetter.LockOptions{}); err != nil {
			t.Error(err)
		}
		wantOpen(t, srv, "101", true, 0, 2)
	})
}

func TestALockIsOnlyDoneIfTheAnswerSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for body, kind := range map[string]resetter.Kind{
			`{"id":"102","is_disabled":true}`: resetter.ErrUnreadableAnswer,
			`{"is_disabled":true}`:            resetter.ErrUnreadableAnswer,
			`{"id":"101"}`:                    resetter.ErrUnreadableAnswer,
			`{"id":"101","is_disabled":null}`: resetter.ErrUnreadableAnswer,
			`null`:                            resetter.ErrUnreadableAnswer,
		} {
			for name, lock := range locks {
				srv, client := inMemory(t, lookertest.Config{})
				srv.AddUser(lookertest.User{ID: "101", Email: "ana@example.com", Disabled: name == "unlock"})
				srv.Inject(answer(sandbox.Update, 200, body))
				if _, err := lock(t.Context(), client, resetter.Account{ID: "101"}); !errors.Is(err, kind) {
					t.Errorf("%s, %s: %v, want %v", name, body, err, kind)
				}
			}
		}
		srv, client := inMemory(t, lookertest.Config{People: 1})
		open(srv, "101")
		srv.Inject(answer(sandbox.Update, 200, `{"id":"101","is_disabled":false}`))
		_, err := client.Lock(t.Context(), resetter.Account{ID: "101"}, resetter.LockOptions{})
		want(t, err, resetter.ErrRejected)
		wantOpen(t, srv, "101", false, 3, 2)
	})
}

func TestALockBeginsWithAReadingOfTheRightAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, body := range []string{`{"id":"102","is_disabled":true}`, `{"is_disabled":true}`, `{}`} {
			for name, lock := range locks {
				srv, client := inMemory(t, lookertest.Config{People: 1})
				srv.Inject(answer(sandbox.Get, 200, body))
				_, err := lock(t.Context(), client, resetter.Account{ID: "101"})
				if want(t, err, resetter.ErrUnavailable); writes(srv) != 0 {
					t.Errorf("%s, %s: %d writes", name, body, writes(srv))
				}
			}
		}
	})
}

// To somebody without the right Looker shows a user without saying whether it
// is disabled.
func TestWhereLookerDoesNotSayWhetherTheAccountIsDisabledTheWriteShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, lookertest.Config{Forbidden: true, People: 1})
		srv.Inject(answer(sandbox.Get, 200, `{"id":"101"}`))
		for name, lock := range locks {
			_, err := lock(t.Context(), client, resetter.Account{ID: "101"})
			if e := want(t, err, resetter.ErrForbidden); !strings.Contains(e.Error(), "right to administer users") {
				t.Errorf("%s: %v", name, e)
			}
		}
	})
}

// That the next write was not started is no word about those before it.
func TestALockEndsWithItsContextAndSaysWhatHolds(t *testing.T) {
	for _, c := range []struct {
		on    sandbox.Operation
		skip  int
		holds string
		left  int // of the sessions
	}{
		{sandbox.Update, 0, "", 3},
		{lookertest.ListSessions, 0, "the account is disabled", 3},
		{lookertest.DeleteSession, 1, "the account is disabled, 1 of 3 sessions deleted", 2},
	} {
		virtually(t, lookertest.Config{People: 1}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
			open(srv, "101")
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(10*time.Second, cancel)
			srv.Inject(sandbox.Fault{Kind: sandbox.Throttle, On: c.on, Skip: c.skip, RetryAfter: time.Minute})
			_, err := client.Lock(ctx, resetter.Account{ID: "101"}, resetter.LockOptions{})
			if e := want(t, err, resetter.ErrNotStarted); !errors.Is(err, context.Canceled) || e.Holds != c.holds || strings.HasSuffix(e.Error(), "; so far: "+c.holds+"; do it again to complete it") != (c.holds != "") {
				t.Errorf("%s: %v", c.on, e)
			}
			wantOpen(t, srv, "101", c.holds != "", c.left, 2)
		})
	}
}
