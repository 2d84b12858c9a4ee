package bulk

import (
	"context"
	"maps"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// A Phase is what an Engine is at.
type Phase string

// The phases.
const (
	Checking    Phase = "checking"
	Preparing   Phase = "preparing" // people are looked up
	Judging     Phase = "judging"   // who was found is left out, or not
	Acting      Phase = "acting"
	Reconciling Phase = "reconciling"
)

// Progress shows how far an Engine is. It is for a line on a screen; what
// counts is in the Journal.
type Progress struct {
	Phase   Phase // empty before the first
	Targets []TargetProgress
}

// TargetProgress is one target's part of Progress.
type TargetProgress struct {
	Name string
	// Phase is what the target is at; with AtOnce it may be ahead of others, or
	// behind.
	Phase  Phase
	Counts Counts // all of the target's rows by outcome
	// LookedUp counts the rows that were looked up in this phase of the Engine, and
	// ToLookUp those that are still to be, as far as that is known.
	LookedUp, ToLookUp int
	// Judged counts the rows of people who were found that are known to be done or
	// left out, and ToJudge those that are still to be looked at.
	Judged, ToJudge int
	// ToDo counts the rows that are still to be worked, those to look up
	// included; what the Limit or an idle target keeps back is not among them.
	ToDo     int
	InFlight int // rows being worked
	// Deferred counts the rows that wait for a time of their own, of which
	// DeferredUntil is the latest.
	Deferred      int
	DeferredUntil time.Time
	// GatedUntil is when the next row may be begun, and Gate why not now: the
	// system asked for a pause (ErrRateLimited), or is not there
	// (ErrUnavailable). Zero where it may be begun. Guessed is true where the
	// system did not say until when.
	GatedUntil time.Time
	Gate       resetter.Kind
	Guessed    bool
	// Stopped says why no further row of the target is begun; else empty.
	Stopped string

	beyond int // pending rows that are not to be worked now
	again  int // rows in doubt that are still to be sent once more
}

// Progress takes a snapshot. It may be called at any time, costs next to
// nothing, and lists the targets that have rows in the order of Targets.
func (e *Engine) Progress() Progress {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := Progress{Phase: e.board.Phase, Targets: make([]TargetProgress, len(e.board.Targets))}
	for i, t := range e.board.Targets {
		t.Counts = maps.Clone(t.Counts)
		t.ToDo = t.Counts[Pending] - t.beyond + t.again
		p.Targets[i] = t
	}
	return p
}

// open starts a new board.
func (e *Engine) open(phase Phase, counts map[string]Counts) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.board = Progress{Phase: phase}
	for _, t := range e.Targets {
		if c := maps.Clone(counts[t.Name]); len(c) > 0 {
			p := TargetProgress{Name: t.Name, Phase: phase, Counts: c}
			if phase == Acting && e.AtOnce { // which begins with looking people up
				p.Phase = Preparing
			}
			if e.ResendUnknown && phase != Reconciling {
				p.again = c[Unknown]
			}
			if t.Idle {
				p.beyond, p.again = c[Pending], 0
			}
			e.board.Targets = append(e.board.Targets, p)
		}
	}
}

// note changes a target's part of the board.
func (e *Engine) note(target string, change func(*TargetProgress)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.board.Targets {
		if e.board.Targets[i].Name == target {
			change(&e.board.Targets[i])
		}
	}
}

// count moves a row from one outcome to another.
func (e *Engine) count(target string, from, to Outcome) {
	if from == to {
		return
	}
	e.note(target, func(t *TargetProgress) {
		t.Counts[from]--
		t.Counts[to]++
	})
}

// lookedUp shows that who a row is about need not be asked any more.
func (e *Engine) lookedUp(target string) {
	e.note(target, func(p *TargetProgress) {
		if p.ToLookUp > 0 {
			p.LookedUp, p.ToLookUp = p.LookedUp+1, p.ToLookUp-1
		}
	})
}

// judging shows that t's people are looked up.
func (e *Engine) judging(t *Target) {
	e.note(t.Name, func(p *TargetProgress) {
		p.Phase, p.Judged, p.ToJudge = Judging, 0, p.Counts[Pending]-p.beyond
	})
}

// judged shows that it is known of one more row whether it would be done.
func (e *Engine) judged(target string) {
	e.note(target, func(p *TargetProgress) { p.Judged, p.ToJudge = p.Judged+1, max(0, p.ToJudge-1) })
}

// at shows that t is at phase, until back is called.
func (e *Engine) at(t *Target, phase Phase) (back func()) {
	var before Phase
	e.note(t.Name, func(p *TargetProgress) { before, p.Phase = p.Phase, phase })
	return func() { e.note(t.Name, func(p *TargetProgress) { p.Phase = before }) }
}

// weighed is how many rows weigh goes through without a Limit: half a second's
// worth, since people wait for it.
const weighed = 100_000

// weigh finds out how many of t's rows are to be looked up, and how many the
// Limit keeps back, and shows it. It goes through them only where there is a
// Limit, or where some are looked up and others are not.
func (e *Engine) weigh(ctx context.Context, t *Target) error {
	ready, fresh := 0, 0
	for _, err := range e.rows(ctx, t, New) {
		if err != nil {
			return err
		}
		if fresh++; e.Limit == 0 {
			break // all the others are counted by what they are not
		}
	}
	if fresh > 0 || e.Limit > 0 {
		for _, err := range e.rows(ctx, t, Ready) {
			if err != nil {
				return err
			}
			if ready++; e.Limit == 0 && ready == weighed {
				break
			}
		}
	}
	e.note(t.Name, func(p *TargetProgress) {
		if e.Limit > 0 {
			p.beyond = p.Counts[Pending] - ready - fresh
		} else if fresh > 0 {
			fresh = p.Counts[Pending] - ready
		}
		p.ToLookUp = fresh
	})
	return nil
}
