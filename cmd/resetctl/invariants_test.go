package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// What must hold after each kill and at the end, whatever happened:
//
//	I1  nobody is mailed twice by one target
//	I2  done means mailed; failed and pending mean not mailed
//	I3  each row of the input is in the ledger and in the results once
//	I4  no file in the work folder holds a secret
//	I5  no target is asked faster than its ceiling allows
//	I6  a kill leaves no more rows in doubt than were in flight
//	I7  with --links, what was accepted has its link in the file
//
// The truth is in the mailboxes and the request logs of the test servers.

type rowKey struct{ target, address string }

// A standing is what a ledger says of a row of one run.
type standing struct {
	outcome  bulk.Outcome
	reason   bulk.Reason
	inFlight bool
}

// ledger reads a ledger: each row of the input with its standing in each run.
// A row that is pending and at no stage is in flight.
func ledger(c *chain, dir string) (rows map[rowKey][]standing, wrong []string, err error) {
	ctx := c.t.Context()
	l, err := journal.Open(ctx, dir, journal.Options{})
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	rows = make(map[rowKey][]standing)
	for summary, err := range l.Runs(ctx) {
		if err != nil {
			return nil, nil, err
		}
		run, err := l.Run(ctx, summary.ID)
		if err != nil {
			return nil, nil, err
		}
		waiting := make(map[int]bool)
		for _, target := range targetNames {
			for _, stage := range []bulk.Stage{bulk.New, bulk.Ready} {
				listed, err := run.List(ctx, target, stage, 0, 1<<20)
				if err != nil {
					return nil, nil, err
				}
				for _, r := range listed {
					waiting[r.Row.Seq] = true
				}
			}
		}
		seen := make(map[rowKey]bool)
		for r, err := range run.Results(ctx) {
			if err != nil {
				return nil, nil, err
			}
			key := rowKey{r.Row.Target, r.Row.Identity.Value}
			if seen[key] {
				wrong = append(wrong, fmt.Sprintf("I3: %v is in the ledger of run %s twice", key, run.ID()))
			}
			seen[key] = true
			rows[key] = append(rows[key], standing{r.Outcome, r.Reason, r.Outcome == bulk.Pending && !waiting[r.Row.Seq]})
		}
		if want := len(targetNames) * len(c.people); len(seen) != want && len(seen) != 0 { // killed before they were registered
			wrong = append(wrong, fmt.Sprintf("I3: run %s has %d rows, not %d", run.ID(), len(seen), want))
		}
	}
	return rows, wrong, nil
}

// afterKill says what is wrong after a process was killed. It looks at a copy
// of the ledger, so that only the next process deals with what was left.
func (c *chain) afterKill() (wrong []string) {
	dir := filepath.Join(c.copies, fmt.Sprint(c.kills))
	if err := copyLedger(c.state(), dir); errors.Is(err, fs.ErrNotExist) {
		return c.mailedTwice() // killed before there was one
	} else if err != nil {
		return []string{err.Error()}
	}
	defer os.RemoveAll(dir)
	rows, wrong, err := ledger(c, dir)
	if err != nil {
		return append(wrong, fmt.Sprintf("the ledger cannot be read: %v", err))
	}
	flying := 0
	for key, standings := range rows {
		for _, s := range standings {
			if s.inFlight {
				flying++
				c.doubts[key] = true
			}
		}
	}
	c.flights = append(c.flights, flying)
	if flying > inFlight {
		wrong = append(wrong, fmt.Sprintf("I6: %d rows were in flight, at most %d can be", flying, inFlight))
	}
	return slices.Concat(wrong, c.mailedTwice(), c.untrue(rows), c.secrets(), c.linksLost(rows))
}

