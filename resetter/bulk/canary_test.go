package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// asked counts what GoOn is asked, and answers.
type asked struct {
	times  int
	answer bool
	then   func() // where set, happens while it is asked
}

func (a *asked) goOn(context.Context) bool {
	a.times++
	if a.then != nil {
		a.then()
	}
	return a.answer
}

// canaryOf works e's rows, which the canary halts, and returns its guard.
func canaryOf(t *testing.T, e *bulk.Engine) *bulk.GuardError {
	t.Helper()
	prepare(t, e)
	_, err := e.Act(t.Context())
	var guard *bulk.GuardError
	if !errors.As(err, &guard) || guard.Guard != "canary" {
		t.Fatalf("Act returned %v", err)
	}
	return guard
}

// taken is whom the system was asked to mail since the last time, in order.
func (s *system) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	order := s.order
	s.order = nil
	return order
}

func TestTheCanaryIsTheFirstRowsOfEachTargetAndTheOthersWaitForAYes(t *testing.T) {
	a, b := &system{}, &system{}
	j := newLedger(t, append(people("a", 10), people("b", 2)...)...)
	no := &asked{}
	no.then = func() {
		if got := a.taken(); !slices.Equal(got, []string{"p0", "p1", "p2"}) || len(b.taken()) != 2 || a.now+b.now != 0 {
			t.Errorf("when it was asked, these had been mailed: %v", got)
		}
	}
	e := &bulk.Engine{Journal: j, First: 3, GoOn: no.goOn, Targets: []bulk.Target{{Name: "a", Resetter: a}, {Name: "b", Resetter: b}}}
	guard := canaryOf(t, e)
	if no.times != 1 {
		t.Errorf("it was asked %d times", no.times)
	}
	for i, r := range results(t, j) {
		if i < 3 || i >= 10 {
			is(t, r, "done/accepted")
		} else if is(t, r, "pending/halted"); r.Detail != guard.Error() {
			t.Errorf("row %d says %q, and the guard %q", r.Row.Seq, r.Detail, guard)
		}
	}

	// Without one, the same rows go on to their end.
	work(t, &bulk.Engine{Journal: j, Targets: e.Targets})
	all(t, j, "done/accepted")
	mailedOnce(t, a, b)
}

func TestAYesGoesOnWithTheOthersInTheSameAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{permit: func(context.Context) error { time.Sleep(time.Second); return nil }}
		j := newLedger(t, people("a", 600)...)
		yes := &asked{answer: true, then: func() { time.Sleep(time.Hour) }} // people have lunch
		e := &bulk.Engine{Journal: j, First: 5, GoOn: yes.goOn, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 4}}}
		work(t, e)
		all(t, j, "done/accepted")
		mailedOnce(t, s)
		if yes.times != 1 || s.max != 4 {
			t.Errorf("it was asked %d times; at most %d at a time", yes.times, s.max)
		}
	})
}

func TestNobodyIsAskedWhereTheCanaryIsAllThereIs(t *testing.T) {
	for _, n := range []int{1, 3} {
		j := newLedger(t, people("a", n)...)
		no := &asked{}
		work(t, &bulk.Engine{Journal: j, First: 3, GoOn: no.goOn, Targets: []bulk.Target{{Name: "a", Resetter: &system{}}}})
		all(t, j, "done/accepted")
		if no.times != 0 {
			t.Errorf("with %d rows it was asked", n)
		}
	}
}

