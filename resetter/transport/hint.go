package transport

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longestHint is what an absurd hint is cut to, so that sums of times stay
// sane. Whoever is told a wait like this does not wait for it.
const longestHint = 365 * 24 * time.Hour

// waitHint reads how long a system asks to be left alone from the headers that
// are in use for it, in order of authority: Retry-After (RFC 9110, seconds or
// one of three forms of date), RateLimit-Reset (IETF draft 6, seconds), then
// X-RateLimit-Reset (by custom seconds or an epoch). The answer's own Date is
// the clock that dates and epochs are read by; at is ours, where it has none.
// 0 means that nothing usable was said. Of several values the longest counts.
func waitHint(h http.Header, at time.Time) time.Duration {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		at = date
	}
	for _, hint := range []struct {
		name  string
		parse func(string, time.Time) time.Duration
	}{
		{"Retry-After", secondsOrDate},
		{"RateLimit-Reset", seconds},
		{"X-RateLimit-Reset", secondsOrEpoch},
	} {
		var longest time.Duration
		for _, v := range h.Values(hint.name) {
			longest = max(longest, hint.parse(strings.TrimSpace(v), at))
			for part := range strings.SplitSeq(v, ",") { // joined by a proxy; dates have a comma of their own
				longest = max(longest, hint.parse(strings.TrimSpace(part), at))
			}
		}
		if longest > 0 {
			return min(longest, longestHint)
		}
	}
	return 0
}

func secondsOrDate(v string, at time.Time) time.Duration {
	if d := seconds(v, at); d != 0 {
		return d
	}
	if date, err := http.ParseTime(v); err == nil {
		return max(0, date.Sub(at))
	}
	return 0
}

// seconds reads a whole or decimal number of seconds, 0 for anything else.
func seconds(v string, _ time.Time) time.Duration {
	if v == "" || strings.Trim(v, "0123456789.") != "" {
		return 0
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil && !math.IsInf(n, 1) {
		return 0
	}
	if n >= longestHint.Seconds() {
		return longestHint
	}
	return time.Duration(math.Ceil(n * float64(time.Second)))
}

// secondsOrEpoch takes numbers that as a wait would be 30 years for what they
// must be: points in time, in seconds or milliseconds since 1970.
func secondsOrEpoch(v string, at time.Time) time.Duration {
	const epochFrom = 1e9
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || n < epochFrom || strings.Trim(v, "0123456789.") != "" {
		return seconds(v, at)
	}
	if n >= 1e12 {
		n /= 1000
	}
	if n >= 1e11 {
		return longestHint
	}
	whole, frac := math.Modf(n)
	return max(0, time.Unix(int64(whole), int64(frac*1e9)).Sub(at))
}
