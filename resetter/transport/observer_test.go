package transport_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// An onlooker is a function that is an observer.
type onlooker func(next http.RoundTripper, r *http.Request) (*http.Response, error)

type lookingOn struct {
	next http.RoundTripper
	look onlooker
}

func (l lookingOn) RoundTrip(r *http.Request) (*http.Response, error) { return l.look(l.next, r) }

func (look onlooker) option() transport.Option {
	return transport.WithObserver(func(next http.RoundTripper) http.RoundTripper { return lookingOn{next, look} })
}

// hostile does whatever a wrapper of an ordinary http.RoundTripper could do to
// have a mail go out twice, elsewhere or unnoticed.
func hostile(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Method, r.URL.Host, r.Host = http.MethodGet, "127.0.0.1:1", "elsewhere.example.com"
	r.Body = io.NopCloser(strings.NewReader("{}"))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("{}")), nil }
	r.Header.Set("Idempotency-Key", "1")
	r.Header["X-Idempotency-Key"] = nil
	r.Header.Set("Authorization", "of somebody else")
	r.Header.Set("Expect", "100-continue")
	r.Header.Set("Connection", "close")
	r.Header.Set("Traceparent", "line\nbreak")
	for range 3 {
		_, _ = next.RoundTrip(r)
	}
	late := r
	go func() { _, _ = next.RoundTrip(late) }()
	return nil, errors.New("there was no answer")
}

func TestAnObserverCanNeitherRepeatNorAlterNorInventARequest(t *testing.T) {
	s := newRawServer(t, nil)
	authorize := func(r *http.Request, _ transport.Token) { r.Header.Set("Authorization", "ours") }
	c := newClient(t, transport.System{Authorize: authorize}, s.url(), onlooker(hostile).option())
	for i := range 3 {
		if _, err := do(t.Context(), c, transport.Send, `{"id":"7"}`); err != nil {
			t.Fatal(err)
		}
		if s.sends() != i+1 {
			t.Fatalf("%d deliveries of %d sends", s.sends(), i+1)
		}
	}
	for _, r := range s.delivered {
		if r.Method != http.MethodPost || r.URL.Path != "/reset" || strings.Contains(r.Host, "elsewhere") {
			t.Errorf("delivered as %s %s to %s", r.Method, r.URL, r.Host)
		}
		for name, want := range map[string]string{
			"Authorization": "ours", "Idempotency-Key": "", "X-Idempotency-Key": "", "Expect": "", "Connection": "", "Traceparent": "",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
}

// One answer is all that there is, whatever an observer makes of it.
func TestAnObserverCannotMakeUpAnAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		look   onlooker
		want   error
	}{
		"a failure is called a success": {500, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			_, _ = next.RoundTrip(r)
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("{}"))}, nil
		}, resetter.ErrServerError},
		"a success is called a failure": {200, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			_, _ = next.RoundTrip(r)
			return nil, errors.New("connection refused")
		}, nil},
		"a redirect is followed": {307, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			_, _ = next.RoundTrip(r)
			return next.RoundTrip(r)
		}, resetter.ErrRejected},
		"a success is made up": {200, func(http.RoundTripper, *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		}, resetter.ErrNotStarted},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRawServer(t, nil)
			s.play(answer(fmt.Sprintf("HTTP/1.1 %d X\r\nLocation: /elsewhere\r\nContent-Length: 2\r\n\r\n{}", c.status)))
			client := newClient(t, transport.System{}, s.url(), c.look.option())
			_, err := do(t.Context(), client, transport.Send, "{}")
			if !errors.Is(err, c.want) {
				t.Errorf("%v", err)
			}
			if sent := !errors.Is(c.want, resetter.ErrNotStarted); (s.sends() == 1) != sent {
				t.Errorf("%d deliveries", s.sends())
			}
		})
	}
}

func TestWhatAnObserverHoldsBackIsCertainlyNotSent(t *testing.T) {
	closed := errors.New("closed for the day")
	s := newRawServer(t, nil)
	var asked atomic.Int64
	var late []func() error
	for name, look := range map[string]onlooker{
		"it says why": func(http.RoundTripper, *http.Request) (*http.Response, error) {
			asked.Add(1)
			return nil, closed
		},
		"it loses the context": func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			asked.Add(1)
			_, _ = next.RoundTrip(r.WithContext(context.Background()))
			return nil, closed
		},
		"it calls too late": func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			asked.Add(1)
			late = append(late, func() error { _, err := next.RoundTrip(r); return err })
			return nil, closed
		},
	} {
		for _, class := range []transport.Class{transport.Send, transport.Write, transport.Read} {
			t.Run(name+", "+class.String(), func(t *testing.T) {
				asked.Store(0)
				c := newClient(t, transport.System{}, s.url(), look.option())
				_, err := do(t.Context(), c, class, "{}")
				var e *resetter.Error
				if !errors.As(err, &e) || e.Kind != resetter.ErrNotStarted || !errors.Is(err, closed) || e.Attempts != 0 || e.Stop {
					t.Errorf("%+v", err)
				}
				if errors.Is(err, resetter.ErrUnknownOutcome) || asked.Load() != 1 {
					t.Errorf("asked %d times: %v", asked.Load(), err)
				}
			})
		}
	}
	for _, call := range late {
		if err := call(); err == nil || !strings.Contains(err.Error(), "not one that is to be sent") {
			t.Errorf("late: %v", err)
		}
	}
	if len(late) != 3 || s.accepted != 0 {
		t.Errorf("%d late calls, %d connections", len(late), s.accepted)
	}
}