// copyLedger copies the ledger as it lies there: its file and what was written
// since that was put in order.
func copyLedger(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, ending := range []string{"", "-wal"} {
		content, err := os.ReadFile(filepath.Join(from, journal.FileName+ending))
		if ending != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, journal.FileName+ending), content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// atEnd says what is wrong after the command has ended by itself.
func (c *chain) atEnd(p *process) (wrong []string) {
	rows, wrong, err := ledger(c, c.state())
	if err != nil {
		return append(wrong, fmt.Sprintf("the ledger cannot be read: %v", err))
	}
	for key, standings := range rows {
		c.runs = len(standings)
		for _, s := range standings {
			switch {
			case s.inFlight:
				wrong = append(wrong, fmt.Sprintf("I3: %v has no outcome", key))
			case s.outcome == bulk.Unknown:
				c.unknown++
				if !c.doubts[key] {
					wrong = append(wrong, fmt.Sprintf("I6: %v is unknown and was in flight at no kill", key))
				}
			case s.outcome != bulk.Done && s.outcome != bulk.Skipped:
				wrong = append(wrong, fmt.Sprintf("%v is %s in the end", key, s.outcome))
			}
		}
	}
	code, want := p.cmd.ProcessState.ExitCode(), []int{0}
	if c.unknown > 0 {
		want = []int{0, exitUnknown} // 0 where they were in a run that had ended before
	}
	if !slices.Contains(want, code) {
		wrong = append(wrong, fmt.Sprintf("it ended with %d:\n%s", code, c.said()))
	}
	for i, server := range c.s.all {
		for _, v := range server.Violations() {
			wrong = append(wrong, fmt.Sprintf("%s: %v", c.s.names[i], v))
		}
	}
	return slices.Concat(wrong, c.mailedTwice(), c.untrue(rows), c.results(rows), c.secrets(), c.tooFast(), c.linksLost(rows))
}

// mailedTwice is I1.
func (c *chain) mailedTwice() (wrong []string) {
	for i, server := range c.s.all {
		for address, n := range server.Mailbox().Counts() {
			if n > 1 {
				wrong = append(wrong, fmt.Sprintf("I1: %s mailed %s %d times", c.s.names[i], address, n))
			}
		}
	}
	return wrong
}

// untrue is I2. Where a run had ended when it was killed, the next one has the
// same rows again, so a mail is accounted for if it is in one of them.
func (c *chain) untrue(rows map[rowKey][]standing) (wrong []string) {
	for key, standings := range rows {
		mailed := c.s.running(key.target).Mailbox().Count(key.address) > 0
		done := slices.ContainsFunc(standings, func(s standing) bool { return s.outcome == bulk.Done })
		doubt := slices.ContainsFunc(standings, func(s standing) bool { return s.inFlight || s.outcome == bulk.Unknown })
		switch {
		case done && !mailed:
			wrong = append(wrong, fmt.Sprintf("I2: %v is done and was not mailed", key))
		case mailed && !done && !doubt:
			wrong = append(wrong, fmt.Sprintf("I2: %v was mailed and is %v", key, standings))
		}
	}
	return wrong
}

// results is I3 and I2 for the file of results.
func (c *chain) results(rows map[rowKey][]standing) (wrong []string) {
	content, err := os.ReadFile(filepath.Join(c.folder, "results.csv"))
	if err != nil {
		return []string{"I3: " + err.Error()}
	}
	lines, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
	if err != nil {
		return []string{"I3: " + err.Error()}
	}
	if got, want := len(lines)-1, len(targetNames)*len(c.people); got != want {
		return []string{fmt.Sprintf("I3: the results have %d rows, not %d", got, want)}
	}
	column := func(name string) int { return slices.Index(lines[0], name) }
	for i, line := range lines[1:] {
		key := rowKey{line[column("target")], line[column("email")]}
		want := rowKey{targetNames[i%len(targetNames)], c.people[i/len(targetNames)].Email}
		outcome := bulk.Outcome(line[column("outcome")])
		if key != want {
			wrong = append(wrong, fmt.Sprintf("I3: result %d is of %v, not %v", i+1, key, want))
		}
		if !slices.ContainsFunc(rows[key], func(s standing) bool { return s.outcome == outcome }) {
			wrong = append(wrong, fmt.Sprintf("I3: %v is %s in the results and %v in the ledger", key, outcome, rows[key]))
		}
	}
	return wrong
}

// secrets is I4.
func (c *chain) secrets() (wrong []string) {
	err := filepath.WalkDir(c.folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if c.s.leaks(content) {
			wrong = append(wrong, fmt.Sprintf("I4: %s holds a secret", path))
		}
		return err
	})
	if err != nil {
		wrong = append(wrong, err.Error())
	}
	return wrong
}

