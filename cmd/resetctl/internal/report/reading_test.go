package report_test

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/seed57652884/resetctl/resetter/bulk"
)

func TestAReaderOfTheScreenFindsTheWay(t *testing.T) {
	run := aRun()
	run.Samples = samples("looker", 10, 5, 5, 5)
	page := parsed(t, written(t, run, someResults()...))
	for _, landmark := range []string{"header", "nav", "main", "footer", "h1", "title"} {
		if n := len(page.named(landmark)); n != 1 {
			t.Errorf("%d elements %s", n, landmark)
		}
	}
	if page.named("html")[0].attr("lang") != "en" {
		t.Error("the language is not said")
	}

	level := 0
	for _, h := range page.all(func(e document) bool { return regexp.MustCompile(`^h[1-6]$`).MatchString(e.Data) }) {
		n := int(h.Data[1] - '0')
		if n > level+1 {
			t.Errorf("after a heading of level %d comes %q of level %d", level, h.text(), n)
		}
		level = n
	}

	ids := map[string]bool{}
	for _, e := range page.all(func(e document) bool { return e.attr("id") != "" }) {
		if ids[e.attr("id")] {
			t.Errorf("the id %s is there twice", e.attr("id"))
		}
		ids[e.attr("id")] = true
	}
	for _, e := range page.all(func(document) bool { return true }) {
		for _, key := range []string{"aria-labelledby", "for"} {
			if id := e.attr(key); id != "" && !ids[id] {
				t.Errorf("%s %s=%q leads nowhere", e.Data, key, id)
			}
		}
		if href := e.attr("href"); href != "" && !ids[href[1:]] {
			t.Errorf("the link %q leads nowhere", href)
		}
		if e.Data == "svg" && (e.attr("role") != "img" || e.attr("aria-label") == "") {
			t.Error("a drawing says nothing")
		}
		if e.Data == "th" && !slices.Contains([]string{"col", "row"}, e.attr("scope")) {
			t.Errorf("the heading %q does not say of what", e.text())
		}
		if e.Data == "table" && (len(e.named("caption")) != 1 || len(e.named("thead")) != 1) {
			t.Error("a table has no caption or no head")
		}
		if (e.Data == "input" || e.Data == "select") && e.Parent.Data != "label" {
			t.Errorf("%s has no label", e.attr("id"))
		}
	}
	if first := page.named("body")[0].named("a")[0]; first.attr("href") != "#main" {
		t.Error("the first link does not lead past the head")
	}
	if page.id(t, "shown").attr("aria-live") != "polite" {
		t.Error("nobody is told how many rows a search finds")
	}
}

func TestWithoutTheScriptNothingIsMissingAndNothingIsDead(t *testing.T) {
	page := parsed(t, written(t, aRun(), someResults()...))
	hidden := page.all(func(e document) bool {
		return slices.ContainsFunc(e.Attr, func(a html.Attribute) bool { return a.Key == "hidden" })
	})
	if len(hidden) != 1 || hidden[0].attr("id") != "filter" {
		t.Errorf("hidden are %v", texts(hidden))
	}
	controls := len(page.named("input")) + len(page.named("select")) + len(page.named("button"))
	within := len(hidden[0].named("input")) + len(hidden[0].named("select")) + len(hidden[0].named("button"))
	if controls == 0 || controls != within {
		t.Errorf("%d of %d controls are shown that do nothing", controls-within, controls)
	}
	if got := page.id(t, "shown").text(); got != "7 rows" {
		t.Errorf("got %q", got)
	}
}

func TestTheFilterOffersWhatThereIs(t *testing.T) {
	page := parsed(t, written(t, aRun(), someResults()...))
	if got := fmt.Sprint(texts(page.id(t, "target").named("option"))); got != "[all looker crm]" {
		t.Error(got)
	}
	if got := fmt.Sprint(texts(page.id(t, "outcome").named("option"))); got != "[all done skipped failed unknown pending]" {
		t.Error(got)
	}
}

func TestALargeTableIsWrittenInBlocks(t *testing.T) {
	for _, tt := range []struct {
		rows, blocks int
		large        bool
	}{{0, 1, false}, {100, 1, false}, {101, 2, false}, {1000, 10, false}, {1001, 11, true}} {
		var all []bulk.Result
		for n := range tt.rows {
			all = append(all, result(n+1, "looker", bulk.Done, bulk.Accepted, ""))
		}
		page := parsed(t, written(t, aRun(), all...))
		rows := page.id(t, "rows")
		if n, large := len(rows.named("tbody")), slices.Contains(strings.Fields(rows.attr("class")), "large"); n != tt.blocks || large != tt.large {
			t.Errorf("%d rows are in %d blocks, large %v", tt.rows, n, large)
		}
		if n := len(page.rows(t)); n != tt.rows {
			t.Errorf("of %d rows there are %d", tt.rows, n)
		}
	}
}

// The least contrast of texts is that of WCAG 2, level AA.
func TestEveryColourCanBeReadOnItsGround(t *testing.T) {
	style := parsed(t, written(t, aRun())).named("style")[0].FirstChild.Data
	light, dark, _ := strings.Cut(style, "prefers-color-scheme: dark")
	for scheme, rules := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z]+): #([0-9a-f]{6})`).FindAllStringSubmatch(rules, -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		for _, ground := range []string{"paper", "panel"} {
			for _, ink := range []string{"ink", "soft", "link", "done", "skipped", "failed", "unknown", "pending"} {
				a, b := colours[ink], colours[ground]
				if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
					t.Errorf("%s: %s on %s has the contrast %.2f", scheme, ink, ground, ratio)
				}
			}
		}
	}
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
