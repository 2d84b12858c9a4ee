package transport_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// mailAna has a Looker, to try things out, mail Ana through a client with those
// options.
func mailAna(faults []sandbox.Fault, options ...transport.Option) error {
	ctx := context.Background()
	system := lookertest.NewServer(lookertest.Config{Sandbox: sandbox.Config{Faults: faults}})
	defer system.Close()
	system.AddUser(lookertest.User{Email: "ana@example.com"})
	client, err := looker.New(system.URL, looker.Credentials{
		ClientID:     system.ClientID,
		ClientSecret: resetter.NewSecret(system.ClientSecret),
	}, options...)
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	ana, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
	if err != nil {
		return err
	}
	_, err = client.Reset(ctx, ana)
	return err
}

// counting counts requests by what they are about and how they ended.
type counting struct {
	next   http.RoundTripper
	counts map[string]int // a program with several callers guards it with a lock
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	end := "no answer"
	if err == nil {
		end = resp.Status
	}
	c.counts[transport.OperationName(r.Context())+": "+end]++
	return resp, err
}

// Requests are counted, with all that is repeated and the sign-in. OpenTelemetry
// is plugged in the same way: return otelhttp.NewTransport(next).
func ExampleWithObserver() {
	counts := make(map[string]int)
	lost := sandbox.Fault{Kind: sandbox.Drop, On: sandbox.Find, Times: 1}
	err := mailAna([]sandbox.Fault{lost}, transport.WithObserver(func(next http.RoundTripper) http.RoundTripper {
		return counting{next, counts}
	}))
	fmt.Println(err)
	for what, n := range counts {
		fmt.Println(n, what)
	}
	// Unordered output:
	// <nil>
	// 1 sign in: 200 OK
	// 1 look up user: no answer
	// 1 look up user: 200 OK
	// 1 send password reset: 200 OK
	// 1 sign out: 204 No Content
}

// The log goes to a logger of the program's own. At level Debug it explains
// every attempt, wait and decision; it never holds a secret.
func ExampleWithLogger() {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	broken := sandbox.Fault{Kind: sandbox.Answer, Status: 502, On: sandbox.Reset, Times: 1}
	err := mailAna([]sandbox.Fault{broken}, transport.WithLogger(logger), transport.WithTarget("looker-eu"))
	fmt.Println(err)
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "send password reset") && strings.HasPrefix(line, "msg=attempt") {
			fmt.Print(line)
		}
	}
	// Output:
	// looker-eu: send password reset for ana@example.com: server error (HTTP 502); the mail may have gone out
	// msg=attempt target=looker-eu operation="send password reset" class=send attempt=1 status=502 ruling=unknown reason=server_error
}

// Connections are made by the program's own function: through a tunnel, from
// one address of several, or to a test server in memory.
func ExampleWithDialContext() {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	dialled := 0
	err := mailAna(nil, transport.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled++
		return dialer.DialContext(ctx, network, address)
	}))
	fmt.Println(dialled, err)
	// Output:
	// 1 <nil>
}

// Requests go through a proxy. Without this option that of the environment is
// taken (HTTPS_PROXY); WithProxy(nil) takes none.
func ExampleWithProxy() {
	var proxied atomic.Int64
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) { proxied.Add(1) }})
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = mailAna(nil, transport.WithProxy(http.ProxyURL(address)))
	fmt.Println(proxied.Load(), "requests:", err)
	// Output:
	// 4 requests: <nil>
}

// Everything that is wrong is reported at once, before any request.
func ExampleNew() {
	_, err := looker.New("http://looker.example.com", looker.Credentials{},
		transport.WithRate(0), transport.WithTimeout(-time.Second))
	fmt.Println(err)
	// Output:
	// the rate must be more than 0 a second, not 0
	// the time-out must be positive, not -1s
	// the URL is http, so credentials would cross the network readable; use https, or allow http by name
	// the client id is empty
	// the client secret is empty
}
