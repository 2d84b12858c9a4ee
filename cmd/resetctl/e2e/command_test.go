//go:build unix

package e2e

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const commandPackage = "github.com/seed57652884/resetctl/cmd/resetctl"

// build builds the command once and returns where it is.
var build = sync.OnceValues(func() (string, error) {
	// The go command keeps results of tests by the files that they open. It
	// does not see what go build reads, so the tests look at that as well: else
	// a result from before a change would pass for one from after it.
	sources, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.Dir}}{{end}}", commandPackage).Output()
	if err != nil {
		return "", explain("go list", err)
	}
	for _, dir := range strings.Fields(string(sources)) {
		if _, err := os.ReadDir(dir); err != nil {
			return "", err
		}
	}
	binary := filepath.Join(running.stack.keeper.dir, "resetctl")
	if _, err := exec.Command("go", "build", "-o", binary, commandPackage).Output(); err != nil {
		return "", explain("go build", err)
	}
	return binary, nil
})

// explain adds what a command wrote on stderr.
func explain(what string, err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("%s: %w\n%s", what, err, exit.Stderr)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// A desk is where one operator works: a folder with people's files, a home
// with the command's state, and the two variables that name the server. Nothing
// else of the machine's environment is seen by the command.
type desk struct {
	binary string
	folder string
	home   string
	url    string
	token  string
}

func newDesk(t *testing.T, u *unleash, token string) *desk {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return &desk{binary: binary, folder: t.TempDir(), home: t.TempDir(), url: u.url, token: token}
}

// write puts a CSV on the desk.
func (d *desk) write(t *testing.T, name string, rows [][]string) {
	t.Helper()
	var content bytes.Buffer
	if err := csv.NewWriter(&content).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.folder, name), content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writePeople puts a CSV of nothing but addresses on the desk.
func (d *desk) writePeople(t *testing.T, name string, people []user) {
	t.Helper()
	rows := [][]string{{"email"}}
	for _, person := range people {
		rows = append(rows, []string{person.Email})
	}
	d.write(t, name, rows)
}

// A finished run of the command.
type finished struct {
	code           int
	stdout, stderr string
}

// resetctl runs the command to its end, which must come within a minute.
func (d *desk) resetctl(t *testing.T, arguments ...string) finished {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, d.binary, arguments...)
	command.Dir = d.folder
	command.Env = []string{
		"HOME=" + d.home,
		"XDG_STATE_HOME=" + filepath.Join(d.home, "state"),
		"RESETCTL_UNLEASH_URL=" + d.url,
		"RESETCTL_UNLEASH_TOKEN=" + d.token,
	}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	command.WaitDelay = time.Second
	if err := command.Run(); err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return finished{code: command.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// want ends the test unless the command ended with the code.
func (f finished) want(t *testing.T, code int) finished {
	t.Helper()
	if f.code != code {
		t.Fatalf("exit %d, want %d\nstdout: %s\nstderr: %s", f.code, code, f.stdout, f.stderr)
	}
	return f
}

// A line of the results, by column.
type line map[string]string

// outcome is the line's outcome/reason.
func (l line) outcome() string { return l["outcome"] + "/" + l["reason"] }

// read reads the lines of a results file.
func (d *desk) read(t *testing.T, name string) []line {
	t.Helper()
	file, err := os.Open(filepath.Join(d.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var lines []line
	for _, record := range records[min(1, len(records)):] {
		l := line{}
		for i, column := range records[0] {
			l[column] = record[i]
		}
		lines = append(lines, l)
	}
	return lines
}

// wantOutcomes reads a results file and compares its outcomes, one for each
// person, in their order.
func (d *desk) wantOutcomes(t *testing.T, name string, outcomes ...string) {
	t.Helper()
	lines := d.read(t, name)
	if len(lines) != len(outcomes) {
		t.Fatalf("%d results, want %d", len(lines), len(outcomes))
	}
	for i, l := range lines {
		if l.outcome() != outcomes[i] {
			t.Errorf("%s: %s (%s), want %s", l["email"], l.outcome(), l["detail"], outcomes[i])
		}
	}
}

// repeat is the outcomes of n people with the same one.
func repeat(outcome string, n int) []string {
	outcomes := make([]string, n)
	for i := range outcomes {
		outcomes[i] = outcome
	}
	return outcomes
}

// wantNoSecret looks for the secrets in everything that the command wrote: its
// streams, the files on the desk and the state in the home.
func (d *desk) wantNoSecret(t *testing.T, f finished, secrets ...string) {
	t.Helper()
	search := func(where, content string) {
		for i, secret := range secrets {
			if secret == "" {
				t.Fatalf("secret %d is empty", i)
			}
			for _, written := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
				if strings.Contains(content, written) {
					t.Errorf("%s carries secret %d", where, i)
					break
				}
			}
		}
	}
	search("stdout", f.stdout)
	search("stderr", f.stderr)
	for _, root := range []string{d.folder, d.home} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			search(path, string(content))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
