package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "of the random moments of killing; 0 is a new one")
	killsFlag = flag.Int("kills", 0, "kill at least so often, at named points and at random moments, with 1500 rows to begin with")
)

// seed is what the random moments of a test come from. It stands in the log, so
// that they can be had again.
func seed(t *testing.T) uint64 {
	s := *seedFlag
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("the same moments again: -seed %d", s)
	return s
}

// pace is the ceiling in these tests: as fast as a run begins, so that it holds
// nothing up.
const pace = 20

// enough is so many people that several are left for a second kill when the first
// came late: by then each connection may have done one reset, and begun another,
// which leaves Sugar four.
const enough = 12

var ours = []string{claimed, permitted, intentCommitting, intentCommitted, answered, outcomeCommitting, outcomeCommitted, resultsWritten}
var aroundLinks = []string{linkAppending, linkAppended}
var theirs = []string{firstByte, wholeWrite, status, body}

// killed plays a chain that is killed at a point: when the first process comes
// to it for the times[0]-th time, and so on. At last nobody kills it.
func (c *chain) killed(point string, times ...int) (wrong []string) {
	onWire := !slices.Contains(slices.Concat(ours, aroundLinks), point)
	for _, n := range times {
		var p *process
		if onWire {
			c.killAt(point, n)
			p = c.start()
		} else {
			p = c.start("doomed", "faithful", point, fmt.Sprint(n))
		}
		wrong = append(wrong, c.link(p, 0)...)
		c.watch(nil)
		if !p.killed() { // too little was left to do
			return append(wrong, c.atEnd(p)...)
		}
	}
	p := c.start()
	wrong = append(wrong, c.link(p, 0)...)
	return append(wrong, c.atEnd(p)...)
}

// randomly plays a chain that is killed at random moments, until it ends. Where
// the machine does much else, so that several in a row die before anybody is
// mailed, the next ones live longer.
func (c *chain) randomly(random *rand.Rand) (wrong []string) {
	slowness := 4 * c.slowness()
	for mails, fruitless := 0, 0; ; fruitless++ {
		if n := c.mails(); n > mails {
			mails, fruitless = n, 0
		}
		patience := slowness + time.Duration(fruitless)*25*time.Millisecond
		p := c.start()
		wrong = append(wrong, c.link(p, patience+50*time.Millisecond+time.Duration(random.Int64N(int64(550*time.Millisecond))))...)
		switch {
		case !p.killed():
			return append(wrong, c.atEnd(p)...)
		case len(wrong) > 0:
			return wrong
		case fruitless > 200:
			return []string{"it does not come to an end"}
		}
	}
}

// mails counts what all systems have sent.
func (c *chain) mails() (n int) {
	for _, server := range c.s.all {
		n += server.Mailbox().Len()
	}
	return n
}

// report fails t with what is wrong, and tells the figures of the chain.
func (c *chain) report(wrong []string) {
	c.t.Helper()
	for _, w := range wrong {
		c.t.Error(w)
	}
	c.t.Logf("%d rows, %d kills, %d mails, %d unknown, %d in flight at the kills (at most %d), %d runs, at most %d requests to a target in a second",
		len(targetNames)*len(c.people), c.kills, c.mails(), c.unknown, sum(c.flights), slices.Max(append(c.flights, 0)), c.runs, c.busiest())
}

func sum(list []int) (sum int) {
	for _, n := range list {
		sum += n
	}
	return sum
}

func TestAKillAtAnyPointMailsNobodyTwiceAndLosesNobody(t *testing.T) {
	for _, point := range slices.Concat(ours, theirs) {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			times := []int{1, 3}
			if point == resultsWritten {
				times = []int{1, 1}
			}
			c := newChain(t, enough, pace, 0)
			c.report(c.killed(point, times...))
			if c.kills != len(times) {
				t.Errorf("it came to %s only %d times:\n%s", point, c.kills, c.said())
			}
		})
	}
}

// A dozen chains. With -kills there are as many as it takes, the first of them
// with 1500 rows, and every other one is killed at a named point instead:
//
//	go test ./cmd/resetctl -run KillsAtRandom -v -timeout 30m -args -kills 2000 -seed 42
func TestKillsAtRandomMomentsMailNobodyTwiceAndLoseNobody(t *testing.T) {
	s := seed(t)
	var kills atomic.Int64
	for i := range 12 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for j := 0; j == 0 || kills.Load() < int64(*killsFlag) && !t.Failed(); j++ {
				t.Run(fmt.Sprint(j), func(t *testing.T) {
					random := rand.New(rand.NewPCG(s, uint64(i)<<32|uint64(j)))
					people := 15
					if *killsFlag > 0 && i+j == 0 {
						people = 500
					}
					c := newChain(t, people, pace, []time.Duration{0, 50, 250}[(i+1)%3]*time.Millisecond)
					if j%2 == 0 {
						c.report(c.randomly(random))
					} else {
						c.report(c.somewhere(random))
					}
					kills.Add(int64(c.kills))
				})
			}
		})
	}
}

