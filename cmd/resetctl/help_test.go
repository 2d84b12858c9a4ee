package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// helpText is what a command line that asks for help prints on stdout.
func helpText(t *testing.T, args ...string) string {
	t.Helper()
	var out, said bytes.Buffer
	if code := Main(t.Context(), append([]string{"resetctl"}, args...), nil, &ui.IO{In: strings.NewReader(""), Out: &out, Err: &said}); code != 0 || said.Len() > 0 {
		t.Errorf("%q: exit code %d, %s", args, code, said.String())
	}
	return out.String()
}

func TestHelpOnEachCommandBeginsWithAnExampleAndFitsATerminal(t *testing.T) {
	app := (&command{io: &ui.IO{}}).app()
	for _, c := range app.Commands {
		if c.Name == "help" {
			continue
		}
		text := helpText(t, c.Name, "--help")
		lines := strings.Split(text, "\n")
		if len(lines) < 5 || lines[3] != "USAGE:" || !strings.HasPrefix(lines[4], "   resetctl "+c.Name) {
			t.Errorf("%s begins otherwise:\n%s", c.Name, text)
		}
		if text != helpText(t, "help", c.Name) {
			t.Errorf("resetctl %s --help and resetctl help %s differ", c.Name, c.Name)
		}
		if strings.Contains(text, "(default: false)") {
			t.Errorf("help on %s says of switches that they are off:\n%s", c.Name, text)
		}
	}
	names := []string{"config"}
	for _, topic := range topics() {
		names = append(names, topic.name)
	}
	for _, name := range names {
		for l := range strings.Lines(helpText(t, "help", name)) {
			if ui.Width(strings.TrimRight(l, "\n")) > pageWidth+4 {
				t.Errorf("help %s is wider than a terminal: %s", name, l)
			}
		}
	}
}

// constants finds those of a Go file whose names or types are as wanted.
func constants(t *testing.T, path string, wanted func(name, kind string) bool) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			kind := ""
			if v.Type != nil {
				kind = v.Type.(*ast.Ident).Name
			}
			for i, name := range v.Names {
				if value, ok := v.Values[min(i, len(v.Values)-1)].(*ast.BasicLit); ok && wanted(name.Name, kind) {
					found[name.Name] = value.Value
				}
			}
		}
	}
	if len(found) < 5 {
		t.Fatalf("%s has only %v, which cannot be all", path, found)
	}
	return found
}

func TestHelpLeavesOutNoExitCode(t *testing.T) {
	text := helpText(t, "help", "exit-codes")
	for name, code := range constants(t, "exit.go", func(name, _ string) bool { return strings.HasPrefix(name, "exit") }) {
		if !strings.Contains(text, "\n   "+code+" ") {
			t.Errorf("%s (%s) is missing", name, code)
		}
	}
}

func TestHelpLeavesOutNoOutcomeAndNoReason(t *testing.T) {
	text := helpText(t, "help", "outcomes")
	for _, o := range bulk.Outcomes() {
		if !strings.Contains(text, "\n"+strings.ToUpper(string(o))+": ") {
			t.Errorf("%s is missing", o)
		}
	}
	reasons := constants(t, "../../resetter/bulk/bulk.go", func(_, kind string) bool { return kind == "Reason" })
	for name, word := range constants(t, "../../resetter/error.go", func(_, kind string) bool { return kind == "Kind" }) {
		if name != "ErrNotStarted" { // the caller's own doing, and no reason of a row
			reasons[name] = word
		}
	}
	for name, word := range reasons {
		if word, _ = strconv.Unquote(word); !strings.Contains(text, "\n   "+word+" ") {
			t.Errorf("%s (%s) is missing", name, word)
		}
	}
}

func TestHelpLeavesOutNoKeyOfTheConfiguration(t *testing.T) {
	page, env := helpText(t, "help", "config"), helpText(t, "help", "environment")
	for _, s := range kinds() {
		for _, k := range s.AllKeys() {
			if !strings.Contains(page, " "+k.Name+" ") || !strings.Contains(env, "_"+strings.ToUpper(k.Name)+" ") {
				t.Errorf("%s of %s is missing", k.Name, s.Name)
			}
			if k.About == "" {
				t.Errorf("nobody says what %s of %s is", k.Name, s.Name)
			}
		}
	}
	for _, k := range config.GuardKeys() {
		if !strings.Contains(page, " "+k.Name+" ") {
			t.Errorf("the guard %s is missing", k.Name)
		}
	}
}

func TestHelpOnTablesIsTrue(t *testing.T) {
	text := helpText(t, "help", "csv")
	for _, a := range resetter.Actions() {
		if actionsAbout[a] == "" || !strings.Contains(text, "\n   "+string(a)+" ") {
			t.Errorf("%s is missing", a)
		}
	}
	var all []string
	for _, d := range drivers() {
		all = append(all, d.Name)
	}
	if got := who(resetter.ActionReset); !slices.Equal(got, all) {
		t.Errorf("%v can reset", got)
	}
	// Each name that the page has for a column is understood.
	for _, c := range csvColumns() {
		names := []string{c[0]}
		if _, also, ok := strings.Cut(c[1], "also called "); ok {
			also, _, _ = strings.Cut(also, ".")
			names = append(names, strings.Split(also, ", ")...)
		}
		for _, name := range names {
			value := map[string]string{"email": "a@x.io", "user_id": "1", "username": "ana", "target": "looker", "action": "reset"}[c[0]]
			input := fmt.Sprintf("%s,other\n%s,x\n", strings.ToUpper(name), value)
			o := table.Options{Targets: []string{"looker"}, DefaultTargets: []string{"looker"}, DefaultAction: resetter.ActionReset}
			switch c[0] {
			case "target", "action":
				input = fmt.Sprintf("email,%s\na@x.io,%s\n", name, value)
			case "new_email":
				input = fmt.Sprintf("email,action,%s\na@x.io,change-email,b@x.io\n", name)
			}
			r, err := table.Open(t.Context(), "-", strings.NewReader(input), o)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if understood := r.Understood(); !strings.Contains(strings.ToLower(understood), strings.ToLower(name)) {
				t.Errorf("%s is not used: %s", name, understood)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTextIsFilled(t *testing.T) {
	long := strings.Repeat("word ", 40)
	for l := range strings.Lines(listing([][2]string{{"a", long}, {"日本", long}, {"c", "short"}})) {
		if l = strings.TrimRight(l, "\n"); ui.Width(l) > pageWidth || strings.HasSuffix(l, " ") {
			t.Errorf("%q", l)
		}
	}
	if got := filled("  x ", "    ", strings.Repeat("y", 100)+" z"); got != "  x "+strings.Repeat("y", 100)+"\n    z\n" {
		t.Errorf("%q", got)
	}
}

// What a start costs, without the process: version must be there at once.
func BenchmarkVersion(b *testing.B) {
	for b.Loop() {
		streams := &ui.IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}
		Main(b.Context(), []string{"resetctl", "version"}, nil, streams)
	}
}
