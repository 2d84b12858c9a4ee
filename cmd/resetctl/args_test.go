package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/urfave/cli/v2"
)

// An effect is what a command line comes to: which command ran, with which
// arguments and which flags.
type effect struct {
	Command string
	Args    []string
	Flags   map[string]string // those that were given, by their first name
}

// effectOf has the application itself say what args come to; each command only
// takes a note. A command line that asks for help has no command.
func effectOf(args []string) (effect, error) {
	c := &command{io: &ui.IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}}
	app := c.app()
	var e effect
	for _, cmd := range app.Commands {
		if cmd.Name == "help" {
			continue
		}
		cmd.Action = func(ctx *cli.Context) error {
			e = effect{Command: ctx.Command.Name, Args: ctx.Args().Slice(), Flags: make(map[string]string)}
			for _, f := range append(slices.Clone(ctx.Command.Flags), app.Flags...) {
				name := f.Names()[0]
				if ctx.IsSet(name) {
					switch v := ctx.Value(name).(type) {
					case cli.StringSlice:
						e.Flags[name] = fmt.Sprintf("%q", v.Value())
					case bool:
						e.Flags[name] = fmt.Sprint(v)
					default:
						e.Flags[name] = fmt.Sprintf("%q", v)
					}
				}
			}
			return nil
		}
	}
	arranged, err := arrange(append([]string{"resetctl"}, args...), app)
	if err != nil {
		return effect{}, err
	}
	return e, app.Run(arranged)
}

func TestAFlagMeansTheSameWhereverItStands(t *testing.T) {
	// Each line is cut where it may be taken apart; words keep their order.
	for _, line := range []string{
		"run|people.csv|--dry-run",
		"run|people.csv|--yes|-o results.csv|--limit=3",
		"run|-|--input-format ndjson|-y|--state dir|-q",
		"run|people.csv|-n|-v|--config file.yaml|--rate looker=1/s",
		"plan|people.csv|--offline|--json|--no-color",
		"reset|ana@example.com|bo@example.com|--target looker|-y|-o -",
		"show|20260101-000000-aaaa|--outcome failed,unknown|--format=table",
		"sandbox|--people 3|--people-file=p.csv|--quiet",
		"run|people.csv|--target looker|-qn|-oresults.csv",
	} {
		t.Run(line, func(t *testing.T) {
			units := strings.Split(line, "|")
			want, err := effectOf(words(units))
			if err != nil {
				t.Fatal(err)
			}
			if want.Command != units[0] {
				t.Fatalf("%s is what ran", want.Command)
			}
			n := 0
			for order := range orders(units) {
				n++
				got, err := effectOf(words(order))
				if err != nil {
					t.Errorf("%q: %v", words(order), err)
				} else if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%q (-in the usual order +in this one):\n%s", words(order), d)
				}
			}
			if n < len(units) {
				t.Errorf("only %d orders were tried", n)
			}
		})
	}
}

func words(units []string) []string { return strings.Fields(strings.Join(units, " ")) }

// orders yields every order of units in which those that are no flags follow
// each other as they do now.
func orders(units []string) func(func([]string) bool) {
	isFlag := func(u string) bool { return strings.HasPrefix(u, "-") && u != "-" }
	var extend func(done, left []string, yield func([]string) bool) bool
	extend = func(done, left []string, yield func([]string) bool) bool {
		if len(left) == 0 {
			return yield(done)
		}
		word := false
		for i, u := range left {
			if !isFlag(u) {
				if word {
					continue
				}
				word = true
			}
			rest := slices.Delete(slices.Clone(left), i, i+1)
			if !extend(append(slices.Clone(done), u), rest, yield) {
				return false
			}
		}
		return true
	}
	return func(yield func([]string) bool) { extend(nil, units, yield) }
}

