package transport

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"golang.org/x/time/rate"
)

// An Option changes how a client behaves. Each is checked when it is applied, by
// the constructor of the client, which reports all that is wrong at once. Of two
// that say the same the later counts.
type Option func(*settings) error

// The defaults of the options.
const (
	DefaultRate    = 10               // requests a second
	DefaultTimeout = 60 * time.Second // for one attempt, sign-in included
	DefaultMaxWait = 15 * time.Minute // the longest pause that is waited for
)

type settings struct {
	target    string
	rate      rate.Limit
	timeout   time.Duration
	maxWait   time.Duration
	roots     *x509.CertPool
	plainHTTP bool
	links     bool
	evidence  resetter.Secret
	proxy     func(*http.Request) (*url.URL, error)
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
	log       *slog.Logger
	observer  http.RoundTripper // nil for none
	userAgent string
}

func defaults() settings {
	return settings{
		rate:      DefaultRate,
		timeout:   DefaultTimeout,
		maxWait:   DefaultMaxWait,
		proxy:     http.ProxyFromEnvironment,
		dial:      (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext,
		log:       slog.New(slog.DiscardHandler),
		userAgent: "resetctl (+https://github.com/seed57652884/resetctl)",
	}
}

// WithTarget names the target in errors and logs, where it is called something
// else than its system: "looker-eu".
func WithTarget(name string) Option {
	return func(s *settings) error {
		if name == "" || oneLine(name) != name {
			return fmt.Errorf("the target's name %q is empty or not one line of text", name)
		}
		s.target = name
		return nil
	}
}

// WithRate sets the ceiling of the pace in requests a second, all requests
// counted. Nothing lifts it. math.Inf(1) means none.
func WithRate(perSecond float64) Option {
	return func(s *settings) error {
		if !(perSecond > 0) {
			return fmt.Errorf("the rate must be more than 0 a second, not %v", perSecond)
		}
		s.rate = rate.Limit(perSecond)
		if math.IsInf(perSecond, 1) {
			s.rate = rate.Inf
		}
		return nil
	}
}

// WithTimeout bounds each attempt, from connecting to the last byte of the
// answer. Waits for gate and pace are not part of it. A call whose attempts
// have taken that long together is not repeated any more, unless a System.Probe
// shows that a system which could not be reached is back.
func WithTimeout(d time.Duration) Option {
	return func(s *settings) error {
		if d <= 0 {
			return fmt.Errorf("the time-out must be positive, not %v", d)
		}
		s.timeout = d
		return nil
	}
}

// WithMaxWait bounds how long one call waits, in all, because the system asks
// for pauses or cannot be reached. A sign-in that the call needs is a call of
// its own in this.
func WithMaxWait(d time.Duration) Option {
	return func(s *settings) error {
		if d < 0 {
			return fmt.Errorf("the maximum wait cannot be negative: %v", d)
		}
		s.maxWait = d
		return nil
	}
}

// WithRootCAs trusts the certificate authorities in pool instead of the
// machine's own.
func WithRootCAs(pool *x509.CertPool) Option {
	return func(s *settings) error {
		if pool == nil {
			return errors.New("the pool of certificate authorities is nil")
		}
		s.roots = pool
		return nil
	}
}

// WithPlainHTTP allows http:// addresses that are not loopback. Credentials
// then cross the network readable by everyone on the way.
func WithPlainHTTP() Option {
	return func(s *settings) error { s.plainHTTP = true; return nil }
}

// WithLinks has one-time links handed out in Receipt.Link. Without it they are
// not asked for, and those that a system gives all the same are dropped.
func WithLinks() Option {
	return func(s *settings) error { s.links = true; return nil }
}

// WithEvidenceKey sets the key that turns what a system keeps secret, such as a
// live link, into Account.Evidence, which may be stored. Two readings can be
// compared only if they were made with the same key, so keep it as long as the
// readings, and as safe as a password. It has at least 16 bytes, and they are
// random. Without it each client makes one of its own, and its readings are of
// no use to another.
func WithEvidenceKey(key resetter.Secret) Option {
	return func(s *settings) error {
		if len(key.Reveal()) < minEvidenceKey {
			return fmt.Errorf("the key of the evidence is shorter than %d bytes", minEvidenceKey)
		}
		s.evidence = key
		return nil
	}
}

const minEvidenceKey = 16

// WithProxy chooses the proxy of a request; the default is
// http.ProxyFromEnvironment, nil means none.
func WithProxy(proxy func(*http.Request) (*url.URL, error)) Option {
	return func(s *settings) error { s.proxy = proxy; return nil }
}

// WithDialContext makes the connections, in place of a net.Dialer. TLS is put
// on top of what it returns. What a connection says that it has written is
// believed: one that accepted a byte must say so, or a reset that may have been
// sent is called certainly not sent.
func WithDialContext(dial func(ctx context.Context, network, address string) (net.Conn, error)) Option {
	return func(s *settings) error {
		if dial == nil {
			return errors.New("the dial function is nil")
		}
		s.dial = dial
		return nil
	}
}

// WithLogger takes the log. At level Debug it explains every wait and every
// decision; it never holds a secret, a body or a query.
func WithLogger(log *slog.Logger) Option {
	return func(s *settings) error {
		if log == nil {
			return errors.New("the logger is nil")
		}
		s.log = log
		return nil
	}
}

// WithUserAgent sets the User-Agent header.
func WithUserAgent(agent string) Option {
	return func(s *settings) error {
		if agent == "" || malformedValue(agent) {
			return fmt.Errorf("unusable user agent %q", agent)
		}
		s.userAgent = agent
		return nil
	}
}

// parseBase checks a configured address. Its errors never show what could be
// a password or a query in it.
func parseBase(raw string, plainHTTP bool) (*url.URL, error) {
	if raw == "" {
		return nil, errors.New("the URL is empty; it looks like https://example.com")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return nil, errors.New("the URL cannot be read; it looks like https://example.com")
	}
	var errs []error
	if u.User != nil {
		errs = append(errs, errors.New("the URL holds a user name or password; these have settings of their own"))
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		errs = append(errs, errors.New(`the URL has a part behind "?" or "#", which the address of a system never has`))
	}
	if port := u.Port(); port != "" {
		// Not shown: of an address that was put together wrongly it may be the
		// beginning of a password.
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			errs = append(errs, errors.New("the port of the URL is none; ports are numbers from 1 to 65535"))
		}
	}
	switch u.Scheme {
	case "https":
	case "http":
		if !plainHTTP && !isLoopback(u.Hostname()) {
			errs = append(errs, errors.New("the URL is http, so credentials would cross the network readable; use https, or allow http by name"))
		}
	default:
		errs = append(errs, fmt.Errorf("the URL begins with %q; use https", u.Scheme))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
