package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A keyring that waits for somebody to unlock it answers nothing. (Where its bus
// is not there at all is in testdata/script/keyring.txtar.)
func TestAKeyringThatHangsIsSaidWithinThreeSeconds(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "bus") // short, as the name of a socket has to be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	bus, err := net.Listen("unix", filepath.Join(folder, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	var asked sync.WaitGroup
	asked.Go(func() {
		for {
			conn, err := bus.Accept()
			if err != nil {
				return
			}
			asked.Go(func() { _, _ = io.Copy(io.Discard, conn); _ = conn.Close() })
		}
	})
	t.Cleanup(func() { _ = bus.Close(); asked.Wait() })

	cmd := exec.CommandContext(t.Context(), "resetctl", "check")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "DBUS_SESSION_BUS_ADDRESS=unix:path=" + filepath.Join(folder, "bus"),
		"RESETCTL_UNLEASH_URL=http://127.0.0.1:1", "RESETCTL_UNLEASH_TOKEN=keyring:resetctl/unleash"}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	begun := time.Now()
	err = cmd.Run() // the bus still hangs when it returns
	took := time.Since(begun)
	var exited *exec.ExitError
	if !errors.As(err, &exited) || exited.ExitCode() != exitUsage {
		t.Errorf("%v: %s", err, said.String())
	}
	if want := "the keyring did not answer within 3s: unlock it; on a machine without a desktop use env:, file: or exec: instead"; !strings.Contains(out.String(), want) {
		t.Errorf("it said\n%s", out.String())
	}
	// It says itself that it waited no longer; a slow machine needs more for the rest.
	if took < 2900*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}
