package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// TestMain makes the test binary four programs for scripts and processes:
// resetctl itself, ends-with, doomed (doomed_test.go) and cramped (full_test.go).
// As the tests it promises that nothing of them runs on at the end.
func TestMain(m *testing.M) {
	testscript.Main(withoutLeaks{m}, map[string]func(){"resetctl": main, "ends-with": endsWith, "doomed": doomed, "cramped": cramped})
}

type withoutLeaks struct{ *testing.M }

func (m withoutLeaks) Run() int {
	// The scripts spend their time waiting for a system's pace. (What -parallel
	// says on the command line is read later, and holds.)
	_ = flag.Set("test.parallel", "8")
	code := m.M.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// bareEnv is an environment for a process of its own, without whatever this machine
// sets that the command or its terminal would heed, such as NO_COLOR.
func bareEnv(home string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home}
}

// endsWith is the program "ends-with N PROGRAM ARGUMENTS": it runs PROGRAM,
// hands signals on to it, and succeeds if that exits with N.
func endsWith() {
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "ends-with:", err)
		os.Exit(1)
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	err := cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, "ends-with:", err)
		os.Exit(1)
	}
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != os.Args[1] {
		fmt.Fprintf(os.Stderr, "ends-with: %s ended with %s, want %s\n", os.Args[2], cmd.ProcessState, os.Args[1])
		os.Exit(1)
	}
}
