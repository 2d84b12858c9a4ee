package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// Three systems at their worst: connections that break before and after the
// work was done, errors of every kind, answers that are cut. What the results
// say must be what the mailboxes say.
func TestInAStormTheResultsSayWhatTheMailboxesSay(t *testing.T) {
	t.Parallel()
	const n = 300
	folder := t.TempDir()
	s := newSystems()
	t.Cleanup(s.close)
	env := bareEnv(folder)
	for _, name := range []string{"looker", "sugar", "unleash"} {
		for key, value := range s.start(name, variant{people: n}) {
			env = append(env, key+"="+value)
		}
		for _, on := range []sandbox.Operation{sandbox.Find, sandbox.Search, sandbox.Get, sandbox.Reset} {
			s.running(name).Inject(
				sandbox.Fault{On: on, Kind: sandbox.Drop, Chance: 0.05},
				sandbox.Fault{On: on, Kind: sandbox.Drop, Processed: true, Chance: 0.05},
				sandbox.Fault{On: on, Kind: sandbox.Answer, Status: 500, Chance: 0.05},
				sandbox.Fault{On: on, Kind: sandbox.Answer, Status: 503, Processed: true, Chance: 0.03},
				sandbox.Fault{On: on, Kind: sandbox.Cut, Chance: 0.05},
			)
		}
	}
	table := [][]string{{"email", "target"}}
	for _, p := range sandbox.People(n) {
		table = append(table, []string{p.Email, "all"})
	}
	write(t, filepath.Join(folder, "people.csv"), table)

	cmd := exec.CommandContext(t.Context(), "resetctl", "run", "people.csv", "--yes", "-o", "results.csv")
	cmd.Dir, cmd.Env = folder, env
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitUnknown {
		t.Fatalf("exit code %d, want %d: %v\n%s", code, exitUnknown, err, out)
	}
	if s.leaks(out) {
		t.Error("the output holds a secret")
	}
	s.check(t) // nobody twice

	results := read(t, filepath.Join(folder, "results.csv"))
	if len(results) != 1+3*n {
		t.Fatalf("%d results, want %d", len(results)-1, 3*n)
	}
	counts := make(map[string]int)
	for i, line := range results[1:] {
		address, target, outcome := table[1+i/3][0], line[3], line[6]
		mails := s.running(target).Mailbox().Count(address)
		counts[fmt.Sprintf("%s/%s %d", outcome, line[7], mails)]++
		switch {
		case line[0] != address:
			t.Errorf("result %d is of %s, want %s", i+1, line[0], address)
		case outcome == "done" && mails != 1, outcome == "failed" && mails != 0, mails > 1:
			t.Errorf("%s at %s is %s with %d mails: %s", address, target, outcome, mails, line[8])
		case outcome != "done" && outcome != "failed" && outcome != "unknown":
			t.Errorf("%s at %s is %s: %s", address, target, outcome, line[8])
		}
	}
	t.Logf("outcomes by mails: %v", counts)
}
