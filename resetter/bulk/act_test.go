package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

func TestEverybodyIsMailedOnce(t *testing.T) {
	a, b := &system{}, &system{}
	j := newLedger(t, append(people("a", 700), people("b", 300)...)...)
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: a, Concurrency: 8}, {Name: "b", Resetter: b}}}
	summary := work(t, e)
	all(t, j, "done/accepted")
	if len(a.mailed()) != 700 || len(b.mailed()) != 300 {
		t.Errorf("%d and %d people were mailed, want 700 and 300", len(a.mailed()), len(b.mailed()))
	}
	mailedOnce(t, a, b)
	if a.max > 8 || b.max > 1 {
		t.Errorf("%d and %d rows were worked at a time, want 8 and 1 at most", a.max, b.max)
	}
	if got := summary.Counts()[bulk.Done]; got != 1000 {
		t.Errorf("the summary counts %d done", got)
	}
	for _, p := range e.Progress().Targets {
		if p.InFlight != 0 || p.Counts[bulk.Pending] != 0 || p.Counts[bulk.Done] == 0 {
			t.Errorf("progress at the end: %+v", p)
		}
	}
}

func TestOnePersonsMinuteHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{}
		s.answer = func(_ context.Context, id string, nth int) (bool, error) {
			time.Sleep(100 * time.Millisecond)
			if id == "p0" && nth == 1 {
				return false, throttled(61*time.Second, resetter.ScopePerson)
			}
			return true, nil
		}
		j := newLedger(t, people("a", 50)...)
		start := time.Now()
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
		all(t, j, "done/accepted")
		mailedOnce(t, s)
		for id, at := range s.at {
			switch took := at.Sub(start); {
			case id != "p0" && took > 5*time.Second:
				t.Errorf("%s was held up for %v", id, took)
			case id == "p0" && (took < 61*time.Second || took > 62*time.Second):
				t.Errorf("%s was asked again after %v, want 61 s", id, took)
			}
		}
		if r := results(t, j)[0]; r.Attempts != 2 {
			t.Errorf("row 1 has %d attempts, want 2", r.Attempts)
		}
	})
}

func TestAGatedTargetDoesNotSlowAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, fast := &system{}, &system{}
		slow.answer = func(_ context.Context, id string, nth int) (bool, error) {
			if nth == 1 {
				return false, throttled(30*time.Second, resetter.ScopeTarget)
			}
			return true, nil
		}
		fast.answer = func(context.Context, string, int) (bool, error) {
			time.Sleep(time.Second)
			return true, nil
		}
		j := newLedger(t, append(people("slow", 5), people("fast", 20)...)...)
		start := time.Now()
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "slow", Resetter: slow}, {Name: "fast", Resetter: fast}}})
		all(t, j, "done/accepted")
		for id, at := range fast.at {
			if took := at.Sub(start); took > 20*time.Second {
				t.Errorf("%s of the target that is not gated was asked after %v", id, took)
			}
		}
		if !slices.Equal(slow.order, []string{"p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3", "p4", "p4"}) {
			t.Errorf("a row that was turned away did not come first again: %v", slow.order)
		}
		if took := time.Since(start); took != 150*time.Second {
			t.Errorf("five pauses of 30 s took %v", took)
		}
	})
}

func TestNothingIsAskedWhileATargetIsGated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{}
		var gate time.Time
		s.answer = func(_ context.Context, id string, nth int) (bool, error) {
			if now := time.Now(); now.Before(gate) {
				t.Errorf("%s was asked %v before the gate opens", id, gate.Sub(now))
			}
			if id == "p20" && nth == 1 {
				gate = time.Now().Add(time.Minute)
				return false, throttled(time.Minute, resetter.ScopeTarget)
			}
			return true, nil
		}
		j := newLedger(t, people("a", 50)...)
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
		all(t, j, "done/accepted")
	})
}

func TestRowsOfOneAccountAreWorkedInOrderAndNeverTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rows []bulk.Row
		for i := range 300 {
			rows = append(rows, person("a", fmt.Sprintf("p%d+%d@example.com", i%7, i)))
		}
		s := &system{}
		s.answer = func(_ context.Context, id string, nth int) (bool, error) {
			time.Sleep(time.Duration(len(id)*nth%5) * time.Second)
			if nth%10 == 3 { // the rows behind it wait with it
				return false, throttled(20*time.Second, resetter.ScopePerson)
			}
			return true, nil
		}
		j := newLedger(t, rows...)
		j.twins = true
		var mu sync.Mutex
		last := make(map[string]int)
		j.record = func(r bulk.Result) error {
			mu.Lock()
			defer mu.Unlock()
			if r.Outcome != bulk.Done {
				return nil
			}
			if r.Row.Seq < last[r.Account.ID] {
				t.Errorf("row %d was done after row %d of the same account", r.Row.Seq, last[r.Account.ID])
			}
			last[r.Account.ID] = r.Row.Seq
			return nil
		}
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 4}}})
		all(t, j, "done/accepted")
		if s.together {
			t.Error("two rows of one account were worked at the same time")
		}
		if s.max != 4 {
			t.Errorf("%d rows were worked at a time, want 4", s.max)
		}
	})
}

