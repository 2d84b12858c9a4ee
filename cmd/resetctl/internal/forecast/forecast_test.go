package forecast

import (
	"math"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A play is a target as a Gauge sees it, second by second.
type play struct {
	gauge  Gauge
	target bulk.TargetProgress
	pace   resetter.Pace
	now    time.Time
	said   []time.Duration // what was left, after each second; -1 where that was not known
}

func newPlay(phase bulk.Phase, rows int, rate float64) *play {
	p := &play{now: time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC), pace: resetter.Pace{Rate: rate, Ceiling: rate}}
	p.target = bulk.TargetProgress{Phase: phase, ToDo: rows, InFlight: 8}
	if phase == bulk.Preparing {
		p.target.ToLookUp = rows
	}
	p.see()
	return p
}

func (p *play) see() {
	p.gauge.See(p.now, p.target, p.pace)
	lookingUp, acting, ok := p.gauge.Left()
	if !ok {
		lookingUp, acting = -1, 0
	}
	p.said = append(p.said, lookingUp+acting)
}

// second lets one go by in which so many rows were worked.
func (p *play) second(rows int) {
	rows = min(rows, p.target.ToDo)
	p.now = p.now.Add(time.Second)
	p.target.ToDo -= rows
	p.target.InFlight = min(8, p.target.ToDo)
	p.pace.Requests += int64(rows)
	p.see()
}

// pause lets the system be left alone until then.
func (p *play) pause(d time.Duration, kind resetter.Kind) {
	p.target.GatedUntil, p.target.Gate = p.now.Add(d), kind
	p.target.InFlight = 0
	p.said = p.said[:len(p.said)-1]
	p.see() // once more
	for range int(d.Seconds()) {
		p.now = p.now.Add(time.Second)
		p.see()
	}
}

// truth fails t where what was said from a second on is more than a tenth off.
func (p *play) truth(t *testing.T, from int) {
	t.Helper()
	end := p.now
	for i, said := range p.said {
		at := p.said[i:]
		left := time.Duration(len(at)-1) * time.Second
		if i < from || left < 20*time.Second {
			continue
		}
		if off := math.Abs(said.Seconds()/left.Seconds() - 1); said < 0 || off > 0.1 {
			t.Errorf("after %d s %v were said, and %v were left until %s", i, said, left, end.Format(time.TimeOnly))
			return
		}
	}
}

// A system that takes a hundred requests a minute, and then wants to be left
// alone for the rest of it.
func TestPausesThatComeBackAreReckonedWith(t *testing.T) {
	p := newPlay(bulk.Acting, 1500, 10)
	for p.target.ToDo > 0 {
		for range 10 {
			p.second(10)
		}
		p.pace.Throttled++
		p.pace.Requests++
		if p.target.ToDo > 0 {
			p.pause(50*time.Second, resetter.ErrRateLimited)
		}
	}
	p.truth(t, 11)
}

func TestNothingIsDoneBeforeThePauseIsOver(t *testing.T) {
	p := newPlay(bulk.Acting, 105, 10)
	for range 10 {
		p.second(10)
	}
	p.pace.Throttled = 1
	p.target.GatedUntil, p.target.Gate = p.now.Add(20*time.Second), resetter.ErrRateLimited
	p.see()
	if got := p.said[len(p.said)-1]; got < 20*time.Second {
		t.Errorf("%v", got)
	}
}

func TestAPauseAfterALongTimeSaysNothingOfWhatComes(t *testing.T) {
	for _, kind := range []resetter.Kind{resetter.ErrRateLimited, resetter.ErrUnavailable} {
		p := newPlay(bulk.Acting, 6000, 10)
		for range 200 {
			p.second(10)
		}
		from := len(p.said)
		p.pause(5*time.Minute, kind)
		for p.target.ToDo > 0 {
			p.second(10)
		}
		p.truth(t, from)
	}
}

