package links_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/links"
)

// write puts a text into a file and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	ok(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestKeysMayStandInFiles(t *testing.T) {
	ana, ben, chloe := ageKey(t), edKey(t), ageKey(t)
	for name, readers := range map[string][]string{
		"a .pub file":      {write(t, ana.public+"\n"), write(t, ben.public+"\n"), chloe.public},
		"one for the team": {write(t, "# the desk\r\n"+ana.public+"\r\n\r\n"+ben.public+"\n  "+chloe.public)},
		"with blanks":      {" " + ana.public + "\n", ben.public + "\n", chloe.public},
	} {
		f := fileFor(t, readers...)
		ok(t, f.Append(link(1)))
		for _, reader := range []pair{ana, ben, chloe} {
			if found, _ := read(t, f.Path, reader.identity); len(found) != 1 {
				t.Errorf("%s: %.12s cannot read it", name, reader.public)
			}
		}
	}
}

func TestWhoCannotBeWrittenForIsRefused(t *testing.T) {
	good, quantum := ageKey(t).public, quantumKey(t).public
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	ecdsaLine := sshLine(t, &curve.PublicKey)
	t.Setenv("GODEBUG", "rsa1024min=0")
	weak := sshLine(t, &rsaKey(t, 1024).PublicKey)
	const secret = "AGE-SECRET-KEY-1QQPQZRFR7ZZ2WCV"
	for name, c := range map[string]struct {
		readers []string
		want    string
	}{
		"nobody":                         {nil, "nobody"},
		"a mistyped key":                 {[]string{good[:len(good)-1] + "b"}, "mistyped"},
		"half a key":                     {[]string{good[:20]}, "mistyped"},
		"one good, one mistyped":         {[]string{good, good[:20]}, "mistyped"},
		"two in one":                     {[]string{good + "," + good}, "plugin"},
		"a plugin's":                     {[]string{"age1yubikey1qwerty"}, "plugin"},
		"half an SSH key":                {[]string{"ssh-ed25519 AAAA"}, "mistyped"},
		"a weak SSH key":                 {[]string{weak}, "too short"},
		"a word that is not plain":       {[]string{"Plain"}, `"Plain" is no age1`},
		"another kind of SSH key":        {[]string{ecdsaLine}, "is no age1"},
		"the same, in a file":            {[]string{write(t, "# ana\n"+ecdsaLine)}, "line 2 is no age1"},
		"one good, one of another kind":  {[]string{write(t, good+"\n"+ecdsaLine)}, "line 2"},
		"mistyped in a file":             {[]string{write(t, good+"\n"+good[:30])}, "line 2: that age key is mistyped"},
		"an empty file":                  {[]string{write(t, "# nobody yet\n")}, "no key"},
		"a table":                        {[]string{write(t, "email\nana@example.com\n")}, "line 1"},
		"no text":                        {[]string{write(t, strings.Repeat("x", 1<<17))}, "no text"},
		"too long a file":                {[]string{write(t, good+"\n"+strings.Repeat("#\n", 1<<20))}, "very long"},
		"a folder":                       {[]string{t.TempDir()}, "folder"},
		"a secret key":                   {[]string{secret}, "secret key"},
		"a secret key's file":            {[]string{write(t, "# public key: "+good+"\n"+secret+"\n")}, "secret key"},
		"a private SSH key's file":       {[]string{write(t, "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n")}, "secret key"},
		"plain and somebody":             {[]string{links.Plain, good}, "leave one of them out"},
		"a quantum key and one that not": {[]string{quantum, good}, "together"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := links.ReadersOf(c.readers)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("it says %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "b3BlbnNz") {
				t.Errorf("it repeats the secret: %v", err)
			}
		})
	}
}

// Whatever a file of keys holds: it is refused, or every line that counts is a
// key; and what stands in it stays in it.
func FuzzKeysOf(f *testing.F) {
	good, other := ageKey(f).public, edKey(f).public
	for _, text := range []string{"", good, other, good + "\n" + other, "# x\n\n" + good, good + "\r\n", "age1", "ssh-ed25519 ", "ssh-rsa AAAAB3NzaC1yc2E",
		"AGE-SECRET-KEY-1QQPQZRFR7ZZ2WCV", "age1pq1x", "age1tag1x", "\x00\xff", "ssh-ed25519\tAAAA", good + " " + good} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := links.KeysOf(strings.NewReader(text))
		count := 0
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if count++; err != nil && len(line) > 16 && strings.Contains(err.Error(), line) {
				t.Errorf("the error repeats %q", line)
			}
		}
		if err == nil && (count == 0 || len(keys) != count) {
			t.Errorf("%d keys were read from %d lines", len(keys), count)
		}
		if err != nil && len(keys) > 0 {
			t.Error("there are keys and an error")
		}
	})
}
