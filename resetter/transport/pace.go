package transport

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"golang.org/x/time/rate"
)

// The pace of a target begins low, climbs until the system objects, falls to
// what it really admitted and from then on creeps.
const (
	slowStart rate.Limit = 20   // requests a second to begin with
	climb     rate.Limit = 5    // more a second for each second without objection
	creep     rate.Limit = 0.08 // the same, once the system has objected
	slowest   rate.Limit = 0.5  // the pace is never cut below it

	// Where the pace is slow, it creeps by this part of itself a second.
	creepPart = 0.003
	// undercut keeps a limit that was met exactly from being met again at once.
	undercut = 0.97
	// No objection after the first cuts the pace by more than this: deep, where
	// it comes soon after the last, and shallow, where the pace went well for a
	// while and cannot be far from right.
	deep, shallow = 0.85, 0.95
	awhile        = 3 * time.Second
)

// A pace is how fast a target is asked: permit is the pace that was found, and
// limit the configured one, a ceiling that the door at the end of the way keeps
// for certain (door.go).
type pace struct {
	permit *rate.Limiter
	limit  rate.Limit

	mu        sync.Mutex
	raised    time.Time
	lately    []time.Time // see remember
	objected  time.Time   // when the system began to object, the last time
	since     int         // requests that were let in after that
	requests  int64
	throttled int64
	latency   time.Duration // the shortest time to an answer; 0 before the first
}

func newPace(limit rate.Limit) *pace {
	return &pace{permit: rate.NewLimiter(min(limit, slowStart), 1), limit: limit}
}

// wait returns when l lets the next request go, or at once with an error if ctx
// ends before. sleeps is told how long it will be.
func wait(ctx context.Context, l *rate.Limiter, sleeps func(time.Duration)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	turn := l.Reserve()
	d := turn.Delay()
	if d == 0 {
		return nil
	}
	err := context.DeadlineExceeded
	if !endsBefore(ctx, time.Now().Add(d)) {
		sleeps(d)
		err = sleep(ctx, d)
	}
	if err != nil {
		turn.Cancel()
	}
	return err
}

func (p *pace) sent() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	if p.raised.IsZero() {
		p.raised = time.Now()
	}
}

// letIn notes that a request which left at sentAt was not turned away, and
// raises the pace where it is time to, and reports whether it did. Only a pace
// that is used is raised.
func (p *pace) letIn(sentAt time.Time) (raised bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if took := now.Sub(sentAt); p.latency == 0 || took < p.latency {
		p.latency = took
	}
	p.since++
	p.remember(sentAt)
	if now.Sub(p.raised) < time.Second {
		return false
	}
	p.raised = now
	present := p.permit.Limit()
	if float64(present) > 2*float64(len(p.lately))+1 {
		return false
	}
	step := climb
	if !p.objected.IsZero() {
		step = min(creep, present*creepPart)
	}
	p.permit.SetLimit(min(p.limit, present+step))
	return p.permit.Limit() > present
}

// turnedAway counts a throttled request; the first of an episode cuts the pace
// to what the system really admits. The first time, that is what it let in
// during a second. Later it is what it let in since it last objected, the pause
// included: exact where the system saves up for us while we pause, and too low
// where it does not, so that the cut is bounded. It reports whether it cut.
func (p *pace) turnedAway(first bool) (cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.throttled++
	if !first || !p.objected.IsZero() && p.since == 0 {
		return false // nothing was let in since: it is still the same objection
	}
	now := time.Now()
	present := p.permit.Limit()
	var to rate.Limit
	if p.objected.IsZero() {
		// Half at least: whatever came in the first moments says little.
		to = max(rate.Limit(len(p.lately))*undercut, present/2)
		if present > slowStart {
			// It was the last step that was too much, if not all of it.
			to = max(to, present-climb/2)
		}
	} else {
		elapsed, bound := now.Sub(p.objected), rate.Limit(deep)
		if elapsed > awhile {
			bound = shallow
		}
		to = max(rate.Limit(float64(p.since)/elapsed.Seconds()), present*bound)
	}
	p.objected, p.since, p.raised = now, 0, now
	p.permit.SetLimit(max(min(slowest, present), min(to, present*undercut)))
	return true
}

// remember keeps when the requests left that were let in within a second of
// the latest of them.
func (p *pace) remember(sentAt time.Time) {
	p.lately = append(p.lately, sentAt)
	i := 0
	for i < len(p.lately) && sentAt.Sub(p.lately[i]) >= time.Second {
		i++
	}
	p.lately = p.lately[i:]
}

func (p *pace) snapshot() resetter.Pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	return resetter.Pace{
		Rate:      perSecond(p.permit.Limit()),
		Ceiling:   perSecond(p.limit),
		Requests:  p.requests,
		Throttled: p.throttled,
		Latency:   p.latency,
	}
}

func perSecond(l rate.Limit) float64 {
	if l == rate.Inf {
		return math.Inf(1)
	}
	return float64(l)
}
