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
		if p.InFlight != 0 || p.Counts[bulk.Pending] != 0 || p.Counts[bulk.Done]+0 == 0 {
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
		j.mayDo = true
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

func TestAnIntentThatCannotBeRecordedSendsNothingAndEndsTheRun(t *testing.T) {
	a, b := &system{}, &system{}
	j := newLedger(t, append(people("a", 20), people("b", 20)...)...)
	j.intent = func(int, int) error { return errDisk }
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: a, Concurrency: 3}, {Name: "b", Resetter: b}}}
	prepare(t, e)
	_, err := e.Act(t.Context())
	if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "so it was not sent") {
		t.Errorf("Act returned %v", err)
	}
	all(t, j, "pending/not_started")
	if n := len(a.order) + len(b.order); n > 0 {
		t.Errorf("%d requests left without an intent", n)
	}

	j.intent = nil
	work(t, e) // there is room again
	all(t, j, "done/accepted")
	mailedOnce(t, a, b)
}

func TestAnOutcomeThatCannotBeRecordedStopsEveryTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := func(context.Context, string, int) (bool, error) { time.Sleep(time.Second); return true, nil }
		a, b := &system{answer: second}, &system{answer: second}
		j := newLedger(t, append(people("a", 20), people("b", 20)...)...)
		j.record = func(r bulk.Result) error {
			if r.Row.Seq == 3 {
				return errDisk
			}
			return nil
		}
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: a}, {Name: "b", Resetter: b}}}
		prepare(t, e)
		_, err := e.Act(t.Context())
		if !errors.Is(err, errDisk) {
			t.Errorf("Act returned %v", err)
		}
		if len(a.order) != 3 || len(b.order) > 4 {
			t.Errorf("%d and %d requests left, want 3 and about as many", len(a.order), len(b.order))
		}
		// What was in flight stays in doubt, and is not sent when the run goes on.
		j.record = nil
		work(t, e)
		for i, r := range results(t, j) {
			if i == 2 {
				is(t, r, "unknown/interrupted")
			} else {
				is(t, r, "done/accepted")
			}
		}
		mailedOnce(t, a, b)
	})
}

func TestCancellingFinishesWhatWasSentAndBeginsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{}
		s.answer = func(ctx context.Context, id string, _ int) (bool, error) {
			time.Sleep(10 * time.Second)
			if ctx.Err() != nil {
				t.Errorf("the request for %s was cancelled after it had left", id)
			}
			return true, nil
		}
		j := newLedger(t, people("a", 30)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 3}}}
		prepare(t, e)
		ctx, cancel := context.WithCancelCause(t.Context())
		signal := errors.New("interrupted by the operator")
		time.AfterFunc(25*time.Second, func() { cancel(signal) })
		start := time.Now()
		summary, err := e.Act(ctx)
		if !errors.Is(err, signal) {
			t.Errorf("Act returned %v, want the cause of the cancellation", err)
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("Act took %v, want until the last of what was in flight is through", took)
		}
		for i, r := range results(t, j) {
			if i < 9 {
				is(t, r, "done/accepted")
			} else {
				is(t, r, "pending/not_started")
			}
		}
		if c := summary.Counts(); c[bulk.Done] != 9 || c[bulk.Pending] != 21 {
			t.Errorf("the summary counts %v", c)
		}
		work(t, e)
		all(t, j, "done/accepted")
		mailedOnce(t, s)
	})
}

func TestCancellingSendsNothingThatStillWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{permit: func(ctx context.Context) error {
			select {
			case <-time.After(time.Hour):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		j := newLedger(t, people("a", 30)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 3}}}
		prepare(t, e)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if _, err := e.Act(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Act returned %v", err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("Act took %v to end after a minute", took)
		}
		all(t, j, "pending/not_started")
		if len(s.order) > 0 {
			t.Errorf("%d requests left", len(s.order))
		}
	})
}

// A client that does not notice the cancellation in time asks BeforeSend, and
// is refused.
func TestNothingLeavesAfterTheCancellationHoweverLateTheClientIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{permit: func(context.Context) error { time.Sleep(time.Minute); return nil }}
		j := newLedger(t, people("a", 30)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 3}}}
		prepare(t, e)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if _, err := e.Act(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Act returned %v", err)
		}
		all(t, j, "pending/not_started")
		if len(s.order) > 0 {
			t.Errorf("%d requests left", len(s.order))
		}
	})
}

func TestNothingLeavesOnceTheContextIsDone(t *testing.T) {
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		s := &system{permit: func(context.Context) error { cancel(); return nil }}
		j := newLedger(t, people("a", 3)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 3}}}
		prepare(t, e)
		if _, err := e.Act(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("Act returned %v", err)
		}
		all(t, j, "pending/not_started")
		if len(s.order) > 0 {
			t.Fatalf("%d requests left", len(s.order))
		}
	}
}

