package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// able is a system that can do everything, and keeps the state of accounts.
type able struct {
	*system
	write func(ctx context.Context, what string) error // before it is so

	mu     sync.Mutex
	state  map[string]string // by account and property
	writes []string          // "lock p0", in the order in which they were done
}

func (a *able) set(ctx context.Context, what, id, property, value string) (resetter.Receipt, error) {
	a.mu.Lock()
	already := a.state[id+property] == value
	a.mu.Unlock()
	if already {
		return resetter.Receipt{Already: true}, nil
	}
	if a.write != nil {
		if err := a.write(ctx, what+" "+id); err != nil {
			return resetter.Receipt{}, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == nil {
		a.state = map[string]string{}
	}
	a.state[id+property] = value
	a.writes = append(a.writes, what+" "+id)
	return resetter.Receipt{Status: 200, Attempts: 1}, nil
}

func (a *able) ForceChange(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	return a.set(ctx, "force", account.ID, "password", "old")
}

func (a *able) ChangeEmail(ctx context.Context, account resetter.Account, address string) (resetter.Receipt, error) {
	return a.set(ctx, "change to "+address, account.ID, "email", address)
}

func (a *able) Lock(ctx context.Context, account resetter.Account, o resetter.LockOptions) (resetter.Receipt, error) {
	return a.set(ctx, fmt.Sprintf("lock %v", o.RevokeKeys), account.ID, "locked", "yes")
}

func (a *able) Unlock(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	return a.set(ctx, "unlock", account.ID, "locked", "no")
}

func doing(action resetter.Action, address string) bulk.Row {
	r := person("a", address)
	r.Action = action
	if action == resetter.ActionChangeEmail {
		r.NewEmail = "new." + address
	}
	return r
}

func TestEachActionIsDoneAndMailsNobody(t *testing.T) {
	a := &able{system: &system{}}
	j := newLedger(t,
		doing(resetter.ActionForceChange, "p0@example.com"),
		doing(resetter.ActionChangeEmail, "p1@example.com"),
		doing(resetter.ActionLock, "p2@example.com"),
		doing(resetter.ActionUnlock, "p3@example.com"),
		doing(resetter.ActionLock, "p2+x@example.com"),
		doing(resetter.ActionChangeEmail, "p4@example.com"),
	)
	j.intent = func(seq, _ int) error { t.Errorf("row %d has an intent", seq); return nil }
	a.state = map[string]string{"p4email": "new.p4@example.com"}
	e := &bulk.Engine{Journal: j, Lock: resetter.LockOptions{RevokeKeys: true}, Targets: []bulk.Target{{Name: "a", Resetter: a}}}
	work(t, e)
	got := results(t, j)
	for i, want := range []string{"done/accepted", "done/accepted", "done/accepted", "done/accepted", "skipped/duplicate", "done/already"} {
		is(t, got[i], want)
	}
	if want := "[force p0 change to new.p1@example.com p1 lock true p2 unlock p3]"; fmt.Sprint(a.writes) != want {
		t.Errorf("done: %v", a.writes)
	}
	if len(a.order) > 0 {
		t.Errorf("resets were sent: %v", a.order)
	}
	if got[0].Attempts != 1 || got[5].Attempts != 0 || !strings.Contains(got[1].Detail, "new.p1@example.com") {
		t.Errorf("attempts %d and %d, detail %q", got[0].Attempts, got[5].Attempts, got[1].Detail)
	}
}

func TestTheActionsOfOneAccountAreDoneInTheOrderOfTheInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &able{system: &system{}}
		a.write = func(context.Context, string) error { time.Sleep(time.Second); return nil }
		var rows []bulk.Row
		for i := range 5 {
			for _, action := range []resetter.Action{resetter.ActionLock, resetter.ActionChangeEmail, resetter.ActionUnlock} {
				rows = append(rows, doing(action, fmt.Sprintf("p%d@example.com", i)))
			}
		}
		j := newLedger(t, rows...)
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: a, Concurrency: 8}}})
		all(t, j, "done/accepted")
		next := map[string]int{}
		for _, w := range a.writes {
			words := strings.Fields(w)
			id := words[len(words)-1]
			if words[0] != []string{"lock", "change", "unlock"}[next[id]] {
				t.Errorf("%s comes as number %d of %s", w, next[id]+1, id)
			}
			next[id]++
		}
	})
}

func TestAnActionThatIsMalformedOrThatTheSystemLacksIsNotTried(t *testing.T) {
	bad := doing(resetter.ActionChangeEmail, "p0@example.com")
	bad.NewEmail = "nowhere"
	j := newLedger(t, bad)
	a := &able{system: &system{}}
	prepare(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: a}}})
	all(t, j, "failed/invalid")
	if a.lookUps > 0 {
		t.Error("it was looked up")
	}
	j = newLedger(t, doing(resetter.ActionForceChange, "p0@example.com"), doing(resetter.ActionLock, "p0@example.com"), doing(resetter.ActionChangeEmail, "p0@example.com"))
	prepare(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: a.system}}})
	all(t, j, "failed/unsupported")
}

