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

// lockTarget keeps every other process with this state folder away from a
// target: two that work at the same time could mail a person twice, and Sugar
// allows one session.
func lockTarget(state, target string) (*heldLock, error) {
	return lock(filepath.Join(state, "locks", "targets"), target, "works with target "+target)
}

// lockRun keeps every other process away from a run.
func lockRun(state, run string) (*heldLock, error) {
	return lock(filepath.Join(state, "locks", "runs"), run, "works off run "+run)
}

// lockTable keeps two processes from beginning a run each with the same rows.
func lockTable(state, content string) (*heldLock, error) {
	return lock(filepath.Join(state, "locks", "runs"), "table-"+content[:16], "works off the same table")
}

// A heldLock is a lock that we hold. It dies with us, however that ends.
type heldLock struct{ file *os.File }

// lock takes the lock of that name, or says who has it and what he does.
func lock(folder, name, does string) (*heldLock, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	for {
		f, err := os.OpenFile(filepath.Join(folder, name), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := tryLock(f); err != nil {
			holder, _ := io.ReadAll(io.LimitReader(f, 20)) // best effort
			_ = f.Close()
			if errors.Is(err, errHeld) {
				return nil, &exit{exitHeld, fmt.Errorf(
					"another resetctl (process %s) %s; nothing was sent: wait for it to end", strings.TrimSpace(string(holder)), does)}
			}
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		// Whoever held it before may have removed it since we opened it: then
		// ours is a lock on nothing.
		mine, err := f.Stat()
		there, thereErr := os.Stat(f.Name())
		if err != nil || thereErr != nil || !os.SameFile(mine, there) {
			_ = f.Close()
			continue
		}
		if err := f.Truncate(0); err == nil {
			_, _ = fmt.Fprintln(f, os.Getpid()) // for people; the lock is what counts
		}
		return &heldLock{f}, nil
	}
}

// lost is an error where the file of the lock was removed or replaced, so that
// somebody else can have the lock at the same time.
func (h *heldLock) lost() error {
	mine, err := h.file.Stat()
	there, thereErr := os.Stat(h.file.Name())
	if err == nil && thereErr == nil && os.SameFile(mine, there) {
		return nil
	}
	return &exit{exitHeld, fmt.Errorf("the lock %s was lost: it was removed or replaced under this process, so that another one may be at the same work. Nothing more is sent", h.file.Name())}
}

// Close lets the lock go. Its file is removed while we still have it, so that
// nobody is left with a lock on a file that is gone.
func (h *heldLock) Close() error {
	if h.lost() == nil { // else the file is another's
		_ = os.Remove(h.file.Name()) // where the system lets a file that is open go
	}
	return h.file.Close()
}