func TestACanaryThatNobodyCanBeAskedAboutHalts(t *testing.T) {
	s := &system{}
	j := newLedger(t, people("a", 5)...)
	canaryOf(t, &bulk.Engine{Journal: j, First: 2, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
	if got := s.taken(); !slices.Equal(got, []string{"p0", "p1"}) {
		t.Errorf("mailed: %v", got)
	}
}

// What counts is what is worked: not who is left out when his turn comes, and
// a row that comes again counts once. However many are worked at a time, and
// whichever is through first, the canary is the same rows.
func TestTheCanaryCountsRowsThatAreWorkedInTheOrderOfTheInput(t *testing.T) {
	for _, concurrency := range []int{1, 2, 8} {
		t.Run(fmt.Sprint(concurrency, " at a time"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &system{answer: func(_ context.Context, id string, nth int) (bool, error) {
					switch {
					case id == "p0" && nth == 1: // it is the slowest, and comes again
						time.Sleep(10 * time.Second)
						return false, throttled(time.Minute, resetter.ScopePerson)
					case id == "p3":
						return false, refusal(resetter.ErrInvalid, nil)
					}
					time.Sleep(time.Second)
					return true, nil
				}}
				j := newLedger(t,
					person("a", "p0@example.com"), person("a", "p0+x@example.com"), // a duplicate
					person("a", "p1@example.com"), person("a", "p1+x@example.com"), // another
					person("a", "p2@example.com"), // denied
					person("a", "p3@example.com"), // refused: that is worked, too
					person("a", "p4@example.com"), person("a", "p5@example.com"), person("a", "p6@example.com"))
				e := &bulk.Engine{Journal: j, AtOnce: true, First: 4, Guards: bulk.Guards{Deny: []string{"p2@example.com"}},
					Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: concurrency}}}
				canaryOf(t, e)
				for i, want := range []string{"done/accepted", "skipped/duplicate", "done/accepted", "skipped/duplicate", "skipped/excluded",
					"failed/invalid", "done/accepted", "pending/halted", "pending/halted"} {
					is(t, results(t, j)[i], want)
				}
				if s.requests["p0"] != 2 || len(s.requests) != 4 {
					t.Errorf("requests: %v", s.requests)
				}
			})
		})
	}
}

