package main

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/forecast"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/sugar/sugartest"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

type said struct {
	at, left time.Duration
	ok       bool
	phase    bulk.Phase
}

func (c *cast) forecasts(n int, meanwhile func()) map[string][]said {
	t := c.t
	journal := bulk.NewMemory()
	var rows []bulk.Row
	for _, p := range sandbox.People(n) {
		for _, target := range c.targets {
			rows = append(rows, bulk.Row{Target: target.Name, Identity: resetter.Email(p.Email)})
		}
	}
	if err := journal.Add(t.Context(), bulk.Rows(rows...)); err != nil {
		t.Fatal(err)
	}
	engine := &bulk.Engine{Journal: journal, Targets: c.targets, AtOnce: true}
	gauges := make(map[string]*forecast.Gauge)
	all := make(map[string][]said)
	begun := time.Now()
	done, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
			}
			p := engine.Progress()
			for i, tp := range p.Targets {
				g := gauges[tp.Name]
				if g == nil {
					g = &forecast.Gauge{}
					gauges[tp.Name] = g
				}
				g.See(time.Now(), tp, c.targets[i].Resetter.(resetter.Pacer).Pace())
				a, b, ok := g.Left()
				all[tp.Name] = append(all[tp.Name], said{time.Since(begun), a + b, ok, tp.Phase})
			}
		}
	}()
	if meanwhile != nil {
		go meanwhile()
	}
	if _, err := engine.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Act(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(stop)
	<-done
	last := make(map[string]time.Duration)
	for r := range journal.Results(t.Context()) {
		last[r.Row.Target] = max(last[r.Row.Target], r.FinishedAt.Sub(begun))
	}
	for name, list := range all {
		line := fmt.Sprintf("%-8s took %6.0f s:", name, last[name].Seconds())
		for _, at := range []float64{5, 15, 30, 45, 60, 75, 90, 105, 120, 150, 180, 240, 300, 400, 500} {
			for _, s := range list {
				if s.at.Seconds() >= at && s.at < last[name] {
					if !s.ok {
						line += fmt.Sprintf("  %.0f:?", at)
					} else {
						line += fmt.Sprintf("  %.0f:%s%+.0f%%", at, s.phase[:1], 100*(s.left.Seconds()/(last[name]-s.at).Seconds()-1))
					}
					break
				}
			}
		}
		fmt.Println(line)
	}
	return all
}

