// Package config finds out what the command works with: which targets there
// are, how to sign in to them, how fast to ask them, and where the state lies.
//
// Each value comes from the first of flag, environment, file and default that
// has it. [Load] merges the last three and keeps where each value is from; the
// command lays its flags over them with [Config.Override]. Load is told what
// the environment is, what the home folder is, and which systems there are: it
// looks at nothing but the one file.
//
// What signs in is a reference (env:NAME, file:PATH, keyring:SERVICE/USER,
// exec:PROGRAM ARGUMENTS) or stands there plainly. It is resolved when it is
// needed and not before, by [Target.Credentials].
package config

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
)

// A Source is all that Load goes by.
type Source struct {
	Systems []System
	Env     []string // as of os.Environ
	Home    string   // the home folder; may be empty
	File    string   // --config; then it must exist
	State   string   // --state

	// Keyring looks a secret up; nil is the one of the desktop.
	Keyring func(service, user string) (string, error)
}

// A Config is what Load found. Reading it is safe from several goroutines.
type Config struct {
	File     string // the file that was read; empty where there is none
	State    string // the state folder; it may not exist yet
	Targets  []*Target
	Guards   Guards
	Warnings []string // one sentence each, fit for a terminal

	path, pathFrom string // of the file, whether it is there or not
	stateFrom      string
	systems        map[string]System
}

// A Target is one configured system.
type Target struct {
	Name, System, URL string

	Rate        float64       // requests a second at most; +Inf is unlimited
	Concurrency int           // requests at a time at most
	Cooldown    time.Duration // an account mailed within it is not mailed again; 0 is off
	Timeout     time.Duration // of one attempt
	MaxWait     time.Duration // the longest pause that is waited for
	CAFile      string        // certificate authorities instead of the machine's own
	AllowHTTP   bool          // plain http also to other machines

	credentials map[string]reference
	from        map[string]string // by key: who says it, unless it is a default
	resolver    *resolver
}

// Load reads the file, where there is one, and the environment. Its error
// tells everything that is wrong, a line each, with file, line and column for
// what stands in the file. No error shows a value that may be a secret.
//
// The file is s.File, else RESETCTL_CONFIG, else resetctl/config.yaml in
// XDG_CONFIG_HOME or ~/.config; only the last may be missing. The state folder
// is s.State, else RESETCTL_STATE, else resetctl in XDG_STATE_HOME or
// ~/.local/state.
func Load(s Source) (*Config, error) {
	env := environment(s.Env)
	c := &Config{systems: map[string]System{}}
	for _, sys := range s.Systems {
		c.systems[sys.Name] = sys
	}
	var err error
	if c.State, c.stateFrom, err = stateFolder(s, env); err != nil {
		return nil, err
	}
	var must bool
	c.path, c.pathFrom, must = configFile(s, env)
	doc, err := readFile(c.path, must, c.systems)
	if err != nil {
		return nil, err
	}
	c.File, c.Guards = doc.path, doc.guards
	entries, unknown := environmentEntries(env, c.systems)
	problems := c.merge(s, env, doc, entries)
	for _, name := range unknown {
		c.Warnings = append(c.Warnings, fmt.Sprintf("the environment variable %q is not known and does nothing%s", name, c.meantVariable(name)))
	}
	return c, errors.Join(doc.problems, problems)
}

// Names lists the targets' names, sorted.
func (c *Config) Names() []string {
	var names []string
	for _, t := range c.Targets {
		names = append(names, t.Name)
	}
	return names
}

