package ui

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui/uitest"
)

// onDisplay is an IO whose stdout and stderr are a terminal of so many columns.
func onDisplay(t *testing.T, columns int) (*IO, *uitest.Display) {
	d := uitest.NewDisplay(columns, runeWidth)
	t.Cleanup(func() {
		for _, what := range d.Strange() {
			t.Error(what)
		}
	})
	return &IO{Out: d, Err: d, ErrTerminal: true, OutTerminal: true, Columns: columns}, d
}

// during has the bars shown while do is done, which is called in a bubble.
func during(t *testing.T, s *IO, look func() []Bar, do func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Bars(ctx, look)
	}()
	synctest.Wait()
	do()
	cancel()
	<-done
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func want(t *testing.T, d *uitest.Display, lines ...string) {
	t.Helper()
	if got := d.Text(); !slices.Equal(got, lines) {
		t.Errorf("the terminal shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

var threeBars = []Bar{
	{Name: "looker", Doing: "looking people up", Done: 120, All: 3000, Pace: "9.8/s", Left: "9 min left (14:32)"},
	{Name: "sugar", Doing: "working", Done: 12, All: 300, Left: "2 min left (14:25)", Note: "asks us to wait until 14:05:10"},
	{Name: "unleash", Doing: "working", Done: 7, All: 7, Left: "done"},
}

func TestEachTargetHasABarThatIsDrawnInPlaceAndLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := onDisplay(t, 120)
		done := 0
		look := func() []Bar {
			done++
			return []Bar{{Name: "looker", Doing: "working", Done: done, All: 12}, {Name: "sugar", Note: "cannot be reached"}}
		}
		s.Tell("before")
		during(t, s, look, func() {
			want(t, d, "before", "looker  working  [=>                      ]  1/12", "sugar  cannot be reached")
			pass(drawEvery)
			want(t, d, "before", "looker  working  [===>                    ]  2/12", "sugar  cannot be reached")
			s.Tell("a message")
			want(t, d, "before", "a message", "looker  working  [===>                    ]  2/12", "sugar  cannot be reached")
			fmt.Fprintln(s.Log(), "a log line that\nhas two")
			if err := s.Print("data\n"); err != nil {
				t.Error(err)
			}
			want(t, d, "before", "a message", "a log line that", "has two", "data",
				"looker  working  [===>                    ]  2/12", "sugar  cannot be reached")
		})
		want(t, d, "before", "a message", "a log line that", "has two", "data")
		if x, y := d.Cursor(); x != 0 || y != 5 {
			t.Errorf("the cursor is left at %d, %d", x, y)
		}
	})
}

// A message is on the terminal when the call returns: the process may be killed
// the next moment.
func TestAMessageAboveBarsIsThereAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := onDisplay(t, 80)
		during(t, s, func() []Bar { return []Bar{{Name: "looker"}} }, func() {
			s.Tell("last words")
			want(t, d, "last words", "looker")
		})
	})
}

func TestBarsGiveUpWhatMattersLeastWhereTheTerminalIsNarrow(t *testing.T) {
	for columns, lines := range map[int][]string{
		130: {
			"looker   looking people up  [                        ]  120/3000  9.8/s  9 min left (14:32)",
			"sugar    working            [                        ]    12/300         2 min left (14:25)  asks us to wait until 14:05:10",
			"unleash  working            [========================]       7/7         done",
		},
		100: {
			"looker   looking people up  120/3000  9 min left (14:32)",
			"sugar    working              12/300  2 min left (14:25)  asks us to wait until 14:05:10",
			"unleash  working                 7/7  done",
		},
		72: {
			"looker   120/3000  9 min left (14:32)",
			"sugar      12/300  2 min left (14:25)  asks us to wait until 14:05:10",
			"unleash       7/7  done",
		},
		52: {
			"looker   120/3000",
			"sugar      12/300  asks us to wait until 14:05:10",
			"unleash       7/7",
		},
		30: {
			"looker   120/3000",
			"sugar      12/300  asks us t…",
			"unleash       7/7",
		},
		12: {
			"looker   1…",
			"sugar     …",
			"unleash   …",
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, d := onDisplay(t, columns)
			during(t, s, func() []Bar { return slices.Clone(threeBars) }, func() { want(t, d, lines...) })
			want(t, d)
		})
	}
}

