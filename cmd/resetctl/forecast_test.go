package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/sugar/sugartest"
	"github.com/seed57652884/resetctl/unleash"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

// What is said beforehand of a run, and while it is under way, against what
// comes: engine, clients and test servers together, in virtual time.

// job is one over the targets of the cast, with the first n people on each.
func (c *cast) job(n int) *job {
	c.t.Helper()
	journal := bulk.NewMemory()
	var rows []bulk.Row
	people := sandbox.People(n)
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(a, b int) { people[a], people[b] = people[b], people[a] })
	for _, p := range people {
		for _, target := range c.targets {
			rows = append(rows, bulk.Row{Target: target.Name, Identity: resetter.Email(p.Email)})
		}
	}
	if err := journal.Add(c.t.Context(), bulk.Rows(rows...)); err != nil {
		c.t.Fatal(err)
	}
	cfg, err := config.Load(config.Source{Systems: kinds(), Home: c.t.TempDir(), Env: []string{
		"RESETCTL_LOOKER_URL=http://localhost", "RESETCTL_LOOKER_CLIENT_ID=x", "RESETCTL_LOOKER_CLIENT_SECRET=x",
		"RESETCTL_SUGAR_URL=http://localhost", "RESETCTL_SUGAR_USERNAME=x", "RESETCTL_SUGAR_PASSWORD=x",
		"RESETCTL_UNLEASH_URL=http://localhost", "RESETCTL_UNLEASH_TOKEN=x",
	}})
	if err != nil {
		c.t.Fatal(err)
	}
	return &job{config: cfg, engine: &bulk.Engine{Journal: journal, Targets: c.targets}}
}

// ended is when each target recorded its last outcome.
func ended(t *testing.T, journal bulk.Journal) map[string]time.Time {
	last := make(map[string]time.Time)
	for r, err := range journal.Results(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if r.FinishedAt.After(last[r.Row.Target]) {
			last[r.Row.Target] = r.FinishedAt
		}
	}
	return last
}

func slow(d time.Duration) sandbox.Config { return sandbox.Config{Latency: d} }

func limited(perSecond float64, hint bool) sandbox.Config {
	return sandbox.Config{Latency: 30 * time.Millisecond, Limit: sandbox.Limit{PerSecond: perSecond, RetryAfter: hint}}
}

