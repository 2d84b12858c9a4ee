package near

import (
	"strings"
	"unicode"
)

// Plain is a name without what people write now so and now so: case, blanks,
// underscores, hyphens, and characters that cannot be seen.
func Plain(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '_' || r == '-' || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}
