package transport_test

import (
	"context"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// What is forecast of a pace is what a client then takes.
func TestAForecastIsWhatAClientTakes(t *testing.T) {
	for _, tt := range []struct {
		ceiling  float64
		requests int
	}{{4, 100}, {10, 300}, {20, 300}, {25, 600}, {200, 3000}, {200, 500}, {math.Inf(1), 4000}} {
		synctest.Test(t, func(t *testing.T) {
			c := serve(t, func(http.ResponseWriter, *http.Request) {}).on(t, transport.System{}, transport.WithRate(tt.ceiling))
			if at, said := c.Pace(), transport.Outset(tt.ceiling); at != said {
				t.Errorf("a new client has %+v, want %+v", at, said)
			}
			half := tt.requests / 2
			whole, begun := transport.Forecast(transport.Outset(tt.ceiling), float64(tt.requests)), time.Now()
			send(t, c, half)
			rest, between := transport.Forecast(c.Pace(), float64(tt.requests-half)), time.Now()
			send(t, c, tt.requests-half)
			for _, forecast := range []struct{ said, took time.Duration }{{whole, time.Since(begun)}, {rest, time.Since(between)}} {
				if off := math.Abs(forecast.said.Seconds()/forecast.took.Seconds() - 1); off > 0.05 {
					t.Errorf("%d requests under %v: %v was forecast, and it took %v", tt.requests, tt.ceiling, forecast.said, forecast.took)
				}
			}
		})
	}
}

// send sends n requests, eight at a time.
func send(t *testing.T, c *transport.Client, n int) {
	var all sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	for range 8 {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := do(context.WithoutCancel(t.Context()), c, transport.Send, ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestAForecastDoesNotClimbOnceTheSystemHasObjected(t *testing.T) {
	p := resetter.Pace{Rate: 5, Ceiling: 200, Throttled: 1}
	if got := transport.Forecast(p, 500); got != 100*time.Second {
		t.Errorf("%v", got)
	}
	if got := transport.Forecast(resetter.Pace{Rate: 20, Ceiling: 5}, 100); got != 20*time.Second {
		t.Errorf("under a lower ceiling %v", got)
	}
	for _, nothing := range []time.Duration{transport.Forecast(p, 0), transport.Forecast(p, -1), transport.Forecast(resetter.Pace{}, 5)} {
		if nothing != 0 {
			t.Errorf("%v", nothing)
		}
	}
}

func TestTheShortestAnswerIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := []time.Duration{300 * time.Millisecond, 40 * time.Millisecond, time.Second}
		nth := 0
		c := serve(t, func(http.ResponseWriter, *http.Request) { time.Sleep(took[nth]); nth++ }).on(t, transport.System{})
		if got := c.Pace().Latency; got != 0 {
			t.Errorf("before the first answer %v", got)
		}
		for _, want := range []time.Duration{300 * time.Millisecond, 40 * time.Millisecond, 40 * time.Millisecond} {
			send(t, c, 1)
			if got := c.Pace().Latency; got != want {
				t.Errorf("%v, want %v", got, want)
			}
		}
	})
}
