package config

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A System is a kind of target, as its driver describes it.
type System struct {
	Name        string  // "looker"
	Rate        float64 // requests a second, unless configured
	Concurrency int     // requests at a time, unless configured
	Keys        []Key   // what it needs to sign in, and the like
}

// A Key is a setting of a target.
type Key struct {
	Name     string // "client_secret"
	About    string // what it is and where to find it, in a few words, for people
	Example  string // how a value may look; empty for what signs in
	Secret   bool   // never shown; plain only where no one else can read it
	Required bool
	Default  string // empty where there is none
}

// Defaults of what every target has.
const (
	DefaultCooldown = time.Hour
	DefaultTimeout  = 60 * time.Second
	DefaultMaxWait  = 15 * time.Minute
)

// AllKeys lists every key that a target of the system has, with its default,
// in the order in which people want to read them.
func (s System) AllKeys() []Key {
	t := s.target("")
	var keys []Key
	for _, c := range common {
		if c.name == "url" {
			keys = append(keys, Key{Name: c.name, About: c.about, Example: c.example, Required: true})
			keys = append(keys, s.Keys...)
			continue
		}
		keys = append(keys, Key{Name: c.name, About: c.about, Example: c.example, Default: c.show(t)})
	}
	return keys
}

// CommonKeys lists the keys that the targets of all systems have, with the
// defaults that no system changes.
func CommonKeys() []Key { return System{}.AllKeys() }

// target is one of the system that nobody has told anything.
func (s System) target(name string) *Target {
	return &Target{Name: name, System: s.Name, Rate: s.Rate, Concurrency: s.Concurrency,
		Cooldown: DefaultCooldown, Timeout: DefaultTimeout, MaxWait: DefaultMaxWait,
		credentials: map[string]reference{}, from: map[string]string{}}
}

func (s System) key(name string) (Key, bool) {
	i := slices.IndexFunc(s.Keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return s.Keys[i], true
}

func (s System) keyNames() []string {
	var names []string
	for _, k := range s.AllKeys() {
		names = append(names, k.Name)
	}
	return names
}

// A commonKey is a key that the targets of all systems have.
type commonKey struct {
	name, about, example string
	set                  func(t *Target, v string) error
	show                 func(t *Target) string
}

// common are those keys, in the order in which people want to read them.
var common = []commonKey{
	{
		"system", "which system it is, where the target's name does not say so", "looker",
		func(t *Target, v string) error { t.System = v; return nil },
		func(t *Target) string { return t.System },
	},
	{
		"url", "the system's address, with its path if it has one", "https://looker.example.com",
		func(t *Target, v string) error { t.URL = v; return CheckURL(v) },
		func(t *Target) string { return t.URL },
	},
	{
		"rate", "at most so many requests: 10/s, 600/m, 3/h or unlimited; nothing lifts it", "10/s",
		func(t *Target, v string) (err error) { t.Rate, err = ParseRate(v); return err },
		func(t *Target) string { return unlessZero(t.Rate, FormatRate) },
	},
	{
		"concurrency", "at most so many requests at a time", "8",
		func(t *Target, v string) (err error) { t.Concurrency, err = parseCount(v, 1000); return err },
		func(t *Target) string { return unlessZero(t.Concurrency, strconv.Itoa) },
	},
	{
		"cooldown", "who was mailed within this time is left out; 0 turns it off", "1h",
		func(t *Target, v string) (err error) { t.Cooldown, err = ParseDuration(v); return err },
		func(t *Target) string { return FormatDuration(t.Cooldown) },
	},
	{
		"timeout", "how long one request may take", "60s",
		func(t *Target, v string) (err error) {
			t.Timeout, err = ParseDuration(v)
			if err == nil && t.Timeout == 0 {
				err = errors.New("it must be more than 0")
			}
			return err
		},
		func(t *Target) string { return FormatDuration(t.Timeout) },
	},
	{
		"max_wait", "the longest pause that is waited for where the system asks for one", "15m",
		func(t *Target, v string) (err error) { t.MaxWait, err = ParseDuration(v); return err },
		func(t *Target) string { return FormatDuration(t.MaxWait) },
	},
	{
		"ca_file", "a file of certificate authorities to trust instead of the machine's own", "/etc/ssl/acme.pem",
		func(t *Target, v string) error { t.CAFile = v; return nil },
		func(t *Target) string { return t.CAFile },
	},
	{
		"allow_http", "allow http:// to other machines, where everybody on the way can read the secrets", "false",
		func(t *Target, v string) (err error) { t.AllowHTTP, err = parseBool(v); return err },
		func(t *Target) string { return strconv.FormatBool(t.AllowHTTP) },
	},
}

// unlessZero is nothing for what no system has said yet.
func unlessZero[T int | float64](v T, show func(T) string) string {
	if v == 0 {
		return ""
	}
	return show(v)
}

func commonOf(name string) (commonKey, bool) {
	i := slices.IndexFunc(common, func(k commonKey) bool { return k.name == name })
	if i < 0 {
		return commonKey{}, false
	}
	return common[i], true
}

// knownKeys lists every key that some target can have: those of all systems
// first, the others sorted.
func knownKeys(systems map[string]System) []string {
	var all, own []string
	for _, k := range common {
		all = append(all, k.name)
	}
	for _, s := range systems {
		for _, k := range s.Keys {
			own = append(own, k.Name)
		}
	}
	slices.Sort(own)
	return append(all, slices.Compact(own)...)
}

// variable is the name in the environment of a key of a target.
func variable(target, key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(target, "-", "_")+"_"+key)
}
