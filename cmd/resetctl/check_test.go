package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/resetter"
)

func TestAClockThatIsFarOffIsDoubtful(t *testing.T) {
	for off, want := range map[time.Duration]string{
		0: "ok: within a second of this machine's", time.Second: "ok: within a second", -1400 * time.Millisecond: "ok: within a second",
		3 * time.Second: "ok: 3s ahead of", -30 * time.Second: "ok: 30s behind", 31 * time.Second: "warning: 31s ahead", -2 * time.Hour: "warning: 2h0m0s behind",
	} {
		f := clockOf(resetter.Status{ClockSkew: off})
		if got := string(f.Result) + ": " + f.Detail; !strings.HasPrefix(got, want) || (f.Fix != "") != (f.Result == dubious) || f.code != 0 {
			t.Errorf("%v: %+v, want %s", off, f, want)
		}
	}
}

func TestWhatASystemDoesNotTellIsNotCalledWell(t *testing.T) {
	target := &config.Target{Name: "looker", System: "looker", URL: "https://x.io", Rate: 0.05, Concurrency: 1}
	got := make(map[string]string)
	for _, f := range findings(target, resetter.Status{Mailer: resetter.MailerUnknown}, nil) {
		got[f.Check] = string(f.Result) + ": " + f.Detail
	}
	for check, want := range map[string]string{
		"version": "unknown: it could not be read", "mailer": "unknown: ", "own account": "ok: none: the credentials belong to nobody", "pace": "ok: at most 3/m, 1 at a time",
	} {
		if !strings.HasPrefix(got[check], want) {
			t.Errorf("%s: %s, want %s", check, got[check], want)
		}
	}
}

func TestTheExitCodeOfCheckSaysWhatIsToBePutRightFirst(t *testing.T) {
	of := func(codes ...int) (all []finding) {
		for _, c := range codes {
			all = append(all, finding{code: c})
		}
		return all
	}
	for _, c := range []struct{ all, want int }{
		{codeOfFindings(nil), 0}, {codeOfFindings(of(0, 0)), 0}, {codeOfFindings(of(0, exitHeld)), exitHeld},
		{codeOfFindings(of(exitHeld, exitTarget)), exitTarget}, {codeOfFindings(of(exitTarget, exitUsage, exitHeld)), exitUsage},
		{codeOfFindings(of(exitUsage, exitUnexpected)), exitUnexpected},
	} {
		if c.all != c.want {
			t.Errorf("%d, want %d", c.all, c.want)
		}
	}
}

func TestARefusalSaysWhatToDoInItsPlace(t *testing.T) {
	refused := &resetter.Error{System: "looker", Op: "sign in", Kind: resetter.ErrUnavailable, Until: time.Now(), Advice: "check the URL", Err: errors.New("no route")}
	f := refusedFor("login", refused)
	if f.Detail != "unavailable: no route" || f.Fix != "check the URL" || f.code != exitTarget {
		t.Errorf("%+v", f)
	}
	if f := refusedFor("login", errors.New("odd")); f.Detail != "odd" || f.Fix != "" || f.code != exitTarget {
		t.Errorf("%+v", f)
	}
}
