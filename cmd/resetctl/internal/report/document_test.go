package report_test

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/report"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

var start = time.Date(2026, 11, 23, 14, 15, 2, 0, time.FixedZone("", 3600))

func aRun() report.Run {
	return report.Run{
		ID: "20261123-141502-x7k2", Tool: "resetctl 1.4.0", StartedAt: start, FinishedAt: start.Add(90 * time.Second), ExitCode: 8,
		Columns: []string{"name", "email"},
		Targets: []report.Target{{Name: "looker", System: "looker", Requests: 1240, Throttled: 3}, {Name: "crm", System: "sugar"}},
	}
}

// result is a row on its own line, the n-th of the run.
func result(n int, target string, o bulk.Outcome, r bulk.Reason, detail string) bulk.Result {
	address := fmt.Sprintf("p%d@example.com", n)
	return bulk.Result{
		Row: bulk.Row{Seq: n, Line: n + 1, Target: target, Identity: resetter.Email(address), Action: resetter.ActionReset,
			Cells: []string{fmt.Sprintf("Person %d", n), address}},
		Account: resetter.Account{ID: fmt.Sprint(100 + n), Email: address},
		Outcome: o, Reason: r, Detail: detail,
		Attempts: 1, Status: 200, FinishedAt: start.Add(time.Duration(n) * time.Second),
	}
}

// someResults has a row of each outcome, and more.
func someResults() []bulk.Result {
	pending := result(7, "crm", bulk.Pending, bulk.NotStarted, "")
	pending.Account, pending.Attempts, pending.Status, pending.FinishedAt = resetter.Account{}, 0, 0, time.Time{}
	return []bulk.Result{
		result(1, "looker", bulk.Done, bulk.Accepted, "accepted; a reset mail goes to p1@example.com"),
		result(2, "looker", bulk.Done, bulk.Accepted, "accepted; a reset mail goes to p2@example.com"),
		result(3, "crm", bulk.Skipped, bulk.Duplicate, "line 2 does the same to the same account"),
		result(4, "looker", bulk.Failed, "not_found", "not found: no user has this address"),
		result(5, "crm", bulk.Failed, "not_found", "not found: no user has exactly this address"),
		result(6, "crm", bulk.Unknown, "lost_answer", "lost answer: EOF; the mail may have gone out"),
		pending,
	}
}

func each(results ...bulk.Result) func() iter.Seq2[bulk.Result, error] {
	return func() iter.Seq2[bulk.Result, error] {
		return func(yield func(bulk.Result, error) bool) {
			for _, r := range results {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

func written(t testing.TB, run report.Run, results ...bulk.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, run, each(results...)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A document is a page as a browser understands it.
type document struct{ *html.Node }

func parsed(t testing.TB, page string) document {
	t.Helper()
	n, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return document{n}
}

// all lists the elements below d that satisfy is.
func (d document) all(is func(document) bool) (found []document) {
	for n := range d.Descendants() {
		if e := (document{n}); n.Type == html.ElementNode && is(e) {
			found = append(found, e)
		}
	}
	return found
}

func (d document) named(element string) []document {
	return d.all(func(e document) bool { return e.Data == element })
}

// id is the element with that id; the test fails where there is not exactly one.
func (d document) id(t testing.TB, id string) document {
	t.Helper()
	found := d.all(func(e document) bool { return e.attr("id") == id })
	if len(found) != 1 {
		t.Fatalf("%d elements have the id %q", len(found), id)
	}
	return found[0]
}

func (d document) classed(class string) []document {
	return d.all(func(e document) bool { return slices.Contains(strings.Fields(e.attr("class")), class) })
}

func (d document) attr(name string) string {
	for _, a := range d.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text is what is read, with each run of blanks as one.
func (d document) text() string {
	var b strings.Builder
	for n := range d.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func texts(list []document) (all []string) {
	for _, d := range list {
		all = append(all, d.text())
	}
	return all
}

// rows are the cells of the full table.
func (d document) rows(t testing.TB) (lines [][]string) {
	t.Helper()
	for _, body := range d.id(t, "rows").named("tbody") {
		for _, tr := range body.named("tr") {
			lines = append(lines, texts(tr.all(func(e document) bool { return e.Data == "td" || e.Data == "th" })))
		}
	}
	return lines
}
