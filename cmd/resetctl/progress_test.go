package main

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

func TestWhatABarSays(t *testing.T) {
	now := time.Date(2026, 11, 23, 14, 5, 0, 0, time.Local)
	counts := bulk.Counts{bulk.Done: 10, bulk.Failed: 2, bulk.Pending: 88}
	for name, tt := range map[string]struct {
		target bulk.TargetProgress
		left   time.Duration
		want   ui.Bar
	}{
		"signing in": {
			bulk.TargetProgress{Phase: bulk.Checking, Counts: counts, ToDo: 88}, -1,
			ui.Bar{Doing: "signing in"},
		},
		"looking people up": {
			bulk.TargetProgress{Phase: bulk.Preparing, Counts: counts, ToDo: 88, LookedUp: 30, ToLookUp: 50, InFlight: 8}, 4 * time.Minute,
			ui.Bar{Doing: "looking people up", Done: 30, All: 80, Pace: "9.8 requests/s", Left: "4 min left (14:09)"},
		},
		"waiting for others who look people up": {
			bulk.TargetProgress{Phase: bulk.Preparing, Counts: counts, ToDo: 88, LookedUp: 80}, 4 * time.Minute,
			ui.Bar{Doing: "looked people up", Done: 80, All: 80, Left: "4 min left (14:09)"},
		},
		"leaving out": {
			bulk.TargetProgress{Phase: bulk.Judging, Counts: counts, ToDo: 88, LookedUp: 80, Judged: 31, ToJudge: 57}, -1,
			ui.Bar{Doing: "applying the guards", Done: 31, All: 88},
		},
		"working": {
			bulk.TargetProgress{Phase: bulk.Acting, Counts: counts, ToDo: 88, InFlight: 8}, 9 * time.Second,
			ui.Bar{Doing: "working", Done: 12, All: 100, Pace: "9.8 requests/s", Left: "9 s left (14:05)"},
		},
		"working with a limit": {
			bulk.TargetProgress{Phase: bulk.Acting, Counts: counts, ToDo: 8, InFlight: 8}, -1,
			ui.Bar{Doing: "working", Done: 12, All: 20, Pace: "9.8 requests/s"},
		},
		"sending once more": {
			bulk.TargetProgress{Phase: bulk.Acting, Counts: bulk.Counts{bulk.Done: 10, bulk.Unknown: 5}, ToDo: 5, InFlight: 1}, -1,
			ui.Bar{Doing: "working", Done: 10, All: 15, Pace: "9.8 requests/s"},
		},
		"done": {
			bulk.TargetProgress{Phase: bulk.Acting, Counts: bulk.Counts{bulk.Done: 10}}, 0,
			ui.Bar{Doing: "working", Done: 10, All: 10, Left: "done"},
		},
		"throttled": {
			bulk.TargetProgress{Phase: bulk.Acting, Counts: counts, ToDo: 88, Gate: resetter.ErrRateLimited, GatedUntil: now.Add(10 * time.Second)}, time.Hour,
			ui.Bar{Doing: "working", Done: 12, All: 100, Left: "1 h 0 min left (15:05)", Note: "asks us to wait until 14:05:10"},
		},
		"throttled without a word of when it ends": {
			bulk.TargetProgress{Phase: bulk.Acting, Counts: counts, ToDo: 88, Gate: resetter.ErrRateLimited, GatedUntil: now.Add(10 * time.Second), Guessed: true}, -1,
			ui.Bar{Doing: "working", Done: 12, All: 100, Note: "turns us away, next try at 14:05:10"},
		},
		"not there": {
			bulk.TargetProgress{Phase: bulk.Acting, Counts: counts, ToDo: 88, InFlight: 8, Gate: resetter.ErrUnavailable, GatedUntil: now.Add(10 * time.Second)}, -1,
			ui.Bar{Doing: "working", Done: 12, All: 100, Note: "cannot be reached, next try at 14:05:10"},
		},
		"was throttled": {
			bulk.TargetProgress{Phase: bulk.Acting, Counts: counts, ToDo: 88, InFlight: 8, Gate: resetter.ErrRateLimited, GatedUntil: now.Add(-time.Second)}, -1,
			ui.Bar{Doing: "working", Done: 12, All: 100, Pace: "9.8 requests/s"},
		},
		"people wait for their minute": {
			bulk.TargetProgress{Phase: bulk.Acting, Counts: counts, ToDo: 88, InFlight: 8, Deferred: 12}, -1,
			ui.Bar{Doing: "working", Done: 12, All: 100, Pace: "9.8 requests/s", Note: "12 wait for their minute"},
		},
		"stopped": {
			bulk.TargetProgress{Phase: bulk.Acting, Counts: counts, ToDo: 88, Deferred: 12, Stopped: "the token was refused"}, -1,
			ui.Bar{Doing: "working", Done: 12, All: 100, Note: "stopped: the token was refused"},
		},
		"reading about rows in doubt": {
			bulk.TargetProgress{Phase: bulk.Reconciling, Counts: bulk.Counts{bulk.Unknown: 3}}, -1,
			ui.Bar{Doing: "reading", Note: "what became of 3 rows in doubt"},
		},
		"until tomorrow": {
			bulk.TargetProgress{Phase: bulk.Acting, Counts: counts, ToDo: 88, InFlight: 8}, 26*time.Hour + 29*time.Minute,
			ui.Bar{Doing: "working", Done: 12, All: 100, Pace: "9.8 requests/s", Left: "26 h 29 min left (Tue 2026-11-24 16:34)"},
		},
	} {
		tt.target.Name, tt.want.Name = "sugar", "sugar"
		if got := barOf(tt.target, 9.84, max(0, tt.left), tt.left >= 0, now); got != tt.want {
			t.Errorf("%s:\n%+v, want\n%+v", name, got, tt.want)
		}
	}
}

