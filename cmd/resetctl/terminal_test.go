//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui/uitest"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// The command on a real terminal, as a process of its own: what a person sees
// while it works, and what is left when it is done.

// A session is a command at work on a terminal.
type session struct {
	t       *testing.T
	systems *systems
	cmd     *exec.Cmd
	person  *os.File // what the person has of the terminal
	display *uitest.Display
	read    chan struct{} // closed when all was read
	looker  hold

	mu  sync.Mutex
	raw bytes.Buffer
}

const screenColumns = 100

// First lines of what Looker is asked, as is resetLine.
var (
	signIn = regexp.MustCompile(`^POST \S*/login `)
	lookUp = regexp.MustCompile(`^GET \S*/users/(search|credential)`)
)

// A hold keeps a system's requests back, so that what is to be seen meanwhile can
// be waited for, however slow or fast the machine is.
type hold struct {
	mu   sync.Mutex
	line *regexp.Regexp // the requests that are kept back; nil: none
	left int            // how many of them are let through before
	over chan struct{}  // closed when another one begins
}

// at keeps back all requests like line from the n-th on, and lets go of what was
// kept back until now.
func (h *hold) at(n int, line *regexp.Regexp) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over != nil {
		close(h.over)
	}
	h.line, h.left, h.over = line, n-1, make(chan struct{})
}

// end lets all through.
func (h *hold) end() { h.at(0, nil) }

func (h *hold) comes(line string) {
	h.mu.Lock()
	for h.line != nil && h.line.MatchString(line) {
		if h.left > 0 {
			h.left--
			break
		}
		over := h.over
		h.mu.Unlock()
		<-over
		h.mu.Lock()
	}
	h.mu.Unlock()
}

// withTerminal runs a shell script with resetctl on a terminal. There are a Looker and
// an Unleash, which take their time for each answer, and people.csv names the same
// ten people on each. Looker keeps everything back until the test has it go on.
func withTerminal(t *testing.T, script string, env []string, faults ...sandbox.Fault) *session {
	t.Helper()
	folder := t.TempDir()
	s := &session{t: t, systems: newSystems(), display: uitest.NewDisplay(screenColumns, func(r rune) int { return ui.Width(string(r)) }), read: make(chan struct{})}
	t.Cleanup(s.systems.close)
	s.cmd = exec.Command("sh", "-c", script)
	s.cmd.Dir, s.cmd.Env = folder, append(bareEnv(folder), "TERM=xterm")
	s.looker.at(1, signIn)
	t.Cleanup(s.looker.end)
	for _, name := range []string{"looker", "unleash"} {
		w := newWire(t, func(string, func() string) bool { return false })
		if name == "looker" {
			w.comes = s.looker.comes
		}
		for key, value := range s.systems.start(name, variant{people: 10, latency: 120 * time.Millisecond, wire: w}) {
			s.cmd.Env = append(s.cmd.Env, key+"="+value)
		}
	}
	s.systems.running("looker").Inject(faults...)
	s.cmd.Env = append(s.cmd.Env, env...)
	if err := writePeople(folder+"/people.csv", sandbox.People(10), "looker;unleash"); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.person, err = pty.StartWithSize(s.cmd, &pty.Winsize{Rows: 24, Cols: screenColumns}); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.read)
		_, _ = io.Copy(s, s.person) // which ends with an error when the terminal is gone
	}()
	return s
}

func (s *session) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw.Write(p)
	return s.display.Write(p)
}

func (s *session) wrote(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.raw.String(), text)
}

// await waits until a line with all of this stands on the terminal, or did.
func (s *session) await(parts ...string) {
	s.t.Helper()
	shown := func(line string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) })
	}
	if !eventually(func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.ContainsFunc(strings.Split(s.raw.String(), "\n"), shown)
	}) {
		s.t.Fatalf("no line shows %q:\n%s", parts, strings.Join(s.display.Text(), "\n"))
	}
}

