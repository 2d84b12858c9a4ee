package transport_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// list makes one call whose answer read takes in.
func list(ctx context.Context, c *transport.Client, read func(io.Reader) error) (*transport.Exchange, *http.Response, error) {
	ctx, exchange := c.Begin(ctx, transport.Operation{Name: "list", Class: transport.Read, Stream: read})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Base()+"/people", nil)
	if err != nil {
		return exchange, nil, err
	}
	resp, err := c.Do(req)
	return exchange, resp, err
}

// numbers decodes a list of numbers into what is where into points.
func numbers(into *[]int) func(io.Reader) error {
	return func(r io.Reader) error {
		*into = nil
		return json.NewDecoder(r).Decode(into)
	}
}

func TestAListIsReadAsItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(chan struct{})
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `[1`+strings.Repeat(" ", 1000)+`,`)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-seen:
				_, _ = io.WriteString(w, `2]`)
			case <-time.After(time.Minute):
				t.Error("the beginning was not handed on before the end came")
			}
		}).on(t, transport.System{})
		_, resp, err := list(t.Context(), c, func(r io.Reader) error {
			in := bufio.NewReaderSize(r, 16)
			if _, err := in.ReadString(','); err != nil {
				return err
			}
			close(seen)
			rest, err := io.ReadAll(in)
			if string(rest) != "2]" {
				t.Errorf("the rest is %q", rest)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); n != 0 || err != nil {
			t.Errorf("%d bytes are left, %v", n, err)
		}
	})
}

func TestAListThatBrokeOffIsReadAnew(t *testing.T) {
	for _, broken := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2,",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2,",
		"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[1,2,",
		"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
	} {
		s := newRawServer(t, nil)
		c := newClient(t, transport.System{}, s.url())
		s.play(answer(broken), answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[3,4]"))
		var got []int
		exchange, _, err := list(t.Context(), c, numbers(&got))
		if err != nil || fmt.Sprint(got) != "[3 4]" || exchange.Receipt().Attempts != 2 {
			t.Errorf("%q: %v after %d attempts, %v", broken, got, exchange.Receipt().Attempts, err)
		}
	}
}

func TestAListThatStaysBrokenSaysHow(t *testing.T) {
	for answered, want := range map[string]struct {
		says     string
		attempts int
	}{
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2,":           {"broke off", 5},
		"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n[\"canary\",1,2]": {"documentation", 1},
		"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncanary!":           {"documentation", 1},
	} {
		s := newRawServer(t, nil)
		c := newClient(t, transport.System{}, s.url())
		for range 6 {
			s.script = append(s.script, answer(answered))
		}
		_, _, err := list(t.Context(), c, numbers(new([]int)))
		e, ok := errors.AsType[*resetter.Error](err)
		if !ok || e.Kind != resetter.ErrUnavailable || e.Stop || !strings.Contains(e.Error(), want.says) || e.Attempts != want.attempts || strings.Contains(e.Error(), "canary") {
			t.Errorf("%q: %+v", answered, err)
		}
	}
}

func TestAListThatComesTooSlowlyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			for i := 0; r.Context().Err() == nil; i++ {
				fmt.Fprintf(w, "%c%d", "[,"[min(i, 1)], i)
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		}).on(t, transport.System{})
		start := time.Now()
		_, _, err := list(t.Context(), c, numbers(new([]int)))
		if !errors.Is(err, resetter.ErrUnavailable) || !strings.Contains(err.Error(), "not whole within 1m0s") || time.Since(start) > 2*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// A list is read beyond what is held of other answers, and not without end.
