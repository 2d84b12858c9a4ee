package config

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ParseRate reads "10/s", "600/m", "3/h" or "unlimited" as requests a second;
// +Inf is unlimited.
func ParseRate(s string) (float64, error) {
	if s = strings.ToLower(strings.TrimSpace(s)); s == "unlimited" {
		return Unlimited, nil
	}
	const want = "write it as 10/s, 600/m, 3/h or unlimited"
	number, unit, ok := strings.Cut(s, "/")
	seconds, known := map[string]float64{"s": 1, "m": 60, "h": 3600}[strings.TrimSpace(unit)]
	if !ok || !known {
		return 0, fmt.Errorf("%q is not a rate: %s", s, want)
	}
	number = strings.TrimSpace(number)
	n, err := strconv.ParseFloat(number, 64)
	// Only digits and a point: ParseFloat also takes "inf", "0x1p4" and "1e9".
	if err != nil || strings.Trim(number, "0123456789.") != "" {
		return 0, fmt.Errorf("%q is not a rate: %s", s, want)
	}
	if rate := n / seconds; rate > 0 && !math.IsInf(rate, 0) {
		return rate, nil
	}
	return 0, fmt.Errorf("the rate %q must be more than 0; %s", s, want)
}

// FormatRate writes a rate so that ParseRate reads it: by the second where
// that is whole, else by the minute or the hour.
func FormatRate(perSecond float64) string {
	if math.IsInf(perSecond, 1) {
		return "unlimited"
	}
	unit, n := "s", perSecond
	for _, u := range []struct {
		unit    string
		seconds float64
	}{{"s", 1}, {"m", 60}, {"h", 3600}} {
		if v := perSecond * u.seconds; math.Abs(v-math.Round(v)) < 1e-9*v {
			unit, n = u.unit, math.Round(v)
			break
		}
	}
	return strconv.FormatFloat(n, 'f', -1, 64) + "/" + unit
}

// ParseDuration reads 90s, 15m, 1h30m, 90d or 0; nothing below 0.
func ParseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		if n, err = strconv.Atoi(days); err == nil && n > 100*365 {
			return 0, fmt.Errorf("%q is longer than a hundred years", s)
		}
		d = time.Duration(n) * 24 * time.Hour
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration: write it as 90s, 15m, 1h30m or 2d", s)
	case d < 0:
		return 0, fmt.Errorf("the duration %q is less than 0", s)
	}
	return d, nil
}

// FormatDuration writes a duration so that ParseDuration reads it, without
// the parts that are 0: 1h, 1h30m, 45s.
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func parseCount(s string, most int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%q is not a whole number from 1 to %d", s, most)
	}
	return n, nil
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", s)
}

// CheckURL sees to it that an address can be shown: no password and no query
// in it. The rest is for the system's own client to judge.
func CheckURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return errors.New("this is not an address such as https://example.com")
	case u.User != nil:
		return errors.New("an address must not hold a user or a password: there are keys for them")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("an address must not hold ? or #")
	}
	return nil
}