func TestExplore(t *testing.T) {
	lat := func(ms int, l sandbox.Limit) sandbox.Config {
		return sandbox.Config{Latency: time.Duration(ms) * time.Millisecond, Limit: l}
	}
	type play struct {
		name string
		n    int
		set  func(*cast)
		mean func(*cast)
	}
	for _, p := range []play{
		{"steady looker 10/s", 3000, func(c *cast) { c.looker(lookertest.Config{People: 3000, Sandbox: lat(30, sandbox.Limit{})}, transport.WithRate(10)) }, nil},
		{"steady unleash 10/s", 5000, func(c *cast) { c.unleash(unleashtest.Config{People: 5000, Sandbox: lat(80, sandbox.Limit{})}, transport.WithRate(10)) }, nil},
		{"sugar 4/s", 2000, func(c *cast) { c.sugar(sugartest.Config{People: 2000, Sandbox: lat(300, sandbox.Limit{})}, transport.WithRate(4)) }, nil},
		{"sugar 4/s slow answers", 2000, func(c *cast) { c.sugar(sugartest.Config{People: 2000, Sandbox: lat(2000, sandbox.Limit{})}, transport.WithRate(4)) }, nil},
		{"unleash limit 5 hint", 3000, func(c *cast) { c.unleash(unleashtest.Config{People: 3000, Sandbox: lat(30, sandbox.Limit{PerSecond: 5, RetryAfter: true})}, transport.WithRate(10)) }, nil},
		{"unleash limit 5 no hint", 3000, func(c *cast) { c.unleash(unleashtest.Config{People: 3000, Sandbox: lat(30, sandbox.Limit{PerSecond: 5})}, transport.WithRate(10)) }, nil},
		{"looker limit 5 hint", 20, func(c *cast) { c.looker(lookertest.Config{People: 1500, Sandbox: lat(30, sandbox.Limit{PerSecond: 5, RetryAfter: true})}, transport.WithRate(10)) }, nil},
		{"unleash limit 25 hint under 200", 8000, func(c *cast) { c.unleash(unleashtest.Config{People: 8000, Sandbox: lat(30, sandbox.Limit{PerSecond: 25, RetryAfter: true})}, transport.WithRate(200)) }, nil},
		{"unleash limit 25 no hint under 200", 8000, func(c *cast) { c.unleash(unleashtest.Config{People: 8000, Sandbox: lat(30, sandbox.Limit{PerSecond: 25})}, transport.WithRate(200)) }, nil},
		{"unleash limit 2 burst 100 hint", 1000, func(c *cast) { c.unleash(unleashtest.Config{People: 1000, Sandbox: lat(30, sandbox.Limit{PerSecond: 2, Burst: 100, RetryAfter: true})}, transport.WithRate(10)) }, nil},
		{"unlimited unleash lat 100", 20000, func(c *cast) { c.unleash(unleashtest.Config{People: 20000, Sandbox: lat(100, sandbox.Limit{})}, transport.WithRate(math.Inf(1))) }, nil},
		{"unleash 200 lat 30", 30000, func(c *cast) { c.unleash(unleashtest.Config{People: 30000, Sandbox: lat(30, sandbox.Limit{})}, transport.WithRate(200)) }, nil},
		{"three side by side", 1500, func(c *cast) {
			c.looker(lookertest.Config{People: 1500, Sandbox: lat(30, sandbox.Limit{})}, transport.WithRate(10))
			c.sugar(sugartest.Config{People: 1500, Sandbox: lat(300, sandbox.Limit{})}, transport.WithRate(4))
			c.unleash(unleashtest.Config{People: 1500, Sandbox: lat(80, sandbox.Limit{PerSecond: 5})}, transport.WithRate(10))
		}, nil},
		{"pause of 120 s at 200 s", 5000, func(c *cast) { c.unleash(unleashtest.Config{People: 5000, Sandbox: lat(80, sandbox.Limit{})}, transport.WithRate(10)) }, func(c *cast) {
			time.Sleep(200 * time.Second)
			c.servers["unleash"].Inject(sandbox.Fault{Kind: sandbox.Throttle, On: sandbox.Reset, Times: 1, RetryAfter: 120 * time.Second})
		}},
		{"outage of 120 s at 30 s", 5000, func(c *cast) { c.unleash(unleashtest.Config{People: 5000, Sandbox: lat(80, sandbox.Limit{})}, transport.WithRate(10)); c.cut = 8 }, func(c *cast) {
			time.Sleep(30 * time.Second)
			c.servers["unleash"].Outage(120 * time.Second)
		}},
		{"10 s of each minute", 2000, func(c *cast) { c.unleash(unleashtest.Config{People: 2000, Sandbox: lat(80, sandbox.Limit{})}, transport.WithRate(10)) }, func(c *cast) {
			for range 30 {
				time.Sleep(10 * time.Second)
				c.servers["unleash"].Inject(sandbox.Fault{Kind: sandbox.Throttle, On: sandbox.Reset, Times: 1, RetryAfter: 50 * time.Second})
				time.Sleep(50 * time.Second)
			}
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := &cast{t: t}
			p.set(c)
			fmt.Println("==", p.name)
			var mean func()
			if p.mean != nil {
				mean = func() { p.mean(c) }
			}
			c.forecasts(p.n, mean)
			c.leave()
			time.Sleep(time.Hour)
		})
	}
}
