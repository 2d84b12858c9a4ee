package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
	"unicode"

	"github.com/zalando/go-keyring"

	"github.com/seed57652884/resetctl/resetter"
)

// How long a secret may be in coming.
const (
	keyringTimeout = 3 * time.Second  // a locked one waits for a person who may not be there
	fileTimeout    = 10 * time.Second // a pipe may have nobody at its other end
	execTimeout    = 30 * time.Second // long enough to type a passphrase
)

// maxSecret is more than any secret needs.
const maxSecret = 64 << 10

// A resolver knows where references lead.
type resolver struct {
	env         map[string]string
	environ     []string
	home        string
	keyring     func(service, user string) (string, error)
	execTimeout time.Duration
}

func newResolver(s Source, env map[string]string) *resolver {
	r := &resolver{env: env, environ: s.Env, home: s.Home, keyring: s.Keyring, execTimeout: execTimeout}
	if r.keyring == nil {
		r.keyring = keyring.Get
	}
	return r
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
		text, err = r.file(ctx, ref.place.resolve(ref.arg, r.home))
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

func (r *resolver) file(ctx context.Context, path string) (string, error) {
	late := fmt.Errorf("%s could not be read within %v: is it a pipe that nobody writes to?", path, fileTimeout)
	return patiently(ctx, fileTimeout, late, func() (string, error) {
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
	})
}

const insteadOfKeyring = "on a machine without a desktop use env:, file: or exec: instead"

func (r *resolver) fromKeyring(ctx context.Context, arg string) (string, error) {
	service, user, _ := strings.Cut(arg, "/")
	return patiently(ctx, keyringTimeout, errKeyringSilent, func() (string, error) {
		text, err := r.keyring(service, user)
		switch {
		case errors.Is(err, keyring.ErrNotFound):
			return "", fmt.Errorf("the keyring has no entry of service %q and user %q: store it there, or use env:, file: or exec: instead", service, user)
		case err != nil:
			return "", fmt.Errorf("the keyring cannot be read (%w); %s", err, insteadOfKeyring)
		}
		return text, nil
	})
}

var errKeyringSilent = fmt.Errorf("the keyring did not answer within %v: unlock it; %s", keyringTimeout, insteadOfKeyring)

// Store puts a secret into the keyring of the desktop, where the reference
// keyring:SERVICE/USER finds it.
func Store(ctx context.Context, ref string, secret resetter.Secret) error {
	return store(ctx, ref, secret, keyring.Set)
}

func store(ctx context.Context, ref string, secret resetter.Secret, set func(service, user, secret string) error) error {
	r, err := newReference(Key{}, entry{value: ref})
	if err != nil {
		return err
	}
	if r.scheme != "keyring" {
		return errors.New("only keyring:SERVICE/USER can be stored")
	}
	service, user, _ := strings.Cut(r.arg, "/")
	_, err = patiently(ctx, keyringTimeout, errKeyringSilent, func() (struct{}, error) {
		if err := set(service, user, secret.Reveal()); err != nil {
			return struct{}{}, fmt.Errorf("the keyring cannot be written (%w); %s", err, insteadOfKeyring)
		}
		return struct{}{}, nil
	})
	return err
}

// patiently calls f, which cannot be interrupted: where it takes longer than
// the time-out or ctx, it is left behind until the process ends.
func patiently[T any](ctx context.Context, timeout time.Duration, late error, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	got := make(chan answer, 1)
	go func() {
		value, err := f()
		got <- answer{value, err}
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	var none T
	select {
	case a := <-got:
		return a.value, a.err
	case <-timer.C:
		return none, late
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

// run starts the program itself, without a shell, so that nothing in its
// arguments is more than text. What it writes to stderr is not kept, as
// nobody knows what is in it.
func (r *resolver) run(ctx context.Context, words []string) (string, error) {
	limited, cancel := context.WithTimeout(ctx, r.execTimeout)
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
		return "", fmt.Errorf("the program %s took longer than %v: run it by hand to see what it waits for, such as a passphrase", words[0], r.execTimeout)
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
