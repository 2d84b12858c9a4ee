package forecast

import (
	"math"
	"slices"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

const (
	// lately is how far back the speed is measured at least, once there is so
	// much to measure.
	lately = 30
	// soonest is when a speed is known.
	soonest = 2
	// Pauses that the system asks for are a rhythm, and part of its speed, where
	// no more than rhythm goes by from one to the next. Others are an event that
	// says nothing about what comes.
	rhythm = 120
	// More time than that between two looks does not count: nobody was looking,
	// since there was a question to be answered first.
	overlooked = 10 * time.Second
	// apart are two marks while there is no pause, and kept is how long a mark is.
	apart, kept = 5, 600
)

// A speed is how many requests a system takes. Its time is in seconds in which
// there was something to ask: one in which it could not be reached does not
// count, nor does one in which there was nobody to ask about.
type speed struct {
	at      time.Time
	sent    int64 // as of then
	pace    resetter.Pace
	busy    bool
	here    mark
	marks   []mark  // the oldest first
	turn    mark    // the end of the latest pause of a rhythm
	cycle   float64 // from the end of the pause before that one to it; 0: there was none
	lasted  float64 // of that, the pause
	resumed float64 // when the latest pause of any kind ended

	paused bool
	gone   bool // since it cannot be reached
	counts bool // the pause is of a rhythm
	since  time.Time
	until  time.Time
}

// A mark is how far a speed had come.
type mark struct {
	time    float64
	offered float64 // requests that the pace would have let go in that time
	useful  float64 // requests that were let in
	pause   bool    // a pause of a rhythm ended here
}

// see takes in how things are at a time. busy says that something is being
// asked, and until is the end of a pause.
func (s *speed) see(at time.Time, pace resetter.Pace, busy bool, until time.Time, kind resetter.Kind) {
	sent := pace.Requests - pace.Throttled
	if s.at.IsZero() {
		s.at, s.sent, s.marks = at, sent, []mark{{}}
	}
	s.advance(at, sent, s.busy || busy)
	if s.paused && !until.After(at) {
		s.resume(s.until.Sub(s.since).Seconds())
	}
	if until.After(at) {
		s.pause(at, kind)
		s.until = until
	}
	if !s.paused && s.here.time-s.marks[len(s.marks)-1].time >= apart {
		s.marks = append(s.marks, s.here)
	}
	for len(s.marks) > 1 && s.here.time-s.marks[1].time > kept {
		s.marks = s.marks[1:]
	}
	s.at, s.sent, s.pace, s.busy = at, sent, pace, busy
}

func (s *speed) advance(at time.Time, sent int64, busy bool) {
	span, pause := at.Sub(s.at), time.Duration(0)
	if s.paused {
		pause = min(span, max(0, s.until.Sub(s.at)))
	}
	if span -= pause; !busy {
		span = 0
	}
	if s.counts {
		span += pause
	}
	if span <= 0 || span > overlooked {
		return
	}
	s.here.time += span.Seconds()
	s.here.offered += span.Seconds() * s.pace.Rate
	s.here.useful += float64(sent - s.sent)
}

func (s *speed) pause(at time.Time, kind resetter.Kind) {
	if !s.paused {
		s.paused, s.since, s.counts = true, at, s.here.time-s.resumed < rhythm
	}
	if kind == resetter.ErrUnavailable && !s.gone {
		s.gone, s.counts = true, false
		s.here = s.marks[len(s.marks)-1] // what came after was spent on finding that out
		s.here.pause = false
	}
}

func (s *speed) resume(lasted float64) {
	if s.paused, s.gone = false, false; s.counts {
		// Only whole turns say anything from now on.
		s.marks = slices.DeleteFunc(s.marks, func(m mark) bool { return !m.pause && m.time > s.turn.time })
		s.turn, s.cycle, s.lasted = s.here, s.here.time-s.resumed, lasted
		s.turn.pause = true
		s.marks = append(s.marks, s.turn)
	}
	s.resumed, s.counts = s.here.time, false
}

// window is the time that tells how fast the system is now.
func (s *speed) window() (from, to mark) {
	to = s.here
	switch {
	case s.paused && s.counts: // as if it were over
		ahead := s.until.Sub(s.at).Seconds()
		to.time += ahead
		to.offered += ahead * s.pace.Rate
	case s.here.time-s.turn.time <= s.cycle:
		to = s.turn
	}
	from = s.marks[0]
	for _, m := range s.marks {
		if to.time-m.time >= lately && (m.pause || !s.counts) {
			from = m
		}
	}
	return from, to
}

// rest is what a pause adds to the time that requests take. Those of a rhythm
// are reckoned with already, as if there were a part of one for each request.
// There it is what has gone by of this one, or what is not due yet of the next.
func (s *speed) rest() time.Duration {
	between := s.cycle - s.lasted
	switch gone := s.here.time - s.turn.time; {
	case s.paused && s.counts:
		return s.since.Sub(s.at)
	case s.paused:
		return s.until.Sub(s.at)
	case gone < between:
		return -time.Duration(s.lasted * (1 - gone/between) * float64(time.Second))
	}
	return 0
}

// known reports whether there is a speed yet.
func (s *speed) known() bool {
	return s.here.time >= soonest && s.perSecond() > 0
}

// perSecond is how many requests go through in a second.
func (s *speed) perSecond() float64 {
	from, to := s.window()
	if to.time <= from.time {
		return 0
	}
	return (to.useful - from.useful) / (to.time - from.time)
}

// wouldTake is how long so many requests of another kind will take, which may
// be answered more quickly, or less.
func (s *speed) wouldTake(requests float64) time.Duration {
	if s.pace.Throttled > 0 {
		return s.takes(requests)
	}
	return transport.Forecast(s.pace, requests)
}

// takes is how long so many requests take, of the kind that was seen.
func (s *speed) takes(requests float64) time.Duration {
	from, to := s.window()
	used := 1.0
	if to.offered > from.offered {
		used = min(1, (to.useful-from.useful)/(to.offered-from.offered))
	}
	if s.pace.Throttled == 0 && used > 0.9 { // what comes is as fast as the pace, which may still climb
		return transport.Forecast(resetter.Pace{Rate: s.pace.Rate * used, Ceiling: s.pace.Ceiling * used}, requests)
	}
	perSecond := s.perSecond()
	if s.pace.Throttled == 0 {
		perSecond = s.pace.Rate * used
	}
	return time.Duration(min(requests/perSecond, math.MaxInt32) * float64(time.Second))
}