func TestASystemThatCannotBeReachedHasNoRhythm(t *testing.T) {
	p := newPlay(bulk.Acting, 3000, 10)
	for range 20 {
		p.second(10)
	}
	from := len(p.said) + 95
	for range 4 { // what was in flight is tried a few times
		p.second(0)
		p.pace.Requests += 3
	}
	p.pace.GatedUntil = p.now.Add(2 * time.Second) // which is the first that is seen of it
	p.second(0)
	for range 3 { // found out again and again
		p.pause(30*time.Second, resetter.ErrUnavailable)
		p.pace.Requests++
	}
	for p.target.ToDo > 0 {
		p.second(10)
	}
	p.truth(t, from)
}

func TestRowsThatCostNothingMakeNoOtherCheaper(t *testing.T) {
	p := newPlay(bulk.Acting, 3500, 10)
	p.second(0)
	p.target.ToDo -= 500 // at once, since they were done before
	for p.target.ToDo > 0 {
		p.second(10)
	}
	p.truth(t, 30)
}

func TestAPaceThatWasCutDoesNotClimb(t *testing.T) {
	p := newPlay(bulk.Acting, 1000, 5)
	p.pace.Ceiling, p.pace.Throttled = 200, 1
	for p.target.ToDo > 0 {
		p.second(5)
	}
	p.truth(t, 3)
}

func TestNobodyWaitsForWhoAsksNobody(t *testing.T) {
	p := newPlay(bulk.Preparing, 1000, 10)
	for range 10 { // other targets are slower, and this one has nothing to do meanwhile
		p.second(0)
		p.pace.Requests += 10
		p.target.ToLookUp -= 100
	}
	p.target.Phase = bulk.Preparing
	p.target.InFlight = 0
	for range 300 {
		p.now = p.now.Add(time.Second)
		p.see()
	}
	p.target.Phase = bulk.Acting
	p.target.InFlight = 8
	from := len(p.said) + 3
	for p.target.ToDo > 0 {
		p.second(10)
	}
	p.truth(t, from)
}

func TestTimeInWhichNobodyLookedDoesNotCount(t *testing.T) {
	p := newPlay(bulk.Acting, 1000, 10)
	for range 10 {
		p.second(10)
	}
	from := len(p.said) + 1
	p.now = p.now.Add(5 * time.Minute) // somebody is asked whether to go on
	for p.target.ToDo > 0 {
		p.second(10)
	}
	p.truth(t, from)
}

func TestTheLastMinuteIsThatOfThosePeopleWhoWait(t *testing.T) {
	p := newPlay(bulk.Acting, 100, 10)
	for range 9 {
		p.second(10)
	}
	p.target.InFlight, p.target.Deferred, p.target.DeferredUntil = 0, 10, p.now.Add(55*time.Second)
	p.see()
	if got := p.said[len(p.said)-1]; got != 55*time.Second {
		t.Errorf("%v", got)
	}
}

