package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/zalando/go-keyring"
)

// interviewed plays init on a terminal, with these answers, one a line.
func interviewed(t *testing.T, home string, answers []string, flags ...string) (code int, said string) {
	t.Helper()
	var out, err bytes.Buffer
	streams := &ui.IO{In: strings.NewReader(strings.Join(answers, "\n") + "\n"), Out: &out, Err: &err, InTerminal: true, ErrTerminal: true}
	code = Main(t.Context(), append([]string{"resetctl", "init"}, flags...), []string{"HOME=" + home}, streams)
	if out.Len() > 0 {
		t.Errorf("stdout: %s", out.String())
	}
	return code, err.String()
}

// written is what a configuration says, by key, unless that is a default.
func written(t *testing.T, path string) map[string]string {
	t.Helper()
	cfg, err := config.Load(config.Source{Systems: kinds(), File: path, State: "/s"})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, s := range cfg.Settings() {
		if strings.HasPrefix(s.From, path+":") {
			got[strings.TrimPrefix(s.Key, "targets.")] = s.Value
		}
	}
	return got
}

func TestInitAsksSystemBySystem(t *testing.T) {
	keyring.MockInit()
	home := t.TempDir()
	path := filepath.Join(home, ".config", "resetctl", "config.yaml")
	const secret = "s3cr3t-hunter2"
	code, said := interviewed(t, home, []string{
		"y",                                           // looker?
		"looker.example.com",                          // no address
		"https://u:p@looker.example.com",              // holds a password
		"http://looker.example.com",                   // everybody on the way could read the secrets
		" https://looker.example.com ",                // url
		"",                                            // client_id is needed
		"id: \"1\" # x",                               // client_id, of what YAML makes something else
		secret,                                        // no reference
		"keyring:resetctl",                            // half a one
		"keyring:resetctl/looker", secret + " of two", // client_secret
		"yes", "https://sugar.example.com", "svc", "exec:sh -c 'pass show sugar: | head -n 1'", // sugar
		"ja", "n", // unleash?
	})
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	want := map[string]string{
		"looker.url": "https://looker.example.com", "looker.client_id": `id: "1" # x`, "looker.client_secret": "keyring:resetctl/looker",
		"sugar.url": "https://sugar.example.com", "sugar.username": "svc", "sugar.password": "exec:sh -c 'pass show sugar: | head -n 1'",
	}
	if d := cmp.Diff(want, written(t, path)); d != "" {
		t.Error(d)
	}
	if got, err := keyring.Get("resetctl", "looker"); got != secret+" of two" {
		t.Errorf("the keyring has %q, %v", got, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") || strings.Contains(said, "hunter2") {
		t.Errorf("the secret is in\n%s\n%s", said, text)
	}
	for _, part := range []string{
		"this is not an address such as", "an address must not hold a user", "it is needed", "credentials would cross the network readable; use https", "answer y or n", "this is no reference", "write it as keyring:SERVICE/USER",
		"[env:LOOKER_CLIENT_SECRET]", path + " is written, readable by you alone", "now see whether all is well: resetctl check\n",
	} {
		if !strings.Contains(said, part) {
			t.Errorf("%q was not said:\n%s", part, said)
		}
	}
	if !strings.Contains(string(text), "\n#   unleash:\n") {
		t.Errorf("unleash is not there as a comment:\n%s", text)
	}
}

func TestInitTakesPlainHTTPOfThisMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if code, said := interviewed(t, "/nowhere", []string{"", "", "y", "http://127.0.0.1:4242", ""}, "--config", path); code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	if got := written(t, path)["unleash.url"]; got != "http://127.0.0.1:4242" {
		t.Errorf("got %s", got)
	}
}

func TestInitTakesEnterForTheEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if code, said := interviewed(t, "/nowhere", []string{"", "", "y", "https://u.example.com/x", ""}, "--config", path); code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	if d := cmp.Diff(map[string]string{"unleash.url": "https://u.example.com/x", "unleash.token": "env:UNLEASH_TOKEN"}, written(t, path)); d != "" {
		t.Error(d)
	}
}

func TestAKeyringThatCannotBeWrittenIsSaidAndAnotherPlaceIsAskedFor(t *testing.T) {
	keyring.MockInitWithError(keyring.ErrUnsupportedPlatform)
	t.Cleanup(keyring.MockInit)
	path := filepath.Join(t.TempDir(), "mine.yaml")
	code, said := interviewed(t, "/nowhere", []string{"", "", "y", "https://u.example.com", "keyring:a/b", "hunter2", "env:TOKEN"}, "--config", path)
	if code != 0 || !strings.Contains(said, "the keyring cannot be written") || strings.Contains(said, "hunter2") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if d := cmp.Diff(map[string]string{"unleash.url": "https://u.example.com", "unleash.token": "env:TOKEN"}, written(t, path)); d != "" {
		t.Error(d)
	}
}

