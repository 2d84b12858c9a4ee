package transport

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// A door is where requests leave, one after another: who is in it writes down
// its intent and goes, and nobody follows sooner than the ceiling allows. So
// the ceiling holds in any window, however long an intent takes to be written,
// and at most one intent is older than its request.
type door struct {
	busy  chan struct{} // held by who is in the door
	apart time.Duration // two requests are, at least
	last  time.Time     // when the latest left; belongs to who is in the door
}

func newDoor(ceiling rate.Limit) *door {
	d := &door{busy: make(chan struct{}, 1)}
	if ceiling != rate.Inf {
		d.apart = time.Duration(float64(time.Second) / float64(ceiling))
	}
	return d
}

// enter waits for the door to be free and for the time that the next request
// may leave. Unless it fails, left or back must follow. waits is told how long
// the second takes.
func (d *door) enter(ctx context.Context, waits func(time.Duration)) error {
	select {
	case d.busy <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	next := d.last.Add(d.apart)
	wait := time.Until(next)
	if wait <= 0 {
		return nil
	}
	err := context.DeadlineExceeded
	if !endsBefore(ctx, next) {
		waits(wait)
		err = sleep(ctx, wait)
	}
	if err != nil {
		d.back()
	}
	return err
}

// left lets the next one in: a request is on its way.
func (d *door) left() {
	d.last = time.Now()
	<-d.busy
}

// back lets the next one in: no request left.
func (d *door) back() { <-d.busy }
