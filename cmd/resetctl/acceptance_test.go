package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// The job that all this is for: 150 people on each of three systems, in one
// run of the command as a process of its own.
func TestEverybodyIsMailedOnceByThreeSystems(t *testing.T) {
	t.Parallel()
	const n = 150
	folder := t.TempDir()
	s := newSystems()
	t.Cleanup(s.close)
	env := bareEnv(folder)
	for _, name := range []string{"looker", "sugar", "unleash"} {
		for key, value := range s.start(name, variant{people: n}) {
			env = append(env, key+"="+value)
		}
	}
	people := sandbox.People(n)
	table := [][]string{{"Personnel no.", "E-Mail", "Remark", "System"}}
	for i, p := range people {
		table = append(table, []string{fmt.Sprintf("%05d", i), p.Email, "first line\nsecond, " + p.FirstName, "all"})
	}
	write(t, filepath.Join(folder, "people.csv"), table)

	cmd := exec.CommandContext(t.Context(), "resetctl", "run", "people.csv", "--yes", "-o", "results.csv")
	cmd.Dir, cmd.Env = folder, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if s.leaks(out) {
		t.Error("the output holds a secret")
	}
	for i, server := range s.all {
		if got := server.Mailbox().Len(); got != n {
			t.Errorf("%s sent %d mails, want %d", s.names[i], got, n)
		}
		for _, p := range people {
			if got := server.Mailbox().Count(p.Email); got != 1 {
				t.Errorf("%s mailed %s %d times", s.names[i], p.Email, got)
			}
		}
	}
	s.check(t)

	results := read(t, filepath.Join(folder, "results.csv"))
	header := []string{"Personnel no.", "E-Mail", "Remark", "System", "row", "target", "action", "account_id", "outcome",
		"reason", "detail", "attempts", "http_status", "finished_at", "run_id"}
	if !slices.Equal(results[0], header) {
		t.Errorf("the columns are %q", results[0])
	}
	if len(results) != 1+3*n {
		t.Fatalf("%d results, want %d", len(results)-1, 3*n)
	}
	for i, line := range results[1:] {
		person, target := table[1+i/3], []string{"looker", "sugar", "unleash"}[i%3]
		if !slices.Equal(line[:4], person) || line[5] != target {
			t.Errorf("result %d is %q, want that of %q on %s", i+1, line, person, target)
		}
		if line[8] != "done" || line[9] != "accepted" {
			t.Errorf("result %d is %s/%s: %s", i+1, line[8], line[9], line[10])
		}
	}
}

func write(t *testing.T, path string, table [][]string) {
	t.Helper()
	var b strings.Builder
	if err := csv.NewWriter(&b).WriteAll(table); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return table
}
