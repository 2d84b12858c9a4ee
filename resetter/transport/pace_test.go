package transport_test

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"

	"context"
)

// arrivals notes when requests come in.
type arrivals struct {
	mu    sync.Mutex
	times []time.Time
}

func (a *arrivals) note() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times = append(a.times, time.Now())
}

func TestTheCeilingHoldsInEveryWindow(t *testing.T) {
	for _, rate := range []float64{0.5, 4, 10, 100} {
		synctest.Test(t, func(t *testing.T) {
			var seen arrivals
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				seen.note()
				if rand.N(20) == 0 {
					w.WriteHeader(429)
				}
			}).on(t, transport.System{}, transport.WithRate(rate), transport.WithMaxWait(24*time.Hour))
			ctx := resetter.WithBeforeSend(t.Context(), func(context.Context) error {
				time.Sleep(rand.N(3 * time.Second)) // a disk that is slow at times
				return nil
			})
			var wait sync.WaitGroup
			for range 64 {
				wait.Go(func() {
					for range 3 {
						if _, err := do(ctx, c, transport.Send, ""); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wait.Wait()
			for i := range seen.times {
				for j := i + 1; j < len(seen.times); j++ {
					window := seen.times[j].Sub(seen.times[i]).Seconds()
					if n := float64(j - i + 1); n > window*rate+1.0001 {
						t.Fatalf("ceiling %v: %v requests in %v s", rate, n, window)
					}
				}
			}
			if p := c.Pace(); p.Ceiling != rate || p.Rate > rate {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestThePaceStartsLowClimbsAndIsCutOnceAnEpisode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turnAway bool
		var mu sync.Mutex
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if turnAway {
				w.Header().Set("Retry-After", "3")
				w.WriteHeader(429)
			}
		}).on(t, transport.System{}, transport.WithRate(200))
		if p := c.Pace(); p.Rate != 20 || p.Ceiling != 200 {
			t.Errorf("at first %+v", p)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var wait sync.WaitGroup
		for range 32 {
			wait.Go(func() {
				for err := error(nil); err == nil; {
					_, err = do(ctx, c, transport.Send, "")
				}
			})
		}
		wait.Wait()
		high := c.Pace().Rate
		if high < 50 || high > 75 {
			t.Errorf("after 10 s at %v a second", high)
		}
		mu.Lock()
		turnAway = true
		mu.Unlock()
		for range 32 {
			wait.Go(func() { _, _ = do(handedBack(t.Context()), c, transport.Send, "") })
		}
		wait.Wait()
		low := c.Pace().Rate
		if low >= high || low < high/3 {
			t.Errorf("cut from %v to %v", high, low)
		}
	})
}

func TestADeadlineThatThePaceCannotKeepEndsACallAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, func(http.ResponseWriter, *http.Request) {}).on(t, transport.System{}, transport.WithRate(0.1))
		if _, err := do(t.Context(), c, transport.Send, ""); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := do(ctx, c, transport.Send, "")
		if !errorsIsBoth(err, resetter.ErrNotStarted, context.DeadlineExceeded) || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		// Its place in the queue is free again.
		if _, err := do(t.Context(), c, transport.Send, ""); err != nil || time.Since(start) > 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
