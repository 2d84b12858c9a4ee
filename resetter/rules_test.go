package resetter_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// The rules of the house, each with its reason. They hold for the whole
// module, from the first day; what a rule forbids is shown in its breach.
var rules = []rule{
	{
		name:   "the top level holds the systems, the centre, the command and the specifications",
		reason: "who opens the repository should see at once what it is made of; a new system is one new folder, and its specification",
		check:  onlyAtTheTop("resetter cmd specs go.mod go.sum README.md LICENSE"),
		breach: fstest.MapFS{"pkg/x.go": source("// Package x is.\npackage x"), "specs/acme.yaml": {}},
	},
	{
		name:   "a system is its specification, its folder, a generated client, a test server and the tests of the siblings",
		reason: "who knows one system knows them all, and none is without the promises that every one keeps",
		check:  wholeSystems,
		breach: fstest.MapFS{"specs/acme.yaml": {}, "acme/acme.go": source("// Package acme is.\npackage acme")},
	},
	{
		name:   "no Go file at the top level",
		reason: "the module's root is a table of contents, not a package",
		check: func(r repository) (broken []string) {
			return r.eachFile(func(f file) []string {
				if f.dir() == "." {
					return []string{f.path}
				}
				return nil
			})
		},
		breach: fstest.MapFS{"resetctl.go": source("// Package resetctl is.\npackage resetctl")},
	},
	{
		name:   "a package imports what the design lets it import",
		reason: "the centre knows no system, a system knows no sibling, the engine knows no vendor, file format, terminal or database; test servers share no code with the clients that they test",
		check:  onlyAllowedImports,
		breach: fstest.MapFS{"looker/looker.go": source("// Package looker is.\npackage looker\nimport _ \"" + module + "/sugar\"")},
	},
	{
		name:   "only the transport knows the libraries that repeat and pace",
		reason: "a second place that repeats requests is a second mail",
		check:  onlyImportedBy("resetter/transport", "github.com/hashicorp/go-retryablehttp", "golang.org/x/time/rate"),
		breach: fstest.MapFS{"cmd/resetctl/main.go": source("// Command resetctl is.\npackage main\nimport _ \"golang.org/x/time/rate\"")},
	},
	{
		name:   "nothing but a test or a suite of tests imports testing",
		reason: "the test servers run in the demo as well, and flags of the testing package have no business in a command",
		check: func(r repository) (broken []string) {
			return r.eachFile(func(f file) []string {
				if f.isTest() || slices.Contains([]string{"journaltest", "resettertest", "spectest"}, path.Base(f.dir())) {
					return nil
				}
				return f.importing(func(p string) bool {
					return p == "testing" || strings.HasPrefix(p, "testing/") || p == "net/http/httptest"
				})
			})
		},
		breach: fstest.MapFS{"sugar/sugartest/server.go": source("// Package sugartest is.\npackage sugartest\nimport _ \"testing\"")},
	},
	{
		name:   "a system's tests know no sibling",
		reason: "a fourth system must be addable, and a system removable, without touching the others",
		check: func(r repository) (broken []string) {
			return r.eachFile(func(f file) []string {
				if !f.isTest() || !isSystem(f.system()) {
					return nil
				}
				return f.importing(func(p string) bool {
					p, ours := strings.CutPrefix(p, module+"/")
					other, _, _ := strings.Cut(p, "/")
					return ours && isSystem(other) && other != f.system()
				})
			})
		},
		breach: fstest.MapFS{"looker/x_test.go": source("package looker_test\nimport _ \"" + module + "/unleash/unleashtest\"")},
	},
	{
		name:   "only the command reads the environment, prints, exits and knows flags",
		reason: "a library that does is useless to every other program",
		check:  selectors(outsideCmd, ambient),
		breach: fstest.MapFS{"resetter/bulk/x.go": source("// Package bulk is.\npackage bulk\nimport \"os\"\nvar home = os.Getenv(\"HOME\")")},
	},
	{
		name:   "only the command imports flag packages",
		reason: "nothing but the command knows a flag",
		check: func(r repository) (broken []string) {
			return r.eachFile(func(f file) []string {
				if !outsideCmd(f) {
					return nil
				}
				return f.importing(func(p string) bool { return p == "flag" || strings.HasPrefix(p, "github.com/urfave/cli") })
			})
		},
		breach: fstest.MapFS{"resetter/x.go": source("// Package resetter is.\npackage resetter\nimport _ \"flag\"")},
	},
	{
		name:   "no init functions",
		reason: "importing a package must do nothing",
		check: func(r repository) (broken []string) {
			return r.eachFile(func(f file) (broken []string) {
				for _, d := range f.syntax.Decls {
					if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" {
						broken = append(broken, f.at(d))
					}
				}
				return broken
			})
		},
		breach: fstest.MapFS{"unleash/x.go": source("// Package unleash is.\npackage unleash\nfunc init() {}")},
	},
	{
		name:   "every package has a comment that says what it is",
		reason: "it is the first thing that a reader sees",
		check:  packageComments,
		breach: fstest.MapFS{"resetter/journal/x.go": source("package journal")},
	},
	{
		name:   "no package or file is named for what it is to others",
		reason: "util, common, helper, types and manager say nothing; things get lost there",
		check:  tellingNames,
		breach: fstest.MapFS{"resetter/bulk/helpers_test.go": source("package bulk_test")},
	},
}

