package links_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/links"
	"golang.org/x/crypto/ssh"
)

// A pair is somebody's key and what reads with it.
type pair struct {
	public   string
	identity age.Identity
}

func ageKey(t testing.TB) pair {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	ok(t, err)
	return pair{id.Recipient().String(), id}
}

func quantumKey(t testing.TB) pair {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	ok(t, err)
	return pair{id.Recipient().String(), id}
}

// sshKey is the pair of a private key of any kind that SSH knows.
func sshKey(t testing.TB, private any, public any) pair {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(private, "")
	ok(t, err)
	id, err := agessh.ParseIdentity(pem.EncodeToMemory(block))
	ok(t, err)
	return pair{sshLine(t, public), id}
}

func sshLine(t testing.TB, public any) string {
	t.Helper()
	key, err := ssh.NewPublicKey(public)
	ok(t, err)
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " ana@desk"
}

func edKey(t testing.TB) pair {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ok(t, err)
	return sshKey(t, private, public)
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, bits)
	ok(t, err)
	return private
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fileFor is a file in a folder of its own.
func fileFor(t *testing.T, readers ...string) *links.File {
	t.Helper()
	r, err := links.ReadersOf(readers)
	ok(t, err)
	return &links.File{Path: filepath.Join(t.TempDir(), "links.age"), Readers: r}
}

func link(n int) links.Link {
	return links.Link{Row: n, Target: "unleash", AccountID: fmt.Sprint(n), Email: fmt.Sprintf("p%d@example.com", n),
		Link: fmt.Sprintf("https://unleash.example.com/new?token=t%d&kind=<reset>", n), MadeAt: time.Unix(int64(n), 0).UTC(), RunID: "20261123-141502-x7k2"}
}

// read decrypts what can be decrypted in a file, one message after the other as
// the documented command does, and counts what cannot.
func read(t testing.TB, path string, id age.Identity) (found []links.Link, torn int) {
	t.Helper()
	content, err := os.ReadFile(path)
	ok(t, err)
	for _, message := range messages(string(content)) {
		text, err := decrypt(message, id)
		if err != nil {
			torn++
			continue
		}
		found = append(found, lines(t, text)...)
	}
	return found, torn
}

// messages splits a file as awk does it.
func messages(content string) (found []string) {
	open := false
	for line := range strings.Lines(content) {
		if strings.HasPrefix(line, "-----BEGIN") {
			found, open = append(found, ""), true
		}
		if open {
			found[len(found)-1] += line
		}
		if strings.HasPrefix(line, "-----END") {
			open = false
		}
	}
	return found
}

func decrypt(message string, id age.Identity) (string, error) {
	plain, err := age.Decrypt(armor.NewReader(strings.NewReader(message)), id)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(plain)
	return string(text), err
}

// lines reads lines of JSON.
func lines(t testing.TB, text string) (found []links.Link) {
	t.Helper()
	for line := range strings.Lines(text) {
		var l links.Link
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		ok(t, d.Decode(&l))
		found = append(found, l)
	}
	return found
}

func same(t testing.TB, got []links.Link, want ...links.Link) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
}

func TestEveryReaderCanReadEveryLink(t *testing.T) {
	private := rsaKey(t, 2048)
	for _, readers := range [][]pair{
		{ageKey(t)},
		{quantumKey(t), quantumKey(t)},
		{ageKey(t), ageKey(t), edKey(t), sshKey(t, private, &private.PublicKey)},
	} {
		var keys []string
		for _, r := range readers {
			keys = append(keys, r.public)
		}
		f := fileFor(t, keys...)
		for n := range 3 {
			ok(t, f.Append(link(n)))
		}
		for _, r := range readers {
			found, torn := read(t, f.Path, r.identity)
			if same(t, found, link(0), link(1), link(2)); torn > 0 {
				t.Errorf("%d messages cannot be read with %.12s", torn, r.public)
			}
		}
		if found, torn := read(t, f.Path, ageKey(t).identity); len(found) > 0 || torn != 3 {
			t.Errorf("a stranger reads %v", found)
		}
		if content, _ := os.ReadFile(f.Path); bytes.Contains(content, []byte("unleash")) || bytes.Contains(content, []byte("example.com")) {
			t.Error("something can be read without a key")
		}
		if f.Written() != 3 {
			t.Errorf("%d were written", f.Written())
		}
	}
}

// A file with a single link is what age -d reads as it is.
func TestOneLinkIsOneAgeFile(t *testing.T) {
	reader := ageKey(t)
	f := fileFor(t, reader.public)
	ok(t, f.Append(link(1)))
	file, err := os.Open(f.Path)
	ok(t, err)
	defer file.Close()
	plain, err := age.Decrypt(armor.NewReader(file), reader.identity)
	ok(t, err)
	text, err := io.ReadAll(plain)
	ok(t, err)
	want := `{"row":1,"target":"unleash","account_id":"1","email":"p1@example.com","link":"https://unleash.example.com/new?token=t1&kind=<reset>",` +
		`"made_at":"1970-01-01T00:00:01Z","run_id":"20261123-141502-x7k2"}` + "\n"
	if string(text) != want {
		t.Errorf("got\n%s, want\n%s", text, want)
	}
}

