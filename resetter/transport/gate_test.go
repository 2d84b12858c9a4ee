package transport_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// alive is a probe.
func alive() (*http.Request, error) {
	return http.NewRequest(http.MethodGet, "http://localhost/alive", nil)
}

func TestRetryAfterHoldsEverybodyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		var early, late int // arrivals
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if time.Since(start) < 40*time.Second {
				early++
				w.Header().Set("Retry-After", "40")
				w.WriteHeader(429)
				return
			}
			late++
		}).on(t, transport.System{})
		var wait sync.WaitGroup
		for range 64 {
			wait.Go(func() {
				if _, err := do(t.Context(), c, transport.Send, ""); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if early != 1 || late != 64 {
			t.Errorf("%d before the time, %d after", early, late)
		}
		if p := c.Pace(); p.Throttled != 1 || p.Requests != 65 {
			t.Errorf("%+v", p)
		}
	})
}

func TestWaitsAreHandedBackToWhoSchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests int
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.Header().Set("Retry-After", "40")
			w.WriteHeader(429)
		}).on(t, transport.System{})
		start := time.Now()
		for i := range 3 {
			_, err := do(handedBack(t.Context()), c, transport.Send, "")
			var e *resetter.Error
			if !errors.As(err, &e) || e.Kind != resetter.ErrRateLimited || e.Scope != resetter.ScopeTarget || !e.Until.Equal(start.Add(40*time.Second)) {
				t.Errorf("call %d: %+v", i, err)
			}
		}
		if requests != 1 || time.Since(start) != 0 {
			t.Errorf("%d requests in %v", requests, time.Since(start))
		}
		if at := c.Pace().GatedUntil; !at.Equal(start.Add(40 * time.Second)) {
			t.Errorf("gated until %v", at)
		}
	})
}

func TestAWaitBeyondTheMaximumOrTheDeadlineIsNotSlept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		})
		start := time.Now()
		for i := range 2 { // the first at the answer, the second at the gate
			_, err := do(t.Context(), m.on(t, transport.System{}), transport.Send, "")
			if !errors.Is(err, resetter.ErrRateLimited) || time.Since(start) != 0 {
				t.Errorf("call %d: %v after %v", i, err, time.Since(start))
			}
		}
		c := m.on(t, transport.System{}, transport.WithMaxWait(2*time.Hour))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := do(ctx, c, transport.Send, ""); !errors.Is(err, resetter.ErrRateLimited) || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestThrottlingWithoutEndEndsAtTheMaximumWait(t *testing.T) {
	for _, after := range []string{"", "0", "0.001", "-1", "9", "Mon, 01 Jan 1990 00:00:00 GMT"} {
		synctest.Test(t, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if after != "" {
					w.Header().Set("Retry-After", after)
				}
				w.WriteHeader(429)
			}).on(t, transport.System{}, transport.WithMaxWait(10*time.Minute))
			start := time.Now()
			_, err := do(t.Context(), c, transport.Send, "")
			if !errors.Is(err, resetter.ErrRateLimited) || time.Since(start) > 11*time.Minute || time.Since(start) < 9*time.Minute {
				t.Errorf("Retry-After %q: %v after %v", after, err, time.Since(start))
			}
			if n := c.Pace().Requests; n > 1201 {
				t.Errorf("Retry-After %q: %d requests", after, n)
			}
		})
	}
}

func TestASystemThatIsSlowToTurnUsAwayIsNotAskedForLongerThanTheTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			requests++
			time.Sleep(25 * time.Second)
			w.WriteHeader(429)
		}).on(t, transport.System{})
		_, err := do(t.Context(), c, transport.Send, "")
		var e *resetter.Error
		if !errors.As(err, &e) || e.Kind != resetter.ErrRateLimited || !e.Until.After(time.Now()) || requests != 3 {
			t.Errorf("%v after %d requests", err, requests)
		}
	})
}

func TestAPersonsPauseHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		judge := func(a transport.Answer) transport.Verdict {
			v := transport.ByStatus(a)
			if a.Status == 429 {
				v.Scope, v.Wait = resetter.ScopePerson, 61*time.Second
			}
			return v
		}
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/ana" && first {
				first = false
				w.WriteHeader(429)
			}
		}).on(t, transport.System{Judge: judge})
		start := time.Now()
		_, err := doPath(handedBack(t.Context()), c, transport.Send, "/ana", "")
		var e *resetter.Error
		if !errors.As(err, &e) || e.Scope != resetter.ScopePerson || !e.Until.Equal(start.Add(61*time.Second)) {
			t.Errorf("%+v", err)
		}
		rate := c.Pace().Rate
		if _, err := doPath(t.Context(), c, transport.Send, "/bob", ""); err != nil || time.Since(start) > time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if p := c.Pace(); p.Rate != rate || p.Throttled != 0 || !p.GatedUntil.IsZero() {
			t.Errorf("%+v", p)
		}
		first = true
		if _, err := doPath(t.Context(), c, transport.Send, "/ana", ""); err != nil || time.Since(start) < 61*time.Second {
			t.Errorf("slept: %v after %v", err, time.Since(start))
		}
	})
}

