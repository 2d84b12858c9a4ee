package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
)

// A Sample is how fast a target was asked at a moment. One a second tells
// enough; the page draws a bounded number of points however many there are.
type Sample struct {
	Target string
	At     time.Time
	// Rate is in requests a second. Where it is no finite number, because
	// nothing paces the target, the page shows what was measured since the
	// sample before.
	Rate float64
	// Requests and Throttled count up to that moment. They begin at 0 again
	// where another process goes on with the run.
	Requests, Throttled int64
}

// The time line is drawn on a field of this size and stretched to the page.
// It has a point for each unit of its width at most.
const (
	fieldWidth  = 240
	fieldHeight = 100
)

// A timeline is the pace of one target.
type timeline struct {
	Target   string
	Top      string // what the upper edge means
	From, To string // what the left and the right edge mean
	Lines    []string
	Areas    []string
	Slowed   []slowed
	Says     string // the same in words
}

// slowed is a place on the time line where the system asked to slow down.
type slowed struct {
	X     int
	Count int64
}

// timelines draws the samples of each target that has two moments of them, all
// on the same axis of time.
func timelines(samples []Sample, targets []*targetTally) (list []timeline) {
	if len(samples) == 0 {
		return nil
	}
	first := slices.MinFunc(samples, func(a, b Sample) int { return a.At.Compare(b.At) }).At
	last := slices.MaxFunc(samples, func(a, b Sample) int { return a.At.Compare(b.At) }).At
	for _, t := range targets {
		var own []Sample
		for _, s := range samples {
			if s.Target == t.Name {
				own = append(own, s)
			}
		}
		slices.SortStableFunc(own, func(a, b Sample) int { return a.At.Compare(b.At) })
		if len(own) > 1 && own[0].At.Before(own[len(own)-1].At) {
			list = append(list, draw(own, first, last))
		}
	}
	return list
}

// A column is what is seen at one unit of the field's width.
type column struct {
	sum, n float64 // of the rates
	slowed int64
	apart  bool // nothing is known of the time before it
}

// draw draws the samples of one target, which are in order and more than one,
// on an axis from first to last.
func draw(own []Sample, first, last time.Time) timeline {
	span := last.Sub(first).Seconds()
	usual := own[len(own)-1].At.Sub(own[0].At) / time.Duration(len(own)-1)
	columns := make([]column, fieldWidth+1)
	line := timeline{Target: ui.Clean(own[0].Target), From: clock(first, first), To: clock(last, first)}

	var requests, slow int64
	var slowFirst time.Time
	lowest, highest := math.Inf(1), 0.0
	at, apart := 0, false
	for i, s := range own {
		at = int(math.Round(s.At.Sub(first).Seconds() / span * fieldWidth))
		rate, more := s.Rate, s.Throttled
		asked := s.Requests
		if i > 0 {
			before := own[i-1]
			asked, more = since(s.Requests, before.Requests), since(s.Throttled, before.Throttled)
			apart = apart || s.At.Sub(before.At) > 5*usual
			if math.IsInf(rate, 0) || math.IsNaN(rate) {
				rate = float64(asked) / max(s.At.Sub(before.At).Seconds(), 1e-3)
			}
		}
		requests += asked
		if more > 0 {
			if slow == 0 {
				slowFirst = s.At
			}
			slow += more
			columns[at].slowed += more
		}
		if math.IsInf(rate, 0) || math.IsNaN(rate) || rate < 0 {
			continue // the first, and nothing was measured yet
		}
		lowest, highest = min(lowest, rate), max(highest, rate)
		columns[at].apart = columns[at].apart || apart
		columns[at].sum, columns[at].n = columns[at].sum+rate, columns[at].n+1
		apart = false
	}
	top := niceAbove(highest)
	line.Top = pace(top)
	line.draw(columns, top)

	line.Says = fmt.Sprintf("%s requests from %s to %s", number(requests), clock(own[0].At, first), clock(own[len(own)-1].At, first))
	switch low, high := pace(lowest), pace(highest); {
	case lowest > highest: // nothing was measured
	case low == high:
		line.Says += fmt.Sprintf(", at a pace of %s a second", high)
	default:
		line.Says += fmt.Sprintf(", at a pace of %s to %s a second", low, high)
	}
	switch slow {
	case 0:
		line.Says += "; it was never asked to slow down."
	case 1:
		line.Says += fmt.Sprintf("; it was asked to slow down (429) once, at %s.", clock(slowFirst, first))
	default:
		line.Says += fmt.Sprintf("; it was asked to slow down (429) %s times, first at %s.", number(slow), clock(slowFirst, first))
	}
	return line
}

// draw makes paths of the columns: one for each stretch of time of which
// something is known.
func (t *timeline) draw(columns []column, top float64) {
	var path strings.Builder
	begin, end := 0, 0
	finish := func() {
		if path.Len() > 0 {
			t.Lines = append(t.Lines, path.String())
			t.Areas = append(t.Areas, fmt.Sprintf("%sL%d %dL%d %dZ", path.String(), end, fieldHeight, begin, fieldHeight))
		}
		path.Reset()
	}
	for x, c := range columns {
		if c.slowed > 0 {
			t.Slowed = append(t.Slowed, slowed{x, c.slowed})
		}
		if c.n == 0 {
			continue
		}
		y := fieldHeight * (1 - c.sum/c.n/top)
		if c.apart {
			finish()
		}
		if path.Len() == 0 {
			begin = x
			fmt.Fprintf(&path, "M%d %.1f", x, y)
		}
		// A stretch of one point is seen as well.
		fmt.Fprintf(&path, "L%d %.1f", x, y)
		end = x
	}
	finish()
}

// since is how much a counter has grown that may have begun anew.
func since(now, before int64) int64 {
	if now < before {
		return now
	}
	return now - before
}

// niceAbove is the least of 1, 2, 5, 10, 20, … that is not below v.
func niceAbove(v float64) float64 {
	for scale := 0.01; ; scale *= 10 {
		for _, step := range []float64{1, 2, 5} {
			if step*scale >= v*0.999999 {
				return step * scale
			}
		}
	}
}

func pace(v float64) string {
	return strings.TrimSuffix(strings.TrimSuffix(fmt.Sprintf("%.2f", v), "0"), ".0")
}

// clock is the time of day, with the day where that is not the day of since.
func clock(t, since time.Time) string {
	t = t.In(since.Location())
	if y, d := since.Year(), since.YearDay(); cmp.Or(cmp.Compare(t.Year(), y), cmp.Compare(t.YearDay(), d)) != 0 {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("15:04:05")
}