func TestATerminalThatBecomesNarrowerOrWiderKeepsNothingHalfDrawn(t *testing.T) {
	for _, widths := range [][]int{{120, 40}, {120, 61, 33, 20}, {40, 120}, {120, 50, 120}} {
		synctest.Test(t, func(t *testing.T) {
			s, d := onDisplay(t, widths[0])
			done := 0
			var width atomic.Int64
			width.Store(int64(widths[0]))
			s.sized = func() (int, int) { return int(width.Load()), 24 }
			s.Tell("before")
			during(t, s, func() []Bar { done++; b := slices.Clone(threeBars); b[0].Done = done; return b }, func() {
				for _, columns := range widths {
					d.Resize(columns)
					width.Store(int64(columns))
					pass(drawEvery)
					if got := d.Text(); len(got) != 4 || !strings.HasPrefix(got[1], "looker") || !strings.HasPrefix(got[3], "unleash") {
						t.Errorf("%v at %d: the terminal shows\n%s", widths, columns, strings.Join(got, "\n"))
					}
				}
			})
			want(t, d, "before")
		})
	}
}

// The signal that the process goes on may come later than what else happens then.
func TestWhatTheShellSaidStaysThoughTheSignalIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := onDisplay(t, 80)
		signals := make(chan os.Signal, 1)
		s.continued = func() (<-chan os.Signal, func()) { return signals, func() {} }
		n := 0
		look := func() []Bar {
			if n++; n == 2 {
				<-time.After(time.Minute) // so that the next tick is late, as after a stop
			}
			if n <= 2 {
				return []Bar{{Name: "looker", Doing: "working"}}
			}
			return []Bar{{Name: "looker", Doing: "goes on"}}
		}
		during(t, s, look, func() {
			pass(drawEvery + time.Minute)
			fmt.Fprint(d, "[1]+  Stopped\n$ fg\n")
			pass(signalWithin - 1)
			signals <- os.Interrupt // whatever it is called
			pass(drawEvery)
			want(t, d, "looker  working", "[1]+  Stopped", "$ fg", "looker  goes on")
		})
		want(t, d, "looker  working", "[1]+  Stopped", "$ fg")
	})
}

func TestMoreTargetsThanLinesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := onDisplay(t, 80)
		var bars []Bar
		for i := range 60 {
			bars = append(bars, Bar{Name: fmt.Sprintf("target-%02d", i)})
		}
		during(t, s, func() []Bar { return slices.Clone(bars) }, func() {
			got := d.Text()
			if len(got) != 23 || got[22] != "and 38 more" {
				t.Errorf("%d lines, the last is %q", len(got), got[len(got)-1])
			}
		})
		want(t, d)
	})
}

func TestWhatPeopleShouldKnowIsColouredWhereThatIsAllowed(t *testing.T) {
	for _, allowed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s, _, err := buffers()
			s.ErrTerminal, s.Color = true, allowed
			during(t, s, func() []Bar { return []Bar{{Name: "sugar", Note: "asks us to wait"}} }, func() {})
			if got := strings.Contains(err.String(), "\x1b[33masks us to wait\x1b[0m"); got != allowed {
				t.Errorf("allowed %v: %q", allowed, err)
			}
		})
	}
}

func TestNamesInBarsSteerNoTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := onDisplay(t, 80)
		during(t, s, func() []Bar { return []Bar{{Name: "a\x1b[2Jb\n", Note: "stopped: \u202ex\r"}} }, func() {
			want(t, d, "a[2Jb  stopped: x")
		})
	})
}

func TestElsewhereBarsAreALineEveryFewSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, out, err := buffers()
		during(t, s, func() []Bar { return slices.Clone(threeBars) }, func() { pass(21 * time.Second) })
		const line = "looker: looking people up 120/3000, 9.8/s, 9 min left (14:32) · sugar: working 12/300, 2 min left (14:25), asks us to wait until 14:05:10 · unleash: working 7/7, done\n"
		if err.String() != line || out.Len() > 0 { // once, since nothing changes
			t.Errorf("stderr %q, stdout %q", err, out)
		}
		err.Reset()
		n := 0
		during(t, s, func() []Bar { n++; return []Bar{{Name: "looker", Done: n, All: 99}} }, func() { pass(11 * time.Second) })
		if err.String() != "looker: 6/99\nlooker: 11/99\n" {
			t.Errorf("%q", err)
		}
	})
}

// Who reads a log wants to know that it still waits, not only that it did.
func TestElsewhereAProgressThatStandsStillIsSaidAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, err := buffers()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		s.Progress(ctx, func() string { return "waits" })
		if err.String() != "waits\nwaits\nwaits\nwaits\n" { // after 5, 35, 65 and 95 seconds
			t.Errorf("%q", err)
		}
	})
}

func TestWhatIsOverInAMomentIsNotShownAndWhatIsNotIsSaidThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, err := buffers()
		said := func() string {
			s.mu.Lock()
			defer s.mu.Unlock()
			return err.String()
		}
		s.Meanwhile(func() string { t.Error("asked"); return "" })()
		n := 0
		stop := s.Meanwhile(func() string { n++; return fmt.Sprintf("reading, %d rows", n/7) })
		pass(aMoment - 1)
		if got := said(); got != "" {
			t.Errorf("early: %q", got)
		}
		pass(1)
		if got := said(); got != "reading, 0 rows\n" {
			t.Errorf("first: %q", got)
		}
		pass(11 * time.Second)
		stop()
		if got := said(); got != "reading, 0 rows\nreading, 1 rows\n" {
			t.Errorf("then: %q", got)
		}
		err.Reset()
		s.Quiet = true
		stop = s.Meanwhile(func() string { t.Error("asked"); return "" })
		pass(time.Minute)
		stop()

		s, d := onDisplay(t, 80)
		stop = s.Meanwhile(func() string { return "reading" })
		pass(aMoment)
		want(t, d, "reading")
		stop()
		want(t, d)
	})
}

func TestWhatTakesAWhileIsSaidThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, err := buffers()
		var overheard []string
		s.Overheard = func(line string) { overheard = append(overheard, line) }
		stop := s.Lasting(func() string { return "soon over" })
		pass(aWhile - 1)
		stop()
		stop = s.Lasting(func() string { return "takes long" })
		pass(aWhile)
		stop()
		if got := err.String(); got != "takes long\n" {
			t.Errorf("%q", got)
		}
		if got := fmt.Sprint(overheard); got != "[soon over takes long]" {
			t.Error(got)
		}
	})
}

func TestQuietShowsNoProgress(t *testing.T) {
	s, _, err := buffers()
	s.Quiet, s.ErrTerminal = true, true
	over, cancel := context.WithCancel(t.Context())
	cancel()
	s.Progress(over, func() string { t.Error("asked"); return "" })
	s.Bars(over, func() []Bar { t.Error("asked"); return nil })
	if err.Len() != 0 {
		t.Errorf("got %q", err)
	}
}

func TestProgressIsALineEveryFewSecondsWhereThereIsNoTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, out, err := buffers()
		ctx, cancel := context.WithTimeout(t.Context(), 31*time.Second)
		defer cancel()
		n := 0
		s.Progress(ctx, func() string { n++; return fmt.Sprintf("%d done", min(n, 13)) })
		if err.String() != "6 done\n11 done\n13 done\n" || out.Len() != 0 {
			t.Errorf("stderr %q, stdout %q", err, out)
		}
	})
}

func TestProgressStaysOnOneLineOfATerminalAndGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := onDisplay(t, 11)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Progress(ctx, func() string { return "0123456789\x1b日本" })
		}()
		pass(drawEvery)
		want(t, d, "012345678…")
		s.Tell("a message")
		pass(drawEvery)
		want(t, d, "a message", "012345678…")
		cancel()
		<-done
		want(t, d, "a message")
	})
}
