package config

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zalando/go-keyring"
)

// canary is a secret that must not turn up in anything that can be printed.
const canary = "c4n4ry-s3cr3t"

var systems = []System{
	{Name: "looker", Rate: 10, Concurrency: 8, Keys: []Key{
		{Name: "client_id", Required: true}, {Name: "client_secret", Secret: true, Required: true}}},
	{Name: "unleash", Rate: 10, Concurrency: 8, Keys: []Key{{Name: "token", Secret: true, Required: true}}},
	{Name: "sugar", Rate: 4, Concurrency: 4, Keys: []Key{
		{Name: "username", Required: true}, {Name: "password", Secret: true, Required: true},
		{Name: "platform", Default: "resetctl"}, {Name: "api_version", Default: "v11_24"}}},
}

// source is one with a private configuration file of that text.
func source(t *testing.T, text string, env ...string) Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Source{Systems: systems, Env: env, Home: t.TempDir(), File: path}
}

func load(t *testing.T, s Source) *Config {
	t.Helper()
	c, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const whole = `
targets:
  looker-eu:                        # the name says the system
    url: https://example.cloud.looker.com
    client_id: env:LOOKER_CLIENT_ID
    client_secret: keyring:resetctl/looker
    rate: 600/m
    concurrency: 3
    cooldown: 2h
    timeout: 30s
    max_wait: 1m
    ca_file: acme.pem
    allow_http: true
  flags: {system: unleash, url: https://unleash.example.com/x, token: file:token}
  sugar: {url: https://example.sugarondemand.com, username: svc, password: '` + canary + `', api_version: v11_25}
guards: {max_rows: 5000, deny: [breakglass@example.com, 7], domains: ["@Example.com"], max_failures: 20%}
`

func TestAFileSaysEverything(t *testing.T) {
	s := source(t, whole, "LOOKER_CLIENT_ID=id1")
	s.Keyring = func(service, user string) (string, error) { return service + "+" + user, nil }
	folder := filepath.Dir(s.File)
	if err := os.WriteFile(filepath.Join(folder, "token"), []byte("tok\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := load(t, s)
	if got := c.Names(); !slices.Equal(got, []string{"flags", "looker-eu", "sugar"}) {
		t.Fatal(got)
	}
	l := c.Target("looker-eu")
	if l.System != "looker" || l.Rate != 10 || l.Concurrency != 3 || l.Cooldown != 2*time.Hour || l.Timeout != 30*time.Second ||
		l.MaxWait != time.Minute || l.CAFile != filepath.Join(folder, "acme.pem") || !l.AllowHTTP {
		t.Errorf("%+v", l)
	}
	sugar := c.Target("sugar")
	if sugar.Rate != 4 || sugar.Concurrency != 4 || sugar.Cooldown != time.Hour || sugar.Timeout != time.Minute || sugar.MaxWait != 15*time.Minute {
		t.Errorf("defaults: %+v", sugar)
	}
	for name, want := range map[string]map[string]string{
		"looker-eu": {"client_id": "id1", "client_secret": "resetctl+looker"},
		"flags":     {"token": "tok"},
		"sugar":     {"username": "svc", "password": canary, "platform": "resetctl", "api_version": "v11_25"},
	} {
		secrets, err := c.Target(name).Credentials(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for k, v := range secrets {
			got[k] = v.Reveal()
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	g := c.Guards
	if g.MaxRows != 5000 || !slices.Equal(g.Deny, []string{"breakglass@example.com", "7"}) ||
		!slices.Equal(g.Domains, []string{"example.com"}) || g.MaxFailures.Percent != 20 || g.IsZero() {
		t.Errorf("%+v", g)
	}
	for _, shown := range []string{fmt.Sprintf("%+v %#v", *sugar, *sugar), fmt.Sprint(c.Settings())} {
		if strings.Contains(shown, canary) {
			t.Errorf("the secret is in %s", shown)
		}
	}
}

func TestTheEnvironmentAloneIsEnough(t *testing.T) {
	c := load(t, Source{Systems: systems, Home: t.TempDir(), Env: []string{
		"RESETCTL_LOOKER_URL=https://l.example.com", "RESETCTL_LOOKER_CLIENT_ID=id", "RESETCTL_LOOKER_CLIENT_SECRET=" + canary,
		"RESETCTL_LOOKER_RATE=unlimited", "RESETCTL_MY_FLAGS_SYSTEM=unleash", "RESETCTL_MY_FLAGS_URL=https://u.example.com",
		"RESETCTL_MY_FLAGS_TOKEN=env:TOKEN", "TOKEN=t", "RESETCTL_STATE=/var/state", "RESETCTL_LOOKER_MAX_WAIT=",
	}})
	if !slices.Equal(c.Names(), []string{"looker", "my-flags"}) || len(c.Warnings) != 0 {
		t.Fatalf("%v, warnings %q", c.Names(), c.Warnings)
	}
	if r := c.Target("looker").Rate; !math.IsInf(r, 1) {
		t.Errorf("rate %v", r)
	}
	secrets, err := c.Target("my-flags").Credentials(t.Context())
	if err != nil || secrets["token"].Reveal() != "t" {
		t.Errorf("%v", err)
	}
}

func TestTheEnvironmentGoesBeforeTheFileAndAFlagBeforeBoth(t *testing.T) {
	s := source(t, whole, "RESETCTL_SUGAR_RATE=2/s", "RESETCTL_SUGAR_PLATFORM=p2")
	c := load(t, s)
	if r := c.Target("sugar").Rate; r != 2 {
		t.Errorf("rate %v", r)
	}
	if err := errors.Join(c.Override("sugar", "concurrency", "1", "--concurrency"), c.Override("", "cooldown", "0", "--cooldown")); err != nil {
		t.Fatal(err)
	}
	if c.Target("sugar").Concurrency != 1 || c.Target("flags").Cooldown != 0 || c.Target("looker-eu").Cooldown != 0 {
		t.Error("the flag did nothing")
	}
	got := map[string]string{}
	for _, line := range c.Settings() {
		got[line.Key] = line.Value + " < " + strings.TrimPrefix(line.From, s.File)
	}
	want := map[string]string{
		"targets.sugar.rate": "2/s < RESETCTL_SUGAR_RATE", "targets.sugar.concurrency": "1 < --concurrency",
		"targets.sugar.platform": "p2 < RESETCTL_SUGAR_PLATFORM", "targets.sugar.timeout": "1m0s < default",
		"targets.sugar.password": "[hidden] < :15:76", "targets.sugar.system": "sugar < the target's name",
		"targets.flags.token": "file:token < :14:71", "targets.looker-eu.rate": "10/s < :7:11",
		"targets.looker-eu.client_secret": "keyring:resetctl/looker < :6:20", "guards.max_failures": "20% < :16:102",
		"state": filepath.Join(s.Home, ".local/state/resetctl") + " < default",
	}
	for k, w := range want {
		if got[k] != w {
			t.Errorf("%s: got %s, want %s", k, got[k], w)
		}
	}
	for _, bad := range [][3]string{{"nobody", "rate", "1/s"}, {"sugar", "rate", "fast"}, {"sugar", "password", "x"}, {"sugar", "system", "looker"}} {
		if err := c.Override(bad[0], bad[1], bad[2], "--flag"); err == nil || !strings.HasPrefix(err.Error(), "--flag: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestEverythingThatIsWrongIsSaidAtOnceWithItsPlace(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		env        []string
		want       []string // a prefix for each line of the error, FILE standing for the file
	}{
		{"unknown keys", "target: {}\ntargets:\n  looker:\n    colour: red\nguards: {max_row: 1}\n", nil, []string{
			"FILE:1:1: target: unknown key: known are targets, guards", "FILE:4:5: targets.looker.colour: unknown key: known are system, url",
			"FILE:5:10: guards.max_row: unknown key",
			"targets.looker.url is missing: add it to the file or set RESETCTL_LOOKER_URL",
			"targets.looker.client_id is missing", "targets.looker.client_secret is missing"}},
		{"a key of another system", "targets:\n  unleash: {url: https://x.io, token: file:x, client_id: y}\n", nil, []string{
			"FILE:2:58: targets.unleash.client_id: the system unleash has no such key; it has system, url"}},
		{"values", "targets:\n  unleash: {url: 'https://u:" + canary + "@x.io', token: file:x, rate: 10, concurrency: 0, cooldown: -1s, timeout: 0, max_wait: long, allow_http: maybe}\n", nil, []string{
			"FILE:2:146: targets.unleash.allow_http: \"maybe\" is neither", "FILE:2:88: targets.unleash.concurrency: ", "FILE:2:101: targets.unleash.cooldown: ",
			"FILE:2:128: targets.unleash.max_wait: ", "FILE:2:71: targets.unleash.rate: \"10\" is not a rate: write it as 10/s, 600/m, 3/h or unlimited",
			"FILE:2:115: targets.unleash.timeout: ", "FILE:2:18: targets.unleash.url: an address must not hold a user or a password"}},
		{"guards", "guards: {max_rows: -1, max_failures: 200%, domains: [a@b], deny: x}\n", nil, []string{
			"FILE:1:20: guards.max_rows: ", "FILE:1:38: guards.max_failures: ", "FILE:1:53: guards.domains: ", "FILE:1:66: guards.deny: a list is expected"}},
		{"names", "targets: {All: {}, all: {}, a_b: {}, 'a;b': {}, what: {}}\n", nil, []string{
			"FILE:1:11: targets.All: a target's name is", "FILE:1:20: targets.all: ", "FILE:1:29: targets.a_b: ", "FILE:1:38: targets.a;b: ",
			"FILE: targets.what: which system is it? Add \"system:\" with one of looker, sugar, unleash"}},
		{"no YAML", "targets:\n  sugar: {password: '" + canary + "\n", nil, []string{"FILE:2:2"}},
		{"a key twice", "targets: {}\ntargets: {}\n", nil, []string{"FILE:2:1: this is not YAML: mapping key \"targets\" already defined"}},
		{"a list for a value", "targets: {unleash: {url: [a], token: file:x}}\n", nil, []string{
			"FILE:1:26: targets.unleash.url: a single value is expected", "targets.unleash.url is missing"}},
		{"an anchor", "targets: {unleash: {url: &u https://x.io, token: file:x}}\n", nil, []string{
			"FILE:1:26: targets.unleash.url: a single value is expected", "targets.unleash.url is missing"}},
		{"the environment", "", []string{"RESETCTL_LOOKER_URL=ftp://x.io", "RESETCTL_LOOKER_CLIENT_ID=x", "RESETCTL_LOOKER_CLIENT_SECRET=exec:cat x"}, []string{
			"RESETCTL_LOOKER_CLIENT_SECRET: targets.looker.client_secret: exec: is read from the configuration file alone",
			"RESETCTL_LOOKER_URL: targets.looker.url: this is not an address"}},
		{"references", "targets: {sugar: {url: https://x.io, username: 'env:', password: 'keyring:x'}}\n", nil, []string{
			"FILE:1:66: targets.sugar.password: write it as keyring:SERVICE/USER", "FILE:1:48: targets.sugar.username: what is to follow env: is missing"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := source(t, tt.text, tt.env...)
			_, err := Load(s)
			if err == nil {
				t.Fatal("accepted")
			}
			text := strings.ReplaceAll(err.Error(), s.File, "FILE")
			got := strings.Split(text, "\n")
			if len(got) != len(tt.want) {
				t.Fatalf("%d problems, want %d:\n%s", len(got), len(tt.want), text)
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got  %s\nwant %s…", got[i], want)
				}
			}
			if strings.Contains(text, canary) {
				t.Errorf("the secret is in %s", text)
			}
		})
	}
}

func TestAnUnknownNameInTheEnvironmentIsAWarning(t *testing.T) {
	c := load(t, Source{Systems: systems, Home: "/home/x", Env: []string{
		"RESETCTL_LOKER_URL=https://x.io", "RESETCTL_COLOUR=1", "RESETCTL_URL=x", "RESETCTL_looker_URL=x", "RESETCTL_ALL_URL=x",
		"RESETCTL_UNLEASH_URL=https://u.io", "RESETCTL_UNLEASH_TOKEN=x", "RESETCTL_UNLEASH_CLIENT_ID=" + canary, "OTHER=1",
	}})
	all := strings.Join(c.Warnings, "\n")
	for _, want := range []string{`"RESETCTL_COLOUR" is not known`, `"RESETCTL_URL" is not`, `"RESETCTL_looker_URL" is not`, `"RESETCTL_ALL_URL" is not`,
		"RESETCTL_LOKER_URL and the like do nothing: the name says no system; set RESETCTL_LOKER_SYSTEM to one of looker, sugar, unleash",
		"RESETCTL_UNLEASH_CLIENT_ID does nothing: the system unleash has no client_id"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in\n%s", want, all)
		}
	}
	if len(c.Warnings) != 6 || strings.Contains(all, canary) || !slices.Equal(c.Names(), []string{"unleash"}) {
		t.Errorf("%v\n%s", c.Names(), all)
	}
}

func TestFilesAreFoundWhereTheyBelong(t *testing.T) {
	home, xdg := t.TempDir(), t.TempDir()
	write := func(path string, max string) string {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("guards: {max_rows: "+max+"}"), 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write(filepath.Join(home, ".config/resetctl/config.yaml"), "1")
	write(filepath.Join(xdg, "resetctl/config.yaml"), "2")
	three, four := write(filepath.Join(xdg, "three.yaml"), "3"), write(filepath.Join(xdg, "four.yaml"), "4")
	for _, tt := range []struct {
		s     Source
		rows  int
		state string
	}{
		{Source{Home: home}, 1, filepath.Join(home, ".local/state/resetctl")},
		{Source{Home: home, Env: []string{"XDG_CONFIG_HOME=" + xdg, "XDG_STATE_HOME=" + xdg}}, 2, filepath.Join(xdg, "resetctl")},
		{Source{Home: home, Env: []string{"XDG_CONFIG_HOME=relative", "XDG_STATE_HOME=relative"}}, 1, filepath.Join(home, ".local/state/resetctl")},
		{Source{Home: home, Env: []string{"RESETCTL_CONFIG=" + three, "RESETCTL_STATE=/s"}}, 3, "/s"},
		{Source{Home: home, File: four, State: "/t", Env: []string{"RESETCTL_CONFIG=" + three, "RESETCTL_STATE=/s"}}, 4, "/t"},
		{Source{Home: xdg, State: "/t"}, 0, "/t"},
		{Source{State: "/t"}, 0, "/t"},
	} {
		c := load(t, tt.s)
		if c.Guards.MaxRows != tt.rows || c.State != tt.state || (c.File == "") != (tt.rows == 0) {
			t.Errorf("%+v: got %d, %s, %s", tt.s, c.Guards.MaxRows, c.State, c.File)
		}
	}
	for name, s := range map[string]Source{
		"--config that is not there":        {Home: home, File: filepath.Join(xdg, "no.yaml")},
		"RESETCTL_CONFIG that is not there": {Home: home, Env: []string{"RESETCTL_CONFIG=" + filepath.Join(xdg, "no.yaml")}},
		"no home":                           {},
	} {
		if _, err := Load(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAPlainSecretMayStandOnlyWhereNobodyElseReads(t *testing.T) {
	text := "targets: {unleash: {url: https://x.io, token: " + canary + "}}"
	for mode, fine := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o644: false} {
		s := source(t, text)
		if err := os.Chmod(s.File, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Load(s)
		if (err == nil) != fine {
			t.Errorf("%o: %v", mode, err)
		}
		if err != nil && (strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), "chmod 600")) {
			t.Error(err)
		}
	}
	s := source(t, "targets: {sugar: {url: https://x.io, username: svc, password: env:P}}")
	if err := os.Chmod(s.File, 0o644); err != nil {
		t.Fatal(err)
	}
	load(t, s) // a reference and what is no secret may be read by all
}

func TestAProgramIsRunOnlyForAFileThatNobodyElseCanChange(t *testing.T) {
	text := "targets: {unleash: {url: https://x.io, token: 'exec:echo x'}}"
	for mode, fine := range map[os.FileMode]bool{0o600: true, 0o644: true, 0o620: false, 0o602: false} {
		s := source(t, text)
		if err := os.Chmod(s.File, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(s); (err == nil) != fine {
			t.Errorf("%o: %v", mode, err)
		}
	}
	s := source(t, text)
	if err := os.Chmod(filepath.Dir(s.File), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(s); err == nil {
		t.Error("in a folder where others can replace it: accepted")
	}
}

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

func TestAProgramEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fetch(t, ctx, "exec:sleep 60", nil, "PATH=/usr/bin:/bin"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRatesAreReadAndWritten(t *testing.T) {
	for in, want := range map[string]float64{"10/s": 10, " 600/M ": 10, "3/h": 3.0 / 3600, "0.5/s": 0.5, "unlimited": math.Inf(1), "90 / m": 1.5} {
		got, err := ParseRate(in)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
		again, err := ParseRate(FormatRate(got))
		if err != nil || math.Abs(again-got) > 1e-9*got {
			t.Errorf("%q written as %q", in, FormatRate(got))
		}
	}
	for _, in := range []string{"", "10", "/s", "0/s", "-1/s", "10/d", "inf/s", "nan/s", "1e3/s", "0x1/s", "1/s/s", "10s", "1,5/s", strings.Repeat("9", 400) + "/s"} {
		if got, err := ParseRate(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
}

func TestDurationsAreRead(t *testing.T) {
	for in, want := range map[string]time.Duration{"0": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "90d": 90 * 24 * time.Hour} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "1", "-1s", "-1d", "d", "99999999d", "1.5d", "soon"} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
}

func TestFailuresAreANumberOrAShare(t *testing.T) {
	for in, want := range map[string]MaxFailures{"5": {Count: 5}, "20%": {Percent: 20}, "100%": {Percent: 100}} {
		if got, err := ParseMaxFailures(in); err != nil || got != want || got.String() != in {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "0", "-1", "0%", "101%", "%", "many"} {
		if got, err := ParseMaxFailures(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
}

func FuzzRate(f *testing.F) {
	for _, s := range []string{"10/s", "600/m", "3/h", "unlimited", "1e9/s", "-0/s", "0.0000001/h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRate(s)
		if err == nil && !(r > 0) {
			t.Errorf("%q is %v", s, r)
		}
	})
}

func FuzzEnvironmentNames(f *testing.F) {
	for _, s := range []string{"RESETCTL_LOOKER_URL", "RESETCTL_A_B_CLIENT_ID", "RESETCTL__URL", "RESETCTL_", "RESETCTL_CLIENT_ID", "RESETCTL_X_SYSTEM"} {
		f.Add(s, "looker")
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		c, err := Load(Source{Systems: systems, State: "/s", Env: []string{name + "=" + value}})
		if err != nil {
			return
		}
		for _, n := range c.Names() {
			if !targetName.MatchString(n) || n == "all" {
				t.Errorf("a target is called %q", n)
			}
		}
	})
}

func FuzzNoFilePanics(f *testing.F) {
	f.Add(whole)
	f.Add("a: &a {b: *a}")
	f.Add("targets: {<<: {}}\n---\nx")
	f.Add("? [a]\n: !!str b\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := Load(Source{Systems: systems, State: "/s", File: path}); err == nil {
			c.Settings()
		}
	})
}