// Target finds a target by name; nil where there is none.
func (c *Config) Target(name string) *Target {
	for _, t := range c.Targets {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// An entry is one key of a target as one place says it.
type entry struct {
	target, key string
	value       string
	from        string // where, for people
	place       place
}

// merge makes the targets: what the file says, and over it the environment.
func (c *Config) merge(s Source, env map[string]string, doc document, fromEnv []entry) error {
	found := map[string]map[string]entry{}
	for _, name := range doc.targets {
		found[name] = map[string]entry{}
	}
	for _, e := range append(doc.entries, fromEnv...) {
		if found[e.target] == nil {
			found[e.target] = map[string]entry{}
		}
		found[e.target][e.key] = e
	}
	r := newResolver(s, env)
	var problems []error
	var lost []string // targets of the environment whose names say no system
	for _, name := range slices.Sorted(maps.Keys(found)) {
		keys := found[name]
		said, isSaid := keys["system"]
		sys, ok := c.systems[said.value]
		if !isSaid {
			sys, ok = guess(name, c.systems)
		}
		switch {
		case ok:
		case isSaid && said.place.file: // a problem of the file, told with it
			continue
		case isSaid:
			problems = append(problems, fmt.Errorf("%s: targets.%s.system: %w", said.from, name, unknownSystem(said.value, c.systems)))
			continue
		case slices.Contains(doc.targets, name):
			problems = append(problems, fmt.Errorf("%s: targets.%s: which system is it? Add \"system:\" with one of %s",
				doc.path, name, c.known()))
			continue
		default:
			lost = append(lost, name)
			continue
		}
		t, errs := c.target(name, sys, keys, r)
		c.Targets = append(c.Targets, t)
		problems = append(problems, errs...)
	}
	for _, name := range lost {
		from := anyOf(found[name]).from
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s and the like do nothing: the name says no system; set %s to one of %s%s",
			from, variable(name, "system"), c.known(), c.meantVariable(from)))
	}
	return errors.Join(problems...)
}

func (c *Config) target(name string, sys System, keys map[string]entry, r *resolver) (*Target, []error) {
	t := sys.target(name)
	t.resolver = r
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		e := keys[key]
		var err error
		if own, ok := sys.key(key); ok {
			t.credentials[key], err = newReference(own, e)
			t.from[key] = e.from
		} else if shared, ok := commonOf(key); ok {
			if key == "ca_file" {
				e.value = e.place.resolve(e.value, r.home)
			}
			err = shared.set(t, e.value)
			t.from[key] = e.from
		} else if e.place.file {
			err = fmt.Errorf("the system %s has no such key; it has %s", sys.Name, strings.Join(sys.keyNames(), ", "))
		} else {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s does nothing: the system %s has no %s", e.from, sys.Name, key))
			continue
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: targets.%s.%s: %w", e.from, name, key, err))
		}
	}
	t.System = sys.Name
	if _, ok := keys["url"]; !ok {
		problems = append(problems, t.missing("url"))
	}
	for _, own := range sys.Keys {
		if _, ok := t.credentials[own.Name]; ok {
			continue
		}
		if own.Required {
			problems = append(problems, t.missing(own.Name))
		} else if own.Default != "" {
			t.credentials[own.Name] = plain(own, own.Default)
		}
	}
	return t, problems
}

func (t *Target) missing(key string) error {
	return fmt.Errorf("targets.%s.%s is missing: add it to the file or set %s", t.Name, key, variable(t.Name, key))
}

func (c *Config) known() string { return orNone(slices.Sorted(maps.Keys(c.systems))) }

func unknownSystem(name string, systems map[string]System) error {
	known := slices.Sorted(maps.Keys(systems))
	return fmt.Errorf("unknown system %q: known are %s%s", name, orNone(known), near.Hint(name, known))
}

// guess takes the system from the target's name: looker, looker-eu, my-looker.
func guess(name string, systems map[string]System) (System, bool) {
	var found []System
	for _, part := range strings.Split(name, "-") {
		if s, ok := systems[part]; ok && !slices.ContainsFunc(found, func(f System) bool { return f.Name == part }) {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		return System{}, false
	}
	return found[0], true
}

func anyOf(keys map[string]entry) entry { return keys[slices.Sorted(maps.Keys(keys))[0]] }

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// A place is where a value stands, as far as it matters for what it may be.
type place struct {
	file    bool
	folder  string // of the file; relative paths start there
	private bool   // no one else can read it
	guarded bool   // no one else can write it
}

// resolve makes a path that was written there one for the process.
func (p place) resolve(path, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	if p.file && path != "" && !filepath.IsAbs(path) {
		return filepath.Join(p.folder, path)
	}
	return path
}

// Unlimited is the rate that is none.
var Unlimited = math.Inf(1)
