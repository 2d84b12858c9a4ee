package main

import (
	"fmt"
	"math"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/forecast"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// An outlook is what a plan means: how often systems are asked, how long that
// takes, and what people should think of before they begin.
type outlook struct {
	requests int
	takes    time.Duration
	longest  string // the target that takes longest
	warnings []string
	targets  map[string]outlook
}

// outlook looks ahead from a plan. What plan has looked up, run looks up once
// more; where a run is about to go on, that is behind it.
func (j *job) outlook(plan bulk.Plan) outlook {
	all := outlook{targets: make(map[string]outlook)}
	targets := make(map[string]bulk.Target)
	for _, t := range j.engine.Targets {
		targets[t.Name] = t
	}
	for _, part := range plan.Targets {
		target := targets[part.Name]
		if target.Resetter == nil {
			continue // nobody is asked
		}
		driver := driverOf(j.config.Target(part.Name).System)
		links := ""
		if j.options.links != nil {
			links = j.options.links.Path
		}
		o := outlook{warnings: warnings(part, driver.linkLife, links)}
		for action, n := range part.Actions {
			o.requests += n * max(1, driver.requests[action])
			if action == resetter.ActionLock && j.options.revokeKeys {
				o.requests += n * driver.revoking
			}
		}
		if pacer, ok := target.Resetter.(resetter.Pacer); ok {
			pace := pacer.Pace()
			if pace.Requests > 0 {
				o.requests += driver.signsOut
			}
			if j.options.dryRun {
				o.requests += int(pace.Requests - pace.Throttled)
				pace = anew(pace)
			}
			o.takes = forecast.Ahead(pace, target.Concurrency, float64(o.requests))
		}
		all.targets[part.Name] = o
		all.requests += o.requests
		if o.takes > all.takes {
			all.takes, all.longest = o.takes, part.Name
		}
	}
	if limit := j.options.maxDuration; limit > 0 && plan.Would() > 0 {
		left := limit
		if !j.options.dryRun {
			left = time.Until(j.engine.Deadline)
		}
		if all.takes > left {
			all.warnings = append(all.warnings, fmt.Sprintf("that is longer than --max-duration %v: what is not begun by then is left for the next time", limit))
		}
	}
	return all
}

// anew is the pace of a client that begins from the start, with what is known
// of the system now.
func anew(now resetter.Pace) resetter.Pace {
	pace := transport.Outset(now.Ceiling)
	pace.Throttled, pace.Latency = now.Throttled, now.Latency
	if now.Throttled > 0 {
		pace.Rate = now.Rate
	}
	return pace
}

// skewed is how far a system's clock may be off before times that it speaks of
// mislead people.
const skewed = time.Minute

// warnings are what people should think of before they have a target's rows
// worked. links is the file that one-time links go to, if they do.
func warnings(t bulk.TargetPlan, linkLife time.Duration, links string) (all []string) {
	mails := 0
	for action, n := range t.Actions {
		if action.Mails() {
			mails += n
		}
	}
	if t.SetupMails > 0 {
		all = append(all, fmt.Sprintf("%d people never set up their account and get a set-up mail", t.SetupMails))
	}
	if mails > 0 && t.Status.Mailer == resetter.MailerAbsent && links == "" {
		all = append(all, fmt.Sprintf("the system has no mailer: run refuses to begin (exit code %d) unless --links FILE --links-to RECIPIENT take the %s, for you to hand over", exitTarget, ui.Count(mails, "link")))
	} else if mails > 0 && t.Status.Mailer == resetter.MailerAbsent {
		all = append(all, fmt.Sprintf("the system has no mailer: nobody is mailed, and %s go to %s for you to hand over", ui.Count(mails, "link"), links))
	}
	if mails > 0 && linkLife > 0 {
		all = append(all, fmt.Sprintf("links live %s: begin when people are there to use them, not at night", life(linkLife)))
	}
	if off := t.Status.ClockSkew; off.Abs() > skewed {
		ahead := "ahead of"
		if off < 0 {
			ahead = "behind"
		}
		all = append(all, fmt.Sprintf("its clock is %v %s this machine's: set the one that is wrong, or pauses end at the wrong time", off.Abs().Round(time.Second), ahead))
	}
	return all
}

// life is how long something lives, as people say it.
func life(d time.Duration) string {
	if d > time.Hour {
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()))
}

// seconds is a length of time for programs.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*10) / 10 }