func TestInitReplacesAFileOnlyOnAnExplicitAnswer(t *testing.T) {
	for _, c := range []struct {
		answers []string
		code    int
		end     string
	}{
		{[]string{"y", "", "", ""}, 0, "resetctl check --config"},
		{[]string{"n"}, exitUsage, "resetctl: nothing was written"},
		{[]string{""}, exitUsage, "resetctl: nothing was written"},
		{[]string{"y"}, exitUsage, "nobody answered; nothing was written"}, // the terminal is gone
		{[]string{"y", "y"}, exitUsage, "nobody answered; nothing was written"},
	} {
		path := filepath.Join(t.TempDir(), "mine.yaml")
		if err := os.WriteFile(path, []byte("targets: {}"), 0o644); err != nil {
			t.Fatal(err)
		}
		code, said := interviewed(t, "/nowhere", c.answers, "--config", path)
		text, err := os.ReadFile(path)
		if code != c.code || err != nil || (string(text) == "targets: {}") != (c.code != 0) ||
			!strings.Contains(said, "is there already. Replace it? [y/N]") || !strings.Contains(said, c.end) {
			t.Errorf("%q: exit code %d, %v, %s\n%s", c.answers, code, err, said, text)
		}
		if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
			t.Errorf("%q left something behind: %v", c.answers, entries)
		}
	}
}

func TestAFileThatComesMeanwhileIsNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(path, []byte("targets: {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := writeConfig(path, configText(nil), false) // as if it had not been there a moment ago
	if text, _ := os.ReadFile(path); err == nil || string(text) != "targets: {}" {
		t.Errorf("%v\n%s", err, text)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestInitThatIsStoppedWritesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, typed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	home := t.TempDir()
	asked := stderr(func(text string) {
		if strings.HasSuffix(text, "? [y/N] ") {
			cancel()
		}
	})
	streams := &ui.IO{In: in, Out: &bytes.Buffer{}, Err: asked, InTerminal: true, ErrTerminal: true}
	if code := Main(ctx, []string{"resetctl", "init"}, []string{"HOME=" + home}, streams); code != 130 {
		t.Errorf("exit code %d", code)
	}
	_ = typed.Close() // lets the question go
	if entries, _ := os.ReadDir(home); len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

// A stderr gets to know what is written to it.
type stderr func(text string)

func (f stderr) Write(p []byte) (int, error) { f(string(p)); return len(p), nil }

func TestAProgramInAFileThatOthersCanReplaceIsRefusedBeforeItIsWritten(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "mine.yaml")
	code, said := interviewed(t, "/nowhere", []string{"", "", "y", "https://u.example.com", "exec:pass show x"}, "--config", path)
	if _, err := os.Stat(path); code != exitUsage || err == nil || !strings.Contains(said, path+":") || !strings.Contains(said, "others can change this file or its folder") {
		t.Errorf("exit code %d, %v: %s", code, err, said)
	}
}

// Whatever is answered is read back as it is.
func FuzzWhatInitWritesIsReadBack(f *testing.F) {
	for _, s := range []string{"svc", "null", "~", "true", "0x1F", "007", "a: b", "- x", "#", "'", `"`, "{", "&a", "*a", "!t", "|", "> x", "%", "@", "`", "é日", "1e3", "=", "<<", "?", "a:", "1:2", "2026-01-01", "a\\nb", "\u0085", "\ufeff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s = strings.TrimSpace(ui.Clean(s)); s == "" || config.CheckReference(s) == nil || strings.HasPrefix(s, "env:") || strings.HasPrefix(s, "file:") ||
			strings.HasPrefix(s, "keyring:") || strings.HasPrefix(s, "exec:") {
			return
		}
		path := filepath.Join(t.TempDir(), "mine.yaml")
		text := configText(map[string]map[string]string{"sugar": {"url": "https://s.example.com", "username": s, "password": "env:" + s}})
		if err := writeConfig(path, text, false); err != nil {
			t.Fatalf("%q: %v\n%s", s, err, text)
		}
		got := written(t, path)
		if want := "env:" + strings.TrimSpace(s); got["sugar.username"] != s || got["sugar.password"] != want {
			t.Errorf("%q became %q and %q", s, got["sugar.username"], got["sugar.password"])
		}
	})
}
