package transport

import (
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestAHintIsReadInEveryFormThatIsInUse(t *testing.T) {
	const date = "Sun, 01 Mar 2026 11:00:00 GMT" // the server's clock: an hour behind ours
	for _, c := range []struct {
		name string
		h    http.Header
		want time.Duration
	}{
		{"nothing", http.Header{}, 0},
		{"seconds", http.Header{"Retry-After": {"7"}}, 7 * time.Second},
		{"folded into one", http.Header{"Retry-After": {"1, 30"}}, 30 * time.Second},
		{"blanks", http.Header{"Retry-After": {" 7 "}}, 7 * time.Second},
		{"decimals", http.Header{"Retry-After": {"1.5"}}, 1500 * time.Millisecond},
		{"date of RFC 1123", http.Header{"Date": {date}, "Retry-After": {"Sun, 01 Mar 2026 11:01:00 GMT"}}, time.Minute},
		{"date of RFC 850", http.Header{"Date": {date}, "Retry-After": {"Sunday, 01-Mar-26 11:01:00 GMT"}}, time.Minute},
		{"date of asctime", http.Header{"Date": {date}, "Retry-After": {"Sun Mar  1 11:01:00 2026"}}, time.Minute},
		{"date without a clock to read it by", http.Header{"Retry-After": {"Sun, 01 Mar 2026 12:01:00 GMT"}}, time.Minute},
		{"past date", http.Header{"Date": {date}, "Retry-After": {"Sun, 01 Mar 2026 10:00:00 GMT"}}, 0},
		{"draft 6", http.Header{"Ratelimit-Reset": {"30"}}, 30 * time.Second},
		{"draft 6 is seconds, never an epoch", http.Header{"Ratelimit-Reset": {"1772362830"}}, longestHint},
		{"X delta", http.Header{"X-Ratelimit-Reset": {"30"}}, 30 * time.Second},
		{"X epoch", http.Header{"Date": {date}, "X-Ratelimit-Reset": {"1772362830"}}, 30 * time.Second},
		{"X epoch in ms", http.Header{"Date": {date}, "X-Ratelimit-Reset": {"1772362830500"}}, 30500 * time.Millisecond},
		{"X past epoch", http.Header{"Date": {date}, "X-Ratelimit-Reset": {"1700000000"}}, 0},
		{"Retry-After goes first", http.Header{"Retry-After": {"2"}, "X-Ratelimit-Reset": {"30"}}, 2 * time.Second},
		{"unusable Retry-After leaves the next", http.Header{"Retry-After": {"soon"}, "Ratelimit-Reset": {"30"}}, 30 * time.Second},
		{"two headers", http.Header{"Retry-After": {"2", "9"}}, 9 * time.Second},
		{"negative", http.Header{"Retry-After": {"-5"}}, 0},
		{"zero", http.Header{"Retry-After": {"0"}}, 0},
		{"overflow", http.Header{"Retry-After": {"9223372037"}}, longestHint},
		{"longer still", http.Header{"Retry-After": {"99999999999999999999999999"}}, longestHint},
		{"words", http.Header{"Retry-After": {"NaN"}, "Ratelimit-Reset": {"Inf"}, "X-Ratelimit-Reset": {"1e300"}}, 0},
	} {
		if got := waitHint(c.h, noon); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzWaitHint(f *testing.F) {
	for _, v := range []string{"", "7", "1.5", "-1", "9223372037", "1772362830", "Sun, 01 Mar 2026 11:01:00 GMT", "1e9", "0x1p3", "..", "NaN"} {
		f.Add(v, v, v, v)
	}
	f.Fuzz(func(t *testing.T, date, after, reset, x string) {
		h := http.Header{"Date": {date}, "Retry-After": {after, x}, "Ratelimit-Reset": {reset}, "X-Ratelimit-Reset": {x}}
		if d := waitHint(h, noon); d < 0 || d > longestHint {
			t.Errorf("%v", d)
		}
	})
}