func TestArgumentsAreArranged(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"run people.csv --dry-run", "run --dry-run -- people.csv"},
		{"--dry-run run people.csv", "run --dry-run -- people.csv"},
		{"run people.csv -dry-run", "run --dry-run -- people.csv"},
		{"run people.csv --dry-run=false", "run --dry-run=false -- people.csv"},
		{"run -nqyo- people.csv", "--quiet run --dry-run --yes --output=- -- people.csv"},
		{"run people.csv -o -", "run --output=- -- people.csv"},
		{"run -o=a=b.csv -", "run --output=a=b.csv -- -"},
		{"run -- --yes", "run -- --yes"},
		{"run people.csv --state s -v", "--state=s --verbose run -- people.csv"},
		{"run p --rate a=1/s --rate b=2/s", "run --rate=a=1/s --rate=b=2/s -- p"},
		{"run p -v -v", "--verbose --verbose run -- p"},
		{"", "help"},
		{"--help", "help"},
		{"help", "help"},
		{"help run", "help run"},
		{"run people.csv --yes -h", "help run"},
		{"-h run", "help run"},
	} {
		app := (&command{io: &ui.IO{}}).app()
		got, err := arrange(append([]string{"resetctl"}, strings.Fields(c.line)...), app)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
		} else if got := strings.Join(got[1:], " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.line, got, c.want)
		}
	}
}

func TestAValueIsTakenAsItIs(t *testing.T) {
	for _, value := range []string{"a b", "a,b", `"a,b",c`, "=", "a=b", "ä", "a;b|c", "a\nb"} {
		for _, args := range [][]string{{"run", "f", "--target", value}, {"run", "--target=" + value, "f"}} {
			got, err := effectOf(args)
			if want := fmt.Sprintf("%q", []string{value}); err != nil || got.Flags["target"] != want {
				t.Errorf("%q: %v, %v; want %s", args, got, err, want)
			}
		}
		if got, err := effectOf([]string{"reset", value, "--yes", "--", "--" + value}); err != nil || !slices.Equal(got.Args, []string{value, "--" + value}) {
			t.Errorf("argument %q: %v, %v", value, got, err)
		}
	}
}

func TestListsNeverSplitAQuotedComma(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   []string
	}{
		{nil, nil},
		{[]string{"a,b"}, []string{"a", "b"}},
		{[]string{"a", "b , c"}, []string{"a", "b", "c"}},
		{[]string{`"a,b",c`}, []string{"a,b", "c"}},
		{[]string{"a,,b,"}, []string{"a", "b"}},
	} {
		if got, err := list(c.values); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, %v; want %q", c.values, got, err, c.want)
		}
	}
	for _, value := range []string{"", ",", " ", `"a`, "\n"} {
		if got, err := list([]string{value}); err == nil {
			t.Errorf("%q is read as %q, want an error", value, got)
		}
	}
}

func TestTheCommandToGoOnWithLeavesOutWhatSpeaksOfTheBeginning(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"run people.csv --yes -o results.csv", "run people.csv --yes -o results.csv"},
		{"run people.csv --new --yes", "run people.csv --yes"},
		{"run -new=true people.csv", "run people.csv"},
		{"run --limit 2 people.csv --expect=2 --yes", "run --limit 2 people.csv --yes"},
		{"run --canary=2 people.csv --expect 2", "run people.csv"},
		{"run --yes -- --new --limit 2", "run --yes -- --new --limit 2"},
		{"run it's.csv", `run 'it'\''s.csv'`},
		{"reset new limit --target a;b", "reset new limit --target 'a;b'"},
	} {
		if got := again(append([]string{"resetctl"}, strings.Fields(c.line)...), "canary"); got != "resetctl "+c.want {
			t.Errorf("%s: %s, want %s", c.line, got, c.want)
		}
	}
}

// FuzzNoWordIsEverIgnored holds each word of a command line against what the
// application makes of it: it is refused, or it has its effect.
func FuzzNoWordIsEverIgnored(f *testing.F) {
	for _, line := range []string{
		"run people.csv --dry-run --yes", "run\t--yes", "-nq run f", "run f -oresults.csv -o x", "run f --limit 1 --limit 2",
		"reset a b c --target x --target y", "plan f --offline=true", "run -- -n", "help run", "run f -h", "show x --outcome a,b",
		"run f --yes --no-such", "run f --links x", "resume", "sandbox --people 3 --json", "--state a run f --state b", "run f -y=",
		"run f -o -n", "run - -", "run f -vv --verbose", "run f ---yes", "run f -yy=false", "run f --yes --yes=false", "run h", "reset help --yes",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, " ")
		if _, err := accounted(args); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	})
}