func TestTheRulesOfTheHouseHold(t *testing.T) {
	house := read(t, os.DirFS(".."))
	house.tracked = tracked("..")
	if len(house.systems) < 3 {
		t.Fatalf("found the systems %v, which cannot be all", house.systems)
	}
	if len(house.files) < 50 {
		t.Fatalf("found %d Go files, which cannot be all", len(house.files))
	}
	for _, rule := range rules {
		for _, broken := range rule.check(house) {
			t.Errorf("%s\n\tbreaks the rule: %s\n\tbecause %s", broken, rule.name, rule.reason)
		}
	}
}

func TestEveryRuleCanBeBroken(t *testing.T) {
	for _, rule := range rules {
		if len(rule.check(read(t, rule.breach))) == 0 {
			t.Errorf("nothing found in what breaks the rule: %s", rule.name)
		}
	}
	// What the rule on imports has to catch, one by one.
	for where, what := range map[string]string{
		"resetter":                   "golang.org/x/text/width",
		"resetter/transport":         module + "/looker",
		"resetter/bulk":              module + "/resetter/transport",
		"resetter/bulk/journaltest":  module + "/resetter/journal",
		"resetter/journal":           module + "/resetter/transport",
		"resetter/sandbox":           module + "/resetter",
		"looker":                     module + "/unleash",
		"unleash":                    module + "/sugar/sugarapi",
		"sugar":                      module + "/sugar/sugartest",
		"looker/lookerapi":           module + "/resetter",
		"looker/lookertest":          module + "/looker/lookerapi",
		"unleash/unleashtest":        module + "/unleash",
		"sugar/sugartest":            module + "/resetter/transport",
		"specs":                      module + "/looker/lookerapi",
		"specs/spectest":             module + "/looker/lookertest",
		"resetter/undesigned":        "fmt",
		"unleash/internal/beautiful": "fmt",
	} {
		breach := fstest.MapFS{where + "/x.go": source("package x\nimport _ \"" + what + "\"")}
		if len(onlyAllowedImports(read(t, breach))) == 0 {
			t.Errorf("%s may import %s", where, what)
		}
	}
	for _, statement := range []string{
		`os.LookupEnv("X")`, `os.Environ()`, `os.Exit(1)`, `fmt.Println()`, `fmt.Printf("")`, `fmt.Fprint(os.Stdout)`,
		`fmt.Fprint(os.Stderr)`, `log.Printf("")`, `log.Fatal()`, `slog.Info("")`, `_ = os.Args`,
	} {
		breach := fstest.MapFS{"looker/x.go": source("package x\nfunc f() { " + statement + " }")}
		if len(selectors(outsideCmd, ambient)(read(t, breach))) == 0 {
			t.Errorf("a system may say %s", statement)
		}
	}
}

const module = "github.com/seed57652884/resetctl"

