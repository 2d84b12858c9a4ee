package table

import (
	"errors"
	"fmt"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
)

// A mapping is a column that a person said the meaning of.
type mapping struct {
	means  meaning
	column string
}

// parseMap reads each --map as MEANING=COLUMN, and says all that is wrong at
// once. The meaning may be one of its aliases.
func parseMap(options []string) ([]mapping, error) {
	var out []mapping
	var errs []error
	for _, option := range options {
		name, column, ok := strings.Cut(option, "=")
		name, column = strings.TrimSpace(name), unquote(strings.TrimSpace(column))
		m, known := aliases[near.Plain(name)]
		switch {
		case !ok || name == "" || column == "":
			errs = append(errs, fmt.Errorf(`--map: write MEANING=COLUMN, such as email="Work Email", not %s`, quote(option)))
			continue
		case !known:
			errs = append(errs, fmt.Errorf("--map: no column can mean %s; write one of %s%s",
				quote(name), strings.Join(meaningNames(), ", "), near.Hint(name, meaningNames())))
			continue
		}
		for _, other := range out {
			switch {
			case other.means == m:
				errs = append(errs, fmt.Errorf("--map: both %s and %s are to be the %s: give one", quote(other.column), quote(column), m))
			case other.column == column:
				errs = append(errs, fmt.Errorf("--map: %s is to be both the %s and the %s: give one", quote(column), other.means, m))
			}
		}
		out = append(out, mapping{m, column})
	}
	return out, errors.Join(errs...)
}

// unquote takes off the quotes that some shells leave.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return strings.TrimSpace(s[1 : len(s)-1])
	}
	return s
}

// settle gives each mapping the name that its column really has, where it was
// written with other case, blanks, underscores or hyphens, and no other column
// has a name like it.
func settle(asked []mapping, names []string) []mapping {
	out := make([]mapping, len(asked))
	for i, a := range asked {
		out[i] = a
		var like []string
		for _, name := range names {
			if name == a.column {
				like = []string{name}
				break
			}
			if near.Plain(name) == near.Plain(a.column) {
				like = append(like, name)
			}
		}
		if len(like) == 1 {
			out[i].column = like[0]
		}
	}
	return out
}

// missingAsked says which mapped columns are not there.
func (c *columns) missingAsked(file string) error {
	var errs []error
	for _, a := range c.asked {
		if _, ok := c.means[a.means]; !ok && isAddress(a.column) {
			errs = append(errs, fmt.Errorf("--map: %s is a person, not the name of a column (%s has %s)", quote(a.column), file, c.list()))
		} else if !ok {
			errs = append(errs, fmt.Errorf("--map: %s has no column %s%s (it has %s)",
				file, quote(a.column), near.Hint(a.column, c.names), c.list()))
		}
	}
	return errors.Join(errs...)
}
