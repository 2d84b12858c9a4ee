package bulk_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// A run that is gone on with after days goes by what accounts are then.
func TestAnAccountThatWasFoundLongAgoIsReadAnew(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration
		now   func(resetter.Account) (resetter.Account, error)
		want  string
		reads int
	}{
		{"soon after", bulk.StateLife - time.Hour, nil, "done/accepted", 0},
		{"as it was", bulk.StateLife, func(a resetter.Account) (resetter.Account, error) { return a, nil }, "done/accepted", 1},
		{"of another address", bulk.StateLife, func(a resetter.Account) (resetter.Account, error) { a.Email = "p0@elsewhere.example"; return a, nil }, "skipped/excluded", 1},
		{"disabled", bulk.StateLife, func(a resetter.Account) (resetter.Account, error) { a.Ineligible = "disabled"; return a, nil }, "failed/ineligible", 1},
		{"gone", bulk.StateLife, func(resetter.Account) (resetter.Account, error) {
			return resetter.Account{}, refusal(resetter.ErrNotFound, nil)
		}, "failed/not_found", 1},
		{"somebody else", bulk.StateLife, func(a resetter.Account) (resetter.Account, error) { a.ID = "p9"; return a, nil }, "failed/unavailable", 1},
		{"not known by id", bulk.StateLife, func(resetter.Account) (resetter.Account, error) {
			return resetter.Account{}, refusal(resetter.ErrInvalid, nil)
		}, "done/accepted", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &system{}
				j := newLedger(t, people("a", 1)...)
				e := &bulk.Engine{Journal: j, AtOnce: true, Guards: bulk.Guards{Domains: []string{"example.com"}}, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
				prepare(t, e)
				time.Sleep(c.after)
				reads := 0
				s.resolve = func(_ context.Context, id resetter.Identity) (resetter.Account, error) {
					if id == resetter.Email("p0@example.com") { // which nobody has any more
						return resetter.Account{}, refusal(resetter.ErrNotFound, nil)
					}
					reads++
					if id != resetter.ID("p0") {
						t.Errorf("asked for %v", id)
					}
					return c.now(account("p0@example.com"))
				}
				_, err := e.Act(t.Context())
				ok(t, err)
				all(t, j, c.want)
				if reads != c.reads || strings.HasPrefix(c.want, "done") != (len(s.order) == 1) {
					t.Errorf("read %d times, sent %v", reads, s.order)
				}
			})
		})
	}
}

func TestAReadingThatIsThrottledIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{}
		j := newLedger(t, people("a", 2)...)
		e := &bulk.Engine{Journal: j, AtOnce: true, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
		prepare(t, e)
		time.Sleep(bulk.StateLife)
		begun, n := time.Now(), 0
		s.resolve = func(_ context.Context, id resetter.Identity) (resetter.Account, error) {
			if n++; n == 1 {
				return resetter.Account{}, throttled(time.Minute, resetter.ScopeTarget)
			}
			return account(id.Value), nil
		}
		_, err := e.Act(t.Context())
		ok(t, err)
		all(t, j, "done/accepted")
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// A row that names an address means whoever has it. Where that is another account
// than was looked up, the row does not go over to it on its way: others may be
// about that one, and are worked at the same time.
func TestAnAddressThatIsSomebodyElsesByNowIsNotMailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &able{system: &system{}}
		force := doing(resetter.ActionForceChange, "p0@example.com")
		j := newLedger(t, force, person("a", "p0@example.com"), bulk.Row{Target: "a", Identity: resetter.ID("p7"), Action: resetter.ActionReset})
		e := &bulk.Engine{Journal: j, AtOnce: true, Targets: []bulk.Target{{Name: "a", Resetter: a, Concurrency: 8}}}
		prepare(t, e)
		time.Sleep(bulk.StateLife)
		a.permit = func(context.Context) error { time.Sleep(time.Second); return nil }
		a.resolve = func(_ context.Context, id resetter.Identity) (resetter.Account, error) {
			time.Sleep(100 * time.Millisecond)
			if id == resetter.ID("p0") {
				return resetter.Account{ID: "p0", Email: "married@example.com"}, nil
			}
			return resetter.Account{ID: "p7", Email: "p0@example.com"}, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := e.Act(ctx)
		ok(t, err)
		all := results(t, j)
		is(t, all[0], "failed/not_found")
		is(t, all[1], "failed/not_found")
		is(t, all[2], "done/accepted")
		if a.mails["p7"] != 1 || len(a.mails) != 1 {
			t.Errorf("mails %v", a.mails)
		}
	})
}

// What a run has changed itself does not keep it from going on much later.
func TestARowIsDoneToWhoseAddressTheRunHasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &able{system: &system{}}
		j := newLedger(t, doing(resetter.ActionChangeEmail, "p0@example.com"), doing(resetter.ActionLock, "p0@example.com"))
		e := &bulk.Engine{Journal: j, AtOnce: true, Targets: []bulk.Target{{Name: "a", Resetter: a}}}
		prepare(t, e)
		time.Sleep(bulk.StateLife)
		a.resolve = func(_ context.Context, id resetter.Identity) (resetter.Account, error) {
			a.mu.Lock()
			defer a.mu.Unlock()
			now := a.state["p0email"]
			switch {
			case now == "":
				return account("p0@example.com"), nil
			case id == resetter.ID("p0"):
				return resetter.Account{ID: "p0", Email: now}, nil
			}
			return resetter.Account{}, refusal(resetter.ErrNotFound, nil)
		}
		_, err := e.Act(t.Context())
		ok(t, err)
		all(t, j, "done/accepted")
	})
}

// Who waits since somebody else had them mailed is read anew, once, and known
// from then on as they are.
func TestWhoWasOvertakenIsReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{}
		s.answer = func(_ context.Context, _ string, nth int) (bool, error) {
			if nth == 1 {
				return false, throttled(61*time.Second, resetter.ScopePerson)
			}
			return true, nil
		}
		j := newLedger(t, people("a", 1)...)
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
		all(t, j, "done/accepted")
		if s.lookUps != 2 {
			t.Errorf("looked up %d times, want 2", s.lookUps)
		}
	})
}
