package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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

func FuzzDuration(f *testing.F) {
	for _, s := range []string{"0", "90s", "1h30m", "90d", "-1d", "99999999999999999999d", "1.5d", "9223372036854775807ns"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil {
			return
		}
		if again, err := ParseDuration(FormatDuration(d)); d < 0 || err != nil || again != d {
			t.Errorf("%q is %v, written as %s, read as %v, %v", s, d, FormatDuration(d), again, err)
		}
	})
}

func FuzzMaxFailures(f *testing.F) {
	for _, s := range []string{"5", "20%", "0", "100 %", "-1", "101%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMaxFailures(s)
		if err != nil {
			return
		}
		if again, err := ParseMaxFailures(m.String()); err != nil || again != m || m == (MaxFailures{}) {
			t.Errorf("%q is %+v, written as %s, read as %+v, %v", s, m, m, again, err)
		}
	})
}

// What is a value of the environment or of the file may be a secret that
// somebody wrote in the wrong way, so no error shows it.
func FuzzReference(f *testing.F) {
	for _, s := range []string{"env:X", "file:x", "keyring:a/b", "keyring:a", "exec:pass show sugar", "exec:'a", "exec:\"\"", "plain", ":", "exec:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := newReference(Key{Secret: true}, entry{value: s, place: place{file: true, private: true, guarded: true}})
		switch {
		case err != nil:
			if _, arg, _ := strings.Cut(s, ":"); len(arg) > 8 && strings.Contains(err.Error(), arg) {
				t.Errorf("%v shows it", err)
			}
		case r.scheme == "exec" && (len(r.words) == 0 || r.words[0] == ""):
			t.Errorf("%q runs nothing", s)
		case r.scheme == "" && (r.value.Reveal() != s || s != "" && r.show() == s && s != "[hidden]"):
			t.Errorf("%q is %q, shown as %q", s, r.value.Reveal(), r.show())
		}
	})
}

func FuzzURL(f *testing.F) {
	for _, s := range []string{"https://example.com/x", "http://u:p@x.io", "https://x.io?token=y", "https://x.io#", "//x", "https://[::1]:80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if err := CheckURL(s); err == nil && strings.ContainsAny(s, "@?#") && !strings.Contains(s, "/") {
			t.Errorf("%q is accepted", s)
		} else if err != nil && len(s) > 20 && strings.Contains(err.Error(), s) {
			t.Errorf("%v shows it", err)
		}
	})
}
