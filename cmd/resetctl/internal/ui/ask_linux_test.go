package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// pseudoTerminal is the two ends of one: what a person sees and types, and what
// the program has.
func pseudoTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	person = os.NewFile(uintptr(fd), "/dev/ptmx")
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return person, program
}

// A screen is what stands on a terminal.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
	read chan struct{} // closed at its end
}

func watch(person *os.File) *screen {
	s := &screen{read: make(chan struct{})}
	go func() {
		defer close(s.read)
		_, _ = io.Copy(s, person)
	}()
	return s
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) shows(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), text)
}

func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); !s.shows(text); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("%q is not shown", text)
		}
	}
}

func TestNothingOfASecretIsShownOnATerminal(t *testing.T) {
	person, program := pseudoTerminal(t)
	screen := watch(person)
	before, err := term.GetState(int(program.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	s := &IO{In: program, Out: program, Err: program, InTerminal: true, ErrTerminal: true}
	answer := make(chan string)
	go func() {
		got, err := s.AskHidden(t.Context(), "Secret")
		if err != nil {
			t.Error(err)
		}
		answer <- got
	}()
	screen.await(t, "Secret: ")
	for !mute(t, program) {
		time.Sleep(time.Millisecond)
	}
	if _, err := person.WriteString("hunter2 \r"); err != nil {
		t.Fatal(err)
	}
	if got := <-answer; got != "hunter2 " {
		t.Errorf("got %q", got)
	}
	after, err := term.GetState(int(program.Fd()))
	if err != nil || *after != *before {
		t.Errorf("the terminal is not as it was: %v", err)
	}
	s.Tell("next")
	screen.await(t, "Secret: \r\nnext")
	if screen.shows("hunter") {
		t.Error("the secret is shown")
	}
	_ = program.Close()
	_ = person.Close()
	<-screen.read
}

// What was typed while nobody had asked anything was not meant for the question.
func TestWhatWasTypedBeforeAQuestionAnswersNone(t *testing.T) {
	for name, ask := range map[string]func(*IO) (string, error){
		"yes or no": func(s *IO) (string, error) {
			yes, err := s.Confirm(t.Context(), "yes or no")
			return fmt.Sprint(yes), err
		},
		"a line":   func(s *IO) (string, error) { return s.Ask(t.Context(), "a line", "") },
		"a secret": func(s *IO) (string, error) { return s.AskHidden(t.Context(), "a secret") },
	} {
		person, program := pseudoTerminal(t)
		screen := watch(person)
		if _, err := person.WriteString("y\rhalf"); err != nil {
			t.Fatal(err)
		}
		screen.await(t, "half") // it has come through
		answer := make(chan string, 1)
		go func() {
			got, err := ask(&IO{In: program, Out: program, Err: program, InTerminal: true, ErrTerminal: true})
			answer <- fmt.Sprint(got, err)
		}()
		screen.await(t, name)
		for name == "a secret" && !mute(t, program) && len(answer) == 0 {
			time.Sleep(time.Millisecond)
		}
		if _, err := person.WriteString("no\r"); err != nil {
			t.Fatal(err)
		}
		want := "no<nil>"
		if name == "yes or no" {
			want = "false<nil>"
		}
		if got := <-answer; got != want {
			t.Errorf("%s: got %s", name, got)
		}
		_ = program.Close()
		_ = person.Close()
		<-screen.read
	}
}

func TestATerminalIsAsItWasWhenAHiddenQuestionIsStopped(t *testing.T) {
	person, program := pseudoTerminal(t)
	screen := watch(person)
	s := &IO{In: program, Out: program, Err: program, InTerminal: true, ErrTerminal: true}
	running := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error)
	go func() {
		_, err := s.AskHidden(ctx, "Secret")
		stopped <- err
	}()
	screen.await(t, "Secret: ")
	for !mute(t, program) {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-stopped; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if mute(t, program) {
		t.Error("it stays mute")
	}
	if _, err := person.WriteString("\r"); err != nil { // lets the reading that was left behind go
		t.Fatal(err)
	}
	goleak.VerifyNone(t, running) // before another file has its number
	_ = program.Close()
	_ = person.Close()
	<-screen.read
}

// mute reports whether a terminal shows nothing of what is typed.
func mute(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO == 0
}
