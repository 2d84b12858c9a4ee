// Package near finds the name that a person meant who wrote another, and asks:
// did you mean looker?
//
// It is for names of which there are few and all are known: commands, flags,
// targets, columns, keys. A slip of the fingers is found, and so is a name that
// was only begun; case, blanks, underscores and hyphens do not count at all.
// What is merely a little alike is not asked for, since a wrong guess is worse
// than none: it is believed.
package near

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Hint is the end of a message about a word that is none of names: [Ask] for the
// one that is near, or nothing.
func Hint[S ~string](word S, names []S) string { return Ask(string(Name(word, names))) }

// Ask is the end of a message that asks for names: "; did you mean looker?".
// It is empty where there are none, and those that are empty do not count.
func Ask(names ...string) string {
	var asked []string
	for _, name := range names {
		if strings.ContainsFunc(name, apart) {
			name = strconv.Quote(name)
		}
		if name != "" && !slices.Contains(asked, name) {
			asked = append(asked, name)
		}
	}
	if len(asked) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(asked, " and ") + "?"
}

// apart reports whether a name with r in it needs quotes to be seen as one.
func apart(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
}

// longest is the longest name that is looked at, in letters.
const longest = 100

// Name is the one of names that was probably meant by word, the first of those
// that are equally near; one that was begun comes before one that was misspelt.
// Empty where none is near.
func Name[S ~string](word S, names []S) S {
	var begun, misspelt S
	shortest, least := longest, longest
	written := []rune(Plain(string(word)))
	for _, name := range names {
		meant := []rune(Plain(string(name)))
		if len(written) == 0 || len(meant) == 0 || len(written) > longest || len(meant) > longest {
			continue
		}
		if begins(written, meant) && len(meant) < shortest {
			begun, shortest = name, len(meant)
		}
		if d, ok := slips(words(string(word)), words(string(name)), edits(written, meant)); ok && d < least {
			misspelt, least = name, d
		}
	}
	if begun != "" && least > 0 {
		return begun
	}
	return misspelt
}

// begins reports whether word is so much of a name as to tell which.
func begins(word, name []rune) bool {
	return len(word) > 2 && len(word) < len(name) && slices.Equal(word, name[:len(word)])
}

// slips counts the slips of which a name came to be written so, word by word:
// looker-eu is no slip of looker-us, though most of its letters are right. Where
// the words are not as many, there is one at most in the whole.
func slips(written, meant [][]rune, whole int) (n int, ok bool) {
	if len(written) != len(meant) {
		all := slices.Concat(meant...)
		return whole, whole <= 1 && slip(slices.Concat(written...), all, whole)
	}
	for i := range written {
		d := edits(written[i], meant[i])
		if !slip(written[i], meant[i], d) {
			return 0, false
		}
		n += d
	}
	return n, true
}

// words are those of a name, plain.
func words(name string) (all [][]rune) {
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' || unicode.IsSpace(r) }) {
		if plain := Plain(word); plain != "" {
			all = append(all, []rune(plain))
		}
	}
	return all
}

// slip reports whether so many edits may be an oversight: one in three letters,
// or two letters the wrong way round. A digit is none: who writes looker-2 does
// not mean looker-1, nor is windows-1251 the encoding windows-1252.
func slip(word, name []rune, edits int) bool {
	if !slices.Equal(digits(word), digits(name)) {
		return false
	}
	swapped := len(word) == 2 && len(name) == 2 && word[0] == name[1] && word[1] == name[0]
	return 3*edits <= max(len(word), len(name)) || swapped
}

func digits(name []rune) []rune {
	return slices.DeleteFunc(slices.Clone(name), func(r rune) bool { return !unicode.IsDigit(r) })
}