// somewhere plays a chain that is killed a few times at a named point.
func (c *chain) somewhere(random *rand.Rand) (wrong []string) {
	points := slices.Concat(ours, theirs)
	point := points[random.IntN(len(points))]
	times := make([]int, 1+random.IntN(5))
	for i := range times {
		times[i] = 1
		if point != claimed && point != resultsWritten { // else it comes but once
			times[i] += random.IntN(8)
		}
	}
	c.t.Logf("at %s, for the %v. time", point, times)
	return c.killed(point, times...)
}

// Sessions are signed out of before the run is finished, so that a kill in
// between costs nobody his results.
func TestAKillWhileSigningOutLeavesTheResults(t *testing.T) {
	t.Parallel()
	c := newChain(t, 3, pace, 0)
	c.report(c.killed(signingOut, 1))
	if c.kills != 1 || c.runs != 1 {
		t.Errorf("there are %d runs after %d kills", c.runs, c.kills)
	}
}

// A run is begun and then its rows are registered. A process may be killed in
// between.
func TestAKillBeforeTheRowsAreRegisteredLosesNobody(t *testing.T) {
	t.Parallel()
	c := newChain(t, 3, pace, 0)
	var rows []bulk.Row
	for _, p := range c.people {
		for _, target := range targetNames {
			rows = append(rows, bulk.Row{Target: target, Identity: resetter.Email(p.Email)})
		}
	}
	content, err := journal.Content(bulk.Rows(rows...))
	if err != nil {
		t.Fatal(err)
	}
	l, err := journal.Open(t.Context(), c.state(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Begin(t.Context(), journal.NewRun{Content: content, Columns: []string{"email", "target"}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p := c.start()
	c.report(append(c.link(p, 0), c.atEnd(p)...))
	if c.runs != 1 {
		t.Errorf("there are %d runs: the one that was begun is not that of the table", c.runs)
	}
}

// The order of things, from the other side: when the first byte of a reset
// arrives, its intent can be read in the ledger by anybody.
func TestTheIntentIsInTheLedgerWhenTheFirstByteArrives(t *testing.T) {
	t.Parallel()
	c := newChain(t, 8, pace, 0)
	var mu sync.Mutex
	seen := 0
	c.watch(func(target, point string, whom func() string) bool {
		if point != firstByte {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		open, err := openIntents(t, c.state(), target)
		who := whom()
		seen++
		if err != nil || !open[who] {
			t.Errorf("the reset of %q at %s has come, and the open intents are those of %v (%v)", who, target, open, err)
		}
		return false
	})
	p := c.start()
	c.report(append(c.link(p, 0), c.atEnd(p)...))
	if want := len(targetNames) * len(c.people); seen != want {
		t.Errorf("%d resets were seen, not %d", seen, want)
	}
}

// openIntents reads a ledger that another process works with, and returns the
// ids and addresses of the accounts at target whose rows are in flight.
func openIntents(t *testing.T, dir, target string) (map[string]bool, error) {
	ctx := t.Context()
	l, err := journal.Open(ctx, dir, journal.Options{})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	run, err := l.Find(ctx, "")
	if err != nil {
		return nil, err
	}
	ready, err := run.List(ctx, target, bulk.Ready, 0, 1<<20)
	if err != nil {
		return nil, err
	}
	open := make(map[string]bool)
	for r, err := range run.Results(ctx) {
		if err != nil {
			return nil, err
		}
		if r.Row.Target == target && r.Outcome == bulk.Pending {
			open[r.Account.ID], open[r.Account.Email] = true, true
		}
	}
	for _, r := range ready {
		delete(open, r.Account.ID)
		delete(open, r.Account.Email)
	}
	return open, nil
}

// A proof must be able to fail: with a journal that breaks its word in one way,
// the invariants are found broken, and those that speak of it.
func TestAJournalThatBreaksItsWordIsFoundOut(t *testing.T) {
	for _, test := range []struct {
		faith, point string
		n            int
		at           []string // targets; nil: all of them
		want         []string
	}{
		// At Looker, since Unleash by itself refuses whoever was mailed a moment ago.
		{"no-intent", wholeWrite, 4, []string{"looker"}, []string{"I1", "I2"}},
		{"no-outcome", body, inFlight + 5, nil, []string{"I6"}},
		{"outcome-first", firstByte, 1, nil, []string{"I2"}},
	} {
		t.Run(test.faith, func(t *testing.T) {
			t.Parallel()
			c := newChain(t, 12, pace, 0)
			var wrong []string
			found := func(name string) bool { return strings.Contains("\n"+strings.Join(wrong, "\n"), "\n"+name+":") }
			for c.kills < 10 && !slices.ContainsFunc(test.want[:1], found) {
				c.killAt(test.point, test.n, test.at...)
				p := c.start("doomed", test.faith, "-", "0")
				wrong = append(wrong, c.link(p, 0)...)
				if !p.killed() { // too little was left, of which it may have mailed some again
					wrong = append(wrong, c.mailedTwice()...)
					break
				}
			}
			for _, want := range test.want {
				if !found(want) {
					t.Errorf("%s was not found broken after %d kills, only %q", want, c.kills, wrong)
				}
			}
		})
	}
}
