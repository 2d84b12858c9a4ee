package transport_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

func TestByStatusIsStrict(t *testing.T) {
	for _, c := range []struct {
		status int
		ruling transport.Ruling
		kind   resetter.Kind
		stop   bool
	}{
		{200, transport.Accepted, "", false},
		{201, transport.Accepted, "", false},
		{204, transport.Accepted, "", false},
		{101, transport.Unknown, resetter.ErrServerError, false},
		{301, transport.Refused, resetter.ErrRejected, true},
		{302, transport.Unknown, resetter.ErrUnreadableAnswer, true},
		{303, transport.Unknown, resetter.ErrUnreadableAnswer, true},
		{304, transport.Unknown, resetter.ErrUnreadableAnswer, true},
		{307, transport.Refused, resetter.ErrRejected, true},
		{308, transport.Refused, resetter.ErrRejected, true},
		{400, transport.Refused, resetter.ErrInvalid, false},
		{401, transport.Renew, resetter.ErrUnauthorized, false},
		{403, transport.Refused, resetter.ErrForbidden, false},
		{404, transport.Refused, resetter.ErrNotFound, false},
		{405, transport.Refused, resetter.ErrRejected, false},
		{408, transport.Unknown, resetter.ErrServerError, false},
		{409, transport.Refused, resetter.ErrRejected, false},
		{413, transport.Refused, resetter.ErrRejected, false},
		{415, transport.Refused, resetter.ErrRejected, false},
		{422, transport.Refused, resetter.ErrInvalid, false},
		{424, transport.Unknown, resetter.ErrServerError, false},
		{429, transport.Throttled, resetter.ErrRateLimited, false},
		{499, transport.Unknown, resetter.ErrServerError, false},
		{500, transport.Unknown, resetter.ErrServerError, false},
		{502, transport.Unknown, resetter.ErrServerError, false},
		{503, transport.Unknown, resetter.ErrServerError, false},
		{504, transport.Unknown, resetter.ErrServerError, false},
		{599, transport.Unknown, resetter.ErrServerError, false},
		{999, transport.Unknown, resetter.ErrServerError, false},
	} {
		v := transport.ByStatus(transport.Answer{Status: c.status})
		if v.Ruling != c.ruling || v.Kind != c.kind || v.Stop != c.stop {
			t.Errorf("%d: %v %q stop %v, want %v %q stop %v", c.status, v.Ruling, v.Kind, v.Stop, c.ruling, c.kind, c.stop)
		}
	}
}

// What a Send comes to for each answer, and how often it is delivered.
func TestASendEndsAsTheMatrixSays(t *testing.T) {
	html := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>Sign in</html>")
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for _, c := range []struct {
		name     string
		handle   http.HandlerFunc
		kind     resetter.Kind
		stop     bool
		requests int64
	}{
		{"403", status(403), resetter.ErrForbidden, false, 1},
		{"404", status(404), resetter.ErrNotFound, false, 1},
		{"408", status(408), resetter.ErrServerError, false, 1},
		{"409", status(409), resetter.ErrRejected, false, 1},
		{"401 without a session", status(401), resetter.ErrUnauthorized, true, 1},
		{"500", status(500), resetter.ErrServerError, false, 1},
		{"503", status(503), resetter.ErrServerError, false, 1},
		{"a page", html, resetter.ErrUnreadableAnswer, true, 1},
		{"a cut body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "{")
		}, resetter.ErrUnreadableAnswer, false, 1},
		{"a huge body", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 2<<20))
		}, resetter.ErrUnreadableAnswer, false, 1},
		{"an endless body", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 100)); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		}, resetter.ErrUnreadableAnswer, false, 1},
		{"no answer ever", func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(time.Hour):
			}
		}, resetter.ErrLostAnswer, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var requests atomic.Int64
				client := serve(t, func(w http.ResponseWriter, r *http.Request) {
					requests.Add(1)
					c.handle(w, r)
				}).on(t, transport.System{})
				start := time.Now()
				_, err := do(t.Context(), client, transport.Send, "{}")
				var e *resetter.Error
				if !errors.As(err, &e) || e.Kind != c.kind || e.Stop != c.stop || errors.Is(err, resetter.ErrUnknownOutcome) != c.kind.Unknown() {
					t.Errorf("%+v", err)
				}
				if n := requests.Load(); n != c.requests {
					t.Errorf("%d requests, want %d", n, c.requests)
				}
				if d := time.Since(start); d > transport.DefaultTimeout {
					t.Errorf("it took %v", d)
				}
			})
		})
	}
}