// mayImport lists, for each package outside cmd, what it may import besides
// the standard library. Package <system> stands for that of each system.
var mayImport = map[string][]string{
	"resetter":              {},
	"resetter/transport":    {module + "/resetter", "github.com/hashicorp/go-retryablehttp", "golang.org/x/time/rate"},
	"resetter/bulk":         {module + "/resetter"},
	"resetter/journal":      {module + "/resetter", module + "/resetter/bulk", "modernc.org/sqlite"},
	"resetter/sandbox":      {},
	"resetter/resettertest": {module + "/resetter", module + "/resetter/transport"},
	"specs":                 {},
	"specs/spectest":        {"github.com/getkin/kin-openapi"},

	"resetter/bulk/journaltest": {module + "/resetter", module + "/resetter/bulk"},

	"<system>":     {module + "/resetter", module + "/resetter/transport", module + "/<system>/<system>api"},
	"<system>api":  {"github.com/oapi-codegen/runtime"},
	"<system>test": {module + "/resetter/sandbox"},
}

func onlyAllowedImports(r repository) (broken []string) {
	return r.eachFile(func(f file) []string {
		if f.isTest() || !outsideCmd(f) || f.dir() == "." {
			return nil
		}
		name := f.dir()
		if s := f.system(); isSystem(s) {
			name = strings.ReplaceAll(strings.TrimPrefix(name, s+"/"), s, "<system>")
		}
		allowed, known := mayImport[name]
		if !known {
			return []string{f.path + " is of a package that the design does not have"}
		}
		return f.importing(func(p string) bool {
			if s := f.system(); isSystem(s) {
				p = strings.ReplaceAll(p, "/"+s, "/<system>")
			}
			domain, _, _ := strings.Cut(p, "/")
			standard := !strings.Contains(domain, ".")
			return !standard && !slices.ContainsFunc(allowed, func(a string) bool { return p == a || strings.HasPrefix(p, a+"/") && !strings.HasPrefix(a, module) })
		})
	})
}

// isSystem reports whether a folder at the top is a system's.
func isSystem(top string) bool {
	return top != "" && !slices.Contains([]string{".", "resetter", "cmd", "specs"}, top)
}

func onlyImportedBy(one string, libraries ...string) func(repository) []string {
	return func(r repository) []string {
		return r.eachFile(func(f file) []string {
			if f.dir() == one {
				return nil
			}
			return f.importing(func(p string) bool { return slices.Contains(libraries, p) })
		})
	}
}

// ambient is what belongs to the process, not to a library.
var ambient = map[string][]string{
	"os":      {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Exit", "Stdin", "Stdout", "Stderr", "Args"},
	"syscall": {"Getenv", "Environ", "Exit"},
	"fmt":     {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
	"log":     {"Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Default", "SetOutput"},
	"slog":    {"Default", "SetDefault", "Debug", "Info", "Warn", "Error", "Log"},
}

func outsideCmd(f file) bool { return !strings.HasPrefix(f.path, "cmd/") && !f.isTest() }

func selectors(where func(file) bool, forbidden map[string][]string) func(repository) []string {
	return func(r repository) []string {
		return r.eachFile(func(f file) (broken []string) {
			if !where(f) {
				return nil
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if p, ok := s.X.(*ast.Ident); ok && slices.Contains(forbidden[p.Name], s.Sel.Name) {
						broken = append(broken, fmt.Sprintf("%s: %s.%s", f.at(s), p.Name, s.Sel.Name))
					}
				}
				return true
			})
			return broken
		})
	}
}

// packageComments looks into the tests only where there is nothing else.
func packageComments(r repository) (broken []string) {
	commented, hasSource := map[string]bool{}, map[string]bool{}
	for _, f := range r.files {
		hasSource[f.dir()] = hasSource[f.dir()] || !f.isTest()
	}
	for _, f := range r.files {
		begins := "Package " + f.syntax.Name.Name + " "
		if f.syntax.Name.Name == "main" {
			begins = "Command " + path.Base(f.dir()) + " "
		}
		if f.isTest() == hasSource[f.dir()] {
			continue
		}
		commented[f.dir()] = commented[f.dir()] || strings.HasPrefix(strings.ReplaceAll(f.syntax.Doc.Text(), "\n", " "), begins)
	}
	for dir, yes := range commented {
		if !yes {
			broken = append(broken, dir+" has no comment that begins with Package or Command and its name")
		}
	}
	return broken
}

