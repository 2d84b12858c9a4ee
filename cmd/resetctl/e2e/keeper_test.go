//go:build unix

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// keeperArgument makes the test binary play the keeper instead of the tests.
const keeperArgument = "-keep="

// A keeper is a process of its own that ends the servers and removes their
// folder as soon as the tests close its input. The operating system closes it
// too when the tests are killed, panic or time out, so that no server outlives
// them, however they end.
type keeper struct {
	dir     string // where the servers live; removed at the end
	command *exec.Cmd
	input   io.WriteCloser
	servers sync.WaitGroup
}

func startKeeper() (*keeper, error) {
	dir, err := os.MkdirTemp("", "resetctl-e2e-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL may run as another user
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, keeperArgument+dir)
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is not for the keeper
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	return &keeper{dir: dir, command: command, input: input}, nil
}

// start starts a server in a process group of its own. The channel is closed
// when the server has ended.
func (k *keeper) start(command *exec.Cmd) (<-chan struct{}, error) {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid = true
	if err := command.Start(); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(k.input, command.Process.Pid); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	k.servers.Go(func() {
		defer close(ended)
		_ = command.Wait() // it ends by our signal; how, is of no interest
	})
	return ended, nil
}

// close ends every server and removes the folder.
func (k *keeper) close() error {
	if err := k.input.Close(); err != nil {
		return err
	}
	k.servers.Wait()
	return k.command.Wait()
}

// keep is the keeper's whole life: it learns the servers from its input and
// ends them when the input ends.
func keep(dir string, input io.Reader) error {
	var groups []int
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		group, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		groups = append(groups, group)
	}
	endGroups(groups)
	return os.RemoveAll(dir)
}

// endGroups asks process groups to end, as Ctrl-C does, and insists after a
// few seconds.
func endGroups(groups []int) {
	signal := func(s syscall.Signal) (somebody bool) {
		for _, group := range groups {
			if syscall.Kill(-group, s) == nil {
				somebody = true
			}
		}
		return somebody
	}
	const nothing = syscall.Signal(0) // reaches whoever is left, and does nothing
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	patience := time.After(5 * time.Second)
	for left := signal(syscall.SIGINT); left; left = signal(nothing) {
		select {
		case <-poll.C:
		case <-patience:
			signal(syscall.SIGKILL)
			return
		}
	}
}
