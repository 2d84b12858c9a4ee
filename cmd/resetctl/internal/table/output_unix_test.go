//go:build unix

package table

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
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
	out, err := Create(t.Context(), path, nil)
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

func TestAPipeThatNobodyReadsIsWaitedForAloud(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	said, r := make(chan string, 1), make(chan *os.File)
	s := &ui.IO{Err: writerFunc(func(p []byte) (int, error) { said <- string(p); return len(p), nil })}
	go func() { <-said; cancel() }()
	if out, err := Create(ctx, path, s); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, %v", out, err)
	}
	go func() {
		if got, want := <-said, "waiting for somebody to read the pipe "+path+"\n"; got != want {
			t.Errorf("said %q", got)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		r <- f
	}()
	out, err := Create(t.Context(), path, s)
	if err != nil {
		t.Fatal(err)
	}
	reader := <-r
	defer func() { _ = reader.Close() }()
	// More than fits into it is written all the same, as the reader takes it.
	want := strings.Repeat("through ", 100_000)
	go func() { _, _ = io.WriteString(out, want); _ = out.Commit() }()
	if got, err := io.ReadAll(reader); err != nil || string(got) != want {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
}

func TestADeviceMayBeNamedThroughALink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "null")
	if err := os.Symlink(os.DevNull, path); err != nil {
		t.Fatal(err)
	}
	out, err := Create(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = out.Write([]byte("x"))
	if err := out.Commit(); err != nil {
		t.Error(err)
	}
}