// types has the person type something.
func (s *session) types(keys string) {
	s.t.Helper()
	if _, err := s.person.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// working has Looker go on until people are reset, and waits for that to be seen.
func (s *session) working() {
	s.t.Helper()
	s.looker.at(1, resetLine)
	s.await("looker", "working", "/10")
}

// end has Looker go on, waits for the script to end and returns what is left on
// the terminal.
func (s *session) end(code int) []string {
	s.t.Helper()
	s.looker.end()
	_ = s.cmd.Wait()
	<-s.read
	_ = s.person.Close()
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.t.Errorf("exit code %d, want %d", got, code)
	}
	for _, what := range s.display.Strange() {
		s.t.Error(what)
	}
	s.systems.check(s.t)
	return s.display.Text()
}

// clean fails t unless these are the beginnings of the lines, in this order.
func clean(t *testing.T, lines []string, begin ...string) {
	t.Helper()
	for i, line := range lines {
		if len(lines) != len(begin) || !strings.HasPrefix(line, begin[i]) {
			t.Fatalf("what is left is\n%s\nwant lines that begin with\n%s", strings.Join(lines, "\n"), strings.Join(begin, "\n"))
		}
	}
}

var lastLines = []string{"run 20", "  looker: 10 done; ", "  unleash: 10 done; ", "row by row: resetctl show "}

func TestATerminalShowsABarForEachTargetAndKeepsNoneOfThem(t *testing.T) {
	t.Parallel()
	s := withTerminal(t, "resetctl run people.csv --yes --concurrency looker=1", nil)
	s.await("looker", "signing in")
	s.looker.at(1, lookUp)
	s.await("looker", "looking people up", "/10")
	s.looker.at(8, resetLine)
	s.await("unleash", "working", "[", "/10")
	s.await("looker", "working", "7/10", "/s", "s left (")
	clean(t, s.end(0), slices.Concat([]string{"commas, UTF-8"}, lastLines)...)
}

// stoppedLines are the beginnings of the lines that a run leaves that Ctrl-C has ended.
var stoppedLines = []string{"commas, UTF-8", "stopping: ", "run 20", "  looker: ", "  unleash: ", "pending: not done yet; go on with: ", "row by row: ", "resetctl: stopped by Ctrl-C"}

// echoed is what the terminal itself shows of Ctrl-C.
func echoed(line string) bool { return line == "^C" }

func TestATerminalShowsUntilWhenASystemIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := withTerminal(t, "exec resetctl run people.csv --yes --concurrency looker=1", nil,
		sandbox.Fault{Kind: sandbox.Throttle, On: sandbox.Reset, Skip: 1, Times: 1, RetryAfter: 10 * time.Minute})
	s.looker.end()
	s.await("looker", "working", "1/10", "asks us to wait until ")
	s.types("\x03")
	clean(t, slices.DeleteFunc(s.end(130), echoed), stoppedLines...)
}

func TestLogLinesStandAboveTheBars(t *testing.T) {
	t.Parallel()
	s := withTerminal(t, "resetctl run people.csv --yes -v --concurrency looker=1", nil)
	s.working()
	left := s.end(0)
	logged := slices.IndexFunc(left, func(line string) bool { return strings.HasPrefix(line, lastLines[0]) })
	if logged < 50 || slices.ContainsFunc(left, func(line string) bool { return strings.Contains(line, "[=") || strings.Contains(line, "working") }) {
		t.Fatalf("what is left is\n%s", strings.Join(left, "\n"))
	}
	clean(t, left[logged:logged+len(lastLines)], lastLines...)
}

func TestATerminalMayBeResizedWhileARunIsUnderWay(t *testing.T) {
	t.Parallel()
	s := withTerminal(t, "resetctl run people.csv --yes --concurrency looker=1", nil)
	// Nothing changes meanwhile, so that what is drawn is drawn for the new size: a
	// picture that comes between two sizes is for neither.
	s.looker.at(1, lookUp)
	s.await("looker", "looking people up", "0/10")
	s.await("unleash", "working", "10/10", "done")
	for _, columns := range []int{40, 25, 60, screenColumns} {
		s.mu.Lock()
		if err := pty.Setsize(s.person, &pty.Winsize{Rows: 24, Cols: uint16(columns)}); err != nil {
			t.Error(err)
		}
		s.display.Resize(columns)
		s.mu.Unlock()
		before := s.length()
		if !eventually(func() bool { return s.length() > before }) {
			t.Fatal("nothing is drawn any more")
		}
	}
	left := s.end(0)
	clean(t, left[max(0, len(left)-len(lastLines)):], lastLines...)
	if slices.ContainsFunc(left, func(line string) bool { return strings.HasPrefix(line, "looker") || strings.HasPrefix(line, "unleash") }) {
		t.Errorf("what is left is\n%s", strings.Join(left, "\n"))
	}
}

