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

	"github.com/zalando/go-keyring"
)

// A System is a kind of target, as its driver describes it.
type System struct {
	Name        string  // "looker"
	Rate        float64 // requests a second, unless configured
	Concurrency int     // requests at a time, unless configured
	Keys        []Key   // what it needs to sign in, and the like
}

// A Key is a setting that only some systems have.
type Key struct {
	Name     string // "client_secret"
	Secret   bool   // never shown; plain only where no one else can read it
	Required bool
	Default  string
}

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

// Defaults of what every target has.
const (
	DefaultCooldown = time.Hour
	DefaultTimeout  = 60 * time.Second
	DefaultMaxWait  = 15 * time.Minute
)

// A Config is what Load found. Reading it is safe from several goroutines.
type Config struct {
	File     string // the file that was read; empty where there is none
	State    string // the state folder; it may not exist yet
	Targets  []*Target
	Guards   Guards
	Warnings []string // one sentence each, fit for a terminal

	stateFrom string
	systems   map[string]System
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
	settings    map[string]setting
	resolver    *resolver
}

// A setting is a value as it was written, and where.
type setting struct {
	value string // empty for what signs in
	from  string
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
	path, must, err := configFile(s, env)
	if err != nil {
		return nil, err
	}
	doc, err := readFile(path, must, c.systems)
	if err != nil {
		return nil, err
	}
	c.File, c.Guards = doc.path, doc.guards
	entries, warnings := environmentEntries(env, c.systems)
	c.Warnings = warnings
	return c, errors.Join(doc.problems, c.merge(s, env, doc, entries))
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

// Override sets a key of the named target, or of all where name is empty, to
// what a flag says; from is the flag. What signs in cannot be set so: flags are
// seen by everybody on the machine.
func (c *Config) Override(name, key, value, from string) error {
	targets := c.Targets
	if name != "" {
		t := c.Target(name)
		if t == nil {
			return fmt.Errorf("%s: unknown target %q: configured are %s", from, name, orNone(c.Names()))
		}
		targets = []*Target{t}
	}
	set, ok := common[key]
	if !ok || key == "system" {
		return fmt.Errorf("%s: %q cannot be set by a flag", from, key)
	}
	for _, t := range targets {
		if err := set(t, value); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		t.settings[key] = setting{value, from}
	}
	return nil
}

// common are the keys that every target has.
var common = map[string]func(t *Target, v string) error{
	"system": func(t *Target, v string) error { t.System = v; return nil },
	"url":    func(t *Target, v string) error { t.URL = v; return checkURL(v) },
	"rate": func(t *Target, v string) (err error) {
		t.Rate, err = ParseRate(v)
		return err
	},
	"concurrency": func(t *Target, v string) (err error) {
		t.Concurrency, err = parseCount(v, 1000)
		return err
	},
	"cooldown": func(t *Target, v string) (err error) {
		t.Cooldown, err = ParseDuration(v)
		return err
	},
	"timeout": func(t *Target, v string) (err error) {
		t.Timeout, err = ParseDuration(v)
		if err == nil && t.Timeout == 0 {
			err = errors.New("it must be more than 0")
		}
		return err
	},
	"max_wait": func(t *Target, v string) (err error) {
		t.MaxWait, err = ParseDuration(v)
		return err
	},
	"ca_file": func(t *Target, v string) error { t.CAFile = v; return nil },
	"allow_http": func(t *Target, v string) (err error) {
		t.AllowHTTP, err = parseBool(v)
		return err
	},
}

// commonOrder is the order in which people want to read them.
var commonOrder = []string{"system", "url", "rate", "concurrency", "cooldown", "timeout", "max_wait", "ca_file", "allow_http"}

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
	r := &resolver{env: env, environ: s.Env, home: s.Home, keyring: s.Keyring}
	if r.keyring == nil {
		r.keyring = keyring.Get
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(found)) {
		keys := found[name]
		sys, ok := c.systems[keys["system"].value]
		if _, said := keys["system"]; !said {
			sys, ok = guess(name, c.systems)
		}
		if !ok {
			if slices.Contains(doc.targets, name) {
				problems = append(problems, fmt.Errorf("%s: targets.%s: which system is it? Add \"system:\" with one of %s",
					doc.path, name, c.known()))
				continue
			}
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s and the like do nothing: the name says no system; set RESETCTL_%s_SYSTEM to one of %s",
				anyOf(keys).from, strings.ToUpper(strings.ReplaceAll(name, "-", "_")), c.known()))
			continue
		}
		t, errs := c.target(name, sys, keys, r)
		c.Targets = append(c.Targets, t)
		problems = append(problems, errs...)
	}
	return errors.Join(problems...)
}