func TestNoRequestLeavesBeforeItsIntentIsRecorded(t *testing.T) {
	var mu sync.Mutex
	intents := make(map[string]int)
	s := &system{}
	j := newLedger(t, people("a", 100)...)
	j.intent = func(seq, n int) error {
		mu.Lock()
		defer mu.Unlock()
		intents[fmt.Sprintf("p%d", seq-1)] = n
		return nil
	}
	s.answer = func(_ context.Context, id string, nth int) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		if intents[id] != nth {
			t.Errorf("request %d for %s left with the intent of attempt %d", nth, id, intents[id])
		}
		return true, nil
	}
	work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 8}}})
	all(t, j, "done/accepted")
}

func TestAPersonWhoIsPutOffWithoutEndStaysDeferredAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{answer: func(_ context.Context, id string, _ int) (bool, error) {
			if id == "p0" {
				return false, throttled(61*time.Second, resetter.ScopePerson)
			}
			return true, nil
		}}
		j := newLedger(t, people("a", 20)...)
		start := time.Now()
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
		if took := time.Since(start); took > bulk.DefaultMaxWait {
			t.Errorf("it took %v", took)
		}
		for i, r := range results(t, j) {
			if i == 0 {
				is(t, r, "pending/deferred")
			} else {
				is(t, r, "done/accepted")
			}
		}
	})
}

func TestWaitsThatAreOverAlreadyDoNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{answer: func(context.Context, string, int) (bool, error) {
			return false, throttled(-time.Hour, resetter.ScopePerson)
		}}
		j := newLedger(t, people("a", 1)...)
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, MaxWait: time.Minute}}})
		all(t, j, "pending/deferred")
		if len(s.order) > 700 {
			t.Errorf("it was asked %d times in a minute", len(s.order))
		}
	})
}

func TestWhatAnErrorMeansForARow(t *testing.T) {
	for _, c := range []struct {
		name     string
		err      error
		careless bool
		want     string
	}{
		{"none", nil, false, "done/accepted"},
		{"none, without BeforeSend", nil, true, "done/accepted"},
		{"certainly not", refusal(resetter.ErrInvalid, nil), false, "failed/invalid"},
		{"wrapped", fmt.Errorf("w: %w", refusal(resetter.ErrRejected, nil)), false, "failed/rejected"},
		{"lost answer", refusal(resetter.ErrLostAnswer, nil), false, "unknown/lost_answer"},
		{"server error", refusal(resetter.ErrServerError, nil), false, "unknown/server_error"},
		{"unreadable", refusal(resetter.ErrUnreadableAnswer, nil), false, "unknown/unreadable_answer"},
		{"unknown, without BeforeSend", refusal(resetter.ErrLostAnswer, nil), true, "unknown/lost_answer"},
		{"no wait was named", refusal(resetter.ErrRateLimited, nil), false, "failed/rate_limited"},
		{"another type, sent", errors.New("odd"), false, "unknown/lost_answer"},
		{"another type, not sent", errors.New("odd"), true, "failed/unavailable"},
		{"another type that says unknown", fmt.Errorf("odd: %w", resetter.ErrUnknownOutcome), true, "unknown/lost_answer"},
		{"a cancellation of its own", context.Canceled, false, "unknown/lost_answer"},
		{"not started, but nobody ended it", refusal(resetter.ErrNotStarted, nil), false, "failed/unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &system{careless: c.careless, answer: func(context.Context, string, int) (bool, error) { return true, c.err }}
			j := newLedger(t, people("a", 2)...)
			work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
			all(t, j, c.want)
			for _, r := range results(t, j) {
				if r.Detail == "" || r.FinishedAt.IsZero() {
					t.Errorf("row %d has no detail or no time: %+v", r.Row.Seq, r)
				}
			}
		})
	}
}