func TestALengthOfTimeIsSaidForPeople(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "1 s", 1400 * time.Millisecond: "1 s", 9 * time.Second: "9 s", 12800 * time.Millisecond: "13 s", 59700 * time.Millisecond: "1 min",
		101 * time.Second: "1 min 40 s", 119 * time.Second: "2 min", 12*time.Minute + 33*time.Second: "12 min 35 s", 59*time.Minute + 29*time.Second: "59 min",
		59*time.Minute + 45*time.Second: "1 h 0 min", time.Hour: "1 h 0 min", 125 * time.Minute: "2 h 5 min", 47 * time.Hour: "47 h 0 min",
		48*time.Hour - time.Second: "2 days 0 h", 50 * time.Hour: "2 days 2 h",
	} {
		if got := about(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestALengthOfTimeIsSaidAsExactlyAsItIsKnown(t *testing.T) {
	units := map[string]time.Duration{"s": time.Second, "min": time.Minute, "h": time.Hour, "days": 24 * time.Hour}
	for d := time.Second; d <= 100*time.Hour; d += 100*time.Millisecond + d/10_000 {
		said, words := time.Duration(0), strings.Fields(about(d))
		for i := 0; i+1 < len(words); i += 2 {
			n, err := strconv.Atoi(words[i])
			if err != nil {
				t.Fatalf("%v: %q", d, about(d))
			}
			said += time.Duration(n) * units[words[i+1]]
		}
		if off := (said - d).Abs(); off > max(d*3/100, time.Second/2) {
			t.Fatalf("%v: %q, which is %v off", d, about(d), off)
		}
	}
}

func TestWhatPeopleShouldThinkOfBeforeTheyBegin(t *testing.T) {
	resets := map[resetter.Action]int{resetter.ActionReset: 5}
	for name, tt := range map[string]struct {
		plan bulk.TargetPlan
		life time.Duration
		want string
	}{
		"an hour":      {bulk.TargetPlan{Actions: resets}, time.Hour, "links live 60 minutes: begin when people are there to use them, not at night"},
		"a day":        {bulk.TargetPlan{Actions: resets}, 24 * time.Hour, "links live 24 hours: begin when people are there to use them, not at night"},
		"a setting":    {bulk.TargetPlan{Actions: resets}, 0, ""},
		"nobody":       {bulk.TargetPlan{}, time.Hour, ""},
		"no mails":     {bulk.TargetPlan{Actions: map[resetter.Action]int{resetter.ActionLock: 2}, Status: resetter.Status{Mailer: resetter.MailerAbsent}}, time.Hour, ""},
		"set-up mails": {bulk.TargetPlan{SetupMails: 3}, 0, "3 people never set up their account and get a set-up mail"},
		"no mailer":    {bulk.TargetPlan{Actions: resets, Status: resetter.Status{Mailer: resetter.MailerAbsent}}, 0, "the system has no mailer: nobody is mailed, and 5 links go to links.age for you to hand over"},
		"ahead":        {bulk.TargetPlan{Status: resetter.Status{ClockSkew: 3 * time.Minute}}, 0, "its clock is 3m0s ahead of this machine's: set the one that is wrong, or pauses end at the wrong time"},
		"behind":       {bulk.TargetPlan{Status: resetter.Status{ClockSkew: -61 * time.Second}}, 0, "its clock is 1m1s behind this machine's: set the one that is wrong, or pauses end at the wrong time"},
		"near enough":  {bulk.TargetPlan{Status: resetter.Status{ClockSkew: -time.Minute}}, 0, ""},
	} {
		if got := strings.Join(warnings(tt.plan, tt.life, "links.age"), "\n"); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestAPlanSaysWhoIsMailedAndWhatIsChanged(t *testing.T) {
	for want, actions := range map[string]map[resetter.Action]int{
		"": {resetter.ActionReset: 5},
		"5 people are mailed, 3 accounts changed where not so already (2 change-email, 1 lock)": {resetter.ActionReset: 5, resetter.ActionLock: 1, resetter.ActionChangeEmail: 2},
	} {
		if got := actionsText(actions); got != want {
			t.Errorf("%v: %q", actions, got)
		}
	}
}
