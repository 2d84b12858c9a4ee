package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/links"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
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

// A tap is a listener that keeps what is sent through it.
type tap struct {
	net.Listener
	mu   sync.Mutex
	sent bytes.Buffer
}

func (l *tap) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tappedConn{conn, l}, nil
}

type tappedConn struct {
	net.Conn
	tap *tap
}

func (c tappedConn) Write(p []byte) (int, error) {
	c.tap.mu.Lock()
	c.tap.sent.Write(p)
	c.tap.mu.Unlock()
	return c.Conn.Write(p)
}

// A link that nobody asked for is not even fetched, from a system that lets us
// say so.
func TestWithoutLinksNoLinkCrossesTheWire(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		s := newSystems()
		t.Cleanup(s.close)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		tapped := &tap{Listener: l}
		env := []string{"HOME=" + t.TempDir()}
		for key, value := range s.start("looker", variant{people: 1, wire: tapped}) {
			env = append(env, key+"="+value)
		}
		args := []string{"resetctl", "reset", "ana.adler@example.com", "--target", "looker", "--yes"}
		file := filepath.Join(t.TempDir(), "links.ndjson")
		if wanted {
			args = append(args, "--links", file, "--links-to", links.Plain)
		}
		var said bytes.Buffer
		if code := Main(t.Context(), args, env, &ui.IO{In: strings.NewReader(""), Out: io.Discard, Err: &said}); code != 0 {
			t.Fatalf("exit code %d: %s", code, said.String())
		}
		link := s.running("looker").Mailbox().Mails()[0].Link
		tapped.mu.Lock()
		crossed := bytes.Contains(tapped.sent.Bytes(), []byte(link))
		tapped.mu.Unlock()
		kept, err := keptLinks(file, nil)
		if crossed != wanted || wanted != (err == nil && len(kept) == 1 && kept[0].Link == link) {
			t.Errorf("wanted: %v; crossed the wire: %v; %d kept (%v)", wanted, crossed, len(kept), err)
		}
	}
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
