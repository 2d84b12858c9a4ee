package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// BenchmarkGoingOnWithAMillionRows measures how long it takes from the start of
// a process to the first reset of a run of a million people who are looked up
// already, and what memory that takes, beside a bare start of the command.
func BenchmarkGoingOnWithAMillionRows(b *testing.B) {
	const n = 1_000_000
	dir := b.TempDir()
	path, state := filepath.Join(dir, "people.csv"), filepath.Join(dir, "state")
	var text strings.Builder
	text.WriteString("email,target,name\n")
	for i := range n {
		fmt.Fprintf(&text, "person.%d@example.com,looker,Some Name %d\n", i, i)
	}
	check(b, os.WriteFile(path, []byte(text.String()), 0o600))
	registerAll(b, path, state)
	s := newSystems()
	defer s.close()
	env := bareEnv(dir)
	for key, value := range s.start("looker", variant{people: 10}) {
		env = append(env, key+"="+value)
	}
	for _, command := range [][]string{{"run", path, "--yes"}, {"resume", "--yes"}} {
		b.Run(command[0], func(b *testing.B) {
			for b.Loop() {
				begun := time.Now()
				check(b, exec.Command("resetctl", "version").Run())
				bare := time.Since(begun)
				took, peak := firstReset(b, s.running("looker"), env, append(command, "--state", state))
				b.ReportMetric(float64(took.Milliseconds()), "first-reset-ms")
				b.ReportMetric(float64(took)/float64(bare), "bare-starts")
				b.ReportMetric(peak, "MiB-peak")
			}
		})
	}
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// registerAll has a run of the table in the ledger, with everybody looked up.
func registerAll(b *testing.B, path, state string) {
	r, err := table.Open(b.Context(), path, nil, table.Options{Targets: []string{"looker"}, DefaultAction: resetter.ActionReset})
	check(b, err)
	defer r.Close()
	l, err := journal.Open(b.Context(), state, journal.Options{})
	check(b, err)
	_, err = l.Begin(b.Context(), journal.NewRun{Content: "x", Exact: r.Fingerprint(), Columns: r.Columns(), Rows: r.Rows()})
	check(b, err)
	check(b, l.Close())
	db, err := sql.Open("sqlite", filepath.Join(state, journal.FileName))
	check(b, err)
	_, err = db.ExecContext(b.Context(), `UPDATE rows SET account_id = 'x' || seq, account = json_object('email', identity), stage = 1`)
	check(b, err)
	check(b, db.Close())
}

// firstReset runs the command until a system is asked for a reset, and returns
// how long that took and how much memory, in MiB.
func firstReset(b *testing.B, looker *sandbox.Server, env, command []string) (took time.Duration, peak float64) {
	cmd := exec.Command("resetctl", command...)
	cmd.Dir, cmd.Env = b.TempDir(), env
	before := looker.Calls(sandbox.Reset)
	begun := time.Now()
	check(b, cmd.Start())
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for looker.Calls(sandbox.Reset) == before {
		select {
		case <-look.C:
		case <-ctx.Done():
			b.Fatal("nobody was asked for a reset")
		}
	}
	took = time.Since(begun)
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)) // where there is one
	for line := range strings.Lines(string(status)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kib); n == 1 {
			peak = kib / 1024
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return took, peak
}
