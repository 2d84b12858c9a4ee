package transport_test

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

func TestEverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		option transport.Option
		says   string
	}{
		{"target", transport.WithTarget(""), "name"},
		{"target of two lines", transport.WithTarget("a\nb"), "name"},
		{"rate 0", transport.WithRate(0), "rate"},
		{"rate below 0", transport.WithRate(-1), "rate"},
		{"rate NaN", transport.WithRate(math.NaN()), "rate"},
		{"time-out", transport.WithTimeout(0), "time-out"},
		{"maximum wait", transport.WithMaxWait(-1), "maximum wait"},
		{"authorities", transport.WithRootCAs(nil), "authorities"},
		{"dial", transport.WithDialContext(nil), "dial"},
		{"logger", transport.WithLogger(nil), "logger"},
		{"user agent", transport.WithUserAgent("a\r\nb"), "user agent"},
		{"user agent that no header holds", transport.WithUserAgent("a\x00b"), "user agent"},
		{"observer", transport.WithObserver(nil), "observer"},
		{"observer that is none", transport.WithObserver(func(http.RoundTripper) http.RoundTripper { return nil }), "observer"},
		{"no option", nil, "an option is nil"},
		{"evidence key", transport.WithEvidenceKey(resetter.NewSecret("canary")), "key of the evidence"},
	} {
		_, err := transport.New(transport.System{Name: "acme"}, "ftp://me:canary@example.com/?token=canary", c.option)
		if err == nil {
			t.Fatalf("%s: accepted", c.name)
		}
		for _, want := range []string{c.says, "user name or password", "https", `"?"`} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not said: %v", c.name, want, err)
			}
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAnAddressIsHTTPSOrLoopback(t *testing.T) {
	for url, want := range map[string]string{
		"":                               "",
		"example.com":                    "",
		"https://":                       "",
		"https://:443":                   "",
		"//example.com":                  "",
		"http://example.com":             "",
		"http://localhost.example.com":   "",
		"http://127.0.0.1.example.com":   "",
		"https://example.com?a=canary":   "",
		"https://example.com?":           "",
		"https://example.com#canary":     "",
		"https://me:canary@example.com":  "",
		"https://exa mple.com/canary":    "",
		"https://example.com:65536":      "",
		"https://example.com:99999":      "",
		"https://example.com:0":          "",
		"https://me:47114711/canary":     "",
		"https://example.com/%zz?canary": "",
		"https://example.com":            "https://example.com",
		"https://example.com:19999/":     "https://example.com:19999",
		"https://example.com:65535":      "https://example.com:65535",
		"https://example.com/acme/":      "https://example.com/acme",
		"http://localhost:1":             "http://localhost:1",
		"http://127.0.0.1:1":             "http://127.0.0.1:1",
		"http://[::1]:1":                 "http://[::1]:1",
	} {
		c, err := transport.New(transport.System{Name: "acme"}, url)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q was accepted", url)
		case want == "" && (strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "4711")):
			t.Errorf("%q: %v", url, err)
		case want != "" && (err != nil || c.Base() != want):
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := transport.New(transport.System{Name: "acme"}, "http://example.com", transport.WithPlainHTTP()); err != nil {
		t.Error(err)
	}
}

// What goes into a header by each system's own Authorize is looked at before
// anything is sent, for every system that has no session.
func TestCredentialsThatNoHeaderCanHoldAreRefusedAndNotShown(t *testing.T) {
	for key, good := range map[string]bool{
		"canary": true, "canary with blanks": true, "canäry": true, "": true,
		"canary\n": false, "canary\r\nX-Admin: 1": false, "\x00canary": false, "can\tary": false, "canary\x7f": false,
	} {
		_, err := transport.New(transport.System{Name: "acme", Authorize: func(r *http.Request, _ transport.Token) {
			r.Header.Set("X-Key", key)
			r.Header.Set("X-Other-Key", "other "+key)
		}}, "https://example.com")
		switch {
		case good && err != nil:
			t.Errorf("%q: %v", key, err)
		case good:
		case err == nil:
			t.Errorf("%q was accepted", key)
		case !strings.Contains(err.Error(), "header X-Key") || !strings.Contains(err.Error(), "header X-Other-Key") || strings.Contains(err.Error(), "anary"):
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestASystemNeedsNoJudgeOfItsOwnButAWayToSignIn(t *testing.T) {
	if _, err := transport.New(transport.System{Session: &transport.Session{}}, "https://example.com"); err == nil || !strings.Contains(err.Error(), "SignIn") {
		t.Error(err)
	}
	s := newRawServer(t, nil)
	c, err := transport.New(transport.System{Name: "acme"}, s.url())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := do(t.Context(), c, transport.Send, ""); err != nil {
		t.Error(err)
	}
}

func TestADialFunctionThatReturnsNothingIsAnErrorAndNoCrash(t *testing.T) {
	nothing := func(context.Context, string, string) (net.Conn, error) { return nil, nil }
	for _, url := range []string{"http://localhost", "https://localhost"} {
		c := newClient(t, transport.System{}, url, transport.WithDialContext(nothing), transport.WithMaxWait(0))
		if _, err := do(t.Context(), c, transport.Send, ""); !errors.Is(err, resetter.ErrUnavailable) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
