package table

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
)

func TestAFileIsReplacedAtOnceOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "results.csv")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	content := func() string { b, _ := os.ReadFile(path); return string(b) }

	out, err := Create(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if content() != "old" {
		t.Error("changed before Commit")
	}
	if err := out.Abort(); err != nil || content() != "old" {
		t.Errorf("after Abort: %q, %v", content(), err)
	}

	out, err = Create(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = out.Write([]byte("new"))
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := out.Abort(); err != nil || content() != "new" {
		t.Errorf("after Commit and a deferred Abort: %q, %v", content(), err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAPathThatCannotBeWrittenFailsBeforeAnythingIsSent(t *testing.T) {
	dir := t.TempDir()
	file, link, dangling := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "dangling")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink(file, link), os.Symlink("nothing", dangling)); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a folder":                     dir,
		"a symbolic link to a file":    link,
		"a symbolic link to nothing":   dangling,
		"a folder that is not there":   filepath.Join(dir, "no", "results.csv"),
		"a file in the folder's place": filepath.Join(file, "results.csv"),
	} {
		if _, err := Create(t.Context(), path, nil); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 3 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStdoutIsWrittenAsItIs(t *testing.T) {
	var stdout bytes.Buffer
	out, err := Create(t.Context(), "-", &ui.IO{Out: &stdout})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = out.Write([]byte("x"))
	if err := errors.Join(out.Commit(), out.Abort()); err != nil || stdout.String() != "x" {
		t.Errorf("%q, %v", stdout.String(), err)
	}
}
