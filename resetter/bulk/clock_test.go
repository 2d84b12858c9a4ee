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

// shifted is a journal whose times are of a clock that is off by so much.
type shifted struct {
	bulk.Journal
	by time.Duration
}

func (s *shifted) Record(ctx context.Context, r bulk.Result) error {
	r.FinishedAt = r.FinishedAt.Add(s.by)
	return s.Journal.Record(ctx, r)
}

func (s *shifted) List(ctx context.Context, target string, stage bulk.Stage, after, n int) ([]bulk.Result, error) {
	list, err := s.Journal.List(ctx, target, stage, after, n)
	for i := range list {
		list[i].AskedAt = list[i].AskedAt.Add(s.by)
	}
	return list, err
}

// A clock that is set back cannot make it look as if a cool-down were over, and
// one that was ahead keeps people from being mailed rather than mail them twice.
func TestAClockThatIsSetBackEndsNoCooldown(t *testing.T) {
	for name, lost := range map[string]bool{"mailed": false, "in doubt": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &system{answer: func(context.Context, string, int) (bool, error) {
					if lost {
						return true, refusal(resetter.ErrLostAnswer, nil)
					}
					return true, nil
				}}
				l := newLedger(t, person("a", "p@example.com"))
				l.twins = true
				j := &shifted{l, 30 * time.Hour} // the clock was 30 hours ahead when it was mailed
				e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Cooldown: time.Hour}}}
				work(t, e)
				again := person("a", "p@example.com")
				again.Seq = 2
				ok(t, j.Add(t.Context(), bulk.Rows(again)))
				work(t, e)
				r := results(t, j)[1]
				is(t, r, "skipped/cooldown")
				if !strings.Contains(r.Detail, "clock") {
					t.Errorf("nothing is said of the clock: %s", r.Detail)
				}
				if s.requests["p"] != 1 {
					t.Errorf("%d requests", s.requests["p"])
				}
			})
		})
	}
}

func TestAClockThatWasSetBackProvesNothingAboutADoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{answer: func(_ context.Context, _ string, nth int) (bool, error) {
			switch nth {
			case 1:
				return false, refusal(resetter.ErrLostAnswer, nil)
			case 2:
				return false, throttled(61*time.Second, resetter.ScopePerson)
			}
			return true, nil
		}}
		j := &shifted{newLedger(t, people("a", 1)...), time.Hour}
		e := &bulk.Engine{Journal: j, ResendUnknown: true, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
		work(t, e)
		work(t, e)
		all(t, j, "done/accepted")
	})
}

// Waits are measured by a clock that nobody can set: the wall's may say what it
// likes meanwhile. A pause that is given as a time of the wall is one too.
func TestAPauseUntilATimeOfTheWallIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		s := &system{answer: func(_ context.Context, _ string, nth int) (bool, error) {
			if nth == 1 {
				e := throttled(10*time.Second, resetter.ScopeTarget).(*resetter.Error)
				e.Until = e.Until.Round(0) // without what Go knows besides
				return false, e
			}
			return true, nil
		}}
		j := newLedger(t, people("a", 1)...)
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
		all(t, j, "done/accepted")
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
