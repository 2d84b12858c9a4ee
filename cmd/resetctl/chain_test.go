package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// A chain is one command that is killed and started again until it ends. What
// must hold after each link of it is in invariants_test.go.
type chain struct {
	t       testing.TB
	s       *systems
	folder  string // of the work
	env     []string
	people  []sandbox.Person
	command []string
	rate    float64      // of each target, a second
	key     age.Identity // that reads the links; nil: none are written down

	// passes, where set, is asked by the wires of all targets, see [wire]. The
	// end of the process may be asked for in it.
	passes func(target, point string, whom func() string) (cut bool) // guarded by mu

	mu      sync.Mutex
	process *process

	starts  []time.Time
	kills   int
	doubts  map[rowKey]bool // rows that were in flight at a kill
	flights []int           // how many were, at each kill
	unknown int             // rows in the end
	runs    int             // of the ledger, in the end
	copies  string          // a folder for copies of the ledger
}

var targetNames = []string{"looker", "sugar", "unleash"}

// inFlight is how many rows the targets work at a time, by the contract's
// defaults, all together.
const inFlight = 8 + 4 + 8

// newChain has so many people on each target, and resets that are answered so
// long after they are done.
func newChain(t testing.TB, people int, rate float64, answerTime time.Duration) *chain {
	t.Helper()
	c := &chain{t: t, s: newSystems(), people: sandbox.People(people), rate: rate,
		folder: t.TempDir(), copies: t.TempDir(), doubts: make(map[rowKey]bool)}
	t.Cleanup(c.s.close)
	t.Cleanup(c.kill)
	c.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.folder, "TMPDIR=" + c.folder,
		"XDG_STATE_HOME=" + filepath.Join(c.folder, "state")}
	for _, name := range targetNames {
		w := newWire(t, func(point string, whom func() string) bool {
			if point == wholeWrite {
				c.thinkOver(answerTime)
			}
			c.mu.Lock()
			passes := c.passes
			c.mu.Unlock()
			return passes != nil && passes(name, point, whom)
		})
		settings := c.s.start(name, variant{people: people, wire: w})
		settings["RESETCTL_"+strings.ToUpper(name)+"_RATE"] = fmt.Sprintf("%v/s", rate)
		for key, value := range settings {
			c.env = append(c.env, key+"="+value)
		}
	}
	var table strings.Builder
	table.WriteString("email,target\n")
	for _, p := range c.people {
		fmt.Fprintf(&table, "%s,all\n", p.Email)
	}
	if err := os.WriteFile(filepath.Join(c.folder, "people.csv"), []byte(table.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c.command = []string{"resetctl", "run", "people.csv", "--yes", "-o", "results.csv"}
	return c
}

// thinkOver has a system keep its answer back for a time, unless nobody waits
// for it any more.
func (c *chain) thinkOver(d time.Duration) {
	c.mu.Lock()
	gone := c.process.gone
	c.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-gone:
	}
}

func (c *chain) state() string { return filepath.Join(c.folder, "state", "resetctl") }

// A process is one link of a chain.
type process struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when it is
}

// killed reports whether it was, rather than ended by itself.
func (p *process) killed() bool { return p.cmd.ProcessState.ExitCode() < 0 }

// start starts the command, through the program that is named before it if any.
func (c *chain) start(through ...string) *process {
	c.t.Helper()
	args := append(through, c.command...)
	out, err := os.OpenFile(filepath.Join(c.folder, "said"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer out.Close()
	p := &process{exec.Command(args[0], args[1:]...), make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = c.folder, c.env, out, out
	c.mu.Lock()
	defer c.mu.Unlock()
	c.starts = append(c.starts, time.Now())
	if err := p.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.process = p
	go func() {
		defer close(p.gone)
		_ = p.cmd.Wait()
	}()
	return p
}

// kill kills what runs, and returns when nothing of it is left.
func (c *chain) kill() {
	c.mu.Lock()
	p := c.process
	c.mu.Unlock()
	if p == nil {
		return
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.t.Error(err)
	}
	<-p.gone
}

// killAt has the wires kill what runs when a reset gets to a point for the
// n-th time, counted over all targets or those that are named.
func (c *chain) killAt(point string, n int, targets ...string) {
	var mu sync.Mutex
	c.watch(func(target, at string, _ func() string) bool {
		mu.Lock()
		defer mu.Unlock()
		if at != point || len(targets) > 0 && !slices.Contains(targets, target) {
			return false
		}
		n--
		if n == 0 { // once: what was in flight then may come here when the next one runs already
			c.kill()
		}
		return n <= 0
	})
}

// watch has the wires of all targets ask passes.
func (c *chain) watch(passes func(target, point string, whom func() string) (cut bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passes = passes
}

// slowness is how much longer than usual a process takes to begin, as with the
// race detector, for kills to come when there is something to kill.
func (c *chain) slowness() time.Duration {
	begun := time.Now()
	if out, err := exec.Command("resetctl", "version").CombinedOutput(); err != nil {
		c.t.Fatalf("%v\n%s", err, out)
	}
	return max(0, time.Since(begun)-50*time.Millisecond)
}

// link waits for a process to end, which it does by itself, at its fate, or
// after a time if that is not zero. It returns what is wrong then.
func (c *chain) link(p *process, after time.Duration) (wrong []string) {
	if after == 0 {
		after = 2 * time.Minute
	}
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-p.gone:
	case <-timer.C:
		c.kill()
	}
	if !p.killed() {
		return nil
	}
	c.kills++
	return c.afterKill()
}

// said is what the processes printed last.
func (c *chain) said() string {
	out, _ := os.ReadFile(filepath.Join(c.folder, "said"))
	return string(out[max(0, len(out)-3000):])
}