func (s *session) length() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.Len()
}

func TestCtrlCLeavesNoBarsBehind(t *testing.T) {
	t.Parallel()
	s := withTerminal(t, "exec resetctl run people.csv --yes --concurrency looker=1", nil)
	s.working()
	s.types("\x03")
	s.await("stopping: ")
	clean(t, slices.DeleteFunc(s.end(130), echoed), stoppedLines...)
}

// Between Ctrl-Z and fg the shell has the terminal.
func TestWhatTheShellSaidMeanwhileStaysWhenTheCommandGoesOn(t *testing.T) {
	t.Parallel()
	s := withTerminal(t, "exec resetctl run people.csv --yes --concurrency looker=1", nil)
	s.working()
	signal := func(sig syscall.Signal) {
		if err := s.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	for before := -1; s.length() != before; time.Sleep(time.Second) {
		before = s.length() // it stands still
	}
	if _, err := s.Write([]byte("[1]+  Stopped\n$ fg\n")); err != nil {
		t.Fatal(err)
	}
	signal(syscall.SIGCONT)
	left := s.end(0)
	clean(t, left[max(0, len(left)-len(lastLines)-2):], append([]string{"[1]+  Stopped", "$ fg"}, lastLines...)...)
}

func TestTheBackgroundOfATerminalIsNotDrawnOn(t *testing.T) {
	t.Parallel()
	s := withTerminal(t, "set -m; resetctl run people.csv --yes & wait $!", nil)
	left := s.end(0)
	if s.wrote("\x1b[") || s.wrote("working") {
		t.Errorf("%q", s.raw.String())
	}
	clean(t, left[max(0, len(left)-len(lastLines)):], lastLines...)
}

func TestATerminalGetsNoMoreThanItUnderstandsAndPeopleWant(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, flag    string
		env           []string
		draws, colour bool
	}{
		{"a usual one", "", nil, true, true},
		{"NO_COLOR", "", []string{"NO_COLOR=1"}, true, false},
		{"--no-color", "--no-color", nil, true, false},
		{"dumb", "", []string{"TERM=dumb"}, false, false},
		{"quiet", "--quiet", nil, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pause := sandbox.Fault{Kind: sandbox.Throttle, On: sandbox.Reset, Times: 1, RetryAfter: time.Second}
			if tt.draws { // for as long as it takes to be seen
				pause.RetryAfter = 10 * time.Minute
			}
			s := withTerminal(t, "exec resetctl run people.csv --yes --only looker "+tt.flag, tt.env, pause)
			if tt.draws {
				s.looker.end()
				s.await("asks us to wait until ")
				s.types("\x03")
				s.end(130)
			} else {
				s.end(0)
			}
			if draws := s.wrote("\x1b[K"); draws != tt.draws {
				t.Errorf("draws: %v", draws)
			}
			if colour := s.wrote("\x1b[33m"); colour != tt.colour {
				t.Errorf("colour: %v", colour)
			}
			if !tt.draws && s.wrote("\x1b") {
				t.Errorf("%q", s.raw.String())
			}
		})
	}
}

// The data of a pipe is data, whatever the terminal shows meanwhile.
func TestBarsOnATerminalDoNotGetIntoAPipe(t *testing.T) {
	t.Parallel()
	s := withTerminal(t, "resetctl run people.csv --yes -o - | cat > out; grep -c accepted out; ! grep -q -e working -e '\x1b' out", nil)
	s.working()
	if left := s.end(0); !slices.Contains(left, "20") {
		t.Errorf("what is left is\n%s", strings.Join(left, "\n"))
	}
}
