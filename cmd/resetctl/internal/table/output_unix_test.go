//go:build unix

package table

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAPipeIsWrittenDirectly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		b, _ := os.ReadFile(path)
		got <- string(b)
	}()
	out, err := Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = out.Write([]byte("through"))
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != "through" {
		t.Errorf("got %q", s)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		t.Errorf("the pipe is gone: %v, %v", info, err)
	}
}

func TestADeviceMayBeNamedThroughALink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "null")
	if err := os.Symlink(os.DevNull, path); err != nil {
		t.Fatal(err)
	}
	out, err := Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = out.Write([]byte("x"))
	if err := out.Commit(); err != nil {
		t.Error(err)
	}
}
