package ui

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// ErrCannotAsk means that there is nobody to answer: no terminal at stdin or
// stderr, or NoInput.
var ErrCannotAsk = errors.New("there is no terminal to ask on")

// ErrNoAnswer means that the input ended before a line was typed.
var ErrNoAnswer = errors.New("nobody answered")

// CanAsk reports whether a question would reach somebody.
func (s *IO) CanAsk() bool { return s.InTerminal && s.ErrTerminal && !s.NoInput }

// Confirm is YesOrNo where the end of the input means no as well.
func (s *IO) Confirm(ctx context.Context, question string) (bool, error) {
	yes, err := s.YesOrNo(ctx, question)
	if errors.Is(err, ErrNoAnswer) {
		return false, nil
	}
	return yes, err
}

// YesOrNo asks a question on stderr until it is answered with yes or no, or with
// nothing, which means no. Errors: ErrCannotAsk, ErrNoAnswer, or ctx's own when
// it ends first.
func (s *IO) YesOrNo(ctx context.Context, question string) (bool, error) {
	for {
		answer, err := s.answer(ctx, question+" [y/N] ", s.typed)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			return true, nil
		case "n", "no", "":
			return false, nil
		}
		s.line("answer y or n")
	}
}

// Ask asks a question on stderr and returns the line that is typed, clean and
// without the blanks around it; where that is empty, preset, which is shown with the
// question. Errors: ErrCannotAsk, ErrNoAnswer, or ctx's own when it ends first.
func (s *IO) Ask(ctx context.Context, question, preset string) (string, error) {
	if preset != "" {
		question += " [" + preset + "]"
	}
	answer, err := s.answer(ctx, question+": ", s.typed)
	if answer = strings.TrimSpace(Clean(answer)); answer == "" {
		answer = preset
	}
	return answer, err
}

// AskHidden is Ask for a secret: nothing of what is typed is shown, and nothing
// of it is cut off.
func (s *IO) AskHidden(ctx context.Context, question string) (string, error) {
	terminal, ok := s.In.(*os.File)
	if !ok || !s.CanAsk() {
		return s.answer(ctx, question+": ", s.typed)
	}
	fd := int(terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	answer, err := s.answer(ctx, question+": ", func() (string, error) {
		line, err := term.ReadPassword(fd)
		if errors.Is(err, io.EOF) {
			err = ErrNoAnswer
		}
		return string(line), err
	})
	if ctx.Err() != nil {
		_ = term.Restore(fd, before) // else the terminal would stay mute
	} else {
		s.line("") // what was typed ended no line
	}
	return answer, err
}

// answer asks and has read wait for the answer. What was typed before the question
// is shown answers another one, or none. A read from a terminal cannot
// be interrupted; where ctx ends first it is left behind, and ends with the
// process or with the next line typed.
func (s *IO) answer(ctx context.Context, prompt string, read func() (string, error)) (string, error) {
	if !s.CanAsk() {
		return "", ErrCannotAsk
	}
	s.mu.Lock()
	s.erase()
	if terminal, ok := s.In.(*os.File); ok {
		flush(int(terminal.Fd()))
	}
	_, _ = io.WriteString(s.Err, Clean(prompt))
	s.mu.Unlock()

	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := read()
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		return a.text, a.err
	case <-ctx.Done():
		s.line("")
		return "", context.Cause(ctx)
	}
}

// longestLine is more than a terminal lets a person type.
const longestLine = 64 << 10

// typed reads to the end of the line and not a byte further, so that what
// follows is left for whoever reads next.
func (s *IO) typed() (string, error) {
	var line []byte
	one := make([]byte, 1)
	for len(line) < longestLine {
		n, err := s.In.Read(one)
		if n == 1 {
			if one[0] == '\n' {
				break
			}
			line = append(line, one[0])
		}
		if err != nil && len(line) == 0 {
			return "", ErrNoAnswer
		}
		if err != nil {
			break
		}
	}
	return strings.TrimSuffix(string(line), "\r"), nil
}
