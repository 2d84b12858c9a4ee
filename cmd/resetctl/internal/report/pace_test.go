package report_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/report"
)

// samples makes one a second of the rates, with as many requests as they say.
func samples(target string, rates ...float64) (list []report.Sample) {
	var requests int64
	for i, rate := range rates {
		if !math.IsInf(rate, 0) {
			requests += int64(rate)
		}
		list = append(list, report.Sample{Target: target, At: start.Add(time.Duration(i) * time.Second), Rate: rate, Requests: requests})
	}
	return list
}

// paces are the figures of a page with these samples.
func paces(t *testing.T, list []report.Sample) []document {
	t.Helper()
	run := aRun()
	run.Samples = list
	return parsed(t, written(t, run, someResults()...)).named("figure")
}

func saysPace(f document) string { return f.named("figcaption")[0].text() }

func TestThePaceIsDrawnAndSaid(t *testing.T) {
	list := samples("looker", 10, 10, 4, 5)
	list[2].Throttled, list[3].Throttled = 2, 2
	figures := paces(t, slices.Concat(list, samples("crm", 4, 4, 4, 4)))
	want := []string{
		"looker: 29 requests from 14:15:02 to 14:15:05, at a pace of 4 to 10 a second; it was asked to slow down (429) 2 times, first at 14:15:04.",
		"crm: 16 requests from 14:15:02 to 14:15:05, at a pace of 4 a second; it was never asked to slow down.",
	}
	for i, f := range figures {
		if d := cmp.Diff(want[i], saysPace(f)); d != "" {
			t.Error(d)
		}
	}
	looker := figures[0].named("svg")[0]
	if got := looker.classed("line")[0].attr("d"); got != "M0 0.0L0 0.0L80 0.0L160 60.0L240 50.0" {
		t.Errorf("the line is %s", got)
	}
	if got := looker.classed("slowed"); len(got) != 1 || got[0].attr("d") != "M160 0V100" {
		t.Errorf("the 429s are at %v", got)
	}
	if got := figures[0].classed("top")[0].text(); got != "10/s" {
		t.Errorf("the upper edge is %s", got)
	}
	if !strings.Contains(looker.attr("aria-label"), "asked to slow down") {
		t.Errorf("the drawing says %q", looker.attr("aria-label"))
	}
}

func TestWithoutTwoMomentsThereIsNoTimeLine(t *testing.T) {
	for name, list := range map[string][]report.Sample{
		"none": nil, "one": samples("looker", 5), "of one moment": {{Target: "looker", At: start}, {Target: "looker", At: start}},
		"of nobody": samples("unheard", 1, 2, 3),
	} {
		run := aRun()
		run.Samples = list
		page := written(t, run, someResults()...)
		if n := len(parsed(t, page).named("figure")); n != 0 || strings.Contains(page, `href="#pace"`) {
			t.Errorf("%s: %d figures, or a link to them", name, n)
		}
	}
}

func TestADayOfSamplesIsDrawnInFewPoints(t *testing.T) {
	var list []report.Sample
	for i := range 86_400 {
		list = append(list, report.Sample{Target: "looker", At: start.Add(time.Duration(i) * time.Second), Rate: float64(i % 10), Requests: int64(i), Throttled: int64(i)})
	}
	figure := paces(t, list)[0]
	if line := figure.classed("line")[0].attr("d"); strings.Count(line, "L") > 250 {
		t.Errorf("it has %d points", strings.Count(line, "L"))
	}
	if n := len(figure.classed("slowed")); n > 241 {
		t.Errorf("it has %d marks", n)
	}
	if got := saysPace(figure); !strings.Contains(got, "to 2026-11-24 14:15:01") {
		t.Errorf("it does not say the day: %s", got)
	}
}

func TestATimeOfWhichNothingIsKnownIsLeftBlank(t *testing.T) {
	list := samples("looker", 5, 5, 5, 5, 5, 5, 5, 5, 5, 5)
	for _, s := range samples("looker", 3, 3, 3) { // another process went on an hour later
		s.At = s.At.Add(time.Hour)
		s.Throttled = 1
		list = append(list, s)
	}
	figure := paces(t, list)[0]
	if n := len(figure.classed("line")); n != 2 {
		t.Errorf("it is drawn in %d stretches", n)
	}
	if got := saysPace(figure); !strings.Contains(got, "59 requests") || !strings.Contains(got, "slow down (429) once") {
		t.Errorf("counters that began anew are added up wrongly: %s", got)
	}
}

func TestWithoutAPacerThePaceIsMeasured(t *testing.T) {
	inf := math.Inf(1)
	list := samples("looker", inf, inf, inf)
	list[0].Requests, list[1].Requests, list[2].Requests = 0, 30, 40
	figure := paces(t, list)[0]
	if got := saysPace(figure); !strings.Contains(got, "at a pace of 10 to 30 a second") {
		t.Error(got)
	}
	for _, p := range figure.named("path") {
		if d := p.attr("d"); strings.Contains(d, "NaN") || strings.Contains(d, "Inf") {
			t.Errorf("it is drawn as %s", d)
		}
	}
}

func TestSamplesMayComeInAnyOrder(t *testing.T) {
	list := samples("looker", 1, 2, 3, 4)
	back := slices.Clone(list)
	slices.Reverse(back)
	if a, b := paces(t, list)[0], paces(t, back)[0]; saysPace(a) != saysPace(b) {
		t.Errorf("%s, and backwards %s", saysPace(a), saysPace(b))
	}
}
