package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
)

// maxFile is more than any configuration needs.
const maxFile = 1 << 20

// A document is what a configuration file says, or the empty one.
type document struct {
	path     string
	targets  []string // in the order of the file
	entries  []entry
	guards   Guards
	problems error
}

// readFile reads the file at path. It is an error that it is missing only if
// it must exist. What is wrong within it is in the document's problems.
func readFile(path string, must bool, systems map[string]System) (document, error) {
	if path == "" {
		return document{}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		if !must && errors.Is(err, fs.ErrNotExist) {
			return document{}, nil
		}
		return document{}, fmt.Errorf("read the configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return document{}, fmt.Errorf("read the configuration: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return document{}, fmt.Errorf("read the configuration: %w", err)
	}
	if len(text) > maxFile {
		return document{}, fmt.Errorf("%s is larger than %d KiB: is it the right file?", path, maxFile>>10)
	}
	where := place{file: true, folder: filepath.Dir(path)}
	where.private, where.guarded = access(path, info)
	w := &yamlWalk{doc: document{path: path}, place: where}
	w.read(text, systems)
	w.doc.problems = errors.Join(w.problems...)
	return w.doc, nil
}

// A yamlWalk goes through the syntax tree of a configuration, so that every
// error has its line and column and all are found, not the first alone.
type yamlWalk struct {
	doc      document
	place    place
	problems []error
}

func (w *yamlWalk) read(text []byte, systems map[string]System) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		// The library's own text quotes the file, and that may hold a secret.
		var e yaml.Error
		if errors.As(err, &e) {
			w.bad(e.GetToken(), "", "this is not YAML: %s", e.GetMessage())
		} else {
			w.problems = append(w.problems, fmt.Errorf("%s: this is not YAML", w.doc.path))
		}
		return
	}
	var bodies []ast.Node
	for _, d := range file.Docs {
		if d.Body != nil {
			bodies = append(bodies, d.Body)
		}
	}
	if len(bodies) > 1 {
		w.bad(bodies[1].GetToken(), "", "a second YAML document: only one is read")
	}
	if len(bodies) == 0 {
		return
	}
	w.fields(bodies[0], "", func(key string, at *token.Token, value ast.Node) {
		switch key {
		case "targets":
			w.fields(value, "targets", func(name string, at *token.Token, value ast.Node) {
				w.target(name, at, value, systems)
			})
		case "guards":
			w.guards(value)
		default:
			w.unknown(at, key, key, []string{"targets", "guards"})
		}
	})
}

func (w *yamlWalk) target(name string, at *token.Token, value ast.Node, systems map[string]System) {
	path := "targets." + name
	if !targetName.MatchString(name) || name == "all" {
		w.bad(at, path, "a target's name is of lower-case letters, digits and single hyphens, and not \"all\"")
		return
	}
	w.doc.targets = append(w.doc.targets, name)
	all := knownKeys(systems)
	known := all
	if sys, ok := systemOf(name, value, systems); ok {
		known = sys.keyNames()
	}
	w.fields(value, path, func(key string, at *token.Token, value ast.Node) {
		if !slices.Contains(all, key) { // one that only another system has is told with what this one has
			w.unknown(at, path+"."+key, key, known)
			return
		}
		text, ok := w.scalar(value, path+"."+key)
		if !ok {
			return
		}
		if key == "system" {
			if _, ok := systems[text]; !ok {
				w.bad(value.GetToken(), path+"."+key, "%v", unknownSystem(text, systems))
			}
		}
		w.doc.entries = append(w.doc.entries, entry{target: name, key: key, value: text,
			from: w.position(value.GetToken()), place: w.place})
	})
}

