package journal

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// explain adds to an error of the database what a person should do. Other
// errors are returned as they are.
func (l *Ledger) explain(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrDamaged) {
		return damaged(l.file, err)
	}
	if errors.Is(err, ErrNewer) {
		return fmt.Errorf("%s: %w", l.file, err)
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff { // the rest of the code tells details
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("there is no room left for the ledger %s: make room, then go on with the run: %w", l.file, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damaged(l.file, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("the ledger %s cannot be written: see who owns it and its folder, and whether the disk is read-only: %w", l.file, err)
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("the disk of the ledger %s fails: see its health and the room left, then go on with the run: %w", l.file, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("another process is writing to the ledger %s: wait for it to end, then go on with the run: %w", l.file, err)
	}
	return fmt.Errorf("ledger %s: %w", l.file, err)
}

// damaged says what to do with a ledger that cannot be read.
func damaged(file string, err error) error {
	if !errors.Is(err, ErrDamaged) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("%s: %w; it is left as it is. Put a copy from a backup in its place, or move it away together with its -wal and -shm files: then the past runs are forgotten, and who was mailed by them may be mailed again", file, err)
}
