package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Guards are limits that keep a mistake small. The zero value has none.
type Guards struct {
	MaxRows     int      // a run of more rows is refused; 0 is no limit
	Deny        []string // addresses or ids that nothing is done to
	Domains     []string // only addresses of these, in lower case, without @; empty is all
	MaxFailures MaxFailures

	from map[string]string
}

// MaxFailures is how many failures halt a run. The zero value is no limit.
type MaxFailures struct {
	Count   int     // halt at this many; 0 where Percent says it
	Percent float64 // of the last 100, from 20 on
}

// ParseMaxFailures reads "5" or "20%".
func ParseMaxFailures(s string) (MaxFailures, error) {
	s = strings.TrimSpace(s)
	number, percent := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil || n < 1 || (percent && n > 100) {
		return MaxFailures{}, fmt.Errorf("%q is neither a number of failures such as 5 nor a share such as 20%%", s)
	}
	if percent {
		return MaxFailures{Percent: float64(n)}, nil
	}
	return MaxFailures{Count: n}, nil
}

// String writes it as ParseMaxFailures reads it; "" for no limit.
func (m MaxFailures) String() string {
	switch {
	case m.Percent > 0:
		return fmt.Sprintf("%g%%", m.Percent)
	case m.Count > 0:
		return strconv.Itoa(m.Count)
	}
	return ""
}

// IsZero reports whether no guard is configured.
func (g Guards) IsZero() bool {
	return g.MaxRows == 0 && len(g.Deny) == 0 && len(g.Domains) == 0 && g.MaxFailures == MaxFailures{}
}

// GuardKeys lists the guards as keys of the configuration.
func GuardKeys() []Key {
	return []Key{
		{Name: "max_rows", About: "a run that would do more is refused", Example: "5000"},
		{Name: "deny", About: "addresses and ids to which nothing is ever done", Example: "[breakglass@example.com]"},
		{Name: "domains", About: "only accounts with an address of these domains", Example: "[example.com]"},
		{Name: "max_failures", About: "halt at so many failures, or at such a share of the last 100", Example: "20%"},
	}
}

func guardNames() []string {
	var names []string
	for _, k := range GuardKeys() {
		names = append(names, k.Name)
	}
	return names
}

// settings tells the guards, those that are off as well.
func (g Guards) settings() []Setting {
	values := map[string]string{
		"max_rows": strconv.Itoa(g.MaxRows), "deny": strings.Join(g.Deny, ", "),
		"domains": strings.Join(g.Domains, ", "), "max_failures": g.MaxFailures.String(),
	}
	var out []Setting
	for _, k := range GuardKeys() {
		s := Setting{"guards." + k.Name, "off", "default"}
		if from, ok := g.from[k.Name]; ok {
			s.Value, s.From = values[k.Name], from
		}
		out = append(out, s)
	}
	return out
}
