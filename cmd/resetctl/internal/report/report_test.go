package report_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/report"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

func TestTheTableIsThatOfTheResultsFile(t *testing.T) {
	run := aRun()
	run.Columns = []string{"name", "Target"} // the second has the name of one of ours
	var b bytes.Buffer
	if err := table.WriteResults(&b, table.CSV, run.Columns, run.ID, each(someResults()...)()); err != nil {
		t.Fatal(err)
	}
	want, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i := range want { // the page says the run once
		want[i] = want[i][:len(want[i])-1]
	}
	page := parsed(t, written(t, run, someResults()...))
	got := append([][]string{texts(page.id(t, "rows").named("thead")[0].named("th"))}, page.rows(t)...)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestTheHeadSaysWhichRunAndHowItWent(t *testing.T) {
	run := aRun()
	run.WrittenAt = start.Add(time.Hour)
	head := headOf(t, run, someResults()...)
	for _, want := range []string{
		"Run 20261123-141502-x7k2", "2 of 7 rows are done, 2 failed, 1 is unknown, 1 is pending, 1 was skipped.",
		"Begun 23 November 2026, 14:15:02 (UTC+01:00)", "Finished 23 November 2026, 14:16:32 (UTC+01:00)", "Took 1m30s",
		"Exit code 8: work is left", "Made by resetctl 1.4.0", "As of 23 November 2026, 15:15:02 (UTC+01:00)",
	} {
		if !strings.Contains(head, want) {
			t.Errorf("the head lacks %q: %s", want, head)
		}
	}
	run.FinishedAt, run.WrittenAt, run.ExitCode = time.Time{}, time.Time{}, -1
	head = headOf(t, run)
	for _, want := range []string{"There was nothing to do.", "Finished not yet", "Exit code not known"} {
		if !strings.Contains(head, want) {
			t.Errorf("the head lacks %q: %s", want, head)
		}
	}
}

func headOf(t *testing.T, run report.Run, results ...bulk.Result) string {
	t.Helper()
	return parsed(t, written(t, run, results...)).named("header")[0].text()
}

func TestEveryExitCodeHasWords(t *testing.T) {
	for _, code := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130, 143} {
		run := aRun()
		run.ExitCode = code
		if head := headOf(t, run); !strings.Contains(head, fmt.Sprintf("Exit code %d: ", code)) {
			t.Errorf("%d has none: %s", code, head)
		}
	}
}