// A request that the observer leaves under way in a goroutine of its own is
// waited for, and is what counts.
func TestAnObserverThatReturnsEarlyHidesNothing(t *testing.T) {
	s := newRawServer(t, nil)
	arrived := make(chan struct{})
	s.play(func(s *rawServer, conn net.Conn, in *bufio.Reader) bool {
		close(arrived)
		time.Sleep(50 * time.Millisecond) // the observer is gone by then
		return answer(fine)(s, conn, in)
	})
	var under sync.WaitGroup
	c := newClient(t, transport.System{}, s.url(), onlooker(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		under.Go(func() { _, _ = next.RoundTrip(r) })
		<-arrived
		return nil, errors.New("no patience")
	}).option())
	if _, err := do(t.Context(), c, transport.Send, "{}"); err != nil || s.sends() != 1 {
		t.Errorf("%d deliveries, %v", s.sends(), err)
	}
	under.Wait()
}

func TestAnObserverIsShownNoSecret(t *testing.T) {
	var seen strings.Builder
	var names []string
	look := func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		names = append(names, transport.OperationName(r.Context()))
		fmt.Fprintf(&seen, "%+v %v %v %v %v\n", r.Header, r.URL, r.Host, r.ContentLength, r.Body)
		resp, err := next.RoundTrip(r)
		if resp != nil {
			body, _ := io.ReadAll(resp.Body)
			fmt.Fprintf(&seen, "%d %+v %s\n", resp.StatusCode, resp.Header, body)
		}
		fmt.Fprintf(&seen, "%v %+v\n", err, err)
		return resp, err
	}
	s := newRawServer(t, nil)
	authorize := func(r *http.Request, _ transport.Token) { r.Header.Set("Authorization", "canary") }
	c := newClient(t, transport.System{Authorize: authorize}, s.url(), onlooker(look).option())
	s.play(
		answer("HTTP/1.1 200 OK\r\nSet-Cookie: canary\r\nContent-Length: 11\r\n\r\n\"/r/canary\""),
		answer("canary is what I say\r\n\r\n"),
	)
	for range 2 {
		_, _ = doPath(t.Context(), c, transport.Send, "/reset/canary?token=canary", `{"password":"canary"}`)
	}
	if strings.Contains(seen.String(), "canary") {
		t.Errorf("an observer is shown a secret:\n%s", seen.String())
	}
	for _, want := range []string{s.url(), "200", "the answer was not HTTP"} {
		if !strings.Contains(seen.String(), want) {
			t.Errorf("%q is not shown:\n%s", want, seen.String())
		}
	}
	if !slices.Equal(names, []string{"try", "try"}) || transport.OperationName(t.Context()) != "" {
		t.Errorf("%q", names)
	}
}

// A trace goes on at the other side, and its span ends when the answer was read.
func TestATraceIsPassedOnAndEnded(t *testing.T) {
	var ended atomic.Int64
	look := func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		r.Header.Set("x-b3-sampled", "1")
		resp, err := next.RoundTrip(r)
		if err == nil {
			resp.Body = span{resp.Body, &ended}
		}
		return resp, err
	}
	s := newRawServer(t, nil)
	c := newClient(t, transport.System{}, s.url(), onlooker(look).option())
	s.play(answer("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"))
	if _, err := do(t.Context(), c, transport.Read, ""); err != nil {
		t.Fatal(err)
	}
	if s.reads() != 2 || ended.Load() != 2 || c.Pace().Requests != 2 {
		t.Errorf("%d requests, %d counted, %d spans ended", s.reads(), c.Pace().Requests, ended.Load())
	}
	for _, r := range s.delivered {
		if !strings.HasPrefix(r.Header.Get("Traceparent"), "00-0af") || r.Header.Get("X-B3-Sampled") != "1" {
			t.Errorf("%v", r.Header)
		}
	}
}

type span struct {
	io.ReadCloser
	ended *atomic.Int64
}

func (s span) Close() error {
	s.ended.Add(1)
	return s.ReadCloser.Close()
}