func TestLookUpsAreMeasuredHoweverManyAreMadeAtOnce(t *testing.T) {
	t.Run("a thousand with one request", func(t *testing.T) {
		p := newPlay(bulk.Preparing, 5000, 10)
		p.target.InFlight = 2000
		p.second(0)
		p.pace.Requests += 10
		for range 4 {
			p.second(0)
			p.pace.Requests++
			p.target.ToLookUp -= 1000
			p.target.InFlight = 1000
		}
		p.see()
		lookingUp, acting, ok := p.gauge.Left()
		if !ok || lookingUp > 10*time.Second || acting < 450*time.Second || acting > 550*time.Second {
			t.Errorf("%v, %v, %v", lookingUp, acting, ok)
		}
	})
	t.Run("one with one request, 200 in flight", func(t *testing.T) {
		for _, granted := range []float64{0, 1} {
			p := newPlay(bulk.Preparing, 3000, 10)
			p.gauge.PerLookUp = granted
			for i := range 100 {
				p.now = p.now.Add(time.Second)
				p.pace.Requests += 10
				p.target.InFlight = 200
				if i%20 == 19 {
					p.target.ToLookUp -= 200
				}
				p.see()
				lookingUp, acting, ok := p.gauge.Left()
				switch {
				case granted == 0 && i < 19:
					if ok {
						t.Errorf("after %d s something is said, and nothing is known", i+1)
					}
				case i < 3:
				case !ok:
					t.Errorf("after %d s nothing is said", i+1)
				default:
					left, all := float64(3000-10*(i+1))/10, float64(6000-10*(i+1))/10
					if math.Abs(lookingUp.Seconds()/left-1) > 0.1 || math.Abs((lookingUp+acting).Seconds()/all-1) > 0.1 {
						t.Errorf("granted %v, after %d s: %v and %v, want %v and %v in all", granted, i+1, lookingUp, acting, left, all)
					}
				}
			}
		}
	})
	t.Run("half of them are not found", func(t *testing.T) {
		p := newPlay(bulk.Preparing, 1000, 10)
		for range 40 {
			p.now = p.now.Add(time.Second)
			p.pace.Requests += 10
			p.target.InFlight = 8
			p.target.ToLookUp -= 10
			p.target.ToDo -= 5
			p.see()
		}
		if lookingUp, acting, ok := p.gauge.Left(); !ok || math.Abs(lookingUp.Seconds()-60) > 3 || math.Abs(acting.Seconds()-50) > 3 {
			t.Errorf("%v, %v, %v", lookingUp, acting, ok)
		}
	})
}

func TestNothingIsSaidThatIsNotKnown(t *testing.T) {
	for name, change := range map[string]func(*bulk.TargetProgress){
		"signing in":  func(p *bulk.TargetProgress) { p.Phase = bulk.Checking },
		"reading":     func(p *bulk.TargetProgress) { p.Phase = bulk.Reconciling },
		"stopped":     func(p *bulk.TargetProgress) { p.Stopped = "x" },
		"not weighed": func(p *bulk.TargetProgress) { p.Phase, p.ToLookUp = bulk.Preparing, 0 },
	} {
		p := newPlay(bulk.Acting, 100, 10)
		for range 5 {
			p.second(10)
		}
		change(&p.target)
		p.see()
		if got := p.said[len(p.said)-1]; got >= 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	p := newPlay(bulk.Acting, 100, 10)
	p.second(10)
	if p.said[0] >= 0 || p.said[1] >= 0 || p.gauge.PerSecond() != 0 {
		t.Errorf("within a second: %v", p.said)
	}
}

func TestWhatIsDoneTakesNoTime(t *testing.T) {
	p := newPlay(bulk.Acting, 20, 10)
	p.second(20)
	if p.said[1] != 0 {
		t.Errorf("%v", p.said)
	}
}

func TestAheadReckonsWithTheCeilingAndWithSlowAnswers(t *testing.T) {
	for _, tt := range []struct {
		pace        resetter.Pace
		concurrency int
		want        time.Duration
	}{
		{resetter.Pace{Rate: 10, Ceiling: 10}, 8, 10 * time.Second},
		{resetter.Pace{Rate: 10, Ceiling: 10, Latency: 100 * time.Millisecond}, 8, 10 * time.Second},
		{resetter.Pace{Rate: 10, Ceiling: 10, Latency: 2 * time.Second}, 8, 25 * time.Second},
		{resetter.Pace{Rate: 10, Ceiling: 10, Latency: 2 * time.Second}, 0, 10 * time.Second},
		{resetter.Pace{Rate: 2, Ceiling: 10, Throttled: 3}, 8, 50 * time.Second},
	} {
		if got := Ahead(tt.pace, tt.concurrency, 100); got != tt.want {
			t.Errorf("%+v, %d at a time: %v, want %v", tt.pace, tt.concurrency, got, tt.want)
		}
	}
}
