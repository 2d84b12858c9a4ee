package report

import (
	"cmp"
	_ "embed" // for the parts of the page
	"fmt"
	"html/template"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// The parts of the page.
var (
	//go:embed page.html
	pageHTML string
	//go:embed style.css
	styleCSS string
	//go:embed script.js
	scriptJS string

	layout = template.Must(template.New("page").Funcs(template.FuncMap{"number": number[int]}).Parse(pageHTML))
)

// A page is what the template fills in. Every text in it that is not our own
// is clean; the template escapes it.
type page struct {
	Policy template.HTMLAttr // the whole attribute, as people search for it
	Style  template.CSS
	Script template.JS

	ID, Tool        string
	Verdict         string
	Begun, Finished *moment
	Written         *moment
	Took            string
	Exit            string
	Tiles           []tile
	Steps           []step
	Stopped         []Target
	Targets         []targetView
	Total           targetView
	Asked           bool // how many requests there were is known
	Timelines       []timeline
	Endings         []ending
	Outcomes        []bulk.Outcome
	Header          []string
	Large, Wide     bool // many rows, many columns
	Rows            iter.Seq[row]
}

// wide is the number of columns from which on paper takes a smaller type.
const wide = 20

// A moment is a time for machines and for people.
type moment struct{ Machine, Human string }

// A tile is the number of rows with one outcome.
type tile struct {
	Outcome bulk.Outcome
	sign
	Count int
}

// A targetView is a line of the table of targets.
type targetView struct {
	Name, System        string
	Tiles               []tile
	Rows                int
	Requests, Throttled string
	Bar                 []segment
	Says                string // the bar in words
}

// A segment is a part of a bar, in percent of its width.
type segment struct {
	Outcome       bulk.Outcome
	Mark          string // where there is room for it
	X, Width, Mid string
}

// An ending is an outcome with why rows came to it: by reason, and within a
// reason by cause.
type ending struct {
	tile
	Reasons []*reasonView
}

type reasonView struct {
	Reason string
	Count  int
	meaning
	Causes []causeView
}

type causeView struct {
	Target string
	Count  int
	Says   string
	Named  []who
	More   int
}

func newPage(run Run, t *tally, rows *rows) page {
	header := table.ResultsHeader(run.Columns)
	header = header[:len(header)-1] // the last is run_id, which is the title
	for i := range header {
		header[i] = ui.Clean(header[i])
	}
	style := styleCSS + own(ui.Clean(run.ID), header, t.widths)
	p := page{
		Policy: template.HTMLAttr(`content="` + policy(style, scriptJS) + `"`), Style: template.CSS(style), Script: template.JS(scriptJS),
		ID: ui.Clean(run.ID), Tool: ui.Clean(run.Tool),
		Verdict: verdict(t.total),
		Begun:   momentOf(run.StartedAt), Finished: momentOf(run.FinishedAt), Written: momentOf(run.WrittenAt),
		Exit: exitWords(run.ExitCode), Tiles: tiles(t.total), Steps: steps(t.total, run.Next, t.unmailed, run.Again),
		Total:     targetView{Name: "all", Tiles: tiles(t.total), Rows: sum(t.total)},
		Timelines: timelines(run.Samples, t.targets), Outcomes: bulk.Outcomes(),
		Header: header, Large: sum(t.total) > large, Wide: len(header) > wide, Rows: rows.all(len(run.Columns)),
	}
	for i := range p.Steps {
		p.Steps[i].Command = ui.Clean(p.Steps[i].Command)
	}
	if took := run.FinishedAt.Sub(run.StartedAt); p.Begun != nil && p.Finished != nil && took >= 0 {
		p.Took = took.Round(time.Second).String()
	}
	var requests, throttled int64
	for _, target := range t.targets {
		p.Targets = append(p.Targets, viewOf(target))
		requests, throttled = requests+target.Requests, throttled+target.Throttled
		if target.Stopped != "" {
			p.Stopped = append(p.Stopped, Target{Name: ui.Clean(target.Name), Stopped: ui.Clean(target.Stopped)})
		}
	}
	p.Asked = requests > 0
	p.Total.Requests, p.Total.Throttled = number(requests), number(throttled)
	for _, o := range []bulk.Outcome{bulk.Unknown, bulk.Failed, bulk.Pending, bulk.Skipped, bulk.Done} {
		if causes := t.of(o); len(causes) > 0 {
			p.Endings = append(p.Endings, endingOf(o, t.total[o], causes))
		}
	}
	return p
}

func viewOf(t *targetTally) targetView {
	v := targetView{Name: ui.Clean(t.Name), System: ui.Clean(t.System), Tiles: tiles(t.counts), Rows: sum(t.counts),
		Requests: number(t.Requests), Throttled: number(t.Throttled), Bar: bar(t.counts)}
	var parts []string
	for _, tile := range v.Tiles {
		if tile.Count > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", number(tile.Count), tile.Outcome))
		}
	}
	v.Says = fmt.Sprintf("%s: %s", v.Name, strings.Join(parts, ", "))
	if len(parts) == 0 {
		v.Says += "no rows"
	}
	return v
}

func endingOf(o bulk.Outcome, count int, causes []*cause) ending {
	e := ending{tile: tile{o, signs[o], count}}
	type about struct {
		reason   bulk.Reason
		unmailed bool
	}
	reasons := map[about]*reasonView{}
	for _, c := range causes {
		about := about{c.reason, c.unmailed}
		r := reasons[about]
		if r == nil {
			r = &reasonView{Reason: strings.ReplaceAll(ui.Clean(string(c.reason)), "_", " "), meaning: meaningOf(c.reason, !c.unmailed)}
			reasons[about] = r
			e.Reasons = append(e.Reasons, r)
		}
		r.Count += c.count
		view := causeView{Target: ui.Clean(c.target), Count: c.count, Says: c.says()}
		if o != bulk.Done { // what went well is not named row by row
			view.Named, view.More = c.named, c.count-len(c.named)
		}
		r.Causes = append(r.Causes, view)
	}
	slices.SortStableFunc(e.Reasons, func(a, b *reasonView) int { return cmp.Compare(b.Count, a.Count) })
	return e
}

func tiles(c bulk.Counts) (list []tile) {
	for _, o := range bulk.Outcomes() {
		list = append(list, tile{o, signs[o], c[o]})
	}
	return list
}

// bar makes segments of the counts. One of few rows among many is still seen,
// at the cost of the others.
func bar(c bulk.Counts) (list []segment) {
	const least, roomy = 1.2, 6 // percent
	total := float64(sum(c))
	widths, all := map[bulk.Outcome]float64{}, 0.0
	for o, n := range c {
		if n > 0 {
			widths[o] = max(float64(n)/total*100, least)
			all += widths[o]
		}
	}
	x := 0.0
	for _, o := range bulk.Outcomes() {
		width := widths[o] / all * 100
		if widths[o] == 0 {
			continue
		}
		s := segment{Outcome: o, X: percent(x), Width: percent(width), Mid: percent(x + width/2)}
		if width >= roomy {
			s.Mark = signs[o].Mark
		}
		list = append(list, s)
		x += width
	}
	return list
}

func percent(v float64) string { return fmt.Sprintf("%.2f%%", v) }

func sum(c bulk.Counts) (all int) {
	for _, n := range c {
		all += n
	}
	return all
}

func number[N int | int64](n N) string { return humanize.Comma(int64(n)) }

func momentOf(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	return &moment{t.Format(time.RFC3339), t.Format("2 January 2006, 15:04:05 (UTC-07:00)")}
}