// systemOf is the system of a target, as far as the file tells it.
func systemOf(name string, target ast.Node, systems map[string]System) (System, bool) {
	var said string
	var silent yamlWalk // what is wrong is told by the walk that reads the target
	silent.fields(target, "", func(key string, _ *token.Token, value ast.Node) {
		if key == "system" {
			said, _ = silent.scalar(value, "")
		}
	})
	if said == "" {
		return guess(name, systems)
	}
	s, ok := systems[said]
	return s, ok
}

func (w *yamlWalk) guards(node ast.Node) {
	g := &w.doc.guards
	g.from = map[string]string{}
	w.fields(node, "guards", func(key string, at *token.Token, value ast.Node) {
		path := "guards." + key
		var err error
		switch key {
		case "max_rows", "max_failures":
			text, ok := w.scalar(value, path)
			if !ok {
				return
			}
			if key == "max_rows" {
				g.MaxRows, err = parseCount(text, 1<<31-1)
			} else {
				g.MaxFailures, err = ParseMaxFailures(text)
			}
		case "deny":
			for _, d := range w.list(value, path) {
				// What can be no address and no id would protect nobody.
				if d == "" || strings.ContainsAny(d, "* ,;/") || strings.HasPrefix(d, "@") || strings.Count(d, "@") > 1 {
					err = fmt.Errorf("%q is not one address or one id (who is of certain domains only is said by domains)", d)
				}
				g.Deny = append(g.Deny, d)
			}
		case "domains":
			for _, d := range w.list(value, path) {
				d = strings.ToLower(strings.TrimPrefix(d, "@"))
				if d == "" || strings.ContainsAny(d, "@ */") {
					err = fmt.Errorf("%q is not a domain such as example.com", d)
				}
				g.Domains = append(g.Domains, d)
			}
		default:
			w.unknown(at, path, key, guardNames())
			return
		}
		if err != nil {
			w.bad(value.GetToken(), path, "%v", err)
		}
		g.from[key] = w.position(value.GetToken())
	})
}

// fields calls each for every key of a mapping. An empty mapping may also be
// written as nothing.
func (w *yamlWalk) fields(node ast.Node, path string, each func(key string, at *token.Token, value ast.Node)) {
	var pairs []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	case *ast.NullNode:
	default:
		w.bad(node.GetToken(), path, "keys and values are expected here, as in \"key: value\"")
	}
	for _, p := range pairs {
		key, ok := p.Key.(ast.ScalarNode)
		if !ok {
			w.bad(p.Key.GetToken(), path, "a key must be a plain word; anchors and merged keys are not read")
			continue
		}
		each(key.GetToken().Value, key.GetToken(), p.Value)
	}
}

// scalar gives a single value as it was written. An empty one counts as none.
func (w *yamlWalk) scalar(node ast.Node, path string) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, n.Value != ""
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	case *ast.NullNode:
		return "", false
	}
	w.bad(node.GetToken(), path, "a single value is expected here")
	return "", false
}

func (w *yamlWalk) list(node ast.Node, path string) []string {
	var out []string
	switch n := node.(type) {
	case *ast.SequenceNode:
		for _, v := range n.Values {
			if text, ok := w.scalar(v, path); ok {
				out = append(out, strings.TrimSpace(text))
			}
		}
	case *ast.NullNode:
	default:
		w.bad(node.GetToken(), path, "a list is expected here, as in [one, two]")
	}
	return out
}

// unknown notes that a key is none of those known.
func (w *yamlWalk) unknown(at *token.Token, path, key string, known []string) {
	w.bad(at, path, "unknown key: known are %s%s", strings.Join(known, ", "), near.Hint(key, known))
}

// bad notes a problem. It must not show a value of the file that can be a secret.
func (w *yamlWalk) bad(at *token.Token, path, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	w.problems = append(w.problems, fmt.Errorf("%s: %s", w.position(at), text))
}

func (w *yamlWalk) position(at *token.Token) string {
	if at == nil || at.Position == nil {
		return w.doc.path
	}
	return fmt.Sprintf("%s:%d:%d", w.doc.path, at.Position.Line, at.Position.Column)
}