// A run of many minutes says after one how long it still takes, and is right
// within a tenth from then on.
func TestAfterAMinuteARunKnowsWhenItIsDone(t *testing.T) {
	for name, tt := range map[string]struct {
		people int
		cast   func(*cast)
		from   time.Duration // 0: a minute
	}{
		"steady, one with look-ups first": {1300, func(c *cast) {
			c.looker(lookertest.Config{People: 1300, Sandbox: slow(30 * time.Millisecond)}, transport.WithRate(10))
			c.sugar(sugartest.Config{People: 1300, Sandbox: slow(300 * time.Millisecond)}, transport.WithRate(4))
			c.unleash(unleashtest.Config{People: 1300, Sandbox: slow(80 * time.Millisecond)}, transport.WithRate(5))
		}, 0},
		"throttled, and does not say for how long": {1000, func(c *cast) {
			c.looker(lookertest.Config{People: 1000, Sandbox: limited(6, false)}, transport.WithRate(10))
			c.unleash(unleashtest.Config{People: 1000, Sandbox: limited(4, false)}, transport.WithRate(10))
		}, 0},
		"throttled, and says so": {1000, func(c *cast) {
			c.looker(lookertest.Config{People: 1000, Sandbox: limited(6, true)}, transport.WithRate(10))
			c.unleash(unleashtest.Config{People: 1000, Sandbox: limited(4, true)}, transport.WithRate(10))
		}, 0},
		"throttled when what it has saved up is spent": {600, func(c *cast) {
			c.unleash(unleashtest.Config{People: 600, Sandbox: sandbox.Config{Limit: sandbox.Limit{PerSecond: 2, Burst: 50, RetryAfter: true}}}, transport.WithRate(10))
		}, 0},
		"answers are slower than the ceiling": {400, func(c *cast) {
			c.sugar(sugartest.Config{People: 400, Sandbox: slow(3 * time.Second)}, transport.WithRate(4))
		}, 0},
		"a ceiling far above": {10_000, func(c *cast) {
			c.unleash(unleashtest.Config{People: 10_000, Sandbox: slow(100 * time.Millisecond)}, transport.WithRate(math.Inf(1)))
		}, 0},
		"two people in five are not found": {1200, func(c *cast) {
			c.looker(lookertest.Config{People: 720, Sandbox: slow(30 * time.Millisecond)}, transport.WithRate(5))
		}, 0},
		"gone for two minutes": {1500, func(c *cast) { c.goneFor(2 * time.Minute) }, 155 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &cast{t: t}
				tt.cast(c)
				j := c.job(tt.people)
				j.options.yes, j.options.expect, j.engine.AtOnce = true, -1, true
				from := max(tt.from, time.Minute)

				type said struct {
					at, until time.Time
				}
				all := make(map[string][]said)
				over := make(chan struct{})
				watched := make(chan struct{})
				go func() {
					defer close(watched)
					tick := time.NewTicker(time.Second)
					defer tick.Stop()
					for {
						select {
						case <-over:
							return
						case now := <-tick.C:
							j.bars()
							for name, g := range j.gauges {
								lookingUp, acting, ok := g.Left()
								s := said{at: now}
								if ok {
									s.until = now.Add(lookingUp + acting)
								}
								all[name] = append(all[name], s)
							}
						}
					}
				}()
				begun := time.Now()
				if _, err := j.engine.Prepare(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := j.engine.Act(t.Context()); err != nil {
					t.Fatal(err)
				}
				close(over)
				<-watched
				for name, end := range ended(t, j.engine.Journal) {
					took := end.Sub(begun)
					if took < 2*from {
						t.Errorf("%s took only %v, which proves nothing", name, took)
					}
					worst, when := 0.0, time.Duration(0)
					for _, s := range all[name] {
						at := s.at.Sub(begun)
						if at < from || at > took*8/10 {
							continue
						}
						if off := math.Abs(s.until.Sub(end).Seconds() / end.Sub(s.at).Seconds()); off > worst {
							worst, when = off, at
						}
					}
					t.Logf("%s took %.0f s; at worst %.1f %% off, after %.0f s", name, took.Seconds(), worst*100, when.Seconds())
					if worst > 0.1 {
						t.Errorf("%s was %.0f %% off after %v", name, worst*100, when)
					}
				}
				c.leaveRested()
			})
		})
	}
}

// goneFor adds an Unleash that cannot be reached for a while, half a minute
// after the beginning.
func (c *cast) goneFor(d time.Duration) {
	pipe, begun := sandbox.NewPipe(), time.Now()
	gone := func() bool { since := time.Since(begun) - 30*time.Second; return since >= 0 && since < d }
	s := unleashtest.NewServer(unleashtest.Config{People: 1500, Sandbox: sandbox.Config{Listener: pipe}})
	r, err := unleash.New("http://localhost", unleash.Credentials{Token: resetter.NewSecret(s.Token)}, transport.WithRate(5),
		transport.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
			if gone() {
				return nil, errors.New("no route to host")
			}
			conn, err := pipe.DialContext(ctx, network, address)
			if err == nil && time.Since(begun) < 30*time.Second {
				time.AfterFunc(30*time.Second-time.Since(begun), func() { _ = conn.Close() })
			}
			return conn, err
		}))
	c.add("unleash", s.Server, r, err, 8)
}