func tellingNames(r repository) (broken []string) {
	empty := []string{"util", "utils", "common", "helper", "helpers", "types", "manager", "managers"}
	for _, f := range r.files {
		base := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.path), ".go"), "_test")
		for _, name := range append(strings.Split(f.dir(), "/"), base, strings.TrimSuffix(f.syntax.Name.Name, "_test")) {
			if slices.Contains(empty, name) {
				broken = append(broken, f.path)
				break
			}
		}
	}
	return broken
}

// onlyAtTheTop looks at what is under version control, where that is known, so
// that people's files in a clone are no breach.
func onlyAtTheTop(names string) func(repository) []string {
	return func(r repository) (broken []string) {
		for _, name := range r.top() {
			if !strings.HasPrefix(name, ".") && !slices.Contains(strings.Fields(names), name) && !slices.Contains(r.systems, name) {
				broken = append(broken, name)
			}
		}
		return broken
	}
}

// wholeSystems looks for what every system has.
func wholeSystems(r repository) (broken []string) {
	for _, s := range r.systems {
		for _, p := range []string{
			"<s>/<s>.go", "<s>/session.go", "<s>/errors.go", "<s>/check.go", "<s>/conformance_test.go", "<s>/example_test.go",
			"<s>/<s>api/<s>api.gen.go", "<s>/<s>test/server.go", "<s>/<s>test/example_test.go",
		} {
			p = strings.ReplaceAll(p, "<s>", s)
			if !slices.ContainsFunc(r.files, func(f file) bool { return f.path == p }) {
				broken = append(broken, p+" is missing")
			}
		}
	}
	return broken
}

type rule struct {
	name, reason string
	check        func(repository) (broken []string)
	breach       fstest.MapFS // a repository that breaks it
}

func source(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text + "\n")} }

// A repository is the Go files of one, parsed.
type repository struct {
	files   []file
	systems []string // those that have a specification
	tracked []string // nil where version control is not at hand
}

type file struct {
	path   string // from the root, with slashes
	syntax *ast.File
	set    *token.FileSet
}

// read parses every Go file but those that the go command overlooks too.
func read(t *testing.T, root fs.FS) (r repository) {
	t.Helper()
	documents, err := fs.Glob(root, "specs/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		r.systems = append(r.systems, strings.TrimSuffix(path.Base(d), ".yaml"))
	}
	set := token.NewFileSet()
	err = fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (strings.ContainsAny(d.Name()[:1], "._") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".go"):
			return nil
		}
		text, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(set, p, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		r.files = append(r.files, file{p, syntax, set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tracked is what version control has in a folder; nil where there is none.
func tracked(root string) (paths []string) {
	out, err := exec.Command("git", "-C", root, "ls-files", "-z").Output()
	if err != nil {
		return nil
	}
	for p := range bytes.SplitSeq(bytes.TrimRight(out, "\x00"), []byte{0}) {
		paths = append(paths, string(p))
	}
	return paths
}

// top is what stands at the root: what is tracked, and every folder with Go
// files in it.
func (r repository) top() (names []string) {
	paths := r.tracked
	for _, f := range r.files {
		paths = append(paths, f.path)
	}
	for _, p := range paths {
		name, _, _ := strings.Cut(p, "/")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (r repository) eachFile(check func(file) []string) (broken []string) {
	for _, f := range r.files {
		broken = append(broken, check(f)...)
	}
	return broken
}

func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }
func (f file) dir() string  { return path.Dir(f.path) }

// system is the folder at the top that the file is in.
func (f file) system() string {
	top, _, within := strings.Cut(f.path, "/")
	if !within {
		return ""
	}
	return top
}

func (f file) at(n ast.Node) string { return f.set.Position(n.Pos()).String() }

// importing lists the imports that are as described.
func (f file) importing(which func(path string) bool) (found []string) {
	for _, i := range f.syntax.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil && which(p) {
			found = append(found, fmt.Sprintf("%s: import of %s", f.at(i), p))
		}
	}
	return found
}