// Where an address is changed, all mails go to the new one: the guards look at it.
// Whose address was changed is not found by the old one any more; the same table
// may be given again all the same.
func TestAChangeThatWasMadeIsMadeAlready(t *testing.T) {
	for _, batch := range []bool{false, true} {
		a := &able{system: &system{}}
		address := map[string]string{"p0": "p0@example.com", "p1": "p1@example.com", "p2": "third@example.com", "p3": "p3@example.com"}
		a.resolve = func(_ context.Context, id resetter.Identity) (resetter.Account, error) {
			for name, now := range address {
				if id == resetter.ID(name) || id == resetter.Email(now) {
					return resetter.Account{ID: name, Email: now}, nil
				}
			}
			return resetter.Account{}, refusal(resetter.ErrNotFound, nil)
		}
		r := resetter.Resetter(a)
		if batch {
			r = &batched{able: a}
		}
		rows := []bulk.Row{
			doing(resetter.ActionChangeEmail, "p0@example.com"), doing(resetter.ActionChangeEmail, "p1@example.com"),
			doing(resetter.ActionChangeEmail, "P0@example.com"), doing(resetter.ActionChangeEmail, "p2@example.com"),
		}
		gone := doing(resetter.ActionChangeEmail, "p3@example.com") // by us, and then by somebody else
		j := newLedger(t, rows[0], rows[1], gone)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: r}}}
		a.write = func(_ context.Context, what string) error {
			address[what[len(what)-2:]] = "new." + what[len(what)-2:] + "@example.com"
			if strings.HasSuffix(what, "p1") {
				return refusal(resetter.ErrLostAnswer, nil)
			}
			return nil
		}
		work(t, e)
		is(t, results(t, j)[0], "done/accepted")
		is(t, results(t, j)[1], "unknown/lost_answer")

		is(t, results(t, j)[2], "done/accepted")
		address["p3"] = "elsewhere@example.com"

		a.state = map[string]string{"p0email": "new.p0@example.com", "p1email": "new.p1@example.com"}
		rows = append(rows, gone)
		for i := range rows {
			rows[i].Seq = i + 4
		}
		rows[2].NewEmail = "other@example.com" // nobody has changed that
		ok(t, j.Add(t.Context(), bulk.Rows(rows...)))
		j.twins = true
		work(t, e)
		all := results(t, j)
		is(t, all[3], "done/already")
		is(t, all[4], "done/already")
		is(t, all[5], "failed/not_found")
		is(t, all[6], "failed/not_found")
		is(t, all[7], "failed/not_found")
		if len(a.writes) != 2 {
			t.Errorf("written: %v", a.writes)
		}
	}
}

// An action that stops between two of its writes says what holds, whoever ended
// it, and is completed when the run goes on.
func TestAnActionThatStopsHalfWaySaysSoAndIsCompleted(t *testing.T) {
	for name, end := range map[string]func(cancel context.CancelFunc) *resetter.Error{
		"a pause": func(context.CancelFunc) *resetter.Error {
			return throttled(time.Hour, resetter.ScopeTarget).(*resetter.Error)
		},
		"Ctrl-C": func(cancel context.CancelFunc) *resetter.Error {
			cancel()
			time.Sleep(time.Second) // until everybody knows
			return refusal(resetter.ErrNotStarted, context.Canceled)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &able{system: &system{}}
				j := newLedger(t, doing(resetter.ActionLock, "p0@example.com"))
				e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: a}}}
				prepare(t, e)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				a.write = func(context.Context, string) error {
					err := end(cancel)
					err.Holds, err.Attempts = "the account is disabled", 2
					return err
				}
				_, _ = e.Act(ctx)
				r := results(t, j)[0]
				is(t, r, "pending/deferred")
				if r.Detail != "not through yet: the account is disabled; going on completes it" || r.Attempts != 2 {
					t.Errorf("%d attempts, %q", r.Attempts, r.Detail)
				}
				// What is refused then says what holds as well.
				for _, refused := range []*resetter.Error{throttled(time.Hour, resetter.ScopeTarget).(*resetter.Error), refusal(resetter.ErrForbidden, nil)} {
					a.write = func(context.Context, string) error { return refused }
					prepare(t, e)
					_, _ = e.Act(t.Context())
					if r := results(t, j)[0]; !strings.Contains(r.Detail, "not through yet: the account is disabled; going on completes it") &&
						!strings.HasSuffix(r.Detail, "; so far: the account is disabled; do it again to complete it") {
						t.Errorf("then: %s/%s, %q", r.Outcome, r.Reason, r.Detail)
					}
				}
				is(t, results(t, j)[0], "failed/forbidden")
				ok(t, j.Reopen(t.Context(), 1))
				a.write = nil
				work(t, e)
				r = results(t, j)[0]
				is(t, r, "done/accepted")
				if r.Attempts != 3 {
					t.Errorf("%d attempts, want 3", r.Attempts)
				}
			})
		})
	}
}

