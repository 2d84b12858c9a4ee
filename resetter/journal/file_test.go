package journal

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTheLedgerIsItsOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // which has other means
	}
	loose := t.TempDir()
	ok(t, os.Chmod(loose, 0o777))
	for name, dir := range map[string]string{"new": filepath.Join(t.TempDir(), "a", "b"), "empty and open to others": loose} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // made, and opened again after its modes were loosened
				l := open(t, dir)
				begin(t, l, NewRun{})
				mode(t, dir, 0o700)
				for _, file := range siblings(l.File()) {
					mode(t, file, 0o600)
				}
				ok(t, l.Close())
				ok(t, os.Chmod(dir, 0o755))
				ok(t, os.Chmod(l.File(), 0o644))
			}
			entries, err := os.ReadDir(dir)
			ok(t, err)
			if len(entries) != 1 {
				t.Errorf("a closed ledger consists of %v", entries)
			}
		})
	}
}

func mode(t *testing.T, name string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(name)
	ok(t, err)
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %v, want %v", name, got, want)
	}
}

func TestAFolderOfOthersIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		return
	}
	dir := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, "else"), nil, 0o600))
	ok(t, os.Chmod(dir, 0o755))
	if _, err := Open(t.Context(), dir, Options{}); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("got %v", err)
	}
	mode(t, dir, 0o755)
}

func TestAnythingButALedgerIsRefusedAndLeftAsItIs(t *testing.T) {
	good := t.TempDir()
	l := open(t, good)
	ready(t, l, 500)
	ok(t, l.Close())
	ledger, err := os.ReadFile(l.File())
	ok(t, err)
	other := bytes.Clone(ledger)
	copy(other[68:72], "else") // the application id in SQLite's header

	for name, content := range map[string][]byte{
		"empty":           {},
		"noise":           bytes.Repeat([]byte("noise"), 5000),
		"cut short":       ledger[:len(ledger)/2],
		"cut in a page":   ledger[:100],
		"something else":  other,
		"zeroed at first": append(make([]byte, 4096), ledger[4096:]...),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, FileName)
			ok(t, os.WriteFile(file, content, 0o600))
			_, err := Open(t.Context(), dir, Options{})
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "backup") || !strings.Contains(err.Error(), file) {
				t.Errorf("got %v", err)
			}
			if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, content) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

// An index that has lost rows would say of people that nobody has mailed them.
func TestADamagedPageIsFoundWhereverItIs(t *testing.T) {
	good := t.TempDir()
	l := open(t, good)
	ready(t, l, 500)
	ok(t, l.writer.exec("PRAGMA wal_checkpoint(TRUNCATE)"))
	var size int
	ok(t, l.reads.QueryRowContext(t.Context(), "PRAGMA page_size").Scan(&size))
	roots, err := l.reads.QueryContext(t.Context(), "SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0")
	ok(t, err)
	pages := make(map[string]int)
	for roots.Next() {
		var name string
		var page int
		ok(t, roots.Scan(&name, &page))
		pages[name] = page
	}
	ok(t, roots.Err())
	ok(t, l.Close())
	ledger, err := os.ReadFile(l.File())
	ok(t, err)
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			damaged := bytes.Clone(ledger)
			copy(damaged[(page-1)*size:], make([]byte, 200))
			ok(t, os.WriteFile(filepath.Join(dir, FileName), damaged, 0o600))
			if _, err := Open(t.Context(), dir, Options{}); !errors.Is(err, ErrDamaged) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestASymbolicLinkIsRefused(t *testing.T) {
	for _, ending := range []string{"", "-wal", "-shm"} {
		dir := t.TempDir()
		elsewhere := filepath.Join(t.TempDir(), "elsewhere")
		ok(t, os.WriteFile(elsewhere, nil, 0o600))
		ok(t, os.Symlink(elsewhere, filepath.Join(dir, FileName+ending)))
		if _, err := Open(t.Context(), dir, Options{}); err == nil || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("%q: got %v", ending, err)
		}
	}
}

func TestAnOlderLedgerIsBroughtForwardAndANewerOneRefused(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	id := begin(t, l, NewRun{}).ID()
	ok(t, l.Close())

	released := steps
	t.Cleanup(func() { steps = released })
	steps = append(steps[:len(steps):len(steps)], "ALTER TABLE runs ADD COLUMN note TEXT")
	l = open(t, dir)
	if _, err := l.Run(t.Context(), id); err != nil {
		t.Errorf("a run was lost on the way: %v", err)
	}
	if _, err := l.reads.ExecContext(t.Context(), "SELECT note FROM runs"); err != nil {
		t.Errorf("the step was not taken: %v", err)
	}
	ok(t, l.Close())

	steps = released
	if _, err := Open(t.Context(), dir, Options{}); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v, want %v", err, ErrNewer)
	}
}

func TestAStepThatFailsLeavesTheLedgerAsItWas(t *testing.T) {
	dir := t.TempDir()
	ok(t, open(t, dir).Close())
	released := steps
	t.Cleanup(func() { steps = released })
	steps = append(steps[:len(steps):len(steps)], "CREATE TABLE half (a); CREATE TABLE half (a)")
	if _, err := Open(t.Context(), dir, Options{}); err == nil {
		t.Fatal("no error")
	}
	steps = released
	var n int
	ok(t, open(t, dir).reads.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE name = 'half'").Scan(&n))
	if n != 0 {
		t.Error("half of the step was taken")
	}
}

func TestTwoWhoMakeTheLedgerAtOnceShareIt(t *testing.T) {
	dir := t.TempDir()
	ledgers := make([]*Ledger, 4)
	var openers sync.WaitGroup
	for i := range ledgers {
		openers.Go(func() {
			l, err := Open(t.Context(), dir, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			ledgers[i] = l
		})
	}
	openers.Wait()
	if t.Failed() {
		return
	}
	for _, l := range ledgers {
		begin(t, l, NewRun{})
	}
	for _, l := range ledgers {
		n := 0
		for _, err := range l.Runs(t.Context()) {
			ok(t, err)
			n++
		}
		if n != len(ledgers) {
			t.Errorf("one of them sees %d runs, want %d", n, len(ledgers))
		}
		ok(t, l.Close())
	}
}

func TestTheFolderMayHaveAnyName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c=d&e#f%20g;h'é")
	if runtime.GOOS == "windows" {
		dir = filepath.Join(t.TempDir(), "a b&e#f%20g;h'é")
	}
	l := open(t, dir)
	begin(t, l, NewRun{})
	if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
		t.Error(err)
	}
}

func TestWhatAKilledProcessHadHalfMadeIsRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a [state] *")
	ok(t, os.Mkdir(dir, 0o700))
	old, fresh, other := filepath.Join(dir, FileName+".new-1"), filepath.Join(dir, FileName+".new-2"), filepath.Join(dir, "other")
	for _, name := range []string{old, fresh, other} {
		ok(t, os.WriteFile(name, nil, 0o600))
	}
	for _, name := range []string{old, other} {
		hourAgo := time.Now().Add(-time.Hour)
		ok(t, os.Chtimes(name, hourAgo, hourAgo))
	}
	open(t, dir)
	for name, want := range map[string]bool{old: false, fresh: true, other: true} {
		if _, err := os.Stat(name); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
