package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// prepareFile makes sure that there is a ledger in dir that only its owner can
// read, and returns its path.
func prepareFile(ctx context.Context, dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, FileName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("the folder of the ledger cannot be made: %w", err)
	}
	for _, name := range siblings(file) {
		switch info, err := os.Lstat(name); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", fmt.Errorf("the ledger cannot be read: %w", err)
		case info.Mode()&fs.ModeSymlink != 0:
			return "", fmt.Errorf("%s is a symbolic link, which could lead the ledger anywhere: replace it by the file itself, or name the folder that it leads to", name)
		case !info.Mode().IsRegular():
			return "", fmt.Errorf("%s is not a file: name another folder for the ledger", name)
		}
	}
	if err := closeFolder(dir); err != nil {
		return "", err
	}
	switch info, err := os.Stat(file); {
	case errors.Is(err, fs.ErrNotExist):
		if err := create(ctx, file); err != nil {
			return "", fmt.Errorf("the ledger %s cannot be made: %w", file, err)
		}
	case err != nil:
		return "", err
	case info.Size() == 0:
		// SQLite would take it for a new one and begin afresh.
		return "", damaged(file, errors.New("it is empty"))
	}
	return file, closeFiles(file)
}

// siblings are the files that a ledger consists of.
func siblings(file string) []string { return []string{file, file + "-wal", file + "-shm"} }

// closeFolder takes a folder away from others, unless it is plainly theirs too.
func closeFolder(dir string) error {
	// Read first: whoever makes the ledger at the same time closes the folder
	// before he puts anything into it.
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(dir, FileName)); err != nil && len(entries) > 0 {
		return fmt.Errorf("the folder %s is open to others (%v) and holds other things, so the ledger is not put there: name a folder of its own, or chmod 700 it", dir, info.Mode().Perm())
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("the folder of the ledger is open to others: %w", err)
	}
	return nil
}

// closeFiles takes the ledger's files away from others. SQLite gives those
// that it makes the mode of the first.
func closeFiles(file string) error {
	for _, name := range siblings(file) {
		info, err := os.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			err = os.Chmod(name, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// create makes an empty ledger under another name and gives it its own when it
// is whole, so that a half-made one never exists and one that somebody else
// makes at the same time is not replaced.
func create(ctx context.Context, file string) (err error) {
	if err := removeHalfMade(file); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), FileName+halfMade) // 0600
	if err != nil {
		return err
	}
	made := f.Name()
	defer func() { err = errors.Join(err, os.Remove(made)) }()
	if err := f.Close(); err != nil {
		return err
	}
	if err := fill(ctx, made); err != nil {
		return err
	}
	if err := os.Link(made, file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

// halfMade is how a ledger is called, behind its name, while it is made.
const halfMade = ".new-*"

// removeHalfMade removes what processes left that were killed while they made a
// ledger. To make one takes no minute, so an older file is nobody's any more.
func removeHalfMade(file string) error {
	left, err := filepath.Glob(globQuoted(file) + halfMade)
	if err != nil {
		return err
	}
	for _, name := range left {
		info, err := os.Lstat(name)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue // gone by now, or being made
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// globQuoted takes the meaning from what a pattern would read into a path.
func globQuoted(path string) string {
	if runtime.GOOS == "windows" {
		return path // where nothing can be quoted, and no path has these but [
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// fill makes an empty file a ledger.
func fill(ctx context.Context, file string) (err error) {
	db := openDatabase(file, false)
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		return err
	}
	return migrate(ctx, conn)
}

// syncFolder makes a new name in dir survive the loss of power.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // where folders cannot be synced
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// patience is how long is waited for another process.
const patience = "busy_timeout(120000)"

// openDatabase opens the file with the settings that the promises rest on.
// The writing one has a single connection.
func openDatabase(file string, reads bool) *sql.DB {
	settings := url.Values{"mode": {"rw"}, "_pragma": {
		patience, // with another process that writes: a million rows take ten seconds
		"foreign_keys(1)",
		"trusted_schema(0)",
	}}
	if reads {
		settings.Add("_pragma", "query_only(1)")
	} else {
		settings.Add("_pragma", "journal_mode(WAL)")
		settings.Add("_pragma", "synchronous(FULL)")
		settings.Add("_pragma", "secure_delete(1)") // what is removed is written over
		settings.Add("_pragma", fmt.Sprintf("journal_size_limit(%d)", 64<<20))
	}
	uri := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath(), RawQuery: settings.Encode()}
	db := sql.OpenDB(connector(uri.String()))
	if !reads {
		db.SetMaxOpenConns(1)
	}
	return db
}
