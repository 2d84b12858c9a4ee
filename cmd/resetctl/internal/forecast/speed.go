package forecast

import (
	"math"
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
	useful  float64 // requests that were let in while there was something to ask
	here    mark
	marks   []mark  // the oldest first
	cycle   float64 // from the end of the pause before the latest to the end of that; 0: there was none
	resumed float64 // when the latest pause of any kind ended

	paused bool
	counts bool // the pause is of a rhythm
	until  time.Time
}

// A mark is how far a speed had come.
type mark struct {
	time    float64
	offered float64 // requests that the pace would have let go in that time
	useful  float64 // requests that were let in
	pause   bool    // a pause of a rhythm ended here
}

// see takes in how things are at a time. busy says that there was something to
// ask since, and until is the end of a pause.
func (s *speed) see(at time.Time, pace resetter.Pace, busy bool, until time.Time, kind resetter.Kind) {
	sent := pace.Requests - pace.Throttled
	if s.at.IsZero() {
		s.at, s.sent, s.marks = at, sent, []mark{{}}
	}
	s.advance(at, sent)
	if s.paused && !until.After(at) {
		s.resume()
	}
	if until.After(at) {
		if !s.paused {
			s.pause(kind)
		}
		s.counts = s.counts && kind != resetter.ErrUnavailable
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

func (s *speed) advance(at time.Time, sent int64) {
	span, pause := at.Sub(s.at), time.Duration(0)
	if s.paused {
		pause = min(span, max(0, s.until.Sub(s.at)))
	}
	if span -= pause; !s.busy {
		span = 0
	}
	if s.counts {
		span += pause
	}
	if span <= 0 {
		return
	}
	s.here.time += span.Seconds()
	s.here.offered += span.Seconds() * s.pace.Rate
	s.here.useful += float64(sent - s.sent)
	s.useful += float64(sent - s.sent)
}

func (s *speed) pause(kind resetter.Kind) {
	s.paused = true
	s.counts = kind != resetter.ErrUnavailable && s.here.time-s.resumed < rhythm
	switch last := len(s.marks) - 1; {
	case kind == resetter.ErrUnavailable: // the last seconds were spent on finding that out
		s.here = s.marks[last]
		s.here.pause = false
	case s.counts: // only whole turns say anything from now on
		for ; last > 0 && !s.marks[last].pause; last-- {
			s.marks = s.marks[:last]
		}
	}
}

func (s *speed) resume() {
	if s.paused = false; s.counts {
		end := s.here
		end.pause = true
		s.cycle = end.time - s.resumed
		s.marks = append(s.marks, end)
	}
	s.resumed, s.counts = s.here.time, false
}

// window is the time that tells how fast the system is now.
func (s *speed) window() (from, to mark) {
	to = s.here
	switch last := s.marks[len(s.marks)-1]; {
	case s.paused && s.counts: // as if it were over
		ahead := s.until.Sub(s.at).Seconds()
		to.time += ahead
		to.offered += ahead * s.pace.Rate
	case last.pause && s.here.time-last.time <= s.cycle:
		to = last
	}
	from = s.marks[0]
	for _, m := range s.marks {
		if to.time-m.time >= lately {
			from = m
		}
	}
	return from, to
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

// takes is how long so many requests take.
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