func TestTheCountsAddUp(t *testing.T) {
	page := parsed(t, written(t, aRun(), someResults()...))
	lines := page.classed("counts")[0].named("tr")
	var got [][]string
	for _, tr := range lines {
		got = append(got, texts(tr.all(func(e document) bool { return e.Data == "td" || e.Data == "th" })))
	}
	want := [][]string{
		{"Target", "✓ done", "– skipped", "✕ failed", "? unknown", "… pending", "rows", "requests", "throttled"},
		{"looker", "2", "0", "1", "0", "0", "3", "1,240", "3"},
		{"crm (sugar)", "0", "1", "1", "1", "1", "4", "0", "0"},
		{"all", "2", "1", "2", "1", "1", "7", "1,240", "3"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	bars := page.classed("bars")[0].named("svg")
	if got := bars[1].attr("aria-label"); got != "crm: 1 skipped, 1 failed, 1 unknown, 1 pending" {
		t.Errorf("the bar of crm says %q", got)
	}
	for _, bar := range bars {
		width := 0.0
		for _, r := range bar.named("rect") {
			x, _ := strconv.ParseFloat(strings.TrimSuffix(r.attr("x"), "%"), 64)
			w, err := strconv.ParseFloat(strings.TrimSuffix(r.attr("width"), "%"), 64)
			if err != nil || x-width > 0.02 || width-x > 0.02 {
				t.Errorf("a segment at %s of %s does not begin where the last ended, at %v: %v", r.attr("x"), r.attr("width"), width, err)
			}
			width += w
		}
		if width < 99.9 || width > 100.1 {
			t.Errorf("the segments make %v %%", width)
		}
	}
}

func TestRequestsThatNobodyCountedAreNotSaidToBeNone(t *testing.T) {
	run := aRun()
	run.Targets[0].Requests, run.Targets[0].Throttled = 0, 0
	if got := parsed(t, written(t, run, someResults()...)).classed("counts")[0].text(); strings.Contains(got, "requests") || strings.Contains(got, "throttled") {
		t.Error(got)
	}
}

func TestAFewRowsAmongManyAreSeenInTheBar(t *testing.T) {
	many := slices.Repeat([]bulk.Result{result(1, "looker", bulk.Done, bulk.Accepted, "")}, 2000)
	page := parsed(t, written(t, aRun(), append(many, result(2, "looker", bulk.Unknown, "lost_answer", "EOF"))...))
	unknown := page.classed("bars")[0].classed("unknown")
	if len(unknown) != 1 || unknown[0].attr("width") < "1.0" {
		t.Errorf("the one in doubt is not seen: %v", unknown)
	}
}

func TestATargetThatOnlyRowsNameIsShown(t *testing.T) {
	page := parsed(t, written(t, aRun(), result(1, "elsewhere", bulk.Done, bulk.Accepted, "")))
	if got := page.classed("counts")[0].text(); !strings.Contains(got, "elsewhere") {
		t.Errorf("it is not in %s", got)
	}
}

func TestItSaysWhatToDoNext(t *testing.T) {
	run := aRun()
	run.Next = map[bulk.Outcome]string{bulk.Pending: "resetctl resume x", bulk.Failed: "resetctl resume x --retry-failed"}
	run.Targets[1].Stopped = "its certificate has expired"
	steps := parsed(t, written(t, run, someResults()...)).classed("steps")[0].named("li")
	want := []string{
		"… 1 pending: not done yet. Go on with the run; what is done is not repeated. resetctl resume x",
		"? 1 unknown: in doubt: the request left and no answer says what came of it, so the mail may have gone out. They are not sent again by themselves. Ask these people, or look in the system.",
		"✕ 2 failed: certainly not done. Fix the causes below, then take these rows again. resetctl resume x --retry-failed",
	}
	if d := cmp.Diff(want, texts(steps)); d != "" {
		t.Error(d)
	}
	page := parsed(t, written(t, run, someResults()...))
	if got := page.classed("stopped")[0].text(); got != "crm was stopped: its certificate has expired" {
		t.Errorf("got %q", got)
	}
	page = parsed(t, written(t, aRun(), someResults()[:3]...))
	if got := page.named("main")[0].named("section")[0].text(); got != "What to do next Nothing is left to do." {
		t.Errorf("got %q", got)
	}
}

// Nobody is sent to ask people about a mail where there is none.
func TestOfActionsThatMailNobodyItSaysSo(t *testing.T) {
	run := aRun()
	run.Next, run.Again = map[bulk.Outcome]string{bulk.Unknown: "resetctl reconcile x"}, "resetctl resume x --resend-unknown"
	locked, doubt := result(1, "crm", bulk.Done, bulk.Accepted, "done"), result(2, "crm", bulk.Unknown, "lost_answer", "it may have been done")
	locked.Row.Action, doubt.Row.Action = resetter.ActionLock, resetter.ActionLock
	const safe = "? 1 unknown: of actions that mail nobody: each may have been done in part or in whole. To do them once more is safe, since what is so already is read first."
	page := parsed(t, written(t, run, locked, doubt))
	if got, want := texts(page.classed("steps")[0].named("li")), []string{safe + " resetctl resume x --resend-unknown"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, r := range page.classed("reason") {
		if text := r.text(); strings.Contains(text, " mail ") || strings.Contains(text, "Ask these") {
			t.Errorf("it speaks of a mail: %s", text)
		}
	}
	page = parsed(t, written(t, run, doubt, result(3, "crm", bulk.Unknown, "lost_answer", "it may have been done")))
	steps := texts(page.classed("steps")[0].named("li"))
	if len(steps) != 2 || !strings.HasPrefix(steps[0], "? 1 unknown: in doubt:") || !strings.HasSuffix(steps[0], "resetctl reconcile x") ||
		steps[1] != safe+" Settle the resets above before that. resetctl resume x --resend-unknown" {
		t.Errorf("got %q", steps)
	}
	if got := page.classed("reason"); len(got) != 2 {
		t.Errorf("resets and others are told as one: %q", texts(got))
	}
}

func TestAnErrorOfTheResultsIsReturnedAsItCame(t *testing.T) {
	broken := errors.New("the disk is gone")
	for name, failing := range map[string]int{"while counting": 1, "while writing": 2} {
		t.Run(name, func(t *testing.T) {
			pass := 0
			err := report.Write(io.Discard, aRun(), func() iter.Seq2[bulk.Result, error] {
				pass++
				fails := pass == failing
				return func(yield func(bulk.Result, error) bool) {
					if yield(result(1, "looker", bulk.Done, bulk.Accepted, ""), nil) && fails {
						yield(bulk.Result{}, broken)
					}
				}
			})
			if !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnErrorOfTheWriterIsReturned(t *testing.T) {
	full := errors.New("no space left")
	for _, room := range []int{0, 100_000} {
		many := slices.Repeat(someResults(), 2000)
		if err := report.Write(&limited{room, full}, aRun(), each(many...)); !errors.Is(err, full) {
			t.Errorf("after %d bytes: %v", room, err)
		}
	}
}

type limited struct {
	room int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if l.room -= len(p); l.room < 0 {
		return 0, l.err
	}
	return len(p), nil
}

func TestARunThatGoesOnMeanwhileMakesNoReport(t *testing.T) {
	pass := 0
	err := report.Write(io.Discard, aRun(), func() iter.Seq2[bulk.Result, error] {
		r := someResults()
		if pass++; pass == 2 {
			r[6].Outcome, r[6].Reason = bulk.Done, bulk.Accepted
		}
		return each(r...)()
	})
	if !errors.Is(err, report.ErrChanged) {
		t.Errorf("the counts are not those of the rows, and the error is %v", err)
	}
}

func TestMemoryDoesNotGrowWithTheRows(t *testing.T) {
	const rows = 30_000
	var before, now, most runtime.MemStats
	n := 0
	all := func() iter.Seq2[bulk.Result, error] {
		return func(yield func(bulk.Result, error) bool) {
			for i := range rows {
				if n++; n%10_000 == 1 {
					runtime.GC()
					runtime.ReadMemStats(&now)
					if now.HeapAlloc > most.HeapAlloc {
						most = now
					}
				}
				// Each has a detail of its own, as the worst of systems would.
				r := result(i, "looker", bulk.Failed, "invalid", "invalid: "+strings.Repeat(string(rune('a'+i%26)), i%300))
				if !yield(r, nil) {
					return
				}
			}
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	var size counter
	if err := report.Write(&size, aRun(), all); err != nil {
		t.Fatal(err)
	}
	if size < 5<<20 {
		t.Fatalf("%d rows make %d bytes, which cannot be all", rows, size)
	}
	if grown := int64(most.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("%d KiB were held while %d rows were written", grown>>10, rows)
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
