package config

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/seed57652884/resetctl/resetter"
)

// A reference says where a value that signs in is to be had.
type reference struct {
	scheme string // env, file, keyring, exec; empty where the value stands here
	arg    string // empty where the value stands here
	words  []string
	value  resetter.Secret
	hide   bool
	place  place
}

func plain(k Key, value string) reference {
	return reference{value: resetter.NewSecret(value), hide: k.Secret}
}

// newReference judges a value as it was written. A plain secret that begins
// with one of the schemes has to be given by reference.
func newReference(k Key, e entry) (reference, error) {
	scheme, arg, found := strings.Cut(e.value, ":")
	arg = strings.TrimSpace(arg)
	r := reference{scheme: scheme, arg: arg, hide: k.Secret, place: e.place}
	if !found || !slices.Contains([]string{"env", "file", "keyring", "exec"}, scheme) {
		r = plain(k, e.value)
		r.place = e.place
		if k.Secret && !e.place.private {
			return r, errors.New("others can read this file, so no secret may stand in it: chmod 600 it, or write env:NAME, file:PATH, keyring:SERVICE/USER or exec:PROGRAM")
		}
		return r, nil
	}
	if arg == "" {
		return r, fmt.Errorf("what is to follow %s: is missing", scheme)
	}
	switch scheme {
	case "keyring":
		if service, user, ok := strings.Cut(arg, "/"); !ok || service == "" || user == "" {
			return r, errors.New("write it as keyring:SERVICE/USER")
		}
	case "exec":
		if !e.place.file {
			return r, errors.New("exec: is read from the configuration file alone, so that nobody can have a program run through the environment")
		}
		if !e.place.guarded {
			return r, errors.New("others can change this file or its folder, so no program is run for it: chmod 600 the file and 700 the folder")
		}
		var err error
		if r.words, err = splitWords(arg); err != nil {
			return r, err
		}
	}
	return r, nil
}

// CheckReference says what is wrong with a text that is to refer to a secret. A
// secret itself is no reference, and is not shown.
func CheckReference(text string) error {
	r, err := newReference(Key{}, entry{value: text, place: place{file: true, guarded: true}})
	if err == nil && r.scheme == "" {
		err = errors.New("this is no reference: write env:NAME, file:PATH, keyring:SERVICE/USER or exec:PROGRAM")
	}
	return err
}

// show tells what may be seen of it: a reference, or a value that is no secret.
func (r reference) show() string {
	switch {
	case r.scheme != "":
		return r.scheme + ":" + r.arg
	case r.hide:
		return r.value.String()
	}
	return r.value.Reveal()
}

// Credentials resolves all keys of the target's own system: those that were
// configured and those with a default. Its error tells every one that cannot
// be had and why, and shows none. It may run programs and take a while; it
// obeys ctx.
func (t *Target) Credentials(ctx context.Context) (map[string]resetter.Secret, error) {
	out := map[string]resetter.Secret{}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(t.credentials)) {
		secret, err := t.resolver.resolve(ctx, t.credentials[key])
		if err != nil {
			problems = append(problems, fmt.Errorf("targets.%s.%s (%s): %w", t.Name, key, t.saidBy(key), err))
		}
		out[key] = secret
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return out, nil
}

// splitWords splits a command line at blanks. Single and double quotes keep a
// word together and are themselves taken off; nothing else has a meaning.
func splitWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	open := false // a word has begun, maybe an empty one in quotes
	for _, c := range s {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, open = c, true
		case unicode.IsSpace(c):
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
		default:
			word.WriteRune(c)
			open = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote (%c) is not closed", quote)
	}
	if open {
		words = append(words, word.String())
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("no program is named")
	}
	return words, nil
}
