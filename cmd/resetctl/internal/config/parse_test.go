package config

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestRatesAreReadAndWritten(t *testing.T) {
	for in, want := range map[string]float64{"10/s": 10, " 600/M ": 10, "3/h": 3.0 / 3600, "0.5/s": 0.5, "unlimited": math.Inf(1), "90 / m": 1.5} {
		got, err := ParseRate(in)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
		again, err := ParseRate(FormatRate(got))
		if err != nil || math.Abs(again-got) > 1e-9*got {
			t.Errorf("%q written as %q", in, FormatRate(got))
		}
	}
	for _, in := range []string{"", "10", "/s", "0/s", "-1/s", "10/d", "inf/s", "nan/s", "1e3/s", "0x1/s", "1/s/s", "10s", "1,5/s", strings.Repeat("9", 400) + "/s"} {
		if got, err := ParseRate(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
}

func TestDurationsAreRead(t *testing.T) {
	for in, want := range map[string]time.Duration{"0": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "90d": 90 * 24 * time.Hour} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "1", "-1s", "-1d", "d", "99999999d", "1.5d", "soon"} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
}

func TestDurationsAreWrittenShort(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "1s": time.Second, "10s": 10 * time.Second, "1m": time.Minute, "1m30s": 90 * time.Second, "10m": 10 * time.Minute,
		"1h": time.Hour, "1h0m1s": time.Hour + time.Second, "1h30m": 90 * time.Minute, "48h": 48 * time.Hour, "500ms": time.Second / 2,
	} {
		again, err := ParseDuration(FormatDuration(d))
		if FormatDuration(d) != want || err != nil || again != d {
			t.Errorf("%v: %s, read as %v, %v", d, FormatDuration(d), again, err)
		}
	}
}

func TestFailuresAreANumberOrAShare(t *testing.T) {
	for in, want := range map[string]MaxFailures{"5": {Count: 5}, "20%": {Percent: 20}, "100%": {Percent: 100}} {
		if got, err := ParseMaxFailures(in); err != nil || got != want || got.String() != in {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "0", "-1", "0%", "101%", "%", "many"} {
		if got, err := ParseMaxFailures(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
}
