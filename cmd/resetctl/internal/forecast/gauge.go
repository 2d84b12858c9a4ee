package forecast

import (
	"math"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// A Gauge watches one target of a run and says how long it still takes. It
// wants to see it about every second, or more often.
type Gauge struct {
	// PerRow is how many requests a row takes to be worked, until that is
	// measured; 0 means 1.
	PerRow float64
	// PerLookUp is how many it takes to look somebody up, until that is measured;
	// 0 where that is not known.
	PerLookUp float64
	// Concurrency is how many rows are worked at a time; 0 where that is not
	// known.
	Concurrency int

	at      time.Time
	target  bulk.TargetProgress
	pace    resetter.Pace
	speed   speed
	lookUps lookUps
	acts    acts
}

// See takes in how far the target is.
func (g *Gauge) See(at time.Time, t bulk.TargetProgress, pace resetter.Pace) {
	until, kind := t.GatedUntil, t.Gate
	if !until.After(at) {
		until, kind = pace.GatedUntil, resetter.ErrRateLimited
	}
	g.speed.see(at, within(pace, g.Concurrency), t.InFlight > 0, until, kind)
	sent := float64(pace.Requests - pace.Throttled)
	switch t.Phase {
	case bulk.Preparing:
		g.lookUps.see(t, sent)
	case bulk.Acting:
		if g.acts.granted == 0 {
			g.acts = acts{granted: g.perRow(), toDo: t.ToDo, sent: sent}
		}
		g.acts.see(t.ToDo, sent)
		if kind == resetter.ErrUnavailable && until.After(at) { // what was spent on finding that out led to nothing
			g.acts.sent = sent
		}
	}
	g.at, g.target, g.pace = at, t, pace
}

func (g *Gauge) perRow() float64 {
	if g.PerRow == 0 {
		return 1
	}
	return g.PerRow
}

// PerSecond is how many requests go through in a second, of late; 0 where that
// is not known yet.
func (g *Gauge) PerSecond() float64 {
	if !g.speed.known() {
		return 0
	}
	return g.speed.perSecond()
}

// Left is how long the target still takes to look people up, and to work rows
// after that. ok is false where that cannot be told (yet).
func (g *Gauge) Left() (lookingUp, acting time.Duration, ok bool) {
	t := g.target
	pause, least := g.speed.rest(), g.speed.until.Sub(g.at)
	switch {
	case t.Stopped != "":
		return 0, 0, false
	case t.ToDo == 0 && (t.Phase == bulk.Acting || t.Phase == bulk.Preparing && g.lookUps.begun):
		return 0, 0, true
	case !g.speed.known():
		return 0, 0, false
	}
	switch t.Phase {
	case bulk.Acting:
		left := pause + g.speed.takes(g.acts.perRow()*float64(t.ToDo))
		return 0, max(left, least, t.DeferredUntil.Sub(g.at)), true
	case bulk.Preparing:
		requests, known := g.lookUps.left(t, g.PerLookUp)
		if !known {
			return 0, 0, false
		}
		lookingUp = g.speed.takes(requests)
		acting = g.speed.wouldTake(g.lookUps.rows(t) * g.perRow())
		if t.ToLookUp == 0 {
			return 0, max(pause+acting, least), true
		}
		return max(pause+lookingUp, least), acting, true
	}
	return 0, 0, false
}

// lookUps measures what looking somebody up takes. One request may be about
// many people and one batch of people may take many requests, and what the
// people in flight have taken so far is not known. But it cannot be more than
// if nothing were left to ask about them, nor less than if nobody had been asked
// about: the true number is between the bounds at all times.
type lookUps struct {
	begun     bool
	sent      float64 // before the first
	rows0     int     // to look up at first
	toDo0     int     // to do at first
	low, high float64 // bounds of requests for each row
	spent     float64
}

// unseen is how many requests may have left between two looks: nothing is known
// to one.
const unseen = 10

func (l *lookUps) see(t bulk.TargetProgress, sent float64) {
	if !l.begun {
		if t.ToLookUp == 0 {
			return
		}
		*l = lookUps{begun: true, sent: sent, rows0: t.ToLookUp, toDo0: t.ToDo, high: math.Inf(1)}
	}
	l.spent = sent - l.sent
	done := float64(l.rows0 - t.ToLookUp)
	if done+float64(t.InFlight) == 0 {
		return
	}
	low, high := max(l.spent-unseen, l.spent/2)/(done+float64(t.InFlight)), (l.spent+unseen)/done
	// Where new bounds contradict the old ones, people are not alike: the new count.
	l.low, l.high = min(max(l.low, low), high), max(min(l.high, high), low)
}

// left is how many requests the look-ups still take, granted for each row until
// one is through.
func (l *lookUps) left(t bulk.TargetProgress, granted float64) (requests float64, known bool) {
	perRow := max(granted, l.low)
	switch {
	case t.ToLookUp == 0 && l.begun:
		return 0, true
	case !l.begun || l.low <= 0 || math.IsInf(l.high, 1) && granted == 0:
		return 0, false
	case !math.IsInf(l.high, 1):
		perRow = 2 / (1/l.low + 1/l.high)
	}
	return max(perRow*float64(l.rows0)-l.spent, perRow*float64(t.ToLookUp-t.InFlight)), true
}

// rows is how many rows will be left to work, if as many of those that are still
// to be looked up are found as of the others.
func (l *lookUps) rows(t bulk.TargetProgress) float64 {
	lookedUp := l.rows0 - t.ToLookUp
	if lookedUp <= 0 {
		return float64(t.ToDo)
	}
	found := 1 - float64(l.toDo0-t.ToDo)/float64(lookedUp)
	return float64(t.ToDo-t.ToLookUp) + max(0, found)*float64(t.ToLookUp)
}

// acts measures what working a row takes, of the latest rows above all.
type acts struct {
	granted        float64 // for each row, at first
	toDo           int     // when a row was last through
	sent           float64 // as of then
	requests, rows float64
}

const (
	firstRows = 20  // that many rows have what is granted at first
	halved    = 100 // rows after which what was before counts half
)

func (a *acts) see(toDo int, sent float64) {
	n := float64(a.toDo - toDo)
	if n <= 0 {
		return
	}
	fade := math.Pow(0.5, n/halved)
	share := (1 - fade) * halved / math.Ln2 / n // of many at once the last ones count more, too
	a.requests, a.rows = a.requests*fade+(sent-a.sent)*share, a.rows*fade+n*share
	a.toDo, a.sent = toDo, sent
}

// perRow is how many requests a row takes.
func (a *acts) perRow() float64 {
	return (a.requests + firstRows*a.granted) / (a.rows + firstRows)
}
