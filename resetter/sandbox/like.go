package sandbox

import "strings"

// Like is SQL's LIKE without regard to case, as the searches of the vendors use it: _ is any
// character, % any run of them, and a backslash takes that meaning from the character after it.
func Like(pattern, text string) bool {
	t := []rune(strings.ToLower(text))
	// match[j] says whether the pattern so far matches the first j characters of the text.
	match := make([]bool, len(t)+1)
	match[0] = true
	literal := false
	for _, c := range strings.ToLower(pattern) {
		switch {
		case c == '\\' && !literal:
			literal = true
			continue
		case c == '%' && !literal:
			for j := 1; j <= len(t); j++ {
				match[j] = match[j] || match[j-1]
			}
		default:
			for j := len(t); j > 0; j-- {
				match[j] = match[j-1] && (c == t[j-1] || c == '_' && !literal)
			}
			match[0] = false
		}
		literal = false
	}
	return match[len(t)]
}
