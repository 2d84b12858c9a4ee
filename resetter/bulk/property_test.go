package bulk_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

var seeds = flag.Uint64("seeds", 150, "how many random runs are played")

// Whatever the systems answer, whoever cancels and whatever the disk does:
// nobody is mailed twice, done means mailed, failed and pending mean not
// mailed, and every row of the input has exactly one outcome. A failing seed is
// in the name of its subtest, and plays the same answers again.
func TestNobodyIsMailedTwiceAndNoRowIsLost(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { randomRun(t, seed) })
		})
	}
}

// chance is a source that several goroutines share.
type chance struct {
	mu sync.Mutex
	*rand.Rand
}

func (c *chance) below(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.IntN(n)
}

func randomRun(t *testing.T, seed uint64) {
	c := &chance{Rand: rand.New(rand.NewPCG(seed, 1))}
	systems := map[string]*system{}
	var targets []bulk.Target
	var rows []bulk.Row
	for _, name := range []string{"a", "b", "c"} {
		systems[name] = randomSystem(c)
		r := resetter.Resetter(systems[name])
		if c.below(2) == 0 {
			r = &legible{system: systems[name]}
		}
		targets = append(targets, bulk.Target{Name: name, Resetter: r, Concurrency: 1 + c.below(6), MaxWait: 3 * time.Minute})
	}
	for i := range 60 + c.below(60) {
		rows = append(rows, person(targets[c.below(3)].Name, fmt.Sprintf("p%d@example.com", i)))
	}
	j := newLedger(t, rows...)

	var runErr error
	insists := c.below(3) == 0 // somebody wants what is in doubt sent once more
	for round := range 12 {
		broken := round < 4 && c.below(3) == 0
		j.intent = func(int, int) error { return sometimes(c, broken) }
		j.again = j.intent
		j.record = func(bulk.Result) error { return sometimes(c, broken) }
		ctx, cancel := context.WithCancel(t.Context())
		if round < 8 && c.below(2) == 0 {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(c.below(90))*time.Second)
		}
		e := &bulk.Engine{Journal: j, Targets: targets, AtOnce: c.below(2) == 0, ResendUnknown: insists && c.below(3) == 0}
		if c.below(3) == 0 {
			e.Deadline = time.Now().Add(time.Duration(c.below(60)) * time.Second)
		}
		if c.below(3) == 0 {
			e.First, e.GoOn = 1+c.below(10), func(context.Context) bool { return c.below(2) == 0 }
		}
		_, runErr = e.Prepare(ctx)
		if runErr == nil {
			_, runErr = e.Act(ctx)
		}
		if runErr == nil && c.below(2) == 0 {
			_, runErr = e.Reconcile(ctx)
		}
		cancel()
		if runErr != nil && !errors.Is(runErr, errDisk) && !errors.Is(runErr, context.DeadlineExceeded) && !errors.As(runErr, new(*bulk.GuardError)) {
			t.Fatalf("round %d: %v", round, runErr)
		}
		for _, s := range systems {
			if s.now != 0 {
				t.Fatal("a Reset is under way after Act has returned")
			}
		}
	}
	j.intent, j.again, j.record = nil, nil, nil
	if _, err := (&bulk.Engine{Journal: j, Targets: targets}).Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}

	found := results(t, j)
	if len(found) != len(rows) {
		t.Fatalf("%d rows came in and %d came out", len(rows), len(found))
	}
	counts, err := j.Counts(t.Context())
	ok(t, err)
	sum := 0
	for _, byOutcome := range counts {
		for _, n := range byOutcome {
			sum += n
		}
	}
	if sum != len(rows) {
		t.Errorf("the counts add up to %d of %d rows", sum, len(rows))
	}
	for i, r := range found {
		if r.Row.Seq != i+1 {
			t.Errorf("row %d came out as number %d", r.Row.Seq, i+1)
		}
		mails := systems[r.Row.Target].mailed()[r.Account.ID]
		switch {
		case mails > 1 && !insists, mails > r.Attempts:
			t.Errorf("row %d was mailed %d times by %d attempts", r.Row.Seq, mails, r.Attempts)
		case r.Outcome == bulk.Done && mails == 0:
			t.Errorf("row %d is done and was not mailed", r.Row.Seq)
		case (r.Outcome == bulk.Failed || r.Outcome == bulk.Pending || r.Outcome == bulk.Skipped) && mails > 0:
			t.Errorf("row %d is %s (%s) and was mailed", r.Row.Seq, r.Outcome, r.Detail)
		}
	}
}

func sometimes(c *chance, broken bool) error {
	if broken && c.below(20) == 0 {
		return errDisk
	}
	return nil
}

// randomSystem keeps the promises of a Resetter, and none beyond them.
func randomSystem(c *chance) *system {
	s := &system{}
	s.permit = func(ctx context.Context) error {
		select {
		case <-time.After(time.Duration(1+c.below(3000)) * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.answer = func(ctx context.Context, id string, nth int) (bool, error) {
		// An attempt that certainly did not leave may be followed by another.
		for c.below(10) == 0 {
			if err := resetter.BeforeSend(ctx); err != nil {
				return false, refusal(resetter.ErrNotStarted, err)
			}
		}
		time.Sleep(time.Duration(c.below(5000)) * time.Millisecond)
		switch c.below(20) {
		case 0:
			// For the first request somebody else may have mailed the person a
			// moment ago; after that only we can have.
			if nth == 1 || s.mailed()[id] > 0 {
				return false, throttled(61*time.Second, resetter.ScopePerson)
			}
		case 1:
			return false, throttled(time.Duration(c.below(20000))*time.Millisecond, resetter.ScopeTarget)
		case 2:
			return false, refusal(resetter.ErrRejected, nil)
		case 3:
			return false, refusal(resetter.ErrForbidden, nil)
		case 4:
			return c.below(2) == 0, refusal(resetter.ErrLostAnswer, nil)
		case 5:
			return c.below(2) == 0, refusal(resetter.ErrServerError, nil)
		case 6:
			return c.below(2) == 0, errors.New("of another type")
		case 7:
			if c.below(2) == 0 {
				panic("a bug")
			}
		}
		return true, nil
	}
	return s
}