func TestAPanicCostsOneRow(t *testing.T) {
	for name, c := range map[string]struct {
		system *system
		want   string
	}{
		"before the request": {&system{permit: func(context.Context) error { panic("a secret") }}, "failed/unavailable"},
		"after it": {&system{answer: func(_ context.Context, id string, _ int) (bool, error) {
			panic("a secret")
		}}, "unknown/lost_answer"},
	} {
		t.Run(name, func(t *testing.T) {
			j := newLedger(t, people("a", 3)...)
			work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: c.system}}})
			all(t, j, c.want)
			if d := results(t, j)[0].Detail; strings.Contains(d, "secret") || !strings.Contains(d, "panic") {
				t.Errorf("detail: %s", d)
			}
		})
	}
}

func TestMemoryDoesNotGrowWithTheRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{answer: func(_ context.Context, id string, nth int) (bool, error) {
			if nth == 1 {
				return false, throttled(61*time.Second, resetter.ScopePerson)
			}
			return true, nil
		}}
		j := newLedger(t, people("a", 5000)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 8}}}
		prepare(t, e)
		var mu sync.Mutex
		held, most := 0, 0
		j.listed = func(results []bulk.Result) {
			mu.Lock()
			defer mu.Unlock()
			held += len(results)
			most = max(most, held)
		}
		j.record = func(r bulk.Result) error {
			mu.Lock()
			defer mu.Unlock()
			if r.Outcome != bulk.Pending {
				held--
			}
			return nil
		}
		_, err := e.Act(t.Context())
		ok(t, err)
		all(t, j, "done/accepted")
		if most > 1024 {
			t.Errorf("%d rows were held in memory", most)
		}
	})
}

func TestALinkIsHandedOverBeforeItsOutcomeIsRecorded(t *testing.T) {
	s := &system{receipt: resetter.Receipt{Link: resetter.NewSecret("https://example.com/reset/1")}}
	j := newLedger(t, people("a", 1)...)
	var order []string
	j.record = func(r bulk.Result) error { order = append(order, "outcome"); return nil }
	work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}},
		Links: func(_ context.Context, r bulk.Result, link resetter.Secret) error {
			order = append(order, "link of "+r.Account.ID+" "+link.Reveal())
			return nil
		}})
	if want := []string{"link of p0 https://example.com/reset/1", "outcome"}; !slices.Equal(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
}

// With AtOnce a target that is slow to look people up holds up no other, and
// one that fails at it is stopped alone. What is left out stays left out.
func TestAtOnceEachTargetBeginsWhenItsOwnPeopleAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		known := func(id resetter.Identity) resetter.Account {
			return resetter.Account{ID: strings.ToLower(id.Value), Email: id.Value}
		}
		slow := &system{resolve: func(_ context.Context, id resetter.Identity) (resetter.Account, error) {
			time.Sleep(10 * time.Second)
			return known(id), nil
		}}
		quick := &system{resolve: func(_ context.Context, id resetter.Identity) (resetter.Account, error) { return known(id), nil }}
		broken := &system{resolve: func(context.Context, resetter.Identity) (resetter.Account, error) {
			return resetter.Account{}, refusal(resetter.ErrUnauthorized, nil)
		}}
		rows := append(append(people("slow", 5), people("quick", 5)...), people("broken", 5)...)
		rows = append(rows, bulk.Row{Target: "quick", Identity: resetter.Email("P0@example.com")})
		j := newLedger(t, rows...)
		e := &bulk.Engine{Journal: j, AtOnce: true, Targets: []bulk.Target{
			{Name: "slow", Resetter: slow}, {Name: "quick", Resetter: quick}, {Name: "broken", Resetter: broken}}}
		work(t, e)
		for _, r := range results(t, j) {
			switch {
			case r.Row.Seq == len(rows):
				is(t, r, "skipped/duplicate")
			case r.Row.Target == "broken":
				is(t, r, "pending/halted")
			default:
				is(t, r, "done/accepted")
			}
			if r.Row.Target == "quick" && r.FinishedAt.Sub(begun) > time.Second {
				t.Errorf("%s was done after %v", r.Row.Identity, r.FinishedAt.Sub(begun))
			}
		}
	})
}

// An address that was changed between look-up and request is told as it is.
func TestWhereTheMailGoesIsTold(t *testing.T) {
	for to, want := range map[string]string{
		"":                "accepted; a reset mail goes to p0@example.com",
		"P0@example.com":  "accepted; a reset mail goes to p0@example.com",
		"new@example.com": "accepted; a reset mail goes to new@example.com, which the account has by now instead of p0@example.com",
	} {
		s := &system{receipt: resetter.Receipt{MailedTo: to}}
		j := newLedger(t, people("a", 1)...)
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
		if got := results(t, j)[0].Detail; got != want {
			t.Errorf("%q: %q", to, got)
		}
	}
}