// A server that never answers holds a call, its sign-in included, for one
// time-out and not for one an attempt.
func TestATimeOutIsPaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }).
			on(t, transport.System{}, transport.WithTimeout(7*time.Second))
		start := time.Now()
		_, err := do(t.Context(), c, transport.Read, "")
		if !errors.Is(err, resetter.ErrUnavailable) || time.Since(start) != 7*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestARedirectIsNotFollowed(t *testing.T) {
	other := newRawServer(t, nil)
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, class := range []transport.Class{transport.Send, transport.Write, transport.Read} {
			s := newRawServer(t, nil)
			c := newClient(t, transport.System{Authorize: func(r *http.Request, _ transport.Token) {
				r.Header.Set("Authorization", "Bearer canary")
			}}, s.url())
			s.play(answer(fmt.Sprintf("HTTP/1.1 %d Away\r\nLocation: %s/?secret=canary\r\nContent-Length: 0\r\n\r\n", code, other.url())))
			_, err := do(t.Context(), c, class, "")
			var e *resetter.Error
			if !errors.As(err, &e) || !e.Stop || s.reads() != 1 {
				t.Errorf("%d %v: %d requests, %v", code, class, s.reads(), err)
			}
			if !strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "canary") {
				t.Errorf("%d %v: %v", code, class, err)
			}
		}
	}
	if other.accepted != 0 {
		t.Errorf("the other host was spoken to %d times", other.accepted)
	}
}

func TestASwitchOfProtocolsDoesNotHoldACall(t *testing.T) {
	s := newRawServer(t, nil)
	c := newClient(t, transport.System{}, s.url())
	s.play(func(s *rawServer, conn net.Conn, in *bufio.Reader) bool {
		answer("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")(s, conn, in)
		_, _ = in.ReadByte() // until the client lets go
		return false
	})
	if _, err := do(t.Context(), c, transport.Send, ""); !errors.Is(err, resetter.ErrServerError) {
		t.Errorf("%v", err)
	}
}

func TestAWriteWhoseAnswerWasLostIsNeverCalledUndone(t *testing.T) {
	s := newRawServer(t, nil)
	c := newClient(t, transport.System{}, s.url())
	s.play(answer(""), answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
	if _, err := do(t.Context(), c, transport.Write, ""); !errors.Is(err, resetter.ErrUnknownOutcome) || s.sends() != 2 {
		t.Errorf("%d deliveries, %v", s.sends(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.play(func(s *rawServer, conn net.Conn, in *bufio.Reader) bool {
		answer("")(s, conn, in)
		cancel()
		return false
	})
	if _, err := do(ctx, c, transport.Write, ""); !errors.Is(err, resetter.ErrUnknownOutcome) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestCancellingInFlightLeavesTheOutcomeUnknown(t *testing.T) {
	s := newRawServer(t, nil)
	c := newClient(t, transport.System{}, s.url())
	ctx, cancel := context.WithCancel(t.Context())
	s.play(func(s *rawServer, conn net.Conn, in *bufio.Reader) bool {
		answer("")(s, conn, in)
		cancel()
		_, _ = in.ReadByte()
		return false
	})
	_, err := do(ctx, c, transport.Send, "")
	if !errors.Is(err, resetter.ErrLostAnswer) || s.sends() != 1 {
		t.Errorf("%v", err)
	}
}

// What writes JSON without calling it so is common, and its answer is whole.
func TestJSONIsReadWhateverItIsCalled(t *testing.T) {
	for called, want := range map[string]string{"": "application/json", "text/plain; charset=utf-8": "application/json", "text/html": "text/html"} {
		m := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", called)
			_, _ = w.Write([]byte(`{"id":"7"}`))
		})
		c := m.on(t, transport.System{Judge: func(transport.Answer) transport.Verdict { return transport.Verdict{Ruling: transport.Accepted} }})
		ctx, _ := c.Begin(t.Context(), transport.Operation{Name: "try", Class: transport.Read})
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.Base()+"/", nil)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("Content-Type"); got != want {
			t.Errorf("called %q it becomes %q", called, got)
		}
		_ = resp.Body.Close()
	}
}