func TestACanaryCountsAfreshForWhatIsLeft(t *testing.T) {
	s := &system{}
	j := newLedger(t, people("a", 5)...)
	for _, want := range [][]string{{"p0", "p1"}, {"p2", "p3"}} {
		canaryOf(t, &bulk.Engine{Journal: j, First: 2, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
		if got := s.taken(); !slices.Equal(got, want) {
			t.Errorf("mailed %v, want %v", got, want)
		}
	}
}

func TestTheCanaryKeepsToTheLimit(t *testing.T) {
	s := &system{}
	j := newLedger(t, people("a", 9)...)
	yes := &asked{answer: true}
	work(t, &bulk.Engine{Journal: j, First: 2, Limit: 4, GoOn: yes.goOn, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
	if len(s.order) != 4 || yes.times != 1 {
		t.Errorf("%d requests, asked %d times", len(s.order), yes.times)
	}
	work(t, &bulk.Engine{Journal: j, First: 2, Limit: 6, Targets: []bulk.Target{{Name: "a", Resetter: s}}}) // there is nothing after them
	if len(s.order) != 6 {
		t.Errorf("%d requests", len(s.order))
	}
}

// Who became doubtful as one of the first is not sent once more as one of the
// others: that is not what the operator's word was about.
func TestWhoBecomesDoubtfulInTheCanaryIsNotSentOnceMore(t *testing.T) {
	for _, first := range []int{1, 2, 3, 4} {
		t.Run(fmt.Sprint("first ", first), func(t *testing.T) {
			lost := func(context.Context, string, int) (bool, error) { return true, refusal(resetter.ErrLostAnswer, nil) }
			s := &system{answer: lost}
			j := newLedger(t, people("a", 6)...)
			target := []bulk.Target{{Name: "a", Resetter: s}}
			work(t, &bulk.Engine{Journal: j, Limit: 2, Targets: target}) // two are in doubt
			yes := &asked{answer: true}
			work(t, &bulk.Engine{Journal: j, ResendUnknown: true, First: first, GoOn: yes.goOn, Targets: target})
			all(t, j, "unknown/lost_answer")
			for id, n := range s.requests {
				if want := map[bool]int{true: 2, false: 1}[id == "p0" || id == "p1"]; n != want {
					t.Errorf("%s was asked for %d times", id, n)
				}
			}
			if yes.times != 1 || !slices.Equal(s.order[2:4], []string{"p0", "p1"}) {
				t.Errorf("asked %d times; %v", yes.times, s.order)
			}
		})
	}
}

func TestOtherGuardsCountTheCanaryAndTheOthersTogether(t *testing.T) {
	s := &system{answer: func(context.Context, string, int) (bool, error) { return false, refusal(resetter.ErrInvalid, nil) }}
	j := newLedger(t, people("a", 10)...)
	yes := &asked{answer: true}
	e := &bulk.Engine{Journal: j, First: 2, GoOn: yes.goOn, Guards: bulk.Guards{MaxFailures: 3}, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
	prepare(t, e)
	var guard *bulk.GuardError
	if _, err := e.Act(t.Context()); !errors.As(err, &guard) || guard.Guard != "max_failures" || len(s.order) != 3 || yes.times != 1 {
		t.Errorf("Act returned %v after %d requests", err, len(s.order))
	}

	j, e.First = newLedger(t, people("a", 10)...), 5
	e.Journal, s.order = j, nil
	prepare(t, e)
	if _, err := e.Act(t.Context()); !errors.As(err, &guard) || guard.Guard != "max_failures" || len(s.order) != 3 || yes.times != 1 {
		t.Errorf("Act returned %v after %d requests, and it was asked", err, len(s.order))
	}
}

func TestACanaryAtATargetThatStopsGoesOnWithTheOtherTargets(t *testing.T) {
	bad := &system{answer: func(context.Context, string, int) (bool, error) {
		stop := refusal(resetter.ErrUnauthorized, nil)
		stop.Stop = true
		return false, stop
	}}
	good := &system{}
	j := newLedger(t, append(people("bad", 5), people("good", 5)...)...)
	yes := &asked{answer: true}
	e := &bulk.Engine{Journal: j, First: 2, GoOn: yes.goOn, Targets: []bulk.Target{{Name: "bad", Resetter: bad}, {Name: "good", Resetter: good}}}
	if summary := work(t, e); summary.Targets[0].Stopped == "" || len(bad.order) != 1 || len(good.order) != 5 || yes.times != 1 {
		t.Errorf("%d and %d requests, asked %d times", len(bad.order), len(good.order), yes.times)
	}

	// With nobody else there, there is nothing to ask about.
	j = newLedger(t, people("bad", 5)...)
	work(t, &bulk.Engine{Journal: j, First: 2, GoOn: yes.goOn, Targets: []bulk.Target{{Name: "bad", Resetter: bad}}})
	if yes.times != 1 {
		t.Error("it was asked")
	}
}

// Who says stop while it is asked, or whose time is up meanwhile, has answered.
func TestWhoStopsOrIsTooLateWhileTheCanaryIsAskedAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{}
		j := newLedger(t, people("a", 5)...)
		ctx, cancel := context.WithCancel(t.Context())
		no := &asked{then: cancel}
		e := &bulk.Engine{Journal: j, First: 1, GoOn: no.goOn, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
		prepare(t, e)
		if _, err := e.Act(ctx); !errors.Is(err, context.Canceled) || errors.As(err, new(*bulk.GuardError)) || len(s.order) != 1 {
			t.Errorf("Act returned %v after %d requests", err, len(s.order))
		}
		is(t, results(t, j)[4], "pending/not_started")

		late := &asked{answer: true, then: func() { time.Sleep(time.Hour) }}
		e.GoOn, e.Deadline = late.goOn, time.Now().Add(time.Minute)
		work(t, e)
		if len(s.order) != 2 || late.times != 1 {
			t.Errorf("%d requests", len(s.order))
		}
		is(t, results(t, j)[4], "pending/not_started")
	})
}

// The first are not through where one of them waits beyond the deadline.
func TestAnUnfinishedCanaryIsNotAskedAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{answer: func(_ context.Context, id string, _ int) (bool, error) {
			if id == "p1" {
				return false, throttled(5*time.Minute, resetter.ScopePerson)
			}
			return true, nil
		}}
		j := newLedger(t, people("a", 5)...)
		yes := &asked{answer: true}
		work(t, &bulk.Engine{Journal: j, First: 2, GoOn: yes.goOn, Deadline: time.Now().Add(time.Minute), Targets: []bulk.Target{{Name: "a", Resetter: s}}})
		if yes.times != 0 || len(s.order) != 2 {
			t.Errorf("asked %d times; %d requests", yes.times, len(s.order))
		}
		is(t, results(t, j)[1], "pending/deferred")
	})
}
