package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/zalando/go-keyring"

	"github.com/seed57652884/resetctl/resetter"
)

const (
	keyringTimeout = 3 * time.Second  // a locked one waits for a person who may not be there
	execTimeout    = 30 * time.Second // long enough to type a passphrase
	maxSecret      = 64 << 10
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
			problems = append(problems, fmt.Errorf("targets.%s.%s (%s): %w", t.Name, key, t.settings[key].from, err))
		}
		out[key] = secret
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return out, nil
}

// A resolver knows where references lead.
type resolver struct {
	env     map[string]string
	environ []string
	home    string
	keyring func(service, user string) (string, error)
}

func (r *resolver) resolve(ctx context.Context, ref reference) (resetter.Secret, error) {
	var text string
	var err error
	switch ref.scheme {
	case "":
		text = ref.value.Reveal()
	case "env":
		if text = r.env[ref.arg]; text == "" {
			err = fmt.Errorf("the environment variable %s is not set", ref.arg)
		}
	case "file":
		text, err = r.file(ref.place.resolve(ref.arg, r.home))
	case "keyring":
		text, err = r.fromKeyring(ctx, ref.arg)
	case "exec":
		text, err = r.run(ctx, ref.words)
	}
	if err != nil {
		return resetter.Secret{}, err
	}
	if text == "" {
		return resetter.Secret{}, fmt.Errorf("%s holds nothing", ref.show())
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return resetter.Secret{}, errors.New("the value has more than one line or control characters in it: it must be the secret alone, as in exec:sh -c 'pass show sugar | head -n 1'")
	}
	return resetter.NewSecret(text), nil
}

func (r *resolver) file(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err // names the path
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", err
	case len(text) > maxSecret:
		return "", fmt.Errorf("%s is too large to be a secret", path)
	}
	return oneLine(text), nil
}

// fromKeyring asks the keyring of the desktop. It cannot be interrupted: where
// it does not answer, the question is left behind until the process ends.
func (r *resolver) fromKeyring(ctx context.Context, arg string) (string, error) {
	service, user, _ := strings.Cut(arg, "/")
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := r.keyring(service, user)
		got <- answer{text, err}
	}()
	const instead = "on a machine without a desktop use env:, file: or exec: instead"
	timeout := time.NewTimer(keyringTimeout)
	defer timeout.Stop()
	select {
	case a := <-got:
		switch {
		case errors.Is(a.err, keyring.ErrNotFound):
			return "", fmt.Errorf("the keyring has no entry of service %q and user %q", service, user)
		case a.err != nil:
			return "", fmt.Errorf("the keyring cannot be read (%w); %s", a.err, instead)
		}
		return a.text, nil
	case <-timeout.C:
		return "", fmt.Errorf("the keyring did not answer within %v: unlock it; %s", keyringTimeout, instead)
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// run starts the program itself, without a shell, so that nothing in its
// arguments is more than text. What it writes to stderr is not kept, as
// nobody knows what is in it.
func (r *resolver) run(ctx context.Context, words []string) (string, error) {
	limited, cancel := context.WithTimeout(ctx, execTimeout)
	defer cancel()
	cmd := exec.CommandContext(limited, words[0], words[1:]...)
	cmd.Env = append([]string{}, r.environ...) // nil would mean the process's own
	cmd.WaitDelay = time.Second                // for a grandchild that keeps the pipe
	var out limitedBuffer
	cmd.Stdout = &out
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case limited.Err() != nil:
		return "", fmt.Errorf("the program %s took longer than %v", words[0], execTimeout)
	case out.full:
		return "", fmt.Errorf("the program %s wrote too much to be a secret", words[0])
	case err != nil:
		return "", fmt.Errorf("the program %s failed (%w): run it by hand to see why", words[0], err)
	}
	return oneLine(out.buf.Bytes()), nil
}

// A limitedBuffer takes no more than a secret can be. The buffer is no embedded
// one, whose ReadFrom would get around that.
type limitedBuffer struct {
	buf  bytes.Buffer
	full bool
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.buf.Len()+len(p) > maxSecret {
		b.full = true
		return 0, errors.New("too much")
	}
	return b.buf.Write(p)
}

// oneLine cuts the line end that editors and echo put behind a secret.
func oneLine(text []byte) string {
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
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
