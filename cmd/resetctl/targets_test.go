package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/journal"
)

func TestASystemIsTheSameHoweverItsURLIsWritten(t *testing.T) {
	at := func(url string) string { return systemAt(&config.Target{System: "looker", URL: url}) }
	for url, same := range map[string]string{
		"https://acme.example":        "https://ACME.example/",
		"https://acme.example:443":    "https://acme.example.",
		"http://127.0.0.1:80":         "http://localhost",
		"http://[::1]:8080/":          "http://127.0.0.1:8080",
		"https://acme.example/looker": "HTTPS://acme.example:443/looker/",
	} {
		if at(url) != at(same) {
			t.Errorf("%s and %s are %s and %s", url, same, at(url), at(same))
		}
	}
	for url, other := range map[string]string{
		"https://acme.example":     "https://acme.example:8443",
		"https://acme.example/one": "https://acme.example/two",
		"http://127.0.0.1:1":       "http://127.0.0.1:2",
		"https://one.acme.example": "https://two.acme.example",
	} {
		if at(url) == at(other) {
			t.Errorf("%s and %s are the same", url, other)
		}
	}
}

func TestAPlanThatIsRefusedLeavesNothing(t *testing.T) {
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	path, state := filepath.Join(dir, "people.csv"), filepath.Join(dir, "state")
	ok(os.WriteFile(path, []byte("email,target\nana@example.com,looker\n"), 0o600))
	people, err := table.Open(t.Context(), path, nil, table.Options{Targets: []string{"looker"}, DefaultAction: resetter.ActionReset})
	ok(err)
	defer people.Close()
	content, err := journal.Content(people.Rows())
	ok(err)
	ledger, err := journal.Open(t.Context(), state, journal.Options{})
	ok(err)
	run, err := ledger.Begin(t.Context(), journal.NewRun{Content: content, Columns: people.Columns(), Rows: people.Rows()})
	ok(err)
	ok(run.Bind(t.Context(), map[string]string{"looker": "looker https://one.example:443"}))
	ok(ledger.Close())

	cmd := exec.Command("resetctl", "plan", path, "--state", state)
	cmd.Env = append(bareEnv(dir), "RESETCTL_LOOKER_URL=https://two.example", "RESETCTL_LOOKER_CLIENT_ID=a", "RESETCTL_LOOKER_CLIENT_SECRET=secret")
	said, err := cmd.CombinedOutput()
	if exited := (*exec.ExitError)(nil); !errors.As(err, &exited) || exited.ExitCode() != exitUsage || !strings.Contains(string(said), "one.example") {
		t.Errorf("%v: %s", err, said)
	}
	ledger, err = journal.Open(t.Context(), state, journal.Options{})
	ok(err)
	defer ledger.Close()
	for r, err := range ledger.Runs(t.Context()) {
		ok(err)
		if r.ID != run.ID() {
			t.Errorf("it left %+v", r)
		}
	}
}
