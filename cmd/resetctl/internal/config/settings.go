package config

import (
	"fmt"
	"slices"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
)

// A Setting is one line of what "config show" tells.
type Setting struct {
	Key   string `json:"key"`   // "targets.looker.rate"
	Value string `json:"value"` // fit to be shown: a secret is its reference or "[hidden]"
	From  string `json:"from"`  // "config.yaml:7:11", "RESETCTL_LOOKER_RATE", "--rate", "default"
}

// Settings tells every value and where it is from. It resolves nothing: of what
// is given by reference it tells the reference.
func (c *Config) Settings() []Setting {
	out := []Setting{{"config", c.path, c.pathFrom}, {"state", c.State, c.stateFrom}}
	if c.File == "" {
		out[0].From += " (not there)"
	}
	for _, t := range c.Targets {
		for _, key := range c.systems[t.System].AllKeys() {
			s := Setting{Key: "targets." + t.Name + "." + key.Name, From: t.saidBy(key.Name)}
			if shared, ok := commonOf(key.Name); ok {
				s.Value = shared.show(t)
			} else {
				s.Value = t.credentials[key.Name].show()
			}
			out = append(out, s)
		}
	}
	return append(out, c.Guards.settings()...)
}

// saidBy is who says the value of a key.
func (t *Target) saidBy(key string) string {
	switch from := t.from[key]; {
	case from != "":
		return from
	case key == "system":
		return "the target's name"
	}
	return "default"
}

// Override sets a key of the named target, or of all where name is empty, to
// what a flag says; from is the flag. What signs in cannot be set so: flags are
// seen by everybody on the machine.
func (c *Config) Override(name, key, value, from string) error {
	targets := c.Targets
	if name != "" {
		t := c.Target(name)
		if t == nil {
			return fmt.Errorf("%s: unknown target %q: configured are %s%s", from, name, orNone(c.Names()), near.Hint(name, c.Names()))
		}
		targets = []*Target{t}
	}
	shared, ok := commonOf(key)
	if !ok || slices.Contains([]string{"system", "url"}, key) {
		return fmt.Errorf("%s: %q cannot be set by a flag", from, key)
	}
	for _, t := range targets {
		if err := shared.set(t, value); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		t.from[key] = from
	}
	return nil
}