func TestPlainIsTheSameLinesForTheOwnerOfTheFile(t *testing.T) {
	f := fileFor(t, links.Plain)
	ok(t, f.Append(link(1)))
	ok(t, f.Append(link(2)))
	content, err := os.ReadFile(f.Path)
	ok(t, err)
	same(t, lines(t, string(content)), link(1), link(2))
	if !strings.Contains(string(content), link(1).Link) {
		t.Error("the link cannot be copied out as it stands")
	}
}

func TestAFileIsForItsOwnerAlone(t *testing.T) {
	for _, readers := range []string{links.Plain, ageKey(t).public} {
		f := fileFor(t, readers)
		ok(t, f.Append(link(1)))
		info, err := os.Stat(f.Path)
		ok(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("its mode is %v", info.Mode())
		}
	}
}

// Wherever in a record a process was killed, all that were whole can be read,
// and those that a process appends that goes on. Nothing that is there changes.
func TestWhereverARecordIsTornTheOthersCanBeRead(t *testing.T) {
	reader := ageKey(t)
	whole := fileFor(t, reader.public)
	ok(t, whole.Append(link(1)))
	first, err := os.ReadFile(whole.Path)
	ok(t, err)
	ok(t, whole.Append(link(2)))
	both, err := os.ReadFile(whole.Path)
	ok(t, err)
	folder := t.TempDir()
	for size := range len(both) + 1 {
		inFirst, inSecond := size%len(first), len(both)-size
		if margin := len(armor.Footer) + 2; inFirst > margin && inSecond > margin && size%31 > 0 {
			continue // somewhere in the middle, as another one
		}
		f := &links.File{Path: filepath.Join(folder, fmt.Sprint(size)), Readers: whole.Readers}
		ok(t, os.WriteFile(f.Path, both[:size], 0o600))
		ok(t, f.Check())
		ok(t, f.Append(link(3)))
		ok(t, f.Append(link(4)))
		found, torn := read(t, f.Path, reader.identity)
		want := []links.Link{link(3), link(4)}
		if size >= len(both)-1 { // but for its line end
			want = append([]links.Link{link(2)}, want...)
		}
		if size >= len(first)-1 {
			want = append([]links.Link{link(1)}, want...)
		}
		if same(t, found, want...); torn > 1 {
			t.Fatalf("at byte %d %d messages cannot be read", size, torn)
		}
		if content, _ := os.ReadFile(f.Path); !bytes.HasPrefix(content, both[:size]) {
			t.Fatalf("at byte %d what was there has changed", size)
		}
	}
}

func TestAPlainLineThatIsTornIsAloneOnItsLine(t *testing.T) {
	f := fileFor(t, links.Plain)
	ok(t, os.WriteFile(f.Path, []byte(`{"row":1,"target":"unl`), 0o600))
	ok(t, f.Append(link(2)))
	content, err := os.ReadFile(f.Path)
	ok(t, err)
	torn, rest, _ := strings.Cut(string(content), "\n")
	if same(t, lines(t, rest), link(2)); torn != `{"row":1,"target":"unl` {
		t.Errorf("the first line is %q", torn)
	}
}

