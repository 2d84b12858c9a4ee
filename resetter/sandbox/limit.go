package sandbox

import (
	"math"
	"time"
)

// A Limit is how many requests a server admits. It counts every request, of whatever kind, as a
// token bucket. The zero value admits all.
type Limit struct {
	// PerSecond is how many requests are admitted a second, in the long run; 0 is no limit.
	PerSecond float64
	// Burst is how many may come at once after a pause; 0 is one second's worth.
	Burst int
	// RetryAfter has the 429 say, in whole seconds, when the next request will be admitted.
	// Without it the server keeps that to itself.
	RetryAfter bool
	// Block, if not 0, is how long connections are refused once the limit is exceeded, instead of
	// an answer 429: the request that was too many is dropped, see [Server.Outage].
	Block time.Duration
}

// SetLimit replaces the limit; the bucket of the new one is full.
func (s *Server) SetLimit(l Limit) {
	now := s.config.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bucket = bucket{Limit: l, tokens: l.capacity(), at: now}
}

func (l Limit) capacity() float64 {
	if l.Burst > 0 {
		return float64(l.Burst)
	}
	return math.Max(1, math.Ceil(l.PerSecond))
}

type bucket struct {
	Limit
	tokens float64
	at     time.Time
}

// admit takes a token, or says how long it takes until there is one.
func (b *bucket) admit(now time.Time) (admitted bool, wait time.Duration) {
	if b.PerSecond <= 0 {
		return true, 0
	}
	if gone := now.Sub(b.at); gone > 0 {
		b.tokens = math.Min(b.capacity(), b.tokens+gone.Seconds()*b.PerSecond)
		b.at = now
	}
	// A billionth is forgiven: a client that waits exactly as long as told is not early.
	if b.tokens >= 1-1e-9 {
		b.tokens--
		return true, 0
	}
	return false, time.Duration((1 - b.tokens) / b.PerSecond * float64(time.Second))
}
