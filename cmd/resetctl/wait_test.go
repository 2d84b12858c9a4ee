package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// Whatever goes through all rows of a table says so while it does, and how far
// it is: with a million rows each of these takes its time.
func TestNothingGoesThroughAllRowsInSilence(t *testing.T) {
	s := newSystems()
	t.Cleanup(s.close)
	folder := t.TempDir()
	env := []string{"HOME=" + folder, "RESETCTL_STATE=" + filepath.Join(folder, "state")}
	for key, value := range s.start("looker", variant{people: 10}) {
		env = append(env, key+"="+value)
	}
	table := filepath.Join(folder, "people.csv")
	if err := writePeople(table, sandbox.People(10), "looker"); err != nil {
		t.Fatal(err)
	}
	says := func(args string, want ...string) {
		t.Helper()
		var heard []string
		var errors bytes.Buffer
		streams := &ui.IO{In: strings.NewReader(""), Out: new(bytes.Buffer), Err: &errors, Overheard: func(line string) { heard = append(heard, line) }}
		c := &command{io: streams, env: env, args: append([]string{"resetctl"}, strings.Fields(strings.ReplaceAll(args, "DIR", folder))...)}
		if code := c.main(t.Context()); code != 0 && code != exitPending {
			t.Fatalf("%s: exit code %d:\n%s", args, code, errors.String())
		}
		if !slices.Equal(heard, want) {
			t.Errorf("%s:\n%s\nwant\n%s", args, strings.Join(heard, "\n"), strings.Join(want, "\n"))
		}
	}
	const (
		past     = "comparing the rows with past runs: 10 of 10"
		none     = "comparing the rows with unfinished runs: 0 of 10" // since there is none
		keeping  = "keeping the rows: 10 of 10"
		removing = "removing the rows from the ledger, since nothing was sent"
		results  = "writing the results: 10 of 10"
		report   = "going through all rows twice for the report: 20 of 20"
	)
	says("plan DIR/people.csv -o DIR/plan.csv", past, none, keeping, "writing the plan: 10 of 10", removing)
	says("run DIR/people.csv --yes --limit 2 -o DIR/results.csv --report DIR/report.html", past, none, keeping, results, report)
	says("plan DIR/people.csv", past, keeping, "comparing the rows with those of the run", removing)

	lines, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Join(strings.SplitAfter(string(lines), "\n")[:10], "") // without the last
	if err := os.WriteFile(table, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	says("run DIR/people.csv --yes --limit 2", "comparing the rows with past runs: 9 of 9",
		"comparing the rows with unfinished runs: 9 of 9", "comparing the rows with those of the run: 9 of 9")
	says("resume --yes -o DIR/results.csv", "writing the results: 9 of 9")
	says("show -o DIR/results.csv --outcome failed", "writing the results: 9 of 9")
	says("show")
	says("report -o DIR/report.html", "going through all rows twice for the report: 18 of 18")
	says("runs --prune 90d", "removing runs and their rows")
}