// Rows are worked side by side, and so are runs.
func TestManyMayAppendAtOnce(t *testing.T) {
	reader := ageKey(t)
	f := fileFor(t, reader.public)
	var wg sync.WaitGroup
	for process := range 4 {
		own := &links.File{Path: f.Path, Readers: f.Readers}
		for row := range 4 {
			wg.Go(func() {
				for n := range 5 {
					if err := own.Append(link(100*process + 10*row + n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	found, torn := read(t, f.Path, reader.identity)
	rows := make(map[int]bool)
	for _, l := range found {
		rows[l.Row] = true
	}
	if len(rows) != 80 || torn > 0 {
		t.Errorf("%d links can be read, %d cannot", len(rows), torn)
	}
}

func TestSeveralMayBeginTheFileAtOnce(t *testing.T) {
	readers := fileFor(t, links.Plain).Readers
	for range 20 {
		path := filepath.Join(t.TempDir(), "links.ndjson")
		var wg sync.WaitGroup
		for n := range 4 {
			wg.Go(func() {
				if err := (&links.File{Path: path, Readers: readers}).Append(link(n)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if content, _ := os.ReadFile(path); len(lines(t, string(content))) != 4 {
			t.Errorf("there is %s", content)
		}
	}
}

func TestAFileThatIsMovedAwayIsBegunAnew(t *testing.T) {
	reader := ageKey(t)
	f := fileFor(t, reader.public)
	ok(t, f.Append(link(1)))
	ok(t, os.Rename(f.Path, f.Path+".old"))
	ok(t, f.Append(link(2)))
	old, _ := read(t, f.Path+".old", reader.identity)
	same(t, old, link(1))
	now, _ := read(t, f.Path, reader.identity)
	same(t, now, link(2))
}

// What links must not be added to is said before there are any, and nothing is
// changed in it then or later.
func TestWhatLinksAreNotAppendedTo(t *testing.T) {
	reader := ageKey(t)
	sealed := fileFor(t, reader.public)
	ok(t, sealed.Append(link(1)))
	message, err := os.ReadFile(sealed.Path)
	ok(t, err)
	plainly := `{"row":1,"target":"unleash"}` + "\n"

	for _, c := range []struct {
		name  string
		plain bool
		make  func(path string) error
		want  string
	}{
		{"a symbolic link", false, func(path string) error {
			ok(t, os.WriteFile(path+".real", message, 0o600))
			return os.Symlink(path+".real", path)
		}, "symbolic link"},
		{"a symbolic link to nothing", false, func(path string) error { return os.Symlink(path+".real", path) }, "symbolic link"},
		{"a folder", false, func(path string) error { return os.Mkdir(path, 0o700) }, "folder"},
		{"a table", false, func(path string) error { return os.WriteFile(path, []byte("email\nana@example.com\n"), 0o600) }, "something else"},
		{"plain links", false, func(path string) error { return os.WriteFile(path, []byte(plainly), 0o600) }, "something else in it than links that are encrypted"},
		{"encrypted links", true, func(path string) error { return os.WriteFile(path, message, 0o600) }, "something else in it than links that everybody can read"},
		{"what others may read", true, func(path string) error { return writeFor(path, plainly, 0o640) }, "others may read it"},
		{"nothing, where others may read it", true, func(path string) error { return writeFor(path, "", 0o604) }, "others may read it"},
		{"a folder that is not there", false, func(path string) error { return os.Remove(filepath.Dir(path)) }, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := reader.public
			if c.plain {
				to = links.Plain
			}
			f := fileFor(t, to)
			ok(t, c.make(f.Path))
			before := tree(t, filepath.Dir(f.Path))
			for what, err := range map[string]error{"Check": f.Check(), "Append": f.Append(link(2))} {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), f.Path) {
					t.Errorf("%s says %v, want %q and the path", what, err, c.want)
				}
				if err != nil && strings.Contains(err.Error(), "token") {
					t.Error("the error holds the link")
				}
			}
			if after := tree(t, filepath.Dir(f.Path)); after != before {
				t.Errorf("there is\n%s, and was\n%s", after, before)
			}
			if f.Written() != 0 {
				t.Error("it counts what was not written")
			}
		})
	}
}

// writeFor writes a file with that mode, whatever the umask is.
func writeFor(path, content string, mode fs.FileMode) error {
	return errors.Join(os.WriteFile(path, []byte(content), mode), os.Chmod(path, mode))
}

// tree is what is in a folder.
func tree(t *testing.T, folder string) string {
	t.Helper()
	var b strings.Builder
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	ok(t, err)
	for _, e := range entries {
		content := []byte{}
		if e.Type().IsRegular() {
			content, err = os.ReadFile(filepath.Join(folder, e.Name()))
			ok(t, err)
		}
		fmt.Fprintf(&b, "%s %v %q\n", e.Name(), e.Type(), content)
	}
	return b.String()
}

// What is looked at before it is opened is what must be opened.
func TestAFileThatIsReplacedBetweenTwoLooksIsNotWrittenTo(t *testing.T) {
	f := fileFor(t, ageKey(t).public)
	ok(t, f.Append(link(1)))
	before, err := os.Lstat(f.Path)
	ok(t, err)
	ok(t, os.Rename(f.Path, f.Path+".old"))
	ok(t, f.Append(link(2)))
	file, err := os.OpenFile(f.Path, os.O_RDWR|os.O_APPEND, 0)
	ok(t, err)
	defer file.Close()
	if err := links.MayAdd(f, file, before); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("it says %v", err)
	}
}

func TestCheckLeavesNothingBehind(t *testing.T) {
	f := fileFor(t, ageKey(t).public)
	ok(t, f.Check())
	if found := tree(t, filepath.Dir(f.Path)); found != "" {
		t.Errorf("there is %s", found)
	}
	ok(t, writeFor(f.Path, "", 0o644)) // others see what they cannot read
	ok(t, f.Check())
	ok(t, f.Append(link(1)))
}

func TestNothingIsWrittenForNobody(t *testing.T) {
	f := &links.File{Path: filepath.Join(t.TempDir(), "links.age")}
	if err := f.Append(link(1)); err == nil {
		t.Error("it is written")
	}
	if found := tree(t, filepath.Dir(f.Path)); found != "" {
		t.Errorf("there is %s", found)
	}
}
