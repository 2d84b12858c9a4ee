package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/links"
	"golang.org/x/crypto/ssh"
)

// keptLinks reads the links of a file, one age message after the other, as
// anybody does who has the key; a nil key reads plain lines. Messages that are
// torn are left out.
func keptLinks(path string, key age.Identity) (kept []links.Link, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := string(content)
	if key != nil {
		text = ""
		for _, message := range strings.Split(string(content), armor.Header)[1:] {
			plain, err := age.Decrypt(armor.NewReader(strings.NewReader(armor.Header+message)), key)
			if noMatch := (*age.NoIdentityMatchError)(nil); errors.As(err, &noMatch) {
				return nil, err
			}
			if err != nil {
				continue
			}
			if line, err := io.ReadAll(plain); err == nil {
				text += string(line)
			}
		}
	}
	for line := range strings.Lines(text) {
		var l links.Link
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		kept = append(kept, l)
	}
	return kept, nil
}

// given reports whether a system gave that very link for the person: what it
// mailed, or where it mails nobody what only it can have made.
func (s *systems) given(l links.Link) bool {
	server := s.running(l.Target)
	if server == nil {
		return false
	}
	if mails := server.Mailbox().Mails(); len(mails) > 0 {
		for _, m := range mails {
			if m.Link == l.Link && strings.EqualFold(m.To, l.Email) && m.Account == l.AccountID {
				return true
			}
		}
		return false
	}
	return strings.HasPrefix(l.Link, server.URL+"/") && strings.Contains(l.Link, server.Canary())
}

type keysKey struct{}

// keys are those that a script has made, by name.
func keysIn(ts *testscript.TestScript) map[string]age.Identity {
	return ts.Value(keysKey{}).(map[string]age.Identity)
}

func cmdAgeKey(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 1, "age-key NAME")
	key, err := age.GenerateX25519Identity()
	ts.Check(err)
	keysIn(ts)[args[0]] = key
	ts.Setenv(args[0], key.Recipient().String())
}

func cmdSSHKey(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 1, "ssh-key NAME")
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ts.Check(err)
	block, err := ssh.MarshalPrivateKey(private, "")
	ts.Check(err)
	keysIn(ts)[args[0]], err = agessh.ParseIdentity(pem.EncodeToMemory(block))
	ts.Check(err)
	line, err := ssh.NewPublicKey(public)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(block), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".pub"), ssh.MarshalAuthorizedKey(line), 0o600))
}

func cmdLinks(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 2, "links FILE KEY TARGET=ADDRESS…")
	key := keysIn(ts)[args[1]]
	if key == nil && args[1] != links.Plain {
		ts.Fatalf("there is no key %q", args[1])
	}
	kept, err := keptLinks(ts.MkAbs(args[0]), key)
	ts.Check(err)
	var got []string
	seen := make(map[string]bool)
	for _, l := range kept {
		got = append(got, l.Target+"="+l.Email)
		if seen[l.Link] || !of(ts).given(l) || l.Row < 2 && l.RunID == "" || l.AccountID == "" || l.MadeAt.IsZero() {
			ts.Fatalf("%s never gave this link, or not all is said about it: line %d, account %q of %s", l.Target, l.Row, l.AccountID, l.Email)
		}
		seen[l.Link] = true
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(args[2:])); !slices.Equal(got, want) {
		ts.Fatalf("there are links for\n%q, want\n%q", got, want)
	}
}
