package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// causes are the texts of the causes that a page tells, by outcome.
func causes(t *testing.T, results ...bulk.Result) map[string][]string {
	t.Helper()
	told := map[string][]string{}
	for _, ending := range parsed(t, written(t, aRun(), results...)).classed("ending") {
		outcome := strings.Fields(ending.attr("class"))[1]
		for _, list := range ending.classed("causes") {
			told[outcome] = append(told[outcome], texts(list.named("li"))...)
		}
	}
	return told
}

func TestRowsAreToldByCause(t *testing.T) {
	want := map[string][]string{
		"unknown": {"crm 1 row lost answer: EOF; the mail may have gone out row 7 p6@example.com"},
		"failed": {
			"crm 1 row not found: no user has exactly this address row 6 p5@example.com",
			"looker 1 row not found: no user has this address row 5 p4@example.com",
		},
		"pending": {"crm 1 row row 8 p7@example.com"},
		"skipped": {"crm 1 row line 2 does the same to the same account row 4 p3@example.com"},
		"done":    {"looker 2 rows accepted; a reset mail goes to …"}, // nobody is named who is well
	}
	if d := cmp.Diff(want, causes(t, someResults()...)); d != "" {
		t.Error(d)
	}
}

func TestWhatIsOfTheRowAloneMakesNoCause(t *testing.T) {
	details := func(format string, args ...any) (all []bulk.Result) {
		for n, a := range args {
			r := result(n+1, "looker", bulk.Failed, "rejected", fmt.Sprintf(format, a))
			r.Account.Username, r.Row.Identity = fmt.Sprint(a), resetter.Username(fmt.Sprint(a))
			all = append(all, r)
		}
		return all
	}
	for want, results := range map[string][]bulk.Result{
		"user … is locked":                     details("user %s is locked", "ana", "bo"),
		"rejected (HTTP 409): “…”, says it":    details("rejected (HTTP 409): “%s”, says it", "Ana", "bo"),
		"not before … CET":                     details("not before %s CET", "2026-11-23 10:00:01", "2026-11-23 10:00:02"),
		"it was mailed to …; ask":              details("it was mailed to %s; ask", "a@example.com", "b@example.com"),
		"rejected (HTTP 409) the same for all": details("rejected (HTTP 409) the same for %s", "all", "all"),
	} {
		got := causes(t, results...)["failed"]
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("want one cause %q, got %q", want, got)
		}
	}
	if got := causes(t, details("HTTP %d", 409, 500)...)["failed"]; len(got) != 2 {
		t.Errorf("two statuses are one cause: %q", got)
	}
}

func TestACauseNamesTwentyRowsAndSaysHowManyMore(t *testing.T) {
	var all []bulk.Result
	for n := range 1234 {
		all = append(all, result(n+1, "looker", bulk.Failed, "not_found", "nobody"))
	}
	got := causes(t, all...)["failed"]
	if len(got) != 1 || strings.Count(got[0], "@example.com") != 20 || !strings.HasSuffix(got[0], "p20@example.com and 1,214 more") {
		t.Errorf("got %q", got)
	}
}

func TestATargetHasNoMoreThanSomeCausesOfAReason(t *testing.T) {
	var all []bulk.Result
	for n := range 200 {
		all = append(all, result(n+1, "looker", bulk.Failed, "invalid", "invalid: "+strings.Repeat("x", n)))
	}
	got := causes(t, all...)["failed"]
	if len(got) != 21 || !strings.HasPrefix(got[0], "looker 180 rows rows 22 p21@example.com") {
		t.Errorf("%d causes, the first %q", len(got), got[0])
	}
}

func TestACauseIsToldInFewWords(t *testing.T) {
	r := result(1, "looker", bulk.Failed, "invalid", strings.Repeat("invalid ", 10_000))
	if got := causes(t, r)["failed"][0]; len(got) > 500 {
		t.Errorf("it takes %d", len(got))
	}
}

func TestEveryReasonSaysWhatItMeansAndAllThatFailsHowToFixIt(t *testing.T) {
	failed := []resetter.Kind{resetter.ErrNotFound, resetter.ErrAmbiguous, resetter.ErrIneligible, resetter.ErrInvalid, resetter.ErrUnauthorized,
		resetter.ErrForbidden, resetter.ErrRejected, resetter.ErrUnsupported, resetter.ErrRateLimited, resetter.ErrUnavailable}
	unknown := []resetter.Kind{resetter.ErrLostAnswer, resetter.ErrServerError, resetter.ErrUnreadableAnswer, resetter.ErrInterrupted}
	all := map[bulk.Outcome][]bulk.Reason{
		bulk.Done:    {bulk.Accepted, bulk.Confirmed, bulk.Already},
		bulk.Skipped: {bulk.Duplicate, bulk.Cooldown, bulk.Excluded},
		bulk.Pending: {bulk.NotStarted, bulk.Halted, bulk.Deferred},
	}
	for _, k := range failed {
		all[bulk.Failed] = append(all[bulk.Failed], bulk.Reason(k))
	}
	for _, k := range unknown {
		all[bulk.Unknown] = append(all[bulk.Unknown], bulk.Reason(k))
	}
	for outcome, reasons := range all {
		for _, r := range reasons {
			page := parsed(t, written(t, aRun(), result(1, "looker", outcome, r, "")))
			said := page.classed("reason")[0]
			if p := said.named("p")[0]; p.text() == "" || p.attr("class") != "" {
				t.Errorf("%s/%s means nothing: %s", outcome, r, said.text())
			}
			needsFix := outcome == bulk.Failed || outcome == bulk.Unknown || outcome == bulk.Pending
			if needsFix && len(said.classed("fix")) != 1 {
				t.Errorf("nobody is told what to do about %s/%s", outcome, r)
			}
		}
	}
}

func TestWorstComesFirst(t *testing.T) {
	var got []string
	for _, ending := range parsed(t, written(t, aRun(), someResults()...)).classed("ending") {
		got = append(got, strings.Fields(ending.attr("class"))[1])
	}
	if want := []string{"unknown", "failed", "pending", "skipped", "done"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestARowThatIsNamedLeadsToItsLine(t *testing.T) {
	page := parsed(t, written(t, aRun(), someResults()...))
	for _, a := range page.classed("named")[0].named("a") {
		if line := page.id(t, strings.TrimPrefix(a.attr("href"), "#")); line.Data != "tr" || !strings.Contains(line.text(), "p6@example.com") {
			t.Errorf("%s leads to %s", a.attr("href"), line.text())
		}
	}
}
