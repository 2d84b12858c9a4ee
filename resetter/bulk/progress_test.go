package bulk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// shown is what a screen would show of each target now.
func shown(e *bulk.Engine) string {
	var all []string
	for _, t := range e.Progress().Targets {
		all = append(all, fmt.Sprintf("%s %s: %d looked up, %d to look up, %d to do, %d in flight, %d wait",
			t.Name, t.Phase, t.LookedUp, t.ToLookUp, t.ToDo, t.InFlight, t.Deferred))
	}
	return strings.Join(all, "\n")
}

func shows(t *testing.T, e *bulk.Engine, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := shown(e); got != strings.Join(want, "\n") {
		t.Errorf("shown is\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// takes is a system that takes so long to look somebody up, and to reset.
func takes(lookUp, reset time.Duration) *system {
	return &system{
		resolve: func(_ context.Context, id resetter.Identity) (resetter.Account, error) {
			time.Sleep(lookUp)
			if strings.HasPrefix(id.Value, "nobody") {
				return resetter.Account{}, refusal(resetter.ErrNotFound, nil)
			}
			return account(id.Value), nil
		},
		answer: func(context.Context, string, int) (bool, error) { time.Sleep(reset); return true, nil },
	}
}

func TestAScreenSeesWhatIsLeftOfEachTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := takes(10*time.Second, time.Second), takes(time.Second, 10*time.Second)
		j := newLedger(t, append(append(people("slow", 9), person("slow", "nobody@example.com")), people("quick", 5)...)...)
		e := &bulk.Engine{Journal: j, AtOnce: true, Targets: []bulk.Target{
			{Name: "slow", Resetter: slow, Concurrency: 2}, {Name: "quick", Resetter: quick, Concurrency: 2}}}
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			time.Sleep(500 * time.Millisecond)
			shows(t, e, "slow preparing: 0 looked up, 10 to look up, 10 to do, 2 in flight, 0 wait",
				"quick preparing: 0 looked up, 5 to look up, 5 to do, 2 in flight, 0 wait")
			time.Sleep(time.Second)
			shows(t, e, "slow preparing: 0 looked up, 10 to look up, 10 to do, 2 in flight, 0 wait",
				"quick preparing: 2 looked up, 3 to look up, 5 to do, 2 in flight, 0 wait")
			time.Sleep(12 * time.Second) // 13.5 s
			shows(t, e, "slow preparing: 2 looked up, 8 to look up, 10 to do, 2 in flight, 0 wait",
				"quick acting: 5 looked up, 0 to look up, 3 to do, 2 in flight, 0 wait")
			time.Sleep(38 * time.Second) // 51.5 s
			shows(t, e, "slow acting: 10 looked up, 0 to look up, 7 to do, 2 in flight, 0 wait",
				"quick acting: 5 looked up, 0 to look up, 0 to do, 0 in flight, 0 wait")
		}()
		work(t, e)
		<-watched
	})
}

func TestWhoAnEarlierProcessLookedUpIsNotToLookUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newLedger(t, people("a", 10)...)
		for seq := 1; seq <= 4; seq++ {
			ok(t, j.Resolved(t.Context(), seq, resetter.Account{ID: fmt.Sprintf("p%d", seq-1)}))
		}
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: takes(time.Second, time.Second)}}}
		go func() {
			time.Sleep(1500 * time.Millisecond)
			shows(t, e, "a preparing: 1 looked up, 5 to look up, 10 to do, 1 in flight, 0 wait")
		}()
		work(t, e)
	})
}

func TestWhatTheLimitKeepsBackIsNotLeft(t *testing.T) {
	for _, atOnce := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			j := newLedger(t, append(people("a", 6), people("b", 6)...)...)
			e := &bulk.Engine{Journal: j, Limit: 8, AtOnce: atOnce, Targets: []bulk.Target{
				{Name: "a", Resetter: takes(time.Second, time.Second)}, {Name: "b", Resetter: takes(time.Second, time.Second)}}}
			go func() {
				time.Sleep(500 * time.Millisecond)
				shows(t, e, "a preparing: 0 looked up, 6 to look up, 6 to do, 1 in flight, 0 wait",
					"b preparing: 0 looked up, 2 to look up, 2 to do, 1 in flight, 0 wait")
			}()
			work(t, e)
			for i, left := range []int{0, 0} {
				if got := e.Progress().Targets[i].ToDo; got != left {
					t.Errorf("at the end %d are to do", got)
				}
			}
		})
	}
}

func TestAnIdleTargetHasNothingToDo(t *testing.T) {
	j := newLedger(t, append(people("a", 2), people("b", 3)...)...)
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: &system{}}, {Name: "b", Idle: true}}}
	work(t, e)
	if p := e.Progress().Targets[1]; p.ToDo != 0 || p.Counts[bulk.Pending] != 3 {
		t.Errorf("%+v", p)
	}
}

