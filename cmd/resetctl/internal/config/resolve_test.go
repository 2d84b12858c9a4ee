package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/zalando/go-keyring"
)

// fetch makes the configuration of a target whose token is ref, and resolves it.
func fetch(t *testing.T, ctx context.Context, ref string, keyring func(string, string) (string, error), env ...string) (string, error) {
	t.Helper()
	s := source(t, "targets: {unleash: {url: https://x.io, token: \""+strings.ReplaceAll(ref, `"`, `\"`)+"\"}}", env...)
	s.Keyring = keyring
	secrets, err := load(t, s).Target("unleash").Credentials(ctx)
	if err != nil && strings.Contains(err.Error(), canary) {
		t.Errorf("the secret is in %v", err)
	}
	return secrets["token"].Reveal(), err
}

func TestASecretIsFetchedFromWhereItIs(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"plain": canary, "line": canary + "\n", "blank": canary + " \n", "two": canary + "\nuser: x\n", "none": "\n", "large": strings.Repeat(canary, 10000)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ ref, want string }{ // want as "!…" is part of an error
		{"file:" + dir + "/plain", canary},
		{"file:" + dir + "/line", canary},
		{"file:" + dir + "/blank", canary + " "},
		{"file:" + dir + "/two", "!more than one line"},
		{"file:" + dir + "/none", "!holds nothing"},
		{"file:" + dir + "/large", "!too large"},
		{"file:" + dir + "/missing", "!no such file"},
		{"file:" + dir, "!is a directory"},
		{"env:THERE", canary},
		{"env:MISSING", "!the environment variable MISSING is not set"},
		{"exec:cat " + dir + "/line", canary},
		{"exec:printf '%s' \"a  b\"", "a  b"},
		{"exec:echo $THERE;true", "$THERE;true"},
		{"exec:sh -c 'echo $THERE'", canary},
		{"exec:sh -c 'echo " + canary + "; echo " + canary + " >&2; exit 3'", "!failed (exit status 3): run it by hand"},
		{"exec:/no/such/program x", "!no such file"},
		{"exec:true", "!holds nothing"},
		{"exec:cat " + dir + "/large", "!too much to be a secret"},
		{"12:34", "12:34"},
		{"007", "007"},
	} {
		got, err := fetch(t, t.Context(), tt.ref, nil, "THERE="+canary, "PATH=/usr/bin:/bin")
		if part, bad := strings.CutPrefix(tt.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), part) || !strings.Contains(err.Error(), "targets.unleash.token") {
				t.Errorf("%s: got %v, want %q", tt.ref, err, part)
			}
		} else if err != nil || got != tt.want {
			t.Errorf("%s: got %q, %v", tt.ref, got, err)
		}
	}
}

func TestNothingIsFetchedForATargetThatIsNotNeeded(t *testing.T) {
	s := source(t, "targets: {unleash: {url: https://x.io, token: keyring:a/b}}")
	s.Keyring = func(string, string) (string, error) { t.Error("asked"); return "", nil }
	load(t, s).Settings()
}

func TestAKeyringThatIsMissingOrHangsIsSaidWithinThreeSeconds(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{keyring.ErrNotFound, `the keyring has no entry of service "resetctl" and user "eu/x"`},
		{errors.New("no dbus"), "the keyring cannot be read (no dbus); on a machine without a desktop use env:, file: or exec:"},
	} {
		_, err := fetch(t, t.Context(), "keyring:resetctl/eu/x", func(string, string) (string, error) { return "", tt.err })
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v", err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hangs := func(string, string) (string, error) { <-release; return "", nil }
		start := time.Now()
		_, err := fetch(t, t.Context(), "keyring:a/b", hangs)
		if err == nil || !strings.Contains(err.Error(), "did not answer within 3s") || time.Since(start) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := fetch(t, ctx, "keyring:a/b", hangs); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		close(release)
	})
}

func TestAProgramThatHangsIsEnded(t *testing.T) {
	for _, program := range []string{"sleep 60", "sh -c 'sleep 60 & sleep 60; true'"} { // the other leaves a child behind that keeps the pipe
		s := source(t, "targets: {unleash: {url: https://x.io, token: \"exec:"+program+"\"}}", "PATH=/usr/bin:/bin")
		target := load(t, s).Target("unleash")
		target.resolver.execTimeout = 20 * time.Millisecond
		begun := time.Now()
		_, err := target.Credentials(t.Context())
		if err == nil || !strings.Contains(err.Error(), "took longer than 20ms: run it by hand") || time.Since(begun) > 30*time.Second {
			t.Errorf("%s: after %v: %v", program, time.Since(begun), err)
		}
	}
}

func TestAProgramEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fetch(t, ctx, "exec:sleep 60", nil, "PATH=/usr/bin:/bin"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestASecretIsStoredWhereItsReferenceFindsIt(t *testing.T) {
	kept := map[string]string{}
	set := func(service, user, secret string) error { kept[service+"+"+user] = secret; return nil }
	if err := store(t.Context(), "keyring:resetctl/eu/x", resetter.NewSecret(canary), set); err != nil {
		t.Fatal(err)
	}
	get := func(service, user string) (string, error) { return kept[service+"+"+user], nil }
	if got, err := fetch(t, t.Context(), "keyring:resetctl/eu/x", get); err != nil || got != canary {
		t.Errorf("got %q, %v", got, err)
	}
	for _, ref := range []string{"keyring:x", "env:X", canary} {
		if err := store(t.Context(), ref, resetter.NewSecret(canary), set); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	locked := func(string, string, string) error { return errors.New("it is locked") }
	if err := store(t.Context(), "keyring:a/b", resetter.NewSecret(canary), locked); err == nil || !strings.Contains(err.Error(), "it is locked") || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hangs := func(string, string, string) error { <-release; return nil }
		if err := store(t.Context(), "keyring:a/b", resetter.NewSecret(canary), hangs); err == nil || !strings.Contains(err.Error(), "did not answer within 3s") {
			t.Errorf("got %v", err)
		}
		close(release)
	})
}

func TestOnlyAReferenceIsOne(t *testing.T) {
	for text, want := range map[string]string{
		"env:X": "", "file:~/x": "", "keyring:a/b": "", "exec:pass show sugar": "",
		canary: "this is no reference", "": "this is no reference", "env:": "missing", "keyring:a": "keyring:SERVICE/USER", "exec:'a": "not closed",
		"https:" + canary: "this is no reference",
	} {
		err := CheckReference(text)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