func TestMaintenanceClosesTheGateAtNoCostOfPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		judge := func(a transport.Answer) transport.Verdict {
			v := transport.ByStatus(a)
			if a.Status == 503 {
				v = transport.Verdict{Ruling: transport.Throttled, Kind: resetter.ErrUnavailable, Scope: resetter.ScopeTarget}
			}
			return v
		}
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "40")
			w.WriteHeader(503)
		}).on(t, transport.System{Judge: judge})
		start := time.Now()
		for range 2 {
			_, err := do(handedBack(t.Context()), c, transport.Send, "")
			var e *resetter.Error
			if !errors.As(err, &e) || e.Kind != resetter.ErrUnavailable || !e.Until.Equal(start.Add(40*time.Second)) {
				t.Errorf("%+v", err)
			}
		}
		if p := c.Pace(); p.Throttled != 0 || p.Rate < 20 {
			t.Errorf("%+v", p)
		}
	})
}

// away is a network that is gone for a time.
func away(t *testing.T, m *memory, from, to time.Duration) (dials *atomic.Int64) {
	start := time.Now()
	dials = new(atomic.Int64)
	m.down = func() error {
		if d := time.Since(start); d >= from && d < to {
			dials.Add(1)
			return syscall.ECONNREFUSED
		}
		return nil
	}
	return dials
}

func TestASystemThatIsGoneForAWhileCostsNothingButTime(t *testing.T) {
	for name, probe := range map[string]func() (*http.Request, error){"with a probe": alive, "without": nil} {
		for _, gone := range []time.Duration{3 * time.Second, time.Minute} {
			t.Run(name+" "+gone.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var sends, probing, probes atomic.Int64
					m := serve(t, func(w http.ResponseWriter, r *http.Request) {
						if r.URL.Path == "/alive" {
							probes.Add(1)
							if probing.Add(1) > 1 {
								t.Error("two probes at a time")
							}
							time.Sleep(2 * time.Second)
							probing.Add(-1)
							return
						}
						sends.Add(1)
						w.Header().Set("Connection", "close")
					})
					dials := away(t, m, 0, gone)
					c := m.on(t, transport.System{Probe: probe})
					var wait sync.WaitGroup
					for range 64 {
						wait.Go(func() {
							if _, err := do(t.Context(), c, transport.Send, "{}"); err != nil {
								t.Error(err)
							}
						})
					}
					start := time.Now()
					wait.Wait()
					if sends.Load() != 64 {
						t.Errorf("%d delivered of 64", sends.Load())
					}
					if probe != nil && (probes.Load() != 1 || dials.Load() > 5+64+20) {
						t.Errorf("%d probes arrived, %d connections were tried in vain", probes.Load(), dials.Load())
					}
					if d := time.Since(start); d > gone+40*time.Second {
						t.Errorf("it took %v", d)
					}
				})
			})
		}
	}
}

func TestTheBreakerIsHandedBackAndProbedByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := serve(t, func(http.ResponseWriter, *http.Request) {})
		dials := away(t, m, 0, time.Hour)
		c := m.on(t, transport.System{Probe: alive})
		_, err := do(handedBack(t.Context()), c, transport.Send, "")
		var e *resetter.Error
		if !errors.As(err, &e) || e.Kind != resetter.ErrUnavailable || e.Attempts != 5 || e.Until.IsZero() || dials.Load() != 5 {
			t.Fatalf("%+v after %d", err, dials.Load())
		}
		// Nobody but a probe tries again, and ever more seldom.
		for dials.Load() < 15 {
			if _, err := do(handedBack(t.Context()), c, transport.Send, ""); !errors.As(err, &e) || e.Attempts != 0 || e.Until.Before(time.Now()) {
				t.Fatalf("%+v", err)
			}
			time.Sleep(time.Until(e.Until) + 1)
		}
		if time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) < 20*time.Second {
			t.Error("the probes do not slow down")
		}
	})
}

