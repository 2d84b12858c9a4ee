package table

import (
	"strings"
	"unicode"
)

// plainKey is a name without what people write now so and now so: case,
// blanks, underscores, hyphens, and characters that cannot be seen.
func plainKey(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '_' || r == '-' || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// nearest gives the one of names that was probably meant by wrong; empty where
// none comes near.
func nearest(wrong string, names []string) string {
	key := plainKey(wrong)
	best, least := "", len([]rune(key))/3+1
	for _, name := range names {
		other := plainKey(name)
		if len(other) > 100 || len(key) > 100 || other == "" || key == "" {
			continue
		}
		d := distance([]rune(key), []rune(other))
		if strings.Contains(other, key) || strings.Contains(key, other) {
			d = min(d, 1)
		}
		if d < least {
			best, least = name, d
		}
	}
	return best
}

// distance counts the letters to change, add or remove between a and b, and
// the neighbours to swap.
func distance(a, b []rune) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range b {
		rows[0][j+1] = j + 1
	}
	for i := range a {
		for j := range b {
			differ := 1
			if a[i] == b[j] {
				differ = 0
			}
			rows[i+1][j+1] = min(rows[i][j+1]+1, rows[i+1][j]+1, rows[i][j]+differ)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				rows[i+1][j+1] = min(rows[i+1][j+1], rows[i-1][j-1]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// didYouMean is the end of a sentence that names what is near, if anything.
func didYouMean(wrong string, names []string) string {
	if near := nearest(wrong, names); near != "" {
		return "; did you mean " + quote(near) + "?"
	}
	return ""
}