func TestWhatIsSentOnceMoreIsLeft(t *testing.T) {
	for n, after := range map[int]int{4: 2, 1500: 0} { // that are in doubt, and that are not
		synctest.Test(t, func(t *testing.T) {
			s := takes(0, time.Second)
			j := newLedger(t, people("a", n+after)...)
			for seq := 1; seq <= n; seq++ {
				ok(t, j.Resolved(t.Context(), seq, resetter.Account{ID: fmt.Sprintf("p%d", seq-1)}))
				ok(t, j.Intent(t.Context(), seq, 1))
			}
			_, err := j.Interrupt(t.Context(), "x")
			ok(t, err)
			time.Sleep(2 * bulk.DefaultCooldown)
			e := &bulk.Engine{Journal: j, ResendUnknown: true, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
			go func() {
				time.Sleep(500 * time.Millisecond)
				for i := range 4 {
					shows(t, e, fmt.Sprintf("a acting: 0 looked up, 0 to look up, %d to do, 1 in flight, 0 wait", n+after-i))
					time.Sleep(time.Second)
				}
			}()
			work(t, e)
			all(t, j, "done/accepted")
		})
	}
}

func TestAScreenSeesUntilWhenPeopleWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		s := &system{answer: func(_ context.Context, id string, nth int) (bool, error) {
			if nth > 1 {
				return true, nil
			}
			return false, throttled(map[string]time.Duration{"p0": 90 * time.Second, "p1": time.Minute}[id], resetter.ScopePerson)
		}}
		j := newLedger(t, people("a", 2)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
		go func() {
			time.Sleep(time.Second)
			p := e.Progress().Targets[0]
			if p.Deferred != 2 || !p.DeferredUntil.Equal(begun.Add(90*time.Second)) {
				t.Errorf("%+v", p)
			}
			time.Sleep(90 * time.Second)
			if p := e.Progress().Targets[0]; p.Deferred != 0 || !p.DeferredUntil.IsZero() {
				t.Errorf("at the end: %+v", p)
			}
		}()
		work(t, e)
		time.Sleep(time.Minute)
	})
}

// slowToCheck takes a second to say that all is well.
type slowToCheck struct{ *system }

func (slowToCheck) Check(context.Context) (resetter.Status, error) {
	time.Sleep(time.Second)
	return resetter.Status{}, nil
}

func TestAScreenSeesThatATargetIsSignedInTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &bulk.Engine{Journal: newLedger(t, people("a", 1)...), Targets: []bulk.Target{{Name: "a", Resetter: slowToCheck{takes(time.Second, 0)}}}}
		go func() {
			time.Sleep(500 * time.Millisecond)
			shows(t, e, "a checking: 0 looked up, 0 to look up, 1 to do, 0 in flight, 0 wait")
			time.Sleep(time.Second)
			shows(t, e, "a preparing: 0 looked up, 1 to look up, 1 to do, 1 in flight, 0 wait")
		}()
		work(t, e)
	})
}

// several looks people up together, which takes a second.
type several struct{ *system }

func (several) BatchSize(resetter.IdentityKind) int { return 4 }

func (s several) ResolveBatch(ctx context.Context, ids []resetter.Identity) ([]resetter.Resolution, error) {
	time.Sleep(time.Second)
	found := make([]resetter.Resolution, len(ids))
	for i, id := range ids {
		found[i].Account = account(id.Value)
	}
	return found, nil
}

func TestPeopleWhoAreLookedUpTogetherAreInFlightTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &bulk.Engine{Journal: newLedger(t, people("a", 10)...), Targets: []bulk.Target{{Name: "a", Resetter: several{&system{}}, Concurrency: 2}}}
		go func() {
			time.Sleep(500 * time.Millisecond)
			shows(t, e, "a preparing: 0 looked up, 10 to look up, 10 to do, 8 in flight, 0 wait")
			time.Sleep(time.Second)
			shows(t, e, "a preparing: 8 looked up, 2 to look up, 10 to do, 2 in flight, 0 wait")
		}()
		work(t, e)
	})
}

// slowTwins takes a second to say what else a run does with an account.
type slowTwins struct{ bulk.Journal }

func (s slowTwins) Twin(ctx context.Context, seq int) (bulk.Result, bool, error) {
	time.Sleep(time.Second)
	return s.Journal.Twin(ctx, seq)
}

func TestHowManyWhoWereFoundAreLookedAtIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &bulk.Engine{Journal: slowTwins{newLedger(t, people("a", 100)...)}, Limit: 90, Targets: []bulk.Target{{Name: "a", Resetter: &system{}}}}
		go func() {
			for _, want := range []string{"judging: 0 of 90", "judging: 64 of 90"} {
				time.Sleep(900 * time.Millisecond)
				synctest.Wait()
				p := e.Progress().Targets[0]
				if got := fmt.Sprintf("%s: %d of %d", p.Phase, p.Judged, p.Judged+p.ToJudge); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
		}()
		if would := prepare(t, e).Would(); would != 90 {
			t.Errorf("%d would be done", would)
		}
	})
}
