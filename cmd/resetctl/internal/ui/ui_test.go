package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func buffers() (*IO, *bytes.Buffer, *bytes.Buffer) {
	var out, err bytes.Buffer
	return &IO{In: strings.NewReader(""), Out: &out, Err: &err}, &out, &err
}

func TestNothingThatIsShownSteersTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                 "plain",
		"Jürgen 日本 🙂":           "Jürgen 日本 🙂",
		"a\x1b[31mb":            "a[31mb",
		"a\x1b]0;title\x07b":    "a]0;titleb",
		"a\u009b31mb":           "a31mb",
		"one\ntwo\r\tthree":     "one two  three",
		"abc\u202etxt.exe":      "abctxt.exe",
		"a\u2066b\u2069c\u200b": "abc",
		"x\x7fy\x00z":           "xyz",
		"bad\xffbyte":           "bad\uFFFDbyte",
		"p\u2028q":              "p q",
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestDataGoesToStdoutAndEverythingElseToStderr(t *testing.T) {
	s, out, err := buffers()
	s.Tell("told %s", "a\x1bb\n")
	s.Note("noted")
	s.Lines("one\ntw\x07o\n")
	if e := s.Print("data\nmore\u202e\n"); e != nil {
		t.Fatal(e)
	}
	fmt.Fprintln(s.Log(), "logged")
	if out.String() != "data\nmore\n" || err.String() != "told ab \nnoted\none\ntwo\nlogged\n" {
		t.Errorf("stdout %q, stderr %q", out, err)
	}
	s.Quiet = true
	err.Reset()
	s.Note("noted")
	s.Tell("told")
	if err.String() != "told\n" {
		t.Errorf("quiet: %q", err)
	}
}

func TestEachLineOnStderrIsARecordWhereThatIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, out, err := buffers()
		s.JSON, s.ErrTerminal = true, true
		s.Tell("told %s", "a\x1bb \"c\"\n")
		s.Note("noted")
		s.Lines("\none\ntwo\n")
		s.Warn("hot")
		s.Fail("bad")
		if e := s.Print("data\n"); e != nil {
			t.Fatal(e)
		}
		slog.New(slog.NewJSONHandler(s.Log(), nil)).Warn("logged", "n", 1)
		ctx, cancel := context.WithTimeout(t.Context(), lineEvery+time.Second)
		defer cancel()
		s.Bars(ctx, func() []Bar { return []Bar{{Name: "looker", Doing: "working"}} })
		var got []string
		for line := range strings.Lines(err.String()) {
			var record struct {
				Time       time.Time
				Level, Msg string
			}
			if e := json.Unmarshal([]byte(line), &record); e != nil || record.Time.IsZero() {
				t.Errorf("%q: %v", line, e)
			}
			got = append(got, record.Level+" "+record.Msg)
		}
		want := []string{`INFO told ab "c" `, "INFO noted", "INFO one", "INFO two", "WARN warning: hot", "ERROR bad", "WARN logged", "INFO looker: working"}
		if d := cmp.Diff(want, got); d != "" || out.String() != "data\n" {
			t.Errorf("stdout %q, stderr %s", out, d)
		}
	})
}

func TestAClosedPipeIsAnError(t *testing.T) {
	s, _, _ := buffers()
	r, w := io.Pipe()
	_ = r.Close()
	s.Out = w
	if err := s.Print("x\n"); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestOnlyYesMeansYesAndOnlyNoOrNothingMeansNo(t *testing.T) {
	const once, again = "Send? [y/N] ", "Send? [y/N] answer y or n\nSend? [y/N] "
	for _, tt := range []struct {
		in     string
		want   bool
		prompt string
	}{
		{"y\n", true, once}, {"YES\r\n", true, once}, {" yes \n", true, once}, {"y", true, once},
		{"\n", false, once}, {"", false, once}, {"n\n", false, once}, {"NO\n", false, once},
		{"yess\ny\n", true, again}, {"yess\nno\n", false, again}, {"1\n\n", false, again}, {"yess", false, again},
	} {
		s, _, err := buffers()
		s.In, s.InTerminal, s.ErrTerminal = strings.NewReader(tt.in), true, true
		got, e := s.Confirm(t.Context(), "Send?")
		if got != tt.want || e != nil || err.String() != tt.prompt {
			t.Errorf("%q: got %v, %v, %q", tt.in, got, e, err)
		}
	}
}

func TestAnAnswerTakesOneLineAndNoMore(t *testing.T) {
	s, _, _ := buffers()
	s.In, s.InTerminal, s.ErrTerminal = strings.NewReader("y\nnext"), true, true
	if yes, err := s.Confirm(t.Context(), "Send?"); !yes || err != nil {
		t.Fatal(yes, err)
	}
	if rest, _ := io.ReadAll(s.In); string(rest) != "next" {
		t.Errorf("left %q", rest)
	}
}

func TestNobodyIsAskedWhereNobodyCanAnswer(t *testing.T) {
	for _, tt := range []struct{ in, err, noInput bool }{{false, true, false}, {true, false, false}, {true, true, true}} {
		s, _, stderr := buffers()
		s.InTerminal, s.ErrTerminal, s.NoInput = tt.in, tt.err, tt.noInput
		if yes, err := s.Confirm(t.Context(), "Send?"); yes || !errors.Is(err, ErrCannotAsk) || stderr.Len() != 0 {
			t.Errorf("%+v: %v, %v, %q", tt, yes, err, stderr)
		}
	}
}

func TestAQuestionEndsWithTheContext(t *testing.T) {
	s, _, _ := buffers()
	in, typed := io.Pipe()
	s.In, s.InTerminal, s.ErrTerminal = in, true, true
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if yes, err := s.Confirm(ctx, "Send?"); yes || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", yes, err)
	}
	_ = typed.Close()
}

func TestNoColorIsHonoured(t *testing.T) {
	for _, tt := range []struct {
		env  []string
		want bool
	}{{nil, true}, {[]string{"NO_COLOR=1"}, false}, {[]string{"NO_COLOR="}, true}, {[]string{"A=b", "TERM=dumb"}, false}, {[]string{"TERM=xterm"}, true}} {
		if got := allowsColor(tt.env); got != tt.want {
			t.Errorf("%q: %v", tt.env, got)
		}
	}
}

func TestTextIsCutToTheCellsOfATerminal(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"e\u0301e\u0301", 2, "e\u0301e\u0301"}, {"", 0, ""}, {"abc", 0, ""}, {"abc", 1, "…"}} {
		got := Shorten(tt.in, tt.n)
		if got != tt.want || Width(got) > tt.n {
			t.Errorf("%q to %d: %q", tt.in, tt.n, got)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"a\x1b[2J", "\u202e", "\xff\xfe", "日本\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if slices.ContainsFunc([]rune(got), hidden) || Clean(got) != got {
			t.Errorf("%q became %q", s, got)
		}
		if w := Width(Shorten(got, 10)); w > 10 {
			t.Errorf("%q is %d wide", got, w)
		}
	})
}