func (c *Config) target(name string, sys System, keys map[string]entry, r *resolver) (*Target, []error) {
	t := &Target{Name: name, System: sys.Name, Rate: sys.Rate, Concurrency: sys.Concurrency,
		Cooldown: DefaultCooldown, Timeout: DefaultTimeout, MaxWait: DefaultMaxWait,
		credentials: map[string]reference{}, settings: map[string]setting{}, resolver: r}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		e := keys[key]
		var err error
		if own, ok := sys.key(key); ok {
			t.credentials[key], err = newReference(own, e)
			t.settings[key] = setting{from: e.from}
		} else if set, ok := common[key]; ok {
			if key == "ca_file" {
				e.value = e.place.resolve(e.value, r.home)
			}
			err = set(t, e.value)
			t.settings[key] = setting{e.value, e.from}
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
			t.settings[own.Name] = setting{from: "default"}
		}
	}
	return t, problems
}

func (t *Target) missing(key string) error {
	return fmt.Errorf("targets.%s.%s is missing: add it to the file or set RESETCTL_%s_%s",
		t.Name, key, strings.ToUpper(strings.ReplaceAll(t.Name, "-", "_")), strings.ToUpper(key))
}

// A Setting is one line of what "config show" tells.
type Setting struct {
	Key   string // "targets.looker.rate"
	Value string // fit to be shown: a secret is its reference or "[hidden]"
	From  string // "config.yaml:7:11", "RESETCTL_LOOKER_RATE", "--rate", "default"
}

// Settings tells every value and where it is from.
func (c *Config) Settings() []Setting {
	out := []Setting{{"config", c.File, ""}, {"state", c.State, c.stateFrom}}
	for _, t := range c.Targets {
		values := map[string]string{"system": t.System, "url": t.URL, "rate": FormatRate(t.Rate),
			"concurrency": fmt.Sprint(t.Concurrency), "cooldown": t.Cooldown.String(), "timeout": t.Timeout.String(),
			"max_wait": t.MaxWait.String(), "ca_file": t.CAFile, "allow_http": fmt.Sprint(t.AllowHTTP)}
		add := func(key, value string) {
			from := t.settings[key].from
			if from == "" {
				from = "default"
				if key == "system" {
					from = "the target's name"
				}
			}
			out = append(out, Setting{"targets." + t.Name + "." + key, value, from})
		}
		for _, key := range commonOrder {
			if key != "ca_file" || t.CAFile != "" {
				add(key, values[key])
			}
		}
		for _, key := range slices.Sorted(maps.Keys(t.credentials)) {
			add(key, t.credentials[key].show())
		}
	}
	return append(out, c.Guards.settings()...)
}

func (s System) key(name string) (Key, bool) {
	i := slices.IndexFunc(s.Keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return s.Keys[i], true
}

func (s System) keyNames() []string {
	names := slices.Clone(commonOrder)
	for _, k := range s.Keys {
		names = append(names, k.Name)
	}
	return names
}

func (c *Config) known() string {
	return orNone(slices.Sorted(maps.Keys(c.systems)))
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
