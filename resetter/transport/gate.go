package transport

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

const (
	// breakAfter connections in a row that could not be made, nobody tries
	// another but for one harmless read now and then.
	breakAfter = 5
	// A pause of which the system did not say how long it should be is random
	// between shortestPause and a bound that doubles up to longestPause. Who says
	// less than shortestPause has said nothing.
	shortestPause = 500 * time.Millisecond
	longestPause  = 30 * time.Second
	// blockRest is what a system that blocks addresses gets on top before it is
	// probed: trying again extends the block.
	blockRest = 5 * time.Second
)

// A gate is closed for every caller of a target at once: because the system
// asked for a pause, or because it cannot be reached. It only says so; waiting
// is the callers' business.
type gate struct {
	mu sync.Mutex

	until  time.Time     // a pause that the system asked for
	kind   resetter.Kind // and why: ErrRateLimited or ErrUnavailable
	guess  bool          // the system did not say until when
	shut   time.Time     // when that was last begun; what was sent before belongs to the same episode
	pauses int           // episodes in a row of which the system did not say how long

	failures int           // connections in a row that could not be made
	failed   time.Time     // the latest of them
	why      error         // of the latest of them
	broken   bool          // the breaker is open: nobody passes
	retryAt  time.Time     // when it may be probed
	outages  int           // times in a row that it was opened, or a probe failed
	probes   int           // begun so far
	probing  int           // the number of the one that is to find out; 0: none
	rest     time.Duration // added to each wait for the next probe
}

func newGate(rest time.Duration) *gate { return &gate{rest: rest} }

// A passage is the gate's answer to who wants to pass.
type passage struct {
	until time.Time     // zero: pass
	guess bool          // until is not the system's word
	kind  resetter.Kind // why not
	why   error         // of ErrUnavailable, may be nil
	probe int           // not 0: see first whether the system is back, then report it by this number
}

func (g *gate) ask() passage {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	switch {
	case now.Before(g.until):
		return g.pause()
	case !g.broken:
		return passage{}
	case g.probing > 0:
		return passage{until: now.Add(shortestPause), guess: true, kind: resetter.ErrUnavailable, why: g.why}
	case now.Before(g.retryAt):
		return passage{until: g.retryAt, guess: true, kind: resetter.ErrUnavailable, why: g.why}
	default:
		g.probes++
		g.probing = g.probes
		return passage{probe: g.probing}
	}
}

// closed reports whether who passed before must ask again.
func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.broken || time.Now().Before(g.until)
}

// closedUntil is when there is any point in asking again; zero: now.
func (g *gate) closedUntil() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	until := g.until
	if g.broken && g.retryAt.After(until) {
		until = g.retryAt
	}
	if time.Now().Before(until) {
		return until
	}
	return time.Time{}
}

// tryAgain is when to come back to a system that cannot be reached.
func (g *gate) tryAgain() time.Time {
	if until := g.closedUntil(); !until.IsZero() {
		return until
	}
	return time.Now().Add(shortestPause) // somebody is about to find out
}

// throttled closes the gate since a request that left at sentAt was turned
// away, for wait or, where that is next to nothing, for a pause of our own. It
// reports whether this opens a new episode: further answers to what was in
// flight when the gate closed say nothing new.
func (g *gate) throttled(sentAt time.Time, wait time.Duration, kind resetter.Kind) (closed passage, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	first = sentAt.After(g.shut)
	guess := wait < shortestPause
	if guess {
		if !first {
			return g.pause(), false
		}
		wait = pause(g.pauses)
		g.pauses++
	}
	if until := now.Add(wait); until.After(g.until) {
		g.until, g.kind, g.guess = until, kind, guess
	}
	if first {
		g.shut = now
	}
	return g.pause(), first
}

// pause is that which the system asked for. Called with mu held.
func (g *gate) pause() passage { return passage{until: g.until, guess: g.guess, kind: g.kind} }

// accepted notes that the system took a request that left at sentAt.
func (g *gate) accepted(sentAt time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if sentAt.After(g.shut) {
		g.pauses = 0
	}
}

// unreachable notes that a connection could not be made, and why. It reports
// whether the breaker is open now, and whether this opened it.
func (g *gate) unreachable(why error) (open, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures++
	g.failed, g.why = time.Now(), why
	if g.broken || g.failures < breakAfter {
		return g.broken, false
	}
	g.broken = true
	g.leaveAlone()
	return true, true
}

// reached notes that the system could be reached at that time, and reports
// whether this closed the breaker. What was reached before the latest failure
// says nothing.
func (g *gate) reached(at time.Time) (closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at.Before(g.failed) {
		return false
	}
	closed = g.broken
	// Nor is there anything to find out any more. A probe that goes on, since its
	// answer does not come, must not keep the next outage from being probed.
	g.failures, g.outages, g.why, g.broken, g.probing = 0, 0, nil, false, 0
	return closed
}

// probed ends what ask began with passage.probe. A probe that reached the
// system has closed the breaker already; one that its caller gave up says
// nothing.
func (g *gate) probed(number int, givenUp bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.probing != number {
		return
	}
	g.probing = 0
	if g.broken && !givenUp {
		g.leaveAlone()
	}
}

// letTry ends a probe where there is nothing to probe with: all may try, and
// the first who fails opens the breaker again.
func (g *gate) letTry() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing, g.broken, g.failures = 0, false, breakAfter-1
}

// leaveAlone puts the next probe off. Called with mu held.
func (g *gate) leaveAlone() {
	g.retryAt = time.Now().Add(g.rest + pause(g.outages))
	g.outages++
}

// pause draws the n-th pause in a row, from 0: full jitter, so that callers
// on other machines do not come back in step.
func pause(n int) time.Duration {
	bound := longestPause
	if n < 6 {
		bound = min(longestPause, shortestPause<<(n+1))
	}
	return shortestPause + rand.N(bound-shortestPause+1)
}
