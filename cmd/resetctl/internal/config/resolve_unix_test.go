//go:build unix

package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAPipeThatNobodyWritesToHoldsUpNobody(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fetch(t, ctx, "file:"+pipe, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // lets the reader that was left behind go
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
