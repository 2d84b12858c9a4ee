// Package forecast says when a run will be done: before it begins, from what it
// is going to ask for ([Ahead]), and while it is under way, from what it has
// come to so far ([Gauge]).
//
// Both reckon in requests, since that is what a system admits so many of. How
// many a row takes is measured, and so is how fast they go: a ceiling that the
// configuration sets, a limit that the system has, answers that are slow and
// pauses that come back all look the same from here.
package forecast

import (
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// Ahead is how long a target takes for so many requests from pace on, of which
// concurrency are under way at a time.
func Ahead(pace resetter.Pace, concurrency int, requests float64) time.Duration {
	return transport.Forecast(within(pace, concurrency), requests)
}

// within lowers the ceiling to what so many callers come to where each of them
// waits for its answer.
func within(pace resetter.Pace, concurrency int) resetter.Pace {
	if pace.Latency > 0 && concurrency > 0 {
		pace.Ceiling = min(pace.Ceiling, float64(concurrency)/pace.Latency.Seconds())
	}
	return pace
}