// What plan says of requests and time is what a run then takes.
func TestAPlanIsWhatARunTakes(t *testing.T) {
	for name, tt := range map[string]struct {
		people int
		cast   func(*cast)
	}{
		"as configured by default": {300, func(c *cast) {
			c.looker(lookertest.Config{People: 300, Sandbox: slow(50 * time.Millisecond)}, transport.WithRate(10))
			c.sugar(sugartest.Config{People: 300, Sandbox: slow(300 * time.Millisecond)}, transport.WithRate(4))
			c.unleash(unleashtest.Config{People: 300, Sandbox: slow(80 * time.Millisecond)}, transport.WithRate(10))
		}},
		"few people": {12, func(c *cast) {
			c.looker(lookertest.Config{People: 12, Sandbox: slow(50 * time.Millisecond)}, transport.WithRate(10))
			c.sugar(sugartest.Config{People: 12, Sandbox: slow(50 * time.Millisecond)}, transport.WithRate(4))
		}},
		"a ceiling that it climbs to": {2500, func(c *cast) {
			c.unleash(unleashtest.Config{People: 2500, Sandbox: slow(30 * time.Millisecond)}, transport.WithRate(100))
		}},
		"a ceiling that it does not get to": {1000, func(c *cast) {
			c.unleash(unleashtest.Config{People: 1000, Sandbox: slow(10 * time.Millisecond)}, transport.WithRate(1000))
		}},
		"no ceiling, and answers that take their time": {2500, func(c *cast) {
			c.unleash(unleashtest.Config{People: 2500, Sandbox: slow(200 * time.Millisecond)}, transport.WithRate(math.Inf(1)))
		}},
		"answers slower than the ceiling": {200, func(c *cast) {
			c.sugar(sugartest.Config{People: 200, Sandbox: slow(2 * time.Second)}, transport.WithRate(4))
		}},
		"a third are not found": {300, func(c *cast) {
			c.looker(lookertest.Config{People: 200, Sandbox: slow(50 * time.Millisecond)}, transport.WithRate(10))
		}},
		"a system that slows us down while people are looked up": {400, func(c *cast) {
			c.looker(lookertest.Config{People: 400, Sandbox: limited(5, true)}, transport.WithRate(10))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				before := &cast{t: t}
				tt.cast(before)
				j := before.job(tt.people)
				j.options.dryRun = true
				plan, err := j.engine.Prepare(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				planned := j.outlook(plan)
				asks := j
				asks.options.dryRun = false
				left := asks.outlook(plan) // as it is said before the question of run
				begun := time.Now()
				if _, err := j.engine.Act(t.Context()); err != nil {
					t.Fatal(err)
				}
				for name, end := range ended(t, j.engine.Journal) {
					truth(t, name+", after the question", left.targets[name].takes, end.Sub(begun))
				}
				before.leaveRested()

				then := &cast{t: t}
				tt.cast(then)
				j = then.job(tt.people)
				j.engine.AtOnce = true
				begun = time.Now()
				if _, err := j.engine.Prepare(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := j.engine.Act(t.Context()); err != nil {
					t.Fatal(err)
				}
				longest := time.Duration(0)
				for name, end := range ended(t, j.engine.Journal) {
					truth(t, name, planned.targets[name].takes, end.Sub(begun))
					longest = max(longest, end.Sub(begun))
				}
				truth(t, "all", planned.takes, longest)
				then.leaveRested() // which takes requests, too
				for _, target := range j.engine.Targets {
					pace := target.Resetter.(resetter.Pacer).Pace()
					if got := int64(planned.targets[target.Name].requests); got != pace.Requests-pace.Throttled {
						t.Errorf("%s: %d requests were planned, %d made, %d of them turned away", target.Name, got, pace.Requests, pace.Throttled)
					}
				}
			})
		})
	}
}

// truth fails t where what was said is more than a tenth off, and more than a
// second.
func truth(t *testing.T, what string, said, took time.Duration) {
	t.Helper()
	t.Log(fmt.Sprintf("%s: %.1f s were said, %.1f s it took", what, said.Seconds(), took.Seconds()))
	if off := (said - took).Abs(); off > took/10 && off > time.Second {
		t.Errorf("%s: %v were said, and it took %v", what, said, took)
	}
}