// A client may try again after a request that certainly did not arrive. If the
// run was cancelled meanwhile, the row is not in doubt: it goes on later.
func TestCancellingBetweenTwoAttemptsLeavesTheRowPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{}
		s.answer = func(ctx context.Context, _ string, nth int) (bool, error) {
			if nth > 1 {
				return true, nil
			}
			time.Sleep(time.Minute) // no connection was obtained; once more
			return false, refusal(resetter.ErrNotStarted, resetter.BeforeSend(ctx))
		}
		j := newLedger(t, people("a", 1)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
		prepare(t, e)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if _, err := e.Act(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Act returned %v", err)
		}
		all(t, j, "pending/not_started")
		work(t, e)
		all(t, j, "done/accepted")
		if r := results(t, j)[0]; r.Attempts != 2 {
			t.Errorf("%d attempts are recorded, want 2", r.Attempts)
		}
	})
}

func TestAResetterThatIgnoresTheJournalEndsTheRun(t *testing.T) {
	s := &system{careless: true}
	s.permit = func(ctx context.Context) error { _ = resetter.BeforeSend(ctx); return nil }
	j := newLedger(t, people("a", 3)...)
	j.intent = func(int, int) error { return errDisk }
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
	prepare(t, e)
	if _, err := e.Act(t.Context()); !errors.Is(err, errDisk) {
		t.Errorf("Act returned %v", err)
	}
	if len(s.order) != 1 {
		t.Errorf("%d requests left", len(s.order))
	}
	is(t, results(t, j)[0], "done/accepted")
}

func TestTheDeadlineEndsAtOnceWhenNothingCanBeDoneBefore(t *testing.T) {
	for name, scope := range map[string]resetter.Scope{"deferred": resetter.ScopePerson, "not_started": resetter.ScopeTarget} {
		synctest.Test(t, func(t *testing.T) {
			s := &system{answer: func(context.Context, string, int) (bool, error) {
				return false, throttled(time.Minute, scope)
			}}
			j := newLedger(t, people("a", 20)...)
			e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 4}}, Deadline: time.Now().Add(10 * time.Second)}
			start := time.Now()
			summary := work(t, e)
			if took := time.Since(start); took != 0 {
				t.Errorf("%s: it took %v to see that nothing can be done", name, took)
			}
			all(t, j, "pending/"+name)
			if summary.Counts()[bulk.Pending] != 20 {
				t.Errorf("%s: the summary counts %v", name, summary.Counts())
			}
		})
	}
}

func TestNoRowIsBegunAfterTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{answer: func(context.Context, string, int) (bool, error) { time.Sleep(4 * time.Second); return true, nil }}
		j := newLedger(t, people("a", 20)...)
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}, Deadline: time.Now().Add(10 * time.Second)})
		for i, r := range results(t, j) {
			if i < 3 {
				is(t, r, "done/accepted")
			} else {
				is(t, r, "pending/not_started")
			}
		}
	})
}

func TestTheLimitLeavesTheRowsAfterItAlone(t *testing.T) {
	s := &system{}
	j := newLedger(t, people("a", 20)...)
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 4}}, Limit: 5}
	if plan := prepare(t, e); plan.Would() != 5 || plan.Targets[0].Later != 15 {
		t.Errorf("the plan is %+v", plan)
	}
	work(t, e)
	if len(s.mailed()) != 5 || s.lookUps != 5 {
		t.Errorf("%d people were looked up and %d mailed, want 5", s.lookUps, len(s.mailed()))
	}
	e.Limit = 0
	work(t, e)
	all(t, j, "done/accepted")
	mailedOnce(t, s)
}

func TestRefusalsThatSpeakOfTheSystemStopItAndNoOther(t *testing.T) {
	badPassword := refusal(resetter.ErrUnauthorized, nil)
	badPassword.Stop, badPassword.Advice = true, "correct the password"
	for _, c := range []struct {
		name string
		err  error
		left int // rows that are not begun
		want string
	}{
		{"five forbidden in a row", refusal(resetter.ErrForbidden, nil), 15, "failed/forbidden"},
		{"one that says so", badPassword, 19, "failed/unauthorized"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := &system{answer: func(context.Context, string, int) (bool, error) { return false, c.err }}
			good := &system{}
			j := newLedger(t, append(people("bad", 20), people("good", 20)...)...)
			summary := work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "bad", Resetter: bad}, {Name: "good", Resetter: good}}})
			for i, r := range results(t, j) {
				switch {
				case i < 20-c.left:
					is(t, r, c.want)
				case i < 20:
					is(t, r, "pending/halted")
				default:
					is(t, r, "done/accepted")
				}
			}
			if summary.Targets[0].Stopped == "" || summary.Targets[1].Stopped != "" {
				t.Errorf("the summary is %+v", summary)
			}
		})
	}
}

