package config

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

// source is one with a private configuration file of that text, in a folder that
// is private as well, whatever the umask is.
func source(t *testing.T, text string, env ...string) Source {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "config.yaml")
	if err := errors.Join(os.Chmod(folder, 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
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
		"targets.sugar.platform": "p2 < RESETCTL_SUGAR_PLATFORM", "targets.sugar.timeout": "1m < default",
		"targets.sugar.password": "[hidden] < :15:76", "targets.sugar.system": "sugar < the target's name",
		"targets.flags.token": "file:token < :14:71", "targets.looker-eu.rate": "10/s < :7:11",
		"targets.looker-eu.client_secret": "keyring:resetctl/looker < :6:20", "guards.max_failures": "20% < :16:102",
		"state":                      filepath.Join(s.Home, ".local/state/resetctl") + " < default",
		"config":                     s.File + " < --config",
		"targets.flags.system":       "unleash < :14:19",
		"targets.sugar.api_version":  "v11_25 < :15:106",
		"targets.sugar.ca_file":      " < default",
		"targets.looker-eu.cooldown": "0s < --cooldown",
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
			"FILE:1:1: target: unknown key: known are targets, guards; did you mean targets?",
			"FILE:4:5: targets.looker.colour: unknown key: known are system, url, client_id, client_secret, rate, concurrency, cooldown, timeout, max_wait, ca_file, allow_http",
			"FILE:5:10: guards.max_row: unknown key: known are max_rows, deny, domains, max_failures; did you mean max_rows?",
			"targets.looker.url is missing: add it to the file or set RESETCTL_LOOKER_URL",
			"targets.looker.client_id is missing", "targets.looker.client_secret is missing"}},
		{"misspelt keys", "targets:\n  looker: {client_Id: a, colldown: 1h, tokn: b}\n  eu: {system: sugar, tokn: c, plattform: d}\n  what: {tokn: e}\n", nil, []string{
			"FILE:2:12: targets.looker.client_Id: unknown key: known are system, url, client_id, client_secret, rate, concurrency, cooldown, timeout, max_wait, ca_file, allow_http; did you mean client_id?",
			"FILE:2:26: targets.looker.colldown: unknown key: known are system, url, client_id, client_secret, rate, concurrency, cooldown, timeout, max_wait, ca_file, allow_http; did you mean cooldown?",
			"FILE:2:40: targets.looker.tokn: unknown key: known are system, url, client_id, client_secret, rate, concurrency, cooldown, timeout, max_wait, ca_file, allow_http",
			"FILE:3:23: targets.eu.tokn: unknown key: known are system, url, username, password, platform, api_version, rate, concurrency, cooldown, timeout, max_wait, ca_file, allow_http",
			"FILE:3:32: targets.eu.plattform: unknown key: known are system, url, username, password, platform, api_version, rate, concurrency, cooldown, timeout, max_wait, ca_file, allow_http; did you mean platform?",
			"FILE:4:10: targets.what.tokn: unknown key: known are system, url, rate, concurrency, cooldown, timeout, max_wait, ca_file, allow_http, api_version, client_id, client_secret, password, platform, token, username; did you mean token?",
			"targets.eu.url is missing", "targets.eu.username is missing", "targets.eu.password is missing",
			"targets.looker.url is missing", "targets.looker.client_id is missing", "targets.looker.client_secret is missing",
			"FILE: targets.what: which system is it?"}},
		{"a key of another system", "targets:\n  unleash: {url: https://x.io, token: file:x, client_id: y}\n", nil, []string{
			"FILE:2:58: targets.unleash.client_id: the system unleash has no such key; it has system, url"}},
		{"a system that there is not", "targets: {a: {system: lucker}, looker: {system: lucker}}\n", []string{"RESETCTL_B_SYSTEM=lucker"}, []string{
			"FILE:1:23: targets.a.system: unknown system \"lucker\": known are looker, sugar, unleash; did you mean looker?",
			"FILE:1:49: targets.looker.system: unknown system",
			"RESETCTL_B_SYSTEM: targets.b.system: unknown system \"lucker\""}},
		{"values", "targets:\n  unleash: {url: 'https://u:" + canary + "@x.io', token: file:x, rate: 10, concurrency: 0, cooldown: -1s, timeout: 0, max_wait: long, allow_http: maybe}\n", nil, []string{
			"FILE:2:146: targets.unleash.allow_http: \"maybe\" is neither", "FILE:2:88: targets.unleash.concurrency: ", "FILE:2:101: targets.unleash.cooldown: ",
			"FILE:2:128: targets.unleash.max_wait: ", "FILE:2:71: targets.unleash.rate: \"10\" is not a rate: write it as 10/s, 600/m, 3/h or unlimited",
			"FILE:2:115: targets.unleash.timeout: ", "FILE:2:18: targets.unleash.url: an address must not hold a user or a password"}},
		{"nobody", "guards: {deny: [a@x.io, \"*@x.io\"]}\n", nil, []string{"FILE:1:16: guards.deny: \"*@x.io\" is not one address"}},
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

func TestOneVariableIsNamedWhereItWasProbablyMeant(t *testing.T) {
	const file = "targets: {eu: {system: sugar, url: https://s.io, username: x, password: env:P}}"
	for name, want := range map[string]string{
		"RESETCTL_LOOKER_CLIENTID":      "RESETCTL_LOOKER_CLIENT_ID",
		"RESETCTL_LOOKER_CLIENT_SECRTE": "RESETCTL_LOOKER_CLIENT_SECRET",
		"RESETCTL_looker_URL":           "RESETCTL_LOOKER_URL",
		"RESETCTL_LOKER_URL":            "RESETCTL_LOOKER_URL",
		"RESETCTL_STAET":                "RESETCTL_STATE",
		"RESETCTL_CONFIGFILE":           "",
		"RESETCTL_EU_USERNAM":           "RESETCTL_EU_USERNAME",
		"RESETCTL_EU_TOKN":              "",
		"RESETCTL_URL":                  "",
		"RESETCTL_COLOUR":               "",
		"RESETCTL_PROD_TOKEN":           "",
	} {
		c := load(t, source(t, file, name+"="+canary))
		if len(c.Warnings) != 1 {
			t.Errorf("%s: %q", name, c.Warnings)
			continue
		}
		_, asked, _ := strings.Cut(c.Warnings[0], "; did you mean ")
		if want != "" {
			want += "?"
		}
		if asked != want || strings.Contains(c.Warnings[0], canary) {
			t.Errorf("%s: %s", name, c.Warnings[0])
		}
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