// Lines of real flags find more than lines of any bytes do.
func TestNoWordIsEverIgnored(t *testing.T) {
	vocabulary := []string{"f.csv", "x", "-", "--", "-nq", "-yo", "-o=", "--no-such", "3", "a=1/s", "looker", "=", "-vh", "help", "h", "run", "plan"}
	for _, f := range allFlags() {
		for _, name := range f.Names() {
			vocabulary = append(vocabulary, "--"+name, "-"+name, "--"+name+"=x", "--"+name+"=false")
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 4000 {
		args := []string{[]string{"run", "plan", "reset", "show"}[random.IntN(4)]}
		for range 1 + random.IntN(4) {
			args = append(args, vocabulary[random.IntN(len(vocabulary))])
		}
		random.Shuffle(len(args), func(i, j int) { args[i], args[j] = args[j], args[i] })
		ran, err := accounted(args)
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		if ran {
			accepted++
		}
	}
	if accepted < 100 {
		t.Errorf("only %d lines were accepted, which proves little", accepted)
	}
}

// accounted returns an error unless args are refused as a mistake in the
// command line, or each of their words has its effect; ran says which.
func accounted(args []string) (ran bool, err error) {
	e, err := effectOf(args)
	if err != nil {
		if exit := (*exit)(nil); errors.As(err, &exit) && exit.code == exitUsage {
			return false, nil
		}
		return false, fmt.Errorf("refused, but not as a mistake in the command line: %w", err)
	}
	if e.Command == "" {
		if len(args) == 1 && args[0] == "--" || slices.ContainsFunc(args, asksForHelp) {
			return false, nil
		}
		return false, errors.New("nothing was run")
	}
	values := strings.Join(slices.Collect(maps.Values(e.Flags)), " ")
	counts := map[string]int{e.Command: 1}
	for _, a := range e.Args {
		counts[a]++
	}
	flags := allFlags()
	literal := false
	for _, word := range args {
		switch {
		case !literal && word == "--":
			literal = true
		case !literal && strings.HasPrefix(word, "-") && word != "-":
			if !hasEffect(word, flags, e.Flags) {
				return true, fmt.Errorf("%s has no effect: %v", word, e)
			}
		case counts[word] > 0:
			counts[word]--
		case !literal && strings.Contains(values, inQuotes(word)):
		default:
			return true, fmt.Errorf("%q has no effect: %v", word, e)
		}
	}
	for word, n := range counts {
		if n > 0 {
			return true, fmt.Errorf("%q came from nowhere: %v", word, e)
		}
	}
	return true, nil
}

// inQuotes is s as it stands between the quotes of %q.
func inQuotes(s string) string {
	quoted := fmt.Sprintf("%q", strings.TrimSpace(s))
	return quoted[1 : len(quoted)-1]
}

func allFlags() []cli.Flag {
	app := (&command{io: &ui.IO{}}).app()
	flags := slices.Clone(app.Flags)
	for _, c := range app.Commands {
		flags = append(flags, c.Flags...)
	}
	return flags
}

func asksForHelp(word string) bool {
	return word == "help" || strings.HasPrefix(word, "-") && strings.Contains(word, "h")
}

// hasEffect reports whether what word names, one flag or several letters of
// one, is set, and to its value.
func hasEffect(word string, flags []cli.Flag, set map[string]string) bool {
	first := func(name string) string {
		if f := named(flags, name); f != nil {
			return f.Names()[0]
		}
		return ""
	}
	name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-"), "=")
	if v, ok := set[first(name)]; ok {
		return strings.Contains(v, inQuotes(value))
	}
	for i, letter := range word[1:] {
		v, ok := set[first(string(letter))]
		if !ok {
			return false
		}
		if v != "true" { // the rest is its value
			return strings.Contains(v, inQuotes(word[1+i+len(string(letter)):]))
		}
	}
	return true
}
