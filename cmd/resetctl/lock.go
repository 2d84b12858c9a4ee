package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// errHeld is what tryLock says of a file that another process has locked.
var errHeld = errors.New("held by another process")

// lock keeps every other process with this state folder away from a target:
// two that work at the same time could mail a person twice, and Sugar allows
// one session. The lock dies with its holder, however that ends.
func lock(state, target string) (unlock io.Closer, err error) {
	folder := filepath.Join(state, "locks")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(folder, target), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := tryLock(f); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 20)) // best effort
		_ = f.Close()
		if errors.Is(err, errHeld) {
			return nil, &exit{exitHeld, fmt.Errorf(
				"another resetctl (process %s) works with target %s; nothing was sent: wait for it to end", strings.TrimSpace(string(holder)), target)}
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	if err := f.Truncate(0); err == nil {
		_, _ = fmt.Fprintln(f, os.Getpid()) // for people; the lock is what counts
	}
	return f, nil
}
