package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

func errorsIsBoth(err, a, b error) bool { return errors.Is(err, a) && errors.Is(err, b) }

// A door is a system that is signed in to: its tokens live for life, and only
// the newest is taken.
type door struct {
	life                                         time.Duration
	says                                         time.Duration     // life as told to the client
	rotating                                     bool              // with refresh tokens, each good once
	answer                                       func(n int) int   // status of the n-th sign-in, 0: fine
	slow                                         func(n int)       // what the n-th sign-in does first
	client                                       *transport.Client // set by on
	mu                                           sync.Mutex
	signIns, refreshes, signOuts, denied, served int
	born                                         time.Time
	number                                       int
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch r.URL.Path {
	case "/in":
		d.signIns++
		n := d.signIns
		d.mu.Unlock()
		if d.slow != nil {
			d.slow(n)
		}
		status := 0
		if d.answer != nil {
			status = d.answer(n)
		}
		d.mu.Lock()
		if status != 0 {
			w.WriteHeader(status)
			return
		}
		d.number++
		d.born = time.Now()
	case "/refresh":
		d.refreshes++
		if r.Header.Get("Refresh") != fmt.Sprintf("refresh-%d", d.number) {
			w.WriteHeader(400)
			return
		}
		d.number++
		d.born = time.Now()
	case "/out":
		d.signOuts++
	default:
		if token != fmt.Sprintf("token-%d", d.number) || d.life > 0 && time.Since(d.born) >= d.life {
			d.denied++
			w.WriteHeader(401)
			return
		}
		d.served++
	}
}

func (d *door) token() transport.Token {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := transport.Token{Access: resetter.NewSecret(fmt.Sprintf("token-%d", d.number)), Life: d.says}
	if d.rotating {
		t.Refresh = resetter.NewSecret(fmt.Sprintf("refresh-%d", d.number))
	}
	return t
}

func (d *door) call(ctx context.Context, path string, edit func(*http.Request)) error {
	ctx, exchange := d.client.Begin(ctx, transport.Operation{Name: "sign in", Class: transport.Read, Anonymous: true})
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, d.client.Base()+path, nil)
	if edit != nil {
		edit(req)
	}
	if _, err := d.client.Do(req); err != nil {
		return exchange.Failed(err)
	}
	return nil
}

func (d *door) on(t *testing.T, opts ...transport.Option) *transport.Client {
	how := &transport.Session{
		SignIn: func(ctx context.Context) (transport.Token, error) {
			err := d.call(ctx, "/in", nil)
			return d.token(), err
		},
		SignOut: func(ctx context.Context, _ transport.Token) error { return d.call(ctx, "/out", nil) },
	}
	if d.rotating {
		how.Refresh = func(ctx context.Context, old transport.Token) (transport.Token, error) {
			err := d.call(ctx, "/refresh", func(r *http.Request) { r.Header.Set("Refresh", old.Refresh.Reveal()) })
			return d.token(), err
		}
	}
	d.client = serve(t, d.ServeHTTP).on(t, transport.System{Session: how, Authorize: func(r *http.Request, token transport.Token) {
		r.Header.Set("Authorization", "Bearer "+token.Access.Reveal())
	}}, opts...)
	return d.client
}

// many makes n sends at once and returns their errors.
func many(ctx context.Context, c *transport.Client, n int) (errs []error) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	for range n {
		wait.Go(func() {
			if _, err := do(ctx, c, transport.Send, ""); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return errs
}

func TestSixtyFourCallersSignInOnceAndOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{slow: func(int) { time.Sleep(time.Second) }}
		c := d.on(t)
		if errs := many(t.Context(), c, 64); len(errs) > 0 || d.signIns != 1 || d.served != 64 {
			t.Errorf("%d sign-ins, %d served, %v", d.signIns, d.served, errs)
		}
		for range 2 {
			if err := c.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if d.signOuts != 1 {
			t.Errorf("signed out %d times", d.signOuts)
		}
	})
}

