package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/urfave/cli/v2"
)

// completeWord is what the shells' scripts call the program with. Behind it are
// the words of a command line as far as it is written, the unfinished one last;
// the answer is a line for each word that it may become, with a tab and what
// that is behind it, or :files where it is for the shell to say.
const completeWord = "__complete"

// A candidate is a word that the unfinished one may become.
type candidate struct{ word, about string }

// files has the shell complete the names of files.
var files = []candidate{{":files", ""}}

// complete answers a shell. What stands in the way of an answer is not said:
// the person is in the middle of a line.
func (c *command) complete(ctx context.Context, app *cli.App, words []string) error {
	if len(words) == 0 {
		words = []string{""}
	}
	before, last := words[:len(words)-1], words[len(words)-1]
	if last == `""` { // as PowerShell has to pass an empty one
		last = ""
	}
	l := line{c: c, app: app}
	l.read(before)
	var b strings.Builder
	for _, found := range l.candidates(ctx, last) {
		b.WriteString(ui.Clean(found.word))
		if found.about != "" {
			b.WriteString("\t" + ui.Clean(found.about))
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(c.io.Out, b.String())
	return err
}

// A line is a command line as far as it is written. Flags may stand anywhere in
// it, as arrange takes them.
type line struct {
	c   *command
	app *cli.App

	command *cli.Command // nil as long as none is named
	args    int          // words behind the command that are no flags
	given   []cli.Flag
	values  map[string]string
	open    cli.Flag // one that still needs its value
	literal bool     // -- was given
}

func (l *line) read(words []string) {
	l.values = make(map[string]string)
	find := (&arranger{app: l.app}).find
	for _, w := range words {
		flagLike := !l.literal && strings.HasPrefix(w, "-") && w != "-"
		switch {
		case l.open != nil && !flagLike:
			l.values[l.open.Names()[0]] = w
			l.open = nil
		case w == "--" && !l.literal:
			l.literal = true
		case flagLike:
			l.readFlag(w, find)
		case l.command == nil:
			if l.command = l.app.Command(w); l.command == nil {
				l.command = &cli.Command{} // there is none of that name: nothing follows
			}
		default:
			l.args++
		}
	}
}

func (l *line) readFlag(word string, find func(string) cli.Flag) {
	l.open = nil
	name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-"), "=")
	f := find(name)
	for i := 1; f == nil && !strings.HasPrefix(word, "--") && i < len(word); i++ { // -nq, -oFILE
		if f = find(word[i : i+1]); f != nil && isSwitch(f) && i+1 < len(word) {
			l.given = append(l.given, f)
			f = nil
		} else if f != nil && i+1 < len(word) {
			value, hasValue = word[i+1:], true
		}
	}
	switch {
	case f == nil:
		return
	case hasValue:
		l.values[f.Names()[0]] = value
	case !isSwitch(f):
		l.open = f
	}
	l.given = append(l.given, f)
}

// candidates are what last may become.
func (l *line) candidates(ctx context.Context, last string) []candidate {
	flagLike := !l.literal && strings.HasPrefix(last, "-")
	switch name, value, hasValue := strings.Cut(last, "="); {
	case l.open != nil && !flagLike:
		return l.valuesOf(ctx, l.open, last)
	case flagLike && hasValue:
		f := (&arranger{app: l.app}).find(strings.TrimLeft(name, "-"))
		if f == nil || isSwitch(f) {
			return nil
		}
		found := l.valuesOf(ctx, f, value)
		for i := range found {
			if found[i] != files[0] {
				found[i].word = name + "=" + found[i].word
			}
		}
		return found
	case flagLike:
		return startingWith(last, l.flags())
	case l.command == nil:
		return startingWith(last, l.commands())
	case l.args == 0 || strings.Contains(l.command.ArgsUsage, "…"):
		return l.wordsFor(ctx, strings.Trim(l.command.ArgsUsage, "[]…"), "", last)
	}
	return nil
}

func (l *line) commands() (all []candidate) {
	for _, c := range l.app.Commands {
		all = append(all, candidate{c.Name, c.Usage})
	}
	return all
}

// flags are those that may still be given.
func (l *line) flags() (all []candidate) {
	flags := slices.Clone(l.app.Flags)
	if l.command != nil {
		flags = append(slices.Clone(l.command.Flags), flags...)
	}
	for _, f := range flags {
		_, repeatable := f.(*cli.StringSliceFlag)
		if slices.ContainsFunc(l.given, func(g cli.Flag) bool { return g.Names()[0] == f.Names()[0] }) && !repeatable {
			continue
		}
		_, about := placeholder(f)
		all = append(all, candidate{"--" + f.Names()[0], about})
	}
	return all
}

// placeholder is what a flag's usage has for its value, and that usage as text.
func placeholder(f cli.Flag) (word, usage string) {
	if d, ok := f.(cli.DocGenerationFlag); ok {
		usage = d.GetUsage()
	}
	if parts := strings.SplitN(usage, "`", 3); len(parts) == 3 {
		return parts[1], parts[0] + parts[1] + parts[2]
	}
	return "", usage
}

func (l *line) valuesOf(ctx context.Context, f cli.Flag, last string) []candidate {
	word, usage := placeholder(f)
	return l.wordsFor(ctx, word, usage, last)
}

// wordsFor are the values that a placeholder of a usage text stands for: the
// same word means the same everywhere.
func (l *line) wordsFor(ctx context.Context, placeholder, usage, last string) []candidate {
	switch placeholder {
	case "FILE", "FILE.html", "DIR":
		return files
	case "RUN":
		return startingWith(last, l.runs(ctx))
	case "TARGET":
		return startingWith(last, l.targets())
	case "TARGETS":
		return listed(last, l.targets())
	case "NAMES":
		return listed(last, append(l.targets(), candidate{"all", "all that are configured"}))
	case "TARGET=10/s", "TARGET=N":
		found := startingWith(last, l.targets())
		for i := range found {
			found[i].word += "="
		}
		return found
	case "ACTION":
		var all []candidate
		for _, a := range resetter.Actions() {
			all = append(all, candidate{string(a), actionsAbout[a]})
		}
		return startingWith(last, all)
	case "OUTCOMES":
		var all []candidate
		for _, o := range bulk.Outcomes() {
			all = append(all, candidate{string(o), outcomesAbout[o].about})
		}
		return listed(last, all)
	case "SIGN":
		return startingWith(last, plain([]string{"tab", "comma", "semicolon", "pipe"}))
	case "FORMAT", "NAME", "done": // "…: csv, json or table"
		_, choices, _ := strings.Cut(usage, ": ")
		return startingWith(last, plain(strings.FieldsFunc(strings.ReplaceAll(choices, " or ", ","), func(r rune) bool { return r == ',' || r == ' ' })))
	case "SHELL":
		return startingWith(last, plain(shellNames()))
	case "COMMAND|TOPIC":
		all := l.commands()
		for _, t := range topics() {
			all = append(all, candidate{t.name, t.about})
		}
		return startingWith(last, all)
	case "show":
		return startingWith(last, plain([]string{placeholder}))
	}
	return nil
}

// targets are those of the configuration, which is only read.
func (l *line) targets() (all []candidate) {
	cfg := l.config()
	if cfg == nil {
		return nil
	}
	for _, t := range cfg.Targets {
		all = append(all, candidate{t.Name, t.System + " at " + t.URL})
	}
	return all
}

func (l *line) config() *config.Config {
	cfg, err := config.Load(l.c.source(l.values["config"], l.values["state"]))
	if err != nil {
		return nil
	}
	return cfg
}

// mostRuns is how many runs are offered, the newest ones.
const mostRuns = 20

// runsWithin is how long somebody waits for the runs at most who has pressed Tab.
var runsWithin = time.Second

// runs are those of the ledger, if there is one.
func (l *line) runs(ctx context.Context) (all []candidate) {
	cfg := l.config()
	if cfg == nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(cfg.State, journal.FileName)); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, runsWithin)
	defer cancel()
	ledger, err := openLedger(ctx, cfg.State, journal.Options{})
	if err != nil {
		return nil
	}
	defer ledger.Close()
	for run, err := range ledger.Runs(ctx) {
		if err != nil || len(all) == mostRuns {
			break
		}
		if run.Plan {
			continue
		}
		about := minute(run.StartedAt) + ", " + rowsText(run)
		if run.FinishedAt.IsZero() {
			about += ", unfinished"
		}
		all = append(all, candidate{run.ID, about})
	}
	return all
}

func plain(words []string) (all []candidate) {
	for _, w := range words {
		all = append(all, candidate{word: w})
	}
	return all
}

// startingWith lets those pass that begin with last.
func startingWith(last string, all []candidate) []candidate {
	return slices.DeleteFunc(all, func(c candidate) bool { return !strings.HasPrefix(c.word, last) })
}

// listed completes the last of several that commas separate. What is there
// already is not offered again.
func listed(last string, all []candidate) (found []candidate) {
	before, part := "", last
	if i := strings.LastIndex(last, ","); i >= 0 {
		before, part = last[:i+1], last[i+1:]
	}
	there := strings.Split(before, ",")
	for _, c := range startingWith(part, all) {
		if !slices.Contains(there, c.word) {
			found = append(found, candidate{before + c.word, c.about})
		}
	}
	return found
}
