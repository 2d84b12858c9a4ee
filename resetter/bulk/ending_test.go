package bulk_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

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

// Who was asked for and turned away to the end is told that; the others are not
// asked for in vain.
func TestATargetThatTurnsUsAwayWithoutAWordOfWhenIsStopped(t *testing.T) {
	turnedAway := func() error {
		return &resetter.Error{System: "fake", Op: "reset", Kind: resetter.ErrRateLimited, Status: 429,
			Until: time.Now().Add(20 * time.Second), Scope: resetter.ScopeTarget, Guessed: true}
	}
	synctest.Test(t, func(t *testing.T) {
		s := &system{answer: func(context.Context, string, int) (bool, error) { return false, turnedAway() }}
		j := newLedger(t, people("a", 20)...)
		start := time.Now()
		summary := work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 2}}})
		if took := time.Since(start); took > bulk.DefaultMaxWait {
			t.Errorf("it took %v", took)
		}
		failed := 0
		for _, r := range results(t, j) {
			if r.Outcome == bulk.Failed {
				is(t, r, "failed/rate_limited")
				failed++
			} else {
				is(t, r, "pending/halted")
			}
		}
		if failed < 1 || failed > 2 {
			t.Errorf("%d rows have failed, want one or two: those that were in flight", failed)
		}
		if !strings.Contains(summary.Targets[0].Stopped, "turned us away") {
			t.Errorf("stopped: %q", summary.Targets[0].Stopped)
		}
	})
	synctest.Test(t, func(t *testing.T) { // one person alone
		s := &system{answer: func(_ context.Context, id string, _ int) (bool, error) {
			if strings.HasSuffix(id, "0") {
				return false, turnedAway()
			}
			return true, nil
		}}
		j := newLedger(t, people("a", 6)...)
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 2}}})
		done := 0
		for _, r := range results(t, j) {
			if r.Outcome == bulk.Done {
				done++
			} else {
				is(t, r, "failed/rate_limited")
			}
		}
		if done != 5 {
			t.Errorf("%d are done, want 5", done)
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
		if i > 0 {
			is(t, r, "pending/not_started")
		} else if is(t, r, "done/accepted"); !strings.Contains(r.Detail, "its link could not be handed over and is lost") {
			t.Errorf("its detail is %q", r.Detail)
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

func TestTheShareOfFailuresHaltsWhenItIsReached(t *testing.T) {
	n := 0
	s := &system{answer: func(context.Context, string, int) (bool, error) {
		if n++; n%2 == 1 {
			return false, refusal(resetter.ErrRejected, nil)
		}
		return true, nil
	}}
	j := newLedger(t, people("a", 60)...)
	e := &bulk.Engine{Journal: j, Guards: bulk.Guards{MaxFailurePercent: 50}, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
	prepare(t, e)
	if _, err := e.Act(t.Context()); !errors.As(err, new(*bulk.GuardError)) || n != 20 {
		t.Errorf("Act returned %v after %d rows, want the guard after 20", err, n)
	}
}

func TestNothingLeavesAfterResetHasReturned(t *testing.T) {
	var late context.Context
	s := &system{answer: func(ctx context.Context, _ string, _ int) (bool, error) {
		late = ctx
		return true, nil
	}}
	j := newLedger(t, people("a", 1)...)
	work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
	if err := resetter.BeforeSend(late); err == nil || !strings.Contains(err.Error(), "had returned") {
		t.Errorf("BeforeSend returned %v", err)
	}
}
