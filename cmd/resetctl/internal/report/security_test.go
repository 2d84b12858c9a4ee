package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/report"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// hostile are texts as somebody would write them who wants to be more than a
// text.
var hostile = []string{
	`<script>alert(1)</script>`, `</title></style></script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`,
	`' style='background:url(//evil.example)`, `--><!-- {{.}} {{template "x"}}`, `javascript:alert(1)`, `</td></tr></table><h1>`,
	`\"; } body { display: none } /*`, `*/ @import "//evil.example"; \22 `, "a\u202egnp.exe\u2066\u200b", "\x1b]8;;http://evil.example\a", "nul\x00\xff\xfe",
	"two\r\nlines\u2028three", `&lt;b&gt; &amp;`, "`${alert(1)}`", `=HYPERLINK("http://evil.example")`, "\ufffe\U0010ffff", "é漢字🙂", "",
}

// everywhere puts a text wherever a text from outside may stand.
func everywhere(s string) (report.Run, []bulk.Result) {
	run := report.Run{
		ID: s, Tool: s, StartedAt: start, FinishedAt: start, Columns: []string{s, "note"},
		Next:    map[bulk.Outcome]string{bulk.Failed: s},
		Targets: []report.Target{{Name: s, System: s, Stopped: s}},
		Samples: []report.Sample{{Target: s, At: start}, {Target: s, At: start.Add(1e9), Rate: 1, Requests: 1, Throttled: 1}},
	}
	r := bulk.Result{
		Row:     bulk.Row{Seq: 1, Line: 2, Target: s, Identity: resetter.Username(s), Action: resetter.Action(s), Cells: []string{s, s}},
		Account: resetter.Account{ID: s, Email: s, Username: s}, Outcome: bulk.Failed, Reason: bulk.Reason(s), Detail: s,
	}
	// Two of one cause that do not say the same, and one that says s alone.
	again, alone := r, r
	r.Detail, again.Detail, alone.Reason = s+" 1", s+" 2", "invalid"
	return run, []bulk.Result{r, again, alone}
}

func TestNothingFromOutsideIsMoreThanText(t *testing.T) {
	for _, s := range hostile {
		onlyText(t, s)
	}
}

func FuzzNothingFromOutsideIsMoreThanText(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { onlyText(t, s) })
}

// onlyText holds the page with s everywhere against one with a harmless text.
func onlyText(t *testing.T, s string) {
	t.Helper()
	harmless := "x"
	if strings.TrimSpace(ui.Clean(s)) == "" {
		harmless = s // the parts that an empty text has none of
	}
	run, rows := everywhere(harmless)
	want := shape(parsed(t, written(t, run, rows...)))
	run, rows = everywhere(s)
	text := written(t, run, rows...)
	page := parsed(t, text)
	if got := shape(page); !slices.Equal(got, want) {
		t.Errorf("%q makes other elements or attributes:\n%v\nwant\n%v", s, got, want)
	}
	cells := page.rows(t)[0]
	for i, got := range cells[:2] {
		// NUL and its like have no place in HTML.
		if want := strings.Join(strings.Fields(ui.Clean(s)), " "); got != want {
			t.Errorf("cell %d is %q, want %q", i, got, want)
		}
	}
	for _, r := range text {
		if r != '\n' && ui.Clean(string(r)) != string(r) {
			t.Fatalf("%q brings %U into the page", s, r)
		}
	}
	if strings.ContainsRune(s, '\u202e') && strings.Contains(page.named("style")[0].FirstChild.Data, `\202e`) {
		t.Errorf("%q turns the text of the style", s)
	}
	guarded(t, page)
}

// shape is what a page is made of but for its texts.
func shape(d document) (elements []string) {
	for _, e := range d.all(func(document) bool { return true }) {
		s := e.Data
		for _, a := range e.Attr {
			s += " " + a.Key
		}
		elements = append(elements, s)
	}
	return elements
}

// guarded holds a page against what its policy is for.
func guarded(t *testing.T, page document) {
	t.Helper()
	var policy string
	for _, m := range page.named("meta") {
		if m.attr("http-equiv") == "Content-Security-Policy" {
			policy = m.attr("content")
		}
	}
	hash := func(element string) string {
		found := page.named(element)
		if len(found) != 1 || found[0].FirstChild == nil {
			t.Fatalf("%d elements %s", len(found), element)
		}
		sum := sha256.Sum256([]byte(found[0].FirstChild.Data))
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	want := fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'", hash("style"), hash("script"))
	if policy != want {
		t.Errorf("the policy is\n%s\nwant\n%s", policy, want)
	}
	for _, e := range page.all(func(document) bool { return true }) {
		if slices.Contains([]string{"link", "img", "iframe", "object", "embed", "base", "form", "audio", "video", "source", "image", "use"}, e.Data) {
			t.Errorf("there is a %s", e.Data)
		}
		for _, a := range e.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "src", a.Key == "srcset", a.Key == "action":
				t.Errorf("%s has %s=%q", e.Data, a.Key, a.Val)
			case a.Key == "href" && !strings.HasPrefix(a.Val, "#"):
				t.Errorf("%s leads to %q", e.Data, a.Val)
			}
		}
	}
	style := page.named("style")[0].FirstChild.Data
	for _, forbidden := range []string{"url(", "@import", "@font-face", "image-set(", "expression("} {
		if strings.Contains(style, forbidden) {
			t.Errorf("the style has %s", forbidden)
		}
	}
}

func TestThePolicyComesBeforeWhatItGuards(t *testing.T) {
	page := written(t, aRun(), someResults()...)
	if at := strings.Index(page, "Content-Security-Policy"); at < 0 || at > strings.Index(page, "<style") || at > 1024 {
		t.Errorf("it is at byte %d", at)
	}
	if !strings.Contains(page, `<meta name="referrer" content="no-referrer">`) {
		t.Error("a link would tell where it came from")
	}
	guarded(t, parsed(t, page))
}

func TestNoEvidenceIsInTheReport(t *testing.T) {
	r := result(1, "looker", bulk.Unknown, "lost_answer", "EOF")
	r.Account.Evidence = "canary-evidence"
	var b bytes.Buffer
	if err := report.Write(&b, aRun(), each(r)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "canary") {
		t.Error("what only the system's own package understands is shown")
	}
}
