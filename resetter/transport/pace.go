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
	slowStart    rate.Limit = 20   // requests a second to begin with
	climb        rate.Limit = 5    // more a second for each second without objection
	creep        rate.Limit = 0.05 // the same, once the system has objected
	slowest      rate.Limit = 0.5  // the pace is never cut below it
	admittedOver            = 2 * time.Second
)

// A pace lets requests go one at a time, evenly spaced, in two steps: permit
// is the pace that was found, ceiling the one that was configured. The second
// comes last of all, so that requests which were held up between the two do
// not leave in a bunch.
type pace struct {
	permit, ceiling *rate.Limiter

	mu        sync.Mutex
	objected  bool // the system has turned a request away
	raised    time.Time
	admitted  []time.Time // when the latest requests that were let in had left
	requests  int64
	throttled int64
}

func newPace(limit rate.Limit) *pace {
	return &pace{
		permit:  rate.NewLimiter(min(limit, slowStart), 1),
		ceiling: rate.NewLimiter(limit, 1),
	}
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
// raises the pace where it is time to. Only a pace that is used is raised.
func (p *pace) letIn(sentAt time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.admitted = append(p.admitted, sentAt)
	p.forget(now)
	elapsed := now.Sub(p.raised)
	if elapsed < time.Second {
		return
	}
	p.raised = now
	present := p.permit.Limit()
	if float64(present) > 2*float64(len(p.admitted))/admittedOver.Seconds()+1 {
		return
	}
	step := climb
	if p.objected {
		step = creep
	}
	p.permit.SetLimit(min(p.ceiling.Limit(), present+step))
}

// turnedAway counts a throttled request; the first of an episode cuts the pace
// to what was admitted of late.
func (p *pace) turnedAway(first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.throttled++
	if !first {
		return
	}
	now := time.Now()
	p.forget(now)
	present := p.permit.Limit()
	cut := present / 2
	if n := len(p.admitted); n > 1 {
		if span := now.Sub(p.admitted[0]).Seconds(); span > 0.5 {
			cut = rate.Limit(float64(n) / span)
		}
	}
	p.objected, p.raised = true, now
	p.permit.SetLimit(max(min(slowest, present), min(cut, present*0.95)))
}

// forget is called with mu held.
func (p *pace) forget(now time.Time) {
	i := 0
	for i < len(p.admitted) && now.Sub(p.admitted[i]) > admittedOver {
		i++
	}
	p.admitted = p.admitted[i:]
}

func (p *pace) snapshot() resetter.Pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	return resetter.Pace{
		Rate:      perSecond(p.permit.Limit()),
		Ceiling:   perSecond(p.ceiling.Limit()),
		Requests:  p.requests,
		Throttled: p.throttled,
	}
}

func perSecond(l rate.Limit) float64 {
	if l == rate.Inf {
		return math.Inf(1)
	}
	return float64(l)
}