func TestForbiddenNowAndThenStopsNothing(t *testing.T) {
	s := &system{answer: func(_ context.Context, id string, _ int) (bool, error) {
		if strings.HasSuffix(id, "5") {
			return true, nil
		}
		if strings.HasSuffix(id, "0") {
			return false, refusal(resetter.ErrRejected, nil)
		}
		return false, refusal(resetter.ErrForbidden, nil)
	}}
	j := newLedger(t, people("a", 60)...)
	summary := work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
	if c := summary.Counts(); c[bulk.Done] != 6 || c[bulk.Failed] != 54 {
		t.Errorf("the summary counts %v", c)
	}
}

func TestATargetThatKeepsUsWaitingTooLongIsStopped(t *testing.T) {
	for name, pause := range map[string]time.Duration{"at once": time.Hour, "bit by bit": time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &system{answer: func(context.Context, string, int) (bool, error) {
					return false, throttled(pause, resetter.ScopeTarget)
				}}
				j := newLedger(t, people("a", 20)...)
				start := time.Now()
				summary := work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 2}}})
				if took := time.Since(start); took > bulk.DefaultMaxWait {
					t.Errorf("it took %v", took)
				}
				all(t, j, "pending/halted")
				if !strings.Contains(summary.Targets[0].Stopped, "asks us to wait") {
					t.Errorf("stopped: %q", summary.Targets[0].Stopped)
				}
			})
		})
	}
}

func TestARowThatIsPutOffWithoutEndFailsAlone(t *testing.T) {
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
				is(t, r, "failed/rate_limited")
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
		all(t, j, "failed/rate_limited")
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

func TestTooManyFailuresHaltEveryTarget(t *testing.T) {
	fails := func(context.Context, string, int) (bool, error) {
		return false, refusal(resetter.ErrRejected, nil)
	}
	for name, c := range map[string]struct {
		guards bulk.Guards
		failed int
	}{
		"a number": {bulk.Guards{MaxFailures: 3}, 3},
		"a share":  {bulk.Guards{MaxFailurePercent: 50}, 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bad := &system{answer: fails}
				good := &system{answer: func(context.Context, string, int) (bool, error) { time.Sleep(time.Second); return true, nil }}
				j := newLedger(t, append(people("bad", 40), people("good", 40)...)...)
				e := &bulk.Engine{Journal: j, Guards: c.guards,
					Targets: []bulk.Target{{Name: "bad", Resetter: bad}, {Name: "good", Resetter: good}}}
				prepare(t, e)
				summary, err := e.Act(t.Context())
				var guard *bulk.GuardError
				if !errors.As(err, &guard) || guard.Guard != "max_failures" {
					t.Fatalf("Act returned %v", err)
				}
				counts := summary.Counts()
				if counts[bulk.Failed] != c.failed || counts[bulk.Pending] < 78-c.failed {
					t.Errorf("the summary counts %v", counts)
				}
				for _, r := range results(t, j) {
					if r.Outcome == bulk.Pending {
						is(t, r, "pending/halted")
					}
				}
			})
		})
	}
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

func TestALinkThatCannotBeHandedOverEndsTheRun(t *testing.T) {
	s := &system{receipt: resetter.Receipt{Link: resetter.NewSecret("https://example.com/reset/1")}}
	j := newLedger(t, people("a", 10)...)
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}},
		Links: func(context.Context, bulk.Result, resetter.Secret) error { return errDisk }}
	prepare(t, e)
	if _, err := e.Act(t.Context()); !errors.Is(err, errDisk) {
		t.Errorf("Act returned %v", err)
	}
	for i, r := range results(t, j) {
		if i == 0 {
			is(t, r, "done/accepted")
		} else {
			is(t, r, "pending/not_started")
		}
	}
}

func TestGoingOnNeverSendsWhatWasInFlightWhenTheProcessEnded(t *testing.T) {
	s := &system{}
	j := newLedger(t, people("a", 10)...)
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 2}}}
	prepare(t, e)
	ok(t, j.Intent(t.Context(), 4, 1)) // and then the process ended
	work(t, e)
	for i, r := range results(t, j) {
		if i == 3 {
			is(t, r, "unknown/interrupted")
		} else {
			is(t, r, "done/accepted")
		}
	}
	if s.mailed()["p3"] != 0 {
		t.Error("the row in doubt was sent again")
	}
}
