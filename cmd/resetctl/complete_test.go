package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/journal"
)

// threeTargets is an environment that configures three, none of which is there.
var threeTargets = []string{
	"RESETCTL_LOOKER_URL=https://l.example.com", "RESETCTL_LOOKER_CLIENT_ID=x", "RESETCTL_LOOKER_CLIENT_SECRET=x",
	"RESETCTL_LOOKER_EU_URL=https://e.example.com", "RESETCTL_LOOKER_EU_CLIENT_ID=x", "RESETCTL_LOOKER_EU_CLIENT_SECRET=x",
	"RESETCTL_UNLEASH_URL=https://u.example.com", "RESETCTL_UNLEASH_TOKEN=x",
}

// completed is what the shell is told for a line; its words are between blanks.
func completed(t testing.TB, env []string, words ...string) []string {
	t.Helper()
	var out, said bytes.Buffer
	streams := &ui.IO{In: strings.NewReader(""), Out: &out, Err: &said}
	if code := Main(t.Context(), append([]string{"resetctl", completeWord}, words...), env, streams); code != 0 || said.Len() > 0 {
		t.Errorf("%q: exit code %d, %s", words, code, said.String())
	}
	var found []string
	for l := range strings.Lines(out.String()) {
		word, _, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "\t")
		found = append(found, word)
	}
	return found
}

