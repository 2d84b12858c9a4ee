package resettertest

import "testing"

// Examine runs the scripts that only names and returns what is
// found, in place of failing for it.
func Examine(t *testing.T, start Start, only func(script string) bool) (findings []string) {
	s := &suite{start: start, only: only, report: func(_ *testing.T, found []string) { findings = append(findings, found...) }}
	s.scripts(t)
	return findings
}

// Chaos is Examine for the random faults of a seed.
func Chaos(t *testing.T, start Start, seed uint64) (findings []string) {
	s := &suite{start: start, report: func(_ *testing.T, found []string) { findings = append(findings, found...) }}
	s.random(t, seed)
	return findings
}