func TestAProbeThatIsGivenUpOrTurnedAwayLeavesTheGateSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var throttle atomic.Bool
		m := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/alive" && throttle.Load() {
				w.Header().Set("Retry-After", "5")
				w.WriteHeader(429)
				throttle.Store(false)
			}
		})
		away(t, m, 0, 10*time.Second)
		c := m.on(t, transport.System{Probe: func() (*http.Request, error) {
			if time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) < 5*time.Second {
				return nil, errors.New("no probe today")
			}
			return alive()
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		throttle.Store(true)
		if _, err := do(ctx, c, transport.Send, ""); err != nil {
			t.Errorf("%v", err)
		}
		// Cancelled at the gate.
		m.down = func() error { return syscall.ECONNREFUSED }
		c = m.on(t, transport.System{Probe: alive})
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		_, err := do(ctx, c, transport.Send, "")
		if !errors.Is(err, resetter.ErrNotStarted) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		m.down = nil
		if _, err := do(t.Context(), c, transport.Send, ""); err != nil {
			t.Errorf("%v", err)
		}
	})
}

// A connection from before the outage may hang. The probe is for finding out
// whether there are new ones, so it does not take that one and keep all waiting.
func TestAProbeAsksOnANewConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/alive":
				time.Sleep(30 * time.Second)
			case r.Method == http.MethodPost:
				time.Sleep(2 * time.Second)
			}
		})
		c := m.on(t, transport.System{Probe: alive})
		var early, probing sync.WaitGroup
		early.Go(func() { _, _ = do(t.Context(), c, transport.Send, "") })
		synctest.Wait()
		dials := away(t, m, 0, 2*time.Second)
		_, _ = do(handedBack(t.Context()), c, transport.Read, "")
		if dials.Load() != 5 {
			t.Fatalf("%d connections tried, so this proves nothing", dials.Load())
		}
		early.Wait() // and leaves its connection behind
		time.Sleep(time.Second)
		probing.Go(func() { _, _ = do(t.Context(), c, transport.Read, "") })
		synctest.Wait()
		begun := time.Now()
		if _, err := do(t.Context(), c, transport.Read, ""); err != nil || time.Since(begun) > time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		probing.Wait()
	})
}

// A probe has found out what it was for when it has a connection. While it waits
// for its answer there may be another outage, which is to be probed anew.
func TestAProbeThatHangsKeepsNoLaterOutageFromBeingProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var probes atomic.Int64
		m := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/alive" && probes.Add(1) == 1 {
				time.Sleep(50 * time.Second)
			}
		})
		c := m.on(t, transport.System{Probe: alive})
		outage := func() { // one that is noticed, and over
			t.Helper()
			dials := away(t, m, 0, 2*time.Second)
			_, _ = do(handedBack(t.Context()), c, transport.Read, "")
			if dials.Load() != 5 {
				t.Fatalf("%d connections tried, so this proves nothing", dials.Load())
			}
			time.Sleep(3 * time.Second)
		}
		outage()
		var probing sync.WaitGroup
		probing.Go(func() { _, _ = do(t.Context(), c, transport.Read, "") })
		synctest.Wait()
		outage()
		begun := time.Now()
		if _, err := do(t.Context(), c, transport.Read, ""); err != nil || time.Since(begun) > time.Second || probes.Load() != 2 {
			t.Errorf("%v after %v and %d probes", err, time.Since(begun), probes.Load())
		}
		probing.Wait()
	})
}

func TestLostAnswersAndServerErrorsDoNotOpenTheBreaker(t *testing.T) {
	s := newRawServer(t, nil)
	c := newClient(t, transport.System{Probe: alive}, s.url())
	for range 12 {
		s.play(answer(""))
		if _, err := do(handedBack(t.Context()), c, transport.Send, "{}"); !errors.Is(err, resetter.ErrLostAnswer) {
			t.Fatal(err)
		}
	}
	if s.sends() != 12 {
		t.Errorf("%d", s.sends())
	}
}

// swallow makes no connection, and says so to nobody.
func swallow(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Connections that hang cost time as well, the probes' included, and so do the
// tries of the calls themselves where there is no probe.
func TestAHostThatSwallowsConnectionsIsGivenUpAtTheMaximumWait(t *testing.T) {
	for name, probe := range map[string]func() (*http.Request, error){"with a probe": alive, "without": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, transport.System{Probe: probe}, "http://localhost", transport.WithDialContext(swallow), transport.WithMaxWait(2*time.Minute))
				start := time.Now()
				_, err := do(t.Context(), c, transport.Send, "")
				if d := time.Since(start); !errors.Is(err, resetter.ErrUnavailable) || d > 3*time.Minute+10*time.Second {
					t.Errorf("%v after %v", err, d)
				}
			})
		})
	}
}

