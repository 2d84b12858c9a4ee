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
	// between shortestPause and a bound that doubles up to longestPause.
	shortestPause = 500 * time.Millisecond
	longestPause  = 30 * time.Second
)

// A gate is closed for every caller of a target at once: because the system
// asked for a pause, or because it cannot be reached. It only says so; waiting
// is the callers' business.
type gate struct {
	mu     sync.Mutex
	until  time.Time     // closed until then
	kind   resetter.Kind // why: ErrRateLimited or ErrUnavailable
	shut   time.Time     // when it was last closed; what was sent before belongs to that episode
	pauses int           // episodes in a row of which the system did not say how long

	failures int  // connections in a row that could not be made
	broken   bool // the breaker is open: after until, one probe
	probing  bool
}

func newGate() *gate { return &gate{} }

// A passage is the gate's answer to who wants to pass.
type passage struct {
	until time.Time     // zero: pass
	kind  resetter.Kind // why not
	probe bool          // see first whether the system is back, then report it
}

func (g *gate) ask() passage {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	switch {
	case now.Before(g.until):
		return passage{until: g.until, kind: g.kind}
	case !g.broken:
		return passage{}
	case g.probing:
		return passage{until: now.Add(shortestPause), kind: resetter.ErrUnavailable}
	default:
		g.probing = true
		return passage{probe: true}
	}
}

func (g *gate) closedUntil() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Now().Before(g.until) {
		return g.until
	}
	return time.Time{}
}

// throttled closes the gate since a request that left at sentAt was turned
// away, for wait or, where that is 0, for a pause of our own choosing. It
// reports whether this opens a new episode: further answers to what was in
// flight when the gate closed say nothing new.
func (g *gate) throttled(sentAt time.Time, wait time.Duration) (until time.Time, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	first = sentAt.After(g.shut)
	if wait == 0 {
		if !first {
			return g.until, false
		}
		wait = pause(g.pauses)
		g.pauses++
	}
	if until = now.Add(wait); until.After(g.until) {
		g.until, g.kind = until, resetter.ErrRateLimited
	}
	if first {
		g.shut = now
	}
	return g.until, first
}

// unreachable notes that a connection could not be made, and reports whether
// the breaker is open now.
func (g *gate) unreachable() (open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures++
	if g.failures < breakAfter {
		return false
	}
	g.breakOpen()
	return true
}

// breakOpen is called with mu held.
func (g *gate) breakOpen() {
	now := time.Now()
	if now.Before(g.until) && g.broken {
		return
	}
	if until := now.Add(pause(g.failures - breakAfter)); until.After(g.until) {
		g.until, g.kind = until, resetter.ErrUnavailable
	}
	g.shut, g.broken = now, true
}

// reached notes that the system answered, whatever it said.
func (g *gate) reached() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures, g.broken, g.probing = 0, false, false
}

// accepted notes that the system took a request that left at sentAt.
func (g *gate) accepted(sentAt time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if sentAt.After(g.shut) {
		g.pauses = 0
	}
}

// probeFailed ends a probe that did not reach the system.
func (g *gate) probeFailed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
	if g.broken {
		g.until = time.Time{}
		g.breakOpen()
	}
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
