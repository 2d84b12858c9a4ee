package bulk

import (
	"maps"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// A Phase is what an Engine is at.
type Phase string

// The phases.
const (
	Checking    Phase = "checking"
	Preparing   Phase = "preparing"
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
	Name   string
	Counts Counts // all of the target's rows by outcome
	// LookedUp counts the rows whose account was asked for in this Prepare.
	LookedUp int
	InFlight int // rows being worked
	Deferred int // rows that wait for a time of their own
	// GatedUntil is when the next row may be begun, and Gate why not now: the
	// system asked for a pause (ErrRateLimited), or is not there
	// (ErrUnavailable). Zero where it may be begun.
	GatedUntil time.Time
	Gate       resetter.Kind
	// Stopped says why no further row of the target is begun; else empty.
	Stopped string
}

// Progress takes a snapshot. It may be called at any time, costs next to
// nothing, and lists the targets that have rows in the order of Targets.
func (e *Engine) Progress() Progress {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := Progress{Phase: e.board.Phase, Targets: make([]TargetProgress, len(e.board.Targets))}
	for i, t := range e.board.Targets {
		t.Counts = maps.Clone(t.Counts)
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
			e.board.Targets = append(e.board.Targets, TargetProgress{Name: t.Name, Counts: c})
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
