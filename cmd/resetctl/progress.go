package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/forecast"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// showProgress shows on stderr how far the engine is, until the returned
// function is called, which waits for it to be gone.
func (j *job) showProgress(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		j.io.Bars(ctx, j.bars)
	}()
	return func() { cancel(); <-done }
}

// bars is a bar for each target that is at work.
func (j *job) bars() []ui.Bar {
	now, progress := time.Now(), j.engine.Progress()
	if j.gauges == nil { // what they have measured holds for the next phase, too
		j.gauges = make(map[string]*forecast.Gauge)
	}
	targets := make(map[string]bulk.Target)
	for _, t := range j.engine.Targets {
		targets[t.Name] = t
	}
	var slowest time.Duration // of those that look people up
	for _, t := range progress.Targets {
		pacer, ok := targets[t.Name].Resetter.(resetter.Pacer)
		if !ok { // nobody is asked
			continue
		}
		g := j.gauges[t.Name]
		if g == nil {
			driver := driverOf(j.config.Target(t.Name).System)
			g = &forecast.Gauge{Concurrency: targets[t.Name].Concurrency, PerLookUp: driver.perLookUp}
			j.gauges[t.Name] = g
		}
		g.See(now, t, pacer.Pace())
		lookingUp, _, _ := g.Left()
		slowest = max(slowest, lookingUp)
	}
	var bars []ui.Bar
	for _, t := range progress.Targets {
		g := j.gauges[t.Name]
		if g == nil {
			continue
		}
		left, acting, ok := g.Left()
		switch {
		case t.Phase == bulk.Acting || j.atOnce():
			left += acting
		case j.options.yes && !j.options.dryRun: // nobody acts before all are looked up
			left = slowest + acting
		} // else there is the plan to be shown, or a question to be asked
		bars = append(bars, barOf(t, g.PerSecond(), left, ok, now))
	}
	return bars
}

// barOf says in words and numbers how far a target is.
func barOf(t bulk.TargetProgress, perSecond float64, left time.Duration, known bool, now time.Time) ui.Bar {
	all := 0
	for _, n := range t.Counts {
		all += n
	}
	b := ui.Bar{Name: t.Name}
	switch t.Phase {
	case bulk.Checking:
		b.Doing = "signing in"
	case bulk.Preparing:
		b.Doing, b.Done, b.All = "looking people up", t.LookedUp, t.LookedUp+t.ToLookUp
		if t.LookedUp > 0 && t.ToLookUp == 0 { // and others are not through
			b.Doing = "looked people up"
		}
	case bulk.Judging:
		b.Doing, b.Done, b.All = "applying the guards", t.Judged, t.Judged+t.ToJudge
	case bulk.Acting:
		b.Doing, b.Done = "working", all-max(t.Counts[bulk.Pending], t.ToDo)
		b.All = b.Done + t.ToDo
	case bulk.Reconciling:
		b.Doing = "reading"
		b.Note = "what became of " + ui.Count(t.Counts[bulk.Unknown], "row") + " in doubt"
	}
	waits := t.GatedUntil.After(now)
	if perSecond > 0 && !waits && t.InFlight > 0 {
		b.Pace = fmt.Sprintf("%.1f requests/s", perSecond) // of which one may look many people up
	}
	switch {
	case !known:
	case left == 0 && t.ToDo == 0:
		b.Left = "done"
	case left > 0:
		b.Left = fmt.Sprintf("%s left (%s)", about(left), clock(now.Add(left), now))
	}
	switch {
	case t.Stopped != "":
		b.Note = "stopped: " + t.Stopped
	case waits && t.Gate == resetter.ErrUnavailable:
		b.Note = fmt.Sprintf("cannot be reached, next try at %s", t.GatedUntil.Local().Format(time.TimeOnly))
	case waits && t.Guessed:
		b.Note = fmt.Sprintf("turns us away, next try at %s", t.GatedUntil.Local().Format(time.TimeOnly))
	case waits:
		b.Note = fmt.Sprintf("asks us to wait until %s", t.GatedUntil.Local().Format(time.TimeOnly))
	case t.Deferred == 1:
		b.Note = "1 waits for their minute"
	case t.Deferred > 0:
		b.Note = fmt.Sprintf("%d wait for their minute", t.Deferred)
	}
	return b
}

// about is a length of time for people. What is rounded off is less than what
// anybody can tell beforehand: three in a hundred at most, or half a second.
func about(d time.Duration) string {
	step := time.Hour
	switch {
	case d < 90*time.Second:
		step = time.Second
	case d < 20*time.Minute:
		step = 5 * time.Second
	case d < 48*time.Hour:
		step = time.Minute
	}
	d = max(d.Round(step), time.Second)
	hours, minutes, seconds := int(d/time.Hour), int(d%time.Hour/time.Minute), int(d%time.Minute/time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", seconds)
	case hours == 0 && seconds == 0:
		return fmt.Sprintf("%d min", minutes)
	case hours == 0:
		return fmt.Sprintf("%d min %d s", minutes, seconds)
	case hours < 48:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	default:
		return fmt.Sprintf("%d days %d h", hours/24, hours%24)
	}
}

// clock is a time of day for people, with the day where that is not today's.
func clock(t, now time.Time) string {
	t = t.Local()
	if t.Format(time.DateOnly) != now.Local().Format(time.DateOnly) {
		return t.Format("Mon 2006-01-02 15:04")
	}
	return t.Format("15:04")
}
