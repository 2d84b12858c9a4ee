package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func terminal(typed string) *IO {
	s, _, _ := buffers()
	s.In, s.InTerminal, s.ErrTerminal = strings.NewReader(typed), true, true
	return s
}

func TestAnAnswerIsTheLineThatIsTyped(t *testing.T) {
	for _, tt := range []struct{ typed, preset, want, prompt string }{
		{" https://x.io \r\n", "", "https://x.io", "Where: "},
		{"\n", "there", "there", "Where [there]: "},
		{"here\n", "there", "here", "Where [there]: "},
		{"here", "", "here", "Where: "},
		{"he\x1b[Dre\n", "", "he[Dre", "Where: "},
	} {
		s := terminal(tt.typed)
		got, err := s.Ask(t.Context(), "Where", tt.preset)
		if got != tt.want || err != nil || fmt.Sprint(s.Err) != tt.prompt {
			t.Errorf("%q: %q, %v, %q", tt.typed, got, err, s.Err)
		}
	}
	s := terminal("one\ntwo\n")
	first, _ := s.Ask(t.Context(), "1", "")
	if second, err := s.Ask(t.Context(), "2", ""); first != "one" || second != "two" || err != nil {
		t.Errorf("%q, %q, %v", first, second, err)
	}
}

// Else a question that is put again until it is answered would never end.
func TestATerminalThatIsGoneIsNoAnswer(t *testing.T) {
	if got, err := terminal("").Ask(t.Context(), "Where", "there"); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := terminal("").AskHidden(t.Context(), "Secret"); !errors.Is(err, ErrNoAnswer) {
		t.Error(err)
	}
}

func TestASecretIsTakenAsItIsTyped(t *testing.T) {
	if got, err := terminal(" a b \n").AskHidden(t.Context(), "Secret"); got != " a b " || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNothingIsAskedWhereNobodyCanAnswer(t *testing.T) {
	s := terminal("x\n")
	s.NoInput = true
	if _, err := s.Ask(t.Context(), "Where", ""); !errors.Is(err, ErrCannotAsk) {
		t.Error(err)
	}
	if _, err := s.AskHidden(t.Context(), "Secret"); !errors.Is(err, ErrCannotAsk) || fmt.Sprint(s.Err) != "" {
		t.Errorf("%v, %q", err, s.Err)
	}
}

func TestEveryQuestionEndsWithTheContext(t *testing.T) {
	in, typed := io.Pipe()
	s := terminal("")
	s.In = in
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Ask(ctx, "Where", ""); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	_ = typed.Close()
}

func TestADumbTerminalGetsLinesAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, err := buffers()
		s.ErrTerminal, s.Dumb = true, true
		ctx, cancel := context.WithTimeout(t.Context(), lineEvery+time.Second)
		defer cancel()
		s.Progress(ctx, func() string { return "working" })
		if err.String() != "working\n" {
			t.Errorf("%q", err)
		}
	})
}
