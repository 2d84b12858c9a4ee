package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// (One after the other: the command line's library keeps some state of its own.)
func TestOnATerminalARunShowsThePlanAndAsks(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		flags        []string
		code, mails  int
	}{
		{"yes", "y\n", nil, 0, 1},
		{"no", "n\n", nil, exitUsage, 0},
		{"only Enter", "\n", nil, exitUsage, 0},
		{"the terminal is gone", "", nil, exitUsage, 0},
		{"--no-input never asks", "y\n", []string{"--no-input"}, exitUsage, 0},
		{"a guard is asked first", "y\n", []string{"--expect", "2"}, exitGuard, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, mails, said := answering(t, 1, c.answer, c.flags...)
			if code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, said)
			}
			if mails != c.mails {
				t.Errorf("%d mails, want %d", mails, c.mails)
			}
			asked := strings.Contains(said, "1 of 1 rows would be done") && strings.Contains(said, "[y/N]")
			if want := len(c.flags) == 0; asked != want {
				t.Errorf("asked: %v, want %v: %s", asked, want, said)
			}
		})
	}
}

// Not all of a large canary is shown, and the command for that is named.
func TestALargeCanaryIsShownInPart(t *testing.T) {
	state := t.TempDir()
	_, mails, said := answering(t, 30, "n\n", "--yes", "--canary", "25", "--state", state)
	_, more, _ := strings.Cut(said, "  and 5 more: resetctl show 20")
	more, _, _ = strings.Cut(more, "\n")
	if mails != 25 || strings.Count(said, "  line ") != canaryShown || !strings.Contains(said, "through: 25 done") || !strings.HasSuffix(more, " --state="+state) {
		t.Errorf("%d mails: %s", mails, said)
	}
}

// While somebody thinks about the question it stands there, and no progress is
// drawn over it.
func TestNothingIsDrawnOverTheQuestionAboutTheCanary(t *testing.T) {
	thinking := &thinker{}
	if code, _, said := terminal(t, 3, thinking, thinking, "--yes", "--canary", "1"); code != exitGuard || thinking.meanwhile != "" {
		t.Errorf("exit code %d; drawn over the question: %q; %s", code, thinking.meanwhile, said)
	}
}

// A thinker reads stderr, and takes a while to answer no.
type thinker struct {
	mu        sync.Mutex
	said      bytes.Buffer
	meanwhile string // what was said then
}

func (a *thinker) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.said.Write(p)
}

func (a *thinker) Read(p []byte) (int, error) {
	begun := len(a.String())
	time.Sleep(600 * time.Millisecond) // of the three times that progress is drawn
	a.meanwhile = a.String()[begun:]
	return copy(p, "\n"), nil
}

func (a *thinker) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.said.String()
}

// answering runs a table of n people, with somebody at the terminal who answers.
func answering(t *testing.T, n int, answers string, flags ...string) (code, mails int, said string) {
	t.Helper()
	return terminal(t, n, strings.NewReader(answers), new(bytes.Buffer), flags...)
}

// screen is what stands on a terminal.
type screen interface {
	io.Writer
	fmt.Stringer
}

func terminal(t *testing.T, n int, keys io.Reader, screen screen, flags ...string) (code, mails int, said string) {
	t.Helper()
	folder := t.TempDir()
	s := newSystems()
	t.Cleanup(s.close)
	env := []string{"HOME=" + folder}
	for key, value := range s.start("looker", variant{people: n}) {
		env = append(env, key+"="+value)
	}
	path := filepath.Join(folder, "people.csv")
	if err := writePeople(path, sandbox.People(n), "looker"); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	streams := &ui.IO{In: keys, Out: &out, Err: screen, InTerminal: true, ErrTerminal: true}
	code = Main(t.Context(), append([]string{"resetctl", "run", path}, flags...), env, streams)
	if out.Len() > 0 {
		t.Errorf("stdout: %s", out.String())
	}
	return code, s.running("looker").Mailbox().Len(), screen.String()
}

// The canary is shown what has become of it, and then asked about; also where
// --yes has answered the first question.
func TestOnATerminalACanaryShowsItsOutcomesAndAsks(t *testing.T) {
	for _, c := range []struct {
		name, answers string
		flags         []string
		code, mails   int
		asked         bool
	}{
		{"yes", "y\ny\n", []string{"--canary", "2"}, 0, 5, true},
		{"no", "y\nn\n", []string{"--canary", "2"}, exitGuard, 2, true},
		{"only Enter", "y\n\n", []string{"--canary", "2"}, exitGuard, 2, true},
		{"the terminal is gone", "y\n", []string{"--canary", "2"}, exitGuard, 2, true},
		{"--yes and yes", "y\n", []string{"--canary", "2", "--yes"}, 0, 5, true},
		{"--yes and no", "n\n", []string{"--canary", "2", "--yes"}, exitGuard, 2, true},
		{"--yes and --no-input", "y\n", []string{"--canary", "2", "--yes", "--no-input"}, exitGuard, 2, false},
		{"nothing is left to ask about", "n\n", []string{"--canary", "5", "--yes"}, 0, 5, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, mails, said := answering(t, 5, c.answers, c.flags...)
			if code != c.code || mails != c.mails {
				t.Errorf("exit code %d after %d mails, want %d after %d: %s", code, mails, c.code, c.mails, said)
			}
			shown := strings.Contains(said, "the first rows of each target are through: 2 done\n") &&
				strings.Contains(said, "  line 2, ana.adler@example.com at looker: done (accepted): accepted; a reset mail goes to ana.adler@example.com\n") &&
				strings.Contains(said, "  line 3, ben.brandt@example.com at looker: done (accepted)") &&
				!strings.Contains(said, "line 4") && strings.Contains(said, "Go on with the others? [y/N]")
			if asked := strings.Contains(said, "Go on with the others?"); asked != c.asked || shown != c.asked {
				t.Errorf("asked %v, and shown what to ask about %v: %s", asked, shown, said)
			}
			_, goOn, _ := strings.Cut(said, "go on with: resetctl run ")
			if goOn, _, _ = strings.Cut(goOn, "\n"); c.code == exitGuard && (goOn == "" || strings.Contains(goOn, "--canary")) {
				t.Errorf("it does not say how to go on: %s", said)
			}
		})
	}
}