func TestTokensAreRenewedAtFourFifthsOfTheirLife(t *testing.T) {
	for _, rotating := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := &door{life: time.Hour, says: time.Hour, rotating: rotating}
			c := d.on(t)
			renewals := func() int { return d.signIns + d.refreshes }
			for _, at := range []struct {
				after time.Duration
				want  int
			}{{0, 1}, {47 * time.Minute, 1}, {2 * time.Minute, 2}, {40 * time.Minute, 2}, {9 * time.Minute, 3}} {
				time.Sleep(at.after)
				if errs := many(t.Context(), c, 8); len(errs) > 0 || renewals() != at.want {
					t.Fatalf("%d renewals, want %d, %v", renewals(), at.want, errs)
				}
			}
			if d.denied != 0 || rotating != (d.refreshes > 0) || rotating && d.signIns != 1 {
				t.Errorf("%+v", d)
			}
		})
	}
}

// A queue that is longer than a token lives, a life that is over before the
// answer is there, one that was not told: nothing fails, and nobody signs in
// for ever.
func TestShortLivesFailNobody(t *testing.T) {
	for _, c := range []struct {
		name       string
		life, says time.Duration
		slow       time.Duration
	}{
		{"two seconds", 2 * time.Second, 2 * time.Second, 0},
		{"two seconds, not told", 2 * time.Second, 0, 0},
		{"negative", 0, -5, 0},
		{"shorter than the sign-in", 0, time.Second, 3 * time.Second},
		{"next to nothing", 0, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &door{life: c.life, says: c.says, slow: func(int) { time.Sleep(c.slow) }}
				client := d.on(t, transport.WithRate(10))
				if errs := many(t.Context(), client, 40); len(errs) > 0 || d.served != 40 {
					t.Errorf("%d served, %d denied, %v", d.served, d.denied, errs)
				}
				if d.signIns > 120 {
					t.Errorf("%d sign-ins", d.signIns)
				}
			})
		})
	}
}

func TestA401IsRenewedOnceAndThenStopsTheTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{}
		c := d.on(t)
		if errs := many(t.Context(), c, 1); len(errs) > 0 {
			t.Fatal(errs)
		}
		d.mu.Lock()
		d.number++ // somebody else signed in
		d.mu.Unlock()
		if errs := many(t.Context(), c, 32); len(errs) > 0 || d.signIns != 2 {
			t.Errorf("%d sign-ins, %v", d.signIns, errs)
		}
		d.life = 1 // no token is any good from now on
		err := many(t.Context(), c, 1)[0]
		var e *resetter.Error
		if !errors.As(err, &e) || e.Kind != resetter.ErrUnauthorized || !e.Stop || e.Attempts != 2 || d.signIns != 3 {
			t.Errorf("%+v after %d sign-ins", err, d.signIns)
		}
	})
}

func TestARefusedSignInIsNeverTriedAgain(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 409} {
		synctest.Test(t, func(t *testing.T) {
			d := &door{answer: func(int) int { return status }}
			c := d.on(t)
			errs := append(many(t.Context(), c, 64), many(t.Context(), c, 1)...)
			if len(errs) != 65 || d.signIns != 1 {
				t.Errorf("%d: %d errors, %d sign-ins", status, len(errs), d.signIns)
			}
			for _, err := range errs {
				var e *resetter.Error
				if !errors.As(err, &e) || !e.Stop || e.Account != "ana@example.com" || e.Kind == resetter.ErrNotFound || errors.Is(err, resetter.ErrUnknownOutcome) {
					t.Fatalf("%d: %+v", status, err)
				}
			}
		})
	}
}

// A sign-in that breaks for a while says nothing about anybody's account: who
// schedules is told when to come again, and who waits is let through in the end.
func TestASignInThatBreaksForAWhileCostsNothingButTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		d := &door{answer: func(int) int {
			if time.Since(begun) < 10*time.Second {
				return 503
			}
			return 0
		}}
		c := d.on(t)
		_, err := do(handedBack(t.Context()), c, transport.Send, "")
		var e *resetter.Error
		if !errors.As(err, &e) || e.Kind != resetter.ErrUnavailable || e.Stop || e.Scope != resetter.ScopeTarget || !e.Until.After(time.Now()) {
			t.Errorf("handed back: %+v", err)
		}
		for time.Since(begun) < 2*time.Minute {
			if _, err = do(handedBack(t.Context()), c, transport.Send, ""); err == nil {
				return
			}
			if !errors.As(err, &e) || e.Until.IsZero() {
				t.Fatalf("%+v", err)
			}
			time.Sleep(time.Until(e.Until) + 1)
		}
		t.Errorf("never let through: %v", err)
	})
}

