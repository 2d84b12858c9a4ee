package transport_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

func TestBeforeSendIsCalledOnceForSendsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var intents, requests atomic.Int64
		c := serve(t, func(http.ResponseWriter, *http.Request) {
			if intents.Load() != 1 {
				t.Errorf("a request after %d intents", intents.Load())
			}
			requests.Add(1)
		}).on(t, transport.System{})
		ctx := resetter.WithBeforeSend(t.Context(), func(context.Context) error {
			intents.Add(1)
			return nil
		})
		if _, err := do(ctx, c, transport.Send, ""); err != nil {
			t.Error(err)
		}
		for _, class := range []transport.Class{transport.Read, transport.Write} {
			if _, err := do(ctx, c, class, ""); err != nil {
				t.Error(err)
			}
		}
		if intents.Load() != 1 || requests.Load() != 3 {
			t.Errorf("%d intents, %d requests", intents.Load(), requests.Load())
		}
	})
}

func TestNothingIsSentWithoutAnIntent(t *testing.T) {
	full := errors.New("the disk is full")
	for _, cause := range []error{full, &resetter.Error{Kind: resetter.ErrUnavailable, Err: full}, &resetter.Error{Kind: resetter.ErrLostAnswer, Err: full}} {
		s := newRawServer(t, nil)
		c := newClient(t, transport.System{}, s.url())
		_, err := do(resetter.WithBeforeSend(t.Context(), func(context.Context) error { return cause }), c, transport.Send, "{}")
		var e *resetter.Error
		if !errors.As(err, &e) || e.Kind != resetter.ErrNotStarted || !errors.Is(err, full) || e.Attempts != 0 || s.accepted != 0 {
			t.Errorf("%v, %d connections", err, s.accepted)
		}
	}
}

func TestAGateThatClosesDuringTheIntentKeepsTheRequestBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sends atomic.Int64
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				sends.Add(1)
				return
			}
			time.Sleep(3 * time.Second)
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(429)
		}).on(t, transport.System{})
		// A look-up is in flight when the intent begins to be written, and
		// turned away before that ends.
		var lookUp sync.WaitGroup
		lookUp.Go(func() { _, _ = do(handedBack(t.Context()), c, transport.Read, "") })
		time.Sleep(time.Second)
		intents := 0
		ctx := resetter.WithBeforeSend(t.Context(), func(context.Context) error {
			if intents++; intents == 1 {
				time.Sleep(5 * time.Second)
			}
			return nil
		})
		_, err := do(handedBack(ctx), c, transport.Send, "")
		lookUp.Wait()
		if !errors.Is(err, resetter.ErrRateLimited) || sends.Load() != 0 || intents != 1 {
			t.Errorf("handed back: %v, %d sends, %d intents", err, sends.Load(), intents)
		}
		start := time.Now()
		if _, err := do(ctx, c, transport.Send, ""); err != nil || sends.Load() != 1 || time.Since(start) < 25*time.Second {
			t.Errorf("slept: %v, %d sends after %v", err, sends.Load(), time.Since(start))
		}
	})
}

// Many whose intents are written slowly do not leave intents lying about: the
// next one is begun when the request before has left.
func TestNoTwoIntentsAreOpenWithoutTheirRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var intents, arrived atomic.Int64
		c := serve(t, func(http.ResponseWriter, *http.Request) { arrived.Add(1) }).on(t, transport.System{}, transport.WithRate(2))
		ctx := resetter.WithBeforeSend(t.Context(), func(context.Context) error {
			synctest.Wait() // what has left has arrived
			if open := intents.Add(1) - arrived.Load(); open > 1 {
				t.Errorf("%d intents without a request", open)
			}
			if intents.Load() == 1 {
				time.Sleep(4 * time.Second)
			}
			return nil
		})
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if _, err := do(ctx, c, transport.Send, ""); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	})
}

func TestACallThatIsCancelledBeforehandStartsNothing(t *testing.T) {
	s := newRawServer(t, nil)
	c := newClient(t, transport.System{}, s.url())
	ctx, cancel := context.WithCancelCause(t.Context())
	home := errors.New("going home")
	cancel(home)
	_, err := do(ctx, c, transport.Send, "")
	if !errorsIsBoth(err, resetter.ErrNotStarted, home) || s.accepted != 0 {
		t.Errorf("%v, %d connections", err, s.accepted)
	}
}

func TestARequestToAnotherHostIsNotMade(t *testing.T) {
	s, other := newRawServer(t, nil), newRawServer(t, nil)
	c := newClient(t, transport.System{}, s.url())
	req, _ := http.NewRequest(http.MethodPost, other.url()+"/?q=canary", nil)
	if _, err := c.Do(req); !errors.Is(err, resetter.ErrNotStarted) || other.accepted != 0 {
		t.Errorf("%v, %d connections", err, other.accepted)
	}
}

// A search of several pages is one exchange; what an earlier page said is not
// said of the next.
func TestAnErrorSpeaksOfItsOwnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, func(http.ResponseWriter, *http.Request) {}).on(t, transport.System{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ctx, _ = c.Begin(ctx, transport.Operation{Name: "search", Class: transport.Read})
		for i := range 2 {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.Base(), nil)
			_, err := c.Do(req)
			var e *resetter.Error
			if i == 1 && (!errors.As(err, &e) || e.Status != 0 || e.Kind != resetter.ErrNotStarted) {
				t.Errorf("%+v", err)
			}
			cancel()
		}
	})
}