func TestTheLastWordOfALineIsCompleted(t *testing.T) {
	env := append(slices.Clone(threeTargets), "HOME="+t.TempDir())
	for line, want := range map[string]string{
		"pl":                    "plan",
		"ru":                    "run runs",
		"chec":                  "check",
		"--no-":                 "--no-input --no-color",
		"--no-input pl":         "plan",
		"run --no-":             "--no-input --no-color",
		"run people.csv --dry":  "--dry-run",
		"run --dry-run --dry":   "", // given already
		"run -n --dry":          "",
		"run -qn --dry":         "",
		"run --only looker --o": "--only --output", // may be repeated
		"run ":                  ":files",
		"run people.csv ":       "", // takes one
		"run -n ":               ":files",
		"--state dir run ":      ":files",
		"run -- ":               ":files",
		"run -- --":             ":files",
		"run -o ":               ":files",
		"run -nqo ":             ":files",
		"run -oresults.csv -":   "-",
		"run --output=res":      ":files",
		"--config ":             ":files",
		"check ":                "looker looker-eu unleash",
		"check unleash l":       "looker looker-eu",
		"run --target ":         "looker looker-eu unleash all",
		"run --target un":       "unleash",
		"run --target=looker,":  "--target=looker,looker-eu --target=looker,unleash --target=looker,all",
		"run --except lo":       "looker looker-eu",
		"run --rate ":           "looker= looker-eu= unleash=",
		"run --concurrency=u":   "--concurrency=unleash=",
		"reset --action lo":     "lock",
		"--log-format ":         "text json",
		"run --input-format ":   "csv ndjson xlsx",
		"show --outcome f":      "failed",
		"show --outcome done,u": "done,unknown",
		"completion ":           "bash zsh fish powershell",
		"config ":               "show",
		"help ex":               "exit-codes",
		"help ini":              "init",
		"run --limit ":          "",
		"reconcile --settle ":   "done failed",
		"run --encoding w":      "windows-1252",
		"run --delimiter ":      "tab comma semicolon pipe",
		"run --sheet ":          "",
		"run --map ":            "",
		"reset ":                "",
		"show ":                 "", // there is no ledger, and none is made
		"nonsense ":             "",
		"run --nonsense x":      ":files",
		"run --yes=":            "",
		`check ""`:              "looker looker-eu unleash", // as PowerShell says nothing
	} {
		got := strings.Join(completed(t, env, strings.Split(line, " ")...), " ")
		if want == "-" {
			if !strings.HasPrefix(got, "--input-format ") || strings.Contains(got, "--output") {
				t.Errorf("%q: %s", line, got)
			}
		} else if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if entries, _ := os.ReadDir(env[len(env)-1][len("HOME="):]); len(entries) > 0 {
		t.Errorf("completing left something behind: %v", entries)
	}
}

func TestRunsOfTheLedgerAreCompleted(t *testing.T) {
	usual := runsWithin
	runsWithin = time.Minute // on any machine
	t.Cleanup(func() { runsWithin = usual })
	state := t.TempDir()
	ledger, err := journal.Open(t.Context(), state, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range mostRuns + 3 {
		run, err := ledger.Begin(t.Context(), journal.NewRun{Content: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, run.ID())
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"show ", "resume ", "resume --retry-failed "} {
		got := completed(t, []string{"HOME=/nowhere", "RESETCTL_STATE=" + state}, strings.Split(line, " ")...)
		if len(got) != mostRuns || slices.ContainsFunc(got, func(id string) bool { return !slices.Contains(ids, id) }) {
			t.Errorf("%q: %q of %q", line, got, ids)
		}
	}
	if got := completed(t, []string{"HOME=/nowhere"}, "--state", state, "show", ""); len(got) != mostRuns {
		t.Errorf("--state is not heeded: %q", got)
	}
}

func TestTheConfigurationThatALineNamesIsTheOneThatCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(path, []byte("targets: {my-unleash: {url: https://u.example.com, token: env:X}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{{"--config", path, "check", ""}, {"check", "--config=" + path, ""}} {
		if got := completed(t, []string{"HOME=" + t.TempDir()}, words...); !slices.Equal(got, []string{"my-unleash"}) {
			t.Errorf("%q: %q", words, got)
		}
	}
	if got := completed(t, []string{"HOME=" + t.TempDir()}, "--config", "/no/such.yaml", "check", ""); got != nil {
		t.Errorf("%q", got)
	}
}

// What is offered must be taken: completion and the reading of the command line
// cannot come apart.
func TestEveryFlagThatIsOfferedIsTaken(t *testing.T) {
	n := 0
	for _, name := range commandNames((&command{io: &ui.IO{}}).app()) {
		for _, flag := range completed(t, nil, name, "--") {
			if flag == "--help" || name == "help" {
				continue
			}
			app := (&command{io: &ui.IO{}}).app()
			args := []string{"resetctl", name, flag}
			if f := (&arranger{app: app}).find(flag[2:]); !isSwitch(f) {
				args = append(args, "x")
			}
			if _, err := arrange(args, app); err != nil {
				t.Errorf("%q: %v", args, err)
			}
			n++
		}
	}
	if n < 50 {
		t.Errorf("only %d flags were offered", n)
	}
}

func TestEveryFlagWithChoicesOffersThem(t *testing.T) {
	l := line{c: &command{io: &ui.IO{}, env: append(slices.Clone(threeTargets), "HOME="+t.TempDir())}}
	n := 0
	for _, f := range allFlags() {
		word, usage := placeholder(f)
		if !slices.ContainsFunc([]string{"FILE", "DIR", "TARGET", "NAMES", "ACTION", "OUTCOME", "FORMAT", "SIGN", "done"}, func(known string) bool { return strings.HasPrefix(word, known) }) {
			continue
		}
		n++
		if len(l.wordsFor(t.Context(), word, usage, "")) == 0 {
			t.Errorf("--%s %s: nothing is offered", f.Names()[0], word)
		}
	}
	if n < 10 {
		t.Errorf("only %d flags have choices", n)
	}
}

func FuzzCompletion(f *testing.F) {
	for _, line := range []string{"", "run -", "run -nqo x --rate looker=1 -- -", "--config= check ", "show --outcome=,,", "-=", "--=x", "\x00 -\xff", "help help", "run --config /dev/null x"} {
		f.Add(line)
	}
	env := append(slices.Clone(threeTargets), "HOME="+f.TempDir())
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "config") || strings.Contains(line, "state") || strings.Contains(line, "-c") {
			return // other people's files
		}
		last := line[strings.LastIndex(line, " ")+1:]
		for _, word := range completed(t, env, strings.Split(line, " ")...) {
			if word != ":files" && last != `""` && !strings.HasPrefix(word, last) {
				t.Errorf("%q is completed to %q", line, word)
			}
		}
	})
}