// linksLost is I7, with the key that the links are for. Sugar gives none.
func (c *chain) linksLost(rows map[rowKey][]standing) (wrong []string) {
	if c.key == nil {
		return nil
	}
	kept, err := keptLinks(filepath.Join(c.folder, "links.age"), c.key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return []string{"I7: " + err.Error()}
	}
	there := make(map[rowKey]bool)
	for _, l := range kept {
		if !c.s.given(l) {
			wrong = append(wrong, fmt.Sprintf("I7: %s never gave %s that link", l.Target, l.Email))
		}
		there[rowKey{l.Target, l.Email}] = true
	}
	for key, standings := range rows {
		accepted := slices.ContainsFunc(standings, func(s standing) bool { return s.outcome == bulk.Done && s.reason == bulk.Accepted })
		if accepted && key.target != "sugar" && !there[key] {
			wrong = append(wrong, fmt.Sprintf("I7: %v is accepted, and its link is lost", key))
		}
	}
	return wrong
}

// delay is how much later a request may arrive than it was sent, on a machine
// that does much else. (What the pace is to the millisecond is shown in virtual
// time, by package transport.)
const delay = time.Second

// asked is when a target was asked, in that order. (Of two requests at once the
// later one may stand first in the server's log.)
func asked(server *sandbox.Server) (at []time.Time) {
	for _, r := range server.Requests() {
		at = append(at, r.At)
	}
	slices.SortFunc(at, time.Time.Compare)
	return at
}

// tooFast is I5.
func (c *chain) tooFast() (wrong []string) {
	for i, server := range c.s.all {
		if w := tooFast(asked(server), c.starts, c.rate); w != "" {
			wrong = append(wrong, fmt.Sprintf("I5: %s was asked %s", c.s.names[i], w))
		}
	}
	return wrong
}

// tooFast says what was asked at these times by processes that started at those,
// if it is more than so much a second, in every window. A process begins with one
// request, for it cannot know when its predecessor's last was sent.
func tooFast(at, starts []time.Time, rate float64) string {
	begins := make([]bool, len(at)) // whether a process does
	for j := 1; j < len(at); j++ {
		begins[j] = slices.ContainsFunc(starts, func(start time.Time) bool { return start.After(at[j-1]) && start.Before(at[j]) })
	}
	for first := range at {
		n, processes := 0, 0
		for last := first; last < len(at); last++ {
			n++
			if last == first || begins[last] {
				processes++
			}
			span := at[last].Sub(at[first])
			if allowed := float64(processes) + rate*(span+delay).Seconds(); float64(n) > allowed {
				return fmt.Sprintf("%d times in %v by %d processes, at %v/s", n, span, processes, rate)
			}
		}
	}
	return ""
}

// The checker of the pace can fail, too, and only where it must.
func TestATargetThatIsAskedTooFastIsFoundOut(t *testing.T) {
	var at []time.Time
	for i := range 17 { // at the pace
		at = append(at, time.Unix(0, 0).Add(time.Duration(i)*time.Second/pace))
	}
	if w := tooFast(at, nil, pace); w != "" {
		t.Errorf("at the ceiling: %s", w)
	}
	if tooFast(at, nil, pace/4) == "" {
		t.Error("four times the ceiling was not found out")
	}
}

// busiest is the most requests that a target was asked in a second.
func (c *chain) busiest() (most int) {
	for _, server := range c.s.all {
		at := asked(server)
		first := 0
		for last := range at {
			for at[last].Sub(at[first]) >= time.Second {
				first++
			}
			most = max(most, last-first+1)
		}
	}
	return most
}