func TestNobodyIsGivenAnAddressThatTheGuardsForbid(t *testing.T) {
	var rows []bulk.Row
	for i, address := range []string{"p0@example.com", "p1@evil.example", "vip@example.com"} {
		r := doing(resetter.ActionChangeEmail, fmt.Sprintf("p%d@example.com", i))
		r.NewEmail = address
		rows = append(rows, r)
	}
	j := newLedger(t, rows...)
	a := &able{system: &system{}}
	work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: a}},
		Guards: bulk.Guards{Domains: []string{"example.com"}, Deny: []string{"VIP@example.com"}}})
	for i, want := range []string{"done/accepted", "skipped/excluded", "skipped/excluded"} {
		is(t, results(t, j)[i], want)
	}
	if len(a.writes) != 1 {
		t.Errorf("done: %v", a.writes)
	}
}

// It leads to a state: after a crash, and on the operator's word after a lost
// answer, it is simply done again.
func TestAnActionThatMailsNobodyIsDoneAgain(t *testing.T) {
	a := &able{system: &system{}}
	lost := true
	a.write = func(context.Context, string) error {
		if lost {
			e := refusal(resetter.ErrLostAnswer, nil)
			e.Repeatable, e.Attempts = true, 4
			return e
		}
		return nil
	}
	j := newLedger(t, doing(resetter.ActionLock, "p0@example.com"), doing(resetter.ActionLock, "p1@example.com"))
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: a}}}
	j.record = func(r bulk.Result) error {
		if r.Row.Seq == 2 {
			return errDisk // as if the process had ended
		}
		return nil
	}
	prepare(t, e)
	if _, err := e.Act(t.Context()); !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	j.record, lost = nil, false
	work(t, e)
	is(t, results(t, j)[0], "unknown/lost_answer")
	if r := results(t, j)[0]; r.Attempts != 4 || strings.Contains(r.Detail, "mail may have gone out") {
		t.Errorf("attempts %d: %s", r.Attempts, r.Detail)
	}
	is(t, results(t, j)[1], "done/accepted")
	e.ResendUnknown = true
	work(t, e)
	is(t, results(t, j)[0], "done/accepted")
}

// What is under way when the run is stopped is not broken off half way.
func TestAnActionUnderWayIsFinishedWhenTheRunIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &able{system: &system{}}
		a.write = func(ctx context.Context, _ string) error {
			select {
			case <-time.After(10 * time.Second):
				return nil
			case <-ctx.Done():
				return refusal(resetter.ErrLostAnswer, ctx.Err())
			}
		}
		j := newLedger(t, doing(resetter.ActionLock, "p0@example.com"), doing(resetter.ActionLock, "p1@example.com"))
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: a}}}
		prepare(t, e)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := e.Act(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		is(t, results(t, j)[0], "done/accepted")
		is(t, results(t, j)[1], "pending/not_started")
	})
}

// Whether somebody was changed before cannot be told where the system cannot be
// asked: that is not that they are not there.
func TestAChangeThatCannotBeLookedForIsNotNotFound(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"Ctrl-C":       {nil, "pending/not_started"},
		"unauthorized": {refusal(resetter.ErrUnauthorized, nil), "pending/not_started"},
		"unavailable":  {refusal(resetter.ErrUnavailable, nil), "failed/unavailable"},
	} {
		for _, batch := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, batch %v", name, batch), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a := &able{system: &system{}}
					r := resetter.Resetter(a)
					if batch {
						r = &batched{able: a}
					}
					row := doing(resetter.ActionChangeEmail, "p0@example.com")
					j := newLedger(t, row)
					j.twins = true
					e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: r}}}
					work(t, e)
					row.Seq = 2
					ok(t, j.Add(t.Context(), bulk.Rows(row)))
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					a.resolve = func(_ context.Context, id resetter.Identity) (resetter.Account, error) {
						if id.Kind == resetter.ByEmail {
							return resetter.Account{}, refusal(resetter.ErrNotFound, nil)
						}
						if c.err == nil {
							cancel()
							time.Sleep(10 * time.Millisecond) // until everybody knows
							return resetter.Account{}, refusal(resetter.ErrNotStarted, context.Canceled)
						}
						return resetter.Account{}, c.err
					}
					_, err := e.Prepare(ctx)
					is(t, results(t, j)[1], c.want)
					if (err != nil) != strings.HasPrefix(c.want, "pending") {
						t.Errorf("Prepare returned %v", err)
					}
				})
			})
		}
	}
}

// batched is able of looking several people up at once.
type batched struct{ *able }

func (*batched) BatchSize(resetter.IdentityKind) int { return 10 }

func (b *batched) ResolveBatch(ctx context.Context, ids []resetter.Identity) ([]resetter.Resolution, error) {
	all := make([]resetter.Resolution, len(ids))
	for i, id := range ids {
		all[i].Account, all[i].Err = b.Resolve(ctx, id)
	}
	return all, nil
}