// Where there is no probe, a call whose attempts have taken the time-out does
// not try whether the system is back: it is told when to come again, as far as
// it is known by then that nobody gets through.
func TestWhoseTimeIsUpIsToldWhenToComeAgain(t *testing.T) {
	for waits, under := range map[string]func(context.Context) context.Context{
		"slept": func(ctx context.Context) context.Context { return ctx }, "handed back": handedBack,
	} {
		t.Run(waits, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const timeout, callers, unaware = 7 * time.Second, 12, 4
				c := newClient(t, transport.System{}, "http://localhost", transport.WithDialContext(swallow), transport.WithTimeout(timeout))
				var told atomic.Int64
				var all sync.WaitGroup
				for range callers {
					all.Go(func() {
						start := time.Now()
						_, err := do(under(t.Context()), c, transport.Send, "")
						var e *resetter.Error
						if !errors.As(err, &e) || e.Kind != resetter.ErrUnavailable || e.Attempts != 1 || time.Since(start) > timeout+2*time.Second {
							t.Errorf("%+v after %v", err, time.Since(start))
						} else if e.Scope == resetter.ScopeTarget && e.Until.After(time.Now()) {
							told.Add(1)
						}
					})
				}
				all.Wait()
				if told.Load() != callers-unaware {
					t.Errorf("%d of %d were told when to come again", told.Load(), callers)
				}
			})
		})
	}
}

func TestRefusedConnectionsSlowUsDownWhereThatIsHowTheSystemObjects(t *testing.T) {
	for objects, least := range map[bool]time.Duration{true: 5 * time.Second, false: 0} {
		synctest.Test(t, func(t *testing.T) {
			m := serve(t, func(http.ResponseWriter, *http.Request) {})
			away(t, m, 0, time.Hour)
			c := m.on(t, transport.System{Probe: alive, RefusalIsThrottle: objects})
			before := c.Pace().Rate
			_, err := do(handedBack(t.Context()), c, transport.Send, "")
			var e *resetter.Error
			if !errors.As(err, &e) || time.Until(e.Until) < least || !objects && time.Until(e.Until) > time.Second {
				t.Errorf("objects %v: asked again after %v", objects, time.Until(e.Until))
			}
			if cut := c.Pace().Rate < before; cut != objects {
				t.Errorf("objects %v: the pace went from %v to %v", objects, before, c.Pace().Rate)
			}
		})
	}
}

// What was sent before an outage is still in the air when it begins; its end
// says nothing about the system being back.
func TestAnAnswerFromBeforeTheOutageDoesNotEndIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				time.Sleep(2 * time.Second)
			}
		})
		c := m.on(t, transport.System{Probe: alive, RefusalIsThrottle: true}) // which is left alone for 5 s
		var early sync.WaitGroup
		early.Go(func() { _, _ = do(t.Context(), c, transport.Send, "") })
		synctest.Wait()
		dials := away(t, m, 0, time.Hour)
		_, _ = do(handedBack(t.Context()), c, transport.Read, "")
		broken := dials.Load()
		early.Wait() // answered, on its old connection
		_, err := do(handedBack(t.Context()), c, transport.Read, "")
		if !errors.Is(err, resetter.ErrUnavailable) || broken != 5 || dials.Load() != broken {
			t.Errorf("%v; %d connections tried, then %d", err, broken, dials.Load())
		}
	})
}

func TestAServerErrorThatAsksForAPauseIsHeeded(t *testing.T) {
	for _, class := range []transport.Class{transport.Read, transport.Send} {
		synctest.Test(t, func(t *testing.T) {
			var requests int
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if requests++; requests == 1 {
					w.Header().Set("Retry-After", "30")
					w.WriteHeader(503)
				}
			}).on(t, transport.System{})
			begun := time.Now()
			_, err := do(t.Context(), c, class, "")
			if class == transport.Send {
				if !errors.Is(err, resetter.ErrUnknownOutcome) || requests != 1 {
					t.Errorf("a send: %v after %d requests", err, requests)
				}
				_, err = do(t.Context(), c, class, "") // somebody else's
			}
			if took := time.Since(begun); err != nil || requests != 2 || took < 30*time.Second {
				t.Errorf("%v: %v after %v", class, err, took)
			}
		})
	}
}
