package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
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
			folder := t.TempDir()
			s := newSystems()
			t.Cleanup(s.close)
			env := []string{"HOME=" + folder}
			for key, value := range s.start("looker", variant{people: 1}) {
				env = append(env, key+"="+value)
			}
			path := filepath.Join(folder, "people.csv")
			if err := os.WriteFile(path, []byte("email,target\nana.adler@example.com,looker\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, said bytes.Buffer
			streams := &ui.IO{In: strings.NewReader(c.answer), Out: &out, Err: &said, InTerminal: true, ErrTerminal: true}
			if code := Main(t.Context(), append([]string{"resetctl", "run", path}, c.flags...), env, streams); code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, said.String())
			}
			if got := s.running("looker").Mailbox().Len(); got != c.mails {
				t.Errorf("%d mails, want %d", got, c.mails)
			}
			asked := strings.Contains(said.String(), "1 of 1 rows would be done") && strings.Contains(said.String(), "[y/N]")
			if want := len(c.flags) == 0; asked != want {
				t.Errorf("asked: %v, want %v: %s", asked, want, said.String())
			}
			if out.Len() > 0 {
				t.Errorf("stdout: %s", out.String())
			}
		})
	}
}
