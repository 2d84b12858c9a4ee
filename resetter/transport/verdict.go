package transport

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// An Answer is what a system said, for its Judge.
type Answer struct {
	Class  Class
	Op     string // Operation.Name
	Status int
	Header http.Header
	Body   []byte // as much of it as came, up to 1 MiB; of Operation.Stream the beginning
	Cut    bool   // there is more than that: it broke off, is larger, or could not be streamed
	At     time.Time
}

// IsHTML reports whether the answer is a page for people, which no API here
// ever gives: a proxy's, or a sign-in page.
func (a Answer) IsHTML() bool {
	if t, _, err := mime.ParseMediaType(a.Header.Get("Content-Type")); err == nil && (t == "text/html" || t == "application/xhtml+xml") {
		return true
	}
	start := strings.ToLower(strings.TrimSpace(string(a.Body[:min(len(a.Body), 64)])))
	return strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
}

// A Ruling says what an answer, or its absence, means for the question of
// whether the operation was carried out.
type Ruling int

// The rulings.
const (
	// Unknown: it may have been carried out. The zero value.
	Unknown Ruling = iota
	// Accepted: it was.
	Accepted
	// Refused: it was not, and asking again would change nothing.
	Refused
	// Throttled: it was not; it may be asked again later. Verdict.Scope says
	// whom the pause concerns, Verdict.Wait how long it is.
	Throttled
	// Renew: it was not, because the session is over.
	Renew

	notSent // certainly never left this machine
)

// String is the ruling in a word, as logs have it.
func (r Ruling) String() string {
	return [...]string{"unknown", "accepted", "refused", "throttled", "renew", "not sent"}[r]
}

// A Verdict is a Ruling with its reasons.
type Verdict struct {
	Ruling Ruling
	// Kind is the word for it if the call ends here.
	Kind resetter.Kind

	Scope resetter.Scope // of Throttled
	Wait  time.Duration  // of Throttled; 0: what the headers say, else a pause of our own

	Code    string
	Message string // the system's own words; the transport cleans it
	Fields  []resetter.FieldError
	Advice  string
	Stop    bool // nothing else will go better either, see resetter.Error.Stop
}

// ByStatus judges by HTTP status alone, as strictly as a system demands of
// which nothing is known. It is where a Judge starts.
func ByStatus(a Answer) Verdict {
	switch s := a.Status; {
	case s >= 200 && s <= 299:
		if a.IsHTML() {
			return Verdict{
				Ruling: Unknown, Kind: resetter.ErrUnreadableAnswer, Stop: true,
				Message: "a web page came where the API should have answered",
				Advice:  "check the URL, and whether a sign-in page or proxy stands in between",
			}
		}
		return Verdict{Ruling: Accepted}
	case s >= 300 && s <= 399:
		return redirected(a)
	case s == http.StatusUnauthorized:
		return Verdict{Ruling: Renew, Kind: resetter.ErrUnauthorized, Advice: "check the credentials"}
	case s == http.StatusForbidden:
		return Verdict{Ruling: Refused, Kind: resetter.ErrForbidden, Advice: "give the account that signs in the right to do this"}
	case s == http.StatusNotFound:
		return Verdict{Ruling: Refused, Kind: resetter.ErrNotFound}
	case s == http.StatusRequestTimeout, s == http.StatusFailedDependency, s == 499:
		// Gateways say 408 and 499 for a server that was too slow, and it works
		// on; 424 says that something else failed, not when.
		return Verdict{Ruling: Unknown, Kind: resetter.ErrServerError}
	case s == http.StatusTooManyRequests:
		return Verdict{
			Ruling: Throttled, Kind: resetter.ErrRateLimited,
			Scope: resetter.ScopeTarget, Wait: waitHint(a.Header, a.At),
		}
	case s == http.StatusBadRequest, s == http.StatusUnprocessableEntity:
		return Verdict{Ruling: Refused, Kind: resetter.ErrInvalid}
	case s >= 400 && s <= 499:
		return Verdict{Ruling: Refused, Kind: resetter.ErrRejected}
	default:
		return Verdict{Ruling: Unknown, Kind: resetter.ErrServerError}
	}
}

// redirected judges a redirect, which is never followed. With 301, 307 and 308
// the request was not looked at; 302 and 303 also follow on work that was done.
func redirected(a Answer) Verdict {
	v := Verdict{Stop: true, Advice: "set the URL to where the system really is; redirects are not followed"}
	v.Message = "the answer is a redirect"
	if u, err := url.Parse(a.Header.Get("Location")); err == nil && u.Hostname() != "" {
		v.Message += " to the host " + u.Hostname()
	}
	switch a.Status {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		v.Ruling, v.Kind = Refused, resetter.ErrRejected
	default:
		v.Ruling, v.Kind = Unknown, resetter.ErrUnreadableAnswer
	}
	return v
}