// A page that something in between gave at the sign-in says nothing about the
// credentials, so a client that lives long tries again after a while.
func TestARefusalThatIsNotOfTheCredentialsIsForgotten(t *testing.T) {
	for status, forgotten := range map[int]bool{401: false, 403: true, 409: true} {
		synctest.Test(t, func(t *testing.T) {
			d := &door{answer: func(n int) int {
				if n == 1 {
					return status
				}
				return 0
			}}
			c := d.on(t)
			first := many(t.Context(), c, 1)
			soon := many(t.Context(), c, 1)
			time.Sleep(2 * time.Minute)
			late := many(t.Context(), c, 1)
			if len(first) != 1 || len(soon) != 1 || (len(late) == 0) != forgotten {
				t.Errorf("%d: %v, %v, %v", status, first, soon, late)
			}
		})
	}
}

func TestALeaderThatGivesUpLeavesTheSignInToTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{slow: func(n int) {
			if n == 1 {
				time.Sleep(30 * time.Second)
			}
		}}
		c := d.on(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("the leader went home")
		var wait sync.WaitGroup
		wait.Go(func() {
			_, err := do(ctx, c, transport.Send, "")
			if !errorsIsBoth(err, resetter.ErrNotStarted, gone) {
				t.Errorf("the leader: %v", err)
			}
		})
		synctest.Wait()
		time.AfterFunc(time.Second, func() { cancel(gone) })
		start := time.Now()
		if errs := many(t.Context(), c, 16); len(errs) > 0 || time.Since(start) > 3*time.Second {
			t.Errorf("after %v: %v", time.Since(start), errs)
		}
		wait.Wait()
	})
}

func TestASignInThatIsNeverAnsweredEndsForAllAtTheTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{slow: func(int) { time.Sleep(2 * time.Minute) }}
		c := d.on(t, transport.WithTimeout(10*time.Second))
		start := time.Now()
		errs := many(t.Context(), c, 64)
		if len(errs) != 64 || time.Since(start) > 10*time.Second {
			t.Errorf("%d errors after %v", len(errs), time.Since(start))
		}
		for _, err := range errs {
			if !errors.Is(err, resetter.ErrUnavailable) {
				t.Fatal(err)
			}
		}
	})
}

func TestARenewalThatFailsLeavesTheOldTokenInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{life: time.Hour, says: time.Hour, answer: func(n int) int {
			if n > 1 && n < 7 {
				return 500
			}
			return 0
		}}
		c := d.on(t)
		for _, after := range []time.Duration{0, 50 * time.Minute, 2 * time.Second} {
			time.Sleep(after)
			if errs := many(t.Context(), c, 8); len(errs) > 0 {
				t.Errorf("after %v: %v", after, errs)
			}
		}
		if d.signIns != 7 || d.denied != 0 {
			t.Errorf("%d sign-ins, %d denied", d.signIns, d.denied)
		}
	})
}

func TestSigningInWaitsAtTheGateWithoutHoldingUpWhoSchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{answer: func(n int) int {
			if n == 1 {
				return 429
			}
			return 0
		}}
		c := d.on(t)
		start := time.Now()
		errs := many(handedBack(t.Context()), c, 8)
		if len(errs) != 8 || time.Since(start) != 0 {
			t.Errorf("%d errors after %v", len(errs), time.Since(start))
		}
		for _, err := range errs {
			var e *resetter.Error
			if !errors.As(err, &e) || e.Kind != resetter.ErrRateLimited || e.Until.IsZero() || e.Stop {
				t.Errorf("%+v", err)
			}
		}
		if errs := many(t.Context(), c, 8); len(errs) > 0 || d.signIns != 2 {
			t.Errorf("%d sign-ins, %v", d.signIns, errs)
		}
	})
}

func TestCloseDoesNotSitOutAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{}
		c := d.on(t)
		_ = many(t.Context(), c, 1)
		m := d // the system asks for a pause
		m.mu.Lock()
		m.number++
		m.answer = func(int) int { return 429 }
		m.mu.Unlock()
		_ = many(handedBack(t.Context()), c, 1)
		start := time.Now()
		_ = c.Close(t.Context())
		if time.Since(start) != 0 {
			t.Errorf("it took %v", time.Since(start))
		}
	})
}