func TestAListHasAnEnd(t *testing.T) {
	const mebibyte = 1 << 20
	for _, c := range []struct {
		size int
		fits bool
	}{{3, true}, {257, false}} {
		s := newRawServer(t, nil)
		s.play(func(s *rawServer, conn net.Conn, in *bufio.Reader) bool {
			answer(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", c.size*mebibyte))(s, conn, in)
			filler := make([]byte, mebibyte)
			for range c.size {
				if _, err := conn.Write(filler); err != nil {
					return false
				}
			}
			return true
		})
		var read int64
		// The size ends it, however slow this machine is to read so much.
		client := newClient(t, transport.System{}, s.url(), transport.WithTimeout(time.Hour))
		_, _, err := list(t.Context(), client, func(r io.Reader) (err error) {
			read, err = io.Copy(io.Discard, r)
			return err
		})
		e, _ := errors.AsType[*resetter.Error](err)
		switch {
		case c.fits && (err != nil || read != int64(c.size)*mebibyte):
			t.Errorf("%d MiB: read %d bytes, %v", c.size, read, err)
		case !c.fits && (e == nil || !e.Stop || !strings.Contains(e.Error(), "larger than 256 MiB") || e.Attempts != 1 || read > 256*mebibyte):
			t.Errorf("%d MiB: read %d bytes, %+v", c.size, read, err)
		}
	}
}

func TestOnlyASuccessIsStreamed(t *testing.T) {
	for answered, want := range map[string]resetter.Kind{
		"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n{\"no\":\"\"}":                               resetter.ErrForbidden,
		"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 2\r\n\r\n[]":                          resetter.ErrUnavailable,
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\r\nplease wait":            resetter.ErrUnavailable,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n<!DOCTYPE html>": resetter.ErrUnavailable,
	} {
		s := newRawServer(t, nil)
		s.play(answer(answered))
		var judged transport.Answer
		system := transport.System{Judge: func(a transport.Answer) transport.Verdict {
			judged = a
			return transport.ByStatus(a)
		}}
		_, _, err := list(t.Context(), newClient(t, system, s.url()), func(io.Reader) error {
			t.Errorf("%q is streamed", answered)
			return nil
		})
		if !errors.Is(err, want) || !strings.HasSuffix(answered, string(judged.Body)) || len(judged.Body) == 0 || judged.Cut {
			t.Errorf("%q: %v, judged by %q", answered, err, judged.Body)
		}
	}
}

func TestWhatIsSaidOfOneOfManyNamesThatOne(t *testing.T) {
	c := newClient(t, transport.System{}, "http://localhost")
	_, exchange := c.Begin(t.Context(), transport.Operation{Name: "look up", Class: transport.Read})
	one := exchange.About("ana@example.com\nbo")
	if e := one.Refuse(resetter.ErrNotFound, "", ""); e.Account != "ana@example.com bo" || e.Op != "look up" {
		t.Errorf("got %+v", e)
	}
	if e := exchange.Refuse(resetter.ErrNotFound, "", ""); e.Account != "" {
		t.Errorf("the others are now called %q", e.Account)
	}
}

func TestWhatIsSaidOfManyIsNothingThatHoldsOfOneAlone(t *testing.T) {
	for status, want := range map[int]resetter.Kind{
		400: resetter.ErrUnavailable, 404: resetter.ErrUnavailable, 422: resetter.ErrUnavailable,
		401: resetter.ErrUnauthorized, 403: resetter.ErrForbidden, 409: resetter.ErrRejected, 429: resetter.ErrRateLimited, 500: resetter.ErrUnavailable,
	} {
		synctest.Test(t, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }).on(t, transport.System{})
			exchange, err := do(handedBack(t.Context()), c, transport.Read, "")
			err = exchange.FailedForAll(err)
			if e, ok := errors.AsType[*resetter.Error](err); !ok || e.Kind != want || e.Status != status {
				t.Errorf("%d: %v, want %v", status, err, want)
			}
		})
	}
}

func TestAClientHasAKeyForItsEvidence(t *testing.T) {
	given := resetter.NewSecret("0123456789abcdef")
	own := newClient(t, transport.System{}, "http://localhost").EvidenceKey()
	other := newClient(t, transport.System{}, "http://localhost").EvidenceKey()
	if own.Equal(other) || len(own.Reveal()) < 16 {
		t.Error("two clients that were given no key share one")
	}
	if c := newClient(t, transport.System{}, "http://localhost", transport.WithEvidenceKey(given)); !c.EvidenceKey().Equal(given) {
		t.Error("the key that was given is not used")
	}
}
